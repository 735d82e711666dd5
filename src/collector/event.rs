//! Audit events of the list API, as far as the collector has to know them: their id, their time, and their line.

use chrono::DateTime;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::names::LOGINS;
use crate::settings::{Settings, Shape};

/// An event on its way into an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// `auditId`; of an event that has none, a hash of it.
    pub id: String,
    /// `timestamp`, in epoch milliseconds, if there is one.
    pub time: Option<i64>,
    /// The line to write, without its end.
    pub line: String,
    /// No filter leaves it out that the server cannot apply.
    pub is_wanted: bool,
}

/// Reads an event of a page, which is a line of JSON.
pub fn read(line: String, settings: &Settings) -> Event {
    let head = Head::of(&line);
    let is_login = head.action.is_some_and(|it| LOGINS.contains(&it.as_str()));
    let is_system = head.principal.is_some_and(|it| it == "SYSTEM");
    let id = id(head.id, &line);
    Event {
        time: head.time,
        line: match settings.shape {
            Shape::Streaming => streaming(&id, line),
            Shape::Api | Shape::Udm => line,
        },
        id,
        is_wanted: !(settings.exclude_logins && is_login || settings.exclude_system && is_system),
    }
}

/// What has to be known of an event.
struct Head {
    id: Option<String>,
    time: Option<i64>,
    action: Option<String>,
    principal: Option<String>,
}

/// An event of the list API in which everything is of the type that is published.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Plain {
    audit_id: Option<String>,
    timestamp: Option<i64>,
    action: Option<String>,
    authentication_info: Option<Author>,
}

#[derive(Deserialize)]
struct Author {
    principal: Option<Principal>,
}

#[derive(Deserialize)]
struct Principal {
    r#type: Option<String>,
}

impl Head {
    fn of(line: &str) -> Head {
        // An array would do for a `Plain`, too, item by item.
        if line.starts_with('{')
            && let Ok(plain) = serde_json::from_str::<Plain>(line)
        {
            let author = plain.authentication_info;
            return Head {
                id: plain.audit_id,
                time: plain.timestamp,
                action: plain.action,
                principal: author.and_then(|it| it.principal?.r#type),
            };
        }
        let value: Value = serde_json::from_str(line).unwrap_or_default();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Head {
            id: text(&value["auditId"]),
            time: value["timestamp"].as_i64(),
            action: text(&value["action"]),
            principal: text(&value["authenticationInfo"]["principal"]["type"]),
        }
    }
}

/// The id and the time in a line that was written earlier, in any shape.
pub fn of_line(line: &str) -> Option<(String, Option<i64>)> {
    let value = serde_json::from_str::<Value>(line).ok()?;
    let metadata = &value["metadata"];
    if let Some(id) = metadata["productLogId"].as_str() {
        let time = metadata["eventTimestamp"].as_str();
        let time = time.and_then(|it| DateTime::parse_from_rfc3339(it).ok());
        return Some((id.to_owned(), time.map(|it| it.timestamp_millis())));
    }
    let id_found = value["auditEventId"].as_str().or(value["auditId"].as_str());
    let time = value["auditEventTime"]
        .as_str()
        .and_then(|it| it.parse().ok());
    let time = time.or(value["timestamp"].as_i64());
    Some((id(id_found.map(str::to_owned), line), time))
}

/// The first 16 hexadecimal digits of the SHA-256 of sorted ids: the same events have the same name.
pub fn hash16<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    let mut ids: Vec<&str> = ids.collect();
    ids.sort_unstable();
    hex16(ids.join("\n").as_bytes())
}

/// How long after its time an event was stored, in milliseconds: the first eight digits of an id are the second of
/// storing, as MongoDB's ObjectId has it.
pub fn lateness_ms(event: &Event) -> Option<i64> {
    let second = event.id.get(..8).filter(|_| event.id.len() == 24)?;
    let second = i64::from_str_radix(second, 16).ok()?;
    Some(second * 1000 - event.time?)
}

fn id(found: Option<String>, line: &str) -> String {
    let found = found.filter(|it| !it.is_empty());
    found.unwrap_or_else(|| format!("hash-{}", hex16(line.as_bytes())))
}

fn hex16(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The shape of Harness' audit streaming (developer.harness.io, "Audit streaming", November 2026), which has neither
/// labels nor `auditEventData` nor `environment`. What is no object stays as it is.
fn streaming(id: &str, line: String) -> String {
    let value = match serde_json::from_str(&line) {
        Ok(value @ Value::Object(_)) => value,
        _ => return line,
    };
    let author = &value["authenticationInfo"];
    let principal = &author["principal"];
    let (kind, name) = (&principal["type"], &principal["identifier"]);
    let user_id = &author["labels"]["userId"];
    let mut who = Map::new();
    put(&mut who, "type", kind);
    put(
        &mut who,
        "identifier",
        if user_id.is_string() { user_id } else { name },
    );
    if kind == "USER" {
        put(&mut who, "email", name);
    }
    let mut request = Map::new();
    put(
        &mut request,
        "requestMethod",
        &value["httpRequestInfo"]["requestMethod"],
    );
    put(
        &mut request,
        "clientIP",
        &value["requestMetadata"]["clientIP"],
    );
    let mut out = Map::new();
    out.insert("auditEventId".into(), json!(id));
    out.insert("auditEventAuthor".into(), json!({"principal": who}));
    put(&mut out, "auditModule", &value["module"]);
    out.insert(
        "auditResource".into(),
        only(&value["resource"], &["type", "identifier"]),
    );
    let scope = ["accountIdentifier", "orgIdentifier", "projectIdentifier"];
    out.insert(
        "auditResourceScope".into(),
        only(&value["resourceScope"], &scope),
    );
    put(&mut out, "auditAction", &value["action"]);
    if !request.is_empty() {
        out.insert("auditHttpRequestInfo".into(), Value::Object(request));
    }
    // A text of milliseconds is one of the forms in use, and loses nothing to floating point.
    match value["timestamp"].as_i64() {
        Some(time) => _ = out.insert("auditEventTime".into(), json!(time.to_string())),
        None => put(&mut out, "auditEventTime", &value["timestamp"]),
    }
    Value::Object(out).to_string()
}

fn only(value: &Value, keys: &[&str]) -> Value {
    let mut out = Map::new();
    for key in keys {
        put(&mut out, key, &value[*key]);
    }
    Value::Object(out)
}

fn put(out: &mut Map<String, Value>, key: &str, value: &Value) {
    if !value.is_null() {
        out.insert(key.to_owned(), value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::settings;

    fn login() -> Value {
        json!({
            "auditId": "6955b93ea1b2c3d4e5596d22",
            "timestamp": 1_767_225_661_013_i64,
            "resourceScope": {"accountIdentifier": "acc", "labels": {"a": "b"}},
            "authenticationInfo": {
                "principal": {"type": "USER", "identifier": "ana@example.com"},
                "labels": {"userId": "u1"},
            },
            "requestMetadata": {"clientIP": "203.0.113.24"},
            "module": "CORE", "action": "LOGIN",
            "resource": {"type": "USER", "identifier": "ana@example.com", "labels": {"x": "y"}},
            "auditEventData": {"type": "Some", "gone": null},
        })
    }

    #[test]
    fn the_api_shape_is_the_event_as_it_came() {
        let event = read(login().to_string(), &settings(&[]));
        assert_eq!(event.line, login().to_string());
        assert_eq!(event.id, "6955b93ea1b2c3d4e5596d22");
        assert_eq!(
            lateness_ms(&event),
            Some(0x6955_b93e * 1000 - 1_767_225_661_013)
        );
    }

    /// Defect 33 of the Lambda: its shape is not the one that Google's parser names.
    #[test]
    fn the_streaming_shape_has_the_names_that_googles_parser_reads() {
        let event = read(
            login().to_string(),
            &settings(&[("OUTPUT_SHAPE", "streaming")]),
        );
        let wanted = json!({
            "auditEventId": "6955b93ea1b2c3d4e5596d22",
            "auditEventAuthor": {"principal": {"type": "USER", "identifier": "u1", "email": "ana@example.com"}},
            "auditModule": "CORE",
            "auditResource": {"type": "USER", "identifier": "ana@example.com"},
            "auditResourceScope": {"accountIdentifier": "acc"},
            "auditAction": "LOGIN",
            "auditHttpRequestInfo": {"clientIP": "203.0.113.24"},
            "auditEventTime": "1767225661013",
        });
        assert_eq!(event.line, wanted.to_string());
    }

    #[test]
    fn an_id_is_found_again_in_a_line_of_udm() {
        let line = r#"{"metadata":{"eventTimestamp":"2026-01-01T00:01:01.013Z","productLogId":"6955b93e"}}"#;
        let found = ("6955b93e".to_owned(), Some(1_767_225_661_013));
        assert_eq!(of_line(line), Some(found));
    }

    #[test]
    fn an_id_is_found_again_in_a_written_line_of_either_shape() {
        for shape in ["api", "streaming"] {
            for value in [
                login(),
                json!({"timestamp": 7}),
                json!({"auditId": 7}),
                json!("odd"),
                json!(["a", 1, null, null]),
            ] {
                let event = read(value.to_string(), &settings(&[("OUTPUT_SHAPE", shape)]));
                assert_eq!(
                    of_line(&event.line),
                    Some((event.id, event.time)),
                    "{value}"
                );
            }
        }
        assert_eq!(of_line("{"), None);
    }

    /// Defect 19 of the Lambda: both exclusions together are impossible.
    #[test]
    fn both_exclusions_are_applied_here_too() {
        let both = settings(&[(
            "STATIC_FILTER",
            "EXCLUDE_LOGIN_EVENTS,EXCLUDE_SYSTEM_EVENTS",
        )]);
        let system = json!({"authenticationInfo": {"principal": {"type": "SYSTEM"}}});
        for (event, is_wanted) in [
            (login(), false),
            (system, false),
            (json!({"action": "CREATE"}), true),
            (json!({"action": "LOGIN", "timestamp": "odd"}), false),
        ] {
            let read = |settings| read(event.to_string(), settings).is_wanted;
            assert_eq!(read(&both), is_wanted, "{event}");
            assert!(read(&settings(&[])));
        }
    }

    #[test]
    fn the_same_events_have_the_same_hash_in_any_order() {
        assert_eq!(
            hash16(["b", "a"].into_iter()),
            hash16(["a", "b"].into_iter())
        );
        assert_ne!(hash16(["a"].into_iter()), hash16(["b"].into_iter()));
        assert_eq!(hash16(["a"].into_iter()).len(), 16);
    }
}
