//! One log to its event: scan, rows, limits, writing.

mod limits;
mod rows;

use crate::envelope::HANDSHAKES;
use crate::guess::Guesses;
use crate::json::cut_short;
use crate::keys::TextMap;
use crate::layout::Layouts;
use crate::page::{Page, WIDE};
use crate::plan::{ALWAYS_CELL, LEAVES_CELL, Plan, RECORDS_CELL};
use crate::record::{Cell, Leaf, Record};
use crate::scan::{Found, Misfit, Stop, scan};
use crate::words::Words;
use crate::writer::write;
use crate::{Error, FieldNames, Note, Options, Source};
use rows::Remembered;

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
    words: Words,
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
            // Most events find room on it.
            page: Page::of(8 * 1024 - WIDE),
            remembered: TextMap::default(),
            words: Words::new(plan),
        })
    }

    /// Reads the object at the start of a text; a record is then ready for [`Normalizer::apply`].
    pub fn read(&mut self, text: &str, is_record_of_list: bool) -> Result<Found, Stop> {
        self.record.clear();
        self.misfits.clear();
        self.record.present.insert(ALWAYS_CELL);
        if self.words.make_room() {
            self.layouts = Layouts::default();
        }
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
        self.add_options();
        self.cut_texts(log, event_index, notes);
        self.note_left_out(event_index, notes);
        let Some(time) = self.plan.target("metadata.event_timestamp") else {
            return Err("expected a table with a row for `metadata.event_timestamp`".to_owned());
        };
        if !self.record.has(time.cell) {
            let mut new = notes.get(notes_before..).unwrap_or_default().iter();
            let reason = match new.find(|it| it.message.starts_with("expected a timestamp")) {
                Some(note) => note.message.clone(),
                None => {
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

    /// The record with all that its event holds, for whoever asks for cells.
    pub fn settled(&mut self) -> &Normalizer {
        self.settle();
        self
    }

    /// Appends the event of the record to which the table was applied.
    pub fn write(&mut self, log: &str, events: &mut Vec<u8>) {
        write(
            self.plan,
            &mut self.layouts,
            &self.words,
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
}

/// A note on a row.
fn note(plan: &Plan, event_index: u32, row: u16, message: String) -> Note {
    let number = plan.rows.get(row as usize).map_or("", |row| row.number);
    Note {
        event_index,
        row: number.to_owned(),
        message,
    }
}

/// What a row expected of its raw field, and what it found.
fn unread(plan: &Plan, row: u16, what: &str, text: &str) -> String {
    let raw = raw_of(plan, row);
    let found = cut_short(text, 60);
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
