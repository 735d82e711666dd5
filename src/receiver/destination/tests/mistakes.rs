//! Settings, and what is wrong with them.

use super::super::Takes;
use super::*;

fn problems(text: &str) -> Vec<String> {
    match read(text) {
        Ok(destination) => panic!("expected problems, but found {destination:?}"),
        Err(problems) => problems,
    }
}

/// The problems of a table after a replacement in it.
fn with(settings: &str, from: &str, to: &str) -> Vec<String> {
    assert!(settings.contains(from), "{from}");
    problems(&settings.replace(from, to))
}

#[test]
fn a_destination_tells_what_it_takes_whom_it_asks_and_where_it_archives() {
    let destinations = [
        ("type = \"stdout\"", Takes::Udm, vec![]),
        (HTTP, Takes::Udm, vec!["https://vector.example:8080"]),
        (
            LOGS,
            Takes::Raw,
            vec![
                "https://chronicle.eu.rep.googleapis.com:443",
                "http://127.0.0.1:9",
            ],
        ),
        (
            EVENTS,
            Takes::Udm,
            vec![
                "https://chronicle.us.rep.googleapis.com:443",
                "http://127.0.0.1:9",
            ],
        ),
        (
            WEBHOOK,
            Takes::Raw,
            vec!["https://chronicle.eu.rep.googleapis.com:443"],
        ),
        (
            S3,
            Takes::Udm,
            vec!["https://audit.s3.eu-central-1.amazonaws.com:443"],
        ),
    ];
    for (settings, takes, hosts) in destinations {
        let destination = read(settings).expect("settings");
        assert_eq!(destination.takes(), takes);
        assert_eq!(destination.hosts(), hosts);
        assert_eq!(destination.archive(), None);
    }
    for settings in [HTTP, S3] {
        let raw = read(&format!("{settings}format = \"raw\"")).expect("settings");
        assert_eq!(raw.takes(), Takes::Raw);
    }
    let archived = read(&EVENTS.replace("\"none\"", "\"bucket\"")).expect("settings");
    assert_eq!(archived.archive(), Some("bucket"));
}

#[test]
fn every_missing_setting_is_told_at_once() {
    for (kind, missing) in [
        ("http", vec!["url"]),
        ("secops-webhook", vec!["url", "api_key", "secret"]),
        (
            "secops-logs",
            vec!["forwarder", "project", "region", "instance", "credentials"],
        ),
        (
            "secops-events",
            vec!["archive", "project", "region", "instance", "credentials"],
        ),
        ("s3", vec!["bucket", "region", "access_key", "secret_key"]),
    ] {
        let expected = missing
            .iter()
            .map(|it| format!("expected `{it}` in `destination.main`, but found none"));
        let expected: Vec<_> = expected.collect();
        assert_eq!(problems(&format!("type = \"{kind}\"")), expected);
    }
    let none = ["expected `type` in `destination.main`, but found none"];
    assert_eq!(problems("url = \"https://example.com\""), none);
}

#[test]
fn an_unknown_type_or_setting_is_told_with_a_suggestion() {
    let problem = problems("type = \"secops-log\"").remove(0);
    assert!(problem.ends_with("but found \"secops-log\"; did you mean \"secops-logs\"?"));
    let problem = problems(&format!("{WEBHOOK}max_byte = 5")).remove(0);
    assert!(problem.ends_with("but found \"max_byte\"; did you mean \"max_bytes\"?"));
    let problem = problems(&format!("{WEBHOOK}gzip = true")).remove(0);
    assert!(problem.ends_with("but found \"gzip\""), "{problem}");
}

#[test]
fn only_https_leaves_this_machine() {
    let start = "expected a URL with https, or with http on loopback or beside `plain_http = true` at `destination.main.url`, but found ";
    let url = "https://vector.example:8080/in?token=query-canary";
    for (to, found) in [
        (
            "http://vector.example/?x=canary",
            "http to \"vector.example\"",
        ),
        ("http://10.0.0.1/", "http to \"10.0.0.1\""),
        ("http://127.0.0.1.example/", "http to \"127.0.0.1.example\""),
        ("ftp://x.example/canary", "the scheme \"ftp\""),
        ("canary", "a text that is none: relative URL without a base"),
    ] {
        assert_eq!(with(HTTP, url, to), [format!("{start}{found}")]);
    }
    for to in [
        "http://127.0.0.2:80/",
        "http://localhost",
        "http://[::1]:1/a",
    ] {
        assert!(read(&HTTP.replace(url, to)).is_ok(), "{to}");
    }
    assert_eq!(
        with(HTTP, url, "https://user:canary@vector.example/"),
        ["expected a URL without a user at `destination.main.url`, but found one with a user"]
    );
}

#[test]
fn plain_http_leaves_this_machine_only_where_it_is_wanted() {
    let settings = HTTP.replace("https://", "http://");
    let wanted = read(&format!("{settings}plain_http = true")).expect("settings");
    assert_eq!(wanted.hosts(), ["http://vector.example:8080"]);
    assert_eq!(problems(&format!("{settings}plain_http = false")).len(), 1);
    let other = settings.replace("http://", "ftp://");
    assert_eq!(
        problems(&format!("{other}plain_http = true")),
        [
            "expected a URL with https or http at `destination.main.url`, but found the scheme \"ftp\""
        ]
    );
    // Google's are behind TLS, wherever the receiver runs.
    for settings in [WEBHOOK, LOGS, EVENTS] {
        let problem = problems(&format!("{settings}plain_http = true")).remove(0);
        assert!(problem.ends_with("but found \"plain_http\""), "{problem}");
    }
    assert_eq!(
        with(WEBHOOK, "https://chronicle", "http://chronicle"),
        [
            "expected a URL with https, or with http on loopback at `destination.main.url`, but found http to \"chronicle.eu.rep.googleapis.com\""
        ]
    );
}

#[test]
fn secrets_stand_in_their_place_and_are_never_told() {
    let problem = with(WEBHOOK, ":importPushLogs", ":importPushLogs?key=canary");
    assert_eq!(
        problem,
        [
            "expected a URL without a query, since `api_key` and `secret` go in headers at `destination.main.url`, but found one with a query"
        ]
    );
    let problem = with(WEBHOOK, "secret-canary", "canary\\n");
    assert_eq!(
        problem,
        [
            "expected a text of printable ASCII, without space around it at `destination.main.secret`, but found another one"
        ]
    );
    assert_eq!(with(S3, "secret-canary", "canary\\n").len(), 1);
    let problem = with(HTTP, "Bearer header-canary", "canary\\r\\nX: y");
    assert!(problem[0].contains("`destination.main.headers.Authorization`"));
    assert!(!problem[0].contains("canary"));
}

#[test]
fn names_that_would_change_a_url_are_refused() {
    for (settings, key) in [
        (LOGS, "my-project"),
        (LOGS, "eu"),
        (LOGS, "0f0c2d3e-0000-4000-8000-000000000001"),
        (LOGS, "0f0c2d3e-0000-4000-8000-000000000002"),
        (S3, "audit"),
        (S3, "/azdo/"),
    ] {
        for to in ["a/../b?c", "..", "a b", "a#"] {
            let problems = with(settings, &format!("\"{key}\""), &format!("\"{to}\""));
            assert_eq!(problems.len(), 1, "{key} {to}");
            assert!(
                problems[0].ends_with(&format!("but found {to:?}")),
                "{problems:?}"
            );
        }
    }
    for name in ["Host", "content-length", "a b", ""] {
        let problems = with(HTTP, "Authorization", &format!("{name:?}"));
        assert!(problems[0].starts_with("expected the name of a header other than"));
    }
    let problems = problems(&format!(
        "{S3}endpoint = \"http://127.0.0.1:9000\"\npath_style = false"
    ));
    assert!(problems[0].starts_with("expected a name that can be part of a host's"));
}

#[test]
fn sizes_have_bounds() {
    for settings in [LOGS, EVENTS, WEBHOOK] {
        assert!(read(&format!("{settings}max_bytes = \"4MB\"\nmax_items = 1")).is_ok());
        let problems = problems(&format!("{settings}max_bytes = \"4MiB\"\nmax_items = 0"));
        assert!(
            problems[0].contains("from 1000 to 4000000 bytes"),
            "{problems:?}"
        );
        assert!(problems[1].contains("a whole number from 1 to 1000000"));
    }
    assert!(read(&format!("{S3}max_bytes = \"64MiB\"")).is_ok());
}
