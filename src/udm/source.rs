//! A log source: what it is called, its table, and how its records are spelled.

use crate::Error;
use crate::plan::Plans;
use crate::row::Row;

/// One line a log source, in the order of their log types.
pub static SOURCES: &[&Source] = &[&crate::azure_devops::SOURCE, &crate::harness_io::SOURCE];

/// A log source.
#[derive(Debug)]
pub struct Source {
    /// The SecOps log type.
    pub log_type: &'static str,
    /// What `metadata.vendor_name` says.
    pub vendor: &'static str,
    /// What `metadata.product_name` says.
    pub product: &'static str,
    /// The date of the published mapping that the table follows.
    pub mapping_version: &'static str,
    /// The table.
    pub rows: &'static [Row],
    /// The objects, by their raw path with a final dot, whose keys may begin in either case; "" is the record.
    pub either_case: &'static [&'static str],
    /// Objects whose keys are read as if they stood in another object.
    pub aliases: &'static [(&'static str, &'static str)],
    /// Other names of keys, and what the table calls them. An object's keys come along.
    pub other_names: &'static [(&'static str, &'static str)],
    /// The objects that hold lists of logs, and the keys of the lists, besides those of all sources.
    pub lists: &'static [(&'static str, &'static str)],
    /// The entry of `additional` that says that more values without a row came than are kept.
    pub truncated: &'static str,
    /// Keys of the table that logs of other sources have too: they do not tell that a log is of this source.
    pub shared_keys: &'static [&'static str],
    /// The table, compiled.
    pub(crate) plans: Plans,
}

/// The source of a log type.
///
/// # Errors
/// [`Error::UnknownLogType`], with the known ones.
pub fn source(log_type: &str) -> Result<&'static Source, Error> {
    SOURCES
        .iter()
        .find(|source| source.log_type == log_type)
        .copied()
        .ok_or_else(|| {
            let known: Vec<&str> = SOURCES.iter().map(|source| source.log_type).collect();
            let known = known.join(" or ");
            Error::UnknownLogType(format!(
                "expected the log type {known}, but found `{log_type}`"
            ))
        })
}
