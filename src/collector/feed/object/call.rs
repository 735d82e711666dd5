//! What a call is told, how objects are cut, and how reading one can end.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use udmill_receiver::config::pull::Pull;
use udmill_receiver::config::{Config, Feed};
use udmill_receiver::destination::google_token::Tokens;
use udmill_receiver::destination::{Destination, Fault};

use crate::feed::inflate::Point;

/// What all objects of a call have in common.
pub struct Call<'a, H> {
    pub host: &'a H,
    pub config: &'a Config,
    pub feed: &'a Feed,
    pub pull: &'a Pull,
    pub tokens: &'a Tokens,
    /// When to stop where that is possible, on the scale of [`Host::elapsed`].
    pub deadline: Duration,
    /// When to stop.
    pub hard: Duration,
    pub sizes: Sizes,
}

/// How objects are cut. Others than the default are for tests.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Bytes of a piece, decompressed.
    pub piece: usize,
    /// So many bytes are read before the progress is written down, at least.
    pub progress: u64,
    /// Bytes that are fetched at once.
    pub range: u64,
    /// As many bytes without the end of a log are no logs.
    pub kept: usize,
    /// As many bytes of a gzip of which nothing comes are not followed further: a call would not get through them.
    pub silent: usize,
}

impl Default for Sizes {
    fn default() -> Sizes {
        Sizes {
            // As `udmill deliver` sends.
            piece: 1 << 20,
            progress: 4 << 20,
            range: 4 << 20,
            // The normalizer takes a log of 4 MiB.
            kept: 16 << 20,
            silent: 64 << 20,
        }
    }
}

impl Sizes {
    /// As they are best for a destination. Requests are few and large; what is printed need not be, and a smaller piece
    /// is still in the processor's cache when its events are.
    pub fn of(destination: Option<&Destination>) -> Sizes {
        let whole = Sizes::default();
        match destination.is_some_and(Destination::is_stdout) {
            true => Sizes {
                piece: whole.piece / 4,
                ..whole
            },
            false => whole,
        }
    }
}

/// How far an object is read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Pieces that are safe.
    pub piece: u64,
    /// Where the last log ended that is safe, in what the object holds decompressed.
    pub reported: u64,
    /// Where the last piece ended.
    pub seen: u64,
    /// What is open around the next log.
    pub opening: String,
    /// Where the decompression goes on; none for an object that is no gzip.
    pub gzip: Option<Point>,
}

/// How reading an object ended.
#[derive(Debug)]
pub enum Ended {
    /// All of its logs are safe.
    Whole,
    /// The time is up.
    Paused,
    /// There is no such object any more.
    Gone,
    /// It is another one by now.
    Changed,
    /// The rest of it cannot be read; why.
    Unreadable(String),
    /// It may not be read now; why.
    Denied(String),
    /// The call cannot go on.
    Failed(Fault),
}
