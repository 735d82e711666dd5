//! The destination `s3` before a server of others, which checks every signature.

use std::collections::BTreeMap;
use std::io::Read;

use event_grid::Event;
use flate2::read::MultiGzDecoder;
use host_test::running::{Start, config};
use host_test::s3::{ACCESS_KEY, BUCKET, S3, SECRET_KEY};
use serde_json::Value;

use crate::{assert_later, delivery, events, ids};

/// A receiver that writes to this server, with more settings of the destination.
fn writing(s3: &S3, settings: &str) -> Start {
    let destination = format!(
        "type = \"s3\"\nendpoint = \"{}\"\nregion = \"us-east-1\"\nbucket = \"{BUCKET}\"\nprefix = \"azdo\"\n\
         access_key = \"{{s3_access_key}}\"\nsecret_key = \"{{s3_secret_key}}\"\n{settings}",
        s3.origin
    );
    Start::with(&config("", &destination))
        .variables(&[("s3_access_key", ACCESS_KEY), ("s3_secret_key", SECRET_KEY)])
}

/// The lines of an object, none of which may lack its end.
#[track_caller]
fn lines(object: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(object).unwrap();
    assert!(text.ends_with('\n'), "{text:?}");
    let lines = text.lines();
    lines
        .map(|it| serde_json::from_str(it).unwrap_or_else(|e| panic!("{e}: {it}")))
        .collect()
}

/// The keys without their days, since a test may begin before midnight and end behind it.
fn names(objects: &BTreeMap<String, Vec<u8>>) -> Vec<&str> {
    let mut names: Vec<_> = objects
        .keys()
        .map(|it| it.rsplit('/').next().unwrap())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[test]
fn an_object_holds_the_events_of_a_delivery_one_a_line() {
    let s3 = S3::start();
    let receiver = writing(&s3, "").run();
    let sent = events(30);
    let answer = receiver.deliver(&delivery(&sent));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let objects = s3.objects();
    let [(key, object)] = &objects.iter().collect::<Vec<_>>()[..] else {
        panic!("expected one object, but found {:?}", objects.keys());
    };
    let parts: Vec<&str> = key.split('/').collect();
    let [prefix, year, month, day, name] = parts[..] else {
        panic!("{key}");
    };
    let is_number = |it: &str| it.bytes().all(|byte| byte.is_ascii_digit());
    assert!([year, month, day].into_iter().all(is_number), "{key}");
    assert!(name.starts_with("azdo-") && name.ends_with(".jsonl"));
    assert_eq!(prefix, "azdo");
    let expected: Vec<&str> = sent.iter().map(Event::id).collect();
    assert_eq!(ids(&lines(object)), expected);
    assert_eq!(s3.requests(1), [format!("PUT /{BUCKET}/{key} 200")]);
}

#[test]
fn raw_logs_are_compressed_and_are_as_they_came_line_by_line() {
    let s3 = S3::start();
    let settings = "format = \"raw\"\ngzip = true\nmax_items = 10";
    let receiver = writing(&s3, settings).run();
    let sent = events(25);
    assert_eq!(receiver.deliver(&delivery(&sent)).status, 200);
    let objects = s3.objects();
    assert_eq!(objects.len(), 3);
    let mut found = Vec::new();
    for (key, object) in &objects {
        assert!(key.ends_with(".jsonl.gz"), "{key}");
        let mut inside = Vec::new();
        MultiGzDecoder::new(&object[..])
            .read_to_end(&mut inside)
            .unwrap();
        found.extend(lines(&inside));
    }
    // Objects stand in the order of their digests.
    let id = |it: &Value| it["id"].as_str().unwrap().to_owned();
    found.sort_by_key(id);
    let mut expected: Vec<Value> = sent.into_iter().map(|it| it.0).collect();
    expected.sort_by_key(id);
    assert_eq!(found, expected);
}

#[test]
fn a_delivery_that_comes_again_is_not_written_again() {
    let s3 = S3::start();
    let receiver = writing(&s3, "").run();
    for _ in 0..3 {
        assert_eq!(receiver.deliver(&delivery(&events(5))).status, 200);
    }
    receiver.requests(3);
    assert_eq!(s3.requests(1).len(), 1);
}

#[test]
fn a_delivery_that_comes_again_to_a_receiver_without_its_store_overwrites_its_object() {
    let s3 = S3::start();
    for _ in 0..2 {
        let receiver = writing(&s3, "").run();
        assert_eq!(receiver.deliver(&delivery(&events(5))).status, 200);
    }
    assert_eq!(s3.requests(2).len(), 2);
    assert_eq!(names(&s3.objects()).len(), 1);
    for object in s3.objects().values() {
        assert_eq!(lines(object).len(), 5);
    }
}

#[test]
fn a_wrong_secret_key_is_answered_503_with_an_alarm_and_the_repetition_arrives() {
    let s3 = S3::start();
    let right = writing(&s3, "");
    let wrong = right.clone().variables(&[("s3_secret_key", "guessed")]);
    let sent = events(5);
    let receiver = wrong.run();
    assert_later(&receiver.deliver(&delivery(&sent)), 60);
    let line = receiver.request();
    assert_eq!(
        (&line["fault"], &line["alarm"]),
        (&"denied".into(), &true.into())
    );
    assert!(s3.objects().is_empty());
    drop(receiver);
    let receiver = right.run();
    assert_eq!(receiver.deliver(&delivery(&sent)).status, 200);
    let objects = s3.objects();
    let expected: Vec<&str> = sent.iter().map(Event::id).collect();
    assert_eq!(ids(&lines(objects.values().next().unwrap())), expected);
}

#[test]
fn neither_keys_nor_signatures_are_logged() {
    let s3 = S3::start();
    let start = writing(&s3, "");
    let wrong = start
        .clone()
        .variables(&[("s3_secret_key", "guessed-canary")]);
    for start in [start, wrong] {
        let receiver = start.run();
        receiver.deliver(&delivery(&events(2)));
        receiver.request();
        let written = receiver.written() + &receiver.metrics();
        for canary in [SECRET_KEY, ACCESS_KEY, "guessed-canary", "X-Amz-"] {
            assert!(!written.contains(canary), "{canary} is in\n{written}");
        }
    }
}
