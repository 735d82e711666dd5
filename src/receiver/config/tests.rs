//! Whole configurations, good and bad.

mod manifest;

use super::*;
use crate::auth::digest;
use crate::testing::{Memory, block_on};

fn host(config: &str) -> Memory {
    let host = Memory::new();
    let mut variables = host.variables.borrow_mut();
    variables.insert("udmill_config".to_owned(), config.to_owned());
    for name in ["azdo_key", "azdo_secret"] {
        variables.insert(name.to_owned(), format!("the value of {name}"));
    }
    drop(variables);
    host
}

fn config(text: &str) -> Config {
    block_on(load(&host(text))).unwrap_or_else(|error| panic!("{error:?}"))
}

fn problems(text: &str) -> Vec<String> {
    match block_on(load(&host(text))) {
        Err(Unready::Invalid(problems)) => problems.iter().map(Problem::to_string).collect(),
        other => panic!("expected problems, but found {other:?}"),
    }
}

const MAIN: &str = "destination = \"main\"\n[destination.main]\ntype = \"stdout\"\n";

/// A feed with one more line, and with a secret.
fn feed(line: &str) -> String {
    let auth = "auth = { secrets = [\"{azdo_secret}\"] }";
    format!("[feed.azdo]\nlog_type = \"AZURE_DEVOPS\"\n{line}\n{auth}\n{MAIN}")
}

#[test]
fn a_feed_is_what_it_is_in_secops() {
    let hash = "ab".repeat(32);
    let text = format!(
        r#"
max_body = "1MiB"
admin_key = "{{azdo_key}}"
[feed.azdo]
log_type = "AZURE_DEVOPS"
split_delimiter = '\r\n'
namespace = "prod"
labels = {{ team = "blue", a = "" }}
topics = ["/subscriptions/1"]
origins = ["eventgrid.azure.net"]
on_unauthorized = "401"
ack = "stored"
destination = "main"
[feed.azdo.auth]
api_keys = ["{{azdo_key}}"]
secrets = ["{{azdo_secret}}", "sha256:{hash}"]
entra = {{ tenant = "1-2", audience = "api://x" }}
require = "all"
[destination.main]
type = "stdout"
"#
    );
    let config = config(&text);
    assert_eq!(config.max_body, 1 << 20);
    let admin_key = config.admin_key.expect("an admin key");
    assert_eq!(admin_key.0, "the value of azdo_key");
    assert_eq!(config.warnings, [""; 0]);
    let feed = &config.feeds["azdo"];
    assert_eq!(feed.options.log_type, "AZURE_DEVOPS");
    assert_eq!(feed.options.split_delimiter.as_deref(), Some("\r\n"));
    assert_eq!(feed.options.namespace.as_deref(), Some("prod"));
    let labels = feed.options.labels.iter();
    let labels: Vec<_> = labels
        .map(|it| (it.key.as_str(), it.value.as_str()))
        .collect();
    assert_eq!(labels, [("a", ""), ("team", "blue")]);
    assert_eq!(feed.topics, ["/subscriptions/1"]);
    assert_eq!(feed.origins, ["eventgrid.azure.net"]);
    assert_eq!((feed.on_unauthorized, feed.ack), (401, Ack::Stored));
    let Auth::Credentials {
        api_keys,
        secrets,
        entra,
        require_all,
    } = &feed.auth
    else {
        panic!("expected credentials, but found none");
    };
    assert_eq!(*api_keys, [digest("the value of azdo_key")]);
    assert_eq!(*secrets, [digest("the value of azdo_secret"), [0xab; 32]]);
    assert!(require_all);
    let entra = entra.as_ref().expect("Entra");
    assert_eq!(
        entra.keys_url,
        "https://login.microsoftonline.com/1-2/discovery/v2.0/keys"
    );
    assert_eq!(entra.role, "AzureEventGridSecureWebhookSubscriber");
}

#[test]
fn what_is_left_out_has_a_safe_default() {
    let config = config(&feed(""));
    let feed = &config.feeds["azdo"];
    assert_eq!((feed.on_unauthorized, feed.ack), (503, Ack::Delivered));
    assert_eq!((config.max_body, config.admin_key), (4 << 20, None));
    assert_eq!((feed.topics.len(), feed.origins.len()), (0, 0));
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = r#"
max_boddy = "4MiB"
[feed.azdo]
log_type = "AZURE_DEVOP"
topics = []
on_unauthorized = "404"
destination = "mani"
auth = { secret = ["{azdo_secret}"], secrets = ["sha256:12", "{nobody}"], require = "both" }
[feed."a/b"]
log_type = "AZURE_DEVOPS"
split_delimiter = '\q'
destination = "main"
[destination.main]
type = "stdoot"
colour = "red"
"#;
    let found = problems(text);
    let expected = [
        "line 2: expected one of admin_key, collect, destination, feed, max_body, but found \"max_boddy\"; did you mean \"max_body\"?",
        "line 4: expected the log type AZURE_DEVOPS or HARNESS_IO, but found `AZURE_DEVOP`; did you mean `AZURE_DEVOPS`?",
        "line 5: expected at least one text, and none that is empty at `feed.azdo.topics`, but found another array",
        "line 6: expected one of 503, 401 at `feed.azdo.on_unauthorized`, but found \"404\"",
        "line 7: expected the name of a destination at `feed.azdo.destination`, but found \"mani\"; did you mean \"main\"?",
        "line 8: expected one of any, all at `feed.azdo.auth.require`, but found \"both\"",
        "line 8: expected a Spin variable that is declared and set at `feed.azdo.auth.secrets`, but found \"{nobody}\"",
        "line 9: expected `auth` in `feed.a/b`, but found none",
        "line 11: expected a text without escapes other than \\n, \\r, \\t, \\0 and \\\\ at `feed.a/b.split_delimiter`, but found \"\\\\q\"",
        "did you mean \"stdout\"?",
        "expected a name of at most 64 letters, digits, hyphens and underscores at `feed.a/b`, but found \"a/b\"",
        "expected one of api_keys, entra, require, secrets in `feed.azdo.auth`, but found \"secret\"; did you mean \"secrets\"?",
    ];
    for expected in expected {
        assert!(
            found.iter().any(|it| it.contains(expected)),
            "{expected}\n{found:#?}"
        );
    }
    assert!(
        found.iter().all(|it| !it.contains("the value of")),
        "{found:#?}"
    );
}

#[test]
fn of_variables_that_are_missing_nothing_else_is_told() {
    let text = feed("").replace(
        "secrets = [\"{azdo_secret}\"]",
        "secrets = [\"{one}\", \"{azdo_secret}\", \"{two}\"]",
    );
    let told = |name: &str| {
        format!(
            "line 4: expected a Spin variable that is declared and set at `feed.azdo.auth.secrets`, but found \"{{{name}}}\""
        )
    };
    assert_eq!(problems(&text), [told("one"), told("two")]);
}

#[test]
fn lists_of_credentials_that_are_empty_are_none() {
    for auth in ["secrets = []", "api_keys = [], secrets = []"] {
        let text = feed("").replace("secrets = [\"{azdo_secret}\"]", auth);
        let expected = "line 4: expected at least one of api_keys, secrets, entra at `feed.azdo.auth`, but found none";
        assert_eq!(problems(&text), [expected]);
    }
}

#[test]
fn a_destination_has_to_be_there() {
    let text = feed("").replace("[destination.main]", "[destination.mani]");
    let expected = "line 5: expected the name of a destination at `feed.azdo.destination`, but found \"main\"; did you mean \"mani\"?";
    assert_eq!(problems(&text), [expected]);
}

#[test]
fn a_feed_without_credentials_is_an_error_unless_it_is_on_loopback() {
    let open = feed("").replace("{ secrets = [\"{azdo_secret}\"] }", "\"none\"");
    let expected = "line 4: expected credentials where others than this machine can reach the receiver at `feed.azdo.auth`, but found \"none\"";
    assert_eq!(problems(&open), [expected]);
    let loopback = host(&open);
    let mut variables = loopback.variables.borrow_mut();
    variables.insert("udmill_loopback".to_owned(), "true".to_owned());
    drop(variables);
    let config = block_on(load(&loopback)).expect("a configuration");
    assert!(matches!(config.feeds["azdo"].auth, Auth::None));

    let empty = feed("").replace("secrets = [\"{azdo_secret}\"]", "require = \"any\"");
    let expected = "line 4: expected at least one of api_keys, secrets, entra at `feed.azdo.auth`, but found none";
    assert_eq!(problems(&empty), [expected]);
}

#[test]
fn secrets_are_hashes_or_long() {
    let short = feed("").replace("{azdo_secret}", "short");
    let warning = "`feed.azdo.auth.secrets` holds one of less than 16 characters";
    assert_eq!(config(&short).warnings, [warning]);
    for (secret, expected) in [
        ("", "expected a text that is not empty"),
        (
            " a secret with spaces around it ",
            "expected a text that is not empty",
        ),
        ("sha256:", "expected 64 hexadecimal digits"),
        (
            &format!("sha256:{}", "g".repeat(64)),
            "expected 64 hexadecimal digits",
        ),
        (
            &format!("sha256:{}", "é".repeat(32)),
            "expected 64 hexadecimal digits",
        ),
    ] {
        let found = problems(&feed("").replace("{azdo_secret}", secret));
        assert!(found[0].contains(expected), "{secret:?}: {found:?}");
    }
}

#[test]
fn no_secret_gets_into_a_message() {
    let main = "[destination.main]\ntype = \"stdout\"\n";
    for line in [
        "log_type = \"{azdo_secret}\"",
        "on_unauthorized = \"{azdo_secret}\"",
        "destination = \"{azdo_secret}\"",
        "split_delimiter = \"{azdo_secret}\"",
        "auth = \"{azdo_secret}\"",
        "auth = \"the value of azdo_secret\"",
        "auth = { secrets = \"the value of azdo_secret\" }",
        "auth.entra = { tenant = \"{azdo_secret}\", audience = \"{azdo_secret}\", keys_url = \"{azdo_secret}\" }",
        "labels = \"the value of azdo_secret",
    ] {
        let found = problems(&format!(
            "max_body = \"{{azdo_secret}}\"\n{main}[feed.azdo]\n{line}\n"
        ));
        assert!(
            found.iter().all(|it| !it.contains("the value of")),
            "{found:#?}"
        );
    }
    let log_type = feed("").replace("AZURE_DEVOPS", "{long}");
    for text in ["max_body = \"{long}\"", &log_type] {
        let long = host(text);
        let variable = ("long".to_owned(), "a long secret ".repeat(20));
        long.variables.borrow_mut().extend([variable]);
        let found = block_on(load(&long)).expect_err("problems");
        assert!(!format!("{found:?}").contains("long secret"), "{found:?}");
        assert!(format!("{found:?}").contains("{long}"), "{found:?}");
    }
}

#[test]
fn hosts_that_the_runtime_does_not_allow_are_told() {
    let text = feed("").replace(
        "type = \"stdout\"",
        "type = \"http\"\nurl = \"https://x.example/in\"",
    );
    let host = host(&text);
    let allow = |hosts: &str| {
        let mut variables = host.variables.borrow_mut();
        variables.insert("udmill_allowed_hosts".to_owned(), hosts.to_owned());
    };
    allow("https://y.example https://x.example");
    assert!(block_on(load(&host)).is_ok());
    allow("https://y.example");
    let Err(Unready::Invalid(problems)) = block_on(load(&host)) else {
        panic!("expected a problem, but found none");
    };
    let expected = "expected hosts that `allowed_outbound_hosts` of spin.toml lists at `destination.main`, but found \"https://x.example:443\"";
    assert_eq!(problems[0].message, expected);
}

#[test]
fn no_configuration_is_told() {
    let expected =
        "line 1: expected a configuration in the variable `udmill_config`, but found none";
    assert_eq!(problems(" \n"), [expected]);
    let expected = "line 1: expected at least one feed at `feed`, but found none";
    assert_eq!(problems("max_body = 1"), [expected]);
}

#[test]
fn what_is_no_toml_is_told_by_its_lines() {
    let found = problems("a = \nb = 1\nc = [\n");
    assert!(
        found[0].starts_with("line 1: expected TOML, but found: "),
        "{found:?}"
    );
}
