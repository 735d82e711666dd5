//! A log that the component cannot survive takes no other along, wherever it stands and however the payload comes.
//!
//! Nothing is known to bring the component down under the limits of the command. So its memory is made so small here that
//! it cannot hold a log of a few megabytes, though it would accept one.

use std::io::Read;

use udmill::wit::Options;
use udmill::{Component, Limits, Stream};

const GOOD: &str = r#"{"Id":"ID","ActionId":"Git.CreateRepo","Timestamp":"2024-01-01T00:00:00Z"}"#;

/// What a payload gave.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    /// The `productLogId` of each event.
    events: Vec<String>,
    /// Of each rejected log, where it begins and what it is.
    rejected: Vec<(usize, String)>,
}

fn outcome(payload: &str, piece: usize, component: &Component) -> Outcome {
    let mut stream = Stream::new(component, Options::of("AZURE_DEVOPS"));
    let mut outcome = Outcome::default();
    let mut pieces = payload.as_bytes().chunks(piece);
    loop {
        let piece = pieces.next();
        let batches = match piece {
            Some(piece) => stream.push(piece).unwrap(),
            None => stream.finish().unwrap(),
        };
        for batch in batches {
            for event in batch.events.split(|byte| *byte == b'\n') {
                if let Ok(event) = serde_json::from_slice::<serde_json::Value>(event) {
                    let id = event["metadata"]["productLogId"].as_str().unwrap();
                    outcome.events.push(id.to_owned());
                }
            }
            for rejection in batch.rejections {
                let log = batch.logs[rejection.log_index as usize];
                let mut raw = String::new();
                stream.raw(log).unwrap().read_to_string(&mut raw).unwrap();
                let offset = log.offset as usize;
                assert_eq!(payload[offset..][..raw.len()], raw);
                let reason = "at most 4 MiB of memory";
                assert!(rejection.reason.contains(reason), "{}", rejection.reason);
                outcome.rejected.push((offset, raw));
            }
        }
        if piece.is_none() {
            return outcome;
        }
    }
}

#[test]
fn a_log_that_needs_too_much_memory_is_rejected_alone() {
    let good = |id: &str| GOOD.replace("ID", id);
    let huge = GOOD.replace("ID", &"x".repeat(3 << 20));
    let [a, b, c] = ["a", "b", "c"].map(good);
    let component = host_test::component(Limits {
        memory: 4 << 20,
        ..Limits::default()
    });
    for payload in [
        format!("{a}\n{huge}\n{b}\n{c}\n"),
        format!("{a}{huge}{b}{c}"),
        format!("{huge}\n{a}\n{b}\n{c}"),
        format!("{a}\n{b}\n{c}\n{huge}\n"),
        format!("[{a},{huge},{b},{c}]"),
        format!("[{huge},{a},{b},{c}]"),
        format!("[ {a} , {b} , {c} , {huge} ]"),
        format!(r#"{{"records": [{a}, {huge}, {b}, {c}]}}"#),
        format!(r#"{{"records": [{huge}, {a}, {b}]}}{{"records": [{c}]}}"#),
        format!("{{\"records\": [{a}, {huge}]}}\n{{\"records\": [{b}, {c}]}}\n"),
    ] {
        let expected = Outcome {
            events: ["a", "b", "c"].map(str::to_owned).to_vec(),
            rejected: vec![(payload.find(&huge).unwrap(), huge.clone())],
        };
        for piece in [payload.len(), 1 << 20, 4099] {
            let start = &payload[..40];
            assert!(
                outcome(&payload, piece, &component) == expected,
                "{start}… in pieces of {piece}"
            );
        }
    }
}
