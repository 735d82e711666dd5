//! What a raw field of a few known texts tells, worked out once for each text that comes.
//!
//! A log's words get numbers. Logs with the same numbers and the same cells are of one shape, and all that rows make of
//! words and of what is there is the same for them.

use crate::keys::{self, TextMap};
use crate::plan::{NONE, Plan, WordField};
use crate::record::{Mask, Record};
use crate::row::{condition, word};

/// How many fields a table may ask for words.
pub const MAX_FIELDS: usize = 4;
/// How many texts are remembered before all are forgotten.
const MAX_SAID: usize = 1024;
/// A longer text is no word, in bytes.
const MAX_TEXT: usize = 128;

/// The numbers of a log's words, by their fields; 0 where there is none.
pub type Numbers = [u16; MAX_FIELDS];

/// The words that were met.
pub struct Words {
    /// By number; the first is of no word.
    said: Vec<Said>,
    /// The numbers, by the hashes of the texts and their fields.
    numbers: TextMap<u64, u16>,
    /// The cells of the fields.
    fields: [u16; MAX_FIELDS],
    now: Numbers,
}

/// What a text tells.
#[derive(Default)]
struct Said {
    /// The text as it stands in JSON.
    json: String,
    /// The index of its field in the plan.
    field: usize,
    word: String,
    conditions: Mask,
    made: Vec<Made>,
    /// Rows that do not know it, and what they expected.
    unknown: Vec<(u16, &'static str)>,
}

/// What a row makes of a word.
pub struct Made {
    /// The row's index.
    pub row: u16,
    /// The cell that it fills.
    pub cell: u16,
    /// The text.
    pub text: &'static str,
}

impl Said {
    fn new(of: &WordField, field: usize, json: &str, text: &str) -> Said {
        let unknown = of.known.iter().filter(|(_, _, known)| !known(text));
        let mut said = Said {
            field,
            unknown: unknown.map(|(row, what, _)| (*row, *what)).collect(),
            ..Said::default()
        };
        if json.len() > MAX_TEXT {
            return said;
        }
        let word = word(text);
        for (path, cell) in &of.conditions {
            if condition(path).is_some_and(|(_, expected)| word == expected) {
                said.conditions.insert(*cell);
            }
        }
        for (row, cell, make) in &of.made {
            let (row, cell) = (*row, *cell);
            said.made
                .extend(make(&word).map(|text| Made { row, cell, text }));
        }
        said.word = word.into_owned();
        said.json = json.to_owned();
        said
    }
}

impl Words {
    /// None so far.
    pub fn new(plan: &Plan) -> Words {
        let field = |at: usize| plan.words.get(at).map_or(NONE, |it| it.input);
        Words {
            said: vec![Said::default()],
            numbers: TextMap::default(),
            fields: std::array::from_fn(field),
            now: Numbers::default(),
        }
    }

    /// To be called between two logs: forgets all words when they are too many, and tells whether it did.
    pub fn make_room(&mut self) -> bool {
        let is_full = self.said.len() >= MAX_SAID;
        if is_full {
            self.said.truncate(1);
            self.numbers.clear();
        }
        is_full
    }

    /// Reads the words of a record, and fills the cells of conditions. What rows do not know goes to `unknown`: the row's
    /// index, what it expected, the cell.
    pub fn read(
        &mut self,
        plan: &Plan,
        record: &mut Record,
        log: &str,
        mut unknown: impl FnMut(&Record, u16, &'static str, u16),
    ) {
        for (field, (of, now)) in plan.words.iter().zip(&mut self.now).enumerate() {
            *now = 0;
            if !record.has(of.input) {
                continue;
            }
            let json = record.json(of.input, log);
            let hash = keys::hash(json).wrapping_add(field as u64);
            let known = self.numbers.get(&hash).copied();
            let is_said = |it: &&Said| it.field == field && keys::equal(&it.json, json);
            let known = known.filter(|it| self.said.get(*it as usize).filter(is_said).is_some());
            let new;
            let said = match known {
                Some(number) => {
                    *now = number;
                    self.said.get(number as usize)
                }
                None => {
                    let said = Said::new(of, field, json, &record.text(of.input, log));
                    if json.len() <= MAX_TEXT {
                        *now = self.said.len() as u16;
                        self.numbers.insert(hash, *now);
                        self.said.push(said);
                        self.said.last()
                    } else {
                        new = said;
                        Some(&new)
                    }
                }
            };
            let Some(said) = said else { continue };
            for (row, what) in &said.unknown {
                unknown(record, *row, what, of.input);
            }
            record.present.union(&said.conditions);
        }
    }

    /// The numbers of the words that were read last.
    #[inline]
    pub fn numbers(&self) -> Numbers {
        self.now
    }

    /// The word that was read last in this cell.
    pub fn word(&self, cell: u16) -> &str {
        let mut fields = self.fields.iter().zip(&self.now);
        let number = fields.find(|field| *field.0 == cell).map_or(0, |it| *it.1);
        self.said.get(number as usize).map_or("", |it| &it.word)
    }

    /// What rows make of the words that were read last.
    pub fn made(&self) -> impl Iterator<Item = &Made> {
        let said = |number: &u16| self.said.get(*number as usize);
        self.now.iter().filter_map(said).flat_map(|it| &it.made)
    }
}
