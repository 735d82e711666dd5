//! Repeated keys: the last one of a name counts, so what came of those before it is taken back.

use super::{Forgotten, NEAR, Scanner};
use crate::plan::{FIRST_NODE, NONE, Node, Plan};
use crate::record::{Item, Mask};

impl Scanner<'_, '_, '_> {
    /// A repeated key takes the place of the first: what came of that one's object, array or leaf is taken back.
    #[cold]
    pub(super) fn forget_earlier(&mut self, cell: u16, position: Option<u32>) {
        let (plan, record) = (self.plan, &mut *self.record);
        let Some(node) = plan.nodes.get(cell as usize) else {
            return;
        };
        let key = node.path.rsplit('.').next().unwrap_or(&node.path);
        let path = format!("{}{key}", self.path);
        let known = self.forgotten.iter().position(|it| it.cell == cell);
        let known = known.unwrap_or_else(|| {
            self.forgotten.push(Forgotten {
                cell,
                path: String::new(),
                below: below(plan, node),
                leaves: 0,
            });
            self.forgotten.len() - 1
        });
        let Some(known) = self.forgotten.get_mut(known) else {
            return;
        };
        if known.path != path {
            known.path = path;
            known.leaves = 0;
        }
        for leaf in record.leaves.iter_mut().skip(known.leaves) {
            let leaf_path = record.paths.get(leaf.path.0 as usize..leaf.path.1 as usize);
            if leaf_path.is_some_and(|leaf_path| goes_on_from(leaf_path, &known.path)) {
                leaf.row = NONE;
            }
        }
        known.leaves = record.leaves.len();
        if position.is_some() {
            return;
        }
        if record.present.meets(&known.below) {
            record.present.subtract(&known.below);
            record.items.retain(|item| !known.below.contains(item.cell));
        }
        record.entered.subtract(&known.below);
        self.misfits.retain(|misfit| misfit.path != node.path);
    }

    /// The same for the value in an element of an array: one of the last items, as in [`Scanner::item`].
    pub(super) fn forget_item(&mut self, cell: u16, position: u32) {
        let items = &mut self.record.items;
        let same = |item: &Item| item.cell == cell && item.position == position;
        let start = items.len().saturating_sub(NEAR);
        let Some(at) = items.iter().skip(start).position(same) else {
            return;
        };
        items.remove(start + at);
        if items.iter().rev().all(|item| item.cell != cell) {
            self.record.present.remove(cell);
        }
    }
}

/// The cells of a node and of all that lies below it.
fn below(plan: &Plan, node: &Node) -> Mask {
    let object = plan.levels.get(node.object as usize);
    let is_in = |path: &str| object.is_some_and(|object| path.starts_with(&object.prefix));
    let mut below = Mask::default();
    for (cell, it) in plan.nodes.iter().enumerate().skip(FIRST_NODE as usize) {
        if goes_on_from(&it.path, &node.path) || is_in(&it.path) {
            below.insert(cell as u16);
        }
    }
    below
}

/// Whether a path is another one, or leads on from it.
fn goes_on_from(path: &str, start: &str) -> bool {
    let rest = path.strip_prefix(start);
    rest.is_some_and(|rest| matches!(rest.bytes().next(), None | Some(b'.' | b'[')))
}
