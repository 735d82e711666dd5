//! `udmill probe`: a test event on the way of real ones, with a line for each hop.
//!
//! Handshakes and the delivery are as Event Grid makes them ("Endpoint validation with Event Grid event schema",
//! learn.microsoft.com, February 2026). The first hop that fails is the last one that is tried.

mod certificate;
mod network;

use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::runtime;
use udmill::serve::new_secret;

use super::{Status, Stop, output};
use network::{Answer, Base, Way};

/// Send a marked test event through a feed of a running receiver, and tell how each hop went
///
/// The event is an audit log of Azure DevOps with the action `Udmill.Probe`, which Azure DevOps never writes: in SecOps,
/// metadata.product_event_type != "Udmill.Probe" leaves it out.
#[derive(clap::Args)]
pub struct Args {
    /// The feed.
    #[arg(long, value_name = "FEED")]
    feed: String,
    /// Where the receiver is reached: https, or http on loopback.
    #[arg(long, value_name = "URL")]
    url: String,
    /// The feed's secret.
    #[arg(
        long,
        value_name = "SECRET",
        env = "UDMILL_SECRET",
        hide_env_values = true
    )]
    secret: Option<String>,
    /// The feed's API key, if it has one.
    #[arg(
        long,
        value_name = "KEY",
        env = "UDMILL_API_KEY",
        hide_env_values = true
    )]
    api_key: Option<String>,
    /// The admin key, with which /status also tells of the feed.
    #[arg(
        long,
        value_name = "KEY",
        env = "UDMILL_ADMIN_KEY",
        hide_env_values = true
    )]
    admin_key: Option<String>,
    /// The topic that the event names: one of the feed's `topics`, if it lists any.
    #[arg(long, value_name = "PATH", default_value = TOPIC, hide_default_value = true)]
    topic: String,
    /// Certificates of more authorities, in PEM.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// A topic that Azure does not have.
const TOPIC: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/udmill\
    /providers/Microsoft.EventGrid/topics/probe";
/// What marks the test event.
const ACTION: &str = "Udmill.Probe";

pub fn run(args: Args) -> Result<Status, Stop> {
    let base = Base::read(&args.url).map_err(|message| {
        Stop::Usage(format!(
            "{message}; found {:?}",
            args.url.split('?').next().unwrap_or_default()
        ))
    })?;
    let random = || new_secret().map_err(|error| Stop::Failed(error.to_string()));
    let probe = Probe {
        path: format!("/v1/feeds/{}", args.feed),
        credentials: credentials(&args)?,
        code: random()?,
        id: format!("udmill-probe-{}", &random()?[..16]),
        base,
        args,
    };
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Stop::Failed(error.to_string()))?;
    match runtime.block_on(probe.go()) {
        Ok(()) => Ok(Status::Done),
        Err(Ended::Hop) => Ok(Status::Failed),
        Err(Ended::Stop(stop)) => Err(stop),
    }
}

struct Probe {
    args: Args,
    base: Base,
    path: String,
    credentials: Vec<(HeaderName, HeaderValue)>,
    /// What the handshake has to echo.
    code: String,
    id: String,
}

/// Why nothing more is tried.
enum Ended {
    /// A hop failed, and said so.
    Hop,
    Stop(Stop),
}

/// How a hop went.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Ok,
    /// Neither good nor bad.
    Note,
    Failed,
}

use Mark::{Failed, Note};

impl Probe {
    async fn go(&self) -> Result<(), Ended> {
        let way = self.reach().await?;
        self.health(&way).await?;
        self.readiness(&way).await?;
        if !self.credentials.is_empty() {
            let answer = self.shake_hands(&way, true).await;
            self.tell("handshake", answer.map(|it| self.welcome(&it)))?;
        }
        let answer = self.shake_hands(&way, false).await;
        self.tell("stranger", answer.map(|it| self.stranger(&it)))?;
        self.deliver(&way).await?;
        self.status(&way).await
    }

    /// Name, connection, certificate.
    async fn reach(&self) -> Result<Way, Ended> {
        let addresses = self.base.addresses().await;
        let told = addresses.as_ref().map(|found| {
            let found: Vec<String> = found.iter().map(|it| it.ip().to_string()).collect();
            (
                Mark::Ok,
                format!("{} is {}", self.base.host, found.join(", ")),
            )
        });
        self.tell("name", told.map_err(String::clone))?;
        let mut last = Err("there is no address".to_owned());
        for address in addresses.unwrap_or_default() {
            let way = self.base.way(address, self.args.ca.as_deref());
            let way = way.map_err(|message| Ended::Stop(Stop::Usage(message)))?;
            let start = Instant::now();
            last = way.connect().await.map(|_| (way, address, start.elapsed()));
            if last.is_ok() {
                break;
            }
        }
        let told = last
            .as_ref()
            .map(|(_, address, time)| (Mark::Ok, format!("{address} in {} ms", time.as_millis())));
        self.tell("connection", told.map_err(String::clone))?;
        let Ok((way, ..)) = last else {
            return Err(Ended::Hop);
        };
        let secured = way.secure().await.map_err(|error| {
            format!("{error}; Event Grid takes certificates of well-known authorities only, with the whole chain")
        });
        if let Some(told) = secured
            .map(|stream| {
                let stream = stream?;
                let (_, session) = stream.get_ref();
                let first = session.peer_certificates().and_then(|it| it.first());
                let end = first.and_then(|it| certificate::not_after(it));
                let version = session
                    .protocol_version()
                    .and_then(|it| it.as_str().map(str::to_owned));
                let version = version
                    .unwrap_or_default()
                    .replace("TLSv", "TLS ")
                    .replace('_', ".");
                Some(valid_until(end, &version))
            })
            .transpose()
        {
            self.tell("certificate", told)?;
        }
        Ok(way)
    }

    async fn health(&self, way: &Way) -> Result<(), Ended> {
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

    async fn readiness(&self, way: &Way) -> Result<(), Ended> {
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

    /// Event Grid's handshake; with the feed's credentials, or with none.
    async fn shake_hands(&self, way: &Way, with_credentials: bool) -> Result<Answer, String> {
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

    fn welcome(&self, answer: &Answer) -> (Mark, String) {
        match self.echoes(answer) {
            true => (
                Mark::Ok,
                "200 with the credentials, and the code".to_owned(),
            ),
            false => (Failed, self.refusal(answer)),
        }
    }

    /// A handshake without credentials is let in only where the feed lists the topic.
    fn stranger(&self, answer: &Answer) -> (Mark, String) {
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

    async fn deliver(&self, way: &Way) -> Result<(), Ended> {
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

    async fn status(&self, way: &Way) -> Result<(), Ended> {
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

    async fn get(&self, way: &Way, path: &str, bearer: Option<&str>) -> Result<Answer, String> {
        let mut request = Request::new(Full::default());
        if let Some(key) = bearer {
            let mut value = HeaderValue::try_from(format!("Bearer {key}"))
                .map_err(|_| "the admin key cannot be in a header".to_owned())?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        self.send(way, path, request).await
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

    async fn send(
        &self,
        way: &Way,
        path: &str,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Answer, String> {
        *request.uri_mut() = path.parse().map_err(|_| format!("{path:?} is no path"))?;
        way.send(&self.base, request).await
    }

    /// Prints a hop's line.
    fn tell(&self, hop: &str, told: Result<(Mark, String), String>) -> Result<(), Ended> {
        let (mark, text) = told.unwrap_or_else(|message| (Failed, message));
        let word = match mark {
            Mark::Ok => "ok",
            Note => "note",
            Failed => "FAILED",
        };
        let text = output::printable(&text);
        let line = format!("{word:<7} {hop:<12} {text}\n");
        output::print(line.as_bytes()).map_err(Ended::Stop)?;
        match mark {
            Failed => Err(Ended::Hop),
            _ => Ok(()),
        }
    }
}

/// The feed's credentials as headers, of which no proxy keeps a log.
fn credentials(args: &Args) -> Result<Vec<(HeaderName, HeaderValue)>, Stop> {
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

fn valid_until(end: Option<DateTime<Utc>>, version: &str) -> (Mark, String) {
    let Some(end) = end else {
        return (Note, format!("{version}, valid; its end cannot be read"));
    };
    let days = (end - clock()).num_days();
    let mark = if days < 14 { Note } else { Mark::Ok };
    (
        mark,
        format!(
            "{version}, valid until {} ({days} days)",
            end.format("%Y-%m-%d")
        ),
    )
}

fn now() -> String {
    clock().to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn clock() -> DateTime<Utc> {
    SystemTime::now().into()
}
