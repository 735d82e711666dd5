//! What is measured: each design reads all logs in some short parts, and the parts of all designs take turns.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use udmill::wit::Options;
use udmill::{Component, Trap};

use crate::components::{Unlimited, Yardsticks};
use crate::corpus::{LOGS, batches};
use crate::scan::scan;
use crate::vrl::Vrl;

/// The sizes of batches.
pub const SIZES: [usize; 4] = [1, 10, USUAL, 1_000];
/// A batch as a sender would make it; ratios are made with it.
pub const USUAL: usize = 100;

/// serde_json's scan, natively.
pub const SCAN: &str = "serde_json's scan";
/// The crate `udm`, natively.
pub const NATIVE: &str = "udm";
/// The component in the usual batches, within the command's limits.
pub const COMPONENT: &str = "component, batches of 100";
/// The scan in a component, in the same batches within the same limits.
pub const SCAN_INSIDE: &str = "serde_json's scan in a component, batches of 100";
/// The mapping in VRL.
pub const VRL: &str = "VRL 0.38";
/// A fresh instance of the component and its first event.
pub const FIRST_EVENT: &str = "fresh instance with its first event";
/// A fresh instance of the component of the yardsticks, and its first call.
pub const FIRST_CALL: &str = "fresh empty instance with its first call";

/// The logs are read in so many parts, and of each the best time counts: short times are seldom disturbed.
const PARTS: usize = 10;
/// How many logs a part has.
const PART: usize = LOGS / PARTS;
/// How many instances are started in a part.
const INSTANCES: usize = 10;

/// One line of the table.
pub struct Design {
    /// What it is called.
    pub name: String,
    /// How many logs or instances a part has.
    count: usize,
    best: [Duration; PARTS],
    run: Run,
}

/// Runs a part, and says how long that took.
type Run = Box<dyn FnMut(usize) -> Duration>;

/// All designs that read the logs of one type, in the order of the table.
pub struct Designs(pub Vec<Design>);

impl Designs {
    /// Prepares everything that is not to be measured.
    pub fn new(
        log_type: &str,
        logs: &[Vec<u8>],
        file: &Path,
        wasm: &[u8],
        component: &Component,
    ) -> Designs {
        let mut all = Designs(Vec::new());
        let usual = || batches(logs, USUAL);
        all.scan(logs);
        all.read("serde_json's Value and back", logs.to_vec(), |log| {
            let value: Value = serde_json::from_slice(log).expect("the corpus is JSON");
            black_box(serde_json::to_vec(&value).expect("a value is JSON"));
        });
        all.native(log_type, logs);
        for size in SIZES {
            all.component(log_type, logs, size, component);
        }
        let mut unlimited = Unlimited::new(wasm, log_type).expect("the component starts");
        let name = format!("component without limits, batches of {USUAL}");
        all.read(&name, usual(), move |batch| {
            black_box(unlimited.push(batch)).expect("it never traps");
        });
        let yardsticks = all.scan_inside(logs, component);
        let mut process = Vrl::start(file);
        let logs_of = |part| part * PART..(part + 1) * PART;
        all.add(VRL, PART, move |part| process.run(logs_of(part)));
        let (component, log) = (component.clone(), logs[0].clone());
        let options = options(log_type);
        all.start(FIRST_EVENT, move || {
            let mut instance = started(component.instantiate());
            let answer = black_box(started(instance.normalize(&log, &options)));
            answer.expect("the options can be used");
        });
        all.start(FIRST_CALL, move || {
            let mut instance = yardsticks.instantiate().expect("the component starts");
            instance.nothing().expect("it never traps");
        });
        all
    }

    /// Those that ratios are made of, without the others.
    pub fn few(log_type: &str, logs: &[Vec<u8>], component: &Component) -> Designs {
        let mut all = Designs(Vec::new());
        all.scan(logs);
        all.native(log_type, logs);
        all.component(log_type, logs, USUAL, component);
        all.scan_inside(logs, component);
        all
    }

    fn scan(&mut self, logs: &[Vec<u8>]) {
        self.read(SCAN, batches(logs, USUAL), |batch| {
            black_box(scan(batch));
        });
    }

    fn native(&mut self, log_type: &str, logs: &[Vec<u8>]) {
        let reader = udm::Reader::new(&udm_options(log_type));
        let mut reader = reader.expect("the options can be used");
        self.read(NATIVE, batches(logs, USUAL), move |batch| {
            black_box(reader.push(batch));
        });
    }

    fn component(&mut self, log_type: &str, logs: &[Vec<u8>], size: usize, it: &Component) {
        let mut instance = started(it.instantiate());
        let reader = started(instance.reader(&options(log_type)));
        let name = format!("component, batches of {size}");
        self.read(&name, batches(logs, size), move |batch| {
            let answer = black_box(instance.push(reader, batch));
            answer
                .expect("it never traps")
                .expect("the options can be used");
        });
    }

    fn scan_inside(&mut self, logs: &[Vec<u8>], component: &Component) -> Yardsticks {
        let yardsticks = Yardsticks::new(component.engine()).expect("the component compiles");
        let mut instance = yardsticks.instantiate().expect("the component starts");
        self.read(SCAN_INSIDE, batches(logs, USUAL), move |batch| {
            black_box(instance.scan(batch)).expect("it never traps");
        });
        yardsticks
    }

    /// Runs each part of each design once.
    pub fn round(&mut self) {
        for part in 0..PARTS {
            for design in &mut self.0 {
                let best = &mut design.best[part];
                *best = (design.run)(part).min(*best);
            }
        }
    }

    /// Nanoseconds of one log, or of one instance.
    pub fn nanoseconds(&self, name: &str) -> f64 {
        let design = self.0.iter().find(|design| design.name == name);
        let design = design.expect("the name is that of a design");
        let best: Duration = design.best.iter().sum();
        best.as_nanos() as f64 / (PARTS * design.count) as f64
    }

    fn add(&mut self, name: &str, count: usize, run: impl FnMut(usize) -> Duration + 'static) {
        self.0.push(Design {
            name: name.to_owned(),
            count,
            best: [Duration::MAX; PARTS],
            run: Box::new(run),
        });
    }

    /// A design that reads the logs in these batches.
    fn read(&mut self, name: &str, batches: Vec<Vec<u8>>, mut read: impl FnMut(&[u8]) + 'static) {
        let count = batches.len() / PARTS;
        self.add(name, PART, move |part| {
            let batches = &batches[part * count..(part + 1) * count];
            time(|| batches.iter().for_each(|batch| read(batch)))
        });
    }

    /// A design that starts an instance. One more is not counted: it finds the caches as the design before has left them,
    /// and so few would not make up for that.
    fn start(&mut self, name: &str, mut start: impl FnMut() + 'static) {
        self.add(name, INSTANCES, move |_| {
            start();
            time(|| (0..INSTANCES).for_each(|_| start()))
        });
    }
}

fn time(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

/// The options of the host's readers.
pub fn options(log_type: &str) -> Options {
    Options::of(log_type)
}

/// The same for the crate.
pub fn udm_options(log_type: &str) -> udm::Options {
    udm::Options {
        log_type: log_type.to_owned(),
        ..udm::Options::default()
    }
}

fn started<T>(instance: Result<T, Trap>) -> T {
    instance.expect("the component starts")
}
