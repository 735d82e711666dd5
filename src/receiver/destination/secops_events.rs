//! The destination `secops-events`: UDM events to the Chronicle API's `events:import`.
//!
//! Google SecOps then knows the events as log type UDM, without raw logs beside them. So the raw logs have to go to
//! an archive as well, or the configuration has to say that there is none.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use super::answer::Sender;
use super::batch::{Envelope, Limits};
use super::chronicle::Chronicle;
use super::google_token::Credentials;
use super::upload::Protocol;
use crate::config::Feed;
use crate::config::section::Section;
use crate::host::Outbound;

/// Its settings.
#[derive(Debug)]
pub(super) struct SecopsEvents {
    pub chronicle: Chronicle,
    /// The destination of the raw logs.
    pub archive: Option<String>,
}

impl SecopsEvents {
    /// Reads them.
    pub(super) fn read(section: &mut Section<'_>) -> Option<SecopsEvents> {
        let archive = section.required_text("archive");
        let chronicle = Chronicle::read(section);
        Some(SecopsEvents {
            archive: Some(archive?).filter(|it| it != "none"),
            chronicle: chronicle?,
        })
    }
}

impl Protocol for SecopsEvents {
    fn envelope(&self, _feed: &Feed, _now: DateTime<Utc>) -> Envelope {
        Envelope {
            open: r#"{"inlineSource":{"events":["#.to_owned(),
            before: r#"{"udm":"#.to_owned(),
            after: "}".to_owned(),
            between: ",",
            close: "]}}".to_owned(),
        }
    }

    fn limits(&self) -> Limits {
        self.chronicle.limits
    }

    fn encode<'i>(&self, item: &'i [u8]) -> Result<Cow<'i, [u8]>, String> {
        Ok(Cow::Borrowed(item))
    }

    fn request(
        &self,
        _feed: &Feed,
        body: Vec<u8>,
        _digest: &[u8; 32],
        _now: DateTime<Utc>,
    ) -> Outbound {
        self.chronicle.post("events:import", body)
    }

    fn credentials(&self) -> Option<&Credentials> {
        Some(&self.chronicle.credentials)
    }

    fn sender<'d>(&'d self, name: &'d str) -> Sender<'d> {
        self.chronicle.sender(name)
    }
}
