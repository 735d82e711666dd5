//! `udmill serve` as a process of its own: started, asked over HTTP, listened to, and killed.

use std::io::Read;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use std::{fs, io};

use event_grid::{Answer, Request};
use serde_json::Value;
use tempfile::TempDir;

use crate::spin;

/// Longer than anything takes that a test waits for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Every secret of these tests has this in it, and nothing else has.
const CANARY: &str = "canary-of-the-";

/// What gets into the feed `azdo`, unless a test's configuration says otherwise. They occur nowhere else.
pub const KEY: &str = "canary-of-the-key-0f8a1c64";
/// See [`KEY`].
pub const SECRET: &str = "canary-of-the-secret-77e2d9b1";
/// What gets into the admin routes.
pub const ADMIN: &str = "canary-of-the-admin-key-5a3bd0";

/// The path of the feed `azdo`, with its credentials as Event Grid sends them.
pub fn feed() -> String {
    format!("/v1/feeds/azdo?key={KEY}&secret={SECRET}")
}

/// A configuration with the feed `azdo` and the destination `main`; `feed` and `destination` are more lines of theirs.
pub fn config(feed: &str, destination: &str) -> String {
    format!(
        "admin_key = \"{{admin_key}}\"\n\
         [feed.azdo]\nlog_type = \"AZURE_DEVOPS\"\ndestination = \"main\"\n\
         auth = {{ api_keys = [\"{{azdo_key}}\"], secrets = [\"{{azdo_secret}}\"] }}\n{feed}\n\
         [destination.main]\n{destination}\n"
    )
}

/// How a host is started.
#[derive(Clone)]
pub struct Start {
    /// None for the one that comes with the command.
    config: Option<String>,
    variables: Vec<(String, String)>,
    arguments: Vec<String>,
    folder: Arc<TempDir>,
}

/// A host that runs the receiver. It is killed when it is dropped.
pub struct Receiver {
    child: Child,
    start: Start,
    /// Where the receiver answers.
    pub address: SocketAddr,
    admin: SocketAddr,
    printed: Arc<Output>,
    logged: Arc<Output>,
}

/// What a process wrote so far.
#[derive(Default)]
pub(crate) struct Output {
    bytes: Mutex<(Vec<u8>, bool)>,
    more: Condvar,
}

impl Start {
    /// With this configuration, the variables of [`config`], and a store of its own.
    pub fn with(config: &str) -> Start {
        let ours = [
            ("azdo_key", KEY),
            ("azdo_secret", SECRET),
            ("admin_key", ADMIN),
        ];
        let start = Start {
            config: Some(config.to_owned()),
            variables: Vec::new(),
            arguments: Vec::new(),
            folder: Arc::new(tempfile::tempdir().unwrap()),
        };
        start.variables(&ours)
    }

    /// Without a configuration.
    pub fn embedded() -> Start {
        Start {
            config: None,
            variables: Vec::new(),
            ..Start::with("")
        }
    }

    /// With these variables, which go before those of the same names.
    pub fn variables(mut self, variables: &[(&str, &str)]) -> Start {
        let variables = variables.iter();
        let variables = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.variables.extend(variables);
        self
    }

    /// Without this variable.
    pub fn without(mut self, variable: &str) -> Start {
        self.variables.retain(|(name, _)| name != variable);
        self
    }

    /// With these arguments of the command.
    pub fn arguments(mut self, arguments: &[&str]) -> Start {
        let arguments = arguments.iter().map(|it| (*it).to_owned());
        self.arguments.extend(arguments);
        self
    }

    /// The folder of the store.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Starts, and waits until the host listens.
    pub fn run(&self) -> Receiver {
        self.run_with(|_| {})
    }

    /// Starts with something else about the process, its standard output for example.
    pub fn run_with(&self, change: impl FnOnce(&mut Command)) -> Receiver {
        let spin = spin::binary();
        let mut command = match &spin {
            Some(spin) => spin::command(spin, self.config.as_deref(), &self.state()),
            None => self.serve(),
        };
        for (name, value) in &self.variables {
            command.env(format!("SPIN_VARIABLE_{}", name.to_uppercase()), value);
        }
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let mut printed = child.stdout.take().map(Output::of).unwrap_or_default();
        let mut logged = Output::of(child.stderr.take().unwrap());
        let told = match spin {
            Some(_) => &printed,
            None => &logged,
        };
        // Each address is told in a line of its own, the receiver's first; Spin tells the receiver's twice.
        let addresses = told.wait(|text| {
            let found: Vec<SocketAddr> = text.lines().filter_map(address).collect();
            (found.len() >= 2).then_some(found)
        });
        if spin.is_some() {
            printed = Output::of(spin::written(&self.state(), "stdout"));
            logged = Output::of(spin::written(&self.state(), "stderr"));
        }
        Receiver {
            child,
            start: self.clone(),
            address: addresses[0],
            admin: addresses[1],
            printed,
            logged,
        }
    }

    /// The command, as a host.
    fn serve(&self) -> Command {
        let mut command = Command::new(crate::command());
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(["--admin-listen", "127.0.0.1:0"])
            .args(&self.arguments)
            .arg("--state")
            .arg(self.state());
        if let Some(config) = &self.config {
            let file = self.folder.path().join("udmill.toml");
            fs::write(&file, config).unwrap();
            command.arg("--config").arg(file);
        }
        command.env("XDG_CACHE_HOME", crate::cache());
        command
    }
}

impl Receiver {
    /// Starts with this configuration and nothing else.
    pub fn start(config: &str) -> Receiver {
        Start::with(config).run()
    }

    /// The folder of the store.
    pub fn state(&self) -> PathBuf {
        self.start.state()
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end, and gives its exit status.
    pub fn end(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// The first line of the log that has this in it, as soon as it is there.
    pub fn logged(&self, text: &str) -> String {
        let line = |lines: &str| {
            lines
                .lines()
                .find(|it| it.contains(text))
                .map(str::to_owned)
        };
        self.logged.wait(line)
    }

    /// Ends it as abruptly as can be, if it has not ended yet, and starts the next on the same store.
    pub fn restart(&mut self) {
        // It may be dead already, which is as good.
        let _ = self.child.kill();
        self.child.wait().unwrap();
        *self = self.start.run();
    }

    /// Sends a request to the feed `azdo`, with its credentials.
    pub fn deliver(&self, request: &Request) -> Answer {
        self.send(&feed(), request)
    }

    /// Sends a request to a path with its query.
    pub fn send(&self, target: &str, request: &Request) -> Answer {
        let answer = event_grid::send(self.address, target, request).unwrap();
        self.assert_keeps_secrets(&answer.text());
        answer
    }

    /// Asks with a method that has no body, with the admin's key.
    pub fn ask(&self, method: &'static str, target: &str) -> Answer {
        let request = Request {
            method,
            headers: vec![("authorization".to_owned(), format!("Bearer {ADMIN}"))],
            body: Vec::new(),
        };
        self.send(target, &request)
    }

    /// What Prometheus would read.
    pub fn metrics(&self) -> String {
        let request = Request {
            method: "GET",
            ..Request::default()
        };
        let answer = event_grid::send(self.admin, "/metrics", &request).unwrap();
        self.assert_keeps_secrets(&answer.text());
        answer.text()
    }

    /// Everything on standard output, once so many lines are there.
    pub fn printed(&self, lines: usize) -> String {
        self.printed.wait(|text| {
            let whole = text.matches('\n').count() >= lines;
            whole.then(|| text.to_owned())
        })
    }

    /// The events on standard output, once so many are there.
    pub fn events(&self, count: usize) -> Vec<Value> {
        let printed = self.printed(count);
        let lines = printed.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    }

    /// The lines of the log, once there is one for so many requests.
    pub fn requests(&self, count: usize) -> Vec<Value> {
        self.logged.wait(|text| {
            let lines = text.lines().filter_map(|it| serde_json::from_str(it).ok());
            let requests: Vec<Value> = lines
                .filter(|it: &Value| it["kind"] == "request" && it["route"] != "drain")
                .collect();
            (requests.len() >= count).then_some(requests)
        })
    }

    /// The line of the log for the last request, which was the only one so far.
    pub fn request(&self) -> Value {
        let mut requests = self.requests(1);
        assert_eq!(requests.len(), 1);
        requests.remove(0)
    }

    /// Everything that was ever written to either stream.
    pub fn written(&self) -> String {
        let text = |it: &Output| String::from_utf8_lossy(&it.bytes.lock().unwrap().0).into_owned();
        text(&self.printed) + &text(&self.logged)
    }

    /// Whatever a test is about: no secret is in what the host answers, shows or writes.
    fn assert_keeps_secrets(&self, text: &str) {
        let variables = self.start.variables.iter().map(|(_, value)| value.as_str());
        // Shorter ones can be in a text by chance.
        let secrets = variables.filter(|it| it.len() >= 16);
        for secret in secrets.chain([CANARY]) {
            assert!(!text.contains(secret), "{secret} is in\n{text}");
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if spin::binary().is_some() {
            spin::end(&mut self.child);
        }
        // It may have ended on its own, which the test has then noticed.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let logged = self.logged.bytes.lock();
            let logged = logged.unwrap_or_else(PoisonError::into_inner);
            let end = &logged.0[logged.0.len().saturating_sub(4000)..];
            eprintln!("the host wrote last:\n{}", String::from_utf8_lossy(end));
        } else {
            self.assert_keeps_secrets(&self.written());
        }
    }
}

impl Output {
    /// Follows a stream to its end.
    pub(crate) fn of(mut stream: impl Read + Send + 'static) -> Arc<Output> {
        let output = Arc::new(Output::default());
        let shared = Arc::clone(&output);
        thread::spawn(move || {
            let mut piece = vec![0; 64 << 10];
            loop {
                let length = match stream.read(&mut piece) {
                    Ok(length) => length,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(_) => 0,
                };
                let mut bytes = shared.bytes.lock().unwrap();
                bytes.0.extend_from_slice(&piece[..length]);
                bytes.1 = length == 0;
                shared.more.notify_all();
                if length == 0 {
                    return;
                }
            }
        });
        output
    }

    /// What `find` finds in the text so far, as soon as it finds something.
    pub(crate) fn wait<T>(&self, find: impl Fn(&str) -> Option<T>) -> T {
        let start = Instant::now();
        let mut bytes = self.bytes.lock().unwrap();
        loop {
            // A line that is still coming is no line.
            let end = bytes.0.iter().rposition(|it| *it == b'\n');
            let text = String::from_utf8_lossy(&bytes.0[..end.map_or(0, |it| it + 1)]);
            if let Some(found) = find(&text) {
                return found;
            }
            let left = PATIENCE.saturating_sub(start.elapsed());
            assert!(!bytes.1 && !left.is_zero(), "the process wrote:\n{text}");
            bytes = self.more.wait_timeout(bytes, left).unwrap().0;
        }
    }
}

/// The address of this machine in a line of the host.
fn address(line: &str) -> Option<SocketAddr> {
    let start = line.find("127.0.0.1:")?;
    let rest = &line[start..];
    let is_part = |it: char| it.is_ascii_digit() || it == '.' || it == ':';
    let end = rest.find(|it| !is_part(it)).unwrap_or(rest.len());
    rest[..end].parse().ok()
}
