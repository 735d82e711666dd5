//! Writes the event of a record: the plan's operations in order, straight into the output, without a tree.
//!
//! A comma follows every member; the closing bracket takes the last one's place. So nothing looks ahead, and an object of
//! which nothing is there was never opened. Strings of the log are copied as they stand, escapes and all.

use crate::json::Piece;
use crate::plan::{NONE, Op, Part, Plan, TRUNCATED};
use crate::record::{Cell, Record};

/// A short text that is written often: padded, so that it is copied sixteen bytes at a time. A call to copy a few bytes
/// costs more than the copying, above all in WebAssembly.
#[derive(Clone, Debug, Default)]
pub struct Literal {
    chunks: Vec<[u8; 16]>,
    text: String,
}

impl Literal {
    /// The literal of a text.
    pub fn new(text: impl Into<String>) -> Literal {
        let text = text.into();
        let mut padded = text.clone().into_bytes();
        padded.resize(text.len().next_multiple_of(16), 0);
        let (chunks, _) = padded.as_chunks();
        Literal { chunks: chunks.to_vec(), text }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    #[inline(always)]
    fn write(&self, out: &mut Vec<u8>) {
        let end = out.len() + self.text.len();
        for chunk in &self.chunks {
            out.extend_from_slice(chunk);
        }
        out.truncate(end);
    }
}

/// Appends a piece of a text, sixteen bytes at a time where the text goes on for long enough.
#[inline(always)]
fn put(out: &mut Vec<u8>, text: &[u8], piece: Piece) {
    let (start, end) = (piece.start as usize, piece.end as usize);
    let length = end.saturating_sub(start);
    let padded = start + length.next_multiple_of(16);
    match text.get(start..padded) {
        Some(padded) if length <= 128 => {
            let end = out.len() + length;
            let (chunks, _) = padded.as_chunks::<16>();
            for chunk in chunks {
                out.extend_from_slice(chunk);
            }
            out.truncate(end);
        }
        _ => out.extend_from_slice(text.get(start..end).unwrap_or_default()),
    }
}

/// Appends a member: its key, its value and what closes it.
#[inline(always)]
fn put_member(out: &mut Vec<u8>, before: &Literal, value: Cell, after: &Literal, texts: Texts) {
    before.write(out);
    let text = if value.in_scratch { texts.scratch } else { texts.log };
    put(out, text, value.piece);
    after.write(out);
}

/// Where values stand.
#[derive(Clone, Copy)]
struct Texts<'a> {
    log: &'a [u8],
    scratch: &'a [u8],
}

/// Appends the event and a line feed.
pub fn write(plan: &Plan, record: &Record, log: &str, out: &mut Vec<u8>) {
    let texts = Texts {
        log: log.as_bytes(),
        scratch: &record.scratch,
    };
    let mut at = 0;
    while let Some(op) = plan.ops.get(at) {
        at += 1;
        match op {
            Op::Open { mask, skip, text } => {
                if mask.meets(&record.present) {
                    text.write(out);
                } else {
                    at = *skip;
                }
            }
            Op::Close(bracket) => close(out, *bracket),
            Op::Literal { text, .. } => text.write(out),
            Op::Text {
                cell, text, end, ..
            } => {
                if record.has(*cell) {
                    put_member(out, text, record.cell(*cell), end, texts);
                }
            }
            Op::Message { cell, text, end, .. } => {
                if record.has(*cell) {
                    put_member(out, text, record.cell(*cell), end, texts);
                }
            }
            Op::Many {
                mask,
                by_cell,
                entries,
                end,
                leaves,
            } => {
                for cell in mask.both(&record.present) {
                    let entry = by_cell.get(cell as usize).copied().unwrap_or(NONE);
                    let Some((text, target)) = entries.get(entry as usize) else {
                        continue;
                    };
                    let is_array = plan.targets.get(*target).is_some_and(|it| it.is_array);
                    if is_array {
                        for item in record.items.iter().filter(|item| item.cell == cell) {
                            put_member(out, text, item.value, end, texts);
                        }
                    } else {
                        put_member(out, text, record.cell(cell), end, texts);
                    }
                }
                if *leaves {
                    write_leaves(plan, record, log, out);
                }
            }
            Op::Elements { parts } => {
                for position in positions(parts, record) {
                    out.push(b'{');
                    for part in parts {
                        if let Some(value) = item(record, part.cell, position) {
                            put_member(out, &part.before, value, &part.after, texts);
                        }
                    }
                    close(out, b'}');
                }
            }
        }
    }
    // The last close left a comma.
    out.pop();
    out.push(b'\n');
}

fn close(out: &mut Vec<u8>, bracket: u8) {
    match out.last_mut() {
        Some(last) if *last == b',' => *last = bracket,
        _ => out.push(bracket),
    }
    out.push(b',');
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

fn write_leaves(plan: &Plan, record: &Record, log: &str, out: &mut Vec<u8>) {
    for (key, value, _) in leaves(plan, record) {
        out.push(b'"');
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(b"\":\"");
        out.extend_from_slice(record.bytes_of(value, log));
        out.extend_from_slice(b"\",");
    }
    if record.truncated {
        out.extend_from_slice(format!("\"{TRUNCATED}\":\"true\",").as_bytes());
    }
}

/// The entries of `additional` for values that no row names: key, value and row. A key that the table has for something
/// else gets `record.` before it; one that another leaf has (`{"a":{"b":1},"a.b":2}`) a number behind it.
pub fn leaves<'a>(
    plan: &'a Plan,
    record: &'a Record,
) -> impl Iterator<Item = (std::borrow::Cow<'a, str>, Cell, u16)> {
    let path = |at: usize| {
        let leaf = record.leaves.get(at)?;
        let place = leaf.path.0 as usize..leaf.path.1 as usize;
        (leaf.row != NONE).then(|| record.paths.get(place).unwrap_or_default())
    };
    record
        .leaves
        .iter()
        .enumerate()
        .filter_map(move |(at, leaf)| {
            let key = path(at)?;
            let twins = match record.dotted {
                true => (0..at).filter(|before| path(*before) == Some(key)).count(),
                false => 0,
            };
            let mut key = std::borrow::Cow::Borrowed(key);
            if plan.named.find(&key).is_some() {
                key.to_mut().insert_str(0, "record.");
            }
            if twins > 0 {
                key.to_mut().push_str(&format!("#{}", twins + 1));
            }
            Some((key, leaf.value, leaf.row))
        })
}
