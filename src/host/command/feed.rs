//! `udmill feed s3`: the objects of a bucket, through a feed of the configuration. The collector's component runs in
//! this process, with the configuration and the store of the receiver, and listens nowhere.

use clap::Subcommand;
use receiver::config::Config;
use receiver::config::section::nearest;
use serde_json::Value;
use udmill::serve::Allowed;

use super::application::{CollectorArgs, StateArgs, inside, read};
use super::rounds::{Schedule, Work};
use super::{Status, Stop, output};

/// Read the logs of a feed out of where others put them
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    source: Source,
}

#[derive(Subcommand)]
enum Source {
    S3(Box<S3>),
}

/// Read the objects of a prefix in an S3-compatible store, each once
///
/// The feed's table `s3` in the configuration names bucket and prefix. A round ends with its summary as a line of
/// JSON on standard error.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  udmill feed s3 --config udmill.toml
  udmill feed s3 --config udmill.toml --feed harness --every 1m")]
struct S3 {
    /// The feed of the configuration; not needed where only one has a table `s3`.
    #[arg(long, value_name = "FEED")]
    feed: Option<String>,
    #[command(flatten)]
    schedule: Schedule,
    #[command(flatten)]
    collector: CollectorArgs,
    #[command(flatten)]
    state: StateArgs,
}

pub fn run(args: Args) -> Result<Status, Stop> {
    let Source::S3(args) = args.source;
    let (application, normalizer) = args.collector.load()?;
    let given = args.collector.given.variables()?;
    let config = read(&given, true, &normalizer).map_err(|problems| {
        problems.iter().for_each(|it| output::complain(it));
        let hint = match args.collector.given.has_config() {
            true => "",
            false => "; --config names its file",
        };
        Stop::Usage(format!("the configuration cannot be used{hint}"))
    })?;
    config.warnings.iter().for_each(|it| output::complain(it));
    let feed = known(&config, args.feed.as_deref())?;
    let state = args.state.folder()?;
    let (runtime, inside) = inside(&application, &state, given, Allowed::new(config.hosts()))?;
    let work = Work {
        inside,
        runtime,
        target: format!("/v1/pull/{feed}"),
        add,
        shown,
        status,
    };
    work.run(&args.schedule)
}

/// The only feed that is pulled, or the one that is named.
fn known(config: &Config, named: Option<&str>) -> Result<String, Stop> {
    let feeds = config.feeds.values().filter(|it| it.pull.is_some());
    let names: Vec<&str> = feeds.map(|it| it.name.as_str()).collect();
    let found = match (named, names.as_slice()) {
        (Some(name), names) if names.contains(&name) => return Ok(name.to_owned()),
        (None, [name]) => return Ok((*name).to_owned()),
        (Some(name), names) => format!("{name:?}{}", nearest(name, names.iter().copied())),
        (None, []) => "none".to_owned(),
        (None, names) => format!("none of {} named by --feed", names.join(", ")),
    };
    Err(Stop::Usage(format!(
        "expected a feed of the configuration with a table `s3`, but found {found}"
    )))
}

/// Numbers are added up, and warnings joined; of anything else the last call counts.
fn add(summary: &mut Value, call: Value) {
    /// No summary has more warnings than this.
    const MOST: usize = 100;
    let (Value::Object(summary), Value::Object(call)) = (summary, call) else {
        return;
    };
    for (key, value) in call {
        let before = summary.get(&key).cloned().unwrap_or_default();
        let value = match (before, value) {
            (Value::Number(one), Value::Number(other)) => {
                (one.as_u64().unwrap_or_default() + other.as_u64().unwrap_or_default()).into()
            }
            (Value::Array(mut list), Value::Array(more)) => {
                for it in more {
                    if list.len() < MOST && !list.contains(&it) {
                        list.push(it);
                    }
                }
                Value::Array(list)
            }
            (_, value) => value,
        };
        summary.insert(key, value);
    }
}

fn shown(summary: &Value) -> String {
    let number = |key: &str| summary[key].as_u64().unwrap_or_default();
    let mebibytes = number("bytes") >> 20;
    format!(
        "{} objects, {mebibytes} MiB, {} events, {} in quarantine",
        number("objects"),
        number("events"),
        number("quarantined")
    )
}

fn status(summary: &Value) -> Status {
    match summary["quarantined"].as_u64() {
        Some(1..) => Status::Rejected,
        _ => Status::Done,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn calls_are_added_up() {
        let mut summary = json!({});
        for call in [
            json!({"objects": 1, "warnings": ["a"], "more": true}),
            json!({"objects": 2, "warnings": ["a", "b"], "more": false, "error": "busy"}),
        ] {
            add(&mut summary, call);
        }
        let expected =
            json!({"objects": 3, "warnings": ["a", "b"], "more": false, "error": "busy"});
        assert_eq!(summary, expected);
        assert_eq!(status(&summary), Status::Done);
        add(&mut summary, json!({"quarantined": 1}));
        assert_eq!(status(&summary), Status::Rejected);
    }
}
