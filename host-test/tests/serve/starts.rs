use std::path::PathBuf;
use std::process::{Command, Output};

use host_test::running::{Receiver, Start, config};
use serde_json::Value;

use crate::get;

/// Runs `udmill` to its end.
fn udmill(args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(host_test::command());
    command.env("XDG_CACHE_HOME", host_test::cache());
    let Output {
        status,
        stdout,
        stderr,
    } = command.args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

fn folder() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state").to_str().unwrap().to_owned();
    (folder, state)
}

#[test]
fn a_second_host_on_the_same_address_says_so_and_ends() {
    let first = Receiver::start(&config("", "type = \"stdout\""));
    let (_folder, state) = folder();
    let address = first.address.to_string();
    let (status, stdout, stderr) = udmill(&["serve", "--listen", &address, "--state", &state]);
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    let expected = format!("udmill: cannot listen on {address}: ");
    assert!(stderr.starts_with(&expected), "{stderr}");
}

/// A component that imports an interface and does nothing, in the component model's binary format.
fn importing(interface: &str) -> Vec<u8> {
    let name = interface.as_bytes();
    let length = |more: usize| u8::try_from(name.len() + more).unwrap();
    let types = b"\x07\x03\x01\x42\x00";
    let imports = [&[0x0a, length(5), 1, 0, length(0)], name, &[5, 0]].concat();
    [b"\0asm\x0d\0\x01\0", &types[..], &imports].concat()
}

#[test]
fn a_normalizer_that_wants_the_network_is_refused() {
    let (folder, state) = folder();
    let file = folder.path().join("normalizer.wasm");
    std::fs::write(&file, importing("wasi:http/types@0.2.0")).unwrap();
    let args = ["serve", "--listen", "127.0.0.1:0", "--state", &state];
    let args = [&args[..], &["--component", file.to_str().unwrap()]].concat();
    let (status, _, stderr) = udmill(&args);
    assert_eq!(status, Some(1));
    assert!(
        stderr.contains("expected a component that needs no capability"),
        "{stderr}"
    );
    assert!(stderr.contains("wasi:http/"), "{stderr}");
}

#[test]
fn the_receiver_and_the_admin_address_say_that_they_are_well() {
    let host = Receiver::start(&config("", "type = \"stdout\""));
    for path in ["/healthz", "/readyz"] {
        assert_eq!(host.send(path, &get()).status, 200);
    }
    assert!(host.metrics().contains("udmill_build_info{version="));
}

#[test]
fn the_event_of_a_delivered_golden_is_the_line_that_transform_prints() {
    let golden = "src/udm/azure_devops/golden/google_secops_eventgrid_object.raw";
    let golden: PathBuf = host_test::project(golden);
    let path = golden.to_str().unwrap();
    let (status, line, _) = udmill(&["transform", "--log-type", "AZURE_DEVOPS", path]);
    assert_eq!(status, Some(0));
    let host = Receiver::start(&config("", "type = \"stdout\""));
    let body = std::fs::read(golden).unwrap();
    let header = [("content-type", "application/json".to_owned())];
    let request = event_grid::post(&header, body);
    assert_eq!(host.deliver(&request).status, 200);
    assert_eq!(host.printed(1), line);
}

#[test]
fn a_new_secret_comes_with_its_hash_and_the_url_to_paste() {
    let args = [
        "secret",
        "new",
        "--feed",
        "a b",
        "--url",
        "https://x.example/",
    ];
    let (status, first, _) = udmill(&args);
    let (_, second, _) = udmill(&args);
    assert_eq!(status, Some(0));
    assert_ne!(first, second);
    let words: Vec<&str> = first.split_whitespace().collect();
    let &["secret", secret, "hash", hash, "endpoint", url] = words.as_slice() else {
        panic!("{first}");
    };
    assert_eq!(secret.len(), 43);
    assert_eq!(hash.len(), "sha256:".len() + 64);
    assert_eq!(
        url,
        format!("https://x.example/v1/feeds/a%20b?secret={secret}")
    );
}

#[test]
fn mistakes_of_the_configuration_are_told_as_the_host_starts() {
    let host = Receiver::start(&config("colour = \"red\"", "type = \"stdout\""));
    host.logged("the configuration cannot be used");
    host.logged("colour");
}

#[test]
fn a_log_type_that_nobody_knows_is_told_as_the_host_starts_with_the_one_that_was_meant() {
    let text = config("", "type = \"stdout\"").replace("\"AZURE_DEVOPS\"", "\"AZURE_DEVOP\"");
    let host = Receiver::start(&text);
    let told = host.logged("but found `AZURE_DEVOP`; did you mean `AZURE_DEVOPS`?");
    assert!(told.starts_with("udmill: line "), "{told}");
    // Nobody has posted anything, so that it was not the component that told.
    let written = host.written();
    let before = written.split(&told).next().unwrap_or_default();
    assert!(!before.contains("listening on"), "{written}");
}

#[test]
fn a_state_that_cannot_be_written_to_is_told_with_its_path_before_anything_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    // The modes of files do not stop root.
    for state in [file.clone(), file.join("below")] {
        let path = state.to_str().unwrap();
        let args = ["serve", "--listen", "127.0.0.1:0", "--state", path];
        let (status, stdout, stderr) = udmill(&args);
        assert_eq!((status, stdout.as_str()), (Some(1), ""));
        let told = format!("udmill: cannot open a store in {state:?}: ");
        assert!(stderr.starts_with(&told), "{stderr}");
    }
}

#[test]
fn metrics_are_counted_from_the_log() {
    let host = Receiver::start(&config("", "type = \"stdout\""));
    for _ in 0..3 {
        assert_eq!(host.deliver(&crate::delivery()).status, 200);
    }
    let line: Value = host.requests(3).remove(2);
    assert_eq!(line["outcome"], "delivered");
    let metrics = host.metrics();
    for expected in [
        r#"udmill_requests_total{feed="azdo",route="feed",outcome="delivered",status="200"} 3"#,
        r#"udmill_events_total{feed="azdo"} 3"#,
        r#"udmill_request_duration_seconds_count{feed="azdo"} 3"#,
        r#"udmill_event_lag_seconds_count{feed="azdo"} 3"#,
    ] {
        assert!(
            metrics.lines().any(|it| it == expected),
            "expected {expected} in\n{metrics}"
        );
    }
}

#[test]
fn without_a_configuration_the_sample_that_is_told_can_be_posted() {
    let host = Start::embedded().run();
    let told = host.logged("curl ");
    let (_, rest) = told.split_once(" -d '").unwrap();
    let (sample, url) = rest.split_once("' '").unwrap();
    let (_, target) = url
        .trim_end_matches('\'')
        .split_once(&host.address.to_string())
        .unwrap();
    let header = [("content-type", "application/json".to_owned())];
    let request = event_grid::post(&header, sample.as_bytes().to_vec());
    assert_eq!(host.send(target, &request).status, 200);
    let event = host.events(1).remove(0);
    assert_eq!(
        event["metadata"]["productEventType"],
        "Release.DeploymentCompleted"
    );
}
