//! One walk over a JSON log: what the table names goes to cells, what it does not name to leaves.

use std::borrow::Cow;

use crate::envelope::{CONTENT_BASE64, CONTENTS, LISTS, MARKS, OUTER_LIST, is_json};
use crate::guess::{Guesses, Place};
use crate::json::{Cursor, Flaw, Piece};
use crate::keys::Keys;
use crate::plan::{ENVELOPE_CELL, FIRST_NODE, LEAVES_CELL, NONE, Node, Plan};
use crate::record::{Cell, Item, Leaf, Mask, Record};

/// The most leaves without a row that an event keeps, and the most elements that rows read one by one.
pub const MAX_LEAVES: usize = 200;
/// The most bytes that those leaves may take, paths included.
pub const MAX_LEAF_BYTES: usize = 32 * 1024;
/// Elements are published fields: far more of them are kept, but not without end.
const MAX_ITEMS: usize = 1_000;

/// How many of the last items may be of one element: more than rows read of an element.
const NEAR: usize = 4;

/// What an object turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// A record, now in its cells. The log ends here.
    Record {
        /// One past the closing brace.
        end: usize,
    },
    /// A list of logs.
    List {
        /// The offset of the list's opening bracket.
        at: usize,
        /// The list is named `records`.
        is_records: bool,
        /// How many objects stand around the list.
        depth: u32,
    },
}

/// Why a log could not be read as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It is not JSON, or not all of it is there.
    Flaw(Flaw),
    /// A string holds an object of the record as JSON text: it wants to be put in the string's place.
    Inline {
        /// Where the string (or with base64 its key) begins, quote included.
        start: usize,
        /// One past the string's closing quote.
        end: usize,
        /// The string's content.
        content: Piece,
        /// The content is base64, and the key goes with it.
        base64: bool,
    },
}

impl From<Flaw> for Stop {
    fn from(flaw: Flaw) -> Stop {
        Stop::Flaw(flaw)
    }
}

/// A row's field that holds something no text can be made of.
#[derive(Clone, Debug)]
pub struct Misfit {
    /// The row's index.
    pub row: u16,
    /// The path of the field in the log, in the table's spelling.
    pub path: String,
    /// What was found there.
    pub found: &'static str,
}

/// Reads the object at the start of a text.
#[inline(never)]
pub fn scan(
    plan: &Plan,
    record: &mut Record,
    misfits: &mut Vec<Misfit>,
    guesses: &mut Guesses,
    text: &str,
) -> Result<Found, Stop> {
    let mut path = std::mem::take(&mut record.walk);
    path.clear();
    guesses.make_room();
    let mut scanner = Scanner {
        plan,
        cursor: Cursor::new(text),
        record,
        misfits,
        guesses,
        path,
        seen: Vec::new(),
        envelope: Envelope::Unknown,
        told: None,
        forgotten: Vec::new(),
        list: None,
    };
    scanner.object(0, None)?;
    let (end, list, envelope) = (scanner.cursor.at, scanner.list, scanner.envelope);
    record.walk = scanner.path;
    if let Some(found) = list {
        return Ok(found);
    }
    let (envelope_id, id) = plan.ids;
    if envelope == Envelope::Unknown && !record.has(id) && record.has(envelope_id) {
        let value = record.cell(envelope_id);
        record.put(id, value);
        record.present.remove(envelope_id);
    }
    if record.leaves.iter().any(|leaf| leaf.row != NONE) {
        record.present.insert(LEAVES_CELL);
    }
    Ok(Found::Record { end })
}

/// Whether the record stands in an envelope.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Envelope {
    /// No content was met so far, or the object is the record.
    Unknown,
    /// The walk is inside the content.
    Inside,
    /// The content was read; the envelope's other keys follow.
    Behind,
}

struct Scanner<'p, 'r, 'a> {
    plan: &'p Plan,
    cursor: Cursor<'a>,
    record: &'r mut Record,
    misfits: &'r mut Vec<Misfit>,
    guesses: &'r mut Guesses,
    /// The path of what is being read, for leaves.
    path: String,
    /// Keys that gave leaves, of all objects around the cursor: a repeated key takes the place of the first.
    seen: Vec<Seen>,
    envelope: Envelope,
    /// How far a look ahead went that told whether this is an envelope, and what it told.
    told: Option<(usize, bool)>,
    /// For each named key that was repeated, what to look through when it comes again.
    forgotten: Vec<Forgotten>,
    list: Option<Found>,
}

struct Forgotten {
    cell: u16,
    /// The key's path in this log.
    path: String,
    /// The cells of the key and of all below it.
    below: Mask,
    /// The leaves before this one are not the key's.
    leaves: usize,
}

struct Seen {
    key: Piece,
    leaves: (usize, usize),
}

impl<'a> Scanner<'_, '_, 'a> {
    /// Reads the object at the cursor by the keys of a level. `position` is that of the array element it is.
    fn object(&mut self, level: u16, position: Option<u32>) -> Result<(), Stop> {
        let plan = self.plan;
        let Some(keys) = plan.levels.get(level as usize) else {
            return Ok(self.cursor.skip_value()?);
        };
        let (seen, path) = (self.seen.len(), self.path.len());
        let mut before: Place = level;
        let mut cursor = self.cursor;
        let mut more = cursor.enter(b'}')?;
        while more {
            let start = cursor.at;
            let text = cursor.text().as_bytes();
            let (key, cell) = match self.guesses.key(before, text, start) {
                Some((key, cell, place)) => {
                    cursor.at = key.end as usize + 2;
                    cursor.skip_space();
                    before = place;
                    (key, cell)
                }
                None => {
                    let key = cursor.key()?;
                    let cell = self.node_of(key, &keys.keys);
                    before = self.guesses.learn((before, level), text, key, cell);
                    (key, cell)
                }
            };
            match cell {
                // Nearly every member: a text that a row reads.
                Some(cell)
                    if cursor.peek() == Some(b'"')
                        && plan.plain.contains(cell)
                        && !self.record.entered.contains(cell) =>
                {
                    let piece = cursor.string()?;
                    if piece.start == piece.end {
                        self.record.present.remove(cell);
                    } else {
                        self.record.set(cell, piece);
                    }
                }
                _ => {
                    self.cursor = cursor;
                    self.member(key, cell, level, start, seen, position)?;
                    if self.list.is_some() {
                        return Ok(());
                    }
                    self.path.truncate(path);
                    cursor = self.cursor;
                }
            }
            more = cursor.another(b'}')?;
        }
        self.cursor = cursor;
        self.seen.truncate(seen);
        Ok(())
    }

    /// Reads the value of a key at the cursor, whatever it is. `start` is where the key begins, `seen` where the object's
    /// keys do that gave leaves.
    #[inline(never)]
    fn member(
        &mut self,
        key: Piece,
        cell: Option<u16>,
        level: u16,
        start: usize,
        seen: usize,
        position: Option<u32>,
    ) -> Result<(), Stop> {
        let may_wrap = level == 0 && self.envelope == Envelope::Unknown && may_wrap(key);
        if may_wrap && self.is_wrapped(key, cell, start)? {
            return Ok(());
        }
        let rest = self
            .plan
            .levels
            .get(level as usize)
            .map_or(NONE, |level| level.rest);
        match cell {
            Some(cell) => self.named(cell, rest, position),
            None if rest == NONE => Ok(self.cursor.skip_value()?),
            None => self.unnamed(key, seen, rest),
        }
    }

    #[inline(always)]
    fn node_of(&self, key: Piece, keys: &Keys) -> Option<u16> {
        if key.escaped {
            return keys.find(self.text_of(key).as_ref());
        }
        let text = self.cursor.text().as_bytes();
        keys.find(text.get(key.start as usize..key.end as usize)?)
    }

    #[inline(never)]
    fn text_of(&self, piece: Piece) -> Cow<'a, str> {
        let text = self
            .cursor
            .text()
            .get(piece.start as usize..piece.end as usize);
        let text = text.unwrap_or_default();
        if piece.escaped {
            crate::json::unescape(text)
        } else {
            Cow::Borrowed(text)
        }
    }

    /// Reads the value of a key that the table names.
    fn named(&mut self, mut cell: u16, rest: u16, position: Option<u32>) -> Result<(), Stop> {
        if cell == self.plan.ids.0 && self.envelope == Envelope::Inside {
            cell = self.plan.ids.1;
        }
        let Some(node) = self.plan.nodes.get(cell as usize) else {
            return Ok(self.cursor.skip_value()?);
        };
        if self.record.entered.contains(cell) {
            self.forget_earlier(cell, position);
        }
        let first = self.cursor.peek();
        if matches!(first, Some(b'{' | b'[')) {
            if !node.is_item {
                self.record.present.remove(cell);
            }
            self.record.entered.insert(cell);
        }
        match first {
            Some(b'{') if node.object != NONE => {
                self.push_key(&node.path);
                self.path.push('.');
                self.object(node.object, position)
            }
            Some(b'[') if node.first != NONE || node.other != NONE => {
                self.push_key(&node.path);
                self.elements(node.first, node.other, rest)
            }
            Some(b'{' | b'[') => {
                if node.is_item {
                    self.forget_item(cell, position.unwrap_or(0));
                }
                if node.row != NONE && self.misfits.len() < MAX_LEAVES {
                    let is_object = first == Some(b'{');
                    let found = if is_object { "an object" } else { "an array" };
                    let path = node.path.to_string();
                    self.misfits.push(Misfit {
                        row: node.row,
                        path,
                        found,
                    });
                }
                if rest == NONE {
                    return Ok(self.cursor.skip_value()?);
                }
                self.push_key(&node.path);
                self.leaves(rest)
            }
            first => {
                let Some(piece) = self.scalar(first)? else {
                    if node.is_item {
                        self.forget_item(cell, position.unwrap_or(0));
                    } else {
                        self.record.present.remove(cell);
                    }
                    return Ok(());
                };
                if node.is_item {
                    self.item(cell, position.unwrap_or(0), piece);
                    return Ok(());
                }
                // A repeated key takes back what follows: an element, a leaf.
                self.record.entered.insert(cell);
                if self.item_of(node.other, piece) {
                    return Ok(());
                }
                if node.row == NONE && node.object != NONE && self.holds_json(piece) {
                    let (start, end) = (piece.start as usize - 1, piece.end as usize + 1);
                    return Err(Stop::Inline {
                        start,
                        end,
                        content: piece,
                        base64: false,
                    });
                }
                self.record.set(cell, piece);
                if node.row == NONE && rest != NONE {
                    // Functions read it, but no row keeps it.
                    self.push_key(&node.path);
                    self.leaf(piece, rest);
                }
                Ok(())
            }
        }
    }

    /// The text of a scalar; none for null and "".
    fn scalar(&mut self, first: Option<u8>) -> Result<Option<Piece>, Flaw> {
        let is_string = first == Some(b'"');
        let piece = if is_string {
            self.cursor.string()?
        } else {
            self.cursor.scalar()?
        };
        Ok((piece.start != piece.end && first != Some(b'n')).then_some(piece))
    }

    /// A repeated key takes the place of the first: what came of that one's object, array or leaf is taken back.
    #[cold]
    fn forget_earlier(&mut self, cell: u16, position: Option<u32>) {
        let (plan, record) = (self.plan, &mut *self.record);
        let Some(node) = plan.nodes.get(cell as usize) else {
            return;
        };
        let key = node.path.rsplit('.').next().unwrap_or(&node.path);
        let path = format!("{}{key}", self.path);
        let known = self.forgotten.iter().position(|it| it.cell == cell);
        let known = known.unwrap_or_else(|| {
            self.forgotten.push(Forgotten {
                cell,
                path: String::new(),
                below: below(plan, node),
                leaves: 0,
            });
            self.forgotten.len() - 1
        });
        let Some(known) = self.forgotten.get_mut(known) else {
            return;
        };
        if known.path != path {
            known.path = path;
            known.leaves = 0;
        }
        for leaf in record.leaves.iter_mut().skip(known.leaves) {
            let leaf_path = record.paths.get(leaf.path.0 as usize..leaf.path.1 as usize);
            if leaf_path.is_some_and(|leaf_path| goes_on_from(leaf_path, &known.path)) {
                leaf.row = NONE;
            }
        }
        known.leaves = record.leaves.len();
        if position.is_some() {
            return;
        }
        if record.present.meets(&known.below) {
            record.present.subtract(&known.below);
            record.items.retain(|item| !known.below.contains(item.cell));
        }
        record.entered.subtract(&known.below);
        self.misfits.retain(|misfit| misfit.path != node.path);
    }

    /// The same for the value in an element of an array: one of the last items, as in [`Scanner::item`].
    fn forget_item(&mut self, cell: u16, position: u32) {
        let items = &mut self.record.items;
        let same = |item: &Item| item.cell == cell && item.position == position;
        let start = items.len().saturating_sub(NEAR);
        let Some(at) = items.iter().skip(start).position(same) else {
            return;
        };
        items.remove(start + at);
        if items.iter().rev().all(|item| item.cell != cell) {
            self.record.present.remove(cell);
        }
    }

    fn push_key(&mut self, path: &str) {
        // The library's search for a character takes longer than a key is.
        let dot = path.bytes().rposition(|byte| byte == b'.');
        let key = path.get(dot.map_or(0, |dot| dot + 1)..);
        self.path.push_str(key.unwrap_or_default());
    }

    /// Whether a string's content is a JSON object or array.
    fn holds_json(&self, piece: Piece) -> bool {
        let text = self.cursor.text().as_bytes();
        let is_string = text.get((piece.start as usize).wrapping_sub(1)) == Some(&b'"');
        let content = text
            .get(piece.start as usize..piece.end as usize)
            .unwrap_or_default();
        is_string
            && matches!(content.trim_ascii_start().first(), Some(b'{' | b'['))
            && is_json(&self.text_of(piece))
    }

    /// Reads an array whose elements rows name.
    fn elements(&mut self, first: u16, other: u16, rest: u16) -> Result<(), Stop> {
        let path = self.path.len();
        let mut position = 0;
        let mut more = self.cursor.enter(b']')?;
        while more {
            let cell = if position == 0 && first != NONE {
                first
            } else {
                other
            };
            let node = self.plan.nodes.get(cell as usize);
            push_position(&mut self.path, position);
            match (self.cursor.peek(), node) {
                (Some(b'{'), Some(node)) if node.object != NONE => {
                    self.path.push('.');
                    self.object(node.object, Some(position))?;
                }
                (first, Some(node)) if node.is_item && !matches!(first, Some(b'{' | b'[')) => {
                    if let Some(piece) = self.scalar(first)? {
                        self.item(cell, position, piece);
                    }
                }
                _ if rest == NONE => self.cursor.skip_value()?,
                _ => self.leaves(rest)?,
            }
            self.path.truncate(path);
            position += 1;
            more = self.cursor.another(b']')?;
        }
        Ok(())
    }

    /// A text where an array is expected counts as its one element.
    fn item_of(&mut self, other: u16, piece: Piece) -> bool {
        let is_item = self
            .plan
            .nodes
            .get(other as usize)
            .is_some_and(|node| node.is_item);
        if is_item {
            self.item(other, 0, piece);
        }
        is_item
    }

    fn item(&mut self, cell: u16, position: u32, piece: Piece) {
        let value = Cell {
            piece,
            in_scratch: false,
        };
        let same = |item: &&mut Item| item.cell == cell && item.position == position;
        let last = self.record.items.iter_mut().rev().take(NEAR).find(same);
        if let Some(item) = last {
            item.value = value;
        } else if self.record.items.len() < MAX_ITEMS {
            self.record.items.push(Item {
                cell,
                position,
                value,
            });
            self.record.present.insert(cell);
        } else {
            self.record.truncated = true;
        }
    }

    /// Keeps the value of a key that no row names.
    fn unnamed(&mut self, key: Piece, seen: usize, rest: u16) -> Result<(), Stop> {
        if rest == NONE {
            return Ok(self.cursor.skip_value()?);
        }
        let first = self.first_leaf(key, seen);
        self.record.dotted |= self.envelope == Envelope::Behind;
        self.push_raw_key(key);
        self.leaves(rest)?;
        self.remember(key, first);
        Ok(())
    }

    fn push_raw_key(&mut self, key: Piece) {
        let start = self.path.len();
        self.push_raw_key_text(key);
        let key = self.path.as_bytes().get(start..).unwrap_or_default();
        // `record.` stands before keys of ours, too.
        let is_dotted = key.iter().any(|byte| matches!(byte, b'.' | b'['));
        self.record.dotted |= is_dotted || key == b"record";
    }

    fn push_raw_key_text(&mut self, key: Piece) {
        if key.escaped {
            let mut content = Vec::new();
            crate::json::push_escaped(&mut content, &self.text_of(key));
            self.path.push_str(&String::from_utf8_lossy(&content));
        } else {
            self.path.push_str(&self.text_of(key));
        }
    }

    /// The next leaf's index. What an earlier key of this name gave is taken back.
    fn first_leaf(&mut self, key: Piece, seen: usize) -> usize {
        let earlier = self.seen.get(seen..).unwrap_or_default().iter();
        let name = |piece: Piece| self.text_of(piece);
        if let Some(earlier) = earlier.rev().find(|earlier| {
            (earlier.key.escaped || key.escaped || length(earlier.key) == length(key))
                && name(earlier.key) == name(key)
        }) {
            let (start, end) = earlier.leaves;
            for leaf in self.record.leaves.get_mut(start..end).unwrap_or_default() {
                leaf.row = NONE;
            }
        }
        self.record.leaves.len()
    }

    fn remember(&mut self, key: Piece, first: usize) {
        let end = self.record.leaves.len();
        if end > first {
            self.seen.push(Seen {
                key,
                leaves: (first, end),
            });
        }
    }

    /// Keeps every scalar of the value at the cursor.
    fn leaves(&mut self, rest: u16) -> Result<(), Stop> {
        let path = self.path.len();
        match self.cursor.peek() {
            Some(b'{') => {
                let seen = self.seen.len();
                let mut more = self.cursor.enter(b'}')?;
                while more {
                    let key = self.cursor.key()?;
                    if self.record.truncated {
                        self.cursor.skip_value()?;
                    } else {
                        self.path.push('.');
                        self.unnamed(key, seen, rest)?;
                        self.path.truncate(path);
                    }
                    more = self.cursor.another(b'}')?;
                }
                self.seen.truncate(seen);
            }
            Some(b'[') => {
                let mut position = 0;
                let mut more = self.cursor.enter(b']')?;
                while more {
                    if self.record.truncated {
                        self.cursor.skip_value()?;
                    } else {
                        push_position(&mut self.path, position);
                        self.leaves(rest)?;
                        self.path.truncate(path);
                    }
                    position += 1;
                    more = self.cursor.another(b']')?;
                }
            }
            first => {
                if let Some(piece) = self.scalar(first)? {
                    self.leaf(piece, rest);
                }
            }
        }
        Ok(())
    }

    fn leaf(&mut self, piece: Piece, row: u16) {
        let record = &mut *self.record;
        let bytes = self.path.len() + length(piece);
        if record.truncated
            || record.leaves.len() >= MAX_LEAVES
            || record.leaf_bytes + bytes > MAX_LEAF_BYTES
        {
            record.truncated = true;
            return;
        }
        record.leaf_bytes += bytes;
        let start = record.paths.len() as u32;
        record.paths.push_str(&self.path);
        let path = (start, record.paths.len() as u32);
        record.leaves.push(Leaf {
            path,
            value: Cell {
                piece,
                in_scratch: false,
            },
            row,
        });
    }

    /// Reads the value of a record's key as what logs come wrapped in, if it is that.
    fn is_wrapped(&mut self, key: Piece, node: Option<u16>, start: usize) -> Result<bool, Stop> {
        let first = self.cursor.peek();
        if !matches!(first, Some(b'{' | b'[' | b'"')) {
            return Ok(false);
        }
        let name: &str = &self.text_of(key);
        if first == Some(b'[') || (first == Some(b'{') && name == OUTER_LIST) {
            return self.is_list(name);
        }
        let base64 = name == CONTENT_BASE64;
        let is_content = CONTENTS.contains(&name) || base64 && first == Some(b'"');
        if !is_content || !self.is_envelope(node)? {
            return Ok(false);
        }
        if first == Some(b'{') {
            self.envelope = Envelope::Inside;
            self.record.present.insert(ENVELOPE_CELL);
            self.record.dotted |= !self.record.leaves.is_empty();
            self.object(0, None)?;
            self.envelope = Envelope::Behind;
            return Ok(true);
        }
        let ahead = self.cursor;
        let content = self.cursor.string()?;
        if base64 || self.holds_json(content) {
            let start = if base64 {
                start
            } else {
                content.start as usize - 1
            };
            let end = content.end as usize + 1;
            return Err(Stop::Inline {
                start,
                end,
                content,
                base64,
            });
        }
        self.cursor = ahead;
        Ok(false)
    }

    /// Whether the key's array, or an array in its object, holds the logs.
    fn is_list(&mut self, name: &str) -> Result<bool, Stop> {
        if !LISTS.contains(&name) || self.record.present.meets(&self.plan.own) {
            return Ok(false);
        }
        let is_records = name == "records";
        if self.cursor.peek() == Some(b'[') {
            self.list = Some(Found::List {
                at: self.cursor.at,
                is_records,
                depth: 1,
            });
            return Ok(true);
        }
        let mut ahead = self.cursor;
        let mut more = ahead.enter(b'}')?;
        while more {
            let key = ahead.key()?;
            if ahead.peek() == Some(b'[') && LISTS.contains(&self.text_of(key).as_ref()) {
                self.list = Some(Found::List {
                    at: ahead.at,
                    is_records: false,
                    depth: 2,
                });
                return Ok(true);
            }
            ahead.skip_value()?;
            more = ahead.another(b'}')?;
        }
        Ok(false)
    }

    /// Whether the object is an envelope and the value at the cursor its content. An audit record of the REST API has a
    /// key `data` as well: its other keys tell, and where none has been read so far, those that follow.
    fn is_envelope(&mut self, node: Option<u16>) -> Result<bool, Stop> {
        let is_mark = |cell: u16| {
            let node = self.plan.nodes.get(cell as usize);
            node.is_some_and(|node| MARKS.contains(&node.path.as_ref()))
        };
        let present = &self.record.present;
        if present.both(present).any(is_mark) {
            return Ok(true);
        }
        if present.meets(&self.plan.own) {
            return Ok(false);
        }
        if let Some((until, told)) = self.told
            && self.cursor.at < until
        {
            return Ok(told);
        }
        let keys = self.plan.levels.first();
        let mut ahead = self.cursor;
        let mut told = true;
        ahead.skip_value()?;
        while ahead.another(b'}')? {
            let key = ahead.key()?;
            let found = keys.and_then(|level| self.node_of(key, &level.keys));
            match found {
                Some(cell) if is_mark(cell) => break,
                Some(_) if found == node => {}
                Some(cell) if self.plan.own.contains(cell) => {
                    told = false;
                    break;
                }
                _ => {}
            }
            ahead.skip_value()?;
        }
        self.told = Some((ahead.at, told));
        Ok(told)
    }
}

/// Whether a record's key may be one of those that logs come wrapped in: whether it is as long as one of them.
fn may_wrap(key: Piece) -> bool {
    matches!(length(key), 4 | 5 | 7 | 11 | 24) || key.escaped
}

fn push_position(path: &mut String, position: u32) {
    path.push('[');
    if position < 10 {
        path.push(char::from(b'0' + position as u8));
    } else {
        path.push_str(&position.to_string());
    }
    path.push(']');
}

/// The cells of a node and of all that lies below it.
fn below(plan: &Plan, node: &Node) -> Mask {
    let object = plan.levels.get(node.object as usize);
    let is_in = |path: &str| object.is_some_and(|object| path.starts_with(&object.prefix));
    let mut below = Mask::default();
    for (cell, it) in plan.nodes.iter().enumerate().skip(FIRST_NODE as usize) {
        if goes_on_from(&it.path, &node.path) || is_in(&it.path) {
            below.insert(cell as u16);
        }
    }
    below
}

/// Whether a path is another one, or leads on from it.
fn goes_on_from(path: &str, start: &str) -> bool {
    let rest = path.strip_prefix(start);
    rest.is_some_and(|rest| matches!(rest.bytes().next(), None | Some(b'.' | b'[')))
}

fn length(piece: Piece) -> usize {
    (piece.end - piece.start) as usize
}
