//! What whoever runs the receiver does with it from a terminal: `udmill deliver` and `udmill probe`, as processes.

mod deliver;
mod probe;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A folder with a configuration, and what the command needs besides.
struct Desk {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

/// How a command ended, and what it said.
struct Ended {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Desk {
    fn with(config: &str, variables: &[(&str, &str)]) -> Desk {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("udmill.toml"), config).unwrap();
        let variable = |(name, value): &(&str, &str)| {
            let name = format!("SPIN_VARIABLE_{}", name.to_uppercase());
            (name, (*value).to_owned())
        };
        Desk {
            folder,
            variables: variables.iter().map(variable).collect(),
        }
    }

    /// A file in the folder.
    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Runs the command in the folder to its end; without an input, standard input is empty.
    fn run(&self, args: &[&str]) -> Ended {
        let mut command = Command::new(host_test::command());
        command
            .args(args)
            .current_dir(self.folder.path())
            .env("XDG_CACHE_HOME", host_test::cache())
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null());
        let output = command.output().unwrap();
        Ended {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// `udmill deliver` with this configuration and a store in the folder.
    fn deliver(&self, args: &[&str]) -> Ended {
        let all = [
            "deliver",
            "--config",
            "udmill.toml",
            "--state",
            "state",
            "--attempts",
            "1",
        ];
        self.run(&[&all[..], args].concat())
    }
}

impl Ended {
    /// Ended with this status, having said this.
    #[track_caller]
    fn assert(&self, status: i32, said: &str) {
        let Ended { stdout, stderr, .. } = self;
        assert_eq!(self.status, Some(status), "{stdout}{stderr}");
        let all = format!("{stdout}{stderr}");
        assert!(all.contains(said), "expected {said:?} in\n{all}");
    }
}
