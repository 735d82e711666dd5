use std::io::{Read, Write};
use std::net::TcpStream;

use host_test::running::{Receiver, config};

use crate::get;

#[test]
fn a_monitor_may_ask_without_the_body() {
    let host = Receiver::start(&config("", "type = \"stdout\""));
    for path in ["/healthz", "/readyz"] {
        let whole = host.send(path, &get());
        let mut stream = TcpStream::connect(host.address).unwrap();
        let head = format!("HEAD {path} HTTP/1.1\r\nhost: receiver\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        let length = format!("\r\ncontent-length: {}\r\n", whole.body.len());
        assert!(answer.contains(&length), "{answer}");
        assert!(answer.ends_with("\r\n\r\n"), "{answer}");
    }
}
