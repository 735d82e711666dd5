//! The service account that the tests use, the tokens it gets, and where it gets them.
//!
//! Follows "Using OAuth 2.0 for Server to Server Applications"
//! (<https://developers.google.com/identity/protocols/oauth2/service-account>) and RFC 7523, and for workloads of Google Cloud
//! the metadata server ("View and query VM metadata"). `key.pem` was made for these tests and opens nothing.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use plain_http::Request;
use ring::rsa::KeyPair;
use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};

use crate::strict::fields;

const EMAIL: &str = "udmill@audit-logs.iam.gserviceaccount.example";
const KEY_ID: &str = "4f0c3b3b0a2d4f3f9c7f6f1d2a6b8c9d0e1f2a3b";
const KEY: &str = include_str!("key.pem");

/// Any of these lets a token import.
const SCOPES: [&str; 2] = [
    "https://www.googleapis.com/auth/cloud-platform",
    "https://www.googleapis.com/auth/chronicle",
];

/// How far clocks may be apart.
const SKEW: u64 = 60;

/// The key file as the console hands it out, for a token endpoint at this URL.
pub fn key_file(token_url: &str) -> String {
    let file = json!({
        "type": "service_account",
        "project_id": "audit-logs",
        "private_key_id": KEY_ID,
        "private_key": KEY,
        "client_email": EMAIL,
        "client_id": "104000000000000000001",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": token_url,
        "universe_domain": "googleapis.com",
    });
    file.to_string()
}

/// What must be seen nowhere: each line of the private key.
pub fn key_lines() -> impl Iterator<Item = &'static str> {
    KEY.lines().filter(|line| !line.starts_with("-----"))
}

/// The tokens that were handed out, and how long they hold.
pub struct Tokens {
    issued: Vec<(String, SystemTime)>,
    pub lifetime: Duration,
}

impl Default for Tokens {
    fn default() -> Tokens {
        Tokens {
            issued: Vec::new(),
            lifetime: Duration::from_secs(3599),
        }
    }
}

impl Tokens {
    /// A new token, as both endpoints answer it.
    pub fn issue(&mut self) -> Value {
        let token = format!("ya29.{}{}", crate::TOKEN, self.issued.len());
        let until = SystemTime::now() + self.lifetime;
        self.issued.push((token.clone(), until));
        json!({"access_token": token, "expires_in": self.lifetime.as_secs(), "token_type": "Bearer"})
    }

    /// Whether a request carries a token that holds.
    pub fn let_in(&self, request: &Request) -> bool {
        let bearer = request.header("authorization");
        let Some(bearer) = bearer.and_then(|it| it.strip_prefix("Bearer ")) else {
            return false;
        };
        let mut issued = self.issued.iter();
        issued.any(|(token, until)| token == bearer && *until > SystemTime::now())
    }

    /// From now on no token holds that was handed out before.
    pub fn expire(&mut self) {
        for (_, until) in &mut self.issued {
            *until = UNIX_EPOCH;
        }
    }

    /// How many were handed out.
    pub fn count(&self) -> usize {
        self.issued.len()
    }
}

/// Checks the request for a token by a signed assertion.
pub fn check_grant(request: &Request, token_url: &str) -> Result<(), String> {
    if request.header("content-type") != Some("application/x-www-form-urlencoded") {
        return Err("expected a form".to_owned());
    }
    let form = str::from_utf8(&request.body).map_err(|_| "expected a form of text")?;
    let pairs: Vec<(&str, String)> = (form.split('&'))
        .filter_map(|it| it.split_once('='))
        .map(|(name, value)| (name, percent_decoded(value)))
        .collect();
    let of = |name: &str| pairs.iter().find(|(it, _)| *it == name).map(|it| &*it.1);
    if of("grant_type") != Some("urn:ietf:params:oauth:grant-type:jwt-bearer") || pairs.len() != 2 {
        return Err("expected the grant type of RFC 7523 and an assertion".to_owned());
    }
    check_assertion(of("assertion").ok_or("expected an assertion")?, token_url)
}

fn check_assertion(assertion: &str, token_url: &str) -> Result<(), String> {
    let parts: Vec<&str> = assertion.split('.').collect();
    let [header, claims, signature] = parts[..] else {
        return Err("expected an assertion of three parts".to_owned());
    };
    let signed = &assertion[..header.len() + 1 + claims.len()];
    let signature = URL_SAFE_NO_PAD
        .decode(signature)
        .map_err(|e| e.to_string())?;
    let pem: String = key_lines().collect();
    let der = STANDARD.decode(pem).map_err(|e| e.to_string())?;
    let key = KeyPair::from_pkcs8(&der).map_err(|e| e.to_string())?;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref())
        .verify(signed.as_bytes(), &signature)
        .map_err(|_| "expected a signature by the account's key, but found another")?;

    let header = part(header)?;
    fields(&header, "header", &["alg"], &["typ", "kid"])?;
    let right = header["alg"] == "RS256"
        && header.get("typ").is_none_or(|it| it == "JWT")
        && header.get("kid").is_none_or(|it| it == KEY_ID);
    if !right {
        return Err(format!(
            "expected RS256 and the key's id, but found {header}"
        ));
    }
    let claims = part(claims)?;
    fields(
        &claims,
        "claims",
        &["iss", "scope", "aud", "iat", "exp"],
        &[],
    )?;
    let scope = claims["scope"].as_str().unwrap_or_default();
    if claims["iss"] != EMAIL || claims["aud"] != token_url || !SCOPES.contains(&scope) {
        return Err(format!(
            "expected the account, this endpoint and a scope of SecOps, but found {claims}"
        ));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default().as_secs();
    let (Some(from), Some(until)) = (claims["iat"].as_u64(), claims["exp"].as_u64()) else {
        return Err("expected times in whole seconds".to_owned());
    };
    if from > now + SKEW || from + SKEW < now || until <= now || until > from + 3600 {
        return Err(format!(
            "expected an hour from {now} at most, but found {from} to {until}"
        ));
    }
    Ok(())
}

fn part(text: &str) -> Result<Value, String> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|e| e.to_string())?;
    serde_json::from_slice(&bytes).map_err(|e| e.to_string())
}

/// A form's value; what is no escape stays.
fn percent_decoded(text: &str) -> String {
    let mut decoded = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut digits = bytes.clone();
        let escape = (byte == b'%')
            .then(|| {
                let digit = |it: Option<u8>| {
                    char::from(it?)
                        .to_digit(16)
                        .and_then(|it| u8::try_from(it).ok())
                };
                Some(digit(digits.next())? << 4 | digit(digits.next())?)
            })
            .flatten();
        match (escape, byte) {
            (Some(escaped), _) => {
                decoded.push(escaped);
                bytes = digits;
            }
            (None, b'+') => decoded.push(b' '),
            (None, _) => decoded.push(byte),
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
