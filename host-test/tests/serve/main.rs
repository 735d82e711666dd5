//! `udmill serve` as a host: what it needs to start, how it ends, and the limits that it holds the receiver to.

mod ends;
mod limits;
mod monitors;
mod starts;
mod tls;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use event_grid::{Event, Random, Request, Schema, notification};
use host_test::running::config;

/// A delivery of one event, the same every time.
fn delivery() -> Request {
    let events = event_grid::events(&mut Random::new(7), 1);
    let events: Vec<&Event> = events.iter().collect();
    notification(&events, Schema::EventGrid, 0)
}

/// A request without a body.
fn get() -> Request {
    Request {
        method: "GET",
        ..Request::default()
    }
}

/// A destination, and the configuration that sends to it.
fn destination() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let destination = format!("type = \"http\"\nurl = \"http://{address}/\"");
    (listener, config("", &destination))
}

/// The next request to a destination, read to its end.
fn next(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(number) = line.strip_prefix("content-length:") {
            length = number.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    reader.into_inner()
}

/// Answers 200.
fn answer(mut stream: TcpStream) {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    stream.write_all(answer).unwrap();
}

/// Whether anybody listens.
fn is_open(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok()
}
