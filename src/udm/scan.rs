//! One walk over a JSON log: what the table names goes to cells, what it does not name to leaves.

mod leaves;
mod named;
mod repeated;
mod wrapped;

use std::borrow::Cow;

use crate::guess::{Guesses, Place};
use crate::json::{Cursor, Flaw, Piece};
use crate::keys::Keys;
use crate::plan::{LEAVES_CELL, NONE, Plan};
use crate::record::{Mask, Record};
use wrapped::may_wrap;

/// The most leaves without a row that an event keeps, and the most elements that rows read one by one.
pub const MAX_LEAVES: usize = 200;
/// The most bytes that those leaves may take, paths included.
pub const MAX_LEAF_BYTES: usize = 32 * 1024;
/// Elements are published fields: far more of them are kept, but not without end.
const MAX_ITEMS: usize = 1_000;

/// How many of the last items may be of one element: more than rows read of an element.
const NEAR: usize = 4;

/// What an object turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// A record, now in its cells. The log ends here.
    Record {
        /// One past the closing brace.
        end: usize,
    },
    /// A list of logs.
    List {
        /// The offset of the list's opening bracket.
        at: usize,
        /// The list is named `records`.
        is_records: bool,
        /// How many objects stand around the list.
        depth: u32,
    },
}

/// Why a log could not be read as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It is not JSON, or not all of it is there.
    Flaw(Flaw),
    /// A string holds an object of the record as JSON text: it wants to be put in the string's place.
    Inline {
        /// Where the string (or with base64 its key) begins, quote included.
        start: usize,
        /// One past the string's closing quote.
        end: usize,
        /// The string's content.
        content: Piece,
        /// The content is base64, and the key goes with it.
        base64: bool,
    },
}

impl From<Flaw> for Stop {
    fn from(flaw: Flaw) -> Stop {
        Stop::Flaw(flaw)
    }
}

/// A row's field that holds something no text can be made of.
#[derive(Clone, Debug)]
pub struct Misfit {
    /// The row's index.
    pub row: u16,
    /// The path of the field in the log, in the table's spelling.
    pub path: String,
    /// What was found there.
    pub found: &'static str,
}

/// Reads the object at the start of a text.
#[inline(never)]
pub fn scan(
    plan: &Plan,
    record: &mut Record,
    misfits: &mut Vec<Misfit>,
    guesses: &mut Guesses,
    text: &str,
) -> Result<Found, Stop> {
    let mut path = std::mem::take(&mut record.walk);
    path.clear();
    guesses.make_room();
    let mut scanner = Scanner {
        plan,
        cursor: Cursor::new(text),
        record,
        misfits,
        guesses,
        path,
        seen: Vec::new(),
        envelope: Envelope::Unknown,
        told: None,
        forgotten: Vec::new(),
        list: None,
    };
    scanner.object(0, None)?;
    let (end, list, envelope) = (scanner.cursor.at, scanner.list, scanner.envelope);
    record.walk = scanner.path;
    if let Some(found) = list {
        return Ok(found);
    }
    let (envelope_id, id) = plan.ids;
    if envelope == Envelope::Unknown && !record.has(id) && record.has(envelope_id) {
        let value = record.cell(envelope_id);
        record.put(id, value);
        record.present.remove(envelope_id);
    }
    if record.leaves.iter().any(|leaf| leaf.row != NONE) {
        record.present.insert(LEAVES_CELL);
    }
    Ok(Found::Record { end })
}

/// Whether the record stands in an envelope.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Envelope {
    /// No content was met so far, or the object is the record.
    Unknown,
    /// The walk is inside the content.
    Inside,
    /// The content was read; the envelope's other keys follow.
    Behind,
}

struct Scanner<'p, 'r, 'a> {
    plan: &'p Plan,
    cursor: Cursor<'a>,
    record: &'r mut Record,
    misfits: &'r mut Vec<Misfit>,
    guesses: &'r mut Guesses,
    /// The path of what is being read, for leaves.
    path: String,
    /// Keys that gave leaves, of all objects around the cursor: a repeated key takes the place of the first.
    seen: Vec<Seen>,
    envelope: Envelope,
    /// How far a look ahead went that told whether this is an envelope, and what it told.
    told: Option<(usize, bool)>,
    /// For each named key that was repeated, what to look through when it comes again.
    forgotten: Vec<Forgotten>,
    list: Option<Found>,
}

struct Forgotten {
    cell: u16,
    /// The key's path in this log.
    path: String,
    /// The cells of the key and of all below it.
    below: Mask,
    /// The leaves before this one are not the key's.
    leaves: usize,
}

struct Seen {
    key: Piece,
    /// Of the key without its escapes: a key is compared to all before it.
    hash: u64,
    leaves: (usize, usize),
}

impl<'a> Scanner<'_, '_, 'a> {
    /// Reads the object at the cursor by the keys of a level. `position` is that of the array element it is.
    fn object(&mut self, level: u16, position: Option<u32>) -> Result<(), Stop> {
        let plan = self.plan;
        let Some(keys) = plan.levels.get(level as usize) else {
            return Ok(self.cursor.skip_value()?);
        };
        let (seen, path) = (self.seen.len(), self.path.len());
        let mut before: Place = level;
        let mut cursor = self.cursor;
        let mut more = cursor.enter(b'}')?;
        while more {
            let start = cursor.at;
            let text = cursor.text().as_bytes();
            let (key, cell) = match self.guesses.key(before, text, start) {
                Some((key, cell, place)) => {
                    cursor.at = key.end as usize + 2;
                    cursor.skip_space();
                    before = place;
                    (key, cell)
                }
                None => {
                    let key = cursor.key()?;
                    let cell = self.node_of(key, &keys.keys);
                    before = self.guesses.learn((before, level), text, key, cell);
                    (key, cell)
                }
            };
            match cell {
                // Nearly every member: a text that a row reads.
                Some(cell)
                    if cursor.peek() == Some(b'"')
                        && plan.plain.contains(cell)
                        && !self.record.entered.contains(cell) =>
                {
                    let piece = cursor.string()?;
                    if piece.start == piece.end {
                        self.record.present.remove(cell);
                    } else {
                        self.record.set(cell, piece);
                    }
                }
                _ => {
                    self.cursor = cursor;
                    self.member(key, cell, level, start, seen, position)?;
                    if self.list.is_some() {
                        return Ok(());
                    }
                    self.path.truncate(path);
                    cursor = self.cursor;
                }
            }
            more = cursor.another(b'}')?;
        }
        self.cursor = cursor;
        self.seen.truncate(seen);
        Ok(())
    }

    /// Reads the value of a key at the cursor, whatever it is. `start` is where the key begins, `seen` where the object's
    /// keys do that gave leaves.
    #[inline(never)]
    fn member(
        &mut self,
        key: Piece,
        cell: Option<u16>,
        level: u16,
        start: usize,
        seen: usize,
        position: Option<u32>,
    ) -> Result<(), Stop> {
        let may_wrap = level == 0 && self.envelope == Envelope::Unknown && may_wrap(key);
        if may_wrap && self.is_wrapped(key, cell, start)? {
            return Ok(());
        }
        let rest = self
            .plan
            .levels
            .get(level as usize)
            .map_or(NONE, |level| level.rest);
        match cell {
            Some(cell) if self.plan.wholes.contains(cell) => self.whole(cell, rest, position),
            Some(cell) => self.named(cell, rest, position),
            None if rest == NONE => {
                // What an envelope says is nothing that the log says.
                self.record.left_out += usize::from(self.envelope != Envelope::Behind);
                Ok(self.cursor.skip_value()?)
            }
            None => self.unnamed(key, seen, rest),
        }
    }

    #[inline(always)]
    fn node_of(&self, key: Piece, keys: &Keys) -> Option<u16> {
        if key.escaped {
            return keys.find(self.text_of(key).as_ref());
        }
        let text = self.cursor.text().as_bytes();
        keys.find(text.get(key.start as usize..key.end as usize)?)
    }

    #[inline(never)]
    fn text_of(&self, piece: Piece) -> Cow<'a, str> {
        let text = self
            .cursor
            .text()
            .get(piece.start as usize..piece.end as usize);
        let text = text.unwrap_or_default();
        if piece.escaped {
            crate::json::unescape(text)
        } else {
            Cow::Borrowed(text)
        }
    }
}

fn push_position(path: &mut String, position: u32) {
    path.push('[');
    if position < 10 {
        path.push(char::from(b'0' + position as u8));
    } else {
        path.push_str(&position.to_string());
    }
    path.push(']');
}

fn length(piece: Piece) -> usize {
    (piece.end - piece.start) as usize
}
