//! Logs that the host itself hands over, out of files: `POST /v1/deliver/{feed}`. They take the way of a delivery to
//! the feed, to its destination and to quarantine, whatever its mode of acknowledgement: whoever hands them over waits.
//!
//! The route needs `Authorization: Bearer` with the variable `udmill_deliver_key`, and no other key opens it. A host
//! makes such a key for itself, and only where nobody else can send requests; without one, the route does not exist.

use serde_json::{Value, json};

use crate::admin::is_operator;
use crate::config::Config;
use crate::delivery::deliver;
use crate::exchange::{Body, Request, Response};
use crate::host::Host;
use crate::receiver::{Receiver, WITHIN, no, wrong_method};
use crate::record::Record;

/// Answers a request whose body is a payload for the normalizer. The parameter `piece` tells payloads apart that have
/// equal logs without ids: what a destination accepted of a piece, it does not get again.
///
/// The answer's body counts what became of the logs; if it is 503, also says why not all of them are safe.
pub async fn answer<H: Host>(
    receiver: &Receiver,
    config: &Config,
    host: &H,
    name: &str,
    request: Request,
    record: &mut Record<'_, H>,
) -> Response {
    let Some(key) = &config.deliver_key else {
        return no(record, 404, "not_found");
    };
    record.route = "deliver";
    if !is_operator(&request, &key.0) {
        record.alarm = true;
        return no(record, 401, "unauthorized").with("www-authenticate", "Bearer");
    }
    if request.method != "POST" {
        return wrong_method(record, "POST");
    }
    let Some(feed) = config.feeds.get(name) else {
        return no(record, 404, "unknown_feed");
    };
    record.feed = Some(feed.name.clone());
    let piece = request.parameter("piece").unwrap_or_default();
    let deadline = request.arrived + WITHIN;
    let payload = match request.body {
        Body::Whole(payload) => payload,
        Body::TooLarge => return no(record, 413, "too_large"),
        Body::CutOff => return no(record, 503, "cut_off"),
    };
    record.bytes = payload.len();
    let tokens = &receiver.tokens;
    let delivered = deliver(host, config, feed, &payload, &piece, tokens, deadline).await;
    receiver.tell_health(config, host, &feed.name, delivered.fault.as_ref());
    let tally = &delivered.tally;
    let mut body = json!({
        "logs": tally.logs,
        "events": tally.events,
        "quarantined": tally.quarantined,
    });
    record.tally = delivered.tally;
    let Some(fault) = delivered.fault else {
        record.outcome = "delivered";
        return Response::json(200, &body);
    };
    record.outcome = "unavailable";
    record.fault = Some(fault.kind);
    record.alarm = fault.alarm;
    body["error"] = json!(fault.kind);
    body["message"] = json!(fault.message);
    // Somebody has to mend something first; repeating it alone does not help.
    body["alarm"] = Value::Bool(fault.alarm);
    record.message = Some(fault.message);
    let seconds = fault.retry_after.as_secs().max(1);
    Response::json(503, &body).with("retry-after", seconds.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Memory, block_on, feeds};

    const KEY: &str = "a key of this process alone";

    fn setup(variables: &[(&str, &str)]) -> (Memory, Receiver) {
        let host = Memory::new();
        let config = "admin_key = \"the key of the admin\"\n\
             [feed.azdo]\nlog_type = \"AZURE_DEVOPS\"\nack = \"stored\"\ndestination = \"main\"\n\
             auth.secrets = [\"a secret of the feed\"]\n[destination.main]\ntype = \"http\"\n\
             url = \"https://main.example/in\"\n";
        for (name, value) in variables.iter().chain(&[("udmill_config", config)]) {
            let (name, value) = ((*name).to_owned(), (*value).to_owned());
            host.variables.borrow_mut().insert(name, value);
        }
        let receiver = block_on(Receiver::load(&host));
        (host, receiver)
    }

    fn hand(of: &(Memory, Receiver), target: &str, key: &str, body: Body) -> (u16, Value) {
        let (host, receiver) = of;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let request = Request {
            method: "POST".to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: vec![("authorization".to_owned(), format!("Bearer {key}"))],
            body,
            arrived: host.elapsed.get(),
        };
        let response = block_on(receiver.answer(host, request));
        let body = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
        (response.status, body)
    }

    fn payload(ids: &[&str]) -> Body {
        Body::Whole(feeds::payload(ids.iter().copied()))
    }

    #[test]
    fn the_route_is_there_only_for_a_host_that_has_made_a_key() {
        let without = setup(&[]);
        let with = setup(&[("udmill_deliver_key", KEY)]);
        for key in ["", "the key of the admin", "a secret of the feed"] {
            let (status, _) = hand(&without, "/v1/deliver/azdo", key, payload(&["1"]));
            assert_eq!(status, 404, "{key}");
            let (status, _) = hand(&with, "/v1/deliver/azdo", key, payload(&["1"]));
            assert_eq!(status, 401, "{key}");
        }
        // An empty variable is none.
        let empty = setup(&[("udmill_deliver_key", "")]);
        let (status, _) = hand(&empty, "/v1/deliver/azdo", "", payload(&["1"]));
        assert_eq!(status, 404);
    }

    #[test]
    fn its_key_opens_nothing_else() {
        let of = setup(&[("udmill_deliver_key", KEY)]);
        for path in [
            "/v1/spool/drain",
            "/v1/quarantine",
            "/v1/quarantine/azdo.0/replay",
        ] {
            assert_eq!(hand(&of, path, KEY, payload(&[])).0, 401, "{path}");
        }
        assert_eq!(hand(&of, "/v1/feeds/azdo", KEY, payload(&["1"])).0, 503);
    }

    #[test]
    fn logs_go_to_the_destination_at_once_and_a_piece_only_once() {
        let of = setup(&[("udmill_deliver_key", KEY)]);
        let takers = feeds::Takers::of(&of.0);
        let counts = json!({ "logs": 2, "events": 2, "quarantined": 0 });
        for _ in 0..2 {
            let found = hand(&of, "/v1/deliver/azdo?piece=1", KEY, payload(&["1", "2"]));
            assert_eq!(found, (200, counts.clone()));
            assert_eq!((takers.ids().len(), takers.repeated()), (2, 0));
        }
        hand(&of, "/v1/deliver/azdo?piece=2", KEY, payload(&["1", "2"]));
        assert_eq!(takers.repeated(), 2);
    }

    #[test]
    fn what_is_not_safe_says_why() {
        let of = setup(&[("udmill_deliver_key", KEY)]);
        let takers = feeds::Takers::of(&of.0);
        for (status, alarm) in [(503, false), (401, true)] {
            takers.status.set(Some(status));
            let (status, body) = hand(&of, "/v1/deliver/azdo", KEY, payload(&["1"]));
            assert_eq!((status, &body["alarm"]), (503, &json!(alarm)));
            assert!(body["message"].is_string(), "{body}");
        }
        let (status, body) = hand(&of, "/v1/deliver/other", KEY, payload(&["1"]));
        assert_eq!((status, body), (404, json!({ "error": "unknown_feed" })));
        let (status, _) = hand(&of, "/v1/deliver/azdo", KEY, Body::TooLarge);
        assert_eq!(status, 413);
    }
}
