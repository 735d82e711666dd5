//! What comes to each kind of destination, and what happens to what it will never take.

use std::collections::BTreeMap;

use event_grid::{Answer, Event};
use secops::{API_KEY, POISON, Reaction, Route, SECRET, SecOps};
use serde_json::{Value, json};

use crate::{delivery, events};
use host_test::running::{Receiver, Start, config};

/// The kinds of [`set_up`].
pub const KINDS: [&str; 5] = ["webhook", "logs", "events", "lines", "raw-lines"];

/// A receiver in front of a SecOps, by one kind of destination.
pub fn start(kind: &str, secops: &SecOps) -> Receiver {
    set_up(kind, secops, "").run()
}

/// The same, not yet started, with more lines in the feed's table.
pub fn set_up(kind: &str, secops: &SecOps, feed: &str) -> Start {
    let text = config(feed, &destination(kind, secops));
    Start::with(&text).variables(&variables(&secops.key_file()))
}

/// The variables that destinations name.
pub fn variables(key_file: &str) -> [(&'static str, &str); 3] {
    [
        ("api_key", API_KEY),
        ("feed_secret", SECRET),
        ("key_file", key_file),
    ]
}

/// The lines of a destination's table.
pub fn destination(kind: &str, secops: &SecOps) -> String {
    let mut names = secops::INSTANCE.split('/').skip(1).step_by(2);
    let mut name = || names.next().unwrap();
    let instance = format!(
        "project = \"{}\"\nregion = \"{}\"\ninstance = \"{}\"\nendpoint = \"{}\"\n",
        name(),
        name(),
        name(),
        secops.origin()
    );
    match kind {
        "webhook" => format!(
            "type = \"secops-webhook\"\nurl = \"{}\"\napi_key = \"{{api_key}}\"\nsecret = \"{{feed_secret}}\"",
            secops.push_url()
        ),
        "logs" => format!(
            "type = \"secops-logs\"\nforwarder = \"udmill\"\ncredentials = \"{{key_file}}\"\n{instance}"
        ),
        "metadata" => format!(
            "type = \"secops-logs\"\nforwarder = \"udmill\"\nmetadata = \"{}\"\n{instance}",
            secops.metadata_url()
        ),
        "events" => format!(
            "type = \"secops-events\"\narchive = \"none\"\ncredentials = \"{{key_file}}\"\n{instance}"
        ),
        "lines" => format!("type = \"http\"\nurl = \"{}\"", secops.lines_url()),
        "raw-lines" => format!("{}\nformat = \"raw\"", destination("lines", secops)),
        _ => unreachable!("{kind}"),
    }
}

/// Every one of these events was taken so often, and nothing else was.
#[track_caller]
fn assert_taken<'e>(secops: &SecOps, events: impl IntoIterator<Item = &'e Event>, times: usize) {
    let expected = events.into_iter().map(|it| (it.id().to_owned(), times));
    assert_eq!(secops.counts(), expected.collect::<BTreeMap<_, _>>());
    assert_eq!(secops.complaints(), Vec::<String>::new());
}

/// The requests to the destination itself, not those for tokens.
fn sub_requests(secops: &SecOps) -> usize {
    let calls = secops.calls();
    let mut routes = calls.iter().map(|(call, _)| call.route);
    let tokens = [Route::Token, Route::Metadata];
    routes.by_ref().filter(|it| !tokens.contains(it)).count()
}

#[test]
fn each_kind_of_destination_gets_every_log_once() {
    for kind in KINDS.into_iter().chain(["metadata"]) {
        let secops = SecOps::start();
        let receiver = start(kind, &secops);
        let sent = events(30);
        let answer = receiver.deliver(&delivery(&sent));
        assert_eq!((answer.status, kind), (200, kind), "{}", answer.text());
        assert_taken(&secops, &sent, 1);
        assert_eq!(sub_requests(&secops), 1, "{kind}");
    }
}

#[test]
fn raw_logs_arrive_as_they_came_and_events_as_udm() {
    for kind in KINDS {
        let secops = SecOps::start();
        let receiver = start(kind, &secops);
        let sent = events(1);
        assert_eq!(receiver.deliver(&delivery(&sent)).status, 200);
        let accepted = &secops.accepted()[0];
        let value: Value = serde_json::from_slice(&accepted.bytes).unwrap();
        match kind {
            "events" => assert_eq!(value["metadata"]["logType"], "UDM"),
            "lines" => assert_eq!(value["metadata"]["logType"], "AZURE_DEVOPS"),
            _ => assert_eq!(value, sent[0].0, "{kind}"),
        }
    }
}

#[test]
fn logs_carry_the_log_type_the_namespace_and_the_labels_of_the_feed() {
    let secops = SecOps::start();
    let feed = "namespace = \"corp\"\nlabels = { team = \"audit\" }";
    let receiver = set_up("logs", &secops, feed).run();
    assert_eq!(receiver.deliver(&delivery(&events(2))).status, 200);
    for it in secops.accepted() {
        assert_eq!(it.log_type, "AZURE_DEVOPS");
        assert_eq!(it.namespace.as_deref(), Some("corp"));
        let label = ("team".to_owned(), "audit".to_owned(), false);
        assert_eq!(it.labels, [label]);
    }
}

#[test]
fn raw_destinations_get_rejected_logs_too() {
    let secops = SecOps::start();
    let receiver = start("webhook", &secops);
    let mut sent = events(2);
    sent[1].0["data"]["Timestamp"] = json!("yesterday");
    sent[1].0["eventTime"] = json!("yesterday");
    assert_eq!(receiver.deliver(&delivery(&sent)).status, 200);
    assert_taken(&secops, &sent, 1);
}

#[test]
fn what_is_more_than_a_request_may_hold_goes_in_several() {
    for kind in ["webhook", "logs", "events"] {
        let secops = SecOps::start();
        let receiver = start(kind, &secops);
        let long = "x".repeat(15_000);
        let sent: Vec<Event> = events(200).into_iter().map(|it| it.saying(&long)).collect();
        assert_eq!(receiver.deliver(&delivery(&sent)).status, 200);
        assert_taken(&secops, &sent, 1);
        assert!(sub_requests(&secops) > 1, "{kind}");
    }
}

#[test]
fn poisoned_logs_are_isolated_and_quarantined_and_all_others_accepted() {
    for kind in KINDS {
        let secops = SecOps::start();
        let receiver = start(kind, &secops);
        let mut sent = events(40);
        for index in [7, 31] {
            sent[index] = sent[index].clone().saying(POISON);
        }
        let answer = receiver.deliver(&delivery(&sent));
        assert_eq!((answer.status, kind), (200, kind), "{}", answer.text());
        let poisoned = [sent.remove(31), sent.remove(7)];
        assert_taken(&secops, &sent, 1);
        // 2 n ⌈log₂ N⌉ + 1 for n bad ones of N.
        assert!(sub_requests(&secops) <= 2 * 2 * 6 + 1, "{kind}");
        assert_eq!(receiver.request()["quarantined"], 2);
        let listed = receiver.ask("GET", "/v1/quarantine").text();
        let listed: Value = serde_json::from_str(&listed).unwrap();
        assert_eq!(quarantined(&listed).len(), 2, "{kind}: {listed}");
        assert_eq!(poisoned.len(), 2);
    }
}

#[test]
fn a_log_beyond_the_documented_size_is_sent_alone_and_quarantined_if_it_is_refused() {
    for kind in ["webhook", "logs"] {
        let secops = SecOps::start();
        let receiver = start(kind, &secops);
        let mut sent = events(9);
        sent[4] = sent[4].clone().saying(&"x".repeat(1_000_001));
        assert_eq!(receiver.deliver(&delivery(&sent)).status, 200);
        let long = sent.remove(4);
        let expected = sent.iter().map(|it| (it.id().to_owned(), 1));
        assert_eq!(secops.counts(), expected.collect(), "{kind}");
        // It was asked for once, and nothing was halved for it.
        let [complaint] = &secops.complaints()[..] else {
            panic!("{kind}: {:?}", secops.complaints());
        };
        assert!(complaint.contains("bytes of a log"), "{complaint}");
        assert_eq!(sub_requests(&secops), 3, "{kind}");
        assert_eq!(receiver.request()["refused"], 1);
        let id = only_quarantined(&receiver);
        let raw = receiver.ask("GET", "/v1/quarantine?raw=true").text();
        assert!(raw.contains(&id) && raw.contains(long.id()), "{kind}");
    }
}

#[test]
fn what_is_in_quarantine_can_be_replayed_and_then_is_gone() {
    let secops = SecOps::start();
    secops.react(|call| match call.number {
        0 => Reaction::Status(400),
        _ => Reaction::Answer,
    });
    let receiver = start("webhook", &secops);
    let sent = events(1);
    assert_eq!(receiver.deliver(&delivery(&sent)).status, 200);
    assert_taken(&secops, &[], 1);
    let id = only_quarantined(&receiver);
    let replayed = receiver.ask("POST", &format!("/v1/quarantine/{id}/replay"));
    assert_eq!(replayed.status, 200, "{}", replayed.text());
    assert_taken(&secops, &sent, 1);
    let listed: Value = json_of(&receiver.ask("GET", "/v1/quarantine"));
    assert!(quarantined(&listed).is_empty(), "{listed}");
}

#[test]
fn what_is_in_quarantine_can_be_deleted() {
    let secops = SecOps::start();
    secops.react(|_| Reaction::Status(400));
    let receiver = start("webhook", &secops);
    assert_eq!(receiver.deliver(&delivery(&events(1))).status, 200);
    let id = only_quarantined(&receiver);
    let deleted = receiver.ask("DELETE", &format!("/v1/quarantine/{id}"));
    assert!([200, 204].contains(&deleted.status), "{}", deleted.status);
    let listed: Value = json_of(&receiver.ask("GET", "/v1/quarantine"));
    assert!(quarantined(&listed).is_empty(), "{listed}");
}

#[test]
fn a_request_that_is_too_large_for_the_front_end_is_halved() {
    let secops = SecOps::start();
    secops.react(|call| match call.items {
        ..=5 => Reaction::Answer,
        _ => Reaction::Status(413),
    });
    let receiver = start("webhook", &secops);
    let sent = events(16);
    assert_eq!(receiver.deliver(&delivery(&sent)).status, 200);
    assert_taken(&secops, &sent, 1);
}

#[test]
fn a_redelivery_sends_only_what_is_missing() {
    let secops = SecOps::start();
    secops.react(|call| match call.number {
        1 => Reaction::Status(503),
        _ => Reaction::Answer,
    });
    let receiver = start("raw-lines", &secops);
    let long = "x".repeat(15_000);
    let sent: Vec<Event> = events(130).into_iter().map(|it| it.saying(&long)).collect();
    assert_eq!(receiver.deliver(&delivery(&sent)).status, 503);
    let before = secops.accepted().len();
    assert!((1..130).contains(&before), "{before}");
    assert_eq!(receiver.deliver(&delivery(&sent)).status, 200);
    assert_eq!(receiver.deliver(&delivery(&sent)).status, 200);
    assert_taken(&secops, &sent, 1);
}

#[test]
fn the_archive_of_events_gets_their_raw_logs() {
    let secops = SecOps::start();
    let archive = destination("webhook", &secops);
    let main = destination("events", &secops).replace("\"none\"", "\"raw\"");
    let text = config("", &format!("{main}\n[destination.raw]\n{archive}"));
    let receiver = Start::with(&text)
        .variables(&variables(&secops.key_file()))
        .run();
    let sent = events(3);
    assert_eq!(receiver.deliver(&delivery(&sent)).status, 200);
    assert_taken(&secops, &sent, 2);
    let calls = secops.calls();
    let push = calls.iter().filter(|(call, _)| call.route == Route::Push);
    assert_eq!(push.map(|(call, _)| call.items).sum::<usize>(), 3);
}

#[test]
fn a_token_is_kept_and_renewed_when_it_is_refused() {
    let secops = SecOps::start();
    let receiver = start("logs", &secops);
    let sent = events(40);
    for batch in sent[..30].chunks(1) {
        assert_eq!(receiver.deliver(&delivery(batch)).status, 200);
    }
    // Each instance of the component has its own.
    let tokens = secops.tokens();
    assert!((1..=5).contains(&tokens), "{tokens}");
    secops.expire_tokens();
    for batch in sent[30..].chunks(1) {
        assert_eq!(receiver.deliver(&delivery(batch)).status, 200);
    }
    assert!((tokens + 1..=tokens + 5).contains(&secops.tokens()));
    assert_taken(&secops, &sent, 1);
}

fn json_of(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    serde_json::from_slice(&answer.body).unwrap()
}

/// The entries of the list of quarantined logs.
fn quarantined(listed: &Value) -> &Vec<Value> {
    listed["entries"].as_array().unwrap()
}

fn only_quarantined(receiver: &Receiver) -> String {
    let listed = json_of(&receiver.ask("GET", "/v1/quarantine"));
    let [entry] = &quarantined(&listed)[..] else {
        panic!("expected one entry, but found {listed}");
    };
    entry["id"].as_str().unwrap().to_owned()
}
