use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::RSA_PKCS1_SHA256;
use serde_json::json;

use super::*;

const UDM: &str = r#"{"metadata":{"productLogId":"a","eventTimestamp":"2024-01-01T00:00:00Z","eventType":"GENERIC_EVENT","vendorName":"Microsoft","productName":"Azure DevOps"}}"#;

/// Posts, and gives the status, and the body; no status where the connection broke.
fn post(secops: &SecOps, url: &str, headers: &[(&str, &str)], body: &str) -> (Option<u16>, String) {
    let path = url.strip_prefix(&secops.origin()).unwrap();
    let mut request = format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += &format!("content-length: {}\r\n\r\n{body}", body.len());
    let mut connection = TcpStream::connect(secops.address).unwrap();
    connection.write_all(request.as_bytes()).unwrap();
    connection.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let status = answer.get(9..12).map(|it| it.parse().unwrap());
    let body = answer.split_once("\r\n\r\n").map_or("", |it| it.1);
    (status, body.to_owned())
}

fn push(secops: &SecOps, body: &str) -> Option<u16> {
    let headers = [
        ("x-goog-api-key", API_KEY),
        ("x-webhook-access-key", SECRET),
    ];
    post(secops, &secops.push_url(), &headers, body).0
}

fn import(secops: &SecOps, method: &str, body: &Value, token: &str) -> Option<u16> {
    let url = format!("{}/{INSTANCE}/{method}", secops.base());
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    post(secops, &url, &headers, &body.to_string()).0
}

fn token(secops: &SecOps) -> String {
    let answer = lock(&secops.shared.state).tokens.issue();
    answer["access_token"].as_str().unwrap().to_owned()
}

fn logs(log: Value) -> Value {
    let forwarder = format!("{INSTANCE}/forwarders/a");
    json!({"inlineSource": {"logs": [log], "forwarder": forwarder}})
}

/// An assertion with these claims, signed by the account's key.
fn assertion(header: &Value, claims: &Value) -> String {
    let part = |it: &Value| URL_SAFE_NO_PAD.encode(it.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let der = STANDARD.decode(key_lines().collect::<String>()).unwrap();
    let key = KeyPair::from_pkcs8(&der).unwrap();
    let mut signature = vec![0; key.public().modulus_len()];
    let random = SystemRandom::new();
    key.sign(
        &RSA_PKCS1_SHA256,
        &random,
        signed.as_bytes(),
        &mut signature,
    )
    .unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn grant(secops: &SecOps, assertion: &str) -> (Option<u16>, String) {
    let form = format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}"
    );
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    post(secops, &token_url(secops.address), &headers, &form)
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs()
}

fn claims(secops: &SecOps) -> Value {
    let key: Value = serde_json::from_str(&secops.key_file()).unwrap();
    let now = now();
    json!({"iss": key["client_email"], "scope": "https://www.googleapis.com/auth/cloud-platform",
           "aud": key["token_uri"], "iat": now, "exp": now + 3600})
}

#[test]
fn a_push_is_cut_into_lines() {
    let secops = SecOps::start();
    assert_eq!(push(&secops, "{\"Id\":\"a\"}\n{\"Id\":\"b\"}\n"), Some(200));
    assert_eq!(push(&secops, "{\"Id\":\"a\"}"), Some(200));
    let counts: Vec<_> = secops.counts().into_iter().collect();
    assert_eq!(counts, [("a".to_owned(), 2), ("b".to_owned(), 1)]);
    assert!(secops.complaints().is_empty());
}

#[test]
fn a_push_with_empty_lines_is_complained_about() {
    let secops = SecOps::start();
    for body in ["", "\n", "a\n\nb"] {
        assert_eq!(push(&secops, body), Some(400), "{body:?}");
    }
    assert_eq!(secops.complaints().len(), 3);
    assert!(secops.accepted().is_empty());
}

#[test]
fn a_push_without_its_keys_or_to_another_feed_is_refused() {
    let secops = SecOps::start();
    let url = secops.push_url();
    assert_eq!(post(&secops, &url, &[], "a").0, Some(401));
    let wrong = [("x-goog-api-key", API_KEY), ("x-webhook-access-key", "a")];
    assert_eq!(post(&secops, &url, &wrong, "a").0, Some(403));
    let query = format!("?key={API_KEY}&secret={SECRET}");
    let other = format!("{}{query}", url.replace(FEED, "other"));
    assert_eq!(post(&secops, &other, &[], "a").0, Some(404));
    assert_eq!(
        post(&secops, &format!("{url}{query}"), &[], "a").0,
        Some(200)
    );
    assert!(secops.complaints().is_empty());
}

#[test]
fn more_than_the_limits_is_complained_about() {
    let secops = SecOps::start();
    let log = "a".repeat(1_000_000);
    assert_eq!(push(&secops, &log), Some(200));
    assert_eq!(push(&secops, &format!("{log}a")), Some(400));
    assert_eq!(push(&secops, &[log.as_str(); 4].join("\n")), Some(413));
    assert_eq!(secops.complaints().len(), 2);
}

#[test]
fn logs_come_with_what_the_sender_says_of_them() {
    let secops = SecOps::start();
    let token = token(&secops);
    let body = logs(json!({
        "data": STANDARD.encode("{\"Id\":\"a\"}"),
        "collectionTime": "2024-01-01T00:00:01Z",
        "logEntryTime": "2024-01-01T00:00:00Z",
        "environmentNamespace": "n",
        "labels": {"k": {"value": "v", "rbacEnabled": true}},
    }));
    let method = "logTypes/AZURE_DEVOPS/logs:import";
    assert_eq!(import(&secops, method, &body, &token), Some(200));
    let expected = Accepted {
        log_type: "AZURE_DEVOPS".to_owned(),
        namespace: Some("n".to_owned()),
        labels: vec![("k".to_owned(), "v".to_owned(), true)],
        bytes: b"{\"Id\":\"a\"}".to_vec(),
    };
    assert_eq!(secops.accepted(), [expected]);
}

#[test]
fn logs_that_break_a_rule_are_complained_about() {
    let secops = SecOps::start();
    let token = token(&secops);
    let good = json!({"data": "YQ==", "collectionTime": "2024-01-01T00:00:00Z"});
    let with = |key: &str, value: Value| {
        let mut log = good.clone();
        log[key] = value;
        logs(log)
    };
    let mut foreign = logs(good.clone());
    foreign["inlineSource"]["forwarder"] = "projects/a/forwarders/b".into();
    let bodies = [
        with("data", "YQ".into()),
        with("data", "".into()),
        with("logEntryTime", "2024-01-01T00:00:00Z".into()),
        with("collectionTime", "2999-01-01T00:00:00Z".into()),
        with("collectionTime", "yesterday".into()),
        with(
            "labels",
            json!({"k": {"value": "v", "rbacEnabled": "true"}}),
        ),
        with("labels", json!({"k": "v"})),
        with("namespace", "n".into()),
        foreign,
        json!({"inlineSource": {"logs": [], "forwarder": format!("{INSTANCE}/forwarders/a")}}),
        json!({"inline_source": {}}),
    ];
    let method = "logTypes/AZURE_DEVOPS/logs:import";
    for body in &bodies {
        assert_eq!(import(&secops, method, body, &token), Some(400), "{body}");
    }
    assert_eq!(secops.complaints().len(), bodies.len());
    let path = "logTypes/azure/logs:import";
    assert_eq!(import(&secops, path, &logs(good), &token), Some(404));
    assert_eq!(secops.complaints().len(), bodies.len() + 1);
}

#[test]
fn events_get_the_log_type_udm() {
    let secops = SecOps::start();
    let token = token(&secops);
    let mut udm: Value = serde_json::from_str(UDM).unwrap();
    udm["metadata"]["log_type"] = "AZURE_DEVOPS".into();
    let body = json!({"inlineSource": {"events": [{"udm": udm}]}});
    assert_eq!(import(&secops, "events:import", &body, &token), Some(200));
    let stored: Value = serde_json::from_slice(&secops.accepted()[0].bytes).unwrap();
    assert_eq!(stored["metadata"]["logType"], "UDM");
    assert_eq!(stored["metadata"].get("log_type"), None);
    assert_eq!(secops.accepted()[0].id(), "a");
}

#[test]
fn events_that_are_no_udm_are_complained_about() {
    let secops = SecOps::start();
    let token = token(&secops);
    let event = |udm: Value| json!({"inlineSource": {"events": [udm]}});
    for body in [
        event(json!({"udm": {"metadata": {"eventType": "NO_SUCH_TYPE"}}})),
        event(json!({"udm": {"metadatum": {}}})),
        event(serde_json::from_str(UDM).unwrap()),
        json!({"inlineSource": {"events": []}}),
    ] {
        assert_eq!(
            import(&secops, "events:import", &body, &token),
            Some(400),
            "{body}"
        );
    }
    assert_eq!(secops.complaints().len(), 4);
}

#[test]
fn a_poisoned_log_takes_its_batch_along() {
    let secops = SecOps::start();
    let poisoned = format!("{{\"Id\":\"{POISON}\"}}");
    assert_eq!(push(&secops, &format!("a\n{poisoned}\nb")), Some(400));
    assert_eq!(push(&secops, "a\nb"), Some(200));
    assert_eq!(secops.accepted().len(), 2);
    assert!(secops.complaints().is_empty());
}

#[test]
fn a_signed_assertion_gives_a_token_that_imports_until_it_ends() {
    let secops = SecOps::start();
    let signed = assertion(&json!({"alg": "RS256", "typ": "JWT"}), &claims(&secops));
    let (status, answer) = grant(&secops, &signed);
    assert_eq!((status, secops.complaints()), (Some(200), vec![]));
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let token = answer["access_token"].as_str().unwrap();
    let body = logs(json!({"data": "YQ==", "collectionTime": "2024-01-01T00:00:00Z"}));
    let import = |token: &str| import(&secops, "logTypes/A/logs:import", &body, token);
    assert_eq!(import(token), Some(200));
    assert_eq!(import("guessed"), Some(401));
    secops.expire_tokens();
    assert_eq!(import(token), Some(401));
}

#[test]
fn an_assertion_that_breaks_a_rule_is_complained_about() {
    let secops = SecOps::start();
    let header = json!({"alg": "RS256"});
    let with = |key: &str, value: Value| {
        let mut claims = claims(&secops);
        claims[key] = value;
        assertion(&header, &claims)
    };
    let now = now();
    let good = assertion(&header, &claims(&secops));
    let (signed, _) = good.rsplit_once('.').unwrap();
    let other = with("iss", "somebody".into());
    let signature = other.rsplit_once('.').unwrap().1;
    for wrong in [
        other.clone(),
        format!("{signed}.{signature}"),
        format!("{signed}."),
        assertion(&json!({"alg": "none"}), &claims(&secops)),
        with("aud", "https://elsewhere.example".into()),
        with("scope", "https://www.googleapis.com/auth/drive".into()),
        with("exp", (now + 3700).into()),
        with("iat", (now - 3000).into()),
        with("sub", "somebody".into()),
    ] {
        let (status, _) = grant(&secops, &wrong);
        assert_eq!(status, Some(400), "{wrong}");
    }
    assert_eq!(secops.complaints().len(), 9);
    assert_eq!(secops.tokens(), 0);
}

#[test]
fn the_plan_is_asked_for_each_call() {
    let secops = SecOps::start();
    secops.react(|call| match call.number {
        0 => Reaction::Status(413),
        1 => Reaction::RateLimited(7),
        2 => Reaction::Cut,
        3 => Reaction::CutAfter,
        4 => Reaction::Hang,
        _ => Reaction::Answer,
    });
    let told: Vec<_> = (0..6).map(|_| push(&secops, "a")).collect();
    assert_eq!(told, [Some(413), Some(429), None, None, None, Some(200)]);
    assert_eq!(secops.accepted().len(), 2);
    let told: Vec<_> = secops.calls().into_iter().map(|it| it.1).collect();
    assert_eq!(told, [Some(413), Some(429), None, None, None, Some(200)]);
}

#[test]
fn a_body_in_chunks_is_joined_and_complained_about() {
    let secops = SecOps::start();
    let mut connection = TcpStream::connect(secops.address).unwrap();
    let request = "POST /lines HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
    connection.write_all(request.as_bytes()).unwrap();
    connection.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 411 "), "{answer}");
    assert_eq!(secops.calls()[0].0.bytes, 3);
    assert_eq!(secops.complaints().len(), 1);
    assert!(secops.accepted().is_empty());
}
