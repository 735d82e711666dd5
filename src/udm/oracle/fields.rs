//! The fields of a log, by the raw paths of a source's table: a tree is walked, and paths are looked up as texts.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{Text, Tree};
use crate::Source;
use crate::envelope::{CONTENT_BASE64, CONTENTS, LISTS, MARKS, OUTER_LIST};
use crate::fields::{FIELDS, Kind};
use crate::plan::split_target;
use crate::row::{Logic, Row, condition};

/// What a table names.
pub(super) struct Names {
    source: &'static Source,
    /// Every raw path that a row or its function reads, and every path on the way to it.
    paths: BTreeSet<String>,
    /// The paths that a row reads itself.
    with_row: BTreeSet<String>,
    /// The paths whose elements rows read one by one.
    items: BTreeSet<String>,
    /// The objects of which rows keep every value.
    rests: Vec<&'static str>,
    /// The paths that functions see whole.
    pub(super) wholes: BTreeSet<String>,
}

impl Names {
    pub(super) fn new(source: &'static Source) -> Names {
        let is_udm = |path: &str| FIELDS.iter().any(|field| field.0 == path);
        let mut names = Names {
            source,
            paths: BTreeSet::new(),
            with_row: BTreeSet::new(),
            items: BTreeSet::new(),
            rests: Vec::new(),
            wholes: BTreeSet::new(),
        };
        let mut all: Vec<String> = source.aliases.iter().map(|it| it.0.to_owned()).collect();
        all.extend(["eventType", "type"].map(str::to_owned));
        for row in source.rows {
            if matches!(row.logic, Logic::Skip(_)) {
                all.extend((row.raw != "*").then(|| row.raw.to_owned()));
                continue;
            }
            let fields = row.logic.fields().iter();
            let raw = fields.filter(|path| !is_udm(split_target(path).0));
            all.extend(raw.map(|path| condition(path).map_or(*path, |it| it.0).to_owned()));
            match row.logic {
                _ if row.raw == "N/A" => continue,
                Logic::Rest => {
                    let prefix = row.raw.trim_end_matches('*');
                    names.rests.push(prefix);
                    all.push(prefix.trim_end_matches('.').to_owned());
                }
                Logic::Each => {
                    let is_element = row.raw.contains('*');
                    let path = if is_element {
                        row.raw.to_owned()
                    } else {
                        format!("{}.*", row.raw)
                    };
                    names.items.insert(path.clone());
                    names.with_row.insert(path.clone());
                    all.push(path);
                }
                _ => {
                    if is_list(row) {
                        names.wholes.insert(row.raw.to_owned());
                    }
                    names.with_row.insert(row.raw.to_owned());
                    all.push(row.raw.to_owned());
                }
            }
        }
        for path in all
            .iter()
            .filter(|path| !path.starts_with('@') && !path.is_empty())
        {
            let ends = path
                .match_indices('.')
                .map(|(at, _)| at)
                .chain([path.len()]);
            names.paths.extend(ends.map(|end| path[..end].to_owned()));
        }
        names
    }

    /// The path that a key of an object means. `prefix` ends in a dot, or is empty.
    fn find(&self, prefix: &str, key: &str) -> Option<String> {
        let exact = format!("{prefix}{key}");
        let is_key =
            |path: &String| !key.contains('.') && self.paths.contains(path) && !is_element(key);
        if is_key(&exact) {
            return Some(exact);
        }
        let mut others = self.source.other_names.iter();
        if let Some((_, name)) = others.find(|it| it.0 == exact && !key.contains('.')) {
            return Some((*name).to_owned());
        }
        if !self.source.either_case.contains(&prefix) {
            return None;
        }
        let mut chars = key.chars();
        let first = chars.next()?;
        let first = if first.is_ascii_uppercase() {
            first.to_ascii_lowercase()
        } else {
            first.to_ascii_uppercase()
        };
        let other = format!("{prefix}{first}{}", chars.as_str());
        is_key(&other).then_some(other)
    }

    /// Whether rows look into an object at this path.
    fn has_keys(&self, path: &str) -> bool {
        let below = |it: &String| {
            it.strip_prefix(path)
                .is_some_and(|rest| rest.starts_with('.'))
        };
        let key =
            |it: &&String| !is_element(it[path.len() + 1..].split('.').next().unwrap_or_default());
        let is_rest = |it: &&str| it.strip_suffix('.') == Some(path);
        self.alias(path).is_some()
            || self.rests.iter().any(is_rest)
            || self.paths.iter().filter(|it| below(it)).any(|it| key(&it))
    }

    fn alias(&self, path: &str) -> Option<&'static str> {
        self.source
            .aliases
            .iter()
            .find(|it| it.0 == path)
            .map(|it| it.1)
    }

    /// Whether rows keep the values of an object that no row names.
    fn keeps(&self, prefix: &str) -> bool {
        self.rests.iter().any(|rest| prefix.starts_with(rest))
    }

    fn is_own(&self, path: &str) -> bool {
        self.with_row.contains(path) && !self.source.shared_keys.contains(&path)
    }
}

/// Whether a row's function makes a list of messages.
fn is_list(row: &Row) -> bool {
    let (path, key) = split_target(row.udm);
    let kind = FIELDS.iter().find(|field| field.0 == path).map(|it| it.1);
    kind == Some(Kind::Messages) || kind == Some(Kind::Labels) && key.is_empty()
}

fn is_element(key: &str) -> bool {
    key == "0" || key == "*"
}

/// What became of a log.
pub(super) enum Outcome {
    Record,
    List,
    Base64,
}

/// The fields of a record.
pub(super) struct Fields<'n> {
    names: &'n Names,
    pub(super) cells: BTreeMap<String, Text>,
    pub(super) items: BTreeMap<(String, u32), Text>,
    /// Objects and arrays that functions see whole.
    pub(super) wholes: BTreeMap<String, Tree>,
    /// Paths as they stand in the log, and texts, in the order of the log.
    pub(super) leaves: Vec<(String, Text)>,
    /// The aliases that were met: a second one takes back what the object that it stands for got.
    aliases: BTreeSet<String>,
}

impl<'n> Fields<'n> {
    pub(super) fn new(names: &'n Names) -> Fields<'n> {
        Fields {
            names,
            cells: BTreeMap::new(),
            items: BTreeMap::new(),
            wholes: BTreeMap::new(),
            leaves: Vec::new(),
            aliases: BTreeSet::new(),
        }
    }

    pub(super) fn read_log(&mut self, members: &[(String, Tree)]) -> Outcome {
        let mut has_content = false;
        for (at, (key, value)) in members.iter().enumerate() {
            if !has_content {
                if self.is_list(key, value) {
                    return Outcome::List;
                }
                let is_content =
                    CONTENTS.contains(&key.as_str()) && matches!(value, Tree::Object(_));
                let is_base64 = key == CONTENT_BASE64 && matches!(value, Tree::Text(_));
                if (is_content || is_base64) && self.is_envelope(key, &members[at + 1..]) {
                    let Tree::Object(record) = value else {
                        return Outcome::Base64;
                    };
                    has_content = true;
                    self.object(record, "", "", None, true);
                    continue;
                }
            }
            self.object(&members[at..=at], "", "", None, false);
        }
        if !has_content
            && !self.cells.contains_key("Id")
            && let Some(id) = self.cells.remove("id")
        {
            self.cells.insert("Id".to_owned(), id);
        }
        Outcome::Record
    }

    fn is_list(&self, key: &str, value: &Tree) -> bool {
        let names_list =
            |key: &str, value: &Tree| LISTS.contains(&key) && matches!(value, Tree::List(_));
        let mut lists = self.names.source.lists.iter();
        let is_list = match (value, lists.find(|it| it.0 == key)) {
            (Tree::Object(members), _) if key == OUTER_LIST => {
                members.iter().any(|(key, value)| names_list(key, value))
            }
            (Tree::Object(members), Some((_, list))) => {
                let is_list = |value: &Tree| matches!(value, Tree::List(_));
                members
                    .iter()
                    .any(|(key, value)| key == list && is_list(value))
            }
            _ => names_list(key, value),
        };
        is_list && !self.has_own()
    }

    fn has_own(&self) -> bool {
        let items = self.items.keys().map(|(path, _)| path);
        self.cells
            .keys()
            .chain(self.wholes.keys())
            .chain(items)
            .any(|path| self.names.is_own(path))
    }

    /// Whether an object with this content is an envelope, by the keys before the content, then by those behind it.
    fn is_envelope(&self, key: &str, behind: &[(String, Tree)]) -> bool {
        let is_mark = |path: &str| MARKS.contains(&path);
        if self.cells.keys().any(|path| is_mark(path)) {
            return true;
        }
        if self.has_own() {
            return false;
        }
        let content = self.names.find("", key);
        for path in behind
            .iter()
            .filter_map(|(key, _)| self.names.find("", key))
        {
            if is_mark(&path) {
                return true;
            }
            if content.as_ref() != Some(&path) && self.names.is_own(&path) {
                return false;
            }
        }
        true
    }

    /// `prefix` is the table's path of the object, `path` the log's; both end in a dot or are empty.
    fn object(
        &mut self,
        members: &[(String, Tree)],
        prefix: &str,
        path: &str,
        position: Option<u32>,
        is_content: bool,
    ) {
        for (key, value) in members {
            let keeps = self.names.keeps(prefix);
            let Some(mut name) = self.names.find(prefix, key) else {
                let path = format!("{path}{key}");
                self.forget_leaves(&path);
                if keeps {
                    self.add_leaves(value, path);
                }
                continue;
            };
            if is_content && name == "id" {
                name = "Id".to_owned();
            }
            let last = name.rsplit('.').next().unwrap_or_default();
            self.named(value, &name, format!("{path}{last}"), position, keeps);
            if self.names.wholes.contains(&name) && matches!(value, Tree::Object(_) | Tree::List(_))
            {
                self.wholes.insert(name, value.clone());
            }
        }
    }

    fn named(
        &mut self,
        value: &Tree,
        name: &str,
        path: String,
        position: Option<u32>,
        keeps: bool,
    ) {
        self.forget(name, position);
        self.forget_leaves(&path);
        let names = self.names;
        let elements = format!("{name}.*");
        let first = format!("{name}.0");
        match value {
            Tree::Object(members) if names.has_keys(name) => {
                let prefix = format!("{}.", names.alias(name).unwrap_or(name));
                self.object(members, &prefix, &format!("{path}."), position, false);
            }
            Tree::List(values)
                if names.paths.contains(&elements) || names.paths.contains(&first) =>
            {
                for (at, value) in (0..).zip(values) {
                    let is_first = at == 0 && names.paths.contains(&first);
                    let name = if is_first { &first } else { &elements };
                    let path = format!("{path}[{at}]");
                    match (value, value.text()) {
                        (Tree::Object(members), _) if names.has_keys(name) => {
                            let prefix = format!("{name}.");
                            self.object(members, &prefix, &format!("{path}."), Some(at), false);
                        }
                        (_, Some(text)) if names.items.contains(name) => {
                            self.items.insert((name.clone(), at), text);
                        }
                        _ if keeps => self.add_leaves(value, path),
                        _ => {}
                    }
                }
            }
            Tree::Object(_) | Tree::List(_) if keeps => self.add_leaves(value, path),
            Tree::Object(_) | Tree::List(_) => {}
            _ => {
                let Some(text) = value.text() else { return };
                if names.items.contains(name) {
                    self.items
                        .insert((name.to_owned(), position.unwrap_or(0)), text);
                } else if names.items.contains(&elements) {
                    self.items.insert((elements, 0), text);
                } else {
                    self.cells.insert(name.to_owned(), text.clone());
                    if !names.with_row.contains(name) && keeps {
                        self.leaves.push((path, text));
                    }
                }
            }
        }
    }

    fn forget(&mut self, name: &str, position: Option<u32>) {
        let is_below = |path: &str| path.starts_with(&format!("{name}."));
        self.aliases.retain(|path| !is_below(path));
        let again = self
            .names
            .alias(name)
            .filter(|_| !self.aliases.insert(name.to_owned()));
        let below = format!("{}.", again.unwrap_or(name));
        self.cells
            .retain(|path, _| path != name && !path.starts_with(&below));
        self.wholes
            .retain(|path, _| path != name && !path.starts_with(&below));
        self.items.retain(|(path, at), _| {
            let is_here = path == name && position.is_none_or(|position| position == *at);
            !is_here && !path.starts_with(&below)
        });
    }

    fn forget_leaves(&mut self, path: &str) {
        let is_below = |it: &str| {
            let rest = it.strip_prefix(path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.leaves.retain(|(it, _)| !is_below(it));
    }

    fn add_leaves(&mut self, value: &Tree, path: String) {
        match value {
            Tree::Object(members) => {
                for (key, value) in members {
                    let path = format!("{path}.{key}");
                    self.forget_leaves(&path);
                    self.add_leaves(value, path);
                }
            }
            Tree::List(values) => {
                for (at, value) in values.iter().enumerate() {
                    self.add_leaves(value, format!("{path}[{at}]"));
                }
            }
            _ => self.leaves.extend(value.text().map(|text| (path, text))),
        }
    }
}
