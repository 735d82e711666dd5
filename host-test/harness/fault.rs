//! Everything that goes wrong between a client and Harness, as far as it is known.

use chrono::DateTime;
use serde_json::Value;

use crate::answer::{Answer, Reply};

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// One of the answers in `answers/`, by its name there: `401-expired-token`.
    Told(&'static str),
    /// This status and body: JSON if it begins as JSON, otherwise HTML.
    Status(u16, &'static str),
    /// 429 with this text in `Retry-After`.
    RetryAfter(&'static str),
    /// 429 with a date in `Retry-After`, so many seconds from now.
    RetryAt(i64),
    /// This status, and this in `Location`.
    Redirect(u16, String),
    /// 200, and JSON that stops in the middle though the length is right.
    Truncated,
    /// The right answer, of which the connection brings one half.
    Cut,
    /// No answer for as long as the client waits.
    TimedOut,
    /// The connection ends.
    Reset,
}

impl Fault {
    /// What becomes of a request at a time of the server's clock, in epoch milliseconds; `own` is the right answer.
    pub(crate) fn reply(&self, now: i64, own: impl FnOnce() -> Answer) -> Reply {
        Reply::Answer(match self {
            Fault::Told(name) => told(name),
            Fault::Status(status, body) => status_and_body(*status, body),
            Fault::RetryAfter(text) => too_many(text),
            Fault::RetryAt(seconds) => too_many(&http_date(now + seconds * 1000)),
            Fault::Redirect(status, to) => {
                let mut answer = Answer::html(*status, "");
                answer.headers.push(("location".to_owned(), to.clone()));
                answer
            }
            Fault::Truncated => told("200-truncated-body"),
            Fault::Cut => return Reply::Cut(own()),
            Fault::TimedOut => return Reply::Hang,
            Fault::Reset => return Reply::Reset,
        })
    }
}

/// The answers in `answers/`, constructed from the published schemas: `{status, headers, body}`, or `body_text` where
/// it is no JSON.
macro_rules! answers {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("answers/", $name, ".json")))),*]
    };
}

/// The names and texts of the answers that [`Fault::Told`] knows.
pub const ANSWERS: &[(&str, &str)] = answers![
    "200-status-error",
    "200-truncated-body",
    "400-page-size",
    "400-page-token",
    "400-time-filter",
    "400-too-many-requests-code",
    "400-yaml-diff-missing",
    "401-expired-token",
    "401-invalid-token",
    "403-access-denied",
    "403-ng-access-denied",
    "404-html",
    "429-edge-no-header",
    "429-plain-text",
    "429-retry-after-date",
    "429-retry-after-seconds",
    "500-query-timeout",
    "500-unknown",
    "503-html",
];

/// One of the [`ANSWERS`].
///
/// # Panics
///
/// Where there is none of this name.
pub fn told(name: &str) -> Answer {
    let found = ANSWERS.iter().find(|(it, _)| *it == name);
    let (_, text) =
        found.unwrap_or_else(|| panic!("expected an answer's name, but found {name:?}"));
    let told: Value = serde_json::from_str(text).expect("an answer is JSON");
    let headers = told["headers"].as_object().expect("headers").iter();
    let headers = headers.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default()));
    let body = match &told["body_text"] {
        Value::String(text) => text.clone(),
        _ => told["body"].to_string(),
    };
    Answer {
        status: told["status"].as_u64().expect("a status") as u16,
        headers: headers
            .filter(|(name, _)| name != "content-length")
            .map(|(name, value)| (name, value.to_owned()))
            .collect(),
        body: body.into_bytes(),
    }
}

/// One of the faults of every day, once in so many times; the same number has the same fate.
pub(crate) fn by_chance(number: u64, times: u64) -> Option<Fault> {
    let chance = mixed(number);
    if !chance.is_multiple_of(times) {
        return None;
    }
    Some(match mixed(chance) % 9 {
        0 => Fault::Told("500-unknown"),
        1 => Fault::Told("503-html"),
        2 => Fault::Truncated,
        3 => Fault::Cut,
        4 => Fault::TimedOut,
        5 => Fault::Reset,
        6 => Fault::Told("400-too-many-requests-code"),
        7 => Fault::Told("429-plain-text"),
        _ => Fault::Told("429-edge-no-header"),
    })
}

/// The form of dates in HTTP (RFC 9110, 5.6.7).
pub(crate) fn http_date(ms: i64) -> String {
    let date = DateTime::from_timestamp_millis(ms).unwrap_or_default();
    date.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn status_and_body(status: u16, body: &str) -> Answer {
    let kind = match body.starts_with(['{', '[']) {
        true => "application/json",
        false => "text/html; charset=UTF-8",
    };
    Answer::new(status, kind, body.as_bytes())
}

fn too_many(retry_after: &str) -> Answer {
    let mut answer = told("400-too-many-requests-code");
    answer.status = 429;
    let header = ("retry-after".to_owned(), retry_after.to_owned());
    answer.headers.push(header);
    answer
}

/// The last step of SplitMix64 (Steele, Lea, Flood, 2014).
fn mixed(number: u64) -> u64 {
    let mut it = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    it = (it ^ (it >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    it = (it ^ (it >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    it ^ (it >> 31)
}
