//! Contents of JSON strings: escapes read, and written.

use std::borrow::Cow;

use super::{Flaw, plain_bytes};

/// The text that a string's content stands for. Escapes that JSON does not know are kept as they are; an unpaired
/// surrogate becomes U+FFFD. Neither occurs in a content that a [`Cursor`](super::Cursor) accepted.
pub fn unescape(content: &str) -> Cow<'_, str> {
    if !content.contains('\\') {
        return Cow::Borrowed(content);
    }
    let mut text = String::with_capacity(content.len());
    let mut rest = content;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut chars = escaped.chars();
        let plain = match chars.next() {
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some(same @ ('"' | '\\' | '/')) => same,
            Some('u') => {
                let (character, length) = unicode_escape(escaped.as_bytes());
                text.push_str(&character.map_or_else(|| "\\u".to_owned(), String::from));
                rest = escaped.get(length..).unwrap_or_default();
                continue;
            }
            Some(_) | None => {
                text.push('\\');
                rest = escaped;
                continue;
            }
        };
        text.push(plain);
        rest = chars.as_str();
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// Appends a text as the content of a JSON string.
pub fn push_escaped(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    loop {
        let plain = plain_bytes(rest);
        out.extend_from_slice(rest.get(..plain).unwrap_or_default());
        rest = rest.get(plain..).unwrap_or_default();
        let Some((byte, after)) = rest.split_first() else {
            return;
        };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            other => out.extend_from_slice(format!("\\u{other:04x}").as_bytes()),
        }
        rest = after;
    }
}

/// The length of the escape at `at`.
pub(super) fn escape(bytes: &[u8], at: usize) -> Result<usize, Flaw> {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(2),
        Some(b'u') => match hex4(bytes, at + 2) {
            Ok(0xD800..0xDC00) => match (bytes.get(at + 6), bytes.get(at + 7)) {
                (Some(b'\\'), Some(b'u')) => match hex4(bytes, at + 8) {
                    Ok(0xDC00..0xE000) => Ok(12),
                    Err(Flaw::Incomplete) => Err(Flaw::Incomplete),
                    _ => Err(Flaw::Escape { at }),
                },
                (None, _) | (Some(b'\\'), None) => Err(Flaw::Incomplete),
                _ => Err(Flaw::Escape { at }),
            },
            Ok(0xDC00..0xE000) => Err(Flaw::Escape { at }),
            Ok(_) => Ok(6),
            Err(Flaw::Incomplete) => Err(Flaw::Incomplete),
            Err(_) => Err(Flaw::Escape { at }),
        },
        Some(_) => Err(Flaw::Escape { at }),
        None => Err(Flaw::Incomplete),
    }
}

/// The value of the four hexadecimal digits at `at`.
pub(super) fn hex4(bytes: &[u8], at: usize) -> Result<u32, Flaw> {
    let mut value = 0;
    for at in at..at + 4 {
        let digit = bytes.get(at).ok_or(Flaw::Incomplete)?;
        let digit = (*digit as char).to_digit(16).ok_or(Flaw::Escape { at })?;
        value = value * 16 + digit;
    }
    Ok(value)
}

/// The character of the escape whose `u` comes first, and how many bytes after the backslash it takes.
fn unicode_escape(bytes: &[u8]) -> (Option<char>, usize) {
    match hex4(bytes, 1) {
        Ok(high @ 0xD800..0xDC00) => match (bytes.get(5), bytes.get(6), hex4(bytes, 7)) {
            (Some(b'\\'), Some(b'u'), Ok(low @ 0xDC00..0xE000)) => (
                char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)),
                11,
            ),
            _ => (Some(char::REPLACEMENT_CHARACTER), 5),
        },
        Ok(value) => (
            Some(char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER)),
            5,
        ),
        Err(_) => (None, 1),
    }
}
