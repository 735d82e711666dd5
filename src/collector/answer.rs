//! What the Audit API answers: a page, or a failure with what Harness says about it and what helps.
//!
//! HTTP's status and the body's `status` count both. Bodies of errors may be JSON of three forms, HTML, plain text,
//! or cut off, so they are read leniently and never whole into a message.

use chrono::DateTime;
use serde::Deserialize;
use serde_json::Value;

use crate::line::Line;
use crate::settings::quoted;

/// What came back, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// 200, 503 …
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// A page of events.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The events, whatever they are, a line of JSON each.
    pub content: Vec<String>,
    /// Whether another page follows.
    pub has_next: bool,
    /// Where it follows, if the server says.
    pub token: Option<String>,
}

/// Why there is no page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What helps.
    pub remedy: Remedy,
    /// HTTP's; none when no answer came.
    pub status: Option<u16>,
    /// Harness' own code.
    pub code: Option<String>,
    /// By which Harness' support finds the request.
    pub correlation_id: Option<String>,
    /// What Harness says, or what was found instead, cut short.
    pub message: String,
    /// How long to wait at least, in milliseconds, where the server says so.
    pub retry_after_ms: Option<i64>,
}

/// What helps after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The same request, later.
    Repeat,
    /// A shorter window: the query takes the server too long.
    Shorten,
    /// A request without its token, if it had one; otherwise nothing.
    DropToken,
    /// Another key.
    Key,
    /// More rights for the key: `core_audit_view`.
    Rights,
    /// Another base URL.
    Address,
    /// Nothing that is known.
    Nothing,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("expected a page of audit events, but found ")?;
        match self.status {
            Some(status) => write!(f, "status {status}")?,
            None => f.write_str("no answer")?,
        }
        if let Some(code) = &self.code {
            write!(f, ", code {code}")?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(id) = &self.correlation_id {
            write!(f, " (correlation id {id})")?;
        }
        f.write_str(match self.remedy {
            Remedy::Key => "; check `HARNESS_API_KEY`",
            Remedy::Rights => "; the key needs the permission core_audit_view on the account",
            Remedy::Address => "; check `HARNESS_API_BASE`",
            _ => "",
        })
    }
}

/// Reads an answer to a request for a page of `page_size` events. `now` is the local clock, in epoch milliseconds.
///
/// # Errors
///
/// What failed, and what helps.
pub fn read(answer: &Answer, page_size: u32, now: i64) -> Result<Page, Failure> {
    let is_success = (200..300).contains(&answer.status);
    if is_success
        && let Ok(body) = serde_json::from_slice::<Body>(&answer.body)
        && body.status == "SUCCESS"
    {
        return Ok(page(body.data.unwrap_or_default(), page_size));
    }
    // What is no ordinary page may be an odd one, too.
    let body = serde_json::from_slice::<Value>(&answer.body).ok();
    match body {
        Some(body) if is_success && body["status"] == "SUCCESS" => {
            Ok(page(Data::of(&body["data"]), page_size))
        }
        body => Err(failure(answer, body.as_ref(), now)),
    }
}

/// A failure to get any answer: no connection, one that broke, or a time-out.
pub fn no_answer(message: &str, is_timeout: bool) -> Failure {
    Failure {
        remedy: if is_timeout {
            Remedy::Shorten
        } else {
            Remedy::Repeat
        },
        status: None,
        code: None,
        correlation_id: None,
        message: short(message),
        retry_after_ms: None,
    }
}

/// The server's clock, in epoch milliseconds, as its `Date` tells it.
pub fn server_time(answer: &Answer) -> Option<i64> {
    let date = header(answer, "date")?;
    let date = DateTime::parse_from_rfc2822(date).ok()?;
    Some(date.timestamp_millis())
}

/// A body as far as it makes a page, with everything of the type that is published.
#[derive(Deserialize)]
struct Body {
    status: String,
    data: Option<Data>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Data {
    content: Option<Vec<Line>>,
    has_next: Option<bool>,
    page_token: Option<String>,
    page_index: Option<u64>,
    total_pages: Option<u64>,
}

impl Data {
    /// What is of another type is left out.
    fn of(data: &Value) -> Data {
        let line = |it: &Value| Line(it.to_string());
        let content = data["content"].as_array();
        Data {
            content: content.map(|it| it.iter().map(line).collect()),
            has_next: data["hasNext"].as_bool(),
            page_token: data["pageToken"].as_str().map(str::to_owned),
            page_index: data["pageIndex"].as_u64(),
            total_pages: data["totalPages"].as_u64(),
        }
    }
}

/// `hasNext` decides; the other page type of this platform has `totalPages`; without both, a full page has a next.
fn page(data: Data, page_size: u32) -> Page {
    let content = data.content.unwrap_or_default();
    let index = data.page_index.unwrap_or_default();
    let has_next = match (data.has_next, data.total_pages) {
        (Some(has_next), _) => has_next,
        (None, Some(total)) => index.saturating_add(1) < total,
        (None, None) => content.len() >= page_size as usize,
    };
    Page {
        content: content.into_iter().map(|it| it.0).collect(),
        has_next,
        token: data.page_token.filter(|it| !it.is_empty()),
    }
}

fn failure(answer: &Answer, body: Option<&Value>, now: i64) -> Failure {
    let text = |key: &str| {
        let text = body.and_then(|it| it[key].as_str());
        text.filter(|it| !it.is_empty()).map(short)
    };
    let code = text("code");
    let message = text("message").unwrap_or_else(|| match body {
        Some(_) => "JSON that says nothing of an error".to_owned(),
        None => quoted(String::from_utf8_lossy(&answer.body).trim()),
    });
    let slow = ["MONGO_EXECUTION_TIMEOUT_EXCEPTION"];
    let remedy = match (answer.status, code.as_deref()) {
        (_, Some(code)) if slow.contains(&code) => Remedy::Shorten,
        (_, Some("TOO_MANY_REQUESTS")) => Remedy::Repeat,
        (401, _) => Remedy::Key,
        (403, _) => Remedy::Rights,
        (_, Some(code)) if KEY_CODES.contains(&code) => Remedy::Key,
        (_, Some("ACCESS_DENIED" | "NG_ACCESS_DENIED")) => Remedy::Rights,
        // The API never redirects, so a redirect tells of another host or path.
        (300..400 | 404, _) => Remedy::Address,
        (504, _) => Remedy::Shorten,
        (408 | 429 | 500 | 502 | 503, _) => Remedy::Repeat,
        (400, _) => Remedy::DropToken,
        // A body that is cut off or no JSON, or an error under a success.
        (200..300, _) => Remedy::Repeat,
        _ => Remedy::Nothing,
    };
    Failure {
        remedy,
        status: Some(answer.status),
        code,
        correlation_id: text("correlationId"),
        message,
        retry_after_ms: retry_after(answer, now),
    }
}

#[rustfmt::skip]
const KEY_CODES: &[&str] = &[
    "INVALID_TOKEN", "EXPIRED_TOKEN", "REVOKED_TOKEN", "INVALID_CREDENTIAL", "INACTIVE_ACCOUNT",
    "ACCOUNT_DOES_NOT_EXIST",
];

/// RFC 9110, 10.2.3: seconds, or a date, which is held against the server's own clock where it tells it.
fn retry_after(answer: &Answer, now: i64) -> Option<i64> {
    let text = header(answer, "retry-after")?.trim();
    if let Ok(seconds) = text.parse::<i64>() {
        return Some(seconds.max(0).saturating_mul(1000));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    let now = server_time(answer).unwrap_or(now);
    Some((date.timestamp_millis() - now).max(0))
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    let mut headers = answer.headers.iter();
    let found = headers.find(|(it, _)| it == name);
    found.map(|(_, value)| value.as_str())
}

fn short(text: &str) -> String {
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(
            failed(200, r#"{"status":"ERROR","code":"ACCESS_DENIED"}"#).remedy,
            Remedy::Rights
        );
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
}
