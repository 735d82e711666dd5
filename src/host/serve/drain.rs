//! The spool's clock: has the receiver deliver what it stored, every few seconds. Under Spin, the cron trigger does
//! this.
//!
//! The request never leaves the process. Its key is made anew for every process and told to the component as a
//! variable.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::BodyExt;
use tokio::sync::watch;
use tokio::time::{self, MissedTickBehavior};

use super::connections::stopped;
use super::front::Front;

/// How long is waited between two drains.
const EVERY: Duration = Duration::from_secs(5);

const PATH: &str = "/v1/spool/drain";

/// Drains until it is told to stop, or the component says that there is nothing of the kind.
pub(super) async fn drain(front: Arc<Front>, key: String, mut stop: watch::Receiver<bool>) {
    let mut clock = time::interval(EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let Ok(key) = HeaderValue::try_from(format!("Bearer {key}")) else {
        return;
    };
    loop {
        tokio::select! {
            _ = clock.tick() => {}
            () = stopped(&mut stop) => return,
        }
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_static(PATH);
        request.headers_mut().insert(AUTHORIZATION, key.clone());
        let Some(answer) = front.call(request).await else {
            continue;
        };
        if answer.status() == StatusCode::NOT_FOUND {
            return;
        }
        // The instance is free again when its answer was read.
        let _ = answer.into_body().collect().await;
    }
}
