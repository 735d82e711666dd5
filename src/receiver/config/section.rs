//! A table of the configuration, read key by key. What is wrong is collected, never thrown; what nobody asked for is
//! a mistake too.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub use super::problem::{File, Place, Problem, nearest, quoted};
use super::problem::{joined, within};

/// A text that must not be seen: its [`fmt::Debug`] does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// A table, each key of which is taken once.
pub struct Section<'a> {
    place: Place<'a>,
    entries: BTreeMap<String, (usize, &'a DeValue<'a>)>,
}

impl<'a> Section<'a> {
    /// The section of a table at `path`, which begins at byte `at`.
    pub fn new(file: &'a File<'a>, path: &str, at: usize, table: &'a DeTable<'a>) -> Section<'a> {
        let entry = |(key, value): (&'a Spanned<_>, &'a Spanned<DeValue<'a>>)| {
            let key: &std::borrow::Cow<'_, str> = key.get_ref();
            (key.to_string(), (value.span().start, value.get_ref()))
        };
        Section {
            place: Place::new(file, path, at),
            entries: table.iter().map(entry).collect(),
        }
    }

    /// Where this is: `destination.main`.
    pub fn path(&self) -> &str {
        &self.place.path
    }

    /// A text.
    pub fn text(&mut self, key: &'static str) -> Option<String> {
        let (at, value) = self.take(key)?;
        self.text_of(key, at, value)
    }

    /// A text that has to be there, and not be empty.
    pub fn required_text(&mut self, key: &'static str) -> Option<String> {
        if !self.entries.contains_key(key) {
            self.missing(key);
        }
        let (at, value) = self.take(key)?;
        let text = self.text_of(key, at, value)?;
        if text.is_empty() {
            self.tell(at, key, "a text that is not empty", "\"\"");
            return None;
        }
        Some(text)
    }

    /// A text that must not be seen.
    pub fn secret(&mut self, key: &'static str) -> Option<Secret> {
        self.text(key).map(Secret)
    }

    /// A secret that has to be there.
    pub fn required_secret(&mut self, key: &'static str) -> Option<Secret> {
        self.required_text(key).map(Secret)
    }

    /// An array of texts.
    pub fn texts(&mut self, key: &'static str) -> Option<Vec<String>> {
        let (at, value) = self.take(key)?;
        let DeValue::Array(items) = value else {
            self.tell(at, key, "an array of texts", kind(value));
            return None;
        };
        let items = items.iter();
        // All are read, so that every mistake is told.
        let texts: Vec<_> = items
            .map(|item| self.text_of(key, item.span().start, item.get_ref()))
            .collect();
        texts.into_iter().collect()
    }

    /// `true` or `false`.
    pub fn flag(&mut self, key: &'static str) -> Option<bool> {
        let (at, value) = self.take(key)?;
        match value {
            DeValue::Boolean(flag) => Some(*flag),
            other => {
                self.tell(at, key, "true or false", kind(other));
                None
            }
        }
    }

    /// A whole number between two others, both included.
    pub fn number(&mut self, key: &'static str, least: u64, most: u64) -> Option<u64> {
        let (at, value) = self.take(key)?;
        let wanted = format!("a whole number from {least} to {most}");
        let DeValue::Integer(number) = value else {
            self.tell(at, key, &wanted, kind(value));
            return None;
        };
        match u64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) if (least..=most).contains(&number) => Some(number),
            _ => {
                self.tell(at, key, &wanted, number.as_str());
                None
            }
        }
    }

    /// A number of bytes: `1048576`, `"512KiB"`, `"4MiB"`, `"1MB"`.
    pub fn bytes(&mut self, key: &'static str, least: usize, most: usize) -> Option<usize> {
        let (at, value) = self.take(key)?;
        let text = match value {
            DeValue::Integer(number) => number.as_str().to_owned(),
            other => self.text_of(key, at, other)?,
        };
        let units = [
            ("KiB", 1 << 10),
            ("MiB", 1 << 20),
            ("KB", 1000),
            ("MB", 1_000_000),
        ];
        let unit = units.iter().find(|(unit, _)| text.ends_with(unit));
        let (digits, times) = match unit {
            Some((unit, times)) => (text.trim_end_matches(unit).trim_end(), *times),
            None => (text.as_str(), 1),
        };
        let bytes = digits.parse::<usize>().ok();
        let bytes = bytes.and_then(|it| it.checked_mul(times));
        match bytes.filter(|it| (least..=most).contains(it)) {
            Some(bytes) => Some(bytes),
            None => {
                let wanted = format!("a size such as \"4MiB\", from {least} to {most} bytes");
                self.tell(at, key, &wanted, &quoted(&text));
                None
            }
        }
    }

    /// A length of time: `"10s"`, `"5m"`, `"24h"`, `"180d"`.
    pub fn duration(
        &mut self,
        key: &'static str,
        least: Duration,
        most: Duration,
    ) -> Option<Duration> {
        let (at, value) = self.take(key)?;
        let text = self.text_of(key, at, value)?;
        let units = [
            ("ms", 1),
            ("s", 1000),
            ("m", 60_000),
            ("h", 3_600_000),
            ("d", 86_400_000),
        ];
        let digits = text.trim_end_matches(|it: char| it.is_ascii_alphabetic());
        let unit = text.get(digits.len()..).unwrap_or_default();
        let times = units.iter().find(|(it, _)| *it == unit);
        let number = digits.trim_end().parse::<u64>().ok();
        let found = times.zip(number);
        let found = found.and_then(|((_, times), number)| number.checked_mul(*times));
        let found = found.map(Duration::from_millis);
        match found.filter(|it| (least..=most).contains(it)) {
            Some(duration) => Some(duration),
            None => {
                let wanted = format!(
                    "a time such as \"10s\", \"5m\" or \"24h\", from {least:?} to {most:?}"
                );
                self.tell(at, key, &wanted, &quoted(&text));
                None
            }
        }
    }

    /// One of a few texts.
    pub fn one_of(&mut self, key: &'static str, known: &[&'static str]) -> Option<&'static str> {
        let (at, value) = self.take(key)?;
        let text = self.text_of(key, at, value)?;
        let found = known.iter().find(|it| **it == text);
        if found.is_none() {
            let wanted = format!("one of {}", known.join(", "));
            let near = nearest(&text, known.iter().copied());
            let found = format!("{}{near}", quoted(&text));
            self.tell(at, key, &wanted, &found);
        }
        found.copied()
    }

    /// Texts by names that the operator chooses, in the order of the names.
    pub fn named_texts(&mut self, key: &'static str) -> Option<Vec<(String, String)>> {
        let section = self.section(key)?;
        let entries = section.entries.iter();
        let texts: Vec<_> = entries
            .map(|(name, (at, value))| Some((name.clone(), section.text_of(name, *at, value)?)))
            .collect();
        texts.into_iter().collect()
    }

    /// What a variable of an environment would hold: a text, a whole number, `true` or `false`, or texts, which commas
    /// then part.
    pub fn plain(&mut self, key: &'static str) -> Option<String> {
        let (at, value) = self.take(key)?;
        match value {
            DeValue::Boolean(flag) => Some(flag.to_string()),
            DeValue::Integer(number) => {
                let plain = i64::from_str_radix(number.as_str(), number.radix());
                Some(plain.map_or_else(|_| number.as_str().to_owned(), |it| it.to_string()))
            }
            DeValue::Array(items) => {
                let items = items.iter();
                let texts = items.map(|item| self.text_of(key, item.span().start, item.get_ref()));
                texts
                    .collect::<Option<Vec<String>>>()
                    .map(|it| it.join(","))
            }
            other => self.text_of(key, at, other),
        }
    }

    /// Whether a key is there.
    pub fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Whether a key is there and holds a text, not a table.
    pub fn is_text(&self, key: &str) -> bool {
        let entry = self.entries.get(key);
        entry.is_some_and(|(_, value)| matches!(value, DeValue::String(_)))
    }

    /// A value of any kind that is not looked at.
    pub fn skip(&mut self, key: &'static str) {
        self.take(key);
    }

    /// A table in this one.
    pub fn section(&mut self, key: &'static str) -> Option<Section<'a>> {
        let (at, value) = self.take(key)?;
        self.section_of(key, at, value)
    }

    /// The tables in this one whose names the operator chooses. Nothing else can be asked for after this.
    pub fn sections(mut self) -> Vec<(String, Section<'a>)> {
        let entries = std::mem::take(&mut self.entries).into_iter();
        entries
            .filter_map(|(name, (at, value))| {
                let section = self.section_of(&name, at, value)?;
                Some((name, section))
            })
            .collect()
    }

    /// Where this is, with the keys that were asked for so far.
    pub fn place(&self) -> Place<'a> {
        self.place.clone()
    }

    /// Tells of a mistake in the value of a key of this section.
    pub fn wrong(&self, key: &str, expected: &str, found: &str) {
        self.place.wrong(key, expected, found);
    }

    /// Tells of a key that is not there.
    pub fn missing(&self, key: &str) {
        let here = within(&self.place.path);
        let message = format!("expected `{key}`{here}, but found none");
        self.place
            .file
            .tell(self.place.at, &self.place.path, message);
    }

    /// Tells of every key that nobody asked for.
    pub fn finish(self) {
        for (key, (at, _)) in &self.entries {
            let near = nearest(key, self.place.asked.keys().copied());
            let known: Vec<&str> = self.place.asked.keys().copied().collect();
            let (known, here) = (known.join(", "), within(&self.place.path));
            let found = quoted(key);
            let message = format!("expected one of {known}{here}, but found {found}{near}");
            self.place.file.tell(*at, &self.place.path, message);
        }
    }

    fn take(&mut self, key: &'static str) -> Option<(usize, &'a DeValue<'a>)> {
        let entry = self.entries.remove(key);
        // Asked for a second time, it is no longer there, but its place is.
        self.place
            .asked
            .entry(key)
            .or_insert(entry.map(|(at, _)| at));
        entry
    }

    fn section_of(&self, key: &str, at: usize, value: &'a DeValue<'a>) -> Option<Section<'a>> {
        match value {
            DeValue::Table(table) => {
                let path = joined(&self.place.path, key);
                Some(Section::new(self.place.file, &path, at, table))
            }
            other => {
                self.tell(at, key, "a table", kind(other));
                None
            }
        }
    }

    fn text_of(&self, key: &str, at: usize, value: &DeValue<'_>) -> Option<String> {
        let DeValue::String(text) = value else {
            self.tell(at, key, "a text", kind(value));
            return None;
        };
        let Some(name) = variable(text) else {
            return Some(text.to_string());
        };
        let value = self.place.file.variables.get(name);
        if value.is_none() {
            let wanted = "a Spin variable that is declared and set";
            self.tell(at, key, wanted, &quoted(text));
        }
        value.cloned()
    }

    fn tell(&self, at: usize, key: &str, expected: &str, found: &str) {
        self.place.tell(at, key, expected, found);
    }
}

/// The variable that a text stands for: one that is wholly `{name}`, in Spin's spelling of names.
pub fn variable(text: &str) -> Option<&str> {
    let name = text.strip_prefix('{')?.strip_suffix('}')?;
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (!name.is_empty() && name.bytes().all(is_name)).then_some(name)
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
