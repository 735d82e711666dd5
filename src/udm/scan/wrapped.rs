//! What logs come wrapped in: lists, envelopes, and JSON in strings.

use super::{Envelope, Found, Scanner, Stop, length};
use crate::envelope::{CONTENT_BASE64, CONTENTS, LISTS, MARKS, OUTER_LIST, is_json};
use crate::json::Piece;
use crate::plan::ENVELOPE_CELL;

impl Scanner<'_, '_, '_> {
    /// Reads the value of a record's key as what logs come wrapped in, if it is that.
    pub(super) fn is_wrapped(
        &mut self,
        key: Piece,
        node: Option<u16>,
        start: usize,
    ) -> Result<bool, Stop> {
        let first = self.cursor.peek();
        if !matches!(first, Some(b'{' | b'[' | b'"')) {
            return Ok(false);
        }
        let name: &str = &self.text_of(key);
        if first == Some(b'[') || (first == Some(b'{') && name == OUTER_LIST) {
            return self.is_list(name);
        }
        if first == Some(b'{')
            && let Some((_, list)) = self.plan.lists.iter().find(|it| it.0 == name)
            && self.is_inner_list(&[*list])?
        {
            return Ok(true);
        }
        let base64 = name == CONTENT_BASE64;
        let is_content = CONTENTS.contains(&name) || base64 && first == Some(b'"');
        if !is_content || !self.is_envelope(node)? {
            return Ok(false);
        }
        if first == Some(b'{') {
            self.envelope = Envelope::Inside;
            self.record.left_out = 0;
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
        self.is_inner_list(LISTS)
    }

    /// Whether an array in the object at the cursor holds the logs: one with these names.
    fn is_inner_list(&mut self, names: &[&str]) -> Result<bool, Stop> {
        if self.record.present.meets(&self.plan.own) {
            return Ok(false);
        }
        let mut ahead = self.cursor;
        let mut more = ahead.enter(b'}')?;
        while more {
            let key = ahead.key()?;
            if ahead.peek() == Some(b'[') && names.contains(&self.text_of(key).as_ref()) {
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

    /// Whether a string's content is a JSON object or array.
    pub(super) fn holds_json(&self, piece: Piece) -> bool {
        let text = self.cursor.text().as_bytes();
        let is_string = text.get((piece.start as usize).wrapping_sub(1)) == Some(&b'"');
        let content = text
            .get(piece.start as usize..piece.end as usize)
            .unwrap_or_default();
        is_string
            && matches!(content.trim_ascii_start().first(), Some(b'{' | b'['))
            && is_json(&self.text_of(piece))
    }
}

/// Whether a record's key may be one of those that logs come wrapped in: whether it is as long as one of them.
pub(super) fn may_wrap(key: Piece) -> bool {
    matches!(length(key), 4 | 5 | 7 | 11 | 24) || key.escaped
}
