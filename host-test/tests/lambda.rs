//! The Lambda of `deploy/aws` as it is shipped: its bootstrap, the command and its components in one folder, between
//! a Harness, an S3 server and Lambda's runtime API.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use harness::{ACCOUNT, Harness, Key, Service};
use host_test::s3::{ACCESS_KEY, BUCKET, S3, SECRET_KEY};
use lambda::{Function, Outcome, SECRET, SECRET_ID};
use serde_json::Value;

/// The folder that the zip becomes. Beside the target folder, so that nothing of it has to be copied.
fn folder() -> tempfile::TempDir {
    let folder =
        tempfile::tempdir_in(host_test::cache().parent().expect("a folder")).expect("a folder");
    let link = |file: &Path| {
        let name = file.file_name().expect("a name");
        fs::hard_link(file, folder.path().join(name)).expect("a link");
    };
    link(&host_test::command());
    link(&host_test::component_file("udmill_transform.wasm"));
    link(&host_test::component_file("udmill_collector.wasm"));
    let bootstrap = host_test::project("deploy/aws/bootstrap");
    std::os::unix::fs::symlink(bootstrap, folder.path().join("bootstrap")).expect("a link");
    folder
}

/// The ids of the events in the bucket, with those that are there twice twice.
fn ids(s3: &S3) -> Vec<String> {
    let objects = s3
        .objects()
        .into_iter()
        .filter(|(key, _)| key.starts_with("harness/audit/"));
    let texts = objects.map(|(_, bytes)| String::from_utf8(bytes).expect("text"));
    let lines = texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
    let id =
        |line: String| serde_json::from_str::<Value>(&line).expect("JSON")["auditId"].to_string();
    lines.map(id).collect()
}

#[test]
fn an_invocation_collects_what_is_due_and_fails_when_harness_refuses_the_key() {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a time")
        .as_millis() as i64;
    let mut service = Service::default();
    service.key = SECRET.to_owned();
    service.add_samples(now - 50 * 60_000, 10_000, 200);
    let (server, s3, folder) = (Harness::start(service), S3::start(), folder());
    let base = server.base();
    let cache = host_test::cache();
    let variables = [
        ("HARNESS_API_BASE", base.as_str()),
        ("HARNESS_ACCOUNT_ID", ACCOUNT),
        ("HARNESS_API_KEY_SECRET", SECRET_ID),
        ("OUTPUT_SHAPE", "api"),
        ("S3_BUCKET", BUCKET),
        ("AWS_ENDPOINT_URL_S3", &s3.origin),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ("AWS_SESSION_TOKEN", ""),
        ("XDG_CACHE_HOME", cache.to_str().expect("a path")),
    ];
    let mut function = Function::start(folder.path(), &variables);
    let mut collected = || match function.invoke(Duration::from_secs(90)) {
        Outcome::Response(summary) => {
            let summary: Value = serde_json::from_str(&summary).expect("a summary");
            assert_eq!(summary["paginationComplete"], true, "{summary}");
            Ok(summary["eventsCollected"].as_i64().expect("a number"))
        }
        other => Err(other),
    };
    assert_eq!(collected(), Ok(200));
    server.with(|it| it.key_is = Key::Expired);
    let Err(Outcome::Error(kind, body)) = collected() else {
        panic!("expected an error");
    };
    assert_eq!(kind, "Udmill.Collect");
    assert!(body.contains("status 3"), "{body}");
    server.with(|it| {
        it.key_is = Key::Good;
        // Its clock, which counts, tells whole seconds: right after a run nothing would be due.
        it.skew_ms = 120_000;
        it.add(now - 10 * 60_000, 0);
    });
    assert_eq!(collected(), Ok(1));
    let ids = ids(&s3);
    assert_eq!(
        (ids.len(), ids.iter().collect::<BTreeSet<_>>().len()),
        (201, 201)
    );
    assert_eq!(
        server.with(|it| it.complaints.clone()),
        Vec::<String>::new()
    );
}
