//! What stands between the values of an event: the plan's operations, run once for all events with the same cells.
//!
//! The logs of a source come in a few shapes. Which objects open, which members follow and where brackets close is the
//! same for every log of a shape; only the values differ. So it is worked out when a shape is first met, and an event is
//! then one text of ours and one value in turn.
//!
//! A comma follows every member; the closing bracket takes the last one's place. So nothing looks ahead, and an object of
//! which nothing is there was never opened.

use crate::keys::TextMap;
use crate::plan::{LEAVES_CELL, Op, Plan};
use crate::record::Mask;
use crate::writer::{Literal, Literals};

/// How many shapes are remembered before all are forgotten.
const MAX_LAYOUTS: usize = 256;

/// The layouts of the shapes that were met.
#[derive(Default)]
pub struct Layouts(TextMap<Mask, Layout>);

impl Layouts {
    /// The layout of events with these cells.
    #[inline]
    pub fn of(&mut self, plan: &Plan, present: &Mask) -> &Layout {
        if self.0.len() >= MAX_LAYOUTS && !self.0.contains_key(present) {
            self.0.clear();
        }
        self.0
            .entry(*present)
            .or_insert_with(|| Layout::new(plan, present))
    }
}

/// An event without its values.
#[derive(Debug)]
pub struct Layout {
    /// The values in their order, each with the text before it.
    pub gaps: Vec<Gap>,
    /// What stands behind the last value.
    pub end: Literal,
    /// The texts, one after the other.
    pub texts: Literals,
}

/// A place for a value.
#[derive(Clone, Copy, Debug)]
pub struct Gap {
    /// What stands before it.
    pub before: Literal,
    /// What is put there.
    pub value: Value,
}

/// What is put into a gap.
#[derive(Clone, Copy, Debug)]
pub enum Value {
    /// The value of a cell.
    Cell(u16),
    /// The elements of an array: the operation that writes labels or entries, and the cell.
    Items(u16, u16),
    /// Messages by their positions: the operation that writes them.
    Elements(u16),
    /// The values that no row names.
    Leaves,
}

impl Layout {
    fn new(plan: &Plan, present: &Mask) -> Layout {
        let mut draft = Draft::new();
        let mut next = 0;
        while let Some(op) = plan.ops.get(next) {
            let index = next as u16;
            next += 1;
            match op {
                Op::Open { mask, text, .. } if mask.meets(present) => draft.add(plan, *text),
                Op::Open { skip, .. } => next = *skip as usize,
                Op::Close(bracket) => draft.close(*bracket),
                Op::Literal { text, .. } => draft.add(plan, *text),
                Op::Text {
                    cell, text, end, ..
                } => {
                    if present.contains(*cell) {
                        draft.add(plan, *text);
                        draft.value(Value::Cell(*cell));
                        draft.text.push_str(end.text());
                    }
                }
                Op::Many(many) => {
                    for (cell, entry) in many.of(present) {
                        if entry.is_array {
                            draft.value(Value::Items(index, cell));
                            draft.text.push(',');
                        } else {
                            draft.add(plan, entry.before);
                            draft.value(Value::Cell(cell));
                            draft.text.push_str(many.end.text());
                        }
                    }
                    if many.leaves && present.contains(LEAVES_CELL) {
                        draft.value(Value::Leaves);
                        draft.text.push(',');
                    }
                }
                Op::Elements { parts } => {
                    if parts.iter().any(|part| present.contains(part.cell)) {
                        draft.value(Value::Elements(index));
                        draft.text.push(',');
                    }
                }
            }
        }
        draft.finish()
    }
}

/// A layout in the making.
struct Draft {
    gaps: Vec<Gap>,
    texts: Literals,
    /// What stands behind the last value so far.
    text: String,
}

impl Draft {
    /// With room for a usual event, made once: what is outgrown leaves memory behind that was touched.
    fn new() -> Draft {
        Draft {
            text: String::with_capacity(256),
            gaps: Vec::with_capacity(32),
            texts: Literals::with_capacity(1024),
        }
    }

    fn add(&mut self, plan: &Plan, text: Literal) {
        self.text.push_str(plan.literals.text(text));
    }

    /// Ends an object or array, over the last member's comma.
    fn close(&mut self, bracket: u8) {
        self.text.pop();
        self.text.push(char::from(bracket));
        self.text.push(',');
    }

    fn value(&mut self, value: Value) {
        let before = self.texts.add(&[&self.text]);
        self.text.clear();
        self.gaps.push(Gap { before, value });
    }

    fn finish(mut self) -> Layout {
        // The last close left a comma, and events are lines.
        self.text.pop();
        self.text.push('\n');
        let end = self.texts.add(&[&self.text]);
        self.texts.finish();
        self.gaps.shrink_to_fit();
        Layout {
            gaps: self.gaps,
            end,
            texts: self.texts,
        }
    }
}
