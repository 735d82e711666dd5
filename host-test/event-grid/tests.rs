use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde_json::Value;

use super::*;

fn header<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    let found = request.headers.iter().find(|(it, _)| it == name);
    found.map(|(_, value)| value.as_str())
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

/// The ids of the events in a request of Event Grid's schema.
fn ids(request: &Request) -> Vec<String> {
    let body = body(request);
    let ids = body.as_array().unwrap().iter();
    ids.map(|it| it["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Delivers fifty events in batches of ten, from this seed.
fn run(seed: u64, policy: Policy, post: impl FnMut(&Request) -> Outcome) -> Balance {
    let mut random = Random::new(seed);
    let events = events(&mut random, 50);
    deliver(&events, policy, &mut random, post)
}

const TENS: fn() -> Policy = || Policy::new(Schema::EventGrid, 10);

#[test]
fn events_differ_and_the_seed_decides() {
    let made = events(&mut Random::new(1), 40);
    let ids: BTreeSet<&str> = made.iter().map(Event::id).collect();
    assert_eq!(ids.len(), 40);
    assert!(made.iter().all(|it| it.0["data"]["Id"] == it.id()));
    assert_eq!(made, events(&mut Random::new(1), 40));
    assert_ne!(made, events(&mut Random::new(2), 40));
}

#[test]
fn event_grids_own_schema_is_always_an_array() {
    let made = events(&mut Random::new(1), 2);
    let request = notification(&[&made[0]], Schema::EventGrid, 3);
    assert_eq!(body(&request).as_array().unwrap().len(), 1);
    assert_eq!(header(&request, "aeg-event-type"), Some("Notification"));
    assert_eq!(header(&request, "aeg-delivery-count"), Some("3"));
    assert_eq!(header(&request, "aeg-output-event-id"), Some(made[0].id()));
}

#[test]
fn cloud_events_are_an_object_alone_and_an_array_in_a_batch() {
    let made = events(&mut Random::new(1), 2);
    let one = notification(&[&made[0]], Schema::CloudEvents, 0);
    assert_eq!(body(&one)["source"], TOPIC);
    assert_eq!(body(&one)["data"], made[0].0["data"]);
    let media = "application/cloudevents+json; charset=utf-8";
    assert_eq!(header(&one, "content-type"), Some(media));
    let two = notification(&[&made[0], &made[1]], Schema::CloudEvents, 0);
    assert_eq!(body(&two)[1]["id"], made[1].id());
    let media = "application/cloudevents-batch+json; charset=utf-8";
    assert_eq!(header(&two, "content-type"), Some(media));
    let origin = Some("eventgrid.azure.net");
    assert_eq!(header(&two, "webhook-request-origin"), origin);
}

#[test]
fn a_binary_cloud_event_has_its_attributes_in_headers() {
    let made = events(&mut Random::new(1), 1);
    let request = notification(&[&made[0]], Schema::Binary, 0);
    assert_eq!(body(&request), made[0].0["data"]);
    assert_eq!(header(&request, "ce-id"), Some(made[0].id()));
    assert_eq!(header(&request, "ce-specversion"), Some("1.0"));
    assert_eq!(header(&request, "aeg-event-type"), None);
}

#[test]
fn what_is_answered_with_success_is_acknowledged_once() {
    for status in 200..=204 {
        let balance = run(1, TENS(), |_| Outcome::Status(status));
        assert_eq!((balance.requests, balance.acknowledged.len()), (5, 50));
        assert!(balance.acknowledged.values().all(|it| *it == 1));
    }
}

#[test]
fn final_statuses_are_not_tried_again() {
    for status in [400, 401, 403, 404, 413] {
        let balance = run(1, TENS(), |_| Outcome::Status(status));
        assert_eq!((balance.requests, balance.dead_letters.len()), (5, 50));
        assert!(balance.acknowledged.is_empty());
    }
}

#[test]
fn everything_else_is_tried_again_until_it_succeeds() {
    for outcome in [
        Outcome::Status(206),
        Outcome::Status(302),
        Outcome::Status(408),
        Outcome::Status(415),
        Outcome::Status(429),
        Outcome::Status(503),
        Outcome::TimedOut,
        Outcome::SocketError,
    ] {
        let mut left = 7;
        let balance = run(1, TENS(), |_| match left {
            0 => Outcome::Status(200),
            _ => {
                left -= 1;
                outcome
            }
        });
        assert_eq!(balance.acknowledged.len(), 50, "{outcome:?}");
        assert!(balance.retries >= 1 && balance.dead_letters.is_empty());
    }
}

#[test]
fn what_never_succeeds_is_given_up_by_attempts_or_by_time() {
    let mut counts = BTreeSet::new();
    let mut few = TENS();
    few.attempts = 3;
    let balance = run(1, few, |request| {
        counts.insert(header(request, "aeg-delivery-count").unwrap().to_owned());
        Outcome::Status(503)
    });
    assert_eq!(balance.dead_letters.len(), 50);
    let reason = "MaxDeliveryAttemptsExceeded";
    assert!(balance.dead_letters.values().all(|it| *it == reason));
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), ["0", "1", "2"]);

    let balance = run(1, TENS(), |_| Outcome::TimedOut);
    assert_eq!(balance.dead_letters.len(), 50);
    let reason = "TimeToLiveExceeded";
    assert!(balance.dead_letters.values().all(|it| *it == reason));
}

#[test]
fn batches_are_split_and_joined_between_attempts_but_no_event_is_lost() {
    let mut sent: Vec<Vec<String>> = Vec::new();
    let balance = run(3, TENS(), |request| {
        sent.push(ids(request));
        match sent.len() {
            ..60 => Outcome::Status(503),
            _ => Outcome::Status(200),
        }
    });
    assert_eq!(balance.acknowledged.len(), 50);
    assert!(sent.iter().all(|it| (1..=10).contains(&it.len())));
    assert!(sent.iter().any(|it| it.len() < 10), "none was split");
    let first = &sent[..5];
    let mixed = |ids: &&Vec<String>| {
        let in_one = |batch: &Vec<String>| ids.iter().all(|it| batch.contains(it));
        !first.iter().any(in_one)
    };
    assert!(sent.iter().any(|it| mixed(&it)), "none were joined");
}

#[test]
fn some_batches_come_again_after_a_success() {
    let mut policy = TENS();
    policy.duplicates = 2;
    let balance = run(1, policy, |_| Outcome::Status(200));
    assert!(balance.duplicates > 0);
    let twice = balance.acknowledged.values().filter(|it| **it == 2);
    assert_eq!(twice.count() as u32, 10 * balance.duplicates);
}

#[test]
fn a_client_reads_answers_with_a_length_and_in_chunks() {
    let answers = [
        "HTTP/1.1 503 A\r\nRetry-After: 30\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 503 A\r\nRetry-After: 30\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
        "HTTP/1.1 503 A\r\nretry-after: 30\r\n\r\nok",
    ];
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        for answer in answers {
            let (mut connection, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let length = connection.read(&mut request).unwrap();
            assert!(request[..length].starts_with(b"OPTIONS /a?b HTTP/1.1\r\n"));
            connection.write_all(answer.as_bytes()).unwrap();
        }
        // The fourth request meets a connection that closes at once.
        listener.accept().unwrap();
    });
    let request = options(Some("eventgrid.azure.net"), Some(120));
    for _ in answers {
        let answer = send(address, "/a?b", &request).unwrap();
        assert_eq!((answer.status, answer.text()), (503, "ok".to_owned()));
        assert_eq!(answer.header("retry-after"), Some("30"));
    }
    let broken = send(address, "/a?b", &request);
    assert_eq!(outcome(&broken), Outcome::SocketError);
    server.join().unwrap();
}

#[test]
fn a_tenants_tokens_hold_against_its_published_key() {
    let tenant = Tenant::start();
    let address = tenant.keys_url();
    let address = address.trim_start_matches("http://");
    let (address, _) = address.split_once('/').unwrap();
    let request = Request {
        method: "GET",
        ..Request::default()
    };
    let keys = send(address.parse().unwrap(), "/keys", &request).unwrap();
    let keys: Value = serde_json::from_slice(&keys.body).unwrap();
    let part = |it: &Value| URL_SAFE_NO_PAD.decode(it.as_str().unwrap()).unwrap();
    let public = RsaPublicKeyComponents {
        n: part(&keys["keys"][0]["n"]),
        e: part(&keys["keys"][0]["e"]),
    };
    let bearer = tenant.bearer(&tenant.claims());
    let token = bearer.strip_prefix("Bearer ").unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let kind = &RSA_PKCS1_2048_8192_SHA256;
    public.verify(kind, signed.as_bytes(), &signature).unwrap();
    tenant.set_down(true);
    let answer = send(address.parse().unwrap(), "/keys", &request).unwrap();
    assert_eq!((answer.status, tenant.fetches()), (503, 2));
}
