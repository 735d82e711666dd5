//! Writes the event of a record: the plan's operations in order, straight into the output, without a tree.
//!
//! A comma follows every member; the closing bracket takes the last one's place. So nothing looks ahead, and an object of
//! which nothing is there was never opened. Strings of the log are copied as they stand, escapes and all.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::json::{self, Piece};
use crate::plan::{Many, NONE, Op, Part, Plan, TRUNCATED};
use crate::record::{Cell, Record};

/// The texts between the values, one after the other.
#[derive(Debug, Default)]
pub struct Literals(Vec<u8>);

/// The place of a text in [`Literals`].
pub type Literal = Piece;

impl Literals {
    /// Adds a text made of parts.
    pub fn add(&mut self, parts: &[&str]) -> Literal {
        let start = self.0.len();
        for part in parts {
            self.0.extend_from_slice(part.as_bytes());
        }
        self.since(start)
    }

    /// Adds a text that is escaped, with what stands around it.
    pub fn add_around(&mut self, before: &str, text: &str, after: &str) -> Literal {
        let start = self.0.len();
        self.0.extend_from_slice(before.as_bytes());
        json::push_escaped(&mut self.0, text);
        self.0.extend_from_slice(after.as_bytes());
        self.since(start)
    }

    fn since(&self, start: usize) -> Literal {
        Piece {
            start: start as u32,
            end: self.0.len() as u32,
            escaped: false,
        }
    }

    /// After the last text: what a wide copy takes too much.
    pub fn finish(&mut self) {
        self.0.resize(self.0.len() + WIDE, 0);
    }

    /// The text at a place.
    pub fn text(&self, literal: Literal) -> &str {
        let text = self.0.get(literal.start as usize..literal.end as usize);
        std::str::from_utf8(text.unwrap_or_default()).unwrap_or_default()
    }
}

/// What closes a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    text: [u8; 4],
    length: usize,
}

impl End {
    /// A text.
    pub const TEXT: End = End {
        text: *b"\",  ",
        length: 2,
    };
    /// An array of one text.
    pub const TEXTS: End = End {
        text: *b"\"], ",
        length: 3,
    };
    /// An object whose last member is a text.
    pub const OBJECT: End = End {
        text: *b"\"}, ",
        length: 3,
    };
    /// JSON of any kind.
    pub const JSON: End = End {
        text: *b",   ",
        length: 1,
    };
}

/// How many bytes are copied at once, whatever the text's length: calling a function to copy twenty bytes costs more than
/// copying sixty-four, above all in WebAssembly.
const WIDE: usize = 64;

/// Where an event is written before it goes to the output whole: always larger than what is in it, so that what was copied
/// too much is written over.
#[derive(Debug, Default)]
pub struct Page(Vec<u8>);

/// The end of what is on the page. It goes from hand to hand by value: kept in memory, each text would wait for the length
/// of the one before.
type At = usize;

impl Page {
    /// A piece of a text.
    #[inline(always)]
    fn put(&mut self, at: At, text: &[u8], piece: Piece) -> At {
        let start = piece.start as usize;
        let length = (piece.end as usize).wrapping_sub(start);
        let from = text
            .get(start..start + WIDE)
            .and_then(|it| it.first_chunk::<WIDE>());
        let to = self.0.get_mut(at..at + WIDE);
        let to = to.and_then(|it| it.first_chunk_mut::<WIDE>());
        match (from, to) {
            (Some(from), Some(to)) if length <= WIDE => {
                *to = *from;
                at + length
            }
            _ => self.text(at, text.get(start..piece.end as usize).unwrap_or_default()),
        }
    }

    /// What closes a member: a few bytes.
    #[inline(always)]
    fn end(&mut self, at: At, end: End) -> At {
        match self
            .0
            .get_mut(at..)
            .and_then(|it| it.first_chunk_mut::<4>())
        {
            Some(to) => {
                *to = end.text;
                at + end.length
            }
            None => self.text(at, end.text.get(..end.length).unwrap_or_default()),
        }
    }

    /// A text of any length. Makes room for a wide copy behind it.
    #[inline(never)]
    fn text(&mut self, at: At, text: &[u8]) -> At {
        let end = at + text.len();
        if end + WIDE > self.0.len() {
            self.0
                .resize((end + WIDE).next_power_of_two().max(8 * 1024), 0);
        }
        if let Some(free) = self.0.get_mut(at..end) {
            free.copy_from_slice(text);
        }
        end
    }

    /// Writes over the last member's comma.
    #[inline(always)]
    fn close(&mut self, at: At, bracket: u8) -> At {
        match self.0.get_mut(at.saturating_sub(1)..) {
            Some([last, next, ..]) => {
                *last = bracket;
                *next = b',';
                at + 1
            }
            _ => at,
        }
    }
}

/// Where values stand.
#[derive(Clone, Copy)]
struct Texts<'a> {
    literals: &'a [u8],
    log: &'a [u8],
    scratch: &'a [u8],
}

impl Texts<'_> {
    /// Writes a member: its key, its value and what closes it.
    #[inline(always)]
    fn member(&self, page: &mut Page, at: At, before: Literal, value: Cell, end: End) -> At {
        let at = page.put(at, self.literals, before);
        let text = match value.in_scratch {
            true => self.scratch,
            false => self.log,
        };
        let at = page.put(at, text, value.piece);
        page.end(at, end)
    }
}

/// Appends the event and a line feed.
#[inline(never)]
pub fn write(plan: &Plan, record: &Record, log: &str, page: &mut Page, out: &mut Vec<u8>) {
    let texts = Texts {
        literals: &plan.literals.0,
        log: log.as_bytes(),
        scratch: &record.scratch,
    };
    let mut at = 0;
    let mut next = 0;
    while let Some(op) = plan.ops.get(next) {
        next += 1;
        at = match op {
            Op::Open { mask, skip, text } => {
                if mask.meets(&record.present) {
                    page.put(at, texts.literals, *text)
                } else {
                    next = *skip as usize;
                    at
                }
            }
            Op::Close(bracket) => page.close(at, *bracket),
            Op::Literal { text, .. } => page.put(at, texts.literals, *text),
            Op::Text {
                cell, text, end, ..
            } => {
                if record.has(*cell) {
                    texts.member(page, at, *text, record.cell(*cell), *end)
                } else {
                    at
                }
            }
            Op::Many(many) => {
                at = write_many(many, record, texts, page, at);
                match many.leaves {
                    true => write_leaves(plan, record, log, page, at),
                    false => at,
                }
            }
            Op::Elements { parts } => write_elements(parts, record, texts, page, at),
        }
    }
    // The last close left a comma.
    let event = page.0.get(..at.saturating_sub(1));
    out.extend_from_slice(event.unwrap_or_default());
    out.push(b'\n');
}

#[inline(never)]
fn write_many(many: &Many, record: &Record, texts: Texts, page: &mut Page, mut at: At) -> At {
    let end = many.end;
    for (cell, entry) in many.of(&record.present) {
        if entry.is_array {
            for item in record.items.iter().filter(|item| item.cell == cell) {
                at = texts.member(page, at, entry.before, item.value, end);
            }
        } else {
            at = texts.member(page, at, entry.before, record.cell(cell), end);
        }
    }
    at
}

#[inline(never)]
fn write_elements(
    parts: &[Part],
    record: &Record,
    texts: Texts,
    page: &mut Page,
    mut at: At,
) -> At {
    for position in positions(parts, record) {
        at = page.text(at, b"{");
        for part in parts {
            if let Some(value) = item(record, part.cell, position) {
                at = texts.member(page, at, part.before, value, part.end);
            }
        }
        at = page.close(at, b'}');
    }
    at
}

/// The positions at which one of the parts has an element, in order.
pub fn positions(parts: &[Part], record: &Record) -> Vec<u32> {
    let is_part = |cell: u16| parts.iter().any(|part| part.cell == cell);
    let items = record.items.iter().filter(|item| is_part(item.cell));
    let mut positions: Vec<u32> = items.map(|item| item.position).collect();
    positions.dedup();
    positions
}

/// The value of an element.
pub fn item(record: &Record, cell: u16, position: u32) -> Option<Cell> {
    let found = |it: &&crate::record::Item| it.cell == cell && it.position == position;
    record.items.iter().find(found).map(|item| item.value)
}

#[inline(never)]
fn write_leaves(plan: &Plan, record: &Record, log: &str, page: &mut Page, mut at: At) -> At {
    for (key, value, _) in leaves(plan, record) {
        at = page.text(at, b"\"");
        at = page.text(at, key.as_bytes());
        at = page.text(at, b"\":\"");
        at = page.text(at, record.bytes_of(value, log));
        at = page.end(at, End::TEXT);
    }
    match record.truncated {
        true => page.text(at, format!("\"{TRUNCATED}\":\"true\",").as_bytes()),
        false => at,
    }
}

/// The entries of `additional` for values that no row names: key, value and row. A key that the table has for something
/// else gets `record.` before it; one that another leaf has (`{"a":{"b":1},"a.b":2}`) a number behind it.
pub fn leaves<'a>(
    plan: &'a Plan,
    record: &'a Record,
) -> impl Iterator<Item = (Cow<'a, str>, Cell, u16)> {
    // Each key so far, and the number that a key of its name had last.
    let mut taken: BTreeMap<Cow<'a, str>, usize> = BTreeMap::new();
    let kept = record.leaves.iter().filter(|leaf| leaf.row != NONE);
    kept.map(move |leaf| {
        let place = leaf.path.0 as usize..leaf.path.1 as usize;
        let mut key = Cow::Borrowed(record.paths.get(place).unwrap_or_default());
        if plan.named.find(key.as_ref()).is_some() {
            key.to_mut().insert_str(0, "record.");
        }
        if record.dotted {
            let mut number = taken.get(&key).copied().unwrap_or(1);
            let mut free = key.clone();
            while taken.contains_key(&free) {
                number += 1;
                free = Cow::Owned(format!("{key}#{number}"));
            }
            taken.insert(key, number);
            taken.entry(free.clone()).or_insert(1);
            key = free;
        }
        (key, leaf.value, leaf.row)
    })
}
