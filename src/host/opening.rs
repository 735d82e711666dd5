//! Where a payload's wrappers stand: what a fresh reader has to see before the rest of a payload.
//!
//! A trap takes the reader along, and with it that the logs were elements of `{"records": [`. The host keeps that text, cut
//! down to what is still open. It reads only what stands between logs, and only to go on after a trap: which wrappers
//! there are, and what is a log, remains the component's to say.

/// The openings of a payload's wrappers that are not closed yet.
#[derive(Clone, Default)]
pub(crate) struct Opening {
    text: Vec<u8>,
    /// Where in `text` the open brackets stand.
    open: Vec<usize>,
    quoted: Quoted,
}

/// No wrapper that a log source has is longer; what is, is none.
const MOST: usize = 16 << 10;

impl Opening {
    /// What to feed first: up to an open list, or nothing.
    pub(crate) fn text(&self) -> &[u8] {
        if self.text.ends_with(b"[") {
            &self.text
        } else {
            &[]
        }
    }

    /// Goes on by what stands between two logs, or before the first.
    pub(crate) fn walk(&mut self, between: &[u8]) {
        for &byte in between {
            if self.quoted.is_part(byte) {
                self.keep(byte);
                continue;
            }
            match byte {
                b'[' | b'{' => {
                    self.open.push(self.text.len());
                    self.text.push(byte);
                }
                b']' | b'}' => self.close(byte),
                // Commas between elements whose bytes were logs.
                b',' if self.text.ends_with(b"[") => {}
                byte if byte.is_ascii_whitespace() => {}
                byte => self.keep(byte),
            }
        }
        if self.text.len() > MOST {
            *self = Opening::default();
        }
    }

    /// What was opened last leaves an empty value behind in an object, and nothing in a list or outside.
    fn close(&mut self, byte: u8) {
        if let Some(at) = self.open.pop() {
            self.text.truncate(at);
            if let Some(&parent) = self.open.last()
                && self.text.get(parent) == Some(&b'{')
            {
                self.text.push(if byte == b']' { b'[' } else { b'{' });
                self.text.push(byte);
            }
        }
    }

    fn keep(&mut self, byte: u8) {
        if !self.open.is_empty() {
            self.text.push(byte);
        }
    }
}

/// Where the last JSON value of `bytes` begins, if a bracket closes it and nothing but commas and white space follows.
pub(crate) fn last_value(bytes: &[u8]) -> Option<usize> {
    let mut quoted = Quoted::default();
    let mut open = Vec::new();
    let mut last = None;
    for (at, &byte) in bytes.iter().enumerate() {
        if quoted.is_part(byte) {
            last = None;
            continue;
        }
        match byte {
            b'[' | b'{' => {
                open.push(at);
                last = None;
            }
            b']' | b'}' => last = open.pop(),
            b',' | b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => last = None,
        }
    }
    last
}

/// Whether a byte belongs to a JSON string.
#[derive(Clone, Copy, Default)]
enum Quoted {
    #[default]
    Outside,
    Inside,
    Escape,
}

impl Quoted {
    fn is_part(&mut self, byte: u8) -> bool {
        let before = *self;
        *self = match (before, byte) {
            (Quoted::Outside, b'"') | (Quoted::Escape, _) => Quoted::Inside,
            (Quoted::Inside, b'"') => Quoted::Outside,
            (Quoted::Inside, b'\\') => Quoted::Escape,
            (same, _) => same,
        };
        !matches!((before, *self), (Quoted::Outside, Quoted::Outside))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each log of a payload is written as `L`, and nothing else contains one.
    fn after(payload: &str) -> String {
        let mut opening = Opening::default();
        for between in payload.split('L') {
            opening.walk(between.as_bytes());
        }
        String::from_utf8(opening.text().to_vec()).unwrap()
    }

    #[test]
    fn an_opening_is_what_is_still_open() {
        for (payload, expected) in [
            ("L\nL\n", ""),
            ("[L, L,\n L", "["),
            ("[L, L]\n", ""),
            (r#"{"records": [L, L"#, r#"{"records":["#),
            (
                r#"{"next": "a]\"}", "value": [L"#,
                r#"{"next":"a]\"}","value":["#,
            ),
            (r#"{"a": [L], "b": [L"#, r#"{"a":[],"b":["#),
            (r#"[{"records": [L]}, {"records": [L"#, r#"[{"records":["#),
            (r#"{"records": [L]}{"records": [L"#, r#"{"records":["#),
            (r#"{"records": [L]}"#, ""),
            ("]]L|||L|||[L", "["),
            (r#"{"data": L"#, ""),
        ] {
            assert_eq!(after(payload), expected, "{payload}");
        }
    }

    #[test]
    fn the_last_value_is_found_from_its_end() {
        for (bytes, expected) in [
            (r#"{"a": 1}"#, Some(0)),
            (r#"{"records": [{"a": "}"}"#, Some(13)),
            ("{\"a\": {}}\n", Some(0)),
            (r#"[{}, {"b": 1}, "#, Some(5)),
            (r#"{"a": "x"#, None),
            ("text", None),
            ("{} text", None),
            ("", None),
        ] {
            assert_eq!(last_value(bytes.as_bytes()), expected, "{bytes}");
        }
    }
}
