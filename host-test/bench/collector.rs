//! What the collector costs by itself: a month of Harness' events, read in virtual time by [`Run`] as a native
//! program.
//!
//! A [`Service`] that answers at once stands for Harness, and a store in memory keeps the state and the ids of the
//! overlap; of the objects with events it only marks which have come. What the collector waits for is only added to
//! its clock.
//!
//! Runs are alike step by step. They take place one after the other, and of each page its best time counts, as with
//! the mapping: from the answer to a request until the next request, with all that is written between them.
//!
//! Memory is how far the process grows beyond what it holds once the service is full ([`held`]): the service's
//! answers are in it, and its pointers are twice as wide as the component's. So it bounds what a run needs of linear
//! memory, to which the component's own 1 to 2 MiB of stack, tables and code's data come. It is told only where the
//! system does as Linux. The benchmark begins with it, since memory that others gave back would hide what is taken
//! here.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Error, Result};
use std::time::{Duration, Instant};

use ::collector::answer::Answer;
use ::collector::harness::Request;
use ::collector::settings::{Settings, from_environment};
use ::collector::{Action, Condition, Now, Order, Plan, Reply, Run, Step, Write};
use harness::Service;
use serde_json::Value;

use crate::report::{self, Figure, Table};

/// Events a page, the most that Harness gives.
const PAGE: usize = 100;
/// The time between two events, in milliseconds: a million in 30 days.
const EVERY_MS: i64 = 2_592;
/// When the runs begin: 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600_000;
/// How old the newest event is, in milliseconds: older than the collector lets events settle.
const NEWEST_MS: i64 = 600_000;

const MIB: f64 = (1 << 20) as f64;

/// What came of the runs.
struct Found {
    /// The best time of each page.
    pages: Vec<Duration>,
    /// By how many bytes the process grew.
    growth: Option<f64>,
    events: usize,
    /// Events that were read and not written, since they were already.
    again: u64,
}

/// Reads so many events in so many rounds: the table of figures, and that of what it took.
pub fn measure(events: usize, rounds: usize) -> Result<(Table, Table)> {
    let mut service = Service::default();
    service.per_minute = 0;
    let oldest = NEWEST_MS + EVERY_MS * events as i64;
    service.add_samples(NOW - oldest, EVERY_MS, events);
    let settings = settings(oldest / 60_000 + 1)?;
    let mut store = Store {
        arrived: vec![false; events],
        ..Store::default()
    };
    let before = forget_peak().and_then(|()| held("VmRSS:"));
    let mut found = Found {
        pages: Vec::new(),
        growth: None,
        events,
        again: 0,
    };
    for round in 1..=rounds {
        eprint!("\rbench: collector, round {round} of {rounds}");
        let (pages, again) = run(&settings, &mut service, &mut store)?;
        store.check(&service)?;
        if round > 1 && pages.len() != found.pages.len() {
            let wanted = found.pages.len();
            return Err(odd(&format!("{wanted} pages in each round"), pages.len()));
        }
        let pages = pages.into_iter().enumerate();
        let best = pages.map(|(at, it)| found.pages.get(at).map_or(it, |best| it.min(*best)));
        (found.pages, found.again) = (best.collect(), again);
    }
    eprintln!();
    found.growth = before.and_then(|it| Some(held("VmHWM:")? - it));
    Ok((found.figures(), found.costs()))
}

/// As the collector is set up, but for the page, which is the largest, and for where it begins.
fn settings(minutes: i64) -> Result<Settings> {
    let (page, minutes) = (PAGE.to_string(), minutes.to_string());
    let variables = [
        ("HARNESS_ACCOUNT_ID", harness::ACCOUNT),
        ("HARNESS_API_KEY", harness::KEY),
        ("OUTPUT_SHAPE", "api"),
        ("PAGE_SIZE", &page),
        ("START_MINUTES_BACK", &minutes),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    from_environment(&variables.into()).map_err(|it| Error::other(it.join("; ")))
}

/// A run to its end: the time in steps for each page, and how many events were read again.
fn run(
    settings: &Settings,
    service: &mut Service,
    store: &mut Store,
) -> Result<(Vec<Duration>, u64)> {
    let order = Order {
        plan: Plan::Live,
        budget_ms: u64::MAX,
        owner: "the-benchmark".to_owned(),
        seed: 1,
        asked: 0,
    };
    let at = |elapsed: u64| Now {
        wall: NOW + elapsed as i64,
        elapsed,
    };
    let (mut elapsed, mut spent, mut pages) = (0, Duration::ZERO, Vec::new());
    let mut run = Run::new(settings.clone(), order, at(elapsed));
    let mut reply = None;
    loop {
        let start = Instant::now();
        let step = run.step(reply, at(elapsed));
        spent += start.elapsed();
        reply = Some(match step {
            Step::Do(Action::Send(request, _)) => {
                pages.push(std::mem::take(&mut spent));
                send(service, request, NOW + elapsed as i64)?
            }
            Step::Do(Action::Wait(ms)) => {
                elapsed += ms;
                Reply::Done
            }
            Step::Do(action) => store.perform(action)?,
            Step::Done(outcome) => match outcome.error {
                Some(error) => return Err(Error::other(error.to_string())),
                None => {
                    pages.push(spent);
                    // What came before the first request is no page's.
                    pages.remove(0);
                    return Ok((pages, outcome.summary.duplicates));
                }
            },
        });
    }
}

fn send(service: &mut Service, request: Request, now: i64) -> Result<Reply> {
    let target = request
        .url
        .split_once("://")
        .and_then(|(_, it)| it.split_once('/'));
    let parts = target.and_then(|(_, it)| it.split_once('?'));
    let (path, query) = parts.ok_or_else(|| odd("a path and a query", &request.url))?;
    let headers = request.headers.into_iter();
    let request = harness::Request {
        method: "POST".to_owned(),
        path: format!("/{path}"),
        query: query.to_owned(),
        headers: headers
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        body: request.body.into_bytes(),
    };
    let reply = service.answer(&request, now);
    // It would remember thousands, and grow by them.
    service.calls.clear();
    match reply {
        harness::Reply::Answer(it) => Ok(Reply::Answer(Answer {
            status: it.status,
            headers: it.headers,
            body: it.body,
        })),
        other => Err(odd("an answer", format!("{other:?}"))),
    }
}

/// A store that keeps its own progress alone.
#[derive(Default)]
struct Store {
    objects: BTreeMap<String, (Vec<u8>, String)>,
    writes: u64,
    /// Whether an event has come, by its number.
    arrived: Vec<bool>,
}

impl Store {
    fn perform(&mut self, action: Action) -> Result<Reply> {
        Ok(match action {
            Action::Read(key) => Reply::Object(self.objects.get(&key).cloned()),
            Action::Delete(key) => {
                self.objects.remove(&key);
                Reply::Done
            }
            Action::Write(write) if write.key.ends_with(".jsonl") => {
                self.mark(&write.body)?;
                Reply::Written("some".to_owned())
            }
            Action::Write(write) => self.write(write),
            other => return Err(odd("work for a store", format!("{other:?}"))),
        })
    }

    fn write(&mut self, write: Write) -> Reply {
        let current = self.objects.get(&write.key).map(|(_, etag)| etag);
        let holds = match &write.condition {
            Condition::None => true,
            Condition::Absent => current.is_none(),
            Condition::Matches(etag) => current == Some(etag),
        };
        if !holds {
            return Reply::Refused;
        }
        self.writes += 1;
        let etag = format!("etag-{}", self.writes);
        self.objects.insert(write.key, (write.body, etag.clone()));
        Reply::Written(etag)
    }

    /// The service numbers its events, and has the number at the end of each id.
    fn mark(&mut self, lines: &[u8]) -> Result<()> {
        for event in serde_json::Deserializer::from_slice(lines).into_iter::<Value>() {
            let event = event?;
            let id = event["auditId"].as_str().unwrap_or_default();
            let number = id
                .get(8..)
                .and_then(|it| usize::from_str_radix(it, 16).ok());
            match number.and_then(|it| self.arrived.get_mut(it)) {
                Some(arrived) if !*arrived => *arrived = true,
                _ => return Err(odd("each event of the service once", id)),
            }
        }
        Ok(())
    }

    /// Everything has come, and the service has nothing to complain of. Then the store is as new.
    fn check(&mut self, service: &Service) -> Result<()> {
        let missing = self.arrived.iter().filter(|it| !**it).count();
        if missing > 0 || !service.complaints.is_empty() {
            let found = format!("{missing} missing and {:?}", service.complaints);
            return Err(odd("all events, and no complaint", found));
        }
        self.arrived.fill(false);
        self.objects.clear();
        Ok(())
    }
}

impl Found {
    fn figures(&self) -> Table {
        let ms = |it: f64| format!("{it:.2} ms");
        let figure = |name: &str, found, asked, text| Figure {
            name: format!("collector, {name}"),
            found,
            asked,
            text,
        };
        let worst = self.pages.iter().max().copied().unwrap_or_default();
        let mean = self.spent().as_secs_f64() / self.pages.len() as f64;
        let mut all = vec![
            figure("a page of 100 events, mean", mean * 1e3, (5.0, 2.0), ms),
            figure(
                "a page of 100 events, worst",
                worst.as_secs_f64() * 1e3,
                (5.0, 2.0),
                ms,
            ),
        ];
        if let Some(growth) = self.growth {
            let mib = |it: f64| format!("{:.1} MiB", it / MIB);
            let name = format!("memory for {} events", self.events);
            all.push(figure(&name, growth, (64.0 * MIB, 32.0 * MIB), mib));
        }
        report::figures(&all)
    }

    fn costs(&self) -> Table {
        let mut table = Table::new(&["collector", "all", "a second of its own"]);
        let spent = self.spent().as_secs_f64();
        for (name, count) in [
            ("events", self.events as f64),
            ("events read again", self.again as f64),
            ("pages", self.pages.len() as f64),
        ] {
            table.add([
                name,
                &format!("{count:.0}"),
                &format!("{:.0}", count / spent),
            ]);
        }
        table
    }

    fn spent(&self) -> Duration {
        self.pages.iter().sum()
    }
}

/// The bytes of memory that this process holds (`VmRSS:`), or held at most (`VmHWM:`).
fn held(name: &str) -> Option<f64> {
    let file = fs::read_to_string("/proc/self/status").ok()?;
    let line = file.lines().find_map(|it| it.strip_prefix(name))?;
    let kib: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024.0)
}

/// From now on, the most that is held counts anew (proc_pid_clear_refs(5)).
fn forget_peak() -> Option<()> {
    fs::write("/proc/self/clear_refs", "5").ok()
}

fn odd(expected: &str, found: impl std::fmt::Display) -> Error {
    Error::other(format!("expected {expected}, but found {found}"))
}
