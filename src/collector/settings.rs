//! The settings of the collector: the environment of the Lambda that Google's page "Collect Harness IO audit logs"
//! publishes (docs.cloud.google.com/chronicle, as of November 2026), by the same names, and a few of our own.
//!
//! They come from an environment or from a table `[collect.NAME]`, whose keys are the same names in lower case.
//! Everything is checked before the first request, and all mistakes are told at once. Left out: the bucket and its
//! keys, and where secrets come from.

mod reader;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use udmill_receiver::config::section::Section;

use reader::{Mistake, Reader};

/// The settings from an environment. Names that are not settings are somebody else's and left alone.
///
/// # Errors
///
/// All mistakes, one sentence each.
pub fn from_environment(variables: &BTreeMap<String, String>) -> Result<Settings, Vec<String>> {
    let value = |(name, _): &(&'static str, _)| Some((*name, variables.get(*name)?.clone()));
    let (settings, mistakes) = read(NAMES.iter().filter_map(value).collect());
    match mistakes.is_empty() {
        true => Ok(settings),
        false => Err(mistakes.iter().map(Mistake::to_string).collect()),
    }
}

/// The settings from a table: names in lower case, lists as arrays of texts or as one text with commas. `namespace`
/// and `labels` are understood as in a feed's table. All mistakes are told to the section; with one, the settings are
/// those that stand for it. A collector is called as its table.
pub fn from_section(name: &str, section: &mut Section<'_>) -> Settings {
    let there = NAMES.iter().filter(|(_, key)| section.has(key));
    let there: Vec<&str> = there.map(|(name, _)| *name).collect();
    let value = |(name, key): &(&'static str, &'static str)| Some((*name, section.plain(key)?));
    let mut values: BTreeMap<_, _> = NAMES.iter().filter_map(value).collect();
    values.entry("COLLECTOR_NAME").or_insert(name.to_owned());
    let (mut settings, mistakes) = read(values);
    for (key, other) in [
        ("namespace", "ASSET_NAMESPACE"),
        ("labels", "INGESTION_LABELS"),
    ] {
        if section.has(key) && there.contains(&other) {
            let other = other.to_ascii_lowercase();
            section.wrong(key, &format!("only one of this and `{other}`"), "both");
        }
    }
    settings.namespace = section.text("namespace").unwrap_or(settings.namespace);
    settings.labels = section.named_texts("labels").unwrap_or(settings.labels);
    for mistake in mistakes {
        let key = NAMES.iter().find(|(name, _)| *name == mistake.name);
        let key = key.map_or(mistake.name, |(_, key)| key);
        match &mistake.found {
            Some(found) => section.wrong(key, &mistake.expected, found),
            // A value that is there, but not to be read, was told of already.
            None if there.contains(&mistake.name) => {}
            None => section.missing(key),
        }
    }
    settings
}

/// Every setting that there is but the bucket's, in an environment and in a table. The first eleven are the Lambda's.
#[rustfmt::skip]
pub const NAMES: &[(&str, &str)] = &[
    ("HARNESS_API_BASE",   "harness_api_base"),
    ("HARNESS_ACCOUNT_ID", "harness_account_id"),
    ("HARNESS_API_KEY",    "harness_api_key"),
    ("S3_PREFIX",          "s3_prefix"),
    ("STATE_KEY",          "state_key"),
    ("PAGE_SIZE",          "page_size"),
    ("START_MINUTES_BACK", "start_minutes_back"),
    ("FILTER_MODULES",     "filter_modules"),
    ("FILTER_ACTIONS",     "filter_actions"),
    ("STATIC_FILTER",      "static_filter"),
    ("MAX_RETRIES",        "max_retries"),
    ("OUTPUT_SHAPE",       "output_shape"),
    ("COLLECTOR_NAME",     "collector_name"),
    ("STATE_PREFIX",       "state_prefix"),
    ("SETTLE_SECONDS",     "settle_seconds"),
    ("OVERLAP_MINUTES",    "overlap_minutes"),
    ("WINDOW_HOURS",       "window_hours"),
    ("WINDOW_PAGES",       "window_pages"),
    ("MAX_OBJECT_BYTES",   "max_object_bytes"),
    ("GZIP",               "gzip"),
    ("ASSET_NAMESPACE",    "asset_namespace"),
    ("INGESTION_LABELS",   "ingestion_labels"),
];

/// What the Lambda's state is called where the collector's own states lie.
pub const LAMBDA: &str = "lambda-state";

/// Settings that are whole and within their bounds.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `https://app.harness.io`, without a slash at its end.
    pub api_base: String,
    /// The account whose events are collected.
    pub account: String,
    /// What goes into `x-api-key`.
    pub api_key: Secret,
    /// Where the objects go; no slash at either end. UDM has a prefix of its own, beside the one that is set.
    pub prefix: String,
    /// Where the Lambda's state lies, to take over from it.
    pub lambda_state_key: String,
    /// That place was set, so there should be one.
    pub takes_over: bool,
    /// It was not, and is outside of the prefix that was.
    pub is_lambda_elsewhere: bool,
    /// Where the collector's own state lies, outside [`Settings::prefix`], which a feed reads.
    pub state_prefix: String,
    /// The collector's name, by which its state is called.
    pub name: String,
    /// Events a page, 1 to 100.
    pub page_size: u32,
    /// How far back the very first run begins.
    pub start_minutes_back: i64,
    /// Modules to collect; none means all.
    pub modules: Vec<String>,
    /// Actions to collect; none means all.
    pub actions: Vec<String>,
    /// `EXCLUDE_LOGIN_EVENTS` was asked for.
    pub exclude_logins: bool,
    /// `EXCLUDE_SYSTEM_EVENTS` was asked for.
    pub exclude_system: bool,
    /// How often a failed request is repeated: 3 means up to four calls.
    pub max_retries: u32,
    /// How old an event has to be to be asked for, in milliseconds.
    pub settle_ms: i64,
    /// How late an event may be stored and is still found, in milliseconds.
    pub overlap_ms: i64,
    /// The longest window, in milliseconds.
    pub window_ms: i64,
    /// The pages after which a window is split.
    pub window_pages: u32,
    /// How a line looks.
    pub shape: Shape,
    /// The size at which a page goes on in another object.
    pub max_object_bytes: usize,
    /// Whether objects are compressed.
    pub gzip: bool,
    /// The namespace of the assets in UDM events, as SecOps' feeds have it; empty for none.
    pub namespace: String,
    /// The ingestion labels of UDM events, as SecOps' feeds have them: names and values.
    pub labels: Vec<(String, String)>,
    /// What the operator should know, though it stops nothing.
    pub warnings: Vec<String>,
}

/// How an event is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// As the list API answers it.
    Api,
    /// As Harness' audit streaming writes it, whose field names Google's parser is known to read.
    Streaming,
    /// As a UDM event.
    Udm,
}

impl Shape {
    /// As `OUTPUT_SHAPE` has it.
    pub fn name(self) -> &'static str {
        match self {
            Shape::Api => "api",
            Shape::Streaming => "streaming",
            Shape::Udm => "udm",
        }
    }
}

/// A text that must not be seen: its [`fmt::Debug`] does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

fn read(values: BTreeMap<&'static str, String>) -> (Settings, Vec<Mistake>) {
    let mut reader = Reader::new(values);
    let settings = reader.settings();
    (settings, reader.mistakes)
}

/// A value that somebody wrote, in quotes, cut short.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
