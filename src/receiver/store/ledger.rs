//! What destinations have accepted in the last 24 hours, so that a repeated delivery sends only what is missing.
//!
//! An entry's key holds its day, so that old ones are found without being read.

use chrono::{DateTime, TimeDelta, Utc};

use super::hex;
use crate::host::{Host, StoreError};

/// What the keys begin with.
pub const PREFIX: &str = "ledger:";

/// How long the ledger remembers. Event Grid repeats a delivery for no longer.
const KEPT: TimeDelta = TimeDelta::hours(24);

/// Whether a sub-request with this SHA-256 was accepted.
///
/// # Errors
///
/// When the store does not answer.
pub async fn knows<H: Host>(host: &H, digest: &[u8; 32]) -> Result<bool, StoreError> {
    let now = host.now();
    for day in [now, now - KEPT] {
        if let Some(value) = host.get(&key(day, digest)).await? {
            let text = std::str::from_utf8(&value).unwrap_or_default();
            let accepted = DateTime::parse_from_rfc3339(text);
            return Ok(accepted.is_ok_and(|it| now.signed_duration_since(it) < KEPT));
        }
    }
    Ok(false)
}

/// Remembers that a sub-request with this SHA-256 was accepted.
///
/// # Errors
///
/// When the store does not take it.
pub async fn accepted<H: Host>(host: &H, digest: &[u8; 32]) -> Result<(), StoreError> {
    let now = host.now();
    let value = now.to_rfc3339();
    host.set(&key(now, digest), value.as_bytes()).await
}

/// Whether the ledger needs the entry with this key no more.
pub fn is_old(key: &str, now: DateTime<Utc>) -> bool {
    let oldest = (now - KEPT).format("%Y%m%d").to_string();
    let rest = key.strip_prefix(PREFIX);
    let day = rest.and_then(|it| it.split(':').next());
    day.is_some_and(|day| day < oldest.as_str())
}

/// Half of the digest is enough to tell sub-requests apart.
fn key(day: DateTime<Utc>, digest: &[u8; 32]) -> String {
    let (digest, _) = digest.split_at(16);
    format!("{PREFIX}{}:{}", day.format("%Y%m%d"), hex(digest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Memory, block_on};
    use std::time::Duration;

    const DIGEST: [u8; 32] = [7; 32];
    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn what_was_accepted_is_known_for_a_day() {
        let host = Memory::new();
        assert_eq!(block_on(knows(&host, &DIGEST)), Ok(false));
        assert_eq!(block_on(accepted(&host, &DIGEST)), Ok(()));
        assert_eq!(block_on(knows(&host, &[8; 32])), Ok(false));
        for _ in 0..24 {
            assert_eq!(block_on(knows(&host, &DIGEST)), Ok(true));
            host.pass(HOUR);
        }
        assert_eq!(block_on(knows(&host, &DIGEST)), Ok(false));
    }

    #[test]
    fn an_entry_is_old_when_nobody_asks_for_its_day_any_more() {
        let host = Memory::new();
        block_on(accepted(&host, &DIGEST)).expect("a store");
        let keys = host.keys_under(PREFIX);
        for hours in 0..72 {
            let old = is_old(&keys[0], host.now());
            assert_eq!(old, hours >= 36, "after {hours} hours");
            assert!(!old || block_on(knows(&host, &DIGEST)) == Ok(false));
            host.pass(HOUR);
        }
    }

    #[test]
    fn a_store_that_does_not_answer_is_no_answer() {
        let host = Memory::new();
        let broken = StoreError::Failed("broken".to_owned());
        let error = broken.clone();
        host.break_store(move |_| Some(error.clone()));
        assert_eq!(block_on(knows(&host, &DIGEST)), Err(broken.clone()));
        assert_eq!(block_on(accepted(&host, &DIGEST)), Err(broken));
    }
}
