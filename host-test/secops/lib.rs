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
mod strict;

use std::collections::BTreeMap;
use std::io::{BufReader, Read, Result};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use plain_http::Request;
use serde_json::{Value, json};

use account::Tokens;
pub use account::key_lines;

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

const METADATA: &str = "/computeMetadata/v1/instance/service-accounts/default/token";

fn token_url(address: SocketAddr) -> String {
    format!("http://{address}/token")
}

/// A test that failed while it held the lock has nothing broken in here.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(connection: TcpStream, address: SocketAddr, shared: &Shared) -> Result<()> {
    let mut to = connection.try_clone()?;
    let mut from = BufReader::new(connection);
    while let Some(request) = Request::read(&mut from)? {
        let (reaction, answer) = judge(&request, address, &mut lock(&shared.state));
        shared.changed.notify_all();
        match reaction {
            Reaction::Hang => {
                from.read_to_end(&mut Vec::new())?;
                return Ok(());
            }
            Reaction::Cut | Reaction::CutAfter => return Ok(()),
            Reaction::Answer | Reaction::Status(_) | Reaction::RateLimited(_) => {
                let headers: Vec<(&str, &str)> =
                    answer.headers.iter().map(|(k, v)| (*k, &**v)).collect();
                plain_http::write(&mut to, answer.status, &headers, answer.body.as_bytes())?;
            }
        }
    }
    Ok(())
}

/// What a request brings: a log type's logs, say.
type Checked = std::result::Result<Vec<Accepted>, String>;

/// Decides, and remembers what was decided.
fn judge(request: &Request, address: SocketAddr, state: &mut State) -> (Reaction, Answer) {
    let Some((route, log_type)) = route(request) else {
        let unknown = format!("expected a route, but found {}", request.path);
        state.complaints.push(unknown);
        return (Reaction::Answer, Answer::error(404));
    };
    let checked: Checked = match route {
        Route::Push => strict::lines(request, ""),
        Route::Lines => strict::lines(request, ""),
        Route::Logs => strict::logs(request, log_type),
        Route::Events => strict::events(request),
        Route::Token => account::check_grant(request, &token_url(address)).map(|()| Vec::new()),
        Route::Metadata => match request.header("metadata-flavor") {
            Some("Google") => Ok(Vec::new()),
            _ => Err("expected `Metadata-Flavor: Google`".to_owned()),
        },
    };
    let call = Call {
        route,
        number: (state.calls.iter())
            .filter(|(it, _)| it.route == route)
            .count(),
        items: checked.as_ref().map_or(0, Vec::len),
        bytes: request.body.len(),
    };
    let (reaction, answer) = decide(request, &call, checked, state);
    let told = matches!(
        reaction,
        Reaction::Answer | Reaction::Status(_) | Reaction::RateLimited(_)
    );
    state.calls.push((call, told.then_some(answer.status)));
    (reaction, answer)
}

fn decide(
    request: &Request,
    call: &Call,
    checked: Checked,
    state: &mut State,
) -> (Reaction, Answer) {
    let wrong = match &checked {
        _ if request.body.len() > strict::MAX_BODY => {
            Some((413, "a body within the limit".to_owned()))
        }
        _ if request.header("host").is_none() => Some((400, "a host".to_owned())),
        // S3 takes nothing else, and no page of Google's speaks of chunks.
        _ if request.method == "POST" && request.header("content-length").is_none() => Some((
            411,
            "expected a length of the body, but found none".to_owned(),
        )),
        Err(wrong) => Some((400, wrong.clone())),
        Ok(_) => None,
    };
    if let Some((status, wrong)) = wrong {
        state.complaints.push(format!("{:?}: {wrong}", call.route));
        return (Reaction::Answer, Answer::error(status));
    }
    if let Err(status) = let_in(request, call.route, &state.tokens) {
        return (Reaction::Answer, Answer::error(status));
    }
    let reaction = (state.plan)(call);
    match reaction {
        Reaction::Status(status) => return (reaction, Answer::error(status)),
        Reaction::RateLimited(seconds) => {
            let mut answer = Answer::error(429);
            answer.headers.push(("retry-after", seconds.to_string()));
            return (reaction, answer);
        }
        Reaction::Hang | Reaction::Cut => return (reaction, Answer::error(500)),
        Reaction::Answer | Reaction::CutAfter => {}
    }
    if let Route::Token | Route::Metadata = call.route {
        return (reaction, Answer::json(200, &state.tokens.issue()));
    }
    let items = checked.unwrap_or_default();
    let has = |it: &Accepted, text: &str| {
        let mut windows = it.bytes.windows(text.len());
        windows.any(|it| it == text.as_bytes())
    };
    if items.iter().any(|it| has(it, POISON)) {
        return (reaction, Answer::error(400));
    }
    if items.iter().any(|it| has(it, CANARY)) {
        let wrong = format!("{:?}: expected logs, but found a secret", call.route);
        state.complaints.push(wrong);
    }
    state.accepted.extend(items);
    (reaction, Answer::json(200, &json!({})))
}

/// The route of a request, and the log type that its path names.
fn route(request: &Request) -> Option<(Route, &str)> {
    let path = request.path.as_str();
    match (request.method.as_str(), path) {
        ("POST", "/token") => return Some((Route::Token, "")),
        ("GET", METADATA) => return Some((Route::Metadata, "")),
        ("POST", "/lines") => return Some((Route::Lines, "")),
        ("POST", _) => {}
        _ => return None,
    }
    let versions = ["/v1alpha/", "/v1beta/", "/v1/"];
    let resource = versions.iter().find_map(|it| path.strip_prefix(it))?;
    let [_, _, _, _, _, _, rest @ ..] = &resource.split('/').collect::<Vec<_>>()[..] else {
        return resource
            .ends_with("/events:import")
            .then_some((Route::Events, ""));
    };
    let is_log_type = |it: &str| {
        let allowed = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        !it.is_empty() && it.bytes().all(allowed)
    };
    match rest {
        ["events:import"] => Some((Route::Events, "")),
        ["logTypes", it, "logs:import"] if is_log_type(it) => Some((Route::Logs, it)),
        ["feeds", it] if it.ends_with(":importPushLogs") => Some((Route::Push, "")),
        _ => None,
    }
}

/// Whether a request may do what it asks for; otherwise the status that says why not.
fn let_in(request: &Request, route: Route, tokens: &Tokens) -> std::result::Result<(), u16> {
    let given = |header: &str, parameter: &str| {
        let mut pairs = request.query.split('&').filter_map(|it| it.split_once('='));
        let in_query = pairs.find(|(name, _)| *name == parameter);
        let value = request.header(header).or(in_query.map(|(_, value)| value));
        value.unwrap_or_default().to_owned()
    };
    let here = request.path.contains(&format!("/{INSTANCE}/"));
    match route {
        Route::Push if given("x-goog-api-key", "key") != API_KEY => Err(401),
        Route::Push if given("x-webhook-access-key", "secret") != SECRET => Err(403),
        Route::Push if !request.path.ends_with(&format!("/{FEED}:importPushLogs")) => Err(404),
        Route::Logs | Route::Events if !tokens.let_in(request) => Err(401),
        Route::Push | Route::Logs | Route::Events if !here => Err(404),
        _ => Ok(()),
    }
}

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Answer {
    fn json(status: u16, body: &Value) -> Answer {
        Answer {
            status,
            headers: vec![("content-type", "application/json; charset=UTF-8".to_owned())],
            body: body.to_string(),
        }
    }

    /// An error in Google's form.
    fn error(status: u16) -> Answer {
        let name = match status {
            400 => "INVALID_ARGUMENT",
            401 => "UNAUTHENTICATED",
            403 => "PERMISSION_DENIED",
            404 => "NOT_FOUND",
            409 => "ABORTED",
            411 => "LENGTH_REQUIRED",
            413 => {
                return Answer {
                    status,
                    headers: vec![("content-type", "text/html; charset=UTF-8".to_owned())],
                    body: "<html><title>413</title>Your client issued a request that was too large.</html>"
                        .to_owned(),
                };
            }
            429 => "RESOURCE_EXHAUSTED",
            503 => "UNAVAILABLE",
            504 => "DEADLINE_EXCEEDED",
            _ => "INTERNAL",
        };
        let message = "Request contains an invalid argument, or so.";
        Answer::json(
            status,
            &json!({"error": {"code": status, "message": message, "status": name}}),
        )
    }
}

#[cfg(test)]
mod tests;
