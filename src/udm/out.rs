//! Where events, notes and rejections go.

use crate::normalizer::{Made, Normalizer};
use crate::{Batch, Note, Rejection, Span};

/// What becomes of the events.
pub(crate) enum Sink<'a> {
    /// They are written.
    Events,
    /// They are handed to `explain`, with their logs.
    Records(&'a mut dyn FnMut(&Normalizer, &str)),
}

/// Where events, notes and rejections go.
pub(crate) struct Out<'a, 's> {
    pub normalizer: &'a mut Normalizer,
    pub sink: &'a mut Sink<'s>,
    pub batch: &'a mut Batch,
    /// The log whose text is being read, when that is inside another one.
    pub outer: Option<u32>,
    /// How many more bytes of the log in hand may be tried as JSON in a text: texts in texts are tried in several ways each.
    pub patience: usize,
}

impl Out<'_, '_> {
    /// A log begins the account: its index.
    pub fn log(&mut self, offset: u64, length: usize) -> u32 {
        if let Some(outer) = self.outer {
            return outer;
        }
        self.patience = length.saturating_mul(16);
        self.batch.logs.push(Span {
            offset,
            length: length as u64,
        });
        self.batch.logs.len() as u32 - 1
    }

    /// Makes the event of the record that was just read.
    pub fn event(&mut self, log_index: u32, log: &str) {
        let batch = &mut *self.batch;
        let event_index = batch.log_indexes.len() as u32;
        match self.normalizer.apply(log, event_index, &mut batch.notes) {
            Ok(Made::Event) => {
                batch.log_indexes.push(log_index);
                match self.sink {
                    Sink::Events => self.normalizer.write(log, &mut batch.events),
                    Sink::Records(see) => see(self.normalizer.settled(), log),
                }
            }
            Ok(Made::Handshake) => {}
            Err(reason) => self.reject(log_index, reason),
        }
    }

    /// Rejects a log, or something in it: the first reason stands for the log.
    pub fn reject(&mut self, log_index: u32, mut reason: String) {
        let last = self.batch.rejections.last();
        if last.is_some_and(|last| last.log_index == log_index) {
            return;
        }
        // Millions of them have to fit into an answer.
        reason.shrink_to_fit();
        self.batch.rejections.push(Rejection { log_index, reason });
    }

    pub fn note(&mut self, row: &str, message: String) {
        let event_index = self.batch.log_indexes.len() as u32;
        self.batch.notes.push(Note {
            event_index,
            row: row.to_owned(),
            message,
        });
    }
}
