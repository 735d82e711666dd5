//! Usage, and the commands beside `transform`.

use std::fs;

use serde_json::Value;

use crate::{log, run, transform, udmill};

#[test]
fn wrong_usage_ends_with_1_and_says_what_is_wrong() {
    for (args, said) in [
        (&["transform"][..], "--log-type"),
        (&["transform", "--log-type", "NONE"], "AZURE_DEVOPS"),
        (&["nonsense"], "nonsense"),
        (
            &["transform", "--log-type", "AZURE_DEVOPS", "--label", "x"],
            "KEY=VALUE",
        ),
        (
            &["transform", "--log-type", "AZURE_DEVOPS", "--label", "=x"],
            "KEY=VALUE",
        ),
        (
            &[
                "transform",
                "--log-type",
                "AZURE_DEVOPS",
                "--split-delimiter",
                r"\x",
            ],
            r"\x",
        ),
        (
            &[
                "transform",
                "--log-type",
                "AZURE_DEVOPS",
                "--split-delimiter",
                "",
            ],
            "delimiter",
        ),
        (
            &["sources", "--component", "/no/such.wasm"],
            "\"/no/such.wasm\"",
        ),
        (
            &[
                "explain",
                "--log-type",
                "AZURE_DEVOPS",
                "--field",
                "no.such",
            ],
            "no.such",
        ),
    ] {
        let ended = run(udmill(args), log("1"));
        assert_eq!(ended.stdout, "");
        assert!(ended.stderr.contains(said), "{args:?}: {}", ended.stderr);
        assert_eq!(ended.status, Some(1), "{args:?}");
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    for args in [["--help"], ["--version"]] {
        let ended = run(udmill(&args), "");
        assert!(ended.stdout.contains("udmill"));
        assert_eq!((ended.stderr.as_str(), ended.status), ("", Some(0)));
    }
}

#[test]
fn sources_are_a_table() {
    let ended = run(udmill(&["sources"]), "");
    let mut lines = ended.stdout.lines();
    assert!(lines.next().unwrap().starts_with("LOG TYPE"));
    assert!(
        lines
            .next()
            .unwrap()
            .starts_with("AZURE_DEVOPS  Microsoft  Azure DevOps")
    );
    assert_eq!(ended.status, Some(0));
}

#[test]
fn findings_of_validate_name_line_and_path() {
    let good = run(transform(&[]), log("1")).stdout;
    let ended = run(udmill(&["validate"]), &good);
    assert_eq!((ended.stdout.as_str(), ended.status), ("", Some(0)));

    let bad = good.replace("GENERIC_EVENT", "NO_SUCH_TYPE");
    assert_ne!(bad, good);
    let ended = run(udmill(&["validate"]), format!("{good}{bad}{good}"));
    let finding = ended.stdout.lines().next().unwrap();
    assert!(finding.starts_with("2:metadata.event"), "{finding}");
    assert!(finding.contains(": error: "), "{finding}");
    assert_eq!(ended.status, Some(2));
}

#[test]
fn validate_counts_lines_across_its_pieces() {
    let good = run(transform(&[]), log("1")).stdout;
    let count = 3 * (1 << 20) / good.len();
    let input = format!("{}nothing\n", good.repeat(count));
    let ended = run(udmill(&["validate"]), input);
    let expected = format!("{}: error: ", count + 1);
    assert!(ended.stdout.starts_with(&expected), "{}", ended.stdout);
}

#[test]
fn explain_fits_a_hundred_columns_and_folds_labels() {
    let sample = "src/udm/azure_devops/golden/google_secops_eventgrid_object.raw";
    let sample = fs::read(host_test::project(sample)).unwrap();
    let args = ["explain", "--log-type", "AZURE_DEVOPS"];
    let ended = run(udmill(&args), &sample);
    assert_eq!((ended.stderr.as_str(), ended.status), ("", Some(0)));
    let table = ended.stdout;
    for line in table.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    assert!(table.starts_with("UDM FIELD"));
    assert!(table.contains("labels[\"ProjectName\"]"));
    assert!(!table.contains(".key"));
}

#[test]
fn explain_as_json_gives_the_whole_event() {
    let mut command = udmill(&["explain", "--log-type", "AZURE_DEVOPS", "--json"]);
    command.args(["--field", "metadata.product_log_id"]);
    let ended = run(command, format!("{}\n{}\n", log("1"), log("2")));
    let told = ended.events();
    let value = |number: usize| {
        let mut lines = told.iter().filter(|it| it["log"] == number);
        let set = lines.find(|it| it["missed"] == Value::Null).unwrap();
        set["value"].as_str().unwrap()
    };
    assert_eq!([value(0), value(1)], ["1", "2"]);
}

#[test]
fn explain_tells_of_rejected_logs() {
    let ended = run(udmill(&["explain", "--log-type", "AZURE_DEVOPS"]), "no log");
    assert_eq!(ended.stdout, "");
    assert!(
        ended.stderr.contains("log 0 was rejected: "),
        "{}",
        ended.stderr
    );
    assert_eq!(ended.status, Some(2));
}
