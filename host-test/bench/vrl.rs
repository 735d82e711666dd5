//! The mapping in VRL, a process of its own: `vrl/main.rs` says why.

use std::io::{BufRead, BufReader, Write};
use std::ops::Range;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::components::target_folder;

/// The process, ready to read the logs of a file.
pub struct Vrl {
    process: Child,
    asked: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Vrl {
    /// Starts the process, which compiles the program.
    pub fn start(log_type: &str, logs: &Path) -> Vrl {
        let mut process = start(&["time".as_ref(), log_type.as_ref(), logs.as_os_str()]);
        Vrl {
            asked: process.stdin.take(),
            answers: BufReader::new(process.stdout.take().expect("its output is piped")),
            process,
        }
    }

    /// How long the logs at these indexes took.
    pub fn run(&mut self, logs: Range<usize>) -> Duration {
        let asked = self.asked.as_mut().expect("the process has not ended");
        writeln!(asked, "{} {}", logs.start, logs.len()).expect("the process reads");
        let mut answer = String::new();
        self.answers
            .read_line(&mut answer)
            .expect("the process answers");
        Duration::from_nanos(answer.trim().parse().expect("the process answers a number"))
    }
}

impl Drop for Vrl {
    fn drop(&mut self) {
        // The end of its input ends it.
        self.asked = None;
        let _ = self.process.wait();
    }
}

/// The events of logs of this type, one a line; a log without an event gives null.
pub fn events(log_type: &str, logs: Vec<u8>) -> Vec<Value> {
    let mut process = start(&["events".as_ref(), log_type.as_ref()]);
    let mut input = process.stdin.take().expect("its input is piped");
    let writer = thread::spawn(move || input.write_all(&logs));
    let output = process.wait_with_output().expect("the process ends");
    assert!(output.status.success(), "the process says why");
    writer
        .join()
        .expect("it never panics")
        .expect("the process reads");
    let events = serde_json::Deserializer::from_slice(&output.stdout).into_iter();
    events
        .map(|event| event.expect("events are JSON"))
        .collect()
}

fn start(args: &[&std::ffi::OsStr]) -> Child {
    Command::new(target_folder().join("release/udmill-bench-vrl"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("`cargo xtask bench` has built it")
}
