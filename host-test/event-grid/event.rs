//! Audit events as Azure DevOps publishes them, and the requests that Event Grid makes of them.
//!
//! Follows "Azure Event Grid event schema", "CloudEvents v1.0 schema", "Message delivery and retry" (the headers) and the two pages on
//! endpoint validation (<https://learn.microsoft.com/azure/event-grid/>, February 2026).

use serde_json::{Value, json};

use crate::Random;

/// A batch of events, one for each of twelve actions.
const GOLDEN: &str =
    include_str!("../../src/udm/azure_devops/golden/constructed_eventgrid_batch.raw");

/// The topic of all events.
pub const TOPIC: &str = "/subscriptions/a2a9b02f-5425-54e4-88f8-cc15d299df71/resourceGroups/rg-audit/providers/Microsoft.EventGrid/topics/DevopsAuditLog";

/// A CloudEvent's attributes, and the headers that they become in binary mode.
const ATTRIBUTES: [(&str, &str); 6] = [
    ("specversion", "ce-specversion"),
    ("type", "ce-type"),
    ("source", "ce-source"),
    ("id", "ce-id"),
    ("time", "ce-time"),
    ("subject", "ce-subject"),
];

/// An audit event, as it is published, in the schema of Event Grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Event(pub Value);

/// How a subscription wants its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// Event Grid's own: always an array.
    EventGrid,
    /// CloudEvents, structured: an object alone, an array in a batch.
    CloudEvents,
    /// CloudEvents, binary: one event a request, which no Event Grid sends but other senders do.
    Binary,
}

/// A request to a webhook.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `POST` or `OPTIONS`.
    pub method: &'static str,
    /// Without those that the connection needs.
    pub headers: Vec<(String, String)>,
    /// As it crosses the wire.
    pub body: Vec<u8>,
}

/// So many events, all different, made from a batch of twelve real actions.
pub fn events(random: &mut Random, count: usize) -> Vec<Event> {
    let golden: Vec<Value> = serde_json::from_str(GOLDEN).expect("a batch");
    let all = golden.iter().cycle().take(count).enumerate();
    let events = all.map(|(index, golden)| {
        let mut event = golden.clone();
        let id = random.id();
        let time = format!(
            "2024-06-03T{:02}:{:02}:{:02}.{:07}Z",
            index / 3600 % 24,
            index / 60 % 60,
            index % 60,
            random.below(10_000_000)
        );
        event["id"] = id.as_str().into();
        event["eventTime"] = time.as_str().into();
        event["topic"] = TOPIC.into();
        event["data"]["Id"] = id.into();
        event["data"]["Timestamp"] = time.into();
        event["data"]["CorrelationId"] = random.id().into();
        Event(event)
    });
    events.collect()
}

impl Event {
    /// The id, which the audit log in it has, too.
    pub fn id(&self) -> &str {
        self.0["id"].as_str().unwrap_or_default()
    }

    /// The same event with a text in its details.
    pub fn saying(mut self, details: &str) -> Event {
        self.0["data"]["Details"] = details.into();
        self
    }

    /// As Event Grid turns an event of its own schema into a CloudEvent.
    pub fn to_cloud_event(&self) -> Value {
        let it = &self.0;
        json!({
            "specversion": "1.0", "type": it["eventType"], "source": it["topic"], "id": it["id"],
            "time": it["eventTime"], "subject": it["subject"], "data": it["data"],
        })
    }
}

/// A delivery of these events, at least one, after so many others that failed.
///
/// # Panics
///
/// Without an event, and for several in binary mode.
pub fn notification(events: &[&Event], schema: Schema, deliveries: u32) -> Request {
    let cloud_events = || events.iter().map(|it| it.to_cloud_event());
    let (media, body) = match (schema, events) {
        (Schema::EventGrid, _) => {
            let events: Vec<&Value> = events.iter().map(|it| &it.0).collect();
            ("application/json; charset=utf-8", json!(events))
        }
        (Schema::CloudEvents, [event]) => (
            "application/cloudevents+json; charset=utf-8",
            event.to_cloud_event(),
        ),
        (Schema::CloudEvents, _) => (
            "application/cloudevents-batch+json; charset=utf-8",
            cloud_events().collect(),
        ),
        (Schema::Binary, [event]) => ("application/json", event.0["data"].clone()),
        (Schema::Binary, _) => panic!("expected one event, but found {}", events.len()),
    };
    let mut headers = vec![("content-type", media.to_owned())];
    if schema == Schema::Binary {
        let event = events[0].to_cloud_event();
        for (attribute, header) in ATTRIBUTES {
            let value = event[attribute].as_str().unwrap_or_default();
            headers.push((header, value.to_owned()));
        }
    } else {
        let version = match schema {
            Schema::EventGrid => "1",
            _ => "1.0",
        };
        headers.extend([
            ("aeg-event-type", "Notification".to_owned()),
            ("aeg-subscription-name", "SECOPS".to_owned()),
            ("aeg-delivery-count", deliveries.to_string()),
            ("aeg-data-version", "1.0".to_owned()),
            ("aeg-metadata-version", version.to_owned()),
            ("aeg-output-event-id", events[0].id().to_owned()),
            ("accept-encoding", "gzip, deflate".to_owned()),
        ]);
        if schema == Schema::CloudEvents {
            headers.push(("webhook-request-origin", "eventgrid.azure.net".to_owned()));
        }
    }
    post(&headers, body.to_string().into_bytes())
}

/// The question whether an endpoint wants a subscription, and the code that has to come back.
pub fn validation(random: &mut Random, topic: &str) -> (Request, String) {
    let code = random.id();
    let body = json!([{
        "id": random.id(), "topic": topic, "subject": "",
        "data": {
            "validationCode": code,
            "validationUrl": format!("https://rp-westeurope.eventgrid.azure.net:553/eventsubscriptions/secops/validate?id={code}&t=2024-06-03T08:15:02.1234567Z&apiVersion=2022-06-15&token=REDACTED"),
        },
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "eventTime": "2024-06-03T08:15:02.1234567Z", "metadataVersion": "1", "dataVersion": "2",
    }]);
    (handshake("SubscriptionValidation", &body), code)
}

/// The notice that a subscription is no more.
pub fn deletion(random: &mut Random) -> Request {
    let subscription = format!("{TOPIC}/providers/Microsoft.EventGrid/eventSubscriptions/secops");
    let body = json!([{
        "id": random.id(), "topic": TOPIC, "subject": "",
        "data": {"eventSubscriptionId": subscription},
        "eventType": "Microsoft.EventGrid.SubscriptionDeletedEvent",
        "eventTime": "2024-06-03T08:15:02.1234567Z", "metadataVersion": "1", "dataVersion": "1",
    }]);
    handshake("SubscriptionDeletion", &body)
}

/// CloudEvents' question whether an endpoint wants to be called.
pub fn options(origin: Option<&str>, rate: Option<u32>) -> Request {
    let mut headers = Vec::new();
    if let Some(origin) = origin {
        headers.push(("webhook-request-origin".to_owned(), origin.to_owned()));
    }
    if let Some(rate) = rate {
        headers.push(("webhook-request-rate".to_owned(), rate.to_string()));
    }
    Request {
        method: "OPTIONS",
        headers,
        body: Vec::new(),
    }
}

/// A POST with these headers.
pub fn post(headers: &[(&str, String)], body: Vec<u8>) -> Request {
    let headers = headers.iter();
    Request {
        method: "POST",
        headers: headers
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
        body,
    }
}

fn handshake(kind: &str, body: &Value) -> Request {
    let headers = [
        ("content-type", "application/json; charset=utf-8".to_owned()),
        ("aeg-event-type", kind.to_owned()),
        ("aeg-subscription-name", "SECOPS".to_owned()),
        ("aeg-delivery-count", "0".to_owned()),
    ];
    post(&headers, body.to_string().into_bytes())
}
