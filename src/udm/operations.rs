//! Compiles the writing half of a plan: from UDM paths to the operations that print an event.

use std::borrow::Cow;

use crate::FieldNames;
use crate::fields::{FIELDS, Kind};
use crate::plan::{ALWAYS_CELL, Entry, LEAVES_CELL, Many, NONE, Op, Part, Target, is_literal};
use crate::record::Mask;
use crate::row::{Logic, Row};
use crate::writer::{End, Literals};

/// The operations that print the targets' values in the order of [`FIELDS`], with fields in this spelling, and the texts
/// between the values.
pub fn operations(targets: &[Target], rows: &[Row], spelling: FieldNames) -> (Vec<Op>, Literals) {
    let mut literals = Literals::default();
    let mut by_field: Vec<(usize, &Target)> = targets.iter().enumerate().collect();
    by_field.sort_by_key(|(_, target)| target.field);
    let mut rest = by_field.as_slice();
    let mut ops = vec![Op::Open {
        mask: Mask::default(),
        skip: 0,
        text: literals.add(&["{"]),
    }];
    let mut open = vec![(0, "", false)];
    for (field, (path, kind)) in FIELDS.iter().enumerate() {
        let count = rest.iter().take_while(|(_, target)| target.field == field);
        let (targets, others) = rest.split_at_checked(count.count()).unwrap_or_default();
        rest = others;
        if targets.is_empty() {
            continue;
        }
        let (containers, leaf) = containers(path);
        let shared = open
            .iter()
            .skip(1)
            .zip(&containers)
            .take_while(|((_, open, _), container)| *open == container.path)
            .count();
        while open.len() > shared + 1 {
            close(&mut ops, &mut open);
        }
        for container in containers.into_iter().skip(shared) {
            open.push((ops.len(), container.path, container.is_array));
            let bracket = if container.is_array { "[" } else { "{" };
            let text = match container.name {
                "" => literals.add(&[bracket]),
                name => literals.add(&["\"", &names(name, spelling), "\":", bracket]),
            };
            ops.push(Op::Open {
                mask: Mask::default(),
                skip: 0,
                text,
            });
        }
        let key = names(leaf, spelling);
        let mut mask = Mask::default();
        targets
            .iter()
            .for_each(|(_, target)| mask.insert(target.cell));
        match (kind, targets) {
            // Lists come whole, as the caller's labels do.
            (Kind::Message | Kind::Messages | Kind::Labels, [(target, it)])
                if it.key.is_empty() =>
            {
                ops.push(Op::Text {
                    cell: it.cell,
                    text: literals.add(&["\"", &key, "\":"]),
                    end: End::JSON,
                    target: *target,
                });
            }
            (Kind::Labels | Kind::Fields, _) => {
                let is_fields = *kind == Kind::Fields;
                if is_fields {
                    mask.insert(LEAVES_CELL);
                } else {
                    open.push((ops.len(), path, true));
                    let text = literals.add(&["\"", &key, "\":["]);
                    ops.push(Op::Open {
                        mask: Mask::default(),
                        skip: 0,
                        text,
                    });
                }
                ops.push(many(&mut literals, targets, is_fields));
            }
            (Kind::PerElement, [(target, it)]) => {
                // The fields of one list become one operation.
                let tail = path.split_once("[].").map_or(*path, |path| path.1);
                let before = member(tail, spelling);
                let part = Part {
                    cell: it.cell,
                    before: literals.add(&[&before]),
                    end: End::OBJECT,
                    target: *target,
                };
                match ops.last_mut() {
                    Some(Op::Elements { parts }) => parts.push(part),
                    _ => ops.push(Op::Elements { parts: vec![part] }),
                }
            }
            (_, [(_, it)]) if is_literal(it, rows) => {
                mask.insert(ALWAYS_CELL);
                let row = it.rows.first().copied().unwrap_or(NONE);
                let text = rows.get(row as usize).map(|row| row.logic);
                let Some(Logic::Const(text)) = text else {
                    continue;
                };
                ops.push(Op::Literal {
                    text: literals.add(&["\"", &key, "\":\"", text, "\","]),
                    path,
                    row,
                });
            }
            (Kind::Texts, [(target, it)]) => {
                let text = literals.add(&["\"", &key, "\":[\""]);
                let end = End::TEXTS;
                ops.push(Op::Text {
                    cell: it.cell,
                    text,
                    end,
                    target: *target,
                });
            }
            (_, [(target, it), ..]) => {
                let text = literals.add(&["\"", &key, "\":\""]);
                let end = End::TEXT;
                ops.push(Op::Text {
                    cell: it.cell,
                    text,
                    end,
                    target: *target,
                });
            }
            (_, []) => {}
        }
        for (at, _, _) in &open {
            if let Some(Op::Open { mask: of, .. }) = ops.get_mut(*at) {
                of.union(&mask);
            }
        }
    }
    while !open.is_empty() {
        close(&mut ops, &mut open);
    }
    literals.finish();
    (ops, literals)
}

fn close(ops: &mut Vec<Op>, open: &mut Vec<(usize, &str, bool)>) {
    let end = ops.len() + 1;
    if let Some((at, _, is_array)) = open.pop()
        && let Some(Op::Open { skip, .. }) = ops.get_mut(at)
    {
        *skip = end as u32;
        ops.push(Op::Close(if is_array { b']' } else { b'}' }));
    }
}

/// An object or array around a field.
struct Container {
    path: &'static str,
    /// Its key; empty for an element of an array.
    name: &'static str,
    is_array: bool,
}

/// The objects and arrays around a path's field, and the field's name.
fn containers(path: &'static str) -> (Vec<Container>, &'static str) {
    let (parents, leaf) = path.rsplit_once('.').unwrap_or(("", path));
    let container = |end: usize, name, is_array| Container {
        path: path.get(..end).unwrap_or_default(),
        name,
        is_array,
    };
    if path.starts_with("about[].") {
        return (vec![container("about".len(), "about", true)], leaf);
    }
    if parents.is_empty() {
        return (Vec::new(), leaf);
    }
    let mut all = Vec::with_capacity(8);
    let mut start = 0;
    for segment in parents.split('.') {
        let end = start + segment.len();
        match segment.split_once('[') {
            None => all.push(container(end, segment, false)),
            Some((name, _)) => {
                all.push(container(start + name.len(), name, true));
                all.push(container(end, "", false));
            }
        }
        start = end + 1;
    }
    (all, leaf)
}

/// What stands before the value of a member of a member: `user.userid`.
fn member(path: &str, spelling: FieldNames) -> String {
    let keys: Vec<String> = path.split('.').map(|key| format!("\"{key}\":")).collect();
    format!("{}\"", names(&keys.join("{"), spelling))
}

fn many(literals: &mut Literals, targets: &[(usize, &Target)], is_fields: bool) -> Op {
    let mut mask = Mask::default();
    let mut by_cell = vec![NONE; Mask::CELLS];
    let mut entries = Vec::with_capacity(targets.len());
    for (target, it) in targets {
        mask.insert(it.cell);
        if let Some(entry) = by_cell.get_mut(it.cell as usize) {
            *entry = entries.len() as u16;
        }
        let before = if is_fields {
            literals.add_around("\"", it.key, "\":\"")
        } else {
            literals.add_around("{\"key\":\"", it.key, "\",\"value\":\"")
        };
        entries.push(Entry {
            before,
            target: *target,
            is_array: it.is_array,
        });
    }
    let end = if is_fields { End::TEXT } else { End::OBJECT };
    Op::Many(Box::new(Many {
        mask,
        by_cell,
        entries,
        end,
        leaves: is_fields,
    }))
}

/// Proto names in the wanted spelling; everything else stays.
fn names(text: &str, spelling: FieldNames) -> Cow<'_, str> {
    match spelling {
        FieldNames::Proto => Cow::Borrowed(text),
        FieldNames::LowerCamel => Cow::Owned(lower_camel(text)),
    }
}

/// Takes out each underscore and writes the letter after it in upper case, as proto3 JSON does.
pub fn lower_camel(name: &str) -> String {
    let mut upper = false;
    let mut camel = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '_' => upper = true,
            _ if upper => {
                camel.push(character.to_ascii_uppercase());
                upper = false;
            }
            _ => camel.push(character),
        }
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SOURCES;
    use crate::plan::Plan;

    #[test]
    fn what_opens_closes_and_skips_to_its_end() {
        for source in SOURCES {
            let plan = Plan::of(source, FieldNames::default());
            let mut open = Vec::new();
            for (op, after) in plan.ops.iter().zip(1..) {
                match op {
                    Op::Open { skip, .. } => open.push(*skip),
                    Op::Close(_) => assert_eq!(open.pop(), Some(after)),
                    _ => assert!(!open.is_empty()),
                }
            }
            assert!(open.is_empty());
        }
    }

    #[test]
    fn names_become_lower_camel_as_protos_do() {
        for (name, camel) in [
            ("event_timestamp", "eventTimestamp"),
            ("ip", "ip"),
            ("product_object_id", "productObjectId"),
            ("os_v2_x", "osV2X"),
            ("", ""),
        ] {
            assert_eq!(lower_camel(name), camel);
        }
    }
}
