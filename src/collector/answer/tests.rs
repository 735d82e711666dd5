//! What every answer is taken for.

use super::*;

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    let headers = headers.iter();
    Answer {
        status,
        headers: headers
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect(),
        body: body.into(),
    }
}

fn failed(status: u16, body: &str) -> Failure {
    read(&answer(status, &[], body), 50, 0).expect_err("a failure")
}

fn found(body: &str) -> (usize, bool, Option<String>) {
    let page = read(&answer(200, &[], body), 3, 0).expect("a page");
    (page.content.len(), page.has_next, page.token)
}

/// Defects 20 and 21 of the Lambda: nulls crash, a missing `hasNext` ends the run.
#[test]
fn every_form_of_a_page_is_read() {
    let page = |data: &str| {
        found(&format!(
            "{{\"status\":\"SUCCESS\",\"data\":{data},\"new\":1}}"
        ))
    };
    assert_eq!(page("null"), (0, false, None));
    assert_eq!(
        page(r#"{"content":null,"hasNext":false}"#),
        (0, false, None)
    );
    assert_eq!(
        page(r#"{"content":[1],"hasNext":true,"pageToken":"t"}"#),
        (1, true, Some("t".into()))
    );
    assert_eq!(
        page(r#"{"content":[1],"hasNext":true,"pageToken":null}"#),
        (1, true, None)
    );
    assert_eq!(
        page(r#"{"content":[1],"totalPages":3,"pageIndex":1}"#),
        (1, true, None)
    );
    assert_eq!(
        page(r#"{"content":[1],"totalPages":3,"pageIndex":2}"#),
        (1, false, None)
    );
    assert_eq!(
        page(r#"{"content":[1,{}],"hasNext":"yes","pageToken":7,"pageIndex":-1}"#),
        (2, false, None)
    );
    assert_eq!(page("[]"), (0, false, None));
    assert_eq!(page(r#"{"content":[1,2,3]}"#), (3, true, None));
    assert_eq!(page(r#"{"content":[1,2]}"#), (2, false, None));
}

/// Defects 15, 35 and 37 of the Lambda: only 429 is repeated, the cause is hidden, error bodies fail themselves.
#[test]
fn every_failure_is_classified_with_what_harness_says() {
    let error = r#"{"status":"ERROR","code":"X","message":"why","correlationId":"c-1"}"#;
    let remedies = [
        (401, Remedy::Key),
        (403, Remedy::Rights),
        (404, Remedy::Address),
        (302, Remedy::Address),
        (400, Remedy::DropToken),
        (408, Remedy::Repeat),
        (429, Remedy::Repeat),
        (500, Remedy::Repeat),
        (502, Remedy::Repeat),
        (503, Remedy::Repeat),
        (504, Remedy::Shorten),
        (200, Remedy::Repeat),
        (418, Remedy::Nothing),
    ];
    for (status, remedy) in remedies {
        assert_eq!(failed(status, error).remedy, remedy, "{status}");
        assert_eq!(failed(status, "<html>").remedy, remedy, "{status}");
    }
    assert_eq!(
        failed(403, error).to_string(),
        "expected a page of audit events, but found status 403, code X: why (correlation id c-1); the key needs \
         the permission core_audit_view on the account"
    );
    let html = failed(503, &"<b>".repeat(1000)).to_string();
    assert!(html.len() < 150, "{html}");
    let bytes = Answer {
        body: vec![0xff, 0xfe],
        ..answer(500, &[], "")
    };
    assert_eq!(
        read(&bytes, 50, 0).expect_err("a failure").status,
        Some(500)
    );
}

#[test]
fn the_code_counts_more_than_the_status() {
    let code = |code: &str| format!("{{\"code\":\"{code}\",\"message\":\"m\"}}");
    assert_eq!(
        failed(400, &code("TOO_MANY_REQUESTS")).remedy,
        Remedy::Repeat
    );
    assert_eq!(
        failed(500, &code("MONGO_EXECUTION_TIMEOUT_EXCEPTION")).remedy,
        Remedy::Shorten
    );
    assert_eq!(failed(400, &code("EXPIRED_TOKEN")).remedy, Remedy::Key);
    for (code, remedy) in [
        ("ACCESS_DENIED", Remedy::Rights),
        ("INVALID_REQUEST", Remedy::DropToken),
        ("UNKNOWN_ERROR", Remedy::Repeat),
    ] {
        let body = format!(r#"{{"status":"ERROR","code":"{code}"}}"#);
        assert_eq!(failed(200, &body).remedy, remedy, "{code}");
    }
}

/// No later answer would be another one: the window has to be.
#[test]
fn a_whole_body_that_cannot_be_read_is_not_asked_for_again() {
    let page = |event: &str| format!(r#"{{"status":"SUCCESS","data":{{"content":[{event}]}}}}"#);
    let deep = "[".repeat(200) + &"]".repeat(200);
    for event in ["1e999", &deep, "nul", "\"\u{1}\""] {
        let failure = failed(200, &page(event));
        assert_eq!(failure.remedy, Remedy::Shorten, "{event}");
        assert!(failure.message.contains("JSON that cannot be read"));
        assert!(failure.message.len() < 120, "{}", failure.message);
    }
}

#[test]
fn characters_that_are_none_are_replaced_and_that_is_told() {
    let text =
        r#"{"status":"SUCCESS","data":{"content":[{"auditId":"\ud83d","a":"X"}],"hasNext":false}}"#;
    let mut odd = answer(200, &[], text);
    let at = odd.body.iter().position(|it| *it == b'X').expect("an X");
    odd.body[at] = 0xff;
    let page = read(&odd, 50, 0).expect("a page");
    assert!(page.is_mended);
    assert_eq!(
        page.content,
        ["{\"auditId\":\"\u{fffd}\",\"a\":\"\u{fffd}\"}"]
    );
    let plain = answer(200, &[], &text.replace(r"\ud83d", r"\ud83d\ude00"));
    assert!(!read(&plain, 50, 0).expect("a page").is_mended);
}

#[test]
fn a_body_that_is_cut_off_is_asked_for_again() {
    assert_eq!(
        failed(200, r#"{"status":"SUCCESS","data":{"content":[{"a"#).remedy,
        Remedy::Repeat
    );
}

/// Defect 16 of the Lambda: a date crashes it, negative and huge values sleep wrongly.
#[test]
fn retry_after_is_read_in_both_forms() {
    let after = |headers: &[(&str, &str)]| {
        read(&answer(429, headers, ""), 50, 1_767_225_600_000)
            .expect_err("a failure")
            .retry_after_ms
    };
    let date = ("retry-after", "Thu, 01 Jan 2026 00:00:30 GMT");
    assert_eq!(after(&[("retry-after", "7")]), Some(7000));
    assert_eq!(after(&[("retry-after", "-7")]), Some(0));
    assert_eq!(after(&[date]), Some(30_000));
    assert_eq!(
        after(&[date, ("date", "Thu, 01 Jan 2026 00:00:10 GMT")]),
        Some(20_000)
    );
    assert_eq!(
        after(&[("retry-after", "Wed, 31 Dec 2025 23:00:00 GMT")]),
        Some(0)
    );
    assert_eq!(after(&[("retry-after", "soon")]), None);
    assert_eq!(
        after(&[("retry-after", "9223372036854775807")]),
        Some(i64::MAX)
    );
    assert_eq!(after(&[]), None);
}
