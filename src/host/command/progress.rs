//! How far a long run is: one line on the terminal, that is gone afterwards.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Nothing is shown of a run that is shorter.
const LONG: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(200);

/// Shows nothing unless a person watches and the results go elsewhere.
pub struct Progress {
    watched: bool,
    /// The size of all inputs, if it is known.
    total: Option<u64>,
    read: u64,
    /// The events of the inputs before this one.
    events: u64,
    next: Instant,
    shown: bool,
}

impl Progress {
    pub fn new(files: &[PathBuf]) -> Progress {
        let size = |path: &PathBuf| {
            let found = fs::metadata(path).ok()?;
            found.is_file().then_some(found.len())
        };
        Progress {
            watched: io::stderr().is_terminal() && !io::stdout().is_terminal(),
            total: files
                .iter()
                .map(size)
                .sum::<Option<u64>>()
                .filter(|_| !files.is_empty()),
            read: 0,
            events: 0,
            next: Instant::now() + LONG,
            shown: false,
        }
    }

    /// So many bytes more were read, and the input has given so many events.
    pub fn add(&mut self, bytes: u64, events: u64) {
        self.read += bytes;
        if self.watched && Instant::now() >= self.next {
            self.next = Instant::now() + PAUSE;
            self.shown = true;
            let read = megabytes(self.read);
            let of = match self.total {
                Some(total) => format!(" of {}", megabytes(total)),
                None => String::new(),
            };
            let events = self.events + events;
            let _ = write!(io::stderr(), "\r\x1b[K{read}{of} read, {events} events");
        }
    }

    /// An input has ended, with so many events.
    pub fn next_input(&mut self, events: u64) {
        self.events += events;
    }

    /// Makes room for a message.
    pub fn clear(&mut self) {
        if self.shown {
            self.shown = false;
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    /// Leaves the terminal as it was.
    pub fn end(&mut self) {
        self.clear();
        self.watched = false;
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
}
