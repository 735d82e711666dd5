//! Applies the table: one step after the other, each from the cells that it reads to the cell that it fills.

use std::borrow::Cow;

use super::{Normalizer, add_leaf, note, raw_of, unread};
use crate::Note;
use crate::json::Piece;
use crate::keys;
use crate::plan::{Action, NAMESPACE_CELL, NONE, Step};
use crate::record::{Cell, Record};
use crate::row::{Facts, Inputs};

/// How many texts a row's function may have answered before the answers are forgotten.
const MAX_REMEMBERED: usize = 2048;
/// The longest text that is remembered, in bytes.
const MAX_REMEMBERED_TEXT: usize = 512;

/// A text, and what a row's function made of it.
pub(super) struct Remembered {
    text: String,
    made: Option<String>,
}

impl Normalizer {
    /// Applies the table's steps to the record in hand.
    #[inline(never)]
    pub(super) fn apply_rows(&mut self, log: &str, event_index: u32, notes: &mut Vec<Note>) {
        let plan = self.plan;
        let note = |row, message| note(plan, event_index, row, message);
        for misfit in &self.misfits {
            let message = format!(
                "expected a text at `{}`, but found {}",
                misfit.path, misfit.found
            );
            notes.push(note(misfit.row, message));
        }
        self.words
            .read(plan, &mut self.record, log, |record, row, what, cell| {
                let message = unread(plan, row, what, &record.text(cell, log));
                notes.push(note(row, message));
            });
        let names = self.names;
        let made_text = &mut self.made_text;
        let record = &mut self.record;
        if let Some(namespace) = &self.namespace {
            record.fill(NAMESPACE_CELL, NONE, namespace);
        }
        for step in &plan.steps {
            let is_there = step.input == NONE || record.has(step.input);
            if !is_there || record.has(step.output) {
                continue;
            }
            match &step.action {
                Action::Join(choice, cells) => {
                    let (present, words) = (&record.present, &self.words);
                    let chosen = choice(&Facts {
                        present,
                        words,
                        cells,
                    });
                    let cell = |at: usize| cells.get(at).filter(|cell| record.has(**cell));
                    let chosen = chosen.map(|at| at.and_then(cell).map(|it| record.cell(*it)));
                    if chosen.iter().any(Option::is_some) {
                        record.fill_joined(step.output, step.row, chosen, log);
                    }
                }
                Action::Const(text) => record.fill(step.output, step.row, text),
                Action::With(function, cells) => {
                    let made = function(&Inputs {
                        record,
                        log,
                        cells,
                        names,
                    });
                    if let Some(made) = made.map(|made| place(made, log, made_text)) {
                        fill(record, step, made, made_text);
                    }
                }
                Action::Json(function, cells) => {
                    let made = function(&Inputs {
                        record,
                        log,
                        cells,
                        names,
                    });
                    if let Some(made) = made.map(Cow::into_owned) {
                        record.fill_json(step.output, step.row, &made);
                    }
                }
                Action::Remembered(function, cells) => {
                    let key = record.json(step.input, log);
                    let hash = keys::hash(key);
                    if let Some(known) = self.remembered.get(&hash)
                        && keys::equal(&known.text, key)
                    {
                        if let Some(json) = &known.made {
                            record.fill_json(step.output, step.row, json);
                        }
                        continue;
                    }
                    let key = (key.len() <= MAX_REMEMBERED_TEXT).then(|| key.to_owned());
                    let made = function(&Inputs {
                        record,
                        log,
                        cells,
                        names,
                    });
                    let made = made.map(Cow::into_owned);
                    if let Some(json) = &made {
                        record.fill_json(step.output, step.row, json);
                    }
                    if let Some(text) = key {
                        if self.remembered.len() >= MAX_REMEMBERED {
                            self.remembered.clear();
                        }
                        self.remembered.insert(hash, Remembered { text, made });
                    }
                }
                Action::Parse(what, parse) => {
                    let text = record.text(step.input, log);
                    let made = parse(&text).map(|made| place(made, log, made_text));
                    match made {
                        // Borrowed from a text whose escapes are gone.
                        Some(Place::Plain) if matches!(text, Cow::Owned(_)) => {
                            fill(record, step, Place::Text, made_text);
                        }
                        Some(made) => fill(record, step, made, made_text),
                        None => {
                            let message = unread(plan, step.row, what, &text);
                            notes.push(note(step.row, message));
                            let raw = raw_of(plan, step.row);
                            add_leaf(record, raw, record.cell(step.input), step.row);
                        }
                    }
                }
                by_shape => {
                    if let Some(given) = by_shape.given(step.input, &record.present, &self.words) {
                        record.fill_given(step.output, step.row, given);
                    }
                }
            }
        }
    }
}

impl Normalizer {
    /// Applies the rows that go by the log's shape, too, which an event does not need: its layout knows what they give.
    pub(super) fn settle(&mut self) {
        let record = &mut self.record;
        let mut present = record.present;
        let fill = |cell, row, given| record.fill_given(cell, row, given);
        self.plan.settle(&self.words, &mut present, fill);
    }
}

/// What a row's function made.
enum Place {
    /// A piece of the log.
    Log(Cell),
    /// A constant, or a text of another cell: it needs no escapes, or would not be borrowed.
    Plain,
    /// Any other text.
    Text,
}

/// Where a text that was made stands in the log, if it is a piece of it; else it is put into `made_text`. What was
/// borrowed from a text with escapes is no piece of the log.
#[inline]
fn place(made: Cow<str>, log: &str, made_text: &mut String) -> Place {
    let Cow::Borrowed(text) = made else {
        made_text.clear();
        made_text.push_str(&made);
        return Place::Text;
    };
    if let Some(start) = (text.as_ptr() as usize).checked_sub(log.as_ptr() as usize)
        && start + text.len() <= log.len()
    {
        let (start, end) = (start as u32, (start + text.len()) as u32);
        let escaped = false;
        return Place::Log(Cell {
            piece: Piece {
                start,
                end,
                escaped,
            },
            in_scratch: false,
        });
    }
    made_text.clear();
    made_text.push_str(text);
    Place::Plain
}

#[inline]
fn fill(record: &mut Record, step: &Step, made: Place, text: &str) {
    match made {
        Place::Log(value) => record.fill_from(step.output, step.row, value),
        Place::Plain => record.fill_json(step.output, step.row, text),
        Place::Text => record.fill(step.output, step.row, text),
    }
}
