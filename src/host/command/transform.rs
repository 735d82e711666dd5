//! `udmill transform`: raw logs to UDM lines, streamed.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::json;
use udmill::wit::{Batch, Span};
use udmill::{Failure, Stream};

use super::args::{ComponentArgs, Input, OptionArgs};
use super::progress::Progress;
use super::rejects::Rejected;
use super::{Status, Stop, output};

/// Turn raw logs into UDM events, one a line
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  udmill transform --log-type AZURE_DEVOPS audit.json > events.jsonl
  tail -f audit.log | udmill transform --log-type AZURE_DEVOPS --rejects rejected.jsonl")]
pub struct Args {
    #[command(flatten)]
    options: OptionArgs,
    /// Where rejected logs go, a JSON object a line [default: standard error].
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Where notes on events go, a JSON object a line [default: nowhere].
    #[arg(long, value_name = "FILE")]
    notes: Option<PathBuf>,
    #[command(flatten)]
    component: ComponentArgs,
    /// The inputs, each a payload of its own; `-` is standard input, which is also the default.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Measured: half as much and four times as much are both some percent slower.
const PIECE: usize = 256 << 10;

pub fn run(args: Args) -> Result<Status, Stop> {
    let component = args.component.load()?;
    let stream = args.options.stream(&component)?;
    for output in args.rejects.iter().chain(&args.notes) {
        spare_inputs(output, &args.files)?;
    }
    let rejects = match &args.rejects {
        Some(path) => Lines::create(path)?,
        None => Lines::standard_error(),
    };
    let mut run = Run {
        stream,
        rejects,
        notes: args.notes.as_deref().map(Lines::create).transpose()?,
        progress: Progress::new(&args.files),
        rejected: false,
    };
    let failed = run.all(&args.files);
    run.progress.end();
    let rejected = match run.rejected {
        true => Status::Rejected,
        false => Status::Done,
    };
    match failed {
        Ok(status) => Ok(status.max(rejected)),
        Err(Stop::Closed) => Ok(rejected),
        Err(stop) => Err(stop),
    }
}

/// An output is emptied before it is written, which must not happen to an input.
fn spare_inputs(output: &Path, inputs: &[PathBuf]) -> Result<(), Stop> {
    let Ok(place) = output.canonicalize() else {
        return Ok(());
    };
    match inputs
        .iter()
        .any(|input| input.canonicalize().is_ok_and(|it| it == place))
    {
        true => Err(Stop::Usage(format!(
            "expected {output:?} to be no input, but found it is one"
        ))),
        false => Ok(()),
    }
}

struct Run {
    stream: Stream,
    rejects: Lines,
    notes: Option<Lines>,
    progress: Progress,
    rejected: bool,
}

/// How far an input has been read.
#[derive(Default)]
struct Position {
    logs: u64,
    events: u64,
}

impl Run {
    /// Reads every input. One that fails is told, and leaves the others their turn.
    fn all(&mut self, files: &[PathBuf]) -> Result<Status, Stop> {
        let mut status = Status::Done;
        let inputs: Vec<_> = match files {
            [] => vec![None],
            files => files.iter().map(|path| Some(path.as_path())).collect(),
        };
        for path in inputs {
            let failed = match Input::open(path) {
                Ok(input) => self.one(input)?,
                Err(stop) => Some(stop),
            };
            if let Some(Stop::Failed(message)) = failed {
                self.progress.clear();
                output::complain(&message);
                status = Status::Failed;
            }
        }
        Ok(status)
    }

    /// Reads one input to its end, or up to where it fails: what was read of it is not lost.
    fn one(&mut self, mut input: Input) -> Result<Option<Stop>, Stop> {
        let mut position = Position::default();
        let mut buffer = vec![0; PIECE];
        let failed = loop {
            match input.read(&mut buffer) {
                Ok(0) => break None,
                Ok(length) => {
                    let batches = self.stream.push(&buffer[..length]);
                    self.write(batches, &input.name, &mut position)?;
                    self.progress.add(length as u64, position.events);
                }
                Err(stop) => break Some(stop),
            }
        };
        let batches = self.stream.finish();
        self.write(batches, &input.name, &mut position)?;
        self.progress.next_input(position.events);
        Ok(failed)
    }

    fn write(
        &mut self,
        batches: Result<Vec<Batch>, Failure>,
        file: &str,
        position: &mut Position,
    ) -> Result<(), Stop> {
        let batches = batches.map_err(|failure| Stop::Failed(failure.to_string()))?;
        let _whole = output::whole();
        for batch in &batches {
            output::print(&batch.events)?;
            self.write_rejections(batch, file, position)?;
            self.write_notes(batch, file, position)?;
            position.logs += batch.logs.len() as u64;
            position.events += batch.log_indexes.len() as u64;
        }
        Ok(())
    }

    fn write_rejections(
        &mut self,
        batch: &Batch,
        file: &str,
        position: &Position,
    ) -> Result<(), Stop> {
        if batch.rejections.is_empty() {
            return Ok(());
        }
        self.rejected = true;
        self.progress.clear();
        for rejection in &batch.rejections {
            let log = batch.logs.get(rejection.log_index as usize);
            let log = log.copied().unwrap_or(Span {
                offset: 0,
                length: 0,
            });
            let line = Rejected {
                file,
                index: position.logs + u64::from(rejection.log_index),
                log,
                reason: &rejection.reason,
            };
            let stream = &self.stream;
            self.rejects
                .put(|out| line.write(out, || stream.raw(log)))?;
        }
        self.rejects.put(|out| out.flush())
    }

    fn write_notes(&mut self, batch: &Batch, file: &str, position: &Position) -> Result<(), Stop> {
        let Some(notes) = &mut self.notes else {
            return Ok(());
        };
        for note in &batch.notes {
            let line = json!({
                "file": file,
                "event": position.events + u64::from(note.event_index),
                "row": note.row,
                "message": note.message,
            });
            notes.put(|out| writeln!(out, "{line}"))?;
        }
        notes.put(|out| out.flush())
    }
}

/// A place for JSON lines.
struct Lines {
    place: String,
    out: BufWriter<Box<dyn Write>>,
}

impl Lines {
    fn standard_error() -> Lines {
        Lines {
            place: "standard error".to_owned(),
            out: BufWriter::new(Box::new(io::stderr())),
        }
    }

    fn create(path: &Path) -> Result<Lines, Stop> {
        let place = format!("{path:?}");
        match File::create(path) {
            Ok(file) => Ok(Lines {
                place,
                out: BufWriter::new(Box::new(file)),
            }),
            Err(error) => Err(output::failed(&place, &error)),
        }
    }

    fn put(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Stop> {
        write(&mut self.out).map_err(|error| output::failed(&self.place, &error))
    }
}
