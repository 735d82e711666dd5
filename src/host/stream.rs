//! A payload of any size through a component, in pieces, past logs that the component cannot survive.
//!
//! While all goes well this is a reader inside one instance. When a call traps, the instance is gone, and with it what it
//! had not reported yet. Those bytes are kept here. They are fed again to new instances in ever smaller pieces, up to the
//! one byte that brings them down. What ends there is rejected with the trap as its reason, and reading goes on after it.

use std::io::{self, Read};
use std::{cmp, fmt};

use crate::Component;
use crate::opening::{Opening, last_value};
use crate::tail::Tail;
use crate::transform::{Reader, Transform, Trap};
use crate::wit::{Batch, Invalid, Options, Rejection, Span};

/// Reads payloads, one after another.
pub struct Stream {
    component: Component,
    options: Options,
    guest: Option<Guest>,
    opening: Opening,
    tail: Tail,
    /// The end of the last log that was reported, or rejected here.
    reported: u64,
    /// Whether the next guest takes over from one that trapped.
    resumes: bool,
    finished: bool,
}

struct Guest {
    transform: Transform,
    reader: Reader,
    /// Where in the payload the first byte stands that the guest saw.
    base: u64,
}

/// Why a stream cannot go on.
#[derive(Debug)]
pub enum Failure {
    /// The options cannot be used.
    Invalid(Invalid),
    /// The component fails without any input.
    Trap(Trap),
    /// The temporary file for a huge log failed.
    Io(io::Error),
}

/// A piece of the payload that brought an instance down.
struct Piece {
    at: u64,
    length: u64,
}

impl Stream {
    /// A stream that has read nothing yet.
    pub fn new(component: &Component, options: Options) -> Stream {
        Stream {
            component: component.clone(),
            options,
            guest: None,
            opening: Opening::default(),
            tail: Tail::new(component.engine().limits().kept),
            reported: 0,
            resumes: false,
            finished: false,
        }
    }

    /// The logs that are complete with these bytes. Spans count from the first byte of the payload.
    ///
    /// No bytes at all tell whether the options can be used.
    ///
    /// # Errors
    ///
    /// See [`Failure`]. A log that brings the component down is none: it is in a batch, with its reason.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Batch>, Failure> {
        if self.finished {
            *self = Stream::new(&self.component, self.options.clone());
        }
        self.tail.forget_before(self.reported)?;
        let mut batches = Vec::new();
        if bytes.is_empty() {
            self.feed(bytes, self.tail.end(), &mut batches)?;
        }
        for piece in bytes.chunks(self.component.engine().limits().push) {
            let at = self.tail.end();
            self.tail.push(piece)?;
            if let Some(trap) = self.feed(piece, at, &mut batches)? {
                let length = piece.len() as u64;
                self.isolate(Piece { at, length }, trap, &mut batches)?;
            }
        }
        Ok(batches)
    }

    /// What remained of the payload. The next push begins a new one, and offsets begin at 0.
    ///
    /// # Errors
    ///
    /// As [`Stream::push`].
    pub fn finish(&mut self) -> Result<Vec<Batch>, Failure> {
        let mut batches = Vec::new();
        if let Some(mut guest) = self.guest.take() {
            match guest.transform.finish(guest.reader) {
                Ok(answer) => self.report(answer?, guest.base, &mut batches),
                Err(trap) => self.reject(self.tail.end(), &trap, &mut batches)?,
            }
        }
        self.finished = true;
        Ok(batches)
    }

    /// What the component is told about the logs.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The bytes of a log of the batches that the last call gave.
    ///
    /// # Errors
    ///
    /// Where the temporary file for a huge log cannot be read.
    pub fn raw(&self, log: Span) -> io::Result<impl Read> {
        self.tail.read(log.offset, log.length)
    }

    /// Hands bytes to the guest, and takes its logs. A trap is handed back, and the guest is gone.
    fn feed(
        &mut self,
        bytes: &[u8],
        at: u64,
        batches: &mut Vec<Batch>,
    ) -> Result<Option<Trap>, Failure> {
        let skipped = if self.resumes {
            self.separators(bytes)
        } else {
            0
        };
        let bytes = &bytes[skipped..];
        if self.resumes && bytes.is_empty() {
            return Ok(None);
        }
        self.resumes = false;
        let guest = match &mut self.guest {
            Some(guest) => guest,
            none => none.insert(Guest::start(
                &self.component,
                &self.options,
                &self.opening,
                at + skipped as u64,
            )?),
        };
        match guest.transform.push(guest.reader, bytes) {
            Ok(answer) => {
                let base = guest.base;
                self.report(answer?, base, batches);
                Ok(None)
            }
            Err(trap) => {
                self.guest = None;
                Ok(Some(trap))
            }
        }
    }

    /// How many bytes stand between the log that was rejected and the next one. A delimiter is left to the component.
    fn separators(&self, bytes: &[u8]) -> usize {
        if self.options.split_delimiter.is_some() && self.opening.text().is_empty() {
            return 0;
        }
        let is_separator = |byte: &&u8| byte.is_ascii_whitespace() || **byte == b',';
        bytes.iter().take_while(is_separator).count()
    }

    fn report(&mut self, mut batch: Batch, base: u64, batches: &mut Vec<Batch>) {
        let end = self.tail.end();
        for log in &mut batch.logs {
            // A component of somebody else may say anything here.
            log.offset = log.offset.saturating_add(base);
            let between = log.offset.saturating_sub(self.reported);
            if let Some(between) = self.tail.slice(self.reported, between) {
                self.opening.walk(between);
            }
            let after = log.offset.saturating_add(log.length);
            self.reported = cmp::max(self.reported, after.min(end));
        }
        batches.push(batch);
    }

    /// Feeds again what was not reported: in one go up to the piece that failed, then that piece in smaller ones. A single
    /// byte that fails ends a log that is rejected.
    fn isolate(
        &mut self,
        mut failed: Piece,
        mut trap: Trap,
        batches: &mut Vec<Batch>,
    ) -> Result<(), Failure> {
        let most = self.component.engine().limits().push as u64;
        loop {
            if failed.length == 1 {
                self.reject(failed.at + 1, &trap, batches)?;
            }
            self.resumes = true;
            let mut at = self.reported;
            loop {
                let length = if at < failed.at {
                    cmp::min(failed.at - at, most)
                } else if at < failed.at + failed.length {
                    failed.length.div_ceil(64)
                } else {
                    most
                };
                let mut piece = Vec::new();
                self.tail.read(at, length)?.read_to_end(&mut piece)?;
                if piece.is_empty() {
                    return Ok(());
                }
                let length = piece.len() as u64;
                if let Some(again) = self.feed(&piece, at, batches)? {
                    failed = Piece { at, length };
                    trap = again;
                    break;
                }
                at += length;
            }
        }
    }

    /// Rejects what stands between the last log and `end`, but for the wrapper's opening and separators.
    fn reject(&mut self, end: u64, trap: &Trap, batches: &mut Vec<Batch>) -> io::Result<()> {
        let from = self.reported;
        let mut log = Span {
            offset: from,
            length: end - from,
        };
        if let Some(bytes) = self.tail.slice(from, end - from) {
            let mut opening = self.opening.clone();
            let mut start = last_value(bytes).unwrap_or(0);
            opening.walk(&bytes[..start]);
            if opening.text().is_empty() || start == 0 {
                start = self.separators(bytes);
            } else {
                self.opening = opening;
            }
            let bytes = bytes[start..].trim_ascii_end();
            log.offset += start as u64;
            log.length = bytes.len() as u64;
        }
        self.reported = end;
        batches.push(Batch {
            events: Vec::new(),
            log_indexes: Vec::new(),
            logs: vec![log],
            notes: Vec::new(),
            rejections: vec![Rejection {
                log_index: 0,
                reason: trap.to_string(),
            }],
        });
        Ok(())
    }
}

impl Guest {
    /// A reader in a new instance, inside the wrappers that are open.
    fn start(
        component: &Component,
        options: &Options,
        opening: &Opening,
        at: u64,
    ) -> Result<Guest, Failure> {
        let mut transform = component.instantiate()?;
        let reader = transform.reader(options)?;
        let opening = opening.text();
        if !opening.is_empty() {
            transform.push(reader, opening)??;
        }
        Ok(Guest {
            transform,
            reader,
            base: at.saturating_sub(opening.len() as u64),
        })
    }
}

impl From<Invalid> for Failure {
    fn from(error: Invalid) -> Failure {
        Failure::Invalid(error)
    }
}

impl From<Trap> for Failure {
    fn from(trap: Trap) -> Failure {
        Failure::Trap(trap)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Io(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Invalid(Invalid::UnknownLogType(text) | Invalid::InvalidOption(text)) => {
                f.write_str(text)
            }
            Failure::Trap(trap) => trap.fmt(f),
            Failure::Io(error) => write!(f, "a temporary file for a huge log failed: {error}"),
        }
    }
}

impl std::error::Error for Failure {}
