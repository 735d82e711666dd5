//! The receiver's log, as far as it is counted. Every request writes a line of it, so nothing else of a line is kept.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

/// A line that tells of a request, or of a stored delivery that a drain has tried. What it does not tell is empty or
/// none.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Line<'a> {
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    #[serde(borrow)]
    pub feed: Cow<'a, str>,
    #[serde(borrow)]
    pub route: Cow<'a, str>,
    #[serde(borrow)]
    pub outcome: Cow<'a, str>,
    pub status: Option<u16>,
    pub duration_ms: Option<f64>,
    pub bytes: Option<f64>,
    pub logs: Option<f64>,
    pub events: Option<f64>,
    pub rejected: Option<f64>,
    pub refused: Option<f64>,
    pub quarantined: Option<f64>,
    pub sub_requests: Option<f64>,
    pub future: Option<f64>,
    pub late: Option<f64>,
    /// Events by an upper bound in seconds, or by `inf`.
    #[serde(borrow)]
    pub lag: Option<BTreeMap<&'a str, f64>>,
    pub lag_sum: Option<f64>,
    /// RFC 3339.
    #[serde(borrow)]
    pub last_event: Cow<'a, str>,
    #[serde(borrow)]
    pub fault: Cow<'a, str>,
    pub alarm: bool,
    pub spool: Option<Spool>,
    pub quarantine: Option<f64>,
    /// Where it tells these, it has told no more above than their sums.
    pub feeds: Option<BTreeMap<String, States>>,
}

/// What waits, of one feed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct States {
    pub spool: Option<Spool>,
    pub quarantine: Option<f64>,
}

/// Deliveries that are stored and not yet delivered.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Spool {
    pub entries: Option<f64>,
    pub bytes: Option<f64>,
    pub oldest_s: Option<f64>,
}
