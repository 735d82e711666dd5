//! Cutting items into sub-requests: by bytes with the envelope counted, and by number.
//!
//! The same items give the same cuts and the same digests at any time: an envelope may hold a time, but always of the
//! same width.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

/// What stands around and between the pieces of a body.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Envelope {
    pub open: String,
    /// Before each piece.
    pub before: String,
    /// After each piece.
    pub after: String,
    pub between: &'static str,
    pub close: String,
}

/// The sizes of sub-requests, uncompressed and with the envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Bytes that several pieces stay within. A piece that needs more goes alone.
    pub bytes: usize,
    /// Bytes that nothing exceeds.
    pub most: usize,
    /// Pieces.
    pub items: usize,
}

/// An item as it goes over the wire.
#[derive(Debug)]
pub(super) struct Piece<'i> {
    /// Its index among the items.
    pub item: usize,
    /// The item's own bytes.
    pub raw: &'i [u8],
    /// What is sent of it.
    pub bytes: Cow<'i, [u8]>,
}

impl Envelope {
    /// One piece a line.
    pub(super) fn lines() -> Envelope {
        Envelope {
            after: "\n".to_owned(),
            ..Envelope::default()
        }
    }

    /// The length of a body with one piece of that length.
    pub(super) fn around(&self, piece: usize) -> usize {
        let own = self.open.len() + self.before.len() + self.after.len() + self.close.len();
        piece.saturating_add(own)
    }

    /// How much longer a body gets by another piece of that length.
    fn another(&self, piece: usize) -> usize {
        piece.saturating_add(self.between.len() + self.before.len() + self.after.len())
    }

    /// The whole body.
    pub(super) fn body(&self, pieces: &[Piece<'_>]) -> Vec<u8> {
        let length = pieces.iter().map(|it| self.another(it.bytes.len()));
        let length = self.open.len() + self.close.len() + length.sum::<usize>();
        let mut body = Vec::with_capacity(length);
        body.extend_from_slice(self.open.as_bytes());
        for (index, piece) in pieces.iter().enumerate() {
            if index > 0 {
                body.extend_from_slice(self.between.as_bytes());
            }
            body.extend_from_slice(self.before.as_bytes());
            body.extend_from_slice(&piece.bytes);
            body.extend_from_slice(self.after.as_bytes());
        }
        body.extend_from_slice(self.close.as_bytes());
        body
    }
}

/// Pieces, each of which fits alone, in as few sub-requests as their order allows.
pub(super) fn cut<'p, 'i>(
    pieces: &'p [Piece<'i>],
    envelope: &Envelope,
    limits: Limits,
) -> Vec<&'p [Piece<'i>]> {
    let mut cuts = Vec::new();
    let mut rest = pieces;
    while let Some(first) = rest.first() {
        let mut length = envelope.around(first.bytes.len());
        let mut count = 1;
        for piece in rest.iter().skip(1).take(limits.items.saturating_sub(1)) {
            length = length.saturating_add(envelope.another(piece.bytes.len()));
            if length > limits.bytes {
                break;
            }
            count += 1;
        }
        let (sub_request, others) = rest.split_at(count);
        cuts.push(sub_request);
        rest = others;
    }
    cuts
}

/// What the ledger knows a sub-request by: its destination, its feed, what tells the delivery from others, and its items;
/// not the envelope.
pub(super) fn digest(
    destination: &str,
    feed: &str,
    delivery: &str,
    pieces: &[Piece<'_>],
) -> [u8; 32] {
    let mut digest = Sha256::new();
    let names = [destination, feed, delivery].map(str::as_bytes);
    for bytes in names.into_iter().chain(pieces.iter().map(|it| it.raw)) {
        // Framed by its length, so that bytes cannot pass from one item to the next unnoticed.
        digest.update((bytes.len() as u64).to_le_bytes());
        digest.update(bytes);
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(lengths: &[usize]) -> Vec<Piece<'static>> {
        let piece = |(item, length): (usize, &usize)| Piece {
            item,
            raw: b"",
            bytes: Cow::Owned(vec![b'x'; *length]),
        };
        lengths.iter().enumerate().map(piece).collect()
    }

    fn list() -> Envelope {
        Envelope {
            open: "[".to_owned(),
            before: "<".to_owned(),
            after: ">".to_owned(),
            between: ",",
            close: "]".to_owned(),
        }
    }

    fn cuts(lengths: &[usize], bytes: usize, items: usize) -> Vec<usize> {
        let limits = Limits {
            bytes,
            most: usize::MAX,
            items,
        };
        let pieces = pieces(lengths);
        let cuts = cut(&pieces, &list(), limits);
        let mut together = cuts.iter().flat_map(|it| it.iter().map(|it| it.item));
        assert!((0..lengths.len()).eq(&mut together), "nothing is left out");
        for cut in &cuts {
            let body = list().body(cut);
            assert!(cut.len() == 1 || body.len() <= bytes);
            assert!(cut.len() <= items);
        }
        cuts.iter().map(|it| it.len()).collect()
    }

    #[test]
    fn a_body_has_the_pieces_in_their_envelope() {
        assert_eq!(list().body(&pieces(&[2, 1])), b"[<xx>,<x>]");
        assert_eq!(Envelope::lines().body(&pieces(&[2, 1])), b"xx\nx\n");
        assert_eq!(list().around(2), b"[<xx>]".len());
    }

    #[test]
    fn bytes_are_counted_with_the_envelope_to_the_last_one() {
        assert_eq!(cuts(&[2, 1], 10, 9), [2]);
        assert_eq!(cuts(&[2, 1], 9, 9), [1, 1]);
    }

    #[test]
    fn items_are_counted() {
        assert_eq!(cuts(&[1; 5], 1000, 2), [2, 2, 1]);
        assert_eq!(cuts(&[1; 2], 1000, 1), [1, 1]);
        assert_eq!(cuts(&[], 1000, 1), [0; 0]);
    }

    #[test]
    fn a_piece_that_is_too_long_for_company_goes_alone() {
        assert_eq!(cuts(&[1, 50, 1, 1], 20, 9), [1, 1, 2]);
    }

    #[test]
    fn a_digest_tells_destinations_feeds_deliveries_and_the_bounds_of_items_apart() {
        let piece = |raw: &'static [u8]| Piece {
            item: 0,
            raw,
            bytes: Cow::Borrowed(raw),
        };
        let digests = [
            digest("a", "b", "", &[piece(b"cd")]),
            digest("a", "b", "", &[piece(b"c"), piece(b"d")]),
            digest("a", "x", "", &[piece(b"cd")]),
            digest("x", "b", "", &[piece(b"cd")]),
            digest("ab", "", "", &[piece(b"cd")]),
            digest("a", "b", "r1", &[piece(b"cd")]),
        ];
        for (index, one) in digests.iter().enumerate() {
            assert!(digests.iter().skip(index + 1).all(|other| other != one));
        }
        assert_eq!(digests[0], digest("a", "b", "", &[piece(b"cd")]));
    }
}
