//! A load generator: HTTP/1.1 over connections that stay open, a thread for each, on this machine.
//!
//! Under [`Load::saturate`] each connection sends as soon as it has its answer. Under [`Load::latencies`] every request
//! has a time at which it is due, whatever became of those before it, and its latency counts from then: a server that
//! stalls is charged for all that would have come meanwhile, which a generator that waits with it would leave out
//! ("coordinated omission").

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most bytes of an answer's head.
const HEAD: usize = 16 << 10;

/// Requests to one server, which are sent over and over.
pub struct Load {
    to: SocketAddr,
    requests: Vec<Vec<u8>>,
}

impl Load {
    /// Requests of this method, path, and bodies.
    pub fn new(to: SocketAddr, method: &str, target: &str, bodies: &[Vec<u8>]) -> Load {
        let request = |body: &Vec<u8>| {
            let head = format!(
                "{method} {target} HTTP/1.1\r\nhost: {to}\r\naeg-event-type: Notification\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            [head.as_bytes(), body].concat()
        };
        Load {
            to,
            requests: bodies.iter().map(request).collect(),
        }
    }

    /// Sends each request once, one after the other.
    pub fn each(&self) -> Result<()> {
        let mut connection = Connection::open(self.to)?;
        let mut requests = self.requests.iter();
        requests.try_for_each(|it| connection.exchange(it).map(drop))
    }

    /// How many requests a second are answered on so many connections.
    pub fn saturate(&self, connections: usize, length: Duration) -> Result<f64> {
        let counts = self.on_each(connections, |mut connection, requests, _| {
            let end = Instant::now() + length;
            let mut count = 0;
            while Instant::now() < end {
                connection.exchange(requests.next().unwrap_or_default())?;
                count += 1;
            }
            Ok(count)
        })?;
        Ok(counts.iter().sum::<u64>() as f64 / length.as_secs_f64())
    }

    /// How long each request took from when it was due, at so many requests a second: those of each connection are
    /// evenly spaced, and its first is due in its own part of the first space.
    pub fn latencies(
        &self,
        connections: usize,
        rate: f64,
        length: Duration,
    ) -> Result<Vec<Duration>> {
        let space = Duration::from_secs_f64(1.0 / rate);
        let all = self.on_each(connections, |mut connection, requests, place| {
            let start = Instant::now() + space * place as u32;
            let count = length.as_secs_f64() * rate / connections as f64;
            let mut latencies = Vec::with_capacity(count as usize + 1);
            for at in 0..count as u32 {
                let due = start + space * connections as u32 * at;
                thread::sleep(due.saturating_duration_since(Instant::now()));
                connection.exchange(requests.next().unwrap_or_default())?;
                latencies.push(due.elapsed());
            }
            Ok(latencies)
        })?;
        Ok(all.concat())
    }

    /// Runs a thread for each connection, all from the same moment. Each is given its place among them, and the requests
    /// from a start of its own.
    fn on_each<T: Send>(
        &self,
        connections: usize,
        run: impl Fn(Connection, &mut dyn Iterator<Item = &[u8]>, usize) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let ready = Barrier::new(connections);
        let one = |place: usize| {
            let connection = Connection::open(self.to);
            let requests = self.requests.iter().map(Vec::as_slice).cycle();
            let mut requests = requests.skip(place * self.requests.len() / connections);
            ready.wait();
            run(connection?, &mut requests, place)
        };
        let one = &one;
        thread::scope(|scope| {
            let threads = (0..connections).map(|place| scope.spawn(move || one(place)));
            let threads: Vec<_> = threads.collect();
            let ended = threads.into_iter().map(|thread| thread.join());
            ended.map(|it| it.expect("no thread panics")).collect()
        })
    }
}

/// The body of the answer to a GET.
pub fn get(to: SocketAddr, target: &str) -> Result<Vec<u8>> {
    let load = Load::new(to, "GET", target, &[Vec::new()]);
    Connection::open(to)?.exchange(&load.requests[0])
}

struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    fn open(to: SocketAddr) -> Result<Connection> {
        let stream = TcpStream::connect_timeout(&to, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Connection {
            stream,
            read: Vec::new(),
        })
    }

    /// Sends a request, and gives the body of its answer, which has to be 200.
    fn exchange(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        self.stream.write_all(request)?;
        self.read.clear();
        let head = loop {
            let end = self.read.windows(4).position(|it| it == b"\r\n\r\n");
            match end {
                Some(end) => break end + 4,
                None if self.read.len() > HEAD => return Err(wrong("no end of its head")),
                None => self.more()?,
            }
        };
        let text = String::from_utf8_lossy(&self.read[..head]).to_ascii_lowercase();
        if !text.starts_with("http/1.1 200 ") {
            let first = text.lines().next().unwrap_or_default();
            return Err(wrong(&format!("{first:?}")));
        }
        let length = text
            .lines()
            .find_map(|it| it.strip_prefix("content-length:"));
        let length = length.and_then(|it| it.trim().parse::<usize>().ok());
        let length = length.ok_or_else(|| wrong("no length"))?;
        while self.read.len() < head + length {
            self.more()?;
        }
        Ok(self.read[head..].to_vec())
    }

    fn more(&mut self) -> Result<()> {
        let mut piece = [0; 4096];
        let length = self.stream.read(&mut piece)?;
        if length == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.read.extend_from_slice(&piece[..length]);
        Ok(())
    }
}

fn wrong(found: &str) -> Error {
    Error::other(format!(
        "expected an answer of status 200, but found {found}"
    ))
}
