//! Rows that go by what is there, and by words: what they give is the same for all logs of a shape.

use super::{Action, NONE, Plan};
use crate::record::Mask;
use crate::row::Facts;
use crate::words::Words;

/// What such a row gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// What is in another cell.
    Cell(u16),
    /// A text of ours.
    Text(&'static str),
}

impl Action {
    /// What the action gives for logs with these cells and words; `input` is the raw field's cell. None for an action that
    /// goes by texts.
    pub fn given(&self, input: u16, present: &Mask, words: &Words) -> Option<Given> {
        let (is_given, given) = match self {
            Action::Copy => (true, Given::Cell(input)),
            Action::If(mask) => (present.covers(mask), Given::Cell(input)),
            Action::Unless(mask) => (!present.meets(mask), Given::Cell(input)),
            Action::Of(cell) => (present.contains(*cell), Given::Cell(*cell)),
            Action::Const(text) => (true, Given::Text(text)),
            Action::ConstIf(mask, text) => (present.covers(mask), Given::Text(text)),
            Action::Pick(pick, cells) => {
                let facts = Facts {
                    present,
                    words,
                    cells,
                };
                return pick(&facts).map(Given::Text);
            }
            Action::Parse(..)
            | Action::Join(..)
            | Action::With(..)
            | Action::Json(..)
            | Action::Remembered(..) => return None,
        };
        is_given.then_some(given)
    }
}

impl Plan {
    /// Tells what the rows give that go by the shape of a log: the cell, the row's index, and what it gives, in the order
    /// in which they apply. `present` is what is there before, and then with what they gave.
    pub fn settle(&self, words: &Words, present: &mut Mask, mut give: impl FnMut(u16, u16, Given)) {
        for made in words.made() {
            present.insert(made.cell);
            give(made.cell, made.row, Given::Text(made.text));
        }
        for step in &self.by_shape {
            let is_there = step.input == NONE || present.contains(step.input);
            if is_there
                && !present.contains(step.output)
                && let Some(given) = step.action.given(step.input, present, words)
            {
                present.insert(step.output);
                give(step.output, step.row, given);
            }
        }
    }
}
