//! When signing keys are fetched, and what holds when they cannot be.

use std::time::Duration;

use super::*;
use crate::host::SendError;
use crate::testing::{both, run};

const UNFETCHED: Result<(), Denied> =
    Err(Denied::Unavailable("the signing keys cannot be fetched"));

#[test]
fn the_keys_are_fetched_once_for_many_tokens() {
    let (host, keys) = (host(), KeyCache::default());
    for _ in 0..3 {
        assert_eq!(check_on(&host, &keys, &entra(), SECOND), Ok(()));
    }
    let requests = host.requests.borrow();
    let urls: Vec<_> = requests
        .iter()
        .map(|it| (it.method, it.url.as_str()))
        .collect();
    assert_eq!(urls, [("GET", KEYS_URL)]);
}

#[test]
fn an_unknown_key_leads_to_one_fetch_in_five_minutes() {
    let (host, keys) = (host(), KeyCache::default());
    let token = sign(TENANT, "next", &claims("ver", json!("2.0")));
    assert_eq!(check_on(&host, &keys, &entra(), SECOND), Ok(()));
    assert_eq!(check_on(&host, &keys, &entra(), &token), NOT_YET);
    assert_eq!(host.requests.borrow().len(), 1);
    host.pass(Duration::from_secs(300));
    assert_eq!(check_on(&host, &keys, &entra(), &token), UNKNOWN);
    assert_eq!(host.requests.borrow().len(), 2);
    host.pass(Duration::from_secs(299));
    assert_eq!(check_on(&host, &keys, &entra(), &token), NOT_YET);
    assert_eq!(host.requests.borrow().len(), 2);
}

#[test]
fn a_new_key_is_found_by_a_fetch() {
    let (host, keys) = (host(), KeyCache::default());
    let token = sign(TENANT, "next", &claims("ver", json!("2.0")));
    assert_eq!(check_on(&host, &keys, &entra(), SECOND), Ok(()));
    host.pass(Duration::from_secs(300));
    host.answers(|_| answer(200, &KEYS.replace("\"tenant\"", "\"next\"")));
    assert_eq!(check_on(&host, &keys, &entra(), &token), Ok(()));
    // What the new set does not hold is no longer good.
    assert_eq!(check_on(&host, &keys, &entra(), SECOND), NOT_YET);
}

#[test]
fn tenants_wait_for_their_own_keys_only() {
    let (host, keys) = (host(), KeyCache::default());
    let other = Entra {
        keys_url: "https://login.microsoftonline.com/other/discovery/v2.0/keys".to_owned(),
        ..entra()
    };
    assert_eq!(check_on(&host, &keys, &entra(), SECOND), Ok(()));
    assert_eq!(check_on(&host, &keys, &other, SECOND), Ok(()));
    assert_eq!(host.requests.borrow().len(), 2);
}

#[test]
fn keys_that_cannot_be_fetched_are_no_fault_of_the_token() {
    let fails = [
        || answer(500, KEYS),
        || answer(404, ""),
        || answer(200, "<html>"),
        || answer(200, r#"{"keys":[]}"#),
        || {
            answer(
                200,
                r#"{"keys":[{"kty":"RSA","kid":"tenant","n":"","e":""}]}"#,
            )
        },
        || Err(SendError::TimedOut),
        || Err(SendError::Denied),
        || Err(SendError::Failed("no connection".to_owned())),
    ];
    for fail in fails {
        let (host, keys) = (Memory::new(), KeyCache::default());
        host.answers(move |_| fail());
        assert_eq!(
            check_on(&host, &keys, &entra(), SECOND),
            UNFETCHED,
            "{:?}",
            fail()
        );
        // Not asked again at once, and still our fault.
        assert_eq!(check_on(&host, &keys, &entra(), SECOND), UNFETCHED);
        assert_eq!(host.requests.borrow().len(), 1);
        host.answers(|_| answer(200, KEYS));
        host.pass(Duration::from_secs(300));
        assert_eq!(check_on(&host, &keys, &entra(), SECOND), Ok(()));
    }
}

#[test]
fn a_fetch_that_fails_keeps_the_last_good_set() {
    let (host, keys) = (host(), KeyCache::default());
    let token = sign(TENANT, "next", &claims("ver", json!("2.0")));
    assert_eq!(check_on(&host, &keys, &entra(), SECOND), Ok(()));
    host.answers(|_| answer(503, ""));
    host.pass(Duration::from_secs(300));
    assert_eq!(check_on(&host, &keys, &entra(), &token), UNFETCHED);
    assert_eq!(check_on(&host, &keys, &entra(), SECOND), Ok(()));
    // Nor does the set lose its keys by age, as long as there is no newer one.
    host.pass(Duration::from_secs(24 * 3600));
    let late = sign(TENANT, "tenant", &claims("exp", json!(noon() + 48 * 3600)));
    assert_eq!(check_on(&host, &keys, &entra(), &late), Ok(()));
    assert_eq!(host.requests.borrow().len(), 3);
}

#[test]
fn a_set_is_fetched_anew_after_a_day() {
    let (host, keys) = (host(), KeyCache::default());
    let late = sign(TENANT, "tenant", &claims("exp", json!(noon() + 48 * 3600)));
    assert_eq!(check_on(&host, &keys, &entra(), &late), Ok(()));
    host.pass(Duration::from_secs(24 * 3600 - 1));
    assert_eq!(check_on(&host, &keys, &entra(), &late), Ok(()));
    assert_eq!(host.requests.borrow().len(), 1);
    // By then the key was withdrawn.
    host.answers(|_| answer(200, &KEYS.replace("\"tenant\"", "\"next\"")));
    host.pass(Duration::from_secs(1));
    assert_eq!(check_on(&host, &keys, &entra(), &late), UNKNOWN);
}

#[test]
fn a_fetch_that_was_dropped_halfway_counts_as_one() {
    let (host, keys) = (host(), KeyCache::default());
    let authorization = format!("Bearer {}", SECOND.trim_end());
    host.crash_before(0);
    let entra = entra();
    let dropped = run(check(&host, &entra, &keys, Some(&authorization)));
    assert_eq!(dropped, None);
    host.restart();
    assert_eq!(check_on(&host, &keys, &entra, SECOND), UNFETCHED);
    host.pass(Duration::from_secs(300));
    assert_eq!(check_on(&host, &keys, &entra, SECOND), Ok(()));
}

#[test]
fn requests_at_the_same_time_share_one_fetch() {
    for seed in 0..20 {
        let (host, keys) = (host(), KeyCache::default());
        let entra = entra();
        let authorization = format!("Bearer {}", SECOND.trim_end());
        let one = check(&host, &entra, &keys, Some(&authorization));
        let other = check(&host, &entra, &keys, Some(&authorization));
        assert_eq!(both(seed, one, other), (Ok(()), Ok(())));
        assert_eq!(host.requests.borrow().len(), 1);
    }
}
