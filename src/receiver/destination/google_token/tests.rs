//! What is asked of a token endpoint, and what is made of its answers. The key is one of `auth/fixtures`; our signatures
//! are held against another implementation's in `jwt`.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use rsa::pkcs8::DecodePrivateKey as _;
use rsa::{RsaPrivateKey, RsaPublicKey};

use super::credentials::METADATA_URL;
use super::credentials::tests::{key_file, read};
use super::*;
use crate::jwt::Unverified;
use crate::testing::{Memory, answer, block_on, both};

const PEM: &str = include_str!("../../auth/fixtures/tenant.pem");

const GOOD: &str = r#"{"access_token":"ya29.one","expires_in":3599,"token_type":"Bearer"}"#;

fn service_account() -> Credentials {
    let (credentials, problems) = read("credentials = \"{key}\"", &key_file("", json!("")));
    assert_eq!(problems, [""; 0]);
    credentials.expect("credentials")
}

fn metadata() -> Credentials {
    read("metadata = true", "").0.expect("credentials")
}

const SOON: Duration = Duration::from_secs(25);

fn bearer(host: &Memory, tokens: &Tokens, credentials: &Credentials) -> Result<String, Fault> {
    let deadline = host.elapsed.get() + SOON;
    block_on(tokens.bearer(host, credentials, deadline)).map(|it| it.0)
}

/// What becomes of an answer to the first request for a token.
fn fault(credentials: &Credentials, answer: Result<Answer, SendError>) -> Fault {
    let host = Memory::new();
    host.answers_in_turn([answer]);
    bearer(&host, &Tokens::default(), credentials).expect_err("a fault")
}

#[test]
fn a_key_files_token_is_asked_for_with_a_signed_assertion() {
    let (host, tokens, credentials) = (Memory::new(), Tokens::default(), service_account());
    host.answers_in_turn([answer(200, GOOD)]);
    assert_eq!(
        bearer(&host, &tokens, &credentials).as_deref(),
        Ok("ya29.one")
    );
    let requests = host.requests.borrow();
    let request = &requests[0];
    assert_eq!(request.method, "POST");
    assert_eq!(request.url, "https://oauth2.googleapis.com/token");
    let form = "application/x-www-form-urlencoded";
    assert_eq!(
        request.headers,
        [("content-type".to_owned(), form.to_owned())]
    );
    let fields: Vec<_> = url::form_urlencoded::parse(&request.body).collect();
    assert_eq!(fields.len(), 2);
    assert_eq!(fields[0].0, "grant_type");
    assert_eq!(fields[0].1, "urn:ietf:params:oauth:grant-type:jwt-bearer");
    assert_eq!(fields[1].0, "assertion");
    let assertion = Unverified::read(&fields[1].1).expect("a token");
    assert_eq!(assertion.kid, "0123456789abcdef");
    let key = RsaPrivateKey::from_pkcs8_pem(PEM).expect("a key");
    let claims = assertion.verify(&RsaPublicKey::from(&key)).expect("claims");
    let noon = host.start.timestamp();
    let expected = json!({
        "iss": "udmill@project.iam.gserviceaccount.com",
        "scope": "https://www.googleapis.com/auth/cloud-platform",
        "aud": "https://oauth2.googleapis.com/token",
        "iat": noon,
        "exp": noon + 3600,
    });
    assert_eq!(Value::Object(claims), expected);
}

#[test]
fn a_metadata_server_is_asked_as_it_wants_to_be() {
    let (host, tokens) = (Memory::new(), Tokens::default());
    host.answers_in_turn([answer(200, GOOD)]);
    assert_eq!(
        bearer(&host, &tokens, &metadata()).as_deref(),
        Ok("ya29.one")
    );
    let expected = Outbound {
        method: "GET",
        url: METADATA_URL.to_owned(),
        headers: vec![("metadata-flavor".to_owned(), "Google".to_owned())],
        body: Vec::new(),
        most: crate::host::USUAL,
    };
    assert_eq!(*host.requests.borrow(), [expected]);
}

#[test]
fn a_token_is_kept_until_four_minutes_before_its_end() {
    for credentials in [service_account(), metadata()] {
        let (host, tokens) = (Memory::new(), Tokens::default());
        host.answers_in_turn([answer(200, GOOD), answer(200, &GOOD.replace("one", "two"))]);
        assert_eq!(
            bearer(&host, &tokens, &credentials).as_deref(),
            Ok("ya29.one")
        );
        host.pass(Duration::from_secs(3599 - 241));
        assert_eq!(
            bearer(&host, &tokens, &credentials).as_deref(),
            Ok("ya29.one")
        );
        host.pass(Duration::from_secs(1));
        assert_eq!(
            bearer(&host, &tokens, &credentials).as_deref(),
            Ok("ya29.two")
        );
        assert_eq!(host.requests.borrow().len(), 2);
    }
}

#[test]
fn a_token_of_a_short_life_is_kept_for_half_of_it() {
    let (host, tokens) = (Memory::new(), Tokens::default());
    let short = GOOD.replace("3599", "60");
    host.answers_in_turn([
        answer(200, &short),
        answer(200, &short.replace("one", "two")),
    ]);
    assert_eq!(
        bearer(&host, &tokens, &metadata()).as_deref(),
        Ok("ya29.one")
    );
    host.pass(Duration::from_secs(29));
    assert_eq!(
        bearer(&host, &tokens, &metadata()).as_deref(),
        Ok("ya29.one")
    );
    host.pass(Duration::from_secs(1));
    assert_eq!(
        bearer(&host, &tokens, &metadata()).as_deref(),
        Ok("ya29.two")
    );
}

#[test]
fn a_token_whose_renewal_fails_serves_until_its_end() {
    let (host, tokens) = (Memory::new(), Tokens::default());
    host.answers_in_turn([
        answer(200, GOOD),
        answer(503, ""),
        answer(503, ""),
        answer(503, ""),
    ]);
    assert_eq!(
        bearer(&host, &tokens, &metadata()).as_deref(),
        Ok("ya29.one")
    );
    host.pass(Duration::from_secs(3599 - 240));
    assert_eq!(
        bearer(&host, &tokens, &metadata()).as_deref(),
        Ok("ya29.one")
    );
    // Not every request waits for another failure.
    host.pass(Duration::from_secs(29));
    assert_eq!(
        bearer(&host, &tokens, &metadata()).as_deref(),
        Ok("ya29.one")
    );
    assert_eq!(host.requests.borrow().len(), 2);
    host.pass(Duration::from_secs(210));
    assert_eq!(
        bearer(&host, &tokens, &metadata()).as_deref(),
        Ok("ya29.one")
    );
    host.pass(Duration::from_secs(1));
    let fault = bearer(&host, &tokens, &metadata()).expect_err("a fault");
    assert_eq!((fault.kind, fault.alarm), ("unavailable", false));
}

#[test]
fn a_forgotten_token_is_asked_for_again() {
    let (host, tokens) = (Memory::new(), Tokens::default());
    let (mine, other) = (service_account(), metadata());
    let answers = ["one", "two", "three"].map(|it| answer(200, &GOOD.replace("one", it)));
    host.answers_in_turn(answers);
    assert_eq!(bearer(&host, &tokens, &mine).as_deref(), Ok("ya29.one"));
    assert_eq!(bearer(&host, &tokens, &other).as_deref(), Ok("ya29.two"));
    tokens.forget(&mine);
    assert_eq!(bearer(&host, &tokens, &mine).as_deref(), Ok("ya29.three"));
    assert_eq!(bearer(&host, &tokens, &other).as_deref(), Ok("ya29.two"));
}

#[test]
fn requests_at_the_same_time_share_one_token() {
    for seed in 0..20 {
        let (host, tokens, credentials) = (Memory::new(), Tokens::default(), metadata());
        host.answers_in_turn([answer(200, GOOD)]);
        let one = tokens.bearer(&host, &credentials, SOON);
        let other = tokens.bearer(&host, &credentials, SOON);
        let expected = Ok(Secret("ya29.one".to_owned()));
        assert_eq!(both(seed, one, other), (expected.clone(), expected));
    }
}

#[test]
fn requests_at_the_same_time_share_one_fault() {
    for seed in 0..20 {
        let (host, tokens, credentials) = (Memory::new(), Tokens::default(), metadata());
        host.latency.set(Duration::from_secs(1));
        host.answers_in_turn([answer(403, "")]);
        let (one, other) = block_on(async {
            let one = begun(tokens.bearer(&host, &credentials, SOON)).await;
            let other = begun(tokens.bearer(&host, &credentials, SOON)).await;
            (one, other)
        });
        let (one, other) = both(seed, one, other);
        assert_eq!(one.expect_err("a fault"), other.expect_err("a fault"));
    }
}

#[test]
fn a_token_that_is_being_renewed_serves_meanwhile() {
    let (host, tokens, credentials) = (Memory::new(), Tokens::default(), metadata());
    host.answers_in_turn([answer(200, GOOD), answer(200, &GOOD.replace("one", "two"))]);
    assert_eq!(
        bearer(&host, &tokens, &credentials).as_deref(),
        Ok("ya29.one")
    );
    host.pass(Duration::from_secs(3599 - 240));
    let deadline = host.elapsed.get() + SOON;
    let renewed = block_on(begun(tokens.bearer(&host, &credentials, deadline)));
    assert_eq!(
        bearer(&host, &tokens, &credentials).as_deref(),
        Ok("ya29.one")
    );
    assert_eq!(block_on(renewed), Ok(Secret("ya29.two".to_owned())));
}

/// A future that waits for something for the first time.
async fn begun<T>(future: impl Future<Output = T>) -> Pin<Box<impl Future<Output = T>>> {
    let mut future = Box::pin(future);
    let polled = poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending()));
    assert!(polled.await);
    future
}

#[test]
fn what_may_pass_raises_no_alarm() {
    for (found, kind, wait) in [
        (answer(500, ""), "unavailable", 30),
        (answer(503, "<html>"), "unavailable", 30),
        (answer(429, ""), "rate_limited", 60),
        (answer(408, ""), "rate_limited", 60),
        (answer(200, "<html>"), "unavailable", 30),
        (answer(200, "{}"), "unavailable", 30),
        (
            answer(200, &GOOD.replace("one", r"\r\nx: y")),
            "unavailable",
            30,
        ),
        (Err(SendError::TimedOut), "timed_out", 30),
        (
            Err(SendError::Failed("reset".to_owned())),
            "unavailable",
            30,
        ),
    ] {
        let fault = fault(&service_account(), found);
        assert_eq!((fault.kind, fault.alarm), (kind, false), "{fault:?}");
        assert_eq!(fault.retry_after, Duration::from_secs(wait), "{fault:?}");
    }
}

#[test]
fn what_an_operator_has_to_mend_raises_an_alarm() {
    for (found, kind) in [
        (answer(400, r#"{"error":"invalid_grant"}"#), "credentials"),
        (answer(401, ""), "credentials"),
        (answer(403, ""), "credentials"),
        (answer(404, ""), "not_found"),
        (answer(302, ""), "not_found"),
        (Err(SendError::Denied), "denied"),
    ] {
        let fault = fault(&service_account(), found);
        assert_eq!((fault.kind, fault.alarm), (kind, true), "{fault:?}");
    }
}

#[test]
fn a_fault_tells_what_the_endpoint_said() {
    let body = r#"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#;
    let fault = fault(&service_account(), answer(400, body));
    let expected = "expected an access token from https://oauth2.googleapis.com/token, but found status 400, \
                    \"invalid_grant\", \"Invalid JWT Signature.\"";
    assert_eq!(fault.message, expected);
}

#[test]
fn a_wait_that_the_endpoint_asks_for_is_passed_on() {
    let answer = Answer {
        status: 429,
        headers: vec![("retry-after".to_owned(), "17".to_owned())],
        body: Vec::new(),
        is_whole: true,
    };
    let fault = fault(&metadata(), Ok(answer));
    assert_eq!(fault.retry_after, Duration::from_secs(17));
}

#[test]
fn a_request_for_a_token_keeps_to_the_deadline() {
    let (host, tokens) = (Memory::new(), Tokens::default());
    host.answers(|_| answer(200, GOOD));
    host.latency.set(Duration::from_secs(60));
    let fault = bearer(&host, &tokens, &metadata()).expect_err("a fault");
    assert_eq!(fault.kind, "timed_out");
    assert_eq!(host.elapsed.get(), WITHIN);
    let deadline = host.elapsed.get() + Duration::from_secs(3);
    let fault = block_on(tokens.bearer(&host, &metadata(), deadline)).expect_err("a fault");
    assert_eq!(fault.kind, "timed_out");
    assert_eq!(host.elapsed.get(), deadline);
    let fault = block_on(tokens.bearer(&host, &metadata(), deadline)).expect_err("a fault");
    assert_eq!(fault.kind, "timed_out");
    assert_eq!(host.requests.borrow().len(), 2);
}

#[test]
fn an_endpoint_that_gives_the_assertion_back_makes_no_fault_tell_it() {
    let (host, tokens) = (Memory::new(), Tokens::default());
    host.answers(move |request| {
        let body = String::from_utf8_lossy(&request.body);
        let assertion = body.rsplit('=').next().expect("an assertion");
        let body = json!({"error": assertion, "error_description": assertion});
        answer(400, &body.to_string())
    });
    let fault = bearer(&host, &tokens, &service_account()).expect_err("a fault");
    let requests = host.requests.borrow();
    let body = std::str::from_utf8(&requests[0].body).expect("text");
    // The header, of which a part is told, is no secret.
    for part in body.split('.').skip(1) {
        assert!(!fault.message.contains(&part[..8]), "{}", fault.message);
    }
}

#[test]
fn neither_credentials_nor_tokens_show_what_is_secret() {
    let (host, tokens, credentials) = (Memory::new(), Tokens::default(), service_account());
    let shown = format!("{credentials:?}");
    assert_eq!(
        shown,
        "ServiceAccount(udmill@project.iam.gserviceaccount.com)"
    );
    host.answers(|_| answer(200, GOOD));
    assert_eq!(
        bearer(&host, &tokens, &credentials).as_deref(),
        Ok("ya29.one")
    );
    assert!(!format!("{tokens:?}").contains("ya29"));
}
