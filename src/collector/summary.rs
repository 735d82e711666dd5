//! What a run says at its end: all keys of the Lambda's result, and more.

use serde_json::{Value, json};

use crate::answer::Failure;
use crate::settings::Settings;

/// No summary names more objects than this.
const MOST_KEYS: usize = 1000;

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What it did, also if it failed.
    pub summary: Summary,
    /// Why it failed, if it did: whoever runs the collector must fail, too.
    pub error: Option<Error>,
}

/// Why a run failed. What was done before stays done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// Harness, after this many calls.
    Harness(Failure, u32),
    /// The store, in words that tell the key.
    Store(String),
    /// The state cannot be read.
    State(String),
    /// The prefix is read by another than the one that its objects are written for.
    Taken(String),
    /// Another run has the lease, until this time.
    Busy(i64),
    /// Another run has taken the state over.
    Overtaken,
    /// The server gives the same page again and again, in a window that cannot be shorter.
    Stuck(i64),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Harness(failure, calls) => write!(f, "{failure} ({})", after(*calls)),
            Error::Store(message) | Error::State(message) | Error::Taken(message) => {
                f.write_str(message)
            }
            Error::Busy(until) => write!(
                f,
                "expected no other run, but found one with a lease until {until}"
            ),
            Error::Overtaken => {
                f.write_str("expected no other run, but found that one has taken over")
            }
            Error::Stuck(start) => {
                write!(
                    f,
                    "expected another page of the window from {start}, but found the same again"
                )
            }
        }
    }
}

/// How often was tried what failed.
pub(crate) fn after(calls: u32) -> String {
    let plural = if calls == 1 { "" } else { "s" };
    format!("after {calls} call{plural}")
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Events written.
    pub events: u64,
    /// Events that were not written as they were already.
    pub duplicates: u64,
    /// Pages read.
    pub pages: u64,
    /// Windows finished.
    pub windows: u64,
    /// Requests to Harness or the store that were repeated.
    pub retries: u64,
    /// Everything that was due is read.
    pub complete: bool,
    /// Keys of the objects written; at most a thousand are named.
    pub keys: Vec<String>,
    /// Objects written.
    pub objects: u64,
    /// Objects that an earlier run may have written: a feed may have taken them, so their events may come twice.
    pub unconfirmed: u64,
    /// Events that the normalizer did not take, which are kept as they came.
    pub rejected: u64,
    /// The server's time less the watermark, in milliseconds.
    pub lag_ms: Option<i64>,
    /// The longest time from an event to its storing, in milliseconds.
    pub latest_ms: Option<i64>,
    /// How long to wait, in milliseconds, where a run failed only as it had no time to wait itself.
    pub retry_after_ms: Option<u64>,
    /// How often was asked then, over all runs that waited for each other.
    pub asked: Option<u32>,
    /// What the operator should know.
    pub warnings: Vec<String>,
}

impl Summary {
    /// Counts an object.
    pub fn wrote(&mut self, key: &str, events: u64) {
        self.objects += 1;
        self.events += events;
        if self.keys.len() < MOST_KEYS {
            self.keys.push(key.to_owned());
        }
    }
}

impl Outcome {
    /// The outcome as JSON. `statusCode` is for whoever reads it; a failure has to fail the run, too.
    pub fn to_json(&self, settings: &Settings) -> Value {
        let it = &self.summary;
        let list = |list: &[String]| match list {
            [] => Value::Null,
            list => json!(list),
        };
        let excluded = [
            (settings.exclude_logins, "EXCLUDE_LOGIN_EVENTS"),
            (settings.exclude_system, "EXCLUDE_SYSTEM_EVENTS"),
        ];
        let excluded: Vec<&str> = excluded.iter().filter(|it| it.0).map(|it| it.1).collect();
        let mut out = json!({
            "statusCode": if self.error.is_none() { 200 } else { 500 },
            "message": if self.error.is_none() { "Success" } else { "Error" },
            "eventsCollected": it.events,
            "pagesProcessed": it.pages,
            "paginationComplete": it.complete,
            "s3Key": it.keys.first(),
            "s3Keys": it.keys,
            "filters": {
                "modules": list(&settings.modules),
                "actions": list(&settings.actions),
                "staticFilter": (!excluded.is_empty()).then(|| excluded.join(",")),
            },
            "more": !it.complete,
            "objects": it.objects,
            "unconfirmedObjects": it.unconfirmed,
            "duplicates": it.duplicates,
            "rejected": it.rejected,
            "windows": it.windows,
            "retries": it.retries,
            "lagMs": it.lag_ms,
            "latestMs": it.latest_ms,
            "retryAfterMs": it.retry_after_ms,
            "asked": it.asked,
            "warnings": it.warnings,
        });
        if let Some(error) = &self.error {
            let (kind, failure) = match error {
                Error::Harness(failure, _) => ("Harness", Some(failure)),
                Error::Store(_) => ("Store", None),
                Error::State(_) => ("State", None),
                Error::Taken(_) => ("Taken", None),
                Error::Busy(_) => ("Busy", None),
                Error::Overtaken => ("Overtaken", None),
                Error::Stuck(_) => ("Stuck", None),
            };
            out["error"] = json!(error.to_string());
            out["errorType"] = json!(kind);
            out["httpStatus"] = json!(failure.and_then(|it| it.status));
            out["harnessCode"] = json!(failure.and_then(|it| it.code.as_ref()));
            out["correlationId"] = json!(failure.and_then(|it| it.correlation_id.as_ref()));
        }
        out
    }
}
