//! Removes what a process that died has left over, and what the ledger needs no more.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::quarantine::Entry;
use super::spool::Waiting;
use super::{ledger, parts, quarantine, time_of};
use crate::host::{Host, StoreError};

/// When the last sweep was.
pub const SWEPT: &str = "swept";

/// Parts that are younger may still get their index entry, and so may a request that takes as long as none can.
const AGE: TimeDelta = TimeDelta::hours(1);

/// The most keys that one sweep removes: as many as take little of a drain's time. The next one goes on.
const MOST: usize = 500;

/// Sweeps if the last time is an hour ago or if there was more to do, and tells how many keys were removed.
///
/// # Errors
///
/// When the store fails.
pub async fn sweep_hourly<H: Host>(host: &H) -> Result<usize, StoreError> {
    let now = host.now();
    let last = host.get(SWEPT).await?.unwrap_or_default();
    let last = std::str::from_utf8(&last).unwrap_or_default();
    let last = DateTime::parse_from_rfc3339(last);
    if last.is_ok_and(|it| now.signed_duration_since(it).abs() < AGE) {
        return Ok(0);
    }
    let removed = sweep(host, MOST).await?;
    if removed < MOST {
        // A store that is full takes no note, and is swept again.
        let _ = host.set(SWEPT, now.to_rfc3339().as_bytes()).await;
    }
    Ok(removed)
}

/// Removes parts that are older than an hour and that no index entry names, and old entries of the ledger; `most`
/// keys in all.
///
/// # Errors
///
/// When the store fails.
pub async fn sweep<H: Host>(host: &H, most: usize) -> Result<usize, StoreError> {
    let now = host.now();
    let may_go = |key: &str| !key.starts_with(ledger::PREFIX) || ledger::is_old(key, now);
    let keys = host.keys(may_go).await?;
    let spooled = keys.iter().filter_map(|key| Waiting::of(key));
    let spooled: BTreeSet<String> = spooled.map(|it| it.id).collect();
    let mut old: Vec<&str> = Vec::new();
    let mut unnamed: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for key in &keys {
        match parts::id_of(key) {
            Some(id) if is_old(id, now) && !spooled.contains(id) => {
                unnamed.entry(id).or_default().push(key);
            }
            None if ledger::is_old(key, now) => old.push(key),
            _ => {}
        }
    }
    for (id, parts) in unnamed {
        if old.len() >= most {
            break;
        }
        if !is_quarantined(host, id).await? {
            old.extend(parts);
        }
    }
    old.truncate(most);
    for key in &old {
        host.delete(key).await?;
    }
    Ok(old.len())
}

fn is_old(id: &str, now: DateTime<Utc>) -> bool {
    time_of(id).is_some_and(|(time, _)| now - time > AGE)
}

/// Whether the quarantine names these parts. Asked of the store at this moment, as the keys were listed a while ago.
async fn is_quarantined<H: Host>(host: &H, id: &str) -> Result<bool, StoreError> {
    let Some((_, rest)) = time_of(id) else {
        return Ok(true);
    };
    let entry = host.get(&quarantine::key(rest)).await?;
    // An entry that nobody can read may name them.
    let names = |value: Vec<u8>| Entry::from_json(&value).is_none_or(|it| it.parts == id);
    Ok(entry.is_some_and(names))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::quarantine::{About, Source};
    use crate::store::spool;
    use crate::testing::{Memory, block_on, run};
    use std::time::Duration;

    const HOUR: Duration = Duration::from_secs(3600);

    fn about() -> About {
        About {
            feed: "azdo".to_owned(),
            destination: "main".to_owned(),
            received: "2026-03-14T12:00:00Z".parse().expect("a time"),
            source: Source::Refused,
            reason: "no".to_owned(),
            log: None,
            place: None,
        }
    }

    #[test]
    fn parts_without_an_index_entry_go_after_an_hour() {
        let payload = vec![b'x'; 600 << 10];
        let host = Memory::new();
        host.crash_before(2);
        assert_eq!(run(spool::put(&host, "azdo", "r", true, &payload)), None);
        host.crash_before(3);
        assert_eq!(run(quarantine::put(&host, about(), &payload)), None);
        host.restart();
        assert_eq!(host.keys_under(parts::PREFIX).len(), 4);
        assert_eq!(block_on(sweep(&host, MOST)), Ok(0));
        host.pass(HOUR);
        assert_eq!(block_on(sweep(&host, MOST)), Ok(0));
        host.pass(Duration::from_secs(1));
        assert_eq!(block_on(sweep(&host, MOST)), Ok(4));
        assert_eq!(host.keys_under(""), [""; 0]);
    }

    #[test]
    fn what_waits_or_is_in_quarantine_stays_however_old() {
        let host = Memory::new();
        let payload = vec![b'x'; 600 << 10];
        block_on(spool::put(&host, "azdo", "r", true, &payload)).expect("a store");
        block_on(quarantine::put(&host, about(), &payload)).expect("a store");
        let before = host.keys_under("");
        host.pass(1000 * HOUR);
        assert_eq!(block_on(sweep(&host, MOST)), Ok(0));
        assert_eq!(host.keys_under(""), before);
    }

    #[test]
    fn parts_that_were_written_for_an_entry_that_has_others_go() {
        let host = Memory::new();
        host.crash_before(2);
        assert_eq!(run(quarantine::put(&host, about(), b"x")), None);
        host.restart();
        host.pass(Duration::from_secs(1));
        let id = block_on(quarantine::put(&host, about(), b"x")).expect("a store");
        host.pass(2 * HOUR);
        assert_eq!(block_on(sweep(&host, MOST)), Ok(1));
        let entry = block_on(quarantine::get(&host, &id))
            .expect("a store")
            .expect("an entry");
        assert_eq!(
            block_on(quarantine::raw(&host, &entry)),
            Ok(Some(b"x".to_vec()))
        );
    }

    #[test]
    fn a_sweep_that_has_much_to_do_goes_on_the_next_time() {
        let host = Memory::new();
        for at in 0..1200_u32 {
            let mut digest = [0; 32];
            digest[..4].copy_from_slice(&at.to_be_bytes());
            block_on(ledger::accepted(&host, &digest)).expect("a store");
        }
        host.pass(48 * HOUR);
        let removed = [(); 4].map(|()| block_on(sweep_hourly(&host)).expect("a store"));
        assert_eq!(removed, [MOST, MOST, 200, 0]);
    }

    #[test]
    fn a_full_store_is_swept() {
        let host = Memory::new();
        block_on(ledger::accepted(&host, &[7; 32])).expect("a store");
        host.pass(48 * HOUR);
        host.break_store(|it| (it.operation == "set").then_some(StoreError::Full));
        assert_eq!(block_on(sweep_hourly(&host)), Ok(1));
    }

    #[test]
    fn the_ledger_forgets_and_a_sweep_is_made_once_an_hour() {
        let host = Memory::new();
        block_on(ledger::accepted(&host, &[7; 32])).expect("a store");
        let removed: Vec<usize> = (0..96)
            .map(|_| {
                let removed = block_on(sweep_hourly(&host)).expect("a store");
                host.pass(HOUR / 2);
                removed
            })
            .collect();
        assert_eq!(removed.iter().sum::<usize>(), 1);
        assert_eq!(host.keys_under(""), [SWEPT]);
        let calls = host.calls.get();
        host.pass(HOUR / 2);
        block_on(sweep_hourly(&host)).expect("a store");
        let swept = host.calls.get() - calls;
        block_on(sweep_hourly(&host)).expect("a store");
        assert!(host.calls.get() - calls - swept == 1 && swept > 1);
    }
}
