//! Answers, and the two envelopes of errors: `Error`, and for the form of a request `Failure` (apidocs.harness.io,
//! November 2026).

use serde_json::{Value, json};

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It is answered.
    Answer(Answer),
    /// The connection ends in the middle of the answer.
    Cut(Answer),
    /// The connection ends without an answer.
    Reset,
    /// Nothing comes, while the client waits.
    Hang,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// 200, 503 …
    pub status: u16,
    /// Names in lower case; the length is the connection's to tell.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Answer {
    /// JSON.
    pub fn json(status: u16, body: &Value) -> Answer {
        Answer::new(status, "application/json", body.to_string().as_bytes())
    }

    /// A page of the edge, which speaks no JSON.
    pub fn html(status: u16, text: &str) -> Answer {
        let body = format!(
            "<!doctype html><html><head><title>{status}</title></head><body>{text}</body></html>"
        );
        Answer::new(status, "text/html; charset=UTF-8", body.as_bytes())
    }

    /// Anything.
    pub fn new(status: u16, content_type: &str, body: &[u8]) -> Answer {
        Answer {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.to_vec(),
        }
    }

    /// The first header of this name, which is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(it, _)| it == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// The envelope `Error`.
pub fn error(status: u16, code: &str, message: &str, correlation: &str) -> Answer {
    let response = json!({"code": code, "level": "ERROR", "message": message, "exception": null, "failureTypes": []});
    let body = json!({
        "status": "ERROR", "code": code, "message": message, "correlationId": correlation, "detailedMessage": null,
        "responseMessages": [response], "metadata": null,
    });
    Answer::json(status, &body)
}

/// The envelope `Failure`, for a parameter that is out of its bounds.
pub fn failure(field: &str, wrong: &str, correlation: &str) -> Answer {
    let body = json!({
        "status": "FAILURE", "code": "INVALID_REQUEST", "message": format!("{field}: {wrong}"),
        "correlationId": correlation, "errors": [{"fieldId": field, "error": wrong}],
    });
    Answer::json(400, &body)
}
