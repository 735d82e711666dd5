//! Sub-requests that fail, are refused, or were accepted before.

use super::*;
use crate::host::{Answer, SendError, StoreError};
use crate::testing;

/// A server that answers 400 to any body in which one of these lines stands.
fn refuse(host: &Memory, bad: Vec<String>) {
    host.answers(move |request| {
        let body = std::str::from_utf8(&request.body).expect("text");
        let is_bad = |line| bad.iter().any(|it| it == line);
        match body.lines().any(is_bad) {
            true => testing::answer(400, ""),
            false => testing::answer(200, ""),
        }
    });
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|it| format!("\"{it}\"")).collect()
}

fn bytes(texts: &[String]) -> Vec<&[u8]> {
    texts.iter().map(String::as_bytes).collect()
}

#[test]
fn halving_finds_the_bad_items_within_its_bound() {
    let destination = read(&format!("{HTTP}max_items = 1000")).expect("settings");
    let cases: [(usize, &[usize]); 8] = [
        (1, &[0]),
        (2, &[1]),
        (1000, &[]),
        (1000, &[0]),
        (1000, &[999]),
        (1000, &[3, 500, 501]),
        (999, &[7, 77, 777, 778, 779]),
        (7, &[0, 1, 2, 3, 4, 5, 6]),
    ];
    for (count, bad) in cases {
        let items = numbered(count);
        let host = Memory::new();
        refuse(&host, bad.iter().map(|it| items[*it].clone()).collect());
        let sent = send(&host, &destination, &feed(), &bytes(&items));
        assert_eq!(sent.fault, None);
        let refused: Vec<_> = sent.refused.iter().map(|(item, _)| *item).collect();
        assert_eq!(refused, bad);
        assert_eq!(sent.accepted, count - bad.len());
        let bound = 2.0 * bad.len() as f64 * (count as f64).log2().ceil() + 1.0;
        assert!(sent.sub_requests as f64 <= bound);

        let is_bad = |line: &str| bad.iter().any(|it| items[*it] == line);
        let bodies = host.requests.take().into_iter();
        let bodies = bodies.map(|it| String::from_utf8(it.body).expect("text"));
        let accepted: Vec<_> = bodies
            .filter(|it| !it.lines().any(is_bad))
            .flat_map(|it| it.lines().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        let good = items.iter().filter(|it| !is_bad(it));
        let good: Vec<_> = good.cloned().collect();
        assert_eq!(accepted, good, "each good item once, in order");
    }
}

#[test]
fn a_request_that_is_too_large_is_halved_to_what_the_server_takes() {
    for settings in [WEBHOOK, HTTP, S3] {
        let host = Memory::new();
        host.answers(|request| match request.body.len() > 100 {
            true => testing::answer(413, "<html>"),
            false => testing::answer(200, ""),
        });
        let destination = read(settings).expect("settings");
        let long = [b'x'; 101];
        let mut items = vec![&b"a short log"[..]; 50];
        items.insert(20, &long);
        let sent = send(&host, &destination, &feed(), &items);
        assert_eq!((sent.accepted, sent.fault), (50, None));
        assert!(matches!(sent.refused.as_slice(), [(20, it)] if it.contains("413")));
    }
}

#[test]
fn an_item_that_no_request_can_hold_is_refused_unsent() {
    let host = Memory::new();
    let long = vec![b'x'; 3_999_999];
    for settings in [WEBHOOK, LOGS, EVENTS] {
        let destination = read(settings).expect("settings");
        let longer = vec![b'x'; 4_000_000];
        let sent = send(&host, &destination, &feed(), &[&longer]);
        assert_eq!((sent.accepted, sent.sub_requests, sent.fault), (0, 0, None));
        assert!(
            matches!(sent.refused.as_slice(), [(0, it)] if it.contains("at most 4000000 bytes"))
        );
    }
    host.answers(|_| testing::answer(200, ""));
    let sent = send(
        &host,
        &read(WEBHOOK).expect("settings"),
        &feed(),
        &[b"x", &long, b"y"],
    );
    assert_eq!((sent.accepted, sent.sub_requests), (3, 3));
}

#[test]
fn what_cannot_be_sent_as_a_line_is_refused_and_the_rest_sent() {
    let host = Memory::new();
    host.answers(|_| testing::answer(200, ""));
    let items: [&[u8]; 4] = [b"a", b"two\nlines", b"\xff", b"b"];
    let sent = send(&host, &read(WEBHOOK).expect("settings"), &feed(), &items);
    let refused: Vec<_> = sent.refused.iter().map(|(item, _)| *item).collect();
    assert_eq!((refused, sent.accepted), (vec![1, 2], 2));
    let bodies = host.requests.take().into_iter().map(|it| it.body);
    assert!(bodies.eq([b"a\nb\n"]));
}

#[test]
fn a_repeated_delivery_sends_only_what_is_missing() {
    let settings = format!("{HTTP}max_items = 2");
    let destination = read(&settings).expect("settings");
    let host = Memory::new();
    let items = numbered(6);
    host.answers_in_turn([200, 503].map(|status| testing::answer(status, "")));
    let sent = send(&host, &destination, &feed(), &bytes(&items));
    assert_eq!((sent.accepted, sent.sub_requests), (2, 2));
    assert_eq!(sent.fault.map(|it| it.kind), Some("unavailable"));

    host.requests.take();
    host.answers(|_| testing::answer(200, ""));
    let sent = send(&host, &destination, &feed(), &bytes(&items));
    assert_eq!((sent.accepted, sent.sub_requests, sent.fault), (6, 2, None));
    let bodies = host.requests.take().into_iter().map(|it| it.body);
    assert!(bodies.eq([&b"\"2\"\n\"3\"\n"[..], b"\"4\"\n\"5\"\n"]));

    let sent = send(&host, &destination, &feed(), &bytes(&items));
    assert_eq!((sent.accepted, sent.sub_requests), (6, 0));
    let mut other = feed();
    other.name = "other".to_owned();
    let sent = send(&host, &destination, &other, &bytes(&items));
    assert_eq!((sent.accepted, sent.sub_requests), (6, 3));
}

#[test]
fn halves_that_were_accepted_are_not_sent_again() {
    let destination = read(HTTP).expect("settings");
    let host = Memory::new();
    let items = numbered(4);
    host.answers_in_turn([400, 200, 503].map(|status| testing::answer(status, "")));
    let sent = send(&host, &destination, &feed(), &bytes(&items));
    assert_eq!(sent.accepted, 2);
    assert!(sent.fault.is_some());

    host.answers_in_turn([400, 200].map(|status| testing::answer(status, "")));
    let sent = send(&host, &destination, &feed(), &bytes(&items));
    assert_eq!((sent.accepted, sent.sub_requests, sent.fault), (4, 2, None));
}

#[test]
fn the_search_for_many_bad_items_ends_over_repeated_deliveries() {
    let destination = read(HTTP).expect("settings");
    let host = Memory::new();
    let items = numbered(200);
    let good = ["\"50\"", "\"51\""];
    let is_bad = |it: &&String| !good.contains(&it.as_str());
    refuse(&host, items.iter().filter(is_bad).cloned().collect());
    host.latency.set(Duration::from_millis(500));
    let mut deliveries = 0;
    let sent = loop {
        deliveries += 1;
        let sent = send(&host, &destination, &feed(), &bytes(&items));
        match &sent.fault {
            Some(fault) => assert_eq!(fault.kind, "timed_out"),
            None => break sent,
        }
    };
    assert_eq!((sent.accepted, sent.refused.len()), (2, 198));
    let requests = host.requests.take();
    let most = 2 * items.len() + 2 * deliveries;
    assert!(requests.len() <= most, "{} > {most}", requests.len());
    let accepted = requests.iter().filter(|it| {
        let body = std::str::from_utf8(&it.body).expect("text");
        body.lines().all(|line| good.contains(&line))
    });
    let accepted: Vec<_> = accepted.map(|it| it.body.as_slice()).collect();
    assert_eq!(
        accepted.concat(),
        b"\"50\"\n\"51\"\n",
        "once in all deliveries"
    );
}

#[test]
fn what_was_refused_alone_is_tried_again() {
    let destination = read(HTTP).expect("settings");
    let host = Memory::new();
    for (status, accepted) in [(400, 0), (200, 1)] {
        host.answers(move |_| testing::answer(status, ""));
        let sent = send(&host, &destination, &feed(), &[b"{}"]);
        assert_eq!((sent.accepted, sent.sub_requests), (accepted, 1));
    }
}

#[test]
fn without_an_answer_from_the_ledger_nothing_is_sent() {
    let host = Memory::new();
    host.break_store(|_| Some(StoreError::Failed("gone".to_owned())));
    let sent = send(&host, &read(HTTP).expect("settings"), &feed(), &[b"{}"]);
    assert_eq!((sent.accepted, sent.sub_requests), (0, 0));
    assert_eq!(sent.fault.map(|it| it.kind), Some("store"));
}

#[test]
fn what_the_ledger_cannot_remember_is_delivered_all_the_same() {
    let host = Memory::new();
    host.answers(|_| testing::answer(200, ""));
    host.break_store(|call| (call.operation == "set").then_some(StoreError::Full));
    let sent = send(&host, &read(HTTP).expect("settings"), &feed(), &[b"{}"]);
    assert_eq!((sent.accepted, sent.fault), (1, None));
}

#[test]
fn sending_stops_at_the_deadline() {
    let host = Memory::new();
    host.answers(|_| testing::answer(200, ""));
    host.latency.set(Duration::from_secs(10));
    let destination = read(&format!("{HTTP}max_items = 1")).expect("settings");
    let items = numbered(6);
    let sent = send(&host, &destination, &feed(), &bytes(&items));
    assert_eq!((sent.accepted, sent.sub_requests), (2, 3));
    assert_eq!(sent.fault.map(|it| it.kind), Some("timed_out"));
    assert_eq!(host.elapsed.get(), DEADLINE);

    host.latency.set(Duration::from_secs(60));
    let before = host.elapsed.get();
    send(&host, &destination, &feed(), &bytes(&items));
    let most = Duration::from_secs(20);
    assert_eq!(host.elapsed.get() - before, most, "of a single attempt");
}

#[test]
fn behind_the_deadline_nobody_is_asked() {
    let host = Memory::new();
    host.break_store(|call| panic!("expected no call, but found {call:?}"));
    let destination = read(LOGS).expect("settings");
    let (feed, tokens) = (feed(), Tokens::default());
    let items = [Item {
        bytes: b"{}",
        log: 0,
    }];
    host.pass(DEADLINE);
    let errand = Errand {
        feed: &feed,
        delivery: "",
        tokens: &tokens,
        deadline: DEADLINE,
    };
    let sent = block_on(destination.send(&host, &errand, &items, b""));
    assert_eq!((sent.accepted, sent.sub_requests), (0, 0));
    assert_eq!(sent.fault.map(|it| it.kind), Some("timed_out"));
}

#[test]
fn a_refused_token_is_renewed_once() {
    let answers = |refused: usize| {
        let (mut tokens, mut refused) = (0, refused);
        move |request: &crate::host::Outbound| {
            if request.url.contains("127.0.0.1:9/") {
                tokens += 1;
                let token = format!(r#"{{"access_token":"token-{tokens}","expires_in":3599}}"#);
                return testing::answer(200, &token);
            }
            let expected = ("authorization".to_owned(), format!("Bearer token-{tokens}"));
            assert!(request.headers.contains(&expected));
            match refused {
                0 => testing::answer(200, "{}"),
                _ => {
                    refused -= 1;
                    testing::answer(401, "")
                }
            }
        }
    };
    for settings in [LOGS, EVENTS] {
        let destination = read(settings).expect("settings");
        let host = Memory::new();
        host.answers(answers(1));
        let sent = send(&host, &destination, &feed(), &[b"{}"]);
        assert_eq!((sent.accepted, sent.sub_requests, sent.fault), (1, 2, None));

        let host = Memory::new();
        host.answers(answers(9));
        let sent = send(&host, &destination, &feed(), &[b"{}"]);
        let fault = sent.fault.expect("a fault");
        assert_eq!(
            (sent.sub_requests, fault.kind, fault.alarm),
            (2, "credentials", true)
        );
    }
}

#[test]
fn a_store_that_refuses_a_request_refuses_no_log() {
    let host = Memory::new();
    let body = "<Error><Code>ExpiredToken</Code><Message>secret-canary</Message></Error>";
    host.answers(|_| testing::answer(400, body));
    let sent = send(
        &host,
        &read(S3).expect("settings"),
        &feed(),
        &[b"{}", b"[]"],
    );
    let fault = sent.fault.expect("a fault");
    assert_eq!(
        (sent.sub_requests, fault.kind, fault.alarm),
        (1, "unexpected", true)
    );
    assert!(sent.refused.is_empty());
    assert!(fault.message.ends_with("but found 400 ExpiredToken"));
}

#[test]
fn no_secret_is_seen_in_messages_or_in_debug() {
    let echo = |request: &crate::host::Outbound| -> Result<Answer, SendError> {
        if request.url.contains("127.0.0.1:9/") {
            return testing::answer(200, r#"{"access_token":"token-canary","expires_in":3599}"#);
        }
        let headers = request.headers.iter().map(|(_, value)| value.as_str());
        let message = headers.chain([request.url.as_str()]).collect::<Vec<_>>();
        let message = serde_json::json!({"error": {"message": message.join(" ")}}).to_string();
        testing::answer(403, &message)
    };
    for settings in [LOGS, EVENTS, WEBHOOK, HTTP, S3] {
        let destination = read(settings).expect("settings");
        let host = Memory::new();
        host.answers(echo);
        let sent = send(&host, &destination, &feed(), &[b"{}"]);
        let seen = format!("{destination:?} {sent:?} {:?}", host.requests.borrow());
        assert_eq!(sent.fault.map(|it| it.kind), Some("denied"));
        assert!(!seen.to_lowercase().contains("canary"), "{seen}");
    }
}
