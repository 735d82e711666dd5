//! Delivers once more what is in quarantine.

use std::time::Duration;

use crate::config::Config;
use crate::delivery::{Delivered, Delivery};
use crate::destination::Fault;
use crate::destination::google_token::Tokens;
use crate::host::Host;
use crate::store::{self, quarantine};

/// How a replay ended.
#[derive(Debug)]
pub enum Replayed {
    /// There is no such entry.
    Unknown,
    /// The configuration has no such feed any more; the entry stays.
    NoFeed(String),
    /// All of it is delivered, or in quarantine under other ids; the entry is gone.
    Delivered(Delivered),
    /// It was not taken again, or there was a fault; the entry stays.
    Stays(Delivered),
}

/// Delivers the entry with this id as if it had just come, and removes it if that went well.
///
/// # Errors
///
/// When the store does not answer. Then the entry stays.
pub async fn replay<H: Host>(
    host: &H,
    config: &Config,
    id: &str,
    tokens: &Tokens,
    deadline: Duration,
) -> Result<Replayed, Fault> {
    let entry = quarantine::get(host, id).await.map_err(store::fault)?;
    let Some(entry) = entry else {
        return Ok(Replayed::Unknown);
    };
    let raw = quarantine::raw(host, &entry).await.map_err(store::fault)?;
    let Some(raw) = raw else {
        return Ok(Replayed::Unknown);
    };
    let Some(feed) = config.feeds.get(&entry.about.feed) else {
        return Ok(Replayed::NoFeed(entry.about.feed));
    };
    let delivery = Delivery {
        config,
        feed,
        payload: &raw,
        unlike: "",
        received: entry.about.received,
        place: None,
    };
    let delivered = delivery.deliver(host, tokens, deadline).await;
    if delivered.fault.is_some() || delivered.quarantined.iter().any(|it| it == id) {
        return Ok(Replayed::Stays(delivered));
    }
    let deleted = quarantine::delete(host, id).await;
    deleted.map_err(store::fault)?;
    Ok(Replayed::Delivered(delivered))
}
