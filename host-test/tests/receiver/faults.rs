//! Faults of destinations that may pass: the sender has to repeat, and what it repeats arrives.

use event_grid::Outcome;
use secops::{Reaction, SecOps};

use crate::destinations::{KINDS, destination, start, variables};
use crate::{assert_later, delivery, events};
use host_test::running::{Receiver, Start, config, feed};

/// Delivers to a destination of each kind that reacts so once: the answer is 503 with these seconds, and the same delivery is taken
/// when it comes again.
fn once(reaction: Reaction, seconds: u32, alarm: bool) {
    for kind in KINDS {
        let secops = SecOps::start();
        let receiver = start(kind, &secops);
        // Tokens come by the same plan, so that a first delivery gets one.
        assert_eq!(receiver.deliver(&delivery(&events(1))).status, 200);
        let mut left = 1;
        secops.react(move |_| match left {
            0 => Reaction::Answer,
            _ => {
                left -= 1;
                reaction
            }
        });
        let sent = events(5);
        assert_later(&receiver.deliver(&delivery(&sent)), seconds);
        let lines = receiver.requests(2);
        let alarmed = lines[1]["alarm"] == true;
        assert_eq!((alarmed, kind), (alarm, kind), "{}", lines[1]);
        assert!(lines[1]["fault"].is_string());
        assert_eq!(receiver.deliver(&delivery(&sent)).status, 200);
        let counts = secops.counts();
        assert!(sent.iter().all(|it| counts.contains_key(it.id())));
        assert_eq!(secops.complaints(), Vec::<String>::new());
    }
}

#[test]
fn a_rate_limit_is_answered_503_with_googles_wait() {
    once(Reaction::RateLimited(45), 45, false);
}

#[test]
fn a_rate_limit_without_a_wait_is_answered_503_with_60_seconds() {
    once(Reaction::Status(429), 60, false);
}

#[test]
fn errors_of_the_server_are_answered_503_with_30_seconds() {
    for status in [500, 502, 503, 504] {
        once(Reaction::Status(status), 30, false);
    }
}

#[test]
fn a_connection_that_is_cut_is_answered_503_with_30_seconds() {
    once(Reaction::Cut, 30, false);
}

#[test]
fn a_connection_that_is_cut_after_everything_was_taken_is_answered_503_too() {
    once(Reaction::CutAfter, 30, false);
}

#[test]
fn a_destination_that_is_not_there_is_answered_503_with_30_seconds() {
    // Nothing listens on a port that was just given back.
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let text = config(
        "",
        &format!("type = \"http\"\nurl = \"http://127.0.0.1:{port}/\""),
    );
    let receiver = Receiver::start(&text);
    assert_later(&receiver.deliver(&delivery(&events(1))), 30);
    let message = receiver.request()["message"].as_str().unwrap().to_owned();
    assert!(
        message.ends_with("but found ConnectionRefused"),
        "{message}"
    );
}

#[test]
fn refused_credentials_and_wrong_urls_are_answered_503_with_an_alarm() {
    for status in [403, 404] {
        once(Reaction::Status(status), 60, true);
    }
}

#[test]
fn wrong_credentials_are_answered_503_with_an_alarm() {
    let secops = SecOps::start();
    let text = config("", &destination("webhook", &secops));
    let mut variables = variables("");
    variables[1].1 = "another-secret";
    let receiver = Start::with(&text).variables(&variables).run();
    assert_later(&receiver.deliver(&delivery(&events(1))), 60);
    assert_eq!(receiver.request()["alarm"], true);
}

#[test]
fn a_token_that_is_refused_twice_is_answered_503_with_an_alarm() {
    let secops = SecOps::start();
    secops.react(|call| match call.route {
        secops::Route::Logs => Reaction::Status(401),
        _ => Reaction::Answer,
    });
    let receiver = start("logs", &secops);
    assert_later(&receiver.deliver(&delivery(&events(1))), 60);
    assert_eq!(receiver.request()["alarm"], true);
    assert_eq!(secops.tokens(), 2);
}

#[test]
fn a_token_endpoint_that_fails_is_answered_503() {
    for reaction in [Reaction::Status(500), Reaction::Cut, Reaction::Status(429)] {
        let secops = SecOps::start();
        secops.react(move |_| reaction);
        let receiver = start("logs", &secops);
        let answer = receiver.deliver(&delivery(&events(1)));
        assert_eq!((answer.status, reaction), (503, reaction));
        assert!(secops.accepted().is_empty());
    }
}

#[test]
fn a_destination_that_hangs_is_answered_503_before_event_grid_gives_up() {
    let secops = SecOps::start();
    secops.react(|_| Reaction::Hang);
    let receiver = start("webhook", &secops);
    let target = feed();
    let answer = event_grid::send(receiver.address, &target, &delivery(&events(2)));
    assert_eq!(event_grid::outcome(&answer), Outcome::Status(503));
    assert_later(&answer.unwrap(), 30);
    assert_eq!(receiver.request()["fault"], "timed_out");
}
