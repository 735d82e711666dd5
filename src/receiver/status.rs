//! What an orchestrator and an operator want to know: whether the process lives, whether it can do its work, and what waits.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::config::{Config, Unready};
use crate::destination::Fault;
use crate::exchange::{Request, Response};
use crate::host::Host;
use crate::receiver::{RETRY_AFTER, Receiver, wrong_method};
use crate::record::Record;

/// A status is made from all keys of the store, so it is not made for every request.
const FRESH: Duration = Duration::from_secs(5);

/// What destinations said last to this instance, by their names; times are on the scale of [`Host::elapsed`].
#[derive(Default)]
pub struct Health {
    destinations: RefCell<BTreeMap<String, (Duration, Option<&'static str>)>>,
    status: RefCell<Option<(Duration, Value)>>,
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
    if request.method != "GET" {
        return wrong_method(record, "GET");
    }
    record.outcome = "ok";
    Response::json(200, &json!({ "status": "ok" }))
}

/// Whether the configuration is valid and the store answers. The state of destinations is told, but changes nothing: a receiver that is
/// taken away because a destination fails cannot answer 503 in its stead.
pub async fn readyz<H: Host>(
    receiver: &Receiver,
    host: &H,
    request: &Request,
    record: &mut Record<'_, H>,
) -> Response {
    record.route = "readyz";
    if request.method != "GET" {
        return wrong_method(record, "GET");
    }
    let config = match &receiver.config {
        Ok(_) => json!("ok"),
        Err(Unready::Invalid(problems)) => json!(format!("{} mistakes", problems.len())),
        Err(Unready::Unavailable(_)) => json!("unavailable"),
    };
    let store = match host.get("ready").await {
        Ok(_) => "ok",
        Err(_) => "unavailable",
    };
    let is_ready = receiver.config.is_ok() && store == "ok";
    let now = host.elapsed();
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
