//! Checks UDM events, ours or anyone's, before Google SecOps does.
//!
//! Google answers a wrong event with little more than "invalid argument" and refuses the whole request with it. The
//! checks here follow what Google publishes: the schema ([`crate::schema`]), the forms of proto3 JSON (`form`), the
//! fields that an event type requires ([`crate::requirements`]) and the field rules of the UDM usage guide (`rules`).
//! Left out: what only the server knows, such as its own limits and the fields that it fills in.

mod facts;
mod form;
mod rules;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeSet;
use std::fmt::{self, Display, Write};

use crate::requirements::{Need, needs, wishes};
use crate::schema::{EVENT, Field, Kind, schema};

use tree::{Tree, short};

/// The largest event that is read. Google's ingestion methods take requests of at most 4 MB.
const MAX_EVENT: usize = 4 << 20;

/// How many bytes of paths and messages one call gives, so that no input can ask for more memory than it is worth.
const MAX_TEXT: usize = 16 << 20;

/// Everything wrong with UDM events in JSON, one a line, in their order. Lines of white space alone are no events.
///
/// When the findings fill 16 MiB, a last one says so, and the events behind it are not looked at.
pub fn validate(events: &[u8]) -> Vec<Finding> {
    let mut check = Check::default();
    let lines = events.split(|it| *it == b'\n');
    let lines = lines.filter(|it| !it.trim_ascii().is_empty());
    for (index, line) in lines.enumerate() {
        check.event_index = u32::try_from(index).unwrap_or(u32::MAX);
        check.line(line);
        if check.text > MAX_TEXT {
            check.findings.push(Finding {
                event_index: check.event_index,
                path: String::new(),
                severity: Severity::Error,
                message: "expected fewer findings, but found more than fit one answer".to_owned(),
            });
            break;
        }
    }
    check.findings
}

/// One thing wrong with an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The event, counted from 0; blank lines do not count.
    pub event_index: u32,
    /// The UDM path in proto names, `target.resource.attribute.labels[2].key`; empty for the event as a whole.
    pub path: String,
    /// How grave it is.
    pub severity: Severity,
    /// What was expected, and what was found.
    pub message: String,
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The event breaks the schema or a documented requirement: Google SecOps may refuse it.
    Error,
    /// Google SecOps may cut or ignore something, or advises against it.
    Warning,
}

#[derive(Default)]
struct Check {
    findings: Vec<Finding>,
    event_index: u32,
    /// Where the walk is.
    path: String,
    /// The bytes of all paths and messages.
    text: usize,
}

impl Check {
    fn line(&mut self, line: &[u8]) {
        if line.len() > MAX_EVENT {
            let found = format_args!("{} bytes", line.len());
            let expected = format_args!("an event of at most {MAX_EVENT} bytes");
            return self.report(Severity::Error, expected, found);
        }
        match serde_json::from_slice(line) {
            Ok(event @ Tree::Object(_)) => {
                self.message(EVENT, &event);
                self.event(&event);
            }
            Ok(other) => self.report(Severity::Error, "a JSON object", other),
            Err(error) => {
                let text = error.to_string();
                let why = text.split(" at line ").next().unwrap_or_default();
                let found = format_args!("invalid JSON in column {}: {why}", error.column());
                self.report(Severity::Error, "a JSON object", found);
            }
        }
    }

    /// What an event has to have as a whole, and what it should not have.
    fn event(&mut self, event: &Tree) {
        if event.at("metadata.event_timestamp").is_none() {
            self.missing(Severity::Error, "metadata.event_timestamp", "a timestamp");
        }
        let event_type = event.at("metadata.event_type").map(facts::event_type);
        match event_type {
            None => self.missing(Severity::Error, "metadata.event_type", "an event type"),
            Some(Some("EVENTTYPE_UNSPECIFIED")) => self.at("metadata.event_type", |check| {
                let expected = "an event type";
                check.report(Severity::Error, expected, "EVENTTYPE_UNSPECIFIED");
            }),
            Some(_) => {}
        }
        for path in ["metadata.vendor_name", "metadata.product_name"] {
            if !event.at(path).is_some_and(Tree::is_filled) {
                self.missing(Severity::Warning, path, "text");
            }
        }

        let event_type = event_type.flatten().unwrap_or_default();
        for need in needs(event_type) {
            self.need(Severity::Error, need, event, event_type);
        }
        for wish in wishes(event_type) {
            self.need(Severity::Warning, wish, event, event_type);
        }
        for (path, expected, found) in rules::of_event(event, event_type) {
            self.at(path, |check| {
                check.report(Severity::Warning, expected, found)
            });
        }
    }

    fn need(&mut self, severity: Severity, need: Need, event: &Tree, event_type: &str) {
        if need.iter().any(|fact| facts::has(event, *fact)) {
            return;
        }
        let words: Vec<&str> = need.iter().map(|fact| fact.words()).collect();
        let words = words.join(", or ");
        let path = need.first().map_or("", |fact| fact.path());
        let message = format!("expected {words} for {event_type}, but found none");
        self.push(severity, path.to_owned(), message);
    }

    fn message(&mut self, name: &'static str, value: &Tree) {
        let Tree::Object(entries) = value else {
            return self.report(Severity::Error, "an object", value);
        };
        let fields = schema().fields(name);
        let mut seen: Vec<&str> = Vec::new();
        let mut chosen: Vec<(&str, &str)> = Vec::new();
        for (key, value) in entries {
            let Some(field) = fields.iter().find(|it| it.is_named(key)) else {
                let start = self.enter(format_args!(".{}", short(key)));
                self.report(
                    Severity::Error,
                    format_args!("a field of {name}"),
                    "an unknown one",
                );
                self.path.truncate(start);
                continue;
            };
            let start = self.enter(format_args!(".{}", field.name));
            if seen.contains(&field.name) {
                self.report(
                    Severity::Error,
                    "one value",
                    format_args!("`{key}` as another"),
                );
            } else {
                seen.push(field.name);
            }
            // Null stands for an absent field, wherever a field may stand.
            if *value != Tree::Null {
                if let Some(oneof) = field.oneof {
                    match chosen.iter().find(|(it, _)| *it == oneof) {
                        Some((_, other)) if *other != field.name => {
                            let found = format_args!("`{other}` beside it");
                            self.report(Severity::Error, format_args!("no other {oneof}"), found);
                        }
                        _ => chosen.push((oneof, field.name)),
                    }
                }
                self.field(name, field, value);
            }
            self.path.truncate(start);
        }
        if let Some((expected, found)) = rules::of_message(name, value) {
            self.report(Severity::Warning, expected, found);
        }
    }

    fn field(&mut self, message: &'static str, field: &Field, value: &Tree) {
        match value {
            Tree::Array(items) if field.repeated => {
                for (index, item) in items.iter().enumerate() {
                    let start = self.enter(format_args!("[{index}]"));
                    self.value(message, field, item);
                    self.path.truncate(start);
                }
            }
            _ if field.repeated => self.report(Severity::Error, "a list", value),
            _ => self.value(message, field, value),
        }
    }

    fn value(&mut self, message: &'static str, field: &Field, value: &Tree) {
        match (field.kind, value) {
            (Kind::Message(name), _) => self.message(name, value),
            (Kind::Struct, Tree::Object(_)) => self.anything(value),
            (Kind::Map(name), Tree::Object(entries)) => {
                self.each_key(entries, |check, value| check.message(name, value));
            }
            (kind, _) if !form::fits(kind, value) => {
                self.report(Severity::Error, form::words(kind), value);
            }
            _ => {
                let broken = rules::of_value(message, field.name, value);
                if let Some((severity, expected, found)) = broken {
                    self.report(severity, expected, found);
                }
            }
        }
    }

    /// A part of an object that has no schema: only equal keys are wrong in it.
    fn anything(&mut self, value: &Tree) {
        match value {
            Tree::Object(entries) => self.each_key(entries, Check::anything),
            Tree::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let start = self.enter(format_args!("[{index}]"));
                    self.anything(item);
                    self.path.truncate(start);
                }
            }
            _ => {}
        }
    }

    fn each_key(&mut self, entries: &[(Box<str>, Tree)], then: impl Fn(&mut Check, &Tree)) {
        let mut seen = BTreeSet::new();
        for (key, value) in entries {
            let start = self.enter(format_args!("[\"{}\"]", short(key)));
            if !seen.insert(key) {
                self.report(Severity::Error, "one value", "another");
            }
            then(self, value);
            self.path.truncate(start);
        }
    }

    /// Walks on into a part; the length that is returned leads back by truncating.
    fn enter(&mut self, part: fmt::Arguments) -> usize {
        let start = self.path.len();
        // OK to ignore: writing into a string does not fail.
        let _ = self.path.write_fmt(part);
        if start == 0 && self.path.starts_with('.') {
            self.path.remove(0);
        }
        start
    }

    fn at(&mut self, path: &str, then: impl FnOnce(&mut Check)) {
        let start = self.enter(format_args!(".{path}"));
        then(self);
        self.path.truncate(start);
    }

    fn missing(&mut self, severity: Severity, path: &str, expected: &str) {
        self.at(path, |check| check.report(severity, expected, "nothing"));
    }

    /// A finding where the walk is.
    fn report(&mut self, severity: Severity, expected: impl Display, found: impl Display) {
        let message = match self.path.as_str() {
            "" => format!("expected {expected}, but found {found}"),
            path => format!("expected {expected} at `{path}`, but found {found}"),
        };
        self.push(severity, self.path.clone(), message);
    }

    fn push(&mut self, severity: Severity, path: String, message: String) {
        self.text += path.len() + message.len();
        if self.text > MAX_TEXT {
            return;
        }
        self.findings.push(Finding {
            event_index: self.event_index,
            path,
            severity,
            message,
        });
    }
}
