//! Who takes the objects of a prefix: said by an object beside the prefix, so that no two consumers ingest the same.
//!
//! The marker of `logs/azdo/` is `logs/.udmill-consumer-azdo.json`: outside, since a consumer may read, and delete,
//! whatever is inside. It is written with `If-None-Match`, so that of two who come at once one is refused; a store
//! without conditional writes gets it without. Who may not write it gets a warning: then nobody else is told.
//!
//! Markers of the prefixes around are looked for, too, as far as they may be read: who takes `logs/` takes
//! `logs/azdo/`. Of those within, whoever takes one notices at the next call that the whole is taken.

use std::time::Duration;

use serde_json::{Value, json};
use udmill_receiver::Host;
use udmill_receiver::config::section::quoted;
use udmill_receiver::destination::Fault;
use udmill_receiver::host::{Answer, Outbound};
use udmill_receiver::s3::Bucket;

use super::exchange::{Came, ask};

/// The consumer whose own feed reads the prefix: Google SecOps.
pub const SECOPS: &str = "secops";

/// How the last part of every marker's key begins.
pub const NAME: &str = ".udmill-consumer-";

/// Makes sure that a prefix is this consumer's and nobody else's. What is returned is a warning.
///
/// The prefix is without a slash at its end. `hard` is on the scale of [`Host::elapsed`].
///
/// # Errors
///
/// A fault of kind `consumer` where it is another's; else what is wrong with the bucket.
pub async fn claim<H: Host>(
    host: &H,
    bucket: &Bucket,
    prefix: &str,
    consumer: &str,
    hard: Duration,
) -> Result<Option<String>, Fault> {
    for around in around(prefix) {
        let key = key(around);
        let came = ask(host, bucket, read(host, bucket, &key)?, hard).await?;
        if let Came::Answer(answer) = came {
            check(bucket, (prefix, around), &key, consumer, &answer)?;
        }
    }
    let key = key(prefix);
    // Who loses a race finds the winner's marker the second time.
    for _ in 0..2 {
        match ask(host, bucket, read(host, bucket, &key)?, hard).await? {
            Came::Answer(answer) => {
                return check(bucket, (prefix, prefix), &key, consumer, &answer).map(|()| None);
            }
            // Without the right to list, a store tells nobody that an object is missing.
            Came::Missing | Came::Denied(_) => {}
            Came::Changed | Came::Unsupported => {
                return Err(odd("an answer to a condition that was not made"));
            }
        }
        let written = write(host, bucket, prefix, &key, consumer, true)?;
        match ask(host, bucket, written, hard).await {
            Ok(Came::Answer(_)) => return Ok(None),
            Ok(Came::Changed | Came::Missing) => {}
            Ok(Came::Denied(found)) => {
                return Ok(Some(format!(
                    "expected to be allowed to write {}, which tells others that the prefix is taken, but found {found}",
                    quoted(&key)
                )));
            }
            Ok(Came::Unsupported) => {
                let written = write(host, bucket, prefix, &key, consumer, false)?;
                let came = ask(host, bucket, written, hard).await?;
                if !matches!(came, Came::Answer(_)) {
                    return Err(odd("that it cannot be written"));
                }
            }
            Err(fault) => return Err(fault),
        }
    }
    Err(taken(
        bucket,
        (prefix, prefix),
        &key,
        "somebody whose name cannot be read",
    ))
}

/// The key of a prefix's marker.
pub fn key(prefix: &str) -> String {
    let (parent, name) = match prefix.rsplit_once('/') {
        Some((parent, name)) => (format!("{parent}/"), name),
        None => (String::new(), prefix),
    };
    format!("{parent}{NAME}{name}.json")
}

/// The prefixes that a prefix is in, the largest first: `a` and `a/b` for `a/b/c`.
fn around(prefix: &str) -> impl Iterator<Item = &str> {
    let slashes = prefix.match_indices('/');
    slashes.filter_map(|(at, _)| prefix.get(..at))
}

/// Whether a key is of a marker, which is nobody's log.
pub fn is_marker(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or_default();
    name.starts_with(NAME) && name.ends_with(".json")
}

fn read<H: Host>(host: &H, bucket: &Bucket, key: &str) -> Result<Outbound, Fault> {
    let request = bucket.get(key, None, 64 << 10, host.now());
    request.ok_or_else(|| odd("a prefix that no URL can carry"))
}

fn write<H: Host>(
    host: &H,
    bucket: &Bucket,
    prefix: &str,
    key: &str,
    consumer: &str,
    is_first: bool,
) -> Result<Outbound, Fault> {
    let now = host.now();
    let body = json!({
        "consumer": consumer,
        "prefix": format!("{prefix}/"),
        "since": now.to_rfc3339(),
    });
    let headers = [("content-type", "application/json"), ("if-none-match", "*")];
    let headers = headers
        .get(..if is_first { 2 } else { 1 })
        .unwrap_or_default();
    let request = bucket.put(key, headers, body.to_string().into_bytes(), now);
    request.ok_or_else(|| odd("a prefix that no URL can carry"))
}

fn check(
    bucket: &Bucket,
    prefixes: (&str, &str),
    key: &str,
    consumer: &str,
    answer: &Answer,
) -> Result<(), Fault> {
    let found: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    match found["consumer"].as_str() {
        Some(found) if found == consumer => Ok(()),
        Some(found) => Err(taken(bucket, prefixes, key, &quoted(found))),
        None => Err(taken(bucket, prefixes, key, "somebody without a name")),
    }
}

/// `around` is the prefix or one around it.
fn taken(bucket: &Bucket, (prefix, around): (&str, &str), key: &str, by: &str) -> Fault {
    let bucket = bucket.name();
    let what = match around == prefix {
        true => "it".to_owned(),
        false => format!("\"s3://{bucket}/{around}/\""),
    };
    Fault {
        kind: "consumer",
        message: format!(
            "expected \"s3://{bucket}/{prefix}/\" to be no other's, but found that {what} is taken by {by}; if that is no \
             longer so, delete \"s3://{bucket}/{key}\""
        ),
        retry_after: Duration::from_secs(60),
        alarm: true,
    }
}

fn odd(found: &str) -> Fault {
    Fault {
        kind: "unexpected",
        message: format!("expected a marker beside the prefix, but found {found}"),
        retry_after: Duration::from_secs(60),
        alarm: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_stands_beside_its_prefix() {
        for (prefix, expected) in [
            ("logs", ".udmill-consumer-logs.json"),
            ("a/b", "a/.udmill-consumer-b.json"),
            ("a/b/c", "a/b/.udmill-consumer-c.json"),
        ] {
            let key = key(prefix);
            assert_eq!(key, expected);
            assert!(is_marker(&key) && !key.starts_with(&format!("{prefix}/")));
        }
        for other in [
            "a/b.json",
            "a/.udmill-consumer-b",
            ".udmill-consumer-a.json/b",
        ] {
            assert!(!is_marker(other));
        }
    }
}
