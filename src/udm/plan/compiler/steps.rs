//! Compiles the computing part of a plan: rows that neither copy nor skip become steps.

use super::{Compiler, is_udm, kind_of};
use crate::fields::Kind;
use crate::page::Wide;
use crate::plan::{Action, NONE, Step, Target, is_literal, split_target};
use crate::record::Mask;
use crate::row::Logic;

impl Compiler<'_> {
    /// The rows that compute something, those that look at what others have set behind the others.
    pub(super) fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut last = Vec::new();
        for (index, row) in self.source.rows.iter().enumerate() {
            let target = self.target_of.get(index);
            let Some(target) = target.and_then(|target| self.targets.get(*target)) else {
                continue;
            };
            let input = self.paths.get(row.raw).copied().unwrap_or(NONE);
            let action = match row.logic {
                Logic::Skip(_) | Logic::Rest | Logic::Each | Logic::Word(..) => continue,
                Logic::Copy | Logic::Known(..) if target.direct => continue,
                Logic::Const(_) if is_literal(target, self.source.rows) => continue,
                Logic::Copy | Logic::Known(..) => Action::Copy,
                Logic::Const(text) => Action::Const(text),
                Logic::Parse(what, parse) => Action::Parse(what, parse),
                Logic::If(paths) => Action::If(self.mask_of(paths)),
                Logic::Unless(paths) => Action::Unless(self.mask_of(paths)),
                Logic::ConstIf(text, paths) => match Wide::of(text) {
                    Some(text) => Action::ConstIf(self.mask_of(paths), text),
                    None => continue,
                },
                Logic::Join(choice, inputs, _) => Action::Join(choice, self.cells_of(inputs)),
                Logic::With(function, inputs, _) if kind_of(target.field) == Kind::Message => {
                    Action::Remembered(function, self.cells_of(inputs))
                }
                Logic::With(function, inputs, _) if is_list(target) => {
                    Action::Json(function, self.cells_of(inputs))
                }
                Logic::With(function, inputs, _) => Action::With(function, self.cells_of(inputs)),
            };
            let step = Step {
                row: index as u16,
                input,
                output: target.cell,
                action,
            };
            match row.logic.fields().iter().any(|path| is_udm(path)) {
                true => last.push(step),
                false => steps.push(step),
            }
        }
        steps.append(&mut last);
        steps
    }

    /// The raw fields of rows that make lists of messages: their functions see objects and arrays as they stand.
    pub(super) fn wholes(&self) -> Mask {
        let mut wholes = Mask::default();
        let rows = self.source.rows.iter().zip(&self.target_of);
        for (row, target) in rows {
            let target = self.targets.get(*target);
            if let Some(cell) = self.paths.get(row.raw)
                && target.is_some_and(is_list)
                && matches!(row.logic, Logic::With(..))
            {
                wholes.insert(*cell);
            }
        }
        wholes
    }

    fn mask_of(&self, paths: &[&'static str]) -> Mask {
        let mut mask = Mask::default();
        for cell in self.cells_of(paths) {
            mask.insert(cell);
        }
        mask
    }

    fn cells_of(&self, inputs: &[&'static str]) -> Vec<u16> {
        let cell = |path: &&'static str| {
            if let Some(cell) = self.conditions.get(*path) {
                Some(*cell)
            } else if is_udm(path) {
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
}

/// Whether a target is a list of messages that functions make.
fn is_list(target: &Target) -> bool {
    match kind_of(target.field) {
        Kind::Messages => true,
        Kind::Labels => target.key.is_empty(),
        _ => false,
    }
}
