//! The hops that any monitor asks: whether the process lives, whether it is ready, and what waits.

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use http_body_util::Full;
use serde_json::Value;

use super::network::{Answer, Way};
use super::{Ended, Failed, Mark, Note, Probe};

impl Probe {
    /// Whether the process lives.
    pub(super) async fn health(&self, way: &Way) -> Result<(), Ended> {
        let answer = self.get(way, "/healthz", None).await;
        self.tell(
            "/healthz",
            answer.map(|it| match (it.status, &it.body["status"]) {
                (200, Value::String(status)) if status == "ok" => (Mark::Ok, "200".to_owned()),
                (status, _) => (
                    Note,
                    format!(
                        "{status}, which is not the receiver's; the way may be open to feeds only"
                    ),
                ),
            }),
        )
    }

    /// Whether it can do its work, and how destinations answered last.
    pub(super) async fn readiness(&self, way: &Way) -> Result<(), Ended> {
        let answer = self.get(way, "/readyz", None).await;
        self.tell(
            "/readyz",
            answer.map(|it| {
                let text = |key: &str| it.body[key].as_str().unwrap_or("unknown").to_owned();
                let mut state = format!(
                    "{}, configuration {}, store {}",
                    it.status,
                    text("configuration"),
                    text("store")
                );
                for (name, destination) in it.body["destinations"].as_object().into_iter().flatten()
                {
                    let last = destination["last"].as_str().unwrap_or_default();
                    state += &format!(
                        ", destination {name} {last} {} s ago",
                        destination["seconds_ago"]
                    );
                }
                match it.body["status"].as_str() {
                    Some("ready") => (Mark::Ok, state),
                    Some("not_ready") => (Failed, format!("{state}; the receiver's log says more")),
                    _ => (Note, format!("{}, which is not the receiver's", it.status)),
                }
            }),
        )
    }

    /// What waits, and what is in quarantine.
    pub(super) async fn status(&self, way: &Way) -> Result<(), Ended> {
        let answer = self
            .get(way, "/status", self.args.admin_key.as_deref())
            .await;
        self.tell("/status", answer.map(|it| {
            let feed = &it.body["feeds"][&self.args.feed];
            let (of, whose) = match (feed.is_object(), &self.args.admin_key) {
                (true, _) => (feed, "of the feed"),
                (false, None) => (&it.body, "of all feeds"),
                (false, Some(_)) => (&it.body, "of all feeds, since the admin key is another"),
            };
            let spool = &of["spool"];
            match (it.status, of["quarantine"].as_u64()) {
                (200, Some(quarantine)) => {
                    let mark = if quarantine == 0 { Mark::Ok } else { Note };
                    (mark, format!(
                        "{} waiting, the oldest for {} s; {quarantine} in quarantine ({whose})",
                        spool["entries"], spool["oldest_s"],
                    ))
                }
                (status, _) => (Note, format!("{status}, which tells nothing")),
            }
        }))
    }

    async fn get(&self, way: &Way, path: &str, bearer: Option<&str>) -> Result<Answer, String> {
        let mut request = Request::new(Full::<Bytes>::default());
        if let Some(key) = bearer {
            let mut value = HeaderValue::try_from(format!("Bearer {key}"))
                .map_err(|_| "the admin key cannot be in a header".to_owned())?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        self.send(way, path, request).await
    }
}
