//! A Harness audit API to test against: `POST /audit/api/audits/listV2` and `list`, as far as they are published
//! (apidocs.harness.io, tag Audit; harness-core's audit service; developer.harness.io, "Rate limits"; November 2026).
//!
//! Newest first, both bounds included, tokens that are bound to their request, events that can be seen later than
//! they are stamped, 429 without a header, bare messages, HTML, cut answers, and a clock of its own. A [`Service`] is the
//! whole of it without a network or a clock; [`Harness`] puts one on 127.0.0.1. A request that breaks the contract is
//! answered 400 and complained about: a test that has no [`Service::complaints`] knows that the client kept to it.
//!
//! ```no_run
//! # use harness::{Fault, Harness, Service};
//! let mut service = Service::default();
//! service.add_samples(1_767_225_600_000, 5_000, 100);
//! service.faults = [Fault::Told("503-html"), Fault::Reset].into();
//! let server = Harness::start(service);
//! // HARNESS_API_BASE = server.base(), HARNESS_ACCOUNT_ID = harness::ACCOUNT, HARNESS_API_KEY = harness::KEY
//! assert_eq!(server.with(|it| it.complaints.clone()), Vec::<String>::new());
//! ```
//!
//! Left out: TLS, YAML answers, the diffs of `auditYaml`, and labels and tags in filters.

mod answer;
mod fault;
mod filter;
mod request;
mod service;

use std::io::{BufReader, Read, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

pub use plain_http::Request;
use serde_json::Value;

pub use answer::{Answer, Reply};
pub use fault::{ANSWERS, Fault, told};
pub use service::{ACCOUNT, Call, KEY, Key, Service, Stored, Tokens};

/// 73 events of the list API, constructed from its schema: one a line, newest last.
pub const SAMPLES: &str = include_str!("../../src/udm/harness_io/golden/constructed_events.raw");

/// A service on 127.0.0.1. It ends with the process.
pub struct Harness {
    address: SocketAddr,
    service: Arc<Mutex<Service>>,
}

impl Harness {
    /// Starts on a free port.
    ///
    /// # Panics
    ///
    /// Where there is none.
    pub fn start(service: Service) -> Harness {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let service = Arc::new(Mutex::new(service));
        let served = Arc::clone(&service);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let service = Arc::clone(&served);
                thread::spawn(move || {
                    if let Err(error) = serve(connection, &service)
                        && error.kind() == std::io::ErrorKind::InvalidData
                    {
                        lock(&service).complaints.push(error.to_string());
                    }
                });
            }
        });
        Harness { address, service }
    }

    /// `http://127.0.0.1:…` without a slash at the end: `HARNESS_API_BASE`.
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Looks at the service, or changes it, while nothing else does.
    pub fn with<T>(&self, work: impl FnOnce(&mut Service) -> T) -> T {
        work(&mut lock(&self.service))
    }
}

impl Service {
    /// So many events, with the content of [`SAMPLES`] in turn, the first one at `start` and each next one `every`
    /// milliseconds later; all can be seen at once. Gives their ids.
    pub fn add_samples(&mut self, start: i64, every: i64, count: usize) -> Vec<String> {
        let samples = SAMPLES.lines().map(serde_json::from_str::<Value>);
        let samples = samples.map(|it| Arc::new(it.expect("a sample is JSON")));
        let samples: Vec<Arc<Value>> = samples.collect();
        let samples = samples.iter().cycle().take(count).zip(0..);
        samples
            .map(|(it, at)| self.insert(start + at * every, 0, Some(Arc::clone(it))))
            .collect()
    }
}

/// A test that failed while it held the lock has nothing broken in here.
fn lock(service: &Mutex<Service>) -> MutexGuard<'_, Service> {
    service.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(connection: TcpStream, service: &Mutex<Service>) -> Result<()> {
    let mut to = connection.try_clone()?;
    let mut from = BufReader::new(connection);
    while let Some(request) = Request::read(&mut from)? {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |it| it.as_millis() as i64);
        let reply = lock(service).answer(&request, now);
        match reply {
            Reply::Answer(answer) => {
                let headers = answer.headers.iter().map(|(k, v)| (k.as_str(), v.as_str()));
                let headers: Vec<(&str, &str)> = headers.collect();
                plain_http::write(&mut to, answer.status, &headers, &answer.body)?;
            }
            Reply::Cut(answer) => {
                let length = answer.body.len();
                let head = format!(
                    "HTTP/1.1 {} OK\r\ncontent-length: {length}\r\n\r\n",
                    answer.status
                );
                to.write_all(head.as_bytes())?;
                return to.write_all(&answer.body[..length / 2]);
            }
            Reply::Reset => return Ok(()),
            Reply::Hang => {
                from.read_to_end(&mut Vec::new())?;
                return Ok(());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
