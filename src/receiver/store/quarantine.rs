//! Logs that no destination takes: kept with the reason until somebody replays or deletes them.
//!
//! An entry's id comes from the feed and the log's bytes, so that a repeated delivery does not double it. Its parts
//! have an id of their own, which begins with the time: whoever writes the same log at the same time writes other
//! parts, and those that no entry names are swept.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{hex, id_at, parts};
use crate::host::{Host, StoreError};

/// What the keys begin with.
pub const PREFIX: &str = "quarantine:";

/// The most characters of a reason.
const REASON: usize = 1000;

/// Why a log is in quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The normalizer made no event of it.
    Rejected,
    /// The destination will never take it.
    Refused,
    /// A stored delivery that cannot be delivered, as a whole.
    Undelivered,
}

/// What is told of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The feed that it came to.
    pub feed: String,
    /// The destination that it did not go to.
    pub destination: String,
    /// When it was received.
    pub received: DateTime<Utc>,
    /// Who did not take it.
    pub source: Source,
    /// Why not.
    pub reason: String,
    /// Its index in its delivery; none for a whole delivery.
    pub log: Option<usize>,
    /// Where it stood, if not in a request: `s3://audit/logs/a.jsonl at byte 1234`.
    pub place: Option<String>,
}

/// An entry of the quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What the routes call it.
    pub id: String,
    /// Everything else but the log.
    pub about: About,
    /// The length of the log.
    pub bytes: usize,
    /// The id of its parts.
    pub parts: String,
}

/// Puts a log into quarantine, unless it is there already, and gives its id.
///
/// # Errors
///
/// When the store does not take it, or does not tell whether it has it.
pub async fn put<H: Host>(host: &H, about: About, raw: &[u8]) -> Result<String, StoreError> {
    let id = id(&about.feed, raw);
    if host.get(&key(&id)).await?.is_some() {
        return Ok(id);
    }
    let entry = Entry {
        parts: id_at(host.now(), &id),
        bytes: raw.len(),
        about,
        id,
    };
    parts::write(host, &entry.parts, raw).await?;
    let value = entry.to_json().to_string();
    host.set(&key(&entry.id), value.as_bytes()).await?;
    Ok(entry.id)
}

/// An entry; none if there is no such one.
///
/// # Errors
///
/// When the store does not answer, or has something else under its key.
pub async fn get<H: Host>(host: &H, id: &str) -> Result<Option<Entry>, StoreError> {
    let Some(value) = host.get(&key(id)).await? else {
        return Ok(None);
    };
    match Entry::from_json(&value) {
        Some(entry) => Ok(Some(entry)),
        None => Err(StoreError::Failed(
            "expected an entry of the quarantine, but found something else".to_owned(),
        )),
    }
}

/// The log of an entry; none if it was deleted meanwhile.
///
/// # Errors
///
/// When the store does not answer.
pub async fn raw<H: Host>(host: &H, entry: &Entry) -> Result<Option<Vec<u8>>, StoreError> {
    parts::read(host, &entry.parts, entry.bytes).await
}

/// Some entries in the order of their ids, from behind the id `after`, and whether there are more.
///
/// # Errors
///
/// When the store does not answer.
pub async fn list<H: Host>(
    host: &H,
    after: &str,
    most: usize,
) -> Result<(Vec<Entry>, bool), StoreError> {
    let keys = host.keys(|key| key.starts_with(PREFIX)).await?;
    let ids = keys.iter().filter_map(|key| key.strip_prefix(PREFIX));
    let mut ids: Vec<&str> = ids.filter(|id| *id > after).collect();
    ids.sort_unstable();
    let mut entries = Vec::new();
    for id in ids.iter().take(most) {
        // One that is deleted meanwhile, or that nobody can read, hides no other.
        if let Some(value) = host.get(&key(id)).await? {
            entries.extend(Entry::from_json(&value));
        }
    }
    Ok((entries, ids.len() > most))
}

/// Removes an entry, and tells whether there was one.
///
/// # Errors
///
/// When the store fails; parts that remain are swept.
pub async fn delete<H: Host>(host: &H, id: &str) -> Result<bool, StoreError> {
    let Some(value) = host.get(&key(id)).await? else {
        return Ok(false);
    };
    host.delete(&key(id)).await?;
    if let Some(entry) = Entry::from_json(&value) {
        parts::delete(host, &entry.parts, entry.bytes).await?;
    }
    Ok(true)
}

/// The key of an entry.
pub fn key(id: &str) -> String {
    format!("{PREFIX}{id}")
}

/// The feed of an entry with this id.
pub fn feed_of(id: &str) -> Option<&str> {
    id.rsplit_once('.').map(|(feed, _)| feed)
}

fn id(feed: &str, raw: &[u8]) -> String {
    let digest = Sha256::digest(raw);
    format!("{feed}.{}", hex(&digest[..16]))
}

impl Source {
    /// As it is called in an entry.
    pub fn name(self) -> &'static str {
        match self {
            Source::Rejected => "rejected",
            Source::Refused => "refused",
            Source::Undelivered => "undelivered",
        }
    }
}

impl Entry {
    /// As it is stored, and as the routes show it.
    pub fn to_json(&self) -> Value {
        let about = &self.about;
        let reason: String = about.reason.chars().take(REASON).collect();
        json!({
            "id": self.id,
            "feed": about.feed,
            "destination": about.destination,
            "received": about.received.to_rfc3339_opts(SecondsFormat::Micros, true),
            "source": about.source.name(),
            "reason": reason,
            "log": about.log,
            "place": about.place,
            "bytes": self.bytes,
            "parts": self.parts,
        })
    }

    /// What [`Entry::to_json`] wrote.
    pub(super) fn from_json(value: &[u8]) -> Option<Entry> {
        let value: Value = serde_json::from_slice(value).ok()?;
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let number = |key: &str| usize::try_from(value.get(key)?.as_u64()?).ok();
        let sources = [Source::Rejected, Source::Refused, Source::Undelivered];
        let source = text("source")?;
        Some(Entry {
            id: text("id")?,
            about: About {
                feed: text("feed")?,
                destination: text("destination")?,
                received: text("received")?.parse().ok()?,
                source: sources.into_iter().find(|it| it.name() == source)?,
                reason: text("reason")?,
                log: number("log"),
                place: text("place"),
            },
            bytes: number("bytes")?,
            parts: text("parts")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Memory, block_on, run};

    fn about(feed: &str) -> About {
        About {
            feed: feed.to_owned(),
            destination: "main".to_owned(),
            received: "2026-03-14T12:00:00Z".parse().expect("a time"),
            source: Source::Rejected,
            reason: "expected a time at `Timestamp`, but found none".to_owned(),
            log: Some(3),
            place: Some("s3://audit/a at byte 7".to_owned()),
        }
    }

    #[test]
    fn a_log_comes_back_with_all_that_was_told_of_it() {
        let host = Memory::new();
        let raw = vec![0xff; 600 << 10];
        let id = block_on(put(&host, about("azdo"), &raw)).expect("a store");
        assert_eq!(feed_of(&id), Some("azdo"));
        let entry = block_on(get(&host, &id))
            .expect("a store")
            .expect("an entry");
        assert_eq!(
            (&entry.id, &entry.about, entry.bytes),
            (&id, &about("azdo"), raw.len())
        );
        assert_eq!(block_on(self::raw(&host, &entry)), Ok(Some(raw)));
    }

    #[test]
    fn a_log_that_comes_again_is_not_doubled() {
        let host = Memory::new();
        let ids = [("a", "1"), ("a", "1"), ("a", "2"), ("b", "1")]
            .map(|(feed, raw)| block_on(put(&host, about(feed), raw.as_bytes())).expect("a store"));
        assert_eq!(ids[0], ids[1]);
        assert_eq!(host.keys_under(PREFIX).len(), 3);
        assert_eq!(host.keys_under(parts::PREFIX).len(), 3);
    }

    #[test]
    fn entries_are_listed_in_pages() {
        let host = Memory::new();
        for raw in ["1", "2", "3", "4", "5"] {
            block_on(put(&host, about("a"), raw.as_bytes())).expect("a store");
        }
        let (mut after, mut seen) = (String::new(), Vec::new());
        loop {
            let (entries, more) = block_on(list(&host, &after, 2)).expect("a store");
            seen.extend(entries.into_iter().map(|it| it.id));
            after.clone_from(seen.last().expect("an entry"));
            if !more {
                break;
            }
        }
        let keys = host.keys_under(PREFIX);
        let ids: Vec<&str> = keys
            .iter()
            .filter_map(|it| it.strip_prefix(PREFIX))
            .collect();
        assert_eq!(seen, ids);
    }

    #[test]
    fn a_deleted_entry_leaves_nothing() {
        let host = Memory::new();
        let id = block_on(put(&host, about("a"), b"1")).expect("a store");
        assert_eq!(block_on(delete(&host, &id)), Ok(true));
        assert_eq!(block_on(delete(&host, &id)), Ok(false));
        assert_eq!(host.keys_under(""), [""; 0]);
    }

    #[test]
    fn whenever_the_process_dies_an_entry_has_all_its_parts() {
        let raw = vec![b'x'; 600 << 10];
        for call in 0..6 {
            let host = Memory::new();
            host.crash_before(call);
            let id = run(put(&host, about("a"), &raw));
            host.restart();
            let (entries, _) = block_on(list(&host, "", 9)).expect("a store");
            assert_eq!(entries.len(), usize::from(id.is_some()), "at call {call}");
            for entry in entries {
                assert_eq!(block_on(self::raw(&host, &entry)), Ok(Some(raw.clone())));
            }
            let again = block_on(put(&host, about("a"), &raw)).expect("a store");
            assert_eq!(host.keys_under(PREFIX), [key(&again)]);
        }
    }
}
