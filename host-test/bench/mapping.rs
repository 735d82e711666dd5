//! What the mapping costs: [`crate::designs`], held to each other and measured in turns.

use std::fs;

use udmill::{Component, Engine, Limits};

use crate::corpus::{self, Corpus};
use crate::designs::{
    self, COMPONENT, Designs, FIRST_CALL, FIRST_EVENT, NATIVE, SCAN, SCAN_INSIDE, VRL,
};
use crate::report::{self, Figure, Table};
use crate::{checks, components};

const MIB: f64 = (1 << 20) as f64;
/// The bytes of one push where memory is measured.
const PIECE: usize = 1 << 20;

/// Measures in so many rounds, and memory after so many events: the table of figures, and that of what each design
/// took. The first corpus is also read by the designs that tell where time goes.
pub fn measure(
    corpora: &[Corpus],
    rounds: usize,
    events: usize,
) -> Result<(Table, Table), Box<dyn std::error::Error>> {
    let wasm = components::component("udmill_transform.wasm");
    let component = Component::load(&Engine::new(Limits::default())?, &wasm, None)?;
    let mut all = Vec::new();
    for corpus in corpora {
        eprintln!(
            "bench: holding the designs of {} to each other",
            corpus.log_type
        );
        checks::corpus(corpus, &wasm, &component)?;
        let file = components::target_folder().join(format!("bench-{}.jsonl", corpus.log_type));
        fs::write(&file, corpus.logs.concat())?;
        all.push(Designs::new(corpus, &file, &component));
    }
    if let Some(first) = all.first_mut() {
        first.add_others(&wasm);
    }
    for round in 1..=rounds {
        eprint!("\rbench: round {round} of {rounds}");
        all.iter_mut().for_each(Designs::round);
    }
    eprintln!();
    let mut figures = Vec::new();
    let mut costs = Table::new(&["design", "ns", "MB/s", "of scan"]);
    for (corpus, designs) in corpora.iter().zip(&all) {
        let memory = memory(&component, corpus, [1_000, events])?;
        figures.extend(figures_of(corpus.log_type, designs, memory));
        add_costs(&mut costs, corpus, designs);
    }
    figures.push(Figure {
        name: "the component's file".to_owned(),
        found: wasm.len() as f64,
        asked: (MIB, 0.5 * MIB),
        text: size,
    });
    Ok((report::figures(&figures), costs))
}

/// The ratios and sizes that something is asked of, of each log type.
fn figures_of(log_type: &str, designs: &Designs, [early, late]: [usize; 2]) -> [Figure; 7] {
    let part = |it: f64| format!("{it:.2}");
    let times = |it: f64| format!("{it:.1}×");
    let ratio = |above, below| designs.nanoseconds(above) / designs.nanoseconds(below);
    let figure = |name, found, asked, text| Figure {
        name: format!("{log_type}: {name}"),
        found,
        asked,
        text,
    };
    [
        figure(
            "udm, of serde_json's scan",
            ratio(SCAN, NATIVE),
            (0.25, 0.40),
            part as fn(f64) -> String,
        ),
        figure(
            "component within limits, of udm",
            ratio(NATIVE, COMPONENT),
            (0.40, 0.55),
            part,
        ),
        figure(
            "component within limits, of serde_json's scan in a component",
            ratio(SCAN_INSIDE, COMPONENT),
            (0.22, 0.35),
            part,
        ),
        figure(
            "component within limits, against VRL",
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
            (16.0 * MIB, 4.0 * MIB),
            size,
        ),
        figure(
            "memory at the end",
            late as f64,
            (16.0 * MIB, 4.0 * MIB),
            size,
        ),
    ]
}

fn size(bytes: f64) -> String {
    format!("{:.2} MiB", bytes / MIB)
}

/// What each design took, and how it compares with the scan.
fn add_costs(table: &mut Table, corpus: &Corpus, designs: &Designs) {
    let scan = designs.nanoseconds(SCAN);
    let bytes_of_log = corpus::mean(&corpus.logs);
    for design in &designs.all {
        let nanoseconds = designs.nanoseconds(&design.name);
        let (speed, of_scan) = match design.name.as_str() {
            FIRST_EVENT | FIRST_CALL => (String::new(), String::new()),
            _ => (
                format!("{:.0}", bytes_of_log * 1e3 / nanoseconds),
                format!("{:.3}", scan / nanoseconds),
            ),
        };
        table.add([
            format!("{}: {}", corpus.log_type, design.name).as_str(),
            &format!("{nanoseconds:.0}"),
            &speed,
            &of_scan,
        ]);
    }
}

/// The bytes of linear memory after so many events of one reader, that is pushed 1 MiB at a time.
fn memory(
    component: &Component,
    corpus: &Corpus,
    counts: [usize; 2],
) -> Result<[usize; 2], Box<dyn std::error::Error>> {
    let mut transform = component.instantiate()?;
    let reader = transform.reader(&designs::options(corpus.log_type))?;
    let all = corpus.logs.concat();
    let mut pieces = all.chunks(PIECE).cycle();
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
