//! What has to be understood of a payload to go on in its middle.
//!
//! A new reader does not know that the next logs are elements of `{"records": [`. So whoever feeds it keeps the text
//! that is still open. It reads only what stands between logs: which wrappers there are, and what is a log, remains
//! the normalizer's to say.

/// The openings of a payload's wrappers that are not closed yet.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    text: Vec<u8>,
    /// Where in `text` the open brackets stand.
    open: Vec<usize>,
    quoted: Quoted,
}

/// No wrapper that a log source has is longer; what is, is none.
const MOST: usize = 16 << 10;

impl Opening {
    /// What to feed to a new reader first: up to an open list, or nothing.
    pub fn text(&self) -> &[u8] {
        if self.text.ends_with(b"[") {
            &self.text
        } else {
            &[]
        }
    }

    /// What ends everything that [`Opening::text`] begins.
    pub fn closing(&self) -> Vec<u8> {
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
    pub fn walk(&mut self, between: &[u8]) {
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

/// Whether a byte belongs to a JSON string.
#[derive(Clone, Copy, Debug, Default)]
pub enum Quoted {
    /// It does not.
    #[default]
    Outside,
    /// It does.
    Inside,
    /// It does, and the byte before was a backslash.
    Escape,
}

impl Quoted {
    /// Goes on by a byte, and tells whether it belongs to a string, its quotes included.
    pub fn is_part(&mut self, byte: u8) -> bool {
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
}
