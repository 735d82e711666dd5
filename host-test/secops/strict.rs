//! What a body has to be: Google's JSON mapping refuses fields that it does not know, and so do these checks.
//!
//! Follows the REST references of `logTypes.logs/import`, `events/import` and `feeds/importPushLogs`
//! (<https://docs.cloud.google.com/chronicle/docs/reference/rest>) and, for limits, "Ingestion methods": a log of at most 1 MB, a
//! request of at most 4 MB. What no page says is read in the stricter way: a megabyte has 1,000,000 bytes.

use std::borrow::Cow;
use std::io::Read;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use flate2::read::GzDecoder;
use plain_http::Request;
use serde_json::Value;
use udm::Severity;

use crate::{Accepted, INSTANCE};

/// The most bytes of a request's body.
pub const MAX_BODY: usize = 4_000_000;
const MAX_LOG: usize = 1_000_000;

/// A body's fields: an object that has all of `required`, and otherwise nothing but `optional`.
pub fn fields(
    value: &Value,
    path: &str,
    required: &[&str],
    optional: &[&str],
) -> Result<(), String> {
    let object = value.as_object();
    let object = object.ok_or_else(|| format!("expected an object at `{path}`"))?;
    if let Some(missing) = required.iter().find(|it| !object.contains_key(**it)) {
        return Err(format!("expected `{missing}` in `{path}`, but found none"));
    }
    let known = |it: &str| required.contains(&it) || optional.contains(&it);
    match object.keys().find(|it| !known(it)) {
        Some(unknown) => Err(format!(
            "expected no `{unknown}` in `{path}`, but found one"
        )),
        None => Ok(()),
    }
}

/// The logs of `logs:import`.
pub fn logs(request: &Request, log_type: &str) -> Result<Vec<Accepted>, String> {
    let body = json(request)?;
    fields(&body, "request", &["inlineSource"], &["hint"])?;
    let source = &body["inlineSource"];
    fields(
        source,
        "inlineSource",
        &["logs", "forwarder"],
        &["sourceFilename"],
    )?;
    let forwarder = source["forwarder"].as_str().unwrap_or_default();
    let id = forwarder.strip_prefix(&format!("{INSTANCE}/forwarders/"));
    if id.is_none_or(|it| it.is_empty() || it.contains('/')) {
        return Err(format!(
            "expected a forwarder of the instance, but found {forwarder:?}"
        ));
    }
    list(&source["logs"], "logs")?
        .iter()
        .map(|it| log(it, log_type))
        .collect()
}

fn log(value: &Value, log_type: &str) -> Result<Accepted, String> {
    let optional = ["logEntryTime", "environmentNamespace", "labels"];
    fields(value, "logs[]", &["data", "collectionTime"], &optional)?;
    let data = text(&value["data"], "data")?;
    let bytes = STANDARD
        .decode(data)
        .map_err(|e| format!("expected base64 at `data`: {e}"))?;
    size(&bytes)?;
    let collected = time(&value["collectionTime"], "collectionTime")?;
    if collected > DateTime::<Utc>::from(SystemTime::now()) + TimeDelta::minutes(1) {
        return Err(format!(
            "expected a collectionTime that has come, but found {collected}"
        ));
    }
    if let Some(entry) = value.get("logEntryTime") {
        let entry = time(entry, "logEntryTime")?;
        if entry >= collected {
            return Err(format!(
                "expected a collectionTime later than {entry}, but found {collected}"
            ));
        }
    }
    let mut labels = Vec::new();
    if let Some(given) = value.get("labels") {
        let given = given.as_object().ok_or("expected an object at `labels`")?;
        for (key, label) in given {
            fields(label, "labels", &["value"], &["rbacEnabled"])?;
            let rbac = label.get("rbacEnabled").map_or(Some(false), Value::as_bool);
            let rbac = rbac.ok_or("expected a boolean at `rbacEnabled`")?;
            labels.push((
                key.clone(),
                text(&label["value"], "value")?.to_owned(),
                rbac,
            ));
        }
    }
    let namespace = value.get("environmentNamespace");
    let namespace = namespace
        .map(|it| text(it, "environmentNamespace"))
        .transpose()?;
    Ok(Accepted {
        log_type: log_type.to_owned(),
        namespace: namespace.map(str::to_owned),
        labels,
        bytes,
    })
}

/// The events of `events:import`, as they are stored: with the log type UDM, whatever the sender said.
pub fn events(request: &Request) -> Result<Vec<Accepted>, String> {
    let body = json(request)?;
    fields(&body, "request", &["inlineSource"], &[])?;
    let source = &body["inlineSource"];
    fields(source, "inlineSource", &["events"], &[])?;
    list(&source["events"], "events")?
        .iter()
        .map(event)
        .collect()
}

fn event(value: &Value) -> Result<Accepted, String> {
    fields(value, "events[]", &["udm"], &[])?;
    let mut event = value["udm"].clone();
    let line = event.to_string();
    size(line.as_bytes())?;
    let findings = udm::validate(line.as_bytes());
    if let Some(it) = findings.iter().find(|it| it.severity == Severity::Error) {
        return Err(format!("expected UDM, but `{}`: {}", it.path, it.message));
    }
    if let Some(metadata) = event["metadata"].as_object_mut() {
        metadata.remove("log_type");
        metadata.insert("logType".to_owned(), "UDM".into());
    }
    Ok(Accepted {
        log_type: "UDM".to_owned(),
        bytes: event.to_string().into_bytes(),
        ..Accepted::default()
    })
}

/// The logs of a push to a feed whose split delimiter is the line feed, or of the plain HTTP endpoint.
pub fn lines(request: &Request, log_type: &str) -> Result<Vec<Accepted>, String> {
    let body = uncompressed(request)?;
    str::from_utf8(&body).map_err(|e| format!("expected UTF-8, but {e}"))?;
    let body = body.strip_suffix(b"\n").unwrap_or(&body);
    let lines = body.split(|it| *it == b'\n').map(|line| {
        size(line)?;
        Ok(Accepted {
            log_type: log_type.to_owned(),
            bytes: line.to_vec(),
            ..Accepted::default()
        })
    });
    lines.collect()
}

fn json(request: &Request) -> Result<Value, String> {
    let media = request.header("content-type").unwrap_or_default();
    if media.split(';').next() != Some("application/json") {
        return Err(format!("expected application/json, but found {media:?}"));
    }
    serde_json::from_slice(&uncompressed(request)?).map_err(|e| format!("expected JSON: {e}"))
}

/// The body as it was before compression; the limits count this one.
fn uncompressed(request: &Request) -> Result<Cow<'_, [u8]>, String> {
    let body = match request.header("content-encoding") {
        None => Cow::Borrowed(&request.body[..]),
        Some("gzip") if request.path.ends_with(":importPushLogs") => {
            return Err("expected no gzip, which no page of webhook feeds allows".to_owned());
        }
        Some("gzip") => {
            let mut body = Vec::new();
            let read = GzDecoder::new(&request.body[..]).read_to_end(&mut body);
            read.map_err(|e| format!("expected gzip: {e}"))?;
            Cow::Owned(body)
        }
        Some(other) => return Err(format!("expected gzip or nothing, but found {other:?}")),
    };
    match body.len() {
        0..=MAX_BODY => Ok(body),
        more => Err(format!(
            "expected at most {MAX_BODY} bytes, but found {more}"
        )),
    }
}

fn list<'v>(value: &'v Value, path: &str) -> Result<&'v Vec<Value>, String> {
    let list = value.as_array().filter(|it| !it.is_empty());
    list.ok_or_else(|| format!("expected a list with something in it at `{path}`"))
}

fn text<'v>(value: &'v Value, path: &str) -> Result<&'v str, String> {
    let text = value.as_str();
    text.ok_or_else(|| format!("expected a text at `{path}`, but found {value}"))
}

fn time(value: &Value, path: &str) -> Result<DateTime<Utc>, String> {
    let time = text(value, path)?;
    let read = DateTime::parse_from_rfc3339(time);
    read.map(|it| it.to_utc())
        .map_err(|e| format!("expected RFC 3339 at `{path}`, but found {time:?}: {e}"))
}

fn size(log: &[u8]) -> Result<(), String> {
    match log.len() {
        0 => Err("expected a log, but found an empty one".to_owned()),
        1..=MAX_LOG => Ok(()),
        more => Err(format!(
            "expected at most {MAX_LOG} bytes of a log, but found {more}"
        )),
    }
}
