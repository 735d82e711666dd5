//! What `explain` tells, put together, is the event: for every golden of every source.

mod goldens_support;

use goldens_support::{options, sources};
use serde_json::{Value, json};
use udm::{Derivation, FieldNames, Options, explain, normalize};

#[test]
fn the_derivations_of_a_log_give_its_event() {
    for (log_type, folder) in sources() {
        for case in corpus::cases(&folder, "raw") {
            let field_names = FieldNames::Proto;
            let options = Options {
                field_names,
                ..options(&log_type, &case.options)
            };
            let events = normalize(&case.raw, &options).unwrap().events;
            let events: Vec<Value> = events
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
                .map(|line| serde_json::from_slice(line).unwrap())
                .collect();
            let told = explain(&case.raw, &options, None).unwrap();
            assert_eq!(put_together(&told), events, "{}", case.name);
        }
    }
}

/// Events from derivations: the first path of all, and a path that comes again, begin the next event.
fn put_together(told: &[Derivation]) -> Vec<Value> {
    let mut events: Vec<(Vec<&str>, Value)> = Vec::new();
    for derivation in told.iter().filter(|it| !it.path.is_empty()) {
        let path = derivation.path.as_str();
        let is_first = path == "metadata.product_log_id";
        if events
            .last()
            .is_none_or(|(paths, _)| is_first || paths.contains(&path))
        {
            events.push((Vec::new(), json!({})));
        }
        let (paths, event) = events.last_mut().unwrap();
        paths.push(path);
        let value = derivation.value.clone().unwrap();
        *place(event, path) = match path.ends_with(".rbac_enabled") {
            true => json!(value == "true"),
            false => json!(value),
        };
    }
    events.into_iter().map(|(_, event)| event).collect()
}

fn place<'a>(event: &'a mut Value, path: &str) -> &'a mut Value {
    let mut place = event;
    let mut rest = path;
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if let Some(quoted) = rest.strip_prefix("[\"") {
            return &mut place[quoted.strip_suffix("\"]").unwrap()];
        }
        if let Some(indexed) = rest.strip_prefix('[') {
            let (index, after) = indexed.split_once(']').unwrap();
            let index: usize = index.parse().unwrap();
            if place.is_null() {
                *place = json!([]);
            }
            let elements = place.as_array_mut().unwrap();
            if elements.len() == index {
                elements.push(Value::Null);
            }
            place = &mut elements[index];
            rest = after;
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (key, after) = rest.split_at(end);
            place = &mut place[key];
            rest = after;
        }
    }
    place
}

const MEMBERSHIP: &str = r#"{"ActionId":"Group.UpdateGroupMembership.Add","Timestamp":"2024-01-01T00:00:00Z",
    "ActorUPN":"a@b.example","Data":{"Updates":[{"GroupId":"G","MemberId":"M"}],"MemberId":"m"}}"#;

fn explain_membership(field: &str) -> Vec<Derivation> {
    let options = Options {
        log_type: "AZURE_DEVOPS".to_owned(),
        ..Options::default()
    };
    explain(MEMBERSHIP.as_bytes(), &options, Some(field)).unwrap()
}

#[test]
fn a_field_names_its_row_and_the_place_in_the_log() {
    let told = explain_membership("target.user.userid");
    let set = told.iter().find(|it| it.value.is_some()).unwrap();
    assert_eq!(set.value.as_deref(), Some("M"));
    assert_eq!(set.raw_path.as_deref(), Some("Data.Updates[0].MemberId"));
    assert_eq!((set.row.as_str(), set.logic.as_str()), ("63", "copy"));
}

#[test]
fn a_field_names_the_rows_that_missed_it_and_why() {
    let told = explain_membership("target.user.userid");
    let missed: Vec<(&str, &str)> = told
        .iter()
        .filter_map(|it| Some((it.row.as_str(), it.missed.as_deref()?)))
        .collect();
    assert_eq!(
        missed,
        [("36", "row 63 has set it"), ("59", "row 63 has set it")]
    );
    let told = explain_membership("target.resource.name");
    let missed: Vec<(&str, &str)> = told
        .iter()
        .filter_map(|it| Some((it.row.as_str(), it.missed.as_deref()?)))
        .collect();
    assert_eq!(missed[0], ("16", "`Data.AgentName` is absent"));
}

#[test]
fn a_row_that_is_not_applied_says_why() {
    let options = Options {
        log_type: "HARNESS_IO".to_owned(),
        ..Options::default()
    };
    let log = br#"{"auditId":"a","timestamp":1675985245280}"#;
    let told = explain(log, &options, Some("metadata.urlBackToProduct")).unwrap();
    let [told] = told.as_slice() else {
        panic!("expected one row, but found {told:?}");
    };
    assert_eq!((told.row.as_str(), told.value.as_deref()), ("7", None));
    assert!(told.logic.starts_with("not applied: "), "{}", told.logic);
}

#[test]
fn both_spellings_of_a_field_are_understood() {
    assert_eq!(
        explain_membership("principal.user.emailAddresses"),
        explain_membership("principal.user.email_addresses")
    );
}

#[test]
fn a_field_that_no_row_sets_is_refused_by_name() {
    let options = Options {
        log_type: "AZURE_DEVOPS".to_owned(),
        ..Options::default()
    };
    let refused = explain(MEMBERSHIP.as_bytes(), &options, Some("target.process")).unwrap_err();
    let expected =
        "expected a UDM path that a row of AZURE_DEVOPS sets, but found `target.process`";
    assert_eq!(refused.to_string(), expected);
}

#[test]
fn a_log_without_an_event_tells_why() {
    let options = Options {
        log_type: "AZURE_DEVOPS".to_owned(),
        ..Options::default()
    };
    let told = explain(b"{\"a\":1}", &options, None).unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0].missed.as_deref(),
        Some("expected keys of AZURE_DEVOPS logs, but found none")
    );
}
