//! What is kept: pages as they come, progress, and one turn at a time.

use std::collections::BTreeSet;

use harness::{Fault, Tokens};
use serde_json::Value;

use super::{busy, lambda};
use crate::testing::{EPOCH, MINUTE, World, settings};
use crate::tests::{STATE, balance, good, small, world};
use crate::{Action, Error, Plan, Reply, Step, event};

/// Defect 7: everything is in memory: up to ten thousand events, joined and encoded.
#[test]
fn a_page_is_written_before_the_next_one_is_asked_for() {
    let mut world = busy(1500);
    let settings = settings(&[("PAGE_SIZE", "10"), ("WINDOW_PAGES", "5")]);
    let mut run = world.start(&settings, Plan::Live, 3_600_000);
    let (mut answered, mut written) = (BTreeSet::new(), BTreeSet::new());
    let (mut largest, mut reply) = (0, None);
    loop {
        let action = match run.step(reply.take(), world.now()) {
            Step::Do(action) => action,
            Step::Done(outcome) => {
                assert!(outcome.summary.complete);
                break;
            }
        };
        match &action {
            Action::Send(..) => assert_eq!(answered, written, "what came is written"),
            Action::Write(write) if write.key.starts_with("harness/audit/") => {
                let text = String::from_utf8_lossy(&write.body).into_owned();
                assert!(text.lines().count() <= 10);
                written.extend(text.lines().filter_map(event::of_line).map(|it| it.0));
            }
            Action::Write(write) if write.key == STATE => largest = largest.max(write.body.len()),
            _ => {}
        }
        let found = world.perform(action);
        if let Reply::Answer(answer) = &found {
            let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
            let content = body["data"]["content"].as_array().expect("content");
            answered.extend(
                content
                    .iter()
                    .filter_map(|it| it["auditId"].as_str().map(str::to_owned)),
            );
        }
        reply = Some(found);
    }
    assert!(written.len() > 1300, "{}", written.len());
    // The ids of five pages, whatever the backlog.
    assert!(largest < 4000, "{largest}");
}

/// Defect 8: all or nothing: a failure on page 57 throws 56 pages away.
#[test]
fn a_failure_on_page_57_keeps_56_pages() {
    let settings = settings(&[("PAGE_SIZE", "10"), ("WINDOW_PAGES", "1000")]);
    let mut ours = busy(700);
    ours.server
        .scheduled
        .insert(57, Fault::Told("401-expired-token"));
    let outcome = ours.run(&settings);
    assert!(matches!(outcome.error, Some(Error::Harness(_, 1))));
    assert_eq!((outcome.summary.pages, outcome.summary.events), (56, 560));
    let before = ours.server.count;
    assert!(good(&mut ours, &settings).summary.events < 100);
    assert!(ours.server.count - before < 12, "where it stopped");
    assert_eq!(balance(&mut ours, 0..56), (0, 0));
    let mut theirs = busy(700);
    theirs.server.tokens = Tokens::Loose;
    theirs.server.scheduled.insert(56, Fault::Told("503-html"));
    assert_eq!(lambda(&mut theirs, &settings, 1), None);
    assert!(theirs.store.taken.is_empty());
}

/// Defect 9: upload and state are not one: a crash between them repeats the whole upload under another name.
#[test]
fn a_run_may_die_at_every_step() {
    for step in 0.. {
        let mut world = world();
        let mut run = world.start(&small(), Plan::Live, 600_000);
        if world.finish(&mut run, step).is_some() {
            assert!(step > 30, "only {step} steps");
            return;
        }
        drop(run);
        // The lease of the dead ends first. A first run that dies at once leaves nothing: the next one is the first.
        world.pass(6);
        good(&mut world, &small());
        assert_eq!(balance(&mut world, 67..120), (0, 0), "{step}");
    }
}

/// The same, where the object of the dead comes after all, however late.
#[test]
fn an_object_that_was_in_flight_keeps_its_name() {
    for number in 0..4 {
        let mut world = world();
        let mut run = world.start(&small(), Plan::Live, 600_000);
        let mut reply = None;
        let mut written = 0;
        let late = loop {
            match run.step(reply.take(), world.now()) {
                Step::Do(Action::Write(write)) if write.key.starts_with("harness/audit/") => {
                    if written == number {
                        break write;
                    }
                    written += 1;
                    reply = Some(world.perform(Action::Write(write)));
                }
                Step::Do(action) => reply = Some(world.perform(action)),
                Step::Done(outcome) => panic!("expected an object, but found {outcome:?}"),
            }
        };
        drop(run);
        world.pass(6);
        let outcome = good(&mut world, &small());
        assert_eq!(outcome.summary.unconfirmed, 1);
        assert_eq!(outcome.summary.keys[0], late.key);
        assert_eq!(world.perform(Action::Write(late)), Reply::Refused);
        assert_eq!(balance(&mut world, 61..120), (0, 0), "{number}");
    }
}

/// Defect 10: runs at once overwrite each other's state.
#[test]
fn of_two_runs_at_once_one_does_the_work() {
    let mut world = world();
    let mut first = world.start(&small(), Plan::Live, 600_000);
    world.finish(&mut first, 12);
    let state = world.store.text(STATE);
    let second = world.run(&small());
    assert!(
        matches!(second.error, Some(Error::Busy(_))),
        "{:?}",
        second.error
    );
    assert_eq!((second.summary.events, world.store.text(STATE)), (0, state));
}

/// The same, with a run that slept until another one took over.
#[test]
fn a_run_that_slept_too_long_writes_nothing_more() {
    let mut world = world();
    let mut first = world.start(&small(), Plan::Live, 600_000);
    let mut reply = None;
    while world.store.keys("harness/audit/").is_empty() {
        let Step::Do(action) = first.step(reply.take(), world.now()) else {
            panic!("an early end");
        };
        reply = Some(world.perform(action));
    }
    world.pass(10);
    good(&mut world, &small());
    let before = world.store.keys("");
    let end = loop {
        match first.step(reply.take(), world.now()) {
            Step::Done(outcome) => break outcome,
            Step::Do(action) => reply = Some(world.perform(action)),
        }
    };
    assert_eq!(end.error, Some(Error::Overtaken));
    assert_eq!(world.store.keys(""), before);
    assert_eq!(balance(&mut world, 61..120), (0, 0));
}

/// Defect 32: nothing can be collected again: `START_MINUTES_BACK` counts only where there is no state.
#[test]
fn a_backfill_leaves_the_watermark_alone() {
    let mut world = world();
    good(&mut world, &small());
    let before = world.store.text(STATE);
    let plan = Plan::Backfill {
        from: EPOCH,
        to: EPOCH + 50 * MINUTE,
    };
    for events in [51, 0] {
        let mut run = world.start(&small(), plan, 600_000);
        let outcome = world.finish(&mut run, u64::MAX).expect("an end");
        assert_eq!((outcome.error, outcome.summary.events), (None, events));
        let warnings = outcome.summary.warnings.join("");
        assert_eq!(warnings.contains("delete"), events == 0, "{warnings}");
    }
    assert_eq!(world.store.text(STATE), before);
    assert_eq!(balance(&mut world, 0..51), (0, 0));
}

/// The same, for what is another backfill though its times are the same.
#[test]
fn a_backfill_with_other_filters_or_in_another_shape_is_not_taken_for_done() {
    let mut world = world();
    let plan = Plan::Backfill {
        from: EPOCH,
        to: EPOCH + 50 * MINUTE,
    };
    let events = |world: &mut World, more: &[(&str, &str)]| {
        let mut run = world.start(&settings(more), plan, 600_000);
        let outcome = world.finish(&mut run, u64::MAX).expect("an end");
        assert_eq!((outcome.error, outcome.summary.complete), (None, true));
        outcome.summary.events
    };
    assert_eq!(events(&mut world, &[("FILTER_ACTIONS", "FORCE_PUSH")]), 0);
    assert_eq!(events(&mut world, &[]), 51);
    let before = world.store.keys("harness/audit/").len();
    assert_eq!(events(&mut world, &[("OUTPUT_SHAPE", "streaming")]), 51);
    assert_eq!(world.store.keys("harness/audit/").len(), 2 * before);
    assert_eq!(events(&mut world, &[]), 0);
}
