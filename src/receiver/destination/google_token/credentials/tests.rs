//! Settings that can be read, and what is told of those that cannot.

use std::collections::BTreeMap;

use serde_json::json;
use toml::de::DeTable;

use super::*;
use crate::config::section::File;

const PEM: &str = include_str!("../../../auth/fixtures/tenant.pem");

/// A key file, one field of it changed; null takes it away.
pub fn key_file(name: &str, value: Value) -> String {
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
pub fn read(settings: &str, key: &str) -> (Option<Credentials>, Vec<String>) {
    let variables = BTreeMap::from([("key".to_owned(), key.to_owned())]);
    let table = DeTable::parse(settings).expect("TOML");
    let file = File::new(settings, &variables);
    let mut section = Section::new(&file, "destination.main", 0, table.get_ref());
    let credentials = Credentials::read(&mut section);
    section.finish();
    let problems = file.problems().into_iter().map(|it| it.message);
    (credentials, problems.collect())
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
