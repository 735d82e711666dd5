//! What may go wrong at Harness, in the bucket, and in the settings.

use harness::{Fault, Key, Tokens};

use super::*;

/// Defects 15, 16 and 37 of the Lambda: only 429 is repeated.
#[test]
fn what_passes_is_waited_for() {
    for store in STORES {
        let world = World::with(service(270), store());
        world.server.with(|it| {
            it.scheduled.insert(1, Fault::RetryAfter("1"));
            it.scheduled.insert(3, Fault::Told("503-html"));
            it.scheduled.insert(5, Fault::Reset);
            it.scheduled.insert(7, Fault::Truncated);
            it.scheduled.insert(9, Fault::RetryAt(1));
        });
        let summary = world.collected();
        assert_eq!(summary["retries"], 5, "{summary}");
        world.check_all();
    }
}

/// Also where the waits are longer than a call of the component.
#[test]
fn what_does_not_pass_is_asked_for_as_often_as_is_set() {
    let mut world = World::new(service(3));
    world.set("MAX_RETRIES", "4");
    world.server.with(|it| {
        let faults = (0..50).map(|at| (at, Fault::Told("503-html")));
        it.scheduled.extend(faults);
    });
    let ended = world.collect(&["--once"]);
    assert_eq!(ended.status, Some(3), "{}", ended.errors);
    assert_eq!(ended.summary["retries"], 4, "{}", ended.errors);
    assert_eq!(world.server.with(|it| it.count), 5);
}

/// A server that wants more rest than the command waits gets it, as far as this round goes.
#[test]
fn a_long_rest_is_left_to_the_next_round() {
    let world = World::new(service(3));
    world
        .server
        .with(|it| it.scheduled.insert(0, Fault::RetryAfter("300")));
    let ended = world.collect(&["--once"]);
    assert_eq!(ended.status, Some(3), "{}", ended.errors);
    assert!(ended.summary["retryAfterMs"].as_u64() >= Some(300_000));
    assert_eq!(world.server.with(|it| it.count), 1);
    world.collected();
    world.check_all();
}

/// Defects 5, 6 and 22 of the Lambda: a token that is refused, missing or always the same.
#[test]
fn a_server_whose_tokens_are_of_no_use_is_read_to_the_end() {
    for tokens in [Tokens::Refused, Tokens::Missing, Tokens::Same] {
        for store in STORES {
            let mut service = service(270);
            service.tokens = tokens;
            let world = World::with(service, store());
            world.collected();
            world.check_all();
        }
    }
}

/// Defects 14 and 35 of the Lambda: errors count as success, and hide their cause.
#[test]
fn a_key_that_is_refused_fails_the_run_and_says_why() {
    for (key, status, hint) in [
        (Key::Expired, 401, "HARNESS_API_KEY"),
        (Key::Unprivileged, 403, "core_audit_view"),
    ] {
        let mut service = service(3);
        service.key_is = key;
        let world = World::new(service);
        let ended = world.collect(&["--once"]);
        assert_eq!(ended.status, Some(3), "{}", ended.errors);
        let summary = &ended.summary;
        assert_eq!(
            (&summary["errorType"], &summary["httpStatus"]),
            (&"Harness".into(), &status.into())
        );
        assert!(summary["harnessCode"].is_string() && summary["correlationId"].is_string());
        assert!(ended.errors.contains(hint), "{}", ended.errors);
    }
}

/// Defect 36 of the Lambda: its key goes wherever a redirect says.
#[test]
fn a_redirect_is_refused_and_the_key_stays_with_its_host() {
    for status in [301, 302, 307, 308] {
        let elsewhere = Harness::start(service(3));
        let mut first = service(3);
        let url = format!("{}/audit/api/audits/listV2", elsewhere.base());
        first.scheduled.insert(0, Fault::Redirect(status, url));
        let world = World::new(first);
        let ended = world.collect(&["--once"]);
        assert_eq!(ended.status, Some(3), "{}", ended.errors);
        assert!(
            ended.errors.contains("HARNESS_API_BASE"),
            "{}",
            ended.errors
        );
        assert_eq!(elsewhere.with(|it| it.count), 0);
    }
}

/// Defects 18, 24 and 26 of the Lambda: bad settings are accepted.
#[test]
fn settings_are_checked_before_the_first_request_and_all_mistakes_told() {
    let mut world = World::new(service(3));
    for (name, value) in [
        ("PAGE_SIZE", "0"),
        ("FILTER_ACTIONS", " , "),
        ("OUTPUT_SHAPE", "xml"),
        ("S3_BUCKET", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("STATE_PREFIX", "harness/audit/state"),
    ] {
        world.set(name, value);
    }
    let ended = world.collect(&["--once"]);
    assert_eq!(ended.status, Some(1), "{}", ended.errors);
    for name in world.variables.keys() {
        let is_wrong = world.variables[name].is_empty()
            || [
                "PAGE_SIZE",
                "FILTER_ACTIONS",
                "OUTPUT_SHAPE",
                "STATE_PREFIX",
            ]
            .contains(&name.as_str());
        let is_told = ended.errors.contains(&format!("`{name}`"));
        assert_eq!(is_told, is_wrong, "{name} in {}", ended.errors);
    }
    assert_eq!(world.server.with(|it| it.count), 0);
    let world = World::new(service(3));
    let future = [
        "--from",
        "2999-01-01T00:00:00Z",
        "--to",
        "2999-02-01T00:00:00Z",
    ];
    let before = [
        "--from",
        "1960-01-01T00:00:00Z",
        "--to",
        "1970-02-01T00:00:00Z",
    ];
    for arguments in [
        &["--every", "never"][..],
        &["--name", "a b"],
        &future,
        &before,
    ] {
        let usage = world.collect(arguments);
        assert_eq!(usage.status, Some(1), "{}", usage.errors);
        assert!(usage.errors.contains(arguments[0]), "{}", usage.errors);
    }
}

#[test]
fn a_bucket_that_refuses_is_told_and_fails_the_run() {
    let mut world = World::new(service(3));
    world.set("AWS_SECRET_ACCESS_KEY", "canary-of-another-key");
    let ended = world.collect(&["--once"]);
    assert_eq!(ended.status, Some(3), "{}", ended.errors);
    assert_eq!(ended.summary["errorType"], "Store", "{}", ended.errors);
    assert!(
        ended.errors.contains("SignatureDoesNotMatch"),
        "{}",
        ended.errors
    );
    assert_eq!(world.lines("harness/").len(), 0);
}

/// Two runs at once cannot be told apart there, so it is said.
#[test]
fn a_store_without_conditions_is_used_with_a_warning() {
    let world = World::with(service(270), S3::start_unconditional());
    let first = world.collected();
    let warnings = first["warnings"].to_string();
    assert!(warnings.contains("conditional writes"), "{warnings}");
    world.goes_on();
    world.collected();
    world.check_all();
}
