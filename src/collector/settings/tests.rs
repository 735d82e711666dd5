//! What an operator may write, and what is told of it.

use toml::de::DeTable;
use udmill_receiver::config::section::File;

use super::*;

fn environment(more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let own = [
        ("HARNESS_ACCOUNT_ID", "acc"),
        ("HARNESS_API_KEY", "sat.acc.id.secret"),
        ("OUTPUT_SHAPE", "api"),
        ("PATH", "/bin"),
    ];
    let all = own.iter().chain(more);
    all.map(|(name, value)| ((*name).into(), (*value).into()))
        .collect()
}

fn mistakes(more: &[(&str, &str)]) -> String {
    let found = from_environment(&environment(more));
    found.map_or_else(|it| it.join("\n"), |_| String::new())
}

#[test]
fn a_lambdas_environment_is_taken_as_it_is_with_its_defaults() {
    let settings = from_environment(&environment(&[(
        "HARNESS_API_BASE",
        "https://x.harness.io/",
    )]));
    let settings = settings.expect("settings");
    assert_eq!(settings.api_base, "https://x.harness.io");
    assert_eq!(settings.prefix, "harness/audit");
    assert_eq!(settings.state_prefix, "harness/audit-state");
    assert_eq!(settings.lambda_state_key, "harness/audit/state.json");
    let numbers = (
        settings.page_size,
        settings.start_minutes_back,
        settings.max_retries,
    );
    assert_eq!(numbers, (50, 60, 3));
    assert_eq!(settings.warnings, Vec::<String>::new());
}

/// Where the Lambda's state is moved to, a collector's own would lie.
#[test]
fn no_collector_is_called_as_the_lambdas_state() {
    let found = mistakes(&[("COLLECTOR_NAME", "lambda-state")]);
    assert!(found.contains("`COLLECTOR_NAME`"), "{found}");
    assert_eq!(mistakes(&[("COLLECTOR_NAME", "lambda-state-2")]), "");
}

#[test]
fn lists_are_trimmed_spelled_as_the_server_does_and_told_when_unknown() {
    let more = [
        ("FILTER_ACTIONS", "create, update ,,CREATE"),
        ("FILTER_MODULES", "devopsessentials,xyz"),
    ];
    let settings = from_environment(&environment(&more)).expect("settings");
    assert_eq!(settings.actions, ["CREATE", "UPDATE"]);
    assert_eq!(settings.modules, ["DevopsEssentials", "XYZ"]);
    assert!(
        settings.warnings[0].contains("FILTER_MODULES"),
        "{:?}",
        settings.warnings
    );
}

/// Defects 18 and 24 of the Lambda: bad settings are accepted, a blank filter collects everything.
#[test]
fn all_mistakes_are_told_at_once() {
    let found = mistakes(&[
        ("FILTER_MODULES", " , "),
        ("FILTER_ACTIONS", ""),
        ("PAGE_SIZE", "0"),
        ("START_MINUTES_BACK", "-5"),
        ("MAX_RETRIES", "three"),
        ("S3_PREFIX", "/"),
        ("STATE_PREFIX", "a/../b"),
        ("STATE_KEY", "./state.json"),
        ("STATIC_FILTER", "EXCLUDE_ALL"),
        ("OUTPUT_SHAPE", "xml"),
    ]);
    for name in [
        "FILTER_MODULES",
        "FILTER_ACTIONS",
        "PAGE_SIZE",
        "START_MINUTES_BACK",
        "MAX_RETRIES",
        "S3_PREFIX",
        "STATE_PREFIX",
        "STATE_KEY",
    ] {
        assert!(found.contains(&format!("`{name}`")), "{name} in {found}");
    }
    assert!(
        found.contains("expected one of api, streaming, udm at `OUTPUT_SHAPE`, but found \"xml\"")
    );
    assert!(found.contains("`STATIC_FILTER`, but found \"EXCLUDE_ALL\""));
}

#[test]
fn what_is_missing_is_told_by_name() {
    let found = from_environment(&BTreeMap::new()).expect_err("mistakes");
    assert_eq!(found.len(), 3, "{found:?}");
}

/// Defect 12 of the Lambda: its state is ingested as a log.
#[test]
fn the_state_is_never_inside_the_feeds_prefix() {
    assert!(mistakes(&[("STATE_PREFIX", "harness/audit/state")]).contains("outside `S3_PREFIX`"));
    assert_eq!(mistakes(&[("STATE_PREFIX", "harness/audits")]), "");
}

/// Defect 36 of the Lambda: the key goes to any host, also without TLS.
#[test]
fn the_key_goes_over_https_or_to_this_machine() {
    for base in [
        "http://app.harness.io",
        "https://",
        "https://a@b",
        "https://h/?x",
        "ftp://h",
        "app.harness.io",
    ] {
        assert!(
            mistakes(&[("HARNESS_API_BASE", base)]).contains("HARNESS_API_BASE"),
            "{base}"
        );
    }
    for base in [
        "http://127.0.0.1:8080",
        "http://localhost",
        "https://h/gateway",
    ] {
        assert_eq!(mistakes(&[("HARNESS_API_BASE", base)]), "", "{base}");
    }
}

#[test]
fn a_token_of_another_account_is_refused_and_never_quoted() {
    let found = mistakes(&[("HARNESS_API_KEY", "sat.other.id.hidden")]);
    assert!(
        found.contains("another account") && !found.contains("hidden"),
        "{found}"
    );
    let broken = mistakes(&[("HARNESS_API_KEY", "sat.acc.id.hid\nden")]);
    assert!(
        broken.contains("line breaks") && !broken.contains("hid"),
        "{broken}"
    );
    let settings = from_environment(&environment(&[])).expect("settings");
    assert!(!format!("{settings:?}").contains("secret"));
}

#[test]
fn both_static_filters_can_be_asked_for() {
    let more = [(
        "STATIC_FILTER",
        "EXCLUDE_LOGIN_EVENTS, EXCLUDE_SYSTEM_EVENTS",
    )];
    let settings = from_environment(&environment(&more)).expect("settings");
    assert!(settings.exclude_logins && settings.exclude_system);
}

fn from_text(text: &str) -> Result<Settings, Vec<String>> {
    let table = DeTable::parse(text).expect("TOML");
    let variables = [("key".to_owned(), "sat.acc.i.hidden".to_owned())].into();
    let file = File::new(text, &variables);
    let mut section = Section::new(&file, "collect.h", 0, table.get_ref());
    let settings = from_section("h", &mut section);
    section.finish();
    let problems = file.problems().into_iter().map(|it| it.message);
    match problems.collect::<Vec<_>>() {
        problems if problems.is_empty() => Ok(settings),
        problems => Err(problems),
    }
}

#[test]
fn a_table_says_the_same_in_lower_case_and_knows_its_keys() {
    let text = "harness_account_id = 'acc'\nharness_api_key = '{key}'\noutput_shape = 'udm'\npage_size = 70\n\
                filter_actions = ['CREATE', 'UPDATE']\ngzip = true\n";
    let settings = from_text(text).expect("settings");
    assert_eq!((settings.page_size, settings.actions.len()), (70, 2));
    assert_eq!(settings.name, "h");
    assert_eq!((settings.shape, settings.gzip), (Shape::Udm, true));
    assert_eq!(settings.api_key.0, "sat.acc.i.hidden");
    let found =
        from_text("page_sizes = 7\npage_size = 1.5\nmax_retries = -1\nharness_api_key = '{key}'\n");
    let found = found.expect_err("mistakes").join("\n");
    for expected in [
        "\"page_sizes\"",
        "expected a text at `collect.h.page_size`",
        "expected a whole number from 0 to 20 at `collect.h.max_retries`, but found \"-1\"",
        "expected `harness_account_id` in `collect.h`, but found none",
        "expected `output_shape` in `collect.h`, but found none",
    ] {
        assert!(found.contains(expected), "{expected} in {found}");
    }
    assert!(!found.contains("hidden"));
}

#[test]
fn every_name_of_a_table_is_that_of_the_environment_in_lower_case() {
    for (name, key) in NAMES {
        assert_eq!(name.to_ascii_lowercase(), *key);
    }
}

/// An S3 feed of the account reads the prefix that is set, and must not find UDM there.
#[test]
fn udm_has_a_prefix_of_its_own_and_the_state_stays_where_it_is() {
    let settings = from_environment(&environment(&[("OUTPUT_SHAPE", "udm")])).expect("settings");
    assert_eq!(settings.prefix, "harness/audit-udm");
    assert_eq!(settings.state_prefix, "harness/audit-state");
}

#[test]
fn namespace_and_labels_are_said_as_in_a_feed_or_as_in_an_environment() {
    let own = "harness_account_id = 'acc'\nharness_api_key = '{key}'\noutput_shape = 'udm'\n";
    let labels = |settings: &Settings| settings.labels.clone();
    let expected = [("source", "harness"), ("team", "a=b")];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let variables = [
        ("ASSET_NAMESPACE", "audit"),
        ("INGESTION_LABELS", " team=a=b, source = harness,"),
    ];
    let settings = from_environment(&environment(&variables)).expect("settings");
    assert_eq!(
        (labels(&settings), settings.namespace.as_str()),
        (expected.to_vec(), "audit")
    );
    let as_feed = "namespace = 'audit'\nlabels = { team = 'a=b', source = 'harness' }\n";
    let settings = from_text(&format!("{own}{as_feed}")).expect("settings");
    assert_eq!(
        (labels(&settings), settings.namespace.as_str()),
        (expected.to_vec(), "audit")
    );
    let both = from_text(&format!("{own}{as_feed}asset_namespace = 'audit'\n"));
    assert_eq!(
        both.expect_err("a mistake"),
        [
            "expected only one of this and `asset_namespace` at `collect.h.namespace`, but found both"
        ]
    );
    for wrong in ["source", "=harness", "a=b,c"] {
        let found = mistakes(&[("INGESTION_LABELS", wrong)]);
        assert!(
            found.starts_with("expected NAME=VALUE, parted by commas, at `INGESTION_LABELS`"),
            "{found}"
        );
    }
}
