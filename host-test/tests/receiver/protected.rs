//! Deliveries that Microsoft Entra protects.

use event_grid::{AUDIENCE, Random, Request, TENANT, TOPIC, Tenant, validation};
use serde_json::{Value, json};

use crate::{assert_refused, delivery, events};
use host_test::running::{Receiver, SECRET};

/// A receiver that takes the tokens of a tenant, and nothing else.
fn start(tenant: &Tenant) -> Receiver {
    start_with(tenant, "")
}

/// The same with more keys in the table `auth`.
fn start_with(tenant: &Tenant, auth: &str) -> Receiver {
    let entra = format!(
        "{{ tenant = \"{TENANT}\", audience = \"{AUDIENCE}\", keys_url = \"{}\" }}",
        tenant.keys_url()
    );
    Receiver::start(&format!(
        "[feed.azdo]\nlog_type = \"AZURE_DEVOPS\"\ndestination = \"main\"\n\
         auth = {{ entra = {entra}{auth} }}\n[destination.main]\ntype = \"stdout\"\n"
    ))
}

fn with(bearer: &str) -> Request {
    let mut request = delivery(&events(1));
    let header = ("authorization".to_owned(), bearer.to_owned());
    request.headers.push(header);
    request
}

#[test]
fn a_delivery_with_the_tenants_token_is_let_in() {
    let tenant = Tenant::start();
    let receiver = start(&tenant);
    let request = with(&tenant.bearer(&tenant.claims()));
    for _ in 0..150 {
        assert_eq!(receiver.send("/v1/feeds/azdo", &request).status, 200);
    }
    // More than one instance of the component has answered, and they share the keys.
    assert_eq!(tenant.fetches(), 1);
}

#[test]
fn a_validation_event_with_the_tenants_token_is_answered_with_its_code_and_any_other_refused() {
    let tenant = Tenant::start();
    let receiver = start(&tenant);
    let (request, code) = validation(&mut Random::new(1), TOPIC);
    let asked = |bearer: &str| {
        let mut request = request.clone();
        let header = ("authorization".to_owned(), bearer.to_owned());
        request.headers.push(header);
        receiver.send("/v1/feeds/azdo", &request)
    };
    let answer = asked(&tenant.bearer(&tenant.claims()));
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains(&code), "{}", answer.text());
    assert_refused(&asked("Bearer guessed"), 401);
    assert_refused(&receiver.send("/v1/feeds/azdo", &request), 401);
    // Nor is it refused for good while its keys cannot be had.
    let receiver = start(&tenant);
    tenant.set_down(true);
    let mut request = request.clone();
    let bearer = tenant.bearer(&tenant.claims());
    request.headers.push(("authorization".to_owned(), bearer));
    assert_refused(&receiver.send("/v1/feeds/azdo", &request), 503);
}

#[test]
fn a_token_of_the_first_version_is_let_in_with_its_own_claims() {
    let tenant = Tenant::start();
    let receiver = start(&tenant);
    let mut claims = tenant.claims();
    claims["ver"] = json!("1.0");
    claims["iss"] = json!(format!("https://sts.windows.net/{TENANT}/"));
    // The second version's name for the application counts for nothing here.
    let request = with(&tenant.bearer(&claims));
    assert_refused(&receiver.send("/v1/feeds/azdo", &request), 503);
    let claims = claims.as_object_mut().unwrap();
    let application = claims.remove("azp").unwrap();
    claims.insert("appid".to_owned(), application);
    let request = with(&tenant.bearer(&Value::from(claims.clone())));
    assert_eq!(receiver.send("/v1/feeds/azdo", &request).status, 200);
    assert_eq!(receiver.events(1).len(), 1);
}

#[test]
fn where_all_is_required_neither_a_token_nor_a_secret_is_enough() {
    let tenant = Tenant::start();
    let shared = ", secrets = [\"{azdo_secret}\"], require = \"all\"";
    let receiver = start_with(&tenant, shared);
    let token = with(&tenant.bearer(&tenant.claims()));
    let secret = format!("/v1/feeds/azdo?secret={SECRET}");
    for (target, request) in [
        ("/v1/feeds/azdo", &token),
        ("/v1/feeds/azdo?secret=guessed", &token),
        (&secret, &delivery(&events(1))),
        (&secret, &with("Bearer guessed")),
    ] {
        assert_refused(&receiver.send(target, request), 503);
    }
    assert_eq!(receiver.send(&secret, &token).status, 200);
    let outcomes = receiver.requests(5);
    let refused = outcomes.iter().filter(|it| it["outcome"] == "unauthorized");
    assert_eq!(refused.count(), 4);
    assert_eq!(receiver.events(1).len(), 1);
}

#[test]
fn a_token_that_is_not_ours_is_refused() {
    let tenant = Tenant::start();
    let receiver = start(&tenant);
    let changed = |key: &str, value: Value| {
        let mut claims = tenant.claims();
        claims[key] = value;
        tenant.bearer(&claims)
    };
    let good = tenant.bearer(&tenant.claims());
    let (signed, _) = good.rsplit_once('.').unwrap();
    let other = changed("ver", json!("3"));
    let signature = other.rsplit_once('.').unwrap().1;
    for bearer in [
        format!("{signed}.{signature}"),
        format!("{signed}."),
        changed("aud", json!("another")),
        changed("tid", json!("another")),
        changed(
            "iss",
            json!("https://login.microsoftonline.com/another/v2.0"),
        ),
        changed("azp", json!("00000000-0000-0000-0000-000000000000")),
        changed("roles", json!(["Reader"])),
        changed("exp", json!(1_700_000_000)),
        changed("nbf", json!(4_000_000_000_u64)),
        "Bearer guessed".to_owned(),
        "Basic Zzp6".to_owned(),
    ] {
        let answer = receiver.send("/v1/feeds/azdo", &with(&bearer));
        assert_refused(&answer, 503);
    }
    assert_refused(&receiver.send("/v1/feeds/azdo", &delivery(&events(1))), 503);
    let lines = receiver.requests(12);
    assert!(lines.iter().all(|it| it["outcome"] == "unauthorized"));
    assert_eq!(receiver.printed(0), "");
}

#[test]
fn keys_that_cannot_be_fetched_are_a_fault_of_ours() {
    let tenant = Tenant::start();
    tenant.set_down(true);
    let receiver = start(&tenant);
    let request = with(&tenant.bearer(&tenant.claims()));
    assert_refused(&receiver.send("/v1/feeds/azdo", &request), 503);
    assert_ne!(receiver.request()["outcome"], "unauthorized");
}

#[test]
fn an_unknown_key_right_after_a_rotation_is_a_fault_that_passes() {
    let tenant = Tenant::start();
    let receiver = start(&tenant);
    let request = with(&tenant.bearer(&tenant.claims()));
    assert_eq!(receiver.send("/v1/feeds/azdo", &request).status, 200);
    tenant.rotate("second");
    let request = with(&tenant.bearer(&tenant.claims()));
    for _ in 0..10 {
        assert_refused(&receiver.send("/v1/feeds/azdo", &request), 503);
    }
    assert_eq!(tenant.fetches(), 1);
}
