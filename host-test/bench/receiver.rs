//! What the receiver costs over HTTP: against a component that says hello in its place, and against the command.
//!
//! `udmill serve` runs both components, each in a process of its own with the same limits, while the load comes from
//! this process on the same machine. All take turns, round by round, and the best round of each counts, as with the
//! mapping. Requests go over [`CONNECTIONS`] connections; deliveries of [`BATCH`] events also one at a time, since the
//! command reads its file on one core, while a server has them all. The hello is a bare GET.
//!
//! Latency is that of [`Load::latencies`] under half of what each server answered at most. Under that load, the
//! receiver's memory is watched for ten parts of a run.

use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fmt, fs, thread};

use crate::LOG_TYPE;
use crate::components::{component_file, target_folder};
use crate::corpus::LOGS;
use crate::load::Load;
use crate::report::{self, Figure, Table};
use crate::served::{FEED, Served};

const CONNECTIONS: usize = 16;

const BATCH: usize = 500;

/// How often the command reads the logs, so that its start counts for little.
const TIMES: usize = 20;

/// The parts under which memory is watched.
const PARTS: usize = 10;

/// How long it is measured.
pub struct Times {
    /// How often each takes its turn.
    pub rounds: usize,
    /// How long a turn is.
    pub turn: Duration,
    /// How long each of the ten parts is under which memory is watched.
    pub part: Duration,
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Times { rounds, turn, part } = self;
        let memory = *part * PARTS as u32;
        write!(
            f,
            "{rounds} rounds of turns of {turn:?}, {CONNECTIONS} connections, memory for {memory:?}"
        )
    }
}

/// The servers, and what is sent to them.
struct Bench {
    receiver: Served,
    hello: Load,
    single: Load,
    batches: Load,
    file: PathBuf,
}

/// The best of all rounds.
struct Best {
    hello: f64,
    single: f64,
    batches: f64,
    /// Of these, one at a time.
    in_turn: f64,
    command: f64,
    hello_p99: Duration,
    single_p99: Duration,
}

/// Measures: the table of figures, and that of what each took.
pub fn measure(logs: &[Vec<u8>], times: &Times) -> Result<(Table, Table)> {
    let hello = Served::start("hello", Some(&component_file("udmill_bench_hello.wasm")))?;
    let bench = Bench::new(logs, &hello)?;
    bench.check()?;
    let mut best = Best {
        hello: 0.0,
        single: 0.0,
        batches: 0.0,
        in_turn: 0.0,
        command: 0.0,
        hello_p99: Duration::MAX,
        single_p99: Duration::MAX,
    };
    for round in 1..=times.rounds {
        eprint!("\rbench: receiver, round {round} of {}", times.rounds);
        bench.throughput(times.turn, &mut best)?;
    }
    for round in 1..=times.rounds {
        eprint!("\rbench: latency, round {round} of {}    ", times.rounds);
        bench.latency(times.turn, &mut best)?;
    }
    eprint!(
        "\rbench: memory, {:?}              ",
        times.part * PARTS as u32
    );
    let memory = bench.memory(best.single / 2.0, times.part)?;
    eprintln!();
    Ok((best.figures(&memory), best.costs(&memory)))
}

impl Bench {
    fn new(logs: &[Vec<u8>], hello: &Served) -> Result<Bench> {
        let receiver = Served::start("receiver", None)?;
        let [singles, batches] = [1, BATCH].map(|size| payloads(logs, size));
        let file = target_folder().join("bench/deliveries.json");
        fs::write(&file, batches.join(&b'\n'))?;
        Ok(Bench {
            hello: Load::new(hello.address, "GET", "/", &[Vec::new()]),
            single: Load::new(receiver.address, "POST", FEED, &singles),
            batches: Load::new(receiver.address, "POST", FEED, &batches),
            receiver,
            file,
        })
    }

    /// All that is sent becomes events, and is printed.
    fn check(&self) -> Result<()> {
        self.single.each()?;
        self.batches.each()?;
        let events = self.receiver.metric("udmill_events_total")?;
        if events != 2.0 * LOGS as f64 {
            return Err(Error::other(format!(
                "expected {} events, but found {events}",
                2 * LOGS
            )));
        }
        Ok(())
    }

    fn throughput(&self, turn: Duration, best: &mut Best) -> Result<()> {
        let most = |best: &mut f64, found: f64| *best = best.max(found);
        most(&mut best.hello, self.hello.saturate(CONNECTIONS, turn)?);
        most(&mut best.single, self.single.saturate(CONNECTIONS, turn)?);
        for (connections, best) in [(CONNECTIONS, &mut best.batches), (1, &mut best.in_turn)] {
            most(
                best,
                self.batches.saturate(connections, turn)? * BATCH as f64,
            );
        }
        let took = command(&self.file)?;
        most(
            &mut best.command,
            (TIMES * LOGS) as f64 / took.as_secs_f64(),
        );
        Ok(())
    }

    fn latency(&self, turn: Duration, best: &mut Best) -> Result<()> {
        for (load, most, p99) in [
            (&self.hello, best.hello, &mut best.hello_p99),
            (&self.single, best.single, &mut best.single_p99),
        ] {
            let mut latencies = load.latencies(CONNECTIONS, most / 2.0, turn)?;
            latencies.sort_unstable();
            let found = latencies.get(latencies.len() * 99 / 100);
            *p99 = found.map_or(*p99, |it| (*p99).min(*it));
        }
        Ok(())
    }

    /// The mean of the receiver's memory in each part of a run at this rate; nothing where it cannot be told.
    fn memory(&self, rate: f64, part: Duration) -> Result<Vec<f64>> {
        thread::scope(|scope| {
            let load = scope.spawn(|| {
                self.single
                    .latencies(CONNECTIONS, rate, part * PARTS as u32)
            });
            let means = (0..PARTS).filter_map(|_| {
                let samples: Option<Vec<f64>> = (0..PARTS)
                    .map(|_| {
                        thread::sleep(part / PARTS as u32);
                        self.receiver.memory()
                    })
                    .collect();
                samples.map(|it| it.iter().sum::<f64>() / it.len() as f64)
            });
            let means = means.collect();
            load.join().expect("no thread panics").map(|_| means)
        })
    }
}

impl Best {
    fn figures(&self, memory: &[f64]) -> Table {
        let plain = |it: f64| format!("{it:.2}");
        let times = |it: f64| format!("{it:.1}×");
        let percent = |it: f64| format!("{:.0} %", it * 100.0);
        let figure = |name: &str, found, asked, text| Figure {
            name: name.to_owned(),
            found,
            asked,
            text,
        };
        let p99 = self.single_p99.as_secs_f64() / self.hello_p99.as_secs_f64();
        let mut all = vec![
            figure(
                "receiver, requests/s of one event, of a hello's",
                self.single / self.hello,
                (0.35, 0.5),
                plain,
            ),
            figure(
                "receiver, events/s in deliveries of 500, of the command's",
                self.batches / self.command,
                (0.6, 0.8),
                plain,
            ),
            figure(
                "the same, one delivery at a time",
                self.in_turn / self.command,
                (0.6, 0.8),
                plain,
            ),
            figure(
                "receiver, p99 latency at half load, against a hello's",
                p99,
                (5.0, 2.0),
                times,
            ),
        ];
        if let [_, second, .., last] = memory {
            let change = (last / second - 1.0).abs();
            let name = "receiver, memory's change from the second to the last tenth";
            all.push(figure(name, change, (0.1, 0.1), percent));
        }
        report::figures(&all)
    }

    fn costs(&self, memory: &[f64]) -> Table {
        let mut table = Table::new(&["over HTTP", "a second", "p99"]);
        let count = |it: f64| format!("{it:.0}");
        let p99 = |it: Duration| format!("{:.2} ms", it.as_secs_f64() * 1e3);
        for (name, rate, p99) in [
            ("hello, requests", self.hello, p99(self.hello_p99)),
            (
                "receiver, deliveries of one event",
                self.single,
                p99(self.single_p99),
            ),
            (
                "receiver, events in deliveries of 500",
                self.batches,
                String::new(),
            ),
            ("the same, one at a time", self.in_turn, String::new()),
            (
                "`udmill transform`, events of the same",
                self.command,
                String::new(),
            ),
        ] {
            table.add([name, &count(rate), &p99]);
        }
        if let [_, second, .., last] = memory {
            for (name, bytes) in [("second", second), ("last", last)] {
                let name = format!("receiver, memory in the {name} tenth");
                let size = format!("{:.1} MiB", bytes / (1 << 20) as f64);
                table.add([name.as_str(), &size, ""]);
            }
        }
        table
    }
}

/// Arrays of so many logs, as Event Grid delivers them.
fn payloads(logs: &[Vec<u8>], size: usize) -> Vec<Vec<u8>> {
    let array = |logs: &[Vec<u8>]| {
        let logs: Vec<&[u8]> = logs.iter().map(|log| log.trim_ascii_end()).collect();
        [b"[", logs.join(&b',').as_slice(), b"]"].concat()
    };
    logs.chunks(size).map(array).collect()
}

/// How long `udmill transform` takes with a file, some times over.
fn command(file: &Path) -> Result<Duration> {
    let mut command = Command::new(target_folder().join("release/udmill"));
    command.args(["transform", "--log-type", LOG_TYPE]);
    command.args((0..TIMES).map(|_| file));
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let start = Instant::now();
    match command.status()?.success() {
        true => Ok(start.elapsed()),
        false => Err(Error::other("expected `udmill transform` to succeed")),
    }
}
