//! `udmill feed s3` as a process, and its route in `udmill serve`, with an S3 server that checks signatures and
//! conditions. Where a test says so, it is run once more with one that knows no conditions.

use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use event_grid::{Random, Request};
use flate2::Compression;
use flate2::write::GzEncoder;
use host_test::running::{ADMIN, Start};
use host_test::s3::{ACCESS_KEY, BUCKET, S3, SECRET_KEY};
use secops::SecOps;
use serde_json::{Value, json};
use tempfile::TempDir;

/// S3 with conditional requests, and without.
const STORES: [fn() -> S3; 2] = [S3::start, S3::start_unconditional];
/// What may be seen nowhere.
const CANARY: &str = "canary";
const STDOUT: &str = "type = \"stdout\"";
const MARKER: &str = "in/.udmill-consumer-azdo.json";

/// A bucket, and a folder with a configuration and a store.
struct World {
    s3: S3,
    folder: TempDir,
}

/// How a command ended.
struct Ended {
    status: Option<i32>,
    stdout: String,
    errors: String,
    /// The last line of standard error, or null.
    summary: Value,
}

/// A configuration with a feed `azdo` out of the prefix `in/azdo`; `more` are keys of its table `s3`.
fn config(s3: &S3, more: &str, destination: &str) -> String {
    format!(
        "admin_key = \"{{admin_key}}\"\n\
         [feed.azdo]\nlog_type = \"AZURE_DEVOPS\"\ndestination = \"main\"\nnamespace = \"corp\"\n\
         s3 = {{ bucket = \"{BUCKET}\", region = \"us-east-1\", endpoint = \"{}\", prefix = \"in/azdo\", \
         access_key = \"{ACCESS_KEY}\", secret_key = \"{{secret}}\"{more} }}\n\
         [destination.main]\n{destination}\n",
        s3.origin
    )
}

impl World {
    fn new(more: &str, destination: &str) -> World {
        World::with(S3::start(), more, destination)
    }

    fn with(s3: S3, more: &str, destination: &str) -> World {
        let folder = tempfile::tempdir().unwrap();
        let text = config(&s3, more, destination);
        fs::write(folder.path().join("udmill.toml"), text).unwrap();
        World { s3, folder }
    }

    fn put(&self, key: &str, bytes: impl AsRef<[u8]>) {
        self.s3.set(&format!("in/azdo/{key}"), Some(bytes.as_ref()));
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(host_test::command());
        command.args(arguments).current_dir(self.folder.path());
        command.env("XDG_CACHE_HOME", host_test::cache());
        command.env("SPIN_VARIABLE_SECRET", SECRET_KEY);
        command.env("SPIN_VARIABLE_ADMIN_KEY", ADMIN);
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn start(&self, more: &[&str]) -> Child {
        let arguments = ["feed", "s3", "--config", "udmill.toml", "--state", "state"];
        let mut command = self.command(&[&arguments, more].concat());
        command.spawn().unwrap()
    }

    /// Runs the command to its end.
    fn feed(&self, more: &[&str]) -> Ended {
        ended(self.start(more))
    }

    /// What `udmill transform` makes of these bytes.
    fn transformed(&self, bytes: &[u8]) -> String {
        let arguments = [
            "transform",
            "--log-type",
            "AZURE_DEVOPS",
            "--namespace",
            "corp",
        ];
        let mut child = self
            .command(&arguments)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let bytes = bytes.to_vec();
        let writing = std::thread::spawn(move || stdin.write_all(&bytes));
        let ended = ended(child);
        writing.join().unwrap().unwrap();
        ended.stdout
    }

    fn keys(&self) -> Vec<String> {
        self.s3.objects().into_keys().collect()
    }

    fn file(&self, key: &str) -> PathBuf {
        self.s3.file(&format!("in/azdo/{key}"))
    }
}

fn ended(mut child: Child) -> Ended {
    let mut output = child.stdout.take().unwrap();
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        output.read_to_string(&mut text).map(|_| text)
    });
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(!errors.contains(CANARY), "{errors}");
    let last = errors.lines().last().unwrap_or_default();
    Ended {
        status: output.status.code(),
        stdout: reading.join().unwrap().unwrap(),
        summary: serde_json::from_str(last).unwrap_or_default(),
        errors,
    }
}

/// Logs, one a line.
fn lines(seed: u64, count: usize) -> String {
    let events = event_grid::events(&mut Random::new(seed), count);
    events.iter().map(|it| format!("{}\n", it.0)).collect()
}

fn list(seed: u64, count: usize) -> String {
    let events = event_grid::events(&mut Random::new(seed), count);
    let events: Vec<&Value> = events.iter().map(|it| &it.0).collect();
    serde_json::to_string(&events).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn the_events_are_those_of_transform_and_come_once() {
    for store in STORES {
        let world = World::with(store(), "", STDOUT);
        let objects = [
            ("2026/a.jsonl", lines(1, 300)),
            ("2026/b.json", list(2, 300)),
            (
                "2026/c with space & ü.json",
                format!("{{\"records\":{}}}", list(3, 300)),
            ),
            ("2026/d", lines(4, 5000)),
        ];
        let mut expected = String::new();
        for (key, text) in &objects {
            world.put(key, text);
            expected += &world.transformed(text.as_bytes());
        }
        let members = [
            gzip(lines(5, 200).as_bytes()),
            gzip(lines(6, 200).as_bytes()),
        ]
        .concat();
        world.put("2026/e.log", members);
        expected += &world.transformed((lines(5, 200) + &lines(6, 200)).as_bytes());
        world.put("2026/f.jsonl", "");
        let first = world.feed(&[]);
        assert_eq!(
            (first.status, &first.summary["objects"]),
            (Some(0), &json!(6)),
            "{}",
            first.errors
        );
        assert!(
            first.stdout == expected,
            "{} of {}",
            first.stdout.len(),
            expected.len()
        );
        let second = world.feed(&["--once", "--feed", "azdo"]);
        assert_eq!(
            (second.status, second.stdout.as_str()),
            (Some(0), ""),
            "{}",
            second.errors
        );
        assert_eq!(
            (&second.summary["listed"], &second.summary["bytes"]),
            (&json!(6), &json!(0))
        );
        // What is late, under an old key, or overwritten.
        world.put("2025/0.jsonl", lines(7, 3));
        world.put("2026/f.jsonl", lines(8, 3));
        let third = world.feed(&[]);
        assert_eq!(
            (third.status, third.stdout.lines().count()),
            (Some(0), 6),
            "{}",
            third.errors
        );
    }
}

#[test]
fn what_is_safe_is_deleted_if_the_feed_says_so() {
    for store in STORES {
        let world = World::with(store(), ", delete = \"on_success\"", STDOUT);
        world.put("a.jsonl", lines(1, 3));
        world.put("b.jsonl", "{\"no\":\"log\"}\n");
        world.put("c.gz", &gzip(lines(2, 50).as_bytes())[..100]);
        let ended = world.feed(&[]);
        assert_eq!(ended.status, Some(2), "{}", ended.errors);
        let Ended { summary, .. } = ended;
        assert_eq!(
            (&summary["deleted"], &summary["unreadable"]),
            (&json!(2), &json!(1)),
            "{summary}"
        );
        assert_eq!(world.keys(), [MARKER, "in/azdo/c.gz"]);
        assert_eq!(world.feed(&[]).status, Some(0));
    }
}

#[test]
fn an_object_that_cannot_be_read_costs_no_other() {
    let world = World::new("", STDOUT);
    let whole = gzip(lines(1, 500).as_bytes());
    world.put("a.gz", &whole[..whole.len() / 2]);
    world.put("b.jsonl", lines(2, 3) + "{\"cut\": \n" + &lines(3, 3));
    let ended = world.feed(&[]);
    assert_eq!(ended.status, Some(2), "{}", ended.errors);
    let Ended {
        summary, stdout, ..
    } = ended;
    assert_eq!(
        (&summary["objects"], &summary["unreadable"]),
        (&json!(1), &json!(1)),
        "{summary}"
    );
    assert!(stdout.ends_with(&world.transformed((lines(2, 3) + &lines(3, 3)).as_bytes())));
    assert!(stdout.lines().count() > 100);
}

#[test]
fn a_prefix_of_another_consumer_is_left_alone() {
    let world = World::new("", STDOUT);
    world.put("a.jsonl", lines(1, 3));
    world.s3.set(MARKER, Some(b"{\"consumer\":\"secops\"}"));
    let refused = world.feed(&[]);
    assert_eq!((refused.status, refused.stdout.as_str()), (Some(3), ""));
    let expected = format!(
        "expected \"s3://{BUCKET}/in/azdo/\" to be no other's, but found that it is taken by \"secops\"; if that is no \
         longer so, delete \"s3://{BUCKET}/{MARKER}\""
    );
    assert_eq!(refused.summary["message"], expected.as_str());
    world.s3.set(MARKER, None);
    assert_eq!(world.feed(&[]).stdout.lines().count(), 3);
    // The same feed with another store is another consumer.
    let arguments = ["feed", "s3", "--config", "udmill.toml", "--state", "other"];
    let other = ended(world.command(&arguments).spawn().unwrap());
    assert_eq!(
        (other.status, &other.summary["error"]),
        (Some(3), &json!("consumer"))
    );
}

#[test]
fn old_objects_are_left_alone() {
    let world = World::new(", max_age_days = 2", STDOUT);
    for (key, days) in [("a.jsonl", 3), ("b.jsonl", 1)] {
        world.put(key, lines(days, 3));
        let file = fs::File::options()
            .write(true)
            .open(world.file(key))
            .unwrap();
        let age = std::time::Duration::from_secs(days * 86_400);
        file.set_modified(std::time::SystemTime::now() - age)
            .unwrap();
    }
    let ended = world.feed(&[]);
    assert_eq!(
        (ended.status, ended.stdout.lines().count()),
        (Some(0), 3),
        "{}",
        ended.errors
    );
    assert_eq!(ended.summary["too_old"], 1);
}

#[test]
fn what_was_killed_is_gone_on_with() {
    let secops = SecOps::start();
    let raw = format!(
        "type = \"http\"\nformat = \"raw\"\nurl = \"{}\"",
        secops.lines_url()
    );
    let world = World::new("", &raw);
    let sent = 20_000;
    world.put("a.jsonl", lines(1, sent));
    world.put("b.gz", gzip(lines(2, sent).as_bytes()));
    for _ in 0..3 {
        let before = secops.counts().len();
        let mut child = world.start(&[]);
        while secops.counts().len() == before && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let ended = world.feed(&[]);
    assert_eq!(ended.status, Some(0), "{}", ended.errors);
    let counts = secops.counts();
    assert_eq!(counts.len(), 2 * sent);
    // Of each process that was killed, what it had sent and not written down: a request at most.
    let repeated: usize = counts.values().map(|it| it - 1).sum();
    assert!(repeated < sent / 2, "{repeated}");
}

#[test]
fn a_server_reads_a_feed_when_it_is_called_and_takes_no_posts_for_it() {
    let s3 = S3::start();
    let start = Start::with(&config(&s3, "", STDOUT)).variables(&[("secret", SECRET_KEY)]);
    let receiver = start.run();
    s3.set("in/azdo/a.jsonl", Some(lines(1, 3).as_bytes()));
    let request = Request {
        method: "POST",
        headers: vec![("authorization".to_owned(), "Bearer x".to_owned())],
        body: Vec::new(),
    };
    assert_eq!(receiver.send("/v1/pull/azdo", &request).status, 401);
    assert_eq!(receiver.ask("POST", "/v1/pull/other").status, 404);
    let answer = receiver.ask("POST", "/v1/pull/azdo");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((&body["objects"], &body["events"]), (&json!(1), &json!(3)));
    assert_eq!(body["more"], false);
    assert_eq!(receiver.events(3).len(), 3);
    // Nobody posts to a feed that is pulled; a sender is told to come again.
    assert_eq!(receiver.ask("POST", "/v1/feeds/azdo").status, 503);
}

#[test]
fn mistakes_are_told_before_anything_is_read() {
    for (more, expected) in [
        (", delete = \"always\"", "one of never, on_success"),
        (", max_age_days = 0", "a whole number from 1 to 3660"),
        (", prefxi = \"a\"", "did you mean \"prefix\""),
    ] {
        let world = World::new(more, STDOUT);
        let ended = world.feed(&[]);
        assert_eq!(ended.status, Some(1), "{}", ended.errors);
        assert!(ended.errors.contains(expected), "{}", ended.errors);
        assert_eq!(world.keys(), [""; 0]);
    }
    let world = World::new("", STDOUT);
    let ended = world.feed(&["--feed", "azod"]);
    assert_eq!(ended.status, Some(1));
    assert!(
        ended
            .errors
            .contains("found \"azod\"; did you mean \"azdo\""),
        "{}",
        ended.errors
    );
    let ended = crate::ended(
        world
            .command(&["feed", "s3", "--state", "state"])
            .spawn()
            .unwrap(),
    );
    assert_eq!(ended.status, Some(1));
    assert!(ended.errors.contains("--config"), "{}", ended.errors);
}
