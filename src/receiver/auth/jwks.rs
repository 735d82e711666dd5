//! The keys with which tokens are signed, by their id: JSON Web Key Sets, RFC 7517 and RFC 7518 section 6.3.1.
//!
//! A set is fetched when a token names a key that is not in it, or when it is a day old (as Microsoft advises: "Signing
//! key rollover in the Microsoft identity platform"), but never twice in five minutes, so that strangers who make up
//! ids cause no requests. The last good set is kept: by each instance, and for all of them in the store, since an
//! instance lives for some requests only. Only RSA keys of 2,048 bits or more are taken.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use rsa::{BoxedUint, RsaPublicKey};
use serde_json::{Value, json};

use super::{digest, entra::Denied};
use crate::host::{Host, Outbound, USUAL};
use crate::store::hex;
use crate::turn::Turn;

/// The least time between two fetches of a set.
const BETWEEN: TimeDelta = TimeDelta::minutes(5);

/// When a set is fetched anew although it has the key, so that keys which were withdrawn are forgotten.
const OLD: TimeDelta = TimeDelta::hours(24);

/// How long one fetch may take.
const WITHIN: Duration = Duration::from_secs(5);

/// The least size of a key, in bits: RFC 7518 section 3.3.
const LEAST: usize = 2048;

/// The key sets of an instance, by where they are read.
#[derive(Debug, Default)]
pub struct KeyCache {
    sets: RefCell<BTreeMap<String, Rc<KeySet>>>,
}

#[derive(Debug, Default)]
struct KeySet {
    fetching: Turn,
    had: RefCell<Had>,
}

/// A key set as it was last had. Its times are those of the wall clock, which instances share.
#[derive(Clone, Debug, Default)]
struct Had {
    keys: BTreeMap<String, RsaPublicKey>,
    /// The same as a set, with what is needed of it.
    set: Vec<Value>,
    /// When it was fetched; none if that never succeeded.
    fetched: Option<DateTime<Utc>>,
    /// When it was last tried.
    tried: Option<DateTime<Utc>>,
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
        if !set.has(kid, host.now()) {
            let deadline = host.elapsed() + WITHIN;
            let turn = set.fetching.take(host, deadline).await;
            // Perhaps somebody has fetched it by now: a request of this instance, or another instance.
            if turn.is_some() && !set.has(kid, host.now()) {
                set.look(host, url).await;
                let now = host.now();
                if !set.has(kid, now) && set.may_be_fetched(now) {
                    is_new = set.fetch(host, url).await;
                }
            }
        }
        let had = set.had.borrow();
        match had.keys.get(kid) {
            Some(key) => Ok(key.clone()),
            None if is_new => Err(Denied::Refused("the token's key is unknown")),
            // A set that is some minutes old may lack the key that has just come into use.
            None if had.fetched == had.tried => {
                Err(Denied::Unavailable("the token's key is not known yet"))
            }
            None => Err(Denied::Unavailable("the signing keys cannot be fetched")),
        }
    }
}

impl KeySet {
    /// Whether this key is here, in a set that is not too old.
    fn has(&self, kid: &str, now: DateTime<Utc>) -> bool {
        let had = self.had.borrow();
        let age = had.fetched.map(|it| now - it);
        // A set from the future was fetched by a clock that was wrong; seconds do not matter.
        age.is_some_and(|it| -BETWEEN < it && it < OLD) && had.keys.contains_key(kid)
    }

    fn may_be_fetched(&self, now: DateTime<Utc>) -> bool {
        let age = self.had.borrow().tried.map(|it| (now - it).abs());
        age.is_none_or(|it| it >= BETWEEN)
    }

    /// Takes over what the store has, if that is newer. A store that does not answer costs a fetch, and no more.
    async fn look<H: Host>(&self, host: &H, url: &str) {
        let kept = host.get(&kept(url)).await.ok().flatten();
        let Some(kept) = kept.as_deref().and_then(Had::read) else {
            return;
        };
        let mut had = self.had.borrow_mut();
        if kept.tried > had.tried {
            *had = kept;
        }
    }

    /// Fetches the set, and says whether that succeeded; otherwise what there was is kept.
    async fn fetch<H: Host>(&self, host: &H, url: &str) -> bool {
        let now = Some(host.now());
        // Put down before the fetch, which may be dropped halfway.
        self.had.borrow_mut().tried = now;
        self.keep(host, url).await;
        let request = Outbound {
            method: "GET",
            url: url.to_owned(),
            headers: vec![("accept".to_owned(), "application/json".to_owned())],
            body: Vec::new(),
            most: USUAL,
        };
        let read = match host.send(request, WITHIN).await {
            Ok(answer) if answer.status == 200 => Had::read(&answer.body),
            _ => None,
        };
        let Some(read) = read.filter(|it| !it.keys.is_empty()) else {
            return false;
        };
        *self.had.borrow_mut() = Had {
            fetched: now,
            tried: now,
            ..read
        };
        self.keep(host, url).await;
        true
    }

    /// Has the store keep it; one that does not costs other instances a fetch of theirs.
    async fn keep<H: Host>(&self, host: &H, url: &str) {
        let value = self.had.borrow().write();
        _ = host.set(&kept(url), &value).await;
    }
}

/// The store's key of a set.
fn kept(url: &str) -> String {
    format!("keys:{}", hex(&digest(url)))
}

impl Had {
    /// Reads a set, with the times that [`Had::write`] has put to it; none if it is no set, or has neither a key that may be
    /// used nor a time.
    fn read(bytes: &[u8]) -> Option<Had> {
        let set: Value = serde_json::from_slice(bytes).ok()?;
        let time = |name: &str| set.get(name)?.as_str()?.parse().ok();
        let mut had = Had {
            fetched: time("fetched"),
            tried: time("tried"),
            ..Had::default()
        };
        for jwk in set.get("keys")?.as_array()? {
            if let Some((kid, key)) = signing_key(jwk) {
                let kept = json!({ "kty": "RSA", "kid": kid, "n": jwk["n"], "e": jwk["e"] });
                had.set.push(kept);
                had.keys.insert(kid, key);
            }
        }
        (!had.keys.is_empty() || had.tried.is_some()).then_some(had)
    }

    fn write(&self) -> Vec<u8> {
        let text = |time: Option<DateTime<Utc>>| time.map(|it| it.to_rfc3339());
        let (fetched, tried) = (text(self.fetched), text(self.tried));
        let set = json!({ "keys": self.set, "fetched": fetched, "tried": tried });
        set.to_string().into_bytes()
    }
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
