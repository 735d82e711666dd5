//! The settings of the collector: the environment of the Lambda that Google's page "Collect Harness IO audit logs"
//! publishes (docs.cloud.google.com/chronicle, as of November 2026), by the same names, and a few of our own.
//!
//! They come from an environment or from a table `[collect.NAME]`, whose keys are the same names in lower case.
//! Everything is checked before the first request, and all mistakes are told at once. Left out: the bucket and its
//! keys, and where secrets come from.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use udmill_receiver::config::section::Section;

use crate::names::{ACTIONS, MODULES};

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

/// The settings from a table: names in lower case, lists as arrays of texts or as one text with commas. `namespace` and
/// `labels` are understood as in a feed's table. All mistakes are told to the section; with one, the settings are
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

/// A text that must not be seen: its [`fmt::Debug`] does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

fn read(values: BTreeMap<&'static str, String>) -> (Settings, Vec<Mistake>) {
    let mut reader = Reader {
        values,
        mistakes: Vec::new(),
        warnings: Vec::new(),
    };
    let settings = reader.settings();
    (settings, reader.mistakes)
}

/// What is wrong with a setting.
struct Mistake {
    name: &'static str,
    expected: String,
    /// None if the setting is missing.
    found: Option<String>,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mistake { name, expected, .. } = self;
        match &self.found {
            Some(found) => write!(f, "expected {expected} at `{name}`, but found {found}"),
            None => write!(f, "expected `{name}`, but found none"),
        }
    }
}

struct Reader {
    values: BTreeMap<&'static str, String>,
    mistakes: Vec<Mistake>,
    warnings: Vec<String>,
}

impl Reader {
    fn settings(&mut self) -> Settings {
        let account = self.required("HARNESS_ACCOUNT_ID");
        let api_key = self.required("HARNESS_API_KEY");
        self.check_key(&api_key, &account);
        let prefix = self.path("S3_PREFIX", "harness/audit");
        let state_prefix = self.path("STATE_PREFIX", &format!("{prefix}-state"));
        let is_in = |outer: &str| format!("{state_prefix}/").starts_with(&format!("{outer}/"));
        if is_in(&prefix) || is_in(&format!("{prefix}-udm")) {
            self.wrong(
                "STATE_PREFIX",
                "a prefix outside `S3_PREFIX`, which the feed ingests",
                &quoted(&state_prefix),
            );
        }
        let (exclude_logins, exclude_system) = self.static_filter();
        let name = self.text("COLLECTOR_NAME", "harness");
        let is_plain = |it: u8| it.is_ascii_alphanumeric() || it == b'-' || it == b'_';
        if name.is_empty() || name.len() > 64 || !name.bytes().all(is_plain) {
            let wanted = "up to 64 letters, digits, - and _";
            self.wrong("COLLECTOR_NAME", wanted, &quoted(&name));
        }
        let page_size = self.number("PAGE_SIZE", 50, 1, i64::MAX);
        if page_size > 100 {
            self.warn("expected at most 100 at `PAGE_SIZE`, the server's limit; 100 is used");
        }
        let shape = self.shape();
        Settings {
            api_base: self.api_base(),
            account,
            api_key: Secret(api_key),
            prefix: match shape {
                Shape::Udm => format!("{prefix}-udm"),
                Shape::Api | Shape::Streaming => prefix,
            },
            lambda_state_key: self.path("STATE_KEY", "harness/audit/state.json"),
            state_prefix,
            name,
            page_size: page_size.clamp(1, 100) as u32,
            start_minutes_back: self.number("START_MINUTES_BACK", 60, 0, 2 * 366 * 24 * 60),
            modules: self.list("FILTER_MODULES", MODULES),
            actions: self.list("FILTER_ACTIONS", ACTIONS),
            exclude_logins,
            exclude_system,
            max_retries: self.number("MAX_RETRIES", 3, 0, 20) as u32,
            settle_ms: self.number("SETTLE_SECONDS", 180, 30, 3600) * 1000,
            overlap_ms: self.number("OVERLAP_MINUTES", 60, 15, 7 * 24 * 60) * 60_000,
            window_ms: self.number("WINDOW_HOURS", 24, 1, 31 * 24) * 3_600_000,
            window_pages: self.number("WINDOW_PAGES", 50, 2, 1000) as u32,
            shape,
            max_object_bytes: self.number("MAX_OBJECT_BYTES", 64 << 20, 1 << 10, 1 << 30) as usize,
            gzip: self.flag("GZIP"),
            namespace: self.text("ASSET_NAMESPACE", ""),
            labels: self.labels(),
            warnings: std::mem::take(&mut self.warnings),
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|it| it.trim())
    }

    fn text(&self, name: &str, default: &str) -> String {
        self.get(name).unwrap_or(default).to_owned()
    }

    fn required(&mut self, name: &'static str) -> String {
        let found = self.text(name, "");
        if found.is_empty() {
            self.mistakes.push(Mistake {
                name,
                expected: String::new(),
                found: None,
            });
        }
        found
    }

    /// The Lambda takes an empty prefix and writes keys that begin with a slash.
    fn path(&mut self, name: &'static str, default: &str) -> String {
        let found = self.text(name, default);
        let path = found.trim_matches('/').to_owned();
        if path.is_empty() || path.len() > 512 || path.chars().any(char::is_control) {
            self.wrong(name, "a path of 1 to 512 characters", &quoted(&found));
        }
        path
    }

    fn number(&mut self, name: &'static str, default: i64, least: i64, most: i64) -> i64 {
        let Some(text) = self.get(name) else {
            return default;
        };
        match text.parse::<i64>() {
            Ok(number) if (least..=most).contains(&number) => number,
            _ => {
                let wanted = match most {
                    i64::MAX => format!("a whole number from {least}"),
                    _ => format!("a whole number from {least} to {most}"),
                };
                let found = quoted(text);
                self.wrong(name, &wanted, &found);
                default
            }
        }
    }

    /// Only blanks would be an empty list, which the server takes for no filter at all.
    fn list(&mut self, name: &'static str, known: &[&str]) -> Vec<String> {
        let Some(text) = self.get(name).map(str::to_owned) else {
            return Vec::new();
        };
        let items = text.split(',').map(str::trim).filter(|it| !it.is_empty());
        let spell = |item: &str| {
            let known = known.iter().find(|it| it.eq_ignore_ascii_case(item));
            known.map(|it| (*it).to_owned())
        };
        let mut list = Vec::new();
        for item in items {
            let found = spell(item).unwrap_or_else(|| item.to_ascii_uppercase());
            if spell(item).is_none() {
                let item = quoted(item);
                self.warn(&format!(
                    "expected a known value at `{name}`, but found {item}; it is sent all the same"
                ));
            }
            if !list.contains(&found) {
                list.push(found);
            }
        }
        if list.is_empty() {
            self.wrong(
                name,
                "at least one value, or no such setting",
                &quoted(&text),
            );
        }
        list
    }

    /// `source=harness,team=blue`; of a name that is there twice, the last value counts.
    fn labels(&mut self) -> Vec<(String, String)> {
        let text = self.text("INGESTION_LABELS", "");
        let items = text.split(',').map(str::trim).filter(|it| !it.is_empty());
        let mut labels = BTreeMap::new();
        for item in items {
            match item.split_once('=').map(|(k, v)| (k.trim(), v.trim())) {
                Some((name, value)) if !name.is_empty() => {
                    labels.insert(name.to_owned(), value.to_owned());
                }
                _ => self.wrong(
                    "INGESTION_LABELS",
                    "NAME=VALUE, parted by commas,",
                    &quoted(item),
                ),
            }
        }
        labels.into_iter().collect()
    }

    /// The server takes one of the two; the other one is then ours to apply.
    fn static_filter(&mut self) -> (bool, bool) {
        const KNOWN: &[&str] = &["EXCLUDE_LOGIN_EVENTS", "EXCLUDE_SYSTEM_EVENTS"];
        let text = self.text("STATIC_FILTER", "");
        let found = |wanted: &str| text.split(',').any(|it| it.trim() == wanted);
        let mut items = text.split(',').map(str::trim);
        if self.values.contains_key("STATIC_FILTER") && !items.all(|it| KNOWN.contains(&it)) {
            let wanted = format!("{}, or both with a comma", KNOWN.join(" or "));
            self.wrong("STATIC_FILTER", &wanted, &quoted(&text));
        }
        (found(KNOWN[0]), found(KNOWN[1]))
    }

    /// Never guessed: what reads the objects has to understand them.
    fn shape(&mut self) -> Shape {
        match self.required("OUTPUT_SHAPE").as_str() {
            "" | "api" => Shape::Api,
            "streaming" => Shape::Streaming,
            "udm" => Shape::Udm,
            other => {
                let found = quoted(other);
                self.wrong("OUTPUT_SHAPE", "one of api, streaming, udm", &found);
                Shape::Api
            }
        }
    }

    fn flag(&mut self, name: &'static str) -> bool {
        match self.text(name, "false").as_str() {
            "true" => true,
            "false" => false,
            other => {
                let found = quoted(other);
                self.wrong(name, "true or false", &found);
                false
            }
        }
    }

    /// The key goes to this host, so it has to be HTTPS, except on this machine itself.
    fn api_base(&mut self) -> String {
        let text = self.text("HARNESS_API_BASE", "https://app.harness.io");
        let base = text.trim_end_matches('/').to_owned();
        let (scheme, rest) = base.split_once("://").unwrap_or_default();
        let (authority, _) = rest.split_once('/').unwrap_or((rest, ""));
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok() => host,
            _ => authority,
        };
        let is_loopback = ["localhost", "127.0.0.1", "[::1]"].contains(&host);
        let is_host = |it: char| it.is_ascii_alphanumeric() || ".-[]:".contains(it);
        let is_plain = !base.contains(['?', '#', '@', ' ']) && !base.contains(char::is_control);
        let is_safe = scheme == "https" || (scheme == "http" && is_loopback);
        if !is_safe || !is_plain || host.is_empty() || !host.chars().all(is_host) {
            let wanted = "a URL with https, a host and at most a path";
            self.wrong("HARNESS_API_BASE", wanted, &quoted(&text));
        }
        base
    }

    /// A token tells its account: `sat.<account>.<token>.<secret>`. The key itself is never quoted.
    fn check_key(&mut self, key: &str, account: &str) {
        if key.is_empty() {
            return;
        }
        if !key.bytes().all(|it| it.is_ascii_graphic()) {
            let wanted = "a token without blanks or line breaks";
            self.wrong("HARNESS_API_KEY", wanted, "others");
            return;
        }
        let parts: Vec<&str> = key.split('.').collect();
        match parts.as_slice() {
            ["pat" | "sat", owner, _, _] if *owner != account && !account.is_empty() => self.wrong(
                "HARNESS_API_KEY",
                "a token of the account in `HARNESS_ACCOUNT_ID`",
                "one of another account",
            ),
            ["sat", ..] if parts.len() == 4 => {}
            ["pat", ..] if parts.len() == 4 => self.warn(
                "expected a service account's token at `HARNESS_API_KEY`, but found a personal one, which ends with \
                 its owner's account",
            ),
            _ => self.warn(
                "expected `sat.<account>.<token>.<secret>` at `HARNESS_API_KEY`, but found another form; the account \
                 cannot be checked",
            ),
        }
    }

    fn wrong(&mut self, name: &'static str, expected: &str, found: &str) {
        self.mistakes.push(Mistake {
            name,
            expected: expected.to_owned(),
            found: Some(found.to_owned()),
        });
    }

    fn warn(&mut self, message: &str) {
        self.warnings.push(message.to_owned());
    }
}

/// A value that somebody wrote, in quotes, cut short.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
