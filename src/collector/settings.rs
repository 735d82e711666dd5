//! The settings of the collector: the environment of the Lambda that Google's page "Collect Harness IO audit logs"
//! publishes (docs.cloud.google.com/chronicle, as of November 2026), by the same names, and a few of our own.
//!
//! They come from an environment or from a TOML table, whose keys are the same names in lower case. Everything is
//! checked before the first request, and all mistakes are told at once. Left out: where secrets come from.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use toml::de::{DeTable, DeValue};

use crate::names::{ACTIONS, MODULES};

/// The settings from an environment. Names that are not settings are somebody else's and left alone.
///
/// # Errors
///
/// All mistakes, one sentence each.
pub fn from_environment(variables: &BTreeMap<String, String>) -> Result<Settings, Vec<String>> {
    read(variables, Vec::new())
}

/// The settings from a TOML table: names in lower case, lists as arrays of texts or as one text with commas. What is
/// no setting is a mistake here, as nobody else writes into this table.
///
/// # Errors
///
/// All mistakes, one sentence each.
pub fn from_table(table: &DeTable<'_>) -> Result<Settings, Vec<String>> {
    let (mut values, mut mistakes) = (BTreeMap::new(), Vec::new());
    for (key, value) in table {
        let (key, value) = (key.get_ref().as_ref(), value.get_ref());
        let name = key.to_ascii_uppercase();
        let is_known = NAMES.contains(&name.as_str()) && key == name.to_ascii_lowercase();
        match text_of(value) {
            _ if !is_known => mistakes.push(format!(
                "expected one of {} as a key, but found {}",
                NAMES.join(", ").to_ascii_lowercase(),
                quoted(key)
            )),
            Some(text) => _ = values.insert(name, text),
            None => mistakes.push(format!(
                "expected a text, a whole number or an array of texts at `{key}`, but found something else"
            )),
        }
    }
    read(&values, mistakes)
}

/// Every setting that there is; the first twelve are the Lambda's.
#[rustfmt::skip]
pub const NAMES: &[&str] = &[
    "HARNESS_API_BASE", "HARNESS_ACCOUNT_ID", "HARNESS_API_KEY", "S3_BUCKET", "S3_PREFIX", "STATE_KEY", "PAGE_SIZE",
    "START_MINUTES_BACK", "FILTER_MODULES", "FILTER_ACTIONS", "STATIC_FILTER", "MAX_RETRIES",
    "COLLECTOR_NAME", "STATE_PREFIX", "SETTLE_SECONDS", "OVERLAP_MINUTES", "WINDOW_HOURS", "WINDOW_PAGES",
    "OUTPUT_SHAPE", "MAX_OBJECT_BYTES",
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
    /// The bucket of the objects and of the state.
    pub bucket: String,
    /// Where the objects go; no slash at either end.
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
}

/// A text that must not be seen: its [`fmt::Debug`] does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

fn read(values: &BTreeMap<String, String>, mistakes: Vec<String>) -> Result<Settings, Vec<String>> {
    let mut reader = Reader {
        values,
        mistakes,
        warnings: Vec::new(),
    };
    let settings = reader.settings();
    match reader.mistakes.is_empty() {
        true => Ok(settings),
        false => Err(reader.mistakes),
    }
}

struct Reader<'a> {
    values: &'a BTreeMap<String, String>,
    mistakes: Vec<String>,
    warnings: Vec<String>,
}

impl Reader<'_> {
    fn settings(&mut self) -> Settings {
        let account = self.required("HARNESS_ACCOUNT_ID");
        let api_key = self.required("HARNESS_API_KEY");
        self.check_key(&api_key, &account);
        let prefix = self.path("S3_PREFIX", "harness/audit");
        let state_prefix = self.path("STATE_PREFIX", &format!("{prefix}-state"));
        if format!("{state_prefix}/").starts_with(&format!("{prefix}/")) {
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
        Settings {
            api_base: self.api_base(),
            account,
            api_key: Secret(api_key),
            bucket: self.required("S3_BUCKET"),
            prefix,
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
            shape: self.shape(),
            max_object_bytes: self.number("MAX_OBJECT_BYTES", 64 << 20, 1 << 10, 1 << 30) as usize,
            warnings: std::mem::take(&mut self.warnings),
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|it| it.trim())
    }

    fn text(&self, name: &str, default: &str) -> String {
        self.get(name).unwrap_or(default).to_owned()
    }

    fn required(&mut self, name: &str) -> String {
        let found = self.text(name, "");
        if found.is_empty() {
            let message = format!("expected `{name}`, but found none");
            self.mistakes.push(message);
        }
        found
    }

    /// The Lambda takes an empty prefix and writes keys that begin with a slash.
    fn path(&mut self, name: &str, default: &str) -> String {
        let found = self.text(name, default);
        let path = found.trim_matches('/').to_owned();
        if path.is_empty() || path.len() > 512 || path.chars().any(char::is_control) {
            self.wrong(name, "a path of 1 to 512 characters", &quoted(&found));
        }
        path
    }

    fn number(&mut self, name: &str, default: i64, least: i64, most: i64) -> i64 {
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
    fn list(&mut self, name: &str, known: &[&str]) -> Vec<String> {
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

    fn shape(&mut self) -> Shape {
        match self.text("OUTPUT_SHAPE", "api").as_str() {
            "api" => Shape::Api,
            "streaming" => Shape::Streaming,
            other => {
                let found = quoted(other);
                self.wrong("OUTPUT_SHAPE", "one of api, streaming", &found);
                Shape::Api
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

    fn wrong(&mut self, name: &str, expected: &str, found: &str) {
        let message = format!("expected {expected} at `{name}`, but found {found}");
        self.mistakes.push(message);
    }

    fn warn(&mut self, message: &str) {
        self.warnings.push(message.to_owned());
    }
}

fn text_of(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => {
            let number = i64::from_str_radix(number.as_str(), number.radix());
            number.ok().map(|it| it.to_string())
        }
        DeValue::Array(items) => {
            let items = items.iter().map(|item| match item.get_ref() {
                DeValue::String(text) => Some(text.to_string()),
                _ => None,
            });
            let items: Option<Vec<String>> = items.collect();
            items.map(|it| it.join(","))
        }
        _ => None,
    }
}

/// A value that somebody wrote, in quotes, cut short.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
