//! Bytes that are written one text after the other, each copied in one go.

use crate::json::Piece;

/// How many bytes are copied at once, whatever the text's length: calling a function to copy twenty bytes costs more than
/// copying sixty-four, above all in WebAssembly.
pub const WIDE: usize = 64;

/// Where texts are written, always larger than what is on it: what was copied too much is written over. Where the text
/// ends is for the caller to keep.
#[derive(Debug)]
pub struct Page(Vec<u8>);

/// The end of what is on a page. It goes from hand to hand by value: kept in memory, each text would wait for the length
/// of the one before.
pub type At = usize;

impl Page {
    /// A page with room for so many bytes before it grows.
    pub fn of(bytes: usize) -> Page {
        Page(vec![0; bytes + WIDE])
    }

    /// Everything, and what stands behind it.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// A piece of a text.
    #[inline(always)]
    pub fn put(&mut self, at: At, text: &[u8], piece: Piece) -> At {
        let start = piece.start as usize;
        let length = (piece.end as usize).wrapping_sub(start);
        let from = text
            .get(start..start + WIDE)
            .and_then(|it| it.first_chunk::<WIDE>());
        match from {
            Some(from) if length <= WIDE => self.wide(at, from, length),
            _ => self.text(at, text.get(start..piece.end as usize).unwrap_or_default()),
        }
    }

    #[inline(always)]
    fn wide(&mut self, at: At, from: &[u8; WIDE], length: usize) -> At {
        let to = self.0.get_mut(at..at + WIDE);
        match to.and_then(|it| it.first_chunk_mut::<WIDE>()) {
            Some(to) => {
                *to = *from;
                at + length
            }
            None => self.text(at, from.get(..length).unwrap_or_default()),
        }
    }

    /// The first of four bytes.
    #[inline(always)]
    pub fn short(&mut self, at: At, text: [u8; 4], length: usize) -> At {
        match self
            .0
            .get_mut(at..)
            .and_then(|it| it.first_chunk_mut::<4>())
        {
            Some(to) => {
                *to = text;
                at + length
            }
            None => self.text(at, text.get(..length).unwrap_or_default()),
        }
    }

    /// A text of any length. Makes room for a wide copy behind it.
    #[inline(never)]
    pub fn text(&mut self, at: At, text: &[u8]) -> At {
        let end = at + text.len();
        if end + WIDE > self.0.len() {
            self.0.resize((end + WIDE).next_power_of_two(), 0);
        }
        if let Some(free) = self.0.get_mut(at..end) {
            copy(free, text);
        }
        end
    }

    /// A piece of what is on the page.
    pub fn again(&mut self, at: At, piece: Piece) -> At {
        let place = piece.start as usize..piece.end as usize;
        let text = self.0.get(place).unwrap_or_default().to_vec();
        self.text(at, &text)
    }
}

/// Copies a text, which is mostly short: in WebAssembly copying is a call, whatever the length.
#[inline(always)]
fn copy(to: &mut [u8], text: &[u8]) {
    let ends = (text.last_chunk::<8>(), to.len() <= WIDE);
    let (Some(last), true) = ends else {
        return to.copy_from_slice(text);
    };
    let (words, _) = text.as_chunks::<8>();
    for (to, word) in to.as_chunks_mut::<8>().0.iter_mut().zip(words) {
        *to = *word;
    }
    // Some of these bytes are there already.
    if let Some(to) = to.last_chunk_mut::<8>() {
        *to = *last;
    }
}
