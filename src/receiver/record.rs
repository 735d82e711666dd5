//! The one line of JSON that every request leaves in the log. Whoever runs the receiver counts its metrics from these
//! lines alone.
//!
//! Nothing secret gets here: no header, no query, nothing of a body.

use std::fmt::Write;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::drain::Done;
use crate::host::Host;
use crate::store::hex;

/// The bounds, in seconds, of the counts of how long events were on their way; longer ones are counted under `inf`.
pub const LAG_BOUNDS: &[i64] = &[10, 60, 300, 900, 3_600, 14_400, 86_400];
/// How far clocks may differ before an event counts as one from the future, in seconds.
const SKEW: i64 = 60;

/// A request's line, which is written when this is dropped: also when the request is given up halfway.
pub struct Record<'a, H: Host> {
    host: &'a H,
    arrived: Duration,
    /// What names the request, in the store too.
    pub id: String,
    /// As HTTP spells it.
    pub method: String,
    /// `feed`, `healthz`, `readyz`, `status`, `drain`, `quarantine`; `none` for any other path.
    pub route: &'static str,
    /// A feed of the configuration.
    pub feed: Option<String>,
    /// The name in the path, where the configuration has no such feed.
    pub unknown_feed: Option<String>,
    /// The answer's.
    pub status: u16,
    /// What became of it, in a word.
    pub outcome: &'static str,
    /// Of the body.
    pub bytes: usize,
    /// What became of its logs.
    pub tally: Tally,
    /// Why not, in a word.
    pub fault: Option<&'static str>,
    /// What happened, without anything secret.
    pub message: Option<String>,
    /// Somebody has to mend something.
    pub alarm: bool,
    /// What waits in the store, as [`crate::status`] tells it; nothing where nobody has looked.
    pub state: Map<String, Value>,
}

/// What became of a delivery's logs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Logs that were found.
    pub logs: usize,
    /// Events that they gave.
    pub events: usize,
    /// Logs that gave none.
    pub rejected: usize,
    /// Items that the destination will never take.
    pub refused: usize,
    /// Logs that are in quarantine now.
    pub quarantined: usize,
    /// Requests that were made of destinations.
    pub sub_requests: usize,
    /// How long events were on their way.
    pub lag: Lag,
}

impl Tally {
    /// Adds those of another delivery.
    pub fn add(&mut self, other: Tally) {
        self.logs += other.logs;
        self.events += other.events;
        self.rejected += other.rejected;
        self.refused += other.refused;
        self.quarantined += other.quarantined;
        self.sub_requests += other.sub_requests;
        self.lag.add(other.lag);
    }

    /// Puts the fields of a line.
    fn fields(&self, mut put: impl FnMut(&str, Value)) {
        for (key, count) in [
            ("logs", self.logs),
            ("events", self.events),
            ("rejected", self.rejected),
            ("refused", self.refused),
            ("quarantined", self.quarantined),
            ("sub_requests", self.sub_requests),
        ] {
            put(key, json!(count));
        }
        if let Some(last) = self.lag.last {
            let bounds = LAG_BOUNDS.iter().map(i64::to_string);
            let bounds = bounds.chain(["inf".to_owned()]);
            let counts = self.lag.counts.iter().map(|it| json!(it));
            put("lag", bounds.zip(counts).collect());
            put("lag_sum", json!(self.lag.sum));
            put("future", json!(self.lag.future));
            put("late", json!(self.lag.late));
            put("last_event", json!(last.to_rfc3339()));
        }
    }
}

/// The line of a stored delivery that a drain has tried; `request` is the drain's own.
pub fn drained(request: &str, done: &Done, outcome: &str) -> Value {
    let mut line = Map::new();
    let mut put = |key: &str, value: Value| {
        line.insert(key.to_owned(), value);
    };
    put("kind", json!("drained"));
    put("id", json!(request));
    put("feed", json!(done.waiting.feed));
    put("received", json!(done.waiting.received.to_rfc3339()));
    put("outcome", json!(outcome));
    put("bytes", json!(done.waiting.bytes));
    done.delivered.tally.fields(&mut put);
    if let Some(fault) = &done.delivered.fault {
        put("fault", json!(fault.kind));
        put("message", json!(fault.message));
        if fault.alarm {
            put("alarm", json!(true));
        }
    }
    Value::Object(line)
}

/// How long events were on their way, from their own time to their receipt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// As many as [`LAG_BOUNDS`], and one for longer.
    counts: Vec<usize>,
    /// Of all, in seconds; events from the future count as none.
    sum: i64,
    future: usize,
    late: usize,
    last: Option<DateTime<Utc>>,
}

impl Lag {
    /// Counts events as the normalizer writes them.
    pub fn of(events: &[&[u8]], received: DateTime<Utc>) -> Lag {
        let mut lag = Lag {
            counts: vec![0; LAG_BOUNDS.len() + 1],
            ..Lag::default()
        };
        for time in events.iter().filter_map(|it| event_time(it)) {
            let seconds = (received - time).num_seconds();
            let at = LAG_BOUNDS.partition_point(|bound| *bound < seconds);
            if let Some(count) = lag.counts.get_mut(at) {
                *count += 1;
            }
            lag.sum = lag.sum.saturating_add(seconds.max(0));
            lag.future += usize::from(seconds < -SKEW);
            lag.late += usize::from(seconds > 86_400);
            lag.last = lag.last.max(Some(time));
        }
        lag
    }

    fn add(&mut self, other: Lag) {
        self.counts
            .resize(other.counts.len().max(self.counts.len()), 0);
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
        self.sum = self.sum.saturating_add(other.sum);
        self.future += other.future;
        self.late += other.late;
        self.last = self.last.max(other.last);
    }
}

/// The first `eventTimestamp` is the one of `metadata`, with which events begin. No text can hold it between such
/// quotes and a colon, since quotes in texts are escaped.
fn event_time(event: &[u8]) -> Option<DateTime<Utc>> {
    let mut parts = event.split(|byte| *byte == b'"');
    while parts.find(|it| *it == b"eventTimestamp").is_some() {
        if parts.next()? == b":" {
            break;
        }
    }
    let text = std::str::from_utf8(parts.next()?).ok()?;
    DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|it| it.to_utc())
}

impl<'a, H: Host> Record<'a, H> {
    /// The line of a request that has just come. Unless more is told, it was given up.
    pub fn begin(host: &'a H, method: &str, arrived: Duration) -> Record<'a, H> {
        let random = host.random();
        Record {
            host,
            arrived,
            id: hex(random.get(..8).unwrap_or_default()),
            method: method.chars().take(16).collect(),
            route: "none",
            feed: None,
            unknown_feed: None,
            status: 503,
            outcome: "given_up",
            bytes: 0,
            tally: Tally::default(),
            fault: None,
            message: None,
            alarm: false,
            state: Map::new(),
        }
    }

    /// Written as it is told, without a map: most requests carry one event, which takes less time than their line did.
    fn line(&self) -> String {
        let mut line = String::with_capacity(512);
        let mut put = |key: &str, value: Value| {
            let start = if line.is_empty() { '{' } else { ',' };
            // A String takes everything.
            _ = write!(line, "{start}\"{key}\":{value}");
        };
        put("kind", json!("request"));
        put("time", json!(self.host.now().to_rfc3339()));
        put("id", json!(self.id));
        if let Some(feed) = &self.feed {
            put("feed", json!(feed));
        }
        if let Some(name) = &self.unknown_feed {
            put(
                "unknown_feed",
                json!(name.chars().take(64).collect::<String>()),
            );
        }
        put("method", json!(self.method));
        put("route", json!(self.route));
        put("status", json!(self.status));
        put("outcome", json!(self.outcome));
        put("bytes", json!(self.bytes));
        let duration = self.host.elapsed().saturating_sub(self.arrived);
        put("duration_ms", json!(duration.as_micros() as f64 / 1000.0));
        self.tally.fields(&mut put);
        if let Some(fault) = self.fault {
            put("fault", json!(fault));
        }
        if let Some(message) = &self.message {
            put("message", json!(message));
        }
        if self.alarm {
            put("alarm", json!(true));
        }
        for (key, value) in &self.state {
            put(key, value.clone());
        }
        line.push('}');
        line
    }
}

impl<H: Host> Drop for Record<'_, H> {
    fn drop(&mut self) {
        self.host.log(&self.line());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Memory;

    #[test]
    fn a_request_that_is_given_up_leaves_a_line() {
        let host = Memory::new();
        let mut record = Record::begin(&host, "POST", host.elapsed());
        record.feed = Some("azdo".to_owned());
        host.pass(Duration::from_millis(1500));
        drop(record);
        let logged = host.logged.borrow();
        let line: Value = serde_json::from_str(&logged[0]).expect("JSON");
        assert_eq!(line["outcome"], "given_up");
        assert_eq!(
            (&line["status"], &line["feed"]),
            (&json!(503), &json!("azdo"))
        );
        assert_eq!(line["duration_ms"], 1500.0);
        assert_eq!(line["id"].as_str().map(str::len), Some(16));
        assert!(line.get("lag").is_none());
    }

    #[test]
    fn the_time_that_events_took_is_counted() {
        let received = "2026-03-14T12:00:00Z".parse().expect("a time");
        let event = |time: &str| {
            format!(
                "{{\"metadata\":{{\"eventTimestamp\":\"{time}\"}},\"additional\":{{\"eventTimestamp\":\"2000-01-01T00:00:00Z\"}}}}"
            )
        };
        let events = [
            "2026-03-14T12:01:00Z",
            "2026-03-14T12:01:01Z",
            "2026-03-14T11:59:50Z",
            "2026-03-14T11:59:49Z",
            "2026-03-13T12:00:00.123Z",
            "2026-03-13T11:59:59Z",
            "no time",
        ]
        .map(event);
        let events: Vec<&[u8]> = events.iter().map(|it| it.as_bytes()).collect();
        let lag = Lag::of(&events, received);
        assert_eq!(lag.counts, [3, 1, 0, 0, 0, 0, 1, 1]);
        assert_eq!(
            (lag.future, lag.late, lag.sum),
            (1, 1, 10 + 11 + 86_399 + 86_401)
        );
        assert_eq!(lag.last, "2026-03-14T12:01:01Z".parse().ok());
    }
}
