//! What a collector remembers between runs, as a small versioned JSON object.
//!
//! A *pass* goes over everything that is due, and is frozen when it is opened. It is read window by window, each of
//! which is frozen too; a window is read page by page. As events may be stored late, a pass begins `overlap` before
//! the moment at which the one before it was opened, and ids tell which events are written already.

use serde_json::{Value, json};

use crate::event::hash16;
use crate::harness::{self, Cursor};
use crate::ids::Ids;
use crate::settings::{Settings, quoted};

/// The form of the object; another one is refused, never guessed.
const VERSION: i64 = 1;
/// How long the very first window is: a backlog's density is found out from below, since a window that is too large
/// is read twice.
const FIRST_SPAN_MS: i64 = 3_600_000;

/// All times are epoch milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Whose events these are.
    pub account: String,
    /// What was asked for: a change throws the cursor away.
    pub filters: String,
    /// Everything up to here that was stored in time is written.
    pub watermark: i64,
    /// Where the next pass begins; below the watermark, for what was stored late.
    pub next_start: i64,
    /// The pass that is under way.
    pub pass: Option<Pass>,
    /// The window that is under way.
    pub window: Option<Window>,
    /// The new ids of its pages so far.
    pub window_ids: Ids,
    /// How long the next window is, at most.
    pub span: i64,
    /// The object with the ids of the overlap.
    pub ids: Option<String>,
    /// Counts the id objects, so that each has a name of its own.
    pub ids_number: u64,
    /// Keys of the objects of the page in flight, written here before they are written there.
    pub in_flight: Vec<String>,
    /// Who may write.
    pub lease: Option<Lease>,
    /// Whether the store honours conditions; none before it was tried.
    pub conditional: Option<bool>,
    /// A state of the Lambda that has still to be moved away.
    pub lambda: Option<String>,
}

/// What is read from `opened` on: everything up to `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Where its next window begins.
    pub at: i64,
    /// Its last millisecond.
    pub until: i64,
    /// The server's time when it was opened: what was stored before, this pass finds.
    pub opened: i64,
}

/// A frozen window: the body of all its requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Included.
    pub start: i64,
    /// Included.
    pub end: i64,
    /// Of all its requests.
    pub page_size: u32,
    /// The next page.
    pub cursor: Cursor,
    /// Pages that were read.
    pub pages: u32,
    /// Objects that were written, which their names count.
    pub objects: u32,
}

/// Who may write, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// A name that no other run has.
    pub owner: String,
    /// When it ends, if it is not renewed.
    pub until: i64,
}

impl State {
    /// A state for a first run that begins at `start`.
    pub fn new(settings: &Settings, start: i64) -> State {
        State {
            account: settings.account.clone(),
            filters: fingerprint(settings),
            watermark: start - 1,
            next_start: start,
            pass: None,
            window: None,
            window_ids: Ids::default(),
            span: settings.window_ms.min(FIRST_SPAN_MS),
            ids: None,
            ids_number: 0,
            in_flight: Vec::new(),
            lease: None,
            conditional: None,
            lambda: None,
        }
    }

    /// Reads a state.
    ///
    /// # Errors
    ///
    /// What is wrong with it. It is never taken for no state: that would lose events or repeat them.
    pub fn read(bytes: &[u8]) -> Result<State, String> {
        let value = serde_json::from_slice::<Value>(bytes)
            .map_err(|_| "expected a state in JSON, but found something else".to_owned())?;
        let reader = Reader(&value);
        let version = reader.number("version")?;
        if version != VERSION {
            return Err(format!(
                "expected {VERSION} at `version`, but found {version}"
            ));
        }
        Ok(State {
            account: reader.text("account")?,
            filters: reader.text("filters")?,
            watermark: reader.number("watermark")?,
            next_start: reader.number("nextStart")?,
            pass: reader.part("pass", |it| {
                Ok(Pass {
                    at: it.number("at")?,
                    until: it.number("until")?,
                    opened: it.number("opened")?,
                })
            })?,
            window: reader.part("window", window)?,
            window_ids: reader
                .part("window", |it| ids(&it.0["ids"]))?
                .unwrap_or_default(),
            span: reader.number("span")?.max(1),
            ids: reader.part("ids", |it| {
                it.0.as_str()
                    .map(str::to_owned)
                    .ok_or_else(|| wrong("ids", it.0))
            })?,
            ids_number: reader.number("idsNumber")?.unsigned_abs(),
            in_flight: reader.texts("inFlight")?,
            lease: reader.part("lease", |it| {
                Ok(Lease {
                    owner: it.text("owner")?,
                    until: it.number("until")?,
                })
            })?,
            conditional: value["conditional"].as_bool(),
            lambda: value["lambda"].as_str().map(str::to_owned),
        })
    }

    /// The state as it is written. The window stands last, and its ids last in it, so that they are only copied.
    pub fn to_bytes(&self) -> Vec<u8> {
        let pass = self
            .pass
            .map(|it| json!({"at": it.at, "until": it.until, "opened": it.opened}));
        let lease = self
            .lease
            .as_ref()
            .map(|it| json!({"owner": it.owner, "until": it.until}));
        let state = json!({
            "version": VERSION, "account": self.account, "filters": self.filters, "watermark": self.watermark,
            "nextStart": self.next_start, "pass": pass, "span": self.span, "ids": self.ids,
            "idsNumber": self.ids_number, "inFlight": self.in_flight, "lease": lease,
            "conditional": self.conditional, "lambda": self.lambda,
        });
        let mut text = open(&state);
        text.push_str(",\"window\":");
        match &self.window {
            None => text.push_str("null"),
            Some(window) => {
                text.push_str(&open(&window.to_json()));
                text.push_str(",\"ids\":");
                self.window_ids.write(&mut text);
                text.push('}');
            }
        }
        text.push('}');
        text.into_bytes()
    }
}

impl Window {
    fn to_json(&self) -> Value {
        let (token, index) = match &self.cursor {
            Cursor::Token(token) => (Some(token), None),
            Cursor::Index(index) => (None, Some(index)),
        };
        json!({
            "start": self.start, "end": self.end, "pageSize": self.page_size, "pageToken": token,
            "pageIndex": index, "pages": self.pages, "objects": self.objects,
        })
    }
}

/// An object without its last brace, for another member.
fn open(object: &Value) -> String {
    let mut text = object.to_string();
    text.pop();
    text
}

/// What a change of the settings changes in what is asked for.
pub fn fingerprint(settings: &Settings) -> String {
    let filters = harness::filters(settings).to_string();
    let own = format!("{} {}", settings.exclude_logins, settings.exclude_system);
    hash16([filters.as_str(), own.as_str()].into_iter())
}

/// Where to begin after the Lambda: its `since`, the lower bound of what it has not asked for or not finished.
///
/// # Errors
///
/// What is wrong with its state. The Lambda fails on it, too, or starts at the epoch.
pub fn lambda_since(bytes: &[u8]) -> Result<i64, String> {
    let value = serde_json::from_slice::<Value>(bytes)
        .map_err(|_| "expected the Lambda's state in JSON, but found something else".to_owned())?;
    let since = value["since"].as_i64().filter(|it| *it >= 0);
    since.ok_or_else(|| wrong("since", &value["since"]))
}

/// Ids with their times, as [`Ids`] writes them.
///
/// # Errors
///
/// What is wrong with them.
pub fn ids(value: &Value) -> Result<Ids, String> {
    Ids::read(value).ok_or_else(|| wrong("ids", value))
}

fn window(reader: Reader<'_>) -> Result<Window, String> {
    let page_size = reader.count("pageSize")?;
    let cursor = match reader.0["pageToken"].as_str() {
        Some(token) => Cursor::Token(token.to_owned()),
        None => Cursor::Index(reader.count("pageIndex")?),
    };
    Ok(Window {
        start: reader.number("start")?,
        end: reader.number("end")?,
        page_size: page_size.clamp(1, 100),
        cursor,
        pages: reader.count("pages")?,
        objects: reader.count("objects")?,
    })
}

#[derive(Clone, Copy)]
struct Reader<'a>(&'a Value);

impl<'a> Reader<'a> {
    fn number(self, key: &str) -> Result<i64, String> {
        let found = &self.0[key];
        let in_reach = found.as_i64().filter(|it| it.unsigned_abs() < 1 << 53);
        in_reach.ok_or_else(|| wrong(key, found))
    }

    fn count(self, key: &str) -> Result<u32, String> {
        u32::try_from(self.number(key)?).map_err(|_| wrong(key, &self.0[key]))
    }

    fn text(self, key: &str) -> Result<String, String> {
        let found = &self.0[key];
        found
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| wrong(key, found))
    }

    fn texts(self, key: &str) -> Result<Vec<String>, String> {
        let found = &self.0[key];
        let items = found.as_array().ok_or_else(|| wrong(key, found))?.iter();
        items
            .map(|it| it.as_str().map(str::to_owned).ok_or_else(|| wrong(key, it)))
            .collect()
    }

    fn part<T>(
        self,
        key: &str,
        read: impl Fn(Reader<'a>) -> Result<T, String>,
    ) -> Result<Option<T>, String> {
        match &self.0[key] {
            Value::Null => Ok(None),
            part => read(Reader(part)).map(Some),
        }
    }
}

fn wrong(key: &str, found: &Value) -> String {
    format!(
        "expected another value at `{key}` of the state, but found {}",
        quoted(&found.to_string())
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::settings;

    fn full() -> State {
        State {
            pass: Some(Pass {
                at: 8,
                until: 9,
                opened: 10,
            }),
            window: Some(Window {
                start: 1,
                end: 2,
                page_size: 50,
                cursor: Cursor::Token("t".into()),
                pages: 3,
                objects: 2,
            }),
            window_ids: Ids::read(&json!({"a": 1, "b\n": 2})).expect("ids"),
            ids: Some("k".into()),
            in_flight: vec!["o".into()],
            lease: Some(Lease {
                owner: "me".into(),
                until: 5,
            }),
            conditional: Some(true),
            lambda: Some("l".into()),
            ..State::new(&settings(&[]), 7)
        }
    }

    #[test]
    fn a_state_is_read_as_it_was_written() {
        let index = |mut state: State| {
            state.window.as_mut().expect("a window").cursor = Cursor::Index(4);
            state
        };
        for state in [full(), index(full()), State::new(&settings(&[]), 7)] {
            assert_eq!(State::read(&state.to_bytes()), Ok(state));
        }
    }

    #[test]
    fn a_state_that_is_broken_or_of_another_version_is_never_taken_for_none() {
        let text = String::from_utf8(full().to_bytes()).expect("text");
        let other = text.replace("\"version\":1", "\"version\":2");
        assert_eq!(
            State::read(other.as_bytes()),
            Err("expected 1 at `version`, but found 2".to_owned())
        );
        for end in 0..text.len() {
            assert!(State::read(&text.as_bytes()[..end]).is_err(), "{end}");
        }
        for (from, to) in [
            ("\"start\":1", "\"start\":null"),
            ("\"watermark\":6", "\"watermark\":1e300"),
        ] {
            assert!(text.contains(from) && State::read(text.replace(from, to).as_bytes()).is_err());
        }
    }

    #[test]
    fn a_change_of_filters_changes_the_fingerprint_and_nothing_else_does() {
        let plain = fingerprint(&settings(&[]));
        assert_eq!(fingerprint(&settings(&[("PAGE_SIZE", "7")])), plain);
        for more in [
            ("FILTER_MODULES", "CD"),
            ("FILTER_ACTIONS", "CREATE"),
            ("STATIC_FILTER", "EXCLUDE_LOGIN_EVENTS"),
        ] {
            assert_ne!(fingerprint(&settings(&[more])), plain);
        }
    }

    /// Defect 20 of the Lambda: a null in its state crashes it.
    #[test]
    fn the_lambdas_state_says_where_to_begin() {
        let complete = r#"{"since": 1767225600000, "pageToken": null, "lastRun": 1767225600012}"#;
        let middle = r#"{"since": 1767225600000, "pageToken": "eyJ0cyI6/+=="}"#;
        assert_eq!(lambda_since(complete.as_bytes()), Ok(1_767_225_600_000));
        assert_eq!(lambda_since(middle.as_bytes()), Ok(1_767_225_600_000));
        for broken in [
            "{\"since\":null}",
            "{\"since\":-1}",
            "[]",
            "",
            "{\"since\":\"1\"}",
        ] {
            assert!(lambda_since(broken.as_bytes()).is_err(), "{broken}");
        }
    }
}
