//! One log, read into the slots of a plan: where each value stands, not what it is.
//!
//! A record is allocated once for a reader. Cells hold places in the log or in `scratch`; only the mask of what is there is
//! cleared from one log to the next.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

use crate::json::{self, Piece};
use crate::page::{Page, WIDE};
use crate::plan::Given;

/// The most cells a plan may have; four words were too few for AZURE_DEVOPS.
const WORDS: usize = 5;

/// A set of cells.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mask([u64; WORDS]);

impl PartialEq for Mask {
    /// Word by word: what would be derived calls a function.
    #[inline]
    fn eq(&self, other: &Mask) -> bool {
        let pairs = self.0.iter().zip(&other.0);
        pairs.fold(0, |different, (a, b)| different | (a ^ b)) == 0
    }
}

impl Eq for Mask {}

impl Hash for Mask {
    #[inline]
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.0.iter().for_each(|word| hasher.write_u64(*word));
    }
}

impl Mask {
    /// How many cells fit.
    pub const CELLS: usize = WORDS * 64;

    /// Adds a cell.
    #[inline]
    pub fn insert(&mut self, cell: u16) {
        if let Some(word) = self.0.get_mut(cell as usize / 64) {
            *word |= 1 << (cell % 64);
        }
    }

    /// Takes a cell out.
    #[inline]
    pub fn remove(&mut self, cell: u16) {
        if let Some(word) = self.0.get_mut(cell as usize / 64) {
            *word &= !(1 << (cell % 64));
        }
    }

    /// Whether the cell is in the set.
    #[inline]
    pub fn contains(&self, cell: u16) -> bool {
        self.0
            .get(cell as usize / 64)
            .is_some_and(|word| word >> (cell % 64) & 1 == 1)
    }

    /// Whether the sets share a cell.
    #[inline]
    pub fn meets(&self, other: &Mask) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a & b != 0)
    }

    /// Whether all cells of the other set are in this one.
    #[inline]
    pub fn covers(&self, other: &Mask) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| b & !a == 0)
    }

    /// Adds the cells of another set.
    pub fn union(&mut self, other: &Mask) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a |= b);
    }

    /// Takes out the cells of another set.
    pub fn subtract(&mut self, other: &Mask) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a &= !b);
    }

    /// The cells in both sets, in order.
    #[inline]
    pub fn both(&self, other: &Mask) -> impl Iterator<Item = u16> {
        let words: [u64; WORDS] = std::array::from_fn(|at| {
            self.0.get(at).copied().unwrap_or(0) & other.0.get(at).copied().unwrap_or(0)
        });
        words.into_iter().enumerate().flat_map(|(at, mut word)| {
            std::iter::from_fn(move || {
                if word == 0 {
                    return None;
                }
                let bit = word.trailing_zeros();
                word &= word - 1;
                Some(at as u16 * 64 + bit as u16)
            })
        })
    }
}

/// Where a value stands, and in which text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cell {
    /// The place.
    pub piece: Piece,
    /// In `scratch` rather than in the log.
    pub in_scratch: bool,
}

/// A value of an array that a row reads element by element.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// The cell of the row's field.
    pub cell: u16,
    /// The element's position in its array.
    pub position: u32,
    /// The value.
    pub value: Cell,
}

/// A value that no row names.
#[derive(Clone, Copy, Debug)]
pub struct Leaf {
    /// Its path, a place in `paths`.
    pub path: (u32, u32),
    /// The value.
    pub value: Cell,
    /// The index of the row that keeps it.
    pub row: u16,
}

impl Leaf {
    /// The place of its path.
    pub fn path(&self) -> Piece {
        let (start, end) = self.path;
        let escaped = false;
        Piece {
            start,
            end,
            escaped,
        }
    }
}

/// One log in the slots of a plan.
#[derive(Debug)]
pub struct Record {
    /// Which cells hold something.
    pub present: Mask,
    /// Which objects the walk over the log has been in.
    pub entered: Mask,
    cells: Vec<Cell>,
    /// For each cell that rows compute: the index of the row that filled it.
    filled_by: Vec<u16>,
    /// The elements of arrays that rows read one by one, in their order.
    pub items: Vec<Item>,
    /// The values that no row names, in their order.
    pub leaves: Vec<Leaf>,
    /// The paths of the leaves, as contents of JSON strings.
    pub paths: String,
    /// Texts that rows made, as contents of JSON strings.
    scratch: Page,
    /// The end of the last of them.
    end: usize,
    /// How many bytes the leaves take.
    pub leaf_bytes: usize,
    /// More leaves or items than are kept.
    pub truncated: bool,
    /// How many keys were stepped over that the table does not name.
    pub left_out: usize,
    /// A key without a row holds a dot or a bracket, or stands in an envelope, so that two leaves may have one path.
    pub dotted: bool,
    /// The path that the walk over the log has come to; kept for its memory.
    pub walk: String,
}

impl Record {
    /// A record with nothing in it.
    pub fn new() -> Record {
        Record {
            present: Mask::default(),
            entered: Mask::default(),
            cells: vec![Cell::default(); Mask::CELLS],
            filled_by: vec![0; Mask::CELLS],
            items: Vec::new(),
            leaves: Vec::with_capacity(8),
            paths: String::with_capacity(256),
            scratch: Page::of(1024 - WIDE),
            end: 0,
            leaf_bytes: 0,
            truncated: false,
            left_out: 0,
            dotted: false,
            walk: String::with_capacity(128),
        }
    }

    /// Forgets the log.
    pub fn clear(&mut self) {
        self.present = Mask::default();
        self.entered = Mask::default();
        self.items.clear();
        self.leaves.clear();
        self.paths.clear();
        self.end = 0;
        self.leaf_bytes = 0;
        self.truncated = false;
        self.left_out = 0;
        self.dotted = false;
    }

    /// Whether the cell holds something.
    #[inline]
    pub fn has(&self, cell: u16) -> bool {
        self.present.contains(cell)
    }

    /// Puts a value of the log into a cell.
    #[inline]
    pub fn set(&mut self, cell: u16, piece: Piece) {
        self.put(
            cell,
            Cell {
                piece,
                in_scratch: false,
            },
        );
    }

    /// Puts a value into a cell.
    #[inline]
    pub fn put(&mut self, cell: u16, value: Cell) {
        if let Some(place) = self.cells.get_mut(cell as usize) {
            *place = value;
            self.present.insert(cell);
        }
    }

    /// Puts a text that the row made into a cell.
    pub fn fill(&mut self, cell: u16, row: u16, text: &str) {
        let value = self.keep(text);
        self.fill_from(cell, row, value);
    }

    /// Puts a value into a cell that rows compute.
    pub fn fill_from(&mut self, cell: u16, row: u16, value: Cell) {
        self.put(cell, value);
        if let Some(place) = self.filled_by.get_mut(cell as usize) {
            *place = row;
        }
    }

    /// Puts JSON that the row made into a cell, as it is.
    pub fn fill_json(&mut self, cell: u16, row: u16, json: &str) {
        let start = self.end;
        self.end = self.scratch.text(start, json.as_bytes());
        self.fill_from(cell, row, self.since(start, false));
    }

    /// Puts what a row gives by the log's shape into a cell.
    pub fn fill_given(&mut self, cell: u16, row: u16, given: Given) {
        match given {
            Given::Cell(other) => self.fill_from(cell, row, self.cell(other)),
            Given::Text(text) => self.fill(cell, row, text),
        }
    }

    /// Puts the texts of other cells into a cell, with blanks between them.
    pub fn fill_joined(&mut self, cell: u16, row: u16, parts: [Option<Cell>; 4], log: &str) {
        let start = self.end;
        let (mut at, mut escaped) = (start, false);
        for part in parts.iter().flatten() {
            if at > start {
                at = self.scratch.short(at, *b"    ", 1);
            }
            at = match part.in_scratch {
                true => self.scratch.again(at, part.piece),
                false => self.scratch.put(at, log.as_bytes(), part.piece),
            };
            escaped |= part.piece.escaped;
        }
        self.end = at;
        self.fill_from(cell, row, self.since(start, escaped));
    }

    /// The text in scratch that begins here.
    fn since(&self, start: usize, escaped: bool) -> Cell {
        let piece = Piece {
            start: start as u32,
            end: self.end as u32,
            escaped,
        };
        let in_scratch = true;
        Cell { piece, in_scratch }
    }

    /// Keeps a text in scratch.
    pub fn keep(&mut self, text: &str) -> Cell {
        let start = self.end;
        self.end = match json::is_plain(text) {
            true => self.scratch.text(start, text.as_bytes()),
            false => {
                let mut escaped = Vec::with_capacity(2 * text.len());
                json::push_escaped(&mut escaped, text);
                self.scratch.text(start, &escaped)
            }
        };
        self.since(start, self.end - start != text.len())
    }

    /// The texts that rows made, and what stands behind them.
    pub fn scratch(&self) -> &[u8] {
        self.scratch.bytes()
    }

    /// Puts [`WIDE`] bytes behind the paths, for copies that take more than there is.
    pub fn finish(&mut self) {
        if !self.leaves.is_empty() {
            const ROOM: &str = match std::str::from_utf8(&[0; WIDE]) {
                Ok(room) => room,
                Err(_) => "",
            };
            self.paths.push_str(ROOM);
        }
    }

    /// The index of the row that filled a cell.
    pub fn row_of(&self, cell: u16) -> u16 {
        self.filled_by
            .get(cell as usize)
            .copied()
            .unwrap_or_default()
    }

    /// The value in a cell, whether it is there or not.
    #[inline]
    pub fn cell(&self, cell: u16) -> Cell {
        self.cells.get(cell as usize).copied().unwrap_or_default()
    }

    /// A cell's text as it stands in JSON.
    #[inline]
    pub fn json<'a>(&'a self, cell: u16, log: &'a str) -> &'a str {
        self.json_of(self.cell(cell), log)
    }

    /// A value's text as it stands in JSON.
    #[inline]
    pub fn json_of<'a>(&'a self, value: Cell, log: &'a str) -> &'a str {
        let place = value.piece.start as usize..value.piece.end as usize;
        if value.in_scratch {
            let bytes = self.scratch().get(place).unwrap_or_default();
            std::str::from_utf8(bytes).unwrap_or_default()
        } else {
            log.get(place).unwrap_or_default()
        }
    }

    /// A cell's text.
    #[inline]
    pub fn text<'a>(&'a self, cell: u16, log: &'a str) -> Cow<'a, str> {
        self.text_of(self.cell(cell), log)
    }

    /// A value's text.
    #[inline]
    pub fn text_of<'a>(&'a self, value: Cell, log: &'a str) -> Cow<'a, str> {
        let text = self.json_of(value, log);
        if value.piece.escaped {
            json::unescape(text)
        } else {
            Cow::Borrowed(text)
        }
    }
}
