//! Golden cases: an input, the output it must give beside it, one switch that rewrites the outputs.
//!
//! | file | holds |
//! | --- | --- |
//! | `<case>.raw` | a payload of logs, its bytes as received |
//! | `<case>.options.json` | what the caller says with it; any of [`OPTION_KEYS`], no other key |
//! | `<case>.udm.json` | the whole answer to it: `events`, `notes` and `rejections`, see [`answer`] |
//! | `<case>.err` | instead of `.udm.json`, where no event came: why |
//! | `<case>.http` | a request as it crosses the wire, see [`request`] |
//! | `<case>.delivery.json` | what the webhook normalizer makes of it |
//!
//! `BLESS=1 cargo test` rewrites expectations, `CASE=part_of_name cargo test` runs only the cases with that in their
//! names. Blessing knows nothing of right and wrong: read the diff. Where a case comes from is said in the folder's
//! `SOURCES.md`. Nothing here knows what produces an output, so that one corpus serves many runners.

use std::any::Any;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// The keys that `<case>.options.json` may have.
pub const OPTION_KEYS: [&str; 4] = ["split_delimiter", "namespace", "labels", "field_names"];

/// A case has one of these, never both.
const EXCLUSIVE: [&str; 2] = ["udm.json", "err"];

/// How many lines of each side a failure shows, and how many characters of a line.
const DIFF_LINES: usize = 6;
const DIFF_WIDTH: usize = 160;

/// Runs every case of a folder and compares what it gives with what is expected.
///
/// `f` gives the extension of the expectation (`"udm.json"`, `"err"`, …) and the actual text. All cases are run
/// before the failures are told, also when `f` panics.
///
/// # Panics
///
/// When a case fails, when the folder has no case, or when it cannot be read.
pub fn run(dir: &Path, extension: &str, f: impl Fn(&Case) -> (&'static str, String)) {
    let wanted = std::env::var("CASE").unwrap_or_default();
    let bless = std::env::var("BLESS").is_ok_and(|it| it == "1");
    let failures = failures(dir, extension, &wanted, bless, f);
    assert!(
        failures.is_empty(),
        "{} failed\n\n{}",
        failures.len(),
        failures.join("\n\n")
    );
}

/// The cases of a folder whose inputs have this extension (without a dot), sorted by name.
///
/// # Panics
///
/// When the folder or a file cannot be read, or when a case's options are not an object of [`OPTION_KEYS`].
pub fn cases(dir: &Path, extension: &str) -> Vec<Case> {
    let entries = fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let mut cases: Vec<Case> = entries
        .map(|entry| {
            entry
                .unwrap_or_else(|e| panic!("{}: {e}", dir.display()))
                .path()
        })
        .filter_map(|path| {
            let name = path
                .file_name()?
                .to_str()?
                .strip_suffix(extension)?
                .strip_suffix('.')?;
            Some(Case::read(name.to_owned(), path.clone()))
        })
        .collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

/// Compares a case's actual text with the file that has the expected extension; with `BLESS=1` writes that file.
///
/// A final line feed is neither here nor there: the files have one, `actual` need not.
///
/// # Errors
///
/// Tells the first lines that differ, or which file is missing, or which file contradicts the outcome.
pub fn check(case: &Case, expected_extension: &str, actual: &str) -> Result<(), String> {
    let bless = std::env::var("BLESS").is_ok_and(|it| it == "1");
    compare(case, expected_extension, actual, bless)
}

/// The expectation of a batch: its extension and its text. Every runner of logs tells its outcome in this form.
///
/// `events` are the batch's lines; notes are (event index, row, message), rejections (log index, reason). Where logs
/// were rejected and nothing else came, the text is the reasons, one a line. Keys of events keep their order.
///
/// # Panics
///
/// When a line of `events` is not JSON.
pub fn answer<'a>(
    events: &[u8],
    notes: impl IntoIterator<Item = (u32, &'a str, &'a str)>,
    rejections: impl IntoIterator<Item = (u32, &'a str)>,
) -> (&'static str, String) {
    let events: Vec<Value> = (events.split(|it| *it == b'\n').filter(|it| !it.is_empty()))
        .map(|line| {
            serde_json::from_slice(line)
                .unwrap_or_else(|e| panic!("not JSON: {e}: {}", String::from_utf8_lossy(line)))
        })
        .collect();
    let notes: Vec<Value> = (notes.into_iter())
        .map(|(event, row, message)| json!({"event_index": event, "row": row, "message": message}))
        .collect();
    let rejections: Vec<(u32, &str)> = rejections.into_iter().collect();
    if events.is_empty() && notes.is_empty() && !rejections.is_empty() {
        let reasons: Vec<&str> = rejections.iter().map(|(_, reason)| *reason).collect();
        return ("err", reasons.join("\n"));
    }
    let rejections: Vec<Value> = (rejections.iter())
        .map(|(log, reason)| json!({"log_index": log, "reason": reason}))
        .collect();
    (
        "udm.json",
        pretty(&json!({"events": events, "notes": notes, "rejections": rejections})),
    )
}

/// A value as the expectations have it: indented by two, keys in the value's order.
pub fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Reads an `.http` case: request line, header lines, an empty line, then the body up to the file's last byte.
///
/// Lines end with a line feed, with or without a carriage return before it, so that cases can be edited. Lengths are
/// not checked and chunks are not joined.
///
/// # Errors
///
/// What is missing.
pub fn request(raw: &[u8]) -> Result<Request, String> {
    let mut rest = raw;
    let mut line = || {
        let end = rest
            .iter()
            .position(|it| *it == b'\n')
            .ok_or("expected an empty line")?;
        let (line, after) = rest.split_at(end);
        rest = &after[1..];
        let line = str::from_utf8(line).map_err(|e| format!("expected UTF-8 in a header: {e}"))?;
        Ok::<&str, String>(line.trim_end_matches('\r'))
    };
    let (method, target) = line()?
        .split_once(' ')
        .ok_or("expected a method and a target")?;
    let target = target.trim_end_matches(" HTTP/1.1").to_owned();
    let method = method.to_owned();
    let mut headers = Vec::new();
    loop {
        let line = line()?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| format!("expected a header, but found {line:?}"))?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    Ok(Request {
        method,
        target,
        headers,
        body: rest.to_vec(),
    })
}

/// One input of a folder.
#[derive(Clone, Debug)]
pub struct Case {
    /// The file's name without its extension.
    pub name: String,
    /// The input file.
    pub path: PathBuf,
    /// The input's bytes.
    pub raw: Vec<u8>,
    /// What `<case>.options.json` says: an object, empty without that file.
    pub options: Value,
}

/// What an `.http` case says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// As written, usually in capitals.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names as written; values without the white space around them.
    pub headers: Vec<(String, String)>,
    /// All bytes after the empty line.
    pub body: Vec<u8>,
}

impl Case {
    fn read(name: String, path: PathBuf) -> Case {
        let raw = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut case = Case {
            name,
            path,
            raw,
            options: json!({}),
        };
        let file = case.beside("options.json");
        if file.exists() {
            case.options =
                read_options(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        }
        case
    }

    /// The file of the same case with another extension.
    pub fn beside(&self, extension: &str) -> PathBuf {
        self.path
            .with_file_name(format!("{}.{extension}", self.name))
    }
}

fn read_options(file: &Path) -> Result<Value, String> {
    let text = fs::read(file).map_err(|e| e.to_string())?;
    let options: Value = serde_json::from_slice(&text).map_err(|e| e.to_string())?;
    let keys = options.as_object().ok_or("expected an object")?.keys();
    match keys
        .into_iter()
        .find(|key| !OPTION_KEYS.contains(&key.as_str()))
    {
        Some(key) => Err(format!(
            "expected one of {OPTION_KEYS:?}, but found {key:?}"
        )),
        None => Ok(options),
    }
}

fn failures(
    dir: &Path,
    extension: &str,
    wanted: &str,
    bless: bool,
    f: impl Fn(&Case) -> (&'static str, String),
) -> Vec<String> {
    let cases = cases(dir, extension);
    // A folder without cases is a wrong path; a name that is in no case of this folder may be in another's.
    if cases.is_empty() {
        return vec![format!(
            "{}: expected a case `*.{extension}`, but found none",
            dir.display()
        )];
    }
    (cases.iter().filter(|case| case.name.contains(wanted)))
        .filter_map(|case| match catch_unwind(AssertUnwindSafe(|| f(case))) {
            Ok((expected_extension, actual)) => {
                compare(case, expected_extension, &actual, bless).err()
            }
            Err(payload) => Some(format!(
                "{}: panicked: {}",
                case.path.display(),
                words(&*payload)
            )),
        })
        .collect()
}

/// What a panic said; always a text in one of two forms, unless somebody panics with another type on purpose.
fn words(payload: &(dyn Any + Send)) -> &str {
    let owned = payload.downcast_ref::<String>().map(String::as_str);
    owned
        .or(payload.downcast_ref::<&str>().copied())
        .unwrap_or("without words")
}

fn compare(case: &Case, extension: &str, actual: &str, bless: bool) -> Result<(), String> {
    let input = case.path.display();
    let file = case.beside(extension);
    let shown = file.display();
    let stale = EXCLUSIVE
        .into_iter()
        .filter(|it| EXCLUSIVE.contains(&extension) && *it != extension)
        .map(|it| case.beside(it))
        .find(|it| it.exists());
    let ended = if actual.ends_with('\n') { "" } else { "\n" };
    let actual = format!("{actual}{ended}");

    if bless {
        if let Some(stale) = stale {
            fs::remove_file(&stale).map_err(|e| format!("{}: {e}", stale.display()))?;
        }
        return match fs::read(&file) {
            Ok(it) if it == actual.as_bytes() => Ok(()),
            _ => fs::write(&file, actual).map_err(|e| format!("{shown}: {e}")),
        };
    }
    if let Some(stale) = stale {
        let stale = stale.display();
        return Err(format!(
            "{input}: expected {stale}, but the case gives {shown}\n{}\
             this can be fixed with BLESS=1, which removes the first",
            side('+', actual.lines()),
        ));
    }
    match fs::read_to_string(&file) {
        Ok(expected) if expected == actual => Ok(()),
        Ok(expected) => Err(format!(
            "{input}: differs from {shown}\n{}if the change is meant, this can be fixed with BLESS=1",
            diff(&expected, &actual),
        )),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(format!(
            "{input}: there is no {shown}; this can be fixed with BLESS=1"
        )),
        Err(e) => Err(format!("{shown}: {e}")),
    }
}

/// The first lines that differ, with the line before them; lines that both texts end with are left out.
fn diff(expected: &str, actual: &str) -> String {
    let expected: Vec<&str> = expected.split('\n').collect();
    let actual: Vec<&str> = actual.split('\n').collect();
    let same = |(a, b): &(&&str, &&str)| a == b;
    let start = expected.iter().zip(&actual).take_while(same).count();
    let (left, right) = (&expected[start..], &actual[start..]);
    let end = left
        .iter()
        .rev()
        .zip(right.iter().rev())
        .take_while(same)
        .count();
    let before = &expected[start.saturating_sub(1)..start];
    format!(
        "line {}, - is expected, + is actual\n{}{}{}",
        start + 1,
        side(' ', before.iter().copied()),
        side('-', left[..left.len() - end].iter().copied()),
        side('+', right[..right.len() - end].iter().copied()),
    )
}

fn side<'a>(sign: char, mut lines: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for line in lines.by_ref().take(DIFF_LINES) {
        // A carriage return or a tab is a difference too, and has to be seen.
        let line = line.replace('\r', "\\r").replace('\t', "\\t");
        let cut: String = line.chars().take(DIFF_WIDTH).collect();
        let more = if cut.len() < line.len() { "…" } else { "" };
        text += &format!("{sign} {cut}{more}\n");
    }
    match lines.count() {
        0 => text,
        more => format!("{text}{sign} … {more} more lines\n"),
    }
}

#[cfg(test)]
mod tests;
