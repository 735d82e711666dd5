//! The collectors of the one configuration: a table `[collect.NAME]` each, beside feeds and destinations.
//!
//! Its keys are those of [`settings::NAMES`] and of [`BUCKET`]; as everywhere in the file, a text that is wholly
//! `{name}` stands for a variable.

use std::cell::RefCell;
use std::collections::BTreeMap;

use udmill_receiver::Host;
use udmill_receiver::config::section::{Section, quoted};
use udmill_receiver::config::{self, Config, Unready};
use udmill_receiver::s3::{Bucket, Names};

use crate::settings::{self, Settings};

/// A collector: what to collect, and where to.
#[derive(Clone, Debug)]
pub struct Collector {
    /// What to collect.
    pub settings: Settings,
    /// Where the objects and the state lie.
    pub bucket: Bucket,
}

/// What the bucket's settings are called.
pub const BUCKET: Names = Names {
    bucket: "s3_bucket",
    region: "s3_region",
    endpoint: "s3_endpoint",
    access_key: "s3_access_key",
    secret_key: "s3_secret_key",
    session_token: "s3_session_token",
    path_style: "s3_path_style",
};

/// A configuration with its collectors.
#[derive(Debug)]
pub struct Whole {
    /// The receiver's part.
    pub config: Config,
    /// By name.
    pub collectors: BTreeMap<String, Collector>,
}

/// Reads the configuration of whoever runs the component.
///
/// # Errors
///
/// All mistakes, or what a provider of variables says when it cannot be asked now.
pub async fn load<H: Host>(host: &H) -> Result<Whole, Unready> {
    let collectors = RefCell::new(BTreeMap::new());
    let collect = |name: &str, section: Section<'_>| {
        let collector = read(name, section);
        let origins = collector.as_ref().map(Collector::origins);
        let mut collectors = collectors.borrow_mut();
        collectors.extend(collector.map(|it| (name.to_owned(), it)));
        origins.unwrap_or_default()
    };
    let config = config::load_with(host, &collect).await?;
    Ok(Whole {
        config,
        collectors: collectors.into_inner(),
    })
}

/// Whether a collector can be called that.
pub fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !name.is_empty() && name.len() <= 64 && name.bytes().all(is_plain)
}

/// Reads a collector's table. Every mistake in it is told to the section; then the answer may be none.
pub fn read(name: &str, mut section: Section<'_>) -> Option<Collector> {
    if !is_name(name) {
        let expected = "a name of at most 64 letters, digits, hyphens and underscores";
        section.place().wrong("", expected, &quoted(name));
    }
    let settings = settings::from_section(name, &mut section);
    let bucket = Bucket::read(&mut section, &BUCKET);
    section.finish();
    Some(Collector {
        settings,
        bucket: bucket?,
    })
}

/// The same for a host that only checks: the origins that the collector of a table talks to.
pub fn origins(name: &str, section: Section<'_>) -> Vec<String> {
    let collector = read(name, section);
    collector
        .as_ref()
        .map(Collector::origins)
        .unwrap_or_default()
}

impl Collector {
    /// The origins that it talks to: `https://app.harness.io:443`.
    pub fn origins(&self) -> Vec<String> {
        let harness = config::origin(&self.settings.api_base);
        harness.into_iter().chain([self.bucket.origin()]).collect()
    }
}
