//! The destination `http`: UDM events or raw logs, one a line, to any HTTP endpoint.
//!
//! Made for Vector's `http_server` (framing by lines) and Fluent Bit's `http` input; both take JSON values on lines
//! as `application/json`, which is the content type unless `headers` has another. Beside other pods of a cluster they
//! seldom speak TLS, so `plain_http = true` allows http to any host; without it only https leaves this machine.

use chrono::{DateTime, Utc};

use super::Takes;
use super::answer::Sender;
use super::batch::Limits;
use super::gzip::gzip;
use super::settings::{check_header, format, limits, origin, required_url_or_plain};
use super::upload::Protocol;
use crate::config::Feed;
use crate::config::section::{Secret, Section, quoted};
use crate::host::{Outbound, USUAL};

/// Its settings.
#[derive(Debug)]
pub(super) struct Http {
    url: Secret,
    pub origin: String,
    /// Names in lower case.
    headers: Vec<(String, Secret)>,
    pub takes: Takes,
    gzip: bool,
    limits: Limits,
}

/// Headers that the connection and the body decide.
const OURS: &[&str] = &[
    "connection",
    "content-encoding",
    "content-length",
    "host",
    "transfer-encoding",
];

impl Http {
    /// Reads them.
    pub(super) fn read(section: &mut Section<'_>) -> Option<Http> {
        let url = required_url_or_plain(section, "url");
        let headers = headers(section);
        let takes = format(section);
        let gzip = section.flag("gzip");
        let otherwise = Limits {
            bytes: 1_000_000,
            most: usize::MAX,
            items: 1000,
        };
        let limits = limits(section, otherwise);
        let url = url?;
        Some(Http {
            origin: origin(&url),
            // Its query may hold a token.
            url: Secret(url.into()),
            headers,
            takes,
            gzip: gzip.unwrap_or(false),
            limits,
        })
    }
}

fn headers(section: &mut Section<'_>) -> Vec<(String, Secret)> {
    let mut headers = Vec::new();
    for (name, value) in section.named_texts("headers").unwrap_or_default() {
        let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let lower = name.to_ascii_lowercase();
        if OURS.contains(&lower.as_str()) || name.is_empty() || !name.bytes().all(is_known) {
            let expected = format!("the name of a header other than {}", OURS.join(", "));
            section.wrong("headers", &expected, &quoted(&name));
            continue;
        }
        check_header(section, &format!("headers.{name}"), &value);
        headers.push((lower, Secret(value)));
    }
    if headers.iter().all(|(name, _)| name != "content-type") {
        let json = Secret("application/json".to_owned());
        headers.push(("content-type".to_owned(), json));
    }
    headers
}

impl Protocol for Http {
    fn limits(&self) -> Limits {
        self.limits
    }

    fn request(
        &self,
        _feed: &Feed,
        body: Vec<u8>,
        _digest: &[u8; 32],
        _now: DateTime<Utc>,
    ) -> Outbound {
        let headers = self.headers.iter();
        let mut headers: Vec<_> = headers
            .map(|(name, value)| (name.clone(), value.0.clone()))
            .collect();
        let body = match self.gzip {
            true => {
                headers.push(("content-encoding".to_owned(), "gzip".to_owned()));
                gzip(&body)
            }
            false => body,
        };
        Outbound {
            method: "POST",
            url: self.url.0.clone(),
            headers,
            body,
            most: USUAL,
        }
    }

    fn sender<'d>(&'d self, name: &'d str) -> Sender<'d> {
        Sender {
            name,
            origin: &self.origin,
            // What an unknown server answers is nobody's business but its own.
            says: |_| None,
            refusals: &[400, 413, 422],
            secrets: Vec::new(),
        }
    }
}
