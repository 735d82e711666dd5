//! What the host has to understand of a payload to go on after a trap.
//!
//! A trap takes the reader along, and with it that the logs were elements of `{"records": [`, and where the log ends that was
//! being read. So the host keeps the text that is still open, and can find the end of a log. It reads only what stands
//! between logs, and what is rejected: which wrappers there are, and what is a log, remains the component's to say.

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
    /// What to feed to a new reader first: up to an open list, or nothing.
    pub(crate) fn text(&self) -> &[u8] {
        if self.text.ends_with(b"[") {
            &self.text
        } else {
            &[]
        }
    }

    /// What ends everything that [`Opening::text`] begins.
    pub(crate) fn closing(&self) -> Vec<u8> {
        let open = match self.text() {
            [] => &[][..],
            _ => &self.open,
        };
        let bracket = |at: &usize| match self.text.get(*at) {
            Some(b'[') => b']',
            _ => b'}',
        };
        open.iter().rev().map(bracket).collect()
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

/// Looks for the end of a log, from its first byte on: where its brackets close, else at the end of the line.
#[derive(Default)]
pub(crate) struct LogEnd {
    quoted: Quoted,
    depth: usize,
}

impl LogEnd {
    /// Goes on with these bytes. Tells how many of them belong to the log, if it ends among them.
    pub(crate) fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        for (at, byte) in bytes.iter().enumerate() {
            let quoted = self.quoted.is_part(*byte);
            match byte {
                b'\n' if quoted || self.depth == 0 => return Some(at),
                b'[' | b'{' if !quoted => self.depth += 1,
                b']' | b'}' if !quoted => match self.depth {
                    0 => return Some(at),
                    1 => return Some(at + 1),
                    _ => self.depth -= 1,
                },
                _ => {}
            }
        }
        None
    }
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
    fn a_log_ends_with_its_brackets_or_its_line() {
        for (bytes, expected) in [
            (
                r#"{"a": "}", "b": [{}]}, {"c": 1}"#,
                Some(r#"{"a": "}", "b": [{}]}"#),
            ),
            ("{\n\"a\": {}}\n", Some("{\n\"a\": {}}")),
            ("{\"a\": \"b\n{}", Some("{\"a\": \"b")),
            ("text, text\n{}", Some("text, text")),
            ("\"text\"]", Some("\"text\"")),
            ("{\"a\": ", None),
            ("", None),
        ] {
            let length = LogEnd::default().find(bytes.as_bytes());
            assert_eq!(length.map(|it| &bytes[..it]), expected, "{bytes}");
            let mut end = LogEnd::default();
            let mut pieces = bytes.as_bytes().chunks(1).enumerate();
            let pieced = pieces.find_map(|(at, byte)| end.find(byte).map(|length| at + length));
            assert_eq!(pieced, length, "{bytes}");
        }
    }
}
