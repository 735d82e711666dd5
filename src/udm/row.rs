//! The mapping row: one line of a published table, and what may stand in its logic column.
//!
//! Rows apply from top to bottom. The first row that gives a value fills a singular field, the rest of its rows then
//! stand back; labels and `additional` take every row. A raw field that is absent, null or "" gives nothing.

use std::borrow::Cow;

use crate::FieldNames;

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
    /// The text of the raw field, when none of these fields is there.
    Unless(&'static [&'static str]),
    /// The text of the raw field, with a note when it is not one of a vocabulary that we know.
    Known(&'static str, fn(&str) -> bool),
    /// What the function makes of these fields; the words say what that is. A UDM path among the fields stands for what
    /// other rows have set: such rows apply last. Where the UDM field holds messages, the function gives JSON, and sees an
    /// object or array in its raw field as JSON, whole.
    With(Function, &'static [&'static str], &'static str),
    /// Every leaf below the raw field that no row names, to `additional` under its own path.
    Rest,
    /// Not applied, and why.
    Skip(&'static str),
}

/// A row's function: sees its fields by position.
pub type Function = for<'a> fn(&Inputs<'a>) -> Option<Cow<'a, str>>;

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
    /// The logic in words, for `explain`.
    pub fn words(&self) -> String {
        match self {
            Logic::Copy => "copy".to_owned(),
            Logic::Parse(what, _) => format!("read as {what}"),
            Logic::Known(what, _) => format!("copy, with a note unless it is {what}"),
            Logic::Each => "each element".to_owned(),
            Logic::Const(text) => format!("constant `{text}`"),
            Logic::Unless(fields) => format!("copy, unless there is {}", fields.join(" or ")),
            Logic::With(_, _, words) => (*words).to_owned(),
            Logic::Rest => "keys without a row".to_owned(),
            Logic::Skip(reason) => format!("not applied: {reason}"),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
