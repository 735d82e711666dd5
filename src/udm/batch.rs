//! What one call gives back: events, and an account of every log that made none.

/// The answer to one piece of a payload.
///
/// Every log in `logs` has at least one event, one rejection or one note.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// UDM events as proto3 JSON, one a line, each line ended by a line feed.
    pub events: Vec<u8>,
    /// For each event, in order, the index in `logs` of the log it came from.
    pub log_indexes: Vec<u32>,
    /// Where each log stands in everything that was pushed so far.
    pub logs: Vec<Span>,
    /// Rows that could not be applied, and logs that are no events by design. The events stand.
    pub notes: Vec<Note>,
    /// Logs that gave no event, each with its reason.
    pub rejections: Vec<Rejection>,
}

/// A stretch of the input, in bytes from the first byte that was ever pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub offset: u64,
    /// How many bytes.
    pub length: u64,
}

/// One row that could not be applied, although its field was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The event in this batch; for a log without an event, the index the next event has or would have.
    pub event_index: u32,
    /// The number of the mapping row, as the source's table prints it, or the name of a rule.
    pub row: String,
    /// What was expected, and what was found.
    pub message: String,
}

/// A log that gave no event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The index in [`Batch::logs`].
    pub log_index: u32,
    /// What was expected, and what was found.
    pub reason: String,
}
