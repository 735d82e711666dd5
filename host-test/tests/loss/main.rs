//! Nothing that was acknowledged is lost, wherever the host is killed.
//!
//! Event Grid delivers twenty thousand events in batches, with its retries and some duplicates, to a destination that fails at random; and
//! the host is killed with SIGKILL, again and again, and started on the same store. In the end every log of every request that was
//! answered with success has arrived or is in quarantine. One seed decides everything but the moments of some kills.

mod world;

use std::io::{self, Write};

use world::{Report, World};

/// How many kills of each kind are asked for.
const KILLS: usize = 50;

/// Runs, tells what happened, and checks what has to hold in any case.
fn run(ack: &str, events: usize) -> Report {
    let report = World::new(ack, 20_240_603, KILLS).run(events, false);
    // Past the test harness, which shows what is printed only where a test fails.
    let _ = io::stderr().write_all(format!("loss test, ack = \"{ack}\": {report}\n").as_bytes());
    // A batch with a poisoned log takes many requests, any of which may fail. None was refused for good.
    let given_up = report.given_up.get("TimeToLiveExceeded");
    assert!(report.given_up.len() <= usize::from(given_up.is_some()));
    let given_up = given_up.copied().unwrap_or_default();
    assert_eq!(report.acknowledged + given_up, events, "{report}");
    assert!(given_up < events / 100, "{report}");
    assert_eq!(report.lost, Vec::<String>::new(), "{report}");
    assert_eq!(report.complaints, Vec::<String>::new());
    assert!(report.duplicates <= report.bound, "{report}");
    report
}

#[test]
fn nothing_that_was_delivered_is_lost() {
    let report = run("delivered", 20_000);
    for kind in ["before_storing", "before_answering"] {
        assert!(report.kills.get(kind) >= Some(&KILLS), "{report}");
    }
}

#[test]
fn nothing_that_was_stored_is_lost() {
    let report = run("stored", 20_000);
    for kind in ["before_storing", "before_answering", "in_a_drain"] {
        assert!(report.kills.get(kind) >= Some(&KILLS), "{report}");
    }
}

#[test]
fn a_receiver_that_answered_before_storing_would_be_found_out() {
    for ack in ["delivered", "stored"] {
        let report = World::new(ack, 7, 5).run(1_000, true);
        assert!(!report.lost.is_empty(), "{report}");
    }
}
