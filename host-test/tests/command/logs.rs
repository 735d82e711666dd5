//! What `transform` makes of logs: events, rejects and notes, and the exit status that goes with them.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::{lines, log, run, transform};

#[test]
fn logs_become_events_and_nothing_else_is_said() {
    let input = format!("{}\n{}\n", log("1"), log("2"));
    let ended = run(transform(&[]), &input);
    assert_eq!(ended.ids(), ["1", "2"]);
    assert_eq!(ended.stderr, "");
    assert_eq!(ended.status, Some(0));
}

#[test]
fn no_logs_are_no_failure() {
    for input in ["", "\n \n"] {
        let ended = run(transform(&[]), input);
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
        assert_eq!(ended.status, Some(0));
    }
}

#[test]
fn rejected_logs_go_to_standard_error_as_they_were() {
    let mut input = format!("{}\nno \"log\"\n", log("1")).into_bytes();
    input.extend(b"\xff\xfe\n");
    let long = "long ".repeat(5_000);
    input.extend(long.trim().bytes());
    let ended = run(transform(&[]), &input);
    assert_eq!(ended.ids(), ["1"]);
    assert_eq!(ended.status, Some(2));

    let rejects = lines(&ended.stderr);
    let keys = ["file", "index", "offset", "length", "reason", "raw"];
    assert_eq!(rejects.len(), 3);
    assert!(rejects[0].as_object().unwrap().keys().eq(keys));
    assert_eq!(rejects[0]["raw"], "no \"log\"");
    assert_eq!(rejects[1]["raw_base64"], STANDARD.encode(b"\xff\xfe"));
    assert_eq!(rejects[2]["raw"], long.trim());
    for (number, reject) in rejects.iter().enumerate() {
        assert_eq!(reject["file"], "-");
        assert_eq!(reject["index"], number + 1);
        let offset = reject["offset"].as_u64().unwrap() as usize;
        let length = reject["length"].as_u64().unwrap() as usize;
        let raw = match reject["raw"].as_str() {
            Some(raw) => raw.as_bytes().to_vec(),
            None => STANDARD
                .decode(reject["raw_base64"].as_str().unwrap())
                .unwrap(),
        };
        assert_eq!(&input[offset..offset + length], raw);
    }
}

#[test]
fn rejected_logs_go_to_the_file_that_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rejects.jsonl");
    let ended = run(transform(&["--rejects", file.to_str().unwrap()]), "no log");
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
    assert_eq!(ended.status, Some(2));
    let rejects = lines(&fs::read_to_string(file).unwrap());
    assert_eq!(rejects[0]["raw"], "no log");
}

#[test]
fn an_input_is_never_an_output() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("logs");
    fs::write(&file, log("1")).unwrap();
    let name = file.to_str().unwrap();
    for option in ["--rejects", "--notes"] {
        let ended = run(transform(&[option, name, name]), "");
        assert_eq!((ended.stdout.as_str(), ended.status), ("", Some(1)));
        assert_eq!(fs::read_to_string(&file).unwrap(), log("1"));
    }
}

#[test]
fn every_file_counts_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let a = file("a", format!("{}\nbad a\n", log("1")));
    let b = file("b", format!("[{}]", log("2")));
    let c = file("c", format!("bad c\n{}", log("4")));
    let input = format!("bad\n{}", log("3"));
    let ended = run(transform(&[&a, &b, "-", &c]), input);
    assert_eq!(ended.ids(), ["1", "2", "3", "4"]);
    let at = |it: &Value| json!([it["file"], it["index"], it["offset"], it["raw"]]);
    let rejects: Vec<_> = lines(&ended.stderr).iter().map(at).collect();
    let after = log("1").len() + 1;
    let expected = [
        json!([a, 1, after, "bad a"]),
        json!(["-", 0, 0, "bad"]),
        json!([c, 0, 0, "bad c"]),
    ];
    assert_eq!(rejects, expected);
}

#[test]
fn an_input_that_cannot_be_read_leaves_the_others_their_turn() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let missing = missing.to_str().unwrap();
    let directory = folder.path().to_str().unwrap();
    for unreadable in [missing, directory] {
        let ended = run(transform(&[unreadable, "-"]), format!("{}\nbad", log("1")));
        assert_eq!(ended.ids(), ["1"]);
        let quoted = format!("udmill: cannot read {unreadable:?}: ");
        assert!(ended.stderr.starts_with(&quoted), "{}", ended.stderr);
        assert_eq!(ended.status, Some(3));
    }
}

#[test]
fn options_reach_the_component() {
    let args = [
        "--split-delimiter",
        r"|\t\n\\",
        "--namespace",
        "here",
        "--label",
        "env=prod,rbac",
        "--label",
        "a=b=c,d",
        "--names",
        "proto",
    ];
    let first = log("1").replace("\"Id\"", "\"IpAddress\":\"10.0.0.1\",\"Id\"");
    let ended = run(transform(&args), format!("{first}|\t\n\\{}", log("2")));
    let events = ended.events();
    assert_eq!(events.len(), 2, "{}", ended.stderr);
    assert_eq!(events[0]["principal"]["namespace"], "here");
    assert_eq!(events[0]["metadata"]["product_log_id"], "1");
    let labels = json!([
        {"key": "env", "value": "prod", "rbac_enabled": true},
        {"key": "a", "value": "b=c,d"},
    ]);
    assert_eq!(events[1]["metadata"]["ingestion_labels"], labels);
}

#[test]
fn notes_go_to_the_file_that_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.jsonl");
    let handshake = host_test::project(
        "src/udm/azure_devops/golden/constructed_eventgrid_subscription_validation.raw",
    );
    let ended = run(
        transform(&[
            "--notes",
            file.to_str().unwrap(),
            handshake.to_str().unwrap(),
        ]),
        "",
    );
    assert_eq!((ended.stdout.as_str(), ended.status), ("", Some(0)));
    let notes = lines(&fs::read_to_string(file).unwrap());
    let keys = ["file", "event", "row", "message"];
    assert_eq!(notes.len(), 1);
    assert!(notes[0].as_object().unwrap().keys().eq(keys), "{notes:?}");
}
