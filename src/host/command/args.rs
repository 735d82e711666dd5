//! Arguments that several commands share: the options of a reader, and the component.

use std::env;
use std::fs::{self, File};
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use udmill::wit::{FieldNames, Label, Options};
use udmill::{Cache, CacheError, Component, Engine, Limits, Stream};

use super::{Stop, output};

/// What the component is told about the logs.
#[derive(clap::Args)]
pub struct OptionArgs {
    /// The SecOps log type; `udmill sources` lists them.
    #[arg(long, value_name = "TYPE")]
    log_type: String,
    /// Cuts the input into pieces, each a payload of its own; takes \n \r \t \0 and \\.
    #[arg(long, value_name = "TEXT", value_parser = unescape)]
    split_delimiter: Option<String>,
    /// The namespace of the events' nouns.
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// An ingestion label; `,rbac` after it lets data access scopes use it. May be repeated.
    #[arg(long = "label", value_name = "KEY=VALUE[,rbac]", value_parser = label)]
    labels: Vec<Label>,
    /// How UDM fields are spelled.
    #[arg(long, value_name = "SPELLING", default_value = "lower-camel")]
    names: Names,
}

/// The spelling of UDM fields.
#[derive(Clone, Copy, ValueEnum)]
enum Names {
    /// eventTimestamp
    LowerCamel,
    /// event_timestamp
    Proto,
}

/// Which component does the work.
#[derive(clap::Args)]
pub struct ComponentArgs {
    /// The component to use instead of the one that came with this command.
    #[arg(
        long,
        value_name = "FILE.wasm",
        env = "UDMILL_COMPONENT",
        hide_env_values = true
    )]
    component: Option<PathBuf>,
}

/// One input: a file, or standard input.
pub struct Input {
    /// How the input is called: the path, or `-`.
    pub name: String,
    reader: Box<dyn Read>,
}

impl OptionArgs {
    /// A stream with these options, which the component has accepted.
    pub fn stream(self, component: &Component) -> Result<Stream, Stop> {
        let options = Options {
            log_type: self.log_type,
            split_delimiter: self.split_delimiter,
            namespace: self.namespace,
            labels: self.labels,
            field_names: match self.names {
                Names::LowerCamel => FieldNames::LowerCamel,
                Names::Proto => FieldNames::Proto,
            },
        };
        let mut stream = Stream::new(component, options);
        match stream.push(&[]) {
            Ok(_) => Ok(stream),
            Err(failure) => Err(Stop::Usage(failure.to_string())),
        }
    }
}

impl ComponentArgs {
    /// The component that was named, or else the one that came with the command.
    pub fn load(&self) -> Result<Component, Stop> {
        let (path, wasm) = self.read()?;
        let engine = engine()?;
        Component::load(&engine, &wasm, cache().as_ref())
            .map_err(|error| Stop::Usage(format!("cannot use the component {path:?}: {error}")))
    }

    /// Its path and bytes.
    pub fn read(&self) -> Result<(PathBuf, Vec<u8>), Stop> {
        read(
            self.component.as_deref(),
            "udmill_transform.wasm",
            "--component",
        )
    }
}

/// The engine of the command's limits.
pub fn engine() -> Result<Engine, Stop> {
    Engine::new(Limits::default()).map_err(|error| Stop::Usage(error.to_string()))
}

/// Where compiled components are kept.
pub fn cache() -> Option<Cache> {
    match Cache::of_user() {
        Ok(cache) => Some(cache),
        Err(error @ CacheError::Unsafe(..)) => {
            output::complain(&error);
            None
        }
        // Without a home or on a read-only disk there is just no cache.
        Err(CacheError::Io(..)) => None,
    }
}

/// The path and bytes of the component that was named with `option`, or else of the one that came with the command.
pub fn read(named: Option<&Path>, name: &str, option: &str) -> Result<(PathBuf, Vec<u8>), Stop> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => bundled(name, option)?,
    };
    match fs::read(&path) {
        Ok(wasm) => Ok((path, wasm)),
        Err(error) => Err(Stop::Usage(format!(
            "cannot read the component {path:?}: {error}"
        ))),
    }
}

/// The same for a component that a command can do without, unless it is named.
pub fn read_if_there(named: Option<&Path>, name: &str) -> Result<Option<Vec<u8>>, Stop> {
    if named.is_none() && bundled(name, "").is_err() {
        return Ok(None);
    }
    read(named, name, "").map(|(_, wasm)| Some(wasm))
}

/// The component beside the command, or where `cargo xtask build` puts it.
fn bundled(name: &str, option: &str) -> Result<PathBuf, Stop> {
    let command = env::current_exe().unwrap_or_default();
    let folder = command.parent().unwrap_or(Path::new("."));
    let places = [
        folder.join(name),
        folder.join("../wasm32-wasip2/guest").join(name),
    ];
    let found = places.iter().find(|place| place.is_file());
    found.cloned().ok_or_else(|| {
        let [beside, built] = places;
        Stop::Usage(format!(
            "expected a component at {beside:?} or {built:?}, but found none; name one with {option}, or run \
             `cargo xtask build`"
        ))
    })
}

impl Input {
    /// Opens a path; `-` and no path are standard input.
    pub fn open(path: Option<&Path>) -> Result<Input, Stop> {
        let path = path.filter(|path| *path != Path::new("-"));
        let Some(path) = path else {
            if io::stdin().is_terminal() {
                output::complain(&"reading from the terminal; Ctrl-D ends the input");
            }
            return Ok(Input {
                name: "-".to_owned(),
                reader: Box::new(io::stdin().lock()),
            });
        };
        let file = File::open(path)
            .map_err(|error| Stop::Failed(format!("cannot read {path:?}: {error}")))?;
        Ok(Input {
            name: path.to_string_lossy().into_owned(),
            reader: Box::new(file),
        })
    }

    /// Its bytes alone.
    pub fn into_reader(self) -> Box<dyn Read> {
        self.reader
    }

    /// Reads what there is, at most `buffer`, as soon as there is anything. Nothing is the end.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Stop> {
        loop {
            match self.reader.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let message = format!("cannot read {:?}: {error}", self.name);
                    return Err(Stop::Failed(message));
                }
                Ok(length) => return Ok(length),
            }
        }
    }
}

fn unescape(text: &str) -> Result<String, String> {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        plain.push(match char {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('0') => '\0',
                Some('\\') => '\\',
                other => {
                    let other = other.map(String::from).unwrap_or_default();
                    return Err(format!(
                        "expected one of \\n \\r \\t \\0 \\\\, but found \\{other}"
                    ));
                }
            },
            char => char,
        });
    }
    Ok(plain)
}

fn label(text: &str) -> Result<Label, String> {
    let (text, rbac_enabled) = match text.strip_suffix(",rbac") {
        Some(text) => (text, true),
        None => (text, false),
    };
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok(Label {
            key: key.to_owned(),
            value: value.to_owned(),
            rbac_enabled,
        }),
        _ => Err("expected KEY=VALUE or KEY=VALUE,rbac".to_owned()),
    }
}
