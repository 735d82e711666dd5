//! The destination `s3`: UDM events or raw logs as objects of lines in any S3-compatible store, one object a batch.
//!
//! Keys are `{prefix}/{yyyy}/{mm}/{dd}/{feed}-{16 digits}.jsonl`: the day of sending, and the digest of what the
//! object holds, so that a batch sent again on the same day overwrites its object.(Across midnight only the ledger
//! prevents a second one.)

use chrono::{DateTime, Utc};

use super::Takes;
use super::answer::Sender;
use super::batch::Limits;
use super::gzip::gzip;
use super::settings::{format, limits};
use super::upload::Protocol;
use crate::config::Feed;
use crate::config::section::{Section, quoted};
use crate::host::Outbound;
use crate::s3::{self, Bucket};
use crate::store::hex;

/// Its settings.
pub(super) struct S3 {
    bucket: Bucket,
    pub origin: String,
    /// Empty, or with a slash at its end.
    prefix: String,
    pub takes: Takes,
    gzip: bool,
    limits: Limits,
}

impl S3 {
    /// Reads them.
    pub(super) fn read(section: &mut Section<'_>) -> Option<S3> {
        let bucket = Bucket::read(section, &s3::NAMES);
        let prefix = prefix(section);
        let takes = format(section);
        let gzip = section.flag("gzip");
        let otherwise = Limits {
            bytes: 16 << 20,
            most: usize::MAX,
            items: usize::MAX,
        };
        let limits = limits(section, otherwise);
        let bucket = bucket?;
        Some(S3 {
            origin: bucket.origin(),
            bucket,
            prefix,
            takes,
            gzip: gzip.unwrap_or(false),
            limits,
        })
    }

    fn key(&self, feed: &str, digest: &[u8; 32], now: DateTime<Utc>) -> String {
        let day = now.format("%Y/%m/%d");
        let mut digits = hex(digest);
        digits.truncate(16);
        let end = match self.gzip {
            true => "jsonl.gz",
            false => "jsonl",
        };
        format!("{}{day}/{feed}-{digits}.{end}", self.prefix)
    }
}

/// `audit/azdo`, with or without slashes around it.
fn prefix(section: &mut Section<'_>) -> String {
    let text = section.text("prefix").unwrap_or_default();
    let prefix = text.trim_matches('/');
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.=/".contains(&byte);
    let mut parts = prefix.split('/');
    if !prefix.bytes().all(is_known) || parts.any(|it| it == "." || it == "..") {
        let expected = "a prefix of letters, digits, `-`, `_`, `.`, `=` and `/`";
        section.wrong("prefix", expected, &quoted(&text));
    }
    match prefix {
        "" => String::new(),
        prefix => format!("{prefix}/"),
    }
}

impl Protocol for S3 {
    fn limits(&self) -> Limits {
        self.limits
    }

    fn request(
        &self,
        feed: &Feed,
        body: Vec<u8>,
        digest: &[u8; 32],
        now: DateTime<Utc>,
    ) -> Outbound {
        let key = self.key(&feed.name, digest, now);
        let (content_type, body) = match self.gzip {
            true => ("application/gzip", gzip(&body)),
            false => ("application/x-ndjson", body),
        };
        let headers = [("content-type", content_type)];
        let request = self.bucket.put(&key, &headers, body, now);
        request.unwrap_or_else(|| unreachable!("prefix and feed are of plain characters"))
    }

    fn sender<'d>(&'d self, name: &'d str) -> Sender<'d> {
        Sender {
            name,
            origin: &self.origin,
            says: s3::code,
            // No line is ever bad to a store: its 400 speaks of the request, of an expired token, of time.
            refusals: &[413],
            secrets: Vec::new(),
        }
    }
}

impl std::fmt::Debug for S3 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3")
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .field("takes", &self.takes)
            .field("gzip", &self.gzip)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
