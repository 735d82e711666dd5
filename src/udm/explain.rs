//! How each field of an event came about, and why a row did not set one.

mod missed;
mod paths;
mod raw;
mod values;

use crate::json::cut_short;
use crate::normalizer::Normalizer;
use crate::out::Sink;
use crate::plan::Plan;
use crate::reader::Reader;
use crate::row::Row;
use crate::{Batch, Error, Options};
use missed::skipped;
use paths::{field_path, is_below, target_path};

/// How one field of an event came about, or why a row did not set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derivation {
    /// The UDM path in proto names: `principal.ip[0]`, `additional["Reason"]`; empty for a log without an event.
    pub path: String,
    /// The field's value as text; none for a row that could have set the path.
    pub value: Option<String>,
    /// Where the value stood in the log: `data.Data.GroupId`.
    pub raw_path: Option<String>,
    /// The number of the mapping row, as the source's table prints it.
    pub row: String,
    /// What the row does, in words.
    pub logic: String,
    /// Why the row did not set the path, or why the log gave no event.
    pub missed: Option<String>,
}

/// The derivations of every field of the log's events, in the order of the event; `metadata.product_log_id`, the
/// first of all, and a path that comes again begin the next event. With a `field` (a UDM path, or the start of one,
/// in either spelling) only those below it, and the rows that could have set it and did not. Put together, the
/// derivations of a log give its event.
///
/// # Errors
/// When no source has the log type, an option cannot be used, or no row sets the field.
pub fn explain(
    log: &[u8],
    options: &Options,
    field: Option<&str>,
) -> Result<Vec<Derivation>, Error> {
    let mut reader = Reader::new(options)?;
    let field = field.map(field_path);
    if let Some(field) = &field {
        reader.check_field(field)?;
    }
    let mut derivations = Vec::new();
    let mut batch = Batch::default();
    {
        let mut see = |normalizer: &Normalizer, log: &str| {
            let mut teller = Teller {
                normalizer,
                log,
                told: Vec::new(),
                lists: Vec::new(),
            };
            teller.tell();
            if let Some(field) = &field {
                teller
                    .told
                    .retain(|it| is_below(&field_path(&it.path), field));
                teller.tell_missed(field);
            }
            derivations.append(&mut teller.told);
        };
        let mut sink = Sink::Records(&mut see);
        reader.push_into(log, &mut sink, &mut batch);
        reader.finish_into(&mut sink, &mut batch);
    }
    let rejected = batch.rejections.into_iter().map(|it| it.reason);
    let handshakes = batch
        .notes
        .into_iter()
        .filter(|it| it.row == "handshake")
        .map(|it| it.message);
    derivations.extend(rejected.chain(handshakes).map(|reason| Derivation {
        path: String::new(),
        value: None,
        raw_path: None,
        row: String::new(),
        logic: String::new(),
        missed: Some(reason),
    }));
    Ok(derivations)
}

impl Reader {
    fn check_field(&self, field: &str) -> Result<(), Error> {
        let normalizer = self.normalizer();
        let known = normalizer
            .plan
            .targets
            .iter()
            .any(|it| is_below(&target_path(it), field));
        let mut skipped = skipped(normalizer.plan.rows, field);
        if known || field == "additional" || skipped.next().is_some() {
            return Ok(());
        }
        let log_type = normalizer.source.log_type;
        let expected = format!("expected a UDM path that a row of {log_type} sets");
        Err(Error::InvalidOption(format!(
            "{expected}, but found `{}`",
            cut_short(field, 60)
        )))
    }
}

/// One event, being told.
struct Teller<'a> {
    normalizer: &'a Normalizer,
    log: &'a str,
    told: Vec<Derivation>,
    /// The elements of repeated messages that were met, by their names in the plan.
    lists: Vec<String>,
}

impl<'a> Teller<'a> {
    fn plan(&self) -> &'a Plan {
        self.normalizer.plan
    }

    fn row(&self, row: u16) -> Option<&'static Row> {
        self.plan().rows.get(row as usize)
    }
}
