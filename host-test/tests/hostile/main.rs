//! Input that somebody made to do harm: it is answered within the limits of the command, each log of it is accounted for,
//! and the same instance answers the next call as if nothing had been.
//!
//! What becomes of a log that brings an instance down all the same stands in `stream.rs`; what holds for any input is asked
//! by `host-test/fuzz`.

mod logs;
mod requests;

use std::sync::LazyLock;

use udmill::wit::{Batch, Options};
use udmill::{Component, Limits, Transform};

const MIB: usize = 1 << 20;

/// The most bytes of a log.
const LOG: usize = 4 * MIB;

/// The most bytes of a push.
const PUSH: usize = 8 * MIB;

const GOOD: &str = r#"{"ActionId":"a","Timestamp":"2024-01-01T00:00:00Z"}"#;

static COMPONENT: LazyLock<Component> = LazyLock::new(|| host_test::component(Limits::default()));

fn options(delimiter: Option<&str>) -> Options {
    Options {
        split_delimiter: delimiter.map(str::to_owned),
        ..Options::of("AZURE_DEVOPS")
    }
}

/// What a payload gave.
#[derive(Debug, Default, PartialEq)]
struct Sum {
    logs: usize,
    events: usize,
    rejected: usize,
    /// Rejected because the component failed.
    failed: usize,
    /// Where the last log ends.
    end: u64,
}

impl Sum {
    /// Adds a batch; every log of it has to be accounted for.
    fn add(&mut self, name: &str, batch: &Batch) {
        for log in &batch.logs {
            assert!(log.offset >= self.end, "{name}: spans overlap");
            self.end = log.offset + log.length;
        }
        let mut logs: Vec<u32> = batch.rejections.iter().map(|it| it.log_index).collect();
        logs.extend(&batch.log_indexes);
        logs.sort_unstable();
        logs.dedup();
        let handshakes = batch.notes.iter().filter(|it| it.row == "handshake");
        assert_eq!(logs.len() + handshakes.count(), batch.logs.len(), "{name}");
        let lines = batch.events.iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(lines, batch.log_indexes.len(), "{name}");
        let failed = |reason: &str| reason.contains("component");
        self.logs += batch.logs.len();
        self.events += lines;
        self.rejected += batch.rejections.len();
        self.failed += (batch.rejections.iter())
            .filter(|it| failed(&it.reason))
            .count();
    }
}

/// Reads a payload by one reader, in pieces of at most a push; then the instance has to answer as ever.
fn read(transform: &mut Transform, name: &str, pieces: &[&[u8]], delimiter: Option<&str>) -> Sum {
    let mut sum = Sum::default();
    let mut add = |answer: Result<Result<Batch, _>, _>| match answer {
        Ok(batch) => sum.add(name, &batch.unwrap()),
        Err(trap) => panic!("{name}: {trap}"),
    };
    let reader = transform.reader(&options(delimiter)).unwrap();
    for piece in pieces {
        for piece in piece.chunks(PUSH) {
            add(transform.push(reader, piece));
        }
    }
    add(transform.finish(reader));
    transform.close(reader).unwrap();
    let next = transform.normalize(GOOD.as_bytes(), &options(None));
    assert_eq!(next.unwrap().unwrap().log_indexes, [0], "after {name}");
    sum
}

/// Copies of a text, up to a length.
fn fill(text: &str, length: usize) -> String {
    text.repeat(length / text.len())
}

/// A good log with more members.
fn record(members: &str) -> String {
    GOOD.replace('}', &format!(",{members}}}"))
}

/// A log as long as may be, by copies of a text in one of its members.
fn long(key: &str, text: &str) -> String {
    record(&format!("\"{key}\":\"{}\"", fill(text, LOG - 99)))
}

/// A text as the content of a JSON string.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
