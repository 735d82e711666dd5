//! Each setting out of its text, with all that is wrong.

use std::collections::BTreeMap;
use std::fmt;

use super::{LAMBDA, Secret, Settings, Shape, quoted};
use crate::config::is_name;
use crate::names::{ACTIONS, MODULES};

/// What is wrong with a setting.
pub struct Mistake {
    /// As in an environment.
    pub name: &'static str,
    /// What the setting takes.
    pub expected: String,
    /// None if the setting is missing.
    pub found: Option<String>,
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

/// The values, and what is found out about them.
pub struct Reader {
    values: BTreeMap<&'static str, String>,
    /// What is wrong.
    pub mistakes: Vec<Mistake>,
    warnings: Vec<String>,
}

impl Reader {
    /// A reader of values by their names in an environment.
    pub fn new(values: BTreeMap<&'static str, String>) -> Reader {
        Reader {
            values,
            mistakes: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The settings; what is wrong is replaced by its default, and told.
    pub fn settings(&mut self) -> Settings {
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
        if !is_name(&name) {
            let wanted = "up to 64 letters, digits, - and _";
            self.wrong("COLLECTOR_NAME", wanted, &quoted(&name));
        }
        if name == LAMBDA {
            let wanted = "another name than that of the Lambda's own state";
            self.wrong("COLLECTOR_NAME", wanted, &quoted(&name));
        }
        let page_size = self.number("PAGE_SIZE", 50, 1, i64::MAX);
        if page_size > 100 {
            self.warn("expected at most 100 at `PAGE_SIZE`, the server's limit; 100 is used");
        }
        let shape = self.shape();
        let lambda_state_key = self.path("STATE_KEY", "harness/audit/state.json");
        let is_lambda_elsewhere =
            self.get("STATE_KEY").is_none() && !lambda_state_key.starts_with(&format!("{prefix}/"));
        Settings {
            api_base: self.api_base(),
            account,
            api_key: Secret(api_key),
            prefix: match shape {
                Shape::Udm => format!("{prefix}-udm"),
                Shape::Api | Shape::Streaming => prefix,
            },
            lambda_state_key,
            takes_over: self.get("STATE_KEY").is_some(),
            is_lambda_elsewhere,
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
        if path.split('/').any(|it| it == "." || it == "..") {
            // Whatever sends the URL would resolve them.
            self.wrong(name, "a path without `.` and `..`", &quoted(&found));
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
