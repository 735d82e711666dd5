//! `udmill collect harness` as a process, and the collector's routes in `udmill serve`, between a Harness and an S3 server
//! that checks signatures and conditions. Where a test says so, it is run once more with one that knows no conditions.

mod faults;
mod runs;
mod shapes;
mod takeover;

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use harness::{ACCOUNT, Harness, KEY, Service};
use host_test::s3::{ACCESS_KEY, BUCKET, S3, SECRET_KEY};
use serde_json::Value;

const MINUTE: i64 = 60_000;
/// S3 with conditional writes, and without.
const STORES: [fn() -> S3; 2] = [S3::start, S3::start_unconditional];
const STATE: &str = "harness/audit-state/harness.json";
/// What may be seen nowhere.
const CANARY: &str = "canary";

/// A Harness, a bucket, and an environment that leads to both.
struct World {
    server: Harness,
    s3: S3,
    variables: BTreeMap<String, String>,
}

/// How a command ended.
#[derive(Debug)]
struct Ended {
    status: Option<i32>,
    errors: String,
    /// The last line of standard error, or null.
    summary: Value,
}

/// Epoch milliseconds.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_millis() as i64
}

/// A Harness with so many events, ten seconds apart, of which the first is fifty minutes old.
fn service(events: usize) -> Service {
    let mut service = Service::default();
    service.add_samples(
        now() - 50 * MINUTE,
        2_700_000 / events.max(270) as i64,
        events,
    );
    service
}

impl World {
    fn new(service: Service) -> World {
        World::with(service, S3::start())
    }

    fn with(service: Service, s3: S3) -> World {
        let server = Harness::start(service);
        let cache = host_test::cache();
        let variables = [
            ("HARNESS_API_BASE", server.base()),
            ("HARNESS_ACCOUNT_ID", ACCOUNT.to_owned()),
            ("HARNESS_API_KEY", KEY.to_owned()),
            ("OUTPUT_SHAPE", "api".to_owned()),
            ("S3_BUCKET", BUCKET.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ENDPOINT_URL_S3", s3.origin.clone()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
            ("XDG_CACHE_HOME", cache.to_str().unwrap().to_owned()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        World {
            server,
            s3,
            variables: variables.into(),
        }
    }

    /// Time goes on, and there is one event more. The server's clock counts, which tells whole seconds: in the same one
    /// nothing is due again.
    fn goes_on(&self) {
        self.server.with(|it| {
            it.skew_ms += 2_000;
            it.add(now() - 4 * MINUTE, 0);
        });
    }

    fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(host_test::command());
        command.args(["collect", "harness"]).args(arguments);
        command.env_clear().envs(&self.variables);
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the command to its end, of which standard output is silent and standard error holds no secret.
    fn collect(&self, arguments: &[&str]) -> Ended {
        ended(self.command(arguments).spawn().unwrap())
    }

    /// A run in which everything went well.
    fn collected(&self) -> Value {
        let Ended {
            status,
            errors,
            summary,
        } = self.collect(&["--once"]);
        assert_eq!(status, Some(0), "{errors}");
        assert_eq!(summary["paginationComplete"], true, "{summary}");
        summary
    }

    fn state(&self) -> Value {
        serde_json::from_slice(&self.s3.objects()[STATE]).unwrap()
    }

    /// The lines of the objects under a prefix.
    fn lines(&self, prefix: &str) -> Vec<Value> {
        let objects = self.s3.objects();
        let objects = objects.iter().filter(|(key, _)| key.starts_with(prefix));
        let lines = objects.flat_map(|(_, bytes)| {
            let text = std::str::from_utf8(bytes).unwrap();
            assert!(text.ends_with('\n') || text.is_empty());
            text.lines().map(|it| serde_json::from_str(it).unwrap())
        });
        lines.collect()
    }

    /// Every event is in the bucket, once; and the collector kept to Harness' contract.
    fn check_all(&self) {
        let lines = self.lines("harness/audit/");
        let mut found: Vec<&str> = lines
            .iter()
            .map(|it| it["auditId"].as_str().unwrap())
            .collect();
        found.sort_unstable();
        let events = self.server.with(|it| it.events.clone());
        let mut expected: Vec<&str> = events.iter().map(|it| it.id.as_str()).collect();
        expected.sort_unstable();
        assert_eq!(found.len(), expected.len());
        assert_eq!(found, expected);
        self.check_contract();
    }

    fn check_contract(&self) {
        let complaints = self.server.with(|it| it.complaints.clone());
        assert_eq!(complaints, Vec::<String>::new());
    }
}

fn ended(child: Child) -> Ended {
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
    assert!(!errors.contains(CANARY), "{errors}");
    let last = errors.lines().last().unwrap_or_default();
    Ended {
        status: output.status.code(),
        summary: serde_json::from_str(last).unwrap_or_default(),
        errors,
    }
}
