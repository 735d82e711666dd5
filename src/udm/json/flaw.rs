//! What is wrong with a JSON text, and where.

use std::borrow::Cow;
use std::fmt;

use super::MAX_DEPTH;

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
    /// An escape that JSON does not know, or an unpaired surrogate: [`repair`](super::repair) helps.
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
