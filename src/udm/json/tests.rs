use std::borrow::Cow;

use super::repair::Repaired;
use super::*;

fn skip(text: &str) -> Result<usize, Flaw> {
    let mut cursor = Cursor::new(text);
    cursor.skip_value().map(|()| cursor.at)
}

#[test]
fn values_end_where_their_grammar_ends() {
    for text in [
        "{}",
        "[]",
        "[ ]",
        "{ \t\r\n}",
        r#"{"a":1}"#,
        r#"{ "a" : [ 1 , { } , "" ] , "b" : null }"#,
        r#""""#,
        r#""\"\\\/\b\f\n\r\t\u0000\u00e9\ud83d\uDE00""#,
        "\"é€😀\u{7f}\"",
        "null",
        "true",
        "false",
        "0",
        "-0",
        "10",
        "-1.50",
        "0.0e-10",
        "1E+400",
        "12345678901234567890123",
    ] {
        assert_eq!(skip(text), Ok(text.len()), "{text}");
        assert_eq!(skip(&format!("{text} {{")), Ok(text.len()), "{text}");
    }
}

#[test]
fn a_text_that_ends_too_early_is_incomplete() {
    let whole = r#"{"a":[1.5e3,{"b":"\u00e9\ud83d\ude00"},null,true,-2.0]}"#;
    for end in 0..whole.len() {
        assert_eq!(
            skip(&whole[..end]),
            Err(Flaw::Incomplete),
            "{}",
            &whole[..end]
        );
    }
}

#[test]
fn flaws_name_their_byte() {
    for (text, at, expected) in [
        ("{a:1}", 1, "a key in double quotes"),
        ("{,}", 1, "a key in double quotes"),
        (r#"{"a":1,}"#, 7, "a key in double quotes"),
        (r#"{"a" 1}"#, 5, "`:`"),
        (r#"{"a":}"#, 5, "a JSON value"),
        (r#"{"a":1]"#, 6, "`,` or `}`"),
        (r#"{"a":1 "b":2}"#, 7, "`,` or `}`"),
        ("[1}", 2, "`,` or `]`"),
        ("[,]", 1, "a JSON value"),
        ("[1,]", 3, "a JSON value"),
        ("[nul]", 4, "a JSON value"),
        ("[True]", 1, "a JSON value"),
        ("[NaN]", 1, "a JSON value"),
        ("[+1]", 1, "a JSON value"),
        ("[.5]", 1, "a JSON value"),
        ("[01]", 2, "`,` or `]`"),
        ("[-]", 2, "a digit"),
        ("[1.]", 3, "a digit"),
        ("[1e]", 3, "a digit"),
        ("[1e+]", 4, "a digit"),
        ("['a']", 1, "a JSON value"),
        ("[\u{feff}1]", 1, "a JSON value"),
    ] {
        assert_eq!(skip(text), Err(Flaw::Unexpected { at, expected }), "{text}");
    }
    for control in (0..0x20).map(char::from) {
        let text = format!("\"ab{control}\"");
        assert!(
            matches!(skip(&text), Err(Flaw::Unexpected { at: 3, .. })),
            "{text:?}"
        );
    }
    for escape in [
        r"\a", r"\'", r"\x41", r"\u12", r"\u00g0", r"\U0041", "\\\n", "\\é",
    ] {
        assert_eq!(
            skip(&format!("\"{escape}  \"")),
            Err(Flaw::Escape { at: 1 }),
            "{escape}"
        );
    }
    for lone in [
        r"\ud83d",
        r"\ude00",
        r"\ud83d\n",
        r"\ud83d\u0041",
        r"\ud83d\ud83d",
        r"\ud83dx",
    ] {
        assert_eq!(
            skip(&format!("\"{lone}\"")),
            Err(Flaw::Escape { at: 1 }),
            "{lone}"
        );
    }
}

#[test]
fn a_lenient_cursor_only_overlooks_escapes() {
    let lenient = |text: &str| {
        let mut cursor = Cursor::lenient(text);
        cursor.skip_value().map(|()| cursor.at)
    };
    for text in [
        r#""\a\'\x41\u12\u00g0""#,
        r#""\ud83d\ude00\ud83d""#,
        r#"{"\q":"\é"}"#,
        r#""\d\"\\""#,
    ] {
        assert_eq!(lenient(text), Ok(text.len()), "{text}");
        let repaired = repair(text).text;
        assert_eq!(skip(&repaired), Ok(repaired.len()), "{repaired}");
    }
    for text in ["\"\\\n\"", "\"\\q\n\"", "{\"\\q\"}", "[\"\\q\"}"] {
        assert!(
            matches!(lenient(text), Err(Flaw::Unexpected { .. })),
            "{text}"
        );
    }
    for text in [r#""\q"#, r#""\"#, r#""\u12"#, r#"{"a":"\q""#] {
        assert_eq!(lenient(text), Err(Flaw::Incomplete), "{text}");
    }
}

#[test]
fn strings_end_at_their_quote_wherever_it_stands() {
    for length in 0..40 {
        for special in ['"', '\\', '\n'] {
            let plain = "x".repeat(length);
            let text = format!("\"{plain}{special}\"é tail that is longer than any word");
            let found = Cursor::new(&text).string();
            match special {
                '"' => {
                    let (end, escaped) = (length as u32 + 1, false);
                    assert_eq!(
                        found,
                        Ok(Piece {
                            start: 1,
                            end,
                            escaped
                        })
                    );
                }
                '\\' => assert!(found.is_err() || found.unwrap().escaped),
                _ => assert!(matches!(found, Err(Flaw::Unexpected { at, .. }) if at == length + 1)),
            }
        }
    }
}

#[test]
fn nesting_has_its_limit_and_is_counted_by_brackets_that_are_open() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let most = MAX_DEPTH as usize;
    assert_eq!(skip(&nested(most)), Ok(2 * most));
    assert_eq!(skip(&nested(most + 1)), Err(Flaw::TooDeep { at: most }));
    assert_eq!(skip(&nested(100_000)), Err(Flaw::TooDeep { at: most }));
    let wide = format!("[{}[]]", "[[]],{},".repeat(1_000));
    assert_eq!(skip(&wide), Ok(wide.len()));
}

#[test]
fn flaws_read_as_sentences() {
    for (text, sentence) in [
        ("{", "expected more JSON, but found the end of the log"),
        ("[1}", "expected `,` or `]` at byte 2, but found `}`"),
        (
            "{\"a\"\n\n",
            "expected more JSON, but found the end of the log",
        ),
        (
            "[\"\n\"]",
            concat!(
                "expected a character other than a raw control character in a string at byte 2, ",
                "but found a line end"
            ),
        ),
        (
            "[\"\\q\"]",
            "expected a JSON escape at byte 2, but found `\\q\"]`",
        ),
        (
            "[éèéèéèéèéèéèéèéèéèéèéèéè]",
            "expected a JSON value at byte 1, but found `éèéèéèéèéèéèéèéèéèéè…`",
        ),
    ] {
        assert_eq!(skip(text).unwrap_err().describe(text), sentence);
    }
    let deep = "[".repeat(101);
    let sentence = "expected at most 100 levels of nesting, but found more at byte 100";
    assert_eq!(skip(&deep).unwrap_err().describe(&deep), sentence);
    // What is described may have been cut behind the log.
    let flaw = Flaw::Unexpected {
        at: 2,
        expected: "`:`",
    };
    assert_eq!(
        flaw.describe("ab"),
        "expected `:` at byte 2, but found the end of the log"
    );
}

#[test]
fn texts_are_cut_short_between_characters() {
    assert_eq!(cut_short("äöü", 3), "äöü");
    assert_eq!(cut_short("äöü", 2), "äö…");
    assert_eq!(cut_short("", 0), "");
}

#[test]
fn escapes_stand_for_characters() {
    for (content, text) in [
        ("plain", "plain"),
        (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r"\u0041\u00e9\u20AC\ud83d\ude00\u0000", "Aé€😀\0"),
        (r"a\u0041b\\u0041", r"aAb\u0041"),
        // What no cursor accepts is kept, or replaced where it cannot be.
        (r"\q\u12\", r"\q\u12\"),
        (r"\ud83d \ude00 \ud83dA", "\u{fffd} \u{fffd} \u{fffd}A"),
    ] {
        assert_eq!(unescape(content), text, "{content}");
    }
    assert!(matches!(unescape("plain"), Cow::Borrowed(_)));
}

#[test]
fn every_character_comes_back_from_a_string() {
    let mut all: String = (0..0x300).filter_map(char::from_u32).collect();
    all.push_str("€😀\u{fffd}\u{10ffff}");
    for start in 0..20 {
        let text = format!("{}{all}", "x".repeat(start));
        let mut content = Vec::new();
        push_escaped(&mut content, &text);
        let content = String::from_utf8(content).unwrap();
        assert_eq!(skip(&format!("\"{content}\"")), Ok(content.len() + 2));
        assert_eq!(unescape(&content), text);
    }
}

#[test]
fn only_what_is_wrong_in_strings_is_repaired() {
    let check = |text: &str, repaired: &str, stray_escapes, lone_surrogates| {
        let expected = Repaired {
            text: repaired.to_owned(),
            stray_escapes,
            lone_surrogates,
        };
        assert_eq!(repair(text), expected);
    };
    check(r#"{"a":"b\n"}"#, r#"{"a":"b\n"}"#, 0, 0);
    check(r#"{"a":"C:\x\\y\"\q"}"#, r#"{"a":"C:\\x\\y\"\\q"}"#, 2, 0);
    check(r#"{"\q":"\u12"}"#, r#"{"\\q":"\\u12"}"#, 2, 0);
    check(
        r#"["\ud83d","\ude00","\ud83d\ude00"]"#,
        r#"["\ufffd","\ufffd","\ud83d\ude00"]"#,
        0,
        2,
    );
    check(r#"["\ud83d\q"]"#, r#"["\ufffd\\q"]"#, 1, 1);
    // Outside of strings a backslash is no escape, and behind the log nothing is ours.
    check(r#"{"a":1} \q "#, r#"{"a":1} \q "#, 0, 0);
    check(r#"["\q"#, r#"["\\q"#, 1, 0);
    check(r#"["\"#, r#"["\"#, 0, 0);
}
