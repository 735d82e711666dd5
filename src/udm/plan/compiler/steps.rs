//! Compiles the computing part of a plan: rows that neither copy nor skip become steps.

use super::{Compiler, NAMESPACES, is_udm, kind_of, machines};
use crate::fields::Kind;
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
                Logic::ConstIf(text, paths) => Action::ConstIf(self.mask_of(paths), text),
                Logic::Of(path, _) => {
                    Action::Of(self.cells_of(path).first().map_or(NONE, |it| *it))
                }
                Logic::Pick(picking, inputs, _) => Action::Pick(picking, self.cells_of(inputs)),
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

    /// Takes out the steps that go by what is there alone, with no use to those that remain: neither do these look at what
    /// they fill, nor fill it behind them, and it has no limit and calls for no namespace.
    pub(super) fn by_shape(&self, steps: &mut Vec<Step>) -> Vec<Step> {
        let mut needed = Mask::default();
        for target in &self.targets {
            if matches!(kind_of(target.field), Kind::AtMost(_)) {
                needed.insert(target.cell);
            }
        }
        for (noun, _) in NAMESPACES {
            needed.union(&machines(noun, &self.targets));
        }
        let mut is_by_shape: Vec<bool> = steps.iter().map(|it| it.action.is_by_shape()).collect();
        loop {
            // From the last step on, so that what later ones fill is known.
            let (mut filled, mut changed) = (Mask::default(), false);
            for (step, is_by_shape) in steps.iter().zip(&is_by_shape) {
                if !is_by_shape {
                    step.action.looks_at(&mut needed);
                }
            }
            for (step, is_by_shape) in steps.iter().zip(&mut is_by_shape).rev() {
                let is_needed = needed.contains(step.output) || filled.contains(step.output);
                changed |= *is_by_shape && is_needed;
                *is_by_shape &= !is_needed;
                if !*is_by_shape {
                    filled.insert(step.output);
                }
            }
            if !changed {
                break;
            }
        }
        let mut is_by_shape = is_by_shape.into_iter();
        let taken = steps.extract_if(.., |_| is_by_shape.next().unwrap_or(false));
        taken.collect()
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

impl Action {
    /// Whether it gives the same for all logs with the same words and cells.
    fn is_by_shape(&self) -> bool {
        use Action::{Const, ConstIf, Copy, If, Of, Pick, Unless};
        match self {
            Copy | Const(_) | If(_) | Unless(_) | ConstIf(..) | Of(_) | Pick(..) => true,
            Action::Parse(..)
            | Action::Join(..)
            | Action::With(..)
            | Action::Json(..)
            | Action::Remembered(..) => false,
        }
    }

    /// Adds the cells that it looks at, besides that of the raw field.
    pub(in crate::plan) fn looks_at(&self, cells: &mut Mask) {
        match self {
            Action::If(mask) | Action::Unless(mask) | Action::ConstIf(mask, _) => cells.union(mask),
            Action::Of(cell) => cells.insert(*cell),
            Action::Pick(_, inputs)
            | Action::Join(_, inputs)
            | Action::With(_, inputs)
            | Action::Json(_, inputs)
            | Action::Remembered(_, inputs) => inputs.iter().for_each(|cell| cells.insert(*cell)),
            Action::Copy | Action::Const(_) | Action::Parse(..) => {}
        }
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
