use event_grid::Request;

use crate::{assert_refused, delivery, events};
use host_test::running::{KEY, Receiver, SECRET, Start, config};

const STDOUT: &str = "type = \"stdout\"";

/// A delivery of one event, with these headers beside its own.
fn with(headers: &[(&str, &str)]) -> Request {
    let mut request = delivery(&events(1));
    let headers = headers.iter();
    let headers = headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    request.headers.extend(headers);
    request
}

#[test]
fn a_wrong_or_missing_secret_is_answered_503_with_an_alarm() {
    let receiver = Receiver::start(&config("", STDOUT));
    for query in ["", "?key=a&secret=b", &format!("?key={KEY}")] {
        let answer = receiver.send(&format!("/v1/feeds/azdo{query}"), &with(&[]));
        assert_refused(&answer, 503);
        assert!(answer.header("retry-after").is_some());
    }
    let lines = receiver.requests(3);
    for line in &lines {
        assert_eq!(
            (&line["outcome"], &line["alarm"]),
            (&"unauthorized".into(), &true.into())
        );
    }
    let metrics = receiver.metrics();
    let count = "udmill_authentication_failures_total{feed=\"azdo\"} 3";
    assert!(metrics.contains(count), "{metrics}");
    assert_eq!(receiver.printed(0), "");
}

#[test]
fn a_feed_that_says_so_answers_401_to_strangers() {
    let receiver = Receiver::start(&config("on_unauthorized = \"401\"", STDOUT));
    assert_refused(&receiver.send("/v1/feeds/azdo", &with(&[])), 401);
}

#[test]
fn credentials_come_from_headers_or_the_query_and_a_wrong_header_is_not_rescued() {
    let receiver = Receiver::start(&config("", STDOUT));
    let right = [("x-goog-api-key", KEY), ("x-webhook-access-key", SECRET)];
    let answer = receiver.send("/v1/feeds/azdo", &with(&right));
    assert_eq!(answer.status, 200);
    let half = format!("/v1/feeds/azdo?secret={SECRET}");
    assert_eq!(receiver.send(&half, &with(&right[..1])).status, 200);
    let wrong = [("x-webhook-access-key", "guessed")];
    assert_refused(&receiver.deliver(&with(&wrong)), 503);
}

#[test]
fn during_a_rotation_the_old_and_the_new_secret_are_taken() {
    let text = config("", STDOUT).replace("[\"{azdo_secret}\"]", "[\"{azdo_secret}\", \"{next}\"]");
    let receiver = Start::with(&text)
        .variables(&[("next", "the-secret-after-the-rotation")])
        .run();
    for secret in [SECRET, "the-secret-after-the-rotation"] {
        let target = format!("/v1/feeds/azdo?key={KEY}&secret={secret}");
        assert_eq!(receiver.send(&target, &with(&[])).status, 200);
    }
}

#[test]
fn a_secret_can_be_configured_by_its_digest() {
    // SHA-256 of "a-secret-of-which-only-the-digest-is-known".
    let digest = "sha256:88b3b5b005cde22e30bc0b65f828882cfee40e54c1b3833fd356cb5fe1b66421";
    let text = config("", STDOUT).replace("{azdo_secret}", digest);
    let receiver = Receiver::start(&text);
    let target = format!("/v1/feeds/azdo?key={KEY}&secret=");
    let right = format!("{target}a-secret-of-which-only-the-digest-is-known");
    assert_eq!(receiver.send(&right, &with(&[])).status, 200);
    assert_refused(
        &receiver.send(&format!("{target}{digest}"), &with(&[])),
        503,
    );
}

#[test]
fn a_secret_that_is_not_set_on_our_side_is_answered_503() {
    let receiver = Start::with(&config("", STDOUT))
        .without("azdo_secret")
        .run();
    for target in [
        format!("/v1/feeds/azdo?key={KEY}&secret={SECRET}"),
        format!("/v1/feeds/azdo?key={KEY}&secret="),
        format!("/v1/feeds/azdo?key={KEY}"),
    ] {
        assert_refused(&receiver.send(&target, &with(&[])), 503);
    }
    assert_eq!(receiver.printed(0), "");
    let ready = receiver.ask("GET", "/readyz");
    assert_eq!(ready.status, 503);
    assert_eq!(receiver.ask("GET", "/healthz").status, 200);
}

#[test]
fn admin_routes_need_the_admins_key() {
    let receiver = Receiver::start(&config("", STDOUT));
    let request = crate::bare("GET");
    let answer = receiver.send("/v1/quarantine", &request);
    assert_refused(&answer, 401);
    assert_eq!(receiver.ask("GET", "/v1/quarantine").status, 200);
    let without = config("", STDOUT).replace("admin_key = \"{admin_key}\"\n", "");
    let receiver = Receiver::start(&without);
    assert_refused(&receiver.ask("GET", "/v1/quarantine"), 404);
}
