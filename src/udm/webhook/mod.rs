//! What a webhook request is: a handshake to answer, a notice, logs to hand on, or nothing of use.
//!
//! Follows Microsoft's "Event Grid event schema", "Endpoint validation with Event Grid event schema", "Message
//! delivery and retry" (<https://learn.microsoft.com/azure/event-grid/>, February 2026) and CloudEvents 1.0.2: "HTTP
//! 1.1 Web Hooks", "HTTP Protocol Binding", "JSON Event Format" (<https://github.com/cloudevents/spec>). The types
//! mirror interface `webhook` of `wit/world.wit`.
//!
//! Left out: who may send (the caller knows before it asks), status codes (the caller's), any network access. A
//! `validationUrl` or a `WebHook-Request-Callback` is never followed: its host is the sender's to choose, and the
//! answer to the request itself makes both unnecessary.
//!
//! A delivery can be a megabyte of events, so a body is read once for the few fields that decide, and moves on as it
//! came. What the body says goes before what `Content-Type` says, since a wrong type is no reason to lose events.

mod cloud_events;
mod event_grid;
mod summary;

use event_grid::EventType;
use summary::Summary;

/// Tells what a request is. The body of logs moves on unchanged, except for a CloudEvent in binary mode, which
/// becomes the structured event that says the same.
pub fn read(request: Request) -> Delivery {
    let delivery = match request.method.as_str() {
        "OPTIONS" => cloud_events::origin(&request.headers).map(Delivery::Origin),
        "POST" => read_post(request),
        _ => Err(Refusal::MethodNotAllowed),
    };
    delivery.unwrap_or_else(Delivery::Refused)
}

/// An HTTP request whose sender is already known or refused by the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// In capitals, as HTTP spells it.
    pub method: String,
    /// Names in any case. Of a repeated header the first counts.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// What a request is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Answer 200 with the code.
    Validation(Validation),
    /// Answer 200 with the permission.
    Origin(Origin),
    /// The subscription with this id was deleted; answer 200. Empty if the notice does not tell the id.
    Deleted(String),
    /// Hand them on; answer 200 when they are safe.
    Logs(Logs),
    /// Answer with the refusal's status.
    Refused(Refusal),
}

/// Event Grid's subscription validation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validation {
    /// What the answer's `validationResponse` has to say; not empty.
    pub code: String,
    /// The topic that wants to subscribe; empty if the event names none.
    pub topic: String,
    /// The value of `aeg-subscription-name`.
    pub subscription: Option<String>,
}

/// CloudEvents' abuse protection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The value of `WebHook-Request-Origin`; not empty.
    pub name: String,
    /// Requests a minute that the sender asks for, at least 1.
    pub rate: Option<u32>,
}

/// Logs to hand on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logs {
    /// What [`normalize`](crate::normalize) reads.
    pub payload: Vec<u8>,
    /// How the logs are wrapped: the wrapper of the first event that has one.
    pub schema: Schema,
    /// The distinct topics (Event Grid) or sources (CloudEvents), in the order of their first event. An event that
    /// names none adds none.
    pub sources: Vec<String>,
}

/// How logs are wrapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Schema {
    /// Event Grid's own schema.
    EventGrid,
    /// CloudEvents 1.0, structured, batched or binary.
    CloudEvents,
    /// Neither.
    #[default]
    Raw,
}

/// Why there is nothing to hand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Neither POST nor OPTIONS.
    MethodNotAllowed,
    /// OPTIONS without `WebHook-Request-Origin`.
    NoOrigin,
    /// A validation event without a code, or not alone.
    MalformedHandshake,
    /// The body is said to be JSON and is not.
    NotJson,
    /// The body is neither said to be JSON nor is it, or it is encoded.
    UnsupportedMedia,
}

/// What `Content-Type` says of a body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Media {
    /// JSON, also CloudEvents as JSON.
    Json,
    /// JSON values, one a line.
    Lines,
    /// Text, which may be logs of any form.
    Text,
    /// Anything else, or nothing.
    Other,
}

type Headers = [(String, String)];

fn read_post(request: Request) -> Result<Delivery, Refusal> {
    let Request {
        headers, mut body, ..
    } = request;
    let coding = header(&headers, "content-encoding").unwrap_or_default();
    if !coding.is_empty() && !coding.eq_ignore_ascii_case("identity") {
        return Err(Refusal::UnsupportedMedia);
    }
    let content_type = header(&headers, "content-type").unwrap_or_default();
    if cloud_events::is_binary(&headers, content_type) {
        body = cloud_events::to_structured(&headers, content_type, &body)?;
    }
    let mut delivery = judge(&headers, Media::of(content_type), &body)?;
    if let Delivery::Logs(logs) = &mut delivery {
        logs.payload = body;
    }
    Ok(delivery)
}

/// What a body is; the payload of logs is still empty.
fn judge(headers: &Headers, media: Media, body: &[u8]) -> Result<Delivery, Refusal> {
    let summary = Summary::of(body);
    let event_type = EventType::of(headers);
    match (event_type, summary.as_ref().and_then(Summary::only)) {
        (EventType::Validation, only) => return event_grid::validation(headers, only),
        (EventType::Deletion, only) => return Ok(event_grid::deletion(only)),
        // Publishers choose the types of their events, so a notification is one, whatever its event looks like.
        (EventType::Notification, _) | (_, None) => {}
        (EventType::Unknown | EventType::Absent, Some(only)) => match only.kind() {
            Some(event_grid::VALIDATED) => return event_grid::validation(headers, Some(only)),
            Some(event_grid::DELETED) => return Ok(event_grid::deletion(Some(only))),
            _ => {}
        },
    }
    let (schema, sources) = match summary {
        Some(summary) => (summary.schema, summary.sources),
        // A message of a kind that Event Grid may yet invent must not be sent again and again.
        None if media.is_text(body) || event_type == EventType::Unknown => {
            (Schema::Raw, Vec::new())
        }
        None if media == Media::Other => return Err(Refusal::UnsupportedMedia),
        None => return Err(Refusal::NotJson),
    };
    Ok(Delivery::Logs(Logs {
        payload: Vec::new(),
        schema,
        sources,
    }))
}

impl Media {
    fn of(content_type: &str) -> Media {
        let essence = content_type.split([';', ',']).next().unwrap_or_default();
        match essence.trim().to_ascii_lowercase().as_str() {
            "application/json" | "text/json" => Media::Json,
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/jsonlines"
            | "application/x-jsonlines" => Media::Lines,
            it if it.ends_with("+json") => Media::Json,
            it if it.starts_with("text/") => Media::Text,
            _ => Media::Other,
        }
    }

    /// Whether a body that is not JSON as a whole may be logs all the same. Among lines of JSON a broken one costs
    /// only itself, but if no line is JSON, the sender said something wrong.
    fn is_text(self, body: &[u8]) -> bool {
        let mut lines = body
            .split(|it| *it == b'\n')
            .filter(|it| !it.trim_ascii().is_empty())
            .peekable();
        match self {
            Media::Text => true,
            Media::Lines => lines.peek().is_none() || lines.any(summary::is_json),
            Media::Json | Media::Other => false,
        }
    }
}

/// The first header with this name, without the white space around its value.
fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    let mut named = headers
        .iter()
        .filter(|(it, _)| it.eq_ignore_ascii_case(name));
    named.next().map(|(_, value)| value.trim())
}
