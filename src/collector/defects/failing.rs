//! What fails, what is tried again, and what is said of it.

use harness::Fault;
use serde_json::Value;

use crate::answer::{self, Answer, Remedy};
use crate::testing::{EPOCH, MINUTE, settings};
use crate::tests::{STATE, balance, good, small, world};
use crate::{Error, Outcome, Plan, Reply, Step};

/// Defect 14: errors are swallowed: the Lambda returns a status code of 500 and counts as successful.
#[test]
fn a_run_that_fails_says_so_and_has_kept_what_it_did() {
    let mut world = world();
    world
        .server
        .scheduled
        .insert(3, Fault::Told("401-expired-token"));
    let outcome = world.run(&small());
    assert!(matches!(outcome.error, Some(Error::Harness(..))));
    assert_eq!(outcome.to_json(&small())["statusCode"], 500);
    assert_eq!(outcome.summary.events, 20);
    let state: Value = serde_json::from_str(&world.store.text(STATE)).expect("JSON");
    assert_eq!(state["lease"], Value::Null);
    good(&mut world, &small());
    assert_eq!(balance(&mut world, 61..117), (0, 0));
}

/// Defect 15: only 429 is repeated, with fixed waits; everything else that passes ends the run.
#[test]
fn failures_that_pass_are_repeated_and_the_others_are_not() {
    for fault in [
        Fault::Told("429-edge-no-header"),
        Fault::Told("429-plain-text"),
        Fault::Told("400-too-many-requests-code"),
        Fault::Told("500-unknown"),
        Fault::Told("503-html"),
        Fault::Told("200-status-error"),
        Fault::Status(408, ""),
        Fault::Status(502, "<html>"),
        Fault::Status(504, "<html>"),
        Fault::Told("500-query-timeout"),
        Fault::Truncated,
        Fault::Cut,
        Fault::Reset,
        Fault::TimedOut,
    ] {
        for number in [0, 1, 2] {
            let mut world = world();
            world.server.scheduled.insert(number, fault.clone());
            let outcome = good(&mut world, &small());
            assert_eq!(outcome.summary.retries, 1, "{fault:?} {number}");
            assert_eq!(balance(&mut world, 61..117), (0, 0), "{fault:?} {number}");
        }
    }
    for (name, remedy) in [
        ("401-expired-token", Remedy::Key),
        ("401-invalid-token", Remedy::Key),
        ("403-access-denied", Remedy::Rights),
        ("403-ng-access-denied", Remedy::Rights),
        ("404-html", Remedy::Address),
        ("400-page-size", Remedy::DropToken),
        ("400-time-filter", Remedy::DropToken),
    ] {
        let mut world = world();
        world.server.faults = [Fault::Told(name)].into();
        let outcome = world.run(&small());
        let Some(Error::Harness(failure, 1)) = &outcome.error else {
            panic!("{name} {:?}", outcome.error);
        };
        assert_eq!((failure.remedy, world.server.count), (remedy, 1), "{name}");
        assert!(world.store.objects.is_empty(), "{name}");
    }
}

/// Defect 16: `Retry-After` as a date crashes, a negative or a huge one sleeps wrongly.
#[test]
fn retry_after_is_kept_to_in_both_forms_and_never_beyond_the_budget() {
    for (fault, least) in [
        (Fault::RetryAt(30), 29_000),
        (Fault::RetryAfter("30"), 30_000),
        (Fault::Told("429-retry-after-seconds"), 7_000),
        // Its dates are of another day, thirty seconds apart.
        (Fault::Told("429-retry-after-date"), 30_000),
        (Fault::RetryAfter("-30"), 500),
        (Fault::RetryAt(-30), 500),
        (Fault::RetryAfter("soon"), 500),
    ] {
        let mut world = world();
        world.server.scheduled.insert(2, fault.clone());
        good(&mut world, &small());
        let calls = &world.server.calls;
        let waited = calls[3].at - calls[2].at;
        assert!(
            (least..least + 1500).contains(&waited),
            "{fault:?} {waited}"
        );
    }
    let mut world = world();
    world
        .server
        .scheduled
        .insert(2, Fault::RetryAfter("99999999"));
    let (before, outcome) = (world.elapsed, world.run(&small()));
    assert!(
        matches!(outcome.error, Some(Error::Harness(_, 1))),
        "{:?}",
        outcome.error
    );
    assert!(world.elapsed - before < 60_000);
    good(&mut world, &small());
    assert_eq!(balance(&mut world, 61..117), (0, 0));
}

/// Defect 17: an off-by-one in wording: attempt 4 of 3, where `MAX_RETRIES` counts repeats.
#[test]
fn max_retries_counts_repeats_and_the_error_tells_the_calls() {
    for (retries, calls, told) in [("0", 1, "1 call"), ("1", 2, "2 calls"), ("3", 4, "4 calls")] {
        let mut world = world();
        world.server.faults = vec![Fault::Told("503-html"); 9].into();
        let outcome = world.run(&settings(&[("MAX_RETRIES", retries)]));
        assert_eq!(world.server.count, calls);
        let error = outcome.error.expect("an error").to_string();
        assert!(error.ends_with(&format!("(after {told})")), "{error}");
    }
    // Also over runs that have no time to wait themselves.
    let mut world = world();
    world.server.faults = vec![Fault::Told("503-html"); 9].into();
    let (mut asked, mut repeated) = (0, 0);
    let error = loop {
        let mut run = world.order(&small(), Plan::Live, 1, asked);
        let outcome = world.finish(&mut run, u64::MAX).expect("an end");
        repeated += outcome.summary.retries;
        match outcome.summary.retry_after_ms {
            Some(_) => asked = outcome.summary.asked.expect("calls"),
            None => break outcome.error.expect("an error").to_string(),
        }
    };
    assert_eq!((world.server.count, repeated), (4, 3));
    assert!(error.ends_with("(after 4 calls)"), "{error}");
}

/// Defect 20: nulls crash, in answers and in the state.
#[test]
fn nulls_are_no_events_in_an_answer_and_an_error_in_a_state() {
    for page in [
        include_str!("../../udm/harness_io/golden/constructed_listv2_null_data.raw"),
        include_str!("../../udm/harness_io/golden/constructed_listv2_null_content.raw"),
        include_str!("../../udm/harness_io/golden/constructed_listv2_empty.raw"),
    ] {
        let mut world = world();
        world.server.faults = vec![Fault::Status(200, page); 2].into();
        let outcome = good(&mut world, &small());
        assert_eq!((outcome.summary.events, outcome.summary.pages), (0, 1));
    }
    let states = [STATE, "harness/audit/state.json"];
    for (key, body) in states.iter().flat_map(|key| {
        let bodies = [
            "null",
            "{\"since\":null,\"pageToken\":\"t\"}",
            "{\"version\":null}",
        ];
        bodies.map(|body| (*key, body))
    }) {
        let mut world = world();
        world.store.put(key, body);
        let outcome = world.run(&small());
        assert!(
            matches!(outcome.error, Some(Error::State(_))),
            "{key} {body}"
        );
        assert_eq!(world.store.text(key), body);
    }
}

/// Defect 34: no events and nothing that works look alike.
#[test]
fn a_summary_tells_quiet_from_broken_and_how_far_behind_it_is() {
    let json = |outcome: &Outcome| outcome.to_json(&small());
    let mut world = world();
    good(&mut world, &small());
    world.pass(10);
    let quiet = json(&good(&mut world, &small()));
    assert_eq!(
        (&quiet["statusCode"], &quiet["eventsCollected"]),
        (&200.into(), &2.into())
    );
    let lag = |json: &Value| json["lagMs"].as_i64().expect("a lag") / 60_000;
    assert_eq!(lag(&quiet), 3);
    world.pass(300);
    let mut run = world.start(&small(), Plan::Live, 400);
    let behind = json(&world.finish(&mut run, u64::MAX).expect("an end"));
    assert_eq!(
        (&behind["paginationComplete"], lag(&behind)),
        (&false.into(), 303)
    );
    for key in [
        "duplicates",
        "retries",
        "latestMs",
        "unconfirmedObjects",
        "warnings",
    ] {
        assert!(behind.get(key).is_some(), "{key}");
    }
    world.server.faults = vec![Fault::Told("503-html"); 9].into();
    world.pass(10);
    let broken = json(&world.run(&small()));
    assert_eq!(
        (&broken["statusCode"], &broken["errorType"]),
        (&500.into(), &"Harness".into())
    );
    // Nothing was asked for successfully, and yet it is known how far behind that leaves everything.
    assert_eq!(lag(&broken), 313);
    let mut new = self::world();
    new.server.faults = vec![Fault::Told("503-html"); 9].into();
    assert_eq!(json(&new.run(&small()))["lagMs"], Value::Null);
}

/// Defect 35: error texts hide the cause: Harness' code and correlation id are dropped, every failure has one type.
#[test]
fn an_error_tells_status_code_correlation_and_calls() {
    let mut world = world();
    world.server.faults = vec![Fault::Told("403-ng-access-denied")].into();
    let outcome = world.run(&small());
    let json = outcome.to_json(&small());
    assert_eq!(
        json["error"],
        "expected a page of audit events, but found status 403, code NG_ACCESS_DENIED: Missing permission \
         core_audit_view on account (correlation id 7c1f9a52-2b7e-4d38-8f0b-91b1c3a7e0d4); the key needs the \
         permission core_audit_view on the account (after 1 call)"
    );
    assert_eq!(json["httpStatus"], 403);
    assert_eq!(json["harnessCode"], "NG_ACCESS_DENIED");
    assert_eq!(
        json["correlationId"],
        "7c1f9a52-2b7e-4d38-8f0b-91b1c3a7e0d4"
    );
    let mut world = self::world();
    world.store.put(STATE, "{");
    let json = world.run(&small()).to_json(&small());
    assert_eq!(
        (&json["errorType"], &json["httpStatus"]),
        (&"State".into(), &Value::Null)
    );
}

/// Defect 37: error handling can itself fail, on bytes that are no text and on a time-out within a body.
#[test]
fn no_body_of_an_error_is_an_error_of_its_own() {
    for body in [
        &[0xff, 0xfe, 0x00][..],
        b"",
        b"null",
        b"[]",
        b"{\"message\":7}",
        &[b'<'; 1 << 20],
    ] {
        let answer = Answer {
            status: 500,
            headers: Vec::new(),
            body: body.to_vec(),
        };
        let failure = answer::read(&answer, 50, 0).expect_err("a failure");
        assert_eq!(
            (failure.status, failure.remedy),
            (Some(500), Remedy::Repeat)
        );
        assert!(failure.to_string().len() < 500);
    }
    let mut world = world();
    world.server.faults = [Fault::Cut, Fault::TimedOut, Fault::Reset].into();
    assert_eq!(good(&mut world, &small()).summary.retries, 3);
}

/// The same, in a page: one event with a character that is none costs nothing, and one that cannot be read holds up
/// only what comes after it.
#[test]
fn one_odd_event_does_not_take_its_whole_page_along() {
    let poisoned = |odd: &str| {
        let mut world = world();
        let id = world.server.add(EPOCH + 90 * MINUTE + 30_000, 0);
        let id = format!("\"auditId\":\"{id}\"");
        let mut run = world.start(&small(), Plan::Live, 600_000);
        let mut reply = None;
        let outcome = loop {
            match run.step(reply.take(), world.now()) {
                Step::Done(outcome) => break outcome,
                Step::Do(action) => reply = Some(world.perform(action)),
            }
            if let Some(Reply::Answer(answer)) = &mut reply {
                let body = String::from_utf8_lossy(&answer.body);
                let body = body.replace(&id, &format!("{id},\"odd\":{odd}"));
                answer.body = body.into_bytes();
            }
        };
        (world, outcome)
    };
    let (mut world, outcome) = poisoned(r#""\ud800""#);
    assert_eq!(outcome.error, None);
    assert!(outcome.summary.warnings.join("").contains("U+FFFD"));
    assert_eq!(balance(&mut world, 61..117), (0, 0));
    let (mut world, outcome) = poisoned("1e999");
    let error = outcome.error.expect("an error").to_string();
    assert!(error.contains("number out of range"), "{error}");
    assert_eq!(balance(&mut world, 61..90), (0, 0));
    good(&mut world, &small());
    assert_eq!(balance(&mut world, 61..117), (0, 0));
}
