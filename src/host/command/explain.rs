//! `udmill explain`: how the fields of a log's events came about.

use std::io::Read;
use std::path::PathBuf;

use serde_json::json;
use udmill::wit::{Batch, Derivation, Span};
use udmill::{Component, Failure, Stream, Transform, Trap};

use super::args::{ComponentArgs, Input, OptionArgs};
use super::table::Table;
use super::{Status, Stop, output};

/// Tell which rule set which field of a log's events
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    options: OptionArgs,
    /// The UDM field to explain, or the start of one; also tells why other rules did not set it.
    #[arg(long, value_name = "PATH")]
    field: Option<String>,
    /// A JSON object a line instead of a table.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    component: ComponentArgs,
    /// The logs; standard input by default.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

const PIECE: usize = 256 << 10;

pub fn run(args: Args) -> Result<Status, Stop> {
    let component = args.component.load()?;
    let mut run = Run {
        stream: args.options.stream(&component)?,
        instance: component.instantiate().map_err(broken)?,
        component,
        field: args.field,
        json: args.json,
        logs: 0,
        status: Status::Done,
    };
    let mut input = Input::open(args.file.as_deref())?;
    let mut buffer = vec![0; PIECE];
    loop {
        let length = input.read(&mut buffer)?;
        let batches = match length {
            0 => run.stream.finish(),
            _ => run.stream.push(&buffer[..length]),
        };
        for batch in batches.map_err(|failure| Stop::Failed(failure.to_string()))? {
            run.explain(&batch)?;
        }
        if length == 0 {
            break;
        }
    }
    if run.logs == 0 {
        output::complain(&"expected a log, but found none");
    }
    Ok(run.status)
}

struct Run {
    stream: Stream,
    component: Component,
    instance: Transform,
    field: Option<String>,
    json: bool,
    logs: u64,
    status: Status,
}

impl Run {
    fn explain(&mut self, batch: &Batch) -> Result<(), Stop> {
        for (number, log) in batch.logs.iter().enumerate() {
            let rejections = batch.rejections.iter();
            let mut rejections = rejections.filter(|it| it.log_index as usize == number);
            if let Some(rejection) = rejections.next() {
                let (log, reason) = (self.logs, &rejection.reason);
                output::complain(&format!("log {log} was rejected: {reason}"));
                self.status = Status::Rejected;
            } else {
                self.explain_log(*log)?;
            }
            self.logs += 1;
        }
        Ok(())
    }

    fn explain_log(&mut self, log: Span) -> Result<(), Stop> {
        let mut bytes = Vec::new();
        let read = self
            .stream
            .raw(log)
            .and_then(|mut it| it.read_to_end(&mut bytes));
        read.map_err(|error| Stop::Failed(error.to_string()))?;
        let options = self.stream.options();
        let answer = self
            .instance
            .explain(&bytes, options, self.field.as_deref());
        let derivations = match answer {
            Ok(Ok(derivations)) => derivations,
            Ok(Err(error)) => return Err(Stop::Usage(Failure::Invalid(error).to_string())),
            Err(trap) => {
                output::complain(&format!("log {} was rejected: {trap}", self.logs));
                self.status = Status::Rejected;
                self.instance = self.component.instantiate().map_err(broken)?;
                return Ok(());
            }
        };
        if derivations.is_empty() {
            let what = self.field.as_deref().unwrap_or("any field");
            let message = format!("log {}: no rule of this log type sets {what}", self.logs);
            output::complain(&message);
            return Ok(());
        }
        let text = match self.json {
            true => self.lines(&derivations),
            false => self.table(derivations, log),
        };
        let _whole = output::whole();
        output::print(text.as_bytes())
    }

    fn lines(&self, derivations: &[Derivation]) -> String {
        let line = |it: &Derivation| {
            let line = json!({
                "log": self.logs,
                "path": it.path,
                "value": it.value,
                "raw_path": it.raw_path,
                "row": it.row,
                "logic": it.logic,
                "missed": it.missed,
            });
            format!("{line}\n")
        };
        derivations.iter().map(line).collect()
    }

    fn table(&self, derivations: Vec<Derivation>, log: Span) -> String {
        let mut table = Table::new(["UDM FIELD", "VALUE", "RAW FIELD", "ROW", "LOGIC"]);
        for it in fold_labels(derivations) {
            let logic = match it.missed {
                Some(missed) => format!("{}; not set: {missed}", it.logic),
                None => it.logic,
            };
            let (value, raw_path) = (
                it.value.unwrap_or_default(),
                it.raw_path.unwrap_or_default(),
            );
            table.row([it.path, value, raw_path, it.row, logic]);
        }
        match self.logs {
            0 => table.to_string(),
            number => format!("\nlog {number}, at byte {}\n{table}", log.offset),
        }
    }
}

/// A label is two fields. For a reader it is one: `labels["Reason"]`.
fn fold_labels(derivations: Vec<Derivation>) -> Vec<Derivation> {
    let mut folded: Vec<Derivation> = Vec::new();
    for mut it in derivations {
        if let Some(label) = it.path.strip_suffix(".value")
            && let Some(before) = folded.last()
            && before.path.strip_suffix(".key") == Some(label)
            && let Some(key) = &before.value
        {
            let list = label.rfind('[').map_or(label, |at| &label[..at]);
            it.path = format!("{list}[{key:?}]");
            folded.pop();
        }
        folded.push(it);
    }
    folded
}

fn broken(trap: Trap) -> Stop {
    Stop::Failed(trap.to_string())
}
