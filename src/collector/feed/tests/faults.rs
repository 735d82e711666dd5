//! What goes wrong: objects, processes, the store, the bucket.

use std::time::Duration;

use serde_json::Value;
use udmill_receiver::Host;
use udmill_receiver::host::StoreError;

use super::{HOUR, SMALL, quarantined};
use crate::feed::testing::{World, gzip, lines, name, names, put_all_shapes};

#[test]
fn an_object_that_cannot_be_read_is_named_in_quarantine_and_the_rest_goes_on() {
    let world = World::new("");
    let whole = gzip(&lines(0..500));
    world.put("logs/1.gz", &whole[..whole.len() - 9]);
    world.put("logs/2.gz", [&whole[..], &[9; 9]].concat());
    world.put("logs/3.jsonl", lines([3000]));
    world.put("logs/4.jsonl", lines([4000]));
    world
        .store
        .fails
        .borrow_mut()
        .insert("GET logs/4".to_owned(), (403, "AccessDenied"));
    let (pulled, _) = world.pull();
    assert_eq!((pulled.objects, pulled.unreadable), (1, 3));
    assert!(world.takers.ids().contains(&name(3000)));
    // What came before the fault is there; the last log may be cut off.
    assert!(world.takers.ids().len() >= 500);
    let found = quarantined(&world);
    for (key, reason) in [
        ("logs/1.gz", "expected the end of a gzip member"),
        (
            "logs/2.gz",
            "expected a gzip header, but found something else",
        ),
        (
            "logs/4.jsonl",
            "expected an object that may be read, but found 403 AccessDenied",
        ),
    ] {
        let is_it = |it: &&(String, String, String)| it.2.contains(key) && it.0.starts_with(reason);
        assert_eq!(found.iter().filter(is_it).count(), 1, "{key}: {found:?}");
    }
    let told = world.host.logged.borrow().clone();
    assert_eq!(told.len(), 3);
    let line: Value = serde_json::from_str(&told[0]).unwrap();
    assert_eq!(
        (&line["kind"], &line["key"]),
        (&"object".into(), &"logs/1.gz".into())
    );
    // What is broken stays so; what is forbidden may be allowed some hour.
    assert_eq!(world.pull().0.unreadable, 0);
    world.host.pass(HOUR);
    assert_eq!(world.pull().0.unreadable, 1);
    assert_eq!(quarantined(&world).len(), found.len());
    world.store.fails.borrow_mut().clear();
    world.host.pass(HOUR);
    assert_eq!(world.pull().0.objects, 1);
    assert!(world.takers.ids().contains(&name(4000)));
}

#[test]
fn an_object_that_is_overwritten_meanwhile_is_not_mixed() {
    let world = World {
        sizes: SMALL,
        budget: Duration::ZERO,
        ..World::new("")
    };
    world.put("logs/1.jsonl", lines(0..40));
    world.pull();
    world.put("logs/1.jsonl", lines(100..140));
    world.pull_all();
    let ids = world.ids_once();
    assert!(names(100..140).iter().all(|it| ids.contains(it)));
    assert!(ids.len() > 40 && ids.len() < 80, "{}", ids.len());
    assert_eq!(quarantined(&world), []);
}

#[test]
fn whenever_the_process_dies_nothing_is_missing() {
    for more in ["", ", delete = \"on_success\""] {
        for crash in 0.. {
            let world = World {
                sizes: SMALL,
                ..World::new(more)
            };
            let mut expected = put_all_shapes(&world, 8);
            world.put(
                "logs/z.jsonl",
                [&lines([9999])[..], b"{\"no\":\"log\"}\n"].concat(),
            );
            expected.push(name(9999));
            world.host.crash_before(crash);
            if world.try_pull().is_some() {
                assert!(crash > 50, "{crash} calls");
                break;
            }
            world.host.restart();
            let pulled = world.try_pull().unwrap();
            assert_eq!(
                pulled.fault.map_or("", |it| it.kind),
                if crash < 2 { "" } else { "busy" },
                "{crash}"
            );
            world.host.pass(Duration::from_secs(11));
            world.pull_all();
            assert_eq!(world.takers.ids(), expected, "after {crash} calls");
            // One request may have been taken and not written down.
            assert!(
                world.takers.repeated() <= 16,
                "{} after {crash}",
                world.takers.repeated()
            );
            assert_eq!(quarantined(&world).len(), 1);
            let left = world.store.objects.borrow().len();
            assert_eq!(
                left,
                if more.is_empty() { 11 } else { 2 },
                "after {crash} calls"
            );
            assert_eq!(world.pull().0.objects, 0);
        }
    }
}

#[test]
fn whenever_the_store_or_the_bucket_fails_nothing_is_missing() {
    for failing in 0..200 {
        let world = World {
            sizes: SMALL,
            ..World::new("")
        };
        let expected = put_all_shapes(&world, 8);
        let error = StoreError::Failed("broken".to_owned());
        world
            .host
            .break_store(move |call| (call.before == failing).then(|| error.clone()));
        let pulled = world.try_pull().unwrap();
        // The ledger need not be told.
        if let Some(fault) = pulled.fault {
            assert_eq!(fault.kind, "store");
        }
        world.host.mend_store();
        world.host.pass(Duration::from_secs(11));
        world.pull_all();
        assert_eq!(world.takers.ids(), expected, "call {failing}");
    }
    for asked in ["LIST", "GET logs/c", "GET logs/", "GET .udmill"] {
        for (status, code) in [
            (500, "InternalError"),
            (503, "SlowDown"),
            (403, "ExpiredToken"),
        ] {
            let world = World::new("");
            let expected = put_all_shapes(&world, 8);
            world
                .store
                .fails
                .borrow_mut()
                .insert(asked.to_owned(), (status, code));
            let pulled = world.try_pull().unwrap();
            assert!(
                pulled.fault.is_some() && pulled.unreadable == 0,
                "{asked} {status}"
            );
            assert_eq!(pulled.fault.unwrap().alarm, status == 403);
            world.store.fails.borrow_mut().clear();
            world.pull_all();
            assert_eq!(world.ids_once(), expected);
        }
    }
}

#[test]
fn two_calls_at_once_are_one() {
    let world = World::new("");
    world.put("logs/1.jsonl", lines([1]));
    world.host.crash_before(6);
    assert!(world.try_pull().is_none());
    world.host.restart();
    let fault = world.try_pull().unwrap().fault.unwrap();
    assert_eq!((fault.kind, fault.alarm), ("busy", false));
    assert!(fault.retry_after <= Duration::from_secs(10));
    world.host.pass(fault.retry_after);
    world.pull();
    assert_eq!(world.takers.ids(), names([1]));
}

#[test]
fn an_object_that_kills_every_reader_is_named_in_quarantine() {
    let mut world = World {
        deadly: Some("GET logs/2.jsonl"),
        ..World::new("")
    };
    for at in 1..4 {
        world.put(&format!("logs/{at}.jsonl"), lines([at]));
    }
    let mut deaths = 0;
    while world.try_pull().is_none() {
        deaths += 1;
        world.host.pass(Duration::from_secs(11));
    }
    // One that nobody saw coming, and three that were written down.
    assert_eq!(deaths, 4);
    let found = quarantined(&world);
    assert!(
        found.len() == 1 && found[0].2.contains("logs/2.jsonl"),
        "{found:?}"
    );
    let reason = "expected a piece that can be read, but found that 3 calls have died over it";
    assert_eq!(found[0].0, reason);
    assert_eq!(world.takers.ids(), names([1, 3]));
    world.deadly = None;
    assert_eq!(world.pull().0.objects, 0);
}

#[test]
fn an_object_is_not_blamed_for_calls_that_die_while_they_deliver() {
    let mut world = World {
        deadly: Some("POST"),
        ..World::new("")
    };
    world.put("logs/1.jsonl", lines([1]));
    for _ in 0..6 {
        assert!(world.try_pull().is_none());
        world.host.pass(Duration::from_secs(11));
    }
    world.deadly = None;
    world.pull_all();
    assert_eq!(world.takers.ids(), names([1]));
    assert_eq!(quarantined(&world), []);
}

#[test]
fn a_call_waits_for_one_that_may_have_died() {
    let world = World {
        budget: Duration::from_secs(6),
        ..World::new("")
    };
    world.put("logs/1.jsonl", lines([1]));
    world.host.crash_before(6);
    assert!(world.try_pull().is_none());
    world.host.restart();
    let before = world.host.elapsed();
    world.pull_all();
    assert!(world.host.elapsed() - before <= Duration::from_secs(5));
    assert_eq!(world.ids_once(), names([1]));
}

#[test]
fn what_has_no_end_of_a_log_is_given_up_at_a_place_that_is_told() {
    let world = World {
        sizes: SMALL,
        ..World::new("")
    };
    let before = lines(0..30);
    let endless = format!("{{\"a\":\"{}", "x".repeat(20_000));
    world.put("logs/1", [&before, endless.as_bytes()].concat());
    world.put("logs/2", lines([30]));
    let (pulled, _) = world.pull();
    assert_eq!((pulled.objects, pulled.unreadable), (1, 1));
    assert_eq!(pulled.tally.quarantined, 1);
    assert_eq!(world.ids_once(), names(0..31));
    let [(reason, place, object)] = &quarantined(&world)[..] else {
        panic!("expected one entry");
    };
    assert_eq!(
        reason,
        "expected the end of a log, but found none in 10000 bytes; the rest of the object is left alone"
    );
    // Behind the last log, whose line feed is no part of it.
    let at = before.len() - 1;
    assert_eq!(*place, format!("s3://audit/logs/1 at byte {at}"));
    assert!(object.contains("\"key\":\"logs/1\""), "{object}");
    assert_eq!(world.pull().0.unreadable, 0);
}

#[test]
fn a_log_that_is_too_long_is_told_and_the_rest_goes_on() {
    let world = World::new("");
    let (before, after) = (lines([0]), lines([1]));
    let long = format!("{{\"a\":\"{}\"}}\n", "x".repeat((4 << 20) + 1));
    world.put("logs/1", [&before, long.as_bytes(), &after].concat());
    let (pulled, _) = world.pull();
    assert_eq!((pulled.objects, pulled.unreadable), (1, 0));
    assert_eq!(pulled.tally.quarantined, 1);
    assert_eq!(world.ids_once(), names(0..2));
    let place = format!("s3://audit/logs/1 at byte {}", before.len());
    assert_eq!(quarantined(&world)[0].1, place);
}

#[test]
fn a_gzip_of_which_nothing_comes_is_left_alone_and_the_next_object_read() {
    let world = World {
        sizes: SMALL,
        ..World::new("")
    };
    world.put("logs/1.gz", gzip(b"").repeat(2_000));
    world.put("logs/2.jsonl", lines([2]));
    world.pull_all();
    let found = quarantined(&world);
    let reason = "expected logs in a gzip, but found none in 20000 bytes of it";
    assert_eq!((found.len(), found[0].0.as_str()), (1, reason));
    assert_eq!(world.ids_once(), names([2]));
}

#[test]
fn deletion_takes_what_was_read_before_it_was_asked_for_and_leaves_what_was_not() {
    let mut world = World::new("");
    world.put("logs/1.jsonl", lines([1]));
    world.put("logs/2.gz", &gzip(&lines([2]))[..20]);
    world.pull();
    world.config = World::new(", delete = \"on_success\"").config;
    let (pulled, _) = world.pull();
    assert_eq!((pulled.objects, pulled.deleted), (0, 1));
    let objects = world.store.objects.borrow();
    let left = objects.keys().filter(|it| it.starts_with("logs/"));
    assert_eq!(left.collect::<Vec<_>>(), ["logs/2.gz"]);
    assert_eq!(world.ids_once(), names([1]));
}
