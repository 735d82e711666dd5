use event_grid::{Event, Schema, TOPIC, notification};
use serde_json::{Value, json};

use crate::{assert_refused, delivery, events, ids, post};
use host_test::running::{Receiver, config};

/// A receiver that prints events.
fn printing(feed: &str) -> Receiver {
    Receiver::start(&config(feed, "type = \"stdout\""))
}

fn ids_of(events: &[Event]) -> Vec<&str> {
    events.iter().map(Event::id).collect()
}

#[test]
fn a_notification_is_answered_200_when_its_events_are_printed() {
    let receiver = printing("");
    let sent = events(12);
    let answer = receiver.deliver(&delivery(&sent));
    assert_eq!((answer.status, answer.text()), (200, String::new()));
    assert_eq!(ids(&receiver.events(12)), ids_of(&sent));
    let line = receiver.request();
    assert_eq!((&line["logs"], &line["events"]), (&json!(12), &json!(12)));
    assert_eq!(
        (&line["feed"], &line["status"]),
        (&json!("azdo"), &json!(200))
    );
}

#[test]
fn both_schemas_in_batches_or_not_structured_or_binary_give_the_same_events() {
    let receiver = printing("");
    let sent = events(3);
    let all: Vec<&Event> = sent.iter().collect();
    let mut requests = vec![notification(&all, Schema::EventGrid, 0)];
    requests.push(notification(&all, Schema::CloudEvents, 0));
    for schema in [Schema::EventGrid, Schema::CloudEvents, Schema::Binary] {
        requests.extend(all.iter().map(|it| notification(&[it], schema, 0)));
    }
    for request in &requests {
        assert_eq!(receiver.deliver(request).status, 200);
    }
    let printed = receiver.events(15);
    assert_eq!(printed.len(), 15);
    // What an envelope says of itself differs, and stands among `additional`.
    let inside = |event: &Value| {
        let mut event = event.clone();
        event.as_object_mut().unwrap().remove("additional");
        event
    };
    for (index, event) in printed.iter().enumerate() {
        assert_eq!(inside(event), inside(&printed[index % 3]));
    }
}

#[test]
fn raw_logs_of_other_senders_become_events() {
    let receiver = printing("");
    let sent = events(2);
    let logs: Vec<String> = sent.iter().map(|it| it.0["data"].to_string()).collect();
    let bodies = [
        ("application/json", logs[0].clone()),
        ("application/x-ndjson", logs.join("\n")),
        ("application/json", format!("[{}]", logs.join(","))),
    ];
    for (media, body) in bodies {
        assert_eq!(receiver.deliver(&post(media, body)).status, 200);
    }
    let [a, b] = ids_of(&sent)[..] else {
        unreachable!();
    };
    assert_eq!(ids(&receiver.events(5)), [a, a, b, a, b]);
}

#[test]
fn an_empty_array_is_answered_200() {
    let receiver = printing("");
    assert_eq!(
        receiver.deliver(&post("application/json", "[]")).status,
        200
    );
    assert_eq!(receiver.printed(0), "");
}

#[test]
fn an_unknown_event_type_is_a_notification_if_there_are_events_and_200_if_not() {
    let receiver = printing("");
    let mut request = delivery(&events(1));
    let header = request.headers.iter_mut();
    header
        .filter(|(name, _)| name == "aeg-event-type")
        .for_each(|it| it.1 = "SubscriptionRenamed".to_owned());
    assert_eq!(receiver.deliver(&request).status, 200);
    assert_eq!(receiver.events(1).len(), 1);
    request.body = Vec::new();
    assert_eq!(receiver.deliver(&request).status, 200);
}

#[test]
fn without_an_event_type_the_body_decides() {
    let receiver = printing("");
    let (mut asked, code) = event_grid::validation(&mut event_grid::Random::new(1), TOPIC);
    asked.headers.retain(|(name, _)| !name.starts_with("aeg-"));
    let answer = receiver.deliver(&asked);
    assert!(answer.text().contains(&code), "{}", answer.text());
    let mut request = delivery(&events(1));
    request
        .headers
        .retain(|(name, _)| !name.starts_with("aeg-"));
    assert_eq!(receiver.deliver(&request).status, 200);
    assert_eq!(receiver.events(1).len(), 1);
}

#[test]
fn a_duplicate_is_processed_again_and_answered_200() {
    let receiver = printing("");
    let request = delivery(&events(1));
    for _ in 0..2 {
        assert_eq!(receiver.deliver(&request).status, 200);
    }
    let printed = receiver.events(2);
    assert_eq!(printed[0], printed[1]);
}

#[test]
fn logs_that_cannot_be_mapped_go_to_quarantine_and_the_others_on() {
    let receiver = printing("");
    let mut sent = events(3);
    sent[1].0 = json!({"id": "b", "topic": TOPIC, "subject": "", "eventType": "x", "dataVersion": "1",
        "metadataVersion": "1", "eventTime": "yesterday", "data": {"ActionId": "Git.RepositoryCreated"}});
    assert_eq!(receiver.deliver(&delivery(&sent)).status, 200);
    let expected = [sent[0].id(), sent[2].id()];
    assert_eq!(ids(&receiver.events(2)), expected);
    assert_eq!(receiver.request()["quarantined"], 1);
    let answer = receiver.ask("GET", "/v1/quarantine");
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("azdo"), "{}", answer.text());
    // Event Grid may send it again, which must not double it.
    assert_eq!(receiver.deliver(&delivery(&sent)).status, 200);
    assert_eq!(receiver.ask("GET", "/v1/quarantine").text(), answer.text());
}

#[test]
fn a_notification_of_a_topic_that_is_not_listed_is_answered_503_with_an_alarm() {
    let receiver = printing("topics = [\"/subscriptions/other\"]");
    assert_refused(&receiver.deliver(&delivery(&events(1))), 503);
    assert_eq!(receiver.request()["alarm"], true);
    assert_eq!(receiver.printed(0), "");
}

#[test]
fn a_notification_of_an_origin_that_is_not_listed_is_answered_503_with_an_alarm() {
    let receiver = printing("origins = [\"sender.example\"]");
    let sent = events(1);
    let request = notification(&[&sent[0]], Schema::CloudEvents, 0);
    assert_refused(&receiver.deliver(&request), 503);
    assert_eq!(receiver.request()["alarm"], true);
    assert_eq!(receiver.printed(0), "");
}

#[test]
fn namespace_and_labels_of_the_feed_are_in_its_events() {
    let receiver = printing("namespace = \"corp\"\nlabels = { team = \"audit\" }");
    assert_eq!(receiver.deliver(&delivery(&events(1))).status, 200);
    let events = receiver.events(1);
    let labels = &events[0]["metadata"]["ingestionLabels"];
    assert_eq!(labels[0], json!({"key": "team", "value": "audit"}));
    let text = Value::to_string(&events[0]);
    assert!(text.contains("\"namespace\":\"corp\""), "{text}");
}
