//! Plain text tables that fit a terminal.

use std::fmt;
use std::io::{self, IsTerminal};

/// Rows under a heading; cells wrap where the table would be too wide, and are cut where they would be too high.
pub struct Table<const COLUMNS: usize> {
    rows: Vec<[String; COLUMNS]>,
    width: usize,
}

/// Where there is no terminal.
const WIDTH: usize = 100;
const GAP: usize = 2;
/// The most lines of a cell.
const LINES: usize = 6;
/// No column gets narrower than this for the sake of another.
const NARROW: usize = 6;

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// A table as wide as the terminal that it is printed to.
    pub fn new(heading: [&str; COLUMNS]) -> Table<COLUMNS> {
        let terminal = terminal_size::terminal_size().filter(|_| io::stdout().is_terminal());
        Table {
            rows: vec![heading.map(str::to_owned)],
            width: terminal.map_or(WIDTH, |(width, _)| usize::from(width.0)),
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: [String; COLUMNS]) {
        self.rows.push(cells.map(|cell| printable(&cell)));
    }

    /// The widths of the columns. The widest ones give way first.
    fn widths(&self) -> [usize; COLUMNS] {
        let mut widths = [0; COLUMNS];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let room = self.width.saturating_sub(GAP * (COLUMNS - 1));
        while widths.iter().sum::<usize>() > room {
            match widths.iter_mut().max() {
                Some(widest) if *widest > NARROW => *widest -= 1,
                _ => break,
            }
        }
        widths
    }
}

impl<const COLUMNS: usize> fmt::Display for Table<COLUMNS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for row in &self.rows {
            let mut cells: Vec<_> = row
                .iter()
                .zip(widths)
                .map(|(cell, width)| wrap(cell, width).into_iter())
                .collect();
            let height = cells.iter().map(ExactSizeIterator::len).max();
            for _ in 0..height.unwrap_or(0) {
                let mut line = String::new();
                for (cell, width) in cells.iter_mut().zip(widths) {
                    let piece = cell.next().unwrap_or_default();
                    line.push_str(&format!("{piece:width$}{:GAP$}", ""));
                }
                writeln!(f, "{}", line.trim_end())?;
            }
        }
        Ok(())
    }
}

/// The lines of a cell: broken after a space or a punctuation mark if one is near, else anywhere.
fn wrap(cell: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest: Vec<char> = cell.chars().collect();
    while rest.len() > width && lines.len() < LINES {
        let is_break = |char: &char| matches!(char, ' ' | '.' | ',' | '/' | '-' | '_' | ';');
        let near = rest[width / 2..width].iter().rposition(is_break);
        let end = near.map_or(width, |at| width / 2 + at + 1);
        let line: String = rest.drain(..end).collect();
        lines.push(line.trim_end().to_owned());
    }
    if lines.len() < LINES {
        lines.push(rest.into_iter().collect());
    } else if let Some(last) = lines.last_mut() {
        while last.chars().count() >= width {
            last.pop();
        }
        last.push('…');
    }
    lines
}

/// Text that a terminal shows and does not obey.
pub fn printable(text: &str) -> String {
    let shown = |char: char| match char.is_control() {
        true => char.escape_default().to_string(),
        false => char.to_string(),
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_gives_way_where_it_is_widest() {
        let mut table = Table::new(["FIELD", "VALUE", "LOGIC"]);
        table.width = 40;
        let cells = [
            "principal.user.userid",
            "x\u{1b}[2J",
            "copies the text as it came",
        ];
        table.row(cells.map(str::to_owned));
        let expected = "\
FIELD          VALUE      LOGIC
principal.     x\\u{1b}[   copies the
user.userid    2J         text as it
                          came
";
        for line in table.to_string().lines() {
            assert!(line.chars().count() <= 40, "{line}");
        }
        assert_eq!(table.to_string(), expected);
    }

    #[test]
    fn a_long_cell_is_cut() {
        let lines = wrap(&"abcde".repeat(100), 10);
        assert_eq!(lines.len(), LINES);
        assert_eq!(lines.last().unwrap(), "abcdeabcd…");
    }
}
