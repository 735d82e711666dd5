//! Who may post to a feed: a key and a secret as a webhook feed of Google SecOps takes them, a token of Microsoft
//! Entra, or both.
//!
//! The names of headers and parameters are those of "Create an HTTPS webhook feed" (docs.cloud.google.com/chronicle,
//! 2026): Event Grid can be given either. A header counts before its parameter, and a wrong header is not rescued by
//! the query.

pub mod entra;
mod jwks;

use sha2::{Digest, Sha256};

use crate::config::{Auth, Entra, Feed};
use crate::exchange::Request;
use crate::host::Host;
use entra::{Denied, KeyCache};

/// Checks the credentials of a request.
pub async fn check<H: Host>(host: &H, feed: &Feed, keys: &KeyCache, request: &Request) -> Verdict {
    let (api_keys, secrets, entra, require_all) = match &feed.auth {
        Auth::None => return Verdict::Valid,
        Auth::Nobody => return Verdict::Wrong("nobody may post to this feed"),
        Auth::Credentials {
            api_keys,
            secrets,
            entra,
            require_all,
        } => (api_keys, secrets, entra, require_all),
    };
    let has_shared = !api_keys.is_empty() || !secrets.is_empty();
    let shared = shared(api_keys, secrets, request);
    let Some(entra) = entra else {
        return shared;
    };
    // Where a secret is enough, nobody needs to wait for a token's keys.
    if !has_shared || (shared != Verdict::Valid || *require_all) {
        let token = token(host, entra, keys, request).await;
        return match (has_shared, require_all) {
            (false, _) => token,
            (true, true) => both(shared, token),
            (true, false) => either(shared, token),
        };
    }
    shared
}

/// What a request's credentials are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Right.
    Valid,
    /// None were given.
    Missing,
    /// Some were given, and they do not suffice. Tells why, without anything of the request.
    Wrong(&'static str),
    /// They cannot be checked now.
    Unavailable(&'static str),
}

/// SHA-256, so that texts of all lengths are compared in the same time.
pub fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// Whether a text has one of these digests. The time that this takes tells nothing of either.
pub fn is_one_of(text: &str, known: &[[u8; 32]]) -> bool {
    let given = digest(text);
    let found = known.iter().fold(0, |found, digest| {
        let pairs = digest.iter().zip(&given);
        let difference = pairs.fold(0, |sum, (one, other)| sum | (one ^ other));
        found | u8::from(std::hint::black_box(difference) == 0)
    });
    std::hint::black_box(found) != 0
}

fn shared(api_keys: &[[u8; 32]], secrets: &[[u8; 32]], request: &Request) -> Verdict {
    let given = |header: &str, parameter: &str| match request.header(header) {
        Some(value) => Some(value.to_owned()),
        None => request.parameter(parameter),
    };
    let wanted = [
        (api_keys, given("x-goog-api-key", "key")),
        (secrets, given("x-webhook-access-key", "secret")),
    ];
    let wanted = wanted.iter().filter(|(known, _)| !known.is_empty());
    if wanted.clone().all(|(_, text)| text.is_none()) {
        return Verdict::Missing;
    }
    // Both are compared, whatever the first says.
    let matches = wanted.map(|(known, text)| text.as_ref().is_some_and(|it| is_one_of(it, known)));
    match matches.fold(true, |all, it| all & it) {
        true => Verdict::Valid,
        false => Verdict::Wrong("a key or a secret does not match"),
    }
}

async fn token<H: Host>(host: &H, entra: &Entra, keys: &KeyCache, request: &Request) -> Verdict {
    let authorization = request.header("authorization");
    match entra::check(host, entra, keys, authorization).await {
        Ok(()) => Verdict::Valid,
        Err(Denied::Refused(_)) if authorization.is_none() => Verdict::Missing,
        Err(Denied::Refused(why)) => Verdict::Wrong(why),
        Err(Denied::Unavailable(why)) => Verdict::Unavailable(why),
    }
}

fn both(shared: Verdict, token: Verdict) -> Verdict {
    use Verdict::{Missing, Unavailable, Valid, Wrong};
    match (shared, token) {
        (Valid, Valid) => Valid,
        (Missing, Missing) => Missing,
        (Wrong(why), _) | (_, Wrong(why)) => Wrong(why),
        (Missing, _) => Wrong("no key or secret was given"),
        (_, Missing) => Wrong("no token was given"),
        (_, Unavailable(why)) | (Unavailable(why), _) => Unavailable(why),
    }
}

fn either(shared: Verdict, token: Verdict) -> Verdict {
    use Verdict::{Missing, Unavailable, Valid, Wrong};
    match (shared, token) {
        (Valid, _) | (_, Valid) => Valid,
        // The token may be right.
        (_, Unavailable(why)) | (Unavailable(why), _) => Unavailable(why),
        (Wrong(why), _) | (_, Wrong(why)) => Wrong(why),
        (Missing, Missing) => Missing,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::exchange::Body;

    fn request(query: &str, headers: &[(&str, &str)]) -> Request {
        let header = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Request {
            method: "POST".to_owned(),
            path: "/v1/feeds/azdo".to_owned(),
            query: query.to_owned(),
            headers: headers.iter().map(header).collect(),
            body: Body::Whole(Vec::new()),
            arrived: Duration::ZERO,
        }
    }

    const KEY: &str = "x-goog-api-key";
    const SECRET: &str = "x-webhook-access-key";
    const WRONG: Verdict = Verdict::Wrong("a key or a secret does not match");

    #[test]
    fn a_key_and_a_secret_come_from_headers_or_from_the_query() {
        let (keys, secrets) = ([digest("k1"), digest("k2")], [digest("s1"), digest("s2")]);
        for (query, headers, verdict) in [
            ("", &[(KEY, "k1"), (SECRET, "s2")][..], Verdict::Valid),
            ("key=k2&secret=s1", &[], Verdict::Valid),
            ("secret=s1", &[(KEY, "k1")], Verdict::Valid),
            ("key=k1", &[(SECRET, "s1")], Verdict::Valid),
            ("", &[], Verdict::Missing),
            (
                "other=1",
                &[("authorization", "Bearer s1")],
                Verdict::Missing,
            ),
            ("key=k1", &[], WRONG),
            ("secret=s1", &[], WRONG),
            ("key=s1&secret=k1", &[], WRONG),
            ("key=k1&secret=s3", &[], WRONG),
            ("key=k1&secret=S1", &[], WRONG),
            ("key=&secret=", &[], WRONG),
        ] {
            let given = request(query, headers);
            assert_eq!(
                shared(&keys, &secrets, &given),
                verdict,
                "{query} {headers:?}"
            );
        }
    }

    #[test]
    fn a_wrong_header_is_not_rescued_by_the_query() {
        let secrets = [digest("s1")];
        for value in ["s2", "", "s1 s1"] {
            let given = request("secret=s1", &[(SECRET, value)]);
            assert_eq!(shared(&[], &secrets, &given), WRONG, "{value:?}");
        }
        let twice = request("", &[(SECRET, "s2"), (SECRET, "s1")]);
        assert_eq!(shared(&[], &secrets, &twice), WRONG);
    }

    #[test]
    fn only_what_is_configured_is_asked_for() {
        let given = request("key=anything&secret=s1", &[]);
        assert_eq!(shared(&[], &[digest("s1")], &given), Verdict::Valid);
        assert_eq!(shared(&[digest("anything")], &[], &given), Verdict::Valid);
    }

    #[test]
    fn a_secret_and_a_token_are_joined() {
        use Verdict::{Missing, Unavailable, Valid, Wrong};
        let wrong = Wrong("it");
        let late = Unavailable("it");
        for (one, other, all, any) in [
            (Valid, Valid, Valid, Valid),
            (Valid, Missing, Wrong("no token was given"), Valid),
            (Missing, Valid, Wrong("no key or secret was given"), Valid),
            (Missing, Missing, Missing, Missing),
            (Valid, wrong, wrong, Valid),
            (wrong, Valid, wrong, Valid),
            (wrong, Missing, wrong, wrong),
            (Missing, wrong, wrong, wrong),
            (Valid, late, late, Valid),
            (wrong, late, wrong, late),
            (Missing, late, Wrong("no key or secret was given"), late),
        ] {
            assert_eq!(both(one, other), all, "{one:?} and {other:?}");
            assert_eq!(either(one, other), any, "{one:?} or {other:?}");
        }
    }
}
