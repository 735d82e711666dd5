//! The exact requests of every destination.

use super::*;
use crate::host::Outbound;
use crate::testing;

/// All that is asked of servers when these items are sent, but for tokens.
fn requests(settings: &str, feed: &Feed, items: &[&[u8]]) -> Vec<Outbound> {
    let host = Memory::new();
    host.answers(|request| match request.url.contains("127.0.0.1:9/") {
        true => testing::answer(
            200,
            r#"{"access_token":"token-canary","expires_in":3599,"token_type":"Bearer"}"#,
        ),
        false => testing::answer(200, "{}"),
    });
    let destination = read(settings).expect("settings");
    let sent = send(&host, &destination, feed, items);
    assert_eq!((sent.accepted, sent.fault), (items.len(), None));
    let requests = host.requests.take().into_iter();
    let requests: Vec<_> = requests
        .filter(|it| !it.url.contains("127.0.0.1:9/"))
        .collect();
    assert_eq!(requests.len(), sent.sub_requests);
    requests
}

fn the_only<T>(mut all: Vec<T>) -> T {
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn headers(request: &Outbound) -> Vec<(&str, &str)> {
    let headers = request.headers.iter();
    let mut headers: Vec<_> = headers.map(|(a, b)| (a.as_str(), b.as_str())).collect();
    headers.sort_unstable();
    headers
}

fn body(request: &Outbound) -> &str {
    std::str::from_utf8(&request.body).expect("text")
}

#[test]
fn secops_logs_sends_base64_with_namespace_labels_and_collection_time() {
    let request = the_only(requests(LOGS, &labelled(), &[b"a log", b"\xff\n"]));
    assert_eq!(request.method, "POST");
    assert_eq!(
        request.url,
        "https://chronicle.eu.rep.googleapis.com/v1alpha/projects/my-project/locations/eu/instances/0f0c2d3e-0000-4000-8000-000000000001/logTypes/AZURE_DEVOPS/logs:import"
    );
    assert_eq!(
        headers(&request),
        [
            ("authorization", "Bearer token-canary"),
            ("content-type", "application/json")
        ]
    );
    let rest = r#""collectionTime":"2026-03-14T12:00:00.000000Z","environmentNamespace":"corp \"eu\"","labels":{"team":{"value":"dev","rbacEnabled":false},"scope":{"value":"eu","rbacEnabled":true}}}"#;
    assert_eq!(
        body(&request),
        format!(
            r#"{{"inlineSource":{{"logs":[{{"data":"YSBsb2c=",{rest},{{"data":"/wo=",{rest}],"forwarder":"projects/my-project/locations/eu/instances/0f0c2d3e-0000-4000-8000-000000000001/forwarders/0f0c2d3e-0000-4000-8000-000000000002"}}}}"#
        )
    );
    let read: Result<serde_json::Value, _> = serde_json::from_slice(&request.body);
    assert!(read.is_ok());
}

#[test]
fn secops_logs_leaves_out_what_the_feed_has_not() {
    let settings = format!("{LOGS}endpoint = \"http://127.0.0.1:8000/\"\napi_version = \"v1\"");
    let request = the_only(requests(&settings, &feed(), &[b"a log"]));
    assert!(
        request
            .url
            .starts_with("http://127.0.0.1:8000/v1/projects/")
    );
    assert!(body(&request).starts_with(
        r#"{"inlineSource":{"logs":[{"data":"YSBsb2c=","collectionTime":"2026-03-14T12:00:00.000000Z"}],"#
    ));
}

#[test]
fn secops_events_sends_events_as_udm() {
    let items: [&[u8]; 2] = [br#"{"metadata":{}}"#, br#"{"metadata":{"id":"x"}}"#];
    let request = the_only(requests(EVENTS, &labelled(), &items));
    assert_eq!(
        request.url,
        "https://chronicle.us.rep.googleapis.com/v1alpha/projects/123/locations/us/instances/0f0c2d3e-0000-4000-8000-000000000001/events:import"
    );
    assert_eq!(
        body(&request),
        r#"{"inlineSource":{"events":[{"udm":{"metadata":{}}},{"udm":{"metadata":{"id":"x"}}}]}}"#
    );
}

#[test]
fn secops_webhook_sends_lines_with_key_and_secret_in_headers() {
    let items: [&[u8]; 3] = [b"{\"a\":\n1}", b"text\r\n", "Größe".as_bytes()];
    let request = the_only(requests(WEBHOOK, &labelled(), &items));
    assert_eq!(request.method, "POST");
    assert_eq!(
        request.url,
        "https://chronicle.eu.rep.googleapis.com/v1alpha/projects/1/locations/eu/instances/i/feeds/f:importPushLogs"
    );
    assert_eq!(
        headers(&request),
        [
            ("content-type", "application/json"),
            ("x-goog-api-key", "AIzaCANARY"),
            ("x-webhook-access-key", "secret-canary")
        ]
    );
    assert_eq!(body(&request), "{\"a\": 1}\ntext\nGröße\n");
}

#[test]
fn http_sends_lines_to_the_url_with_the_headers_that_are_configured() {
    let request = the_only(requests(HTTP, &labelled(), &[b"{}", b"[]"]));
    assert_eq!(request.method, "POST");
    assert_eq!(
        request.url,
        "https://vector.example:8080/in?token=query-canary"
    );
    assert_eq!(
        headers(&request),
        [
            ("authorization", "Bearer header-canary"),
            ("content-type", "application/json")
        ]
    );
    assert_eq!(body(&request), "{}\n[]\n");
}

#[test]
fn http_takes_another_content_type() {
    let settings = r#"
        type = "http"
        url = "http://localhost:8080"
        format = "raw"
        headers = { Content-Type = "text/plain" }
    "#;
    let request = the_only(requests(settings, &feed(), &[b"\xff"]));
    assert_eq!(headers(&request), [("content-type", "text/plain")]);
    assert_eq!(request.body, b"\xff\n");
}

#[test]
fn s3_puts_an_object_under_the_day_and_its_digest() {
    let request = the_only(requests(S3, &feed(), &[b"{}", b"[]"]));
    assert_eq!(request.method, "PUT");
    let (object, signature) = request.url.split_once('?').expect("a query");
    let start = "https://audit.s3.eu-central-1.amazonaws.com/azdo/2026/03/14/azdo-";
    let digits = object.strip_prefix(start).expect("a key");
    let digits = digits.strip_suffix(".jsonl").expect("a key");
    assert_eq!(digits.len(), 16);
    assert!(digits.bytes().all(|it| it.is_ascii_hexdigit()));
    for part in [
        "X-Amz-Algorithm=AWS4-HMAC-SHA256",
        "X-Amz-Credential=AKIACANARY%2F20260314%2Feu-central-1%2Fs3%2Faws4_request",
        "X-Amz-Date=20260314T120000Z",
        "X-Amz-Expires=300",
        "X-Amz-SignedHeaders=host",
    ] {
        assert!(signature.split('&').any(|it| it == part), "{part}");
    }
    assert!(!request.url.contains("canary"));
    assert_eq!(
        headers(&request),
        [("content-type", "application/x-ndjson")]
    );
    assert_eq!(body(&request), "{}\n[]\n");
}

#[test]
fn s3_reaches_a_store_of_ones_own_by_path() {
    let settings = format!("{S3}endpoint = \"http://127.0.0.1:9000\"\nsession_token = \"st\"");
    let request = the_only(requests(&settings, &feed(), &[b"{}"]));
    let start = "http://127.0.0.1:9000/audit/azdo/2026/03/14/azdo-";
    assert!(request.url.starts_with(start));
    assert!(request.url.contains("X-Amz-Security-Token=st"));
}

#[test]
fn the_same_items_make_the_same_request_at_any_time() {
    let items: [&[u8]; 2] = [b"{}", b"[]"];
    for settings in [EVENTS, WEBHOOK, HTTP, S3] {
        let twice = [(); 2].map(|()| the_only(requests(settings, &feed(), &items)));
        assert!(twice[0] == twice[1], "{settings}");
    }
    let settings = format!("{S3}gzip = true");
    let other = the_only(requests(&settings, &feed(), &[b"{}", b"()"]));
    let object = |request: &Outbound| request.url.split('?').next().map(str::to_owned);
    let one = the_only(requests(&settings, &feed(), &items));
    assert!(object(&one) != object(&other));
}

#[test]
fn bodies_are_compressed_where_that_is_asked_for() {
    use std::io::Read;
    for settings in [LOGS, EVENTS, HTTP, S3] {
        let plain = the_only(requests(settings, &feed(), &[b"{}"]));
        let settings = format!("{settings}gzip = true");
        let request = the_only(requests(&settings, &feed(), &[b"{}"]));
        let mut body = Vec::new();
        let mut reader = flate2::read::GzDecoder::new(request.body.as_slice());
        reader.read_to_end(&mut body).expect("gzip");
        assert_eq!(body, plain.body);
        match settings.contains("\"s3\"") {
            true => {
                assert!(request.url.contains(".jsonl.gz?"));
                assert!(headers(&request).contains(&("content-type", "application/gzip")));
            }
            false => assert!(headers(&request).contains(&("content-encoding", "gzip"))),
        }
    }
}

#[test]
fn bodies_stay_under_the_limits_with_their_envelope() {
    let logs = vec![vec![b'x'; 30_000]; 100];
    let logs: Vec<_> = logs.iter().map(Vec::as_slice).collect();
    for settings in [LOGS, EVENTS, WEBHOOK, HTTP] {
        let requests = requests(settings, &labelled(), &logs);
        let lengths = requests.iter().map(|it| it.body.len());
        assert!(lengths.clone().all(|it| it <= 1_000_000));
        assert!(lengths.filter(|it| *it < 900_000).count() <= 1);
    }
    assert_eq!(requests(S3, &feed(), &logs).len(), 1);
    let logs: Vec<_> = (0..2500).map(|it| it.to_string()).collect();
    let logs: Vec<_> = logs.iter().map(String::as_bytes).collect();
    for settings in [LOGS, EVENTS, WEBHOOK, HTTP] {
        assert_eq!(requests(settings, &feed(), &logs).len(), 3);
    }
}

#[test]
fn standard_output_gets_whole_lines_and_no_store_is_asked() {
    let host = Memory::new();
    host.break_store(|call| panic!("expected no call, but found {call:?}"));
    let destination = read("type = \"stdout\"").expect("settings");
    let sent = send(&host, &destination, &feed(), &[b"{}", b"[]"]);
    assert_eq!((sent.accepted, sent.fault), (2, None));
    assert_eq!(host.printed_text(), "{}\n[]\n");

    host.print_fails.set(true);
    let sent = send(&host, &destination, &feed(), &[b"{}"]);
    assert_eq!(
        (sent.accepted, sent.fault.map(|it| it.kind)),
        (0, Some("unavailable"))
    );
}
