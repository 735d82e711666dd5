//! What the mapping costs: [`crate::designs`], held to each other and measured in turns.

use std::fs;

use udmill::{Component, Engine, Limits};

use crate::corpus::{self, Golden};
use crate::designs::{
    self, COMPONENT, Designs, FIRST_CALL, FIRST_EVENT, NATIVE, SCAN, SCAN_INSIDE, VRL,
};
use crate::report::{self, Figure, Table};
use crate::{checks, components};

const MIB: usize = 1 << 20;

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
    checks::designs(logs, &wasm, &component)?;

    let mut designs = Designs::new(logs, &file, &wasm, &component);
    for round in 1..=rounds {
        eprint!("\rbench: round {round} of {rounds}");
        designs.round();
    }
    eprintln!();
    let [early, late] = memory(&component, logs, [1_000, events])?;
    let figures = figures(&designs, [early, late], wasm.len());
    Ok((figures, costs(&designs, corpus::mean(logs))))
}

/// The ratios and sizes that something is asked of.
fn figures(designs: &Designs, [early, late]: [usize; 2], file: usize) -> Table {
    let ratio = |above, below| designs.nanoseconds(above) / designs.nanoseconds(below);
    let plain = |it: f64| format!("{it:.2}");
    let times = |it: f64| format!("{it:.1}×");
    let size = |it: f64| format!("{:.2} MiB", it / MIB as f64);
    let mib = MIB as f64;
    let figure = |name, found, asked, text| Figure {
        name,
        found,
        asked,
        text,
    };
    report::figures(&[
        figure(
            "udm, of serde_json's scan",
            ratio(SCAN, NATIVE),
            (0.25, 0.40),
            plain,
        ),
        figure(
            "component within limits, of udm",
            ratio(NATIVE, COMPONENT),
            (0.40, 0.55),
            plain,
        ),
        figure(
            "the same, of serde_json's scan in a component",
            ratio(SCAN_INSIDE, COMPONENT),
            (0.22, 0.35),
            plain,
        ),
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
    ])
}

/// What each design took, and how it compares with the scan.
fn costs(designs: &Designs, bytes_of_log: f64) -> Table {
    let mut table = Table::new(&["design", "ns", "MB/s", "of scan"]);
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
            design.name.as_str(),
            &format!("{nanoseconds:.0}"),
            &speed,
            &of_scan,
        ]);
    }
    table
}

/// The bytes of linear memory after so many events of one reader, that is pushed 1 MiB at a time.
fn memory(
    component: &Component,
    logs: &[Vec<u8>],
    counts: [usize; 2],
) -> Result<[usize; 2], Box<dyn std::error::Error>> {
    let mut transform = component.instantiate()?;
    let reader = transform.reader(&designs::options())?;
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
