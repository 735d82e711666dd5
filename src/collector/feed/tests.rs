//! Whole calls against a bucket and a destination in memory.

mod faults;

use std::time::Duration;

use serde_json::Value;
use udmill_receiver::testing::block_on;
use udmill_receiver::testing::feeds;
use udmill_receiver::{Host, store::quarantine};

use super::marker;
use super::object::Sizes;
use super::testing::{World, gzip, lines, list, name, names, put_all_shapes};

const HOUR: Duration = Duration::from_secs(3600);
const MARKER: &str = ".udmill-consumer-logs.json";

/// What quarantine holds: the reason, the place and the log of each entry.
fn quarantined(world: &World) -> Vec<(String, String, String)> {
    let (entries, _) = block_on(quarantine::list(&world.host, "", 1000)).unwrap();
    let shown = entries.iter().map(|entry| {
        let raw = block_on(quarantine::raw(&world.host, entry))
            .unwrap()
            .unwrap();
        (
            entry.about.reason.clone(),
            entry.about.place.clone().unwrap_or_default(),
            String::from_utf8(raw).unwrap(),
        )
    });
    shown.collect()
}

/// Pieces so small that every object has several.
const SMALL: Sizes = Sizes {
    piece: 700,
    progress: 2800,
    range: 1000,
    kept: 10_000,
    silent: 20_000,
};

#[test]
fn objects_of_every_shape_are_taken_once() {
    let world = World::new("");
    let expected = put_all_shapes(&world, 5);
    let (pulled, _) = world.pull();
    assert_eq!(
        (pulled.objects, pulled.unreadable, pulled.more),
        (8, 0, false)
    );
    assert_eq!((pulled.tally.logs, pulled.tally.events), (45, 45));
    assert_eq!(world.ids_once(), expected);
    let (pulled, asked) = world.pull();
    assert_eq!((pulled.listed, pulled.objects, pulled.bytes), (9, 0, 0));
    assert_eq!(asked, [format!("GET {MARKER}"), "LIST".to_owned()]);
    assert_eq!(world.ids_once(), expected);
}

#[test]
fn what_is_new_late_or_overwritten_is_taken() {
    let world = World::new("");
    world.put("logs/2.jsonl", lines([1]));
    world.pull();
    world.put("logs/1.jsonl", lines([2]));
    world.put("logs/3.jsonl", lines([3]));
    world.put("logs/2.jsonl", lines([4]));
    world.put("logsx/1.jsonl", lines([9]));
    assert_eq!(world.pull().0.objects, 3);
    assert_eq!(world.pull().0.objects, 0);
    assert_eq!(world.ids_once(), names([1, 2, 3, 4]));
}

#[test]
fn a_list_of_many_objects_costs_a_read_of_the_store_for_a_thousand() {
    let world = World::new("");
    for at in 0..4500 {
        world.put(&format!("logs/{at:05}"), "");
    }
    assert_eq!(world.pull().0.objects, 4500);
    let calls = world.host.calls.get();
    let (pulled, asked) = world.pull();
    assert_eq!((pulled.listed, pulled.objects, asked.len()), (4500, 0, 6));
    // The marker, five pages, five records, and the state, which is read once and written twice.
    assert!(
        world.host.calls.get() - calls <= 14,
        "{}",
        world.host.calls.get() - calls
    );
    assert!(world.host.store.borrow().len() <= 7);
}

#[test]
fn an_object_goes_when_all_of_its_logs_are_safe_and_not_before() {
    let world = World::new(", delete = \"on_success\"");
    world.put("logs/1.jsonl", lines([1]));
    world.put("logs/2.jsonl", "{\"no\":\"log\"}\n");
    world.put("logs/3.gz", &gzip(&lines(0..50))[..60]);
    world.put("logs/4.jsonl", lines([4]));
    world.takers.status.set(Some(503));
    let pulled = world.try_pull().unwrap();
    assert!(pulled.fault.is_some() && pulled.more);
    assert_eq!(world.store.objects.borrow().len(), 5);
    world.takers.status.set(None);
    let (pulled, _) = world.pull();
    assert_eq!(
        (pulled.deleted, pulled.undeleted, pulled.unreadable),
        (3, 0, 1)
    );
    let left: Vec<String> = world.store.objects.borrow().keys().cloned().collect();
    // What cannot be read is nowhere else.
    assert_eq!(left, [MARKER, "logs/3.gz"]);
    assert_eq!(world.ids_once(), names([1, 4]));
}

#[test]
fn a_deletion_that_fails_is_told_and_tried_again() {
    let world = World::new(", delete = \"on_success\"");
    for at in 1..9 {
        world.put(&format!("logs/{at}.jsonl"), lines([at]));
    }
    let fails = |it| {
        world
            .store
            .fails
            .borrow_mut()
            .insert("DELETE".to_owned(), it)
    };
    fails((403, "AccessDenied"));
    let (pulled, asked) = world.pull();
    assert_eq!(
        (pulled.objects, pulled.deleted, pulled.undeleted),
        (8, 0, 8)
    );
    assert_eq!(
        asked.iter().filter(|it| it.starts_with("DELETE")).count(),
        3
    );
    assert!(
        pulled.warnings[0]
            .starts_with("expected to delete \"logs/1.jsonl\", but found 403 AccessDenied")
    );
    world.store.fails.borrow_mut().clear();
    let (pulled, _) = world.pull();
    assert_eq!(
        (pulled.objects, pulled.deleted, pulled.undeleted),
        (0, 8, 0)
    );
    assert_eq!(world.ids_once(), names(1..9));
}

/// Some stores answer 501 to a deletion with a condition.
#[test]
fn where_deletions_know_no_condition_it_is_asked_for_before() {
    let world = World::new(", delete = \"on_success\"");
    world.store.deletes_as_told.set(true);
    world.put("logs/1.jsonl", lines([1]));
    world.put("logs/2.jsonl", "");
    let (pulled, asked) = world.pull();
    assert_eq!((pulled.deleted, pulled.undeleted), (2, 0), "{asked:?}");
    let left: Vec<String> = world.store.objects.borrow().keys().cloned().collect();
    assert_eq!(left, [MARKER]);
    let of_first: Vec<&String> = asked.iter().filter(|it| it.contains("/1.jsonl")).collect();
    let [get, delete] = ["GET logs/1.jsonl", "DELETE logs/1.jsonl"];
    assert_eq!(of_first, [get, delete, get, delete]);
}

#[test]
fn what_nobody_takes_is_in_quarantine_with_its_place() {
    let world = World::new("");
    let bad = "{\"no\":\"log\"}";
    world.put("logs/1.json", format!("[{},\n{bad}]", feeds::log("000001")));
    world.put("logs/2.jsonl", "\u{1f}\u{8b} no gzip");
    let (pulled, _) = world.pull();
    assert_eq!(
        (pulled.objects, pulled.unreadable, pulled.tally.quarantined),
        (2, 0, 2)
    );
    let found = quarantined(&world);
    let at = 1 + feeds::log("000001").len() + 2;
    let place = format!("s3://audit/logs/1.json at byte {at}");
    assert!(
        found.iter().any(|it| it.1 == place && it.2 == bad),
        "{found:?}"
    );
    assert!(
        found
            .iter()
            .any(|it| it.1 == "s3://audit/logs/2.jsonl at byte 0"),
        "{found:?}"
    );
}

#[test]
fn an_old_object_is_left_alone() {
    let world = World::new(", max_age_days = 2");
    world.put("logs/1.jsonl", lines([1]));
    world.host.pass(48 * HOUR);
    world.put("logs/2.jsonl", lines([2]));
    assert_eq!(world.pull().0.too_old, 0);
    world.put("logs/3.jsonl", lines([3]));
    world.host.pass(49 * HOUR);
    let (pulled, _) = world.pull();
    assert_eq!((pulled.too_old, pulled.objects), (1, 0));
    assert_eq!(world.ids_once(), names([1, 2]));
}

#[test]
fn a_prefix_belongs_to_one_consumer() {
    let (world, other) = (World::new(""), World::new(""));
    world.put("logs/1.jsonl", lines([1]));
    world.pull();
    let marker = world.store.objects.borrow()[MARKER].clone();
    let text: Value = serde_json::from_slice(&marker.bytes).unwrap();
    assert_eq!(text["prefix"], "logs/");
    let consumer = text["consumer"].as_str().unwrap().to_owned();
    // The same feed of another store is another consumer.
    other.host.random();
    other
        .store
        .objects
        .replace(world.store.objects.borrow().clone());
    for by in [consumer.as_str(), "secops"] {
        other.put(MARKER, format!("{{\"consumer\":\"{by}\"}}"));
        let pulled = other.try_pull().unwrap();
        let fault = pulled.fault.unwrap();
        assert_eq!((fault.kind, fault.alarm), ("consumer", true));
        let end =
            format!("taken by {by:?}; if that is no longer so, delete \"s3://audit/{MARKER}\"");
        assert!(fault.message.ends_with(&end), "{}", fault.message);
        assert!(
            !other
                .store
                .asked
                .borrow()
                .iter()
                .any(|it| it.contains("LIST"))
        );
    }
    assert_eq!(other.takers.ids(), names([]));
    // It is still the first one's, also after its process was started again.
    world.put("logs/2.jsonl", lines([2]));
    assert_eq!(world.pull().0.objects, 1);
}

#[test]
fn a_prefix_inside_of_anothers_is_refused() {
    let world = World::new("");
    let bucket = &world.config.feeds["azdo"].pull.as_ref().unwrap().bucket;
    let claim = |prefix, consumer| {
        let hard = world.host.elapsed() + HOUR;
        let claimed = marker::claim(&world.host, bucket, prefix, consumer, hard);
        block_on(claimed).map_err(|it| it.message)
    };
    assert_eq!(claim("a/b", "one"), Ok(None));
    let refused = claim("a/b/c/d", "other").unwrap_err();
    assert_eq!(
        refused,
        "expected \"s3://audit/a/b/c/d/\" to be no other's, but found that \"s3://audit/a/b/\" is taken by \"one\"; \
         if that is no longer so, delete \"s3://audit/a/.udmill-consumer-b.json\""
    );
    for beside in ["a/bc", "a/c", "b"] {
        assert_eq!(claim(beside, "other"), Ok(None));
    }
    // The larger one is not in it, but is found from within.
    assert_eq!(claim("a", "other"), Ok(None));
    assert!(
        claim("a/b", "one")
            .unwrap_err()
            .contains("/a/\" is taken by \"other\"")
    );
    let written: Vec<String> = world.store.objects.borrow().keys().cloned().collect();
    assert_eq!(written.len(), 5, "{written:?}");
    // Who may not read it cannot know.
    let denied = (
        "GET .udmill-consumer-a.json".to_owned(),
        (403, "AccessDenied"),
    );
    world.store.fails.borrow_mut().extend([denied]);
    assert_eq!(claim("a/b", "one"), Ok(None));
}

#[test]
fn a_marker_that_cannot_be_written_is_a_warning() {
    for (status, code) in [(403, "AccessDenied"), (501, "NotImplemented")] {
        let world = World::new("");
        world.put("logs/1.jsonl", lines([1]));
        let asked = format!("PUT {MARKER}");
        world.store.fails.borrow_mut().insert(asked, (status, code));
        let pulled = world.try_pull().unwrap();
        match status {
            403 => {
                assert_eq!((pulled.fault, pulled.objects), (None, 1));
                assert!(pulled.warnings[0].ends_with("but found 403 AccessDenied"));
            }
            // Also without the condition this store takes nothing.
            _ => assert_eq!(pulled.fault.unwrap().kind, "unexpected"),
        }
    }
}

#[test]
fn large_objects_are_read_over_many_calls_with_the_same_events() {
    let world = World {
        sizes: SMALL,
        budget: Duration::ZERO,
        ..World::new("")
    };
    let expected = put_all_shapes(&world, 60);
    let calls = world.pull_all();
    assert!(calls > 30, "{calls} calls");
    assert_eq!(world.ids_once(), expected);
    assert_eq!(quarantined(&world), []);
}

#[test]
fn delimiters_are_kept_to_over_many_calls() {
    let world = World::of("", "split_delimiter = \"|\"");
    let world = World {
        sizes: SMALL,
        budget: Duration::ZERO,
        ..world
    };
    let logs: Vec<String> = (0..60).map(|it| feeds::log(&name(it))).collect();
    world.put("logs/1", logs.join("|"));
    world.put("logs/2", format!("{}|{}", list(100..150), list(200..250)));
    world.pull_all();
    let expected = names((0..60).chain(100..150).chain(200..250));
    assert_eq!(world.ids_once(), expected);
}

#[test]
fn gzip_goes_on_where_a_call_ended() {
    let world = World {
        budget: Duration::ZERO,
        ..World::new("")
    };
    world.put("logs/1.gz", gzip(&lines(0..60_000)));
    let size = world.store.objects.borrow()["logs/1.gz"].bytes.len() as u64;
    let sizes = Sizes {
        range: 4 << 10,
        ..Sizes::default()
    };
    let world = World { sizes, ..world };
    let mut fetched = 0;
    let mut calls = 0;
    loop {
        let (pulled, _) = world.pull();
        fetched += pulled.bytes;
        calls += 1;
        if !pulled.more {
            break;
        }
    }
    assert!(calls >= 5, "{calls}");
    assert_eq!(world.ids_once(), names(0..60_000));
    // Not from the beginning each time.
    assert!(fetched < 2 * size, "{fetched} of {size}");
}

#[test]
fn what_comes_next_is_fetched_ahead_within_bounds() {
    let fetched = |world: &World| {
        world.takers.status.set(Some(503));
        assert!(world.try_pull().unwrap().fault.is_some());
        let asked = world.store.asked.borrow();
        asked
            .iter()
            .filter(|it| it.starts_with("GET logs/"))
            .count()
    };
    let world = World::new("");
    for at in 0..20 {
        world.put(&format!("logs/{at:02}"), lines([at]));
    }
    world.put("logs/01/", "");
    // The one that is read, and eight objects of the list that may have logs.
    assert_eq!(fetched(&world), 8);
    let size = lines([0]).len() as u64;
    let mut world = World {
        sizes: Sizes {
            range: size,
            ..SMALL
        },
        ..world
    };
    assert_eq!(fetched(&world), 3);
    // Who dies over an object is not to be taken for the victim of another.
    world.deadly = Some("GET logs/00");
    assert!(world.try_pull().is_none());
    world.deadly = None;
    world.host.pass(Duration::from_secs(6));
    assert_eq!(fetched(&world), 1);
    world.takers.status.set(None);
    world.pull_all();
    assert_eq!(world.ids_once(), names(0..20));
}
