//! What holds for this source alone; `row/tests.rs` has what holds for every source's tables.

use serde_json::{Value, json};

use crate::{Options, normalize};

const LABELLED: &str = "labels, `auditEventData` and the environment";

/// An event of the API: the project's trigger, changed by a user behind a proxy.
fn listed() -> Value {
    json!({
        "auditId": "63e5815e0f842e39a47c71be",
        "resourceScope": {"accountIdentifier": "6C9qo5gJSdK7gb-ngOtpCw", "orgIdentifier": "default",
            "projectIdentifier": "payments"},
        "httpRequestInfo": {"requestMethod": "PUT"},
        "requestMetadata": {"clientIP": "203.0.113.166, 10.0.0.1"},
        "timestamp": 1_675_985_245_280_u64,
        "authenticationInfo": {"principal": {"type": "USER", "identifier": "ana@example.com"},
            "labels": {"userId": "FA2HiMNoTCengvhsFUBFzQ", "username": "Ana \"Bo\" Ünal"}},
        "module": "CORE",
        "resource": {"type": "TRIGGER", "identifier": "nightly", "labels": {"resourceName": "Nightly run",
            "pipelineIdentifier": "deploy", "triggerType": "SCHEDULED"}},
        "action": "UPDATE",
        "auditEventData": {"type": "X", "list": [1, {"a": null, "b": "c"}]},
    })
}

/// The same event as streaming writes it: other names, no labels, no data; the user's id where the address was.
fn streamed() -> Value {
    json!({
        "auditEventId": "63e5815e0f842e39a47c71be",
        "auditEventAuthor": {"principal": {"type": "USER", "identifier": "FA2HiMNoTCengvhsFUBFzQ",
            "email": "ana@example.com"}},
        "auditModule": "CORE",
        "auditResource": {"type": "TRIGGER", "identifier": "nightly"},
        "auditResourceScope": {"accountIdentifier": "6C9qo5gJSdK7gb-ngOtpCw", "orgIdentifier": "default",
            "projectIdentifier": "payments"},
        "auditAction": "UPDATE",
        "auditHttpRequestInfo": {"requestMethod": "PUT", "clientIP": "203.0.113.166, 10.0.0.1"},
        "auditEventTime": 1_675_985_245.28,
    })
}

#[test]
fn both_shapes_of_an_event_give_the_same() {
    let mut bare = listed();
    bare["authenticationInfo"]["labels"] = json!({"userId": "FA2HiMNoTCengvhsFUBFzQ"});
    bare["resource"].as_object_mut().unwrap().remove("labels");
    bare.as_object_mut().unwrap().remove("auditEventData");
    assert_eq!(events(&bare.to_string()), events(&streamed().to_string()));
    assert_ne!(
        events(&listed().to_string()),
        events(&streamed().to_string()),
        "{LABELLED} are in the API only"
    );
}

#[test]
fn one_event_comes_out_of_every_wrapper() {
    for log in [listed(), streamed()] {
        let text = log.to_string();
        let expected = events(&text);
        assert_eq!(expected.len(), 1);
        for (shape, payload) in shapes(&log) {
            assert_eq!(events(&payload), expected, "{shape}: {payload}");
        }
    }
}

#[test]
fn a_wrapper_with_two_logs_gives_two_events() {
    let logs = [listed(), streamed()];
    let expected = [events(&logs[0].to_string()), events(&logs[1].to_string())].concat();
    let lines = format!("{}\n{}", logs[0], logs[1]);
    for (shape, payload) in [
        ("array", json!(logs).to_string()),
        ("`records`", json!({"records": logs}).to_string()),
        ("answer", answer(json!(logs)).to_string()),
        (
            "two answers",
            format!("{}\n{}", answer(json!([logs[0]])), answer(json!([logs[1]]))),
        ),
        ("lines", lines),
        ("nothing between", format!("{}{}", logs[0], logs[1])),
        (
            "several lines each",
            format!("{:#}\n{:#}", logs[0], logs[1]),
        ),
    ] {
        assert_eq!(events(&payload), expected, "{shape}");
    }
}

#[test]
fn google_s_rows_are_marked_and_none_of_ours_comes_before() {
    let google = [
        ("action", "metadata.product_event_type"),
        ("requestMetadata.clientIP", "principal.ip"),
        ("requestMetadata.clientIP", "principal.asset.ip"),
        ("httpRequestInfo.requestMethod", "network.http.method"),
        ("module", "additional.fields[auditModule]"),
        ("resource.type", "additional.fields[auditResource.type]"),
        (
            "resource.identifier",
            "additional.fields[auditResource.identifier]",
        ),
        (
            "resourceScope.accountIdentifier",
            "additional.fields[auditResourceScope.accountIdentifier]",
        ),
    ];
    let rows = super::rows::ROWS.iter();
    let marked = rows.clone().filter(|row| row.number.ends_with('G'));
    let marked: Vec<(&str, &str)> = marked.map(|row| (row.raw, row.udm)).collect();
    assert_eq!(marked, google);
    for (_, udm) in google {
        assert_eq!(
            rows.clone().filter(|row| row.udm == udm).count(),
            1,
            "{udm}"
        );
    }
}

#[test]
fn decisions_are_written_down() {
    let decisions = include_str!("decisions.md");
    let ours = super::rows::ROWS
        .iter()
        .filter(|row| row.number.starts_with('C'));
    for row in ours {
        assert!(
            decisions.contains(&format!("| {} |", row.number)),
            "{}",
            row.number
        );
    }
}

/// What a log may come in, by name.
fn shapes(log: &Value) -> Vec<(&'static str, String)> {
    let text = log.to_string();
    let quoted = json!(text).to_string();
    let cloud_event = json!({"specversion": "1.0", "id": "1", "source": "/harness", "type": "audit", "data": log});
    let event_grid = json!({"id": "1", "subject": "audit", "data": log, "eventType": "audit", "dataVersion": "1",
        "eventTime": "2026-01-01T00:00:00Z", "topic": "/subscriptions/a"});
    vec![
        ("array", json!([log]).to_string()),
        ("`records`", json!({"records": [log]}).to_string()),
        ("answer of the API", answer(json!([log])).to_string()),
        ("answer, printed", format!("{:#}", answer(json!([log])))),
        (
            "answer in an array",
            json!([answer(json!([log]))]).to_string(),
        ),
        ("printed over several lines", format!("{log:#}")),
        ("CloudEvents", cloud_event.to_string()),
        ("Event Grid", json!([event_grid]).to_string()),
        (
            "Splunk event",
            json!({"time": 1, "host": "h", "event": log}).to_string(),
        ),
        ("byte order mark", format!("\u{feff}{text}")),
        (
            "syslog",
            format!("<134>Jan  1 00:00:00 host harness[7]: {text}"),
        ),
        ("text, escaped", format!("audit msg={quoted} level=info")),
        ("a JSON text", quoted),
    ]
}

fn answer(content: Value) -> Value {
    json!({"status": "SUCCESS", "data": {"pageItemCount": 1, "pageSize": 50, "content": content, "pageIndex": 0,
        "hasNext": true, "pageToken": "x/+="}, "metaData": null, "correlationId": "c"})
}

fn events(payload: &str) -> Vec<Value> {
    let options = Options {
        log_type: "HARNESS_IO".to_owned(),
        ..Options::default()
    };
    let batch = normalize(payload.as_bytes(), &options).unwrap();
    let lines = batch.events.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}
