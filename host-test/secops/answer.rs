//! What the service answers: whether a request keeps to the rules, who may ask, and what the test's plan has it do.
//! Errors have Google's form (<https://google.aip.dev/193>, HTTP/1.1+JSON representation).

use std::io::{BufReader, Read, Result};
use std::net::{SocketAddr, TcpStream};

use plain_http::Request;
use serde_json::{Value, json};

use crate::account::{self, Tokens};
use crate::{API_KEY, CANARY, FEED, INSTANCE, POISON, SECRET};
use crate::{Accepted, Call, Reaction, Route, Shared, State, lock, strict};

/// The path of the metadata server's token.
pub(crate) const METADATA: &str = "/computeMetadata/v1/instance/service-accounts/default/token";

/// Where a service account's assertion is exchanged.
pub(crate) fn token_url(address: SocketAddr) -> String {
    format!("http://{address}/token")
}

/// Answers the requests of a connection until it ends.
///
/// # Errors
///
/// When the connection breaks, or what comes is no HTTP.
pub(crate) fn serve(connection: TcpStream, address: SocketAddr, shared: &Shared) -> Result<()> {
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
