//! The table: ratios first, with what is asked of them, then what each design took.

use std::fmt::Write;
use std::{env, fs};

/// A table with a head and lines of as many cells.
pub struct Table {
    lines: Vec<Vec<String>>,
}

/// Something that is better when it is more, or when it is less.
pub struct Figure {
    /// What it tells.
    pub name: String,
    /// What was found.
    pub found: f64,
    /// What has to be reached, and what is hoped for. The greater of the two is the better one.
    pub asked: (f64, f64),
    /// How a number is written.
    pub text: fn(f64) -> String,
}

/// The figures, each with what is asked and whether it is reached.
pub fn figures(figures: &[Figure]) -> Table {
    let mut table = Table::new(&["figure", "found", "required", "wanted", ""]);
    for figure in figures {
        let (required, wanted) = figure.asked;
        let reaches = |asked| match wanted > required {
            true => figure.found >= asked,
            false => figure.found <= asked,
        };
        let verdict = match (reaches(required), reaches(wanted)) {
            (_, true) => "as wanted",
            (true, false) => "as required",
            (false, false) => "MISSED",
        };
        let [found, required, wanted] = [figure.found, required, wanted].map(figure.text);
        table.add([&figure.name, &found, &required, &wanted, verdict]);
    }
    table
}

impl Table {
    /// A table with no line yet.
    pub fn new(head: &[&str]) -> Table {
        Table {
            lines: vec![head.iter().map(|&cell| cell.to_owned()).collect()],
        }
    }

    /// Adds a line.
    pub fn add<'a>(&mut self, line: impl IntoIterator<Item = &'a str>) {
        self.lines
            .push(line.into_iter().map(str::to_owned).collect());
    }

    /// With columns of even width for a terminal, or as Markdown.
    pub fn print(&self, markdown: bool) -> String {
        let width = |column: usize| {
            let cells = self.lines.iter().filter_map(|line| line.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let mut text = String::new();
        for (at, line) in self.lines.iter().enumerate() {
            let cells: Vec<String> = line
                .iter()
                .enumerate()
                .map(|(column, cell)| match column {
                    _ if markdown => cell.clone(),
                    0 => format!("{cell:0$}", width(0)),
                    _ => format!("{cell:>0$}", width(column)),
                })
                .collect();
            if markdown {
                let _ = writeln!(text, "| {} |", cells.join(" | "));
            } else {
                let _ = writeln!(text, "{}", cells.join("  ").replace('`', "").trim_end());
            }
            if markdown && at == 0 {
                let right = "| ---: ".repeat(line.len() - 1);
                let _ = writeln!(text, "| --- {right}|");
            }
        }
        text
    }
}

/// The processor, the number of its cores, and the system.
pub fn machine() -> String {
    let file = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = file.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{model}, {cores} cores, {}-{}",
        env::consts::ARCH,
        env::consts::OS
    )
}
