//! Every golden of every source, natively: the payload whole, then in pieces.

mod goldens_support;

use goldens_support::{options, sources};
use udm::{Batch, Reader, normalize, validate};

#[test]
fn every_golden_gives_its_events() {
    for (log_type, folder) in sources() {
        corpus::run(&folder, "raw", |case| {
            let batch = normalize(&case.raw, &options(&log_type, &case.options)).unwrap();
            answer(&batch)
        });
    }
}

#[test]
fn pieces_give_the_same_bytes_as_the_whole() {
    for (log_type, folder) in sources() {
        for case in corpus::cases(&folder, "raw") {
            let options = options(&log_type, &case.options);
            let whole = normalize(&case.raw, &options).unwrap();
            for length in [1, 7, 4096] {
                let mut reader = Reader::new(&options).unwrap();
                let mut joined = Batch::default();
                for piece in case.raw.chunks(length) {
                    join(&mut joined, reader.push(piece));
                }
                join(&mut joined, reader.finish());
                assert_eq!(joined, whole, "{} in pieces of {length}", case.name);
            }
        }
    }
}

#[test]
fn every_event_is_valid() {
    for (log_type, folder) in sources() {
        for case in corpus::cases(&folder, "raw") {
            let batch = normalize(&case.raw, &options(&log_type, &case.options)).unwrap();
            assert_eq!(validate(&batch.events), [], "{}", case.name);
        }
    }
}

fn answer(batch: &Batch) -> (&'static str, String) {
    let notes = batch
        .notes
        .iter()
        .map(|it| (it.event_index, it.row.as_str(), it.message.as_str()));
    let rejections = batch
        .rejections
        .iter()
        .map(|it| (it.log_index, it.reason.as_str()));
    corpus::answer(&batch.events, notes, rejections)
}

fn join(joined: &mut Batch, batch: Batch) {
    let events = joined.log_indexes.len() as u32;
    let logs = joined.logs.len() as u32;
    joined.events.extend(batch.events);
    joined
        .log_indexes
        .extend(batch.log_indexes.iter().map(|index| index + logs));
    joined.logs.extend(batch.logs);
    joined.notes.extend(batch.notes.into_iter().map(|mut note| {
        note.event_index += events;
        note
    }));
    joined
        .rejections
        .extend(batch.rejections.into_iter().map(|mut rejection| {
            rejection.log_index += logs;
            rejection
        }));
}
