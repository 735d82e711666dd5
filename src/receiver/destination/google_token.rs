//! Access tokens for Google's APIs: of a service account's key file, or of a metadata server.
//!
//! With a key file the component signs a JSON Web Token and trades it for an access token ("Using OAuth 2.0 for server
//! to server applications", developers.google.com; RFC 7523). On Google's machines the metadata server hands them out
//! ("View and query VM metadata", docs.cloud.google.com). A token is kept per instance, in memory alone, and renewed
//! before it ends. User credentials, impersonation and workload identity federation are left out.

mod credentials;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

pub use credentials::Credentials;

use super::Fault;
use crate::config::section::{Secret, quoted};
use crate::host::{Answer, Host, Outbound, SendError, USUAL};
use crate::jwt;
use crate::turn::Turn;

/// What tokens are asked for.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// How long before its end a token is renewed. Below the five minutes that a metadata server may still hand out.
const EARLY: Duration = Duration::from_secs(4 * 60);

/// How long to go on with a token whose renewal failed before the next try.
const AGAIN: Duration = Duration::from_secs(30);

/// The longest that one request for a token takes.
const WITHIN: Duration = Duration::from_secs(10);

/// The access tokens of an instance.
#[derive(Debug, Default)]
pub struct Tokens {
    places: RefCell<BTreeMap<(String, String), Rc<Place>>>,
}

/// Where the token of one kind of credentials is kept.
#[derive(Debug, Default)]
struct Place {
    asking: Turn,
    token: RefCell<Option<Token>>,
    /// How asking failed the last time, and when.
    fault: RefCell<Option<(Duration, Fault)>>,
}

/// An access token; its times are on the scale of [`Host::elapsed`].
#[derive(Clone, Debug)]
struct Token {
    bearer: Secret,
    renewed: Duration,
    ends: Duration,
}

impl Tokens {
    /// What comes behind `Bearer ` in `Authorization`. The deadline is on the scale of [`Host::elapsed`].
    ///
    /// # Errors
    ///
    /// A fault that may pass, or with [`Fault::alarm`] one that an operator has to mend.
    pub async fn bearer<H: Host>(
        &self,
        host: &H,
        credentials: &Credentials,
        deadline: Duration,
    ) -> Result<Secret, Fault> {
        let place = self.place(credentials);
        let came = host.elapsed();
        // While another request renews a token that still lives, nobody needs to wait.
        let lives =
            |token: &Token| came < token.renewed || (came < token.ends && place.asking.is_taken());
        if let Some(token) = place.token.borrow().as_ref().filter(|it| lives(it)) {
            return Ok(token.bearer.clone());
        }
        let turn = place.asking.take(host, deadline).await;
        let now = host.elapsed();
        if let Some(token) = place.token.borrow().as_ref().filter(|it| now < it.renewed) {
            return Ok(token.bearer.clone());
        }
        // What failed for another while this request waited is not tried for each that waits.
        if let Some((_, fault)) = place.fault.borrow().as_ref().filter(|(at, _)| *at > came) {
            return Err(fault.clone());
        }
        if turn.is_none() {
            return Err(pass("timed_out", credentials, "no time left"));
        }
        let asked = ask(host, credentials, deadline).await;
        let now = host.elapsed();
        let mut kept = place.token.borrow_mut();
        match (asked, kept.as_mut().filter(|it| now < it.ends)) {
            (Ok(token), _) => Ok(kept.insert(token).bearer.clone()),
            (Err(_), Some(token)) => {
                token.renewed = (now + AGAIN).min(token.ends);
                Ok(token.bearer.clone())
            }
            (Err(fault), None) => {
                place.fault.replace(Some((now, fault.clone())));
                Err(fault)
            }
        }
    }

    /// Forgets a token that was answered with 401.
    pub fn forget(&self, credentials: &Credentials) {
        self.place(credentials).token.replace(None);
    }

    fn place(&self, credentials: &Credentials) -> Rc<Place> {
        let mut places = self.places.borrow_mut();
        places.entry(key(credentials)).or_default().clone()
    }
}

/// What tells one's tokens from another's.
fn key(credentials: &Credentials) -> (String, String) {
    let name = match credentials {
        Credentials::ServiceAccount { email, key_id, .. } => format!("{email} {key_id}"),
        Credentials::Metadata { .. } => String::new(),
    };
    (credentials.url().to_owned(), name)
}

/// Asks for a token.
async fn ask<H: Host>(
    host: &H,
    credentials: &Credentials,
    deadline: Duration,
) -> Result<Token, Fault> {
    let request = request(credentials, host.now())
        .ok_or_else(|| mend("credentials", credentials, "a key that cannot sign"))?;
    let asked = host.elapsed();
    let within = deadline.saturating_sub(asked).min(WITHIN);
    if within.is_zero() {
        return Err(pass("timed_out", credentials, "no time left"));
    }
    match host.send(request, within).await {
        Ok(answer) if answer.status == 200 => token(&answer.body, asked)
            .ok_or_else(|| pass("unavailable", credentials, "an answer without one")),
        Ok(answer) => Err(refusal(credentials, &answer)),
        Err(SendError::TimedOut) => Err(pass("timed_out", credentials, "no answer in time")),
        Err(SendError::Denied) => {
            let found = "that the runtime does not allow this host";
            Err(mend("denied", credentials, found))
        }
        Err(SendError::Failed(_)) => Err(pass("unavailable", credentials, "no connection")),
    }
}

/// The request for a token; none if the key cannot sign.
fn request(credentials: &Credentials, now: DateTime<Utc>) -> Option<Outbound> {
    match credentials {
        Credentials::Metadata { url } => Some(Outbound {
            method: "GET",
            url: url.clone(),
            headers: vec![("metadata-flavor".to_owned(), "Google".to_owned())],
            body: Vec::new(),
            most: USUAL,
        }),
        Credentials::ServiceAccount {
            email,
            key_id,
            key,
            token_url,
        } => {
            let now = now.timestamp();
            let claims = json!({
                "iss": email,
                "scope": SCOPE,
                "aud": token_url,
                "iat": now,
                "exp": now + 3600,
            });
            let assertion = jwt::sign(key, key_id, &claims)?;
            let grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
            let form = "application/x-www-form-urlencoded";
            Some(Outbound {
                method: "POST",
                url: token_url.clone(),
                headers: vec![("content-type".to_owned(), form.to_owned())],
                body: format!("grant_type={grant}&assertion={assertion}").into_bytes(),
                most: USUAL,
            })
        }
    }
}

/// The token of an answer, whose life began when it was asked for at the earliest.
fn token(body: &[u8], asked: Duration) -> Option<Token> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let bearer = answer.get("access_token")?.as_str()?;
    // What goes into a header must not end it.
    if bearer.is_empty() || !bearer.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let life = answer.get("expires_in")?.as_u64()?.min(24 * 3600);
    let life = Duration::from_secs(life);
    Some(Token {
        bearer: Secret(bearer.to_owned()),
        renewed: asked + life.saturating_sub(EARLY).max(life / 2),
        ends: asked + life,
    })
}

/// What an answer other than 200 means.
fn refusal(credentials: &Credentials, answer: &Answer) -> Fault {
    let status = answer.status;
    let found = format!("status {status}{}", reason(&answer.body));
    match status {
        400 | 401 | 403 => mend("credentials", credentials, &found),
        408 | 429 => {
            let wait = answer.header("retry-after").and_then(|it| it.parse().ok());
            let wait = Duration::from_secs(wait.unwrap_or(60).clamp(1, 3600));
            Fault {
                retry_after: wait,
                ..pass("rate_limited", credentials, &found)
            }
        }
        500.. => pass("unavailable", credentials, &found),
        _ => mend("not_found", credentials, &found),
    }
}

/// What an error of OAuth says (RFC 6749 section 5.2), cut short: too short to give the signature of a JWT back.
fn reason(body: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let texts = ["error", "error_description"].map(|it| answer.get(it).and_then(Value::as_str));
    let texts = texts.into_iter().flatten();
    texts.fold(String::new(), |all, it| format!("{all}, {}", quoted(it)))
}

/// A fault that may pass.
fn pass(kind: &'static str, credentials: &Credentials, found: &str) -> Fault {
    let url = credentials.url();
    let url = url.split(['?', '#']).next().unwrap_or_default();
    Fault {
        kind,
        message: format!("expected an access token from {url}, but found {found}"),
        retry_after: Duration::from_secs(30),
        alarm: false,
    }
}

/// A fault that an operator has to mend.
fn mend(kind: &'static str, credentials: &Credentials, found: &str) -> Fault {
    Fault {
        retry_after: Duration::from_secs(60),
        alarm: true,
        ..pass(kind, credentials, found)
    }
}

#[cfg(test)]
mod tests;
