//! The routes of whoever runs the receiver: what waits is delivered, and what is in quarantine is looked at, tried
//! again or thrown away.
//!
//! | route | does |
//! | --- | --- |
//! | `POST /v1/spool/drain` | delivers some of what waits; `left` says how much still does |
//! | `GET /v1/quarantine` | lists; `after` and `most` page, `raw=true` shows the logs too |
//! | `POST /v1/quarantine/{id}/replay` | delivers as if the log had just come |
//! | `DELETE /v1/quarantine/{id}` | throws away |
//!
//! They need `Authorization: Bearer` with the configuration's `admin_key`, and without such a key they do not exist.
//! For the drain the variable `udmill_drain_key` serves, too.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::auth::{digest, is_one_of};
use crate::config::Config;
use crate::destination::Fault;
use crate::drain::{self, Bounds, Outcome};
use crate::exchange::{Request, Response};
use crate::host::Host;
use crate::receiver::{Receiver, WITHIN, failed, no, wrong_method};
use crate::record::{self, Record};
use crate::replay::{self, Replayed};
use crate::status;
use crate::store;
use crate::store::quarantine::{self, Entry};

/// The most entries that one drain tries: a cron trigger calls again.
const DRAINED: usize = 100;
/// The most entries of a page, and how many there are unless told otherwise.
const MOST: usize = 1000;
const PAGE: usize = 100;
/// The most bytes of logs on a page, beyond its first log.
const RAW: usize = 4 << 20;

/// A route of this module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route<'a> {
    /// `/v1/spool/drain`
    Drain,
    /// `/v1/quarantine`
    List,
    /// `/v1/quarantine/{id}/replay`
    Replay(&'a str),
    /// `/v1/quarantine/{id}`
    Entry(&'a str),
}

impl Route<'_> {
    /// The route of a path.
    pub fn of(path: &str) -> Option<Route<'_>> {
        match path {
            "/v1/spool/drain" => return Some(Route::Drain),
            "/v1/quarantine" => return Some(Route::List),
            _ => {}
        }
        let rest = path.strip_prefix("/v1/quarantine/")?;
        let (id, route) = match rest.strip_suffix("/replay") {
            Some(id) => (id, Route::Replay(id)),
            None => (rest, Route::Entry(rest)),
        };
        (!id.is_empty() && !id.contains('/')).then_some(route)
    }

    fn method(self) -> &'static str {
        match self {
            Route::Drain | Route::Replay(_) => "POST",
            Route::List => "GET",
            Route::Entry(_) => "DELETE",
        }
    }
}

/// Answers a request of an operator's.
pub async fn answer<H: Host>(
    receiver: &Receiver,
    config: &Config,
    host: &H,
    route: Route<'_>,
    request: &Request,
    record: &mut Record<'_, H>,
) -> Response {
    let keys = [
        config.admin_key.as_ref(),
        config.drain_key.as_ref().filter(|_| route == Route::Drain),
    ];
    if keys == [None, None] {
        return no(record, 404, "not_found");
    }
    if !keys
        .into_iter()
        .flatten()
        .any(|key| is_operator(request, &key.0))
    {
        record.alarm = request.header("authorization").is_some();
        return no(record, 401, "unauthorized").with("www-authenticate", "Bearer");
    }
    if request.method != route.method() {
        return wrong_method(record, route.method());
    }
    match route {
        Route::Drain => drain(receiver, config, host, request, record).await,
        Route::List => list(host, request, record).await,
        Route::Replay(id) => replay(receiver, config, host, id, request, record).await,
        Route::Entry(id) => {
            record.route = "quarantine";
            match quarantine::delete(host, id).await {
                Ok(true) => {
                    record.outcome = "deleted";
                    Response::empty(204)
                }
                Ok(false) => no(record, 404, "not_found"),
                Err(error) => failed(record, store::fault(error)),
            }
        }
    }
}

/// Whether a request has the admin key.
pub fn is_operator(request: &Request, key: &str) -> bool {
    let authorization = request.header("authorization").unwrap_or_default();
    let (scheme, given) = authorization.split_once(' ').unwrap_or_default();
    let is_key = is_one_of(given.trim(), &[digest(key)]);
    scheme.eq_ignore_ascii_case("bearer") && is_key
}

async fn drain<H: Host>(
    receiver: &Receiver,
    config: &Config,
    host: &H,
    request: &Request,
    record: &mut Record<'_, H>,
) -> Response {
    record.route = "drain";
    let bounds = Bounds {
        entries: DRAINED,
        deadline: request.arrived + WITHIN,
    };
    let drained = drain::drain(host, config, &receiver.tokens, bounds).await;
    let (mut delivered, mut quarantined, mut waiting) = (0, 0, 0);
    for done in &drained.entries {
        let (count, outcome) = match done.outcome {
            Outcome::Delivered => (&mut delivered, "delivered"),
            Outcome::Quarantined => (&mut quarantined, "quarantined"),
            Outcome::Waits => (&mut waiting, "waits"),
        };
        *count += 1;
        receiver.tell_health(
            config,
            host,
            &done.waiting.feed,
            done.delivered.fault.as_ref(),
        );
        host.log(&record::drained(&record.id, done, outcome).to_string());
    }
    if let Some(fault) = drained.fault {
        return failed(record, fault);
    }
    // What waits now is in this line alone, so that nobody has to ask for it: drains come every few seconds.
    if let Ok(keys) = host.keys(status::counts).await {
        record.state = status::summary(config, &keys, host.now());
    }
    record.outcome = "drained";
    let body = json!({
        "delivered": delivered,
        "quarantined": quarantined,
        "waits": waiting,
        "left": drained.left,
    });
    Response::json(200, &body)
}

async fn list<H: Host>(host: &H, request: &Request, record: &mut Record<'_, H>) -> Response {
    record.route = "quarantine";
    let after = request.parameter("after").unwrap_or_default();
    let most = request.parameter("most").and_then(|it| it.parse().ok());
    let most = most.unwrap_or(PAGE).clamp(1, MOST);
    let with_raw = request.parameter("raw").as_deref() == Some("true");
    match page(host, &after, most, with_raw).await {
        Ok(page) => {
            record.outcome = "listed";
            Response::json(200, &page)
        }
        Err(fault) => failed(record, fault),
    }
}

async fn page<H: Host>(host: &H, after: &str, most: usize, with_raw: bool) -> Result<Value, Fault> {
    let listed = quarantine::list(host, after, most).await;
    let (entries, mut has_more) = listed.map_err(store::fault)?;
    let mut shown = Vec::new();
    let mut last = None;
    let mut bytes = 0;
    for entry in &entries {
        bytes += entry.bytes;
        if with_raw && bytes > RAW && !shown.is_empty() {
            has_more = true;
            break;
        }
        last = Some(entry.id.as_str());
        let mut json = entry.to_json();
        if with_raw && !show_raw(host, entry, &mut json).await? {
            continue;
        }
        shown.push(json);
    }
    let mut page = json!({ "entries": shown });
    if let Some(last) = last.filter(|_| has_more) {
        page["next"] = json!(last);
    }
    Ok(page)
}

/// As the command's `--rejects` shows logs. False for a log that was thrown away meanwhile.
async fn show_raw<H: Host>(host: &H, entry: &Entry, json: &mut Value) -> Result<bool, Fault> {
    let raw = quarantine::raw(host, entry).await.map_err(store::fault)?;
    let Some(raw) = raw else {
        return Ok(false);
    };
    match String::from_utf8(raw) {
        Ok(text) => json["raw"] = json!(text),
        Err(error) => json["raw_base64"] = json!(STANDARD.encode(error.as_bytes())),
    }
    Ok(true)
}

async fn replay<H: Host>(
    receiver: &Receiver,
    config: &Config,
    host: &H,
    id: &str,
    request: &Request,
    record: &mut Record<'_, H>,
) -> Response {
    record.route = "replay";
    let deadline = request.arrived + WITHIN;
    let replayed = replay::replay(host, config, id, &receiver.tokens, deadline).await;
    let (delivered, is_gone) = match replayed {
        Err(fault) => return failed(record, fault),
        Ok(Replayed::Unknown) => return no(record, 404, "not_found"),
        Ok(Replayed::NoFeed(_)) => return no(record, 409, "no_such_feed"),
        Ok(Replayed::Delivered(delivered)) => (delivered, true),
        Ok(Replayed::Stays(delivered)) => (delivered, false),
    };
    record.feed = quarantine::feed_of(id).map(str::to_owned);
    record.tally = delivered.tally;
    if let Some(fault) = delivered.fault {
        return failed(record, fault);
    }
    if !is_gone {
        return no(record, 409, "not_taken_again");
    }
    record.outcome = "delivered";
    let quarantined = delivered.quarantined;
    Response::json(
        200,
        &json!({ "status": "delivered", "quarantined": quarantined }),
    )
}

#[cfg(test)]
mod tests;
