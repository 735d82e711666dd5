use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use event_grid::{Event, Random};
use host_test::running::{ADMIN, KEY, SECRET, Start, config};
use secops::{POISON, Reaction, SecOps};
use serde_json::{Value, json};

use crate::Desk;

const STDOUT: &str = "type = \"stdout\"";

fn desk(feed: &str, destination: &str) -> Desk {
    let variables = [
        ("azdo_key", KEY),
        ("azdo_secret", SECRET),
        ("admin_key", ADMIN),
    ];
    Desk::with(&config(feed, destination), &variables)
}

/// A destination that takes raw logs, one a line.
fn raw(secops: &SecOps) -> String {
    format!(
        "type = \"http\"\nformat = \"raw\"\nurl = \"{}\"",
        secops.lines_url()
    )
}

fn events(count: usize) -> Vec<Event> {
    event_grid::events(&mut Random::new(20_240_603), count)
}

fn array(events: &[Event]) -> String {
    let events: Vec<&Value> = events.iter().map(|it| &it.0).collect();
    json!(events).to_string()
}

/// As Event Grid writes it into a container.
fn dead(event: &Event) -> Value {
    let mut event = event.0.clone();
    for (key, value) in [
        ("deadLetterReason", json!("MaxDeliveryAttemptsExceeded")),
        ("deliveryAttempts", json!(30)),
        ("lastDeliveryOutcome", json!("Busy")),
        ("publishTime", json!("2024-06-03T10:00:00.1234567Z")),
        (
            "lastDeliveryAttemptTime",
            json!("2024-06-04T10:00:00.1234567Z"),
        ),
    ] {
        event[key] = value;
    }
    event
}

#[test]
fn the_events_of_every_golden_are_those_that_transform_prints() {
    let folder = host_test::project("src/udm/azure_devops/golden")
        .canonicalize()
        .unwrap();
    let mut goldens: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().path().to_str().unwrap().to_owned())
        .filter(|it| it.ends_with(".raw"))
        .collect();
    goldens.sort();
    assert!(goldens.len() > 20);
    // One of its logs is rejected for the lists around it, and is an event without them.
    goldens.retain(|it| !it.ends_with("lists_in_lists.raw"));
    let desk = desk("", STDOUT);
    for golden in goldens {
        let expected = desk.run(&["transform", "--log-type", "AZURE_DEVOPS", &golden]);
        let found = desk.deliver(&["--feed", "azdo", &golden]);
        let sorted = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(found.status, expected.status, "{golden}: {}", found.stderr);
        assert_eq!(sorted(&found.stdout), sorted(&expected.stdout), "{golden}");
    }
}

#[test]
fn a_large_file_arrives_in_pieces_and_a_second_run_sends_nothing_again() {
    let secops = SecOps::start();
    let desk = desk("", &raw(&secops));
    let sent = events(3000);
    desk.file("array.json", array(&sent[..2000]));
    let lines: Vec<String> = sent[2000..].iter().map(|it| it.0.to_string()).collect();
    desk.file("lines.json", lines.join("\n"));
    for times in [1, 1, 2] {
        let again: &[&str] = if times == 2 { &["--again"] } else { &[] };
        let ended =
            desk.deliver(&[&["--feed", "azdo", "array.json", "lines.json"], again].concat());
        ended.assert(
            0,
            "array.json: 2000 logs, 2000 events, 2000 delivered, 0 in quarantine\n",
        );
        ended.assert(
            0,
            "lines.json: 1000 logs, 1000 events, 1000 delivered, 0 in quarantine\n",
        );
        assert_eq!(ended.stdout, "");
        let counts = secops.counts();
        assert_eq!(counts.len(), 3000);
        assert!(counts.values().all(|it| *it == times));
    }
}

#[test]
fn dead_letters_are_the_events_that_were_not_delivered() {
    let secops = SecOps::start();
    let desk = desk("", &raw(&secops));
    let sent = events(5);
    let blob: Vec<Value> = sent.iter().map(dead).collect();
    desk.file("blob.json", json!(blob).to_string());
    desk.deliver(&["--feed", "azdo", "blob.json"])
        .assert(0, "blob.json: 5 logs, 5 events, 5 delivered");
    for (accepted, event) in secops.accepted().iter().zip(&sent) {
        let value: Value = serde_json::from_slice(&accepted.bytes).unwrap();
        assert_eq!(value, event.0);
    }
}

#[test]
fn an_export_of_the_quarantine_is_delivered_and_logs_of_other_feeds_are_not() {
    let secops = SecOps::start();
    let desk = desk("", &raw(&secops));
    let sent = events(4);
    let entry = |feed: &str, key: &str, raw: String| {
        json!({ "id": format!("{feed}.0"), "feed": feed, "destination": "main", "reason": "r",
            "source": "refused", "bytes": raw.len(), key: raw })
    };
    let text = |event: &Event| event.0.to_string();
    let page = json!({ "entries": [
        entry("azdo", "raw", text(&sent[0])),
        entry("other", "raw", text(&sent[1])),
        entry("azdo", "raw_base64", STANDARD.encode(text(&sent[2]))),
    ], "next": "azdo.0" });
    let next = json!({ "entries": [entry("azdo", "raw", text(&sent[3]))] });
    desk.file("export.json", format!("{page}\n{next}\n"));
    desk.deliver(&["--feed", "azdo", "export.json"]).assert(
        0,
        "3 logs, 3 events, 3 delivered, 0 in quarantine, 1 of other feeds left out",
    );
    assert_eq!(secops.counts().len(), 3);
    desk.file(
        "without.json",
        json!({ "entries": [{ "feed": "azdo", "reason": "r", "bytes": 7 }] }).to_string(),
    );
    desk.deliver(&["--feed", "azdo", "without.json"])
        .assert(3, "ask for /v1/quarantine?raw=true");
}

#[test]
fn what_comes_out_of_the_quarantine_of_a_running_receiver_goes_in() {
    let secops = SecOps::start();
    let text = config("", &raw(&secops));
    let host = Start::with(&text).run();
    let poisoned = events(1).remove(0).saying(POISON);
    secops.react(|_| Reaction::Status(400));
    let request = event_grid::notification(&[&poisoned], event_grid::Schema::EventGrid, 0);
    assert_eq!(host.deliver(&request).status, 200);
    let export = host.ask("GET", "/v1/quarantine?raw=true").text();
    secops.react(|_| Reaction::Status(200));
    let desk = desk("", &raw(&secops));
    desk.file("export.json", export);
    desk.deliver(&["--feed", "azdo", "export.json"])
        .assert(0, "1 logs, 1 events, 1 delivered, 0 in quarantine");
}

#[test]
fn logs_that_give_no_event_are_in_quarantine_and_none_is_lost() {
    let desk = desk("", STDOUT);
    let good = events(2);
    let text = format!("{}\nno log\n{{\"Id\":\"1\"}}\n{}\n", good[0].0, good[1].0);
    desk.file("mixed.json", text);
    let ended = desk.deliver(&["--feed", "azdo", "mixed.json"]);
    ended.assert(
        2,
        "mixed.json: 4 logs, 2 events, 2 delivered, 2 in quarantine",
    );
    assert_eq!(ended.stdout.lines().count(), 2);
}

#[test]
fn one_input_that_fails_leaves_the_others_their_turn() {
    let desk = desk("", STDOUT);
    desk.file("good.json", array(&events(1)));
    let ended = desk.deliver(&["--feed", "azdo", "missing.json", ".", "good.json"]);
    ended.assert(3, "cannot read \"missing.json\"");
    ended.assert(
        3,
        "good.json: 1 logs, 1 events, 1 delivered, 0 in quarantine",
    );
}

#[test]
fn a_destination_that_is_away_is_told_and_nothing_counts_as_delivered() {
    let secops = SecOps::start();
    secops.react(|_| Reaction::Status(503));
    let desk = desk("", &raw(&secops));
    desk.file("logs.json", array(&events(3)));
    desk.deliver(&["--feed", "azdo", "logs.json"]).assert(
        3,
        "3 logs, 3 events, 0 delivered, 0 in quarantine; the rest is not delivered: unavailable: ",
    );
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let away = self::desk("", &format!("type = \"http\"\nurl = \"http://{nobody}/\""));
    away.file("logs.json", array(&events(3)));
    away.deliver(&["--feed", "azdo", "logs.json"])
        .assert(3, "0 delivered");
}

#[test]
fn a_log_that_the_feed_cannot_take_is_told() {
    let secops = SecOps::start();
    let text = format!("max_body = \"4KiB\"\n{}", config("", &raw(&secops)));
    let variables = [
        ("azdo_key", KEY),
        ("azdo_secret", SECRET),
        ("admin_key", ADMIN),
    ];
    let desk = Desk::with(&text, &variables);
    let long = events(1).remove(0).saying(&"x".repeat(5000));
    let sent = [events(20), vec![long]].concat();
    desk.file("logs.json", array(&sent));
    desk.deliver(&["--feed", "azdo", "logs.json"]).assert(
        3,
        "20 logs, 20 events, 20 delivered, 0 in quarantine, 1 longer than max_body left out",
    );
    assert_eq!(secops.counts().len(), 20);
}

#[test]
fn wrong_usage_is_told_before_anything_is_read() {
    let desk = desk("", STDOUT);
    desk.deliver(&["--feed", "azod", "missing.json"]).assert(
        1,
        "expected a feed of the configuration, but found \"azod\"; did you mean \"azdo\"?",
    );
    let wrong = self::desk("colour = 1", STDOUT);
    wrong
        .deliver(&["--feed", "azdo", "missing.json"])
        .assert(1, "colour");
    desk.run(&["deliver", "--feed", "azdo", "--state", "state"])
        .assert(1, "udmill_config");
    desk.deliver(&[]).assert(1, "--feed");
}
