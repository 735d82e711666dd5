//! What stands between the values of an event: the plan's operations, run once for all events of a shape.
//!
//! The logs of a source come in a few shapes. Which objects open, which members follow, where brackets close and what rows
//! give that go by words and by what is there: it is the same for every log of a shape; only the other values differ. So it
//! is worked out when a shape is first met, and an event is then one text of ours and one value in turn.
//!
//! A comma follows every member; the closing bracket takes the last one's place. So nothing looks ahead, and an object of
//! which nothing is there was never opened.

use std::hash::{Hash, Hasher};

use crate::keys::TextMap;
use crate::plan::{Given, LEAVES_CELL, Op, Plan};
use crate::record::Mask;
use crate::words::{Numbers, Words};
use crate::writer::{Literal, Literals};

/// How many shapes are remembered before all are forgotten.
const MAX_LAYOUTS: usize = 512;

/// The layouts of the shapes that were met.
#[derive(Default)]
pub struct Layouts(TextMap<Shape, Layout>);

/// What is there of a log when all rows that go by texts have applied, and its words.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shape {
    present: Mask,
    words: Numbers,
}

impl Hash for Shape {
    #[inline]
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.present.hash(hasher);
        let words = self.words.iter();
        hasher.write_u64(words.fold(0, |all, number| all << 16 | u64::from(*number)));
    }
}

impl Layouts {
    /// The layout of events with these cells and words.
    #[inline]
    pub fn of(&mut self, plan: &Plan, words: &Words, present: &Mask) -> &Layout {
        let shape = Shape {
            present: *present,
            words: words.numbers(),
        };
        if self.0.len() >= MAX_LAYOUTS && !self.0.contains_key(&shape) {
            self.0.clear();
        }
        let layout = || Layout::new(plan, &Settled::new(plan, words, present));
        self.0.entry(shape).or_insert_with(layout)
    }
}

/// What is there of a log when all rows have applied.
struct Settled {
    present: Mask,
    /// What the rows give that go by the shape, by their cells.
    given: Vec<(u16, Given)>,
}

impl Settled {
    fn new(plan: &Plan, words: &Words, present: &Mask) -> Settled {
        let (mut present, mut given) = (*present, Vec::with_capacity(16));
        plan.settle(words, &mut present, |cell, _, it| {
            let it = match it {
                Given::Cell(other) => value(&given, other),
                text => text,
            };
            given.push((cell, it));
        });
        Settled { present, given }
    }

    /// What a cell holds.
    fn value(&self, cell: u16) -> Given {
        value(&self.given, cell)
    }
}

/// What a cell holds, by what rows gave.
fn value(given: &[(u16, Given)], cell: u16) -> Given {
    let given = given.iter().find(|it| it.0 == cell);
    given.map_or(Given::Cell(cell), |it| it.1)
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
    fn new(plan: &Plan, settled: &Settled) -> Layout {
        let present = &settled.present;
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
                        draft.given(settled.value(*cell));
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
                            draft.given(settled.value(cell));
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

    fn given(&mut self, given: Given) {
        match given {
            Given::Cell(cell) => self.value(Value::Cell(cell)),
            Given::Text(text) => self.text.push_str(text),
        }
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
