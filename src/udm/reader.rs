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
            patience: 0,
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
            patience: 0,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MAX_LOG, Span};

    const LOG: &str = r#"{"ActionId":"A.B","Timestamp":"2024-06-07T14:00:00Z"}"#;

    fn reader(delimiter: Option<&str>) -> Reader {
        let options = Options {
            log_type: "AZURE_DEVOPS".to_owned(),
            split_delimiter: delimiter.map(str::to_owned),
            ..Options::default()
        };
        Reader::new(&options).unwrap()
    }

    fn spans(batch: &Batch) -> Vec<(u64, u64)> {
        batch
            .logs
            .iter()
            .map(|Span { offset, length }| (*offset, *length))
            .collect()
    }

    #[test]
    fn a_log_comes_with_the_piece_that_ends_it() {
        let mut reader = reader(None);
        let (start, end) = LOG.split_at(20);
        assert_eq!(reader.push(start.as_bytes()), Batch::default());
        assert_eq!(spans(&reader.push(end.as_bytes())), [(0, 53)]);
        // A line ends with its line end, or with the payload.
        assert_eq!(reader.push(b"\ntext"), Batch::default());
        assert_eq!(reader.finish().rejections.len(), 1);
    }

    #[test]
    fn offsets_go_on_behind_a_payload_and_begin_anew_behind_a_restart() {
        let mut reader = reader(None);
        assert_eq!(spans(&reader.push(LOG.as_bytes())), [(0, 53)]);
        assert_eq!(reader.finish(), Batch::default());
        assert_eq!(
            spans(&reader.push(format!(" {LOG}").as_bytes())),
            [(54, 53)]
        );
        reader.push(b"{\"cut");
        reader.restart();
        assert_eq!(spans(&reader.push(LOG.as_bytes())), [(0, 53)]);
        assert_eq!(spans(&reader.normalize(LOG.as_bytes())), [(0, 53)]);
    }

    #[test]
    fn a_log_that_closes_again_and_again_is_read_in_proportion_to_its_length() {
        // Read again at every bracket, these would take minutes.
        for (start, unit) in [
            ("[}", "]"),
            ("[", "}\""),
            ("[}]{", ":"),
            ("\n[a[", ",\"}]["),
        ] {
            let payload = [start, &unit.repeat(200_000 / unit.len())].concat();
            let (mut reader, mut found) = (self::reader(None), Batch::default());
            for byte in payload.as_bytes().chunks(1) {
                let batch = reader.push(byte);
                found.logs.extend(batch.logs);
            }
            found.logs.extend(reader.finish().logs);
            assert_eq!(
                found.logs,
                self::reader(None).normalize(payload.as_bytes()).logs
            );
        }
    }

    #[test]
    fn a_payload_does_not_go_on_in_the_next_one() {
        let mut reader = reader(None);
        reader.push(b"[");
        reader.finish();
        reader.push(LOG.as_bytes());
        assert_eq!(spans(&reader.push(b"]")), []);
        assert_eq!(reader.finish().rejections.len(), 1);
    }

    #[test]
    fn brackets_that_never_close_cost_their_line_and_not_the_list() {
        let long = LOG.replace("A.B", &"x".repeat(MAX_LOG / 4));
        let list = format!("[{{\"a\":x\n{{,\n{}{LOG}]", format!("{long},\n").repeat(5));
        let batch = reader(None).normalize(list.as_bytes());
        assert_eq!(batch.log_indexes, [2, 3, 4, 5, 6, 7]);
        assert_eq!(spans(&batch)[..2], [(1, 6), (8, 2)]);
    }

    #[test]
    fn a_log_cut_off_before_more_logs_than_a_log_is_long_costs_itself_only() {
        let long = LOG.replace("A.B", &"x".repeat(MAX_LOG / 4));
        let lines = format!("{{\"a\":[\n{}{LOG}\n", format!("{long}\n").repeat(5));
        for piece in [lines.len(), 1 << 20] {
            let mut reader = reader(None);
            let mut logs: Vec<(u64, u64)> = Vec::new();
            for piece in lines.as_bytes().chunks(piece) {
                logs.extend(spans(&reader.push(piece)));
            }
            logs.extend(spans(&reader.finish()));
            assert_eq!(logs.len(), 7);
            assert_eq!(logs[0], (0, 6));
        }
    }

    #[test]
    fn a_delimiter_is_found_across_pieces_and_counts_for_offsets() {
        let payload = format!("{LOG}=-={LOG}=-==-= =-={LOG}=-");
        let expected = [(0, 53), (56, 53), (119, 53), (172, 2)];
        for length in 1..payload.len() {
            let mut reader = reader(Some("=-="));
            let mut found = Vec::new();
            for piece in payload.as_bytes().chunks(length) {
                found.extend(spans(&reader.push(piece)));
            }
            found.extend(spans(&reader.finish()));
            assert_eq!(found, expected, "in pieces of {length}");
        }
    }

    #[test]
    fn delimiters_are_found_and_their_starts_held_back() {
        for (bytes, delimiter, at, held) in [
            ("ab", "b", Some(1), 0),
            ("aab", "ab", Some(1), 0),
            ("aaab", "aab", Some(1), 0),
            ("aa", "aab", None, 2),
            ("ab", "abc", None, 2),
            ("xa", "ab", None, 1),
            ("xy", "ab", None, 0),
            ("", "ab", None, 0),
        ] {
            assert_eq!(find(bytes.as_bytes(), delimiter.as_bytes()), at, "{bytes}");
            if at.is_none() {
                assert_eq!(
                    overlap(bytes.as_bytes(), delimiter.as_bytes()),
                    held,
                    "{bytes}"
                );
            }
        }
    }

    #[test]
    fn a_log_beyond_the_limit_is_rejected_and_skipped_as_it_streams() {
        let filler = "x".repeat(MAX_LOG);
        let object = format!("{{\"ActionId\":\"{filler}\"}}");
        let element = format!("{{\"Details\":\"{filler}\"}}");
        for (payload, expected) in [
            (
                format!("{object}{LOG}"),
                vec![(0, object.len()), (object.len(), 53)],
            ),
            (
                format!("[{LOG},{element},{LOG}]"),
                vec![(1, 53), (55, element.len()), (56 + element.len(), 53)],
            ),
            (
                format!("a {filler}\n{LOG}"),
                vec![(0, MAX_LOG + 2), (MAX_LOG + 3, 53)],
            ),
            (
                format!("{{\"cut {filler}\n{LOG}"),
                vec![(0, MAX_LOG + 6), (MAX_LOG + 7, 53)],
            ),
            (
                format!("[[1, {filler}\n{LOG}"),
                vec![(1, MAX_LOG + 4), (MAX_LOG + 6, 53)],
            ),
            (
                format!("{LOG}\n{{\"cut {filler}"),
                vec![(0, 53), (54, MAX_LOG + 6)],
            ),
        ] {
            let expected: Vec<(u64, u64)> = expected
                .into_iter()
                .map(|(offset, length)| (offset as u64, length as u64))
                .collect();
            for length in [payload.len(), 1 << 20] {
                let mut reader = reader(None);
                let (mut found, mut reasons) = (Vec::new(), Vec::new());
                let mut take = |batch: Batch| {
                    found.extend(spans(&batch));
                    reasons.extend(batch.rejections.into_iter().map(|it| it.reason));
                };
                payload
                    .as_bytes()
                    .chunks(length)
                    .for_each(|piece| take(reader.push(piece)));
                take(reader.finish());
                assert_eq!(found, expected, "in pieces of {length}: {:.40}", payload);
                assert_eq!(reasons.len(), 1, "{reasons:?}");
                let limit = "expected a log of at most 4194304 bytes, but found ";
                assert!(reasons[0].starts_with(limit), "{}", reasons[0]);
            }
        }
    }

    #[test]
    fn a_log_of_the_limit_is_read() {
        let start = format!("{},\"Other\":\"", &LOG[..LOG.len() - 1]);
        let filler = "x".repeat(MAX_LOG - start.len() - 2);
        let log = format!("{start}{filler}\"}}");
        for length in [log.len(), 1 << 20] {
            let mut reader = reader(None);
            let pieces = log.as_bytes().chunks(length);
            let last = pieces.map(|piece| reader.push(piece)).last().unwrap();
            assert_eq!(last.log_indexes, [0], "in pieces of {length}");
        }
        let longer = reader(None).normalize(format!("{start}{filler}x\"}}").as_bytes());
        assert_eq!(longer.rejections.len(), 1);
    }
}
