//! Tells what is not in the event: the rows that could have set a field, and why they did not.

use super::paths::{field_path, is_below, target_path};
use super::{Derivation, Teller};
use crate::json::cut_short;
use crate::plan::{Target, is_literal, split_target};
use crate::row::{Logic, Row, condition};

impl Teller<'_> {
    /// Tells the rows that could have set a field and did not.
    pub(super) fn tell_missed(&mut self, field: &str) {
        let record = &self.normalizer.record;
        for target in &self.plan().targets {
            // A text that stands in every event is set.
            let is_set = is_literal(target, self.plan().rows);
            if is_set || !is_below(&target_path(target), field) {
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
        let record = &self.normalizer.record;
        let has = |path: &'static str| self.cell_of(path).is_some_and(|cell| record.has(cell));
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
            Logic::If(others) | Logic::ConstIf(_, others) => {
                let other = others.iter().find(|other| !has(other)).copied();
                format!("`{}` is absent", other.unwrap_or_default())
            }
            Logic::Of([other], _) => format!("`{other}` is absent"),
            Logic::Pick(_, inputs, _) | Logic::Join(_, inputs, _) | Logic::With(_, inputs, _) => {
                let texts = self
                    .inputs_of(index)
                    .iter()
                    .zip(inputs)
                    .filter_map(|(cell, path)| {
                        if !record.has(*cell) {
                            return None;
                        }
                        if condition(path).is_some() {
                            return Some(format!("`{path}`"));
                        }
                        let text = record.text(*cell, self.log);
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

impl Teller<'_> {
    /// The cell of a raw path, of a condition or of a UDM path.
    fn cell_of(&self, path: &'static str) -> Option<u16> {
        let plan = self.plan();
        let node = || Some(plan.nodes.iter().position(|node| node.path == path)? as u16);
        let mut conditions = plan.words.iter().flat_map(|it| &it.conditions);
        let condition = || conditions.find(|it| it.0 == path).map(|it| it.1);
        let (udm, key) = split_target(path);
        let is_target = |it: &&Target| it.path == udm && it.key == key;
        let target = || plan.targets.iter().find(is_target).map(|it| it.cell);
        node().or_else(condition).or_else(target)
    }
}

/// The rows for a field, or for one below it, that are not applied.
pub(super) fn skipped<'a>(
    rows: &'static [Row],
    field: &'a str,
) -> impl Iterator<Item = &'static Row> + 'a {
    let is_skipped = |row: &&Row| matches!(row.logic, Logic::Skip(_));
    let is_here = move |row: &&Row| is_below(&field_path(row.udm), field);
    rows.iter().filter(is_skipped).filter(is_here)
}
