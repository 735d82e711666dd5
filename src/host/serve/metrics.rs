//! What `/metrics` shows, in Prometheus' text format
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
//!
//! Everything about deliveries is counted from the receiver's own log: its JSON line for each request, `"kind":
//! "request"`, and for each stored delivery that a drain has tried, `"kind": "drained"`. Those of collectors,
//! `"kind": "collect"`, `collected` counts. So metrics never say anything else than the log does, and under another
//! host a log pipeline can count the same.

mod collected;
mod line;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::DateTime;

use collected::Call;
use line::{Line, Spool};
use text::{Bound, Histogram, labels, write_number};

/// Counts of all since the start.
#[derive(Default)]
pub(super) struct Metrics(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    feeds: BTreeSet<String>,
    numbers: Family<f64>,
    histograms: Family<Histogram>,
}

/// By the family's name, then by labels.
type Family<T> = BTreeMap<&'static str, BTreeMap<Arc<str>, T>>;

/// The families: name, type, help.
#[rustfmt::skip]
const FAMILIES: &[(&str, &str, &str)] = &[
    (REQUESTS,       "counter",   "Requests by feed, route, outcome and status."),
    (DURATION,       "histogram", "Seconds from a request to its answer."),
    (UNAUTHORIZED,   "counter",   "Requests without the right credentials."),
    (BYTES,          "counter",   "Bytes of the bodies of requests."),
    ("udmill_logs_total",              "counter", "Logs in deliveries."),
    ("udmill_events_total",            "counter", "UDM events of those logs."),
    ("udmill_rejected_logs_total",     "counter", "Logs that gave no event."),
    ("udmill_refused_logs_total",      "counter", "Logs that the destination will never take."),
    ("udmill_quarantined_logs_total",  "counter", "Logs put into quarantine."),
    ("udmill_sub_requests_total",      "counter", "Requests to destinations."),
    ("udmill_future_events_total",     "counter", "Events from after their receipt."),
    ("udmill_late_events_total",       "counter", "Events more than a day old at their receipt."),
    (FAULTS,         "counter",   "Requests and drains that a fault ended, by what failed; without a feed, those of operators and /readyz."),
    (ALARMS,         "counter",   "Deliveries that failed until somebody mends credentials or a URL."),
    (LAG,            "histogram", "Seconds from an event to its receipt."),
    (LAST,           "gauge",     "The time of the latest event, in seconds since 1970."),
    ("udmill_spool_entries",           "gauge",   "Deliveries that are stored and not yet delivered."),
    ("udmill_spool_bytes",             "gauge",   "Bytes of those."),
    ("udmill_spool_oldest_seconds",    "gauge",   "The age of the oldest of those."),
    ("udmill_quarantine_entries",      "gauge",   "Logs in quarantine."),
    (REFUSED,        "counter",   "Requests that the host answered itself, by reason."),
];

const REQUESTS: &str = "udmill_requests_total";
const BYTES: &str = "udmill_received_bytes_total";
const DURATION: &str = "udmill_request_duration_seconds";
const UNAUTHORIZED: &str = "udmill_authentication_failures_total";
const FAULTS: &str = "udmill_faults_total";
const ALARMS: &str = "udmill_alarms_total";
const LAG: &str = "udmill_event_lag_seconds";
const LAST: &str = "udmill_last_event_timestamp_seconds";
const REFUSED: &str = "udmill_host_refused_requests_total";

/// Where a line tells a count.
type Told = fn(&Line<'_>) -> Option<f64>;

/// Counts of a line that are summed up for each feed: the family, and where the line tells it.
#[rustfmt::skip]
const SUMS: &[(&str, Told)] = &[
    ("udmill_logs_total",             |it| it.logs),
    ("udmill_events_total",           |it| it.events),
    ("udmill_rejected_logs_total",    |it| it.rejected),
    ("udmill_refused_logs_total",     |it| it.refused),
    ("udmill_quarantined_logs_total", |it| it.quarantined),
    ("udmill_sub_requests_total",     |it| it.sub_requests),
    ("udmill_future_events_total",    |it| it.future),
    ("udmill_late_events_total",      |it| it.late),
];

/// Upper bounds of [`DURATION`], in milliseconds.
const DURATIONS: &[u64] = &[
    1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000,
];

/// The most feeds with labels of their own; the rest is one. A configuration has a handful.
const FEEDS: usize = 200;

impl Metrics {
    /// Counts what is a request's line among these.
    pub fn count(&self, lines: &[u8]) {
        for text in lines.split(|byte| *byte == b'\n') {
            let Ok(line) = serde_json::from_slice::<Line<'_>>(text) else {
                continue;
            };
            match &*line.kind {
                "request" => self.counts(|counts| counts.request(&line)),
                "drained" => self.counts(|counts| {
                    let feed = counts.feed(&line.feed);
                    counts.delivery(&line, &feed);
                }),
                "collect" => {
                    if let Ok(call) = serde_json::from_slice::<Call<'_>>(text) {
                        self.counts(|counts| counts.collected(&call));
                    }
                }
                _ => {}
            }
        }
    }

    /// Counts a request that no component saw.
    pub fn refused(&self, reason: &str) {
        self.counts(|counts| counts.add(REFUSED, &labels(&[("reason", reason)]), 1.0));
    }

    /// The text that Prometheus reads.
    pub fn text(&self) -> String {
        let mut text = format!(
            "# HELP udmill_build_info Which udmill this is.\n# TYPE udmill_build_info gauge\n\
             udmill_build_info{{version=\"{}\"}} 1\n",
            env!("CARGO_PKG_VERSION")
        );
        self.counts(|counts| {
            for (name, kind, help) in FAMILIES.iter().chain(collected::FAMILIES) {
                counts.family(&mut text, name, kind, help);
            }
        });
        text
    }

    fn counts<T>(&self, run: impl FnOnce(&mut Counts) -> T) -> T {
        run(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Counts {
    fn request(&mut self, line: &Line<'_>) {
        let feed = self.feed(&line.feed);
        let own = labels(&[("feed", &feed)]);
        let status = line.status.map(|it| it.to_string());
        let request = [
            ("feed", feed.as_str()),
            ("route", &line.route),
            ("outcome", &line.outcome),
            ("status", status.as_deref().unwrap_or_default()),
        ];
        self.add(REQUESTS, &labels(&request), 1.0);
        if line.outcome == "unauthorized" {
            self.add(UNAUTHORIZED, &own, 1.0);
        }
        if let Some(duration) = line.duration_ms {
            let bound = DURATIONS.iter().find(|bound| duration <= **bound as f64);
            let bound = bound.map_or(Bound::Infinite, |bound| Bound::At(*bound));
            let histogram = self.histogram(DURATION, &own, DURATIONS);
            histogram.add(bound, 1.0);
            histogram.add_up(duration / 1000.0);
        }
        if let Some(bytes) = line.bytes.filter(|_| !feed.is_empty()) {
            self.add(BYTES, &own, bytes);
        }
        self.delivery(line, &feed);
        // Not both: whoever sums up the family would count everything twice.
        match &line.feeds {
            None => self.states(&labels(&[]), line.spool.as_ref(), line.quarantine),
            Some(feeds) => {
                for (feed, it) in feeds {
                    let feed = self.feed(feed);
                    let own = labels(&[("feed", &feed)]);
                    self.states(&own, it.spool.as_ref(), it.quarantine);
                }
            }
        }
    }

    /// What became of logs: in the request that brought them, or in a drain.
    fn delivery(&mut self, line: &Line<'_>, feed: &str) {
        let own = labels(&[("feed", feed)]);
        if !line.fault.is_empty() {
            let fault = labels(&[("feed", feed), ("kind", &line.fault)]);
            self.add(FAULTS, &fault, 1.0);
        }
        if line.alarm {
            self.add(ALARMS, &own, 1.0);
        }
        // A drain comes every few seconds, and these logs have gone nowhere yet.
        if line.outcome == "waits" {
            return;
        }
        for (family, told) in SUMS {
            if let Some(number) = told(line).filter(|it| *it != 0.0 || !feed.is_empty()) {
                self.add(family, &own, number);
            }
        }
        if let Some(lag) = &line.lag {
            let histogram = self.histogram(LAG, &own, &[]);
            for (bound, count) in lag {
                let bound = match bound.parse::<u32>() {
                    Ok(seconds) => Bound::At(u64::from(seconds) * 1000),
                    Err(_) => Bound::Infinite,
                };
                histogram.add(bound, *count);
            }
            if let Some(sum) = line.lag_sum {
                histogram.add_up(sum);
            }
        }
        if let Ok(time) = DateTime::parse_from_rfc3339(&line.last_event) {
            let time = time.timestamp() as f64;
            let latest = self.number(LAST, &own);
            *latest = latest.max(time);
        }
    }

    fn states(&mut self, labels: &Arc<str>, spool: Option<&Spool>, quarantine: Option<f64>) {
        for (family, number) in [
            ("udmill_spool_entries", spool.and_then(|it| it.entries)),
            ("udmill_spool_bytes", spool.and_then(|it| it.bytes)),
            (
                "udmill_spool_oldest_seconds",
                spool.and_then(|it| it.oldest_s),
            ),
            ("udmill_quarantine_entries", quarantine),
        ] {
            if let Some(number) = number {
                *self.number(family, labels) = number;
            }
        }
    }

    /// The feed as a label: names come from the configuration, but nothing here relies on it.
    fn feed(&mut self, name: &str) -> String {
        if self.feeds.len() < FEEDS && !self.feeds.contains(name) {
            self.feeds.insert(name.to_owned());
        }
        let known = self.feeds.contains(name);
        if known { name } else { "other" }.to_owned()
    }

    fn add(&mut self, family: &'static str, labels: &Arc<str>, number: f64) {
        *self.number(family, labels) += number;
    }

    fn number(&mut self, family: &'static str, labels: &Arc<str>) -> &mut f64 {
        let family = self.numbers.entry(family).or_default();
        family.entry(Arc::clone(labels)).or_default()
    }

    fn histogram(
        &mut self,
        family: &'static str,
        labels: &Arc<str>,
        bounds: &[u64],
    ) -> &mut Histogram {
        let family = self.histograms.entry(family).or_default();
        let histogram = family.entry(Arc::clone(labels));
        histogram.or_insert_with(|| Histogram::new(bounds))
    }

    fn family(&self, text: &mut String, name: &str, kind: &str, help: &str) {
        text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
        for (labels, number) in self.numbers.get(name).into_iter().flatten() {
            write_number(text, name, labels, *number);
        }
        for (labels, histogram) in self.histograms.get(name).into_iter().flatten() {
            histogram.write(text, name, labels);
        }
    }
}

#[cfg(test)]
mod tests;
