//! The mapping row: one line of a published table, and what may stand in its logic column.
//!
//! Rows apply from top to bottom. The first row that gives a value fills a singular field, the rest of its rows then
//! stand back; labels and `additional` take every row. A raw field that is absent, null or "" gives nothing.
//!
//! Where a row lists fields, `resource.type=USER` stands for a raw field that says this [`word`], and a UDM path for what
//! other rows have set: a row that looks at one applies behind all that do not.

use std::borrow::Cow;
use std::ops::Range;

use crate::FieldNames;
use crate::record::Mask;
use crate::words::Words;

/// One row of a source's table, in the columns of Google's parser pages.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The row's number on the published page, or the name of the change-log entry or rule it follows.
    pub number: &'static str,
    /// The raw field: keys joined by dots, array positions as keys, `*` for every other one; `N/A` for none.
    pub raw: &'static str,
    /// The UDM field in proto names. A label or an entry of `additional.fields` names its key in brackets.
    pub udm: &'static str,
    /// What the row does.
    pub logic: Logic,
}

/// What a row does with its raw field.
#[derive(Clone, Copy, Debug)]
pub enum Logic {
    /// The text of the raw field.
    Copy,
    /// The raw field, read as what the text says. What cannot be read goes to `additional` with a note.
    Parse(&'static str, fn(&str) -> Option<Cow<'_, str>>),
    /// Every element of an array, or the one text in its place.
    Each,
    /// Always this text.
    Const(&'static str),
    /// The text of the raw field, when all of these fields are there.
    If(&'static [&'static str]),
    /// The text of the raw field, when none of these fields is there.
    Unless(&'static [&'static str]),
    /// This text, when the raw field and all of these are there.
    ConstIf(&'static str, &'static [&'static str]),
    /// What the function makes of the raw field's [`word`], which is remembered; the words say what that is. Such a row is
    /// the first of its field.
    Word(Meaning, &'static str),
    /// The text of the raw field, with a note when it is not one of a vocabulary that we know.
    Known(&'static str, Vocabulary),
    /// What other rows have set in this UDM field, when the raw field is there; the words say what that is.
    Of(&'static [&'static str; 1], &'static str),
    /// The text of ours that the function picks by what is there of these fields, and by their words; the words say how.
    Pick(Picking, &'static [&'static str], &'static str),
    /// The texts of those of these fields that the function chooses, with blanks between them; the words say which.
    Join(Choice, &'static [&'static str], &'static str),
    /// What the function makes of these fields; the words say what that is. Where the UDM field holds messages, the function
    /// gives JSON, and sees an object or array in its raw field as JSON, whole.
    With(Function, &'static [&'static str], &'static str),
    /// Every leaf below the raw field that no row names, to `additional` under its own path.
    Rest,
    /// Not applied, and why.
    Skip(&'static str),
}

/// A row's function: sees its fields by position.
pub type Function = for<'a> fn(&Inputs<'a>) -> Option<Cow<'a, str>>;

/// What a row makes of a word.
pub type Meaning = fn(&str) -> Option<&'static str>;

/// Whether a row knows a text.
pub type Vocabulary = fn(&str) -> bool;

/// A row's function that chooses fields: their positions, in the order in which they are wanted.
pub type Choice = fn(&Facts) -> [Option<usize>; 4];

/// A row's function that picks a text of ours.
pub type Picking = fn(&Facts) -> Option<&'static str>;

/// What is there of the fields that a row's function has declared, by position. All logs for which it is the same get the
/// same answer.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    pub(crate) present: &'a Mask,
    pub(crate) words: &'a Words,
    pub(crate) cells: &'a [u16],
}

impl<'a> Facts<'a> {
    /// Whether the field is there.
    pub fn has(&self, position: usize) -> bool {
        let cell = self.cells.get(position);
        cell.is_some_and(|cell| self.present.contains(*cell))
    }

    /// The first of these fields that is there.
    pub fn first(&self, mut positions: Range<usize>) -> Option<usize> {
        positions.find(|position| self.has(*position))
    }

    /// Whether one of these fields is there.
    pub fn any(&self, positions: Range<usize>) -> bool {
        self.first(positions).is_some()
    }

    /// The field's [`word`]; empty where there is none, and for fields that no row asks for words.
    pub fn word(&self, position: usize) -> &'a str {
        let cell = self.cells.get(position);
        cell.map_or("", |cell| self.words.word(*cell))
    }
}

/// The fields that a row's function has declared, by position.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    pub(crate) record: &'a crate::record::Record,
    pub(crate) log: &'a str,
    pub(crate) cells: &'a [u16],
    /// The spelling of UDM fields, for functions that give a message.
    pub names: FieldNames,
}

impl<'a> Inputs<'a> {
    /// Whether the field is there.
    pub fn has(&self, position: usize) -> bool {
        self.cells
            .get(position)
            .is_some_and(|cell| self.record.has(*cell))
    }

    /// The field's text; borrowed unless it holds escapes.
    pub fn text(&self, position: usize) -> Option<Cow<'a, str>> {
        let cell = *self.cells.get(position)?;
        self.record
            .has(cell)
            .then(|| self.record.text(cell, self.log))
    }

    /// The field's text as it stands in JSON, escapes and all, for functions that need no more.
    pub fn json(&self, position: usize) -> Option<&'a str> {
        let cell = *self.cells.get(position)?;
        self.record
            .has(cell)
            .then(|| self.record.json(cell, self.log))
    }

    /// Whether the field holds escapes, and its text is another than stands in JSON.
    pub fn is_escaped(&self, position: usize) -> bool {
        let cell = self.cells.get(position);
        cell.is_some_and(|cell| self.record.cell(*cell).piece.escaped)
    }

    /// The first of these fields that is there.
    pub fn first(&self, positions: impl IntoIterator<Item = usize>) -> Option<Cow<'a, str>> {
        positions
            .into_iter()
            .find_map(|position| self.text(position))
    }
}

/// A word of a vocabulary, as tables have it: in capitals, without blanks around it.
pub fn word(text: &str) -> Cow<'_, str> {
    let is_word = |byte: u8| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_');
    match text.bytes().all(is_word) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(text.trim().to_ascii_uppercase()),
    }
}

/// The field and the word of a condition: `resource.type=USER`.
pub fn condition(path: &'static str) -> Option<(&'static str, &'static str)> {
    path.split_once('=')
}

/// A row. `const`, so that tables are data.
pub const fn row(number: &'static str, raw: &'static str, udm: &'static str, logic: Logic) -> Row {
    Row {
        number,
        raw,
        udm,
        logic,
    }
}

impl Logic {
    /// The fields that the row looks at besides its raw field.
    pub fn fields(&self) -> &'static [&'static str] {
        match self {
            Logic::If(fields)
            | Logic::Unless(fields)
            | Logic::ConstIf(_, fields)
            | Logic::Pick(_, fields, _)
            | Logic::Join(_, fields, _)
            | Logic::With(_, fields, _) => fields,
            Logic::Of(fields, _) => fields.as_slice(),
            _ => &[],
        }
    }

    /// The logic in words, for `explain`.
    pub fn words(&self) -> String {
        match self {
            Logic::Copy => "copy".to_owned(),
            Logic::Parse(what, _) => format!("read as {what}"),
            Logic::Known(what, _) => format!("copy, with a note unless it is {what}"),
            Logic::Each => "each element".to_owned(),
            Logic::Const(text) => format!("constant `{text}`"),
            Logic::If(fields) => format!("copy, if there is {}", fields.join(" and ")),
            Logic::Unless(fields) => format!("copy, unless there is {}", fields.join(" or ")),
            Logic::ConstIf(text, fields) => {
                format!("constant `{text}`, if there is {}", fields.join(" and "))
            }
            Logic::Word(_, words)
            | Logic::Of(_, words)
            | Logic::Pick(_, _, words)
            | Logic::Join(_, _, words)
            | Logic::With(_, _, words) => (*words).to_owned(),
            Logic::Rest => "keys without a row".to_owned(),
            Logic::Skip(reason) => format!("not applied: {reason}"),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
