//! What `/metrics` shows, in Prometheus' text format (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
//!
//! Everything about deliveries is counted from the receiver's own log: its JSON line for each request, `"kind": "request"`, and
//! for each stored delivery that a drain has tried, `"kind": "drained"`.
//! So metrics never say anything else than the log does, and under another host a log pipeline can count the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

use chrono::DateTime;
use serde_json::Value;

/// Counts of all since the start.
#[derive(Default)]
pub(super) struct Metrics(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    feeds: BTreeSet<String>,
    /// By family and labels.
    values: BTreeMap<(&'static str, String), f64>,
    histograms: BTreeMap<(&'static str, String), Histogram>,
}

/// Counts by upper bound; not cumulated.
#[derive(Default)]
struct Histogram {
    buckets: BTreeMap<Bound, f64>,
    /// None if nobody tells.
    sum: Option<f64>,
}

/// An upper bound in milliseconds; the last is no bound at all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Bound {
    At(u64),
    Infinite,
}

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
    (FAULTS,         "counter",   "Deliveries that have to be repeated, by what failed."),
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

/// Counts of a line that are summed up for each feed: the line's key, and the family.
#[rustfmt::skip]
const SUMS: &[(&str, &str)] = &[
    ("logs",         "udmill_logs_total"),
    ("events",       "udmill_events_total"),
    ("rejected",     "udmill_rejected_logs_total"),
    ("refused",      "udmill_refused_logs_total"),
    ("quarantined",  "udmill_quarantined_logs_total"),
    ("sub_requests", "udmill_sub_requests_total"),
    ("future",       "udmill_future_events_total"),
    ("late",         "udmill_late_events_total"),
];

/// States that a line tells when it knows them, of each feed or of all together: where it does, and the family.
#[rustfmt::skip]
const STATES: &[(&str, &str)] = &[
    ("/spool/entries",  "udmill_spool_entries"),
    ("/spool/bytes",    "udmill_spool_bytes"),
    ("/spool/oldest_s", "udmill_spool_oldest_seconds"),
    ("/quarantine",     "udmill_quarantine_entries"),
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
        for line in lines.split(|byte| *byte == b'\n') {
            let Ok(line) = serde_json::from_slice::<Value>(line) else {
                continue;
            };
            match line["kind"].as_str() {
                Some("request") => self.counts(|counts| counts.request(&line)),
                Some("drained") => self.counts(|counts| {
                    let feed = counts.feed(line["feed"].as_str().unwrap_or_default());
                    counts.delivery(&line, &feed);
                }),
                _ => {}
            }
        }
    }

    /// Counts a request that no component saw.
    pub fn refused(&self, reason: &str) {
        let labels = labels(&[("reason", reason)]);
        self.counts(|counts| counts.add(REFUSED, labels, 1.0));
    }

    /// The text that Prometheus reads.
    pub fn text(&self) -> String {
        let mut text = format!(
            "# HELP udmill_build_info Which udmill this is.\n# TYPE udmill_build_info gauge\n\
             udmill_build_info{{version=\"{}\"}} 1\n",
            env!("CARGO_PKG_VERSION")
        );
        self.counts(|counts| {
            for (name, kind, help) in FAMILIES {
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
    fn request(&mut self, line: &Value) {
        let word = |key: &str| line[key].as_str().unwrap_or_default();
        let feed = self.feed(word("feed"));
        let own = labels(&[("feed", &feed)]);
        let status = line["status"].to_string();
        let request = [
            ("feed", feed.as_str()),
            ("route", word("route")),
            ("outcome", word("outcome")),
            ("status", &status),
        ];
        self.add(REQUESTS, labels(&request), 1.0);
        if word("outcome") == "unauthorized" {
            self.add(UNAUTHORIZED, own.clone(), 1.0);
        }
        if let Some(duration) = line["duration_ms"].as_f64() {
            let histogram = self.histogram(DURATION, own.clone());
            let bound = DURATIONS.iter().find(|bound| duration <= **bound as f64);
            let bound = bound.map_or(Bound::Infinite, |bound| Bound::At(*bound));
            for bound in DURATIONS {
                histogram.add(Bound::At(*bound), 0.0);
            }
            histogram.add(bound, 1.0);
            *histogram.sum.get_or_insert_default() += duration / 1000.0;
        }
        if let Some(bytes) = line["bytes"].as_f64().filter(|_| !feed.is_empty()) {
            self.add(BYTES, own, bytes);
        }
        self.delivery(line, &feed);
        // Not both: whoever sums up the family would count everything twice.
        match line["feeds"].as_object() {
            None => self.states(line, ""),
            Some(feeds) => {
                for (feed, states) in feeds {
                    let feed = self.feed(feed);
                    self.states(states, &labels(&[("feed", &feed)]));
                }
            }
        }
    }

    /// What became of logs: in the request that brought them, or in a drain.
    fn delivery(&mut self, line: &Value, feed: &str) {
        let own = labels(&[("feed", feed)]);
        if let Some(fault) = line["fault"].as_str() {
            let labels = labels(&[("feed", feed), ("kind", fault)]);
            self.add(FAULTS, labels, 1.0);
        }
        if line["alarm"] == true {
            self.add(ALARMS, own.clone(), 1.0);
        }
        // A drain comes every few seconds, and these logs have gone nowhere yet.
        if line["outcome"] == "waits" {
            return;
        }
        for (key, family) in SUMS {
            if let Some(number) = line[key]
                .as_f64()
                .filter(|it| *it != 0.0 || !feed.is_empty())
            {
                self.add(family, own.clone(), number);
            }
        }
        if let Some(lag) = line["lag"].as_object() {
            let histogram = self.histogram(LAG, own.clone());
            for (bound, count) in lag {
                let bound = match bound.parse::<u32>() {
                    Ok(seconds) => Bound::At(u64::from(seconds) * 1000),
                    Err(_) => Bound::Infinite,
                };
                histogram.add(bound, count.as_f64().unwrap_or_default());
            }
            if let Some(sum) = line["lag_sum"].as_f64() {
                *histogram.sum.get_or_insert_default() += sum;
            }
        }
        if let Ok(time) =
            DateTime::parse_from_rfc3339(line["last_event"].as_str().unwrap_or_default())
        {
            let latest = self.values.entry((LAST, own)).or_default();
            *latest = latest.max(time.timestamp() as f64);
        }
    }

    fn states(&mut self, of: &Value, labels: &str) {
        for (path, family) in STATES {
            if let Some(number) = of.pointer(path).and_then(Value::as_f64) {
                self.values.insert((family, labels.to_owned()), number);
            }
        }
    }

    /// The feed as a label: names come from the configuration, but nothing here relies on it.
    fn feed(&mut self, name: &str) -> String {
        if self.feeds.len() < FEEDS {
            self.feeds.insert(name.to_owned());
        }
        let known = self.feeds.contains(name);
        if known { name } else { "other" }.to_owned()
    }

    fn add(&mut self, family: &'static str, labels: String, number: f64) {
        *self.values.entry((family, labels)).or_default() += number;
    }

    fn histogram(&mut self, family: &'static str, labels: String) -> &mut Histogram {
        self.histograms.entry((family, labels)).or_default()
    }

    fn family(&self, text: &mut String, name: &'static str, kind: &str, help: &str) {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for ((_, labels), value) in self
            .values
            .range((name, String::new())..)
            .take_while(|it| it.0.0 == name)
        {
            let _ = match labels.as_str() {
                "" => writeln!(text, "{name} {value}"),
                _ => writeln!(text, "{name}{{{labels}}} {value}"),
            };
        }
        let histograms = self.histograms.range((name, String::new())..);
        for ((_, labels), histogram) in histograms.take_while(|it| it.0.0 == name) {
            histogram.text(text, name, labels);
        }
    }
}

impl Histogram {
    fn add(&mut self, bound: Bound, count: f64) {
        *self.buckets.entry(bound).or_default() += count;
    }

    fn text(&self, text: &mut String, name: &str, labels: &str) {
        let mut count = 0.0;
        for (bound, number) in &self.buckets {
            count += number;
            if let Bound::At(milliseconds) = bound {
                let bound = *milliseconds as f64 / 1000.0;
                let _ = writeln!(text, "{name}_bucket{{{labels},le=\"{bound}\"}} {count}");
            }
        }
        let _ = writeln!(text, "{name}_bucket{{{labels},le=\"+Inf\"}} {count}");
        if let Some(sum) = self.sum {
            let _ = writeln!(text, "{name}_sum{{{labels}}} {sum}");
        }
        let _ = writeln!(text, "{name}_count{{{labels}}} {count}");
    }
}

fn labels(pairs: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        let separator = if text.is_empty() { "" } else { "," };
        let _ = write!(text, "{separator}{name}=\"");
        for char in value.chars() {
            match char {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                char => text.push(char),
            }
        }
        text.push('"');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shows(metrics: &Metrics, line: &str) {
        let text = metrics.text();
        assert!(
            text.lines().any(|it| it == line),
            "expected {line} in\n{text}"
        );
    }

    #[test]
    fn requests_are_summed_up_by_feed() {
        let metrics = Metrics::default();
        let line = br#"{"kind":"request","feed":"azdo","route":"delivery","status":200,"outcome":"delivered","logs":3,"events":2,
            "rejected":1,"duration_ms":7.5,"lag":{"60":1,"300":1,"inf":0},"last_event":"2024-01-01T00:00:00Z","quarantine":4,"feeds":{"azdo":{"quarantine":3}}}"#;
        let line: Vec<u8> = line.iter().copied().filter(|byte| *byte != b'\n').collect();
        metrics.count(
            &[
                &line[..],
                b"\n",
                &line[..],
                b"\nnot JSON\n{\"kind\":\"other\",\"logs\":9}\n",
            ]
            .concat(),
        );
        shows(
            &metrics,
            r#"udmill_requests_total{feed="azdo",route="delivery",outcome="delivered",status="200"} 2"#,
        );
        shows(&metrics, r#"udmill_logs_total{feed="azdo"} 6"#);
        shows(
            &metrics,
            r#"udmill_request_duration_seconds_bucket{feed="azdo",le="0.01"} 2"#,
        );
        shows(
            &metrics,
            r#"udmill_request_duration_seconds_sum{feed="azdo"} 0.015"#,
        );
        shows(
            &metrics,
            r#"udmill_event_lag_seconds_bucket{feed="azdo",le="60"} 2"#,
        );
        shows(
            &metrics,
            r#"udmill_event_lag_seconds_bucket{feed="azdo",le="300"} 4"#,
        );
        shows(&metrics, r#"udmill_event_lag_seconds_count{feed="azdo"} 4"#);
        shows(
            &metrics,
            r#"udmill_last_event_timestamp_seconds{feed="azdo"} 1704067200"#,
        );
        shows(&metrics, r#"udmill_quarantine_entries{feed="azdo"} 3"#);
    }

    #[test]
    fn what_a_drain_delivers_counts_when_it_is_delivered() {
        let metrics = Metrics::default();
        metrics.count(
            br#"{"kind":"request","feed":"azdo","outcome":"stored","status":200,"bytes":9,"logs":0,"events":0}
{"kind":"drained","feed":"azdo","outcome":"waits","bytes":9,"logs":2,"events":2,"fault":"unavailable"}
{"kind":"drained","feed":"azdo","outcome":"delivered","bytes":9,"logs":2,"events":2,"lag":{"60":2},"last_event":"2024-01-01T00:00:00Z"}
"#,
        );
        shows(&metrics, r#"udmill_received_bytes_total{feed="azdo"} 9"#);
        shows(
            &metrics,
            r#"udmill_faults_total{feed="azdo",kind="unavailable"} 1"#,
        );
        shows(&metrics, r#"udmill_events_total{feed="azdo"} 2"#);
        shows(&metrics, r#"udmill_event_lag_seconds_count{feed="azdo"} 2"#);
        shows(
            &metrics,
            r#"udmill_last_event_timestamp_seconds{feed="azdo"} 1704067200"#,
        );
        shows(
            &metrics,
            r#"udmill_requests_total{feed="azdo",route="",outcome="stored",status="200"} 1"#,
        );
    }

    #[test]
    fn labels_are_escaped_and_not_without_end() {
        let metrics = Metrics::default();
        metrics.count(br#"{"kind":"request","feed":"a\"\\\n"}"#);
        shows(
            &metrics,
            r#"udmill_requests_total{feed="a\"\\\n",route="",outcome="",status="null"} 1"#,
        );
        for number in 0..2 * FEEDS {
            metrics.count(format!(r#"{{"kind":"request","feed":"{number}"}}"#).as_bytes());
        }
        let text = metrics.text();
        let requests = text
            .lines()
            .filter(|it| it.starts_with("udmill_requests_total{"));
        assert_eq!(requests.count(), FEEDS + 1);
    }
}
