//! Reads the logs themselves: records, lines of text, and what is neither.

use super::view::View;
use super::{MAX_LOG, Payload, State, Step};
use crate::bounds::{self, Bounds, End};
use crate::json::{self, Cursor, Flaw, cut_short, repair};
use crate::out::Out;
use crate::rescue;
use crate::scan::{Found, Stop};

/// How often a log may hold JSON in a string of JSON in a string.
const MAX_INNER: u32 = 4;

impl Payload {
    /// An object: a record, or what stands around a list.
    pub(super) fn object(
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
                // It can be put right, if nothing else is wrong.
                let mut cursor = Cursor::lenient(text);
                if let Err(flaw) = cursor.skip_value() {
                    return self.flawed(view, at, text, flaw, last, out);
                }
                let end = cursor.at;
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
                                return out
                                    .reject(log_index, format!("{what}, but found `{found}`"));
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
    pub(super) fn flawed(
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
        if flaw == Flaw::Incomplete && !is_invalid_utf8 && text.len() <= MAX_LOG && !last {
            return Step::Wait;
        }
        let flaw_at = flaw.at().unwrap_or(text.len()).min(MAX_LOG);
        let in_list = matches!(self.state, State::List { .. });
        let near = rest.get(..MAX_LOG).unwrap_or(rest);
        let patience = self.patience(at);
        let most = flaw_at + patience;
        let end = match bounds::broken_end(near, flaw_at, in_list, patience) {
            Some(end) => {
                self.wasted += flaw_at.saturating_sub(end) as u64;
                end
            }
            None if !last && rest.len() < most.min(MAX_LOG) => return Step::Wait,
            None => match bounds::line_end(near, flaw_at) {
                Some(end) => {
                    self.wasted += near.len().min(most).saturating_sub(flaw_at) as u64;
                    end
                }
                None if rest.len() > MAX_LOG => return self.too_long(rest, at, last, out),
                None if last => rest.len(),
                None => return Step::Wait,
            },
        };
        let log = rest.get(..end).unwrap_or_default().trim_ascii_end();
        let flaw = if flaw_at <= end {
            flaw
        } else {
            Flaw::Incomplete
        };
        let reason = match is_invalid_utf8 && flaw_at < end {
            true => format!("expected UTF-8, but found other bytes at byte {flaw_at}"),
            // Bytes behind the log may not be here yet, and must not show.
            false => flaw.describe(
                text.get(..text.floor_char_boundary(end))
                    .unwrap_or_default(),
            ),
        };
        let log_index = out.log(self.offset + at as u64, log.len());
        out.reject(log_index, reason);
        Step::To(at + end)
    }

    /// How far from a flaw the end of the log may be. Brackets that never close are searched in vain, and what stands behind
    /// the end is read again; what is wasted so stays in proportion to what was read.
    fn patience(&self, at: usize) -> usize {
        let earned = MAX_LOG as u64 + 8 * (self.offset + at as u64);
        earned.saturating_sub(self.wasted) as usize
    }

    /// A log beyond the limit, all of whose bytes may be here already.
    fn too_long(&mut self, rest: &[u8], at: usize, last: bool, out: &mut Out) -> Step {
        let end = match Bounds::default().find(rest) {
            Some(end) => end,
            None if last => End {
                next: rest.len(),
                line_end: 0,
            },
            None => return Step::Wait,
        };
        let length = end.next - end.line_end;
        let log_index = out.log(self.offset + at as u64, length);
        out.reject(log_index, too_long(length));
        Step::To(at + end.next)
    }

    /// The start of an array, or a line of text.
    pub(super) fn array_or_line(
        &mut self,
        view: &mut View,
        at: usize,
        last: bool,
        out: &mut Out,
    ) -> Step {
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
            let Some(left) = out.patience.checked_sub(json.len()) else {
                break;
            };
            out.patience = left;
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
    pub(super) fn inner_value(
        &mut self,
        view: &mut View,
        at: usize,
        last: bool,
        out: &mut Out,
    ) -> Step {
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
        let log = out.batch.logs.get(log_index as usize);
        let mut payload = Payload {
            single: true,
            inner: self.inner + 1,
            offset: log.map_or(0, |log| log.offset),
            wasted: self.wasted,
            ..Payload::default()
        };
        let outer = out.outer.replace(log_index);
        payload.run(text.as_bytes(), true, out);
        out.outer = outer;
        self.wasted = payload.wasted;
        if count(out) == before {
            out.reject(
                log_index,
                "expected a log, but found an empty list".to_owned(),
            );
        }
    }
}

pub(super) fn too_long(length: usize) -> String {
    format!("expected a log of at most {MAX_LOG} bytes, but found {length}")
}
