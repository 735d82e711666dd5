//! The bytes of an object on their way from a range to a piece.

use super::PUSH;
use crate::feed::inflate::Inflate;

/// The bytes of the object, before they are decompressed.
pub struct Source {
    pub range: Vec<u8>,
    pub at: usize,
    pub next: u64,
    pub inflate: Option<Inflate>,
    /// Decompressed bytes that no piece has yet. Where pieces end does not hang on how much comes at once.
    pub ahead: Vec<u8>,
    /// Decompressed bytes to leave out: they were read before.
    pub skip: u64,
    /// Why there are no more, if the object has not ended.
    pub broken: Option<String>,
}

impl Source {
    /// Moves bytes of the range to where they are read, up to so many there.
    pub fn pour(&mut self, tail: &mut Vec<u8>, want: usize) {
        let mut input = self.range.get(self.at..).unwrap_or_default();
        let before = input.len();
        let room = want - tail.len();
        let Some(inflate) = &mut self.inflate else {
            let length = before.min(room);
            tail.extend_from_slice(input.get(..length).unwrap_or_default());
            self.at += length;
            return;
        };
        if self.ahead.is_empty() && self.broken.is_none() {
            // What is left out is less than what is between two points, and a block.
            let most = room.max((self.skip as usize).min(PUSH));
            if let Err(why) = inflate.push(&mut input, &mut self.ahead, most) {
                self.broken = Some(why);
            }
            self.at += before - input.len();
            let skipped = self.skip.min(self.ahead.len() as u64);
            self.ahead.drain(..skipped as usize);
            self.skip -= skipped;
        }
        let length = self.ahead.len().min(room);
        tail.extend(self.ahead.drain(..length));
    }
}
