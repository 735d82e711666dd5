//! A Google SecOps on 127.0.0.1 to test against: it checks requests more strictly than the real one, remembers what it accepted,
//! and fails on demand.
//!
//! It serves `feeds:importPushLogs`, `logTypes.logs:import` and `events:import`
//! (<https://docs.cloud.google.com/chronicle/docs/reference/rest>), the token endpoints of `account`, and a plain HTTP endpoint that
//! takes lines. Left out: TLS, feeds' administration, and everything that happens behind a 200.
//!
//! A request that breaks a rule is answered 400 and complained about. A test that has no [`SecOps::complaints`] knows that the
//! sender kept to the service's contract throughout.

mod account;
mod answer;
mod strict;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use account::Tokens;
pub use account::key_lines;
use answer::{METADATA, serve, token_url};

/// The only instance there is.
pub const INSTANCE: &str =
    "projects/104000000001/locations/us/instances/6b0c1a52-7f0e-4f53-9d0a-3f6f5a9e2b11";

/// The only feed there is; its split delimiter is the line feed.
pub const FEED: &str = "5a9e3c70-12ab-4c7e-8a51-9d5f3f6e7c20";

/// Every secret of the tests has this in it, those of whoever sends here too; so no log has.
const CANARY: &str = "canary-of-the-";

/// The key and the secret of the feed, and what every token holds: each occurs nowhere else, and none may be seen anywhere.
pub const API_KEY: &str = "AIza-canary-of-the-api-key-7d1f";
/// See [`API_KEY`].
pub const SECRET: &str = "canary-of-the-feed-secret-93ab";
/// See [`API_KEY`].
pub const TOKEN: &str = "canary-of-the-token-51ce-";

/// A log or an event that has this in it is never taken, nor is the batch that it is in.
pub const POISON: &str = "poison-for-secops";

/// The service. It ends with the process.
pub struct SecOps {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// A log or an event that was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// `UDM` for events; empty for the plain endpoint.
    pub log_type: String,
    /// The environment's namespace.
    pub namespace: Option<String>,
    /// Key, value, and whether data access scopes may use it.
    pub labels: Vec<(String, String, bool)>,
    /// The log as it came, or the event as it is stored.
    pub bytes: Vec<u8>,
}

/// A request to one of the routes, before it is answered.
#[derive(Clone, Debug)]
pub struct Call {
    /// What it asks for.
    pub route: Route,
    /// How many there were before on this route.
    pub number: usize,
    /// How many logs or events it brings; none for tokens.
    pub items: usize,
    /// The bytes of its body.
    pub bytes: usize,
}

/// What there is to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    /// `feeds/…:importPushLogs`.
    Push,
    /// `logTypes/…/logs:import`.
    Logs,
    /// `events:import`.
    Events,
    /// The plain endpoint for lines.
    Lines,
    /// A token for a signed assertion.
    Token,
    /// A token of the metadata server.
    Metadata,
}

/// How the service behaves towards one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// As it should.
    Answer,
    /// This status and an error of Google's; 413 in HTML, as the front end says it.
    Status(u16),
    /// 429 with so many seconds in `Retry-After`.
    RateLimited(u32),
    /// Never, while the sender holds the connection.
    Hang,
    /// The connection breaks, and nothing was taken.
    Cut,
    /// Everything was taken, and then the connection breaks.
    CutAfter,
}

struct State {
    plan: Box<dyn FnMut(&Call) -> Reaction + Send>,
    calls: Vec<(Call, Option<u16>)>,
    accepted: Vec<Accepted>,
    complaints: Vec<String>,
    tokens: Tokens,
}

/// Longer than anything takes that a test waits for.
const PATIENCE: Duration = Duration::from_secs(60);

impl Default for State {
    fn default() -> State {
        State {
            plan: Box::new(|_| Reaction::Answer),
            calls: Vec::new(),
            accepted: Vec::new(),
            complaints: Vec::new(),
            tokens: Tokens::default(),
        }
    }
}

impl SecOps {
    /// Starts on a free port.
    ///
    /// # Panics
    ///
    /// Where there is none.
    pub fn start() -> SecOps {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let served = Arc::clone(&shared);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let shared = Arc::clone(&served);
                thread::spawn(move || {
                    if let Err(error) = serve(connection, address, &shared)
                        && error.kind() == std::io::ErrorKind::InvalidData
                    {
                        lock(&shared.state).complaints.push(error.to_string());
                    }
                });
            }
        });
        SecOps { address, shared }
    }

    /// `http://127.0.0.1:…` without a slash at the end.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The version's base, in front of [`INSTANCE`].
    pub fn base(&self) -> String {
        format!("{}/v1alpha", self.origin())
    }

    /// The push URL of [`FEED`], as the console shows it.
    pub fn push_url(&self) -> String {
        format!("{}/{INSTANCE}/feeds/{FEED}:importPushLogs", self.base())
    }

    /// Where lines are taken.
    pub fn lines_url(&self) -> String {
        format!("{}/lines", self.origin())
    }

    /// Where a metadata server would answer.
    pub fn metadata_url(&self) -> String {
        format!("{}{METADATA}", self.origin())
    }

    /// The service account's key file, whose token endpoint is here.
    pub fn key_file(&self) -> String {
        account::key_file(&token_url(self.address))
    }

    /// From now on every call that keeps to the rules is asked for.
    pub fn react(&self, plan: impl FnMut(&Call) -> Reaction + Send + 'static) {
        lock(&self.shared.state).plan = Box::new(plan);
    }

    /// From now on no token holds that was handed out before.
    pub fn expire_tokens(&self) {
        lock(&self.shared.state).tokens.expire();
    }

    /// How long tokens hold from now on: an hour, unless told otherwise.
    pub fn token_lifetime(&self, lifetime: Duration) {
        lock(&self.shared.state).tokens.lifetime = lifetime;
    }

    /// How many tokens were handed out.
    pub fn tokens(&self) -> usize {
        lock(&self.shared.state).tokens.count()
    }

    /// What was taken, in order; what came twice is there twice.
    pub fn accepted(&self) -> Vec<Accepted> {
        lock(&self.shared.state).accepted.clone()
    }

    /// Waits until what was taken is as `enough` wants it, for a minute at most.
    ///
    /// # Panics
    ///
    /// When it does not become so.
    pub fn wait(&self, enough: impl Fn(&[Accepted]) -> bool) {
        let state = lock(&self.shared.state);
        let changed = &self.shared.changed;
        let waited = changed.wait_timeout_while(state, PATIENCE, |it| !enough(&it.accepted));
        let timeout = waited.map_or_else(|it| it.into_inner().1, |it| it.1);
        assert!(
            !timeout.timed_out(),
            "expected more to be taken within a minute"
        );
    }

    /// How often each log or event was taken, by [`Accepted::id`].
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for accepted in &lock(&self.shared.state).accepted {
            *counts.entry(accepted.id()).or_insert(0) += 1;
        }
        counts
    }

    /// Every call, and its answer; none where the connection was cut or hangs.
    pub fn calls(&self) -> Vec<(Call, Option<u16>)> {
        lock(&self.shared.state).calls.clone()
    }

    /// Which rules were broken.
    pub fn complaints(&self) -> Vec<String> {
        lock(&self.shared.state).complaints.clone()
    }
}

impl Accepted {
    /// The id of an Azure DevOps audit log, whatever wraps it, or of a UDM event; empty where there is none.
    pub fn id(&self) -> String {
        let value: Value = serde_json::from_slice(&self.bytes).unwrap_or_default();
        let places = [
            "/metadata/productLogId",
            "/metadata/product_log_id",
            "/data/Id",
            "/Id",
            "/id",
        ];
        let id = places.iter().find_map(|it| value.pointer(it)?.as_str());
        id.unwrap_or_default().to_owned()
    }
}

/// A test that failed while it held the lock has nothing broken in here.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
