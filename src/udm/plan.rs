//! A source's table, compiled: raw keys become numbered cells, UDM paths become writing steps.
//!
//! The table stays what one reads; the plan is what runs. No path is walked and no row looked up for an event: a key leads to
//! its node by one hash, rows that compute something are a list of steps, and the event is a list of operations in the
//! order of [`FIELDS`](crate::fields::FIELDS). A subtree of which nothing is there costs one test.
//!
//! A plan depends on the source and on the spelling of fields, and on no other option: what a caller adds to events comes
//! in cells of its own. So there are two plans a source, each compiled once for all readers, and the component is shipped with
//! the usual one in its memory.

mod compiler;
mod given;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

use crate::keys::Keys;
use crate::record::Mask;
use crate::row::{Choice, Function, Logic, Meaning, Picking, Row, Vocabulary};
use crate::writer::{End, Literal, Literals};
use crate::{FieldNames, Source};

pub use given::Given;

/// No cell, level or row.
pub const NONE: u16 = u16::MAX;

/// Always there.
pub const ALWAYS_CELL: u16 = 0;
/// There when the record has leaves that no row names.
pub const LEAVES_CELL: u16 = 1;
/// There when the log stood in an array named `records`.
pub const RECORDS_CELL: u16 = 2;
/// There when the log stood in an envelope.
pub const ENVELOPE_CELL: u16 = 3;
/// The caller's namespace, for rows that give nouns.
pub const NAMESPACE_CELL: u16 = 4;
/// The first cell of a raw field.
pub const FIRST_NODE: u16 = 5;

/// A source's plans, by the spelling of fields.
#[derive(Default)]
pub struct Plans {
    lower_camel: OnceLock<Plan>,
    proto: OnceLock<Plan>,
}

impl Plans {
    /// Not compiled yet.
    pub const fn new() -> Plans {
        Plans {
            lower_camel: OnceLock::new(),
            proto: OnceLock::new(),
        }
    }
}

impl fmt::Debug for Plans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plans")
    }
}

/// A source's table, ready to run.
pub struct Plan {
    /// The table.
    pub rows: &'static [Row],
    /// What raw keys lead to; a node's index is its cell.
    pub nodes: Vec<Node>,
    /// The objects that rows look into; the first is the record itself.
    pub levels: Vec<Level>,
    /// The raw fields of which a word tells something, and what.
    pub words: Vec<WordField>,
    /// Rows that compute something, in the order in which they apply.
    pub steps: Vec<Step>,
    /// Those behind them that go by what is there alone: they give the same for all logs of a shape.
    pub by_shape: Vec<Step>,
    /// How the event is written.
    pub ops: Vec<Op>,
    /// What the event is written of, besides values.
    pub literals: Literals,
    /// Texts with a byte limit.
    pub limits: Vec<Limit>,
    /// The fields whose presence calls for a namespace, and the namespace's cell.
    pub namespaces: Vec<(Mask, u16)>,
    /// The cell of the labels that the caller gives all events, a list as JSON.
    pub labels: u16,
    /// The cells of raw fields that only this source has.
    pub own: Mask,
    /// The cells whose texts a row reads, and that is all.
    pub plain: Mask,
    /// The cells that hold an object or array whole.
    pub wholes: Mask,
    /// The source's own lists of logs: the key of the object around one, and its key.
    pub lists: &'static [(&'static str, &'static str)],
    /// The note and the entry for leaves beyond the limits.
    pub truncated: &'static str,
    /// The row that leaves keys out which the table does not name, or none.
    pub left_out: u16,
    /// The keys of `additional` that rows name.
    pub named: Keys,
    /// The cells of the envelope's event type, in both schemas.
    pub event_types: Vec<u16>,
    /// The cells of `id` and `Id`: without an envelope, the first is the second.
    pub ids: (u16, u16),
    /// UDM paths to cells, for `explain` and for rows that look at what others have set.
    pub targets: Vec<Target>,
}

/// What a raw key leads to.
#[derive(Clone, Debug)]
pub struct Node {
    /// The raw path in the table's spelling.
    pub path: Cow<'static, str>,
    /// Where the last key begins in it.
    pub key: u16,
    /// The first row that reads the node's text.
    pub row: u16,
    /// The level of an object found here.
    pub object: u16,
    /// The node of an array's first element.
    pub first: u16,
    /// The node of an array's other elements.
    pub other: u16,
    /// Rows read the elements one by one.
    pub is_item: bool,
}

/// An object that rows look into.
#[derive(Default)]
pub struct Level {
    /// Its keys and their nodes.
    pub keys: Keys,
    /// The path of the object, with a final dot; empty for the record.
    pub prefix: String,
    /// The row that keeps keys without a row, or none.
    pub rest: u16,
}

/// A raw field of which a word tells something.
pub struct WordField {
    /// The field's cell.
    pub input: u16,
    /// What rows ask for, `resource.type=USER`, and the cells that are there when the field says so.
    pub conditions: Vec<(&'static str, u16)>,
    /// What rows make of the word: the row's index, the cell it fills, its function.
    pub made: Vec<(u16, u16, Meaning)>,
    /// What rows expect of the text: the row's index, what it is, whether it is that.
    pub known: Vec<(u16, &'static str, Vocabulary)>,
}

/// A row that computes something.
pub struct Step {
    /// The row's index.
    pub row: u16,
    /// The raw field's cell.
    pub input: u16,
    /// The cell that the row fills, if no row before it did.
    pub output: u16,
    /// What is computed.
    pub action: Action,
}

/// What a step computes.
pub enum Action {
    /// The raw field.
    Copy,
    /// The raw field, when all of these are there.
    If(Mask),
    /// The raw field, when none of these is there.
    Unless(Mask),
    /// A text, when all of these are there.
    ConstIf(Mask, &'static str),
    /// What another row has set.
    Of(u16),
    /// What the function picks by what is there of these cells.
    Pick(Picking, Vec<u16>),
    /// A text.
    Const(&'static str),
    /// What the function reads in the raw field.
    Parse(&'static str, fn(&str) -> Option<Cow<'_, str>>),
    /// Those of these cells that the function chooses, with blanks between them.
    Join(Choice, Vec<u16>),
    /// What the function makes of these cells.
    With(Function, Vec<u16>),
    /// The same, as JSON.
    Json(Function, Vec<u16>),
    /// The same, remembered by the raw field's text.
    Remembered(Function, Vec<u16>),
}

/// A part of the event. Small, with its kind in plain sight: an event is some hundred of them.
#[repr(u8)]
pub enum Op {
    /// An object or array begins, unless none of `mask` is there: then writing goes on at `skip`.
    Open {
        /// What makes it worth opening.
        mask: Mask,
        /// The operation after the matching [`Op::Close`].
        skip: u32,
        /// The key and the bracket.
        text: Literal,
    },
    /// An object or array ends.
    Close(u8),
    /// A whole member that never changes.
    Literal {
        /// The member with its comma.
        text: Literal,
        /// The UDM path.
        path: &'static str,
        /// The row, or [`NONE`] for an option of the caller.
        row: u16,
    },
    /// A text, an array of one text, or a message as JSON: its end tells.
    Text {
        /// The value.
        cell: u16,
        /// What stands before it, with its quote.
        text: Literal,
        /// What stands after it, with its comma.
        end: End,
        /// Where it came from.
        target: usize,
    },
    /// Labels, or entries of `additional`.
    Many(Box<Many>),
    /// Messages by the position of their raw elements.
    Elements {
        /// The fields of each.
        parts: Vec<Part>,
    },
}

/// Labels, or entries of `additional`, in the order of their cells.
pub struct Many {
    /// The cells of the entries.
    pub mask: Mask,
    /// For each cell, its entry.
    pub by_cell: Vec<u16>,
    /// What is written of each.
    pub entries: Vec<Entry>,
    /// What stands after each value.
    pub end: End,
    /// `additional`: leaves follow.
    pub leaves: bool,
}

impl Many {
    /// The entries that are there, and their cells.
    pub fn of(&self, present: &Mask) -> impl Iterator<Item = (u16, &Entry)> {
        let cells = self.mask.both(present);
        cells.filter_map(|cell| Some((cell, self.entry(cell)?)))
    }

    /// The entry of a cell.
    pub fn entry(&self, cell: u16) -> Option<&Entry> {
        let entry = *self.by_cell.get(cell as usize)?;
        self.entries.get(entry as usize)
    }
}

/// A label, or an entry of `additional`.
pub struct Entry {
    /// What stands before the value.
    pub before: Literal,
    /// Where it came from.
    pub target: usize,
    /// There is one for each element of the raw array.
    pub is_array: bool,
}

/// A field of a message that is written once for each element.
pub struct Part {
    /// The elements.
    pub cell: u16,
    /// What stands before the value.
    pub before: Literal,
    /// What closes the value and the objects around it.
    pub end: End,
    /// Where it came from.
    pub target: usize,
}

/// A text with a byte limit.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// The text's cell.
    pub cell: u16,
    /// The most bytes.
    pub most: usize,
    /// Where it came from.
    pub target: usize,
}

/// A UDM path and the rows that can set it.
#[derive(Debug)]
pub struct Target {
    /// The path as in [`FIELDS`](crate::fields::FIELDS).
    pub path: &'static str,
    /// The path's index there.
    pub field: usize,
    /// The key of a label or of an entry of `additional`.
    pub key: &'static str,
    /// The cell that holds the value.
    pub cell: u16,
    /// The rows, in order.
    pub rows: Vec<u16>,
    /// The one row that copies its raw field, whose cell this then is.
    pub direct: bool,
    /// The value is the elements of an array.
    pub is_array: bool,
}

impl Plan {
    /// The plan of a source's table, compiled when it is first asked for.
    pub fn of(source: &'static Source, spelling: FieldNames) -> &'static Plan {
        let plan = match spelling {
            FieldNames::LowerCamel => &source.plans.lower_camel,
            FieldNames::Proto => &source.plans.proto,
        };
        plan.get_or_init(|| compiler::compile(source, spelling))
    }

    /// The target of a UDM path without a key.
    pub fn target(&self, path: &str) -> Option<&Target> {
        self.targets
            .iter()
            .find(|target| target.path == path && target.key.is_empty())
    }
}

/// A table's UDM column as path and key: `additional.fields[Reason]`.
pub fn split_target(udm: &'static str) -> (&'static str, &'static str) {
    match udm.strip_suffix(']').and_then(|udm| udm.rsplit_once('[')) {
        Some((path, key)) => (path, key),
        None => (udm, ""),
    }
}

/// Whether a target is one text for all logs.
pub fn is_literal(target: &Target, rows: &[Row]) -> bool {
    match target.rows.as_slice() {
        [only] => matches!(
            rows.get(*only as usize),
            Some(Row {
                logic: Logic::Const(_),
                ..
            })
        ),
        _ => false,
    }
}
