//! What is wrong with a configuration: collected, never thrown, and in words that hold no secret.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

/// A mistake in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// `feed.azdo.auth`; empty for the file.
    pub path: String,
    /// What was expected, and what was found.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

/// What all sections of a file share.
pub struct File<'a> {
    text: &'a str,
    pub(super) variables: &'a BTreeMap<String, String>,
    problems: RefCell<Vec<Problem>>,
}

impl<'a> File<'a> {
    /// A file with its variables' values. The text is the one that its tables were parsed from.
    pub fn new(text: &'a str, variables: &'a BTreeMap<String, String>) -> File<'a> {
        File {
            text,
            variables,
            problems: RefCell::default(),
        }
    }

    /// The mistakes so far, in the order of their lines.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = self.problems.borrow().clone();
        problems.sort_by_key(|it| it.line);
        problems
    }

    /// Tells of a mistake at a byte of the text.
    pub fn tell(&self, at: usize, path: &str, message: String) {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        self.problems.borrow_mut().push(Problem {
            line,
            path: path.to_owned(),
            message: self.without_values(message),
        });
    }

    /// A variable may be a secret, wherever somebody put it by mistake: its name stands for its value.
    fn without_values(&self, mut message: String) -> String {
        for (name, value) in self.variables {
            message = message.replace(&quoted(value), &format!("\"{{{name}}}\""));
            // A value of a few characters is in many messages by chance.
            if value.len() >= 4 {
                message = without(&message, value, &format!("{{{name}}}"));
            }
        }
        message
    }
}

/// How much of a value gives it away, in characters.
const TELLING: usize = 16;

/// A message with a name wherever a value was, whole or cut short.
fn without(message: &str, value: &str, name: &str) -> String {
    let end = value.char_indices().nth(TELLING);
    let start = value
        .get(..end.map_or(value.len(), |(at, _)| at))
        .unwrap_or(value);
    let mut shown = String::new();
    let mut rest = message;
    while let Some((before, _)) = rest.split_once(start) {
        let found = rest.get(before.len()..).unwrap_or_default();
        let same = found.chars().zip(value.chars());
        let same = same.take_while(|(one, other)| one == other);
        let length: usize = same.map(|(one, _)| one.len_utf8()).sum();
        shown += before;
        shown += name;
        rest = found.get(length..).unwrap_or_default();
    }
    shown + rest
}

/// Where a section is, for mistakes that show only when others were read.
#[derive(Clone)]
pub struct Place<'a> {
    pub(super) file: &'a File<'a>,
    pub(super) path: String,
    pub(super) at: usize,
    /// The keys that were asked for so far, and where they stand.
    pub(super) asked: BTreeMap<&'static str, Option<usize>>,
}

impl<'a> Place<'a> {
    /// The place of a section from which nothing was asked for yet.
    pub(super) fn new(file: &'a File<'a>, path: &str, at: usize) -> Place<'a> {
        Place {
            file,
            path: path.to_owned(),
            at,
            asked: BTreeMap::new(),
        }
    }

    /// Tells of a mistake in the value of a key of the section; of the section itself, if the key is empty.
    pub fn wrong(&self, key: &str, expected: &str, found: &str) {
        self.tell(self.at_key(key), key, expected, found);
    }

    /// Tells of a mistake in the value of a key of the section in somebody else's words.
    pub fn say(&self, key: &str, message: String) {
        let path = joined(&self.path, key);
        self.file.tell(self.at_key(key), &path, message);
    }

    /// Tells of a mistake at a byte of the text.
    pub(super) fn tell(&self, at: usize, key: &str, expected: &str, found: &str) {
        let path = joined(&self.path, key);
        let message = format!("expected {expected} at `{path}`, but found {found}");
        self.file.tell(at, &path, message);
    }

    fn at_key(&self, key: &str) -> usize {
        self.asked.get(key).copied().flatten().unwrap_or(self.at)
    }
}

/// The path of a key in a section.
pub(super) fn joined(section: &str, key: &str) -> String {
    match (section, key) {
        ("", path) | (path, "") => path.to_owned(),
        (section, key) => format!("{section}.{key}"),
    }
}

/// Where a message says that it looked; nothing for the file as a whole.
pub(super) fn within(path: &str) -> String {
    match path {
        "" => String::new(),
        path => format!(" in `{path}`"),
    }
}

/// A text in quotes, cut short.
pub fn quoted(text: &str) -> String {
    let cut = text.char_indices().nth(60).map_or(text.len(), |(at, _)| at);
    match text.get(..cut) {
        Some(start) if start.len() < text.len() => format!("{start:?}…"),
        _ => format!("{text:?}"),
    }
}

/// A suggestion, where a known name is near.
pub fn nearest<'k>(text: &str, known: impl Iterator<Item = &'k str>) -> String {
    known
        .map(|it| (strsim::jaro_winkler(text, it), it))
        .filter(|(near, _)| *near > 0.8)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map_or(String::new(), |(_, it)| format!("; did you mean \"{it}\"?"))
}
