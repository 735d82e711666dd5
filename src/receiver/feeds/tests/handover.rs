//! What becomes of a delivery's logs, and what its sender is told.

use super::*;
use crate::host::{SendError, StoreError};
use crate::testing::answer;

#[test]
fn notification_with_everything_accepted() {
    let setup = feed("");
    assert_eq!(
        setup.answer(post(&events(&["1", "2"]))),
        Response::empty(200)
    );
    let printed = setup.host.printed_text();
    assert_eq!(printed.lines().count(), 2, "{printed}");
    let line = setup.line();
    assert_eq!(line["outcome"], "delivered");
    assert_eq!(
        (&line["feed"], &line["route"]),
        (&json!("azdo"), &json!("feed"))
    );
    assert_eq!((&line["logs"], &line["events"]), (&json!(2), &json!(2)));
    assert_eq!(line["lag"]["10"], 2);
    assert_eq!(line["last_event"], "2026-03-14T11:59:58+00:00");
}

#[test]
fn empty_array() {
    let setup = feed("");
    assert_eq!(setup.answer(post("[]")), Response::empty(200));
    assert_eq!(setup.host.printed_text(), "");
}

#[test]
fn unknown_event_type() {
    let setup = feed("");
    let unknown = |body: &str| {
        let headers = [
            ("aeg-event-type", "SomethingNew"),
            ("content-type", "application/json"),
        ];
        setup.answer(request("POST", &headers, body)).status
    };
    assert_eq!(unknown(&events(&["1"])), 200);
    assert_eq!(setup.host.printed_text().lines().count(), 1);
    assert_eq!(unknown("no events"), 200);
}

#[test]
fn no_event_type_at_all() {
    let setup = feed("");
    let cloud = json!({ "specversion": "1.0", "type": "audit", "source": TOPIC, "id": "1",
        "time": "2026-03-14T11:59:59Z", "data": log("1") });
    for body in [events(&["1"]), log("1").to_string(), cloud.to_string()] {
        let before = setup.host.printed_text().lines().count();
        assert_eq!(setup.answer(post(&body)).status, 200);
        assert_eq!(setup.host.printed_text().lines().count(), before + 1);
    }
    let mut handshake = validation(&code());
    handshake
        .headers
        .retain(|(name, _)| name != "aeg-event-type");
    let response = setup.answer(handshake);
    assert_eq!(response.body, br#"{"validationResponse":"512d38b6"}"#);
}

const WEBHOOK: &str = r#"
type = "secops-webhook"
url = "https://chronicle.example/v1/feeds/1:importPushLogs"
api_key = "k"
secret = "s"
"#;

fn secops() -> Setup {
    Setup::new("", WEBHOOK)
}

/// The logs that the destination was sent, request by request.
fn sent(setup: &Setup) -> Vec<Vec<String>> {
    let requests = setup.host.requests.borrow();
    let ids = |body: &[u8]| {
        let lines = body.split(|it| *it == b'\n').filter(|it| !it.is_empty());
        let log = |line: &[u8]| serde_json::from_slice::<Value>(line).expect("JSON");
        // A raw log is the whole event, as it came.
        lines
            .map(|line| log(line)["data"]["Id"].to_string())
            .collect()
    };
    requests.iter().map(|it| ids(&it.body)).collect()
}

/// How many logs are in quarantine.
fn quarantined(setup: &Setup) -> usize {
    setup.host.keys_under("quarantine:").len()
}

#[test]
fn some_events_of_a_batch_cannot_be_mapped() {
    let setup = feed("");
    let mut body: Value = serde_json::from_str(&events(&["1", "2", "3"])).expect("JSON");
    body[1]["data"] = json!({ "nothing": "known" });
    assert_eq!(setup.answer(post(&body.to_string())), Response::empty(200));
    assert_eq!(setup.host.printed_text().lines().count(), 2);
    assert_eq!(quarantined(&setup), 1);
    let line = setup.line();
    assert_eq!(
        (&line["rejected"], &line["quarantined"]),
        (&json!(1), &json!(1))
    );
    // The same again does not double it.
    assert_eq!(setup.answer(post(&body.to_string())).status, 200);
    assert_eq!(quarantined(&setup), 1);
}

#[test]
fn some_events_rejected_by_secops_as_invalid() {
    let setup = secops();
    setup.host.answers(|request| {
        let body = String::from_utf8_lossy(&request.body);
        answer(if body.contains("poison") { 400 } else { 200 }, "{}")
    });
    let response = setup.answer(post(&events(&["1", "2", "poison", "4", "5"])));
    assert_eq!(response, Response::empty(200));
    assert_eq!(quarantined(&setup), 1);
    let line = setup.line();
    assert_eq!(
        (&line["refused"], &line["quarantined"]),
        (&json!(1), &json!(1))
    );
}

#[test]
fn the_bad_ones_cannot_be_put_anywhere() {
    let setup = secops();
    setup.host.answers(|_| answer(400, "{}"));
    setup
        .host
        .break_store(|call| (call.operation == "set").then_some(StoreError::Full));
    assert_no(&setup.answer(post(&events(&["1"]))), 503, "store");
    let setup = feed("");
    setup
        .host
        .break_store(|call| (call.operation == "set").then_some(StoreError::Full));
    assert_no(
        &setup.answer(post("[{\"nothing\":\"known\"}]")),
        503,
        "store",
    );
}

#[test]
fn secops_429() {
    for (header, expected) in [(None, "60"), (Some("90"), "90")] {
        let setup = secops();
        setup.host.answers(move |_| {
            let mut answer = answer(429, "{}")?;
            let header = header.map(|it: &str| ("retry-after".to_owned(), it.to_owned()));
            answer.headers.extend(header);
            Ok(answer)
        });
        let response = setup.answer(post(&events(&["1"])));
        assert_no(&response, 503, "rate_limited");
        assert_eq!(super::header(&response, "retry-after"), Some(expected));
        assert_eq!(setup.line()["fault"], "rate_limited");
    }
}

#[test]
fn secops_5xx_connection_error_or_time_out() {
    let failed = || Err(SendError::Failed("ConnectionRefused".to_owned()));
    for (result, kind) in [
        (answer(500, ""), "unavailable"),
        (answer(503, ""), "unavailable"),
        (failed(), "unavailable"),
        (Err(SendError::TimedOut), "timed_out"),
    ] {
        let setup = secops();
        setup.host.answers(move |_| result.clone());
        let response = setup.answer(post(&events(&["1"])));
        assert_no(&response, 503, kind);
        assert_eq!(super::header(&response, "retry-after"), Some("30"));
        assert_eq!(setup.line()["alarm"], Value::Null);
    }
}

#[test]
fn secops_401_403_or_404() {
    for (status, kind) in [(401, "credentials"), (403, "denied"), (404, "not_found")] {
        let setup = secops();
        setup.host.answers(move |_| answer(status, ""));
        let response = setup.answer(post(&events(&["1"])));
        assert_no(&response, 503, kind);
        assert_eq!(setup.line()["alarm"], true, "{status}");
        assert_eq!(quarantined(&setup), 0);
    }
}

#[test]
fn part_of_the_batch_delivered_then_a_fault() {
    let setup = Setup::new("", &format!("{WEBHOOK}\nmax_items = 2"));
    setup
        .host
        .answers_in_turn([answer(200, ""), answer(500, ""), answer(200, "")]);
    let delivery = || post(&events(&["1", "2", "3"]));
    assert_no(&setup.answer(delivery()), 503, "unavailable");
    assert_eq!(setup.answer(delivery()), Response::empty(200));
    assert_eq!(
        sent(&setup),
        [vec!["\"1\"", "\"2\""], vec!["\"3\""], vec!["\"3\""]]
    );
}

#[test]
fn own_deadline_reached() {
    let setup = secops();
    setup.host.answers(|_| answer(200, ""));
    setup.host.latency.set(Duration::from_secs(60));
    assert_no(&setup.answer(post(&events(&["1"]))), 503, "timed_out");
    assert!(setup.host.elapsed.get() <= Duration::from_secs(25));
}

#[test]
fn duplicate_event() {
    let setup = secops();
    setup.host.answers(|_| answer(200, ""));
    for _ in 0..3 {
        assert_eq!(setup.answer(post(&events(&["1"]))), Response::empty(200));
    }
    assert_eq!(sent(&setup), [["\"1\""]]);
}

#[test]
fn standard_output_that_is_broken() {
    let setup = feed("");
    setup.host.print_fails.set(true);
    assert_eq!(setup.answer(post(&events(&["1"]))).status, 503);
}

#[test]
fn stored_and_then_drained() {
    let setup = Setup::new("ack = \"stored\"", WEBHOOK);
    assert_eq!(setup.answer(post(&events(&["1"]))), Response::empty(200));
    assert_eq!(setup.line()["outcome"], "stored");
    assert_eq!(sent(&setup), [[""; 0]; 0]);
    setup.host.break_store(|_| Some(StoreError::Full));
    assert_no(&setup.answer(post(&events(&["2"]))), 503, "store");
    let line = setup.line();
    assert_eq!(
        (&line["fault"], &line["alarm"]),
        (&json!("store"), &json!(true))
    );
}
