//! Tells what stands in the event: the plan's own operations, told instead of written.

use super::paths::proto_names;
use super::{Derivation, Teller};
use crate::plan::{NONE, Op, Target};
use crate::record::Cell;
use crate::writer::{End, item, leaves, positions};

impl Teller<'_> {
    /// Tells what [`crate::writer::write`] writes, operation by operation.
    pub(super) fn tell(&mut self) {
        let record = &self.normalizer.record;
        let mut at = 0;
        while let Some(op) = self.plan().ops.get(at) {
            at += 1;
            match op {
                Op::Open { mask, skip, .. } if !mask.meets(&record.present) => at = *skip as usize,
                Op::Open { .. } | Op::Close(_) => {}
                Op::Literal { text, path, row } => {
                    let member = self.plan().literals.text(*text).trim_end_matches(',');
                    self.tell_json(&format!("{{{member}}}"), path, *row);
                }
                Op::Text {
                    cell, end, target, ..
                } if record.has(*cell) => {
                    let Some(target) = self.plan().targets.get(*target) else {
                        continue;
                    };
                    if *end == End::JSON {
                        let text = format!("{{\"\":{}}}", record.text(*cell, self.log));
                        self.tell_json(&text, target.path, record.row_of(*cell));
                        continue;
                    }
                    let mut path = self.numbered(target.path);
                    if *end == End::TEXTS {
                        path.push_str("[0]");
                    }
                    self.tell_cell(path, target, record.cell(*cell));
                }
                Op::Text { .. } => {}
                Op::Many(many) => {
                    let mut count = 0;
                    for (cell, entry) in many.of(&record.present) {
                        let Some(target) = self.plan().targets.get(entry.target) else {
                            continue;
                        };
                        let values: Vec<Cell> = if entry.is_array {
                            let items = record.items.iter().filter(|item| item.cell == cell);
                            items.map(|item| item.value).collect()
                        } else {
                            vec![record.cell(cell)]
                        };
                        for value in values {
                            self.tell_entry(target, value, &mut count);
                        }
                    }
                    if many.leaves {
                        self.tell_leaves();
                    }
                }
                Op::Elements { parts } => {
                    for (index, position) in positions(parts, record).into_iter().enumerate() {
                        for part in parts {
                            let target = self.plan().targets.get(part.target);
                            let value = item(record, part.cell, position);
                            let (Some(target), Some(value)) = (target, value) else {
                                continue;
                            };
                            let path = target.path.replacen("[]", &format!("[{index}]"), 1);
                            self.tell_cell(path, target, value);
                        }
                    }
                }
            }
        }
    }

    fn tell_cell(&mut self, path: String, target: &Target, value: Cell) {
        let record = &self.normalizer.record;
        let row = match target.direct {
            true => target.rows.first().copied().unwrap_or(NONE),
            false => record.row_of(target.cell),
        };
        let text = record.text_of(value, self.log).into_owned();
        let raw_path = if value.in_scratch {
            self.raw_of(row)
        } else {
            self.path_of(value)
        };
        self.push(path, text, raw_path, row);
    }

    fn tell_entry(&mut self, target: &Target, value: Cell, count: &mut usize) {
        if target.path == "additional.fields" {
            return self.tell_cell(format!("additional[\"{}\"]", target.key), target, value);
        }
        let path = format!("{}[{count}]", self.numbered(target.path));
        *count += 1;
        let row = match target.direct {
            true => target.rows.first().copied().unwrap_or(NONE),
            false => self.normalizer.record.row_of(target.cell),
        };
        self.push(format!("{path}.key"), target.key.to_owned(), None, row);
        self.tell_cell(format!("{path}.value"), target, value);
    }

    fn tell_leaves(&mut self) {
        let record = &self.normalizer.record;
        let all: Vec<_> = leaves(self.plan(), record)
            .map(|(key, leaf)| {
                (
                    crate::json::unescape(&key).into_owned(),
                    leaf.value,
                    leaf.row,
                )
            })
            .collect();
        for (key, value, row) in all {
            let text = record.text_of(value, self.log).into_owned();
            let raw_path = self.path_of(value);
            self.push(format!("additional[\"{key}\"]"), text, raw_path, row);
        }
        if record.truncated {
            let truncated = self.plan().truncated;
            let path = format!("additional[\"{truncated}\"]");
            let logic = "more values without a row than are kept".to_owned();
            let (value, row) = (Some("true".to_owned()), truncated.to_owned());
            self.told.push(Derivation {
                path,
                value,
                raw_path: None,
                row,
                logic,
                missed: None,
            });
        }
    }

    /// Tells the scalars of a member that stands as JSON in the event.
    fn tell_json(&mut self, object: &str, path: &'static str, row: u16) {
        let Ok(serde_json::Value::Object(members)) = serde_json::from_str(object) else {
            return;
        };
        let Some((_, value)) = members.into_iter().next() else {
            return;
        };
        let path = self.numbered(path);
        self.tell_value(path, &value, row);
    }

    fn tell_value(&mut self, path: String, value: &serde_json::Value, row: u16) {
        match value {
            serde_json::Value::Object(members) => {
                for (key, value) in members {
                    self.tell_value(format!("{path}.{}", proto_names(key)), value, row);
                }
            }
            serde_json::Value::Array(elements) => {
                for (index, value) in elements.iter().enumerate() {
                    self.tell_value(format!("{path}[{index}]"), value, row);
                }
            }
            serde_json::Value::String(text) => {
                let raw_path = self.raw_of(row);
                self.push(path, text.clone(), raw_path, row);
            }
            other => self.push(path, other.to_string(), None, row),
        }
    }

    fn push(&mut self, path: String, value: String, raw_path: Option<String>, row: u16) {
        let (row, logic) = match self.row(row) {
            Some(row) => (row.number.to_owned(), row.logic.words()),
            None => ("option".to_owned(), "an option of the caller".to_owned()),
        };
        self.told.push(Derivation {
            path,
            value: Some(value),
            raw_path,
            row,
            logic,
            missed: None,
        });
    }

    /// A plan's path with positions for the names of elements.
    fn numbered(&mut self, path: &str) -> String {
        let mut numbered = String::new();
        for segment in path.split('.') {
            if !numbered.is_empty() {
                numbered.push('.');
            }
            match segment
                .strip_suffix(']')
                .and_then(|segment| segment.split_once('['))
            {
                None => numbered.push_str(segment),
                Some((name, key)) => {
                    let list = format!("{numbered}{name}[");
                    let element = format!("{list}{key}");
                    if !self.lists.contains(&element) {
                        self.lists.push(element.clone());
                    }
                    let mut same = self.lists.iter().filter(|it| it.starts_with(&list));
                    let index = same.position(|it| *it == element).unwrap_or(0);
                    numbered.push_str(&format!("{name}[{index}]"));
                }
            }
        }
        numbered
    }
}
