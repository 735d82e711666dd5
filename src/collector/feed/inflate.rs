//! Gzip (RFC 1952) read piece by piece, any number of members one after the other, and from the middle on.
//!
//! A call that reads a large object ends before the object does, and what it has decompressed must not be
//! decompressed again by every call that follows. So the places are told at which reading can go on: where a member
//! begins, and between the blocks of one, with the 32 KiB before it that the next block may repeat (RFC 1951, 3.2).
//!
//! Left out: what a header says of name, time and system, and a header's own check sum.

use std::mem;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc32fast::Hasher;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY,
};
use miniz_oxide::inflate::core::{BlockBoundaryState, DecompressorOxide, decompress};
use serde::{Deserialize, Serialize};

/// How every member begins.
pub const MAGIC: &[u8] = &[0x1f, 0x8b];

/// As far back as a block may reach.
const WINDOW: usize = 32 << 10;
/// What is decompressed at once; a power of two, and more than a window.
const RING: usize = 2 * WINDOW;
/// Points are at least so far apart, so that few are kept: those between blocks, which hold a window, and the others.
const APART: u64 = 512 << 10;
const MEMBERS_APART: u64 = 4 << 10;
/// The longest header; one has a name and a comment at most.
const HEADER: usize = 64 << 10;
/// What a header's flags mean.
const HEADER_CRC: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;

/// A place where reading can go on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// The compressed bytes before it.
    pub read: u64,
    /// The bytes that they made.
    pub made: u64,
    /// Nothing where a member begins.
    pub block: Option<Block>,
}

/// Between two blocks of a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// How many bits of the last byte belong to the next block, and which.
    bits: (u8, u8),
    /// Of the member so far.
    crc: u32,
    /// Of the member so far, as its trailer counts.
    size: u32,
    /// The bytes before, in Base64.
    window: String,
}

/// Reads gzip.
pub struct Inflate {
    part: Part,
    /// Of a header or a trailer that is not whole yet.
    held: Vec<u8>,
    engine: Box<DecompressorOxide>,
    ring: Vec<u8>,
    /// Where in the ring the next byte goes, and how many bytes before that are the member's, up to a window.
    at: usize,
    window: usize,
    crc: Hasher,
    size: u32,
    read: u64,
    made: u64,
    points: Vec<Point>,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Header,
    Blocks,
    Trailer,
    /// Another member, or zeros to the end.
    Between,
}

impl Inflate {
    /// Goes on where a point is; its default is the beginning.
    ///
    /// # Errors
    ///
    /// What is wrong with the point.
    pub fn at(point: &Point) -> Result<Inflate, String> {
        let mut inflate = Inflate {
            part: Part::Header,
            held: Vec::new(),
            engine: Box::default(),
            ring: vec![0; RING],
            at: 0,
            window: 0,
            crc: Hasher::new(),
            size: 0,
            read: point.read,
            made: point.made,
            points: vec![point.clone()],
        };
        if let Some(block) = &point.block {
            let window = STANDARD.decode(&block.window).unwrap_or_default();
            let room = inflate.ring.get_mut(..window.len());
            let room = room.filter(|it| it.len() <= WINDOW);
            room.ok_or("expected a window of 32 KiB at most, but found more")?
                .copy_from_slice(&window);
            inflate.at = window.len();
            inflate.window = window.len();
            inflate.crc = Hasher::new_with_initial(block.crc);
            inflate.size = block.size;
            inflate.part = Part::Blocks;
            let state = BlockBoundaryState {
                num_bits: block.bits.0,
                bit_buf: block.bits.1,
                ..BlockBoundaryState::default()
            };
            *inflate.engine = DecompressorOxide::from_block_boundary_state(&state);
        }
        Ok(inflate)
    }

    /// Reads from the front of `input` and appends to `out`, until the one is empty or the other has `most` bytes or
    /// a few more.
    ///
    /// # Errors
    ///
    /// What was expected, and what was found.
    pub fn push(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<u8>,
        most: usize,
    ) -> Result<(), String> {
        while !input.is_empty() && out.len() < most {
            match self.part {
                Part::Header => self.header(input)?,
                Part::Blocks => self.blocks(input, out)?,
                Part::Trailer => self.trailer(input)?,
                Part::Between => self.between(input)?,
            }
        }
        Ok(())
    }

    /// Whether the input may end here.
    ///
    /// # Errors
    ///
    /// That it may not.
    pub fn finish(&self) -> Result<(), String> {
        match self.part {
            Part::Between => Ok(()),
            _ => Err(format!(
                "expected the end of a gzip member, but found the end of the object at byte {}",
                self.read
            )),
        }
    }

    /// The last point before that many bytes were made. Those before it are forgotten.
    pub fn point(&mut self, made: u64) -> Point {
        let after = self.points.partition_point(|it| it.made <= made);
        self.points.drain(..after.saturating_sub(1));
        self.points.first().cloned().unwrap_or_default()
    }

    fn header(&mut self, input: &mut &[u8]) -> Result<(), String> {
        let (start, before) = (self.read - self.held.len() as u64, self.held.len());
        let seen = input.len().min(HEADER);
        self.held
            .extend_from_slice(input.get(..seen).unwrap_or_default());
        let is_magic = self.held.iter().zip(MAGIC).all(|(a, b)| a == b);
        let is_deflate = self.held.get(2).is_none_or(|it| *it == 8);
        let length = header(&self.held);
        if !is_magic || !is_deflate || (length.is_none() && self.held.len() > HEADER) {
            return Err(format!(
                "expected a gzip header, but found something else at byte {start}"
            ));
        }
        let read = length.map_or(seen, |it| it.saturating_sub(before));
        *input = input.get(read..).unwrap_or_default();
        self.read += read as u64;
        if length.is_some() {
            self.held.clear();
            *self.engine = DecompressorOxide::default();
            self.part = Part::Blocks;
        }
        Ok(())
    }

    fn blocks(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        let flags = TINFL_FLAG_HAS_MORE_INPUT | TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY;
        let (status, read, made) =
            decompress(&mut self.engine, input, &mut self.ring, self.at, flags);
        *input = input.get(read..).unwrap_or_default();
        self.read += read as u64;
        let new = self.ring.get(self.at..self.at + made).unwrap_or_default();
        out.extend_from_slice(new);
        self.crc.update(new);
        self.size = self.size.wrapping_add(made as u32);
        self.made += made as u64;
        self.at = (self.at + made) % RING;
        self.window = (self.window + made).min(WINDOW);
        match status {
            TINFLStatus::Done => {
                self.part = Part::Trailer;
                Ok(())
            }
            TINFLStatus::BlockBoundary => {
                self.mark();
                Ok(())
            }
            TINFLStatus::NeedsMoreInput | TINFLStatus::HasMoreOutput => Ok(()),
            _ => Err(format!(
                "expected compressed data, but found none before byte {}",
                self.read
            )),
        }
    }

    /// Remembers the place between two blocks.
    fn mark(&mut self) {
        let last = self.points.last().map_or(0, |it| it.made);
        if self.made - last < APART {
            return;
        }
        let Some(state) = self.engine.block_boundary_state() else {
            return;
        };
        let (first, second) = self.ring.split_at(self.at);
        let before = self.window.saturating_sub(first.len());
        let mut window = second[second.len() - before..].to_vec();
        window.extend_from_slice(&first[first.len() - (self.window - before)..]);
        self.points.push(Point {
            read: self.read,
            made: self.made,
            block: Some(Block {
                bits: (state.num_bits, state.bit_buf),
                crc: self.crc.clone().finalize(),
                size: self.size,
                window: STANDARD.encode(window),
            }),
        });
    }

    fn trailer(&mut self, input: &mut &[u8]) -> Result<(), String> {
        while let Some(byte) = self.take(input) {
            self.held.push(byte);
            if let [a, b, c, d, e, f, g, h] = *self.held {
                let crc = mem::take(&mut self.crc).finalize();
                let size = mem::take(&mut self.size);
                if (crc, size)
                    != (
                        u32::from_le_bytes([a, b, c, d]),
                        u32::from_le_bytes([e, f, g, h]),
                    )
                {
                    return Err(format!(
                        "expected the check sum and the length of a gzip member, but found others before byte {}",
                        self.read
                    ));
                }
                self.held.clear();
                self.window = 0;
                self.part = Part::Between;
                return Ok(());
            }
        }
        Ok(())
    }

    fn between(&mut self, input: &mut &[u8]) -> Result<(), String> {
        match input.first() {
            // Tapes and some writers fill up with zeros.
            Some(0) => _ = self.take(input),
            Some(_) => {
                self.part = Part::Header;
                let last = self.points.last().map_or(0, |it| it.made);
                if self.made - last >= MEMBERS_APART {
                    self.points.push(Point {
                        read: self.read,
                        made: self.made,
                        block: None,
                    });
                }
            }
            None => {}
        }
        Ok(())
    }

    fn take(&mut self, input: &mut &[u8]) -> Option<u8> {
        let (first, rest) = input.split_first()?;
        *input = rest;
        self.read += 1;
        Some(*first)
    }
}

/// The length of the header that these bytes begin with, if it is whole.
fn header(bytes: &[u8]) -> Option<usize> {
    let flags = *bytes.get(3)?;
    let mut length = 10;
    if flags & EXTRA != 0 {
        let extra = bytes.get(length..length + 2)?.try_into().ok()?;
        length += 2 + usize::from(u16::from_le_bytes(extra));
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            length += bytes.get(length..)?.iter().position(|it| *it == 0)? + 1;
        }
    }
    if flags & HEADER_CRC != 0 {
        length += 2;
    }
    (length <= bytes.len()).then_some(length)
}

#[cfg(test)]
mod tests;
