//! Compiles what the words of raw fields tell: which conditions hold, what rows make of them, which of them are not known.

use super::Compiler;
use crate::plan::WordField;
use crate::row::{Logic, condition};

impl Compiler<'_> {
    /// The raw fields of which a word tells something. Each condition gets a cell, behind those of the targets.
    pub(super) fn words(&mut self) -> Vec<WordField> {
        let mut all = Vec::new();
        for (index, row) in self.source.rows.iter().enumerate() {
            for path in row.logic.fields() {
                let Some((raw, _)) = condition(path) else {
                    continue;
                };
                if !self.conditions.contains_key(path) {
                    self.conditions.insert(path, self.cells);
                    if let Some(words) = self.words_of(raw, &mut all) {
                        words.conditions.push((*path, self.cells));
                    }
                    self.cells += 1;
                }
            }
            let target = self.target_of.get(index).copied().unwrap_or(usize::MAX);
            let output = self.targets.get(target).map(|target| target.cell);
            let words = match row.logic {
                Logic::Word(..) | Logic::Known(..) => self.words_of(row.raw, &mut all),
                _ => None,
            };
            let (Some(output), Some(words)) = (output, words) else {
                continue;
            };
            match row.logic {
                Logic::Word(function, _) => words.made.push((index as u16, output, function)),
                Logic::Known(what, is_known) => words.known.push((index as u16, what, is_known)),
                _ => {}
            }
        }
        all
    }

    fn words_of<'w>(
        &self,
        raw: &'static str,
        all: &'w mut Vec<WordField>,
    ) -> Option<&'w mut WordField> {
        let input = *self.paths.get(raw)?;
        let at = all.iter().position(|words| words.input == input);
        let at = at.unwrap_or_else(|| {
            all.push(WordField {
                input,
                conditions: Vec::new(),
                made: Vec::new(),
                known: Vec::new(),
            });
            all.len() - 1
        });
        all.get_mut(at)
    }
}
