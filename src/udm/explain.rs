//! How each field of an event came about: the plan's own operations, told instead of written.

use crate::json::{Cursor, cut_short};
use crate::normalizer::Normalizer;
use crate::out::Sink;
use crate::plan::{Action, NONE, Op, Plan, Target};
use crate::reader::Reader;
use crate::record::Cell;
use crate::row::{Logic, Row};
use crate::writer::{End, item, leaves, positions};
use crate::{Batch, Error, Options};

/// How one field of an event came about, or why a row did not set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derivation {
    /// The UDM path in proto names: `principal.ip[0]`, `additional["Reason"]`; empty for a log without an event.
    pub path: String,
    /// The field's value as text; none for a row that could have set the path.
    pub value: Option<String>,
    /// Where the value stood in the log: `data.Data.GroupId`.
    pub raw_path: Option<String>,
    /// The number of the mapping row, as the source's table prints it.
    pub row: String,
    /// What the row does, in words.
    pub logic: String,
    /// Why the row did not set the path, or why the log gave no event.
    pub missed: Option<String>,
}

/// The derivations of every field of the log's events, in the order of the event; `metadata.product_log_id`, the
/// first of all, and a path that comes again begin the next event. With a `field` (a UDM path, or the start of one,
/// in either spelling) only those below it, and the rows that could have set it and did not. Put together, the
/// derivations of a log give its event.
///
/// # Errors
/// When no source has the log type, an option cannot be used, or no row sets the field.
pub fn explain(
    log: &[u8],
    options: &Options,
    field: Option<&str>,
) -> Result<Vec<Derivation>, Error> {
    let mut reader = Reader::new(options)?;
    let field = field.map(field_path);
    if let Some(field) = &field {
        reader.check_field(field)?;
    }
    let mut derivations = Vec::new();
    let mut batch = Batch::default();
    {
        let mut see = |normalizer: &Normalizer, log: &str| {
            let mut teller = Teller {
                normalizer,
                log,
                told: Vec::new(),
                lists: Vec::new(),
            };
            teller.tell();
            if let Some(field) = &field {
                teller
                    .told
                    .retain(|it| is_below(&field_path(&it.path), field));
                teller.tell_missed(field);
            }
            derivations.append(&mut teller.told);
        };
        let mut sink = Sink::Records(&mut see);
        reader.push_into(log, &mut sink, &mut batch);
        reader.finish_into(&mut sink, &mut batch);
    }
    let rejected = batch.rejections.into_iter().map(|it| it.reason);
    let handshakes = batch
        .notes
        .into_iter()
        .filter(|it| it.row == "handshake")
        .map(|it| it.message);
    derivations.extend(rejected.chain(handshakes).map(|reason| Derivation {
        path: String::new(),
        value: None,
        raw_path: None,
        row: String::new(),
        logic: String::new(),
        missed: Some(reason),
    }));
    Ok(derivations)
}

impl Reader {
    fn check_field(&self, field: &str) -> Result<(), Error> {
        let normalizer = self.normalizer();
        let known = normalizer
            .plan
            .targets
            .iter()
            .any(|it| is_below(&target_path(it), field));
        let mut skipped = skipped(normalizer.plan.rows, field);
        if known || field == "additional" || skipped.next().is_some() {
            return Ok(());
        }
        let log_type = normalizer.source.log_type;
        let expected = format!("expected a UDM path that a row of {log_type} sets");
        Err(Error::InvalidOption(format!(
            "{expected}, but found `{}`",
            cut_short(field, 60)
        )))
    }
}

/// A path without positions, in proto names: what rows and users mean by a field.
fn field_path(path: &str) -> String {
    let mut plain = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('[') {
        plain.push_str(&proto_names(before));
        let (inside, after) = after.split_once(']').unwrap_or((after, ""));
        if let Some(key) = inside.strip_prefix('"') {
            // A key may hold a bracket itself.
            let whole = rest.get(before.len() + 2..).unwrap_or_default();
            let (key, after) = whole.split_once("\"]").unwrap_or((key, after));
            plain.push_str(&format!("[{}]", key.trim_end_matches('"')));
            rest = after;
        } else {
            rest = after;
        }
    }
    plain.push_str(&proto_names(rest));
    plain.replacen("additional.fields", "additional", 1)
}

fn proto_names(path: &str) -> String {
    let mut names = String::with_capacity(path.len() + 8);
    for character in path.chars() {
        if character.is_ascii_uppercase() {
            names.push('_');
        }
        names.push(character.to_ascii_lowercase());
    }
    names
}

fn target_path(target: &Target) -> String {
    let path = field_path(target.path);
    if target.key.is_empty() {
        path
    } else {
        format!("{path}[{}]", target.key)
    }
}

fn is_below(path: &str, field: &str) -> bool {
    path.strip_prefix(field)
        .is_some_and(|rest| matches!(rest.bytes().next(), None | Some(b'.' | b'[')))
}

/// The rows for a field, or for one below it, that are not applied.
fn skipped<'a>(rows: &'static [Row], field: &'a str) -> impl Iterator<Item = &'static Row> + 'a {
    let is_skipped = |row: &&Row| matches!(row.logic, Logic::Skip(_));
    let is_here = move |row: &&Row| is_below(&field_path(row.udm), field);
    rows.iter().filter(is_skipped).filter(is_here)
}

struct Teller<'a> {
    normalizer: &'a Normalizer,
    log: &'a str,
    told: Vec<Derivation>,
    /// The elements of repeated messages that were met, by their names in the plan.
    lists: Vec<String>,
}

impl<'a> Teller<'a> {
    fn plan(&self) -> &'a Plan {
        self.normalizer.plan
    }

    fn row(&self, row: u16) -> Option<&'static Row> {
        self.plan().rows.get(row as usize)
    }

    /// Tells what [`crate::writer::write`] writes, operation by operation.
    fn tell(&mut self) {
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

    /// Where a row's raw field stands, or those of its function's fields that are there.
    fn raw_of(&self, row: u16) -> Option<String> {
        let plan = self.plan();
        let record = &self.normalizer.record;
        let raw = self.row(row)?.raw;
        let cells = match plan
            .nodes
            .iter()
            .position(|node| node.path == raw && raw != "N/A")
        {
            Some(cell) => vec![cell as u16],
            None => self.inputs_of(row).to_vec(),
        };
        let is_raw = |cell: &&u16| (**cell as usize) < plan.nodes.len() && record.has(**cell);
        let paths = cells
            .iter()
            .filter(is_raw)
            .filter_map(|cell| self.path_of(record.cell(*cell)));
        let paths: Vec<String> = paths.collect();
        (!paths.is_empty()).then(|| paths.join(", "))
    }

    fn inputs_of(&self, row: u16) -> &'a [u16] {
        let step = self.plan().steps.iter().find(|step| step.row == row);
        match step.map(|step| &step.action) {
            Some(
                Action::With(_, inputs) | Action::Json(_, inputs) | Action::Remembered(_, inputs),
            ) => inputs,
            _ => &[],
        }
    }

    /// The keys that lead to a value in the log.
    fn path_of(&self, value: Cell) -> Option<String> {
        if value.in_scratch || value.piece.end == 0 {
            return None;
        }
        let mut path = String::new();
        let mut cursor = Cursor::new(self.log);
        let at = value.piece.start as usize;
        lead_to(&mut cursor, at, &mut path)?;
        Some(path)
    }

    /// Tells the rows that could have set a field and did not.
    fn tell_missed(&mut self, field: &str) {
        let record = &self.normalizer.record;
        for target in &self.plan().targets {
            if !is_below(&target_path(target), field) {
                continue;
            }
            for row in &target.rows {
                let is_set = record.has(target.cell);
                let setter = if target.direct {
                    *row
                } else {
                    record.row_of(target.cell)
                };
                if is_set && setter == *row {
                    continue;
                }
                let Some(it) = self.row(*row) else { continue };
                let missed = match self.row(setter) {
                    Some(setter) if is_set => format!("row {} has set it", setter.number),
                    _ => self.why_not(*row, it),
                };
                let key = if target.key.is_empty() {
                    String::new()
                } else {
                    format!("[\"{}\"]", target.key)
                };
                self.told.push(Derivation {
                    path: format!("{}{key}", field_path(target.path)),
                    value: None,
                    raw_path: (it.raw != "N/A").then(|| it.raw.to_owned()),
                    row: it.number.to_owned(),
                    logic: it.logic.words(),
                    missed: Some(missed),
                });
            }
        }
        for row in skipped(self.plan().rows, field) {
            self.told.push(Derivation {
                path: field_path(row.udm),
                value: None,
                raw_path: (row.raw != "N/A").then(|| row.raw.to_owned()),
                row: row.number.to_owned(),
                logic: row.logic.words(),
                missed: Some("no log sets it".to_owned()),
            });
        }
    }

    fn why_not(&self, index: u16, row: &Row) -> String {
        let plan = self.plan();
        let record = &self.normalizer.record;
        let cell = |path: &str| plan.nodes.iter().position(|node| node.path == path);
        let has = |path: &str| cell(path).is_some_and(|cell| record.has(cell as u16));
        let is_there = row.raw == "N/A" || has(row.raw);
        match row.logic {
            _ if !is_there => format!("`{}` is absent", row.raw),
            Logic::Unless(others) => {
                let other = others
                    .iter()
                    .find(|other| has(other))
                    .copied()
                    .unwrap_or_default();
                format!("`{other}` is there")
            }
            Logic::With(_, inputs, _) => {
                let texts = self
                    .inputs_of(index)
                    .iter()
                    .zip(inputs)
                    .filter_map(|(cell, path)| {
                        let text = record.has(*cell).then(|| record.text(*cell, self.log))?;
                        Some(format!("`{path}` = `{}`", cut_short(&text, 40)))
                    });
                let texts: Vec<String> = texts.take(3).collect();
                match texts.is_empty() {
                    true => format!("none of its fields is there: {}", inputs.join(", ")),
                    false => format!("nothing comes of {}", texts.join(", ")),
                }
            }
            _ => "the value could not be read".to_owned(),
        }
    }
}

/// Adds the keys and positions between the cursor's value and the value that begins at `at`.
fn lead_to(cursor: &mut Cursor, at: usize, path: &mut String) -> Option<()> {
    let first = cursor.skip_space();
    if cursor.at == at {
        return Some(());
    }
    let close = match first {
        Some(b'{') => b'}',
        Some(b'[') => b']',
        _ => return Some(()),
    };
    let mut position = 0;
    let mut more = cursor.enter(close).ok()?;
    while more {
        let step = if close == b'}' {
            let key = cursor.key().ok()?;
            cursor
                .text()
                .get(key.start as usize..key.end as usize)?
                .to_owned()
        } else {
            position += 1;
            format!("[{}]", position - 1)
        };
        let mut after = *cursor;
        after.skip_value().ok()?;
        if after.at > at {
            if close == b'}' && !path.is_empty() {
                path.push('.');
            }
            path.push_str(&step);
            return lead_to(cursor, at, path);
        }
        *cursor = after;
        more = cursor.another(close).ok()?;
    }
    None
}
