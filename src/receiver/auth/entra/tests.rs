//! Tokens that pass and tokens that do not, one test for each thing that is checked. The files in `fixtures` were made
//! by another implementation (`fixtures/make.py`); the other tokens are signed with its keys by ours.

mod fetching;

use rsa::RsaPrivateKey;
use rsa::pkcs8::DecodePrivateKey as _;
use serde_json::{Value, json};

use super::*;
use crate::jwt;
use crate::testing::{Memory, answer, block_on};

const KEYS: &str = include_str!("../fixtures/keys.json");
const FIRST: &str = include_str!("../fixtures/v1.jwt");
const SECOND: &str = include_str!("../fixtures/v2.jwt");
const NONE: &str = include_str!("../fixtures/none.jwt");
const HS256: &str = include_str!("../fixtures/hs256.jwt");
const SMALL: &str = include_str!("../fixtures/small.jwt");
const TENANT: &str = include_str!("../fixtures/tenant.pem");
const STRANGER: &str = include_str!("../fixtures/stranger.pem");

const KEYS_URL: &str =
    "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/discovery/v2.0/keys";

/// What the feed asks for; the fixtures' tokens of version 2 have all of it.
fn entra() -> Entra {
    Entra {
        tenant: "11111111-2222-3333-4444-555555555555".to_owned(),
        audience: "66666666-7777-8888-9999-000000000000".to_owned(),
        application: "4962773b-9cdb-44cf-a8bf-237846a00ab7".to_owned(),
        role: "AzureEventGridSecureWebhookSubscriber".to_owned(),
        keys_url: KEYS_URL.to_owned(),
    }
}

/// A host whose clock shows noon, and which gets the fixtures' keys.
fn host() -> Memory {
    let host = Memory::new();
    host.answers(|_| answer(200, KEYS));
    host
}

fn check_token(token: &str) -> Result<(), Denied> {
    check_on(&host(), &KeyCache::default(), &entra(), token)
}

fn check_on(host: &Memory, keys: &KeyCache, entra: &Entra, token: &str) -> Result<(), Denied> {
    let authorization = format!("Bearer {}", token.trim_end());
    block_on(check(host, entra, keys, Some(&authorization)))
}

/// The claims of the fixture of version 2, one of them changed; null takes it away.
fn claims(name: &str, value: Value) -> Value {
    let mut claims = json!({
        "aud": "66666666-7777-8888-9999-000000000000",
        "iss": "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0",
        "nbf": noon() - 60,
        "exp": noon() + 3600,
        "azp": "4962773b-9cdb-44cf-a8bf-237846a00ab7",
        "roles": ["AzureEventGridSecureWebhookSubscriber"],
        "tid": "11111111-2222-3333-4444-555555555555",
    });
    let object = claims.as_object_mut().expect("an object");
    match value {
        Value::Null => object.remove(name),
        value => object.insert(name.to_owned(), value),
    };
    claims
}

fn noon() -> i64 {
    Memory::new().start.timestamp()
}

fn sign(pem: &str, kid: &str, claims: &Value) -> String {
    let key = RsaPrivateKey::from_pkcs8_pem(pem).expect("a key");
    jwt::sign(&key, kid, claims).expect("a signature")
}

fn check_claim(name: &str, value: Value) -> Result<(), Denied> {
    check_token(&sign(TENANT, "tenant", &claims(name, value)))
}

const UNKNOWN: Result<(), Denied> = Err(Denied::Refused("the token's key is unknown"));
const NOT_YET: Result<(), Denied> = Err(Denied::Unavailable("the token's key is not known yet"));

#[test]
fn a_token_of_version_2_passes() {
    assert_eq!(check_token(SECOND), Ok(()));
    assert_eq!(check_claim("aud", json!(["x", entra().audience])), Ok(()));
    assert_eq!(check_claim("nbf", Value::Null), Ok(()));
}

#[test]
fn a_token_of_version_1_passes() {
    let entra = Entra {
        audience: "api://66666666-7777-8888-9999-000000000000".to_owned(),
        ..entra()
    };
    assert_eq!(
        check_on(&host(), &KeyCache::default(), &entra, FIRST),
        Ok(())
    );
}

#[test]
fn a_tenant_and_an_application_may_be_written_in_capitals() {
    let entra = Entra {
        tenant: "AAAAAAAA-2222-3333-4444-555555555555".to_owned(),
        application: entra().application.to_uppercase(),
        ..entra()
    };
    let mut claims = claims("tid", json!("aaaaaaaa-2222-3333-4444-555555555555"));
    claims["iss"] =
        json!("https://login.microsoftonline.com/aaaaaaaa-2222-3333-4444-555555555555/v2.0");
    let token = sign(TENANT, "tenant", &claims);
    assert_eq!(
        check_on(&host(), &KeyCache::default(), &entra, &token),
        Ok(())
    );
}

#[test]
fn a_request_without_a_bearer_token_is_refused_without_a_request_of_ours() {
    let (host, keys) = (Memory::new(), KeyCache::default());
    for (authorization, why) in [
        (None, "no token was given"),
        (Some(""), "no bearer token was given"),
        (Some("Basic dTpw"), "no bearer token was given"),
        (Some("Bearer"), "no bearer token was given"),
        (Some("Bearer "), "the token has not three parts"),
    ] {
        let denied = block_on(check(&host, &entra(), &keys, authorization));
        assert_eq!(denied, Err(Denied::Refused(why)), "{authorization:?}");
    }
}

#[test]
fn the_scheme_is_read_in_any_case() {
    let authorization = format!("bearer {}", SECOND.trim_end());
    let checked = block_on(check(
        &host(),
        &entra(),
        &KeyCache::default(),
        Some(&authorization),
    ));
    assert_eq!(checked, Ok(()));
}

#[test]
fn an_unsigned_token_is_refused_without_a_request_of_ours() {
    let denied = check_on(&Memory::new(), &KeyCache::default(), &entra(), NONE);
    assert_eq!(
        denied,
        Err(Denied::Refused("the token's algorithm is not RS256"))
    );
}

#[test]
fn a_token_signed_with_the_public_key_as_a_shared_secret_is_refused() {
    let denied = check_on(&Memory::new(), &KeyCache::default(), &entra(), HS256);
    assert_eq!(
        denied,
        Err(Denied::Refused("the token's algorithm is not RS256"))
    );
}

#[test]
fn a_token_of_a_key_below_2048_bits_is_refused() {
    assert_eq!(check_token(SMALL), UNKNOWN);
}

#[test]
fn a_key_for_encryption_signs_nothing() {
    let token = sign(STRANGER, "for-encryption", &claims("ver", json!("2.0")));
    assert_eq!(check_token(&token), UNKNOWN);
}

#[test]
fn a_token_that_somebody_else_signed_is_refused() {
    let token = sign(STRANGER, "tenant", &claims("ver", json!("2.0")));
    let denied = check_token(&token);
    assert_eq!(
        denied,
        Err(Denied::Refused("the token's signature is wrong"))
    );
}

#[test]
fn a_token_with_claims_of_another_is_refused() {
    let other = sign(STRANGER, "tenant", &claims("exp", json!(noon() + 99_999)));
    let other = other.split('.').nth(1).expect("claims");
    let mut parts: Vec<&str> = SECOND.trim_end().split('.').collect();
    parts[1] = other;
    let denied = check_token(&parts.join("."));
    assert_eq!(
        denied,
        Err(Denied::Refused("the token's signature is wrong"))
    );
}

#[test]
fn a_token_of_another_issuer_is_refused() {
    let tenant = "11111111-2222-3333-4444-555555555555";
    for issuer in [
        json!(format!("https://login.microsoftonline.com/{tenant}/")),
        json!(format!("https://login.microsoftonline.com/{tenant}/v2.0/")),
        json!("https://login.microsoftonline.com/99999999-2222-3333-4444-555555555555/v2.0"),
        json!(format!("https://sts.windows.net/{tenant}")),
        json!([format!("https://login.microsoftonline.com/{tenant}/v2.0")]),
        Value::Null,
    ] {
        let denied = check_claim("iss", issuer.clone());
        let why = "the token's issuer is not the tenant";
        assert_eq!(denied, Err(Denied::Refused(why)), "{issuer}");
    }
}

#[test]
fn a_token_for_another_audience_is_refused() {
    for audience in [
        json!("api://other"),
        json!(["api://other"]),
        json!(""),
        Value::Null,
    ] {
        let denied = check_claim("aud", audience.clone());
        let why = "the token is for another audience";
        assert_eq!(denied, Err(Denied::Refused(why)), "{audience}");
    }
}

#[test]
fn a_token_of_another_tenant_is_refused() {
    for tenant in [json!("99999999-2222-3333-4444-555555555555"), Value::Null] {
        let denied = check_claim("tid", tenant.clone());
        let why = "the token is of another tenant";
        assert_eq!(denied, Err(Denied::Refused(why)), "{tenant}");
    }
}

#[test]
fn a_token_of_another_application_is_refused() {
    let why = Err(Denied::Refused("the token is of another application"));
    assert_eq!(
        check_claim("azp", json!("99999999-9cdb-44cf-a8bf-237846a00ab7")),
        why
    );
    assert_eq!(check_claim("azp", Value::Null), why);
    // The claim of the other version does not stand in.
    let mut claims = claims("azp", Value::Null);
    claims["appid"] = json!(entra().application);
    assert_eq!(check_token(&sign(TENANT, "tenant", &claims)), why);
    // No application is not any application.
    let anybody = Entra {
        application: String::new(),
        ..entra()
    };
    claims["appid"] = Value::Null;
    let token = sign(TENANT, "tenant", &claims);
    assert_eq!(
        check_on(&host(), &KeyCache::default(), &anybody, &token),
        why
    );
}

#[test]
fn a_token_without_the_role_is_refused() {
    let why = Err(Denied::Refused("the token lacks the role"));
    assert_eq!(check_claim("roles", json!(["Other"])), why);
    assert_eq!(check_claim("roles", json!([])), why);
    assert_eq!(check_claim("roles", Value::Null), why);
}

#[test]
fn no_role_is_asked_for_where_none_is_configured() {
    let entra = Entra {
        role: String::new(),
        ..entra()
    };
    let token = sign(TENANT, "tenant", &claims("roles", Value::Null));
    assert_eq!(
        check_on(&host(), &KeyCache::default(), &entra, &token),
        Ok(())
    );
}

#[test]
fn a_token_is_good_until_five_minutes_after_its_end() {
    assert_eq!(check_claim("exp", json!(noon() - 299)), Ok(()));
    let denied = check_claim("exp", json!(noon() - 300));
    assert_eq!(denied, Err(Denied::Refused("the token has expired")));
}

#[test]
fn a_token_is_good_from_five_minutes_before_its_start() {
    assert_eq!(check_claim("nbf", json!(noon() + 300)), Ok(()));
    let denied = check_claim("nbf", json!(noon() + 301));
    assert_eq!(denied, Err(Denied::Refused("the token is not valid yet")));
    let denied = check_claim("nbf", json!("soon"));
    assert_eq!(denied, Err(Denied::Refused("the token is not valid yet")));
}

#[test]
fn a_token_without_an_end_is_refused() {
    for end in [Value::Null, json!("2030-01-01"), json!([noon() + 3600])] {
        let denied = check_claim("exp", end.clone());
        assert_eq!(
            denied,
            Err(Denied::Refused("the token has no end")),
            "{end}"
        );
    }
}
