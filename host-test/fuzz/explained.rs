//! Whether derivations, put together, are the events.

use serde_json::{Value, json};
use udm::{Derivation, FieldNames, Options, explain};

use crate::with_reader;

/// Puts together what is explained of a log, and compares. A derivation does not tell its event, so of several logs the
/// first one is looked at, and a log of several events is left out.
///
/// # Panics
///
/// When the derivations are not those of the event.
pub fn check(payload: &[u8], options: &Options) {
    let options = Options {
        field_names: FieldNames::Proto,
        ..options.clone()
    };
    let whole = with_reader(&options, |reader| reader.normalize(payload));
    let (log, batch) = match (whole.logs.as_slice(), whole.log_indexes.len()) {
        ([first, ..], 2..) => {
            let log = &payload[first.offset as usize..][..first.length as usize];
            (log, with_reader(&options, |reader| reader.normalize(log)))
        }
        _ => (payload, whole),
    };
    if batch.log_indexes.len() > 1 {
        return;
    }
    let event = batch.events.trim_ascii_end();
    let event = match event.is_empty() {
        true => json!({}),
        false => serde_json::from_slice(event).unwrap(),
    };
    assert_eq!(put_together(&explain(log, &options, None).unwrap()), event);
}

/// An event from its derivations.
fn put_together(told: &[Derivation]) -> Value {
    let mut event = json!({});
    for derivation in told.iter().filter(|it| !it.path.is_empty()) {
        let path = derivation.path.as_str();
        let place = place(&mut event, path);
        assert!(place.is_null(), "{path} is told twice");
        let value = derivation.value.clone().unwrap();
        *place = match path.ends_with(".rbac_enabled") {
            true => json!(value == "true"),
            false => json!(value),
        };
    }
    event
}

fn place<'a>(event: &'a mut Value, path: &str) -> &'a mut Value {
    let mut place = event;
    let mut rest = path;
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if let Some(quoted) = rest.strip_prefix("[\"") {
            return &mut place[quoted.strip_suffix("\"]").unwrap()];
        }
        if let Some(indexed) = rest.strip_prefix('[') {
            let (index, after) = indexed.split_once(']').unwrap();
            let index: usize = index.parse().unwrap();
            if place.is_null() {
                *place = json!([]);
            }
            let elements = place.as_array_mut().unwrap();
            if elements.len() == index {
                elements.push(Value::Null);
            }
            place = &mut elements[index];
            rest = after;
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (key, after) = rest.split_at(end);
            place = &mut place[key];
            rest = after;
        }
    }
    place
}
