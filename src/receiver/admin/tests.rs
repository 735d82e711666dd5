//! The routes of operators, over a runtime in memory.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::exchange::Body;
use crate::receiver::Receiver;
use crate::testing::{Memory, answer, block_on};

const KEY: &str = "the key of whoever runs this";

fn setup(line: &str) -> (Memory, Receiver) {
    let host = Memory::new();
    let config = format!(
        "{line}\n[feed.azdo]\nlog_type = \"AZURE_DEVOPS\"\nack = \"stored\"\ndestination = \"main\"\n\
         auth.secrets = [\"a secret of the feed\"]\n[destination.main]\ntype = \"http\"\n\
         url = \"https://vector.example/\"\n"
    );
    let mut variables = host.variables.borrow_mut();
    variables.insert("udmill_config".to_owned(), config);
    variables.insert("key".to_owned(), KEY.to_owned());
    drop(variables);
    let receiver = block_on(Receiver::load(&host));
    assert!(receiver.config.is_ok(), "{:?}", receiver.config);
    (host, receiver)
}

fn operated() -> (Memory, Receiver) {
    setup("admin_key = \"{key}\"")
}

fn call(of: &(Memory, Receiver), method: &str, target: &str, key: &str) -> (u16, Value) {
    let (host, receiver) = of;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: vec![("authorization".to_owned(), key.to_owned())],
        body: Body::Whole(Vec::new()),
        arrived: host.elapsed.get(),
    };
    let response = block_on(receiver.answer(host, request));
    let body = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
    (response.status, body)
}

fn operate(of: &(Memory, Receiver), method: &str, target: &str) -> (u16, Value) {
    call(of, method, target, &format!("Bearer {KEY}"))
}

fn deliver(of: &(Memory, Receiver), body: &str) {
    let (host, receiver) = of;
    let request = Request {
        method: "POST".to_owned(),
        path: "/v1/feeds/azdo".to_owned(),
        query: "secret=a+secret+of+the+feed".to_owned(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: Body::Whole(body.as_bytes().to_vec()),
        arrived: host.elapsed.get(),
    };
    assert_eq!(block_on(receiver.answer(host, request)).status, 200);
}

fn error(kind: &str) -> Value {
    json!({ "error": kind })
}

const ROUTES: &[(&str, &str)] = &[
    ("POST", "/v1/spool/drain"),
    ("GET", "/v1/quarantine"),
    ("POST", "/v1/quarantine/azdo.0/replay"),
    ("DELETE", "/v1/quarantine/azdo.0"),
];

#[test]
fn without_a_key_there_are_no_such_routes() {
    let closed = setup("");
    for (method, path) in ROUTES {
        for key in ["", "Bearer ", "Bearer x"] {
            assert_eq!(call(&closed, method, path, key), (404, error("not_found")));
        }
    }
}

#[test]
fn nobody_comes_in_without_the_key() {
    let setup = operated();
    let keys = [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        KEY,
        &format!("Basic {KEY}"),
        &format!("Bearer {KEY}x"),
    ];
    for (method, path) in ROUTES {
        for key in keys {
            let found = call(&setup, method, path, key);
            assert_eq!(found, (401, error("unauthorized")), "{key}");
        }
        let key = format!("bearer {KEY}");
        assert_ne!(call(&setup, method, path, &key).0, 401);
    }
    let logged = setup.0.logged.borrow().join("\n");
    assert!(!logged.contains(KEY), "{logged}");
}

#[test]
fn a_scheduler_has_a_key_for_the_drain_alone() {
    for line in ["", "admin_key = \"{key}\""] {
        let (host, _) = setup(line);
        let variable = (
            "udmill_drain_key".to_owned(),
            "for the drain alone".to_owned(),
        );
        host.variables.borrow_mut().extend([variable]);
        let receiver = block_on(Receiver::load(&host));
        let setup = (host, receiver);
        for (method, path) in ROUTES {
            let is_drain = path.ends_with("drain");
            let (code, _) = call(&setup, method, path, "Bearer for the drain alone");
            assert_eq!(code == 200, is_drain, "{path}");
            let (code, _) = call(&setup, method, path, "Bearer another");
            assert_eq!(
                code,
                if line.is_empty() && !is_drain {
                    404
                } else {
                    401
                },
                "{path}"
            );
        }
    }
}

#[test]
fn a_monitor_may_ask_without_the_body() {
    let setup = operated();
    for path in ["/healthz", "/readyz"] {
        for (method, status) in [("GET", 200), ("HEAD", 200), ("POST", 405)] {
            assert_eq!(operate(&setup, method, path).0, status, "{method} {path}");
        }
    }
}

#[test]
fn a_route_has_one_method() {
    let setup = operated();
    for (method, path) in ROUTES {
        for other in ["GET", "HEAD", "POST", "PUT", "DELETE"] {
            let is_no = operate(&setup, other, path) == (405, error("method_not_allowed"));
            assert_eq!(is_no, other != *method, "{other} {path}");
        }
    }
    for path in [
        "/v1/quarantine/",
        "/v1/quarantine/a/b",
        "/v1/quarantine//replay",
        "/v1/spool",
    ] {
        assert_eq!(operate(&setup, "GET", path).0, 404, "{path}");
    }
}

#[test]
fn what_waits_is_drained() {
    let setup = operated();
    let log =
        json!({ "Id": "1", "ActionId": "Git.CreateRepo", "Timestamp": "2026-03-14T11:59:58Z" });
    deliver(&setup, &log.to_string());
    setup.0.pass(Duration::from_secs(90));
    let (_, status) = operate(&setup, "GET", "/status");
    assert_eq!(status["spool"]["entries"], 1);
    assert_eq!(status["feeds"]["azdo"]["spool"]["oldest_s"], 90);
    assert_eq!(call(&setup, "GET", "/status", "").1.get("feeds"), None);

    setup.0.answers(|_| answer(500, ""));
    let (code, body) = operate(&setup, "POST", "/v1/spool/drain");
    assert_eq!(
        (code, &body["waits"], &body["left"]),
        (200, &json!(1), &json!(1))
    );
    let (_, ready) = operate(&setup, "GET", "/readyz");
    assert_eq!(ready["destinations"]["main"]["last"], "unavailable");
    assert_eq!(ready["status"], "ready");

    setup.0.answers(|_| answer(200, ""));
    let (code, body) = operate(&setup, "POST", "/v1/spool/drain");
    let expected = json!({ "delivered": 1, "quarantined": 0, "waits": 0, "left": 0 });
    assert_eq!((code, body), (200, expected));
    let logged = setup.0.logged.borrow();
    let last: Value = serde_json::from_str(logged.last().expect("a line")).expect("JSON");
    let nothing = json!({ "entries": 0, "bytes": 0, "oldest_s": 0 });
    assert_eq!((&last["spool"], &last["quarantine"]), (&nothing, &json!(0)));
    assert_eq!(last["feeds"]["azdo"]["spool"], nothing);
    let lines = logged
        .iter()
        .map(|it| serde_json::from_str::<Value>(it).expect("JSON"));
    let outcomes: Vec<Value> = lines
        .filter(|it| it["kind"] == "drained")
        .map(|it| json!([it["feed"], it["outcome"], it["events"], it["fault"]]))
        .collect();
    let expected = json!([
        ["azdo", "waits", 1, "unavailable"],
        ["azdo", "delivered", 1, null]
    ]);
    assert_eq!(Value::Array(outcomes), expected);
}

#[test]
fn a_log_in_quarantine_is_shown_tried_again_and_thrown_away() {
    let setup = operated();
    deliver(&setup, "[{\"nothing\":1},{\"nothing\":2},{\"nothing\":3}]");
    assert_eq!(operate(&setup, "POST", "/v1/spool/drain").1["delivered"], 1);

    let (code, page) = operate(&setup, "GET", "/v1/quarantine?most=2&raw=true");
    let entries = page["entries"].as_array().expect("entries");
    assert_eq!((code, entries.len()), (200, 2));
    assert!(
        entries[0]["raw"]
            .as_str()
            .is_some_and(|it| it.starts_with("{\"nothing\":"))
    );
    assert_eq!(
        (&entries[0]["feed"], &entries[0]["source"]),
        (&json!("azdo"), &json!("rejected"))
    );
    assert_eq!(page["next"], entries[1]["id"]);
    let after = page["next"].as_str().expect("an id");
    let (_, rest) = operate(&setup, "GET", &format!("/v1/quarantine?after={after}"));
    assert_eq!(rest["entries"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        (rest.get("next"), rest["entries"][0].get("raw")),
        (None, None)
    );

    let id = entries[0]["id"].as_str().expect("an id");
    let replay = format!("/v1/quarantine/{id}/replay");
    assert_eq!(
        operate(&setup, "POST", &replay),
        (409, error("not_taken_again"))
    );
    assert_eq!(
        operate(&setup, "DELETE", &format!("/v1/quarantine/{id}")),
        (204, Value::Null)
    );
    assert_eq!(
        operate(&setup, "DELETE", &format!("/v1/quarantine/{id}")),
        (404, error("not_found"))
    );
    assert_eq!(operate(&setup, "POST", &replay), (404, error("not_found")));
    assert_eq!(setup.0.keys_under("quarantine:").len(), 2);
}

#[test]
fn a_refused_log_is_replayed_when_the_destination_takes_it() {
    let setup = operated();
    let log =
        json!({ "Id": "1", "ActionId": "Git.CreateRepo", "Timestamp": "2026-03-14T11:59:58Z" });
    deliver(&setup, &log.to_string());
    setup.0.answers(|_| answer(400, ""));
    assert_eq!(operate(&setup, "POST", "/v1/spool/drain").1["delivered"], 1);
    let (_, page) = operate(&setup, "GET", "/v1/quarantine");
    let id = page["entries"][0]["id"].as_str().expect("an id").to_owned();
    setup.0.answers(|_| answer(200, ""));
    let (code, body) = operate(&setup, "POST", &format!("/v1/quarantine/{id}/replay"));
    assert_eq!((code, body["status"].as_str()), (200, Some("delivered")));
    assert_eq!(setup.0.keys_under("quarantine:"), [""; 0]);
}

#[test]
fn a_store_that_fails_is_told() {
    let setup = operated();
    setup
        .0
        .break_store(|_| Some(crate::host::StoreError::Failed("gone".to_owned())));
    for (method, path) in ROUTES {
        assert_eq!(
            operate(&setup, method, path),
            (503, error("store")),
            "{path}"
        );
    }
    assert_eq!(operate(&setup, "GET", "/status"), (503, error("store")));
    let (code, ready) = operate(&setup, "GET", "/readyz");
    assert_eq!((code, &ready["store"]), (503, &json!("unavailable")));
    assert_eq!(operate(&setup, "GET", "/healthz").0, 200);
    let logged = setup.0.logged.borrow();
    let lines = logged.iter().map(|it| serde_json::from_str(it));
    let lines: Vec<Value> = lines.collect::<Result<_, _>>().expect("JSON");
    let (last, lines) = lines.split_last().expect("lines");
    assert_eq!(last["fault"], Value::Null);
    assert_eq!(lines.len(), ROUTES.len() + 2);
    for line in lines {
        assert_eq!(
            (&line["fault"], &line["alarm"]),
            (&json!("store"), &json!(true)),
            "{line}"
        );
    }
}

#[test]
fn a_store_that_takes_nothing_makes_the_receiver_not_ready() {
    let setup = operated();
    let ready = || operate(&setup, "GET", "/readyz").0;
    assert_eq!(ready(), 200);
    assert!(setup.0.store.borrow().is_empty());
    // It still answers questions.
    setup
        .0
        .break_store(|call| (call.operation == "set").then_some(crate::host::StoreError::Full));
    assert_eq!(ready(), 200, "asked again within a few seconds");
    setup.0.pass(Duration::from_secs(6));
    assert_eq!((ready(), ready()), (503, 503));
    setup.0.mend_store();
    assert_eq!(ready(), 200, "asked again at once");
}
