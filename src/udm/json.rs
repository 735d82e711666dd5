//! JSON texts, followed in one pass and never copied: where a value ends, and whether its grammar holds.
//!
//! The grammar is RFC 8259, whole: control characters in strings, leading zeros and unpaired surrogates are refused.
//! Numbers keep their text, so none is too large. The cursor builds nothing; `scan` decides what is kept.

use std::borrow::Cow;
use std::fmt;

use crate::special::{BLOCK, first_special};

/// The deepest nesting of arrays and objects in a log.
pub const MAX_DEPTH: u32 = 100;

/// A string's or a number's place in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// The first byte of the content; of a string, the one after the quote.
    pub start: u32,
    /// One past the last byte of the content.
    pub end: u32,
    /// Whether the content holds backslash escapes.
    pub escaped: bool,
}

/// Why a text is not followed to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The text ends inside the value.
    Incomplete,
    /// The byte at `at` is not what the grammar wants there.
    Unexpected {
        /// Offset in the text.
        at: usize,
        /// What would have been right.
        expected: &'static str,
    },
    /// An escape that JSON does not know, or an unpaired surrogate: [`repair`] helps.
    Escape {
        /// Offset of the backslash.
        at: usize,
    },
    /// Nesting beyond [`MAX_DEPTH`].
    TooDeep {
        /// Offset of the opening bracket.
        at: usize,
    },
}

impl Flaw {
    /// Where the flaw shows, if not at the text's end.
    pub fn at(&self) -> Option<usize> {
        match *self {
            Flaw::Incomplete => None,
            Flaw::Unexpected { at, .. } | Flaw::Escape { at } | Flaw::TooDeep { at } => Some(at),
        }
    }

    /// The flaw as a sentence; `text` is the one that was followed.
    pub fn describe(&self, text: &str) -> String {
        match *self {
            Flaw::Incomplete => "expected more JSON, but found the end of the log".to_owned(),
            Flaw::Unexpected { at, expected } => {
                format!(
                    "expected {expected} at byte {at}, but found {}",
                    Found(text, at)
                )
            }
            Flaw::Escape { at } => {
                format!(
                    "expected a JSON escape at byte {at}, but found {}",
                    Found(text, at)
                )
            }
            Flaw::TooDeep { at } => {
                format!(
                    "expected at most {MAX_DEPTH} levels of nesting, but found more at byte {at}"
                )
            }
        }
    }
}

/// Shows what stands at an offset, cut short.
struct Found<'a>(&'a str, usize);

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = self.0.get(self.1..).unwrap_or_default();
        let line = rest.split(['\n', '\r']).next().unwrap_or_default();
        match rest.chars().next() {
            None => f.write_str("the end of the log"),
            Some('\n' | '\r') => f.write_str("a line end"),
            Some(_) => write!(f, "`{}`", cut_short(line, 20)),
        }
    }
}

/// The first `most` characters of a text, with an ellipsis where more follow.
pub fn cut_short(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}

/// A place in a text, moved along by the grammar.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    text: &'a str,
    /// The offset of the next byte.
    pub at: usize,
    depth: u32,
    lenient: bool,
}

impl<'a> Cursor<'a> {
    /// A cursor at the start of a text.
    pub fn new(text: &'a str) -> Cursor<'a> {
        Cursor {
            text,
            at: 0,
            depth: 0,
            lenient: false,
        }
    }

    /// The same, for a text that wants [`repair`]: flaws in escapes are none.
    pub fn lenient(text: &'a str) -> Cursor<'a> {
        Cursor {
            lenient: true,
            ..Cursor::new(text)
        }
    }

    /// The text that is followed.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The next byte.
    #[inline(always)]
    pub fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps over white space; gives the byte after it.
    #[inline(always)]
    pub fn skip_space(&mut self) -> Option<u8> {
        loop {
            match self.peek() {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                next => return next,
            }
        }
    }

    /// The flaw at the cursor: the text's end, or a wrong byte.
    #[inline(always)]
    pub fn flaw(&self, expected: &'static str) -> Flaw {
        // By value, here and wherever the rare cases stand apart: a cursor of which no one has the address stays in
        // registers.
        flaw(self.text, self.at, expected)
    }

    /// Enters an object or array whose bracket is next. True if it has a first member, and the cursor is there.
    #[inline(always)]
    pub fn enter(&mut self, close: u8) -> Result<bool, Flaw> {
        if self.depth >= MAX_DEPTH {
            return Err(Flaw::TooDeep { at: self.at });
        }
        self.depth += 1;
        self.at += 1;
        if self.skip_space() == Some(close) {
            self.at += 1;
            self.depth -= 1;
            return Ok(false);
        }
        Ok(true)
    }

    /// After a member: true if another follows, and the cursor is there; else the bracket was closed.
    #[inline(always)]
    pub fn another(&mut self, close: u8) -> Result<bool, Flaw> {
        match self.skip_space() {
            Some(b',') => {
                self.at += 1;
                self.skip_space();
                Ok(true)
            }
            Some(byte) if byte == close => {
                self.at += 1;
                self.depth -= 1;
                Ok(false)
            }
            _ if close == b'}' => Err(self.flaw("`,` or `}`")),
            _ => Err(self.flaw("`,` or `]`")),
        }
    }

    /// A member's key and the colon; the cursor is then at its value.
    #[inline(always)]
    pub fn key(&mut self) -> Result<Piece, Flaw> {
        if self.peek() != Some(b'"') {
            return Err(self.flaw("a key in double quotes"));
        }
        let key = self.string()?;
        if self.peek() != Some(b':') && self.skip_space() != Some(b':') {
            return Err(self.flaw("`:`"));
        }
        self.at += 1;
        self.skip_space();
        Ok(key)
    }

    /// A string whose quote is next.
    #[inline(always)]
    pub fn string(&mut self) -> Result<Piece, Flaw> {
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let end = start + plain_bytes(bytes.get(start..).unwrap_or_default());
        if bytes.get(end) != Some(&b'"') {
            let piece = unusual_string(self.text, start, end, self.lenient)?;
            self.at = piece.end as usize + 1;
            return Ok(piece);
        }
        self.at = end + 1;
        Ok(Piece {
            start: start as u32,
            end: end as u32,
            escaped: false,
        })
    }

    /// A number, `true`, `false` or `null`, by its text.
    pub fn scalar(&mut self) -> Result<Piece, Flaw> {
        let start = self.at;
        match self.peek() {
            Some(b't') => self.word("true")?,
            Some(b'f') => self.word("false")?,
            Some(b'n') => self.word("null")?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => return Err(self.flaw("a JSON value")),
        }
        Ok(Piece {
            start: start as u32,
            end: self.at as u32,
            escaped: false,
        })
    }

    /// Steps over a value of any kind.
    pub fn skip_value(&mut self) -> Result<(), Flaw> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'{') => {
                let mut more = self.enter(b'}')?;
                while more {
                    self.key()?;
                    self.skip_value()?;
                    more = self.another(b'}')?;
                }
                Ok(())
            }
            Some(b'[') => {
                let mut more = self.enter(b']')?;
                while more {
                    self.skip_value()?;
                    more = self.another(b']')?;
                }
                Ok(())
            }
            _ => self.scalar().map(drop),
        }
    }

    fn word(&mut self, word: &'static str) -> Result<(), Flaw> {
        for byte in word.bytes() {
            if self.peek() != Some(byte) {
                return Err(self.flaw("a JSON value"));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), Flaw> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Flaw> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.flaw("a digit"));
        }
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        Ok(())
    }
}

#[cold]
fn flaw(text: &str, at: usize, expected: &'static str) -> Flaw {
    match text.as_bytes().get(at) {
        None => Flaw::Incomplete,
        Some(_) => Flaw::Unexpected { at, expected },
    }
}

/// A string with escapes or flaws, whose content was followed from `start` to `at`.
#[inline(never)]
fn unusual_string(text: &str, start: usize, mut at: usize, lenient: bool) -> Result<Piece, Flaw> {
    let bytes = text.as_bytes();
    let mut escaped = false;
    loop {
        match bytes.get(at) {
            Some(b'"') => break,
            Some(b'\\') => {
                escaped = true;
                at += match escape(bytes, at) {
                    Err(Flaw::Escape { .. }) if lenient => 1,
                    length => length?,
                };
            }
            Some(_) => {
                let expected = "a character other than a raw control character in a string";
                return Err(Flaw::Unexpected { at, expected });
            }
            None => return Err(Flaw::Incomplete),
        }
        at += plain_bytes(bytes.get(at..).unwrap_or_default());
    }
    Ok(Piece {
        start: start as u32,
        end: at as u32,
        escaped,
    })
}

/// How many bytes at the start stand for themselves in a string: no quote, no backslash, no control character.
#[inline(never)]
fn plain_bytes(bytes: &[u8]) -> usize {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    for (count, block) in blocks.iter().enumerate() {
        if let Some(at) = first_special(block) {
            return count * BLOCK + at;
        }
    }
    blocks.len() * BLOCK + plain_bytes_of(rest)
}

/// The same for the last bytes of a text.
#[inline(never)]
fn plain_bytes_of(rest: &[u8]) -> usize {
    let plain = |byte: &&u8| !matches!(byte, b'"' | b'\\' | 0..0x20);
    rest.iter().take_while(plain).count()
}

/// The length of the escape at `at`.
fn escape(bytes: &[u8], at: usize) -> Result<usize, Flaw> {
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
fn hex4(bytes: &[u8], at: usize) -> Result<u32, Flaw> {
    let mut value = 0;
    for at in at..at + 4 {
        let digit = bytes.get(at).ok_or(Flaw::Incomplete)?;
        let digit = (*digit as char).to_digit(16).ok_or(Flaw::Escape { at })?;
        value = value * 16 + digit;
    }
    Ok(value)
}

/// The text that a string's content stands for. Escapes that JSON does not know are kept as they are; an unpaired
/// surrogate becomes U+FFFD. Neither occurs in a content that a [`Cursor`] accepted.
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

/// Appends a text as the content of a JSON string.
pub fn push_escaped(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    loop {
        let plain = plain_bytes(rest);
        append(out, rest.get(..plain).unwrap_or_default());
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

/// Appends a text, which is mostly short: in WebAssembly copying is a call, whatever the length.
#[inline]
pub fn append(out: &mut Vec<u8>, text: &[u8]) {
    if text.len() > 64 {
        return out.extend_from_slice(text);
    }
    let Some(last) = text.last_chunk::<8>() else {
        return text.iter().for_each(|byte| out.push(*byte));
    };
    let (words, rest) = text.as_chunks::<8>();
    out.reserve(text.len() + last.len());
    words
        .iter()
        .for_each(|word| out.extend_from_slice(word.as_slice()));
    if !rest.is_empty() {
        // Some of these bytes are there already.
        out.truncate(out.len() + rest.len() - last.len());
        out.extend_from_slice(last.as_slice());
    }
}

/// What a tolerant reading made of a text.
#[derive(Debug, PartialEq, Eq)]
pub struct Repaired {
    /// The text with every escape as JSON wants it.
    pub text: String,
    /// Escapes that JSON does not know, now a backslash and a character.
    pub stray_escapes: usize,
    /// Unpaired surrogates, now U+FFFD.
    pub lone_surrogates: usize,
}

/// Reads escapes that JSON does not know as a backslash and a character, and unpaired surrogates as U+FFFD.
///
/// Azure DevOps' audit API now and then emits a stray backslash. Only strings are touched, so the text may go on behind
/// the log.
pub fn repair(text: &str) -> Repaired {
    let bytes = text.as_bytes();
    let mut repaired = Repaired {
        text: String::with_capacity(text.len() + 16),
        stray_escapes: 0,
        lone_surrogates: 0,
    };
    let (mut at, mut kept, mut in_string) = (0, 0, false);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => match escape(bytes, at) {
                Ok(length) => {
                    at += length;
                    continue;
                }
                Err(Flaw::Escape { .. }) => {
                    repaired
                        .text
                        .push_str(text.get(kept..at).unwrap_or_default());
                    if bytes.get(at + 1) == Some(&b'u') && hex4(bytes, at + 2).is_ok() {
                        repaired.lone_surrogates += 1;
                        repaired.text.push_str("\\ufffd");
                        at += 6;
                    } else {
                        repaired.stray_escapes += 1;
                        repaired.text.push_str("\\\\");
                        at += 1;
                    }
                    kept = at;
                    continue;
                }
                Err(_) => break,
            },
            _ => {}
        }
        at += 1;
    }
    repaired.text.push_str(text.get(kept..).unwrap_or_default());
    repaired
}

#[cfg(test)]
mod tests;
