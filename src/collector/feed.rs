//! The S3 feed reader: takes each object of a prefix once, as an Amazon S3 feed of Google SecOps does ("Feed
//! management API", AMAZON_S3_V2, docs.cloud.google.com/chronicle, 2026), to a destination of the receiver.
//!
//! A call makes sure that the prefix is its own (`marker`), takes its turn (`state`) and walks along the list
//! (`walk`, `listing`). What it meets first is read (`object`, `inflate`) and delivered; `taken` knows the rest
//! again. A log that nobody takes goes to quarantine with its place, and so does the name of an object that cannot be
//! read. Whatever dies at any moment, the next call goes on: an object, or a piece of one, may then be delivered
//! twice, and none is left out.
//!
//! Left out: stores that do not list keys in the order of their bytes (Amazon's directory buckets), Google's own API,
//! notifications in place of lists, compressions other than gzip.

mod exchange;
mod inflate;
mod listing;
pub mod marker;
mod object;
pub mod route;
mod state;
mod taken;
mod walk;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::{Value, json};
use udmill_receiver::Host;
use udmill_receiver::config::{Config, Feed};
use udmill_receiver::destination::Fault;
use udmill_receiver::destination::google_token::Tokens;
use udmill_receiver::record::Tally;

use object::{Call, Sizes};
use state::Held;
use walk::Walk;

/// What a call did.
#[derive(Debug, Default)]
pub struct Pulled {
    /// Objects that the list named.
    pub listed: usize,
    /// Objects of which all logs are safe now.
    pub objects: usize,
    /// Bytes of objects that were fetched.
    pub bytes: u64,
    /// What became of their logs.
    pub tally: Tally,
    /// Objects that are named in quarantine, as they or the rest of them cannot be read.
    pub unreadable: usize,
    /// Objects beyond the greatest age.
    pub too_old: usize,
    /// Objects that went away or changed between the list and their reading.
    pub gone: usize,
    /// Objects that were deleted.
    pub deleted: usize,
    /// Objects that should have been.
    pub undeleted: usize,
    /// What is not wise or went wrong and stops nothing.
    pub warnings: Vec<String>,
    /// The walk has not come to the list's end.
    pub more: bool,
    /// Why not, if not for the time alone.
    pub fault: Option<Fault>,
}

impl Pulled {
    /// As the route answers it.
    pub fn to_json(&self) -> Value {
        let mut json = json!({
            "listed": self.listed,
            "objects": self.objects,
            "bytes": self.bytes,
            "logs": self.tally.logs,
            "events": self.tally.events,
            "quarantined": self.tally.quarantined,
            "unreadable": self.unreadable,
            "too_old": self.too_old,
            "gone": self.gone,
            "deleted": self.deleted,
            "undeleted": self.undeleted,
            "warnings": self.warnings,
            "more": self.more,
        });
        if let Some(fault) = &self.fault {
            json["error"] = json!(fault.kind);
            json["message"] = json!(fault.message);
            json["alarm"] = json!(fault.alarm);
        }
        json
    }
}

/// Takes objects of a feed that is pulled until there are no new ones, or the deadline has come, which is on the
/// scale of [`Host::elapsed`] as is `hard`. Until then it goes on to end what it has begun; it does at least
/// something.
pub async fn pull<H: Host>(
    host: &H,
    config: &Config,
    feed: &Feed,
    tokens: &Tokens,
    deadline: Duration,
    hard: Duration,
) -> Pulled {
    let mut pulled = Pulled::default();
    let times = (deadline, hard);
    let sizes = Sizes::of(config.destinations.get(&feed.destination));
    if let Err(fault) = call(host, config, feed, tokens, times, sizes, &mut pulled).await {
        pulled.fault = Some(fault);
    }
    pulled
}

async fn call<H: Host>(
    host: &H,
    config: &Config,
    feed: &Feed,
    tokens: &Tokens,
    (deadline, hard): (Duration, Duration),
    sizes: Sizes,
    pulled: &mut Pulled,
) -> Result<(), Fault> {
    let fault = |kind, alarm, retry_after, message| Fault {
        kind,
        message,
        retry_after,
        alarm,
    };
    let Some(pull) = &feed.pull else {
        let message = format!("expected a feed that is pulled, but found {:?}", feed.name);
        return Err(fault(
            "configuration",
            true,
            Duration::from_secs(60),
            message,
        ));
    };
    let name = state::name(&feed.name, pull.bucket.name(), &pull.prefix);
    let mut held = loop {
        match Held::take(host, &name).await? {
            Ok(held) => break held,
            // It may be of a call that has died.
            Err(left) if host.elapsed() + left <= deadline => host.pause(left).await,
            Err(left) => {
                pulled.more = true;
                let message = format!(
                    "expected {:?} to be read by nobody else now, but found another call",
                    feed.name
                );
                return Err(fault("busy", false, left, message));
            }
        }
    };
    let call = Call {
        host,
        config,
        feed,
        pull,
        tokens,
        deadline,
        hard,
        sizes,
    };
    let walked = walked(&call, &name, &mut held, pulled).await;
    walked.and(held.release().await)
}

async fn walked<H: Host>(
    call: &Call<'_, H>,
    name: &str,
    held: &mut Held<'_, H>,
    pulled: &mut Pulled,
) -> Result<(), Fault> {
    let consumer = format!("udmill feed {} {}", call.feed.name, held.state.id);
    let (bucket, prefix) = (&call.pull.bucket, &call.pull.prefix);
    let claimed = marker::claim(call.host, bucket, prefix, &consumer, call.hard).await?;
    pulled.warnings.extend(claimed);
    let mut walk = Walk::new(call, name, held).await?;
    walk.run(held, pulled).await
}
