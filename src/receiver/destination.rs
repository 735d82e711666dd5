//! Where logs go: each kind of destination in a file of its own, batching and the classification of answers here.
//!
//! A sub-request is what one request to a destination carries. The same logs make the same sub-requests with the same bytes, so
//! that the ledger knows again what was accepted, and Google's check for duplicates may.

use std::time::Duration;

/// A destination.
#[derive(Debug)]
pub struct Destination {
    /// Its name in the configuration.
    pub name: String,
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
