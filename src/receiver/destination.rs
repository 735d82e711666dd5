//! Where logs go: each kind of destination in a file of its own, batching and the classification of answers here.
//!
//! A sub-request is what one request to a destination carries. The same logs make the same sub-requests with the same
//! bytes, so that the ledger knows again what was accepted, and Google's check for duplicates may.

mod answer;
mod batch;
mod chronicle;
pub mod google_token;
pub mod gzip;
mod http;
mod lines;
mod s3;
mod secops_events;
mod secops_logs;
mod secops_webhook;
pub(crate) mod settings;
mod stdout;
mod upload;

use std::time::Duration;

use crate::Host;
use crate::config::Feed;
use crate::config::section::Section;
use google_token::Tokens;
use http::Http;
use s3::S3;
use secops_events::SecopsEvents;
use secops_logs::SecopsLogs;
use secops_webhook::SecopsWebhook;
use upload::{Protocol, upload};

/// A destination.
#[derive(Debug)]
pub struct Destination {
    /// Its name in the configuration.
    pub name: String,
    kind: Kind,
}

/// What `type` says, with that type's own settings.
#[derive(Debug)]
enum Kind {
    Stdout,
    Http(Http),
    SecopsLogs(Box<SecopsLogs>),
    SecopsWebhook(Box<SecopsWebhook>),
    SecopsEvents(Box<SecopsEvents>),
    S3(Box<S3>),
}

/// The values of `type`.
const TYPES: &[&str] = &[
    "stdout",
    "http",
    "secops-logs",
    "secops-webhook",
    "secops-events",
    "s3",
];

impl Destination {
    /// A destination's table. Every mistake in it is told to the section; then the answer may be none.
    pub fn read(name: &str, mut section: Section<'_>) -> Option<Destination> {
        if !section.has("type") {
            section.missing("type");
        }
        let read = &mut section;
        let kind = match read.one_of("type", TYPES)? {
            "http" => Http::read(read).map(Kind::Http),
            "secops-logs" => SecopsLogs::read(read).map(|it| Kind::SecopsLogs(it.into())),
            "secops-webhook" => SecopsWebhook::read(read).map(|it| Kind::SecopsWebhook(it.into())),
            "secops-events" => SecopsEvents::read(read).map(|it| Kind::SecopsEvents(it.into())),
            "s3" => S3::read(read).map(|it| Kind::S3(it.into())),
            _ => Some(Kind::Stdout),
        };
        section.finish();
        Some(Destination {
            name: name.to_owned(),
            kind: kind?,
        })
    }

    /// What it takes.
    pub fn takes(&self) -> Takes {
        match &self.kind {
            Kind::Stdout | Kind::SecopsEvents(_) => Takes::Udm,
            Kind::SecopsLogs(_) | Kind::SecopsWebhook(_) => Takes::Raw,
            Kind::Http(it) => it.takes,
            Kind::S3(it) => it.takes,
        }
    }

    /// Whether events are printed here, which is no request to anybody.
    pub fn is_stdout(&self) -> bool {
        matches!(self.kind, Kind::Stdout)
    }

    /// The destination, one that takes raw logs, that is to have the logs behind the events that this one gets.
    pub fn archive(&self) -> Option<&str> {
        match &self.kind {
            Kind::SecopsEvents(it) => it.archive.as_deref(),
            _ => None,
        }
    }

    /// The origins that it talks to, with port: `https://storage.example:443`.
    pub fn hosts(&self) -> Vec<String> {
        match &self.kind {
            Kind::Stdout => Vec::new(),
            Kind::Http(it) => vec![it.origin.clone()],
            Kind::SecopsLogs(it) => it.chronicle.hosts(),
            Kind::SecopsWebhook(it) => vec![it.origin.clone()],
            Kind::SecopsEvents(it) => it.chronicle.hosts(),
            Kind::S3(it) => vec![it.origin.clone()],
        }
    }

    /// Sends items, of the kind that [`Destination::takes`] tells. What the ledger knows as accepted is not sent again.
    /// `lines` are the UDM events as they came, one a line: what is printed need not be put together again.
    pub async fn send<H: Host>(
        &self,
        host: &H,
        errand: &Errand<'_>,
        items: &[Item<'_>],
        lines: &[u8],
    ) -> Sent {
        let protocol: &dyn Protocol = match &self.kind {
            Kind::Stdout => return stdout::print(host, &self.name, lines, items.len()),
            Kind::Http(it) => it,
            Kind::SecopsLogs(it) => &**it,
            Kind::SecopsWebhook(it) => &**it,
            Kind::SecopsEvents(it) => &**it,
            Kind::S3(it) => &**it,
        };
        upload(host, &self.name, protocol, errand, items).await
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

/// On whose behalf items are sent.
#[derive(Clone, Copy, Debug)]
pub struct Errand<'a> {
    /// The feed that they came to.
    pub feed: &'a Feed,
    /// What tells them from equal items of another delivery. Empty where a log carries its sender's id for it: there equal
    /// items are the same ones, repeated.
    pub delivery: &'a str,
    /// For destinations that want one.
    pub tokens: &'a Tokens,
    /// On the scale of [`Host::elapsed`].
    pub deadline: Duration,
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
    /// How many requests were made of the destination.
    pub sub_requests: usize,
    /// Why the rest was not sent; then the sender of the delivery has to repeat it.
    pub fault: Option<Fault>,
}

/// A fault that may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// In a word, for logs and metrics: `rate_limited`, `unavailable`, `timed_out`, `credentials`, `denied`,
    /// `not_found`, `unexpected`, `store`.
    pub kind: &'static str,
    /// What happened, without anything secret.
    pub message: String,
    /// What to tell the sender in `Retry-After`.
    pub retry_after: Duration,
    /// Somebody has to mend something: credentials, a URL.
    pub alarm: bool,
}

#[cfg(test)]
mod tests;
