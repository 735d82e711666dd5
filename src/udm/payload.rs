//! Cuts a payload into logs, wherever it is cut itself.
//!
//! A log is the element of an array or of a known list, a JSON value, or a line. Most logs stand whole in the piece at hand and
//! are read where they stand, once. The tail that is no whole log yet is kept; new bytes are only counted into it until its
//! brackets close, so that pieces of one byte cost no more than one large piece.
//!
//! A log that is not JSON ends where its brackets close, at a line end inside a string, or (outside of lists) before a line
//! that starts a new log; reading goes on there. Only content decides, never where the payload was cut.

mod logs;
mod view;

use crate::bounds::{self, Bounds};
use crate::json::{Cursor, Flaw};
use crate::out::Out;
use logs::too_long;
use view::View;

/// The most bytes of a log. A longer one is rejected and skipped as it streams.
pub const MAX_LOG: usize = 4 * 1024 * 1024;

/// So many bytes tell that a log is too long, even when the last character is cut.
const TOO_MANY: usize = MAX_LOG + 4;

/// A payload between its start and its end.
#[derive(Default)]
pub struct Payload {
    /// What remains of the pieces: the start of a log, or nothing.
    buffer: Vec<u8>,
    /// Where the buffer begins, in all that was pushed.
    pub offset: u64,
    state: State,
    /// How far the log at the buffer's start was followed.
    bounds: Bounds,
    /// Brackets closed in the buffer since it was read last.
    may_end: bool,
    /// The length of the buffer from which reading again pays when brackets close: at once, unless they have closed before
    /// and it was no log. What is read in vain so stays in proportion to what was pushed.
    closed_at: usize,
    /// The same, whether or not brackets close.
    retry_at: usize,
    /// A byte order mark can no longer come.
    started: bool,
    /// One value, then no more: the text behind it is none of ours.
    single: bool,
    /// How many texts stand around this one.
    inner: u32,
    /// How many bytes were searched in vain for the ends of broken logs.
    wasted: u64,
}

#[derive(Clone, Copy, Default)]
enum State {
    /// Between values or lines.
    #[default]
    Values,
    /// Between the elements of a list.
    List { is_records: bool, depth: u32 },
    /// Behind a list, among the other keys of the objects around it.
    Behind { depth: u32 },
    /// In a log beyond the limit. Reading goes on among values, or in a list.
    Skipping {
        bounds: Bounds,
        start: u64,
        list: Option<(bool, u32)>,
    },
}

/// What became of the bytes at hand.
enum Step {
    /// They are dealt with up to here.
    To(usize),
    /// More are needed.
    Wait,
}

impl Payload {
    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut Out) {
        // Events are longer than their logs.
        let room = bytes.len() + bytes.len() / 2;
        // Where there is no room for a guess, the events may need less.
        let _ = out.batch.events.try_reserve(room);
        // The log that was begun before is completed first: what stands behind it need not be copied.
        let (head, rest) = bytes.split_at(self.begun(bytes));
        self.take(head, out);
        self.take(rest, out);
    }

    /// How many of the next bytes may belong to a log that was begun before.
    fn begun(&self, bytes: &[u8]) -> usize {
        match self.buffer.len() {
            0 => 0,
            length => self.bounds.rest(length, bytes).unwrap_or(bytes.len()),
        }
    }

    fn take(&mut self, bytes: &[u8], out: &mut Out) {
        if bytes.is_empty() {
            return;
        }
        if self.buffer.is_empty() {
            let used = self.run(bytes, false, out);
            self.buffer
                .extend_from_slice(bytes.get(used..).unwrap_or_default());
        } else {
            self.buffer.extend_from_slice(bytes);
            self.may_end |= self.bounds.follow(&self.buffer);
            let length = self.buffer.len();
            if self.may_end && length >= self.closed_at || length >= self.retry_at {
                self.run_buffer(false, out);
            }
        }
    }

    pub(crate) fn finish(&mut self, out: &mut Out) {
        self.run_buffer(true, out);
        let (offset, wasted) = (self.offset, self.wasted);
        *self = Payload {
            offset,
            wasted,
            ..Payload::default()
        };
    }

    fn run_buffer(&mut self, last: bool, out: &mut Out) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let used = self.run(&buffer, last, out);
        buffer.drain(..used);
        self.buffer = buffer;
    }

    /// Reads what is whole; gives how many bytes are dealt with.
    fn run(&mut self, data: &[u8], last: bool, out: &mut Out) -> usize {
        const MARK: &[u8] = "\u{feff}".as_bytes();
        let mut at = 0;
        if !self.started {
            if data.starts_with(MARK) {
                at = MARK.len();
            } else if !last && MARK.starts_with(data) {
                (self.bounds, self.retry_at) = (Bounds::default(), MARK.len());
                return 0;
            }
            self.started = true;
        }
        let mut view = View::new(data, at);
        let mut read = 0;
        while let Some(first) = data.get(at).copied() {
            let step = match self.state {
                State::Skipping {
                    mut bounds,
                    start,
                    list,
                } => match bounds.find(data.get(at..).unwrap_or_default()) {
                    Some(end) => {
                        let next = self.offset + (at + end.next) as u64;
                        self.end_skipping(start, next - end.line_end as u64, list, out);
                        Step::To(at + end.next)
                    }
                    None => {
                        self.state = State::Skipping {
                            bounds,
                            start,
                            list,
                        };
                        Step::To(data.len())
                    }
                },
                _ if self.single && read > 0 && matches!(self.state, State::Values) => break,
                _ if matches!(first, b' ' | b'\n' | b'\r' | b'\t' | b',') => {
                    at += 1;
                    continue;
                }
                State::Behind { depth } => self.behind(&mut view, at, depth, last, out),
                State::List { depth, .. } if first == b']' => {
                    self.state = behind(depth);
                    Step::To(at + 1)
                }
                State::List { is_records, .. } if first == b'{' => {
                    self.object(&mut view, at, is_records, last, out)
                }
                State::List { .. } => self.inner_value(&mut view, at, last, out),
                State::Values if first == b'{' => self.object(&mut view, at, false, last, out),
                State::Values => self.array_or_line(&mut view, at, last, out),
            };
            read += 1;
            match step {
                Step::To(end) => at = end,
                Step::Wait if data.len() - at > TOO_MANY && !last => {
                    let list = match self.state {
                        State::List { is_records, depth } => Some((is_records, depth)),
                        _ => None,
                    };
                    let bounds = Bounds::default();
                    let start = self.offset + at as u64;
                    self.state = State::Skipping {
                        bounds,
                        start,
                        list,
                    };
                }
                Step::Wait => break,
            }
        }
        if last && let State::Skipping { start, list, .. } = self.state {
            self.end_skipping(start, self.offset + at as u64, list, out);
        }
        self.offset += at as u64;
        self.bounds = match self.state {
            State::Behind { .. } => Bounds::inside(),
            _ => Bounds::default(),
        };
        let rest = data.get(at..).unwrap_or_default();
        let was_closed = self.bounds.follow(rest) && self.bounds.is_before(rest.len());
        self.may_end = false;
        self.closed_at = if was_closed {
            rest.len() + rest.len() / 16
        } else {
            0
        };
        self.retry_at = rest.len() * 2;
        at
    }

    fn end_skipping(&mut self, start: u64, end: u64, list: Option<(bool, u32)>, out: &mut Out) {
        let length = (end - start) as usize;
        let log_index = out.log(start, length);
        out.reject(log_index, too_long(length));
        self.state = match list {
            Some((is_records, depth)) => State::List { is_records, depth },
            None => State::Values,
        };
    }

    /// The other keys of the objects around a list.
    fn behind(
        &mut self,
        view: &mut View,
        at: usize,
        depth: u32,
        last: bool,
        out: &mut Out,
    ) -> Step {
        let text = view.from(at);
        let mut cursor = Cursor::new(text);
        match cursor.peek() {
            Some(b'}') => {
                self.state = behind(depth - 1);
                return Step::To(at + 1);
            }
            // No key begins so: the objects around the list were cut off.
            Some(b'{' | b'[') => {
                self.state = State::Values;
                return Step::To(at);
            }
            _ => {}
        }
        match list_behind(&mut cursor) {
            Ok(Some(name)) => {
                self.state = State::List {
                    is_records: name == "records",
                    depth,
                };
                Step::To(at + cursor.at + 1)
            }
            Ok(None) => Step::To(at + cursor.at),
            // The payload ends inside of the wrapper, which is nobody's log.
            Err(Flaw::Incomplete)
                if last
                    && text.len() <= MAX_LOG
                    && !view.ends_broken(at, text)
                    && !bounds::opens_line(text.as_bytes()) =>
            {
                Step::To(view.data.len())
            }
            Err(flaw) => {
                self.state = State::Values;
                let step = self.flawed(view, at, text, flaw, last, out);
                if matches!(step, Step::Wait) {
                    self.state = State::Behind { depth };
                }
                step
            }
        }
    }
}

/// Steps over a member of an object around a list; the name of another list, if it is one.
fn list_behind<'a>(cursor: &mut Cursor<'a>) -> Result<Option<&'a str>, Flaw> {
    let key = cursor.key()?;
    let name = cursor.text().get(key.start as usize..key.end as usize);
    let is_list = name.is_some_and(|name| crate::envelope::LISTS.contains(&name));
    if is_list && cursor.peek() == Some(b'[') {
        return Ok(name);
    }
    cursor.skip_value()?;
    // A number may go on; what follows a member is a comma or a brace.
    match cursor.skip_space() {
        None => Err(Flaw::Incomplete),
        Some(_) => Ok(None),
    }
}

fn behind(depth: u32) -> State {
    if depth == 0 {
        State::Values
    } else {
        State::Behind { depth }
    }
}
