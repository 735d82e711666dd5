//! The receiver on the host, over HTTP: what it answers Event Grid and others, and what comes to its destinations.
//!
//! Statuses are those that Event Grid's table of retries asks for ("Message delivery and retry",
//! <https://learn.microsoft.com/azure/event-grid/delivery-and-retry>, February 2026): success once the logs are safe, a final status only for
//! what can never succeed, and 503 for everything that may pass.

mod bodies;
mod credentials;
mod deliveries;
mod destinations;
mod faults;
mod handshakes;
mod load;
mod protected;
mod s3;
mod secrets;
mod stored;

use event_grid::{Answer, Event, Random, Request, Schema, notification};
use serde_json::Value;

/// So many events.
fn events(count: usize) -> Vec<Event> {
    event_grid::events(&mut Random::new(20_240_603), count)
}

/// A delivery of these events in Event Grid's own schema.
fn delivery(events: &[Event]) -> Request {
    let events: Vec<&Event> = events.iter().collect();
    notification(&events, Schema::EventGrid, 0)
}

/// A POST without any header but the type of its content.
fn post(content_type: &str, body: impl Into<Vec<u8>>) -> Request {
    let header = ("content-type".to_owned(), content_type.to_owned());
    Request {
        method: "POST",
        headers: vec![header],
        body: body.into(),
    }
}

/// A request without a body.
fn bare(method: &'static str) -> Request {
    Request {
        method,
        ..Request::default()
    }
}

/// The ids of UDM events.
fn ids(events: &[Value]) -> Vec<&str> {
    let ids = events
        .iter()
        .map(|it| it["metadata"]["productLogId"].as_str());
    ids.map(Option::unwrap).collect()
}

/// Says no with this status, in a word, and with nothing of the request.
#[track_caller]
fn assert_refused(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text());
    let body: Value = serde_json::from_slice(&answer.body)
        .unwrap_or_else(|e| panic!("expected an error in JSON: {e}: {:?}", answer.text()));
    let body = body.as_object().unwrap();
    let word = body["error"].as_str().unwrap();
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    assert!(body.len() == 1 && word.bytes().all(is_word), "{body:?}");
}

/// Asks for a repetition after so many seconds.
#[track_caller]
fn assert_later(answer: &Answer, seconds: u32) {
    assert_refused(answer, 503);
    let seconds = seconds.to_string();
    assert_eq!(answer.header("retry-after"), Some(seconds.as_str()));
}
