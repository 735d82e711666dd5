use super::*;

/// A folder of its own for one test, gone when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str, files: &[(&str, &str)]) -> Folder {
        let name = format!("udmill-corpus-{}-{test}", std::process::id());
        let folder = Folder(std::env::temp_dir().join(name));
        fs::create_dir_all(&folder.0).unwrap();
        for (name, text) in files {
            fs::write(folder.0.join(name), text).unwrap();
        }
        folder
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }

    /// Runs the cases with their own bytes in capitals as the outcome.
    fn failures(&self, extension: &'static str, wanted: &str, bless: bool) -> Vec<String> {
        failures(&self.0, "raw", wanted, bless, |case| {
            (extension, String::from_utf8_lossy(&case.raw).to_uppercase())
        })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn cases_come_sorted_with_their_bytes_and_options() {
    let folder = Folder::new(
        "sorted",
        &[
            ("b.raw", "2"),
            ("a.raw", "1"),
            ("b.options.json", r#"{"namespace":"n"}"#),
            ("x.http", ""),
        ],
    );
    let cases = cases(&folder.0, "raw");
    let names: Vec<&str> = cases.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(cases[1].raw, b"2");
    assert_eq!(cases[1].options["namespace"], "n");
    assert!(cases[0].options["namespace"].is_null());
}

#[test]
fn an_option_nobody_knows_is_refused() {
    let folder = Folder::new("options", &[("a.options.json", r#"{"name_space":"n"}"#)]);
    let error = read_options(&folder.0.join("a.options.json")).unwrap_err();
    assert!(error.contains(r#"but found "name_space""#), "{error}");
}

#[test]
fn an_equal_text_passes_with_or_without_its_last_line_feed() {
    let folder = Folder::new("equal", &[("a.raw", "x"), ("a.udm.json", "X\n")]);
    assert!(folder.failures("udm.json", "", false).is_empty());
}

#[test]
fn a_missing_expectation_fails_and_names_both_files() {
    let folder = Folder::new("missing", &[("a.raw", "x")]);
    let failures = folder.failures("udm.json", "", false);
    assert_eq!(failures.len(), 1);
    for part in ["a.raw", "a.udm.json", "this can be fixed with BLESS=1"] {
        assert!(failures[0].contains(part), "{}", failures[0]);
    }
}

#[test]
fn a_stale_expectation_fails_and_blessing_removes_it() {
    let folder = Folder::new(
        "stale",
        &[("a.raw", "x"), ("a.udm.json", "X\n"), ("a.err", "no\n")],
    );
    let failures = folder.failures("udm.json", "", false);
    assert!(failures[0].contains("a.err"), "{}", failures[0]);
    assert!(folder.failures("udm.json", "", true).is_empty());
    assert!(!folder.0.join("a.err").exists());
    assert!(folder.failures("udm.json", "", false).is_empty());
}

#[test]
fn blessing_writes_what_came() {
    let folder = Folder::new(
        "bless",
        &[("a.raw", "x"), ("b.raw", "y"), ("b.err", "old\n")],
    );
    assert!(folder.failures("err", "", true).is_empty());
    assert_eq!(folder.text("a.err"), "X\n");
    assert_eq!(folder.text("b.err"), "Y\n");
}

#[test]
fn a_filter_leaves_the_other_cases_alone() {
    let folder = Folder::new(
        "filter",
        &[("good.raw", "x"), ("good.err", "X\n"), ("bad.raw", "y")],
    );
    assert!(folder.failures("err", "goo", false).is_empty());
    assert_eq!(folder.failures("err", "", false).len(), 1);
    assert!(
        folder
            .failures("err", "of another folder", false)
            .is_empty()
    );
}

#[test]
fn a_folder_without_cases_fails() {
    let folder = Folder::new("empty", &[("a.http", "")]);
    assert!(folder.failures("err", "", false)[0].contains("expected a case `*.raw`"));
}

#[test]
fn a_panic_is_the_failure_of_its_case_alone() {
    let folder = Folder::new(
        "panic",
        &[("a.raw", "x"), ("b.raw", "y"), ("b.err", "fine\n")],
    );
    let failures = failures(&folder.0, "raw", "", false, |case| {
        assert_ne!(case.name, "a", "of all letters");
        ("err", "fine".to_owned())
    });
    assert_eq!(failures.len(), 1);
    assert!(failures[0].contains("a.raw: panicked: "), "{}", failures[0]);
    assert!(failures[0].contains("of all letters"), "{}", failures[0]);
}

#[test]
fn a_difference_shows_its_first_lines_only() {
    let text = diff("{\n  1,\n  2,\n  3\n}\n", "{\n  1,\n  two,\n  3\n}\n");
    assert_eq!(
        text,
        "line 3, - is expected, + is actual\n    1,\n-   2,\n+   two,\n"
    );
    let long = "x\n".repeat(9);
    assert!(
        diff("", &long).ends_with("+ x\n+ … 3 more lines\n"),
        "{}",
        diff("", &long)
    );
    assert!(
        diff("a\r\n", "a\n").contains("- a\\r\n+ a\n"),
        "{}",
        diff("a\r\n", "a\n")
    );
}

#[test]
fn an_answer_keeps_the_order_of_keys_and_has_three_of_its_own() {
    let (extension, text) = answer(b"{\"b\":1,\"a\":2}\n", [(0, "7", "why")], [(1, "bad")]);
    assert_eq!(extension, "udm.json");
    let expected = r#"{"events":[{"b":1,"a":2}],
        "notes":[{"event_index":0,"row":"7","message":"why"}],
        "rejections":[{"log_index":1,"reason":"bad"}]}"#;
    let expected: Value = serde_json::from_str(expected).unwrap();
    assert_eq!(text, format!("{expected:#}\n"));
}

#[test]
fn rejections_alone_are_an_error_text() {
    assert_eq!(
        answer(b"", [], [(0, "one"), (1, "two")]),
        ("err", "one\ntwo".to_owned())
    );
    assert_eq!(answer(b"", [(0, "handshake", "no log")], []).0, "udm.json");
    assert_eq!(answer(b"", [], []).0, "udm.json");
}

#[test]
fn a_request_keeps_every_byte_of_its_body() {
    let request = request(b"POST /v1?k=v HTTP/1.1\r\nA: b: c \nEmpty:\n\n\xff\n\n").unwrap();
    assert_eq!(request.method, "POST");
    assert_eq!(request.target, "/v1?k=v");
    let headers = [("A", "b: c"), ("Empty", "")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(request.headers, headers);
    assert_eq!(request.body, b"\xff\n\n");
}

#[test]
fn a_request_that_is_none_is_refused() {
    assert_eq!(
        request(b"POST /\nA: b\n").unwrap_err(),
        "expected an empty line"
    );
    assert_eq!(
        request(b"POST\n\n").unwrap_err(),
        "expected a method and a target"
    );
    assert_eq!(
        request(b"POST /\nA\n\n").unwrap_err(),
        "expected a header, but found \"A\""
    );
}
