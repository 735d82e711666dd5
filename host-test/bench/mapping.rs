//! What the mapping costs: [`crate::designs`], held to each other and measured in turns.

use std::fs;

use udmill::{Component, Engine, Limits};

use crate::LOG_TYPE;
use crate::corpus::{self, Golden};
use crate::designs::{
    self, COMPONENT, Designs, FIRST_CALL, FIRST_EVENT, NATIVE, SCAN, SCAN_INSIDE, VRL,
};
use crate::report::{self, Figure, Table};
use crate::{checks, components};

const MIB: usize = 1 << 20;
const HARNESS_IO: &str = "HARNESS_IO";

/// Measures in so many rounds, and memory after so many events: the table of figures, and that of what each design took.
pub fn measure(
    goldens: &[Golden],
    logs: &[Vec<u8>],
    rounds: usize,
    events: usize,
) -> Result<(Table, Table), Box<dyn std::error::Error>> {
    let file = components::target_folder().join("bench-logs.jsonl");
    fs::write(&file, logs.concat())?;
    let wasm = components::component("udmill_transform.wasm");
    let component = Component::load(&Engine::new(Limits::default())?, &wasm, None)?;
    eprintln!("bench: holding the designs to each other");
    checks::goldens(goldens);
    checks::corpus(logs, &checks::designs(LOG_TYPE, logs, &wasm, &component)?);
    let others = corpus::harness_io::logs();
    checks::designs(HARNESS_IO, &others, &wasm, &component)?;

    let mut designs = Designs::new(LOG_TYPE, logs, &file, &wasm, &component);
    let mut of_harness = Designs::few(HARNESS_IO, &others, &component);
    for round in 1..=rounds {
        eprint!("\rbench: round {round} of {rounds}");
        designs.round();
        of_harness.round();
    }
    eprintln!();
    let [early, late] = memory(&component, logs, [1_000, events])?;
    let mut all = figures(&designs, [early, late], wasm.len());
    all.extend(ratios(HARNESS_IO, &of_harness));
    let mut costs = Table::new(&["design", "ns", "MB/s", "of scan"]);
    add_costs(&mut costs, "", &designs, corpus::mean(logs));
    let of_type = format!("{HARNESS_IO}: ");
    add_costs(&mut costs, &of_type, &of_harness, corpus::mean(&others));
    Ok((report::figures(&all), costs))
}

/// The ratios that every log type has.
fn ratios(log_type: &str, designs: &Designs) -> [Figure; 3] {
    let ratio = |above, below| designs.nanoseconds(above) / designs.nanoseconds(below);
    let figure = |name, found, asked| Figure {
        name: format!("{log_type}: {name}"),
        found,
        asked,
        text: |it: f64| format!("{it:.2}"),
    };
    [
        figure(
            "udm, of serde_json's scan",
            ratio(SCAN, NATIVE),
            (0.25, 0.40),
        ),
        figure(
            "component within limits, of udm",
            ratio(NATIVE, COMPONENT),
            (0.40, 0.55),
        ),
        figure(
            "the same, of serde_json's scan in a component",
            ratio(SCAN_INSIDE, COMPONENT),
            (0.22, 0.35),
        ),
    ]
}

/// The ratios and sizes that something is asked of.
fn figures(designs: &Designs, [early, late]: [usize; 2], file: usize) -> Vec<Figure> {
    let ratio = |above, below| designs.nanoseconds(above) / designs.nanoseconds(below);
    let times = |it: f64| format!("{it:.1}×");
    let size = |it: f64| format!("{:.2} MiB", it / MIB as f64);
    let mib = MIB as f64;
    let figure = |name: &str, found, asked, text| Figure {
        name: name.to_owned(),
        found,
        asked,
        text,
    };
    let mut all = Vec::from(ratios(LOG_TYPE, designs));
    all.extend([
        figure(
            "the same, against VRL",
            ratio(VRL, COMPONENT),
            (7.0, 12.0),
            times,
        ),
        figure(
            "fresh instance with its first event, against an empty one's first call",
            ratio(FIRST_EVENT, FIRST_CALL),
            (3.0, 1.5),
            times,
        ),
        figure(
            "memory after 1,000 events",
            early as f64,
            (16.0 * mib, 4.0 * mib),
            size,
        ),
        figure(
            "memory at the end",
            late as f64,
            (16.0 * mib, 4.0 * mib),
            size,
        ),
        figure("the component's file", file as f64, (mib, 0.5 * mib), size),
    ]);
    all
}

/// What each design took, and how it compares with the scan.
fn add_costs(table: &mut Table, of_type: &str, designs: &Designs, bytes_of_log: f64) {
    let scan = designs.nanoseconds(SCAN);
    for design in &designs.0 {
        let nanoseconds = designs.nanoseconds(&design.name);
        let (speed, of_scan) = match design.name.as_str() {
            FIRST_EVENT | FIRST_CALL => (String::new(), String::new()),
            _ => (
                format!("{:.0}", bytes_of_log * 1e3 / nanoseconds),
                format!("{:.3}", scan / nanoseconds),
            ),
        };
        table.add([
            format!("{of_type}{}", design.name).as_str(),
            &format!("{nanoseconds:.0}"),
            &speed,
            &of_scan,
        ]);
    }
}

/// The bytes of linear memory after so many events of one reader, that is pushed 1 MiB at a time.
fn memory(
    component: &Component,
    logs: &[Vec<u8>],
    counts: [usize; 2],
) -> Result<[usize; 2], Box<dyn std::error::Error>> {
    let mut transform = component.instantiate()?;
    let reader = transform.reader(&designs::options(LOG_TYPE))?;
    let all = logs.concat();
    let mut pieces = all.chunks(MIB).cycle();
    let mut events = 0;
    let mut after = [0; 2];
    for (after, count) in after.iter_mut().zip(counts) {
        while events < count {
            let piece = pieces.next().unwrap_or_default();
            let batch = transform.push(reader, piece)?;
            events += batch.expect("the options can be used").log_indexes.len();
        }
        *after = transform.memory();
    }
    Ok(after)
}
