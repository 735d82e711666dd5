//! A log source: what it is called, its table, and how its records are spelled.

use crate::json::cut_short;
use crate::plan::{Plan, Plans};
use crate::row::{Logic, Row};
use crate::{Error, FieldNames};

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

impl Source {
    /// Compiles the table for events in this spelling, which the first reader would do otherwise, and the vocabularies that
    /// it names, which the first log would.
    pub fn prepare(&'static self, names: FieldNames) {
        Plan::of(self, names);
        for row in self.rows {
            match row.logic {
                Logic::Known(_, is_known) => drop(is_known("")),
                Logic::Word(make, _) => drop(make("")),
                _ => {}
            }
        }
    }
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
        .ok_or_else(|| Error::UnknownLogType(unknown(log_type)))
}

fn unknown(found: &str) -> String {
    let known = || SOURCES.iter().map(|source| source.log_type);
    let listed: Vec<&str> = known().collect();
    let listed = listed.join(" or ");
    let meant = known().find(|it| is_near(found, it));
    let meant = meant.map_or(String::new(), |it| format!("; did you mean `{it}`?"));
    let found = cut_short(found, 60);
    format!("expected the log type {listed}, but found `{found}`{meant}")
}

/// Whether somebody who wrote one log type may have meant another: in another case, with other separators, cut short, or
/// with a slip or two.
fn is_near(written: &str, known: &str) -> bool {
    let plain = |text: &str| -> Vec<u8> {
        let bytes = text.bytes().filter(u8::is_ascii_alphanumeric);
        bytes.map(|it| it.to_ascii_uppercase()).take(64).collect()
    };
    let (written, known) = (plain(written), plain(known));
    let is_start = written.len() >= 3 && known.starts_with(&written);
    is_start || slips(&written, &known) <= 2
}

/// How many bytes have to be put in, left out or changed to make one text of the other (Levenshtein).
fn slips(one: &[u8], other: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (done, byte) in one.iter().enumerate() {
        let (mut before, mut left) = (done, done + 1);
        for (wanted, cell) in other.iter().zip(row.iter_mut().skip(1)) {
            let changed = before + usize::from(byte != wanted);
            before = *cell;
            left = changed.min(before + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = done + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_type_that_is_not_known_is_told_with_the_one_that_was_meant() {
        let known = "expected the log type AZURE_DEVOPS or HARNESS_IO, but found";
        for (written, meant) in [
            ("AZURE_DEVOP", "; did you mean `AZURE_DEVOPS`?"),
            ("AZRUE_DEVOPS", "; did you mean `AZURE_DEVOPS`?"),
            ("azure-devops", "; did you mean `AZURE_DEVOPS`?"),
            ("AZURE", "; did you mean `AZURE_DEVOPS`?"),
            ("HARNES_IO", "; did you mean `HARNESS_IO`?"),
            ("HARNESS", "; did you mean `HARNESS_IO`?"),
            ("OKTA", ""),
            ("", ""),
        ] {
            let found = source(written).unwrap_err().to_string();
            assert_eq!(found, format!("{known} `{written}`{meant}"));
        }
    }

    #[test]
    fn a_long_text_is_told_in_short() {
        let found = source(&"é".repeat(1000)).unwrap_err().to_string();
        assert!(found.chars().count() < 150, "{found}");
    }
}
