//! The admin address: `/metrics` for Prometheus, `/healthz` for whoever restarts the process. It shows counts by feed
//! and asks for no credentials, so it belongs on loopback or an inner network.

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use wasmtime_wasi_http::WasiBody;

use super::connections::Answer;
use super::front::text_answer;
use super::metrics::Metrics;

/// Answers on the admin address.
pub(super) struct Admin(pub Arc<Metrics>);

impl Answer for Admin {
    async fn answer(&self, request: Request<Incoming>) -> Response<WasiBody> {
        let gets = matches!(*request.method(), Method::GET | Method::HEAD);
        match request.uri().path() {
            "/metrics" if gets => {
                let mut answer = text_answer(StatusCode::OK, self.0.text());
                let version = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
                answer.headers_mut().insert(CONTENT_TYPE, version);
                answer
            }
            "/healthz" if gets => text_answer(StatusCode::OK, "ok\n".to_owned()),
            "/metrics" | "/healthz" => {
                text_answer(StatusCode::METHOD_NOT_ALLOWED, "GET only\n".to_owned())
            }
            _ => text_answer(
                StatusCode::NOT_FOUND,
                "/metrics and /healthz are here\n".to_owned(),
            ),
        }
    }
}
