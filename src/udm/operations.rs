//! Compiles the writing half of a plan: from UDM paths to the operations that print an event.

use crate::fields::{FIELDS, Kind};
use crate::json;
use crate::plan::{ALWAYS_CELL, Entry, LEAVES_CELL, Many, NONE, Op, Part, Target, is_literal};
use crate::record::Mask;
use crate::row::{Logic, Row};
use crate::writer::{End, Literals};
use crate::{FieldNames, Options};

/// The operations that print the targets' values in the order of [`FIELDS`], and the texts between the values.
pub fn operations(targets: &[Target], rows: &[Row], options: &Options) -> (Vec<Op>, Literals) {
    let mut literals = Literals::default();
    let mut by_field: Vec<Vec<(usize, &Target)>> = vec![Vec::new(); FIELDS.len()];
    for (index, target) in targets.iter().enumerate() {
        if let Some(field) = by_field.get_mut(target.field) {
            field.push((index, target));
        }
    }
    let mut ops = vec![Op::Open {
        mask: Mask::default(),
        skip: 0,
        text: literals.add("{"),
    }];
    let mut open = vec![(0, String::new(), false)];
    for ((path, kind), targets) in FIELDS.iter().zip(by_field) {
        let labels = *path == "metadata.ingestion_labels" && !options.labels.is_empty();
        if targets.is_empty() && !labels {
            continue;
        }
        let (containers, leaf) = containers(path);
        let shared = open
            .iter()
            .skip(1)
            .zip(&containers)
            .take_while(|((_, open, _), (path, _))| open == path)
            .count();
        while open.len() > shared + 1 {
            close(&mut ops, &mut open);
        }
        for (path, text) in containers.into_iter().skip(shared) {
            let named = names(&text, options.field_names);
            open.push((ops.len(), path, text.ends_with('[')));
            ops.push(Op::Open {
                mask: Mask::default(),
                skip: 0,
                text: literals.add(&named),
            });
        }
        let key = names(&format!("\"{leaf}\":"), options.field_names);
        let mut mask = Mask::default();
        targets
            .iter()
            .for_each(|(_, target)| mask.insert(target.cell));
        match (kind, targets.as_slice()) {
            (Kind::Labels, []) => {
                mask.insert(ALWAYS_CELL);
                let text = literals.add(&ingestion_labels(&key, options));
                ops.push(Op::Literal {
                    text,
                    path,
                    row: NONE,
                });
            }
            (Kind::Labels | Kind::Fields, _) => {
                let is_fields = *kind == Kind::Fields;
                if is_fields {
                    mask.insert(LEAVES_CELL);
                } else {
                    open.push((ops.len(), (*path).to_owned(), true));
                    let text = literals.add(&format!("{key}["));
                    ops.push(Op::Open {
                        mask: Mask::default(),
                        skip: 0,
                        text,
                    });
                }
                ops.push(many(&mut literals, &targets, is_fields));
            }
            (Kind::PerElement, [(target, it)]) => {
                // The fields of one list become one operation.
                let tail = path.split_once("[].").map_or(*path, |path| path.1);
                let before = member(tail, options.field_names);
                let part = Part {
                    cell: it.cell,
                    before: literals.add(&before),
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
                    text: literals.add(&format!("{key}\"{text}\",")),
                    path,
                    row,
                });
            }
            (Kind::Message, [(target, it)]) => {
                ops.push(Op::Text {
                    cell: it.cell,
                    text: literals.add(&key),
                    end: End::JSON,
                    target: *target,
                });
            }
            (Kind::Texts, [(target, it)]) => {
                let text = literals.add(&format!("{key}[\""));
                let end = End::TEXTS;
                ops.push(Op::Text {
                    cell: it.cell,
                    text,
                    end,
                    target: *target,
                });
            }
            (_, [(target, it), ..]) => {
                let text = literals.add(&format!("{key}\""));
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
    (ops, literals)
}

fn close(ops: &mut Vec<Op>, open: &mut Vec<(usize, String, bool)>) {
    let end = ops.len() + 1;
    if let Some((at, _, is_array)) = open.pop()
        && let Some(Op::Open { skip, .. }) = ops.get_mut(at)
    {
        *skip = end as u32;
        ops.push(Op::Close(if is_array { b']' } else { b'}' }));
    }
}

/// The objects and arrays around a path's field, each with its own path and its opening text, and the field's name.
fn containers(path: &str) -> (Vec<(String, String)>, &str) {
    let (parents, leaf) = path.rsplit_once('.').unwrap_or(("", path));
    let mut all = Vec::new();
    let mut so_far = String::new();
    if path.contains("[].") && path.starts_with("about") {
        return (vec![("about".to_owned(), "\"about\":[".to_owned())], leaf);
    }
    for segment in parents.split('.') {
        let (name, key) = split_segment(segment);
        so_far = format!("{so_far}.{name}");
        match key {
            None => all.push((so_far.clone(), format!("\"{name}\":{{"))),
            Some(key) => {
                all.push((so_far.clone(), format!("\"{name}\":[")));
                so_far = format!("{so_far}[{key}]");
                all.push((so_far.clone(), "{".to_owned()));
            }
        }
    }
    (all, leaf)
}

fn split_segment(segment: &str) -> (&str, Option<&str>) {
    match segment
        .strip_suffix(']')
        .and_then(|segment| segment.split_once('['))
    {
        Some((name, key)) => (name, Some(key)),
        None => (segment, None),
    }
}

/// What stands before the value of a member of a member: `user.userid`.
fn member(path: &str, spelling: FieldNames) -> String {
    let keys: Vec<String> = path.split('.').map(|key| format!("\"{key}\":")).collect();
    format!("{}\"", names(&keys.join("{"), spelling))
}

fn many(literals: &mut Literals, targets: &[(usize, &Target)], is_fields: bool) -> Op {
    let mut mask = Mask::default();
    let mut by_cell = vec![NONE; Mask::CELLS];
    let mut entries = Vec::new();
    for (target, it) in targets {
        mask.insert(it.cell);
        if let Some(entry) = by_cell.get_mut(it.cell as usize) {
            *entry = entries.len() as u16;
        }
        let mut key = Vec::new();
        json::push_escaped(&mut key, it.key);
        let key = String::from_utf8_lossy(&key);
        let text = if is_fields {
            format!("\"{key}\":\"")
        } else {
            format!("{{\"key\":\"{key}\",\"value\":\"")
        };
        entries.push(Entry {
            before: literals.add(&text),
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

fn ingestion_labels(key: &str, options: &Options) -> String {
    let mut text = format!("{key}[").into_bytes();
    let rbac_enabled = names("\"rbac_enabled\"", options.field_names);
    for label in &options.labels {
        text.extend_from_slice(b"{\"key\":\"");
        json::push_escaped(&mut text, &label.key);
        text.push(b'"');
        if !label.value.is_empty() {
            text.extend_from_slice(b",\"value\":\"");
            json::push_escaped(&mut text, &label.value);
            text.push(b'"');
        }
        if label.rbac_enabled {
            text.extend_from_slice(format!(",{rbac_enabled}:true").as_bytes());
        }
        text.extend_from_slice(b"},");
    }
    text.pop();
    text.extend_from_slice(b"],");
    String::from_utf8_lossy(&text).into_owned()
}

/// Proto names in the wanted spelling; everything else stays.
fn names(text: &str, spelling: FieldNames) -> String {
    match spelling {
        FieldNames::Proto => text.to_owned(),
        FieldNames::LowerCamel => lower_camel(text),
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
