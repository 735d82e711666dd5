//! As much of an HTTP/1.1 client (RFC 9112) as a sender for tests needs: a connection a request, no TLS, no redirects.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::event::Request;
use crate::subscription::Outcome;

/// How long Event Grid waits for an answer.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What an endpoint answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// 200, 503 …
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of this name, which is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(it, _)| it == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends a request to a path with its query, and reads the whole answer.
///
/// # Errors
///
/// When there is no connection, it breaks, nothing comes for as long as Event Grid waits, or what comes is no HTTP.
pub fn send(to: SocketAddr, target: &str, request: &Request) -> Result<Answer> {
    let mut head = format!(
        "{} {target} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\ncontent-length: {}\r\n",
        request.method,
        request.body.len()
    );
    for (name, value) in &request.headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += "\r\n";
    let mut connection = TcpStream::connect_timeout(&to, PATIENCE)?;
    connection.set_nodelay(true)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    // An endpoint may answer, and close, before it has read everything; what it said still counts.
    let written = connection.write_all(&[head.as_bytes(), &request.body].concat());
    read(&mut BufReader::new(connection)).map_err(|error| written.err().unwrap_or(error))
}

/// What Event Grid makes of it.
pub fn outcome(answer: &Result<Answer>) -> Outcome {
    match answer {
        Ok(answer) => Outcome::Status(answer.status),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            Outcome::TimedOut
        }
        Err(_) => Outcome::SocketError,
    }
}

fn read(from: &mut impl BufRead) -> Result<Answer> {
    let first = line(from)?;
    let status = first
        .strip_prefix("HTTP/1.1 ")
        .and_then(|it| it.get(..3)?.parse().ok());
    let mut answer = Answer {
        status: status.ok_or_else(|| malformed(&first))?,
        ..Answer::default()
    };
    loop {
        let line = line(from)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| malformed(&line))?;
        let header = (name.to_ascii_lowercase(), value.trim().to_owned());
        answer.headers.push(header);
    }
    if answer.header("transfer-encoding") == Some("chunked") {
        loop {
            let size = line(from)?;
            let length = u64::from_str_radix(&size, 16).map_err(|_| malformed(&size))?;
            exactly(from, length, &mut answer.body)?;
            if !line(from)?.is_empty() {
                return Err(malformed("a chunk that goes on"));
            }
            if length == 0 {
                return Ok(answer);
            }
        }
    }
    match answer.header("content-length").map(str::parse) {
        Some(Ok(length)) => exactly(from, length, &mut answer.body)?,
        Some(Err(_)) => return Err(malformed("a length that is none")),
        None => {
            from.read_to_end(&mut answer.body)?;
        }
    }
    Ok(answer)
}

fn line(from: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    match line.strip_suffix("\r\n") {
        Some(line) => Ok(line.to_owned()),
        None if line.is_empty() => Err(ErrorKind::UnexpectedEof.into()),
        None => Err(malformed(&line)),
    }
}

fn exactly(from: &mut impl BufRead, length: u64, to: &mut Vec<u8>) -> Result<()> {
    match from.take(length).read_to_end(to)? as u64 == length {
        true => Ok(()),
        false => Err(ErrorKind::UnexpectedEof.into()),
    }
}

fn malformed(found: &str) -> Error {
    let found: String = found.chars().take(60).collect();
    Error::new(
        ErrorKind::InvalidData,
        format!("expected HTTP/1.1, but found {found:?}"),
    )
}
