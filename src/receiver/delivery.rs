//! A delivery from its payload to where it is safe: a destination, the store, or quarantine.
//!
//! Only a delivery without a fault may be acknowledged. Everything here can be repeated: the ledger keeps a
//! destination from getting again what it has accepted, and quarantine from holding a log twice.

use std::collections::BTreeMap;
use std::iter;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::config::{Config, Feed};
use crate::destination::google_token::Tokens;
use crate::destination::{Destination, Errand, Fault, Item, Sent, Takes};
use crate::host::Host;
use crate::record::{Lag, Tally};
use crate::store::quarantine::{self, About, Source};
use crate::store::{self, spool};
use crate::wit::transform::{Batch, Error};

/// The most logs of a delivery that are put into quarantine one by one; of more than these the delivery is put there
/// as a whole, so that the wrong sort of file posted to a feed costs one entry and not a hundred thousand.
const SINGLY: usize = 100;

/// What became of a delivery.
#[derive(Debug, Default)]
pub struct Delivered {
    /// What is counted.
    pub tally: Tally,
    /// The ids of what is in quarantine now.
    pub quarantined: Vec<String>,
    /// Why it must not be acknowledged; none if every log is safe.
    pub fault: Option<Fault>,
}

/// Delivers a payload that has just come to a feed: to its destination, and to the archive if that has one. What the
/// normalizer or the destination does not take goes to quarantine. `unlike` is an [`Errand::delivery`].
///
/// The deadline is on the scale of [`Host::elapsed`].
pub async fn deliver<H: Host>(
    host: &H,
    config: &Config,
    feed: &Feed,
    payload: &[u8],
    unlike: &str,
    tokens: &Tokens,
    deadline: Duration,
) -> Delivered {
    let delivery = Delivery {
        config,
        feed,
        payload,
        unlike,
        received: host.now(),
        place: None,
    };
    delivery.deliver(host, tokens, deadline).await
}

/// Delivers as [`deliver`] does what a reader has made of a payload that is a part of something larger. The spans of
/// the batch count from the payload's first byte.
///
/// The deadline is on the scale of [`Host::elapsed`].
#[expect(
    clippy::too_many_arguments,
    reason = "all of `deliver`, and what a part has besides"
)]
pub async fn deliver_part<H: Host>(
    host: &H,
    config: &Config,
    feed: &Feed,
    payload: &[u8],
    batch: &Batch,
    place: Place<'_>,
    unlike: &str,
    tokens: &Tokens,
    deadline: Duration,
) -> Delivered {
    let delivery = Delivery {
        config,
        feed,
        payload,
        unlike,
        received: host.now(),
        place: Some(place),
    };
    delivery.take(host, batch, tokens, deadline).await
}

/// Where a payload stands in something larger.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// What it is a part of: `s3://audit/logs/a.jsonl`.
    pub name: &'a str,
    /// What to add to an offset in the payload for the offset in the whole.
    pub shift: i64,
}

/// Stores a payload that has just come to a feed, for [`crate::drain`]. It is safe when this gives its id. Whether its logs
/// carry their sender's ids decides what is a repetition.
///
/// # Errors
///
/// When the store does not take it.
pub async fn store<H: Host>(
    host: &H,
    feed: &Feed,
    payload: &[u8],
    request_id: &str,
    has_ids: bool,
) -> Result<String, Fault> {
    let stored = spool::put(host, &feed.name, request_id, has_ids, payload).await;
    stored.map_err(store::fault)
}

/// A payload on its way.
pub(crate) struct Delivery<'a> {
    pub config: &'a Config,
    pub feed: &'a Feed,
    pub payload: &'a [u8],
    /// See [`Errand::delivery`].
    pub unlike: &'a str,
    /// When it came; a stored one is delivered later.
    pub received: DateTime<Utc>,
    /// Where it stands, if it is a part of something.
    pub place: Option<Place<'a>>,
}

impl<'a> Delivery<'a> {
    /// See [`deliver`].
    pub async fn deliver<H: Host>(
        &self,
        host: &H,
        tokens: &Tokens,
        deadline: Duration,
    ) -> Delivered {
        match host.normalize(self.payload, &self.feed.options) {
            Ok(batch) => self.take(host, &batch, tokens, deadline).await,
            Err(Error::UnknownLogType(message) | Error::InvalidOption(message)) => Delivered {
                fault: Some(fault("configuration", message)),
                ..Delivered::default()
            },
        }
    }

    /// See [`deliver_part`].
    async fn take<H: Host>(
        &self,
        host: &H,
        batch: &Batch,
        tokens: &Tokens,
        deadline: Duration,
    ) -> Delivered {
        let mut delivered = Delivered::default();
        let events: Vec<&[u8]> = lines(&batch.events).collect();
        delivered.tally = Tally {
            logs: batch.logs.len(),
            events: batch.log_indexes.len(),
            rejected: batch.rejections.len(),
            lag: Lag::of(&events, self.received),
            ..Tally::default()
        };
        if let Err(fault) = self
            .send(host, batch, &events, tokens, deadline, &mut delivered)
            .await
        {
            delivered.fault.get_or_insert(fault);
        }
        delivered
    }

    async fn send<H: Host>(
        &self,
        host: &H,
        batch: &Batch,
        lines: &[&[u8]],
        tokens: &Tokens,
        deadline: Duration,
        delivered: &mut Delivered,
    ) -> Result<(), Fault> {
        let destination = self.destination(&self.feed.destination)?;
        let raw = raw_logs(self.payload, batch)?;
        // What goes to quarantine, by log, and why; the first reason stands.
        let mut unsafe_logs: BTreeMap<usize, (Source, &str, String)> = BTreeMap::new();
        if destination.takes() == Takes::Udm {
            for rejection in &batch.rejections {
                let why = (
                    Source::Rejected,
                    destination.name.as_str(),
                    rejection.reason.clone(),
                );
                unsafe_logs
                    .entry(rejection.log_index as usize)
                    .or_insert(why);
            }
        }
        let errand = Errand {
            feed: self.feed,
            delivery: self.unlike,
            tokens,
            deadline,
        };
        let mut roads = vec![destination];
        if let Some(name) = destination.archive() {
            roads.push(self.destination(name)?);
        }
        for road in roads {
            let events;
            let items = match road.takes() {
                Takes::Raw => &raw,
                Takes::Udm => {
                    events = udm_events(batch, lines)?;
                    &events
                }
            };
            let sent = match items.is_empty() {
                true => Sent::default(),
                false => road.send(host, &errand, items, &batch.events).await,
            };
            delivered.tally.sub_requests += sent.sub_requests;
            delivered.tally.refused += sent.refused.len();
            for (item, reason) in sent.refused {
                if let Some(item) = items.get(item) {
                    let why = (Source::Refused, road.name.as_str(), reason);
                    unsafe_logs.entry(item.log).or_insert(why);
                }
            }
            if sent.fault.is_some() {
                delivered.fault = sent.fault;
                break;
            }
        }
        // Also after a fault: whether anybody repeats the delivery is not ours to know.
        self.quarantine(host, batch, &raw, unsafe_logs, delivered)
            .await
    }

    async fn quarantine<H: Host>(
        &self,
        host: &H,
        batch: &Batch,
        raw: &[Item<'_>],
        unsafe_logs: BTreeMap<usize, (Source, &str, String)>,
        delivered: &mut Delivered,
    ) -> Result<(), Fault> {
        let count = unsafe_logs.len();
        let at = |log: usize| batch.logs.get(log).map_or(0, |span| span.offset);
        if count > SINGLY {
            if let Some((log, (source, destination, reason))) = unsafe_logs.into_iter().next() {
                let reason = format!("{count} of {} logs; the first: {reason}", raw.len());
                let why = (source, destination, reason);
                let id = self.hold(host, why, None, at(log), self.payload);
                delivered.quarantined.push(id.await?);
            }
        } else {
            for (log, why) in unsafe_logs {
                let bytes = raw.get(log).map_or(self.payload, |it| it.bytes);
                let id = self.hold(host, why, Some(log), at(log), bytes).await?;
                delivered.quarantined.push(id);
            }
        }
        delivered.tally.quarantined += count;
        Ok(())
    }

    async fn hold<H: Host>(
        &self,
        host: &H,
        (source, destination, reason): (Source, &str, String),
        log: Option<usize>,
        at: u64,
        bytes: &[u8],
    ) -> Result<String, Fault> {
        let place = |it: &Place<'_>| {
            let at = at.saturating_add_signed(it.shift);
            format!("{} at byte {at}", it.name)
        };
        let about = About {
            feed: self.feed.name.clone(),
            destination: destination.to_owned(),
            received: self.received,
            source,
            reason,
            log,
            place: self.place.as_ref().map(place),
        };
        let held = quarantine::put(host, about, bytes).await;
        held.map_err(store::fault)
    }

    fn destination(&self, name: &str) -> Result<&'a Destination, Fault> {
        let destination = self.config.destinations.get(name);
        destination.ok_or_else(|| {
            let message = format!("expected a destination {name:?}, but found none");
            fault("configuration", message)
        })
    }
}

/// The logs as they came.
fn raw_logs<'p>(payload: &'p [u8], batch: &Batch) -> Result<Vec<Item<'p>>, Fault> {
    let spans = batch.logs.iter().enumerate();
    let items = spans.map(|(log, span)| {
        let start = usize::try_from(span.offset).ok()?;
        let end = start.checked_add(usize::try_from(span.length).ok()?)?;
        let bytes = payload.get(start..end)?;
        Some(Item { bytes, log })
    });
    let items: Option<Vec<_>> = items.collect();
    items.ok_or_else(|| fault("normalizer", "expected logs inside the payload".to_owned()))
}

/// The lines of a text, each without its line feed.
fn lines(mut text: &[u8]) -> impl Iterator<Item = &[u8]> {
    iter::from_fn(move || {
        let all = text;
        let (line, rest) = match line_feed(all) {
            Some(end) => (all.get(..end)?, all.get(end + 1..)?),
            None => (all, &[][..]),
        };
        text = rest;
        (!all.is_empty()).then_some(line)
    })
}

/// Where the next line feed is. Whole blocks are searched, which compilers do by many bytes at a time; one after the
/// other, they cost as much as a third of the mapping.
fn line_feed(text: &[u8]) -> Option<usize> {
    const BLOCK: usize = 64;
    let is_in = |block: &[u8]| block.iter().fold(false, |is, byte| is | (*byte == b'\n'));
    let blocks = text.chunks_exact(BLOCK);
    let before = blocks.clone().take_while(|it| !is_in(it)).count() * BLOCK;
    let rest = text.get(before..)?;
    rest.iter()
        .position(|byte| *byte == b'\n')
        .map(|at| before + at)
}

/// The events. The normalizer may be the operator's own, and losing an event to its miscount would be ours.
fn udm_events<'a>(batch: &Batch, lines: &[&'a [u8]]) -> Result<Vec<Item<'a>>, Fault> {
    let logs = batch.log_indexes.iter().map(|log| *log as usize);
    if lines.len() != logs.len() || logs.clone().any(|log| log >= batch.logs.len()) {
        let message = format!(
            "expected {} events with their logs, but found {} lines",
            logs.len(),
            lines.len()
        );
        return Err(fault("normalizer", message));
    }
    let items = lines.iter().zip(logs);
    let items = items.map(|(bytes, log)| Item { bytes, log });
    Ok(items.collect())
}

/// A fault that stays until somebody mends something.
fn fault(kind: &'static str, message: String) -> Fault {
    Fault {
        kind,
        message,
        retry_after: Duration::from_secs(60),
        alarm: true,
    }
}

#[cfg(test)]
mod tests;
