//! Events as UDM: lines of the API become lines of UDM when they are written, and what the normalizer does not take
//! is kept as it came, in an object of the same name under a prefix beside.
//!
//! The object beside is written first: where the one of UDM is, all events of the page are.

use std::collections::HashSet;

use udmill_receiver::Host;
use udmill_receiver::wit::transform::{Batch, FieldNames, Label, Options};

use super::Hands;
use super::objects::failed;
use crate::step::{Condition, Reply, Write};

/// The most bytes that are normalized at once, unless a single line has more.
const PIECE: usize = 4 << 20;

impl<H: Host> Hands<'_, H> {
    pub(super) async fn write_udm(&mut self, write: Write) -> Reply {
        let mut split = Split::default();
        let options = self.options();
        for piece in pieces(&write.body) {
            let batch = match self.host.normalize(piece, &options) {
                Ok(batch) => batch,
                Err(_) => {
                    let found = "a normalizer that does not take HARNESS_IO or these options";
                    return failed(found, false);
                }
            };
            split.add(piece, &batch);
        }
        if split.rejections > 0 {
            let beside = Write {
                key: self.beside(&write.key),
                body: split.rejected,
                metadata: counted(&write.metadata, split.rejections),
                // The same name is the same page, which an earlier run may have left.
                condition: Condition::None,
                ..write.clone()
            };
            match self.write(beside).await {
                Reply::Written(_) => {}
                other => return other,
            }
        }
        let reply = self
            .write(Write {
                metadata: counted(&write.metadata, split.count),
                body: split.events,
                ..write
            })
            .await;
        if let Reply::Written(_) | Reply::Refused = reply {
            self.rejected += split.rejections as u64;
        }
        reply
    }

    /// The lines of UDM, and behind them those that were rejected: all of the page's events.
    pub(super) async fn read_udm(&self, key: &str) -> Reply {
        let (mut lines, etag) = match self.read(key).await {
            Reply::Object(Some(object)) => object,
            other => return other,
        };
        match self.read(&self.beside(key)).await {
            Reply::Object(beside) => {
                lines.extend(beside.into_iter().flat_map(|(lines, _)| lines));
                Reply::Object(Some((lines, etag)))
            }
            other => other,
        }
    }

    fn beside(&self, key: &str) -> String {
        let prefix = &self.settings.prefix;
        let rest = key.strip_prefix(prefix).unwrap_or(key);
        format!("{prefix}-rejected{rest}")
    }

    fn options(&self) -> Options {
        let namespace = &self.settings.namespace;
        Options {
            log_type: "HARNESS_IO".to_owned(),
            split_delimiter: Some("\n".to_owned()),
            namespace: (!namespace.is_empty()).then(|| namespace.clone()),
            labels: self.settings.labels.iter().map(label).collect(),
            field_names: FieldNames::LowerCamel,
        }
    }
}

fn label((key, value): &(String, String)) -> Label {
    Label {
        key: key.clone(),
        value: value.clone(),
        rbac_enabled: false,
    }
}

#[derive(Default)]
struct Split {
    events: Vec<u8>,
    count: usize,
    rejected: Vec<u8>,
    rejections: usize,
}

impl Split {
    /// A line of which anything gave no event is kept whole.
    fn add(&mut self, lines: &[u8], batch: &Batch) {
        self.events.extend_from_slice(&batch.events);
        self.count += batch.log_indexes.len();
        let became: HashSet<u32> = batch.log_indexes.iter().copied().collect();
        let mut logs = batch.logs.iter().zip(0..).peekable();
        let mut end = 0;
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            end += line.len() as u64;
            let (mut found, mut all) = (false, true);
            while let Some((_, index)) = logs.next_if(|(log, _)| log.offset < end) {
                found = true;
                all &= became.contains(&index);
            }
            if !found || !all {
                self.rejected.extend_from_slice(line);
                self.rejections += 1;
            }
        }
    }
}

/// The metadata of an object that holds so many of the events.
fn counted(metadata: &[(&'static str, String)], count: usize) -> Vec<(&'static str, String)> {
    let metadata = metadata.iter().map(|(name, value)| match *name {
        "event-count" => ("event-count", count.to_string()),
        name => (name, value.clone()),
    });
    metadata.collect()
}

/// Whole lines together, as many as fit.
fn pieces(lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = lines;
    std::iter::from_fn(move || {
        let most = rest.get(..PIECE).unwrap_or(rest);
        let end = match most.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => end + 1,
            None => rest
                .iter()
                .position(|byte| *byte == b'\n')
                .map_or(rest.len(), |it| it + 1),
        };
        let (piece, after) = rest.split_at(end);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}
