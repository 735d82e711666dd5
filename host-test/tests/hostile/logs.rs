//! Hostile payloads.

use host_test::project;
use udmill::Stream;

use super::{COMPONENT, GOOD, LOG, MIB, PUSH, Sum, escape, fill, long, options, read, record};

#[test]
fn nesting_without_end_is_one_log_or_a_few() {
    let mut transform = COMPONENT.instantiate().unwrap();
    let deep = |depth: usize| record(&format!("\"x\":{}{}", "[".repeat(depth), "]".repeat(depth)));
    for (name, payload, events) in [
        ("99 levels", deep(99), 1),
        ("200 levels", deep(200), 0),
        ("brackets", fill("[", PUSH), 0),
        ("objects", fill("{\"a\":", LOG), 0),
        ("records", fill("{\"records\":[", LOG), 0),
        ("lists and records", fill("[{\"records\":[", LOG), 0),
        ("empty records", fill("{\"records\":[]}", LOG), 0),
        ("values", fill("{\"value\":", LOG), 0),
        (
            "lists of lists",
            format!("[[{}{{}}]]", fill("[{}],", LOG - 8)),
            0,
        ),
        (
            "events of events",
            fill("{\"eventType\":\"a\",\"data\":", LOG),
            0,
        ),
        ("lines that open", fill("[[\n", LOG), 0),
        ("lines of keys", fill("{\"a\":\n", LOG), 0),
        (
            "lines that open a list",
            format!("[{}", fill("{x\n", LOG / 4)),
            0,
        ),
        ("indented lines", fill(" {x\n", LOG), 0),
        (
            "levels in lines",
            fill(&format!("{}\n", "[".repeat(150)), LOG),
            0,
        ),
    ] {
        let sum = read(&mut transform, name, &[payload.as_bytes()], None);
        assert_eq!(sum.events, events, "{name}");
    }
}

#[test]
fn texts_that_mean_something_else_cost_no_more_than_texts() {
    let mut transform = COMPONENT.instantiate().unwrap();
    // Each text holds the next one, and may be JSON from eight places on.
    let mut texts = "y".repeat(3 * MIB);
    for _ in 0..4 {
        texts = format!("{}\"{}\"]", r#"["a",x"#.repeat(8), escape(&texts));
    }
    let text_in_texts = (0..9).fold(GOOD.to_owned(), |text, _| {
        format!(r#"{{"eventType":"a","data":"{}"}}"#, escape(&text))
    });
    for (name, payload) in [
        ("quotes", fill("\"", LOG)),
        ("backslashes", fill("\\", LOG)),
        ("texts in texts", format!("x {texts}")),
        ("a text in a text", fill(&format!("{text_in_texts}\n"), MIB)),
        ("brackets and quotes", format!("x {}", fill("[\"", LOG - 9))),
        ("braces and quotes", format!("x {}", fill("{\"", LOG - 9))),
        ("an escaped key", format!("x {{{}\"a", fill("\\", LOG - 9))),
        (
            "escaped keys",
            format!("x {}", fill(r#"{\\\\\\\"a"#, LOG - 9)),
        ),
        (
            "a number",
            record(&format!("\"x\":-{}", fill("9", LOG - 99))),
        ),
        ("backslashes in a text", long("x", "\\\\")),
        ("stray escapes", long("x", "\\d")),
        ("unpaired surrogates", long("x", "\\ud800")),
        ("control characters", long("x", "\\u0001")),
        ("no time", long("eventTime", "2")),
        ("no address", long("IpAddress", "[")),
        ("an agent", long("UserAgent", "a/1 (;")),
        (
            "a mechanism",
            long("AuthenticationMechanism", " authorizationId:"),
        ),
        ("an outcome", long("Details", "failed ")),
        (
            "base64",
            long("data_base64", "A").replace("ActionId", "specversion"),
        ),
    ] {
        read(&mut transform, name, &[payload.as_bytes()], None);
    }
}

#[test]
fn keys_by_the_hundred_thousand_are_one_event() {
    let mut transform = COMPONENT.instantiate().unwrap();
    let keys = |start: &str| -> String {
        let keys = (0..100_000).map(|number| format!("\"{start}{number}\":{number},"));
        format!("{}\"last\":1", keys.collect::<String>())
    };
    let few: String = (0..198).map(|number| format!("\"k{number}\":1,")).collect();
    let again = |member: &str| format!("{}\"last\":1", fill(member, LOG - 9_999));
    let data = |members: &str| format!("\"Data\":{{{members}}}");
    let updates = |elements: &str| data(&format!("\"Updates\":[{elements}{{}}]"));
    let ids = r#"{"GroupId":1},"#;
    let ids_again = format!("{}{{{}}},", ids.repeat(600), again(r#""GroupId":{},"#));
    for (name, members) in [
        ("keys", keys("key")),
        ("keys with dots", keys("a.b[0].")),
        ("keys of `Data`", data(&keys("key"))),
        ("a long key", format!("\"{}\":1", fill("k", LOG - 99))),
        ("a key again", again("\"x\":1,")),
        ("a named key again", again("\"ActionId\":\"b\",")),
        (
            "`Data` again",
            again("\"Data\":{\"Updates\":[{\"GroupId\":1}]},"),
        ),
        (
            "an empty `Data` again",
            few.clone() + &again("\"Data\":{},"),
        ),
        ("`data` again", again("\"data\":{},")),
        ("`records` again", again("\"records\":{},")),
        ("a key that gave much", few + &again("\"k1\":\"\",")),
        (
            "scopes",
            data(&format!("\"Scopes\":[{}1]", fill("1,", LOG - 99))),
        ),
        ("ids", updates(&fill(ids, LOG - 99))),
        ("ids again", updates(&ids_again)),
        (
            "objects for ids",
            updates(&fill(r#"{"GroupId":{}},"#, LOG - 99)),
        ),
    ] {
        let sum = read(&mut transform, name, &[record(&members).as_bytes()], None);
        assert_eq!((sum.logs, sum.events), (1, 1), "{name}");
    }
}

#[test]
fn keys_that_are_ours_stay_the_senders() {
    let mut transform = COMPONENT.instantiate().unwrap();
    let members = r#""@records":1,"@envelope":{"a":1},"additional":{"fields":{"Reason":3}},"Reason":"a",
        "metadata":{"event_type":"x"},"Data":{"Reason":"b","@records":"c"},"record.Reason":"d",
        "Reason#2":"f","event_timestamp":"g","log_type":"h","Data.Reason":"e","\u0052eason":"i",
        "a.b":1,"a":{"b":2,"b":3},"":4,".":5,"[0]":6,"huge":1e400,"tiny":-0.0e-999"#;
    let log = record(members);
    read(&mut transform, "keys of ours", &[log.as_bytes()], None);
    let batch = transform
        .normalize(log.as_bytes(), &options(None))
        .unwrap()
        .unwrap();
    assert_eq!(batch.log_indexes, [0]);
    assert_eq!(transform.validate(&batch.events).unwrap(), []);
}

#[test]
fn bytes_that_are_no_text_cost_their_log_only() {
    let mut transform = COMPONENT.instantiate().unwrap();
    let good = GOOD.as_bytes();
    let surrogate = b"\xed\xa0\x80";
    for bad in [
        &b"\xff"[..],
        b"\xc3",
        b"\xf0\x9f\x98",
        surrogate,
        b"\0",
        b"\x1b",
    ] {
        let name = bad.escape_ascii().to_string();
        for position in 0..good.len() {
            let (start, end) = good.split_at(position);
            read(&mut transform, &name, &[start, bad, end], None);
        }
        let text = record("\"x\":\"BAD\"");
        let (start, end) = text.split_once("BAD").unwrap();
        let log = [start.as_bytes(), bad, end.as_bytes()].concat();
        for (before, between, after) in [
            (&b""[..], &b"\n"[..], &b"\n"[..]),
            (b"[", b",", b"]"),
            (b"{\"records\":[", b",\n", b"]}"),
        ] {
            let payload = [before, good, between, &log, between, good, after];
            let sum = read(&mut transform, &name, &payload, None);
            assert_eq!((sum.events, sum.rejected), (2, 1), "{name}");
        }
        for payload in [
            bad.repeat(LOG / bad.len()),
            [bad, b"\n"].concat().repeat(100_000),
        ] {
            read(&mut transform, &name, &[&payload], None);
        }
    }
}

#[test]
fn a_sample_that_is_cut_anywhere_costs_itself_only() {
    let mut transform = COMPONENT.instantiate().unwrap();
    let folder = project("src/udm/azure_devops/golden");
    let samples = corpus::cases(&folder, "raw");
    for name in [
        "google_secops_eventgrid_object",
        "constructed_syslog_wrapped",
        "constructed_rest_page",
    ] {
        let sample = samples.iter().find(|it| it.name == name).unwrap();
        for end in 0..sample.raw.len() {
            let cut = &sample.raw[..end];
            let payload = [cut, b"\n", GOOD.as_bytes(), b"\n"].concat();
            let batch = transform
                .normalize(&payload, &options(None))
                .unwrap()
                .unwrap();
            let mut sum = Sum::default();
            sum.add(name, &batch);
            let last = batch.logs.len() as u32 - 1;
            assert!(batch.log_indexes.ends_with(&[last]), "{name} cut at {end}");
            read(&mut transform, name, &[cut], None);
        }
    }
}

#[test]
fn a_log_of_sixty_four_megabytes_is_skipped_as_it_streams() {
    let mut transform = COMPONENT.instantiate().unwrap();
    for (name, start, filler, end) in [
        ("a text", "{\"a\":\"", "x", "\"}"),
        ("escapes", "{\"a\":\"", "\\\"", "\"}"),
        ("space", "{\"a\":", " ", "1}"),
        ("numbers", "{\"a\":[", "1,", "1]}"),
        ("objects", "{\"a\":[", "{\"b\":[]},", "1]}"),
        ("a line", "", "x [\" ", ""),
    ] {
        let filler = fill(filler, PUSH);
        let mut pieces = vec![start.as_bytes()];
        pieces.extend([filler.as_bytes(); 8]);
        let rest = format!("{end}\n{GOOD}\n");
        pieces.push(rest.as_bytes());
        let sum = read(&mut transform, name, &pieces, None);
        assert_eq!((sum.logs, sum.events), (2, 1), "{name}");
    }
}

#[test]
fn delimiters_that_almost_come_cost_no_more_than_bytes() {
    let mut transform = COMPONENT.instantiate().unwrap();
    let long = format!("{}b", "a".repeat(63));
    for (name, delimiter, payload) in [
        ("nothing but delimiters", "|||", fill("|", PUSH)),
        ("nothing but commas", ",", fill(",", PUSH)),
        ("almost delimiters", "|||", fill("||.", LOG)),
        ("a long one, almost", &long, fill("a", LOG)),
        ("broken pieces", "|||", fill("{\"a\":|||", MIB)),
        (
            "delimiters in texts",
            "|||",
            fill(&format!("{}|||", record("\"x\":\"|||\"")), MIB),
        ),
    ] {
        read(&mut transform, name, &[payload.as_bytes()], Some(delimiter));
    }
    let lines = fill(&format!("{GOOD}\n"), MIB);
    let sum = read(&mut transform, "lines", &[lines.as_bytes()], Some("\n"));
    assert_eq!((sum.logs, sum.events), (MIB / 52, MIB / 52));
}

/// An answer may need fifty times the memory of what was asked: for a push of such logs there is not enough.
#[test]
fn answers_larger_than_memory_are_had_in_parts() {
    let with_paths = record(&format!("\"{}\":[{}1]", "k".repeat(150), "1,".repeat(199)));
    for (name, log, delimiter, gives_event) in [
        ("numbers", "1\n", None, false),
        ("empty objects", "{}\n", None, false),
        ("objects in a row", "{}", None, false),
        ("broken lines", "{\n", None, false),
        ("pieces", "1,", Some(","), false),
        ("small logs", &format!("{GOOD}\n"), None, true),
        ("long paths", &format!("{with_paths}\n"), None, true),
    ] {
        let payload = fill(log, PUSH);
        let count = PUSH / log.len();
        let mut stream = Stream::new(&COMPONENT, options(delimiter));
        let mut sum = Sum::default();
        for batch in stream.push(payload.as_bytes()).unwrap() {
            sum.add(name, &batch);
        }
        for batch in stream.finish().unwrap() {
            sum.add(name, &batch);
        }
        let expected = if gives_event { (count, 0) } else { (0, count) };
        assert_eq!((sum.events, sum.rejected), expected, "{name}");
        assert_eq!((sum.logs, sum.failed), (count, 0), "{name}");
    }
}
