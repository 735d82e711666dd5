//! Compiles the reading half of a plan: from a table's rows to the nodes of raw keys and the targets of UDM paths.
//!
//! Rows come in their order, and each adds what it names: the keys on the way to its raw field, the fields that its function
//! looks at, its UDM path. A target that one row copies shares that row's cell; every other one gets a cell of its own,
//! behind those of the raw fields.

mod nodes;
mod steps;
mod words;

use std::borrow::Cow;
use std::hash::BuildHasherDefault;

use super::{FIRST_NODE, Level, Limit, NONE, Node, Plan, Target, split_target};
use crate::envelope::{ENVELOPE, NAMESPACE, RECORDS};
use crate::fields::{FIELDS, Kind};
use crate::keys::{Keys, TextMap};
use crate::operations::operations;
use crate::record::Mask;
use crate::row::{Logic, condition};
use crate::{FieldNames, Source};

/// Where the labels of the caller go.
const LABELS: &str = "metadata.ingestion_labels";
/// Where the caller's namespace goes.
const NAMESPACES: [(&str, &str); 2] = [
    ("principal", "principal.namespace"),
    ("target", "target.namespace"),
];

/// The keys of the envelope's event type, in both schemas.
const EVENT_TYPES: [&str; 2] = ["eventType", "type"];

/// Compiles a source's table, for events in this spelling.
pub fn compile(source: &Source, spelling: FieldNames) -> Plan {
    let mut compiler = Compiler::new(source);
    compiler.read_rows();
    compiler.finish_levels();
    let words = compiler.words();
    let mut steps = compiler.steps();
    let by_shape = compiler.by_shape(&mut steps);
    let wholes = compiler.wholes();
    let Compiler {
        nodes,
        levels,
        targets,
        paths,
        by_path,
        left_out,
        ..
    } = compiler;
    let (ops, literals) = operations(&targets, source.rows, spelling);
    let (own, plain) = own_and_plain(&nodes, source);
    let node = |path: &str| paths.get(path).copied().unwrap_or(NONE);
    let target = |path| by_path.get(&(path, "")).and_then(|it| targets.get(*it));
    let cell = |path| target(path).map_or(NONE, |it| it.cell);
    Plan {
        rows: source.rows,
        words,
        steps,
        by_shape,
        ops,
        literals,
        limits: limits(&targets),
        namespaces: NAMESPACES
            .map(|(noun, path)| (machines(noun, &targets), cell(path)))
            .to_vec(),
        labels: cell(LABELS),
        own,
        plain,
        wholes,
        lists: source.lists,
        truncated: source.truncated,
        left_out,
        named: named(&targets, source.truncated),
        event_types: EVENT_TYPES.map(node).to_vec(),
        ids: (node("id"), node("Id")),
        nodes,
        levels,
        targets,
    }
}

/// The cells of raw fields that only this source has, and those whose texts a row reads, and that is all.
fn own_and_plain(nodes: &[Node], source: &Source) -> (Mask, Mask) {
    let (mut own, mut plain) = (Mask::default(), Mask::default());
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
    (own, plain)
}

fn limits(targets: &[Target]) -> Vec<Limit> {
    let limit = |(target, it): (usize, &Target)| match kind_of(it.field) {
        Kind::AtMost(most) => Some(Limit {
            cell: it.cell,
            most,
            target,
        }),
        _ => None,
    };
    targets.iter().enumerate().filter_map(limit).collect()
}

/// The fields that call for a noun's namespace: a hostname, an ip or an asset.
fn machines(noun: &str, targets: &[Target]) -> Mask {
    let machine = ["hostname", "ip", "mac", "asset_id", "asset."];
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
    mask
}

/// The keys of `additional` that rows name.
fn named(targets: &[Target], truncated: &'static str) -> Keys {
    let mut named = Keys::default();
    for target in targets.iter().filter(|it| it.path == "additional.fields") {
        named.insert(target.key, 0);
    }
    named.insert(truncated, 0);
    named.build();
    named
}

fn kind_of(field: usize) -> Kind {
    FIELDS.get(field).map_or(Kind::Text, |field| field.1)
}

/// A table's rows, being compiled.
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
    /// The indexes of [`FIELDS`].
    fields: Keys,
    /// What rows ask for, `resource.type=USER`, and its cell.
    conditions: TextMap<&'static str, u16>,
    left_out: u16,
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
            fields,
            conditions: TextMap::default(),
            left_out: NONE,
            cells: 0,
        };
        for path in ["", "", RECORDS, ENVELOPE, NAMESPACE] {
            compiler.new_node(path.into());
        }
        compiler.new_level("");
        compiler
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
                Logic::Skip(_) if row.raw == "*" => {
                    self.left_out = index;
                    continue;
                }
                Logic::Skip(_) => {
                    self.node(row.raw);
                    continue;
                }
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
            for path in row.logic.fields().iter().filter(|path| !is_udm(path)) {
                self.node(condition(path).map_or(path, |it| it.0));
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
        for path in EVENT_TYPES {
            self.node(path);
        }
        for (other, path) in self.source.other_names {
            let node = self.node(path);
            let (parent, key) = other.rsplit_once('.').unwrap_or(("", other));
            let level = self.level(parent);
            if let Some(level) = self.levels.get_mut(level as usize) {
                level.keys.insert(key, node);
            }
        }
        for path in [LABELS, NAMESPACES[0].1, NAMESPACES[1].1] {
            self.target(path, "");
        }
        self.cells = self.nodes.len() as u16;
        for target in &mut self.targets {
            let only = match target.rows.as_slice() {
                [only] => self.source.rows.get(*only as usize),
                _ => None,
            };
            let (path, is_array) = match only {
                Some(row) if matches!(row.logic, Logic::Copy | Logic::Known(..)) => {
                    (row.raw.into(), false)
                }
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
