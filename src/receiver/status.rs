//! What an orchestrator and an operator want to know: whether the process lives, whether it can do its work, and what
//! waits.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::admin::is_operator;
use crate::config::{Config, Unready};
use crate::destination::Fault;
use crate::exchange::{Request, Response};
use crate::host::{Host, StoreError};
use crate::receiver::{RETRY_AFTER, Receiver, failed, wrong_method};
use crate::record::Record;
use crate::store;
use crate::store::quarantine;
use crate::store::spool::{self, Waiting};

/// A status is made from all keys of the store, and readiness costs the store two writes, so neither is found out for
/// every request: anybody may ask.
const FRESH: Duration = Duration::from_secs(5);

/// What destinations said last to this instance, by their names; times are on the scale of [`Host::elapsed`].
#[derive(Default)]
pub struct Health {
    destinations: RefCell<BTreeMap<String, (Duration, Option<&'static str>)>>,
    status: RefCell<Option<(Duration, Map<String, Value>)>>,
    /// When the store last took something.
    written: Cell<Option<Duration>>,
}

impl Health {
    /// Remembers how sending to a destination ended.
    pub fn tell(&self, destination: &str, now: Duration, fault: Option<&Fault>) {
        let kind = fault.map(|it| it.kind);
        let mut destinations = self.destinations.borrow_mut();
        destinations.insert(destination.to_owned(), (now, kind));
    }
}

/// Whether the process lives.
pub fn healthz<H: Host>(request: &Request, record: &mut Record<'_, H>) -> Response {
    record.route = "healthz";
    if !is_read(request) {
        return wrong_method(record, "GET, HEAD");
    }
    record.outcome = "ok";
    Response::json(200, &json!({ "status": "ok" }))
}

/// Whether a monitor asks, which may do without the body. Leaving that out is the HTTP server's work (RFC 9110, 9.3.2).
fn is_read(request: &Request) -> bool {
    matches!(request.method.as_str(), "GET" | "HEAD")
}

/// Whether the configuration is valid and the store can be written to. The state of destinations is told, but changes nothing:
/// a receiver that is taken away because a destination fails cannot answer 503 in its stead.
pub async fn readyz<H: Host>(
    receiver: &Receiver,
    host: &H,
    request: &Request,
    record: &mut Record<'_, H>,
) -> Response {
    record.route = "readyz";
    if !is_read(request) {
        return wrong_method(record, "GET, HEAD");
    }
    let config = match &receiver.config {
        Ok(_) => json!("ok"),
        Err(Unready::Invalid(problems)) => match problems.len() {
            1 => json!("1 mistake"),
            several => json!(format!("{several} mistakes")),
        },
        Err(Unready::Unavailable(_)) => json!("unavailable"),
    };
    let now = host.elapsed();
    let store = match writable(receiver, host, now).await {
        Ok(()) => "ok",
        Err(error) => {
            let fault = store::fault(error);
            record.fault = Some(fault.kind);
            record.message = Some(fault.message);
            record.alarm = fault.alarm;
            "unavailable"
        }
    };
    let is_ready = receiver.config.is_ok() && store == "ok";
    let destinations = receiver.health.destinations.borrow();
    let destinations: Map<String, Value> = destinations
        .iter()
        .map(|(name, (time, fault))| {
            let seconds = now.saturating_sub(*time).as_secs();
            let state = json!({ "last": fault.unwrap_or("ok"), "seconds_ago": seconds });
            (name.clone(), state)
        })
        .collect();
    let body = json!({
        "status": if is_ready { "ready" } else { "not_ready" },
        "configuration": config,
        "store": store,
        "destinations": destinations,
    });
    match is_ready {
        true => {
            record.outcome = "ok";
            Response::json(200, &body)
        }
        false => {
            record.outcome = "not_ready";
            Response::json(503, &body).with("retry-after", RETRY_AFTER.to_string())
        }
    }
}

/// Whether the store took something a moment ago, or does so now. One that does not is asked every time.
async fn writable<H: Host>(receiver: &Receiver, host: &H, now: Duration) -> Result<(), StoreError> {
    let written = &receiver.health.written;
    if written.get().is_none_or(|time| time + FRESH <= now) {
        store::probe(host).await?;
        written.set(Some(now));
    }
    Ok(())
}

/// What waits and what is in quarantine. Feeds by name are for operators only.
pub async fn status<H: Host>(
    receiver: &Receiver,
    config: &Config,
    host: &H,
    request: &Request,
    record: &mut Record<'_, H>,
) -> Response {
    record.route = "status";
    if request.method != "GET" {
        return wrong_method(record, "GET");
    }
    let now = host.elapsed();
    let kept = receiver.health.status.borrow().clone();
    let mut status = match kept {
        Some((time, status)) if now < time + FRESH => status,
        _ => match host.keys(counts).await {
            Ok(keys) => {
                let status = summary(config, &keys, host.now());
                let kept = (now, status.clone());
                *receiver.health.status.borrow_mut() = Some(kept);
                status
            }
            Err(error) => return failed(record, store::fault(error)),
        },
    };
    let key = config.admin_key.as_ref();
    if !key.is_some_and(|key| is_operator(request, &key.0)) {
        status.remove("feeds");
    }
    record.outcome = "ok";
    Response::json(200, &Value::Object(status))
}

/// Whether a key is one that [`summary`] counts.
pub fn counts(key: &str) -> bool {
    key.starts_with(spool::PREFIX) || key.starts_with(quarantine::PREFIX)
}

/// `spool` and `quarantine` of all feeds together, and of each one under `feeds`.
pub fn summary(config: &Config, keys: &[String], now: DateTime<Utc>) -> Map<String, Value> {
    let waiting: Vec<Waiting> = keys.iter().filter_map(|key| Waiting::of(key)).collect();
    let prefix = quarantine::key("");
    let held = keys.iter().filter_map(|key| key.strip_prefix(&prefix));
    let mut quarantined: BTreeMap<&str, usize> = BTreeMap::new();
    for id in held {
        let feed = quarantine::feed_of(id).unwrap_or_default();
        *quarantined.entry(feed).or_default() += 1;
    }
    let spools = spool::state(&waiting);
    let spool = |states: &[&spool::State]| {
        let oldest = states.iter().map(|it| it.oldest).min();
        let seconds = oldest.map_or(0, |it| (now - it).num_seconds().max(0));
        json!({
            "entries": states.iter().map(|it| it.entries).sum::<usize>(),
            "bytes": states.iter().map(|it| it.bytes).sum::<usize>(),
            "oldest_s": seconds,
        })
    };
    // A feed that is no longer configured may have left something.
    let names = config.feeds.keys().map(String::as_str);
    let names: BTreeSet<&str> = names
        .chain(spools.keys().copied())
        .chain(quarantined.keys().copied())
        .collect();
    let feeds = names.into_iter().map(|name| {
        let states: Vec<&spool::State> = spools.get(name).into_iter().collect();
        let count = quarantined.get(name).copied().unwrap_or_default();
        let state = json!({ "spool": spool(&states), "quarantine": count });
        (name.to_owned(), state)
    });
    let feeds: Map<String, Value> = feeds.collect();
    let states: Vec<&spool::State> = spools.values().collect();
    let count = quarantined.values().sum::<usize>();
    let whole = [
        ("spool", spool(&states)),
        ("quarantine", json!(count)),
        ("feeds", Value::Object(feeds)),
    ];
    whole
        .map(|(key, value)| (key.to_owned(), value))
        .into_iter()
        .collect()
}
