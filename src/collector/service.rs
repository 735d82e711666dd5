//! The routes of whoever runs the component, on a schedule or by hand.
//!
//! | route | does |
//! | --- | --- |
//! | `POST /v1/collect/{name}` | collects what is due, or with `from` and `to` what is stamped between |
//! | `POST /v1/pull/{feed}` | reads objects of a feed out of its bucket |
//!
//! They need `Authorization: Bearer` with the configuration's `admin_key`, or the key that the host made for itself,
//! and without such a key they do not exist. A call does what it can within `budget_ms`; `more` in its answer says
//! whether the next one should come at once. A failure is a 5xx, whatever was done before stays done, and the next
//! call goes on there.

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use udmill_receiver::Host;
use udmill_receiver::admin::is_operator;
use udmill_receiver::config::Unready;
use udmill_receiver::destination::google_token::Tokens;
use udmill_receiver::exchange::{Request, Response};

use crate::config::{self, Collector, Whole};
use crate::event::hash16;
use crate::summary::Error;
use crate::{Bucket, Order, Outcome, Plan, feed, io};

/// How long a call takes unless it is told otherwise.
const BUDGET: u64 = 4000;
/// The longest budget: hosts give up a call after half a minute, and what is begun has to be ended.
const LONGEST: u64 = 20_000;
/// When the requests of a call have to be over, counted from its arrival.
const WITHIN: Duration = Duration::from_secs(25);

/// The configuration of an instance, or why there is none.
pub struct Service {
    /// What was read.
    pub whole: Result<Whole, Unready>,
    /// The paces of the collectors, by hashes of their keys: Harness' limit holds for all that is asked with a key.
    paces: RefCell<BTreeMap<String, Rc<RefCell<Bucket>>>>,
    tokens: Tokens,
}

impl Service {
    /// Reads the configuration, and leaves its mistakes in the log.
    pub async fn load<H: Host>(host: &H) -> Service {
        let whole = config::load(host).await;
        let tell = |line: Option<usize>, message: &str| {
            let line =
                json!({"kind": "config", "level": "error", "line": line, "message": message});
            host.log(&line.to_string());
        };
        match &whole {
            Ok(_) => {}
            Err(Unready::Unavailable(message)) => tell(None, message),
            Err(Unready::Invalid(problems)) => {
                for problem in problems {
                    tell(Some(problem.line), &problem.message);
                }
            }
        }
        Service {
            whole,
            paces: RefCell::default(),
            tokens: Tokens::default(),
        }
    }

    /// Answers a request.
    pub async fn answer<H: Host>(&self, host: &H, request: Request) -> Response {
        let Ok(whole) = &self.whole else {
            return Response::error(503, "configuration").with("retry-after", "30");
        };
        let keys = [&whole.config.admin_key, &whole.config.deliver_key];
        let mut keys = keys.into_iter().flatten().peekable();
        if keys.peek().is_none() {
            return Response::error(404, "not_found");
        }
        if !keys.any(|key| is_operator(&request, &key.0)) {
            return Response::error(401, "unauthorized").with("www-authenticate", "Bearer");
        }
        let route = request
            .path
            .strip_prefix("/v1/")
            .and_then(|it| it.split_once('/'));
        let Some((verb @ ("collect" | "pull"), name)) = route else {
            return Response::error(404, "not_found");
        };
        if request.method != "POST" {
            return Response::error(405, "method_not_allowed").with("allow", "POST");
        }
        let budget = match budget(&request) {
            Ok(budget) => budget,
            Err(message) => return wrong(&message),
        };
        match (verb, whole.collectors.get(name)) {
            ("collect", Some(collector)) => {
                let pace = self.pace(host, collector);
                collect(host, name, collector, pace, budget, &request).await
            }
            ("collect", None) => Response::error(404, "unknown_collector"),
            _ => {
                let (config, tokens) = (&whole.config, &self.tokens);
                feed::route::answer(host, config, tokens, name, &request, budget).await
            }
        }
    }

    fn pace<H: Host>(&self, host: &H, collector: &Collector) -> Rc<RefCell<Bucket>> {
        let mut paces = self.paces.borrow_mut();
        let new = || Rc::new(RefCell::new(Bucket::new(io::now(host).elapsed)));
        let key = hash16([collector.settings.api_key.0.as_str()].into_iter());
        Rc::clone(paces.entry(key).or_insert_with(new))
    }
}

async fn collect<H: Host>(
    host: &H,
    name: &str,
    collector: &Collector,
    pace: Rc<RefCell<Bucket>>,
    budget: Duration,
    request: &Request,
) -> Response {
    let plan = match plan(request) {
        Ok(plan) => plan,
        Err(message) => return wrong(&message),
    };
    let asked = match request.parameter("asked").map(|it| it.parse()) {
        None => 0,
        Some(Ok(asked)) => asked,
        Some(Err(_)) => return wrong("expected a whole number at `asked`, but found another text"),
    };
    let id = hex(&host.random());
    let order = Order {
        plan,
        budget_ms: budget.as_millis() as u64,
        seed: u64::from_str_radix(id.get(..16).unwrap_or_default(), 16).unwrap_or_default(),
        owner: id.clone(),
        asked,
    };
    let deadline = request.arrived + WITHIN;
    let Collector { settings, bucket } = collector;
    let outcome = io::run(host, settings, bucket, order, &pace, deadline).await;
    let status = status(&outcome);
    let body = outcome.to_json(settings);
    let line = json!({
        "kind": "collect", "id": id, "collector": name, "backfill": plan != Plan::Live, "status": status,
        "alarm": outcome.error.as_ref().is_some_and(is_alarm),
    });
    tell(host, request, line, &body);
    Response::json(status, &body)
}

/// Leaves a call's line in the log: what it was, and what it answers.
fn tell<H: Host>(host: &H, request: &Request, mut line: Value, body: &Value) {
    let took = host.elapsed().saturating_sub(request.arrived);
    line["duration_ms"] = json!(took.as_millis() as u64);
    if let (Value::Object(line), Value::Object(body)) = (&mut line, body) {
        line.extend(body.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    host.log(&line.to_string());
}

fn wrong(message: &str) -> Response {
    Response::json(400, &json!({"error": "parameter", "message": message}))
}

/// What a request asks for.
fn plan(request: &Request) -> Result<Plan, String> {
    let (from, to) = (request.parameter("from"), request.parameter("to"));
    let (Some(from), Some(to)) = (&from, &to) else {
        return match (from, to) {
            (None, None) => Ok(Plan::Live),
            _ => Err("expected both `from` and `to`, but found one of them".to_owned()),
        };
    };
    let (from, to) = (time("from", from)?, time("to", to)?);
    match from <= to {
        true => Ok(Plan::Backfill { from, to }),
        false => Err("expected `from` before `to`, but found it behind".to_owned()),
    }
}

fn time(name: &str, text: &str) -> Result<i64, String> {
    let time = DateTime::parse_from_rfc3339(text);
    let time = time.map(|it| it.with_timezone(&Utc).timestamp_millis());
    match time.ok().filter(|it| *it >= 0) {
        Some(time) => Ok(time),
        None => Err(format!(
            "expected a time such as 2026-11-01T00:00:00Z at `{name}`, but found another text"
        )),
    }
}

fn budget(request: &Request) -> Result<Duration, String> {
    let Some(text) = request.parameter("budget_ms") else {
        return Ok(Duration::from_millis(BUDGET));
    };
    match text.parse() {
        Ok(budget) if (1..=LONGEST).contains(&budget) => Ok(Duration::from_millis(budget)),
        _ => Err(format!(
            "expected a whole number from 1 to {LONGEST} at `budget_ms`, but found another text"
        )),
    }
}

fn status(outcome: &Outcome) -> u16 {
    match &outcome.error {
        None => 200,
        Some(_) if outcome.summary.retry_after_ms.is_some() => 503,
        Some(Error::Busy(_) | Error::Overtaken) => 503,
        Some(Error::Harness(..) | Error::Store(_)) => 502,
        Some(Error::State(_) | Error::Taken(_) | Error::Stuck(_)) => 500,
    }
}

/// Whether somebody has to mend something.
fn is_alarm(error: &Error) -> bool {
    !matches!(error, Error::Busy(_) | Error::Overtaken)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
