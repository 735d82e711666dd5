//! The hops that Event Grid takes: its handshake, and a delivery of one event.

use std::time::Instant;

use bytes::Bytes;
use chrono::SecondsFormat;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use super::network::{Answer, Way};
use super::{Args, Ended, Failed, Mark, Note, Probe, Stop, clock};

/// What marks the test event.
const ACTION: &str = "Udmill.Probe";

impl Probe {
    /// Event Grid's handshake; with the feed's credentials, or with none.
    pub(super) async fn shake_hands(
        &self,
        way: &Way,
        with_credentials: bool,
    ) -> Result<Answer, String> {
        let event = json!([{
            "id": self.id,
            "topic": self.args.topic,
            "subject": "",
            "data": { "validationCode": self.code },
            "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
            "eventTime": now(),
            "metadataVersion": "1",
            "dataVersion": "1",
        }]);
        self.post(way, "SubscriptionValidation", &event, with_credentials)
            .await
    }

    fn echoes(&self, answer: &Answer) -> bool {
        answer.status == 200 && answer.body["validationResponse"] == self.code.as_str()
    }

    /// What the answer to a handshake with the credentials means.
    pub(super) fn welcome(&self, answer: &Answer) -> (Mark, String) {
        match self.echoes(answer) {
            true => (
                Mark::Ok,
                "200 with the credentials, and the code".to_owned(),
            ),
            false => (Failed, self.refusal(answer)),
        }
    }

    /// A handshake without credentials is let in only where the feed lists the topic.
    pub(super) fn stranger(&self, answer: &Answer) -> (Mark, String) {
        match answer.status {
            401 | 403 if self.credentials.is_empty() => (
                Failed,
                format!(
                    "{}: the feed wants credentials; give --secret or UDMILL_SECRET",
                    answer.status
                ),
            ),
            401 | 403 => (Mark::Ok, format!("{} without credentials", answer.status)),
            _ if self.echoes(answer) => (
                Note,
                "200 without credentials: the feed lists this topic, or asks for none".to_owned(),
            ),
            _ => (Failed, self.refusal(answer)),
        }
    }

    /// A delivery of the test event.
    pub(super) async fn deliver(&self, way: &Way) -> Result<(), Ended> {
        let now = now();
        let event = json!([{
            "id": self.id,
            "topic": self.args.topic,
            "subject": "AzureDevOps/Auditing",
            "eventType": "AzureDevOpsAuditEvent",
            "eventTime": now,
            "metadataVersion": "1",
            "dataVersion": "1.0",
            "data": {
                "Id": self.id,
                "ActionId": ACTION,
                "Timestamp": now,
                "Area": "Udmill",
                "CategoryDisplayName": "Access",
                "Details": "udmill probe: a test event, nothing has happened",
            },
        }]);
        let start = Instant::now();
        let answer = self.post(way, "Notification", &event, true).await;
        let time = start.elapsed().as_millis();
        self.tell(
            "delivery",
            answer.map(|it| match it.status {
                200 => (Mark::Ok, format!("200 in {time} ms, {}", self.id)),
                _ => (Failed, self.refusal(&it)),
            }),
        )
    }

    /// What may be wrong.
    fn refusal(&self, answer: &Answer) -> String {
        let kind = answer.body["error"].as_str().unwrap_or_default();
        let hint = match kind {
            "unauthorized" => "the secret, or the API key, is not the feed's",
            "unknown_feed" => "the receiver has no feed of this name",
            "topic_not_allowed" => "the feed lists other topics; name one of them with --topic",
            "configuration" => "the receiver's configuration has mistakes, which its log tells",
            "credentials" => "the destination does not take the receiver's credentials",
            "" => "not an answer of the receiver's",
            _ => "the receiver's log says more; Event Grid would repeat the delivery",
        };
        format!("{} {kind}: {hint}", answer.status).replace(" :", ":")
    }

    async fn post(
        &self,
        way: &Way,
        kind: &'static str,
        events: &Value,
        with_credentials: bool,
    ) -> Result<Answer, String> {
        let mut request = Request::new(Full::new(Bytes::from(events.to_string())));
        *request.method_mut() = Method::POST;
        let headers = request.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        );
        for (name, value) in [
            ("aeg-event-type", kind),
            ("aeg-subscription-name", "UDMILL-PROBE"),
            ("aeg-delivery-count", "0"),
            ("aeg-data-version", "1"),
            ("aeg-metadata-version", "1"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if with_credentials {
            headers.extend(self.credentials.iter().cloned());
        }
        self.send(way, &self.path, request).await
    }
}

/// The feed's credentials as headers, of which no proxy keeps a log.
pub(super) fn credentials(args: &Args) -> Result<Vec<(HeaderName, HeaderValue)>, Stop> {
    let given = [
        ("x-webhook-access-key", &args.secret),
        ("x-goog-api-key", &args.api_key),
    ];
    let mut headers = Vec::new();
    for (name, value) in given {
        let Some(value) = value.as_ref().filter(|it| !it.is_empty()) else {
            continue;
        };
        let mut value = HeaderValue::try_from(value)
            .map_err(|_| Stop::Usage("expected a secret that a header can hold".to_owned()))?;
        value.set_sensitive(true);
        headers.push((HeaderName::from_static(name), value));
    }
    Ok(headers)
}

fn now() -> String {
    clock().to_rfc3339_opts(SecondsFormat::Micros, true)
}
