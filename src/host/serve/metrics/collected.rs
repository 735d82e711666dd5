//! What collectors did, counted from their own log: its JSON line for each call, `"kind": "collect"`.

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;

use super::Counts;
use super::text::labels;

/// A line that tells of a call. What it does not tell is none.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Call<'a> {
    #[serde(borrow)]
    collector: Cow<'a, str>,
    backfill: bool,
    #[serde(borrow)]
    error_type: Option<Cow<'a, str>>,
    events_collected: f64,
    pages_processed: f64,
    duplicates: f64,
    retries: f64,
    rejected: f64,
    unconfirmed_objects: f64,
    lag_ms: Option<f64>,
    latest_ms: Option<f64>,
}

/// The families: name, type, help.
#[rustfmt::skip]
pub(super) const FAMILIES: &[(&str, &str, &str)] = &[
    (RUNS,     "counter", "Calls of collectors by outcome: ok, or what failed."),
    ("udmill_collector_events_total",              "counter", "Events written into the bucket."),
    ("udmill_collector_pages_total",               "counter", "Pages that were read."),
    ("udmill_collector_duplicates_total",          "counter", "Events that were there already, and not written again."),
    ("udmill_collector_retries_total",             "counter", "Requests that were repeated."),
    ("udmill_collector_rejected_total",            "counter", "Events that did not become UDM, and are kept."),
    ("udmill_collector_unconfirmed_objects_total", "counter", "Objects of which the events may come twice."),
    (LAG,      "gauge",   "Seconds by which all that is written was behind the clock at the last call."),
    (LATENESS, "gauge",   "The longest time in seconds from an event to its storing, in the last call that wrote any."),
    (LAST,     "gauge",   "The time of the last call that did not fail, in seconds since 1970."),
];

const RUNS: &str = "udmill_collector_runs_total";
const LAG: &str = "udmill_collector_lag_seconds";
const LATENESS: &str = "udmill_collector_lateness_seconds";
const LAST: &str = "udmill_collector_last_success_timestamp_seconds";

/// Where a line tells a count.
type Told = fn(&Call<'_>) -> f64;

/// Counts of a call that are summed up for each collector.
#[rustfmt::skip]
const SUMS: &[(&str, Told)] = &[
    ("udmill_collector_events_total",              |it| it.events_collected),
    ("udmill_collector_pages_total",               |it| it.pages_processed),
    ("udmill_collector_duplicates_total",          |it| it.duplicates),
    ("udmill_collector_retries_total",             |it| it.retries),
    ("udmill_collector_rejected_total",            |it| it.rejected),
    ("udmill_collector_unconfirmed_objects_total", |it| it.unconfirmed_objects),
];

impl Counts {
    pub(super) fn collected(&mut self, call: &Call<'_>) {
        let name = self.feed(&call.collector);
        let own = labels(&[("collector", &name)]);
        let outcome = call.error_type.as_deref().unwrap_or("ok");
        let outcome = outcome.to_ascii_lowercase();
        let run = labels(&[("collector", &name), ("outcome", &outcome)]);
        self.add(RUNS, &run, 1.0);
        for (family, told) in SUMS {
            self.add(family, &own, told(call));
        }
        // A backfill is behind as it is meant to be.
        if call.backfill {
            return;
        }
        if let Some(lag) = call.lag_ms {
            *self.number(LAG, &own) = lag / 1000.0;
        }
        if let Some(lateness) = call.latest_ms {
            *self.number(LATENESS, &own) = lateness / 1000.0;
        }
        if call.error_type.is_none() {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            *self.number(LAST, &own) = now.unwrap_or_default().as_secs() as f64;
        }
    }
}
