//! A payload of any size through a component, in pieces, past logs that the component cannot survive.
//!
//! While all goes well this is a reader inside one instance. When a call traps, the instance is gone, and with it what it
//! had not reported yet. Those bytes are kept here. They are fed again to new instances in ever smaller pieces, up to the
//! one byte that brings them down. The log that this byte belongs to is rejected with the trap as its reason, and reading
//! goes on after it.

use std::io::{self, Read};
use std::{cmp, fmt};

use crate::Component;
use crate::resume::{LogEnd, Opening};
use crate::tail::Tail;
use crate::transform::{Reader, Transform, Trap};
use crate::wit::{Batch, Invalid, Options, Rejection, Span};

/// Reads payloads, one after another.
pub struct Stream {
    component: Component,
    options: Options,
    guest: Option<Guest>,
    opening: Opening,
    /// Where the opening changed, as far as the last call's logs go: the offset of the first log inside it.
    openings: Vec<(u64, Opening)>,
    tail: Tail,
    /// The end of the last log that was reported, or rejected here.
    reported: u64,
    /// The log that trapped, until its end is found.
    trapped: Option<(Trap, LogEnd)>,
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
struct Failed {
    at: u64,
    length: u64,
    trap: Trap,
}

/// How often bytes are fed again without a log being reported. Five are enough to get from the largest piece to one byte;
/// but what a component needs of memory and time may depend on the cuts, and then the search need not end.
const ROUNDS: u32 = 8;
/// Enough of a log to see where it begins.
const BEGIN: u64 = 16 << 10;

impl Stream {
    /// A stream that has read nothing yet.
    pub fn new(component: &Component, options: Options) -> Stream {
        Stream {
            component: component.clone(),
            options,
            guest: None,
            opening: Opening::default(),
            openings: Vec::new(),
            tail: Tail::new(component.engine().limits().kept),
            reported: 0,
            trapped: None,
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
        self.forget_openings();
        let mut batches = Vec::new();
        if bytes.is_empty() {
            self.feed(bytes, self.tail.end(), &mut batches)?;
        }
        for piece in bytes.chunks(self.component.engine().limits().push) {
            let at = self.tail.end();
            self.tail.push(piece)?;
            if let Some(failed) = self.take(piece, at, &mut batches)? {
                self.isolate(failed, &mut batches)?;
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
        self.forget_openings();
        let mut batches = Vec::new();
        if let Some(mut guest) = self.guest.take() {
            match guest.transform.finish(guest.reader) {
                Ok(answer) => self.report(answer?, guest.base, &mut batches),
                Err(trap) => {
                    self.reported = self.begin_of_log(self.tail.end())?;
                    self.reject(self.tail.end(), &trap, &mut batches);
                }
            }
        }
        if let Some((trap, _)) = self.trapped.take() {
            self.reject(self.tail.end(), &trap, &mut batches);
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

    /// The wrappers that a log of the last call's batches is an element of: what begins them, up to the log's list, and what
    /// ends them. With other elements between the two they are a payload again; both are empty for a log that is in no list.
    pub fn around(&self, log: Span) -> (&[u8], Vec<u8>) {
        let mut openings = self.openings.iter().rev();
        match openings.find(|(offset, _)| *offset <= log.offset) {
            Some((_, opening)) => (opening.text(), opening.closing()),
            None => (&[], Vec::new()),
        }
    }

    fn forget_openings(&mut self) {
        let old = self.openings.len().saturating_sub(1);
        self.openings.drain(..old);
    }

    /// Skips what belongs to the log that trapped, and hands the rest to the guest.
    fn take(
        &mut self,
        mut bytes: &[u8],
        mut at: u64,
        batches: &mut Vec<Batch>,
    ) -> Result<Option<Failed>, Failure> {
        if let Some((trap, mut end)) = self.trapped.take() {
            let Some(length) = end.find(bytes) else {
                self.trapped = Some((trap, end));
                return Ok(None);
            };
            at += length as u64;
            bytes = &bytes[length..];
            self.reject(at, &trap, batches);
            self.resumes = true;
        }
        if self.resumes {
            let skipped = self.separators(bytes);
            at += skipped as u64;
            bytes = &bytes[skipped..];
            if bytes.is_empty() {
                return Ok(None);
            }
            self.resumes = false;
        }
        self.feed(bytes, at, batches)
    }

    /// Hands bytes to the guest, and takes its logs. After a trap the guest is gone.
    fn feed(
        &mut self,
        bytes: &[u8],
        at: u64,
        batches: &mut Vec<Batch>,
    ) -> Result<Option<Failed>, Failure> {
        let guest = match &mut self.guest {
            Some(guest) => guest,
            none => none.insert(Guest::start(
                &self.component,
                &self.options,
                &self.opening,
                at,
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
                let length = bytes.len() as u64;
                Ok(Some(Failed { at, length, trap }))
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
            let last = self.openings.last().map_or(&[][..], |it| it.1.text());
            if last != self.opening.text() {
                self.openings.push((log.offset, self.opening.clone()));
            }
            let after = log.offset.saturating_add(log.length);
            self.reported = cmp::max(self.reported, after.min(end));
        }
        batches.push(batch);
    }

    /// Feeds again what was not reported: in one go up to the piece that failed, then that piece in smaller ones. The log
    /// to which a single byte belongs that fails is rejected; so is the first one that is not reported, when nothing helps.
    fn isolate(&mut self, mut failed: Failed, batches: &mut Vec<Batch>) -> Result<(), Failure> {
        let most = self.component.engine().limits().push as u64;
        let mut round = 0;
        let mut reported = self.reported;
        loop {
            round = if self.reported == reported {
                round + 1
            } else {
                0
            };
            if failed.length == 1 || round == ROUNDS {
                self.reported = self.begin_of_log(failed.at + failed.length)?;
                self.trapped = Some((failed.trap.clone(), LogEnd::default()));
            }
            reported = self.reported;
            self.resumes = true;
            let mut at = self.reported;
            failed = loop {
                let length = if self.trapped.is_some() || at >= failed.at + failed.length {
                    most
                } else if at < failed.at {
                    cmp::min(failed.at - at, most)
                } else {
                    failed.length.div_ceil(64)
                };
                let piece = self.kept(at, length)?;
                if piece.is_empty() {
                    return Ok(());
                }
                match self.take(&piece, at, batches)? {
                    Some(again) => break again,
                    None => at += piece.len() as u64,
                }
            };
        }
    }

    /// Where the log begins that the byte before `end` belongs to: a new instance says so, when it is told that the payload
    /// ends in the middle of that log. Goes over the wrapper's opening that may stand before it.
    fn begin_of_log(&mut self, end: u64) -> Result<u64, Failure> {
        let from = self.reported;
        let mut bytes = self.kept(from, cmp::min(end - from, BEGIN))?;
        while let Some(b']' | b'}' | b',' | b' ' | b'\t' | b'\r' | b'\n') = bytes.last() {
            bytes.pop();
        }
        let skipped = self.separators(&bytes);
        let first = from + skipped as u64;
        let mut guest = Guest::start(&self.component, &self.options, &self.opening, first)?;
        let reader = guest.reader;
        let told = guest.transform.push(reader, &bytes[skipped..]);
        let told = told.and_then(|_| guest.transform.finish(reader));
        let log = match told {
            Ok(Ok(batch)) => batch
                .logs
                .first()
                .map(|log| log.offset.saturating_add(guest.base)),
            Ok(Err(_)) | Err(_) => None,
        };
        let begin = log
            .filter(|log| (first..end).contains(log))
            .unwrap_or(first);
        self.opening.walk(&self.kept(from, begin - from)?);
        Ok(begin)
    }

    /// Rejects what stands between the last log and `end`.
    fn reject(&mut self, end: u64, trap: &Trap, batches: &mut Vec<Batch>) {
        batches.push(Batch {
            events: Vec::new(),
            log_indexes: Vec::new(),
            logs: vec![Span {
                offset: self.reported,
                length: end - self.reported,
            }],
            notes: Vec::new(),
            rejections: vec![Rejection {
                log_index: 0,
                reason: trap.to_string(),
            }],
        });
        self.reported = end;
    }

    fn kept(&self, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.tail.read(offset, length)?.read_to_end(&mut bytes)?;
        Ok(bytes)
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
