//! Every path of a run, against a server and a store that behave as the published ones.

use harness::{Fault, Tokens};
use serde_json::Value;

use crate::answer::Remedy;
use crate::settings::Settings;
use crate::testing::server::requests;
use crate::testing::store::Conditions;
use crate::testing::{EPOCH, MINUTE, World, settings};
use crate::{Error, Outcome, Plan};

const STATE: &str = "harness/audit-state/harness.json";

/// A world two hours old, with an event every minute.
fn world() -> World {
    let mut world = World::new(7);
    world.pass(120);
    for minute in 0..120 {
        world.server.add(EPOCH + minute * MINUTE, 100);
    }
    world
}

fn small() -> Settings {
    settings(&[("PAGE_SIZE", "10")])
}

/// A run that has to succeed.
fn good(world: &mut World, settings: &Settings) -> Outcome {
    let outcome = world.run(settings);
    assert_eq!(outcome.error, None);
    assert!(outcome.summary.complete);
    outcome
}

/// How many of the events in `minutes` are missing, and how many came twice; the feed takes all that there is.
fn balance(world: &mut World, minutes: std::ops::Range<i64>) -> (usize, u64) {
    world.store.feed("harness/audit/");
    let due = |time: i64| minutes.contains(&((time - EPOCH) / MINUTE));
    let events = world.server.events.iter().filter(|it| due(it.time));
    let taken = &world.store.taken;
    let missing = events.filter(|it| !taken.contains_key(&it.id)).count();
    (missing, taken.values().map(|it| it - 1).sum())
}

#[test]
fn a_first_run_begins_where_it_is_told_and_the_next_one_goes_on() {
    let mut world = world();
    let first = good(&mut world, &small());
    assert_eq!(
        first.summary.events, 57,
        "from an hour back to the settle delay"
    );
    let json = first.to_json(&small());
    for key in [
        "statusCode",
        "message",
        "eventsCollected",
        "pagesProcessed",
        "paginationComplete",
        "s3Key",
        "s3Keys",
        "filters",
    ] {
        assert!(json.get(key).is_some(), "{key}");
    }
    world.pass(60);
    let second = good(&mut world, &small());
    assert_eq!(
        (second.summary.events, balance(&mut world, 61..120)),
        (2, (0, 0))
    );
}

/// Defects 27 to 29 of the Lambda: dated by upload, no last newline, nothing tells what an object holds.
#[test]
fn an_object_is_named_by_its_window_and_tells_what_it_holds() {
    let mut world = world();
    let outcome = good(&mut world, &small());
    let key = &outcome.summary.keys[0];
    assert!(
        key.starts_with("harness/audit/2026/01/01/harness-audit-20260101T0100"),
        "{key}"
    );
    assert!(key.contains("-0000-") && key.ends_with(".jsonl"), "{key}");
    assert!(world.store.text(key).ends_with("}\n"));
    let (write, _) = &world.store.objects[key];
    let names: Vec<&str> = write.metadata.iter().map(|it| it.0).collect();
    let wanted = [
        "event-count",
        "source",
        "collection-time",
        "window-start",
        "window-end",
        "first-timestamp",
        "last-timestamp",
    ];
    assert_eq!(names, wanted);
    assert_eq!(write.metadata[0].1, "10");
}

/// Defects 1 and 2 of the Lambda: events lost after every run, late events lost.
#[test]
fn an_event_that_is_stored_late_is_found_by_a_later_run() {
    let mut world = world();
    let late = world.server.add(EPOCH + 100 * MINUTE, 50 * MINUTE);
    good(&mut world, &small());
    world.pass(40);
    let outcome = good(&mut world, &small());
    assert_eq!(balance(&mut world, 61..120), (0, 0));
    assert!(world.store.taken.contains_key(&late));
    assert_eq!(outcome.summary.latest_ms.map(|it| it / MINUTE), Some(50));
}

/// Defect 3 of the Lambda.
#[test]
fn all_requests_of_a_window_have_the_same_body() {
    let mut world = world();
    good(&mut world, &small());
    let requests = requests(&world.server);
    let (first, rest) = requests[1..].split_first().expect("requests");
    assert!(
        rest.len() > 4
            && rest
                .iter()
                .all(|(body, token)| *body == first.0 && token.is_some())
    );
}

/// Defects 5, 6 and 22 of the Lambda: no token, refused tokens, the same token again and again.
#[test]
fn no_form_of_token_stops_a_run() {
    for tokens in [
        Tokens::Missing,
        Tokens::Same,
        Tokens::Refused,
        Tokens::Loose,
        Tokens::Bound,
    ] {
        let mut world = world();
        world.server.tokens = tokens;
        good(&mut world, &small());
        assert_eq!(balance(&mut world, 61..117), (0, 0), "{tokens:?}");
    }
}

/// Defect 4 of the Lambda: a backlog loses everything newer.
#[test]
fn a_large_window_is_split_and_nothing_of_it_lost_or_repeated() {
    let mut world = world();
    let settings = settings(&[("PAGE_SIZE", "5"), ("WINDOW_PAGES", "2")]);
    let outcome = good(&mut world, &settings);
    assert!(outcome.summary.windows > 4, "{:?}", outcome.summary);
    assert_eq!(balance(&mut world, 61..117), (0, 0));
}

#[test]
fn a_query_that_takes_the_server_too_long_is_made_shorter() {
    let mut world = world();
    world.server.too_many = 12;
    let outcome = good(&mut world, &small());
    assert!(outcome.summary.retries > 1);
    assert_eq!(balance(&mut world, 61..117), (0, 0));
}

/// Defects 7 to 9 of the Lambda: all or nothing, not atomic.
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

/// Defect 10 of the Lambda: two runs overwrite each other's state.
#[test]
fn of_two_runs_at_once_one_does_the_work() {
    let mut world = world();
    let mut first = world.start(&small(), Plan::Live, 600_000);
    world.finish(&mut first, 12);
    let second = world.run(&small());
    assert!(
        matches!(second.error, Some(Error::Busy(_))),
        "{:?}",
        second.error
    );
    assert_eq!(second.summary.events, 0);
}

#[test]
fn a_run_that_slept_too_long_writes_nothing_more() {
    let mut world = world();
    let mut first = world.start(&small(), Plan::Live, 600_000);
    let mut reply = None;
    while world.store.keys("harness/audit/").is_empty() {
        let crate::Step::Do(action) = first.step(reply.take(), world.now()) else {
            panic!("an early end");
        };
        reply = Some(world.perform(action));
    }
    world.pass(10);
    good(&mut world, &small());
    let before = world.store.keys("");
    let end = loop {
        match first.step(reply.take(), world.now()) {
            crate::Step::Done(outcome) => break outcome,
            crate::Step::Do(action) => reply = Some(world.perform(action)),
        }
    };
    assert_eq!(end.error, Some(Error::Overtaken));
    assert_eq!(world.store.keys(""), before);
    assert_eq!(balance(&mut world, 61..120), (0, 0));
}

#[test]
fn a_store_without_conditional_writes_is_told_of_and_used_all_the_same() {
    for conditions in [Conditions::Ignored, Conditions::Refused] {
        let mut world = world();
        world.store.conditions = conditions;
        for _ in 0..2 {
            let outcome = good(&mut world, &small());
            let warnings = outcome.summary.warnings.join("\n");
            assert!(
                warnings.contains("conditional writes"),
                "{conditions:?} {warnings}"
            );
            world.pass(10);
        }
        assert_eq!(balance(&mut world, 61..117), (0, 0), "{conditions:?}");
    }
}

/// Defect 12 of the Lambda: its state lies where the feed reads.
#[test]
fn the_lambdas_state_is_taken_over_without_a_gap_and_moved_away() {
    let mut world = world();
    let since = EPOCH + 100 * MINUTE;
    let state = format!("{{\"since\": {since}, \"pageToken\": \"eyJ0cyI6/+==\"}}");
    world.store.put("harness/audit/state.json", &state);
    let outcome = good(&mut world, &small());
    assert!(outcome.summary.warnings.join("").contains("Lambda"));
    assert!(!world.store.objects.contains_key("harness/audit/state.json"));
    assert_eq!(
        world.store.text("harness/audit-state/lambda-state.json"),
        state
    );
    assert_eq!(balance(&mut world, 40..117), (0, 0));
}

/// Defect 23 of the Lambda: its own clock decides.
#[test]
fn a_clock_that_is_wrong_skips_nothing() {
    for hours in [-3, 3] {
        let mut world = world();
        world.skew = hours * 60 * MINUTE;
        let outcome = good(&mut world, &small());
        assert!(outcome.summary.warnings.join("").contains("clock"));
        let state: Value = serde_json::from_str(&world.store.text(STATE)).expect("JSON");
        let watermark = state["watermark"].as_i64().expect("a watermark");
        assert!(
            (world.time() - watermark - 3 * MINUTE).abs() < MINUTE,
            "{hours}"
        );
        assert_eq!(balance(&mut world, 61..117), (0, 0), "{hours}");
    }
}

/// Defects 14, 15 and 17 of the Lambda: failures that pass are repeated, the others fail the run at once.
#[test]
fn failures_that_pass_are_repeated_as_often_as_asked_for() {
    let fault = || Fault::Status(503, "<html>");
    let mut world = world();
    world.server.faults = [fault(), Fault::Truncated, Fault::Reset].into();
    assert_eq!(good(&mut world, &small()).summary.retries, 3);
    world.pass(10);
    world.server.faults = [fault(), fault(), fault(), fault()].into();
    let outcome = world.run(&small());
    assert!(
        matches!(outcome.error, Some(Error::Harness(_, 4))),
        "{:?}",
        outcome.error
    );
    assert_eq!(outcome.to_json(&small())["statusCode"], 500);
}

#[test]
fn a_refused_key_ends_the_run_before_anything_is_written() {
    let mut world = world();
    world.server.faults = [Fault::Status(
        401,
        "{\"code\":\"EXPIRED_TOKEN\",\"correlationId\":\"c-9\"}",
    )]
    .into();
    let outcome = world.run(&small());
    let Some(Error::Harness(failure, 1)) = &outcome.error else {
        panic!("{:?}", outcome.error);
    };
    assert_eq!(failure.remedy, Remedy::Key);
    assert_eq!(outcome.to_json(&small())["correlationId"], "c-9");
    assert!(world.store.objects.is_empty());
}

#[test]
fn a_run_out_of_time_keeps_its_progress_and_says_that_there_is_more() {
    let mut world = world();
    let mut runs = 0;
    loop {
        let mut run = world.start(&small(), Plan::Live, 600);
        let outcome = world.finish(&mut run, u64::MAX).expect("an end");
        assert_eq!(outcome.error, None);
        runs += 1;
        assert!(runs < 50, "no progress");
        if outcome.summary.complete {
            break;
        }
    }
    assert!(runs > 2, "{runs}");
    assert_eq!(balance(&mut world, 61..117), (0, 0));
}

/// Defect 32 of the Lambda.
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
    }
    assert_eq!(world.store.text(STATE), before);
    assert_eq!(balance(&mut world, 0..51), (0, 0));
}

/// Defect 30 of the Lambda: no object has a largest size.
#[test]
fn a_page_that_is_too_large_goes_on_in_another_object() {
    let mut world = world();
    let outcome = good(&mut world, &settings(&[("MAX_OBJECT_BYTES", "1024")]));
    assert!(outcome.summary.objects >= 5, "{}", outcome.summary.objects);
    assert!(world.store.objects.iter().all(|(key, (write, _))| {
        !key.starts_with("harness/audit/") || write.body.len() <= 1024
    }));
    assert_eq!(balance(&mut world, 61..117), (0, 0));
}

#[test]
fn a_broken_state_or_one_of_another_account_is_an_error_and_stays() {
    let mut world = world();
    for state in ["{", "{\"version\":9}"] {
        world.store.put(STATE, state);
        assert!(matches!(world.run(&small()).error, Some(Error::State(_))));
        assert_eq!(world.store.text(STATE), state);
    }
    let mut world = self::world();
    good(&mut world, &small());
    let other = settings(&[
        ("HARNESS_ACCOUNT_ID", "b"),
        ("HARNESS_API_KEY", "sat.b.i.s"),
    ]);
    (world.server.account, world.server.key) = ("b".to_owned(), "sat.b.i.s".to_owned());
    assert!(matches!(world.run(&other).error, Some(Error::State(_))));
}

/// Defect 6 of the Lambda, its second half: a stored token belongs to the filters that it was given for.
#[test]
fn a_change_of_filters_in_the_middle_of_a_window_begins_it_anew() {
    let mut world = world();
    let mut run = world.start(&small(), Plan::Live, 600);
    let outcome = world.finish(&mut run, u64::MAX).expect("an end");
    assert!(!outcome.summary.complete && outcome.summary.events > 0);
    let before = world.server.calls.len();
    good(
        &mut world,
        &settings(&[("PAGE_SIZE", "10"), ("FILTER_ACTIONS", "CREATE")]),
    );
    let (body, token) = requests(&world.server)[before + 1];
    assert!(body.contains("\"actions\":[\"CREATE\"]") && token.is_none());
    assert_eq!(balance(&mut world, 61..117), (0, 0));
}

/// Defect 11 of the Lambda: a store that refuses to say whether there is a state is no first run.
#[test]
fn a_state_that_may_not_be_read_is_an_error_and_not_a_first_run() {
    let mut world = world();
    let mut run = world.start(&small(), Plan::Live, 600_000);
    let mut reply = None;
    let outcome = loop {
        match run.step(reply.take(), world.now()) {
            crate::Step::Done(outcome) => break outcome,
            crate::Step::Do(crate::Action::Read(_)) => {
                reply = Some(crate::Reply::Failed("403 AccessDenied".into(), false));
            }
            crate::Step::Do(action) => reply = Some(world.perform(action)),
        }
    };
    let error = outcome.error.expect("an error").to_string();
    assert!(error.contains(STATE) && error.contains("403"), "{error}");
    assert!(world.store.objects.is_empty());
}
