//! No secret is seen anywhere, whatever goes wrong.

use event_grid::{Request, Tenant, options};
use secops::{Reaction, SecOps};

use crate::destinations::{KINDS, start};
use crate::{bare, delivery, events, post};
use host_test::running::{ADMIN, KEY, Receiver, SECRET, config, feed};

/// Everything that must not be seen.
fn canaries() -> Vec<String> {
    let mut canaries = vec![
        KEY.to_owned(),
        SECRET.to_owned(),
        ADMIN.to_owned(),
        secops::API_KEY.to_owned(),
        secops::SECRET.to_owned(),
        secops::TOKEN.to_owned(),
    ];
    canaries.extend(secops::key_lines().map(str::to_owned));
    canaries
}

#[track_caller]
fn assert_hidden(text: &str, canaries: &[String]) {
    for canary in canaries {
        assert!(!text.contains(canary), "{canary} is in\n{text}");
    }
}

#[test]
fn no_secret_is_in_a_log_a_metric_an_answer_or_an_event() {
    let canaries = canaries();
    let reactions = [
        Reaction::Answer,
        Reaction::Status(400),
        Reaction::Status(401),
        Reaction::Status(403),
        Reaction::Status(404),
        Reaction::Status(500),
        Reaction::RateLimited(30),
        Reaction::Cut,
    ];
    for kind in KINDS.into_iter().chain(["metadata"]) {
        let secops = SecOps::start();
        let receiver = start(kind, &secops);
        let mut seen = String::new();
        for reaction in reactions {
            secops.react(move |_| reaction);
            seen += &receiver.deliver(&delivery(&events(2))).text();
        }
        for path in ["/healthz", "/readyz", "/status", "/v1/quarantine"] {
            seen += &receiver.ask("GET", path).text();
        }
        seen += &receiver.ask("POST", "/v1/spool/drain").text();
        seen += &receiver.metrics();
        for accepted in secops.accepted() {
            seen += &String::from_utf8_lossy(&accepted.bytes);
        }
        receiver.requests(reactions.len());
        assert_hidden(&(seen + &receiver.written()), &canaries);
    }
}

#[test]
fn no_secret_is_in_what_strangers_and_mistaken_senders_get() {
    let canaries = canaries();
    let receiver = Receiver::start(&config("", "type = \"stdout\""));
    let wrong_header = |name: &str| Request {
        headers: vec![(name.to_owned(), "guessed".to_owned())],
        ..delivery(&events(1))
    };
    let mut seen = String::new();
    let requests = [
        (feed(), post("application/json", "{")),
        (feed(), post("application/octet-stream", "\u{0}")),
        (feed(), bare("PUT")),
        (feed(), options(Some("stranger.example"), None)),
        (feed(), wrong_header("x-goog-api-key")),
        (feed(), wrong_header("authorization")),
        (
            format!("/v1/feeds/other?key={KEY}&secret={SECRET}"),
            delivery(&events(1)),
        ),
        (format!("/elsewhere?key={KEY}&secret={SECRET}"), bare("GET")),
        (
            format!("/v1/quarantine/{SECRET}?secret={SECRET}"),
            bare("DELETE"),
        ),
        (feed(), delivery(&events(3))),
    ];
    for (target, request) in &requests {
        seen += &receiver.send(target, request).text();
    }
    seen += &receiver.metrics();
    receiver.events(3);
    receiver.requests(requests.len());
    assert_hidden(&(seen + &receiver.written()), &canaries);
}

#[test]
fn no_secret_is_in_what_an_invalid_configuration_says() {
    let canaries = canaries();
    let texts = [
        config("colour = \"{azdo_secret}\"", "type = \"{azdo_secret}\""),
        config("", "type = \"http\"\nurl = \"{azdo_secret}\""),
        config("topics = \"{azdo_secret}\"", "type = \"stdout\""),
        config(
            "ack = \"{azdo_secret}\"",
            "type = \"s3\"\nregion = \"{azdo_key}\"",
        ),
        config(
            "",
            "type = \"secops-logs\"\ncredentials = \"{azdo_secret}\"",
        ),
    ];
    for text in texts {
        let receiver = Receiver::start(&text);
        let mut seen = receiver.deliver(&delivery(&events(1))).text();
        for path in ["/readyz", "/status"] {
            seen += &receiver.ask("GET", path).text();
        }
        receiver.requests(3);
        assert_hidden(&(seen + &receiver.written()), &canaries);
    }
}

#[test]
fn no_token_of_a_sender_is_logged() {
    let tenant = Tenant::start();
    let bearer = tenant.bearer(&tenant.claims());
    let receiver = Receiver::start(&config("", "type = \"stdout\""));
    let mut request = delivery(&events(1));
    let header = ("authorization".to_owned(), bearer.clone());
    request.headers.push(header);
    receiver.send("/v1/feeds/azdo", &request);
    receiver.requests(1);
    let token = bearer.trim_start_matches("Bearer ").to_owned();
    assert_hidden(&receiver.written(), &[token]);
}
