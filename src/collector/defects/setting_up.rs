//! What is set up: rights, prefixes, settings and secrets.

use std::collections::BTreeMap;

use harness::Fault;
use serde_json::{Value, json};

use crate::feed::marker;
use crate::testing::{EPOCH, MINUTE, mistakes, settings};
use crate::tests::{STATE, balance, good, small, world};
use crate::{Action, Plan, Reply, Step};

const COLLECTOR: &str = include_str!("../../../deploy/aws/collector-policy.json");
const TAKEOVER: &str = include_str!("../../../deploy/aws/collector-takeover-policy.json");
const NEVER: &str = include_str!("../../../deploy/aws/reader-never-policy.json");
const ON_SUCCESS: &str = include_str!("../../../deploy/aws/reader-on-success-policy.json");
const MARKER: &str = include_str!("../../../deploy/aws/reader-marker-policy.json");
const TEMPLATE: &str = include_str!("../../../deploy/aws/template.yaml");

/// What a policy allows: an action and a resource each.
fn allowed(policy: &str) -> Vec<(String, String)> {
    let policy: Value = serde_json::from_str(policy).expect("a policy is JSON");
    assert_eq!(policy["Version"], "2012-10-17");
    let list = |value: &Value| -> Vec<String> {
        let items = value
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec![value.clone()]);
        items
            .iter()
            .map(|it| it.as_str().expect("a text").to_owned())
            .collect()
    };
    let mut out = Vec::new();
    for statement in policy["Statement"].as_array().expect("statements") {
        assert_eq!(statement["Effect"], "Allow");
        for action in list(&statement["Action"]) {
            for resource in list(&statement["Resource"]) {
                let resource = resource.strip_prefix("arn:aws:s3:::harness-io-logs");
                let resource = resource.expect("the bucket").to_owned();
                out.push((action.clone(), resource));
            }
        }
    }
    out
}

/// Whether a policy lets somebody do something with an object.
fn lets(policy: &str, action: &str, key: &str) -> bool {
    let key = format!("/{key}");
    allowed(policy).iter().any(|(allowed, resource)| {
        allowed == action
            && match resource.strip_suffix('*') {
                Some(start) => key.starts_with(start),
                None => key == *resource,
            }
    })
}

/// The prefixes that a policy lets somebody list.
fn listed(policy: &str) -> Vec<String> {
    let policy: Value = serde_json::from_str(policy).expect("JSON");
    let statements = policy["Statement"].as_array().expect("statements").iter();
    let listing = statements.filter(|it| it["Action"] == "s3:ListBucket");
    let prefixes = listing.flat_map(|it| {
        let conditions = it["Condition"].as_object().expect("a condition").values();
        conditions
            .map(|it| it["s3:prefix"].clone())
            .collect::<Vec<_>>()
    });
    let prefixes = prefixes.flat_map(|it| it.as_array().cloned().unwrap_or_else(|| vec![it]));
    prefixes
        .map(|it| it.as_str().expect("a text").to_owned())
        .collect()
}

/// Every object that a run of the collector reads, writes and deletes is allowed to it.
#[test]
fn the_collectors_policies_are_enough_for_a_run() {
    let mut world = world();
    let since = EPOCH + 100 * MINUTE;
    world.store.put(
        "harness/audit/state.json",
        &json!({"since": since}).to_string(),
    );
    let mut used = BTreeMap::new();
    for policies in [&[COLLECTOR, TAKEOVER][..], &[COLLECTOR]] {
        let settings = settings(&[
            ("WINDOW_PAGES", "2"),
            ("PAGE_SIZE", "5"),
            ("OUTPUT_SHAPE", "streaming"),
        ]);
        let mut run = world.start(&settings, Plan::Live, 600_000);
        let mut reply = None;
        while let Step::Do(action) = run.step(reply.take(), world.now()) {
            let (rights, key) = match &action {
                Action::Read(key) => (&["s3:GetObject"][..], key.clone()),
                Action::Write(write) => (&["s3:PutObject"][..], write.key.clone()),
                Action::Delete(key) => (&["s3:DeleteObject"][..], key.clone()),
                Action::Claim(prefix) => {
                    (&["s3:GetObject", "s3:PutObject"][..], marker::key(prefix))
                }
                Action::Send(..) | Action::Wait(_) => (&[][..], String::new()),
            };
            for right in rights {
                *used.entry(key.clone()).or_insert(0) += 1;
                assert!(
                    policies.iter().any(|it| lets(it, right, &key)),
                    "{right} {key}"
                );
            }
            reply = Some(world.perform(action));
        }
        world.pass(60);
    }
    assert_eq!(used["harness/.udmill-consumer-audit.json"], 4);
    assert!(used.values().sum::<u32>() > 30, "{used:?}");
    assert!(TEMPLATE.contains(":s3:::${BucketName}/*.udmill-consumer-*.json"));
}

/// Defect 11: the first run cannot work with the documented policy: without `s3:ListBucket`, a state that is not
/// there is answered 403.
#[test]
fn the_collector_may_list_its_state_and_takes_403_for_no_first_run() {
    assert!(
        listed(COLLECTOR)
            .iter()
            .any(|it| it == "harness/audit-state/*")
    );
    let mut world = world();
    let mut run = world.start(&small(), Plan::Live, 600_000);
    let outcome = world.finish_with(&mut run, |it| match it {
        Action::Read(_) => Some(Reply::Denied("403 AccessDenied".into())),
        _ => None,
    });
    let error = outcome.error.expect("an error").to_string();
    assert!(error.contains(STATE) && error.contains("403"), "{error}");
    assert!(world.store.objects.is_empty());
}

/// Defect 12: the state lies inside the feed's prefix, is ingested as a log, and may be deleted after it.
#[test]
fn the_state_lies_outside_what_a_feed_may_read_and_the_lambdas_is_moved_there() {
    for reader in [NEVER, ON_SUCCESS] {
        assert!(lets(
            reader,
            "s3:GetObject",
            "harness/audit/2026/01/01/x.jsonl"
        ));
        for (action, resource) in allowed(reader) {
            assert!(!resource.starts_with("/harness/audit-state"), "{action}");
        }
        assert!(!lets(reader, "s3:GetObject", STATE));
    }
    assert!(mistakes(&[("STATE_PREFIX", "harness/audit/state")]).contains("outside `S3_PREFIX`"));
    let mut world = world();
    let since = EPOCH + 100 * MINUTE;
    let state = format!("{{\"since\": {since}, \"pageToken\": \"eyJ0cyI6/+==\"}}");
    world.store.put("harness/audit/state.json", &state);
    let outcome = good(&mut world, &small());
    assert!(outcome.summary.warnings.join("").contains("Lambda"));
    assert!(!world.store.objects.contains_key("harness/audit/state.json"));
    assert_eq!(
        world.store.text("harness/audit-state/lambda-state.json"),
        state
    );
    assert_eq!(balance(&mut world, 40..117), (0, 0));
}

/// Defect 13: the deletion option "On success" is documented, and the reader's policy has no `s3:DeleteObject`.
#[test]
fn each_deletion_option_has_its_policy() {
    let object = "harness/audit/2026/01/01/x.jsonl";
    assert!(lets(ON_SUCCESS, "s3:DeleteObject", object));
    assert!(!lets(NEVER, "s3:DeleteObject", object));
    for reader in [NEVER, ON_SUCCESS] {
        assert_eq!(listed(reader), ["harness/audit/*"]);
        assert!(!allowed(reader).iter().any(|(it, _)| it == "s3:PutObject"));
    }
}

/// Defect 18: a filter of blanks is no filter, though the log says that it applies; values are not checked.
#[test]
fn a_filter_of_blanks_is_a_mistake_and_a_value_is_checked() {
    for blank in ["", " ", ",", " , ,"] {
        for name in ["FILTER_MODULES", "FILTER_ACTIONS", "STATIC_FILTER"] {
            assert!(
                mistakes(&[(name, blank)]).contains(name),
                "{name} {blank:?}"
            );
        }
    }
    let more = [
        ("FILTER_ACTIONS", " create, UPDATE ,,CREATE"),
        ("FILTER_MODULES", "cd,xyz"),
    ];
    let settings = settings(&more);
    assert_eq!(
        (settings.actions, settings.modules[0].as_str()),
        (vec!["CREATE".into(), "UPDATE".into()], "CD")
    );
    assert!(
        settings.warnings.join("").contains("\"xyz\""),
        "{:?}",
        settings.warnings
    );
}

/// Defect 24: bad settings are accepted, or crash without saying which.
#[test]
fn bad_settings_are_all_told_at_once_by_name() {
    let bad = [
        ("PAGE_SIZE", "0"),
        ("START_MINUTES_BACK", "-5"),
        ("MAX_RETRIES", "three"),
        ("S3_PREFIX", "/"),
        ("HARNESS_API_BASE", "app.harness.io"),
        ("HARNESS_ACCOUNT_ID", ""),
    ];
    let found = mistakes(&bad);
    for (name, _) in bad {
        assert!(found.contains(&format!("`{name}`")), "{name} in {found}");
    }
    assert_eq!(found.lines().count(), bad.len(), "{found}");
}

/// Defect 25: prefix and state drift apart: another prefix leaves the state, and the rights to it, where they were.
#[test]
fn the_state_follows_the_prefix_in_the_settings_and_in_the_template() {
    let settings = settings(&[("S3_PREFIX", "eu/harness")]);
    assert_eq!(
        (settings.prefix.as_str(), settings.state_prefix.as_str()),
        ("eu/harness", "eu/harness-state")
    );
    // The rights for that prefix do not reach to where a Lambda would have its state by default.
    let mut world = world();
    let mut run = world.start(&settings, Plan::Live, 600_000);
    let outcome = world.finish_with(&mut run, |it| match it {
        Action::Read(key) if !key.starts_with("eu/harness") => Some(Reply::Denied("403".into())),
        _ => None,
    });
    assert_eq!(outcome.error, None);
    let warnings = outcome.summary.warnings.join("\n");
    assert!(warnings.contains("`harness/audit/state.json`") && warnings.contains("`STATE_KEY`"));
    for folder in ["state", "udm", "udm-rejected"] {
        let key = format!("harness/audit-{folder}/x.jsonl");
        assert!(lets(COLLECTOR, "s3:GetObject", &key) && lets(COLLECTOR, "s3:PutObject", &key));
        assert!(TEMPLATE.contains(&format!(":s3:::${{BucketName}}/${{Prefix}}-{folder}/*")));
    }
    assert!(TEMPLATE.contains("S3_PREFIX: !Ref Prefix"));
    assert!(!TEMPLATE.contains("harness/audit/") && !TEMPLATE.contains("harness/audit-state"));
}

/// Defect 26: secrets lie open: the key in a plain variable, an unused user with full access, a state and errors that
/// are logged whole.
#[test]
fn no_secret_is_shown_and_no_right_is_given_that_nobody_needs() {
    const ECHO: &str =
        "{\"status\":\"ERROR\",\"code\":\"X\",\"message\":\"bad key sat.acc.id.secret\"}";
    let mut world = world();
    let settings = small();
    let mut run = world.start(&settings, Plan::Live, 600_000);
    let (mut said, mut reply) = (format!("{settings:?}"), None);
    let outcome = loop {
        match run.step(reply.take(), world.now()) {
            Step::Done(outcome) => break outcome,
            Step::Do(action) => {
                said += &format!("{action:?}");
                if let Action::Write(write) = &action {
                    said += &String::from_utf8_lossy(&write.body);
                }
                reply = Some(world.perform(action));
            }
        }
    };
    said += &outcome.to_json(&settings).to_string();
    world.pass(60);
    for fault in [
        Fault::Status(401, ECHO),
        Fault::Status(500, "<pre>x-api-key: sat.acc.id.secret</pre>"),
    ] {
        world.server.faults = vec![fault; 9].into();
        said += &world.run(&settings).to_json(&settings).to_string();
    }
    assert!(said.contains("bad key [key]") && !said.contains("id.secret"));
    for policy in [COLLECTOR, TAKEOVER, NEVER, ON_SUCCESS, MARKER] {
        for (action, resource) in allowed(policy) {
            let is_bucket = ["s3:ListBucket", "s3:GetBucketLocation"].contains(&action.as_str());
            assert!(
                !action.contains('*') && is_bucket == resource.is_empty(),
                "{action} {resource}"
            );
            assert!(
                is_bucket || resource.starts_with("/harness/"),
                "{action} {resource}"
            );
        }
    }
    assert!(!TEMPLATE.contains("FullAccess") && !TEMPLATE.contains("HARNESS_API_KEY:"));
    assert!(TEMPLATE.contains("HARNESS_API_KEY_SECRET: !Ref KeySecret"));
}
