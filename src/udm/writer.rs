//! Writes the event of a record: the plan's operations in order, straight into the output, without a tree.
//!
//! A comma follows every member; the closing bracket takes the last one's place. So nothing looks ahead, and an object of
//! which nothing is there was never opened. Strings of the log are copied as they stand, escapes and all.

use crate::plan::{NONE, Op, Plan, TRUNCATED};
use crate::record::{Cell, Record};

/// Appends the event and a line feed.
pub fn write(plan: &Plan, record: &Record, log: &str, out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(op) = plan.ops.get(at) {
        at += 1;
        match op {
            Op::Open { mask, skip, text } => {
                if mask.meets(&record.present) {
                    out.extend_from_slice(text.as_bytes());
                } else {
                    at = *skip;
                }
            }
            Op::Close(bracket) => close(out, *bracket),
            Op::Literal { text, .. } => out.extend_from_slice(text.as_bytes()),
            Op::Text {
                cell, text, end, ..
            } => {
                if record.has(*cell) {
                    put(out, text, record.bytes_of(record.cell(*cell), log), end);
                }
            }
            Op::Message { cell, text, .. } => {
                if record.has(*cell) {
                    // The one value that is JSON itself: it was kept as the content of a string.
                    put(out, text, record.text(*cell, log).as_bytes(), ",");
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
                            put(out, text, record.bytes_of(item.value, log), end);
                        }
                    } else {
                        put(out, text, record.bytes_of(record.cell(cell), log), end);
                    }
                }
                if *leaves {
                    write_leaves(plan, record, log, out);
                }
            }
            Op::Elements { parts } => {
                for position in positions(parts, record) {
                    out.push(b'{');
                    for (cell, before, after, _) in parts {
                        if let Some(value) = item(record, *cell, position) {
                            put(out, before, record.bytes_of(value, log), after);
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

fn put(out: &mut Vec<u8>, before: &str, value: &[u8], after: &str) {
    out.extend_from_slice(before.as_bytes());
    out.extend_from_slice(value);
    out.extend_from_slice(after.as_bytes());
}

fn close(out: &mut Vec<u8>, bracket: u8) {
    match out.last_mut() {
        Some(last) if *last == b',' => *last = bracket,
        _ => out.push(bracket),
    }
    out.push(b',');
}

/// The positions at which one of the parts has an element, in order.
pub fn positions(parts: &[(u16, String, String, usize)], record: &Record) -> Vec<u32> {
    let is_part = |cell: u16| parts.iter().any(|part| part.0 == cell);
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
        put(out, &key, b"\":\"", "");
        put(out, "", record.bytes_of(value, log), "\",");
    }
    if record.truncated {
        put(out, "\"", TRUNCATED.as_bytes(), "\":\"true\",");
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
            let twins = (0..at).filter(|before| path(*before) == Some(key)).count();
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
