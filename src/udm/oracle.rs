//! The scanner against a second reader: serde_json into a tree, the tree into the same fields by plain path look-ups.
//!
//! The scanner never builds a tree and finds keys by hash; this reader does the opposite, and is slow and short. Both
//! read every log of every golden and thousands of mutations of them. They must agree on what is JSON (RFC 8259) and
//! where it ends, on the text of every field, element and leaf, and on repeated keys, of which the last one counts.
//!
//! Where they part on purpose: serde_json refuses numbers beyond `f64` and nesting beyond 128, the scanner keeps any
//! number as text and refuses nesting beyond 100. A key with a dot or a bracket may give a leaf the path of another
//! one: leaves are not compared then, nor where more of them came than are kept.

mod fields;
mod random;
mod tree;

use std::collections::BTreeMap;

use self::fields::{Fields, Names, Outcome};
use self::random::Random;
use self::tree::{NoTwins, Text, Tree, tree};
use crate::goldens_support::{options, sources};
use crate::json::{Cursor, Flaw, MAX_DEPTH, unescape};
use crate::normalizer::Normalizer;
use crate::plan::NONE;
use crate::scan::{Found, Stop};
use crate::{Batch, Options, Reader, Source};

/// How many mutations of logs, and of whole payloads.
const LOGS: usize = 20_000;
const PAYLOADS: usize = 600;
/// Longer texts show nothing that shorter ones do not, and take longer.
const LONGEST: usize = 4096;

#[test]
fn the_scanner_reads_what_serde_reads() {
    for (source, texts) in logs() {
        let mut pair = Pair::new(source);
        texts.iter().for_each(|text| pair.compare(text));
        let mut random = Random(0x2545_F491_4F6C_DD1D);
        for _ in 0..LOGS {
            let text = random.mutation(&texts);
            if let Ok(text) = String::from_utf8(text) {
                pair.compare(&text);
            }
        }
        // Mutations that are no JSON any more prove nothing of fields.
        assert!(
            pair.records * 4 > LOGS,
            "{} records were compared",
            pair.records
        );
        assert!(
            pair.refused * 10 > LOGS,
            "{} logs were refused",
            pair.refused
        );
    }
}

#[test]
fn mutated_payloads_give_the_same_in_pieces_and_account_for_every_log() {
    for (log_type, folder) in sources() {
        let cases = corpus::cases(&folder, "raw");
        let payloads = cases.into_iter().map(|case| case.raw);
        let payloads: Vec<Vec<u8>> = payloads.filter(|raw| raw.len() <= LONGEST).collect();
        let options = options(&log_type, &serde_json::json!({}));
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        for _ in 0..PAYLOADS {
            let payload = random.mutation(&payloads);
            let length = 1 + random.below(64);
            let shown = || String::from_utf8_lossy(&payload).into_owned();
            let whole = in_pieces(&payload, &options, payload.len());
            let pieces = in_pieces(&payload, &options, length);
            assert_eq!(pieces, whole, "in pieces of {length}: {}", shown());
            let (batch, told) = whole;
            let lines = batch.events.split(|byte| *byte == b'\n');
            for line in lines.filter(|line| !line.is_empty()) {
                let event: Result<NoTwins, _> = serde_json::from_slice(line);
                let event = event.map(|_| ());
                assert!(
                    event.is_ok(),
                    "{event:?} in {}",
                    String::from_utf8_lossy(line)
                );
            }
            let mut end = 0;
            for (log, span) in batch.logs.iter().enumerate() {
                assert!(
                    span.offset >= end,
                    "log {log} begins too early: {}",
                    shown()
                );
                end = span.offset + span.length;
                let is_told = batch.log_indexes.contains(&(log as u32)) || told.contains(&log);
                assert!(
                    is_told || has_notes(&batch),
                    "nothing came of log {log}: {}",
                    shown()
                );
            }
            assert!(end <= payload.len() as u64);
        }
    }
}

#[test]
fn the_readers_part_where_it_is_meant() {
    let read = |text: &str| {
        let mut cursor = Cursor::new(text);
        (
            cursor.skip_value(),
            tree(text).map(|(_, end)| end).map_err(|e| e.to_string()),
        )
    };
    let (ours, theirs) = read("[1e400]");
    assert_eq!(
        (ours, theirs),
        (
            Ok(()),
            Err("number out of range at line 1 column 6".to_owned())
        )
    );
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let most = MAX_DEPTH as usize;
    assert_eq!(read(&nested(most)), (Ok(()), Ok(2 * most)));
    assert_eq!(
        read(&nested(most + 1)),
        (Err(Flaw::TooDeep { at: most }), Ok(2 * most + 2))
    );
    // Both refuse unpaired surrogates; the reader then puts U+FFFD in their place.
    let (ours, theirs) = read(r#"["\ud83d"]"#);
    assert!(ours == Err(Flaw::Escape { at: 2 }) && theirs.is_err());
}

/// Every source's logs, as they stand in its goldens.
fn logs() -> Vec<(&'static Source, Vec<Vec<u8>>)> {
    let of_source = |(log_type, folder): (String, std::path::PathBuf)| {
        let mut logs = Vec::new();
        for case in corpus::cases(&folder, "raw") {
            let options = options(&log_type, &case.options);
            let batch = crate::normalize(&case.raw, &options).unwrap();
            for span in batch.logs {
                let place = span.offset as usize..(span.offset + span.length) as usize;
                let log = &case.raw[place];
                if log.len() <= LONGEST {
                    logs.push(log.to_vec());
                }
            }
        }
        (crate::source(&log_type).unwrap(), logs)
    };
    sources().into_iter().map(of_source).collect()
}

/// A scanner and what its source's table names.
struct Pair {
    normalizer: Normalizer,
    names: Names,
    records: usize,
    refused: usize,
}

impl Pair {
    fn new(source: &'static Source) -> Pair {
        let options = Options {
            log_type: source.log_type.to_owned(),
            ..Options::default()
        };
        Pair {
            normalizer: Normalizer::new(source, &options).unwrap(),
            names: Names::new(source),
            records: 0,
            refused: 0,
        }
    }

    fn compare(&mut self, text: &(impl AsRef<[u8]> + ?Sized)) {
        let Ok(text) = str::from_utf8(text.as_ref()) else {
            return;
        };
        if !text.starts_with(['{', '[', '"']) {
            return;
        }
        self.compare_grammar(text);
        if text.starts_with('{') {
            self.compare_fields(text.to_owned());
        }
    }

    fn compare_grammar(&mut self, text: &str) {
        let mut cursor = Cursor::new(text);
        match (cursor.skip_value(), tree(text)) {
            (Ok(()), Ok((_, end))) => assert_eq!(cursor.at, end, "{text}"),
            (Err(Flaw::TooDeep { .. }), Ok((tree, _))) => {
                assert!(tree.depth() > MAX_DEPTH, "{text}");
            }
            (Err(_), Err(_)) => self.refused += 1,
            (Ok(()), Err(error)) => {
                let error = error.to_string();
                assert!(error.contains("number out of range"), "{error}: {text}");
            }
            (Err(flaw), Ok(_)) => panic!("{}: {text}", flaw.describe(text)),
        }
    }

    fn compare_fields(&mut self, mut text: String) {
        let found = loop {
            match self.normalizer.read(&text, false) {
                // The reader puts such a text in the string's place, and reads on.
                Err(Stop::Inline {
                    start,
                    end,
                    content,
                    base64: false,
                }) => {
                    let content = &text[content.start as usize..content.end as usize];
                    let content = unescape(content).into_owned();
                    text.replace_range(start..end, &content);
                }
                found => break found,
            }
        };
        let Ok((Tree::Object(members), end)) = tree(&text) else {
            let is_list = matches!(found, Ok(Found::List { .. }));
            let is_base64 = matches!(found, Err(Stop::Inline { .. }));
            let has_long_number = found.is_ok();
            assert!(
                is_list || is_base64 || found.is_err() || has_long_number,
                "{text}"
            );
            return;
        };
        let mut expected = Fields::new(&self.names);
        let outcome = expected.read_log(&members);
        match (found, outcome) {
            (Ok(Found::Record { end: found }), Outcome::Record) => assert_eq!(found, end, "{text}"),
            (Ok(Found::List { .. }), Outcome::List) => return,
            (Err(Stop::Inline { base64: true, .. }), Outcome::Base64) => return,
            (Err(Stop::Flaw(Flaw::TooDeep { .. })), _) => return,
            (found, _) => panic!("{found:?}: {text}"),
        }
        self.records += 1;
        let (record, plan) = (&self.normalizer.record, &self.normalizer.plan);
        let cells = plan.nodes.iter().enumerate().filter(|(cell, node)| {
            record.has(*cell as u16) && !node.path.is_empty() && !node.path.starts_with('@')
        });
        let (wholes, cells): (Vec<_>, Vec<_>) = cells.partition(|(cell, node)| {
            let is_whole = self.names.wholes.contains(node.path.as_ref());
            is_whole && record.json(*cell as u16, &text).starts_with(['{', '['])
        });
        let wholes = wholes.into_iter().map(|(cell, node)| {
            let (tree, end) = tree(record.json(cell as u16, &text)).unwrap();
            assert_eq!(end, record.json(cell as u16, &text).len(), "{text}");
            (node.path.to_string(), format!("{tree:?}"))
        });
        let shown = expected.wholes.iter();
        let shown = shown.map(|(path, tree)| (path.clone(), format!("{tree:?}")));
        assert_eq!(
            wholes.collect::<BTreeMap<_, _>>(),
            shown.collect::<BTreeMap<_, _>>(),
            "{text}"
        );
        let cells: BTreeMap<String, Text> = cells
            .into_iter()
            .filter(|(_, node)| !node.is_item)
            .map(|(cell, node)| {
                let text = record.text(cell as u16, &text).into_owned();
                (node.path.to_string(), Text(text))
            })
            .collect();
        assert_eq!(cells, expected.cells, "{text}");
        for (cell, node) in plan
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| node.is_item)
        {
            let has_items = record.items.iter().any(|item| item.cell as usize == cell);
            assert_eq!(record.has(cell as u16), has_items, "{}: {text}", node.path);
        }
        if record.truncated {
            return;
        }
        let items = record.items.iter().map(|item| {
            let path = plan.nodes[item.cell as usize].path.to_string();
            let text = record.text_of(item.value, &text).into_owned();
            ((path, item.position), Text(text))
        });
        assert_eq!(items.collect::<BTreeMap<_, _>>(), expected.items, "{text}");
        if record.dotted {
            return;
        }
        let leaves = record
            .leaves
            .iter()
            .filter(|leaf| leaf.row != NONE)
            .map(|leaf| {
                let path = &record.paths[leaf.path.0 as usize..leaf.path.1 as usize];
                let value = record.text_of(leaf.value, &text).into_owned();
                (unescape(path).into_owned(), Text(value))
            });
        assert_eq!(leaves.collect::<Vec<_>>(), expected.leaves, "{text}");
    }
}

/// All that comes of a payload, in pieces of a length, as if it had come whole; and the logs that were rejected.
fn in_pieces(payload: &[u8], options: &Options, length: usize) -> (Batch, Vec<usize>) {
    let mut reader = Reader::new(options).unwrap();
    let mut all = Batch::default();
    let mut pieces: Vec<Batch> = payload
        .chunks(length.max(1))
        .map(|piece| reader.push(piece))
        .collect();
    pieces.push(reader.finish());
    for mut batch in pieces {
        let (events, logs) = (all.log_indexes.len() as u32, all.logs.len() as u32);
        batch
            .log_indexes
            .iter_mut()
            .for_each(|index| *index += logs);
        batch
            .notes
            .iter_mut()
            .for_each(|note| note.event_index += events);
        batch
            .rejections
            .iter_mut()
            .for_each(|rejection| rejection.log_index += logs);
        all.events.append(&mut batch.events);
        all.log_indexes.append(&mut batch.log_indexes);
        all.logs.append(&mut batch.logs);
        all.notes.append(&mut batch.notes);
        all.rejections.append(&mut batch.rejections);
    }
    let rejected = all
        .rejections
        .iter()
        .map(|it| it.log_index as usize)
        .collect();
    (all, rejected)
}

/// A handshake gives a note alone, which does not name its log.
fn has_notes(batch: &Batch) -> bool {
    batch.notes.iter().any(|note| note.row == "handshake")
}
