//! Whether every log of a payload is accounted for.

use udm::Batch;

/// Holds a batch against what it promises about logs, spans and indexes.
///
/// # Panics
///
/// When something does not hold.
pub fn account(batch: &Batch, payload: usize) {
    let mut end = 0;
    for log in &batch.logs {
        assert!(log.offset >= end, "spans overlap: {:?}", batch.logs);
        end = log.offset + log.length;
    }
    assert!(end <= payload as u64, "a span ends outside: {end}");
    let (logs, events) = (batch.logs.len() as u32, batch.log_indexes.len() as u32);
    assert!(batch.log_indexes.is_sorted(), "{:?}", batch.log_indexes);
    assert!(batch.log_indexes.iter().all(|it| *it < logs));
    assert!(batch.rejections.is_sorted_by_key(|it| it.log_index));
    assert!(batch.rejections.iter().all(|it| it.log_index < logs));
    assert!(batch.notes.is_sorted_by_key(|it| it.event_index));
    assert!(batch.notes.iter().all(|it| it.event_index <= events));

    // A log without an event or a rejection has a note, at the event that comes next. Many logs may share that event.
    let mut unaccounted: Vec<u32> = Vec::new();
    for log in 0..logs {
        let by_event = batch.log_indexes.binary_search(&log).is_ok();
        let by_rejection = batch
            .rejections
            .binary_search_by_key(&log, |it| it.log_index);
        if !by_event && by_rejection.is_err() {
            unaccounted.push(batch.log_indexes.partition_point(|it| *it < log) as u32);
        }
    }
    for logs in unaccounted.chunk_by(|a, b| a == b) {
        let next_event = logs[0];
        let is_there = |it: &&udm::Note| it.event_index == next_event && it.row == "handshake";
        let notes = batch.notes.iter().filter(is_there).count();
        assert!(notes >= logs.len(), "logs without an account: {batch:?}");
    }
}

/// Adds the batch of a piece to those of the pieces before it.
pub fn join(joined: &mut Batch, batch: Batch) {
    let events = joined.log_indexes.len() as u32;
    let logs = joined.logs.len() as u32;
    joined.events.extend(batch.events);
    joined.logs.extend(batch.logs);
    let indexes = batch.log_indexes.into_iter().map(|index| index + logs);
    joined.log_indexes.extend(indexes);
    for mut note in batch.notes {
        note.event_index += events;
        joined.notes.push(note);
    }
    for mut rejection in batch.rejections {
        rejection.log_index += logs;
        joined.rejections.push(rejection);
    }
}
