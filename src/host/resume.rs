//! What the host has to understand of a payload to go on after a trap.
//!
//! A trap takes the reader along, and with it that the logs were elements of `{"records": [`, and where the log ends that was
//! being read. So the host keeps the text that is still open, and can find the end of a log, of which it then reads what is
//! rejected.

pub(crate) use receiver::opening::Opening;
use receiver::opening::Quoted;

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

#[cfg(test)]
mod tests {
    use super::*;

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
