//! One log to its event: scan, rows, limits, writing.

use std::borrow::Cow;

use crate::envelope::HANDSHAKES;
use crate::guess::Guesses;
use crate::json::{self, Piece};
use crate::keys::{self, TextMap};
use crate::layout::Layouts;
use crate::plan::{ALWAYS_CELL, Action, LEAVES_CELL, NONE, Plan, RECORDS_CELL, Step};
use crate::record::{Cell, Leaf, Record};
use crate::row::Inputs;
use crate::scan::{Found, MAX_LEAF_BYTES, MAX_LEAVES, Misfit, Stop, scan};
use crate::writer::{Page, write};
use crate::{Error, FieldNames, Note, Options, Source};

/// How many texts a row's function may have answered before the answers are forgotten.
const MAX_REMEMBERED: usize = 2048;
/// The longest text that is remembered, in bytes.
const MAX_REMEMBERED_TEXT: usize = 512;

/// Turns logs of one source into events.
pub struct Normalizer {
    /// The source.
    pub source: &'static Source,
    /// The source's table, compiled.
    pub plan: &'static Plan,
    /// The log in hand.
    pub record: Record,
    misfits: Vec<Misfit>,
    guesses: Guesses,
    namespace: Option<String>,
    /// The caller's labels, a list as JSON.
    labels: String,
    names: FieldNames,
    /// What a row's function made, on its way to the record.
    made_text: String,
    layouts: Layouts,
    page: Page,
    /// By the hashes of the texts.
    remembered: TextMap<u64, Remembered>,
}

/// A text, and what a row's function made of it.
struct Remembered {
    text: String,
    made: Option<String>,
}

/// What became of a record.
#[derive(Debug, PartialEq, Eq)]
pub enum Made {
    /// An event.
    Event,
    /// Part of a handshake, told by a note.
    Handshake,
}

impl Normalizer {
    /// Takes what the options say.
    ///
    /// # Errors
    /// When an option cannot be used.
    pub fn new(source: &'static Source, options: &Options) -> Result<Normalizer, Error> {
        options.check()?;
        let plan = Plan::of(source, options.field_names);
        Ok(Normalizer {
            source,
            plan,
            record: Record::new(),
            misfits: Vec::new(),
            guesses: Guesses::new(plan.levels.len()),
            namespace: options.namespace.clone(),
            labels: options.labels_as_json(),
            names: options.field_names,
            made_text: String::new(),
            layouts: Layouts::default(),
            page: Page::default(),
            remembered: TextMap::default(),
        })
    }

    /// Reads the object at the start of a text; a record is then ready for [`Normalizer::apply`].
    pub fn read(&mut self, text: &str, is_record_of_list: bool) -> Result<Found, Stop> {
        self.record.clear();
        self.misfits.clear();
        self.record.present.insert(ALWAYS_CELL);
        if is_record_of_list {
            self.record.present.insert(RECORDS_CELL);
        }
        scan(
            self.plan,
            &mut self.record,
            &mut self.misfits,
            &mut self.guesses,
            text,
        )
    }

    /// Applies the table to the record that was read from `log`. An event is then ready to be written.
    ///
    /// # Errors
    /// The reason for which the log is rejected.
    pub fn apply(
        &mut self,
        log: &str,
        event_index: u32,
        notes: &mut Vec<Note>,
    ) -> Result<Made, String> {
        if let Some(kind) = self.handshake(log) {
            let message =
                format!("`{kind}` belongs to the subscription's life and is no audit log");
            notes.push(Note {
                event_index,
                row: "handshake".to_owned(),
                message,
            });
            return Ok(Made::Handshake);
        }
        if !self.record.present.meets(&self.plan.own) {
            return Err(format!(
                "expected keys of {} logs, but found none",
                self.source.log_type
            ));
        }
        let notes_before = notes.len();
        self.apply_rows(log, event_index, notes);
        let Some(time) = self.plan.target("metadata.event_timestamp") else {
            return Err("expected a table with a row for `metadata.event_timestamp`".to_owned());
        };
        if !self.record.has(time.cell) {
            let reason = match notes.get(notes_before..).unwrap_or_default().first() {
                Some(note) if note.message.starts_with("expected a timestamp") => {
                    note.message.clone()
                }
                _ => {
                    let paths = time
                        .rows
                        .iter()
                        .filter_map(|row| self.plan.rows.get(*row as usize));
                    let paths: Vec<String> = paths.map(|row| format!("`{}`", row.raw)).collect();
                    format!(
                        "expected a timestamp at {}, but found none",
                        paths.join(" or ")
                    )
                }
            };
            notes.truncate(notes_before);
            return Err(reason);
        }
        Ok(Made::Event)
    }

    /// Appends the event of the record to which the table was applied.
    pub fn write(&mut self, log: &str, events: &mut Vec<u8>) {
        write(
            self.plan,
            &mut self.layouts,
            &mut self.record,
            log,
            &mut self.page,
            events,
        );
    }

    fn handshake(&self, log: &str) -> Option<&'static str> {
        let cell = self
            .plan
            .event_types
            .iter()
            .find(|cell| self.record.has(**cell))?;
        let text = self.record.json(*cell, log);
        HANDSHAKES.iter().find(|kind| **kind == text).copied()
    }

    #[inline(never)]
    fn apply_rows(&mut self, log: &str, event_index: u32, notes: &mut Vec<Note>) {
        let note = |row: u16, rows: &[crate::row::Row], message: String| {
            let number = rows.get(row as usize).map_or("", |row| row.number);
            Note {
                event_index,
                row: number.to_owned(),
                message,
            }
        };
        for misfit in &self.misfits {
            let message = format!(
                "expected a text at `{}`, but found {}",
                misfit.path, misfit.found
            );
            notes.push(note(misfit.row, self.plan.rows, message));
        }
        let names = self.names;
        let namespace = self.namespace.as_deref();
        let made_text = &mut self.made_text;
        let record = &mut self.record;
        for step in &self.plan.steps {
            let is_there = step.input == NONE || record.has(step.input);
            if !is_there || record.has(step.output) {
                continue;
            }
            match &step.action {
                Action::Copy => {
                    record.fill_from(step.output, step.row, record.cell(step.input));
                }
                Action::Unless(mask) if record.has(step.input) && !record.present.meets(mask) => {
                    record.fill_from(step.output, step.row, record.cell(step.input));
                }
                Action::Const(text) => record.fill(step.output, step.row, text),
                Action::With(function, cells) => {
                    let made = function(&Inputs {
                        record,
                        log,
                        cells,
                        names,
                        namespace,
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
                        namespace,
                    });
                    if let Some(made) = made.map(Cow::into_owned) {
                        record.fill_json(step.output, step.row, &made);
                    }
                }
                Action::Known(what, is_known) => {
                    let text = record.text(step.input, log);
                    if !is_known(&text) {
                        let message = unread(self.plan, step, what, &text);
                        notes.push(note(step.row, self.plan.rows, message));
                    }
                    record.fill_from(step.output, step.row, record.cell(step.input));
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
                        namespace,
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
                            let message = unread(self.plan, step, what, &text);
                            notes.push(note(step.row, self.plan.rows, message));
                            let raw = raw_of(self.plan, step.row);
                            add_leaf(record, raw, record.cell(step.input), step.row);
                        }
                    }
                }
                Action::Unless(_) => {}
            }
        }
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
            notes.push(note(row, self.plan.rows, message));
            if self.plan.named.find(raw).is_none() {
                add_leaf(record, raw, value, row);
            }
            let cut = record.keep(cut_at(&text, most));
            record.put(limit.cell, cut);
        }
        if record.left_out > 0 && self.plan.left_out != NONE {
            let message = format!("found {} keys without a row", record.left_out);
            notes.push(note(self.plan.left_out, self.plan.rows, message));
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

/// What a row expected of its raw field, and what it found.
fn unread(plan: &Plan, step: &Step, what: &str, text: &str) -> String {
    let raw = raw_of(plan, step.row);
    let found = json::cut_short(text, 60);
    format!("expected {what} at `{raw}`, but found `{found}`")
}

fn raw_of(plan: &Plan, row: u16) -> &'static str {
    plan.rows.get(row as usize).map_or("", |row| row.raw)
}

/// A text that no field can hold stays in `additional`, beyond any limit.
fn add_leaf(record: &mut Record, path: &str, value: Cell, row: u16) {
    let start = record.paths.len() as u32;
    record.paths.push_str(path);
    let path = (start, record.paths.len() as u32);
    record.leaves.push(Leaf { path, value, row });
    record.present.insert(LEAVES_CELL);
}

fn length(value: Cell) -> usize {
    (value.piece.end - value.piece.start) as usize
}

/// The longest start of a text that has at most so many bytes and ends between characters.
fn cut_at(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most))
        .unwrap_or_default()
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
