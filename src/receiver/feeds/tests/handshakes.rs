//! Validation events, `OPTIONS`, and the notice that a subscription was deleted.

use super::*;

#[test]
fn validation_event_with_the_right_secret() {
    for line in [
        "",
        &format!("topics = [\"{TOPIC}\"]"),
        "topics = [\"/SUBSCRIPTIONS/1\"]",
    ] {
        let setup = feed(line);
        let response = setup.answer(validation(&code()));
        assert_eq!(response.status, 200, "{line}");
        assert_eq!(response.body, br#"{"validationResponse":"512d38b6"}"#);
        assert_eq!(header(&response, "content-type"), Some("application/json"));
        assert_eq!(setup.line()["outcome"], "validation");
        assert_eq!(setup.host.printed_text(), "");
    }
}

#[test]
fn validation_event_from_an_unknown_sender_or_without_our_secret() {
    for line in ["", "on_unauthorized = \"503\"", "origins = [\"a.example\"]"] {
        let setup = feed(line);
        assert_no(
            &setup.answer(stranger(validation(&code()))),
            401,
            "unauthorized",
        );
        assert_no(
            &setup.answer(wrong(validation(&code()))),
            401,
            "unauthorized",
        );
    }
    let listed = feed(&format!("topics = [\"{TOPIC}\"]"));
    assert_no(
        &listed.answer(wrong(validation(&code()))),
        401,
        "unauthorized",
    );
    assert_eq!(listed.answer(stranger(validation(&code()))).status, 200);
}

#[test]
fn validation_event_of_a_topic_that_is_not_allowed() {
    for topics in [
        "/subscriptions/2",
        "/subscriptions/1/resourceGroups/g/providers/Microsoft.EventGrid/topics/t2",
    ] {
        let setup = feed(&format!("topics = [\"{topics}\"]"));
        assert_no(&setup.answer(validation(&code())), 403, "topic_not_allowed");
        assert_no(
            &setup.answer(stranger(validation(&code()))),
            403,
            "topic_not_allowed",
        );
    }
}

#[test]
fn validation_event_that_names_only_the_azure_subscription() {
    let setup = feed(&format!("topics = [\"{TOPIC}\"]"));
    for (topic, status) in [
        ("/subscriptions/1", 200),
        ("/subscriptions/1/", 200),
        ("/subscriptions", 403),
        ("/", 403),
        ("", 403),
    ] {
        let mut request = validation(&code());
        if let Body::Whole(body) = &mut request.body {
            *body = String::from_utf8_lossy(body)
                .replace(TOPIC, topic)
                .into_bytes();
        }
        assert_eq!(setup.answer(request).status, status, "{topic:?}");
    }
}

#[test]
fn validation_event_malformed() {
    let setup = feed("");
    assert_no(
        &setup.answer(validation(&json!({}))),
        400,
        "malformed_handshake",
    );
    let mut two = validation(&code());
    two.body = Body::Whole(events(&["1", "2"]).into_bytes());
    assert_no(&setup.answer(two.clone()), 400, "malformed_handshake");
    assert_no(&setup.answer(stranger(two)), 401, "unauthorized");
}

#[test]
fn options_with_an_origin_that_is_allowed() {
    for line in ["", "origins = [\"EventGrid.azure.net\"]"] {
        let setup = feed(line);
        let response = setup.answer(options("eventgrid.azure.net"));
        assert_eq!((response.status, response.body.len()), (200, 0));
        assert_eq!(
            header(&response, "webhook-allowed-origin"),
            Some("eventgrid.azure.net")
        );
        assert_eq!(header(&response, "webhook-allowed-rate"), Some("120"));
        assert_eq!(header(&response, "allow"), Some("POST"));
        assert_eq!(setup.line()["outcome"], "origin");
        let stranger = setup
            .answer(stranger(options("eventgrid.azure.net")))
            .status;
        assert_eq!(stranger, if line.is_empty() { 401 } else { 200 });
        assert_no(
            &setup.answer(wrong(options("eventgrid.azure.net"))),
            401,
            "unauthorized",
        );
    }
}

#[test]
fn options_with_another_origin_or_without_the_header() {
    let setup = feed("origins = [\"eventgrid.azure.net\"]");
    for request in [options("a.example"), stranger(options("a.example"))] {
        let response = setup.answer(request);
        assert_no(&response, 403, "origin_not_allowed");
        assert_eq!(header(&response, "webhook-allowed-origin"), None);
    }
    for request in [
        request("OPTIONS", &[], ""),
        stranger(request("OPTIONS", &[], "")),
    ] {
        let response = setup.answer(request);
        assert_eq!(response, Response::empty(200).with("allow", "POST"));
    }
}

#[test]
fn deletion_notice() {
    let body = json!([{ "id": "1", "topic": TOPIC, "eventTime": "2026-03-14T11:59:59Z",
        "eventType": "Microsoft.EventGrid.SubscriptionDeletedEvent",
        "data": { "eventSubscriptionId": "/subscriptions/1/x" } }]);
    let headers = [
        ("aeg-event-type", "SubscriptionDeletion"),
        ("content-type", "application/json"),
    ];
    let notice = request("POST", &headers, &body.to_string());
    let setup = feed("");
    assert_eq!(setup.answer(notice.clone()), Response::empty(200));
    assert_eq!(setup.line()["outcome"], "deleted");
    assert_eq!(setup.host.printed_text(), "");
    assert_no(&setup.answer(stranger(notice)), 503, "unauthorized");
}
