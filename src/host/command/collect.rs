//! `udmill collect`: audit events out of services that have to be asked for them, into a bucket. The collector's component
//! runs in this process, and listens nowhere.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::env;

use clap::Subcommand;
use collector::config::is_name;
use collector::environment::{self, Configuration};
use receiver::config::section::{Section, nearest};
use serde_json::Value;
use udmill::Component;
use udmill::serve::Allowed;

use super::application::{CollectorArgs, inside, read_with};
use super::rounds::{Schedule, Work};
use super::{Status, Stop, output};

/// Collect audit events into a bucket of an S3-compatible store
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    source: Source,
}

#[derive(Subcommand)]
enum Source {
    Harness(Box<Harness>),
}

/// Collect Harness audit events, each once
///
/// Without --config, the settings are those of the environment: HARNESS_ACCOUNT_ID, HARNESS_API_KEY, S3_BUCKET, OUTPUT_SHAPE,
/// AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and more. A round ends with its summary as a line of JSON on
/// standard error.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  HARNESS_ACCOUNT_ID=… HARNESS_API_KEY=sat.… S3_BUCKET=audit OUTPUT_SHAPE=api udmill collect harness
  udmill collect harness --config udmill.toml --every 5m
  udmill collect harness --from 2026-10-01T00:00:00Z --to 2026-11-01T00:00:00Z")]
struct Harness {
    /// The collector's name; in a configuration, that of its table.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    schedule: Schedule,
    /// Collects what is stamped from here, in RFC 3339, beside the collector's own progress.
    #[arg(long, value_name = "TIME", requires = "to", conflicts_with = "every")]
    from: Option<String>,
    /// And until here.
    #[arg(long, value_name = "TIME", requires = "from")]
    to: Option<String>,
    #[command(flatten)]
    collector: CollectorArgs,
}

pub fn run(args: Args) -> Result<Status, Stop> {
    let Source::Harness(args) = args.source;
    let (application, normalizer) = args.collector.load()?;
    let plan = args.plan(&normalizer)?;
    // What a collector remembers is in its bucket.
    let folder = tempfile::tempdir().map_err(|error| Stop::Failed(error.to_string()))?;
    let (runtime, inside) = inside(&application, folder.path(), plan.given, plan.allowed)?;
    let work = Work {
        inside,
        runtime,
        target: plan.target,
        add,
        shown,
        status,
    };
    work.run(&args.schedule)
}

/// What is collected, told what.
struct Plan {
    given: Vec<(String, String)>,
    allowed: Allowed,
    target: String,
}

impl Harness {
    fn plan(&self, normalizer: &Component) -> Result<Plan, Stop> {
        if let Some(name) = self.name.as_deref().filter(|it| !is_name(it)) {
            return Err(Stop::Usage(format!(
                "expected up to 64 letters, digits, - and _ at --name, but found {name:?}"
            )));
        }
        let mut given = self.collector.given.variables()?;
        let own = match self.collector.given.has_config() {
            true => None,
            false => {
                let variables: BTreeMap<String, String> = env::vars_os()
                    .filter_map(|(name, value)| {
                        Some((name.into_string().ok()?, value.into_string().ok()?))
                    })
                    .collect();
                let name = self.name.as_deref().unwrap_or("harness");
                let own = environment::read(name, &variables);
                given.push(("udmill_config".to_owned(), own.text.clone()));
                given.extend(own.variables.iter().cloned());
                Some(own)
            }
        };
        let names = RefCell::new(Vec::new());
        let collect = |name: &str, section: Section<'_>| {
            names.borrow_mut().push(name.to_owned());
            collector::config::origins(name, section)
        };
        let config = read_with(&given, true, normalizer, &collect).map_err(|problems| {
            for problem in problems {
                match &own {
                    Some(own) => output::complain(&own.told(&problem.message)),
                    None => output::complain(&problem),
                }
            }
            Stop::Usage("the settings cannot be used".to_owned())
        })?;
        for warning in own.iter().flat_map(|it: &Configuration| &it.warnings) {
            output::complain(warning);
        }
        let name = self.known(&names.into_inner())?;
        let mut target = format!("/v1/collect/{name}");
        if let (Some(from), Some(to)) = (&self.from, &self.to) {
            let (from, to) = (time("from", from)?, time("to", to)?);
            if from > to {
                return Err(Stop::Usage(
                    "expected --from before --to, but found it behind".to_owned(),
                ));
            }
            if from > std::time::SystemTime::now().into() {
                return Err(Stop::Usage(
                    "expected --from in the past, but found it in the future".to_owned(),
                ));
            }
            let text = |it: chrono::DateTime<chrono::Utc>| it.format("%Y-%m-%dT%H:%M:%S%.3fZ");
            target += &format!("?from={}&to={}", text(from), text(to));
        }
        Ok(Plan {
            given,
            allowed: Allowed::new(config.hosts()),
            target,
        })
    }

    /// The only collector, or the one that is named.
    fn known(&self, names: &[String]) -> Result<String, Stop> {
        let found = match (&self.name, names) {
            (Some(name), names) if names.contains(name) => return Ok(name.clone()),
            (None, [name]) => return Ok(name.clone()),
            (Some(name), names) => {
                let near = nearest(name, names.iter().map(String::as_str));
                format!("{name:?}{near}")
            }
            (None, []) => "no table [collect.NAME]".to_owned(),
            (None, names) => format!("none of {} named by --name", names.join(", ")),
        };
        Err(Stop::Usage(format!(
            "expected a collector of the configuration, but found {found}"
        )))
    }
}

fn time(option: &str, text: &str) -> Result<chrono::DateTime<chrono::Utc>, Stop> {
    let time = chrono::DateTime::parse_from_rfc3339(text).map(|it| it.to_utc());
    // Before 1970 there is no time in Harness' milliseconds.
    let time = time.ok().filter(|it| it.timestamp() >= 0);
    time.ok_or_else(|| {
        Stop::Usage(format!(
            "expected a time such as 2026-11-01T00:00:00Z at --{option}, but found {text:?}"
        ))
    })
}

/// Numbers are added up, and lists joined; of anything else the last call counts.
fn add(summary: &mut Value, call: Value) {
    const SUMS: &[&str] = &[
        "eventsCollected",
        "pagesProcessed",
        "objects",
        "unconfirmedObjects",
        "duplicates",
        "rejected",
        "windows",
        "retries",
    ];
    /// No summary names more objects than this.
    const MOST: usize = 1000;
    let (Value::Object(summary), Value::Object(call)) = (summary, call) else {
        return;
    };
    // What an earlier call failed of was waited for.
    if !call.contains_key("error") {
        for key in [
            "error",
            "errorType",
            "httpStatus",
            "harnessCode",
            "correlationId",
        ] {
            summary.shift_remove(key);
        }
    }
    for (key, value) in call {
        let before = summary.get(&key).cloned().unwrap_or_default();
        let value = match (key.as_str(), before, value) {
            (key, Value::Number(one), Value::Number(other)) if SUMS.contains(&key) => {
                (one.as_u64().unwrap_or_default() + other.as_u64().unwrap_or_default()).into()
            }
            ("latestMs", Value::Number(one), Value::Number(other)) => {
                one.as_i64().max(other.as_i64()).into()
            }
            ("latestMs" | "lagMs", before, Value::Null) => before,
            ("s3Keys" | "warnings", Value::Array(mut list), Value::Array(more)) => {
                for it in more {
                    if list.len() < MOST && !list.contains(&it) {
                        list.push(it);
                    }
                }
                Value::Array(list)
            }
            ("s3Key", before @ Value::String(_), _) => before,
            (_, _, value) => value,
        };
        summary.insert(key, value);
    }
}

fn shown(summary: &Value) -> String {
    let number = |key: &str| summary[key].as_i64().unwrap_or_default();
    let (events, pages) = (number("eventsCollected"), number("pagesProcessed"));
    let lag = number("lagMs") / 60_000;
    format!("{events} events, {pages} pages, {lag} minutes behind")
}

fn status(summary: &Value) -> Status {
    match summary["rejected"].as_u64() {
        Some(1..) => Status::Rejected,
        _ => Status::Done,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_summary_of_several_calls_is_that_of_one() {
        let mut summary = json!({});
        add(
            &mut summary,
            json!({"eventsCollected": 2, "s3Key": "a", "s3Keys": ["a"], "more": true, "latestMs": 7, "lagMs": 9,
                   "warnings": ["w"], "error": "x"}),
        );
        add(
            &mut summary,
            json!({"eventsCollected": 3, "s3Key": "b", "s3Keys": ["b"], "more": false, "latestMs": 5, "lagMs": 1,
                   "warnings": ["w"]}),
        );
        add(
            &mut summary,
            json!({"s3Key": null, "s3Keys": [], "latestMs": null, "lagMs": null}),
        );
        let expected = json!({"eventsCollected": 5, "s3Key": "a", "s3Keys": ["a", "b"], "more": false, "latestMs": 7,
                              "lagMs": 1, "warnings": ["w"]});
        assert_eq!(summary, expected);
    }
}
