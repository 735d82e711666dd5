//! Where a log ends when it cannot be read: brackets and quotes are counted, nothing is understood.

/// Counts brackets from a log's first byte on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds {
    at: usize,
    depth: u32,
    in_string: bool,
    escaped: bool,
    /// The log began with a bracket; else it is a line.
    is_json: bool,
    started: bool,
    /// The last byte was a line end.
    new_line: bool,
}

/// Where a log ends among the bytes that were searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The first byte behind it.
    pub next: usize,
    /// How many bytes before that are the line end behind the log; they may stand in bytes that were searched before.
    pub line_end: usize,
}

/// What a byte means for the log it stands in.
#[derive(PartialEq, Eq)]
enum Sign {
    None,
    /// The brackets are closed behind this byte.
    Closed,
    /// A line ends where no line may end, or the log is a line.
    LineEnd,
}

impl Bounds {
    /// Counts from inside of JSON on: between brackets, or among the members of an object.
    pub fn inside() -> Bounds {
        Bounds {
            is_json: true,
            started: true,
            ..Bounds::default()
        }
    }

    /// Goes on to the end of what is there of the log. True when the log may have come to its end on the way: reading
    /// it is worth a try.
    pub fn follow(&mut self, log: &[u8]) -> bool {
        while let Some(byte) = log.get(self.at) {
            self.at += 1;
            if self.see(*byte) != Sign::None {
                return true;
            }
        }
        false
    }

    /// Whether more of the log is there than was followed, when so much of it is there.
    pub fn is_before(&self, length: usize) -> bool {
        self.at < length
    }

    /// How many of the bytes behind the first `length` of the log it takes to where it may end, if it may not have ended
    /// before.
    pub fn rest(mut self, length: usize, bytes: &[u8]) -> Option<usize> {
        if self.is_before(length) {
            return None;
        }
        let end = bytes.iter().position(|byte| self.see(*byte) != Sign::None);
        end.map(|end| end + 1)
    }

    /// The end of the log in the next bytes of it. A line that begins with a bracket is no part of it, even where it would
    /// fit: a log whose brackets never close must not take all lines behind it along.
    pub fn find(&mut self, bytes: &[u8]) -> Option<End> {
        for (at, byte) in bytes.iter().enumerate() {
            let (next, line_end) = match byte {
                b'{' | b'[' if self.new_line => (at, 1),
                _ => match self.see(*byte) {
                    Sign::None => {
                        self.new_line = *byte == b'\n';
                        continue;
                    }
                    Sign::Closed => (at + 1, 0),
                    Sign::LineEnd => (at, 0),
                },
            };
            return Some(End { next, line_end });
        }
        None
    }

    fn see(&mut self, byte: u8) -> Sign {
        if !self.started {
            self.started = true;
            self.is_json = matches!(byte, b'{' | b'[');
        }
        if byte == b'\n' && (self.in_string || !self.is_json) {
            return Sign::LineEnd;
        }
        if !self.is_json {
            return Sign::None;
        }
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_string => self.escaped = true,
            b'"' => self.in_string = !self.in_string,
            _ if self.in_string => {}
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    return Sign::Closed;
                }
            }
            _ => {}
        }
        Sign::None
    }
}

/// The end of a log that is not JSON, the flaw being at `flaw_at`; none when its bytes do not tell, or do not so near the
/// flaw as `patience`.
pub fn broken_end(bytes: &[u8], flaw_at: usize, in_list: bool, patience: usize) -> Option<usize> {
    if in_list && !matches!(bytes.first(), Some(b'{' | b'[')) {
        return scalar_end(bytes);
    }
    let bytes = bytes.get(..flaw_at + patience).unwrap_or(bytes);
    let mut bounds = Bounds::default();
    let mut new_line = false;
    for (at, byte) in bytes.iter().enumerate() {
        // A line that begins with a bracket is no part of a log that was cut off before it, even where it would fit.
        let is_log = match byte {
            b'{' | b'[' => at + patience >= flaw_at,
            other => !in_list && at > flaw_at && starts_log(*other),
        };
        if new_line && is_log {
            return Some(at);
        }
        new_line = *byte == b'\n';
        match bounds.see(*byte) {
            Sign::None => {}
            Sign::Closed if at >= flaw_at => return Some(at + 1),
            Sign::Closed => bounds = Bounds::inside(),
            Sign::LineEnd => return Some(at + 1),
        }
    }
    None
}

/// Whether a line behind the first one begins with a bracket.
pub fn opens_line(bytes: &[u8]) -> bool {
    let mut pairs = bytes.windows(2);
    pairs.any(|pair| matches!(pair, [b'\n', b'{' | b'[']))
}

/// Whether a line that starts so is a log of its own: JSON printed over several lines has none such but in its first.
fn starts_log(byte: u8) -> bool {
    !matches!(
        byte,
        b' ' | b'\t' | b'\r' | b'\n' | b'}' | b']' | b'"' | b','
    )
}

/// The end of a scalar in a list.
fn scalar_end(bytes: &[u8]) -> Option<usize> {
    let mut in_string = false;
    let mut escaped = false;
    bytes.iter().position(|byte| match byte {
        _ if escaped => {
            escaped = false;
            false
        }
        b'\n' => true,
        b'\\' if in_string => {
            escaped = true;
            false
        }
        b'"' => {
            in_string = !in_string;
            false
        }
        b',' | b']' => !in_string,
        _ => false,
    })
}

/// Behind the first line end at or after an offset.
pub fn line_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut rest = bytes.get(from..)?.iter();
    rest.position(|byte| *byte == b'\n').map(|at| from + at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_that_closes_nothing_is_not_worth_a_try() {
        let log = br#"{"a":"}","b":[{},{}]} tail"#;
        let closing = 20;
        let mut bounds = Bounds::default();
        for end in 0..=closing {
            assert!(!bounds.follow(&log[..end]), "{end}");
        }
        assert!(bounds.follow(&log[..=closing]));
        let mut line = Bounds::default();
        assert!(!line.follow(b"text {}"));
        assert!(line.follow(b"text {}\n"));
    }

    #[test]
    fn a_skipped_log_ends_the_same_in_every_piece() {
        for (log, end) in [
            (r#"{"a":"}\"","b":[1]} tail"#, 19),
            ("a line {\nnext", 8),
            ("{\"cut in a text\nnext", 15),
            ("[1,2,", 5),
            ("[1,\n 2,\n[3]", 7),
        ] {
            for length in 1..log.len() {
                let mut bounds = Bounds::default();
                let mut before = 0;
                let found = log.as_bytes().chunks(length).find_map(|piece| {
                    let found = bounds.find(piece);
                    let found = found.map(|it| before + it.next - it.line_end);
                    before += piece.len();
                    found
                });
                assert_eq!(
                    found.unwrap_or(log.len()),
                    end,
                    "{log} in pieces of {length}"
                );
            }
        }
    }

    #[test]
    fn a_broken_log_ends_where_the_next_one_may_begin() {
        for (bytes, flaw_at, in_list, end) in [
            // Its brackets close behind the flaw.
            ("{\"a\":} {}", 5, false, Some(6)),
            ("{\"a\":},{}]", 5, true, Some(6)),
            // They close before it: the flaw is in what follows.
            ("[1]2} x", 3, false, Some(5)),
            // A line that was cut off, before a line that begins a log.
            ("{\"a\":1\n{\"b\":2}\n", 7, false, Some(7)),
            ("{\"a\" x\ntext\n", 5, false, Some(7)),
            ("{\"a\" x\n  \"b\":2}\nnext", 5, false, Some(15)),
            ("{\"a\" x\n\"b\":2\n}\n", 5, false, Some(14)),
            // A text never goes over a line end.
            ("{\"cut\n{}", 5, false, Some(6)),
            ("{\"cut\n{}", 5, true, Some(6)),
            // In a list lines do not count.
            ("{\"a\" x\ntext}, ", 5, true, Some(12)),
            ("{\"a\" x\n{}, ", 5, true, Some(7)),
            // The next line would be an element of the log that was cut off.
            ("{\"a\":[1,\n{}\n{}", 12, false, Some(9)),
            ("{\"a\":[1,\n{}\n]}, {}]", 21, true, Some(9)),
            ("{\"a\":[1,\n {}\n{}", 13, false, Some(13)),
            ("nope, 1]", 1, true, Some(4)),
            ("\"a,]b\" x]", 7, true, Some(8)),
            ("\"a\\\",\nb", 6, true, Some(5)),
            // More bytes are needed.
            ("{\"a\" x", 5, false, None),
            ("nope", 1, true, None),
        ] {
            assert_eq!(
                broken_end(bytes.as_bytes(), flaw_at, in_list, 100),
                end,
                "{bytes:?}"
            );
        }
        assert_eq!(broken_end(b"[{x,[],{}]]", 2, false, 8), None);
        assert_eq!(broken_end(b"[{x,[],{}]]", 2, false, 9), Some(11));
        assert_eq!(broken_end(b"[1,\n[2,\n[3,\nx", 12, false, 8), Some(4));
        assert_eq!(broken_end(b"[1,\n[2,\n[3,\nx", 12, false, 7), Some(8));
    }

    #[test]
    fn a_line_ends_behind_its_line_feed() {
        assert_eq!(line_end(b"ab\ncd\n", 0), Some(3));
        assert_eq!(line_end(b"ab\ncd\n", 3), Some(6));
        assert_eq!(line_end(b"ab\ncd", 3), None);
        assert_eq!(line_end(b"ab", 7), None);
    }
}
