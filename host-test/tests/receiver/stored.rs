//! Deliveries to a feed with `ack = "stored"`, and a store that takes nothing more.

use std::collections::BTreeSet;

use event_grid::Event;
use host_test::running::{Receiver, Start};
use secops::{Reaction, SecOps};
use serde_json::{Value, json};

use crate::destinations::set_up;
use crate::{assert_refused, delivery, events};

fn storing(secops: &SecOps) -> Start {
    set_up("webhook", secops, "ack = \"stored\"")
}

/// Has the host deliver until nothing waits.
fn drain(receiver: &Receiver) {
    loop {
        let answer = receiver.ask("POST", "/v1/spool/drain");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let drained: Value = serde_json::from_slice(&answer.body).unwrap();
        if drained["left"] == 0 {
            return;
        }
    }
}

fn waiting(receiver: &Receiver) -> Value {
    let status = receiver.ask("GET", "/status");
    let status: Value = serde_json::from_slice(&status.body).unwrap();
    status["spool"].clone()
}

/// Everything arrived, and nothing else. Some may have come twice, since the host drains at the same time.
#[track_caller]
fn assert_arrived(secops: &SecOps, sent: &[Event]) {
    let expected: BTreeSet<String> = sent.iter().map(|it| it.id().to_owned()).collect();
    let arrived: BTreeSet<String> = secops.counts().into_keys().collect();
    assert_eq!(arrived, expected);
    assert_eq!(secops.complaints(), Vec::<String>::new());
}

#[test]
fn what_is_stored_is_answered_200_while_the_destination_is_down_and_arrives_later() {
    let secops = SecOps::start();
    secops.react(|_| Reaction::Status(503));
    let receiver = storing(&secops).run();
    let sent = events(20);
    for batch in sent.chunks(5) {
        assert_eq!(receiver.deliver(&delivery(batch)).status, 200);
    }
    let status = waiting(&receiver);
    assert_eq!(status["entries"], 4, "{status}");
    assert!(status["bytes"].as_u64().unwrap() > 0);
    assert!(status["oldest_s"].is_number());
    assert!(secops.accepted().is_empty());
    secops.react(|_| Reaction::Answer);
    drain(&receiver);
    assert_arrived(&secops, &sent);
}

#[test]
fn what_is_stored_survives_a_kill() {
    let secops = SecOps::start();
    secops.react(|_| Reaction::Status(503));
    let mut receiver = storing(&secops).run();
    let sent = events(20);
    assert_eq!(receiver.deliver(&delivery(&sent)).status, 200);
    receiver.restart();
    secops.react(|_| Reaction::Answer);
    drain(&receiver);
    assert_arrived(&secops, &sent);
}

#[test]
fn the_host_drains_on_its_own() {
    let secops = SecOps::start();
    let receiver = storing(&secops).run();
    let sent = events(3);
    assert_eq!(receiver.deliver(&delivery(&sent)).status, 200);
    secops.wait(|it| it.len() >= 3);
    assert_arrived(&secops, &sent);
}

#[test]
fn a_delivery_larger_than_a_value_of_the_store_is_stored_in_parts() {
    let secops = SecOps::start();
    secops.react(|_| Reaction::Status(503));
    let receiver = storing(&secops).run();
    let long = "x".repeat(15_000);
    let sent: Vec<Event> = events(60).into_iter().map(|it| it.saying(&long)).collect();
    assert_eq!(receiver.deliver(&delivery(&sent)).status, 200);
    secops.react(|_| Reaction::Answer);
    drain(&receiver);
    assert_arrived(&secops, &sent);
}

#[test]
fn a_full_store_is_answered_503_and_what_was_stored_before_arrives() {
    let secops = SecOps::start();
    secops.react(|_| Reaction::Status(503));
    let receiver = storing(&secops).arguments(&["--max-state", "1"]).run();
    let long = "x".repeat(15_000);
    let sent: Vec<Event> = events(100).into_iter().map(|it| it.saying(&long)).collect();
    let mut stored = Vec::new();
    for batch in sent.chunks(10) {
        match receiver.deliver(&delivery(batch)) {
            answer if answer.status == 200 => stored.extend_from_slice(batch),
            answer => assert_refused(&answer, 503),
        }
    }
    assert!((10..100).contains(&stored.len()), "{}", stored.len());
    secops.react(|_| Reaction::Answer);
    drain(&receiver);
    assert_arrived(&secops, &stored);
}

#[test]
fn a_full_store_makes_the_receiver_not_ready_with_an_alarm_until_there_is_room() {
    let secops = SecOps::start();
    secops.react(|_| Reaction::Status(503));
    let receiver = storing(&secops).arguments(&["--max-state", "1"]).run();
    // The last pages take small deliveries, when they are too few for large ones.
    let long = "x".repeat(15_000);
    let long: Vec<Event> = events(10).into_iter().map(|it| it.saying(&long)).collect();
    let mut requests = 0;
    for sent in [long, events(2)] {
        loop {
            requests += 1;
            let answer = receiver.deliver(&delivery(&sent));
            if answer.status != 200 {
                assert_refused(&answer, 503);
                break;
            }
            assert!(requests < 2000, "a mebibyte takes no end");
        }
    }
    let ready = receiver.ask("GET", "/readyz");
    assert_eq!(ready.status, 503, "{}", ready.text());
    let ready: Value = serde_json::from_slice(&ready.body).unwrap();
    assert_eq!(ready["store"], "unavailable");
    let lines = receiver.requests(requests + 1);
    let line = lines.iter().find(|it| it["route"] == "readyz").unwrap();
    let refused = lines.iter().rfind(|it| it["route"] == "feed").unwrap();
    for line in [line, refused] {
        assert_eq!(
            (&line["fault"], &line["alarm"]),
            (&json!("store"), &json!(true)),
            "{line}"
        );
    }
    secops.react(|_| Reaction::Answer);
    drain(&receiver);
    assert_eq!(receiver.ask("GET", "/readyz").status, 200);
}

#[test]
fn logs_that_can_be_put_nowhere_are_answered_503() {
    let secops = SecOps::start();
    secops.react(|_| Reaction::Status(400));
    let start = set_up("webhook", &secops, "");
    let receiver = start.arguments(&["--max-state", "1"]).run();
    let long = "x".repeat(15_000);
    let sent: Vec<Event> = events(100).into_iter().map(|it| it.saying(&long)).collect();
    let answers = sent.chunks(10).map(|it| receiver.deliver(&delivery(it)));
    let refused: Vec<_> = answers.filter(|it| it.status != 200).collect();
    assert!(!refused.is_empty());
    for answer in &refused {
        assert_refused(answer, 503);
    }
}
