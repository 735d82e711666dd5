//! Plain text tables that fit a terminal.

use std::array;
use std::cmp::Reverse;
use std::fmt;
use std::io::{self, IsTerminal};

use super::output::printable;

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
/// More of a cell is never shown.
const SHOWN: usize = 2_000;
/// No column gets narrower than this for the sake of another.
const NARROW: usize = 6;

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// A table as wide as the terminal that it is printed to.
    pub fn new(heading: [&str; COLUMNS]) -> Table<COLUMNS> {
        let terminal = terminal_size::terminal_size().filter(|_| io::stdout().is_terminal());
        Table {
            rows: vec![heading.map(str::to_owned)],
            width: terminal.map_or(WIDTH, |(width, _)| {
                usize::from(width.0).max(COLUMNS * NARROW)
            }),
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: [String; COLUMNS]) {
        let shown = |cell: String| printable(&cell.chars().take(SHOWN).collect::<String>());
        self.rows.push(cells.map(shown));
    }

    /// The widths of the columns. What has to go goes character by character, where the table suffers least: from lines
    /// that are added, and worse, from words that are broken.
    fn widths(&self) -> [usize; COLUMNS] {
        let room = self.width.saturating_sub(GAP * (COLUMNS - 1));
        let longest = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0).min(room)
        };
        let mut widths = array::from_fn(longest);
        while widths.iter().sum::<usize>() > room {
            let heights: Vec<usize> = self.rows.iter().map(|row| height(row, widths)).collect();
            let damage = |column: &usize| {
                let width = widths[*column];
                let cells = self.rows.iter().map(|row| &row[*column]);
                let damage = cells.zip(&heights).map(|(cell, height)| {
                    let (lines, broken) = wrap(cell, width - 1);
                    let broken_already = wrap(cell, width).1;
                    lines.len().saturating_sub(*height) + 3 * broken.saturating_sub(broken_already)
                });
                (damage.sum::<usize>(), Reverse(width))
            };
            let wide = (0..COLUMNS).filter(|column| widths[*column] > NARROW);
            match wide.min_by_key(damage) {
                Some(column) => widths[column] -= 1,
                None => break,
            }
        }
        widths
    }
}

fn height<const COLUMNS: usize>(row: &[String; COLUMNS], widths: [usize; COLUMNS]) -> usize {
    let lines = row
        .iter()
        .zip(widths)
        .map(|(cell, width)| wrap(cell, width).0.len());
    lines.max().unwrap_or(0)
}

impl<const COLUMNS: usize> fmt::Display for Table<COLUMNS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for row in &self.rows {
            let mut cells: Vec<_> = row
                .iter()
                .zip(widths)
                .map(|(cell, width)| wrap(cell, width).0.into_iter())
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

/// The lines of a cell, and how many words had to be broken for them. A line ends after a space if one is near, else after
/// a punctuation mark or before a capital, else anywhere.
fn wrap(cell: &str, width: usize) -> (Vec<String>, usize) {
    let ends: [fn(char, char) -> bool; 3] = [
        |before, _| before == ' ',
        |before, _| matches!(before, '.' | ',' | '/' | '-' | '_' | ';'),
        |before, after| before.is_lowercase() && after.is_uppercase(),
    ];
    let mut lines = Vec::new();
    let mut broken = 0;
    let mut rest: Vec<char> = cell.chars().collect();
    while rest.len() > width && lines.len() < LINES {
        let near = ends.iter().find_map(|may_end| {
            let mut pairs = rest[width / 2..=width].windows(2);
            pairs.rposition(|pair| may_end(pair[0], pair[1]))
        });
        broken += usize::from(near.is_none());
        let end = near.map_or(width, |at| width / 2 + at + 1);
        let line: String = rest.drain(..end).collect();
        lines.push(line.trim().to_owned());
    }
    if lines.len() < LINES {
        lines.push(rest.iter().collect::<String>().trim().to_owned());
    } else if let Some(last) = lines.last_mut() {
        while last.chars().count() >= width {
            last.pop();
        }
        last.push('…');
    }
    (lines, broken)
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
FIELD        VALUE       LOGIC
principal.   x\\u{1b}[2J  copies the
user.userid              text as it came
";
        for line in table.to_string().lines() {
            assert!(line.chars().count() <= 40, "{line}");
        }
        assert_eq!(table.to_string(), expected);
    }

    #[test]
    fn a_long_cell_is_cut() {
        let (lines, broken) = wrap(&"abcde".repeat(100), 10);
        assert_eq!((lines.len(), broken), (LINES, LINES));
        assert_eq!(lines.last().unwrap(), "abcdeabcd…");
    }
}
