//! The command as a process: what it prints where, how it ends, and what it needs.

mod cache;
mod logs;
mod results;
mod streams;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

/// A log that becomes an event, with this id.
fn log(id: &str) -> String {
    format!(r#"{{"Id":"{id}","ActionId":"Git.CreateRepo","Timestamp":"2024-01-01T00:00:00Z"}}"#)
}

/// The command with its arguments, and a cache of its own for the tests.
fn udmill(args: &[&str]) -> Command {
    let mut command = Command::new(host_test::command());
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache");
    command.env("XDG_CACHE_HOME", cache);
    command.env_remove("UDMILL_COMPONENT");
    command.args(args);
    command.stdin(Stdio::piped());
    command.stdout(Stdio::piped());
    command.stderr(Stdio::piped());
    command
}

/// `udmill transform` for the log type of all tests, with more arguments.
fn transform(args: &[&str]) -> Command {
    let mut command = udmill(&["transform", "--log-type", "AZURE_DEVOPS"]);
    command.args(args);
    command
}

/// How a command ended, and what it said.
struct Ended {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ended {
    /// The JSON lines of standard output.
    fn events(&self) -> Vec<Value> {
        lines(&self.stdout)
    }

    /// The `productLogId` of each event.
    fn ids(&self) -> Vec<String> {
        let events = self.events();
        let ids = events
            .iter()
            .map(|it| it["metadata"]["productLogId"].as_str());
        ids.map(|it| it.unwrap().to_owned()).collect()
    }
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Runs a command to its end, with this standard input.
fn run(mut command: Command, input: impl AsRef<[u8]>) -> Ended {
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.as_ref().to_vec();
    // It may end before it has read everything, which breaks this pipe.
    let writer = thread::spawn(move || stdin.write_all(&input).is_ok());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Ended {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
