//! What holds for this source's tables alone; `row/tests.rs` has what holds for every source's.

use std::collections::BTreeSet;

use super::objects::{OBJECTS, STORED_CONTENT};
use super::rows::ROWS;
use super::values as v;
use crate::row::tests::plain_target;
use crate::row::{Logic, Row};
use crate::{Options, explain, normalize};

/// Entries that are in force and want no row, and what follows them instead.
const WITHOUT_ROW: [(&str, &str); 3] = [
    ("L1", "row 95 chooses the event type"),
    ("L21", "`rescue` finds JSON in text"),
    ("L29", "`envelope` and `scan` know the patterns of JSON"),
];

/// Entries whose row writes another field than the entry says, and why.
const ELSEWHERE: [(&str, &str); 1] = [(
    "L31",
    "a topic is an entry of `additional` first, C18 makes it the resource's id",
)];

#[test]
fn every_entry_of_the_change_log_that_is_in_force_has_a_row() {
    let entries = change_log();
    assert_eq!(entries.len(), 61);
    for (number, [entry, _, raw, udm, _, state]) in (1..).zip(&entries) {
        assert_eq!(*entry, format!("L{number}"));
        let rows: Vec<&Row> = ROWS.iter().filter(|row| row.number == *entry).collect();
        let without_row = WITHOUT_ROW.iter().any(|(known, _)| known == entry);
        if !state.starts_with("in force") || without_row {
            assert!(rows.is_empty(), "{entry} is {state}");
            for later in state.split(' ').filter(|it| it.starts_with('L')) {
                assert!(
                    entries.iter().any(|it| it[0] == later),
                    "{entry} is {state}"
                );
            }
            continue;
        }
        let elsewhere = ELSEWHERE.iter().any(|(known, _)| known == entry);
        for row in &rows {
            let is_there = plain_target(row.udm) == *udm;
            assert_ne!(is_there, elsewhere, "{entry} writes {}", row.udm);
        }
        for raw in raw.split("; ").map(plain_key) {
            let is_raw = |row: &&Row| plain_key(row.raw) == raw;
            // The weather has rows of its own in the published table.
            let row = rows.iter().copied().find(is_raw);
            let published = || {
                ROWS.iter()
                    .find(|row| is_raw(row) && state.contains("rows "))
            };
            let row = row.or_else(published);
            assert!(row.is_some(), "{entry} has no row for {raw}");
        }
    }
}

#[test]
fn entries_that_repeat_a_row_name_one_with_the_same_fields() {
    for [entry, _, raw, udm, _, state] in change_log() {
        let Some(number) = state.strip_prefix("row ") else {
            continue;
        };
        let rows = ROWS.iter().filter(|row| row.number == number);
        let mut rows = rows.filter(|row| raw == "N/A" || plain_key(row.raw) == plain_key(raw));
        let plain = |row: &Row| plain_target(row.udm);
        // Rows 99 and 101 compute their value, and the log field is an input.
        let computed = ROWS
            .iter()
            .filter(|row| row.number == number && row.raw == "N/A");
        let computed = computed.filter(|row| match row.logic {
            Logic::With(_, inputs, _) => inputs.contains(&raw),
            _ => false,
        });
        let found = rows.any(|row| plain(row) == udm) || computed.map(plain).any(|it| it == udm);
        assert!(found, "{entry} is no {state}");
    }
}

#[test]
fn every_number_is_a_row_an_entry_or_a_decision() {
    for row in ROWS {
        let (kind, number) = match row.number.split_at(1) {
            ("L", number) => (61, number),
            ("C", number) => (30, number),
            _ => (104, row.number),
        };
        let number: u32 = number.parse().unwrap();
        assert!((1..=kind).contains(&number), "{}", row.number);
    }
}

#[test]
fn no_vocabulary_key_appears_twice() {
    fn check<'a>(name: &str, keys: impl IntoIterator<Item = &'a str>) {
        let mut seen = BTreeSet::new();
        for key in keys {
            assert!(seen.insert(key), "{name}: {key} stands twice");
        }
    }
    check("objects", OBJECTS.iter().map(|it| it.prefix));
    check("stored content", STORED_CONTENT);
    check("fields of the resource", v::RESOURCE.iter().copied());
    check("fields of the object", v::OBJECT.iter().copied());
    check("fields of the event type", v::EVENT_TYPE.iter().copied());
    check("shared keys", super::SOURCE.shared_keys.iter().copied());
    let actions = include_str!("actions.tsv").lines();
    let actions = actions.filter(|line| !line.starts_with('#')).skip(1);
    check(
        "actions",
        actions.filter_map(|line| line.split('\t').next()),
    );
}

#[test]
fn every_field_of_the_object_is_read_by_one() {
    let named = OBJECTS.iter().flat_map(|it| it.ids.iter().chain(&it.names));
    let named: BTreeSet<usize> = named.copied().collect();
    // Before them stand the action and the ids and names of the published rows.
    for (at, path) in v::OBJECT.iter().enumerate().skip(10) {
        assert!(named.contains(&at), "no object reads {path}");
    }
}

#[test]
fn keys_that_other_sources_share_are_keys_of_rows() {
    for key in super::SOURCE.shared_keys {
        assert!(ROWS.iter().any(|row| row.raw == *key), "no row reads {key}");
    }
}

#[test]
fn a_key_of_data_without_a_row_is_kept_by_row_13() {
    let log =
        br#"{"ActionId":"A.B","Timestamp":"2024-06-07T14:00:00Z","Data":{"Other":"x"},"More":"y"}"#;
    let options = Options {
        log_type: "AZURE_DEVOPS".to_owned(),
        ..Options::default()
    };
    assert_eq!(normalize(log, &options).unwrap().log_indexes, [0]);
    for (field, row) in [
        ("additional[\"Data.Other\"]", "13"),
        ("additional[\"More\"]", "C29"),
    ] {
        let told = explain(log, &options, None).unwrap();
        let told = told.iter().find(|it| it.path == field).unwrap();
        assert_eq!(told.row, row, "{field}");
    }
}

/// The lines of `changelog.tsv`: entry, date, log field, UDM field, change, state.
fn change_log() -> Vec<[&'static str; 6]> {
    let lines = include_str!("changelog.tsv").lines();
    let lines = lines.filter(|line| !line.starts_with('#')).skip(1);
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            cells
                .try_into()
                .unwrap_or_else(|it| panic!("expected six cells, but found {it:?}"))
        })
        .collect()
}

/// A log field without the names of the parser's own variables around it, in lower case: the change log writes
/// `category.details` and `identity.claims.xms.tcdt` for what stands in logs as `Category` and `xms_tcdt`.
fn plain_key(raw: &str) -> String {
    let raw = raw
        .strip_prefix("rec.")
        .or(raw.strip_prefix("res."))
        .unwrap_or(raw);
    let raw = raw.strip_prefix("data.").unwrap_or(raw);
    let raw = raw.strip_prefix("Data.").unwrap_or(raw);
    raw.replace('_', ".").to_lowercase()
}
