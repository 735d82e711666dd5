//! The components without a listener: whoever runs this process hands logs to the receiver, which takes them the way
//! of a delivery, or has the collector do its work. What the receiver logs is not shown; its answers tell the caller
//! the same.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, RETRY_AFTER};
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::BodyExt;
use serde_json::Value;

use super::context::Shared;
use super::front::Front;
use super::lines::Sink;
use super::metrics::Metrics;
use super::outbound::Outbound;
use super::{Allowed, Application, ServerLimits, StartError, Store, Variables, new_secret};

/// A component that only this process can reach.
pub struct Inside {
    front: Front,
    key: HeaderValue,
}

/// What the component says to what was handed over.
#[derive(Clone, Debug, Default)]
pub struct Handed {
    /// 200 if all of them are safe; 0 if there was no answer.
    pub status: u16,
    /// When it makes sense to try again.
    pub retry_after: Duration,
    /// Counts `logs`, `events` and `quarantined`; tells `error` and `message`.
    pub body: Value,
}

impl Inside {
    /// Opens the store. To the variables are added `udmill_deliver_key`, made for this process alone, and
    /// `udmill_loopback`.
    ///
    /// # Errors
    ///
    /// Where the store cannot be opened, or the application imports what this host does not have.
    pub fn start(
        application: &Application,
        state: &Path,
        variables: Vec<(String, String)>,
        allowed: Allowed,
        limits: ServerLimits,
    ) -> Result<Inside, StartError> {
        let system = |error: &dyn std::fmt::Display| StartError::System(error.to_string());
        let key = new_secret().map_err(|error| system(&error))?;
        let own = [
            ("udmill_deliver_key", key.as_str()),
            ("udmill_loopback", "true"),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let metrics = Arc::new(Metrics::default());
        let stderr = Arc::new(Sink::stderr(&metrics).map_err(|error| system(&error))?);
        let shared = Shared {
            variables: Variables::new(variables.into_iter().chain(own)),
            store: Store::open(state, limits.store).map_err(StartError::Store)?,
            outbound: Outbound::new(allowed, &stderr),
            stdout: Arc::new(Sink::stdout().map_err(|error| system(&error))?),
            logs: Arc::new(Sink::nowhere().map_err(|error| system(&error))?),
            stderr: Arc::clone(&stderr),
        };
        Ok(Inside {
            front: Front::new(application, &shared, limits, &metrics)
                .map_err(StartError::Component)?,
            key: HeaderValue::try_from(format!("Bearer {key}")).map_err(|error| system(&error))?,
        })
    }

    /// Hands over a payload for a feed. `piece` tells payloads apart that have equal logs without ids; it and the
    /// feed's name hold nothing that a URL has to escape.
    pub async fn deliver(&self, feed: &str, piece: &str, payload: Bytes) -> Handed {
        let target = format!("/v1/deliver/{feed}?piece={piece}");
        self.ask(&target, payload).await
    }

    /// Calls a route of the component for operators, which is given as path and query.
    pub async fn post(&self, target: &str) -> Handed {
        self.ask(target, Bytes::new()).await
    }

    async fn ask(&self, target: &str, payload: Bytes) -> Handed {
        let Ok(uri) = Uri::try_from(target) else {
            return Handed::default();
        };
        let mut request = Request::new(payload);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        request
            .headers_mut()
            .insert(AUTHORIZATION, self.key.clone());
        let Some(answer) = self.front.call(request).await else {
            return Handed::default();
        };
        let status = answer.status().as_u16();
        let seconds = answer.headers().get(RETRY_AFTER);
        let seconds = seconds.and_then(|it| it.to_str().ok()?.parse().ok());
        let body = answer.into_body().collect().await;
        let body = body.map(|it| it.to_bytes()).unwrap_or_default();
        Handed {
            status,
            retry_after: Duration::from_secs(seconds.unwrap_or(1)),
            body: serde_json::from_slice(&body).unwrap_or_default(),
        }
    }
}
