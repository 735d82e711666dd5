//! The keys with which tokens are signed, by their id: JSON Web Key Sets, RFC 7517 and RFC 7518 section 6.3.1.
//!
//! A set is fetched when a token names a key that is not in it, or when it is a day old (as Microsoft advises: "Signing
//! key rollover in the Microsoft identity platform"), but never twice in five minutes, so that strangers who make up
//! ids cause no requests. The last good set is kept. Only RSA keys of 2,048 bits or more are taken.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::{BoxedUint, RsaPublicKey};
use serde_json::Value;

use super::entra::Denied;
use crate::host::{Host, Outbound, USUAL};
use crate::turn::Turn;

/// The least time between two fetches of a set.
const BETWEEN: Duration = Duration::from_secs(5 * 60);

/// When a set is fetched anew although it has the key, so that keys which were withdrawn are forgotten.
const OLD: Duration = Duration::from_secs(24 * 3600);

/// How long one fetch may take.
const WITHIN: Duration = Duration::from_secs(5);

/// The least size of a key, in bits: RFC 7518 section 3.3.
const LEAST: usize = 2048;

/// The key sets of an instance, by where they are read.
#[derive(Debug, Default)]
pub struct KeyCache {
    sets: RefCell<BTreeMap<String, Rc<KeySet>>>,
}

/// A key set as it was last had; its times are on the scale of [`Host::elapsed`].
#[derive(Debug, Default)]
struct KeySet {
    fetching: Turn,
    keys: RefCell<BTreeMap<String, RsaPublicKey>>,
    /// When `keys` was fetched; none if that never succeeded.
    fetched: Cell<Option<Duration>>,
    /// When it was last tried.
    tried: Cell<Option<Duration>>,
}

impl KeyCache {
    /// The key of a set, which is fetched if need be and allowed.
    ///
    /// # Errors
    ///
    /// [`Denied::Refused`] if there is no such key, and [`Denied::Unavailable`] if that cannot be known now.
    pub async fn key<H: Host>(
        &self,
        host: &H,
        url: &str,
        kid: &str,
    ) -> Result<RsaPublicKey, Denied> {
        let mut is_new = false;
        let set = self
            .sets
            .borrow_mut()
            .entry(url.to_owned())
            .or_default()
            .clone();
        if !set.has(kid, host.elapsed()) {
            let deadline = host.elapsed() + WITHIN;
            let turn = set.fetching.take(host, deadline).await;
            let now = host.elapsed();
            // Perhaps somebody has fetched it by now.
            if turn.is_some() && !set.has(kid, now) && set.may_be_fetched(now) {
                set.fetch(host, url).await;
                is_new = set.fetched == set.tried;
            }
        }
        match set.keys.borrow().get(kid) {
            Some(key) => Ok(key.clone()),
            None if is_new => Err(Denied::Refused("the token's key is unknown")),
            // A set that is some minutes old may lack the key that has just come into use.
            None if set.fetched == set.tried => {
                Err(Denied::Unavailable("the token's key is not known yet"))
            }
            None => Err(Denied::Unavailable("the signing keys cannot be fetched")),
        }
    }
}

impl KeySet {
    /// Whether this key is here, in a set that is not too old.
    fn has(&self, kid: &str, now: Duration) -> bool {
        let age = self.fetched.get().map(|it| now.saturating_sub(it));
        age.is_some_and(|it| it < OLD) && self.keys.borrow().contains_key(kid)
    }

    fn may_be_fetched(&self, now: Duration) -> bool {
        let age = self.tried.get().map(|it| now.saturating_sub(it));
        age.is_none_or(|it| it >= BETWEEN)
    }

    /// Fetches the set; keeps what there was if that fails.
    async fn fetch<H: Host>(&self, host: &H, url: &str) {
        let now = Some(host.elapsed());
        // Put down before the fetch, which may be dropped halfway.
        self.tried.set(now);
        let request = Outbound {
            method: "GET",
            url: url.to_owned(),
            headers: vec![("accept".to_owned(), "application/json".to_owned())],
            body: Vec::new(),
            most: USUAL,
        };
        let keys = match host.send(request, WITHIN).await {
            Ok(answer) if answer.status == 200 => read(&answer.body),
            _ => None,
        };
        if let Some(keys) = keys {
            self.keys.replace(keys);
            self.fetched.set(now);
        }
    }
}

/// Reads a set; none if it is no set, or has no key that may be used.
fn read(body: &[u8]) -> Option<BTreeMap<String, RsaPublicKey>> {
    let set: Value = serde_json::from_slice(body).ok()?;
    let keys = set.get("keys")?.as_array()?.iter();
    let keys: BTreeMap<_, _> = keys.filter_map(signing_key).collect();
    (!keys.is_empty()).then_some(keys)
}

/// A key that may check signatures, with its id.
fn signing_key(jwk: &Value) -> Option<(String, RsaPublicKey)> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let is_for_signatures = text("kty") == Some("RSA")
        && text("use").is_none_or(|it| it == "sig")
        && text("alg").is_none_or(|it| it == "RS256");
    if !is_for_signatures {
        return None;
    }
    let number = |name: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(text(name)?).ok()?;
        Some(BoxedUint::from_be_slice_vartime(&bytes))
    };
    let sizes = LEAST..=RsaPublicKey::MAX_SIZE;
    let key = RsaPublicKey::new_with_size_limits(number("n")?, number("e")?, sizes).ok()?;
    Some((text("kid")?.to_owned(), key))
}
