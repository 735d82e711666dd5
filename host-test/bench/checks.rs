//! What has to hold before anything is measured: all designs that make events make the same ones.

use serde_json::Value;
use udmill::Component;

use crate::components::{Unlimited, Yardsticks};
use crate::corpus::{Corpus, batches};
use crate::designs::{SIZES, USUAL, options, udm_options};
use crate::{scan, vrl};

/// The program in VRL gives each golden's events, and those of the corpus that the others give.
pub fn corpus(corpus: &Corpus, wasm: &[u8], component: &Component) -> wasmtime::Result<()> {
    for golden in &corpus.goldens {
        let lines = golden.logs.iter().map(|log| format!("{log}\n"));
        let lines = lines.collect::<String>().into_bytes();
        let mut events = vrl::events(corpus.log_type, lines);
        events.retain(|event| !event.is_null());
        equal(golden.name, &golden.events, &events);
    }
    let events = events(corpus.log_type, &corpus.logs, wasm, component)?;
    let found = vrl::events(corpus.log_type, corpus.logs.concat());
    equal("the corpus", &events, &found);
    Ok(())
}

/// The crate gives one event a log, and the component the same bytes in batches of any size: the events.
fn events(
    log_type: &str,
    logs: &[Vec<u8>],
    wasm: &[u8],
    component: &Component,
) -> wasmtime::Result<Vec<Value>> {
    let mut reader = udm::Reader::new(&udm_options(log_type)).expect("the options can be used");
    let native = reader.push(&logs.concat());
    assert_eq!(native.log_indexes.len(), logs.len());
    assert!(native.rejections.is_empty() && native.notes.is_empty());
    for size in SIZES {
        let mut transform = component.instantiate().map_err(wasmtime::Error::new)?;
        let reader = transform
            .reader(&options(log_type))
            .map_err(wasmtime::Error::new)?;
        let mut events = Vec::new();
        for batch in batches(logs, size) {
            let answer = transform.push(reader, &batch);
            let answer = answer.map_err(wasmtime::Error::new)?;
            events.extend(answer.expect("the options can be used").events);
        }
        assert!(events == native.events, "in batches of {size}");
    }
    let mut unlimited = Unlimited::new(wasm, log_type)?;
    let mut yardstick = Yardsticks::new(component.engine())?.instantiate()?;
    let mut events = Vec::new();
    for batch in batches(logs, USUAL) {
        events.extend(unlimited.push(&batch)?.events);
        assert_eq!(yardstick.scan(&batch)?, scan::scan(&batch));
    }
    assert!(events == native.events, "without limits");
    let native = serde_json::Deserializer::from_slice(&native.events).into_iter();
    Ok(native
        .map(|event| event.expect("events are JSON"))
        .collect())
}

/// Equal as JSON: the order of keys is nothing.
fn equal(name: &str, expected: &[Value], found: &[Value]) {
    assert_eq!(found.len(), expected.len(), "events of {name} in VRL");
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            found == expected,
            "expected the event {expected:#} of {name} in VRL, but found {found:#}"
        );
    }
}
