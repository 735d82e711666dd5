//! What is asked for: windows, tokens, pages, filters, clocks and hosts.

use harness::{Fault, SAMPLES, Tokens};
use serde_json::Value;

use super::{busy, lambda};
use crate::answer::Remedy;
use crate::testing::server::requests;
use crate::testing::{EPOCH, MINUTE, World, lambda as recipe, settings};
use crate::tests::{STATE, balance, good, small, world};
use crate::{Action, Error, Plan, Reply, Step};

/// Defect 1: events are lost after every run, since the next one begins at the end of the upload, and not where the
/// last request ended.
#[test]
fn the_next_run_begins_where_the_last_request_ended() {
    let dense = || {
        let mut world = World::new(7);
        for tenth in 0..3000 {
            world.server.add(EPOCH + 60 * MINUTE + tenth * 100, 0);
        }
        world.server.tokens = Tokens::Loose;
        world.pass(62);
        world
    };
    let (mut ours, mut theirs) = (dense(), dense());
    for _ in 0..2 {
        good(&mut ours, &settings(&[]));
        ours.pass(60);
    }
    lambda(&mut theirs, &settings(&[]), 2);
    assert_eq!(balance(&mut ours, 60..65), (0, 0));
    assert!(balance(&mut theirs, 60..65).0 > 0);
}

/// Defect 2: late events are lost, since nothing is asked for twice.
#[test]
fn an_event_that_is_stored_late_is_found_by_a_later_run() {
    let (mut ours, mut theirs) = (world(), world());
    theirs.server.tokens = Tokens::Loose;
    let late = [&mut ours, &mut theirs].map(|it| it.server.add(EPOCH + 100 * MINUTE, 50 * MINUTE));
    good(&mut ours, &small());
    ours.pass(40);
    let outcome = good(&mut ours, &small());
    lambda(&mut theirs, &small(), 2);
    assert_eq!(balance(&mut ours, 61..120), (0, 0));
    assert!(ours.store.taken.contains_key(&late[0]));
    assert!(!theirs.store.taken.contains_key(&late[1]));
    assert_eq!(outcome.summary.latest_ms.map(|it| it / MINUTE), Some(50));
}

/// Defect 3: the window moves under one page token, since each request ends at its own moment.
#[test]
fn all_requests_of_a_window_have_the_same_body() {
    let mut ours = world();
    good(&mut ours, &small());
    let requests = requests(&ours.server);
    let (first, rest) = requests[1..].split_first().expect("requests");
    assert!(rest.len() > 4);
    assert!(
        rest.iter()
            .all(|(body, token)| *body == first.0 && token.is_some())
    );
    let mut theirs = world();
    assert_eq!(lambda(&mut theirs, &small(), 1), None, "each run fails");
    lambda(&mut theirs, &small(), 2);
    assert_eq!(balance(&mut theirs, 61..117), (56, 0));
}

/// Defect 4: a backlog of more than 100 pages loses everything newer, since the run after it goes on into the past
/// and then jumps to now.
#[test]
fn a_backlog_of_more_than_a_hundred_pages_loses_nothing_newer() {
    let backlog = || {
        let mut world = busy(1500);
        world.server.tokens = Tokens::Loose;
        for minute in 60..240 {
            world.server.add(EPOCH + minute * MINUTE, 100);
        }
        world
    };
    let (mut ours, mut theirs) = (backlog(), backlog());
    for _ in 0..3 {
        good(&mut ours, &small());
        ours.pass(60);
    }
    lambda(&mut theirs, &small(), 3);
    assert_eq!(balance(&mut ours, 0..170), (0, 0));
    assert!(balance(&mut theirs, 0..170).0 > 50);
}

/// Defect 5: `hasNext` without a token never progresses: the first page comes again with each run.
#[test]
fn pages_without_a_token_are_asked_for_by_number() {
    let (mut ours, mut theirs) = (world(), world());
    for world in [&mut ours, &mut theirs] {
        world.server.tokens = Tokens::Missing;
    }
    good(&mut ours, &small());
    lambda(&mut theirs, &small(), 2);
    assert_eq!(balance(&mut ours, 61..117), (0, 0));
    let (missing, repeats) = balance(&mut theirs, 61..117);
    assert!(missing > 40 && repeats == 10, "{missing} {repeats}");
}

/// Defect 6: a stored token that the server no longer takes, after a while or a change of filters, blocks every later
/// run.
#[test]
fn a_refused_token_is_dropped_and_a_change_of_filters_begins_the_window_anew() {
    let mut ours = world();
    let interrupted = |world: &mut World| {
        let mut run = world.start(&small(), Plan::Live, 600);
        let outcome = world.finish(&mut run, u64::MAX).expect("an end");
        assert!(!outcome.summary.complete && outcome.summary.events > 0);
    };
    interrupted(&mut ours);
    ours.server.tokens = Tokens::Refused;
    good(&mut ours, &small());
    assert_eq!(balance(&mut ours, 61..117), (0, 0));

    let mut ours = world();
    interrupted(&mut ours);
    let before = ours.server.calls.len();
    let filtered = settings(&[("PAGE_SIZE", "10"), ("FILTER_ACTIONS", "CREATE")]);
    good(&mut ours, &filtered);
    let (body, token) = requests(&ours.server)[before + 1];
    assert!(body.contains("\"actions\":[\"CREATE\"]") && token.is_none());
    assert_eq!(balance(&mut ours, 61..117), (0, 0));

    let mut theirs = busy(1500);
    theirs.server.tokens = Tokens::Loose;
    let memory = lambda(&mut theirs, &small(), 1);
    assert!(matches!(memory, Some((_, Some(_)))));
    theirs.server.tokens = Tokens::Refused;
    assert_eq!(recipe::run(&mut theirs, &small(), &memory, u64::MAX), None);
}

/// Defect 19: `STATIC_FILTER` takes one value only, as the server does.
#[test]
fn both_static_filters_together_leave_out_both() {
    let mut world = World::new(7);
    world.pass(120);
    world.server.add_samples(EPOCH + 61 * MINUTE, 1000, 73);
    let both = (
        "STATIC_FILTER",
        "EXCLUDE_LOGIN_EVENTS,EXCLUDE_SYSTEM_EVENTS",
    );
    let outcome = good(&mut world, &settings(&[both]));
    let is_kept = |line: &&str| {
        let event: Value = serde_json::from_str(line).expect("JSON");
        let action = event["action"].as_str().expect("an action");
        !action.contains("LOGIN") && event["authenticationInfo"]["principal"]["type"] != "SYSTEM"
    };
    let kept = SAMPLES.lines().filter(is_kept).count();
    assert!(kept < 73);
    assert_eq!(outcome.summary.events, kept as u64);
    let keys = world.store.keys("harness/audit/");
    let texts: Vec<String> = keys.iter().map(|it| world.store.text(it)).collect();
    assert!(
        texts
            .iter()
            .flat_map(|it| it.lines())
            .all(|it| is_kept(&it))
    );
}

/// Defect 21: a missing `hasNext` ends the run in silence.
#[test]
fn without_has_next_other_signs_tell_of_a_next_page() {
    const PAGE: &str = include_str!("../../udm/harness_io/golden/constructed_list_v1_page.raw");
    let mut world = world();
    world.server.scheduled.insert(1, Fault::Status(200, PAGE));
    good(&mut world, &small());
    let next = &world.server.calls[2].query;
    assert!(
        next.contains(&("pageIndex".to_owned(), "1".to_owned())),
        "{next:?}"
    );
    let full = r#"{"status":"SUCCESS","data":{"content":[1,2,3,4,5,6,7,8,9,10]}}"#;
    let mut world = self::world();
    world.server.scheduled.insert(1, Fault::Status(200, full));
    good(&mut world, &small());
    assert!(world.server.calls.len() > 6);
}

/// Defect 22: empty pages that have a next, and a token that leads to itself, are followed a hundred times.
#[test]
fn pages_that_do_not_advance_are_noticed() {
    const EMPTY: &str =
        r#"{"status":"SUCCESS","data":{"content":[],"hasNext":true,"pageToken":"t"}}"#;
    let mut world = world();
    world.server.faults = vec![Fault::Status(200, EMPTY); 2000].into();
    let outcome = world.run(&small());
    assert!(
        matches!(outcome.error, Some(Error::Stuck(_))),
        "{:?}",
        outcome.error
    );
    assert!(world.server.count < 100, "{}", world.server.count);
    world.server.faults.clear();
    world.server.tokens = Tokens::Same;
    good(&mut world, &small());
    assert_eq!(balance(&mut world, 61..117), (0, 0));
}

/// The same, with pages that lead to each other.
#[test]
fn pages_that_go_round_in_a_circle_are_noticed() {
    const PAGES: [&str; 3] = [
        r#"{"status":"SUCCESS","data":{"content":[{"auditId":"a"}],"hasNext":true,"pageToken":"a"}}"#,
        r#"{"status":"SUCCESS","data":{"content":[],"hasNext":true,"pageToken":"b"}}"#,
        r#"{"status":"SUCCESS","data":{"content":[{"auditId":"c"}],"hasNext":true,"pageToken":"c"}}"#,
    ];
    for (pages, budget, most) in [(2, 600_000, 200), (3, 600_000, 250), (3, 1, 9000)] {
        let mut world = world();
        world.server.per_minute = usize::MAX;
        let mut next = PAGES.iter().take(pages).cycle();
        let error = loop {
            let mut run = world.start(&small(), Plan::Live, budget);
            let mut reply = None;
            let outcome = loop {
                if world.server.faults.is_empty() {
                    let page = next.next().expect("a page");
                    world.server.faults = [Fault::Status(200, page)].into();
                }
                match run.step(reply.take(), world.now()) {
                    Step::Done(outcome) => break outcome,
                    Step::Do(action) => reply = Some(world.perform(action)),
                }
            };
            assert!(world.server.count < most, "{pages} {}", world.server.count);
            if let Some(error) = outcome.error {
                break error;
            }
        };
        assert!(matches!(error, Error::Stuck(_)), "{error}");
        world.server.faults.clear();
        good(&mut world, &small());
        assert_eq!(balance(&mut world, 61..117), (0, 0), "{pages}");
    }
}

/// Defect 23: the local clock decides what is asked for, and what is skipped.
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

/// The same, with a clock that is set while a run goes on, at any of its steps.
#[test]
fn a_clock_that_is_set_during_a_run_skips_nothing() {
    let settings = settings(&[("PAGE_SIZE", "10"), ("OVERLAP_MINUTES", "15")]);
    for (hours, step) in [-1, 1, 24]
        .into_iter()
        .flat_map(|it| (1..40).map(move |at| (it, at)))
    {
        let mut world = world();
        for minute in 120..300 {
            world.server.add(EPOCH + minute * MINUTE, 100);
        }
        let mut run = world.start(&settings, Plan::Live, 600_000);
        let (mut reply, mut steps) = (None, 0);
        while let Step::Do(action) = run.step(reply.take(), world.now()) {
            reply = Some(world.perform(action));
            steps += 1;
            if steps == step {
                world.skew = hours * 60 * MINUTE;
            }
        }
        for _ in 0..3 {
            world.pass(60);
            good(&mut world, &settings);
        }
        assert_eq!(balance(&mut world, 61..296), (0, 0), "{hours} {step}");
    }
}

/// Defect 31: half a second between pages is neither needed nor enough.
#[test]
fn requests_keep_below_the_limit_and_need_no_pause_before_it() {
    let settings = settings(&[("PAGE_SIZE", "2"), ("WINDOW_PAGES", "1000")]);
    let mut ours = busy(1000);
    let run = |world: &mut World| {
        let mut run = world.start(&settings, Plan::Live, 120_000);
        let outcome = world.finish(&mut run, u64::MAX).expect("an end");
        assert_eq!(outcome.error, None);
    };
    let before = ours.elapsed;
    run(&mut ours);
    let calls = ours.server.calls.len() as u64;
    assert!(calls > 400 && (ours.elapsed - before) / calls < 400);
    // What is known already takes no time to write, so that nothing but the limit slows the second run down.
    ours.pass(5);
    run(&mut ours);
    assert!(ours.server.calls.iter().all(|it| it.status == Some(200)));
    let times: Vec<i64> = ours.server.calls.iter().map(|it| it.at).collect();
    let minutes = times
        .iter()
        .enumerate()
        .map(|(at, start)| times[at..].partition_point(|it| *it < start + MINUTE));
    let busiest = minutes.max().unwrap_or_default();
    assert!((370..=400).contains(&busiest), "{busiest}");
    let mut theirs = busy(1000);
    theirs.server.tokens = Tokens::Loose;
    // Others use up the rest of what the key may.
    theirs.server.per_minute = 50;
    lambda(&mut theirs, &small(), 1);
    assert!(theirs.server.calls.iter().any(|it| it.status == Some(429)));
}

/// Defect 36: the key can leave its host, over plain HTTP or after a redirect.
#[test]
fn the_key_goes_to_its_host_alone() {
    for status in [301, 302, 303, 307, 308] {
        let mut world = world();
        let elsewhere = "https://elsewhere.example/audit".to_owned();
        world
            .server
            .scheduled
            .insert(2, Fault::Redirect(status, elsewhere));
        let mut run = world.start(&small(), Plan::Live, 600_000);
        let mut reply: Option<Reply> = None;
        let outcome = loop {
            match run.step(reply.take(), world.now()) {
                Step::Done(outcome) => break outcome,
                Step::Do(action) => {
                    if let Action::Send(request, _) = &action {
                        let url = request.url.as_str();
                        assert!(url.starts_with("https://app.harness.io/audit/"), "{url}");
                    }
                    reply = Some(world.perform(action));
                }
            }
        };
        let Some(Error::Harness(failure, 1)) = &outcome.error else {
            panic!("{:?}", outcome.error);
        };
        assert_eq!(failure.remedy, Remedy::Address);
    }
    for base in [
        "http://app.harness.io",
        "http://localhost.example",
        "ftp://app.harness.io",
    ] {
        let found = crate::testing::mistakes(&[("HARNESS_API_BASE", base)]);
        assert!(found.contains("HARNESS_API_BASE"), "{base}");
    }
}
