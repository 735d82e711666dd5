//! What the Audit API answers: a page, or a failure with what Harness says about it and what helps.
//!
//! HTTP's status and the body's `status` count both. Bodies of errors may be JSON of three forms, HTML, plain text,
//! or cut off, so they are read leniently and never whole into a message.

mod odd;
#[cfg(test)]
mod tests;

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
    /// Characters that no JSON may have are replaced.
    pub is_mended: bool,
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
    if !(200..300).contains(&answer.status) {
        return Err(failure(answer, value(&answer.body).as_ref(), now));
    }
    if let Some(page) = page_of(&answer.body, page_size) {
        return Ok(page);
    }
    let fault = match serde_json::from_slice::<Value>(&answer.body) {
        Err(fault) => fault,
        Ok(body) => return Err(failure(answer, Some(&body), now)),
    };
    if let Some(text) = odd::mended(&answer.body)
        && let Some(page) = page_of(text.as_bytes(), page_size)
    {
        return Ok(Page {
            is_mended: true,
            ..page
        });
    }
    let failure = failure(answer, None, now);
    // What is whole will come as it is again; in a shorter window it is perhaps not there.
    match answer.body.trim_ascii_start().starts_with(b"{") && !fault.is_eof() {
        true => Err(Failure {
            remedy: Remedy::Shorten,
            message: short(&format!("JSON that cannot be read: {fault}")),
            ..failure
        }),
        false => Err(failure),
    }
}

fn value(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body).ok()
}

/// A page, if the whole body is one.
fn page_of(body: &[u8], page_size: u32) -> Option<Page> {
    if let Ok(body) = serde_json::from_slice::<Body>(body)
        && body.status == "SUCCESS"
    {
        return Some(page(body.data.unwrap_or_default(), page_size));
    }
    // What is no ordinary page may be an odd one, too.
    let body = value(body).filter(|it| it["status"] == "SUCCESS")?;
    Some(page(Data::of(&body["data"]), page_size))
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
        is_mended: false,
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
        // The body's status counts more than HTTP's.
        (200..300, Some("INVALID_REQUEST" | "RESOURCE_NOT_FOUND_EXCEPTION")) => Remedy::DropToken,
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
