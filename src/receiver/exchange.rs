//! A request to the receiver, and its answer, in whatever runtime.

use std::time::Duration;

/// A request. [`std::fmt::Debug`] is left out: headers and the query may hold secrets.
#[derive(Clone)]
pub struct Request {
    /// In capitals.
    pub method: String,
    /// Begins with a slash.
    pub path: String,
    /// What stands behind the question mark, undecoded; empty if there is none.
    pub query: String,
    /// Names in lower case, in the order of the request.
    pub headers: Vec<(String, String)>,
    /// What was read of the body.
    pub body: Body,
    /// When its first byte came, on the scale of [`crate::Host::elapsed`].
    pub arrived: Duration,
}

/// What was read of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// All of it.
    Whole(Vec<u8>),
    /// More than [`crate::receiver::Receiver::max_body`]; the rest was not read.
    TooLarge,
    /// It ended too early, or took too long.
    CutOff,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// 200, 503 …
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// May be empty.
    pub body: Vec<u8>,
}

impl Request {
    /// The first header of this name, which is in lower case, without the white space around its value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(it, _)| it == name)
            .map(|(_, value)| value.trim())
    }

    /// The first parameter of this name in the query, decoded as browsers encode it (WHATWG URL, 5: percent signs,
    /// and a plus sign for a space).
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key) == name).then(|| decode(value))
        })
    }
}

impl Response {
    /// An answer without a body.
    pub fn empty(status: u16) -> Response {
        Response {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// An answer in JSON.
    pub fn json(status: u16, body: &serde_json::Value) -> Response {
        Response {
            status,
            headers: vec![("content-type", "application/json".to_owned())],
            body: body.to_string().into_bytes(),
        }
    }

    /// An answer that says no, in a word, and nothing of the request.
    pub fn error(status: u16, kind: &str) -> Response {
        Response::json(status, &serde_json::json!({ "error": kind }))
    }

    /// The same with one more header.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Response {
        self.headers.push((name, value.into()));
        self
    }
}

/// What is not an escape stands for itself, and bytes that are no UTF-8 for U+FFFD, which no secret contains.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digit = |at: usize| after.get(at).and_then(|it| (*it as char).to_digit(16));
        rest = after;
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = after.get(2..).unwrap_or_default();
            }
            (b'+', ..) => bytes.push(b' '),
            (other, ..) => bytes.push(*other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(query: &str) -> Request {
        Request {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            query: query.to_owned(),
            headers: vec![
                ("a".to_owned(), " 1 ".to_owned()),
                ("a".to_owned(), "2".to_owned()),
            ],
            body: Body::Whole(Vec::new()),
            arrived: Duration::ZERO,
        }
    }

    #[test]
    fn the_first_header_counts() {
        assert_eq!(request("").header("a"), Some("1"));
        assert_eq!(request("").header("b"), None);
    }

    #[test]
    fn parameters_are_decoded() {
        for (query, value) in [
            ("secret=abc", Some("abc")),
            ("key=k&secret=a%2Bb%2f%3D", Some("a+b/=")),
            ("secret=a+b", Some("a b")),
            ("secret=1&secret=2", Some("1")),
            ("s%65cret=x", Some("x")),
            ("secret", Some("")),
            ("secret=100%", Some("100%")),
            ("secret=%zz%4", Some("%zz%4")),
            ("secret=%ff", Some("\u{fffd}")),
            ("secrets=x&notsecret=y", None),
            ("", None),
        ] {
            assert_eq!(
                request(query).parameter("secret").as_deref(),
                value,
                "{query}"
            );
        }
    }

    #[test]
    fn an_error_is_a_word() {
        let response = Response::error(503, "unavailable").with("retry-after", "30");
        assert_eq!(response.body, br#"{"error":"unavailable"}"#);
        assert_eq!(response.headers[0].1, "application/json");
        assert_eq!(response.headers[1], ("retry-after", "30".to_owned()));
    }
}
