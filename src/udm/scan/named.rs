//! Values that rows name: texts to cells, elements of arrays to items, objects to the level that rows look into.

use super::{Envelope, MAX_ITEMS, MAX_LEAVES, Misfit, NEAR, Scanner, Stop, push_position};
use crate::json::{Flaw, Piece};
use crate::plan::{NONE, Node};
use crate::record::{Cell, Item};

impl Scanner<'_, '_, '_> {
    /// Reads the value of a key whose object or array a row's function sees whole, and with it all of its keys.
    pub(super) fn whole(
        &mut self,
        cell: u16,
        rest: u16,
        position: Option<u32>,
    ) -> Result<(), Stop> {
        let (start, left_out) = (self.cursor.at, self.record.left_out);
        let is_text = !matches!(self.cursor.peek(), Some(b'{' | b'['));
        self.named(cell, rest, position)?;
        self.record.left_out = left_out;
        if !is_text {
            let end = self.cursor.at;
            let place = Piece {
                start: start as u32,
                end: end as u32,
                escaped: false,
            };
            self.record.set(cell, place);
        }
        Ok(())
    }

    /// Reads the value of a key that the table names.
    pub(super) fn named(
        &mut self,
        mut cell: u16,
        rest: u16,
        position: Option<u32>,
    ) -> Result<(), Stop> {
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
                self.push_key(node);
                self.path.push('.');
                self.object(node.object, position)
            }
            Some(b'[') if node.first != NONE || node.other != NONE => {
                self.push_key(node);
                self.elements(node.first, node.other, rest)
            }
            Some(b'{' | b'[') => {
                if node.is_item {
                    self.forget_item(cell, position.unwrap_or(0));
                }
                let is_misfit = node.row != NONE && !self.plan.wholes.contains(cell);
                if is_misfit && self.misfits.len() < MAX_LEAVES {
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
                self.push_key(node);
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
                    self.push_key(node);
                    self.leaf(piece, rest);
                } else if node.row == NONE && node.object != NONE {
                    self.record.left_out += 1;
                }
                Ok(())
            }
        }
    }

    /// The text of a scalar; none for null and "".
    pub(super) fn scalar(&mut self, first: Option<u8>) -> Result<Option<Piece>, Flaw> {
        let is_string = first == Some(b'"');
        let piece = if is_string {
            self.cursor.string()?
        } else {
            self.cursor.scalar()?
        };
        Ok((piece.start != piece.end && first != Some(b'n')).then_some(piece))
    }

    fn push_key(&mut self, node: &Node) {
        let key = node.path.get(node.key as usize..);
        self.path.push_str(key.unwrap_or_default());
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
}
