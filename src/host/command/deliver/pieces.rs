//! Logs of an input, put together again as payloads that the receiver takes.
//!
//! The component tells where each log stands. Elements of a list become elements of such a list again, in the same wrappers,
//! since these may say what the logs are; all others are joined by line feeds, or by the feed's delimiter. Those that the
//! component rejects go apart, so that one without an end takes no other along.

use std::io::{self, Read};
use std::mem;

use serde_json::Value;
use udmill::wit::{Batch, Options, Span};
use udmill::{Component, Failure, Stream};

use super::dead_letter::revive;

/// Reads inputs, one after another.
pub struct Pieces {
    stream: Stream,
    joint: Vec<u8>,
    most: usize,
    /// What stands open around the logs in `good`.
    opening: Vec<u8>,
    /// What begins and ends `good`: nothing where the wrappers are broken.
    wrappers: (Vec<u8>, Vec<u8>),
    good: Vec<u8>,
    rejected: Vec<u8>,
}

/// What came of some bytes of an input.
#[derive(Default)]
pub struct Cut {
    /// Payloads that are ready.
    pub payloads: Vec<Vec<u8>>,
    /// The lengths of logs that no payload can hold.
    pub too_long: Vec<u64>,
}

/// More than Event Grid sends at once, and little enough that a slow destination takes it in a request's time.
const PIECE: usize = 1 << 20;

impl Pieces {
    /// Payloads with the logs of a feed, which takes `max_body` bytes at once.
    pub fn new(component: &Component, options: Options, max_body: usize) -> Pieces {
        let joint = options.split_delimiter.as_deref().unwrap_or("\n");
        Pieces {
            joint: joint.as_bytes().to_vec(),
            most: max_body,
            opening: Vec::new(),
            wrappers: Default::default(),
            good: Vec::new(),
            rejected: Vec::new(),
            stream: Stream::new(component, options),
        }
    }

    /// Reads more of an input.
    ///
    /// # Errors
    ///
    /// Where the component cannot be used, or a temporary file failed.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Cut, Failure> {
        let batches = self.stream.push(bytes)?;
        self.gather(&batches)
    }

    /// Reads what remained of an input; what is pushed next begins another one.
    ///
    /// # Errors
    ///
    /// As [`Pieces::push`].
    pub fn finish(&mut self) -> Result<Cut, Failure> {
        let batches = self.stream.finish()?;
        self.gather(&batches)
    }

    /// The logs that make no full payload.
    pub fn rest(&mut self) -> Vec<Vec<u8>> {
        let rest = [self.take_good(), mem::take(&mut self.rejected)];
        rest.into_iter().filter(|it| !it.is_empty()).collect()
    }

    fn gather(&mut self, batches: &[Batch]) -> Result<Cut, Failure> {
        let mut cut = Cut::default();
        for batch in batches {
            let mut rejected = batch.rejections.iter().map(|it| it.log_index).peekable();
            for (index, log) in (0..).zip(&batch.logs) {
                while rejected.next_if(|it| *it < index).is_some() {}
                if log.length > self.most as u64 {
                    cut.too_long.push(log.length);
                    continue;
                }
                let mut raw = Vec::new();
                self.stream.raw(*log)?.read_to_end(&mut raw)?;
                let raw = revive(&raw);
                let full = match rejected.peek() == Some(&index) {
                    true => self.add_rejected(&raw),
                    false => self.add_good(*log, &raw),
                };
                cut.payloads.extend(full.filter(|it| !it.is_empty()));
            }
        }
        Ok(cut)
    }

    /// Adds a log, and gives the payload before it if that does not go on.
    fn add_good(&mut self, log: Span, raw: &[u8]) -> Option<Vec<u8>> {
        // Within a delimiter's pieces, a bracket or a comma may be the delimiter.
        let (opening, closing) = match self.stream.options().split_delimiter {
            Some(_) => Default::default(),
            None => self.stream.around(log),
        };
        let length = opening.len() + self.good.len() + self.joint.len() + raw.len() + closing.len();
        let others = (opening != self.opening).then(|| (opening.to_vec(), closing));
        let is_full = others.is_some() || length > self.most.min(PIECE);
        let full = is_full.then(|| self.take_good());
        if let Some((opening, closing)) = others {
            let is_whole =
                serde_json::from_slice::<Value>(&[&opening[..], &closing].concat()).is_ok();
            self.opening.clone_from(&opening);
            self.wrappers = match is_whole {
                true => (opening, closing),
                false => Default::default(),
            };
        }
        if !self.good.is_empty() {
            match self.wrappers.0.is_empty() {
                true => self.good.extend_from_slice(&self.joint),
                false => self.good.push(b','),
            }
        }
        self.good.extend_from_slice(raw);
        full
    }

    /// See [`Pieces::add_good`].
    fn add_rejected(&mut self, raw: &[u8]) -> Option<Vec<u8>> {
        let length = self.rejected.len() + self.joint.len() + raw.len();
        let full = (length > self.most.min(PIECE)).then(|| mem::take(&mut self.rejected));
        if !self.rejected.is_empty() {
            self.rejected.extend_from_slice(&self.joint);
        }
        self.rejected.extend_from_slice(raw);
        full
    }

    fn take_good(&mut self) -> Vec<u8> {
        let good = mem::take(&mut self.good);
        let (opening, closing) = &self.wrappers;
        match good.is_empty() {
            true => good,
            false => [&opening[..], &good, closing].concat(),
        }
    }
}

/// A failure in reading an input, in words.
pub fn unreadable(name: &str, error: &io::Error) -> String {
    format!("cannot read {name:?}: {error}")
}
