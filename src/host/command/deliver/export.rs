//! Exports of the quarantine: pages as `GET /v1/quarantine?raw=true` answers them, their entries alone, and the lines of
//! `udmill transform --rejects`. Each holds a log in a text, `raw`, or `raw_base64` if it is no UTF-8.

use std::io::{self, Cursor, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Deserializer, Value};

/// What an input is.
pub enum Content {
    /// Logs, as somebody sent them.
    Logs(Box<dyn Read>),
    /// Logs in quarantine, as JSON values.
    Export(Box<dyn Read>),
}

/// With what a page or an entry begins; nothing else is looked at further.
const BEGINNINGS: &[&[u8]] = &[b"\"entries\"", b"\"id\"", b"\"file\""];
/// What has to be seen for that.
const BEGIN: usize = 512;
/// The longest page: its logs have 12 MiB at most, and an escaped byte takes six.
const PAGE: u64 = 80 << 20;

/// Tells from its first value whether an input is an export.
///
/// # Errors
///
/// Where it cannot be read.
pub fn recognise(mut input: Box<dyn Read>) -> io::Result<Content> {
    let mut head = Vec::new();
    (&mut input).take(BEGIN as u64).read_to_end(&mut head)?;
    let mut is_export = false;
    if begins_like_one(&head) {
        (&mut input).take(PAGE).read_to_end(&mut head)?;
        let first = Deserializer::from_slice(&head).into_iter().next();
        is_export = matches!(first, Some(Ok(value)) if is_one(&value));
    }
    let whole = Box::new(Cursor::new(head).chain(input));
    Ok(match is_export {
        true => Content::Export(whole),
        false => Content::Logs(whole),
    })
}

/// The logs in a value of an export. Those of other feeds are counted, not given.
///
/// # Errors
///
/// Where the value is nothing of an export, or holds no log.
pub fn logs(value: &Value, feed: &str, others: &mut u64) -> Result<Vec<Vec<u8>>, String> {
    let entries = match value["entries"].as_array() {
        Some(entries) => entries.as_slice(),
        None => std::slice::from_ref(value),
    };
    let mut logs = Vec::new();
    for entry in entries {
        if !is_entry(entry) {
            return Err("expected an entry of the quarantine, but found something else".to_owned());
        }
        if entry["feed"].as_str().is_some_and(|it| it != feed) {
            *others += 1;
            continue;
        }
        let base64 = entry["raw_base64"].as_str();
        let decoded = base64.and_then(|it| STANDARD.decode(it).ok());
        let log = entry["raw"].as_str().map(|it| it.as_bytes().to_vec());
        logs.push(log.or(decoded).ok_or(
            "expected entries with their logs, but found one without; ask for /v1/quarantine?raw=true",
        )?);
    }
    Ok(logs)
}

fn begins_like_one(head: &[u8]) -> bool {
    let Some(rest) = head.trim_ascii_start().strip_prefix(b"{") else {
        return false;
    };
    let rest = rest.trim_ascii_start();
    BEGINNINGS.iter().any(|it| rest.starts_with(it))
}

fn is_one(value: &Value) -> bool {
    match value["entries"].as_array() {
        Some(entries) => entries.iter().all(is_entry),
        None => is_entry(value),
    }
}

/// An entry tells why it is there, and where the log came from; without the log, how long it is.
fn is_entry(value: &Value) -> bool {
    let is_text = |key: &str| value[key].is_string();
    let has_log = is_text("raw") || is_text("raw_base64") || value["bytes"].is_u64();
    is_text("reason") && (is_text("feed") || is_text("file")) && has_log
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ENTRY: &str = r#"{"id":"azdo.1","feed":"azdo","reason":"r","raw":"{\"a\":1}"}"#;

    fn is_export(text: &str) -> bool {
        let input = Cursor::new(text.as_bytes().to_vec());
        let (is_export, mut rest) = match recognise(Box::new(input)).unwrap() {
            Content::Export(rest) => (true, rest),
            Content::Logs(rest) => (false, rest),
        };
        let mut whole = String::new();
        rest.read_to_string(&mut whole).unwrap();
        assert_eq!(whole, text);
        is_export
    }

    #[test]
    fn an_export_is_known_by_its_first_value() {
        let page = format!(" {{\n \"entries\" : [{ENTRY},{ENTRY}], \"next\": \"azdo.1\"}}");
        let lines = format!("{ENTRY}\n{ENTRY}\n");
        let reject = r#"{"file":"-","index":0,"offset":0,"length":1,"reason":"r","raw":"x"}"#;
        for text in [page.as_str(), &lines, reject, r#"{"entries":[]}"#] {
            assert!(is_export(text), "{text}");
        }
        for text in [
            "",
            "x",
            "[]",
            r#"{"id":"1","eventType":"x","data":{"reason":"r","raw":"x"}}"#,
            r#"{"entries":[{"id":1}]}"#,
            r#"{"id":"azdo.1","feed":"azdo","reason":"r","raw":"#,
        ] {
            assert!(!is_export(text), "{text}");
        }
    }

    #[test]
    fn logs_of_this_feed_come_out_as_they_were() {
        let page = json!({ "entries": [
            { "feed": "azdo", "reason": "r", "raw": "{\"a\":1}" },
            { "feed": "other", "reason": "r", "raw": "x" },
            { "file": "-", "reason": "r", "raw_base64": "/w==" },
        ] });
        let mut others = 0;
        let found = logs(&page, "azdo", &mut others);
        assert_eq!(found, Ok(vec![b"{\"a\":1}".to_vec(), vec![0xff]]));
        assert_eq!(others, 1);
        let without = json!({ "feed": "azdo", "reason": "r", "bytes": 7 });
        assert!(is_one(&without));
        assert!(
            logs(&without, "azdo", &mut others)
                .unwrap_err()
                .contains("raw=true")
        );
        assert!(logs(&json!(1), "azdo", &mut others).is_err());
    }
}
