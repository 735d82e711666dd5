//! Access tokens for Google's APIs: of a service account's key file, or of a metadata server.
//!
//! With a key file the component signs a JSON Web Token and trades it for an access token ("Using OAuth 2.0 for server to
//! server applications", developers.google.com; RFC 7523). On Google's machines the metadata server hands them out ("View
//! and query VM metadata", docs.cloud.google.com). A token is kept per instance, in memory alone, and renewed before it
//! ends. User credentials, impersonation and workload identity federation are left out.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rsa::RsaPrivateKey;
use rsa::pkcs8::DecodePrivateKey as _;
use serde_json::{Value, json};

use super::Fault;
use crate::config::section::{Secret, Section, quoted};
use crate::host::{Answer, Host, Outbound, SendError};
use crate::jwt;

/// What tokens are asked for.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Where a service account's JWT becomes an access token.
const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";

/// The token endpoints of older key files, which [`TOKEN_URL`] stands in for.
const OLD_TOKEN_URLS: [&str; 2] = [
    "https://accounts.google.com/o/oauth2/token",
    "https://www.googleapis.com/oauth2/v4/token",
];

/// The metadata server on Google's machines.
const METADATA_URL: &str =
    "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token";

/// How long before its end a token is renewed. Below the five minutes that a metadata server may still hand out.
const EARLY: Duration = Duration::from_secs(4 * 60);

/// How long to go on with a token whose renewal failed before the next try.
const AGAIN: Duration = Duration::from_secs(30);

/// The longest that one request for a token takes.
const WITHIN: Duration = Duration::from_secs(10);

/// Who asks Google for something.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A key file.
    ServiceAccount {
        /// `client_email`.
        email: String,
        /// `private_key_id`.
        key_id: String,
        /// `private_key`.
        key: RsaPrivateKey,
        /// `token_uri`, or what stands in for it.
        token_url: String,
    },
    /// A metadata server.
    Metadata {
        /// Where tokens are read.
        url: String,
    },
}

impl Credentials {
    /// Reads `credentials`, the text of a key file, or `metadata`, `true` or a URL; one of them has to be there. What is
    /// wrong is told to the section.
    pub fn read(section: &mut Section<'_>) -> Option<Credentials> {
        let (with_key, with_metadata) = (section.has("credentials"), section.has("metadata"));
        let key = section.secret("credentials");
        let url = match section.is_text("metadata") {
            true => section.text("metadata"),
            false => {
                let flag = section.flag("metadata");
                flag.filter(|it| *it).map(|_| METADATA_URL.to_owned())
            }
        };
        match (with_key, with_metadata) {
            (true, true) => {
                section.wrong("metadata", "either `credentials` or `metadata`", "both");
                None
            }
            (true, false) => match service_account(&key?.0) {
                Ok(credentials) => Some(credentials),
                Err((expected, found)) => {
                    section.wrong("credentials", expected, &found);
                    None
                }
            },
            (false, true) => {
                let url = url?;
                if !url.starts_with("http://") && !url.starts_with("https://") {
                    section.wrong("metadata", "true or an http URL", &quoted(&url));
                    return None;
                }
                Some(Credentials::Metadata { url })
            }
            (false, false) => {
                section.missing("credentials");
                None
            }
        }
    }

    /// Where tokens are asked for: a URL that the runtime has to allow.
    pub fn url(&self) -> &str {
        match self {
            Credentials::ServiceAccount { token_url, .. } => token_url,
            Credentials::Metadata { url } => url,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Credentials::ServiceAccount { email, .. } => write!(f, "ServiceAccount({email})"),
            Credentials::Metadata { .. } => f.write_str("Metadata"),
        }
    }
}

/// The access tokens of an instance.
#[derive(Debug, Default)]
pub struct Tokens {
    tokens: RefCell<BTreeMap<(String, String), Token>>,
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
        let now = host.elapsed();
        let kept = self.tokens.borrow().get(&key(credentials)).cloned();
        let kept = kept.filter(|it| now < it.ends);
        if let Some(token) = kept.as_ref().filter(|it| now < it.renewed) {
            return Ok(token.bearer.clone());
        }
        let token = match (ask(host, credentials, deadline).await, kept) {
            (Ok(token), _) => token,
            (Err(fault), None) => return Err(fault),
            (Err(_), Some(kept)) => Token {
                renewed: host.elapsed() + AGAIN,
                ..kept
            },
        };
        let bearer = token.bearer.clone();
        self.tokens.borrow_mut().insert(key(credentials), token);
        Ok(bearer)
    }

    /// Forgets a token that was answered with 401.
    pub fn forget(&self, credentials: &Credentials) {
        self.tokens.borrow_mut().remove(&key(credentials));
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

/// Reads a key file. What it says when it cannot holds nothing of the key.
fn service_account(text: &str) -> Result<Credentials, (&'static str, String)> {
    let expected = "the JSON of a service account's key file";
    let file: Value =
        serde_json::from_str(text).map_err(|_| (expected, "a text that is no JSON".to_owned()))?;
    let field = |name: &'static str| {
        let value = file.get(name).and_then(Value::as_str);
        value.ok_or_else(|| (expected, format!("no text under `{name}`")))
    };
    let kind = field("type")?;
    if kind != "service_account" {
        return Err((expected, format!("a file of type {}", quoted(kind))));
    }
    let token_url = match field("token_uri") {
        Ok(url) if !OLD_TOKEN_URLS.contains(&url) => url,
        _ => TOKEN_URL,
    };
    if token_url != TOKEN_URL && !is_loopback(token_url) {
        let expected = "a key file whose `token_uri` is https://oauth2.googleapis.com/token";
        return Err((expected, quoted(token_url)));
    }
    let key = RsaPrivateKey::from_pkcs8_pem(field("private_key")?).map_err(|_| {
        let expected = "a key file whose `private_key` is an RSA key in PKCS #8";
        (expected, "something else".to_owned())
    })?;
    Ok(Credentials::ServiceAccount {
        email: field("client_email")?.to_owned(),
        key_id: field("private_key_id")?.to_owned(),
        key,
        token_url: token_url.to_owned(),
    })
}

/// Whether a URL is of this machine, as in tests.
fn is_loopback(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else {
        return false;
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or_default();
    let (host, port) = authority.split_once(':').unwrap_or((authority, "80"));
    matches!(host, "127.0.0.1" | "localhost") && port.parse::<u16>().is_ok()
}

/// Asks for a token.
async fn ask<H: Host>(
    host: &H,
    credentials: &Credentials,
    deadline: Duration,
) -> Result<Token, Fault> {
    let request = match credentials {
        Credentials::Metadata { url } => Outbound {
            method: "GET",
            url: url.clone(),
            headers: vec![("metadata-flavor".to_owned(), "Google".to_owned())],
            body: Vec::new(),
        },
        Credentials::ServiceAccount {
            email,
            key_id,
            key,
            token_url,
        } => {
            let now = host.now().timestamp();
            let claims = json!({"iss": email, "scope": SCOPE, "aud": token_url, "iat": now, "exp": now + 3600});
            let Some(assertion) = jwt::sign(key, key_id, &claims) else {
                return Err(mend("credentials", "the service account's key cannot sign"));
            };
            let grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
            let form = "application/x-www-form-urlencoded";
            Outbound {
                method: "POST",
                url: token_url.clone(),
                headers: vec![("content-type".to_owned(), form.to_owned())],
                body: format!("grant_type={grant}&assertion={assertion}").into_bytes(),
            }
        }
    };
    let asked = host.elapsed();
    let within = deadline.saturating_sub(asked).min(WITHIN);
    if within.is_zero() {
        return Err(pass("timed_out", "no time was left to ask for a token"));
    }
    match host.send(request, within).await {
        Ok(answer) if answer.status == 200 => token(&answer.body, asked)
            .ok_or_else(|| pass("unavailable", "the token endpoint's answer holds no token")),
        Ok(answer) => Err(refusal(&answer)),
        Err(SendError::TimedOut) => Err(pass(
            "timed_out",
            "the token endpoint did not answer in time",
        )),
        Err(SendError::Denied) => Err(mend(
            "denied",
            "this runtime does not let the component talk to the token endpoint",
        )),
        Err(SendError::Failed(_)) => {
            Err(pass("unavailable", "the token endpoint cannot be reached"))
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
fn refusal(answer: &Answer) -> Fault {
    let status = answer.status;
    match status {
        400 | 401 | 403 => mend(
            "credentials",
            &format!(
                "the token endpoint answered {status}{}",
                reason(&answer.body)
            ),
        ),
        408 | 429 => {
            let wait = answer.header("retry-after").and_then(|it| it.parse().ok());
            let wait = Duration::from_secs(wait.unwrap_or(60).clamp(1, 3600));
            let fault = pass(
                "rate_limited",
                &format!("the token endpoint answered {status}"),
            );
            Fault {
                retry_after: wait,
                ..fault
            }
        }
        500.. => pass(
            "unavailable",
            &format!("the token endpoint answered {status}"),
        ),
        _ => mend(
            "not_found",
            &format!("the token endpoint answered {status}"),
        ),
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
fn pass(kind: &'static str, message: &str) -> Fault {
    Fault {
        kind,
        message: message.to_owned(),
        retry_after: Duration::from_secs(30),
        alarm: false,
    }
}

/// A fault that an operator has to mend.
fn mend(kind: &'static str, message: &str) -> Fault {
    Fault {
        retry_after: Duration::from_secs(60),
        alarm: true,
        ..pass(kind, message)
    }
}
