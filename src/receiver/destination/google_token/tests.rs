//! What is asked of a token endpoint, and what is made of its answers. The key is the one of `auth/fixtures`; that our
//! signatures are right is tested against another implementation's in `jwt`.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use rsa::RsaPublicKey;
use toml::de::DeTable;

use super::*;
use crate::config::section::File;
use crate::jwt::Unverified;
use crate::testing::{Memory, answer, block_on, both};

const PEM: &str = include_str!("../../auth/fixtures/tenant.pem");

const GOOD: &str = r#"{"access_token":"ya29.one","expires_in":3599,"token_type":"Bearer"}"#;

/// A key file, one field of it changed; null takes it away.
fn key_file(name: &str, value: Value) -> String {
    let mut file = json!({
        "type": "service_account",
        "project_id": "project",
        "private_key_id": "0123456789abcdef",
        "private_key": PEM,
        "client_email": "udmill@project.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    });
    let object = file.as_object_mut().expect("an object");
    match value {
        Value::Null => object.remove(name),
        value => object.insert(name.to_owned(), value),
    };
    file.to_string()
}

/// Reads the settings of a destination, whose variable `key` is this text; gives what was told, too.
fn read(settings: &str, key: &str) -> (Option<Credentials>, Vec<String>) {
    let variables = BTreeMap::from([("key".to_owned(), key.to_owned())]);
    let table = DeTable::parse(settings).expect("TOML");
    let file = File::new(settings, &variables);
    let mut section = Section::new(&file, "destination.main", 0, table.get_ref());
    let credentials = Credentials::read(&mut section);
    section.finish();
    let problems = file.problems().into_iter().map(|it| it.message);
    (credentials, problems.collect())
}

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

#[test]
fn older_key_files_use_todays_endpoint() {
    for url in [
        json!("https://accounts.google.com/o/oauth2/token"),
        json!("https://www.googleapis.com/oauth2/v4/token"),
        Value::Null,
    ] {
        let (credentials, problems) = read("credentials = \"{key}\"", &key_file("token_uri", url));
        assert_eq!(problems, [""; 0]);
        assert_eq!(credentials.expect("credentials").url(), TOKEN_URL);
    }
}

#[test]
fn a_token_endpoint_is_googles_or_on_this_machine() {
    for url in [
        "http://127.0.0.1:4711/token",
        "http://localhost/token",
        "http://[::1]:80/",
    ] {
        let key = key_file("token_uri", json!(url));
        let (credentials, _) = read("credentials = \"{key}\"", &key);
        assert_eq!(credentials.expect("credentials").url(), url);
    }
    for url in [
        "https://oauth2.googleapis.com.example.com/token",
        "https://oauth2.googleapis.com@example.com/token",
        "http://oauth2.googleapis.com/token",
        "http://127.0.0.1@example.com/token",
        "http://localhost.example.com/token",
        "",
    ] {
        let key = key_file("token_uri", json!(url));
        let (credentials, problems) = read("credentials = \"{key}\"", &key);
        assert_eq!(credentials, None, "{url}");
        let expected = format!(
            "expected a key file whose `token_uri` is https://oauth2.googleapis.com/token \
             at `destination.main.credentials`, but found {url:?}"
        );
        assert_eq!(problems, [expected]);
    }
}

#[test]
fn what_is_no_key_file_is_told_without_showing_it() {
    let file = "expected the JSON of a service account's key file";
    let key = "expected a key file whose `private_key` is an RSA key in PKCS #8";
    for (text, expected, found) in [
        ("hunter2".to_owned(), file, "a text that is no JSON"),
        ("[]".to_owned(), file, "no text under `type`"),
        (
            key_file("type", json!("authorized_user")),
            file,
            "a file of type \"authorized_user\"",
        ),
        (
            key_file("private_key", Value::Null),
            file,
            "no text under `private_key`",
        ),
        (
            key_file("private_key_id", Value::Null),
            file,
            "no text under `private_key_id`",
        ),
        (
            key_file("client_email", json!(1)),
            file,
            "no text under `client_email`",
        ),
        (
            key_file("private_key", json!("hunter2")),
            key,
            "something else",
        ),
        (
            key_file("private_key", json!(PEM.replace('M', "N"))),
            key,
            "something else",
        ),
    ] {
        let (credentials, problems) = read("credentials = \"{key}\"", &text);
        assert_eq!(credentials, None);
        let expected = format!("{expected} at `destination.main.credentials`, but found {found}");
        assert_eq!(problems, [expected]);
    }
}

#[test]
fn one_kind_of_credentials_has_to_be_there() {
    let at = "at `destination.main.metadata`, but found";
    for (settings, expected) in [
        (
            "",
            "expected `credentials` in `destination.main`, but found none".to_owned(),
        ),
        (
            "metadata = false",
            format!("expected true or a URL {at} false"),
        ),
        (
            "metadata = \"metadata\"",
            format!("expected true or a URL {at} \"metadata\""),
        ),
        (
            "metadata = \"file:///etc\"",
            format!("expected true or a URL {at} \"file:///etc\""),
        ),
        (
            "metadata = 1",
            format!("expected true or false {at} a number"),
        ),
        (
            "metadata = true\ncredentials = \"{key}\"",
            format!("expected either `credentials` or `metadata` {at} both"),
        ),
    ] {
        let (credentials, problems) = read(settings, &key_file("", json!("")));
        assert_eq!(credentials, None, "{settings}");
        assert_eq!(problems, [expected], "{settings}");
    }
}

#[test]
fn another_metadata_server_can_be_named() {
    let (credentials, problems) = read("metadata = \"http://127.0.0.1:4711/token\"", "");
    assert_eq!(problems, [""; 0]);
    assert_eq!(
        credentials.expect("credentials").url(),
        "http://127.0.0.1:4711/token"
    );
}
