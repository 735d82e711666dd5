//! Reads words: what a raw field of a few known texts tells, worked out once for each text that comes.

use super::{Normalizer, note, unread};
use crate::Note;
use crate::keys;
use crate::page::Wide;
use crate::plan::Words;
use crate::record::Mask;
use crate::row::{condition, word};

/// How many texts are remembered before all are forgotten.
const MAX_SAID: usize = 1024;
/// The longest text that is remembered, in bytes.
const MAX_TEXT: usize = 128;

/// What a text tells.
pub(super) struct Said {
    /// The text as it stands in JSON.
    json: String,
    /// The index of its field in the plan.
    field: usize,
    conditions: Mask,
    /// For each row that makes something of it: the row's index, the cell, the text.
    made: Vec<(u16, u16, Wide)>,
    /// Rows that do not know it, and what they expected.
    unknown: Vec<(u16, &'static str)>,
}

impl Said {
    fn new(words: &Words, field: usize, json: &str, text: &str) -> Said {
        let word = word(text);
        let mut conditions = Mask::default();
        for (path, cell) in &words.conditions {
            if condition(path).is_some_and(|(_, expected)| word == expected) {
                conditions.insert(*cell);
            }
        }
        let made = words.made.iter();
        let unknown = words.known.iter().filter(|(_, _, known)| !known(text));
        Said {
            json: json.to_owned(),
            field,
            conditions,
            made: made
                .filter_map(|(row, cell, make)| Some((*row, *cell, Wide::of(make(&word)?)?)))
                .collect(),
            unknown: unknown.map(|(row, what, _)| (*row, *what)).collect(),
        }
    }
}

impl Normalizer {
    /// Fills the cells of conditions, and those of rows that go by a word.
    pub(super) fn read_words(&mut self, log: &str, event_index: u32, notes: &mut Vec<Note>) {
        let record = &mut self.record;
        for (field, words) in self.plan.words.iter().enumerate() {
            if !record.has(words.input) {
                continue;
            }
            let json = record.json(words.input, log);
            let hash = keys::hash(json).wrapping_add(field as u64);
            let is_said = |said: &&Said| said.field == field && keys::equal(&said.json, json);
            let new;
            let said = match self.said.get(&hash).filter(is_said) {
                Some(said) => said,
                None => {
                    let said = Said::new(words, field, json, &record.text(words.input, log));
                    if json.len() <= MAX_TEXT {
                        if self.said.len() >= MAX_SAID {
                            self.said.clear();
                        }
                        &*self.said.entry(hash).insert_entry(said).into_mut()
                    } else {
                        new = said;
                        &new
                    }
                }
            };
            record.present.union(&said.conditions);
            for (row, cell, text) in &said.made {
                record.fill_wide(*cell, *row, text);
            }
            for (row, what) in &said.unknown {
                let message = unread(self.plan, *row, what, &record.text(words.input, log));
                notes.push(note(self.plan, event_index, *row, message));
            }
        }
    }
}
