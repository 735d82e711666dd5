//! Every request in `webhook/golden` is read as its `.delivery.json` says.

use std::path::Path;

use serde_json::{Value, json};
use udm::webhook::{Delivery, Logs, Origin, Refusal, Request, Schema, Validation, read};

#[test]
fn every_request_is_read_as_expected() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("webhook/golden");
    corpus::run(&dir, "http", |case| {
        let request = corpus::request(&case.raw).unwrap();
        let body = request.body.clone();
        let delivery = read(Request {
            method: request.method,
            headers: request.headers,
            body: request.body,
        });
        ("delivery.json", corpus::pretty(&to_json(delivery, &body)))
    });
}

/// The delivery in the names of `wit/world.wit`; a payload is told only where it is not the body.
fn to_json(delivery: Delivery, body: &[u8]) -> Value {
    match delivery {
        Delivery::Validation(Validation {
            code,
            topic,
            subscription,
        }) => {
            json!({"validation": {"code": code, "topic": topic, "subscription": subscription}})
        }
        Delivery::Origin(Origin { name, rate }) => json!({"origin": {"name": name, "rate": rate}}),
        Delivery::Deleted(id) => json!({"deleted": id}),
        Delivery::Logs(Logs {
            payload,
            schema,
            sources,
        }) => {
            let payload = match payload == body {
                true => "unchanged",
                false => str::from_utf8(&payload).unwrap(),
            };
            let schema = match schema {
                Schema::EventGrid => "event-grid",
                Schema::CloudEvents => "cloud-events",
                Schema::Raw => "raw",
            };
            json!({"logs": {"payload": payload, "schema": schema, "sources": sources}})
        }
        Delivery::Refused(refusal) => json!({"refused": match refusal {
            Refusal::MethodNotAllowed => "method-not-allowed",
            Refusal::NoOrigin => "no-origin",
            Refusal::MalformedHandshake => "malformed-handshake",
            Refusal::NotJson => "not-json",
            Refusal::UnsupportedMedia => "unsupported-media",
        }}),
    }
}
