//! Who asks Google for tokens, as a destination's settings tell it.
//!
//! A key file is the JSON that Google Cloud gives out for a service account ("Create and delete service account keys",
//! docs.cloud.google.com). Its `token_uri` is not followed to wherever it points.

use std::fmt;

use rsa::RsaPrivateKey;
use rsa::pkcs8::DecodePrivateKey as _;
use serde_json::Value;
use url::Url;

use crate::config::section::{Secret, Section, quoted};

/// Where a service account's JWT becomes an access token.
const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";

/// The token endpoints of older key files, which [`TOKEN_URL`] stands in for.
const OLD_TOKEN_URLS: [&str; 2] = [
    "https://accounts.google.com/o/oauth2/token",
    "https://www.googleapis.com/oauth2/v4/token",
];

/// The metadata server on Google's machines.
pub(super) const METADATA_URL: &str =
    "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token";

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
        key: Box<RsaPrivateKey>,
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
    /// Reads `credentials`, the text of a key file, or `metadata`, `true` or a URL; one of them has to be there. What
    /// is wrong is told to the section.
    pub fn read(section: &mut Section<'_>) -> Option<Credentials> {
        let (has_key, has_metadata) = (section.has("credentials"), section.has("metadata"));
        let key = section.secret("credentials");
        let metadata = metadata_url(section);
        match (key, metadata) {
            (Some(_), Some(_)) => {
                section.wrong("metadata", "either `credentials` or `metadata`", "both");
                None
            }
            (Some(Secret(text)), None) => match service_account(&text) {
                Ok(credentials) => Some(credentials),
                Err((expected, found)) => {
                    section.wrong("credentials", expected, &found);
                    None
                }
            },
            (None, Some(url)) => Some(Credentials::Metadata { url }),
            // Either nothing was given, or what is wrong with it has been told.
            (None, None) => {
                if !has_key && !has_metadata {
                    section.missing("credentials");
                }
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

/// Reads `metadata`; `false` is a mistake, since it leaves open what else to take.
fn metadata_url(section: &mut Section<'_>) -> Option<String> {
    if !section.is_text("metadata") {
        return match section.flag("metadata")? {
            true => Some(METADATA_URL.to_owned()),
            false => {
                section.wrong("metadata", "true or a URL", "false");
                None
            }
        };
    }
    let text = section.text("metadata")?;
    let url = Url::parse(&text).ok();
    let url = url.filter(|it| matches!(it.scheme(), "http" | "https") && it.has_host());
    if url.is_none() {
        section.wrong("metadata", "true or a URL", &quoted(&text));
    }
    url.map(String::from)
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
        key: Box::new(key),
        token_url: token_url.to_owned(),
    })
}

/// Whether a URL is of this machine, as in tests.
fn is_loopback(url: &str) -> bool {
    let url = Url::parse(url).ok();
    let url = url.filter(|it| it.scheme() == "http");
    match url.as_ref().and_then(Url::host) {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
pub(super) mod tests;
