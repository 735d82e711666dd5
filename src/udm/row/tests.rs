//! What holds for the table of every source: a new source has these tests by being in `SOURCES`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::*;
use crate::fields::{FIELDS, Kind};
use crate::goldens_support::{options, sources};
use crate::plan::{Plans, split_target};
use crate::schema;
use crate::{Batch, Options, Reader, SOURCES, Source};

/// Published rows from which a table parts knowingly: the source, the row, and why.
const DIFFERENCES: [(&str, &str, &str); 4] = [
    ("AZURE_DEVOPS", "4", "the page gives the label no key"),
    (
        "AZURE_DEVOPS",
        "13",
        "the page says `various` and means the rows that follow",
    ),
    (
        "AZURE_DEVOPS",
        "59",
        "the page does not rank its three sources of a user id",
    ),
    (
        "AZURE_DEVOPS",
        "60",
        "the page prints `Data.Timestamp` for the record's own `Timestamp`",
    ),
];

/// Rows that no golden can show, by their index among the rows of their number: the source, the row, and why.
const NOT_SHOWN: [(&str, &str, &str); 2] = [
    (
        "AZURE_DEVOPS",
        "13",
        "without it the row for all other keys keeps the same values under the same paths",
    ),
    (
        "HARNESS_IO",
        "7",
        "it is not applied, and others read its raw field",
    ),
];

#[test]
fn rows_follow_the_published_table() {
    for source in SOURCES {
        let published = published(source);
        let ours = numbered(source);
        let numbers = |rows: &[(String, Vec<&Row>)]| -> Vec<String> {
            rows.iter().map(|(number, _)| number.clone()).collect()
        };
        let expected: Vec<String> = published.iter().map(|it| it[0].clone()).collect();
        assert_eq!(numbers(&ours), expected, "the rows of {}", source.log_type);
        let first_of_ours = source.rows.iter().position(|it| !is_published(it));
        let published_behind = source.rows.iter().rposition(is_published);
        assert!(
            first_of_ours > published_behind,
            "published rows come first"
        );

        let mut parted = BTreeSet::new();
        for (published, (number, rows)) in published.iter().zip(&ours) {
            let complaints = differences(published, rows);
            if is_known(&DIFFERENCES, source, number) {
                parted.insert(number.as_str());
                assert_ne!(complaints, [""; 0], "row {number} is as published");
            } else {
                assert_eq!(complaints, [""; 0], "row {number}");
            }
        }
        let known = DIFFERENCES.iter().filter(|it| it.0 == source.log_type);
        assert_eq!(known.count(), parted.len());
    }
}

#[test]
fn no_row_stands_twice() {
    for source in SOURCES {
        let mut seen = BTreeSet::new();
        for row in source.rows.iter().filter(|it| it.raw != "N/A") {
            assert!(
                seen.insert((row.raw, row.udm, row.logic.words())),
                "{} to {}",
                row.raw,
                row.udm
            );
        }
    }
}

/// What a function sees whole is JSON, which no other row may take for a text.
#[test]
fn what_one_row_reads_whole_no_other_row_reads() {
    for source in SOURCES {
        let is_list = |row: &Row| {
            let (path, key) = split_target(row.udm);
            let kind = FIELDS.iter().find(|field| field.0 == path);
            let kind = kind.map(|field| field.1);
            kind == Some(Kind::Messages) || kind == Some(Kind::Labels) && key.is_empty()
        };
        for whole in source.rows.iter().filter(|row| is_list(row)) {
            let reads = |row: &&Row| match row.logic {
                _ if row.raw == "N/A" || whole.raw == "N/A" => false,
                logic => row.raw == whole.raw || logic.fields().contains(&whole.raw),
            };
            let readers = source.rows.iter().filter(reads).count();
            assert!(readers <= 1, "{} is read by {readers} rows", whole.raw);
        }
    }
}

#[test]
fn rows_write_known_fields() {
    let is_applied = |row: &&Row| !matches!(row.logic, Logic::Skip(_));
    for source in SOURCES {
        for row in source.rows.iter().filter(is_applied) {
            let (path, key) = split_target(row.udm);
            let kind = FIELDS.iter().find(|field| field.0 == path);
            let kind = kind
                .unwrap_or_else(|| panic!("row {}: {path} is no field", row.number))
                .1;
            let has_keys = matches!(kind, Kind::Labels | Kind::Fields);
            let is_rest = matches!(row.logic, Logic::Rest);
            let is_list = kind == Kind::Labels && matches!(row.logic, Logic::With(..));
            assert_eq!(
                has_keys && !is_rest && !(is_list && key.is_empty()),
                !key.is_empty(),
                "row {}: {}",
                row.number,
                row.udm
            );
            assert!(!is_rest || kind == Kind::Fields, "row {}", row.number);
            let elements = matches!(row.logic, Logic::Each);
            let takes_elements = matches!(kind, Kind::Labels | Kind::PerElement);
            assert!(!elements || takes_elements, "row {}", row.number);
            if let (Logic::Const(text), Some(values)) = (row.logic, values_of(path)) {
                assert!(values.contains(&text), "row {}: {text}", row.number);
            }
        }
    }
}

#[test]
fn what_rows_look_at_is_there() {
    for source in SOURCES {
        let is_target = |path: &str| source.rows.iter().any(|row| row.udm == path);
        for row in source.rows {
            for path in row.logic.fields() {
                let is_field = FIELDS.iter().any(|it| it.0 == split_target(path).0);
                assert!(!is_field || is_target(path), "row {}: {path}", row.number);
                let expected = condition(path).map(|it| it.1);
                let is_word = |text| word(text) == text;
                assert!(expected.is_none_or(is_word), "row {}: {path}", row.number);
            }
        }
    }
}

/// What they make is there before the other rows apply.
#[test]
fn rows_of_words_are_the_first_of_their_fields() {
    for source in SOURCES {
        let is_word = |row: &&Row| matches!(row.logic, Logic::Word(..));
        for row in source.rows.iter().filter(is_word) {
            let first = source.rows.iter().find(|other| other.udm == row.udm);
            assert_eq!(first.unwrap().raw, row.raw, "row {}", row.number);
        }
    }
}

#[test]
fn words_are_compared_in_capitals_and_without_blanks() {
    for (text, expected) in [
        ("CREATE", "CREATE"),
        (" create\t", "CREATE"),
        ("login2fa", "LOGIN2FA"),
        ("", ""),
    ] {
        assert_eq!(word(text), expected, "{text}");
    }
}

#[test]
fn fields_hold_what_the_schema_says() {
    let mut seen = BTreeSet::new();
    for (path, kind) in FIELDS {
        assert!(seen.insert(path), "{path} stands twice");
        let plain = plain_path(path);
        let field = schema::field(&plain).unwrap_or_else(|| panic!("{plain} is not in the schema"));
        let is_text = matches!(
            field.kind,
            schema::Kind::String | schema::Kind::Enum(_) | schema::Kind::Timestamp
        );
        let fits = match kind {
            Kind::Text | Kind::PerElement => is_text && !field.repeated,
            Kind::AtMost(_) => field.kind == schema::Kind::String && !field.repeated,
            Kind::Texts => is_text && field.repeated,
            Kind::Labels => field.kind == schema::Kind::Message("Label") && field.repeated,
            Kind::Fields => field.kind == schema::Kind::Struct,
            Kind::Message => matches!(field.kind, schema::Kind::Message(_)) && !field.repeated,
            Kind::Messages => matches!(field.kind, schema::Kind::Message(_)) && field.repeated,
        };
        assert!(fits, "{path} is {field:?}");
        let mut so_far = String::new();
        let (parents, _) = path.rsplit_once('.').unwrap_or_default();
        let parents = parents.split('.').filter(|it| !it.is_empty());
        for segment in parents.filter(|_| *kind != Kind::Fields) {
            so_far.push_str(segment.split('[').next().unwrap());
            let parent = schema::field(&so_far).unwrap();
            assert_eq!(
                parent.repeated,
                segment.ends_with(']'),
                "{path} at {so_far}"
            );
            so_far.push('.');
        }
    }
}

#[test]
fn every_field_has_a_row_that_writes_it() {
    let from_options = [
        "metadata.ingestion_labels",
        "principal.namespace",
        "target.namespace",
    ];
    let rows = SOURCES.iter().flat_map(|source| source.rows);
    let rows = rows.filter(|row| !matches!(row.logic, Logic::Skip(_)));
    let written: BTreeSet<&str> = rows.map(|row| split_target(row.udm).0).collect();
    for (path, _) in FIELDS
        .iter()
        .filter(|field| !from_options.contains(&field.0))
    {
        assert!(written.contains(path), "{path}");
    }
}

#[test]
fn every_row_is_exercised_by_a_golden() {
    for (log_type, folder) in sources() {
        let source = crate::source(&log_type).unwrap();
        let cases = corpus::cases(&folder, "raw");
        let cases: Vec<(Options, Vec<u8>, Batch)> = cases
            .into_iter()
            .map(|case| {
                let options = options(&log_type, &case.options);
                let answer = Reader::with(source, &options).unwrap().normalize(&case.raw);
                (options, case.raw, answer)
            })
            .collect();
        let mut unseen = Vec::new();
        let mut order: Vec<usize> = (0..cases.len()).collect();
        for index in 0..source.rows.len() {
            let without = without(source, index);
            let shows = |case: &usize| {
                let (options, raw, answer) = &cases[*case];
                Reader::with(without, options).unwrap().normalize(raw) != *answer
            };
            // A golden that shows one row is likely to show the next one, and is asked first.
            match order.iter().position(shows) {
                Some(at) => {
                    let case = order.remove(at);
                    order.insert(0, case);
                }
                None => unseen.push((source.rows[index].number, source.rows[index].udm)),
            }
        }
        unseen.retain(|(number, _)| !is_known(&NOT_SHOWN, source, number));
        assert_eq!(
            unseen,
            [("", ""); 0],
            "rows of {log_type} that no golden shows"
        );
    }
}

/// A source's published rows: number, log field, UDM field, logic.
fn published(source: &Source) -> Vec<[String; 4]> {
    let folder = source.log_type.to_lowercase();
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join(folder)
        .join("published.tsv");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let lines = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    lines
        .map(|line| {
            let cells: Vec<String> = line.split('\t').map(str::to_owned).collect();
            cells
                .try_into()
                .unwrap_or_else(|it| panic!("expected four cells, but found {it:?}"))
        })
        .collect()
}

/// The rows that are numbered as the page's are; those that follow each other under one number together.
fn numbered(source: &'static Source) -> Vec<(String, Vec<&'static Row>)> {
    let rows: Vec<&Row> = source.rows.iter().filter(|it| is_published(it)).collect();
    let groups = rows.chunk_by(|one, other| one.number == other.number);
    groups
        .map(|rows| (rows[0].number.to_owned(), rows.to_vec()))
        .collect()
}

/// A G marks the rows that Google publishes, where not all are Google's.
fn is_published(row: &Row) -> bool {
    let number = row.number.strip_suffix('G').unwrap_or(row.number);
    number.bytes().all(|byte| byte.is_ascii_digit())
}

/// In what our rows differ from the published one.
fn differences(published: &[String; 4], rows: &[&Row]) -> Vec<String> {
    let [_, raw, udm, logic] = published;
    let mut complaints = Vec::new();
    let raws = once_each(rows.iter().map(|row| row.raw.to_owned()));
    if raws.join("; ") != *raw {
        complaints.push(format!("expected the log field {raw}, but found {raws:?}"));
    }
    let paths = once_each(rows.iter().map(|row| plain_target(row.udm)));
    if paths.join("; ") != *udm {
        complaints.push(format!("expected the UDM field {udm}, but found {paths:?}"));
    }
    for row in rows {
        let (_, key) = split_target(row.udm);
        let is_element = row.udm.contains("].");
        if !key.is_empty() && !is_element && !logic.contains(&format!("\"{key}\"")) {
            complaints.push(format!("expected a key of {logic:?}, but found {key:?}"));
        }
        let mut words = match row.logic {
            Logic::Const(text) => vec![text],
            Logic::If(fields) | Logic::Unless(fields) => fields.to_vec(),
            _ => Vec::new(),
        };
        // Of what other rows have set, a page says nothing.
        words.retain(|it| FIELDS.iter().all(|field| field.0 != split_target(it).0));
        words.retain(|it| match condition(it) {
            Some((_, word)) => !logic.to_uppercase().contains(word),
            None => !logic.contains(it.rsplit('.').next().unwrap()),
        });
        if !words.is_empty() {
            complaints.push(format!("expected words of {logic:?}, but found {words:?}"));
        }
    }
    complaints
}

fn once_each(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut each: Vec<String> = Vec::new();
    for text in texts {
        if !each.contains(&text) {
            each.push(text);
        }
    }
    each
}

fn is_known(list: &[(&str, &str, &str)], source: &Source, number: &str) -> bool {
    list.iter()
        .any(|(log_type, row, _)| *log_type == source.log_type && *row == number)
}

/// A table's UDM column as pages print it: without keys, element names and `[]`.
pub(crate) fn plain_target(udm: &str) -> String {
    let mut plain = String::new();
    for segment in udm.split_inclusive(['[', ']']) {
        match segment.strip_suffix('[') {
            Some(text) => plain.push_str(text),
            None if segment.ends_with(']') => {}
            None => plain.push_str(segment),
        }
    }
    plain
}

/// A path of `FIELDS` as the schema has it.
fn plain_path(path: &str) -> String {
    match plain_target(path) {
        it if it == "additional.fields" => "additional".to_owned(),
        it => it,
    }
}

/// The values of a field that is an enum.
fn values_of(path: &str) -> Option<Vec<&'static str>> {
    let schema::Kind::Enum(name) = schema::field(&plain_path(path))?.kind else {
        return None;
    };
    let values = &schema::schema().values(name)?.values;
    Some(values.iter().map(|value| value.0).collect())
}

/// The source without one of its rows.
fn without(source: &Source, index: usize) -> &'static Source {
    let mut rows = source.rows.to_vec();
    rows.remove(index);
    Box::leak(Box::new(Source {
        rows: Box::leak(rows.into_boxed_slice()),
        plans: Plans::new(),
        ..*source
    }))
}
