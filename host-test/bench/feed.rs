//! What a feed costs that reads a bucket: `udmill feed s3` with one large object, and with many small ones, against
//! `udmill transform` with the large one's bytes.
//!
//! The large object is the corpus so many times over that starts count for little: feeds read for days. Its
//! [`Bucket`] is in this process on the same machine. All commands are processes, with their start; what they print,
//! events and summaries alike, goes where it costs nothing. They take turns, and the best time of each counts, as
//! with the mapping. Before that, they are held to each other: equal events, byte by byte.
//!
//! For each round, the bucket and the feed's progress are as new: otherwise it would know the objects. Of the small
//! ones nothing is asked: what they take beyond their bytes is a request each, and so they do from any store.

use std::fs::{self, File};
use std::io::{Error, Result};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::LOG_TYPE;
use crate::bucket::Bucket;
use crate::components::target_folder;
use crate::report::{self, Figure, Table};

/// How often the large object has the corpus.
const TIMES: usize = 20;
/// The small objects, and the logs in each.
const SMALL: (usize, usize) = (1000, 30);

/// A feed to measure.
struct Feed {
    folder: PathBuf,
    bucket: Bucket,
}

/// Measures in so many rounds: the table of figures, and that of what each took.
pub fn measure(logs: &[Vec<u8>], rounds: usize) -> Result<(Table, Table)> {
    let folder = target_folder().join("bench/feed");
    let file = folder.join("logs.jsonl");
    fs::create_dir_all(&folder)?;
    let large = logs.concat().repeat(TIMES);
    fs::write(&file, &large)?;
    let (count, each) = SMALL;
    let mut cycle = logs.iter().cycle();
    let small: Vec<Vec<u8>> = (0..count)
        .map(|_| cycle.by_ref().take(each).flatten().copied().collect())
        .collect();
    let (large_size, small_size) = (large.len(), small.iter().map(Vec::len).sum());
    let large = Feed::new(folder.join("large"), vec![large])?;
    let small = Feed::new(folder.join("small"), small)?;
    check(&large, &file)?;
    let mut took = [Duration::MAX; 3];
    for round in 1..=rounds {
        eprint!("\rbench: feed, round {round} of {rounds}");
        let now = [
            large.run(Stdio::null())?,
            transform(&file, Stdio::null())?,
            small.run(Stdio::null())?,
        ];
        took = [0, 1, 2].map(|it| took[it].min(now[it]));
    }
    eprintln!();
    let seconds = took.map(|it| it.as_secs_f64());
    let figure = Figure {
        name: "feed out of S3, bytes/s, of the command's".to_owned(),
        found: seconds[1] / seconds[0],
        asked: (0.6, 0.8),
        text: |it| format!("{it:.2}"),
    };
    let of_logs = format!("one object of {} logs", TIMES * logs.len());
    let mut costs = Table::new(&["feed", "s", "MB/s"]);
    for (name, seconds, size) in [
        (of_logs, seconds[0], large_size),
        (
            "`udmill transform` of the same".to_owned(),
            seconds[1],
            large_size,
        ),
        (
            format!("{count} objects of {each} logs"),
            seconds[2],
            small_size,
        ),
    ] {
        let speed = format!("{:.0}", size as f64 / 1e6 / seconds);
        costs.add([name.as_str(), &format!("{seconds:.2}"), &speed]);
    }
    Ok((report::figures(&[figure]), costs))
}

/// Both print the same.
fn check(feed: &Feed, file: &Path) -> Result<()> {
    let [one, other] = ["feed.jsonl", "transform.jsonl"].map(|it| feed.folder.join(it));
    feed.run(File::create(&one)?.into())?;
    transform(file, File::create(&other)?.into())?;
    match fs::read(one)? == fs::read(other)? {
        true => Ok(()),
        false => Err(Error::other(
            "expected the same events from a feed and the command",
        )),
    }
}

impl Feed {
    fn new(folder: PathBuf, objects: Vec<Vec<u8>>) -> Result<Feed> {
        fs::create_dir_all(&folder)?;
        let (bucket, address) = Bucket::start(objects)?;
        fs::write(folder.join("feeds.toml"), config(address))?;
        Ok(Feed { folder, bucket })
    }

    /// How long the feed takes with objects that it has never seen.
    fn run(&self, out: Stdio) -> Result<Duration> {
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
}

/// How long the command takes with a file.
fn transform(file: &Path, out: Stdio) -> Result<Duration> {
    let mut command = udmill();
    command.args(["transform", "--log-type", LOG_TYPE]);
    took(command.arg(file).stdout(out))
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
