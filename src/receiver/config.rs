//! The receiver's configuration: feeds as they are in SecOps, plus a destination and a mode of acknowledgement.
//!
//! TOML, checked whole: all mistakes are told at once, each with its place and, where one is near, a suggestion. A
//! text that is wholly `{name}` stands for a Spin variable, so that secrets stay with Spin's providers of variables.
//!
//! Variables of the receiver's own:
//!
//! - `udmill_config` holds the text.
//! - `udmill_loopback` says `true` where nobody but this machine can reach the receiver: whoever listens knows that,
//!   while a request's `Host` is the sender's to choose.
//! - `udmill_allowed_hosts` repeats the runtime's list of allowed outbound hosts, which a component cannot ask for.
//! - `udmill_drain_key` opens the drain of the spool, and nothing else, to a scheduler.
//! - `udmill_deliver_key` opens [`crate::handed`], and nothing else, to the host itself.

pub mod check;
mod feed;
mod outbound;
mod problem;
pub mod pull;
pub mod section;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use crate::destination::{Destination, Takes};
use crate::host::Host;
use crate::wit::transform::{Error, Options};
use feed::Surroundings;
pub use feed::{Collect, origin};
use pull::Pull;
use section::{File, Place, Problem, Secret, Section, nearest, quoted, variable};

/// Reads the configuration of whoever runs the receiver.
///
/// # Errors
///
/// All mistakes, or what a provider of variables says when it cannot be asked now.
pub async fn load<H: Host>(host: &H) -> Result<Config, Unready> {
    load_with(host, &|_, _| Vec::new()).await
}

/// The same for whoever knows collectors, too.
///
/// # Errors
///
/// All mistakes, or what a provider of variables says when it cannot be asked now.
pub async fn load_with<H: Host>(host: &H, collect: Collect<'_>) -> Result<Config, Unready> {
    let variable = async |name: &str| {
        let value = host.variable(name).await.map_err(|error| {
            let error = quoted(&error);
            Unready::Unavailable(format!("expected the variable {name}, but found {error}"))
        })?;
        Ok(value.filter(|it| !it.is_empty()))
    };
    let text = variable("udmill_config").await?.unwrap_or_default();
    let mut variables = BTreeMap::new();
    for name in names(&text) {
        if let Some(value) = variable(&name).await? {
            variables.insert(name, value);
        }
    }
    let is_loopback = variable("udmill_loopback").await?;
    let allowed_hosts = variable("udmill_allowed_hosts").await?;
    let check = |options: &Options| match host.normalize(&[], options) {
        Ok(_) => Ok(()),
        Err(Error::UnknownLogType(message) | Error::InvalidOption(message)) => Err(message),
    };
    let around = Surroundings {
        is_loopback: is_loopback.as_deref() == Some("true"),
        check: &check,
        collect,
    };
    let drain_key = variable("udmill_drain_key").await?;
    let deliver_key = variable("udmill_deliver_key").await?;
    let config = read(&text, &variables, &around, allowed_hosts.as_deref());
    Ok(Config {
        drain_key: drain_key.map(Secret),
        deliver_key: deliver_key.map(Secret),
        ..config.map_err(Unready::Invalid)?
    })
}

/// Why there is no configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unready {
    /// Its mistakes, in the order of their lines.
    Invalid(Vec<Problem>),
    /// It cannot be read now.
    Unavailable(String),
}

/// A configuration without mistakes.
#[derive(Debug)]
pub struct Config {
    /// The most bytes of a request's body.
    pub max_body: usize,
    /// The key of the admin routes; without one they do not exist.
    pub admin_key: Option<Secret>,
    /// The key of the drain alone, for whoever calls it every few seconds.
    pub drain_key: Option<Secret>,
    /// The key of [`crate::handed`] alone, for the host itself.
    pub deliver_key: Option<Secret>,
    /// By name.
    pub feeds: BTreeMap<String, Feed>,
    /// By name.
    pub destinations: BTreeMap<String, Destination>,
    /// The origins that collectors talk to.
    pub collects_from: Vec<String>,
    /// What is not wise, without anything secret.
    pub warnings: Vec<String>,
}

/// A feed, as it is in SecOps, with what happens to its logs.
#[derive(Debug)]
pub struct Feed {
    /// What stands in the path behind `/v1/feeds/`.
    pub name: String,
    /// Log type, split delimiter, namespace, labels.
    pub options: Options,
    /// The topics that are let in; none lets in any.
    pub topics: Vec<String>,
    /// The origins that are let in without credentials.
    pub origins: Vec<String>,
    /// Who may post.
    pub auth: Auth,
    /// Where its logs are fetched; then nobody may post.
    pub pull: Option<Pull>,
    /// The status for bad credentials of a delivery: 503 or 401.
    pub on_unauthorized: u16,
    /// What 200 means.
    pub ack: Ack,
    /// The name of its destination.
    pub destination: String,
}

/// Who may post to a feed.
#[derive(Debug)]
pub enum Auth {
    /// Anybody: on loopback only.
    None,
    /// Nobody, since its logs are fetched.
    Nobody,
    /// Whoever has these credentials.
    Credentials {
        /// SHA-256 of the keys, any of which has to be given, unless there are none.
        api_keys: Vec<[u8; 32]>,
        /// SHA-256 of the secrets, any of which has to be given, unless there are none.
        secrets: Vec<[u8; 32]>,
        /// Microsoft Entra protected delivery.
        entra: Option<Entra>,
        /// Both a shared secret and Entra are needed, not either.
        require_all: bool,
    },
}

/// Microsoft Entra protected delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entra {
    /// The tenant's id.
    pub tenant: String,
    /// The application id, or its URI.
    pub audience: String,
    /// The application that calls: Event Grid's own in the public cloud, unless told otherwise.
    pub application: String,
    /// A role that the token has to have; empty for none.
    pub role: String,
    /// Where the tenant's signing keys are read.
    pub keys_url: String,
}

/// What 200 means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ack {
    /// The destination accepted, or quarantine holds, every log.
    Delivered,
    /// Every log is in the durable store.
    Stored,
}

/// A mebibyte of events with their envelope comes in at any rate: Event Grid never repeats what is answered 413.
const MAX_BODY: usize = 4 << 20;
/// The most that the normalizer takes at once.
const MOST_BODY: usize = 8 << 20;

fn read(
    text: &str,
    variables: &BTreeMap<String, String>,
    around: &Surroundings<'_>,
    allowed_hosts: Option<&str>,
) -> Result<Config, Vec<Problem>> {
    let file = File::new(text, variables);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let at = error.span().map_or(0, |it| it.start);
        let message = error.message().lines().next().unwrap_or_default();
        file.tell(at, "", format!("expected TOML, but found: {message}"));
    }
    if text.trim().is_empty() {
        let message = "expected a configuration in the variable `udmill_config`, but found none";
        file.tell(0, "", message.to_owned());
    }
    // Where the text is no TOML, what was read of it misses keys that are there.
    if !file.problems().is_empty() {
        return Err(file.problems());
    }
    let mut root = Section::new(&file, "", 0, table.get_ref());
    let mut config = Config {
        max_body: root.bytes("max_body", 1, MOST_BODY).unwrap_or(MAX_BODY),
        admin_key: root.secret("admin_key"),
        drain_key: None,
        deliver_key: None,
        feeds: BTreeMap::new(),
        destinations: BTreeMap::new(),
        collects_from: Vec::new(),
        warnings: Vec::new(),
    };
    if config.admin_key.as_ref().is_some_and(|it| it.0.is_empty()) {
        root.wrong("admin_key", "a text that is not empty", "\"\"");
    }
    let mut tables = |key| root.section(key).map(Section::sections).unwrap_or_default();
    let (feeds, destinations) = (tables("feed"), tables("destination"));
    let collectors = tables("collect");
    let names: Vec<String> = destinations.iter().map(|(name, _)| name.clone()).collect();
    let mut places = BTreeMap::new();
    for (name, section) in destinations {
        places.insert(name.clone(), section.place());
        if let Some(destination) = Destination::read(&name, section) {
            config.destinations.insert(name, destination);
        }
    }
    if feeds.is_empty() && collectors.is_empty() {
        root.place().wrong("feed", "at least one feed", "none");
    }
    for (name, section) in collectors {
        let place = section.place();
        let origins = (around.collect)(&name, section);
        outbound::check(&place, &origins, allowed_hosts);
        config.collects_from.extend(origins);
    }
    for (name, section) in feeds {
        let warnings = &mut config.warnings;
        let Some((feed, place)) = feed::read(&name, section, around, &names, warnings) else {
            continue;
        };
        if let Auth::Credentials {
            entra: Some(entra), ..
        } = &feed.auth
        {
            let keys: Vec<String> = feed::origin(&entra.keys_url).into_iter().collect();
            outbound::check(&place, &keys, allowed_hosts);
        }
        if let Some(pull) = &feed.pull {
            outbound::check(&place, &[pull.bucket.origin()], allowed_hosts);
        }
        config.feeds.insert(name, feed);
    }
    for (name, destination) in &config.destinations {
        let Some(place) = places.get(name) else {
            continue;
        };
        if let Some(archive) = destination.archive() {
            match config.destinations.get(archive) {
                _ if !names.iter().any(|it| it == archive) => {
                    unknown(place, "archive", archive, &names);
                }
                Some(it) if it.takes() != Takes::Raw => {
                    let expected = "the name of a destination that takes raw logs";
                    place.wrong("archive", expected, &quoted(archive));
                }
                _ => {}
            }
        }
        outbound::check(place, &destination.hosts(), allowed_hosts);
    }
    root.finish();
    match file.problems() {
        problems if problems.is_empty() => Ok(config),
        problems => Err(problems),
    }
}

fn unknown(place: &Place<'_>, key: &str, found: &str, names: &[String]) {
    let near = nearest(found, names.iter().map(String::as_str));
    let found = format!("{}{near}", quoted(found));
    place.wrong(key, "the name of a destination", &found);
}

/// The variables that a text names. One that is no TOML names none.
fn names(text: &str) -> Vec<String> {
    fn collect(value: &DeValue<'_>, names: &mut Vec<String>) {
        match value {
            DeValue::String(text) => names.extend(variable(text).map(str::to_owned)),
            DeValue::Array(items) => items.iter().for_each(|it| collect(it.get_ref(), names)),
            DeValue::Table(table) => table.values().for_each(|it| collect(it.get_ref(), names)),
            _ => {}
        }
    }
    let mut names = Vec::new();
    if let Ok(table) = DeTable::parse(text) {
        let values = table.get_ref().values();
        values.for_each(|it| collect(it.get_ref(), &mut names));
    }
    names.sort_unstable();
    names.dedup();
    names
}
