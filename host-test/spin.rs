//! Spin in place of `udmill serve`, for tests that ask nothing else of a host than to run the receiver.
//!
//! `cargo xtask test` says which Spin, in the environment variable UDMILL_SPIN. There are no metrics and no files of
//! configuration then; what the receiver writes is read from the files that Spin writes it to ("spin up",
//! <https://spinframework.dev/v3/cli-reference>, 2026).

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// The Spin that tests run under, where they do.
pub(crate) fn binary() -> Option<OsString> {
    env::var_os("UDMILL_SPIN")
}

/// What starts the application of spin.toml with this configuration, and a store in this folder.
pub(crate) fn command(spin: &OsStr, config: Option<&str>, state: &Path) -> Command {
    let mut command = Command::new(spin);
    command.args(["up", "--from"]);
    command.arg(crate::project("spin.toml"));
    command.args(["--listen", "127.0.0.1:0", "--quiet", "--state-dir"]);
    command.arg(state).arg("--log-dir").arg(state.join("logs"));
    if let Some(config) = config {
        command.env("SPIN_VARIABLE_UDMILL_CONFIG", config);
    }
    command
}

/// What the receiver writes to `stdout` or `stderr`, to its end, which never comes before that of the test.
pub(crate) fn written(state: &Path, stream: &str) -> impl Read + Send + use<> {
    Growing {
        path: state.join(format!("logs/receiver_{stream}.txt")),
        file: None,
    }
}

/// Ends it. What `spin up` has started ends with it, unless it is killed.
pub(crate) fn end(child: &mut Child) {
    // It may have ended on its own, which the test has then noticed.
    let _ = kill_process(Pid::from_child(child), Signal::TERM);
    let _ = child.wait();
}

/// A file that others write to, as soon as it is there.
struct Growing {
    path: PathBuf,
    file: Option<File>,
}

impl Read for Growing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.file.is_none() {
                self.file = File::open(&self.path).ok();
            }
            if let Some(file) = &mut self.file {
                match file.read(buffer)? {
                    0 => {}
                    length => return Ok(length),
                }
            }
            // Nobody tells when there is more.
            thread::sleep(Duration::from_millis(5));
        }
    }
}
