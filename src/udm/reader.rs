//! Cuts a payload of any size into logs, in pieces or whole, and makes each log an event.
//!
//! A log is the element of an array or of a known list, a JSON value, or a line. Most logs stand whole in the piece at hand and
//! are read where they stand, once. The tail that is no whole log yet is kept; new bytes are only counted into it until its
//! brackets close, so that pieces of one byte cost no more than one large piece.
//!
//! A log that is not JSON ends where its brackets close, at a line end inside a string, or (outside of lists) before a line
//! that starts a new log; reading goes on there. Only content decides, never where the payload was cut.

use crate::bounds::{self, Bounds};
use crate::json::{self, Cursor, Flaw, cut_short, repair};
use crate::normalizer::{Made, Normalizer};
use crate::rescue;
use crate::scan::{Found, Stop};
use crate::{Batch, Error, Note, Options, Rejection, Source, Span};

/// The most bytes of a log. A longer one is rejected and skipped as it streams.
pub const MAX_LOG: usize = 4 * 1024 * 1024;

/// How often a log may hold JSON in a string of JSON in a string.
const MAX_INNER: u32 = 4;

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

/// What becomes of the events.
pub(crate) enum Sink<'a> {
    /// They are written.
    Events,
    /// They are handed to `explain`, with their logs.
    Records(&'a mut dyn FnMut(&Normalizer, &str)),
}

/// Where events, notes and rejections go.
struct Out<'a, 's> {
    normalizer: &'a mut Normalizer,
    sink: &'a mut Sink<'s>,
    batch: &'a mut Batch,
    /// The log whose text is being read, when that is inside another one.
    outer: Option<u32>,
}

impl Out<'_, '_> {
    /// A log begins the account: its index.
    fn log(&mut self, offset: u64, length: usize) -> u32 {
        if let Some(outer) = self.outer {
            return outer;
        }
        self.batch.logs.push(Span {
            offset,
            length: length as u64,
        });
        self.batch.logs.len() as u32 - 1
    }

    /// Makes the event of the record that was just read.
    fn event(&mut self, log_index: u32, log: &str) {
        let batch = &mut *self.batch;
        let event_index = batch.log_indexes.len() as u32;
        match self.normalizer.apply(log, event_index, &mut batch.notes) {
            Ok(Made::Event) => {
                batch.log_indexes.push(log_index);
                match self.sink {
                    Sink::Events => self.normalizer.write(log, &mut batch.events),
                    Sink::Records(see) => see(self.normalizer, log),
                }
            }
            Ok(Made::Handshake) => {}
            Err(reason) => self.reject(log_index, reason),
        }
    }

    fn reject(&mut self, log_index: u32, reason: String) {
        self.batch.rejections.push(Rejection { log_index, reason });
    }

    fn note(&mut self, row: &str, message: String) {
        let event_index = self.batch.log_indexes.len() as u32;
        self.batch.notes.push(Note {
            event_index,
            row: row.to_owned(),
            message,
        });
    }
}

/// A payload between its start and its end.
#[derive(Default)]
struct Payload {
    /// What remains of the pieces: the start of a log, or nothing.
    buffer: Vec<u8>,
    /// Where the buffer begins, in all that was pushed.
    offset: u64,
    state: State,
    /// How far the log at the buffer's start was followed.
    bounds: Bounds,
    /// The length of the buffer from which reading again pays, whether or not brackets close.
    retry_at: usize,
    /// A byte order mark can no longer come.
    started: bool,
    /// One value, then no more: the text behind it is none of ours.
    single: bool,
    /// How many texts stand around this one.
    inner: u32,
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

/// The text at hand, as far as it is UTF-8.
struct View<'a> {
    data: &'a [u8],
    start: usize,
    text: &'a str,
    /// Bytes that are no UTF-8 follow, and not only because the piece ends.
    broken: bool,
}

impl<'a> View<'a> {
    fn new(data: &'a [u8], start: usize) -> View<'a> {
        let bytes = data.get(start..).unwrap_or_default();
        match std::str::from_utf8(bytes) {
            Ok(text) => View {
                data,
                start,
                text,
                broken: false,
            },
            Err(error) => {
                let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let text = std::str::from_utf8(valid).unwrap_or_default();
                View {
                    data,
                    start,
                    text,
                    broken: error.error_len().is_some(),
                }
            }
        }
    }

    /// The text from an offset of the data on, at most so long as a log may be.
    fn from(&mut self, at: usize) -> &'a str {
        if self.broken && at > self.start + self.text.len() {
            *self = View::new(self.data, at);
        }
        let text = self.text.get(at - self.start..).unwrap_or_default();
        text.get(..text.floor_char_boundary(MAX_LOG + 4))
            .unwrap_or_default()
    }

    /// Whether a text from an offset on ends because of bytes that are no UTF-8.
    fn ends_broken(&self, at: usize, text: &str) -> bool {
        self.broken && at + text.len() == self.start + self.text.len()
    }
}

impl Payload {
    fn push(&mut self, bytes: &[u8], out: &mut Out) {
        // Events are longer than their logs.
        out.batch.events.reserve(bytes.len() + bytes.len() / 2);
        if self.buffer.is_empty() {
            let used = self.run(bytes, false, out);
            self.buffer
                .extend_from_slice(bytes.get(used..).unwrap_or_default());
        } else {
            self.buffer.extend_from_slice(bytes);
            if self.bounds.follow(&self.buffer) || self.buffer.len() >= self.retry_at {
                self.run_buffer(false, out);
            }
        }
    }

    fn finish(&mut self, out: &mut Out) {
        self.run_buffer(true, out);
        let offset = self.offset;
        *self = Payload {
            offset,
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
                        let end = at + end;
                        self.end_skipping(start, self.offset + end as u64, list, out);
                        Step::To(end)
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
                Step::Wait if data.len() - at > MAX_LOG && !last => {
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
        self.bounds = Bounds::default();
        let rest = data.get(at..).unwrap_or_default();
        self.bounds.follow(rest);
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

    /// An object: a record, or what stands around a list.
    fn object(
        &mut self,
        view: &mut View,
        at: usize,
        is_record_of_list: bool,
        last: bool,
        out: &mut Out,
    ) -> Step {
        let text = view.from(at);
        match out.normalizer.read(text, is_record_of_list) {
            Ok(Found::Record { end }) if end <= MAX_LOG => {
                let log_index = out.log(self.offset + at as u64, end);
                out.event(log_index, text);
                Step::To(at + end)
            }
            Ok(Found::List {
                at: list,
                is_records,
                depth,
            }) if matches!(self.state, State::Values) => {
                self.state = State::List { is_records, depth };
                Step::To(at + list + 1)
            }
            Ok(_) => self.inner_value(view, at, last, out),
            Err(Stop::Flaw(flaw @ (Flaw::Incomplete | Flaw::Unexpected { .. })))
            | Err(Stop::Flaw(flaw @ Flaw::TooDeep { .. })) => {
                self.flawed(view, at, text, flaw, last, out)
            }
            Err(Stop::Flaw(Flaw::Escape { .. }) | Stop::Inline { .. }) => {
                let Some(end) = bounds::closed(text.as_bytes()) else {
                    return self.flawed(view, at, text, Flaw::Incomplete, last, out);
                };
                if end > MAX_LOG {
                    return self.flawed(view, at, text, Flaw::Incomplete, last, out);
                }
                let log_index = out.log(self.offset + at as u64, end);
                let log = text.get(..end).unwrap_or_default();
                self.rewritten(log, log_index, is_record_of_list, out);
                Step::To(at + end)
            }
        }
    }

    /// Reads a log again after putting right what stopped the first reading: stray escapes, JSON in strings.
    fn rewritten(&mut self, log: &str, log_index: u32, is_record_of_list: bool, out: &mut Out) {
        let mut log = log.to_owned();
        // Each round takes one string's quotes away; no source has more than two such strings in a log.
        for _ in 0..8 {
            match out.normalizer.read(&log, is_record_of_list) {
                Ok(Found::Record { .. }) => return out.event(log_index, &log),
                Ok(Found::List { .. }) => return self.inner(&log, log_index, out),
                Err(Stop::Flaw(flaw @ Flaw::Escape { .. })) => {
                    let repaired = repair(&log);
                    if repaired.stray_escapes > 0 {
                        let count = repaired.stray_escapes;
                        let what =
                            "escapes that JSON does not know, read as backslash and character";
                        out.note("text", format!("found {count} {what}"));
                    }
                    if repaired.lone_surrogates > 0 {
                        let count = repaired.lone_surrogates;
                        out.note(
                            "text",
                            format!("found {count} unpaired surrogates, read as U+FFFD"),
                        );
                    }
                    if repaired.text == log {
                        return out.reject(log_index, flaw.describe(&log));
                    }
                    log = repaired.text;
                }
                Err(Stop::Inline {
                    start,
                    end,
                    content,
                    base64,
                }) => {
                    let place = content.start as usize..content.end as usize;
                    let content = json::unescape(log.get(place).unwrap_or_default());
                    let json = match base64 {
                        false => content.into_owned(),
                        true => match crate::envelope::decode_base64(&content) {
                            Some(json) => format!("\"data\":{json}"),
                            None => {
                                let found = cut_short(&content, 40);
                                let what = "expected JSON in base64 at `data_base64`";
                                return out.reject(log_index, format!("{what}, but found `{found}`"));
                            }
                        },
                    };
                    log.replace_range(start..end, &json);
                }
                Err(Stop::Flaw(flaw)) => return out.reject(log_index, flaw.describe(&log)),
            }
        }
        out.reject(
            log_index,
            "expected a log, but found JSON in strings without end".to_owned(),
        );
    }

    /// A log that is not JSON, or not all there.
    fn flawed(
        &mut self,
        view: &View,
        at: usize,
        text: &str,
        flaw: Flaw,
        last: bool,
        out: &mut Out,
    ) -> Step {
        let rest = view.data.get(at..).unwrap_or_default();
        let is_invalid_utf8 = flaw == Flaw::Incomplete && view.ends_broken(at, text);
        if flaw == Flaw::Incomplete && !is_invalid_utf8 {
            if text.len() > MAX_LOG {
                return self.too_long(rest, at, last, out);
            }
            if !last {
                return Step::Wait;
            }
        }
        let flaw_at = flaw.at().unwrap_or(text.len());
        let in_list = matches!(self.state, State::List { .. });
        let end = match bounds::broken_end(rest, flaw_at, in_list) {
            Some(end) => end,
            None if rest.len() > MAX_LOG => return self.too_long(rest, at, last, out),
            None if last => bounds::line_end(rest, flaw_at),
            None => return Step::Wait,
        };
        let log = rest.get(..end).unwrap_or_default().trim_ascii_end();
        let reason = match is_invalid_utf8 {
            true => format!("expected UTF-8, but found other bytes at byte {flaw_at}"),
            // Bytes behind the log may not be here yet, and must not show.
            false => flaw.describe(text.get(..text.floor_char_boundary(end)).unwrap_or_default()),
        };
        let log_index = out.log(self.offset + at as u64, log.len());
        out.reject(log_index, reason);
        Step::To(at + end)
    }

    /// A log beyond the limit, all of whose bytes may be here already.
    fn too_long(&mut self, rest: &[u8], at: usize, last: bool, out: &mut Out) -> Step {
        let end = match Bounds::default().find(rest) {
            Some(end) => end,
            None if last => rest.len(),
            None => return Step::Wait,
        };
        let log_index = out.log(self.offset + at as u64, end);
        out.reject(log_index, too_long(end));
        Step::To(at + end)
    }

    /// The start of an array, or a line of text.
    fn array_or_line(&mut self, view: &mut View, at: usize, last: bool, out: &mut Out) -> Step {
        let rest = view.data.get(at..).unwrap_or_default();
        if let Some((b'[', after)) = rest.split_first() {
            match after.trim_ascii_start().first() {
                Some(b'{' | b'[' | b']' | b'"') => {
                    self.state = State::List {
                        is_records: false,
                        depth: 0,
                    };
                    return Step::To(at + 1);
                }
                None if !last => return Step::Wait,
                _ => {}
            }
        }
        let line_end = rest.iter().position(|byte| *byte == b'\n');
        if line_end.is_none() && !last {
            return Step::Wait;
        }
        let mut line = rest
            .get(..line_end.unwrap_or(rest.len()))
            .unwrap_or_default();
        if line.len() <= MAX_LOG {
            line = line.trim_ascii_end();
        }
        let log_index = out.log(self.offset + at as u64, line.len());
        match std::str::from_utf8(line) {
            _ if line.len() > MAX_LOG => out.reject(log_index, too_long(line.len())),
            Err(error) => {
                let at = error.valid_up_to();
                let reason = format!("expected UTF-8, but found other bytes at byte {at}");
                out.reject(log_index, reason);
            }
            Ok(line) => self.line(line, log_index, out),
        }
        Step::To(at + line_end.map_or(rest.len(), |end| end + 1))
    }

    /// A line of text with JSON in it.
    fn line(&mut self, line: &str, log_index: u32, out: &mut Out) {
        let before = out.batch.rejections.len();
        let mut reason = None;
        for json in rescue::candidates(line) {
            let events = (out.batch.log_indexes.len(), out.batch.notes.len());
            self.inner(&json, log_index, out);
            if (out.batch.log_indexes.len(), out.batch.notes.len()) != events {
                return;
            }
            let refused = out.batch.rejections.drain(before..);
            reason = reason.or(refused.map(|rejection| rejection.reason).next());
        }
        let found = || format!("expected JSON, but found `{}`", cut_short(line, 40));
        out.reject(log_index, reason.unwrap_or_else(found));
    }

    /// A value that is read as a payload of its own, for one log.
    fn inner_value(&mut self, view: &mut View, at: usize, last: bool, out: &mut Out) -> Step {
        let text = view.from(at);
        let mut cursor = Cursor::new(text);
        let first = cursor.peek();
        if let Err(flaw) = cursor.skip_value() {
            return self.flawed(view, at, text, flaw, last, out);
        }
        let end = cursor.at;
        if end == text.len() && !last && !matches!(first, Some(b'"' | b'{' | b'[')) {
            // More digits may follow.
            return Step::Wait;
        }
        if end > MAX_LOG {
            return self.too_long(view.data.get(at..).unwrap_or_default(), at, last, out);
        }
        let log_index = out.log(self.offset + at as u64, end);
        let value = text.get(..end).unwrap_or_default();
        match first {
            Some(b'"') => {
                let content = value.get(1..end - 1).unwrap_or_default();
                self.line(&json::unescape(content), log_index, out);
            }
            Some(b'{' | b'[') => self.inner(value, log_index, out),
            _ => {
                let found = cut_short(value, 20);
                out.reject(
                    log_index,
                    format!("expected an object, but found `{found}`"),
                );
            }
        }
        Step::To(at + end)
    }

    /// Reads a text as a payload of its own; everything in it counts for one log.
    fn inner(&mut self, text: &str, log_index: u32, out: &mut Out) {
        if self.inner >= MAX_INNER {
            return out.reject(
                log_index,
                "expected a log, but found lists in lists".to_owned(),
            );
        }
        let count = |out: &Out| {
            let batch = &out.batch;
            (
                batch.log_indexes.len(),
                batch.notes.len(),
                batch.rejections.len(),
            )
        };
        let before = count(out);
        let mut payload = Payload {
            single: true,
            inner: self.inner + 1,
            ..Payload::default()
        };
        let outer = out.outer.replace(log_index);
        payload.run(text.as_bytes(), true, out);
        out.outer = outer;
        if count(out) == before {
            out.reject(
                log_index,
                "expected a log, but found an empty list".to_owned(),
            );
        }
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
        if cursor.peek() == Some(b'}') {
            self.state = behind(depth - 1);
            return Step::To(at + 1);
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
            Err(Flaw::Incomplete) if last => Step::To(view.data.len()),
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

fn too_long(length: usize) -> String {
    format!("expected a log of at most {MAX_LOG} bytes, but found {length}")
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
