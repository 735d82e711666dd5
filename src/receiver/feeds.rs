//! POST and OPTIONS on a feed's URL: the handshakes and deliveries of Azure Event Grid, and of whoever sends logs as
//! it does.
//!
//! Follows "Message delivery and retry" (learn.microsoft.com, 9 February 2026): 400, 401, 403 and 413 are never
//! retried, so they are for what cannot succeed later; what may pass is 503. 401 and 403 also cost other events of
//! the subscription five minutes, which is why bad credentials of a delivery are 503 unless the feed says otherwise.
//!
//! A handshake of a stranger is never answered 200: it could aim somebody else's events at us. A URL for manual
//! validation or a callback is never followed.

use std::time::Duration;

use crate::auth::{self, Verdict};
use crate::config::{Ack, Config, Feed};
use crate::delivery::{deliver, store};
use crate::exchange::{Body, Request, Response};
use crate::host::Host;
use crate::receiver::{Receiver, WITHIN, failed, no, unavailable, wrong_method};
use crate::record::Record;
use crate::wit::webhook::{self, Delivery, Logs, Origin, Refusal, Schema, Validation};

/// Answers a request for a feed.
pub async fn answer<H: Host>(
    receiver: &Receiver,
    config: &Config,
    host: &H,
    name: &str,
    mut request: Request,
    record: &mut Record<'_, H>,
) -> Response {
    if !matches!(request.method.as_str(), "POST" | "OPTIONS") {
        return wrong_method(record, "POST, OPTIONS");
    }
    // Nobody posts to a feed whose logs are fetched.
    let feed = config.feeds.get(name).filter(|it| it.pull.is_none());
    let Some(feed) = feed else {
        // A typo of the operator's must not drop events.
        record.unknown_feed = Some(name.to_owned());
        record.alarm = true;
        return unavailable(record, "unknown_feed");
    };
    record.feed = Some(feed.name.clone());
    let verdict = auth::check(host, feed, &receiver.keys, &request).await;
    let deadline = request.arrived + WITHIN;
    let sender = request.header("webhook-request-origin").map(str::to_owned);
    let body = match std::mem::replace(&mut request.body, Body::CutOff) {
        Body::Whole(body) => body,
        // Who is not let in learns nothing more.
        _ if verdict != Verdict::Valid => return unauthorized(feed, verdict, false, record),
        Body::TooLarge => return no(record, 413, "too_large"),
        Body::CutOff => return unavailable(record, "cut_off"),
    };
    record.bytes = body.len();
    let delivery = host.read(&webhook::Request {
        method: request.method,
        headers: telling(request.headers),
        body,
    });
    match (delivery, verdict) {
        (Delivery::Validation(it), verdict) => validation(feed, it, verdict, record),
        (Delivery::Origin(it), verdict) => origin(feed, it, verdict, record),
        (Delivery::Refused(Refusal::NoOrigin), _) => {
            record.outcome = "no_origin";
            Response::empty(200).with("allow", "POST")
        }
        (Delivery::Refused(Refusal::MalformedHandshake), Verdict::Valid) => {
            no(record, 400, "malformed_handshake")
        }
        (Delivery::Refused(Refusal::MalformedHandshake), verdict) => {
            unauthorized(feed, verdict, true, record)
        }
        (Delivery::Refused(Refusal::MethodNotAllowed), _) => wrong_method(record, "POST, OPTIONS"),
        (_, verdict) if verdict != Verdict::Valid => unauthorized(feed, verdict, false, record),
        (Delivery::Refused(Refusal::NotJson), _) => no(record, 400, "not_json"),
        (Delivery::Refused(Refusal::UnsupportedMedia), _) => no(record, 415, "unsupported_media"),
        // Nothing is kept of a subscription, so nothing is to be reset.
        (Delivery::Deleted(_), _) => {
            record.outcome = "deleted";
            Response::empty(200)
        }
        (Delivery::Logs(it), _) => {
            // CloudEvents' senders name their origin with every delivery.
            if sender.is_some_and(|it| !lets_in(feed, &it)) {
                record.alarm = true;
                return unavailable(record, "origin_not_allowed");
            }
            logs(receiver, config, host, feed, it, deadline, record).await
        }
    }
}

/// Event Grid's handshake. Who knows the credentials passes, and who has none if the feed lists the topic.
fn validation<H: Host>(
    feed: &Feed,
    asked: Validation,
    verdict: Verdict,
    record: &mut Record<'_, H>,
) -> Response {
    match verdict {
        Verdict::Valid => {}
        Verdict::Missing if !feed.topics.is_empty() => {}
        verdict => return unauthorized(feed, verdict, true, record),
    }
    // The event names the topic, or only the Azure subscription that it is in.
    let is_listed = |it: &String| is_within(&asked.topic, it) || is_above(&asked.topic, it);
    if !feed.topics.is_empty() && !feed.topics.iter().any(is_listed) {
        return no(record, 403, "topic_not_allowed");
    }
    record.outcome = "validation";
    Response::json(
        200,
        &serde_json::json!({ "validationResponse": asked.code }),
    )
}

/// The handshake of CloudEvents' "HTTP 1.1 Web Hooks". Who knows the credentials passes, and who has none if the feed
/// lists the origin.
fn origin<H: Host>(
    feed: &Feed,
    asked: Origin,
    verdict: Verdict,
    record: &mut Record<'_, H>,
) -> Response {
    match verdict {
        Verdict::Valid => {}
        Verdict::Missing if !feed.origins.is_empty() => {}
        verdict => return unauthorized(feed, verdict, true, record),
    }
    let is_name = asked.name.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_name || !lets_in(feed, &asked.name) {
        return no(record, 403, "origin_not_allowed");
    }
    record.outcome = "origin";
    // Without a rate that was asked for, any may be sent.
    let rate = asked.rate.map_or("*".to_owned(), |it| it.to_string());
    Response::empty(200)
        .with("webhook-allowed-origin", asked.name)
        .with("webhook-allowed-rate", rate)
        .with("allow", "POST")
}

/// A delivery whose sender may send.
async fn logs<H: Host>(
    receiver: &Receiver,
    config: &Config,
    host: &H,
    feed: &Feed,
    logs: Logs,
    deadline: Duration,
    record: &mut Record<'_, H>,
) -> Response {
    // What names no topic is let in: raw logs cannot, and a publisher's own schema has no place for one.
    let is_listed = |source: &String| feed.topics.iter().any(|it| is_within(source, it));
    if !feed.topics.is_empty() && !logs.sources.iter().all(is_listed) {
        record.alarm = true;
        return unavailable(record, "topic_not_allowed");
    }
    let payload = &logs.payload;
    let has_ids = logs.schema != Schema::Raw;
    let fault = match feed.ack {
        Ack::Delivered => {
            let tokens = &receiver.tokens;
            let unlike = if has_ids { "" } else { &record.id };
            let delivered = deliver(host, config, feed, payload, unlike, tokens, deadline).await;
            record.tally = delivered.tally;
            record.outcome = "delivered";
            receiver.tell_health(config, host, &feed.name, delivered.fault.as_ref());
            delivered.fault
        }
        Ack::Stored => {
            record.outcome = "stored";
            store(host, feed, payload, &record.id, has_ids).await.err()
        }
    };
    match fault {
        None => Response::empty(200),
        Some(fault) => failed(record, fault),
    }
}

/// Bad credentials, or none. A handshake has nothing to lose.
fn unauthorized<H: Host>(
    feed: &Feed,
    verdict: Verdict,
    is_handshake: bool,
    record: &mut Record<'_, H>,
) -> Response {
    let why = match verdict {
        Verdict::Unavailable(why) => {
            record.message = Some(why.to_owned());
            return unavailable(record, "credentials_unavailable");
        }
        Verdict::Wrong(why) => why,
        Verdict::Missing | Verdict::Valid => "no credentials were given",
    };
    record.message = Some(why.to_owned());
    record.alarm = true;
    match (is_handshake, feed.on_unauthorized) {
        (true, _) | (_, 401) => no(record, 401, "unauthorized"),
        (false, _) => unavailable(record, "unauthorized"),
    }
}

/// The headers that tell what a request is. The others may be secret, and are no business of a component that is but
/// a parser.
fn telling(headers: Vec<(String, String)>) -> Vec<(String, String)> {
    let is_telling = |name: &str| {
        let starts = [
            "aeg-",
            "ce-",
            "webhook-request-",
            "content-type",
            "content-encoding",
        ];
        starts.iter().any(|it| name.starts_with(it))
    };
    let headers = headers.into_iter();
    headers.filter(|(name, _)| is_telling(name)).collect()
}

fn lets_in(feed: &Feed, origin: &str) -> bool {
    let mut origins = feed.origins.iter();
    feed.origins.is_empty() || origins.any(|it| it.eq_ignore_ascii_case(origin))
}

/// Whether a path of Azure's resources is another, or one in it; Azure takes their names in any case.
fn is_within(path: &str, other: &str) -> bool {
    let other = other.trim_end_matches('/');
    let start = path.get(..other.len());
    let rest = path.get(other.len()..).unwrap_or_default();
    start.is_some_and(|it| it.eq_ignore_ascii_case(other))
        && (rest.is_empty() || rest.starts_with('/'))
}

/// Whether a path is one of an Azure subscription, in which the other is.
fn is_above(path: &str, other: &str) -> bool {
    let path = path.trim_end_matches('/');
    let mut segments = path.split('/').skip(1);
    let is_subscription = segments
        .next()
        .is_some_and(|it| it.eq_ignore_ascii_case("subscriptions"))
        && segments.next().is_some_and(|it| !it.is_empty());
    is_subscription && is_within(other, path)
}

#[cfg(test)]
mod tests;
