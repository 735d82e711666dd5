//! The destination `s3`: UDM events or raw logs as objects of lines in any S3-compatible store, one object a batch.
//!
//! Keys are `{prefix}/{yyyy}/{mm}/{dd}/{feed}-{16 digits}.jsonl`: the day of sending, and the digest of what the
//! object holds, so that a batch sent again on the same day overwrites its object. (Across midnight only the ledger
//! prevents a second one.) Requests are signed by AWS Signature Version 4, in the query, for five minutes.

use std::borrow::Cow;
use std::time::Duration;

use chrono::{DateTime, Utc};
use jiff::Timestamp;
use rusty_s3::actions::{PutObject, S3Action};
use rusty_s3::{Bucket, Credentials, UrlStyle};

use super::Takes;
use super::answer::Sender;
use super::batch::{Envelope, Limits};
use super::gzip::gzip;
use super::lines::line;
use super::settings::{check_header, endpoint, format, limits, origin, required_name};
use super::upload::Protocol;
use crate::config::Feed;
use crate::config::section::{Secret, Section, quoted};
use crate::host::{Answer, Outbound};
use crate::store::hex;

/// Its settings.
pub(super) struct S3 {
    bucket: Bucket,
    pub origin: String,
    credentials: Credentials,
    /// Empty, or with a slash at its end.
    prefix: String,
    pub takes: Takes,
    gzip: bool,
    limits: Limits,
}

impl S3 {
    /// Reads them.
    pub(super) fn read(section: &mut Section<'_>) -> Option<S3> {
        let name = required_name(section, "bucket");
        let region = required_name(section, "region");
        let style = section.flag("path_style");
        // Stores of one's own seldom have a name in the DNS for every bucket.
        let style = style.unwrap_or(section.has("endpoint"));
        let known = region.as_deref().unwrap_or("us-east-1");
        let endpoint = endpoint(section, &format!("https://s3.{known}.amazonaws.com"));
        let prefix = prefix(section);
        let access_key = section.required_text("access_key");
        let secret_key = section.required_secret("secret_key");
        let session_token = section.secret("session_token");
        let secrets = [
            ("secret_key", &secret_key),
            ("session_token", &session_token),
        ];
        for (key, secret) in secrets {
            if let Some(Secret(secret)) = secret {
                check_header(section, key, secret);
            }
        }
        let takes = format(section);
        let gzip = section.flag("gzip");
        let otherwise = Limits {
            bytes: 16 << 20,
            most: usize::MAX,
            items: usize::MAX,
        };
        let limits = limits(section, otherwise);
        let (name, region, endpoint) = (name?, region?, endpoint?);
        let style = match style {
            true => UrlStyle::Path,
            false => UrlStyle::VirtualHost,
        };
        let Ok(bucket) = Bucket::new(endpoint, style, name.clone(), region) else {
            let expected = "a name that can be part of a host's, or `path_style = true`";
            section.wrong("bucket", expected, &quoted(&name));
            return None;
        };
        let (key, Secret(secret)) = (access_key?, secret_key?);
        Some(S3 {
            origin: origin(bucket.base_url()),
            bucket,
            credentials: match session_token {
                Some(Secret(token)) => Credentials::new_with_token(key, secret, token),
                None => Credentials::new(key, secret),
            },
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
    fn envelope(&self, _feed: &Feed, _now: DateTime<Utc>) -> Envelope {
        Envelope::lines()
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn encode<'i>(&self, item: &'i [u8]) -> Result<Cow<'i, [u8]>, String> {
        line(item)
    }

    fn request(
        &self,
        feed: &Feed,
        body: Vec<u8>,
        digest: &[u8; 32],
        now: DateTime<Utc>,
    ) -> Outbound {
        let key = self.key(&feed.name, digest, now);
        let time = Timestamp::from_second(now.timestamp()).unwrap_or_default();
        let put = PutObject::new(&self.bucket, Some(&self.credentials), &key);
        let url = put.sign_with_time(Duration::from_secs(300), &time);
        let (content_type, body) = match self.gzip {
            true => ("application/gzip", gzip(&body)),
            false => ("application/x-ndjson", body),
        };
        Outbound {
            method: "PUT",
            url: url.into(),
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body,
        }
    }

    fn sender<'d>(&'d self, name: &'d str) -> Sender<'d> {
        Sender {
            name,
            origin: &self.origin,
            says: code,
            // No line is ever bad to a store: its 400 speaks of the request, of an expired token, of time.
            refusals: &[413],
            secrets: Vec::new(),
        }
    }
}

/// The error code of a store: `SignatureDoesNotMatch`. Its message may hold the key, so it is not read.
fn code(answer: &Answer) -> Option<String> {
    let body = std::str::from_utf8(&answer.body).ok()?;
    let (_, code) = body.split_once("<Code>")?;
    let (code, _) = code.split_once("</Code>")?;
    let is_code = code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_code.then(|| code.to_owned())
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
