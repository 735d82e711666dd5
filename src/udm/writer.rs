//! Writes the event of a record: the values in the gaps of a layout, without a tree. Strings of the log are copied as they
//! stand, escapes and all.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::json::{self, Piece};
use crate::layout::{Layouts, Value};
use crate::page::{At, Page, WIDE};
use crate::plan::{Many, NONE, Op, Part, Plan};
use crate::record::{Cell, Leaf, Record};
use crate::words::Words;

/// The texts between the values, one after the other.
#[derive(Debug, Default)]
pub struct Literals(Vec<u8>);

/// The place of a text in [`Literals`].
pub type Literal = Piece;

impl Literals {
    /// No text yet, and room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Literals {
        Literals(Vec::with_capacity(bytes))
    }

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
        self.0.shrink_to_fit();
    }

    /// The text at a place.
    pub fn text(&self, literal: Literal) -> &str {
        let text = self.0.get(literal.start as usize..literal.end as usize);
        std::str::from_utf8(text.unwrap_or_default()).unwrap_or_default()
    }
}

/// What closes a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End(&'static str);

impl End {
    /// A text.
    pub const TEXT: End = End("\",");
    /// An array of one text.
    pub const TEXTS: End = End("\"],");
    /// An object whose last member is a text.
    pub const OBJECT: End = End("\"},");
    /// JSON of any kind.
    pub const JSON: End = End(",");

    /// The text, with its comma.
    pub fn text(&self) -> &'static str {
        self.0
    }
}

/// Where values stand.
#[derive(Clone, Copy)]
struct Texts<'a> {
    literals: &'a [u8],
    log: &'a [u8],
    scratch: &'a [u8],
    paths: &'a [u8],
}

impl Texts<'_> {
    /// Writes a value.
    #[inline(always)]
    fn value(&self, page: &mut Page, at: At, value: Cell) -> At {
        let text = match value.in_scratch {
            true => self.scratch,
            false => self.log,
        };
        page.put(at, text, value.piece)
    }

    /// Writes a member: its key, its value and what closes it.
    fn member(&self, page: &mut Page, at: At, before: Literal, value: Cell, end: End) -> At {
        let at = page.put(at, self.literals, before);
        let at = self.value(page, at, value);
        page.text(at, end.text().as_bytes())
    }
}

/// Appends the event and a line feed.
#[inline(never)]
pub fn write(
    plan: &Plan,
    layouts: &mut Layouts,
    words: &Words,
    record: &mut Record,
    log: &str,
    page: &mut Page,
    out: &mut Vec<u8>,
) {
    record.finish();
    let record = &*record;
    let layout = layouts.of(plan, words, &record.present);
    let texts = Texts {
        literals: &plan.literals.0,
        log: log.as_bytes(),
        scratch: record.scratch(),
        paths: record.paths.as_bytes(),
    };
    let between = layout.texts.0.as_slice();
    let mut at = 0;
    for gap in &layout.gaps {
        at = page.put(at, between, gap.before);
        at = match gap.value {
            Value::Cell(cell) => texts.value(page, at, record.cell(cell)),
            Value::Items(op, cell) => match plan.ops.get(op as usize) {
                Some(Op::Many(many)) => write_items(many, cell, record, texts, page, at),
                _ => at,
            },
            Value::Elements(op) => match plan.ops.get(op as usize) {
                Some(Op::Elements { parts }) => write_elements(parts, record, texts, page, at),
                _ => at,
            },
            Value::Leaves => write_leaves(plan, record, texts, page, at),
        };
    }
    at = page.put(at, between, layout.end);
    out.extend_from_slice(page.bytes().get(..at).unwrap_or_default());
}

/// The elements of an array as labels or entries, without the last comma. So do the next ones.
#[inline(never)]
fn write_items(
    many: &Many,
    cell: u16,
    record: &Record,
    texts: Texts,
    page: &mut Page,
    mut at: At,
) -> At {
    if let Some(entry) = many.entry(cell) {
        for item in record.items.iter().filter(|item| item.cell == cell) {
            at = texts.member(page, at, entry.before, item.value, many.end);
        }
    }
    at.saturating_sub(1)
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
        at = page.text(at.saturating_sub(1), b"},");
    }
    at.saturating_sub(1)
}

#[inline(never)]
fn write_leaves(plan: &Plan, record: &Record, texts: Texts, page: &mut Page, mut at: At) -> At {
    for (key, leaf) in leaves(plan, record) {
        at = page.short(at, *b"\"   ", 1);
        at = match key {
            Cow::Borrowed(_) => page.put(at, texts.paths, leaf.path()),
            Cow::Owned(key) => page.text(at, key.as_bytes()),
        };
        at = page.short(at, *b"\":\" ", 3);
        at = texts.value(page, at, leaf.value);
        at = page.short(at, *b"\",  ", 2);
    }
    if record.truncated {
        at = page.text(at, format!("\"{}\":\"true\",", plan.truncated).as_bytes());
    }
    at.saturating_sub(1)
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

/// The entries of `additional` for values that no row names: key and leaf. A key that the table has for something else
/// gets `record.` before it; one that another leaf has (`{"a":{"b":1},"a.b":2}`) a number behind it. A key that is the
/// leaf's path is borrowed.
pub fn leaves<'a>(
    plan: &'a Plan,
    record: &'a Record,
) -> impl Iterator<Item = (Cow<'a, str>, &'a Leaf)> {
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
        (key, leaf)
    })
}
