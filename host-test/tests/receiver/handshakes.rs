use event_grid::{Answer, Random, Request, TOPIC, deletion, options, validation};
use secops::SecOps;
use serde_json::{Value, json};

use crate::destinations::set_up;
use crate::{assert_refused, delivery};
use host_test::running::{Receiver, SECRET, config, feed};

fn asked(topic: &str) -> (Request, String) {
    validation(&mut Random::new(1), topic)
}

#[track_caller]
fn assert_validated(answer: &Answer, code: &str) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body, json!({"validationResponse": code}));
}

#[test]
fn a_validation_event_with_the_right_secret_is_answered_with_its_code() {
    let receiver = Receiver::start(&config("", "type = \"stdout\""));
    let (request, code) = asked(TOPIC);
    assert_validated(&receiver.deliver(&request), &code);
    assert_eq!(receiver.printed(0), "");
}

#[test]
fn a_validation_event_without_the_secret_is_answered_401() {
    let receiver = Receiver::start(&config("", "type = \"stdout\""));
    let (request, _) = asked(TOPIC);
    for query in ["", "?key=a&secret=b", &format!("?secret={SECRET}")] {
        let answer = receiver.send(&format!("/v1/feeds/azdo{query}"), &request);
        assert_refused(&answer, 401);
    }
}

#[test]
fn a_validation_event_of_a_topic_that_is_not_listed_is_answered_403() {
    let topics = format!("topics = [\"{TOPIC}\"]");
    let receiver = Receiver::start(&config(&topics, "type = \"stdout\""));
    let (request, _) = asked(&TOPIC.replace("DevopsAuditLog", "Other"));
    assert_refused(&receiver.deliver(&request), 403);
    let (request, code) = asked(TOPIC);
    assert_validated(&receiver.deliver(&request), &code);
}

#[test]
fn a_listed_topic_is_let_in_without_credentials_but_not_with_wrong_ones() {
    let topics = format!("topics = [\"{TOPIC}\"]");
    let receiver = Receiver::start(&config(&topics, "type = \"stdout\""));
    let (request, code) = asked(TOPIC);
    assert_validated(&receiver.send("/v1/feeds/azdo", &request), &code);
    let wrong = receiver.send("/v1/feeds/azdo?key=a&secret=b", &request);
    assert_refused(&wrong, 401);
    let (request, _) = asked("/subscriptions/of-a-stranger");
    let answer = receiver.send("/v1/feeds/azdo", &request);
    assert!([401, 403].contains(&answer.status), "{}", answer.status);
}

#[test]
fn a_malformed_validation_event_is_answered_400() {
    let receiver = Receiver::start(&config("", "type = \"stdout\""));
    let (good, _) = asked(TOPIC);
    let events: Value = serde_json::from_slice(&good.body).unwrap();
    let mut without_code = events.clone();
    without_code[0]["data"] = json!({});
    for body in [
        json!([events[0], events[0]]),
        without_code,
        json!([]),
        json!("text"),
    ] {
        let mut request = good.clone();
        request.body = body.to_string().into_bytes();
        assert_refused(&receiver.deliver(&request), 400);
    }
}

/// What is delivered afterwards goes where the URLs point to as well, so that nothing but the receiver's will kept it from there.
#[test]
fn urls_for_manual_validation_and_callbacks_are_never_followed() {
    let secops = SecOps::start();
    let lines = format!("topics = [\"{TOPIC}\"]\norigins = [\"eventgrid.azure.net\"]");
    let receiver = set_up("lines", &secops, &lines).run();
    let (mut request, code) = asked(TOPIC);
    let mut events: Value = serde_json::from_slice(&request.body).unwrap();
    events[0]["data"]["validationUrl"] = json!(format!("{}/validate?id=1", secops.origin()));
    request.body = events.to_string().into_bytes();
    let mut callback = options(Some("eventgrid.azure.net"), None);
    callback.headers.push((
        "webhook-request-callback".to_owned(),
        format!("{}/callback?id=1", secops.origin()),
    ));
    for target in [feed().as_str(), "/v1/feeds/azdo"] {
        assert_validated(&receiver.send(target, &request), &code);
        assert_eq!(receiver.send(target, &callback).status, 200);
    }
    assert_refused(
        &receiver.send("/v1/feeds/azdo?key=a&secret=b", &request),
        401,
    );
    assert_eq!(receiver.deliver(&delivery(&crate::events(1))).status, 200);
    assert_eq!(secops.calls().len(), 1);
    assert_eq!(secops.complaints(), Vec::<String>::new());
}

#[test]
fn options_of_an_allowed_origin_get_permission() {
    let origins = "origins = [\"eventgrid.azure.net\"]";
    let receiver = Receiver::start(&config(origins, "type = \"stdout\""));
    let request = options(Some("eventgrid.azure.net"), Some(120));
    for answer in [
        receiver.send("/v1/feeds/azdo", &request),
        receiver.deliver(&request),
    ] {
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b""[..]));
        let origin = answer.header("webhook-allowed-origin");
        assert_eq!(origin, Some("eventgrid.azure.net"));
        let rate = answer.header("webhook-allowed-rate").unwrap();
        assert!(rate == "*" || rate.parse::<u32>().unwrap() >= 1);
        assert!(answer.header("allow").unwrap().contains("POST"));
    }
}

#[test]
fn options_of_another_origin_are_answered_403() {
    let origins = "origins = [\"eventgrid.azure.net\"]";
    let receiver = Receiver::start(&config(origins, "type = \"stdout\""));
    let answer = receiver.deliver(&options(Some("stranger.example"), None));
    assert_refused(&answer, 403);
    assert_eq!(answer.header("webhook-allowed-origin"), None);
}

#[test]
fn options_with_wrong_credentials_get_no_permission() {
    let origins = "origins = [\"eventgrid.azure.net\"]";
    let receiver = Receiver::start(&config(origins, "type = \"stdout\""));
    let request = options(Some("eventgrid.azure.net"), None);
    let answer = receiver.send("/v1/feeds/azdo?key=a&secret=b", &request);
    assert_refused(&answer, 401);
    assert_eq!(answer.header("webhook-allowed-origin"), None);
}

#[test]
fn options_without_an_origin_are_answered_200_with_allow_only() {
    let receiver = Receiver::start(&config("", "type = \"stdout\""));
    let answer = receiver.deliver(&options(None, None));
    assert_eq!(answer.status, 200);
    assert!(answer.header("allow").unwrap().contains("POST"));
    assert_eq!(answer.header("webhook-allowed-origin"), None);
    assert_eq!(answer.header("webhook-allowed-rate"), None);
}

#[test]
fn a_deletion_notice_is_answered_200_and_logged() {
    let receiver = Receiver::start(&config("", "type = \"stdout\""));
    let answer = receiver.deliver(&deletion(&mut Random::new(1)));
    assert_eq!(answer.status, 200);
    assert_eq!(receiver.request()["outcome"], "deleted");
    assert_eq!(receiver.printed(0), "");
}

#[test]
fn a_deletion_notice_needs_credentials_like_notifications() {
    let receiver = Receiver::start(&config("", "type = \"stdout\""));
    let answer = receiver.send("/v1/feeds/azdo", &deletion(&mut Random::new(1)));
    assert_refused(&answer, 503);
}
