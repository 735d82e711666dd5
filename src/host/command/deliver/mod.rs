//! `udmill deliver`: logs out of files, the way of a delivery to a feed. The receiver's components run in this process, with
//! the same configuration and store, and listen nowhere.

mod dead_letter;
mod export;
mod pieces;

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use receiver::config::Config;
use receiver::config::section::nearest;
use receiver::secret::hashed;
use serde_json::{Deserializer, Value};
use tokio::runtime::Runtime;
use udmill::Failure;
use udmill::serve::{Allowed, Handed, Inside, new_secret};
use udmill::wit::Options;

use super::application::{ReceiverArgs, inside, options_of, read};
use super::args::Input;
use super::progress::Progress;
use super::{Status, Stop, output};
use export::Content;
use pieces::{Cut, Pieces, unreadable};

/// Send logs from files through a feed: to its destination, and to quarantine what that does not take
///
/// Files hold logs of any shape that the feed takes, dead letters of Event Grid, or exports of the quarantine. A destination
/// gets nothing again that it accepted within 24 hours from a file of the same name, so that the command can be repeated.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  udmill deliver --config udmill.toml --feed azdo dead-letters/*.json
  curl -H \"authorization: Bearer $ADMIN_KEY\" 'https://receiver.example/v1/quarantine?raw=true' |
    udmill deliver --config udmill.toml --feed azdo")]
pub struct Args {
    /// The feed of the configuration.
    #[arg(long, value_name = "FEED")]
    feed: String,
    #[command(flatten)]
    receiver: ReceiverArgs,
    /// How often a payload is tried that the destination does not take now.
    #[arg(long, value_name = "N", default_value_t = 5)]
    attempts: u32,
    /// Sends also what the destination accepted within 24 hours.
    #[arg(long)]
    again: bool,
    /// The inputs; `-` is standard input, which is also the default.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Read at once.
const READ: usize = 256 << 10;
/// The longest wait between two attempts, whatever a destination asks for.
const WAIT: Duration = Duration::from_secs(60);

pub fn run(args: Args) -> Result<Status, Stop> {
    let given = args.receiver.given.variables()?;
    let (application, component) = args.receiver.load()?;
    let config = read(&given, true, &component).map_err(|problems| {
        problems.iter().for_each(|it| output::complain(it));
        Stop::Usage("the configuration cannot be used".to_owned())
    })?;
    let options = options(&config, &args.feed)?;
    let state = args.receiver.state.folder()?;
    let mut pieces = Pieces::new(&component, options, config.max_body);
    pieces
        .push(&[])
        .map_err(|failure| Stop::Usage(failure.to_string()))?;
    let (runtime, inside) = inside(&application, &state, given, Allowed::new(config.hosts()))?;
    let mut run = Run {
        inside,
        runtime,
        feed: args.feed,
        again: args.again,
        attempts: args.attempts.max(1),
        pieces,
        progress: Progress::new(&args.files),
    };
    let status = run.all(&args.files);
    run.runtime.shutdown_background();
    status
}

/// What the component that cuts the inputs is told.
fn options(config: &Config, feed: &str) -> Result<Options, Stop> {
    let Some(found) = config.feeds.get(feed) else {
        let near = nearest(feed, config.feeds.keys().map(String::as_str));
        return Err(Stop::Usage(format!(
            "expected a feed of the configuration, but found {feed:?}{near}"
        )));
    };
    Ok(options_of(&found.options))
}

struct Run {
    inside: Inside,
    runtime: Runtime,
    feed: String,
    again: bool,
    attempts: u32,
    pieces: Pieces,
    progress: Progress,
}

/// What became of one input.
#[derive(Default)]
struct Tally {
    logs: u64,
    events: u64,
    delivered: u64,
    quarantined: u64,
    /// In exports, of other feeds.
    others: u64,
    too_long: u64,
    /// What ended it before its end.
    failed: Option<String>,
}

/// One input on its way.
struct Journey<'r> {
    run: &'r mut Run,
    /// What its pieces are called, and how many there were.
    name: String,
    count: u64,
    tally: Tally,
}

impl Run {
    /// Delivers every input. One that fails is told, and leaves the others their turn.
    fn all(&mut self, files: &[PathBuf]) -> Result<Status, Stop> {
        let mut status = Status::Done;
        let inputs: Vec<Option<&Path>> = match files {
            [] => vec![None],
            files => files.iter().map(|path| Some(path.as_path())).collect(),
        };
        for path in inputs {
            let ended = match Input::open(path) {
                Ok(input) => self.one(input)?,
                Err(Stop::Failed(message)) => {
                    self.progress.clear();
                    output::complain(&message);
                    Status::Failed
                }
                Err(stop) => return Err(stop),
            };
            status = status.max(ended);
        }
        self.progress.end();
        Ok(status)
    }

    fn one(&mut self, input: Input) -> Result<Status, Stop> {
        // Two runs over standard input have nothing to do with each other.
        let salt = match self.again || input.name == "-" {
            true => new_secret().map_err(|error| Stop::Failed(error.to_string()))?,
            false => String::new(),
        };
        let mut journey = Journey {
            name: hashed(&(salt + &input.name)).replace(':', "-"),
            count: 0,
            tally: Tally::default(),
            run: self,
        };
        let file = input.name.clone();
        if let Err(message) = journey.go(input) {
            journey.tally.failed = Some(message);
        }
        let tally = journey.tally;
        // What another attempt has not changed, it does not change for the next file.
        if tally.failed.is_some() {
            self.attempts = 1;
            let _ = self.pieces.finish();
            self.pieces.rest();
        }
        self.progress.next_input(tally.events);
        self.progress.clear();
        output::complain(&tally.text(&file));
        Ok(tally.status())
    }
}

impl Journey<'_> {
    fn go(&mut self, input: Input) -> Result<(), String> {
        let name = input.name.clone();
        let told = |error: &io::Error| unreadable(&name, error);
        let content = export::recognise(input.into_reader()).map_err(|error| told(&error))?;
        match content {
            Content::Logs(mut logs) => {
                let mut buffer = vec![0; READ];
                // What was read before an error is not lost.
                let failed = loop {
                    match logs.read(&mut buffer) {
                        Ok(0) => break None,
                        Ok(length) => {
                            self.run.progress.add(length as u64, self.tally.events);
                            let cut = self.run.pieces.push(&buffer[..length]);
                            self.send_cut(cut)?;
                        }
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(error) => break Some(told(&error)),
                    }
                };
                let cut = self.run.pieces.finish();
                self.send_cut(cut)?;
                self.send_rest()?;
                failed.map_or(Ok(()), Err)
            }
            Content::Export(export) => {
                for value in Deserializer::from_reader(export).into_iter::<Value>() {
                    let value = value.map_err(|error| {
                        format!("expected an export of the quarantine, but found: {error}")
                    })?;
                    for log in export::logs(&value, &self.run.feed, &mut self.tally.others)? {
                        self.run.progress.add(log.len() as u64, self.tally.events);
                        let cut = self.run.pieces.push(&log);
                        self.send_cut(cut)?;
                        let cut = self.run.pieces.finish();
                        self.send_cut(cut)?;
                    }
                }
                self.send_rest()
            }
        }
    }

    fn send_cut(&mut self, cut: Result<Cut, Failure>) -> Result<(), String> {
        let cut = cut.map_err(|failure| failure.to_string())?;
        self.tally.too_long += cut.too_long.len() as u64;
        cut.payloads.into_iter().try_for_each(|it| self.send(it))
    }

    fn send_rest(&mut self) -> Result<(), String> {
        let rest = self.run.pieces.rest();
        rest.into_iter().try_for_each(|it| self.send(it))
    }

    /// Hands a payload to the receiver until it is safe, or there is no hope.
    fn send(&mut self, payload: Vec<u8>) -> Result<(), String> {
        let piece = format!("{}-{}", self.name, self.count);
        self.count += 1;
        let payload = bytes::Bytes::from(payload);
        let mut attempt = 1;
        let handed = loop {
            let run = &self.run;
            let handing = run.inside.deliver(&run.feed, &piece, payload.clone());
            let handed = run.runtime.block_on(handing);
            let is_final = handed.status == 200 || handed.body["alarm"] == true;
            if is_final || attempt == run.attempts {
                break handed;
            }
            attempt += 1;
            thread::sleep(handed.retry_after.min(WAIT));
        };
        let count = |key: &str| handed.body[key].as_u64().unwrap_or_default();
        let (logs, quarantined) = (count("logs"), count("quarantined"));
        self.tally.logs += logs;
        self.tally.events += count("events");
        self.tally.quarantined += quarantined;
        match handed.status {
            200 => {
                self.tally.delivered += logs.saturating_sub(quarantined);
                Ok(())
            }
            _ => Err(fault(&handed)),
        }
    }
}

fn fault(handed: &Handed) -> String {
    let text = |key: &str| handed.body[key].as_str();
    match (text("error"), text("message")) {
        (Some(error), Some(message)) => format!("{error}: {message}"),
        (Some(error), None) => error.to_owned(),
        (None, _) => "the receiver gave no answer".to_owned(),
    }
}

impl Tally {
    fn text(&self, file: &str) -> String {
        let Tally {
            logs,
            events,
            delivered,
            quarantined,
            others,
            too_long,
            failed,
        } = self;
        let mut text = format!(
            "{file}: {logs} logs, {events} events, {delivered} delivered, {quarantined} in quarantine"
        );
        if *others > 0 {
            text += &format!(", {others} of other feeds left out");
        }
        if *too_long > 0 {
            text += &format!(", {too_long} longer than max_body left out");
        }
        if let Some(failed) = failed {
            text += &format!("; the rest is not delivered: {failed}");
        }
        text
    }

    fn status(&self) -> Status {
        if self.failed.is_some() || self.too_long > 0 {
            Status::Failed
        } else if self.quarantined > 0 {
            Status::Rejected
        } else {
            Status::Done
        }
    }
}
