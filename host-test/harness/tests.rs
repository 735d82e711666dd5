//! The server against the published examples and rules, without a network and over one.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::*;

const START: i64 = 1_767_225_600_000;
const LATER: i64 = START + 86_400_000;

fn request(query: &str, body: &Value) -> Request {
    let headers = [
        ("x-api-key", KEY),
        ("content-type", "application/json"),
        ("accept", "application/json"),
    ];
    Request {
        method: "POST".to_owned(),
        path: "/audit/api/audits/listV2".to_owned(),
        query: format!("accountIdentifier={ACCOUNT}{query}"),
        headers: headers.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        body: body.to_string().into_bytes(),
    }
}

fn window(start: i64, end: i64) -> Value {
    json!({"startTime": start, "endTime": end, "filterType": "Audit"})
}

fn answered(service: &mut Service, request: &Request, now: i64) -> (u16, Value) {
    match service.answer(request, now) {
        Reply::Answer(answer) => {
            let body = serde_json::from_slice(&answer.body).unwrap_or_default();
            (answer.status, body)
        }
        other => panic!("expected an answer, but found {other:?}"),
    }
}

/// The data of a page.
fn page(service: &mut Service, query: &str, body: &Value, now: i64) -> Value {
    let (status, mut body) = answered(service, &request(query, body), now);
    assert_eq!(
        (status, &body["status"]),
        (200, &json!("SUCCESS")),
        "{body}"
    );
    body["data"].take()
}

fn ids(data: &Value) -> Vec<&str> {
    let content = data["content"].as_array().expect("content").iter();
    content
        .map(|it| it["auditId"].as_str().expect("an id"))
        .collect()
}

/// A token as it goes into a query: nothing in it may stay as it is but letters and digits.
fn encoded(data: &Value) -> String {
    let token = data["pageToken"].as_str().expect("a token");
    assert!(token.contains('/') && token.contains('+') && token.contains('='));
    token.bytes().map(|it| format!("%{it:02X}")).collect()
}

#[test]
fn the_constructed_pages_come_out_as_they_were_made() {
    let pages = [
        include_str!("../../src/udm/harness_io/golden/constructed_listv2_page_1.raw"),
        include_str!("../../src/udm/harness_io/golden/constructed_listv2_page_2.raw"),
    ];
    let pages = pages.map(|it| serde_json::from_str::<Value>(it).expect("JSON"));
    let mut service = Service::default();
    let events = pages
        .iter()
        .flat_map(|it| it["data"]["content"].as_array().expect("content"));
    service.events = events
        .map(|it| Stored {
            time: it["timestamp"].as_i64().expect("a time"),
            visible: 0,
            id: it["auditId"].as_str().expect("an id").to_owned(),
            rest: Some(it.clone().into()),
        })
        .collect();
    service.events.reverse();
    let body = window(START, 1_767_231_000_000);
    let first = page(&mut service, "&pageSize=40", &body, LATER);
    let next = format!("&pageSize=40&pageToken={}", encoded(&first));
    let second = page(&mut service, &next, &body, LATER);
    for (found, wanted) in [first, second].iter().zip(&pages) {
        for key in [
            "content",
            "hasNext",
            "pageIndex",
            "pageItemCount",
            "pageSize",
        ] {
            assert_eq!(found[key], wanted["data"][key], "{key}");
        }
    }
    assert_eq!(service.complaints, Vec::<String>::new());
}

#[test]
fn refusals_are_those_that_are_published() {
    let told = |name: &str| {
        let answer = told(name);
        let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
        (answer.status, body)
    };
    let check = |service: &mut Service, request: &Request, name: &str| {
        let (status, mut found) = answered(service, request, LATER);
        let (wanted_status, wanted) = told(name);
        found["correlationId"] = wanted["correlationId"].clone();
        assert_eq!((status, found), (wanted_status, wanted), "{name}");
    };
    let mut service = Service::default();
    service.add(START, 0);
    let good = window(START, LATER);
    let backwards = window(1_767_229_200_000, START);
    check(
        &mut service,
        &request("&pageSize=101", &good),
        "400-page-size",
    );
    check(&mut service, &request("", &backwards), "400-time-filter");
    check(
        &mut service,
        &request("&pageToken=x", &good),
        "400-page-token",
    );
    service.key_is = Key::Unprivileged;
    check(&mut service, &request("", &good), "403-access-denied");
    service.key_is = Key::Expired;
    check(&mut service, &request("", &good), "401-expired-token");
    let mut other = request("", &good);
    other.headers[0].1 = "sat.a.b.c".to_owned();
    check(&mut service, &other, "401-invalid-token");
    let yaml = Request {
        method: "GET".to_owned(),
        path: "/audit/api/auditYaml".to_owned(),
        query: "auditId=6955b93ea1b2c3d4e5596d22".to_owned(),
        ..Request::default()
    };
    check(&mut service, &yaml, "400-yaml-diff-missing");
    service.key_is = Key::Good;
    service.too_many = 1;
    service.add(START, 0);
    let (status, found) = answered(&mut service, &request("", &good), LATER);
    assert_eq!((status, found), told("500-query-timeout"));
    assert_eq!(service.complaints, Vec::<String>::new());
}

#[test]
fn both_bounds_are_included_and_the_newest_comes_first() {
    let mut service = Service::default();
    let ids_added: Vec<String> = (0..5).map(|it| service.add(START + it, 0)).collect();
    let found = page(&mut service, "", &window(START + 1, START + 3), LATER);
    assert_eq!(ids(&found), [&ids_added[3], &ids_added[2], &ids_added[1]]);
    assert_eq!(found["hasNext"], false);
    let ascending = "&sortOrders=timestamp%2CASC";
    let found = page(&mut service, ascending, &window(START, START + 1), LATER);
    assert_eq!(ids(&found), [&ids_added[0], &ids_added[1]]);
    let by_action = "&sortOrders=action%2CASC";
    let found = page(&mut service, by_action, &window(START, START + 1), LATER);
    assert_eq!(ids(&found), [&ids_added[1], &ids_added[0]]);
}

#[test]
fn a_token_holds_for_the_request_that_it_came_from() {
    let mut service = Service::default();
    service.add_samples(START, 1000, 7);
    let body = window(START, LATER);
    let first = page(&mut service, "&pageSize=3", &body, LATER);
    let token = encoded(&first);
    let refused = |service: &mut Service, query: String, body: &Value| {
        let (status, found) = answered(service, &request(&query, body), LATER);
        assert_eq!(found["message"], "Invalid request: Invalid page token");
        status
    };
    let other = window(START, LATER + 1);
    assert_eq!(
        refused(
            &mut service,
            format!("&pageSize=3&pageToken={token}"),
            &other
        ),
        400
    );
    assert_eq!(
        refused(
            &mut service,
            format!("&pageSize=4&pageToken={token}"),
            &body
        ),
        400
    );
    service.tokens = Tokens::Loose;
    let next = page(
        &mut service,
        &format!("&pageSize=3&pageToken={token}"),
        &other,
        LATER,
    );
    assert_eq!(ids(&next).len(), 3);
    let by_number = page(&mut service, "&pageSize=3&pageIndex=2", &body, LATER);
    assert_eq!(
        (ids(&by_number).len(), &by_number["hasNext"]),
        (1, &json!(false))
    );
}

#[test]
fn an_event_is_seen_when_the_outbox_got_it_through() {
    let mut service = Service::default();
    let id = service.add(START, 600_000);
    let body = window(START, START);
    assert_eq!(
        ids(&page(&mut service, "", &body, START + 599_999)).len(),
        0
    );
    assert_eq!(ids(&page(&mut service, "", &body, START + 600_000)), [&id]);
    assert_eq!(i64::from_str_radix(&id[..8], 16), Ok(START / 1000 + 600));
}

#[test]
fn filters_are_alternatives_in_a_list_and_all_lists_must_hold() {
    let mut service = Service::default();
    service.add_samples(START, 1000, 73);
    let samples = SAMPLES
        .lines()
        .map(|it| serde_json::from_str::<Value>(it).expect("JSON"));
    let samples: Vec<Value> = samples.collect();
    let count = |it: &dyn Fn(&Value) -> bool| samples.iter().filter(|sample| it(sample)).count();
    let action = |it: &Value| it["action"].as_str().unwrap_or_default().to_owned();
    let kind = |it: &Value| it["authenticationInfo"]["principal"]["type"].clone();
    for (filter, wanted) in [
        (json!({"actions": []}), 73),
        (
            json!({"actions": ["CREATE", "DELETE"]}),
            count(&|it| ["CREATE", "DELETE"].contains(&action(it).as_str())),
        ),
        (
            json!({"modules": ["core"], "actions": ["CREATE"]}),
            count(&|it| it["module"] == "CORE" && it["action"] == "CREATE"),
        ),
        (
            json!({"staticFilter": "EXCLUDE_LOGIN_EVENTS"}),
            count(&|it| !action(it).contains("LOGIN")),
        ),
        (
            json!({"staticFilter": "EXCLUDE_SYSTEM_EVENTS"}),
            count(&|it| kind(it) != "SYSTEM"),
        ),
        (
            json!({"resources": [{"type": "USER"}]}),
            count(&|it| it["resource"]["type"] == "USER"),
        ),
        (
            json!({"principals": [{"type": "SYSTEM", "identifier": "SYSTEM"}]}),
            count(&|it| kind(it) == "SYSTEM"),
        ),
        (
            json!({"scopes": [{"accountIdentifier": ACCOUNT}], "includeChildScopes": false}),
            count(&|it| it["resourceScope"]["orgIdentifier"].is_null()),
        ),
        (
            json!({"environments": [{"type": "Production"}]}),
            count(&|it| it["environment"]["type"] == "Production"),
        ),
    ] {
        let mut body = window(START, LATER);
        body.as_object_mut()
            .expect("an object")
            .extend(filter.as_object().expect("one").clone());
        let found = page(&mut service, "&pageSize=100", &body, LATER);
        assert_eq!(ids(&found).len(), wanted, "{filter}");
        assert!(wanted > 0, "{filter}");
    }
}

#[test]
fn what_the_operator_got_wrong_is_refused_and_what_the_client_got_wrong_complained_about() {
    let mut service = Service::default();
    for body in [
        json!({"actions": ["REPLICATED"]}),
        json!({"actions": ["create"]}),
        json!({"modules": ["XYZ"]}),
        json!({"scopes": [{"accountIdentifier": "other"}]}),
        json!({"scopes": [{"accountIdentifier": ACCOUNT, "projectIdentifier": "p"}]}),
        json!({"principals": [{"type": "USER"}]}),
        json!({"startTime": -1}),
    ] {
        assert_eq!(
            answered(&mut service, &request("", &body), LATER).0,
            400,
            "{body}"
        );
    }
    let mut elsewhere = request("", &json!({}));
    elsewhere.query = "accountIdentifier=other".to_owned();
    let (status, body) = answered(&mut service, &elsewhere, LATER);
    assert_eq!(
        (status, &body["code"]),
        (401, &json!("ACCOUNT_DOES_NOT_EXIST"))
    );
    assert_eq!(service.complaints, Vec::<String>::new());
    let mut wrong = vec![
        request("&size=3", &json!({})),
        request("&pageSize=1&pageSize=2", &json!({})),
        request("&pageSize=ten", &json!({})),
        request("", &json!({"since": 1})),
        request("", &json!({"startTime": "1"})),
        request("", &json!({"filterType": "audit"})),
        request("", &json!({"staticFilter": "EXCLUDE_ALL"})),
        request("", &json!([])),
    ];
    let mut changed = |change: &dyn Fn(&mut Request)| {
        let mut request = request("", &json!({}));
        change(&mut request);
        wrong.push(request);
    };
    changed(&|it| it.method = "GET".to_owned());
    changed(&|it| it.headers.truncate(2));
    changed(&|it| it.headers[1].1 = "text/plain".to_owned());
    changed(&|it| {
        it.headers
            .push(("authorization".to_owned(), "Bearer x".to_owned()))
    });
    changed(&|it| it.body = b"{".to_vec());
    for (number, request) in wrong.iter().enumerate() {
        assert_eq!(answered(&mut service, request, LATER).0, 400, "{request:?}");
        assert_eq!(service.complaints.len(), number + 1, "{request:?}");
    }
}

#[test]
fn the_older_list_has_totals_and_no_token() {
    let mut service = Service::default();
    service.add_samples(START, 1000, 7);
    let mut request = request("&pageSize=3&pageIndex=2", &window(START, LATER));
    request.path = "/gateway/audit/api/audits/list".to_owned();
    let (status, body) = answered(&mut service, &request, LATER);
    let data = &body["data"];
    let found = (
        &data["totalPages"],
        &data["totalItems"],
        &data["empty"],
        &data["hasNext"],
    );
    assert_eq!(
        (status, found),
        (200, (&json!(3), &json!(7), &json!(false), &Value::Null))
    );
}

#[test]
fn the_edge_says_429_without_a_header_and_in_html() {
    let mut service = Service::default();
    service.per_minute = 2;
    let request = request("", &window(START, LATER));
    let mut status = |now: i64| match service.answer(&request, now) {
        Reply::Answer(answer) => {
            assert_eq!(answer.header("retry-after"), None);
            (answer.status, answer.body.starts_with(b"<!doctype html>"))
        }
        other => panic!("{other:?}"),
    };
    assert_eq!([status(LATER), status(LATER)], [(200, false); 2]);
    assert_eq!(status(LATER + 59_999), (429, true));
    assert_eq!(status(LATER + 60_000), (200, false));
}

#[test]
fn faults_come_in_turn_by_number_or_by_chance() {
    let mut service = Service::default();
    service.faults = [Fault::Told("503-html"), Fault::RetryAt(30)].into();
    service.scheduled.insert(3, Fault::Reset);
    let request = request("", &window(START, LATER));
    let replies: Vec<Reply> = (0..5).map(|_| service.answer(&request, LATER)).collect();
    let [
        Reply::Answer(unavailable),
        Reply::Answer(later),
        Reply::Answer(good),
        Reply::Reset,
        _,
    ] = &replies[..]
    else {
        panic!("{replies:?}");
    };
    assert_eq!(
        (unavailable.status, later.status, good.status),
        (503, 429, 200)
    );
    assert_eq!(
        later.header("retry-after"),
        Some("Fri, 02 Jan 2026 00:00:30 GMT")
    );
    assert_eq!(later.header("date"), Some("Fri, 02 Jan 2026 00:00:00 GMT"));
    let statuses: Vec<Option<u16>> = service.calls.iter().map(|it| it.status).collect();
    assert_eq!(statuses, [Some(503), Some(429), Some(200), None, Some(200)]);
    service.fails_one_of = 4;
    let good = Reply::Answer(good.clone());
    let is_good = |it: &Reply| matches!((it, &good), (Reply::Answer(a), Reply::Answer(b)) if a.status == b.status);
    let failed = (0..350)
        .filter(|_| !is_good(&service.answer(&request, LATER)))
        .count();
    assert!((50..120).contains(&failed), "{failed}");
}

#[test]
fn every_answer_that_can_be_asked_for_is_there() {
    for (name, _) in ANSWERS {
        let answer = told(name);
        let status: u16 = name[..3].parse().expect("a status");
        assert_eq!(answer.status, status, "{name}");
        assert!(
            answer.header("content-type").is_some() && !answer.body.is_empty(),
            "{name}"
        );
    }
}

/// What comes back over a connection of its own.
fn sent(server: &Harness, request: &Request) -> String {
    let address = server.base();
    let mut to = TcpStream::connect(address.trim_start_matches("http://")).expect("a connection");
    let mut text = format!(
        "{} {}?{} HTTP/1.1\r\nhost: h\r\n",
        request.method, request.path, request.query
    );
    for (name, value) in &request.headers {
        text += &format!("{name}: {value}\r\n");
    }
    text += &format!("content-length: {}\r\n\r\n", request.body.len());
    to.write_all(&[text.as_bytes(), &request.body].concat())
        .expect("written");
    to.shutdown(std::net::Shutdown::Write).expect("shut");
    let mut answer = String::new();
    // A connection that breaks brings what came before.
    let _ = to.read_to_string(&mut answer);
    answer
}

#[test]
fn over_http_answers_are_whole_cut_or_missing_and_tell_the_servers_clock() {
    let mut service = Service::default();
    service.add_samples(START, 1000, 3);
    service.skew_ms = -86_400_000 * 365;
    service.scheduled = [
        (1, Fault::Cut),
        (2, Fault::Reset),
        (3, Fault::Redirect(302, "https://example.com/".to_owned())),
    ]
    .into();
    let server = Harness::start(service);
    let request = request("", &json!({"filterType": "Audit"}));
    let whole = sent(&server, &request);
    assert!(whole.starts_with("HTTP/1.1 200 OK\r\n"), "{whole}");
    let date = whole
        .lines()
        .find_map(|it| it.strip_prefix("date: "))
        .expect("a date");
    assert!(date.ends_with(" GMT"));
    let cut = sent(&server, &request);
    let (head, body) = cut.split_once("\r\n\r\n").expect("a head");
    let length = head.split_once("content-length: ").expect("a length").1;
    assert!(body.len() < length.parse::<usize>().expect("a number"));
    assert_eq!(sent(&server, &request), "");
    let moved = sent(&server, &request);
    assert!(moved.starts_with("HTTP/1.1 302 ") && moved.contains("location: https://example.com/"));
    assert_eq!(
        server.with(|it| it.complaints.clone()),
        Vec::<String>::new()
    );
    assert_eq!(server.with(|it| it.calls.len()), 4);
}
