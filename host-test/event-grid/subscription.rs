//! A subscription: sends its events until they are acknowledged, as Event Grid does, but without waiting.
//!
//! Follows "Message delivery and retry" (<https://learn.microsoft.com/azure/event-grid/delivery-and-retry>, 9 February 2026): which
//! statuses are final, the schedule, probation, attempts and time to live. Time is a number that jumps to whatever is due next. Where
//! the page leaves freedom, it is used: batches are split or joined between attempts, and some are sent again after a success.

use std::collections::BTreeMap;

use crate::event::{Event, Request, Schema, notification};
use crate::random::Random;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint answered with this status.
    Status(u16),
    /// It did not answer in time.
    TimedOut,
    /// There was no connection, or it broke.
    SocketError,
}

/// What became of all events, by their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// How often each event was in a request that was answered with success.
    pub acknowledged: BTreeMap<String, u32>,
    /// What was given up, and why, in Event Grid's own word.
    pub dead_letters: BTreeMap<String, &'static str>,
    /// How many requests were made.
    pub requests: u32,
    /// How many of them repeated one that had failed.
    pub retries: u32,
    /// How many repeated one that had not.
    pub duplicates: u32,
}

/// A subscription's settings.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// The form of the requests.
    pub schema: Schema,
    /// `maxEventsPerBatch`.
    pub batch: usize,
    /// `maxDeliveryAttempts`.
    pub attempts: u32,
    /// `eventTimeToLiveInMinutes`.
    pub minutes: u64,
    /// One of so many batches is sent again after a success; 0 for none.
    pub duplicates: u64,
}

impl Policy {
    /// Event Grid's own settings, and no duplicates.
    pub fn new(schema: Schema, batch: usize) -> Policy {
        Policy {
            schema,
            batch,
            attempts: 30,
            minutes: 1440,
            duplicates: 0,
        }
    }
}

/// Seconds from a failure to the next attempt; the last one stays.
const SCHEDULE: [u64; 10] = [10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 43_200];

/// Events that travel together.
#[derive(Clone, Debug)]
struct Batch {
    events: Vec<usize>,
    due: u64,
    failures: u32,
    again: bool,
}

/// Sends all events, until each is acknowledged or given up.
///
/// `post` makes the request. The same seed and the same outcomes give the same requests.
pub fn deliver(
    events: &[Event],
    policy: Policy,
    random: &mut Random,
    mut post: impl FnMut(&Request) -> Outcome,
) -> Balance {
    let mut balance = Balance::default();
    let mut now = 0;
    let all: Vec<usize> = (0..events.len()).collect();
    let mut waiting: Vec<Batch> = all
        .chunks(policy.batch.max(1))
        .map(|events| Batch {
            events: events.to_vec(),
            due: 0,
            failures: 0,
            again: false,
        })
        .collect();
    while let Some(mut batch) = next(&mut waiting, policy, random) {
        now = now.max(batch.due);
        let ids = |batch: &Batch| {
            let ids = batch.events.iter();
            ids.map(|it| events[*it].id().to_owned())
                .collect::<Vec<_>>()
        };
        let expired = now > policy.minutes * 60;
        if expired || batch.failures >= policy.attempts {
            let reason = match expired {
                true => "TimeToLiveExceeded",
                false => "MaxDeliveryAttemptsExceeded",
            };
            let dead = ids(&batch).into_iter().map(|id| (id, reason));
            balance.dead_letters.extend(dead);
            continue;
        }
        balance.requests += 1;
        balance.retries += u32::from(batch.failures > 0);
        balance.duplicates += u32::from(batch.again);
        let sent: Vec<&Event> = batch.events.iter().map(|it| &events[*it]).collect();
        let outcome = post(&notification(&sent, policy.schema, batch.failures));
        match meaning(outcome) {
            Meaning::Success => {
                for id in ids(&batch) {
                    *balance.acknowledged.entry(id).or_insert(0) += 1;
                }
                if policy.duplicates > 0 && !batch.again && random.one_in(policy.duplicates) {
                    batch.again = true;
                    batch.due = now + random.below(60);
                    waiting.push(batch);
                }
            }
            Meaning::Final(reason, probation) => {
                let dead = ids(&batch).into_iter().map(|id| (id, reason));
                balance.dead_letters.extend(dead);
                for other in &mut waiting {
                    other.due = other.due.max(now + probation);
                }
            }
            Meaning::Retry(least, probation) => {
                let step = SCHEDULE[(batch.failures as usize).min(SCHEDULE.len() - 1)];
                batch.due = now + step.max(least) + random.below(step / 4 + 1);
                batch.failures += 1;
                for other in &mut waiting {
                    other.due = other.due.max(now + probation);
                }
                waiting.push(batch);
            }
        }
    }
    balance
}

/// The batch that is due first, split or joined with another one at times, once it has failed.
fn next(waiting: &mut Vec<Batch>, policy: Policy, random: &mut Random) -> Option<Batch> {
    let first = (0..waiting.len()).min_by_key(|it| waiting[*it].due)?;
    let mut batch = waiting.swap_remove(first);
    if batch.failures == 0 {
        return Some(batch);
    }
    if batch.events.len() > 1 && random.one_in(4) {
        let at = 1 + random.below(batch.events.len() as u64 - 1) as usize;
        let mut rest = batch.clone();
        rest.events = batch.events.split_off(at);
        waiting.push(rest);
    } else if random.one_in(4) {
        let fits = |it: &Batch| {
            it.failures > 0
                && it.again == batch.again
                && it.events.len() + batch.events.len() <= policy.batch
        };
        if let Some(other) = waiting.iter().position(fits) {
            let other = waiting.swap_remove(other);
            batch.events.extend(other.events);
            batch.failures = batch.failures.max(other.failures);
        }
    }
    Some(batch)
}

enum Meaning {
    Success,
    /// Given up at once, with the outcome's name; seconds of probation.
    Final(&'static str, u64),
    /// Not before so many seconds; seconds of probation.
    Retry(u64, u64),
}

/// The page's table for webhooks. Of 404, which it has both ways, the worse.
fn meaning(outcome: Outcome) -> Meaning {
    match outcome {
        Outcome::Status(200..=204) => Meaning::Success,
        Outcome::Status(400) => Meaning::Final("BadRequest", 0),
        Outcome::Status(413) => Meaning::Final("PayloadTooLarge", 0),
        Outcome::Status(401) => Meaning::Final("Unauthorized", 300),
        Outcome::Status(403) => Meaning::Final("Forbidden", 300),
        Outcome::Status(404) => Meaning::Final("NotFound", 300),
        Outcome::Status(408) => Meaning::Retry(120, 10),
        Outcome::Status(503) => Meaning::Retry(30, 10),
        Outcome::Status(_) | Outcome::TimedOut => Meaning::Retry(10, 10),
        Outcome::SocketError => Meaning::Retry(10, 30),
    }
}
