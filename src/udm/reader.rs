//! Reads a payload in pieces, or whole: the crate's front door.
//!
//! With a delimiter each piece of the input is a payload of its own; without one the whole input is. Offsets always count
//! from the first byte that was ever pushed.

use crate::normalizer::Normalizer;
use crate::out::{Out, Sink};
use crate::payload::Payload;
use crate::{Batch, Error, Options, Source};

/// Reads a payload in pieces.
pub struct Reader {
    normalizer: Normalizer,
    delimiter: Vec<u8>,
    /// Bytes at the end of the last piece that may be the start of a delimiter.
    held: Vec<u8>,
    payload: Payload,
}

impl Reader {
    /// A reader for the logs of one source.
    ///
    /// # Errors
    /// When no source has the log type, or an option cannot be used.
    pub fn new(options: &Options) -> Result<Reader, Error> {
        Reader::with(crate::source(&options.log_type)?, options)
    }

    /// A reader for the logs of this source, whatever log type the options name.
    ///
    /// # Errors
    /// When an option cannot be used.
    pub(crate) fn with(source: &'static Source, options: &Options) -> Result<Reader, Error> {
        let normalizer = Normalizer::new(source, options)?;
        let delimiter = options
            .split_delimiter
            .clone()
            .unwrap_or_default()
            .into_bytes();
        Ok(Reader {
            normalizer,
            delimiter,
            held: Vec::new(),
            payload: Payload::default(),
        })
    }

    /// The logs that are complete now.
    pub fn push(&mut self, bytes: &[u8]) -> Batch {
        let mut batch = Batch::default();
        self.push_into(bytes, &mut Sink::Events, &mut batch);
        batch
    }

    /// What remained. The reader then starts a new payload; offsets go on.
    pub fn finish(&mut self) -> Batch {
        let mut batch = Batch::default();
        self.finish_into(&mut Sink::Events, &mut batch);
        batch
    }

    /// Starts over, offsets included. What remained is forgotten.
    pub fn restart(&mut self) {
        self.held.clear();
        self.payload = Payload::default();
    }

    /// What turns the logs into events.
    pub(crate) fn normalizer(&self) -> &Normalizer {
        &self.normalizer
    }

    /// [`Reader::push`], into a batch and with a choice of what becomes of the events.
    pub(crate) fn push_into(&mut self, bytes: &[u8], sink: &mut Sink, batch: &mut Batch) {
        let normalizer = &mut self.normalizer;
        let mut out = Out {
            normalizer,
            sink,
            batch,
            outer: None,
        };
        if self.delimiter.is_empty() {
            self.payload.push(bytes, &mut out);
            return;
        }
        self.held.extend_from_slice(bytes);
        let held = std::mem::take(&mut self.held);
        let mut rest = held.as_slice();
        while let Some(at) = find(rest, &self.delimiter) {
            let (piece, after) = rest.split_at(at);
            self.payload.push(piece, &mut out);
            self.payload.finish(&mut out);
            let (delimiter, after) = after.split_at(self.delimiter.len());
            self.payload.offset += delimiter.len() as u64;
            rest = after;
        }
        let whole = rest.len() - overlap(rest, &self.delimiter);
        let (piece, start) = rest.split_at(whole);
        self.payload.push(piece, &mut out);
        self.held = start.to_vec();
    }

    /// [`Reader::finish`], into a batch and with a choice of what becomes of the events.
    pub(crate) fn finish_into(&mut self, sink: &mut Sink, batch: &mut Batch) {
        let normalizer = &mut self.normalizer;
        let mut out = Out {
            normalizer,
            sink,
            batch,
            outer: None,
        };
        let held = std::mem::take(&mut self.held);
        self.payload.push(&held, &mut out);
        self.payload.finish(&mut out);
    }
}

/// A whole payload: one push, then finish.
///
/// # Errors
/// When no source has the log type, or an option cannot be used.
pub fn normalize(payload: &[u8], options: &Options) -> Result<Batch, Error> {
    Ok(Reader::new(options)?.normalize(payload))
}

impl Reader {
    /// A whole payload on its own, offsets from its start.
    pub fn normalize(&mut self, payload: &[u8]) -> Batch {
        self.restart();
        let mut batch = Batch::default();
        self.push_into(payload, &mut Sink::Events, &mut batch);
        self.finish_into(&mut Sink::Events, &mut batch);
        batch
    }
}

/// Where a delimiter first stands.
fn find(bytes: &[u8], delimiter: &[u8]) -> Option<usize> {
    let first = delimiter.first()?;
    let mut at = 0;
    loop {
        let rest = bytes.get(at..)?;
        at += rest.iter().position(|byte| byte == first)?;
        if bytes.get(at..)?.starts_with(delimiter) {
            return Some(at);
        }
        at += 1;
    }
}

/// How many bytes at the end may be the start of a delimiter.
fn overlap(bytes: &[u8], delimiter: &[u8]) -> usize {
    (1..delimiter.len())
        .rev()
        .find(|length| {
            delimiter
                .get(..*length)
                .is_some_and(|start| bytes.ends_with(start))
        })
        .unwrap_or(0)
}
