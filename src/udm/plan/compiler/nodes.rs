//! Compiles where raw keys lead: paths to nodes, objects to levels.

use std::borrow::Cow;

use super::{Compiler, each_path};
use crate::plan::{Level, NONE, Node};

impl Compiler<'_> {
    pub(super) fn new_node(&mut self, path: Cow<'static, str>) -> u16 {
        let cell = self.nodes.len() as u16;
        let (row, object, first, other) = (NONE, NONE, NONE, NONE);
        self.paths.insert(path.clone(), cell);
        let key = path.rfind('.').map_or(0, |dot| dot as u16 + 1);
        self.nodes.push(Node {
            path,
            key,
            row,
            object,
            first,
            other,
            is_item: false,
        });
        cell
    }

    pub(super) fn new_level(&mut self, prefix: &str) -> u16 {
        let rest = NONE;
        self.levels.push(Level {
            prefix: prefix.to_owned(),
            rest,
            ..Level::default()
        });
        self.levels.len() as u16 - 1
    }

    /// The node of a raw path, with everything on the way to it.
    pub(super) fn node(&mut self, path: &'static str) -> u16 {
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
    pub(super) fn each(&mut self, raw: &'static str) -> u16 {
        let path = each_path(raw);
        match self.paths.get(&path) {
            Some(node) => *node,
            None if raw.contains('*') => self.node(raw),
            None => self.element(raw, false, path),
        }
    }

    /// The level of the object at a raw path.
    pub(super) fn level(&mut self, path: &'static str) -> u16 {
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

    /// Adds the keys' other spellings, then closes the tables.
    pub(super) fn finish_levels(&mut self) {
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
}
