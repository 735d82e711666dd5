//! Metrics as Prometheus reads them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

/// Counts by upper bound; not cumulated.
#[derive(Default)]
pub(super) struct Histogram {
    buckets: BTreeMap<Bound, f64>,
    /// None if nobody tells.
    sum: Option<f64>,
}

/// An upper bound in milliseconds; the last is no bound at all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Bound {
    At(u64),
    Infinite,
}

impl Histogram {
    /// With these bounds, in milliseconds, before anything is counted.
    pub fn new(bounds: &[u64]) -> Histogram {
        let buckets = bounds.iter().map(|bound| (Bound::At(*bound), 0.0));
        Histogram {
            buckets: buckets.collect(),
            sum: None,
        }
    }

    /// Counts so many up to this bound, and above the one before.
    pub fn add(&mut self, bound: Bound, count: f64) {
        *self.buckets.entry(bound).or_default() += count;
    }

    /// Adds to the sum of all that was counted, in seconds.
    pub fn add_up(&mut self, seconds: f64) {
        *self.sum.get_or_insert_default() += seconds;
    }

    /// Its lines.
    pub fn write(&self, text: &mut String, name: &str, labels: &str) {
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

/// The line of a number that is no part of a histogram.
pub(super) fn write_number(text: &mut String, name: &str, labels: &str, number: f64) {
    let _ = match labels {
        "" => writeln!(text, "{name} {number}"),
        _ => writeln!(text, "{name}{{{labels}}} {number}"),
    };
}

/// Labels with their values, escaped.
pub(super) fn labels(pairs: &[(&str, &str)]) -> Arc<str> {
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
    text.into()
}
