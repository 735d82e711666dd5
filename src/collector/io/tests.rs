//! Runs on a host in memory, with what Harness and a bucket answer.

use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::Value;
use udmill_receiver::host::Answer;
use udmill_receiver::testing::{Memory, block_on};

use super::*;
use crate::config::{self, Collector};
use crate::step::{Condition, Write};
use crate::testing::cloud::{Bucket as Cloud, SECRETS, cloud, said};
use crate::{Error, Plan};

fn collector(host: &Memory) -> Collector {
    let mut whole = block_on(config::load(host)).expect("a configuration");
    whole.collectors.remove("main").expect("a collector")
}

fn collect(host: &Memory) -> Outcome {
    let collector = collector(host);
    let order = Order {
        plan: Plan::Live,
        budget_ms: 60_000,
        owner: "me".to_owned(),
        seed: 1,
        asked: 0,
    };
    let deadline = host.elapsed.get() + Duration::from_secs(60);
    let pace = Rc::new(RefCell::new(Pace::new(0)));
    block_on(run(
        host,
        &collector.settings,
        &collector.bucket,
        order,
        &pace,
        deadline,
    ))
}

/// What comes of an action when the store answers so.
fn reply(host: &Memory, cloud: &Cloud, action: Action, answer: Answer) -> Reply {
    let collector = collector(host);
    let mut hands = Hands {
        host,
        settings: &collector.settings,
        bucket: &collector.bucket,
        deadline: host.elapsed.get() + Duration::from_secs(60),
        rejected: 0,
    };
    cloud.faults.borrow_mut().push(answer);
    block_on(hands.perform(action))
}

fn write(condition: Condition) -> Action {
    Action::Write(Write {
        key: "k".to_owned(),
        body: Vec::new(),
        content_type: "application/json",
        metadata: Vec::new(),
        condition,
    })
}

fn ids(lines: &str) -> Vec<String> {
    let lines = lines
        .lines()
        .map(|it| serde_json::from_str::<Value>(it).expect("JSON"));
    let id = |it: Value| {
        it["auditId"]
            .as_str()
            .map(str::to_owned)
            .unwrap_or_default()
    };
    lines.map(id).collect()
}

#[test]
fn events_come_into_the_bucket_with_what_tells_of_them_and_once() {
    let (host, cloud) = cloud("output_shape = \"api\"", 73);
    let first = collect(&host);
    assert_eq!((first.error, first.summary.events), (None, 73));
    let objects = cloud.under("harness/audit/2026/03/14/harness-audit-");
    assert_eq!(objects.len(), 2);
    let mut found: Vec<String> = objects.iter().flat_map(|(_, it)| ids(it.text())).collect();
    found.sort_unstable();
    found.dedup();
    assert_eq!(found.len(), 73);
    let (key, object) = &objects[0];
    assert!(
        key.ends_with(".jsonl") && object.text().ends_with("}\n"),
        "{key}"
    );
    assert_eq!(object.header("x-amz-meta-event-count"), Some("50"));
    assert_eq!(object.header("x-amz-meta-source"), Some("udmill-collector"));
    assert_eq!(object.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(object.header("if-none-match"), Some("*"));
    let state = cloud.under("harness/audit-state/main.json");
    assert_eq!(state.len(), 1);
    host.pass(Duration::from_secs(600));
    cloud.passed.set(600_000);
    let second = collect(&host);
    assert_eq!(
        (
            second.error,
            second.summary.events,
            second.summary.duplicates
        ),
        (None, 0, 73)
    );
    let seen = format!("{:?}{:?}", host.requests.borrow(), host.logged.borrow());
    for secret in SECRETS {
        assert!(!seen.contains(secret), "{secret}");
    }
}

#[test]
fn objects_may_be_compressed() {
    let (host, cloud) = cloud("output_shape = \"api\"\ngzip = true", 3);
    assert_eq!(collect(&host).error, None);
    let objects = cloud.under("harness/audit/");
    let (key, object) = &objects[0];
    assert!(key.ends_with(".jsonl.gz"), "{key}");
    assert_eq!(object.header("content-type"), Some("application/gzip"));
    let mut lines = String::new();
    let mut decoder = GzDecoder::new(object.body.as_slice());
    decoder.read_to_string(&mut lines).expect("gzip");
    assert_eq!(ids(&lines).len(), 3);
    let read = reply_of_read(&host, key);
    assert!(matches!(read, Reply::Object(Some((body, _))) if body == lines.into_bytes()));
}

fn reply_of_read(host: &Memory, key: &str) -> Reply {
    let collector = collector(host);
    let mut hands = Hands {
        host,
        settings: &collector.settings,
        bucket: &collector.bucket,
        deadline: host.elapsed.get() + Duration::from_secs(60),
        rejected: 0,
    };
    block_on(hands.perform(Action::Read(key.to_owned())))
}

/// Defect 33 of the Lambda: events in no shape that is known to be read.
#[test]
fn events_become_udm_under_a_prefix_of_their_own_and_the_rest_is_kept() {
    let more =
        "output_shape = \"udm\"\nnamespace = \"harness.audit\"\nlabels = { source = \"harness\" }";
    let (host, cloud) = cloud(more, 3);
    let outcome = collect(&host);
    assert_eq!((outcome.error, outcome.summary.rejected), (None, 0));
    assert_eq!(cloud.under("harness/audit/").len(), 0);
    let objects = cloud.under("harness/audit-udm/2026/");
    let events: Vec<&str> = objects[0].1.text().lines().collect();
    assert_eq!(events.len(), 3);
    for event in &events {
        let event: Value = serde_json::from_str(event).expect("JSON");
        assert_eq!(event["metadata"]["logType"], "HARNESS_IO");
        let label = &event["metadata"]["ingestionLabels"][0];
        assert_eq!(
            (&label["key"], &label["value"]),
            (&"source".into(), &"harness".into())
        );
        assert!(
            event
                .to_string()
                .contains("\"namespace\":\"harness.audit\"")
        );
        assert_eq!(
            event["metadata"]["productLogId"].as_str().map(str::len),
            Some(24)
        );
    }
    let odd = "{\"auditId\":\"odd\",\"timestamp\":\"never\"}\n[]\n";
    let lines = format!(
        "{odd}{}",
        harness::SAMPLES.lines().next().expect("a sample")
    );
    let write = Write {
        key: "harness/audit-udm/x.jsonl".to_owned(),
        body: format!("{lines}\n").into_bytes(),
        content_type: "application/x-ndjson",
        metadata: vec![("event-count", "3".to_owned())],
        condition: Condition::Absent,
    };
    let collector = collector(&host);
    let mut hands = Hands {
        host: &host,
        settings: &collector.settings,
        bucket: &collector.bucket,
        deadline: Duration::from_secs(60),
        rejected: 0,
    };
    let written = block_on(hands.perform(Action::Write(write)));
    assert!(matches!(written, Reply::Written(_)), "{written:?}");
    assert_eq!(hands.rejected, 2);
    let beside = cloud.under("harness/audit-udm-rejected/x.jsonl");
    assert_eq!(beside[0].1.text(), odd);
    assert_eq!(beside[0].1.header("x-amz-meta-event-count"), Some("2"));
    let main = cloud.under("harness/audit-udm/x.jsonl");
    assert_eq!(main[0].1.header("x-amz-meta-event-count"), Some("1"));
    // Read back, it is all of the page.
    let read = reply_of_read(&host, "harness/audit-udm/x.jsonl");
    let Reply::Object(Some((lines, _))) = read else {
        panic!("expected an object, but found {read:?}");
    };
    assert_eq!(lines.iter().filter(|byte| **byte == b'\n').count(), 3);
}

/// Defect 11 of the Lambda: without the right to list, a store does not say that there is no state.
#[test]
fn a_state_that_may_not_be_read_is_a_clear_mistake_of_the_set_up() {
    let (host, cloud) = cloud("output_shape = \"api\"", 3);
    cloud.faults.borrow_mut().push(said(403, "AccessDenied"));
    let error = collect(&host).error.expect("an error");
    assert!(matches!(error, Error::Store(_)));
    let error = error.to_string();
    for expected in [
        "harness/audit-state/main.json",
        "s3:ListBucket",
        "s3:GetObject",
    ] {
        assert!(error.contains(expected), "{expected} in {error}");
    }
    assert!(!error.contains("canary"), "{error}");
}

#[test]
fn what_a_store_answers_has_one_meaning() {
    use Condition::{Absent, None as Always};
    let (host, cloud) = cloud("output_shape = \"api\"", 0);
    let read = || Action::Read("k".to_owned());
    let delete = || Action::Delete("k".to_owned());
    let failed = |it: &Reply| match it {
        Reply::Failed(_, may_pass) => Some(*may_pass),
        _ => None,
    };
    for (action, status, code, expected) in [
        (read(), 404, "NoSuchKey", Reply::Object(None)),
        (delete(), 404, "NoSuchKey", Reply::Done),
        (write(Absent), 412, "PreconditionFailed", Reply::Refused),
        (
            write(Condition::Matches("e".into())),
            404,
            "NoSuchKey",
            Reply::Refused,
        ),
        (write(Absent), 501, "NotImplemented", Reply::Unsupported),
    ] {
        assert_eq!(
            reply(&host, &cloud, action, said(status, code)),
            expected,
            "{status}"
        );
    }
    for (action, status, code, may_pass) in [
        (read(), 404, "NoSuchBucket", false),
        (write(Always), 404, "NoSuchBucket", false),
        (write(Always), 501, "NotImplemented", false),
        (write(Absent), 409, "ConditionalRequestConflict", true),
        (write(Always), 403, "SignatureDoesNotMatch", false),
        (write(Always), 301, "PermanentRedirect", false),
        (read(), 500, "InternalError", true),
        (read(), 503, "SlowDown", true),
        (delete(), 429, "TooManyRequests", true),
        (write(Always), 400, "RequestTimeout", true),
        (write(Always), 400, "EntityTooLarge", false),
        (delete(), 403, "AccessDenied", false),
    ] {
        let reply = reply(&host, &cloud, action, said(status, code));
        assert_eq!(failed(&reply), Some(may_pass), "{status} {code}");
        assert!(!format!("{reply:?}").contains("canary"), "{reply:?}");
    }
}

#[test]
fn an_object_that_is_cut_off_is_never_taken_for_a_whole_one() {
    let (host, cloud) = cloud("output_shape = \"api\"", 0);
    let cut = Answer {
        status: 200,
        headers: Vec::new(),
        body: b"{}".to_vec(),
        is_whole: false,
    };
    let read = reply(&host, &cloud, Action::Read("k".to_owned()), cut);
    assert!(matches!(read, Reply::Failed(_, false)), "{read:?}");
}

/// What SecOps' own feed reads, no other feed of the same bucket ingests once more.
#[test]
fn a_prefix_that_secops_reads_is_marked_and_one_of_another_is_left_alone() {
    const MARKER: &str = "harness/.udmill-consumer-audit.json";
    let (host, there) = cloud("output_shape = \"streaming\"", 3);
    let mut other = "{\"consumer\":\"secops\"}".to_owned();
    for _ in 0..2 {
        assert_eq!(collect(&host).error, None);
        let marker = there.under(MARKER)[0].1.clone();
        assert_eq!(marker.header("if-none-match"), Some("*"));
        let found: Value = serde_json::from_str(marker.text()).expect("JSON");
        assert_eq!(found["consumer"], "secops");
        other = marker.text().replace("secops", "feed harness of another");
    }
    let (host, there) = cloud("output_shape = \"streaming\"", 3);
    there.put(MARKER, &other);
    let outcome = collect(&host);
    assert!(matches!(outcome.error, Some(Error::Taken(_))));
    let error = outcome.error.expect("an error").to_string();
    for expected in [
        "s3://audit/harness/audit/",
        "feed harness of another",
        MARKER,
    ] {
        assert!(error.contains(expected), "{expected} in {error}");
    }
    assert_eq!(there.objects.borrow().len(), 1);
    // For the marker of the prefix around, and for this one.
    assert_eq!(host.requests.borrow().len(), 2, "Harness is not asked");
    // Without the right to say so there is a warning, and for another reader nothing to say.
    let (host, there) = cloud("output_shape = \"streaming\"", 3);
    let denied = || said(403, "AccessDenied");
    there
        .faults
        .borrow_mut()
        .extend([denied(), denied(), denied()]);
    let outcome = collect(&host);
    assert_eq!((outcome.error, outcome.summary.events), (None, 3));
    assert!(
        outcome.summary.warnings[0].contains(MARKER),
        "{:?}",
        outcome.summary.warnings
    );
    let (host, there) = cloud("output_shape = \"api\"", 3);
    assert_eq!(collect(&host).error, None);
    assert_eq!(there.under(MARKER).len(), 0);
    // What passes is waited for, as with any object.
    let (host, there) = cloud("output_shape = \"streaming\"", 3);
    there
        .faults
        .borrow_mut()
        .extend(vec![said(503, "SlowDown"); 4]);
    assert_eq!((collect(&host).error, there.under(MARKER).len()), (None, 1));
}
