//! What a feed costs that reads a bucket: `udmill feed s3` with one object, against `udmill transform` with its
//! bytes.
//!
//! The object is the corpus a few times over, and its [`Bucket`] in this process on the same machine. Both commands
//! are processes, with their start; what they print, events and summaries alike, goes where it costs nothing. They
//! take turns, and the best time of each counts, as with the mapping. Before that, they are held to each other: equal
//! events, byte by byte.
//!
//! For each round, the bucket and the feed's progress are as new: otherwise it would know the object.

use std::fs::{self, File};
use std::io::{Error, Result};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::LOG_TYPE;
use crate::bucket::Bucket;
use crate::components::target_folder;
use crate::report::{self, Figure, Table};

/// How often the object has the corpus, so that starts count for little.
const TIMES: usize = 3;

/// Two commands for the same bytes.
struct Bench {
    folder: PathBuf,
    file: PathBuf,
    bucket: Bucket,
}

/// Measures in so many rounds: the table of figures, and that of what each took.
pub fn measure(logs: &[Vec<u8>], rounds: usize) -> Result<(Table, Table)> {
    let bytes = logs.concat().repeat(TIMES);
    let megabytes = bytes.len() as f64 / 1e6;
    let bench = Bench::new(bytes)?;
    bench.check()?;
    let [mut feed, mut transform] = [Duration::MAX; 2];
    for round in 1..=rounds {
        eprint!("\rbench: feed, round {round} of {rounds}");
        feed = feed.min(bench.feed(Stdio::null())?);
        transform = transform.min(bench.transform(Stdio::null())?);
    }
    eprintln!();
    let figure = Figure {
        name: "feed out of S3, bytes/s, of the command's".to_owned(),
        found: transform.as_secs_f64() / feed.as_secs_f64(),
        asked: (0.6, 0.8),
        text: |it| format!("{it:.2}"),
    };
    let object = format!("one object of {} logs", TIMES * logs.len());
    let mut costs = Table::new(&[&object, "s", "MB/s"]);
    for (name, took) in [("feed out of S3", feed), ("`udmill transform`", transform)] {
        let seconds = took.as_secs_f64();
        let speed = format!("{:.0}", megabytes / seconds);
        costs.add([name, &format!("{seconds:.2}"), &speed]);
    }
    Ok((report::figures(&[figure]), costs))
}

impl Bench {
    fn new(bytes: Vec<u8>) -> Result<Bench> {
        let folder = target_folder().join("bench/feed");
        let file = folder.join("logs.jsonl");
        fs::create_dir_all(&folder)?;
        fs::write(&file, &bytes)?;
        let (bucket, address) = Bucket::start(bytes)?;
        fs::write(folder.join("feeds.toml"), config(address))?;
        Ok(Bench {
            folder,
            file,
            bucket,
        })
    }

    /// Both print the same.
    fn check(&self) -> Result<()> {
        let [one, other] = ["feed.jsonl", "transform.jsonl"].map(|it| self.folder.join(it));
        self.feed(File::create(&one)?.into())?;
        self.transform(File::create(&other)?.into())?;
        match fs::read(one)? == fs::read(other)? {
            true => Ok(()),
            false => Err(Error::other(
                "expected the same events from a feed and the command",
            )),
        }
    }

    /// How long the feed takes with an object that it has never seen.
    fn feed(&self, out: Stdio) -> Result<Duration> {
        let [config, state] = ["feeds.toml", "state"].map(|it| self.folder.join(it));
        let _ = fs::remove_dir_all(&state);
        self.bucket.forget();
        let mut command = udmill();
        command.args(["feed", "s3", "--once"]);
        command.args(["--variable", "secret=of-the-benchmark-alone"]);
        command.arg("--config").arg(config);
        command.arg("--state").arg(state);
        took(command.stdout(out))
    }

    /// How long the command takes with a file.
    fn transform(&self, out: Stdio) -> Result<Duration> {
        let mut command = udmill();
        command.args(["transform", "--log-type", LOG_TYPE]);
        took(command.arg(&self.file).stdout(out))
    }
}

fn udmill() -> Command {
    Command::new(target_folder().join("release/udmill"))
}

fn took(command: &mut Command) -> Result<Duration> {
    command.stdin(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    match command.status()?.success() {
        true => Ok(start.elapsed()),
        false => Err(Error::other(format!("expected {command:?} to succeed"))),
    }
}

fn config(address: SocketAddr) -> String {
    format!(
        r#"
[feed.azdo]
log_type = "{LOG_TYPE}"
destination = "printed"

[feed.azdo.s3]
bucket = "audit"
region = "us-east-1"
endpoint = "http://{address}"
prefix = "logs"
access_key = "AKIAOFTHEBENCHMARK"
secret_key = "{{secret}}"

[destination.printed]
type = "stdout"
"#
    )
}
