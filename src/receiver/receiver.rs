//! What a request gets for an answer.

use crate::exchange::{Body, Request, Response};
use crate::host::Host;
use crate::wit::transform::{FieldNames, Options};

/// The receiver in one instance of the component: its configuration, and what it remembers between requests.
pub struct Receiver {
    max_body: usize,
}

impl Receiver {
    /// Reads the configuration.
    pub async fn load<H: Host>(_host: &H) -> Receiver {
        Receiver { max_body: 4 << 20 }
    }

    /// The most bytes of a request's body.
    pub fn max_body(&self) -> usize {
        self.max_body
    }

    /// Whether the configuration was read, and has no mistakes.
    pub fn is_configured(&self) -> bool {
        true
    }

    /// Answers a request.
    pub async fn answer<H: Host>(&self, host: &H, request: Request) -> Response {
        if request.path == "/healthz" {
            return Response::json(200, &serde_json::json!({ "status": "ok" }));
        }
        let Body::Whole(payload) = request.body else {
            return Response::error(503, "cut_off");
        };
        let options = Options {
            log_type: "AZURE_DEVOPS".to_owned(),
            split_delimiter: None,
            namespace: None,
            labels: Vec::new(),
            field_names: FieldNames::LowerCamel,
        };
        match host.normalize(&payload, &options) {
            Ok(batch) if host.print(&batch.events).is_ok() => Response::empty(200),
            _ => Response::error(503, "unavailable"),
        }
    }
}
