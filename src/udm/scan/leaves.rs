//! Values that no row names: kept under their own paths, as many as there is room for.

use super::{Envelope, MAX_LEAF_BYTES, MAX_LEAVES, Scanner, Seen, Stop, length, push_position};
use crate::json::Piece;
use crate::keys;
use crate::plan::NONE;
use crate::record::{Cell, Leaf};

impl Scanner<'_, '_, '_> {
    /// Keeps the value of a key that no row names.
    pub(super) fn unnamed(&mut self, key: Piece, seen: usize, rest: u16) -> Result<(), Stop> {
        if rest == NONE {
            return Ok(self.cursor.skip_value()?);
        }
        let hash = keys::hash(&self.text_of(key));
        let first = self.first_leaf(key, hash, seen);
        self.record.dotted |= self.envelope == Envelope::Behind;
        self.push_raw_key(key);
        self.leaves(rest)?;
        self.remember(key, hash, first);
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
    fn first_leaf(&mut self, key: Piece, hash: u64, seen: usize) -> usize {
        let earlier = self.seen.get(seen..).unwrap_or_default().iter();
        let is_same = |it: &&Seen| it.hash == hash && self.text_of(it.key) == self.text_of(key);
        if let Some(earlier) = earlier.rev().find(is_same) {
            let (start, end) = earlier.leaves;
            for leaf in self.record.leaves.get_mut(start..end).unwrap_or_default() {
                leaf.row = NONE;
            }
        }
        self.record.leaves.len()
    }

    fn remember(&mut self, key: Piece, hash: u64, first: usize) {
        let end = self.record.leaves.len();
        if end > first {
            self.seen.push(Seen {
                key,
                hash,
                leaves: (first, end),
            });
        }
    }

    /// Keeps every scalar of the value at the cursor.
    pub(super) fn leaves(&mut self, rest: u16) -> Result<(), Stop> {
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

    pub(super) fn leaf(&mut self, piece: Piece, row: u16) {
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
}
