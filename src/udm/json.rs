//! JSON texts, followed in one pass and never copied: where a value ends, and whether its grammar holds.
//!
//! The grammar is RFC 8259, whole: control characters in strings, leading zeros and unpaired surrogates are refused.
//! Numbers keep their text, so none is too large. The cursor builds nothing; `scan` decides what is kept.

mod escapes;
mod flaw;
mod repair;
#[cfg(test)]
mod tests;

use crate::special::{BLOCK, first_special};
use escapes::escape;
pub use escapes::{push_escaped, unescape};
pub use flaw::{Flaw, cut_short};
pub use repair::repair;

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

/// Whether a text is the content of a JSON string as it stands.
pub fn is_plain(text: &str) -> bool {
    plain_bytes(text.as_bytes()) == text.len()
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
