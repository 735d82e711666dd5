//! Delivers what was stored.
//!
//! An entry leaves the spool only when it is safe elsewhere, so two drains at once may send twice and lose nothing.
//! No entry holds up the others: a destination that fails is left alone for this time, and what cannot be delivered
//! at all goes to quarantine.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use chrono::TimeDelta;

use crate::config::Config;
use crate::delivery::{Delivered, Delivery};
use crate::destination::Fault;
use crate::destination::google_token::Tokens;
use crate::host::{Host, StoreError};
use crate::store::quarantine::{self, About, Source};
use crate::store::spool::{self, Payload, Waiting};
use crate::store::{self, sweep};

/// How much one call does.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The most entries that are tried.
    pub entries: usize,
    /// When it ends, on the scale of [`Host::elapsed`].
    pub deadline: Duration,
}

/// What a drain did.
#[derive(Debug, Default)]
pub struct Drained {
    /// The entries that were tried, in order.
    pub entries: Vec<Done>,
    /// How many entries wait now, as far as this drain knows.
    pub left: usize,
    /// The store failed.
    pub fault: Option<Fault>,
}

/// What became of an entry.
#[derive(Debug)]
pub struct Done {
    /// The entry.
    pub waiting: Waiting,
    /// What became of it.
    pub outcome: Outcome,
    /// What its delivery came to; nothing if none was tried.
    pub delivered: Delivered,
}

/// What became of an entry, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is delivered, and gone from the spool.
    Delivered,
    /// It is in quarantine as a whole, and gone from the spool.
    Quarantined,
    /// It stays in the spool.
    Waits,
}

/// Delivers some of what waits, and sweeps once an hour.
pub async fn drain<H: Host>(host: &H, config: &Config, tokens: &Tokens, bounds: Bounds) -> Drained {
    let mut drain = Drain {
        host,
        config,
        tokens,
        deadline: bounds.deadline,
        is_careful: false,
        roads: BTreeMap::new(),
        drained: Drained::default(),
    };
    if let Err(fault) = drain.run(bounds.entries).await {
        drain.drained.fault = Some(fault);
    }
    drain.drained
}

/// The entry in hand of a drain that has not ended, and how many drains in turn have died over it: `{id} {times}`. It
/// is empty while the drain before has ended well, so that each entry costs no write of its own.
const DRAINING: &str = "draining";

/// An entry over which so many drains have died goes to quarantine.
const DEATHS: usize = 3;

/// After so many faults in a row a destination is left alone.
const FAULTS: usize = 2;

/// An entry that is older goes to quarantine if its destination takes others. Event Grid gives up after as long.
const AGE: TimeDelta = TimeDelta::hours(24);

struct Drain<'a, H> {
    host: &'a H,
    config: &'a Config,
    tokens: &'a Tokens,
    deadline: Duration,
    /// The drain before died, so every entry is marked before it is tried.
    is_careful: bool,
    roads: BTreeMap<String, Road>,
    drained: Drained,
}

/// What this drain knows of a destination.
#[derive(Default)]
struct Road {
    faults: usize,
    /// Old entries that failed since it last took one, and why.
    failed: Vec<(Waiting, String)>,
}

impl<H: Host> Drain<'_, H> {
    async fn run(&mut self, most: usize) -> Result<(), Fault> {
        let swept = sweep::sweep_hourly(self.host).await;
        let swept = swept.map(drop).map_err(store::fault);
        let waiting = spool::waiting(self.host).await.map_err(store::fault)?;
        let waiting = VecDeque::from(waiting);
        self.drained.left = waiting.len();
        if waiting.is_empty() {
            return swept;
        }
        let mark = self.host.get(DRAINING).await.map_err(store::fault)?;
        let drained = self.entries(waiting, mark, most).await;
        // Whatever happened, this drain has not died.
        let ended = self.host.delete(DRAINING).await;
        drained.and(ended.map_err(store::fault)).and(swept)
    }

    async fn entries(
        &mut self,
        mut waiting: VecDeque<Waiting>,
        mark: Option<Vec<u8>>,
        most: usize,
    ) -> Result<(), Fault> {
        self.is_careful = mark.is_some();
        let (suspect, deaths) = mark.as_deref().and_then(suspect).unwrap_or_default();
        if let Some(at) = waiting.iter().position(|it| it.id == suspect)
            && let Some(suspect) = waiting.remove(at)
        {
            waiting.push_front(suspect);
        }
        if !self.is_careful {
            self.mark("").await;
        }
        // Half of the drains begin with the newest: one entry that takes all the time does not hold up the others for
        // ever.
        let mut from_newest = suspect.is_empty() && self.host.random()[0] & 1 == 1;
        // The store may fail over one entry; failing over two, it ends the drain.
        let mut faults = Ok(());
        while self.drained.entries.len() < most && self.host.elapsed() < self.deadline {
            let next = match from_newest {
                true => waiting.pop_back(),
                false => waiting.pop_front(),
            };
            let Some(next) = next else { break };
            let deaths = if next.id == suspect { deaths } else { 0 };
            match self.one(next, deaths).await {
                Ok(false) => {}
                Ok(true) => from_newest = !from_newest,
                Err(fault) if faults.is_err() => return Err(fault),
                Err(fault) => {
                    faults = Err(fault);
                    from_newest = !from_newest;
                }
            }
        }
        faults
    }

    /// Tries an entry, and tells whether it failed. An error is the store's.
    async fn one(&mut self, waiting: Waiting, deaths: usize) -> Result<bool, Fault> {
        let is_old = self.host.now() - waiting.received > AGE;
        let feed = self.config.feeds.get(&waiting.feed);
        let destination = feed.map(|it| it.destination.clone()).unwrap_or_default();
        let road = self.roads.entry(destination.clone()).or_default();
        if road.faults >= FAULTS {
            return Ok(false);
        }
        if self.is_careful {
            self.mark(&format!("{} {}", waiting.id, deaths + 1)).await;
        }
        let read = spool::read(self.host, &waiting).await;
        let payload = match read.map_err(store::fault)? {
            Payload::Gone => {
                self.drained.left = self.drained.left.saturating_sub(1);
                return Ok(false);
            }
            Payload::Whole(payload) => payload,
            Payload::Broken if is_old => {
                let reason =
                    "expected all parts of the delivery in the store, but found some missing";
                let remains = store::parts::remains(self.host, &waiting.id, waiting.bytes).await;
                let remains = remains.map_err(store::fault)?;
                self.give_up(waiting, &destination, reason, &remains)
                    .await?;
                return Ok(true);
            }
            Payload::Broken => {
                let error = StoreError::Failed("that a part is missing".to_owned());
                let delivered = Delivered {
                    fault: Some(store::fault(error)),
                    ..Delivered::default()
                };
                self.done(waiting, Outcome::Waits, delivered);
                return Ok(true);
            }
        };
        let Some(feed) = feed else {
            let reason = format!("expected a feed {:?}, but found none", waiting.feed);
            self.give_up(waiting, &destination, &reason, &payload)
                .await?;
            return Ok(false);
        };
        if deaths >= DEATHS {
            let reason = format!("expected a delivery that ends, but found {deaths} that died");
            self.give_up(waiting, &destination, &reason, &payload)
                .await?;
            return Ok(false);
        }
        let delivery = Delivery {
            config: self.config,
            feed,
            payload: &payload,
            unlike: match waiting.has_ids {
                true => "",
                false => &waiting.id,
            },
            received: waiting.received,
            place: None,
        };
        let delivered = delivery
            .deliver(self.host, self.tokens, self.deadline)
            .await;
        let Some(fault) = &delivered.fault else {
            let removed = spool::remove(self.host, &waiting).await;
            self.done(waiting, Outcome::Delivered, delivered);
            removed.map_err(store::fault)?;
            self.works(&destination).await?;
            return Ok(false);
        };
        let road = self.roads.entry(destination).or_default();
        road.faults += 1;
        if is_old {
            road.failed.push((waiting.clone(), fault.message.clone()));
        }
        self.done(waiting, Outcome::Waits, delivered);
        Ok(true)
    }

    /// A destination has taken an entry: so the old ones that it did not take are themselves the reason.
    async fn works(&mut self, destination: &str) -> Result<(), Fault> {
        let road = self.roads.get_mut(destination).map(std::mem::take);
        for (waiting, reason) in road.unwrap_or_default().failed {
            let read = spool::read(self.host, &waiting).await;
            if let Payload::Whole(payload) = read.map_err(store::fault)? {
                self.give_up(waiting, destination, &reason, &payload)
                    .await?;
            }
        }
        Ok(())
    }

    /// Moves an entry to quarantine.
    async fn give_up(
        &mut self,
        waiting: Waiting,
        destination: &str,
        reason: &str,
        payload: &[u8],
    ) -> Result<(), Fault> {
        let about = About {
            feed: waiting.feed.clone(),
            destination: destination.to_owned(),
            received: waiting.received,
            source: Source::Undelivered,
            reason: reason.to_owned(),
            log: None,
            place: None,
        };
        let id = quarantine::put(self.host, about, payload).await;
        let id = id.map_err(store::fault)?;
        let removed = spool::remove(self.host, &waiting).await;
        let mut delivered = Delivered::default();
        delivered.quarantined.push(id);
        delivered.tally.quarantined = 1;
        self.done(waiting, Outcome::Quarantined, delivered);
        removed.map_err(store::fault)
    }

    fn done(&mut self, waiting: Waiting, outcome: Outcome, delivered: Delivered) {
        if outcome != Outcome::Waits {
            self.drained.left = self.drained.left.saturating_sub(1);
        }
        self.drained.entries.push(Done {
            waiting,
            outcome,
            delivered,
        });
    }

    /// A store that is full takes no mark, and needs the drain all the more.
    async fn mark(&self, text: &str) {
        let _ = self.host.set(DRAINING, text.as_bytes()).await;
    }
}

/// The entry over which drains have died, and how many.
fn suspect(mark: &[u8]) -> Option<(String, usize)> {
    let (id, deaths) = std::str::from_utf8(mark).ok()?.split_once(' ')?;
    Some((id.to_owned(), deaths.parse().ok()?))
}

#[cfg(test)]
mod loss;
#[cfg(test)]
mod tests;
