//! Mutations of texts, the same in every run.

use crate::json::Cursor;

/// Numbers that only look random: xorshift64*, so that a failure comes again.
pub(super) struct Random(pub(super) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() >> 33) as usize % end.max(1)
    }

    /// A piece of bytes that begins and ends where one of JSON's own bytes stands, so that members move whole.
    fn piece<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let is_end = |byte: u8| matches!(byte, b',' | b'{' | b'}' | b'[' | b']' | b'"' | b':');
        let start = self.below(bytes.len());
        let start = start
            + bytes[start..]
                .iter()
                .position(|it| is_end(*it))
                .unwrap_or(0);
        let ends = 1 + self.below(8);
        let mut ends = bytes[start..]
            .iter()
            .enumerate()
            .skip(1)
            .filter(|it| is_end(*it.1))
            .skip(ends);
        let end = ends.next().map_or(bytes.len(), |(at, _)| start + at);
        &bytes[start..end]
    }

    /// One of the texts, changed in one to three places.
    pub(super) fn mutation(&mut self, texts: &[Vec<u8>]) -> Vec<u8> {
        const BYTES: &[u8] = b"{}[]\",:\\u0019aeE+-. \n\t\r\0\x7f\xc3tfn/";
        let mut text = texts[self.below(texts.len())].clone();
        for _ in 0..1 + self.below(3) {
            let other = &texts[self.below(texts.len())];
            let at = self.below(text.len() + 1);
            let piece = match self.below(4) {
                0 => self.piece(other).to_vec(),
                1 => self.piece(&text).to_vec(),
                2 => vec![BYTES[self.below(BYTES.len())]],
                _ => Vec::new(),
            };
            let length = match self.below(4) {
                0 => self.below(24),
                1 => 1,
                _ => 0,
            };
            let is_member = self.below(2) == 0;
            // Behind a comma, a piece of members is most likely to be one again.
            let comma = text[at..]
                .iter()
                .position(|byte| *byte == b',')
                .map(|comma| at + comma);
            match comma.filter(|_| is_member) {
                Some(comma) => drop(text.splice(comma..comma, self.member(other))),
                None => {
                    let end = (at + length).min(text.len());
                    drop(text.splice(at..end, piece));
                }
            }
        }
        text
    }

    /// A comma and a member of a text's outermost objects, if there is one; else nothing.
    fn member(&mut self, text: &[u8]) -> Vec<u8> {
        let commas: Vec<usize> = (0..text.len()).filter(|at| text[*at] == b',').collect();
        let Some(start) = commas.get(self.below(commas.len())) else {
            return Vec::new();
        };
        let mut cursor = match str::from_utf8(&text[start + 1..]) {
            Ok(text) => Cursor::new(text),
            Err(_) => return Vec::new(),
        };
        cursor.skip_space();
        if cursor.key().is_err() || cursor.skip_value().is_err() {
            return Vec::new();
        }
        text[*start..start + 1 + cursor.at].to_vec()
    }
}
