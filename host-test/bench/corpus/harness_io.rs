//! The logs of Harness: the goldens' events of the API and of audit streaming, with other ids, times, addresses and names.

use serde_json::Value;

use super::{Corpus, Golden, LOGS, Random, goldens};

/// Events of the API, with nearly every action and type, and of audit streaming, one a line. As many logs are made of the one
/// as of the other: a sender uses either, and events of the API are more kinds.
const GOLDENS: [&str; 2] = ["constructed_events", "constructed_streaming"];
/// An event of the first golden that nobody knows: it gives notes.
const UNKNOWN_ACTION: &str = "REPLICATED";

/// The corpus of Harness.
pub fn harness_io() -> Corpus {
    let goldens = goldens("harness_io", &GOLDENS);
    Corpus {
        log_type: "HARNESS_IO",
        logs: logs(&goldens),
        goldens,
    }
}

/// Makes the logs.
fn logs(goldens: &[Golden]) -> Vec<Vec<u8>> {
    let mut random = Random(0x5EED);
    let templates: Vec<Vec<&Value>> = goldens.iter().map(templates).collect();
    let log = |_| {
        let templates = &templates[random.below(templates.len())];
        let mut log = templates[random.below(templates.len())].clone();
        Change::new(&mut random).apply("", &mut log);
        let mut line = serde_json::to_vec(&log).expect("a value is JSON");
        line.push(b'\n');
        line
    };
    (0..LOGS).map(log).collect()
}

fn templates(golden: &Golden) -> Vec<&Value> {
    let logs = golden.logs.iter();
    logs.filter(|log| log["action"] != UNKNOWN_ACTION).collect()
}

/// What is other in one log. Texts that are equal stay equal.
struct Change {
    seed: u64,
    /// Milliseconds.
    later: i64,
}

impl Change {
    fn new(random: &mut Random) -> Change {
        /// 300 days.
        const SPAN: usize = 300 * 24 * 60 * 60 * 1_000;
        Change {
            seed: random.next(),
            later: random.below(SPAN) as i64,
        }
    }

    fn apply(&self, key: &str, value: &mut Value) {
        match value {
            Value::Object(object) => {
                let members = object.iter_mut();
                members.for_each(|(key, value)| self.apply(key, value));
            }
            Value::Array(array) => array.iter_mut().for_each(|value| self.apply(key, value)),
            Value::String(text) => self.change(key, text),
            // The API writes milliseconds, audit streaming decimal seconds.
            Value::Number(number) if key == "timestamp" => {
                let time = number.as_i64().expect("milliseconds");
                *value = (time + self.later).into();
            }
            Value::Number(number) if key == "auditEventTime" => {
                // Whole milliseconds, which a number with a point does not hold as they are.
                let time = (number.as_f64().expect("seconds") * 1e3).round() as i64;
                *value = ((time + self.later) as f64 / 1e3).into();
            }
            _ => {}
        }
    }

    fn change(&self, key: &str, text: &mut String) {
        let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let mut random = Random(text.bytes().fold(self.seed, fold));
        let is_word = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if key == "clientIP" {
            *text = format!("198.51.100.{}", 1 + random.below(254));
        } else if let Some((name, _)) = text.split_once('@') {
            *text = format!("{name}{}@example.com", random.below(1_000));
        } else if is_word && matches!(text.len(), ID_OF_EVENT | ID_OF_USER) {
            // Those of events have hexadecimal digits.
            let most = if text.len() == ID_OF_EVENT { 16 } else { 36 };
            let other = |_| char::from_digit(random.below(most) as u32, most as u32);
            *text = (0..text.len()).filter_map(other).collect();
        } else if key == "resourceName" {
            *text = format!("{text}-{}", random.below(1_000));
        }
    }
}

/// The lengths of ids.
const ID_OF_EVENT: usize = "6955cce5a1b2c3d4e5a0b7bb".len();
const ID_OF_USER: usize = "kZ3vQxY1TQ2mPa9fLr8bWw".len();
