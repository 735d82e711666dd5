//! Where a feed stands: one small value, written a few times a call.
//!
//! It names whoever is at work, so that a second call leaves the prefix alone; a store without atomic updates makes
//! that a courtesy and no lock, and two at once may take an object twice but lose none. A call that ends in order
//! takes its name out again. One that does not has died, and the next one writes down each piece of an object before
//! it reads it: so an object that kills every reader is known.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use udmill_receiver::Host;
use udmill_receiver::destination::Fault;
use udmill_receiver::host::StoreError;
use udmill_receiver::store::{self, hex};

use super::object::Position;

/// What the keys of all feeds' progress begin with.
pub const PREFIX: &str = "pull:";

/// The state of a feed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Of this layout.
    pub version: u32,
    /// What tells this store's feed from others of the same name.
    pub id: String,
    /// Who is at work.
    pub lease: Option<Lease>,
    /// Behind which key the walk goes on.
    pub after: String,
    /// An object that is taken in part.
    pub open: Option<Open>,
    /// What was in hand when a call died, and how many did.
    pub hand: Option<Hand>,
}

/// Who is at work, and until when in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    pub by: String,
    pub until: i64,
}

/// An object that is taken in part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Open {
    /// Its digest in hexadecimal.
    pub object: String,
    pub at: Position,
}

/// A piece of an object, and how many calls have died over it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Hand {
    /// Its digest in hexadecimal.
    pub object: String,
    pub piece: u64,
    pub deaths: u32,
}

/// The layout that this is.
const VERSION: u32 = 1;
/// How long nobody else may take the turn of whoever does not renew it, and when it is renewed, in milliseconds.
const LEASE: i64 = 5_000;
const RENEWED: i64 = 3_000;

/// What the keys of a feed's progress in a prefix begin with.
pub fn name(feed: &str, bucket: &str, prefix: &str) -> String {
    let digest = Sha256::new()
        .chain_update((bucket.len() as u64).to_le_bytes())
        .chain_update(bucket)
        .chain_update(prefix)
        .finalize();
    let short = hex(digest.get(..8).unwrap_or_default());
    format!("{PREFIX}{feed}:{short}")
}

/// A state that this call may change, until its lease is up.
pub struct Held<'h, H> {
    host: &'h H,
    key: &'h str,
    pub state: State,
    written: State,
    /// Whether the call before has died.
    pub is_careful: bool,
}

impl<'h, H: Host> Held<'h, H> {
    /// Reads the state and takes the turn; or tells for how long somebody else has it.
    ///
    /// # Errors
    ///
    /// When the store fails, or has something else.
    pub async fn take(host: &'h H, key: &'h str) -> Result<Result<Held<'h, H>, Duration>, Fault> {
        let value = host.get(key).await.map_err(store::fault)?;
        let state = match value {
            None => State::default(),
            Some(value) => read(&value).map_err(store::fault)?,
        };
        let now = host.now().timestamp_millis();
        let left = state.lease.as_ref().map_or(0, |it| it.until - now);
        if left > 0 {
            return Ok(Err(Duration::from_millis(left.unsigned_abs())));
        }
        let mut held = Held {
            host,
            key,
            is_careful: state.lease.is_some(),
            written: state.clone(),
            state,
        };
        let state = &mut held.state;
        state.version = VERSION;
        if state.id.is_empty() {
            state.id = hex(host.random().get(..8).unwrap_or_default());
        }
        match &mut state.hand {
            Some(hand) if held.is_careful => hand.deaths += 1,
            hand => *hand = None,
        }
        state.lease = Some(Lease {
            by: hex(&host.random()),
            until: now + LEASE,
        });
        held.save().await?;
        Ok(Ok(held))
    }

    /// Writes the state, if it has changed.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn save(&mut self) -> Result<(), Fault> {
        if self.state == self.written {
            return Ok(());
        }
        let value = serde_json::to_vec(&self.state).unwrap_or_default();
        let written = self.host.set(self.key, &value).await;
        written.map_err(store::fault)?;
        self.written = self.state.clone();
        Ok(())
    }

    /// Ends the lease.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn release(mut self) -> Result<(), Fault> {
        self.state.lease = None;
        self.state.hand = None;
        self.save().await
    }

    /// Renews the lease in time.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn renew(&mut self) -> Result<(), Fault> {
        let now = self.host.now().timestamp_millis();
        let lease = self.state.lease.as_mut();
        if let Some(lease) = lease.filter(|it| it.until - now < RENEWED) {
            lease.until = now + LEASE;
            self.save().await?;
        }
        Ok(())
    }

    /// Renews the lease in time, and writes down what is in hand, after a death. Tells how many have died over it.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn hold(&mut self, object: &str, piece: u64) -> Result<u32, Fault> {
        self.renew().await?;
        if !self.is_careful {
            return Ok(0);
        }
        let deaths = match &self.state.hand {
            Some(hand) if hand.object == object && hand.piece == piece => hand.deaths,
            _ => 0,
        };
        self.state.hand = Some(Hand {
            object: object.to_owned(),
            piece,
            deaths,
        });
        self.save().await?;
        Ok(deaths)
    }
}

impl<H: Host> Held<'_, H> {
    /// What was in hand is read: whoever dies from here on dies of something else.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn let_go(&mut self) -> Result<(), Fault> {
        self.state.hand = None;
        self.save().await
    }
}

fn read(value: &[u8]) -> Result<State, StoreError> {
    let state: Option<State> = serde_json::from_slice(value).ok();
    state.filter(|it| it.version == VERSION).ok_or_else(|| {
        let found =
            format!("expected a feed's state of version {VERSION}, but found something else");
        StoreError::Failed(found)
    })
}
