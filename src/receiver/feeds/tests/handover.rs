//! What becomes of a delivery's logs, and what its sender is told.

use super::*;

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
