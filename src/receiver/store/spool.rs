//! Deliveries that were acknowledged when they were stored, until a drain has delivered them.
//!
//! The key of an entry tells its feed, its time and its length, so that the state of the spool is known without
//! reading it.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

use super::{hex, id_at, parts, time_of};
use crate::host::{Host, StoreError};

/// What the keys begin with.
pub const PREFIX: &str = "spool:";

/// An entry of the spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Of its parts; sorts by time.
    pub id: String,
    /// The feed that it came to.
    pub feed: String,
    /// When it was received.
    pub received: DateTime<Utc>,
    /// The length of the payload.
    pub bytes: usize,
    /// Whether its logs carry their sender's ids.
    pub has_ids: bool,
}

/// What the key of a delivery without ids ends with.
const RAW: &str = ":raw";

/// What an entry of the spool holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// Somebody has delivered it.
    Gone,
    /// The payload.
    Whole(Vec<u8>),
    /// The store has lost a part of it.
    Broken,
}

/// What waits of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// How many deliveries.
    pub entries: usize,
    /// The length of their payloads.
    pub bytes: usize,
    /// When the oldest of them was received.
    pub oldest: DateTime<Utc>,
}

/// Stores a delivery. It is safe when this returns its id, and not before.
///
/// # Errors
///
/// When the store does not take it; then nothing of it remains, or a sweep removes what does.
pub async fn put<H: Host>(
    host: &H,
    feed: &str,
    request_id: &str,
    has_ids: bool,
    payload: &[u8],
) -> Result<String, StoreError> {
    let received = host.now();
    let waiting = Waiting {
        id: id_at(received, &hex(&host.random())),
        feed: feed.to_owned(),
        received,
        bytes: payload.len(),
        has_ids,
    };
    parts::write(host, &waiting.id, payload).await?;
    let index = json!({
        "feed": feed,
        "received": received.to_rfc3339_opts(SecondsFormat::Micros, true),
        "bytes": payload.len(),
        "parts": parts::count(payload.len()),
        "request_id": request_id,
    });
    let index = index.to_string();
    if let Err(error) = host.set(&waiting.key(), index.as_bytes()).await {
        // It may have been written all the same. The parts go only if it is gone for sure.
        let _ = remove(host, &waiting).await;
        return Err(error);
    }
    Ok(waiting.id)
}

/// The entries, the oldest first.
///
/// # Errors
///
/// When the store does not answer.
pub async fn waiting<H: Host>(host: &H) -> Result<Vec<Waiting>, StoreError> {
    let keys = host.keys(|key| key.starts_with(PREFIX)).await?;
    let mut waiting: Vec<_> = keys.iter().filter_map(|key| Waiting::of(key)).collect();
    waiting.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    Ok(waiting)
}

/// What an entry holds now.
///
/// # Errors
///
/// When the store does not answer.
pub async fn read<H: Host>(host: &H, waiting: &Waiting) -> Result<Payload, StoreError> {
    if host.get(&waiting.key()).await?.is_none() {
        return Ok(Payload::Gone);
    }
    if let Some(bytes) = parts::read(host, &waiting.id, waiting.bytes).await? {
        return Ok(Payload::Whole(bytes));
    }
    // Another drain removes the index entry before the parts.
    match host.get(&waiting.key()).await?.is_none() {
        true => Ok(Payload::Gone),
        false => Ok(Payload::Broken),
    }
}

/// Removes an entry that is safe elsewhere.
///
/// # Errors
///
/// When the store fails; then the entry may be delivered once more, and parts that remain are swept.
pub async fn remove<H: Host>(host: &H, waiting: &Waiting) -> Result<(), StoreError> {
    host.delete(&waiting.key()).await?;
    parts::delete(host, &waiting.id, waiting.bytes).await
}

/// What waits, by feed.
pub fn state(waiting: &[Waiting]) -> BTreeMap<&str, State> {
    let mut feeds: BTreeMap<&str, State> = BTreeMap::new();
    for it in waiting {
        let state = feeds.entry(&it.feed).or_insert(State {
            entries: 0,
            bytes: 0,
            oldest: it.received,
        });
        state.entries += 1;
        state.bytes += it.bytes;
        state.oldest = state.oldest.min(it.received);
    }
    feeds
}

impl Waiting {
    /// The entry that a key of the store belongs to.
    pub fn of(key: &str) -> Option<Waiting> {
        let rest = key.strip_prefix(PREFIX)?;
        let raw = rest.strip_suffix(RAW);
        let mut rest = raw.unwrap_or(rest).rsplitn(3, ':');
        let (bytes, id, feed) = (rest.next()?, rest.next()?, rest.next()?);
        Some(Waiting {
            received: time_of(id)?.0,
            id: id.to_owned(),
            feed: feed.to_owned(),
            bytes: bytes.parse().ok()?,
            has_ids: raw.is_none(),
        })
    }

    /// The key of its index entry.
    pub fn key(&self) -> String {
        let end = if self.has_ids { "" } else { RAW };
        format!("{PREFIX}{}:{}:{}{end}", self.feed, self.id, self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Memory, block_on, run};
    use std::time::Duration;

    #[test]
    fn a_stored_delivery_comes_back_and_goes_without_a_trace() {
        let host = Memory::new();
        let payload = vec![b'x'; 600 << 10];
        let id = block_on(put(&host, "azdo", "r1", true, &payload)).expect("a store");
        let waiting = block_on(waiting(&host)).expect("a store");
        let [entry] = waiting.as_slice() else {
            panic!("expected one entry, but found {waiting:?}");
        };
        assert_eq!((&entry.id, entry.feed.as_str()), (&id, "azdo"));
        assert_eq!((entry.received, entry.bytes), (host.start, payload.len()));
        assert_eq!(block_on(read(&host, entry)), Ok(Payload::Whole(payload)));
        assert_eq!(block_on(remove(&host, entry)), Ok(()));
        assert_eq!(block_on(read(&host, entry)), Ok(Payload::Gone));
        assert_eq!(host.keys_under(""), [""; 0]);
    }

    #[test]
    fn whenever_the_process_dies_an_entry_has_all_its_parts() {
        let payload = vec![b'x'; 600 << 10];
        for call in 0..6 {
            let host = Memory::new();
            host.crash_before(call);
            let stored = run(put(&host, "azdo", "r1", true, &payload));
            host.restart();
            let waiting = block_on(waiting(&host)).expect("a store");
            assert_eq!(
                waiting.len(),
                usize::from(stored.is_some()),
                "at call {call}"
            );
            for entry in &waiting {
                let read = block_on(read(&host, entry));
                assert_eq!(read, Ok(Payload::Whole(payload.clone())));
            }
        }
    }

    #[test]
    fn a_delivery_that_the_store_does_not_take_is_not_there() {
        for failing in 0..4 {
            let host = Memory::new();
            host.break_store(move |call| (call.before == failing).then_some(StoreError::Full));
            let stored = block_on(put(&host, "azdo", "r1", true, &vec![b'x'; 600 << 10]));
            assert_eq!(stored, Err(StoreError::Full));
            assert_eq!(host.keys_under(""), [""; 0]);
        }
    }

    #[test]
    fn parts_stay_if_their_entry_may_have_been_written() {
        let host = Memory::new();
        host.break_store(|call| {
            let broken = || StoreError::Failed("no answer".to_owned());
            call.key.starts_with(PREFIX).then(broken)
        });
        assert!(block_on(put(&host, "azdo", "r1", true, b"x")).is_err());
        assert_eq!(host.keys_under(parts::PREFIX).len(), 1);
    }

    #[test]
    fn a_part_that_the_store_lost_is_told() {
        let host = Memory::new();
        block_on(put(&host, "azdo", "r1", true, b"x")).expect("a store");
        let part = host.keys_under(parts::PREFIX).remove(0);
        host.store.borrow_mut().remove(&part);
        let waiting = block_on(waiting(&host)).expect("a store");
        assert_eq!(block_on(read(&host, &waiting[0])), Ok(Payload::Broken));
    }

    #[test]
    fn the_state_is_known_by_feed() {
        let host = Memory::new();
        for (feed, payload) in [("b", "12"), ("a", "345"), ("b", "6")] {
            block_on(put(&host, feed, "r", true, payload.as_bytes())).expect("a store");
            host.pass(Duration::from_secs(60));
        }
        let waiting = block_on(waiting(&host)).expect("a store");
        let state = state(&waiting);
        let feeds: Vec<_> = state.keys().copied().collect();
        assert_eq!(feeds, ["a", "b"]);
        assert_eq!((state["b"].entries, state["b"].bytes), (2, 3));
        assert_eq!(state["b"].oldest, host.start);
        assert_eq!(state["a"].oldest, host.start + Duration::from_secs(60));
    }
}
