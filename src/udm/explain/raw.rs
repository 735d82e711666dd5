//! Finds where in the log a value came from.

use super::Teller;
use crate::json::Cursor;
use crate::plan::Action;
use crate::record::Cell;

impl<'a> Teller<'a> {
    /// Where a row's raw field stands, or those of its function's fields that are there.
    pub(super) fn raw_of(&self, row: u16) -> Option<String> {
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

    pub(super) fn inputs_of(&self, row: u16) -> &'a [u16] {
        let mut steps = self.plan().steps.iter().chain(&self.plan().by_shape);
        let step = steps.find(|step| step.row == row);
        match step.map(|step| &step.action) {
            Some(
                Action::With(_, inputs)
                | Action::Json(_, inputs)
                | Action::Remembered(_, inputs)
                | Action::Join(_, inputs)
                | Action::Pick(_, inputs),
            ) => inputs,
            _ => &[],
        }
    }

    /// The keys that lead to a value in the log.
    pub(super) fn path_of(&self, value: Cell) -> Option<String> {
        if value.in_scratch || value.piece.end == 0 {
            return None;
        }
        let mut path = String::new();
        let mut cursor = Cursor::new(self.log);
        let at = value.piece.start as usize;
        lead_to(&mut cursor, at, &mut path)?;
        Some(path)
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
