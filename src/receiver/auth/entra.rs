//! Microsoft Entra protected delivery: each request of Event Grid carries a token of the tenant, which is checked here.
//!
//! Follows "Deliver events to webhooks in different Microsoft Entra tenants" and "Secure webhook delivery with Microsoft
//! Entra ID" (learn.microsoft.com), and "Access token claims reference" for the two versions of tokens. National clouds,
//! which have issuers of their own, are left out.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

pub use super::jwks::KeyCache;
use crate::config::Entra;
use crate::host::Host;
use crate::jwt::Unverified;

/// By how many seconds clocks may differ.
const LEEWAY: f64 = 5.0 * 60.0;

/// Why a request does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// Its token is missing or bad.
    Refused(&'static str),
    /// The token cannot be checked now, which is no fault of the sender's.
    Unavailable(&'static str),
}

/// Checks the header `Authorization` of a request.
///
/// # Errors
///
/// Why the request does not pass, in words that hold nothing of the token.
pub async fn check<H: Host>(
    host: &H,
    entra: &Entra,
    keys: &KeyCache,
    authorization: Option<&str>,
) -> Result<(), Denied> {
    let authorization = authorization.ok_or(Denied::Refused("no token was given"))?;
    let bearer = authorization.split_once(' ');
    let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let (_, text) = bearer.ok_or(Denied::Refused("no bearer token was given"))?;
    let token = Unverified::read(text.trim()).map_err(Denied::Refused)?;
    let key = keys.key(host, &entra.keys_url, &token.kid).await?;
    let claims = token.verify(&key).map_err(Denied::Refused)?;
    match refusal(entra, &claims, host.now()) {
        Some(why) => Err(Denied::Refused(why)),
        None => Ok(()),
    }
}

/// The first claim that is not as it has to be.
fn refusal(entra: &Entra, claims: &Map<String, Value>, now: DateTime<Utc>) -> Option<&'static str> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let tenant = entra.tenant.to_ascii_lowercase();
    let second = format!("https://login.microsoftonline.com/{tenant}/v2.0");
    let first = format!("https://sts.windows.net/{tenant}/");
    // Each version has a name of its own for the application that calls.
    let application = match text("iss") {
        it if it == second => text("azp"),
        it if it == first => text("appid"),
        _ => return Some("the token's issuer is not the tenant"),
    };
    if text("tid") != tenant {
        return Some("the token is of another tenant");
    }
    if !has(claims.get("aud"), &entra.audience) {
        return Some("the token is for another audience");
    }
    if application.is_empty() || !application.eq_ignore_ascii_case(&entra.application) {
        return Some("the token is of another application");
    }
    if !entra.role.is_empty() && !has(claims.get("roles"), &entra.role) {
        return Some("the token lacks the role");
    }
    let now = now.timestamp_millis() as f64 / 1000.0;
    match claims.get("exp").and_then(Value::as_f64) {
        Some(end) if now < end + LEEWAY => (),
        Some(_) => return Some("the token has expired"),
        None => return Some("the token has no end"),
    }
    match claims.get("nbf") {
        None => None,
        Some(start) => match start.as_f64() {
            Some(start) if start - LEEWAY <= now => None,
            _ => Some("the token is not valid yet"),
        },
    }
}

/// Whether a claim is this text, or an array with it.
fn has(claim: Option<&Value>, text: &str) -> bool {
    match claim {
        Some(Value::String(it)) => it == text,
        Some(Value::Array(items)) => items.iter().any(|it| it.as_str() == Some(text)),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
