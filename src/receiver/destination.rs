//! Where logs go: each kind of destination in a file of its own, batching and the classification of answers here.
//!
//! A sub-request is what one request to a destination carries. The same logs make the same sub-requests with the same bytes, so
//! that the ledger knows again what was accepted, and Google's check for duplicates may.

pub mod google_token;
mod stdout;

use std::time::Duration;

use crate::Host;
use crate::config::Feed;
use crate::config::section::Section;
use google_token::Tokens;

/// A destination.
#[derive(Debug)]
pub struct Destination {
    /// Its name in the configuration.
    pub name: String,
    kind: Kind,
}

/// What `type` says.
#[derive(Debug)]
enum Kind {
    Stdout,
}

/// The values of `type`.
const TYPES: &[&str] = &["stdout"];

impl Destination {
    /// A destination's table. Every mistake in it is told to the section; with one, the answer may be none.
    pub fn read(name: &str, mut section: Section<'_>) -> Option<Destination> {
        if !section.has("type") {
            section.missing("type");
        }
        let kind = match section.one_of("type", TYPES)? {
            "stdout" => Some(Kind::Stdout),
            _ => None,
        };
        section.finish();
        Some(Destination {
            name: name.to_owned(),
            kind: kind?,
        })
    }

    /// What it takes.
    pub fn takes(&self) -> Takes {
        match self.kind {
            Kind::Stdout => Takes::Udm,
        }
    }

    /// The destination that gets the raw logs of what this one gets as UDM.
    pub fn archive(&self) -> Option<&str> {
        match self.kind {
            Kind::Stdout => None,
        }
    }

    /// The origins that it talks to, with port: `https://storage.example:443`.
    pub fn hosts(&self) -> Vec<String> {
        match self.kind {
            Kind::Stdout => Vec::new(),
        }
    }

    /// Sends the items of a feed, of the kind that [`Destination::takes`] tells. What the ledger knows as accepted is not sent again.
    ///
    /// The deadline is on the scale of [`Host::elapsed`].
    pub async fn send<H: Host>(
        &self,
        host: &H,
        _feed: &Feed,
        items: &[Item<'_>],
        _tokens: &Tokens,
        _deadline: Duration,
    ) -> Sent {
        match self.kind {
            Kind::Stdout => stdout::print(host, &self.name, items),
        }
    }
}

/// What a destination takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Each log as it came.
    Raw,
    /// UDM events.
    Udm,
}

/// One thing to send: a raw log, or a UDM event without its line feed.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// The index in the delivery of the log that it came from.
    pub log: usize,
}

/// How sending items ended.
#[derive(Debug, Default)]
pub struct Sent {
    /// How many items the destination accepted, now or before.
    pub accepted: usize,
    /// Items that the destination will never take, by their index, and what it said.
    pub refused: Vec<(usize, String)>,
    /// Why the rest was not sent; then the sender of the delivery has to repeat it.
    pub fault: Option<Fault>,
}

/// A fault that may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// In a word, for logs and metrics: `rate_limited`, `unavailable`, `timed_out`, `credentials`, `not_found`, `denied`.
    pub kind: &'static str,
    /// What happened, without anything secret.
    pub message: String,
    /// What to tell the sender in `Retry-After`.
    pub retry_after: Duration,
    /// Somebody has to mend something: credentials, a URL.
    pub alarm: bool,
}
