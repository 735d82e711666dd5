//! JSON inside a line of text: behind a syslog header, in quotes and escaped, in a value that was encoded twice.
//!
//! Google's parser tries such lines with grok and mends them with gsub (its change of 2024-01-09). Here the first bracket
//! that a key, an element or another bracket follows begins the JSON, and the backslashes before the key's quote tell how
//! often it was escaped.

use std::borrow::Cow;

use crate::json;

/// How many places of a line are tried.
const MAX_CANDIDATES: usize = 8;

/// The JSON that a line may hold, unescaped, most likely one first. Text may follow it.
pub fn candidates(line: &str) -> impl Iterator<Item = Cow<'_, str>> {
    starts(line).take(MAX_CANDIDATES).filter_map(|start| {
        let mut json = Cow::Borrowed(line.get(start.at..)?);
        // One escaping makes `"` to `\"`, the next one `\\\"`: backslashes are doubled, and one is added.
        let mut left = start.backslashes;
        while left > 0 {
            json = Cow::Owned(unescape_to_quote(&json));
            left /= 2;
        }
        Some(json)
    })
}

/// A bracket, perhaps more brackets, and a quote with the backslashes before it.
struct Start {
    at: usize,
    backslashes: usize,
}

fn starts(line: &str) -> impl Iterator<Item = Start> {
    let mut rest = line.as_bytes();
    std::iter::from_fn(move || {
        loop {
            let bracket = rest.iter().position(|byte| matches!(byte, b'{' | b'['))?;
            let at = line.len() - rest.len() + bracket;
            let quoted = after(rest.get(bracket..)?, |byte| {
                matches!(byte, b'{' | b'[' | b' ' | b'\t')
            });
            rest = after(quoted, |byte| byte == b'\\');
            if rest.first() == Some(&b'"') {
                let backslashes = quoted.len() - rest.len();
                return Some(Start { at, backslashes });
            }
        }
    })
}

/// What follows the bytes of a kind.
fn after(bytes: &[u8], is_one: impl Fn(u8) -> bool) -> &[u8] {
    let other = bytes.iter().position(|byte| !is_one(*byte));
    bytes
        .get(other.unwrap_or(bytes.len())..)
        .unwrap_or_default()
}

/// The text of a string's content that ends at the first quote without a backslash.
fn unescape_to_quote(text: &str) -> String {
    let mut escaped = false;
    let end = text.bytes().position(|byte| {
        let is_end = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        is_end
    });
    json::unescape(text.get(..end.unwrap_or(text.len())).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::candidates;

    fn first(line: &str) -> Option<String> {
        candidates(line).next().map(|json| json.into_owned())
    }

    #[test]
    fn json_is_found_behind_text_and_before_it() {
        assert_eq!(
            first(r#"<134>Jun  6 host app[7]: {"a":1} end"#).unwrap(),
            r#"{"a":1} end"#
        );
        assert_eq!(first(r#"[INFO] [{"a":1}]"#).unwrap(), r#"[{"a":1}]"#);
    }

    #[test]
    fn json_that_was_escaped_is_unescaped_as_often() {
        let once = r#"msg="{\"a\":\"x\\\"y\"}" k=v"#;
        assert_eq!(first(once).unwrap(), r#"{"a":"x\"y"}"#);
        let twice = r#"msg="\"{\\\"a\\\":\\\"x\\\"}\"" k=v"#;
        assert_eq!(first(twice).unwrap(), r#"{"a":"x"}"#);
    }

    #[test]
    fn a_line_without_json_has_no_candidates() {
        for line in ["", "plain", "{", "[1,2]", "{a: 1}", "\"quoted\""] {
            assert_eq!(first(line), None, "{line}");
        }
    }
}
