//! The end of the input: what was pushed after the last log that was reported.
//!
//! A log that is refused is handed back whole, and a log may be longer than memory. So what grows beyond a limit goes to
//! a temporary file that has no name, and is gone with the process.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};

/// Bytes of a payload, from `start` on.
pub(crate) struct Tail {
    start: u64,
    bytes: Vec<u8>,
    /// What follows `bytes`, which are empty then: everything is in the one place or the other.
    spilled: Option<Spilled>,
    most: usize,
}

struct Spilled {
    file: File,
    length: u64,
}

impl Tail {
    /// The tail of an empty payload, of which at most `most` bytes are to be in memory.
    pub(crate) fn new(most: usize) -> Tail {
        Tail {
            start: 0,
            bytes: Vec::new(),
            spilled: None,
            most,
        }
    }

    /// The offset after the last byte.
    pub(crate) fn end(&self) -> u64 {
        let spilled = self.spilled.as_ref().map_or(0, |it| it.length);
        self.start + self.bytes.len() as u64 + spilled
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.spilled.is_none() && self.bytes.len() + bytes.len() <= self.most {
            self.bytes.extend_from_slice(bytes);
            return Ok(());
        }
        let spilled = match &mut self.spilled {
            Some(spilled) => spilled,
            none => {
                let mut file = tempfile::tempfile()?;
                file.write_all(&self.bytes)?;
                let length = self.bytes.len() as u64;
                self.bytes = Vec::new();
                none.insert(Spilled { file, length })
            }
        };
        spilled.file.seek(SeekFrom::End(0))?;
        spilled.file.write_all(bytes)?;
        spilled.length += bytes.len() as u64;
        Ok(())
    }

    /// Lets go of what stands before `offset`.
    pub(crate) fn forget_before(&mut self, offset: u64) -> io::Result<()> {
        if offset <= self.start {
            return Ok(());
        }
        match &self.spilled {
            None => {
                self.bytes.drain(..(offset - self.start) as usize);
            }
            // The rest stays in the file until it fits into memory: then little was read after a huge log.
            Some(_) if self.end() - offset > self.most as u64 => return Ok(()),
            Some(_) => {
                let mut rest = Vec::new();
                self.read(offset, self.end() - offset)?
                    .read_to_end(&mut rest)?;
                self.bytes = rest;
                self.spilled = None;
            }
        }
        self.start = offset;
        Ok(())
    }

    /// A stretch of what is kept. What is not kept, or not yet there, is left out.
    pub(crate) fn read(&self, offset: u64, length: u64) -> io::Result<Box<dyn Read + '_>> {
        let from = offset.saturating_sub(self.start);
        if let Some(Spilled { file, .. }) = &self.spilled {
            let mut file = file;
            file.seek(SeekFrom::Start(from))?;
            return Ok(Box::new(file.take(length)));
        }
        let mut bytes = Cursor::new(&self.bytes);
        bytes.set_position(from);
        Ok(Box::new(bytes.take(length)))
    }

    /// The same stretch, if it is in memory.
    pub(crate) fn slice(&self, offset: u64, length: u64) -> Option<&[u8]> {
        let from = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        let length = usize::try_from(length).ok()?;
        self.bytes.get(from..from.checked_add(length)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(tail: &Tail, offset: u64, length: u64) -> String {
        let mut text = String::new();
        let mut bytes = tail.read(offset, length).unwrap();
        bytes.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_tail_reads_the_same_from_memory_and_from_a_file() {
        for most in [0, 4, 5, 10, 100] {
            let mut tail = Tail::new(most);
            tail.push(b"hello").unwrap();
            tail.push(b"world").unwrap();
            assert_eq!(tail.end(), 10);
            assert_eq!(text(&tail, 3, 4), "lowo");
            assert_eq!(text(&tail, 5, 99), "world");
            tail.push(b"!").unwrap();
            assert_eq!(text(&tail, 0, 11), "helloworld!");
            tail.forget_before(8).unwrap();
            assert_eq!(tail.end(), 11);
            assert_eq!(text(&tail, 8, 3), "ld!");
            tail.push(b"?").unwrap();
            assert_eq!(text(&tail, 9, 9), "d!?");
        }
    }

    #[test]
    fn a_tail_returns_to_memory_when_the_rest_is_small() {
        let mut tail = Tail::new(4);
        tail.push(b"a long log\n").unwrap();
        assert_eq!(tail.slice(0, 4), None);
        tail.forget_before(11).unwrap();
        tail.push(b"{}").unwrap();
        assert_eq!(tail.slice(11, 2), Some(&b"{}"[..]));
    }
}
