//! The destination `secops-logs`: raw logs to the Chronicle API's `logs:import`, with the feed's log type, namespace
//! and labels.
//!
//! A log goes as the bytes it is, in base64. Its time of collection is that of sending; `logEntryTime` is left out,
//! since only the parser knows it.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::answer::Sender;
use super::batch::{Envelope, Limits};
use super::chronicle::{Chronicle, time};
use super::google_token::Credentials;
use super::settings::required_name;
use super::upload::Protocol;
use crate::config::Feed;
use crate::config::section::Section;
use crate::host::Outbound;

/// Its settings.
#[derive(Debug)]
pub(super) struct SecopsLogs {
    pub chronicle: Chronicle,
    /// `projects/…/forwarders/…`
    forwarder: String,
}

impl SecopsLogs {
    /// Reads them.
    pub(super) fn read(section: &mut Section<'_>) -> Option<SecopsLogs> {
        let forwarder = required_name(section, "forwarder");
        let chronicle = Chronicle::read(section)?;
        Some(SecopsLogs {
            forwarder: format!("{}/forwarders/{}", chronicle.instance, forwarder?),
            chronicle,
        })
    }
}

impl Protocol for SecopsLogs {
    fn envelope(&self, feed: &Feed, now: DateTime<Utc>) -> Envelope {
        let mut after = format!("\",\"collectionTime\":\"{}\"", time(now));
        if let Some(namespace) = &feed.options.namespace {
            after += &format!(",\"environmentNamespace\":{}", json!(namespace));
        }
        let labels = feed.options.labels.iter();
        let labels: Map<String, Value> = labels
            .map(|it| {
                let label = json!({"value": it.value, "rbacEnabled": it.rbac_enabled});
                (it.key.clone(), label)
            })
            .collect();
        if !labels.is_empty() {
            after += &format!(",\"labels\":{}", Value::Object(labels));
        }
        Envelope {
            open: r#"{"inlineSource":{"logs":["#.to_owned(),
            before: r#"{"data":""#.to_owned(),
            after: after + "}",
            between: ",",
            close: format!("],\"forwarder\":{}}}}}", json!(self.forwarder)),
        }
    }

    fn limits(&self) -> Limits {
        self.chronicle.limits
    }

    fn encode<'i>(&self, item: &'i [u8]) -> Result<Cow<'i, [u8]>, String> {
        Ok(Cow::Owned(STANDARD.encode(item).into_bytes()))
    }

    fn request(
        &self,
        feed: &Feed,
        body: Vec<u8>,
        _digest: &[u8; 32],
        _now: DateTime<Utc>,
    ) -> Outbound {
        let method = format!("logTypes/{}/logs:import", feed.options.log_type);
        self.chronicle.post(&method, body)
    }

    fn credentials(&self) -> Option<&Credentials> {
        Some(&self.chronicle.credentials)
    }

    fn sender<'d>(&'d self, name: &'d str) -> Sender<'d> {
        self.chronicle.sender(name)
    }
}
