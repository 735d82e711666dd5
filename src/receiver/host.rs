//! What the receiver asks of whoever runs it: time, variables, a key-value store, HTTP, and the normalizer.
//!
//! Spin's interfaces answer it in the component; tests answer it natively.

use std::io;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::wit::{transform, webhook};

/// Whoever runs the receiver. One request is answered at a time, so nothing here needs to be shared between threads.
#[allow(async_fn_in_trait, reason = "no caller needs the futures to be Send")]
pub trait Host {
    /// The wall clock.
    fn now(&self) -> DateTime<Utc>;

    /// Time since some fixed moment; never goes back.
    fn elapsed(&self) -> Duration;

    /// Waits.
    async fn pause(&self, duration: Duration);

    /// Bytes that nobody can guess.
    fn random(&self) -> [u8; 16];

    /// A Spin variable; none when no such variable is declared or set.
    ///
    /// # Errors
    ///
    /// What the provider of variables says when it cannot be asked now.
    async fn variable(&self, name: &str) -> Result<Option<String>, String>;

    /// A value of the key-value store.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Writes a value; it is durable, as far as the store is, when this returns.
    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError>;

    /// Removes a key; one that is not there is no error.
    async fn delete(&self, key: &str) -> Result<(), StoreError>;

    /// The keys of the store that are wanted, in no order. There may be far more of them than fit into memory.
    async fn keys(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>, StoreError>;

    /// Sends a request, follows no redirect, and reads the answer, of which no more is kept than [`Outbound::most`],
    /// `within` this time.
    async fn send(&self, request: Outbound, within: Duration) -> Result<Answer, SendError>;

    /// Writes whole lines to standard output, and returns when they are written.
    fn print(&self, lines: &[u8]) -> io::Result<()>;

    /// Writes one line of JSON to the log.
    fn log(&self, line: &str);

    /// The imported `webhook.read`.
    fn read(&self, request: &webhook::Request) -> webhook::Delivery;

    /// The imported `transform.normalize`.
    fn normalize(
        &self,
        payload: &[u8],
        options: &transform::Options,
    ) -> Result<transform::Batch, transform::Error>;

    /// The imported `transform.reader`.
    type Reader: Reader;

    /// A reader, which tells by its first call what is wrong with its options.
    fn reader(&self, options: &transform::Options) -> Self::Reader;
}

/// A payload of any size, in pieces: see `transform.reader` in `wit/world.wit`.
pub trait Reader {
    /// The logs that are complete now.
    fn push(&mut self, bytes: &[u8]) -> Result<transform::Batch, transform::Error>;

    /// What remained.
    fn finish(&mut self) -> Result<transform::Batch, transform::Error>;
}

/// An HTTP request to send. [`std::fmt::Debug`] leaves out what may be secret.
#[derive(Clone, PartialEq)]
pub struct Outbound {
    /// In capitals.
    pub method: &'static str,
    /// With scheme, and with the query, which may hold a secret.
    pub url: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// May be empty.
    pub body: Vec<u8>,
    /// How many bytes of the answer's body are kept.
    pub most: usize,
}

/// What is kept of an answer where nothing else is known: more than any that is only looked at.
pub const USUAL: usize = 1 << 20;

/// What another server answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// 200, 503 …
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, or as much of it as was to be kept.
    pub body: Vec<u8>,
    /// Whether the body is all of it.
    pub is_whole: bool,
}

impl Answer {
    /// The first header of this name, which is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(it, _)| it == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Why a request got no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The time was up.
    TimedOut,
    /// This runtime does not let the component talk to that host.
    Denied,
    /// No connection, or one that broke; in words that name no URL.
    Failed(String),
}

/// Why the store gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// It takes nothing more.
    Full,
    /// What it says.
    Failed(String),
}

impl std::fmt::Debug for Outbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let url = self.url.split(['?', '#']).next().unwrap_or_default();
        write!(f, "{} {url} ({} bytes)", self.method, self.body.len())
    }
}
