//! The destination `secops-webhook`: raw logs, one a line, to a webhook feed of Google SecOps (`importPushLogs`).
//!
//! The feed has to split at `\n`. It takes UTF-8 alone, and one bad entry refuses the request. Log type, namespace
//! and labels are properties of that feed and cannot be sent. No page says that it reads compressed bodies, so none
//! is sent, nor does one state a limit of its own: those of the ingestion API hold.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use url::Url;

use super::answer::{Sender, google};
use super::batch::Limits;
use super::lines::{line, text};
use super::settings::{SECOPS_MOST, check_header, limits, origin, required_url};
use super::upload::Protocol;
use crate::config::Feed;
use crate::config::section::{Secret, Section};
use crate::host::{Outbound, USUAL};

/// Its settings.
#[derive(Debug)]
pub(super) struct SecopsWebhook {
    url: Url,
    pub origin: String,
    api_key: Secret,
    secret: Secret,
    limits: Limits,
}

impl SecopsWebhook {
    /// Reads them.
    pub(super) fn read(section: &mut Section<'_>) -> Option<SecopsWebhook> {
        let url = required_url(section, "url");
        if url.as_ref().is_some_and(|it| it.query().is_some()) {
            let expected = "a URL without a query, since `api_key` and `secret` go in headers";
            section.wrong("url", expected, "one with a query");
        }
        let api_key = section.required_secret("api_key");
        let secret = section.required_secret("secret");
        for (key, value) in [("api_key", &api_key), ("secret", &secret)] {
            if let Some(Secret(value)) = value {
                check_header(section, key, value);
            }
        }
        let otherwise = Limits {
            bytes: 1_000_000,
            most: SECOPS_MOST,
            items: 1000,
        };
        let limits = limits(section, otherwise);
        let url = url?;
        Some(SecopsWebhook {
            origin: origin(&url),
            url,
            api_key: api_key?,
            secret: secret?,
            limits,
        })
    }
}

impl Protocol for SecopsWebhook {
    fn limits(&self) -> Limits {
        self.limits
    }

    fn encode<'i>(&self, item: &'i [u8]) -> Result<Cow<'i, [u8]>, String> {
        text(item)?;
        line(item)
    }

    fn request(
        &self,
        _feed: &Feed,
        body: Vec<u8>,
        _digest: &[u8; 32],
        _now: DateTime<Utc>,
    ) -> Outbound {
        let headers = [
            ("content-type", "application/json"),
            ("x-goog-api-key", &self.api_key.0),
            ("x-webhook-access-key", &self.secret.0),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Outbound {
            method: "POST",
            url: self.url.to_string(),
            headers: headers.into(),
            body,
            most: USUAL,
        }
    }

    fn sender<'d>(&'d self, name: &'d str) -> Sender<'d> {
        Sender {
            name,
            origin: &self.origin,
            says: google,
            refusals: &[400, 413],
            secrets: vec![&self.api_key.0, &self.secret.0],
        }
    }
}
