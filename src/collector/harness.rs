//! Requests to Harness' Audit API, `POST /audit/api/audits/listV2` (apidocs.harness.io, tag Audit, as of November
//! 2026).
//!
//! A page token's meaning is not published, so everything but the token is the same in all requests of a window.

use serde_json::{Value, json};
use udmill_receiver::secret::escaped;

use crate::settings::Settings;

/// Where in a window to read on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// At a page by its number, from 0.
    Index(u32),
    /// Where the server said.
    Token(String),
}

/// An HTTP request to send as it is: no redirect is followed, as the key must not leave its host.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// With the query.
    pub url: String,
    /// Names in lower case; `x-api-key` is a secret.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: String,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let url = self.url.split('?').next().unwrap_or_default();
        write!(f, "POST {url} {}", self.body)
    }
}

/// The request for a page of the events stamped from `start` to `end`, in epoch milliseconds, both included.
pub fn request(
    settings: &Settings,
    (start, end): (i64, i64),
    page_size: u32,
    cursor: &Cursor,
) -> Request {
    let account = escaped(&settings.account);
    let base = &settings.api_base;
    let mut url =
        format!("{base}/audit/api/audits/listV2?accountIdentifier={account}&pageSize={page_size}");
    match cursor {
        Cursor::Index(0) => {}
        Cursor::Index(index) => url.push_str(&format!("&pageIndex={index}")),
        Cursor::Token(token) => url.push_str(&format!("&pageToken={}", escaped(token))),
    }
    let mut body = json!({"startTime": start, "endTime": end, "filterType": "Audit"});
    if let (Some(body), Value::Object(filters)) = (body.as_object_mut(), filters(settings)) {
        body.extend(filters);
    }
    let json = "application/json".to_owned();
    Request {
        url,
        headers: vec![
            ("x-api-key", settings.api_key.0.clone()),
            ("content-type", json.clone()),
            ("accept", json),
        ],
        body: body.to_string(),
    }
}

/// What the server is asked to leave out. It takes one static filter only; of two, logins are ours to leave out.
pub fn filters(settings: &Settings) -> Value {
    let mut filters = json!({});
    if !settings.modules.is_empty() {
        filters["modules"] = json!(settings.modules);
    }
    if !settings.actions.is_empty() {
        filters["actions"] = json!(settings.actions);
    }
    match (settings.exclude_system, settings.exclude_logins) {
        (true, _) => filters["staticFilter"] = json!("EXCLUDE_SYSTEM_EVENTS"),
        (false, true) => filters["staticFilter"] = json!("EXCLUDE_LOGIN_EVENTS"),
        (false, false) => {}
    }
    filters
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::settings;

    #[test]
    fn a_minimal_request_asks_for_a_window_and_nothing_else() {
        let request = request(&settings(&[]), (1, 2), 50, &Cursor::Index(0));
        assert_eq!(
            request.body,
            r#"{"startTime":1,"endTime":2,"filterType":"Audit"}"#
        );
        let url =
            "https://app.harness.io/audit/api/audits/listV2?accountIdentifier=acc&pageSize=50";
        assert_eq!(request.url, url);
        assert!(!format!("{request:?}").contains("secret"));
    }

    /// Defect 3 of the Lambda: the window moves under one page token.
    #[test]
    fn under_a_token_only_the_token_differs() {
        let settings = settings(&[("FILTER_MODULES", "CD,CI"), ("FILTER_ACTIONS", "CREATE")]);
        let first = request(&settings, (1, 2), 50, &Cursor::Index(0));
        let next = request(&settings, (1, 2), 50, &Cursor::Token("a/+=".into()));
        assert_eq!(first.body, next.body);
        assert_eq!(next.url, first.url + "&pageToken=a%2F%2B%3D");
        assert!(
            next.body
                .contains(r#""modules":["CD","CI"],"actions":["CREATE"]"#)
        );
    }

    #[test]
    fn pages_can_be_asked_for_by_number() {
        let request = request(&settings(&[]), (1, 2), 50, &Cursor::Index(3));
        assert!(request.url.ends_with("&pageSize=50&pageIndex=3"));
    }

    #[test]
    fn of_two_static_filters_the_server_gets_one() {
        let both = "EXCLUDE_LOGIN_EVENTS,EXCLUDE_SYSTEM_EVENTS";
        let request = request(
            &settings(&[("STATIC_FILTER", both)]),
            (1, 2),
            50,
            &Cursor::Index(0),
        );
        assert!(
            request
                .body
                .contains(r#""staticFilter":"EXCLUDE_SYSTEM_EVENTS""#)
        );
    }
}
