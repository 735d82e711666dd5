//! The receiver's answers, line by line, over a runtime in memory.

mod handover;
mod handshakes;

use std::time::Duration;

use serde_json::{Value, json};

use crate::exchange::{Body, Request, Response};
use crate::receiver::Receiver;
use crate::testing::{Memory, block_on};

const SECRET: &str = "a secret of the feed that nobody guesses";
const TOPIC: &str = "/subscriptions/1/resourceGroups/g/providers/Microsoft.EventGrid/topics/t";
const STDOUT: &str = "type = \"stdout\"";

/// A receiver with one feed, whose table has one more line, and its destination.
struct Setup {
    host: Memory,
    receiver: Receiver,
}

impl Setup {
    fn new(feed: &str, destination: &str) -> Setup {
        let host = Memory::new();
        let config = format!(
            "[feed.azdo]\nlog_type = \"AZURE_DEVOPS\"\nauth.secrets = [\"{{secret}}\"]\ndestination = \"main\"\n{feed}\n\
             [destination.main]\n{destination}\n"
        );
        let variables = [("udmill_config", config.as_str()), ("secret", SECRET)];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        host.variables.borrow_mut().extend(variables);
        let receiver = block_on(Receiver::load(&host));
        assert!(receiver.config.is_ok(), "{:?}", receiver.config);
        Setup { host, receiver }
    }

    fn answer(&self, mut request: Request) -> Response {
        request.arrived = self.host.elapsed.get();
        block_on(self.receiver.answer(&self.host, request))
    }

    /// The line that the last request left.
    fn line(&self) -> Value {
        let logged = self.host.logged.borrow();
        serde_json::from_str(logged.last().expect("a line")).expect("JSON")
    }
}

fn feed(line: &str) -> Setup {
    Setup::new(line, STDOUT)
}

/// A request with the feed's secret.
fn request(method: &str, headers: &[(&str, &str)], body: &str) -> Request {
    let headers = headers.iter().copied();
    let headers = headers.chain([("x-webhook-access-key", SECRET)]);
    Request {
        method: method.to_owned(),
        path: "/v1/feeds/azdo".to_owned(),
        query: String::new(),
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        body: Body::Whole(body.as_bytes().to_vec()),
        arrived: Duration::ZERO,
    }
}

fn post(body: &str) -> Request {
    request(
        "POST",
        &[("content-type", "application/json; charset=utf-8")],
        body,
    )
}

/// The same request without credentials.
fn stranger(mut request: Request) -> Request {
    request
        .headers
        .retain(|(name, _)| name != "x-webhook-access-key");
    request
}

/// The same request with wrong credentials.
fn wrong(request: Request) -> Request {
    let mut request = stranger(request);
    request.query = "secret=another".to_owned();
    request
}

fn log(id: &str) -> Value {
    json!({ "Id": id, "CorrelationId": "c", "ActorUPN": "a@example.com", "ActionId": "Git.CreateRepo",
        "Timestamp": "2026-03-14T11:59:58Z", "ScopeType": "Organization" })
}

/// Logs as Event Grid posts them.
fn events(ids: &[&str]) -> String {
    let event = |id: &&str| {
        json!({ "id": id, "topic": TOPIC, "subject": "s", "eventType": "audit", "dataVersion": "1",
            "metadataVersion": "1", "eventTime": "2026-03-14T11:59:59Z", "data": log(id) })
    };
    Value::Array(ids.iter().map(event).collect()).to_string()
}

fn validation(data: &Value) -> Request {
    let event = json!([{ "id": "1", "topic": TOPIC, "subject": "", "data": data, "dataVersion": "1",
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "eventTime": "2026-03-14T11:59:59Z", "metadataVersion": "1" }]);
    let headers = [
        ("aeg-event-type", "SubscriptionValidation"),
        ("content-type", "application/json"),
    ];
    request("POST", &headers, &event.to_string())
}

fn code() -> Value {
    json!({ "validationCode": "512d38b6",
        "validationUrl": "https://rp.eventgrid.azure.net:553/validate?token=1" })
}

fn options(origin: &str) -> Request {
    request(
        "OPTIONS",
        &[
            ("webhook-request-origin", origin),
            ("webhook-request-rate", "120"),
        ],
        "",
    )
}

#[track_caller]
fn assert_no(response: &Response, status: u16, kind: &str) {
    let body = String::from_utf8_lossy(&response.body);
    assert_eq!(
        (response.status, &*body),
        (status, &*format!("{{\"error\":\"{kind}\"}}"))
    );
    let retry = header(response, "retry-after");
    assert_eq!(retry.is_some(), status == 503, "{retry:?}");
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    let mut headers = response.headers.iter();
    headers
        .find(|(it, _)| *it == name)
        .map(|(_, value)| value.as_str())
}

#[test]
fn wrong_or_missing_secret() {
    for (line, status) in [
        ("", 503),
        ("on_unauthorized = \"503\"", 503),
        ("on_unauthorized = \"401\"", 401),
    ] {
        let setup = feed(line);
        for request in [
            stranger(post(&events(&["1"]))),
            wrong(post(&events(&["1"]))),
        ] {
            assert_no(&setup.answer(request), status, "unauthorized");
            let line = setup.line();
            assert_eq!(
                (&line["outcome"], &line["alarm"]),
                (&json!("unauthorized"), &json!(true))
            );
        }
        assert_eq!(setup.host.printed_text(), "");
    }
}

#[test]
fn who_is_not_let_in_learns_nothing_of_bodies() {
    let setup = feed("on_unauthorized = \"401\"");
    for body in [
        Body::TooLarge,
        Body::CutOff,
        Body::Whole(b"no json".to_vec()),
        Body::Whole(Vec::new()),
    ] {
        let mut request = stranger(post(""));
        request.body = body;
        assert_no(&setup.answer(request), 401, "unauthorized");
    }
}

#[test]
fn secret_configuration_missing_on_our_side() {
    let Setup { host, .. } = feed("");
    host.variables.borrow_mut().remove("secret");
    let receiver = block_on(Receiver::load(&host));
    let setup = Setup { host, receiver };
    assert_no(&setup.answer(post(&events(&["1"]))), 503, "configuration");
    assert_eq!(setup.line()["alarm"], true);
    let mut other = post("");
    other.path = "/v1/no/such/route".to_owned();
    assert_eq!(setup.answer(other).status, 503);
    for (path, status) in [("/healthz", 200), ("/readyz", 503)] {
        let mut request = request("GET", &[], "");
        request.path = path.to_owned();
        assert_eq!(setup.answer(request).status, status, "{path}");
    }
}

#[test]
fn jwks_cannot_be_fetched() {
    let entra = "auth.entra = { tenant = \"t\", audience = \"a\" }\nauth.require = \"all\"";
    let setup = feed(entra);
    setup.host.answers(|_| crate::testing::answer(500, ""));
    // Header and claims are read, the signature waits for its key.
    let token = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.e30.AAAA";
    let authorization = format!("Bearer {token}");
    let headers = [
        ("authorization", authorization.as_str()),
        ("content-type", "application/json"),
    ];
    let response = setup.answer(request("POST", &headers, &events(&["1"])));
    assert_no(&response, 503, "credentials_unavailable");
    let mut handshake = validation(&code());
    handshake
        .headers
        .push(("authorization".to_owned(), authorization));
    assert_no(&setup.answer(handshake), 503, "credentials_unavailable");
}

#[test]
fn other_method() {
    let setup = feed("");
    for method in ["GET", "HEAD", "PUT", "DELETE", "post", "BREW"] {
        let response = setup.answer(request(method, &[], ""));
        assert_no(&response, 405, "method_not_allowed");
        assert_eq!(header(&response, "allow"), Some("POST, OPTIONS"));
    }
}

#[test]
fn content_type_not_json_and_not_cloud_events() {
    let setup = feed("");
    for content_type in [
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        "",
    ] {
        let right = request("POST", &[("content-type", content_type)], &events(&["1"]));
        assert_eq!(setup.answer(right).status, 200, "{content_type}");
        let broken = request("POST", &[("content-type", content_type)], "a=b");
        assert_no(&setup.answer(broken), 415, "unsupported_media");
    }
}

#[test]
fn content_encoding_other_than_identity() {
    let setup = feed("");
    for (coding, status) in [("gzip", 415), ("identity", 200), ("", 200), ("br", 415)] {
        let headers = [
            ("content-type", "application/json"),
            ("content-encoding", coding),
        ];
        let request = request("POST", &headers, &events(&["1"]));
        assert_eq!(setup.answer(request).status, status, "{coding:?}");
    }
}

#[test]
fn body_not_valid_json() {
    let setup = feed("");
    for body in [
        b"{\"a\":".to_vec(),
        b"[{\"a\":\"\xff\"}]".to_vec(),
        Vec::new(),
    ] {
        let mut request = post("");
        request.body = Body::Whole(body);
        assert_no(&setup.answer(request), 400, "not_json");
    }
}

#[test]
fn body_larger_than_our_limit() {
    let setup = feed("");
    let mut request = post("");
    request.body = Body::TooLarge;
    assert_no(&setup.answer(request), 413, "too_large");
}

#[test]
fn body_cut_off_while_reading() {
    let setup = feed("");
    let mut request = post("");
    request.body = Body::CutOff;
    assert_no(&setup.answer(request), 503, "cut_off");
}

#[test]
fn topic_or_origin_not_allowed() {
    let setup = feed("topics = [\"/subscriptions/2\"]\norigins = [\"eventgrid.azure.net\"]");
    assert_no(
        &setup.answer(post(&events(&["1"]))),
        503,
        "topic_not_allowed",
    );
    assert_eq!(setup.line()["alarm"], true);
    let raw = |origin: &str| {
        let headers = [
            ("content-type", "application/json"),
            ("webhook-request-origin", origin),
        ];
        request("POST", &headers, &log("1").to_string())
    };
    assert_no(&setup.answer(raw("a.example")), 503, "origin_not_allowed");
    assert_eq!(setup.line()["alarm"], true);
    // What names no topic is let in.
    assert_eq!(setup.answer(raw("eventgrid.azure.net")).status, 200);
    assert_eq!(setup.answer(post(&log("1").to_string())).status, 200);
}

#[test]
fn unknown_feed_and_other_paths() {
    let setup = feed("");
    let at = |path: &str| {
        let mut request = post(&events(&["1"]));
        request.path = path.to_owned();
        setup.answer(request)
    };
    for path in [
        "/v1/feeds/azd",
        "/v1/feeds/",
        "/v1/feeds/azdo/",
        "/v1/feeds/AZDO",
    ] {
        assert_no(&at(path), 503, "unknown_feed");
        assert_eq!(setup.line()["alarm"], true);
        assert_eq!(setup.line()["feed"], Value::Null);
    }
    for path in ["/", "/v1/feeds", "/v1/feed/azdo", "//v1/feeds/azdo"] {
        assert_no(&at(path), 404, "not_found");
    }
}

#[test]
fn nothing_of_the_request_gets_into_answers_or_the_log() {
    let setup = feed("topics = [\"/subscriptions/2\"]");
    let canary = "c4n4ry";
    let mut requests = vec![post(canary), post(&events(&[canary]))];
    requests.extend([
        validation(&json!({ "validationCode": canary })),
        options(canary),
    ]);
    requests.push(request(
        "OPTIONS",
        &[("webhook-request-origin", "\u{fffd}")],
        canary,
    ));
    for mut request in requests {
        request.query = format!("secret={canary}&other={canary}");
        request
            .headers
            .push(("x-goog-api-key".to_owned(), canary.to_owned()));
        for request in [request.clone(), stranger(request)] {
            let response = setup.answer(request);
            let body = String::from_utf8_lossy(&response.body);
            assert!(response.status < 300 || !body.contains(canary), "{body}");
        }
    }
    let logged = setup.host.logged.borrow().join("\n");
    assert!(
        !logged.contains(canary) && !logged.contains(SECRET),
        "{logged}"
    );
}
