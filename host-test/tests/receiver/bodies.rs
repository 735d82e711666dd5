use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use crate::{assert_refused, bare, delivery, events, post};
use host_test::running::{Receiver, config, feed};

fn printing(first: &str) -> Receiver {
    let text = config("", "type = \"stdout\"");
    Receiver::start(&format!("{first}\n{text}"))
}

#[test]
fn another_method_is_answered_405_with_those_that_are_allowed() {
    let receiver = printing("");
    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        let answer = receiver.deliver(&bare(method));
        assert_refused(&answer, 405);
        let allowed = answer.header("allow").unwrap();
        assert!(allowed.contains("POST") && allowed.contains("OPTIONS"));
    }
}

#[test]
fn a_wrong_content_type_with_a_right_body_is_read_all_the_same() {
    let receiver = printing("");
    let body = delivery(&events(1)).body;
    for media in ["text/plain", "application/octet-stream", "image/png"] {
        assert_eq!(receiver.deliver(&post(media, body.clone())).status, 200);
    }
    let mut request = post("", body);
    request.headers.clear();
    assert_eq!(receiver.deliver(&request).status, 200);
    assert_eq!(receiver.events(4).len(), 4);
}

#[test]
fn a_body_that_neither_is_json_nor_is_said_to_be_is_answered_415() {
    let receiver = printing("");
    let answer = receiver.deliver(&post("application/octet-stream", "\u{0}\u{1}"));
    assert_refused(&answer, 415);
}

#[test]
fn a_body_that_is_not_json_or_not_utf8_is_answered_400() {
    let receiver = printing("");
    for body in [&b"{\"a\":"[..], b"not JSON", b"[{\"a\":\"\xff\xfe\"}"] {
        let answer = receiver.deliver(&post("application/json", body));
        assert_refused(&answer, 400);
    }
    assert_eq!(receiver.printed(0), "");
}

#[test]
fn a_body_of_event_grids_largest_size_is_taken_and_one_beyond_the_limit_is_answered_413() {
    let receiver = printing("max_body = \"2MiB\"");
    let sent: Vec<_> = events(60)
        .into_iter()
        .map(|it| it.saying(&"x".repeat(17_000)))
        .collect();
    let request = delivery(&sent);
    assert!(request.body.len() > 1 << 20);
    assert_eq!(receiver.deliver(&request).status, 200);
    assert_eq!(receiver.events(60).len(), 60);
    let answer = receiver.deliver(&post("application/json", vec![b' '; (2 << 20) + 1]));
    assert_refused(&answer, 413);
}

#[test]
fn a_body_that_is_cut_off_is_answered_503_or_not_at_all() {
    let receiver = printing("");
    let body = delivery(&events(1)).body;
    let mut connection = TcpStream::connect(receiver.address).unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        feed(),
        body.len() + 1
    );
    connection.write_all(head.as_bytes()).unwrap();
    connection.write_all(&body).unwrap();
    connection.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 503 "),
        "{answer}"
    );
    assert_eq!(receiver.printed(0), "");
}

#[test]
fn an_encoded_body_is_answered_415() {
    let receiver = printing("");
    let mut request = delivery(&events(1));
    let coding = ("content-encoding".to_owned(), "gzip".to_owned());
    request.headers.push(coding);
    assert_refused(&receiver.deliver(&request), 415);
}

#[test]
fn an_unknown_feed_is_answered_503_with_an_alarm_and_another_path_404() {
    let receiver = printing("");
    let request = delivery(&events(1));
    let answer = receiver.send("/v1/feeds/azdoo?key=a&secret=b", &request);
    assert_refused(&answer, 503);
    assert_eq!(receiver.request()["alarm"], true);
    for path in ["/", "/v1/feeds", "/v1/feed/azdo", "/v2/feeds/azdo"] {
        assert_refused(&receiver.send(path, &request), 404);
    }
}

#[test]
fn an_invalid_configuration_is_answered_503_and_never_4xx() {
    let text = config("colour = \"red\"", "type = \"stdout\"");
    let receiver = Receiver::start(&text);
    assert_refused(&receiver.deliver(&delivery(&events(1))), 503);
    assert_refused(&receiver.send("/v1/feeds/azdo", &delivery(&events(1))), 503);
    assert_eq!(receiver.ask("GET", "/readyz").status, 503);
}
