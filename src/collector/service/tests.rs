//! The routes, on a host in memory.

use serde_json::Value;
use udmill_receiver::exchange::Body;
use udmill_receiver::testing::{Memory, block_on};

use super::*;
use crate::testing::cloud::{SECRETS, TABLE, cloud, said};

const API: &str = "output_shape = \"api\"";

/// Asks for a path, with the admin key, and with a clock that does not stand still.
fn ask(host: &Memory, method: &str, target: &str, key: &str) -> Response {
    ask_of(&block_on(Service::load(host)), host, method, target, key)
}

fn ask_of(service: &Service, host: &Memory, method: &str, target: &str, key: &str) -> Response {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: vec![("authorization".to_owned(), format!("Bearer {key}"))],
        body: Body::Whole(Vec::new()),
        arrived: host.elapsed.get(),
    };
    block_on(service.answer(host, request))
}

fn post(host: &Memory, target: &str) -> (u16, Value) {
    let response = ask(host, "POST", target, "admin-canary");
    let body = serde_json::from_slice(&response.body).expect("JSON");
    (response.status, body)
}

#[test]
fn a_call_collects_what_is_due_and_says_so_in_the_answer_and_the_log() {
    let (host, cloud) = cloud(API, 60);
    let (status, body) = post(&host, "/v1/collect/main");
    assert_eq!(status, 200, "{body}");
    for (key, expected) in [
        ("statusCode", 200.into()),
        ("message", "Success".into()),
        ("eventsCollected", 60.into()),
        ("pagesProcessed", 2.into()),
        ("paginationComplete", true.into()),
        ("more", false.into()),
        ("s3Key", body["s3Keys"][0].clone()),
    ] {
        assert_eq!(body[key], expected, "{key}");
    }
    assert!(
        body["lagMs"].is_number() && body["filters"].is_object(),
        "{body}"
    );
    assert_eq!(cloud.under("harness/audit/").len(), 2);
    let logged = host.logged.borrow();
    let line: Value = serde_json::from_str(&logged[0]).expect("JSON");
    assert_eq!(
        (&line["kind"], &line["collector"]),
        (&"collect".into(), &"main".into())
    );
    assert_eq!(line["eventsCollected"], 60);
    assert!(
        SECRETS
            .iter()
            .all(|it| !format!("{logged:?}{body}").contains(it))
    );
}

#[test]
fn a_budget_ends_a_call_and_the_next_one_goes_on() {
    let (host, cloud) = cloud(&format!("{API}\npage_size = 10"), 60);
    host.latency.set(Duration::from_millis(100));
    let (mut calls, mut events) = (0, 0);
    loop {
        let (status, body) = post(&host, "/v1/collect/main?budget_ms=1000");
        assert_eq!(status, 200, "{body}");
        events += body["eventsCollected"].as_u64().expect("a number");
        calls += 1;
        if body["more"] == false {
            break;
        }
    }
    assert!(calls > 1 && calls < 10, "{calls}");
    assert_eq!((events, cloud.under("harness/audit/").len()), (60, 6));
}

/// Harness counts the requests of a key, whoever sends them.
#[test]
fn collectors_with_one_key_share_their_pace() {
    let (_, table) = TABLE.split_once("[collect.main]").expect("a table");
    let more = format!("{API}\npage_size = 2\n[collect.second]{table}{API}\npage_size = 2");
    let (host, _) = cloud(&more, 40);
    let service = block_on(Service::load(&host));
    let mut took = Vec::new();
    for name in ["main", "second"] {
        let target = format!("/v1/collect/{name}?budget_ms=20000");
        let before = host.elapsed.get();
        let response = ask_of(&service, &host, "POST", &target, "admin-canary");
        assert_eq!(response.status, 200);
        took.push((host.elapsed.get() - before).as_millis());
    }
    // 21 requests each, of which the first twenty may go out at once.
    assert!(took[0] < 1000 && took[1] > 3000, "{took:?}");
}

#[test]
fn a_backfill_has_a_state_of_its_own() {
    let (host, cloud) = cloud(API, 60);
    let target = "/v1/collect/main?from=2026-03-14T11:10:00Z&to=2026-03-14T13:10:09%2B02:00";
    let (status, body) = post(&host, target);
    assert_eq!(
        (status, &body["eventsCollected"]),
        (200, &10.into()),
        "{body}"
    );
    assert_eq!(cloud.under("harness/audit-state/main.json").len(), 0);
    assert_eq!(cloud.under("harness/audit-state/main-backfill-").len(), 1);
}

/// Defect 14 of the Lambda: a failure counts as a success.
#[test]
fn a_failure_is_a_5xx_with_what_failed() {
    let (host, cloud) = cloud(API, 1);
    cloud.faults.borrow_mut().push(said(403, "AccessDenied"));
    let (status, body) = post(&host, "/v1/collect/main");
    assert_eq!((status, &body["statusCode"]), (502, &500.into()), "{body}");
    assert_eq!(
        (&body["errorType"], &body["more"]),
        (&"Store".into(), &true.into())
    );
    let line: Value = serde_json::from_str(&host.logged.borrow()[0]).expect("JSON");
    assert_eq!(
        (&line["alarm"], &line["status"]),
        (&true.into(), &502.into())
    );
}

#[test]
fn whoever_has_no_key_learns_nothing() {
    let (host, _) = cloud(API, 1);
    for target in ["/v1/collect/main", "/v1/collect/other", "/"] {
        assert_eq!(ask(&host, "POST", target, "wrong").status, 401, "{target}");
    }
    let text = host.variables.borrow()["udmill_config"].replace("admin_key", "max_body = 1000 #");
    host.variables
        .borrow_mut()
        .insert("udmill_config".into(), text);
    let response = ask(&host, "POST", "/v1/collect/main", "admin-canary");
    assert_eq!(response.status, 404);
}

#[test]
fn what_cannot_be_done_is_told_by_its_status() {
    let (host, _) = cloud(API, 1);
    for (method, target, status) in [
        ("POST", "/v1/collect/other", 404),
        ("POST", "/v1/collect/", 404),
        ("POST", "/v1/other", 404),
        ("GET", "/v1/collect/main", 405),
        ("POST", "/v1/collect/main?from=2026-03-14T11:10:00Z", 400),
        (
            "POST",
            "/v1/collect/main?from=2026-03-14T11:10:00Z&to=2026-03-13T00:00:00Z",
            400,
        ),
        ("POST", "/v1/collect/main?from=yesterday&to=today", 400),
        (
            "POST",
            "/v1/collect/main?from=0001-01-01T00:00:00Z&to=2026-03-13T00:00:00Z",
            400,
        ),
        ("POST", "/v1/collect/main?budget_ms=0", 400),
        ("POST", "/v1/collect/main?budget_ms=1e9", 400),
    ] {
        let response = ask(&host, method, target, "admin-canary");
        assert_eq!(response.status, status, "{method} {target}");
    }
}

#[test]
fn a_configuration_with_mistakes_is_told_in_the_log_and_answered_503() {
    let (host, _) = cloud("page_size = 0\nshape = \"api\"", 1);
    assert_eq!(post(&host, "/v1/collect/main").0, 503);
    let logged = host.logged.borrow().join("\n");
    for expected in ["collect.main.page_size", "output_shape", "\\\"shape\\\""] {
        assert!(logged.contains(expected), "{expected} in {logged}");
    }
}
