//! What a request gets for an answer: which route it is for, and what an instance of the component keeps between
//! requests.
//!
//! | route | method | answered by |
//! | --- | --- | --- |
//! | `/v1/feeds/{feed}` | POST, OPTIONS | [`crate::feeds`] |
//! | `/v1/deliver/{feed}` | POST | [`crate::handed`] |
//! | `/healthz`, `/readyz` | GET, HEAD | [`crate::status`] |
//! | `/status` | GET | [`crate::status`] |
//! | `/v1/spool/drain`, `/v1/quarantine…` | | [`crate::admin`] |
//!
//! An answer that is no success is `{"error":"<kind>"}` and holds nothing of the request. What may pass is 503 with
//! `Retry-After`.

use std::time::Duration;

use serde_json::json;

use crate::admin::Route;
use crate::auth::entra::KeyCache;
use crate::config::{self, Config, Unready};
use crate::destination::Fault;
use crate::destination::google_token::Tokens;
use crate::exchange::{Request, Response};
use crate::host::Host;
use crate::record::Record;
use crate::status::Health;
use crate::{admin, feeds, handed, status};

/// How long a request may take; Event Grid waits 30 s for the answer, and a late success gives duplicates.
pub const WITHIN: Duration = Duration::from_secs(25);
/// What `Retry-After` says where nobody knows better, in seconds.
pub const RETRY_AFTER: u64 = 30;
/// Of a request that is answered without a configuration.
const MAX_BODY: usize = 64 << 10;

/// The receiver in one instance of the component.
pub struct Receiver {
    /// What it was told, or why not.
    pub config: Result<Config, Unready>,
    /// Access tokens of destinations.
    pub tokens: Tokens,
    /// The keys that sign tokens of Microsoft Entra.
    pub keys: KeyCache,
    /// What destinations said last.
    pub health: Health,
}

impl Receiver {
    /// Reads the configuration, and tells the log what is wrong with it.
    pub async fn load<H: Host>(host: &H) -> Receiver {
        let config = config::load(host).await;
        let tell = |level: &str, line: Option<usize>, message: &str| {
            let line = json!({ "kind": "configuration", "level": level, "line": line, "message": message });
            host.log(&line.to_string());
        };
        match &config {
            Ok(config) => config
                .warnings
                .iter()
                .for_each(|it| tell("warning", None, it)),
            Err(Unready::Unavailable(message)) => tell("error", None, message),
            Err(Unready::Invalid(problems)) => {
                for problem in problems {
                    tell("error", Some(problem.line), &problem.message);
                }
            }
        }
        Receiver {
            config,
            tokens: Tokens::default(),
            keys: KeyCache::default(),
            health: Health::default(),
        }
    }

    /// The most bytes of a request's body.
    pub fn max_body(&self) -> usize {
        self.config.as_ref().map_or(MAX_BODY, |it| it.max_body)
    }

    /// Answers a request, and leaves its line in the log.
    pub async fn answer<H: Host>(&self, host: &H, request: Request) -> Response {
        let mut record = Record::begin(host, &request.method, request.arrived);
        let response = self.route(host, request, &mut record).await;
        record.status = response.status;
        response
    }

    async fn route<H: Host>(
        &self,
        host: &H,
        request: Request,
        record: &mut Record<'_, H>,
    ) -> Response {
        let path = request.path.clone();
        match path.as_str() {
            "/healthz" => return status::healthz(&request, record),
            "/readyz" => return status::readyz(self, host, &request, record).await,
            _ => {}
        }
        let config = match &self.config {
            Ok(config) => config,
            Err(_) => {
                record.alarm = true;
                return unavailable(record, "configuration");
            }
        };
        if let Some(feed) = path.strip_prefix("/v1/feeds/") {
            record.route = "feed";
            return feeds::answer(self, config, host, feed, request, record).await;
        }
        if let Some(feed) = path.strip_prefix("/v1/deliver/") {
            return handed::answer(self, config, host, feed, request, record).await;
        }
        if path == "/status" {
            return status::status(self, config, host, &request, record).await;
        }
        match Route::of(&path) {
            Some(route) => admin::answer(self, config, host, route, &request, record).await,
            None => no(record, 404, "not_found"),
        }
    }

    /// Remembers how sending for a feed ended.
    pub fn tell_health<H: Host>(
        &self,
        config: &Config,
        host: &H,
        feed: &str,
        fault: Option<&Fault>,
    ) {
        if let Some(feed) = config.feeds.get(feed) {
            let now = host.elapsed();
            self.health.tell(&feed.destination, now, fault);
        }
    }
}

/// A fault that may pass. What it is, the log tells.
pub fn failed<H: Host>(record: &mut Record<'_, H>, fault: Fault) -> Response {
    let seconds = fault.retry_after.as_secs().max(1);
    record.outcome = "unavailable";
    record.fault = Some(fault.kind);
    record.alarm = fault.alarm;
    record.message = Some(fault.message);
    Response::error(503, fault.kind).with("retry-after", seconds.to_string())
}

/// Nothing that is true of the request now will be so forever.
pub fn unavailable<H: Host>(record: &mut Record<'_, H>, kind: &'static str) -> Response {
    no(record, 503, kind).with("retry-after", RETRY_AFTER.to_string())
}

/// An answer that says no, in a word that the log repeats.
pub fn no<H: Host>(record: &mut Record<'_, H>, status: u16, kind: &'static str) -> Response {
    record.outcome = kind;
    Response::error(status, kind)
}

/// The method is none of those that are allowed here; `HEAD` is one only where that is said.
pub fn wrong_method<H: Host>(record: &mut Record<'_, H>, allowed: &str) -> Response {
    no(record, 405, "method_not_allowed").with("allow", allowed)
}
