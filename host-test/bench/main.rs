//! `cargo xtask bench`: what the mapping costs (`mapping`), the receiver over HTTP (`receiver`), the collector of
//! Harness' events (`collector`), and a feed that reads a bucket (`feed`). A benchmark and no test: slow figures
//! never fail it, unequal events do.
//!
//! All designs read one corpus for each log type, 10,000 logs made from the goldens ([`corpus`]), those of Azure
//! DevOps with 1,000 user agents, in batches of 100 logs where nothing else is said. They take turns, round by round
//! in short parts, and of each part its best time counts: what else the machine does then meets all of them alike.
//! Ratios last longer than nanoseconds. Readers, instances and the program in VRL are made once; compiling is never
//! measured.
//!
//! | yardstick | what it is |
//! | --- | --- |
//! | serde_json's scan | [`scan`]: every byte read, nothing kept; natively, and in a component of its own (`guest`) |
//! | `Value` and back | what a mapper pays that keeps its log as a tree, before it maps anything |
//! | VRL | the mapping as a program for Vector's language, equal events (`vrl`) |
//! | empty instance | an instance of the component in `guest` and a call that does nothing |
//!
//! "Within limits" is what the command does: epochs, and a bound on memory.
//!
//! - `mapping`, `receiver`, `collector` or `feed`: only that, or those
//! - `--long`: ten minutes of the receiver's memory instead of twenty seconds
//! - `--quick`: two rounds, and 50,000 events instead of a million, of the collector 100,000; to see that it runs
//! - `--markdown`: prints the table as Markdown; `bench.md` in the target folder has it either way

mod bucket;
mod checks;
mod collector;
mod components;
mod corpus;
mod designs;
mod feed;
mod load;
mod mapping;
mod receiver;
mod report;
#[path = "guest/scan.rs"]
mod scan;
mod served;
mod vrl;

use std::time::Duration;
use std::{env, fs};

use report::Table;

const LOG_TYPE: &str = "AZURE_DEVOPS";

/// What there is to measure.
const PARTS: [&str; 4] = ["mapping", "receiver", "collector", "feed"];

/// What else may stand behind the command.
const OPTIONS: [&str; 3] = ["--long", "--quick", "--markdown"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let known = [PARTS.as_slice(), &OPTIONS].concat();
    if let Some(arg) = args.iter().find(|arg| !known.contains(&arg.as_str())) {
        return Err(format!("expected one of {}, but found {arg:?}", known.join(", ")).into());
    }
    let has = |name: &str| args.iter().any(|arg| arg == name);
    let measures = |part| has(part) || !PARTS.iter().any(|it| has(it));
    let is_quick = has("--quick");
    // The first, for its memory: what others gave back would hide what it takes.
    let (rounds, events) = if is_quick {
        (2, 100_000)
    } else {
        (3, 1_000_000)
    };
    let collector = measures("collector").then(|| collector::measure(events, rounds));
    let collector = collector.transpose()?;
    let corpora = [corpus::azure_devops(), corpus::harness_io::harness_io()];
    let logs = &corpora[0].logs;

    let mut tables: Vec<Table> = Vec::new();
    let [of_first, of_second] = corpora.each_ref().map(|it| {
        let bytes = corpus::mean(&it.logs);
        format!("of {} with {bytes:.0} bytes each", it.log_type)
    });
    let mut notes = format!("{} logs {of_first}, as many {of_second}", logs.len());
    if measures("mapping") {
        let (rounds, events) = if is_quick {
            (2, 50_000)
        } else {
            (25, 1_000_000)
        };
        tables.extend(<[Table; 2]>::from(mapping::measure(
            &corpora, rounds, events,
        )?));
        notes += &format!("; mapping: {rounds} rounds, {events} events in pushes of 1 MiB");
    }
    if measures("receiver") {
        let times = receiver::Times {
            rounds: if is_quick { 2 } else { 10 },
            turn: Duration::from_secs(1),
            part: Duration::from_secs(if has("--long") { 60 } else { 2 }),
        };
        tables.extend(<[Table; 2]>::from(receiver::measure(logs, &times)?));
        notes += &format!("; receiver: {times}");
    }
    if let Some(found) = collector {
        tables.extend(<[Table; 2]>::from(found));
        notes += &format!("; collector: {rounds} rounds of {events} events");
    }
    if measures("feed") {
        let rounds = if is_quick { 2 } else { 10 };
        tables.extend(<[Table; 2]>::from(feed::measure(logs, rounds)?));
        notes += &format!("; feed: {rounds} rounds");
    }
    let text = |markdown| {
        let tables = tables.iter().map(|it| it.print(markdown) + "\n");
        tables.collect::<String>() + &format!("{notes}; {}.\n", report::machine())
    };
    fs::write(components::target_folder().join("bench.md"), text(true))?;
    print!("{}", text(has("--markdown")));
    Ok(())
}
