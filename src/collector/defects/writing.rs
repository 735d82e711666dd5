//! What is written: names, lines, sizes, shapes, and what an object tells of itself.

use serde_json::Value;

use crate::testing::{World, settings};
use crate::tests::{balance, good, small, world};

/// The objects that a feed reads, as they were written.
fn objects(world: &World) -> Vec<(String, String)> {
    let keys = world.store.keys("harness/audit/");
    keys.iter()
        .map(|it| (it.clone(), world.store.text(it)))
        .collect()
}

/// Defect 27: objects are dated by their upload and named by chance, or not even that.
#[test]
fn an_object_is_dated_by_its_window_and_the_same_one_has_the_same_name() {
    let (mut one, mut other) = (world(), world());
    for world in [&mut one, &mut other] {
        good(world, &small());
    }
    let keys = |world: &World| {
        objects(world)
            .into_iter()
            .map(|it| it.0)
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(&one), keys(&other));
    let names = keys(&one);
    assert!(
        names[0].starts_with("harness/audit/2026/01/01/harness-audit-20260101T0100"),
        "{}",
        names[0]
    );
    assert!(
        names[0].contains("-0000-") && names[0].ends_with(".jsonl"),
        "{}",
        names[0]
    );
    one.pass(25 * 60);
    good(&mut one, &small());
    assert!(
        keys(&one).iter().all(|it| it.contains("/2026/01/01/")),
        "the day of the window, not of the run"
    );
}

/// Defect 28: no newline ends an object, so that two put together glue their events.
#[test]
fn every_line_ends_with_a_newline() {
    let mut world = world();
    good(&mut world, &small());
    let all: String = objects(&world).into_iter().map(|it| it.1).collect();
    let lines: Vec<Result<Value, _>> = all.lines().map(serde_json::from_str).collect();
    assert!(all.ends_with("}\n") && lines.iter().all(Result::is_ok));
    assert_eq!(lines.len(), 57);
}

/// Defect 29: nothing tells what an object holds, beyond a count.
#[test]
fn an_object_tells_its_window_its_events_and_their_times() {
    let mut world = world();
    let outcome = good(&mut world, &small());
    for key in &outcome.summary.keys {
        let (write, _) = &world.store.objects[key];
        let text = |name: &str| {
            let found = write.metadata.iter().find(|it| it.0 == name);
            found.unwrap_or_else(|| panic!("{name}")).1.clone()
        };
        let number = |name: &str| text(name).parse::<i64>().expect("a number");
        let body = String::from_utf8(write.body.clone()).expect("text");
        let times = body.lines().map(|it| {
            let event: Value = serde_json::from_str(it).expect("JSON");
            event["timestamp"].as_i64().expect("a time")
        });
        let times: Vec<i64> = times.collect();
        assert_eq!(number("event-count"), times.len() as i64);
        assert_eq!(Some(&number("first-timestamp")), times.iter().min());
        assert_eq!(Some(&number("last-timestamp")), times.iter().max());
        assert!(
            times
                .iter()
                .all(|it| (number("window-start")..=number("window-end")).contains(it))
        );
        assert_eq!(text("source"), "udmill-collector");
        assert!(text("collection-time").starts_with("2026-01-01T02:00:"));
    }
}

/// Defect 30: no object has a largest size.
#[test]
fn a_page_that_is_too_large_goes_on_in_another_object() {
    let mut world = world();
    let outcome = good(&mut world, &settings(&[("MAX_OBJECT_BYTES", "1024")]));
    assert!(outcome.summary.objects >= 5, "{}", outcome.summary.objects);
    assert!(objects(&world).iter().all(|(_, text)| text.len() <= 1024));
    assert_eq!(balance(&mut world, 61..117), (0, 0));
}

/// Defect 33: the Lambda's shape is not the one whose names Google's parser is known to read.
#[test]
fn the_shape_is_asked_for_and_can_be_that_of_audit_streaming() {
    for (shape, id, time) in [
        ("api", "auditId", "timestamp"),
        ("streaming", "auditEventId", "auditEventTime"),
    ] {
        let mut world = world();
        good(&mut world, &settings(&[("OUTPUT_SHAPE", shape)]));
        for (_, text) in objects(&world) {
            for line in text.lines() {
                let event: Value = serde_json::from_str(line).expect("JSON");
                assert!(
                    event.get(id).is_some() && event.get(time).is_some(),
                    "{shape} {line}"
                );
            }
        }
        assert_eq!(balance(&mut world, 61..117), (0, 0), "{shape}");
    }
    let none = std::collections::BTreeMap::new();
    let found = crate::settings::from_environment(&none)
        .expect_err("mistakes")
        .join("\n");
    assert!(found.contains("`OUTPUT_SHAPE`"), "{found}");
}
