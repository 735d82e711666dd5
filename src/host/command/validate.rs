//! `udmill validate`: UDM lines against Google's schema.

use std::fmt::Write;
use std::path::PathBuf;

use udmill::wit::{Finding, Severity};
use udmill::{Component, Transform, Trap};

use super::args::{ComponentArgs, Input};
use super::output::{self, printable};
use super::{Status, Stop};

/// Check UDM events, one a line, against Google's schema
#[derive(clap::Args)]
#[command(after_help = "\
A finding is printed as `line:path: severity: message`. The exit status is 2 if one is an error.")]
pub struct Args {
    #[command(flatten)]
    component: ComponentArgs,
    /// The events; standard input by default.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

const PIECE: usize = 1 << 20;

pub fn run(args: Args) -> Result<Status, Stop> {
    let component = args.component.load()?;
    let most = component.engine().limits().push;
    let mut checker = Checker::new(component)?;
    let mut input = Input::open(args.file.as_deref())?;
    let mut buffer = vec![0; PIECE];
    let mut lines = Vec::new();
    loop {
        let length = input.read(&mut buffer)?;
        lines.extend_from_slice(&buffer[..length]);
        // A line longer than a call may carry is checked in parts, and is no event in any of them.
        let whole = match lines.iter().rposition(|byte| *byte == b'\n') {
            _ if length == 0 => lines.len(),
            Some(end) => end + 1,
            None if lines.len() + PIECE > most => lines.len(),
            None => 0,
        };
        checker.check(&lines[..whole])?;
        lines.drain(..whole);
        if length == 0 {
            return Ok(checker.status);
        }
    }
}

struct Checker {
    component: Component,
    instance: Transform,
    /// The number of the first line that was not checked yet, from 1 as editors count.
    line: usize,
    status: Status,
}

impl Checker {
    fn new(component: Component) -> Result<Checker, Stop> {
        Ok(Checker {
            instance: component.instantiate().map_err(broken)?,
            component,
            line: 1,
            status: Status::Done,
        })
    }

    /// Checks whole lines and prints what is wrong with them. After a trap they are checked one by one.
    fn check(&mut self, lines: &[u8]) -> Result<(), Stop> {
        let findings = match self.instance.validate(lines) {
            Ok(findings) => findings,
            Err(trap) => {
                self.instance = self.component.instantiate().map_err(broken)?;
                let mut each = lines.split_inclusive(|byte| *byte == b'\n');
                if each.clone().nth(1).is_some() {
                    return each.try_for_each(|line| self.check(line));
                }
                vec![Finding {
                    event_index: 0,
                    path: String::new(),
                    severity: Severity::Error,
                    message: trap.to_string(),
                }]
            }
        };
        let mut text = String::new();
        for finding in findings {
            let line = self.line + finding.event_index as usize;
            let path = match finding.path.as_str() {
                "" => String::new(),
                path => format!(":{}", printable(path)),
            };
            let severity = match finding.severity {
                Severity::Error => {
                    self.status = Status::Rejected;
                    "error"
                }
                Severity::Warning => "warning",
            };
            let message = printable(&finding.message);
            // OK because writing to a String cannot fail.
            let _ = writeln!(text, "{line}{path}: {severity}: {message}");
        }
        self.line += lines.iter().filter(|byte| **byte == b'\n').count();
        let _whole = output::whole();
        output::print(text.as_bytes())
    }
}

fn broken(trap: Trap) -> Stop {
    Stop::Failed(trap.to_string())
}
