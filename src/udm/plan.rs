//! A source's table, compiled: raw keys become numbered cells, UDM paths become writing steps.
//!
//! The table stays what one reads; the plan is what runs. No path is walked and no row looked up for an event: a key leads to
//! its node by one hash, rows that compute something are a list of steps, and the event is a list of operations in the
//! order of [`FIELDS`]. A subtree of which nothing is there costs one test.

use std::borrow::Cow;
use std::hash::BuildHasherDefault;

use crate::envelope::{ENVELOPE, RECORDS};
use crate::fields::{FIELDS, Kind};
use crate::keys::{Keys, TextMap};
use crate::operations::operations;
use crate::record::Mask;
use crate::row::{Function, Logic, Row};
use crate::writer::{End, Literal, Literals};
use crate::{Options, Source};

/// No cell, level or row.
pub const NONE: u16 = u16::MAX;

/// Always there.
pub const ALWAYS_CELL: u16 = 0;
/// There when the record has leaves that no row names.
pub const LEAVES_CELL: u16 = 1;
/// There when the log stood in an array named `records`.
pub const RECORDS_CELL: u16 = 2;
/// There when the log stood in an envelope.
pub const ENVELOPE_CELL: u16 = 3;
/// The first cell of a raw field.
pub const FIRST_NODE: u16 = 4;

/// The note and the marker for leaves beyond the limits.
pub const TRUNCATED: &str = "Data._truncated";

/// A source's table, ready to run.
pub struct Plan {
    /// The table.
    pub rows: &'static [Row],
    /// What raw keys lead to; a node's index is its cell.
    pub nodes: Vec<Node>,
    /// The objects that rows look into; the first is the record itself.
    pub levels: Vec<Level>,
    /// Rows that compute something, in the order in which they apply.
    pub steps: Vec<Step>,
    /// How the event is written.
    pub ops: Vec<Op>,
    /// What the event is written of, besides values.
    pub literals: Literals,
    /// Texts with a byte limit.
    pub limits: Vec<Limit>,
    /// The fields whose presence calls for a namespace, and the namespace's cell.
    pub namespaces: Vec<(Mask, u16)>,
    /// The cells of raw fields that only this source has.
    pub own: Mask,
    /// The cells whose texts a row reads, and that is all.
    pub plain: Mask,
    /// The keys of `additional` that rows name.
    pub named: Keys,
    /// The cells of the envelope's event type, in both schemas.
    pub event_types: Vec<u16>,
    /// The cells of `id` and `Id`: without an envelope, the first is the second.
    pub ids: (u16, u16),
    /// UDM paths to cells, for `explain` and for rows that look at what others have set.
    pub targets: Vec<Target>,
}

/// What a raw key leads to.
#[derive(Clone, Debug)]
pub struct Node {
    /// The raw path in the table's spelling.
    pub path: Cow<'static, str>,
    /// The first row that reads the node's text.
    pub row: u16,
    /// The level of an object found here.
    pub object: u16,
    /// The node of an array's first element.
    pub first: u16,
    /// The node of an array's other elements.
    pub other: u16,
    /// Rows read the elements one by one.
    pub is_item: bool,
}

/// An object that rows look into.
#[derive(Default)]
pub struct Level {
    /// Its keys and their nodes.
    pub keys: Keys,
    /// The path of the object, with a final dot; empty for the record.
    pub prefix: String,
    /// The row that keeps keys without a row, or none.
    pub rest: u16,
}

/// A row that computes something.
pub struct Step {
    /// The row's index.
    pub row: u16,
    /// The raw field's cell.
    pub input: u16,
    /// The cell that the row fills, if no row before it did.
    pub output: u16,
    /// What is computed.
    pub action: Action,
}

/// What a step computes.
pub enum Action {
    /// The raw field.
    Copy,
    /// The raw field, when none of these is there.
    Unless(Mask),
    /// A text.
    Const(&'static str),
    /// What the function reads in the raw field.
    Parse(&'static str, fn(&str) -> Option<Cow<'_, str>>),
    /// What the function makes of these cells.
    With(Function, Vec<u16>),
    /// The same, remembered by the raw field's text.
    Remembered(Function, Vec<u16>),
}

/// A part of the event. Small, with its kind in plain sight: an event is some hundred of them.
#[repr(u8)]
pub enum Op {
    /// An object or array begins, unless none of `mask` is there: then writing goes on at `skip`.
    Open {
        /// What makes it worth opening.
        mask: Mask,
        /// The operation after the matching [`Op::Close`].
        skip: u32,
        /// The key and the bracket.
        text: Literal,
    },
    /// An object or array ends.
    Close(u8),
    /// A whole member that never changes.
    Literal {
        /// The member with its comma.
        text: Literal,
        /// The UDM path.
        path: &'static str,
        /// The row, or [`NONE`] for an option of the caller.
        row: u16,
    },
    /// A text, an array of one text, or a message as JSON: its end tells.
    Text {
        /// The value.
        cell: u16,
        /// What stands before it, with its quote.
        text: Literal,
        /// What stands after it, with its comma.
        end: End,
        /// Where it came from.
        target: usize,
    },
    /// Labels, or entries of `additional`.
    Many(Box<Many>),
    /// Messages by the position of their raw elements.
    Elements {
        /// The fields of each.
        parts: Vec<Part>,
    },
}

/// Labels, or entries of `additional`, in the order of their cells.
pub struct Many {
    /// The cells of the entries.
    pub mask: Mask,
    /// For each cell, its entry.
    pub by_cell: Vec<u16>,
    /// What is written of each.
    pub entries: Vec<Entry>,
    /// What stands after each value.
    pub end: End,
    /// `additional`: leaves follow.
    pub leaves: bool,
}

impl Many {
    /// The entries that are there, and their cells.
    #[inline]
    pub fn of(&self, present: &Mask) -> impl Iterator<Item = (u16, &Entry)> {
        self.mask.both(present).filter_map(|cell| {
            let entry = *self.by_cell.get(cell as usize)?;
            Some((cell, self.entries.get(entry as usize)?))
        })
    }
}

/// A label, or an entry of `additional`.
pub struct Entry {
    /// What stands before the value.
    pub before: Literal,
    /// Where it came from.
    pub target: usize,
    /// There is one for each element of the raw array.
    pub is_array: bool,
}

/// A field of a message that is written once for each element.
pub struct Part {
    /// The elements.
    pub cell: u16,
    /// What stands before the value.
    pub before: Literal,
    /// What closes the value and the objects around it.
    pub end: End,
    /// Where it came from.
    pub target: usize,
}

/// A text with a byte limit.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// The text's cell.
    pub cell: u16,
    /// The most bytes.
    pub most: usize,
    /// Where it came from.
    pub target: usize,
}

/// A UDM path and the rows that can set it.
#[derive(Debug)]
pub struct Target {
    /// The path as in [`FIELDS`].
    pub path: &'static str,
    /// The path's index in [`FIELDS`].
    pub field: usize,
    /// The key of a label or of an entry of `additional`.
    pub key: &'static str,
    /// The cell that holds the value.
    pub cell: u16,
    /// The rows, in order.
    pub rows: Vec<u16>,
    /// The one row that copies its raw field, whose cell this then is.
    pub direct: bool,
    /// The value is the elements of an array.
    pub is_array: bool,
}

impl Plan {
    /// The target of a UDM path without a key.
    pub fn target(&self, path: &str) -> Option<&Target> {
        self.targets
            .iter()
            .find(|target| target.path == path && target.key.is_empty())
    }

    /// Compiles a source's table.
    pub fn new(source: &Source, options: &Options) -> Plan {
        let mut compiler = Compiler::new(source);
        compiler.read_rows();
        compiler.finish_levels();
        compiler.make_steps();
        let Compiler {
            nodes,
            levels,
            targets,
            steps,
            paths,
            by_path,
            ..
        } = compiler;
        let limits = targets
            .iter()
            .enumerate()
            .filter_map(|(target, it)| match kind_of(it.field) {
                Kind::AtMost(most) => Some(Limit {
                    cell: it.cell,
                    most,
                    target,
                }),
                _ => None,
            })
            .collect();
        let mut named = Keys::default();
        for target in targets.iter().filter(|it| it.path == "additional.fields") {
            named.insert(target.key, 0);
        }
        named.insert(TRUNCATED, 0);
        named.build();
        let mut own = Mask::default();
        let mut plain = Mask::default();
        for (cell, node) in nodes.iter().enumerate().skip(FIRST_NODE as usize) {
            if node.row == NONE {
                continue;
            }
            if !source.shared_keys.contains(&node.path.as_ref()) {
                own.insert(cell as u16);
            }
            // Whose `id` it is, the envelope tells.
            let is_text = node.object == NONE && node.other == NONE && !node.is_item;
            if is_text && node.path != "id" {
                plain.insert(cell as u16);
            }
        }
        let (ops, literals) = operations(&targets, source.rows, options);
        let cell = |path: &str| paths.get(path).copied().unwrap_or(NONE);
        Plan {
            rows: source.rows,
            namespaces: namespaces(&by_path, &targets),
            event_types: ["eventType", "type"].map(cell).to_vec(),
            ids: (cell("id"), cell("Id")),
            nodes,
            levels,
            steps,
            ops,
            literals,
            limits,
            own,
            plain,
            named,
            targets,
        }
    }
}

fn kind_of(field: usize) -> Kind {
    FIELDS.get(field).map_or(Kind::Text, |field| field.1)
}

/// The nouns that take a namespace: those with a hostname, an ip or an asset.
fn namespaces(by_path: &TextMap<(&str, &str), usize>, targets: &[Target]) -> Vec<(Mask, u16)> {
    let machine = ["hostname", "ip", "mac", "asset_id", "asset."];
    ["principal", "target"]
        .into_iter()
        .filter_map(|noun| {
            let namespace = format!("{noun}.namespace");
            let namespace = targets.get(*by_path.get(&(namespace.as_str(), ""))?)?.cell;
            let mut mask = Mask::default();
            for target in targets {
                let field = target
                    .path
                    .strip_prefix(noun)
                    .and_then(|it| it.strip_prefix('.'));
                if field.is_some_and(|field| machine.iter().any(|it| field.starts_with(it))) {
                    mask.insert(target.cell);
                }
            }
            Some((mask, namespace))
        })
        .collect()
}

struct Compiler<'a> {
    source: &'a Source,
    nodes: Vec<Node>,
    levels: Vec<Level>,
    /// Raw paths to nodes.
    paths: TextMap<Cow<'static, str>, u16>,
    targets: Vec<Target>,
    by_path: TextMap<(&'static str, &'static str), usize>,
    /// For each row, its target; for a row without one, no target at all.
    target_of: Vec<usize>,
    steps: Vec<Step>,
    /// The indexes of [`FIELDS`].
    fields: Keys,
    cells: u16,
}

impl<'a> Compiler<'a> {
    fn new(source: &'a Source) -> Compiler<'a> {
        let mut fields = Keys::default();
        for (index, (path, _)) in FIELDS.iter().enumerate() {
            fields.insert(*path, index as u16);
        }
        fields.build();
        let mut compiler = Compiler {
            source,
            nodes: Vec::with_capacity(256),
            levels: Vec::new(),
            paths: TextMap::with_capacity_and_hasher(256, BuildHasherDefault::default()),
            targets: Vec::with_capacity(256),
            by_path: TextMap::with_capacity_and_hasher(256, BuildHasherDefault::default()),
            target_of: Vec::with_capacity(source.rows.len()),
            steps: Vec::new(),
            fields,
            cells: 0,
        };
        for path in ["", "", RECORDS, ENVELOPE] {
            compiler.new_node(path.into());
        }
        compiler.new_level("");
        compiler
    }

    fn new_node(&mut self, path: Cow<'static, str>) -> u16 {
        let cell = self.nodes.len() as u16;
        let (row, object, first, other) = (NONE, NONE, NONE, NONE);
        self.paths.insert(path.clone(), cell);
        self.nodes.push(Node {
            path,
            row,
            object,
            first,
            other,
            is_item: false,
        });
        cell
    }

    fn new_level(&mut self, prefix: &str) -> u16 {
        let rest = NONE;
        self.levels.push(Level {
            prefix: prefix.to_owned(),
            rest,
            ..Level::default()
        });
        self.levels.len() as u16 - 1
    }

    /// The node of a raw path, with everything on the way to it.
    fn node(&mut self, path: &'static str) -> u16 {
        if let Some(node) = self.paths.get(path) {
            return *node;
        }
        let (parent, key) = path.rsplit_once('.').unwrap_or(("", path));
        if key == "0" || key == "*" {
            return self.element(parent, key == "0", path.into());
        }
        let level = self.level(parent);
        let node = self.new_node(path.into());
        if let Some(level) = self.levels.get_mut(level as usize) {
            level.keys.insert(key, node);
        }
        node
    }

    /// A new node for the first element or the other elements of the array at a raw path.
    fn element(&mut self, array: &'static str, is_first: bool, path: Cow<'static, str>) -> u16 {
        let array = self.node(array);
        let node = self.new_node(path);
        if let Some(array) = self.nodes.get_mut(array as usize) {
            *(match is_first {
                true => &mut array.first,
                false => &mut array.other,
            }) = node;
        }
        node
    }

    /// The node of what a row reads element by element.
    fn each(&mut self, raw: &'static str) -> u16 {
        let path = each_path(raw);
        match self.paths.get(&path) {
            Some(node) => *node,
            None if raw.contains('*') => self.node(raw),
            None => self.element(raw, false, path),
        }
    }

    /// The level of the object at a raw path.
    fn level(&mut self, path: &'static str) -> u16 {
        if path.is_empty() {
            return 0;
        }
        let node = self.node(path);
        let known = self
            .nodes
            .get(node as usize)
            .map_or(NONE, |node| node.object);
        if known != NONE {
            return known;
        }
        let level = self.new_level(&format!("{path}."));
        if let Some(node) = self.nodes.get_mut(node as usize) {
            node.object = level;
        }
        level
    }

    /// The target of a UDM path and a key.
    fn target(&mut self, path: &'static str, key: &'static str) -> usize {
        *self.by_path.entry((path, key)).or_insert_with(|| {
            self.targets.push(Target {
                path,
                field: self.fields.find(path).map_or(usize::MAX, usize::from),
                key,
                cell: NONE,
                rows: Vec::new(),
                direct: false,
                is_array: false,
            });
            self.targets.len() - 1
        })
    }

    fn read_rows(&mut self) {
        for (alias, path) in self.source.aliases {
            let level = self.level(path);
            let node = self.node(alias);
            if let Some(node) = self.nodes.get_mut(node as usize) {
                node.object = level;
            }
        }
        for (index, row) in self.source.rows.iter().enumerate() {
            let index = index as u16;
            self.target_of.push(usize::MAX);
            let input = match row.logic {
                Logic::Skip(_) => continue,
                Logic::Rest => {
                    let path = row.raw.strip_suffix('*').unwrap_or(row.raw);
                    let level = self.level(path.strip_suffix('.').unwrap_or(path));
                    if let Some(level) = self.levels.get_mut(level as usize) {
                        level.rest = index;
                    }
                    continue;
                }
                _ if row.raw == "N/A" => NONE,
                Logic::Each => {
                    let node = self.each(row.raw);
                    if let Some(node) = self.nodes.get_mut(node as usize) {
                        node.is_item = true;
                    }
                    node
                }
                _ => self.node(row.raw),
            };
            if let Some(node) = self.nodes.get_mut(input as usize)
                && node.row == NONE
            {
                node.row = index;
            }
            if let Logic::With(_, inputs, _) | Logic::Unless(inputs) = row.logic {
                for path in inputs.iter().filter(|path| !is_udm(path)) {
                    self.node(path);
                }
            }
            let (path, key) = split_target(row.udm);
            let target = self.target(path, key);
            if let Some(of_row) = self.target_of.last_mut() {
                *of_row = target;
            }
            if let Some(target) = self.targets.get_mut(target) {
                target.rows.push(index);
            }
        }
        for path in ["principal.namespace", "target.namespace"] {
            self.target(path, "");
        }
        self.cells = self.nodes.len() as u16;
        for target in &mut self.targets {
            let only = match target.rows.as_slice() {
                [only] => self.source.rows.get(*only as usize),
                _ => None,
            };
            let (path, is_array) = match only {
                Some(row) if matches!(row.logic, Logic::Copy) => (row.raw.into(), false),
                Some(row) if matches!(row.logic, Logic::Each) => (each_path(row.raw), true),
                _ => (Cow::Borrowed(""), false),
            };
            target.is_array = is_array;
            target.direct = is_array || !path.is_empty();
            target.cell = match self.paths.get(&path) {
                Some(cell) if target.direct => *cell,
                _ => {
                    self.cells += 1;
                    self.cells - 1
                }
            };
        }
    }

    /// Adds the keys' other spellings, then closes the tables.
    fn finish_levels(&mut self) {
        let rests: Vec<(String, u16)> = self
            .levels
            .iter()
            .filter(|level| level.rest != NONE)
            .map(|level| (level.prefix.clone(), level.rest))
            .collect();
        for level in &mut self.levels {
            level.keys.build();
            if self.source.either_case.contains(&level.prefix.as_str()) {
                level.keys.add_other_case();
                level.keys.build();
            }
            // The row with the longest path keeps the leaves.
            let nearest = rests
                .iter()
                .filter(|rest| level.prefix.starts_with(&rest.0));
            level.rest = nearest
                .max_by_key(|rest| rest.0.len())
                .map_or(NONE, |rest| rest.1);
        }
    }

    fn cells_of(&self, inputs: &[&'static str]) -> Vec<u16> {
        let cell = |path: &&'static str| {
            if is_udm(path) {
                let target = self.by_path.get(&split_target(path))?;
                self.targets.get(*target).map(|target| target.cell)
            } else {
                self.paths.get(*path).copied()
            }
        };
        inputs
            .iter()
            .map(|path| cell(path).unwrap_or(NONE))
            .collect()
    }

    fn make_steps(&mut self) {
        let mut steps = Vec::new();
        let mut last = Vec::new();
        for (index, row) in self.source.rows.iter().enumerate() {
            let target = self.target_of.get(index);
            let Some(target) = target.and_then(|target| self.targets.get(*target)) else {
                continue;
            };
            let input = self.paths.get(row.raw).copied().unwrap_or(NONE);
            let action = match row.logic {
                Logic::Skip(_) | Logic::Rest | Logic::Each => continue,
                Logic::Copy if target.direct => continue,
                Logic::Const(_) if is_literal(target, self.source.rows) => continue,
                Logic::Copy => Action::Copy,
                Logic::Const(text) => Action::Const(text),
                Logic::Parse(what, parse) => Action::Parse(what, parse),
                Logic::Unless(paths) => {
                    let mut mask = Mask::default();
                    self.cells_of(paths)
                        .into_iter()
                        .for_each(|cell| mask.insert(cell));
                    Action::Unless(mask)
                }
                Logic::With(function, inputs, _) if kind_of(target.field) == Kind::Message => {
                    Action::Remembered(function, self.cells_of(inputs))
                }
                Logic::With(function, inputs, _) => Action::With(function, self.cells_of(inputs)),
            };
            let step = Step {
                row: index as u16,
                input,
                output: target.cell,
                action,
            };
            match row.logic {
                Logic::With(_, inputs, _) if inputs.iter().any(|path| is_udm(path)) => {
                    last.push(step);
                }
                _ => steps.push(step),
            }
        }
        steps.append(&mut last);
        self.steps = steps;
    }
}

/// The path of the elements that a row reads one by one.
fn each_path(raw: &'static str) -> Cow<'static, str> {
    match raw.contains('*') {
        true => raw.into(),
        false => format!("{raw}.*").into(),
    }
}

/// Whether a path means a UDM field rather than a raw one.
fn is_udm(path: &str) -> bool {
    [
        "metadata.",
        "principal.",
        "target.",
        "about",
        "security_result",
        "network.",
        "extensions.",
    ]
    .iter()
    .any(|root| path.starts_with(root))
}

/// A table's UDM column as path and key: `additional.fields[Reason]`.
pub fn split_target(udm: &'static str) -> (&'static str, &'static str) {
    match udm.strip_suffix(']').and_then(|udm| udm.rsplit_once('[')) {
        Some((path, key)) => (path, key),
        None => (udm, ""),
    }
}

/// Whether a target is one text for all logs.
pub fn is_literal(target: &Target, rows: &[Row]) -> bool {
    match target.rows.as_slice() {
        [only] => matches!(
            rows.get(*only as usize),
            Some(Row {
                logic: Logic::Const(_),
                ..
            })
        ),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
