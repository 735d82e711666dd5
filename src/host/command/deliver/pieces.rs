//! Logs of an input, put together again as payloads that the receiver takes.
//!
//! The component tells where each log stands, whatever they are wrapped in. Joined by line feeds, or by the feed's delimiter,
//! they are the same logs again. Those that it rejects go apart, so that one without an end takes no other along.

use std::io::{self, Read};
use std::mem;

use udmill::wit::{Batch, Options};
use udmill::{Component, Failure, Stream};

use super::dead_letter::revive;

/// Reads inputs, one after another.
pub struct Pieces {
    stream: Stream,
    joint: Vec<u8>,
    most: usize,
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
        let rest = [mem::take(&mut self.good), mem::take(&mut self.rejected)];
        rest.into_iter().filter(|it| !it.is_empty()).collect()
    }

    fn gather(&mut self, batches: &[Batch]) -> Result<Cut, Failure> {
        let mut cut = Cut::default();
        for batch in batches {
            let mut rejected = batch.rejections.iter().map(|it| it.log_index).peekable();
            for (index, log) in (0..).zip(&batch.logs) {
                while rejected.next_if(|it| *it < index).is_some() {}
                let is_rejected = rejected.peek() == Some(&index);
                if log.length > self.most as u64 {
                    cut.too_long.push(log.length);
                    continue;
                }
                let mut raw = Vec::new();
                self.stream.raw(*log)?.read_to_end(&mut raw)?;
                let raw = revive(&raw);
                let payload = match is_rejected {
                    true => &mut self.rejected,
                    false => &mut self.good,
                };
                let length = payload.len() + self.joint.len() + raw.len();
                if !payload.is_empty() && length > self.most.min(PIECE) {
                    cut.payloads.push(mem::take(payload));
                }
                if !payload.is_empty() {
                    payload.extend_from_slice(&self.joint);
                }
                payload.extend_from_slice(&raw);
            }
        }
        Ok(cut)
    }
}

/// A failure in reading an input, in words.
pub fn unreadable(name: &str, error: &io::Error) -> String {
    format!("cannot read {name:?}: {error}")
}
