//! The mapping in VRL 0.38 (vrl.dev), the language of Vector: a program for each log type ([`PROGRAMS`]), compiled
//! once.
//!
//! A log goes the way it goes through Vector: its bytes are the event's `message`, the program parses them once, and
//! what it leaves as the event is written as JSON. The process is the benchmark's child, so that the packages that
//! VRL needs, and the features that they ask of others, change nothing for the rest.
//!
//! - `events LOG_TYPE`: logs on standard input, one a line; their events on standard output, one a line, `null` for
//!   none
//! - `time LOG_TYPE FILE`: reads the logs of a file; each line on standard input then names a log by its index, and
//!   how many to read from there on, and is answered by the nanoseconds that took

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Write};
use std::time::Instant;
use std::{env, fs};

use vrl::compiler::runtime::{Runtime, Terminate};
use vrl::compiler::{Program, TargetValue, TimeZone};
use vrl::diagnostic::Formatter;
use vrl::value::{Secrets, Value};

/// The log types, each with its program.
const PROGRAMS: [(&str, &str); 2] = [
    ("AZURE_DEVOPS", include_str!("azure_devops.vrl")),
    ("HARNESS_IO", include_str!("harness_io.vrl")),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let mut events = Vec::new();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["events", log_type] => {
            let mut mapping = Mapping::compile(log_type);
            let mut logs = Vec::new();
            io::stdin().read_to_end(&mut logs)?;
            for log in lines(&logs) {
                mapping.write_event(log, &mut events)?;
            }
            io::stdout().write_all(&events)?;
        }
        ["time", log_type, file] => {
            let mut mapping = Mapping::compile(log_type);
            let logs = fs::read(file)?;
            let logs: Vec<&[u8]> = lines(&logs).collect();
            for asked in io::stdin().lock().lines() {
                let asked = asked?;
                let (first, count) = asked.split_once(' ').ok_or("expected two numbers")?;
                let (first, count): (usize, usize) = (first.parse()?, count.parse()?);
                let start = Instant::now();
                for log in &logs[first..first + count] {
                    events.clear();
                    mapping.write_event(log, &mut events)?;
                }
                println!("{}", start.elapsed().as_nanos());
            }
        }
        _ => return Err("expected `events LOG_TYPE` or `time LOG_TYPE FILE`".into()),
    }
    Ok(())
}

struct Mapping {
    program: Program,
    runtime: Runtime,
}

impl Mapping {
    fn compile(log_type: &str) -> Mapping {
        let program = PROGRAMS.iter().find(|program| program.0 == log_type);
        let (_, program) = program.expect("a log type with a program");
        match vrl::compiler::compile(program, &vrl::stdlib::all()) {
            Ok(compiled) => Mapping {
                program: compiled.program,
                runtime: Runtime::default(),
            },
            Err(errors) => panic!("{}", Formatter::new(program, errors)),
        }
    }

    fn write_event(&mut self, log: &[u8], events: &mut Vec<u8>) -> Result<(), String> {
        let message = Value::from(log);
        let mut target = TargetValue {
            value: Value::Object(BTreeMap::from([("message".into(), message)])),
            metadata: Value::Object(BTreeMap::new()),
            secrets: Secrets::default(),
        };
        self.runtime.clear();
        let ended = self
            .runtime
            .resolve(&mut target, &self.program, &TimeZone::default());
        let event = match ended {
            Ok(_) => target.value,
            Err(Terminate::Abort(_)) => Value::Null,
            Err(error) => {
                let log = String::from_utf8_lossy(log);
                return Err(format!("expected an event of {log}, but found {error}"));
            }
        };
        serde_json::to_writer(&mut *events, &event).map_err(|error| error.to_string())?;
        events.push(b'\n');
        Ok(())
    }
}

fn lines(logs: &[u8]) -> impl Iterator<Item = &[u8]> {
    logs.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
}
