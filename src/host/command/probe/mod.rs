//! `udmill probe`: a test event on the way of real ones, with a line for each hop.
//!
//! Handshakes and the delivery are as Event Grid makes them ("Endpoint validation with Event Grid event schema",
//! learn.microsoft.com, February 2026). The first hop that fails is the last one that is tried.

mod certificate;
mod feed;
mod network;
mod state;

use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::HeaderName;
use http::{HeaderValue, Request};
use http_body_util::Full;
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
        credentials: feed::credentials(&args)?,
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

fn clock() -> DateTime<Utc> {
    SystemTime::now().into()
}
