//! The durable store: what was acknowledged and is not delivered yet, what no destination takes, and what was
//! accepted already.
//!
//! It is a key-value store without atomic updates and with small values, so that all of Spin's stores serve. Whatever
//! is larger than a value is written as parts, and counts only when its index entry is written, which happens last;
//! what is deleted loses its index entry first. So at any moment every index entry has all its parts, and parts
//! without one are left-overs.
//!
//! | key | value |
//! | --- | --- |
//! | `spool:{feed}:{id}:{bytes}` | a delivery that waits, see [`spool`] |
//! | `quarantine:{feed}.{digest}` | a log that nobody takes, see [`quarantine`] |
//! | `parts:{id}:{n}` | a piece of either's bytes, see [`parts`] |
//! | `ledger:{day}:{digest}` | when a sub-request was accepted, see [`ledger`] |
//! | `keys:{digest}` | signing keys of a tenant, see [`crate::auth::entra`] |
//! | `pull:{feed}:{prefix}` and more | how far a feed is read out of its bucket: the collector's |
//! | `swept` | when left-overs were last removed, see [`sweep`] |
//! | `draining` | a drain that has not ended, so that one that died is known |
//! | `probe` | nothing, while somebody asks whether the store can be written to, see [`probe`] |
//!
//! Keys have no `/`, `\`, `?` or `#`, which Azure Cosmos DB does not allow in the id of an item
//! (<https://learn.microsoft.com/rest/api/cosmos-db/documents>, read in 2026).

pub mod ledger;
pub mod parts;
pub mod quarantine;
pub mod spool;
pub mod sweep;

use std::fmt::Write;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};

use crate::destination::Fault;
use crate::host::{Host, StoreError};

/// The key that [`probe`] writes. What two write at once is the same.
const PROBE: &str = "probe";
/// As large as a delivery of a few events: a last free page of the store's file is no room for one.
const PROBE_SIZE: usize = 8 << 10;

/// How ids tell the time, so that they sort by it.
const TIME: &str = "%Y%m%dT%H%M%S.%6f";

/// An id that begins with a time.
pub fn id_at(time: DateTime<Utc>, rest: &str) -> String {
    format!("{}-{rest}", time.format(TIME))
}

/// The time that an id begins with, and the rest of it.
pub fn time_of(id: &str) -> Option<(DateTime<Utc>, &str)> {
    let (time, rest) = id.split_once('-')?;
    let time = NaiveDateTime::parse_from_str(time, TIME).ok()?;
    Some((time.and_utc(), rest))
}

/// What a store that does not answer means to whoever delivers. It may come back by itself; but while it is away nothing
/// is acknowledged, and one that is full stays so until somebody makes room.
pub fn fault(error: StoreError) -> Fault {
    let found = match error {
        StoreError::Full => "that it is full".to_owned(),
        StoreError::Failed(why) => why,
    };
    Fault {
        kind: "store",
        message: format!("expected an answer from the store, but found {found}"),
        retry_after: Duration::from_secs(30),
        alarm: true,
    }
}

/// Whether the store takes what is written to it, and gives it up again: one that is full, or may only be read, still
/// answers questions.
///
/// # Errors
///
/// What the store says.
pub async fn probe<H: Host>(host: &H) -> Result<(), StoreError> {
    host.set(PROBE, &[0; PROBE_SIZE]).await?;
    host.delete(PROBE).await
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_its_time() {
        let time = "2026-03-14T12:00:00.000123Z".parse().expect("a time");
        let id = id_at(time, "azdo.00ff-1");
        assert_eq!(id, "20260314T120000.000123-azdo.00ff-1");
        assert_eq!(time_of(&id), Some((time, "azdo.00ff-1")));
        assert_eq!(time_of("azdo.00ff"), None);
    }
}
