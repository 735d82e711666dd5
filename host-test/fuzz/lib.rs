//! What holds for every input: the questions that the fuzz targets ask.
//!
//! `reader` and `webhook` take inputs as the goldens are, so that the goldens are their seeds; `huge` writes logs around the
//! reader's limit of size from small inputs. They need cargo-fuzz and a nightly compiler; without unsafe code in the project
//! there is nothing for a sanitizer to find. From the project's folder:
//!
//! ```text
//! cargo +nightly fuzz run --fuzz-dir host-test/fuzz --sanitizer none reader \
//!     host-test/fuzz/corpus/reader src/udm/azure_devops/golden src/udm/harness_io/golden -- \
//!     -dict=host-test/fuzz/keys.dict -max_len=16384
//! cargo +nightly fuzz run --fuzz-dir host-test/fuzz --sanitizer none huge \
//!     host-test/fuzz/corpus/huge -- -dict=host-test/fuzz/keys.dict -max_len=256 -timeout=60 -rss_limit_mb=4096
//! cargo +nightly fuzz run --fuzz-dir host-test/fuzz --sanitizer none webhook \
//!     host-test/fuzz/corpus/webhook src/udm/webhook/golden -- -dict=host-test/fuzz/keys.dict -max_len=16384
//! ```
//!
//! The first folder (to be made before) takes what is found; the others are only read.

mod account;
mod explained;
mod options;
mod tree;

use std::cell::RefCell;

use udm::{Batch, Options, Reader, Severity, Span};

pub use account::account;
pub use options::split_options;
pub use tree::check_keys;

/// Everything that holds for a payload. What takes long is asked of some payloads only, always of the same ones.
///
/// # Panics
///
/// When something does not.
pub fn check_payload(payload: &[u8], options: &Options) {
    let hash = hash(payload);
    let whole = with_reader(options, |reader| reader.normalize(payload));
    account(&whole, payload.len());
    check_events(&whole);
    check_pieces(payload, options, &whole, Cuts::of(hash, payload.len()));
    if hash.is_multiple_of(2) {
        check_next(payload, options);
    }
    if hash.is_multiple_of(8) {
        check_memory(payload, options, &whole);
    }
    if hash.is_multiple_of(4) {
        explained::check(payload, options);
    }
}

thread_local! {
    /// Making a reader takes longer than reading a log.
    static READERS: RefCell<Vec<(Options, Reader)>> = const { RefCell::new(Vec::new()) };
}

/// Asks a reader that has nothing of its last payload left.
fn with_reader<T>(options: &Options, ask: impl FnOnce(&mut Reader) -> T) -> T {
    READERS.with_borrow_mut(|readers| {
        let known = readers.iter().position(|(it, _)| it == options);
        let at = known.unwrap_or_else(|| {
            readers.push((options.clone(), Reader::new(options).unwrap()));
            readers.len() - 1
        });
        readers[at].1.restart();
        ask(&mut readers[at].1)
    })
}

/// FNV-1a.
fn hash(payload: &[u8]) -> u64 {
    let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    payload.iter().fold(0xcbf2_9ce4_8422_2325, fold)
}

/// Events are JSON without repeated keys, one a line, and as Google wants them.
fn check_events(batch: &Batch) {
    let mut count = 0;
    for line in batch.events.split_inclusive(|byte| *byte == b'\n') {
        assert_eq!(line.last(), Some(&b'\n'), "a line without an end");
        check_keys(line);
        count += 1;
    }
    assert_eq!(count, batch.log_indexes.len(), "events and their logs");
    let findings = udm::validate(&batch.events);
    let grave = findings
        .iter()
        .find(|it| it.severity == Severity::Error)
        .or(findings.first());
    assert_eq!(grave, None, "{}", String::from_utf8_lossy(&batch.events));
}

/// Pieces give what the whole gives, wherever they are cut.
fn check_pieces(payload: &[u8], options: &Options, whole: &Batch, mut cuts: Cuts) {
    let joined = with_reader(options, |reader| {
        let mut joined = Batch::default();
        let mut rest = payload;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(cuts.next(rest.len()));
            account::join(&mut joined, reader.push(piece));
            rest = after;
        }
        account::join(&mut joined, reader.finish());
        joined
    });
    assert_eq!(&joined, whole, "in pieces and whole");
}

/// The line behind a payload is a log, whatever the payload is.
fn check_next(payload: &[u8], options: &Options) {
    let next = match options.log_type.as_str() {
        "AZURE_DEVOPS" => r#"{"ActionId":"next","Timestamp":"2024-01-01T00:00:00Z"}"#,
        _ => r#"{"auditId":"next","timestamp":1704067200000}"#,
    };
    let delimiter = options.split_delimiter.as_ref();
    if delimiter.is_some_and(|delimiter| find(next.as_bytes(), delimiter.as_bytes())) {
        return;
    }
    let payload = [payload, b"\n", next.as_bytes()].concat();
    let batch = with_reader(options, |reader| reader.normalize(&payload));
    let next = Span {
        offset: (payload.len() - next.len()) as u64,
        length: next.len() as u64,
    };
    assert_eq!(batch.logs.last(), Some(&next), "the last log");
    let index = batch.logs.len() as u32 - 1;
    assert_eq!(batch.log_indexes.last(), Some(&index), "the last event");
}

fn find(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|it| it == part)
}

/// What a reader has read before leaves nothing behind.
fn check_memory(payload: &[u8], options: &Options, whole: &Batch) {
    let mut reader = Reader::new(options).unwrap();
    assert_eq!(&reader.normalize(payload), whole, "fresh and after others");
    let (_, half) = payload.split_at(payload.len() / 2);
    reader.push(half);
    reader.finish();
    assert_eq!(&reader.normalize(payload), whole, "after a half and fresh");
}

/// The lengths of pieces: told by the payload, so that a finding can be repeated.
struct Cuts {
    state: u64,
    most: u64,
}

impl Cuts {
    fn of(hash: u64, length: usize) -> Cuts {
        let state = hash | 1;
        let most = match state >> 61 {
            0 | 1 => 1,
            2..=4 => 16,
            _ => length as u64,
        };
        // A megabyte in pieces of a byte says no more than a kilobyte in pieces of a byte.
        let most = most.max(length as u64 / 4_096);
        Cuts { state, most }
    }

    fn next(&mut self, rest: usize) -> usize {
        // Xorshift.
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state % self.most.max(1) + 1).min(rest as u64) as usize
    }
}
