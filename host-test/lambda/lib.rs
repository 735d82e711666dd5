//! An AWS Lambda to test a runtime against: its runtime API, version 2018-06-01
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>, November 2026), and as much of Secrets
//! Manager as hands out one secret.
//!
//! A function is a folder with an executable `bootstrap`, as in its zip. Left out: extensions, freezing between
//! invocations, initialisation errors, and streamed answers.

use std::io::{BufReader, Result};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use plain_http::{Request, write};

/// The secret that there is; it may be seen nowhere.
pub const SECRET: &str = "sat.kZ3vQxY1TQ2mPa9fLr8bWw.6955b93e0a.canary-of-the-lambdas-key-77c0";
/// What [`SECRET`] is called.
pub const SECRET_ID: &str =
    "arn:aws:secretsmanager:eu-central-1:123456789012:secret:harness-Ab1cD2";

/// A program cannot be run while it is open for writing, also by a process that is about to begin: whoever writes one
/// holds this, and [`Function::start`] does.
pub static STARTING: Mutex<()> = Mutex::new(());

/// A function that waits for invocations. It is killed when this goes.
pub struct Function {
    runtime: Child,
    invocations: Sender<(String, Duration)>,
    results: Receiver<Outcome>,
    count: usize,
}

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With this response.
    Response(String),
    /// With this error, of this type.
    Error(String, String),
    /// With a request that no runtime should make.
    Odd(String),
}

impl Function {
    /// Starts the `bootstrap` of a folder with these variables beside Lambda's own.
    ///
    /// # Panics
    ///
    /// Where it cannot be started.
    pub fn start(folder: &Path, variables: &[(&str, &str)]) -> Function {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (invocations, next) = channel();
        let (done, results) = channel();
        let next = Arc::new(Mutex::new(next));
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (next, done) = (Arc::clone(&next), done.clone());
                // A runtime that goes away has its own reasons.
                thread::spawn(move || _ = serve(connection, &next, &done));
            }
        });
        let mut runtime = command(folder, address, variables);
        let starting = lock(&STARTING);
        let runtime = runtime.spawn().expect("a bootstrap");
        drop(starting);
        Function {
            runtime,
            invocations,
            results,
            count: 0,
        }
    }

    /// Invokes it with an event of EventBridge Scheduler, gives it so long, and waits for its end.
    ///
    /// # Panics
    ///
    /// If it does not end within a minute.
    pub fn invoke(&mut self, within: Duration) -> Outcome {
        self.count += 1;
        let id = format!("8476a536-e9f4-11e8-9739-{:012}", self.count);
        self.invocations
            .send((id.clone(), within))
            .expect("the service");
        let outcome = self.results.recv_timeout(Duration::from_secs(60));
        outcome.expect("an end within a minute")
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.runtime.kill();
        let _ = self.runtime.wait();
    }
}

fn command(folder: &Path, address: SocketAddr, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(folder.join("bootstrap"));
    command.current_dir("/");
    command.stdin(Stdio::null());
    command.env("AWS_LAMBDA_RUNTIME_API", address.to_string());
    command.env("LAMBDA_TASK_ROOT", folder);
    command.env(
        "AWS_ENDPOINT_URL_SECRETS_MANAGER",
        format!("http://{address}"),
    );
    for (name, value) in [
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "ASIAQ3EGRGEXAMPLE000"),
        ("AWS_SECRET_ACCESS_KEY", "canary-of-the-lambdas-role-0f31"),
        ("AWS_SESSION_TOKEN", "canary-of-the-lambdas-session-9b2e"),
    ] {
        command.env(name, value);
    }
    command.envs(variables.iter().copied());
    command
}

type Next = Mutex<Receiver<(String, Duration)>>;

fn serve(connection: TcpStream, next: &Next, done: &Sender<Outcome>) -> Result<()> {
    let mut to = connection.try_clone()?;
    let mut from = BufReader::new(connection);
    let mut answer = |status: u16, headers: &[(&str, &str)], body: &str| {
        write(&mut to, status, headers, body.as_bytes())
    };
    while let Some(request) = Request::read(&mut from)? {
        let text = String::from_utf8_lossy(&request.body).into_owned();
        let path = request.path.strip_prefix("/2018-06-01/runtime/invocation/");
        let last = path.and_then(|it| it.rsplit_once('/'));
        match (request.method.as_str(), path, last) {
            ("POST", None, _) if request.header("x-amz-target").is_some() => {
                let (status, body) = secret(&request, &text);
                answer(
                    status,
                    &[("content-type", "application/x-amz-json-1.1")],
                    &body,
                )?;
            }
            ("GET", Some("next"), _) => {
                let waiting = lock(next).recv();
                let Ok((id, within)) = waiting else {
                    return Ok(());
                };
                let now = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                let deadline = (now + within).as_millis().to_string();
                let headers = [
                    ("Lambda-Runtime-Aws-Request-Id", id.as_str()),
                    ("Lambda-Runtime-Deadline-Ms", &deadline),
                    ("Content-Type", "application/json"),
                ];
                answer(200, &headers, "{}")?;
            }
            ("POST", _, Some((_, "response"))) => {
                answer(202, &[], "{\"status\":\"OK\"}")?;
                _ = done.send(Outcome::Response(text));
            }
            ("POST", _, Some((_, "error"))) => {
                let kind = request.header("lambda-runtime-function-error-type");
                let kind = kind.unwrap_or_default().to_owned();
                answer(202, &[], "{\"status\":\"OK\"}")?;
                _ = done.send(Outcome::Error(kind, text));
            }
            _ => {
                answer(404, &[], "")?;
                _ = done.send(Outcome::Odd(format!("{} {}", request.method, request.path)));
            }
        }
    }
    Ok(())
}

/// A test that failed while it held a lock has nothing broken in here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `GetSecretValue`; that a request is signed is seen by its form.
fn secret(request: &Request, body: &str) -> (u16, String) {
    let signed = request.header("authorization").unwrap_or_default();
    let is_signed = signed.starts_with("AWS4-HMAC-SHA256 Credential=")
        && signed.contains("/eu-central-1/secretsmanager/aws4_request")
        && signed.contains("x-amz-target");
    let is_asked = request.header("x-amz-target") == Some("secretsmanager.GetSecretValue")
        && body == format!("{{\"SecretId\":\"{SECRET_ID}\"}}");
    match (is_signed, is_asked) {
        (true, true) => (
            200,
            format!("{{\"Name\":\"harness\",\"SecretString\":\"{SECRET}\"}}"),
        ),
        (false, _) => (403, "{\"__type\":\"AccessDeniedException\"}".to_owned()),
        (true, false) => (400, "{\"__type\":\"ResourceNotFoundException\"}".to_owned()),
    }
}

#[cfg(test)]
mod tests;
