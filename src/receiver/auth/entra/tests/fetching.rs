//! When signing keys are fetched, and what holds when they cannot be.

use std::time::Duration;

use super::*;
use crate::host::{SendError, StoreError};
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
    // The store is read and written before.
    host.crash_before(2);
    let entra = entra();
    let dropped = run(check(&host, &entra, &keys, Some(&authorization)));
    assert_eq!(dropped, None);
    host.restart();
    assert_eq!(check_on(&host, &keys, &entra, SECOND), UNFETCHED);
    assert_eq!(
        check_on(&host, &KeyCache::default(), &entra, SECOND),
        UNFETCHED
    );
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

#[test]
fn instances_share_their_fetches() {
    let host = host();
    let [one, other] = [KeyCache::default(), KeyCache::default()];
    let next = sign(TENANT, "next", &claims("ver", json!("2.0")));
    assert_eq!(check_on(&host, &one, &entra(), SECOND), Ok(()));
    assert_eq!(check_on(&host, &other, &entra(), SECOND), Ok(()));
    assert_eq!(check_on(&host, &other, &entra(), &next), NOT_YET);
    assert_eq!(host.requests.borrow().len(), 1);
    host.answers(|_| answer(200, &KEYS.replace("\"tenant\"", "\"next\"")));
    host.pass(Duration::from_secs(300));
    assert_eq!(check_on(&host, &other, &entra(), &next), Ok(()));
    assert_eq!(check_on(&host, &one, &entra(), &next), Ok(()));
    assert_eq!(host.requests.borrow().len(), 2);
}

#[test]
fn a_fetch_that_failed_counts_for_all_instances_and_takes_no_keys_from_them() {
    let host = host();
    assert_eq!(
        check_on(&host, &KeyCache::default(), &entra(), SECOND),
        Ok(())
    );
    host.answers(|_| answer(503, ""));
    host.pass(Duration::from_secs(300));
    let next = sign(TENANT, "next", &claims("ver", json!("2.0")));
    for _ in 0..3 {
        let keys = KeyCache::default();
        assert_eq!(check_on(&host, &keys, &entra(), &next), UNFETCHED);
        assert_eq!(check_on(&host, &keys, &entra(), SECOND), Ok(()));
    }
    assert_eq!(host.requests.borrow().len(), 2);
}

#[test]
fn a_store_without_an_answer_costs_each_instance_a_fetch_and_nothing_else() {
    let host = host();
    host.break_store(|_| Some(StoreError::Failed("gone".to_owned())));
    for count in 1..4 {
        let keys = KeyCache::default();
        assert_eq!(check_on(&host, &keys, &entra(), SECOND), Ok(()));
        assert_eq!(check_on(&host, &keys, &entra(), SECOND), Ok(()));
        assert_eq!(host.requests.borrow().len(), count);
    }
}

#[test]
fn what_the_store_has_of_a_clock_that_was_wrong_or_of_nobody_is_not_relied_on() {
    let host = host();
    let first = check_on(&host, &KeyCache::default(), &entra(), SECOND);
    assert_eq!(first, Ok(()));
    for (count, kept) in [
        "nonsense",
        "{\"keys\":[],\"fetched\":\"2999-01-01T00:00:00Z\",\"tried\":\"2999-01-01T00:00:00Z\"}",
        "{\"keys\":[],\"tried\":\"yesterday\"}",
    ]
    .iter()
    .enumerate()
    {
        for value in host.store.borrow_mut().values_mut() {
            *value = kept.as_bytes().to_vec();
        }
        let keys = KeyCache::default();
        assert_eq!(check_on(&host, &keys, &entra(), SECOND), Ok(()), "{kept}");
        assert_eq!(host.requests.borrow().len(), count + 2);
    }
}
