//! A reader is used for many payloads: what it remembers of one never shows in another.

use udm::{FieldNames, Label, Options, Reader, normalize};

/// Fields that a log may have or not, by the bits of a number: far more shapes than a reader remembers.
const FIELDS: [&str; 10] = [
    r#""Area":"Git""#,
    r#""Details":"some \"text\"""#,
    r#""Id":"1-2""#,
    r#""ProjectName":"FabrikamFiber""#,
    r#""ScopeId":"3-4""#,
    r#""IpAddress":"203.0.113.24""#,
    r#""UserAgent":"curl/8.4.0""#,
    r#""ActorUPN":"ana.bowman@fabrikam.example""#,
    r#""Data":{"RepoId":"5","Updates":[{"MemberId":"6"},{"MemberId":"7"}],"other":[1,"x"]}"#,
    r#""Unknown.Key":"8""#,
];

fn log(shape: usize) -> String {
    let present = FIELDS
        .iter()
        .enumerate()
        .filter(|(bit, _)| shape >> bit & 1 == 1);
    let more: String = present.map(|(_, field)| format!(",{field}")).collect();
    format!(r#"{{"ActionId":"Git.RepositoryCreated","Timestamp":"2024-06-07T14:00:00Z"{more}}}"#)
}

/// Every option in both ways, and the two sources.
fn options() -> Vec<Options> {
    let label = |key: &str| Label {
        key: key.to_owned(),
        value: "v".to_owned(),
        rbac_enabled: true,
    };
    let of = |log_type: &str, namespace: Option<&str>, labels: Vec<Label>, field_names| Options {
        log_type: log_type.to_owned(),
        namespace: namespace.map(str::to_owned),
        labels,
        field_names,
        ..Options::default()
    };
    let (camel, proto) = (FieldNames::LowerCamel, FieldNames::Proto);
    vec![
        of("AZURE_DEVOPS", None, vec![], camel),
        of("AZURE_DEVOPS", Some("one"), vec![], camel),
        of("AZURE_DEVOPS", Some("two"), vec![label("a")], camel),
        of("AZURE_DEVOPS", None, vec![label("b"), label("c")], proto),
        of("AZURE_DEVOPS", Some("one"), vec![], proto),
        of("HARNESS_IO", Some("one"), vec![label("a")], camel),
    ]
}

#[test]
fn more_shapes_than_are_remembered_give_the_events_of_a_new_reader() {
    let options = &options()[2];
    let mut reader = Reader::new(options).unwrap();
    let all = 1 << FIELDS.len();
    // Each shape comes again after others were forgotten for it.
    for shape in (0..all).chain((0..all).step_by(7)) {
        let log = log(shape);
        let alone = normalize(log.as_bytes(), options).unwrap();
        assert_eq!(alone.log_indexes.len(), 1, "{log}");
        assert_eq!(reader.normalize(log.as_bytes()), alone, "{log}");
    }
}

#[test]
fn readers_with_other_options_or_sources_take_nothing_over() {
    let all = options();
    let mut readers: Vec<Reader> = all.iter().map(|it| Reader::new(it).unwrap()).collect();
    let harness = r#"{"auditId":"1","action":"CREATE","timestamp":1717768800000,"resource":{"type":"PIPELINE"},
        "requestMetadata":{"clientIP":"203.0.113.24"}}"#;
    let shapes = (0..1 << FIELDS.len()).step_by(13).map(log);
    let mut seen = std::collections::BTreeSet::new();
    for log in shapes.chain([harness.to_owned()]) {
        for (reader, options) in readers.iter_mut().zip(&all) {
            let alone = normalize(log.as_bytes(), options).unwrap();
            assert_eq!(
                reader.normalize(log.as_bytes()),
                alone,
                "{options:?}: {log}"
            );
            seen.insert(alone.events);
        }
    }
    assert!(seen.len() > 5 * 70, "{}", seen.len());
}

#[test]
fn a_payload_reads_the_same_behind_any_other() {
    let options = &options()[2];
    let whole = format!("[{},{}]", log(1023), log(5));
    let expected = normalize(whole.as_bytes(), options).unwrap();
    let broken = log(0).replace('}', "");
    for before in [
        "[",
        "{\"records\":[",
        "{\"a\":{",
        "{\"cut",
        "\u{feff}",
        "text",
        "[1,{\"a\":",
        "[[[",
        "\\",
        "{\"value\":[],\"x\":",
        "{\"data\":",
        "\u{feff}[",
        broken.as_str(),
    ] {
        let mut reader = Reader::new(options).unwrap();
        reader.push(before.as_bytes());
        reader.finish();
        let mut found = reader.push(whole.as_bytes());
        let rest = reader.finish();
        assert_eq!(rest.logs, [], "{before}");
        for log in &mut found.logs {
            log.offset -= before.len() as u64;
        }
        assert_eq!(found, expected, "{before}");

        // Forgotten half-way.
        reader.push(before.as_bytes());
        reader.restart();
        assert_eq!(reader.push(whole.as_bytes()), expected, "{before}");
    }
}
