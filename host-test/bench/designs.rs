//! What is measured: each design reads all logs in some short parts, and the parts of all designs take turns.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use udmill::wit::Options;
use udmill::{Component, Trap};

use crate::components::{Unlimited, Yardsticks};
use crate::corpus::{Corpus, LOGS, batches};
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
pub struct Designs<'a> {
    corpus: &'a Corpus,
    component: &'a Component,
    /// One line each.
    pub all: Vec<Design>,
}

impl<'a> Designs<'a> {
    /// Prepares everything that is not to be measured, of those that figures are made of. The corpus is also in a file.
    pub fn new(corpus: &'a Corpus, file: &Path, component: &'a Component) -> Designs<'a> {
        let mut designs = Designs {
            corpus,
            component,
            all: Vec::new(),
        };
        let batches = || batches(&corpus.logs, USUAL);
        designs.read(SCAN, batches(), |batch| {
            black_box(scan(batch));
        });
        let reader = udm::Reader::new(&udm_options(corpus.log_type));
        let mut reader = reader.expect("the options can be used");
        designs.read(NATIVE, batches(), move |batch| {
            black_box(reader.push(batch));
        });
        designs.component(USUAL);
        let yardsticks = Yardsticks::new(component.engine()).expect("the component compiles");
        let mut instance = yardsticks.instantiate().expect("the component starts");
        designs.read(SCAN_INSIDE, batches(), move |batch| {
            black_box(instance.scan(batch)).expect("it never traps");
        });
        let mut process = Vrl::start(corpus.log_type, file);
        let logs_of = |part| part * PART..(part + 1) * PART;
        designs.add(VRL, PART, move |part| process.run(logs_of(part)));
        let (component, log) = (component.clone(), corpus.logs[0].clone());
        let options = options(corpus.log_type);
        designs.start(FIRST_EVENT, move || {
            let mut instance = started(component.instantiate());
            let answer = black_box(started(instance.normalize(&log, &options)));
            answer.expect("the options can be used");
        });
        designs.start(FIRST_CALL, move || {
            let mut instance = yardsticks.instantiate().expect("the component starts");
            instance.nothing().expect("it never traps");
        });
        designs
    }

    /// Adds those that tell where time goes: a log kept as a tree, batches of other sizes, and no limits.
    pub fn add_others(&mut self, wasm: &[u8]) {
        let logs = &self.corpus.logs;
        self.read("serde_json's Value and back", logs.clone(), |log| {
            let value: Value = serde_json::from_slice(log).expect("the corpus is JSON");
            black_box(serde_json::to_vec(&value).expect("a value is JSON"));
        });
        for size in SIZES.into_iter().filter(|size| *size != USUAL) {
            self.component(size);
        }
        let unlimited = Unlimited::new(wasm, self.corpus.log_type);
        let mut unlimited = unlimited.expect("the component starts");
        let name = format!("component without limits, batches of {USUAL}");
        self.read(&name, batches(logs, USUAL), move |batch| {
            black_box(unlimited.push(batch)).expect("it never traps");
        });
    }

    fn component(&mut self, size: usize) {
        let mut instance = started(self.component.instantiate());
        let reader = started(instance.reader(&options(self.corpus.log_type)));
        let name = format!("component, batches of {size}");
        self.read(&name, batches(&self.corpus.logs, size), move |batch| {
            let answer = black_box(instance.push(reader, batch));
            answer
                .expect("it never traps")
                .expect("the options can be used");
        });
    }

    /// Runs each part of each design once.
    pub fn round(&mut self) {
        for part in 0..PARTS {
            for design in &mut self.all {
                let best = &mut design.best[part];
                *best = (design.run)(part).min(*best);
            }
        }
    }

    /// Nanoseconds of one log, or of one instance.
    pub fn nanoseconds(&self, name: &str) -> f64 {
        let design = self.all.iter().find(|design| design.name == name);
        let design = design.expect("the name is that of a design");
        let best: Duration = design.best.iter().sum();
        best.as_nanos() as f64 / (PARTS * design.count) as f64
    }

    fn add(&mut self, name: &str, count: usize, run: impl FnMut(usize) -> Duration + 'static) {
        self.all.push(Design {
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
