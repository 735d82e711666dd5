//! As much of HTTP/1.1 (RFC 9112) as a server for tests needs: one request after the other on a connection, bodies with a length
//! or in chunks. Blocking, one thread a connection; no TLS.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;

/// No sender has a reason to go beyond; the limits of the service are checked elsewhere.
const MAX_BODY: u64 = 64 << 20;
const MAX_LINE: u64 = 64 << 10;

/// A request as it was read.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// As written.
    pub method: String,
    /// Without the query.
    pub path: String,
    /// What stands behind the question mark; may be empty.
    pub query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Chunks joined.
    pub body: Vec<u8>,
}

impl Request {
    /// Reads the next request of a connection; none where the sender closed it.
    pub fn read(connection: &mut BufReader<TcpStream>) -> Result<Option<Request>> {
        if connection.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let first = line(connection)?;
        let mut words = first.split(' ');
        let (Some(method), Some(target), Some("HTTP/1.1"), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(malformed(&first));
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            ..Request::default()
        };
        loop {
            let line = line(connection)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| malformed(&line))?;
            let header = (name.to_ascii_lowercase(), value.trim().to_owned());
            request.headers.push(header);
        }
        request.body = match (
            request.header("transfer-encoding"),
            request.header("content-length"),
        ) {
            (Some("chunked"), None) => chunks(connection)?,
            (None, length) => {
                let length = length.unwrap_or("0");
                exactly(connection, length.parse().map_err(|_| malformed(length))?)?
            }
            (Some(other), _) => return Err(malformed(other)),
        };
        Ok(Some(request))
    }

    /// The first header of this name, which is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(it, _)| it == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Writes an answer.
pub fn write(to: &mut TcpStream, status: u16, headers: &[(&str, &str)], body: &[u8]) -> Result<()> {
    let mut head = format!(
        "HTTP/1.1 {status} {}\r\ncontent-length: {}\r\n",
        if status < 300 { "OK" } else { "Error" },
        body.len()
    );
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += "\r\n";
    to.write_all(&[head.as_bytes(), body].concat())
}

/// A line without its end.
fn line(from: &mut impl BufRead) -> Result<String> {
    let mut line = Vec::new();
    from.take(MAX_LINE).read_until(b'\n', &mut line)?;
    let text = String::from_utf8(line).map_err(|_| malformed("bytes that are no text"))?;
    match text.strip_suffix("\r\n") {
        Some(line) => Ok(line.to_owned()),
        // A sender that dies is none that says something wrong.
        None if !text.ends_with('\n') => Err(ErrorKind::UnexpectedEof.into()),
        None => Err(malformed(&text)),
    }
}

fn chunks(from: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = line(from)?;
        let digits = size.split(';').next().unwrap_or_default();
        let size = u64::from_str_radix(digits, 16).map_err(|_| malformed(&size))?;
        if body.len() as u64 + size > MAX_BODY {
            return Err(malformed("a body without end"));
        }
        body.extend(exactly(from, size)?);
        if !line(from)?.is_empty() {
            return Err(malformed("a chunk that goes on"));
        }
        if size == 0 {
            return Ok(body);
        }
    }
}

fn exactly(from: &mut impl BufRead, length: u64) -> Result<Vec<u8>> {
    if length > MAX_BODY {
        return Err(malformed("a body without end"));
    }
    let mut body = Vec::new();
    if from.take(length).read_to_end(&mut body)? as u64 == length {
        return Ok(body);
    }
    Err(ErrorKind::UnexpectedEof.into())
}

fn malformed(found: &str) -> Error {
    let found: String = found.chars().take(60).collect();
    Error::new(
        ErrorKind::InvalidData,
        format!("expected HTTP/1.1, but found {found:?}"),
    )
}
