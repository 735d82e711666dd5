//! What comes behind the rows: the caller's additions, the byte limits of fields, and notes on what was not kept.

use super::{Normalizer, add_leaf, note, raw_of};
use crate::Note;
use crate::plan::{LEAVES_CELL, NONE};
use crate::record::Cell;
use crate::scan::{MAX_LEAF_BYTES, MAX_LEAVES};

impl Normalizer {
    /// Adds what the caller says of all logs: the namespace, labels.
    pub(super) fn add_options(&mut self) {
        let record = &mut self.record;
        if let Some(namespace) = &self.namespace {
            for (mask, cell) in &self.plan.namespaces {
                if record.present.meets(mask) {
                    record.fill(*cell, NONE, namespace);
                }
            }
        }
        if !self.labels.is_empty() {
            record.fill_json(self.plan.labels, NONE, &self.labels);
        }
    }

    /// Cuts texts that are longer than their fields may be. The whole text stays in `additional`.
    pub(super) fn cut_texts(&mut self, log: &str, event_index: u32, notes: &mut Vec<Note>) {
        let record = &mut self.record;
        for limit in &self.plan.limits {
            let value = record.cell(limit.cell);
            if !record.has(limit.cell) || length(value) <= limit.most {
                continue;
            }
            let text = record.text(limit.cell, log).into_owned();
            if text.len() <= limit.most {
                continue;
            }
            let Some(target) = self.plan.targets.get(limit.target) else {
                continue;
            };
            let row = match target.direct {
                true => target.rows.first().copied().unwrap_or(NONE),
                false => record.row_of(limit.cell),
            };
            let (path, most) = (target.path, limit.most);
            let raw = match raw_of(self.plan, row) {
                "N/A" => path,
                raw => raw,
            };
            let message = format!(
                "expected at most {most} bytes for `{path}`, but found {}: the whole text stands in `additional`",
                text.len()
            );
            notes.push(note(self.plan, event_index, row, message));
            if self.plan.named.find(raw).is_none() {
                add_leaf(record, raw, value, row);
            }
            let cut = record.keep(cut_at(&text, most));
            record.put(limit.cell, cut);
        }
    }

    /// Tells of keys and values that the event does not hold.
    pub(super) fn note_left_out(&mut self, event_index: u32, notes: &mut Vec<Note>) {
        let record = &mut self.record;
        if record.left_out > 0 && self.plan.left_out != NONE {
            let message = format!("found {} keys without a row", record.left_out);
            notes.push(note(self.plan, event_index, self.plan.left_out, message));
        }
        if record.truncated {
            record.present.insert(LEAVES_CELL);
            let message = format!(
                "expected at most {MAX_LEAVES} values without a row and {MAX_LEAF_BYTES} bytes of them, but found more"
            );
            notes.push(Note {
                event_index,
                row: self.plan.truncated.to_owned(),
                message,
            });
        }
    }
}

fn length(value: Cell) -> usize {
    (value.piece.end - value.piece.start) as usize
}

/// The longest start of a text that has at most so many bytes and ends between characters.
fn cut_at(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most))
        .unwrap_or_default()
}
