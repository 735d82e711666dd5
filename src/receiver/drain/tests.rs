//! What storing a delivery promises, whatever fails.

use std::cell::Cell;

use super::*;
use crate::delivery;
use crate::replay::{Replayed, replay};
use crate::testing::feeds::{Takers, config, log, payload};
use crate::testing::{Memory, answer, block_on, both, run};

const HOUR: Duration = Duration::from_secs(3600);

async fn store_in(host: &Memory, config: &Config, feed: &str, payload: &[u8]) -> bool {
    let stored = delivery::store(host, &config.feeds[feed], payload, "r1", true).await;
    stored.is_ok()
}

fn bounds(host: &Memory) -> Bounds {
    Bounds {
        entries: 100,
        deadline: host.elapsed.get() + Duration::from_secs(25),
    }
}

async fn drain_all(host: &Memory, config: &Config) -> Drained {
    drain(host, config, &Tokens::default(), bounds(host)).await
}

fn quarantined(host: &Memory) -> Vec<(quarantine::Entry, String)> {
    let (entries, _) = block_on(quarantine::list(host, "", usize::MAX)).expect("a store");
    let with_raw = entries.into_iter().map(|entry| {
        let raw = block_on(quarantine::raw(host, &entry)).expect("a store");
        let raw = String::from_utf8(raw.expect("all parts")).expect("text");
        (entry, raw)
    });
    with_raw.collect()
}

fn outcomes(drained: &Drained) -> Vec<Outcome> {
    drained.entries.iter().map(|it| it.outcome).collect()
}

/// Three good logs, one that is none, and one that the destination refuses.
fn mixed() -> Vec<u8> {
    let logs = [
        log("1"),
        "no log".to_owned(),
        log("2"),
        log("poison"),
        log("3"),
    ];
    logs.join("\n").into_bytes()
}

#[test]
fn what_was_stored_is_delivered_and_leaves_nothing() {
    let (host, config) = (Memory::new(), config());
    let takers = Takers::of(&host);
    assert!(block_on(store_in(&host, &config, "azdo", &mixed())));
    assert_eq!(takers.ids(), [""; 0]);
    let drained = block_on(drain_all(&host, &config));
    assert_eq!(outcomes(&drained), [Outcome::Delivered]);
    assert_eq!((drained.left, drained.fault), (0, None));
    assert_eq!(takers.ids(), ["1", "2", "3"]);
    assert_eq!(quarantined(&host).len(), 2);
    for prefix in [spool::PREFIX, DRAINING] {
        assert_eq!(host.keys_under(prefix), [""; 0]);
    }
    assert_eq!(
        host.keys_under("parts:").len(),
        2,
        "those of the quarantine"
    );
}

#[test]
fn whenever_the_process_dies_what_was_stored_is_not_lost() {
    let config = config();
    let mut crashes = 0;
    loop {
        let host = Memory::new();
        let takers = Takers::of(&host);
        host.crash_before(crashes);
        let is_acknowledged = Cell::new(false);
        let first = run(async {
            is_acknowledged.set(store_in(&host, &config, "azdo", &mixed()).await);
            drain_all(&host, &config).await
        });
        host.restart();
        if !is_acknowledged.get() {
            assert!(block_on(store_in(&host, &config, "azdo", &mixed())));
        }
        for _ in 0..2 {
            block_on(drain_all(&host, &config));
        }
        assert_eq!(takers.ids(), ["1", "2", "3"], "at call {crashes}");
        assert_eq!(quarantined(&host).len(), 2, "at call {crashes}");
        assert!(
            takers.repeated() <= 2,
            "more than a sub-request again at call {crashes}"
        );
        assert_eq!(host.keys_under(spool::PREFIX), [""; 0]);
        if first.is_some() {
            break;
        }
        // What a dead process has left over goes with the next sweep.
        host.pass(2 * HOUR);
        block_on(drain_all(&host, &config));
        assert_eq!(host.keys_under("parts:").len(), 2, "at call {crashes}");
        crashes += 1;
    }
    assert!(crashes > 25, "found only {crashes} places to die");
}

#[test]
fn two_drains_at_once_lose_nothing() {
    let config = config();
    let ids: Vec<String> = (10..22).map(|it| it.to_string()).collect();
    for seed in 0..200 {
        let host = Memory::new();
        let takers = Takers::of(&host);
        for id in &ids {
            assert!(block_on(store_in(
                &host,
                &config,
                "azdo",
                &payload([id.as_str()])
            )));
        }
        let bad = b"no log";
        assert!(block_on(store_in(&host, &config, "azdo", bad)));
        let (one, other) = both(seed, drain_all(&host, &config), drain_all(&host, &config));
        for drained in [one, other] {
            assert!(!outcomes(&drained).contains(&Outcome::Waits), "{drained:?}");
        }
        block_on(drain_all(&host, &config));
        assert_eq!(takers.ids(), ids);
        let held: Vec<_> = quarantined(&host).into_iter().map(|it| it.1).collect();
        assert_eq!(held, ["no log"]);
        assert_eq!(host.keys_under(spool::PREFIX), [""; 0]);
    }
}

#[test]
fn a_full_store_acknowledges_nothing_and_keeps_what_it_has() {
    let (host, config) = (Memory::new(), config());
    let takers = Takers::of(&host);
    assert!(block_on(store_in(&host, &config, "azdo", &payload(["1"]))));
    host.break_store(|it| (it.operation == "set").then_some(StoreError::Full));
    let stored = delivery::store(&host, &config.feeds["azdo"], b"x", "r2", true);
    let fault = block_on(stored).expect_err("a fault");
    assert_eq!(fault.kind, "store");
    // What frees the store is not stopped by its being full.
    let drained = block_on(drain_all(&host, &config));
    assert_eq!(outcomes(&drained), [Outcome::Delivered]);
    assert_eq!(takers.ids(), ["1"]);
}

#[test]
fn an_entry_that_a_full_store_cannot_quarantine_holds_up_nobody() {
    let (host, config) = (Memory::new(), config());
    let takers = Takers::of(&host);
    for payload in [&b"no log"[..], &payload(["1"]), &payload(["2"])] {
        assert!(block_on(store_in(&host, &config, "azdo", payload)));
        assert!(block_on(store_in(&host, &config, "other", payload)));
    }
    let mut without = self::config();
    without.feeds.remove("other");
    host.break_store(|it| (it.operation == "set").then_some(StoreError::Full));
    for _ in 0..4 {
        assert!(block_on(drain_all(&host, &without)).fault.is_some());
    }
    assert_eq!(takers.ids(), ["1", "2"]);
    host.mend_store();
    let drained = block_on(drain_all(&host, &without));
    assert_eq!((drained.left, drained.fault), (0, None));
    assert_eq!(quarantined(&host).len(), 4);
}

#[test]
fn a_drain_does_no_more_than_it_may() {
    let (host, config) = (Memory::new(), config());
    Takers::of(&host);
    for id in ["1", "2", "3", "4", "5"] {
        assert!(block_on(store_in(&host, &config, "azdo", &payload([id]))));
    }
    let few = Bounds {
        entries: 2,
        ..bounds(&host)
    };
    let drained = block_on(drain(&host, &config, &Tokens::default(), few));
    assert_eq!((drained.entries.len(), drained.left), (2, 3));
    host.latency.set(Duration::from_secs(15));
    let drained = block_on(drain_all(&host, &config));
    assert_eq!(outcomes(&drained)[0], Outcome::Delivered);
    assert!(drained.entries.len() == 2 && drained.left >= 1);
}

#[test]
fn an_entry_whose_feed_is_gone_goes_to_quarantine_and_comes_back_with_it() {
    let (host, config) = (Memory::new(), config());
    let takers = Takers::of(&host);
    assert!(block_on(store_in(
        &host,
        &config,
        "other",
        &payload(["1", "2"])
    )));
    assert!(block_on(store_in(&host, &config, "azdo", &payload(["3"]))));
    let mut without = self::config();
    without.feeds.remove("other");
    block_on(drain_all(&host, &without));
    assert_eq!(takers.ids(), ["3"]);
    let [(entry, raw)] = quarantined(&host).try_into().expect("one entry");
    assert_eq!(
        entry.about.reason,
        "expected a feed \"other\", but found none"
    );
    assert_eq!(raw.as_bytes(), payload(["1", "2"]));
    let tokens = Tokens::default();
    let again =
        |config| block_on(replay(&host, config, &entry.id, &tokens, HOUR)).expect("a store");
    assert!(matches!(again(&without), Replayed::NoFeed(_)));
    assert!(matches!(again(&config), Replayed::Delivered(_)));
    assert!(matches!(again(&config), Replayed::Unknown));
    assert_eq!(takers.ids(), ["1", "2", "3"]);
    assert_eq!(host.keys_under("parts:"), [""; 0]);
}

#[test]
fn a_replay_keeps_what_is_not_taken_again() {
    let (host, config) = (Memory::new(), config());
    let takers = Takers::of(&host);
    assert!(block_on(store_in(
        &host,
        &config,
        "azdo",
        log("poison").as_bytes()
    )));
    block_on(drain_all(&host, &config));
    let [(entry, _)] = quarantined(&host).try_into().expect("one entry");
    let tokens = Tokens::default();
    let again = || block_on(replay(&host, &config, &entry.id, &tokens, HOUR)).expect("a store");
    assert!(matches!(again(), Replayed::Stays(it) if it.fault.is_none()));
    takers.status.set(Some(503));
    assert!(matches!(again(), Replayed::Stays(it) if it.fault.is_some()));
    assert_eq!(quarantined(&host).len(), 1);
    host.answers(|_| answer(200, ""));
    assert!(matches!(again(), Replayed::Delivered(_)));
    assert_eq!(quarantined(&host).len(), 0);
}

#[test]
fn a_destination_that_fails_does_not_hold_up_the_others() {
    let (host, config) = (Memory::new(), config());
    let takers = Takers::of(&host);
    takers.stuck.borrow_mut().push("productLogId".to_owned());
    for id in ["1", "2", "3", "4", "5"] {
        assert!(block_on(store_in(&host, &config, "azdo", &payload([id]))));
        assert!(block_on(store_in(&host, &config, "raw", &payload([id]))));
    }
    let drained = block_on(drain_all(&host, &config));
    assert_eq!(takers.ids(), ["1", "2", "3", "4", "5"]);
    let waits = outcomes(&drained)
        .into_iter()
        .filter(|it| *it == Outcome::Waits);
    assert_eq!((waits.count(), drained.left), (FAULTS, 5));
}

#[test]
fn an_entry_that_fails_alone_goes_to_quarantine_after_a_day() {
    let (host, config) = (Memory::new(), config());
    let takers = Takers::of(&host);
    takers.stuck.borrow_mut().push("stuck".to_owned());
    assert!(block_on(store_in(
        &host,
        &config,
        "azdo",
        &payload(["stuck"])
    )));
    for hour in 0..30 {
        let id = format!("{}", 100 + hour);
        assert!(block_on(store_in(
            &host,
            &config,
            "azdo",
            &payload([id.as_str()])
        )));
        block_on(drain_all(&host, &config));
        block_on(drain_all(&host, &config));
        assert!(takers.ids().contains(&id), "held up in hour {hour}");
        assert!(quarantined(&host).is_empty() || hour > 24);
        host.pass(HOUR);
    }
    let [(entry, raw)] = quarantined(&host).try_into().expect("one entry");
    assert_eq!(
        (entry.about.source, raw.as_bytes()),
        (Source::Undelivered, &*payload(["stuck"]))
    );
    assert!(entry.about.reason.contains("503"), "{}", entry.about.reason);
    assert_eq!(host.keys_under(spool::PREFIX), [""; 0]);
}

#[test]
fn nothing_goes_to_quarantine_while_a_destination_takes_nothing() {
    let (host, config) = (Memory::new(), config());
    let takers = Takers::of(&host);
    takers.status.set(Some(503));
    for id in ["1", "2", "3"] {
        assert!(block_on(store_in(&host, &config, "azdo", &payload([id]))));
    }
    for _ in 0..100 {
        block_on(drain_all(&host, &config));
        host.pass(HOUR);
    }
    assert_eq!(quarantined(&host).len(), 0);
    takers.status.set(None);
    block_on(drain_all(&host, &config));
    assert_eq!(takers.ids(), ["1", "2", "3"]);
}

#[test]
fn an_entry_over_which_drains_die_goes_to_quarantine() {
    let (host, config) = (Memory::new(), config());
    let takers = Takers::of(&host);
    for id in ["1", "deadly", "2"] {
        assert!(block_on(store_in(&host, &config, "azdo", &payload([id]))));
    }
    host.deadly.set(Some("deadly"));
    let mut deaths = 0;
    while !host.keys_under(spool::PREFIX).is_empty() {
        let drained = run(drain_all(&host, &config));
        deaths += usize::from(drained.is_none());
        assert!(deaths < 10, "drains die for ever");
        host.restart();
    }
    assert!((DEATHS..=DEATHS + 2).contains(&deaths), "{deaths}");
    assert_eq!(takers.ids(), ["1", "2"]);
    let [(entry, raw)] = quarantined(&host).try_into().expect("one entry");
    assert_eq!(raw.as_bytes(), payload(["deadly"]));
    assert_eq!(
        entry.about.reason,
        "expected a delivery that ends, but found 3 that died"
    );
}

#[test]
fn an_entry_that_lost_a_part_holds_up_nobody_and_is_told() {
    let (host, config) = (Memory::new(), config());
    let takers = Takers::of(&host);
    let mut long = vec![b' '; 600 << 10];
    long.extend(payload(["1"]));
    assert!(block_on(store_in(&host, &config, "azdo", &long)));
    let part = host.keys_under("parts:").remove(0);
    host.store.borrow_mut().remove(&part);
    assert!(block_on(store_in(&host, &config, "azdo", &payload(["2"]))));
    let drained = block_on(drain_all(&host, &config));
    assert_eq!((takers.ids(), drained.left), (vec!["2".to_owned()], 1));
    let faults = drained
        .entries
        .iter()
        .filter_map(|it| it.delivered.fault.as_ref());
    assert!(faults.into_iter().all(|it| it.alarm && it.kind == "store"));
    host.pass(25 * HOUR);
    block_on(drain_all(&host, &config));
    let [(_, raw)] = quarantined(&host).try_into().expect("one entry");
    assert!(raw.trim_start().as_bytes() == payload(["1"]));
}
