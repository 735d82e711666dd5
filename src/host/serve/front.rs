//! What stands between connections and instances: reads a request whole, within limits, and hands it over; says what
//! became of it if there is no answer.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time;
use wasmtime::component::Component as Compiled;
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::handler::{ExpirationError, InstantiationError, ProxyHandler};

use super::connections::Answer;
use super::context::Shared;
use super::instances::Instances;
use super::lines::Sink;
use super::metrics::Metrics;
use super::{Application, COLLECTS, ServerLimits};

/// Answers requests by instances.
pub(super) struct Front {
    handler: ProxyHandler<Instances>,
    collector: Option<ProxyHandler<Instances>>,
    limits: ServerLimits,
    requests: Semaphore,
    /// Of bodies in memory, a permit for each KiB.
    memory: Arc<Semaphore>,
    metrics: Arc<Metrics>,
    log: Arc<Sink>,
}

/// Why a request did not come to an instance, or not back from it.
#[derive(Clone, Copy, Debug)]
enum Refusal {
    Busy,
    TooLarge,
    TooSlow,
    Broken,
    NoInstance,
    TimedOut,
    Trapped,
}

const KIB: usize = 1 << 10;

/// The most bytes that are set aside for a body before it comes. A delivery of Event Grid has no more.
const AHEAD: usize = 1 << 20;

impl Front {
    /// # Errors
    ///
    /// Where a component of the application imports what this host does not have.
    pub fn new(
        application: &Application,
        shared: &Shared,
        limits: ServerLimits,
        metrics: &Arc<Metrics>,
    ) -> wasmtime::Result<Front> {
        let handler = |component: &Compiled| {
            Instances::new(application, component, shared).map(ProxyHandler::new)
        };
        Ok(Front {
            handler: handler(&application.receiver)?,
            collector: application.collector.as_ref().map(handler).transpose()?,
            limits,
            requests: Semaphore::new(limits.requests),
            memory: Arc::new(Semaphore::new(limits.bodies / KIB)),
            metrics: Arc::clone(metrics),
            log: Arc::clone(&shared.stderr),
        })
    }

    /// Hands a whole request to an instance, without asking for a place: the host's own requests have one.
    pub async fn call(&self, request: Request<Bytes>) -> Option<Response<WasiBody>> {
        self.hand_over(request).await.ok()
    }

    async fn try_answer(&self, request: Request<Incoming>) -> Result<Response<WasiBody>, Refusal> {
        let (head, body) = request.into_parts();
        let (body, _memory) = time::timeout(self.limits.reading, self.read(body))
            .await
            .unwrap_or(Err(Refusal::TooSlow))?;
        let _place = self.requests.try_acquire().map_err(|_| Refusal::Busy)?;
        self.hand_over(Request::from_parts(head, body)).await
    }

    /// The body, and its place in memory.
    async fn read(
        &self,
        mut body: Incoming,
    ) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Refusal> {
        let most = self.limits.body;
        if body.size_hint().lower() > most as u64 {
            return Err(Refusal::TooLarge);
        }
        // Whoever announces much has not sent it yet.
        let announced = body.size_hint().lower().min(AHEAD as u64) as usize;
        let mut bytes = BytesMut::with_capacity(announced);
        let mut taken: Option<OwnedSemaphorePermit> = None;
        while let Some(frame) = body.frame().await {
            let Ok(piece) = frame.map_err(|_| Refusal::Broken)?.into_data() else {
                continue;
            };
            if bytes.len() + piece.len() > most {
                return Err(Refusal::TooLarge);
            }
            let needed = (bytes.len() + piece.len()).div_ceil(KIB);
            let more =
                needed.saturating_sub(taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits));
            let more = Arc::clone(&self.memory).try_acquire_many_owned(more as u32);
            let more = more.map_err(|_| Refusal::Busy)?;
            match &mut taken {
                Some(taken) => taken.merge(more),
                none => *none = Some(more),
            }
            bytes.extend_from_slice(&piece);
        }
        Ok((bytes.freeze(), taken))
    }

    async fn hand_over(&self, request: Request<Bytes>) -> Result<Response<WasiBody>, Refusal> {
        let request = request.map(|body| {
            Full::new(body)
                .map_err(|never| match never {})
                .boxed_unsync()
        });
        let path = request.uri().path();
        let handler = match &self.collector {
            Some(collector) if COLLECTS.iter().any(|it| path.starts_with(it)) => collector,
            _ => &self.handler,
        };
        handler.handle((), request).await.map_err(|error| {
            if error.is::<ExpirationError>() {
                Refusal::TimedOut
            } else if let Some(error) = error.downcast_ref::<InstantiationError<()>>() {
                let reason = error.error.root_cause();
                self.log
                    .say(&format!("udmill: no instance can be made: {reason}"));
                Refusal::NoInstance
            } else {
                Refusal::Trapped
            }
        })
    }
}

impl Answer for Front {
    async fn answer(&self, request: Request<Incoming>) -> Response<WasiBody> {
        match self.try_answer(request).await {
            Ok(answer) => answer,
            Err(refusal) => {
                self.metrics.refused(refusal.name());
                refusal.answer()
            }
        }
    }
}

impl Refusal {
    fn name(self) -> &'static str {
        match self {
            Refusal::Busy => "busy",
            Refusal::TooLarge => "too_large",
            Refusal::TooSlow => "too_slow",
            Refusal::Broken => "broken",
            Refusal::NoInstance => "no_instance",
            Refusal::TimedOut => "timed_out",
            Refusal::Trapped => "trapped",
        }
    }

    /// Azure Event Grid drops what is answered 400 or 413, and repeats everything else: so what may pass is 503.
    fn answer(self) -> Response<WasiBody> {
        let status = match self {
            Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::Trapped => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        let mut answer = text_answer(status, format!("{{\"error\":\"{}\"}}", self.name()));
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("30"));
        }
        answer
    }
}

/// An answer of the host itself.
pub(super) fn text_answer(status: StatusCode, text: String) -> Response<WasiBody> {
    let length = HeaderValue::from(text.len());
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {});
    let mut answer = Response::new(body.boxed_unsync());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(CONTENT_LENGTH, length);
    answer
}
