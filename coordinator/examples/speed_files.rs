//! Times what a report on a file of results is made of: reading it and grouping its rows by training, the analysis, and
//! the renderings. `docs/benchmarks.md` says which file.
//!
//! ```sh
//! cargo run --release -p sweeper-coordinator --example speed_files -- results.csv [--json]
//! ```
#![allow(clippy::print_stdout)]

#[path = "../stats/examples/clock/mod.rs"]
mod clock;

use clock::{Job, Made};
use std::{error::Error, hint::black_box, path::Path};
use sweeper_coordinator::{imports, report};

const REPETITIONS: usize = 7;

fn main() -> Result<(), Box<dyn Error>> {
    let (file, json) = clock::arguments();
    let wanted = imports::Wanted::default();
    let results = imports::read(Path::new(&file), &wanted)?;
    let analysis = report::analyze(&results)?;
    let job = |id, name, goal_ms, run: Box<dyn Fn() -> Result<Made, Box<dyn Error>>>| Job { id, name, goal_ms, run };
    let (read, analyzed) = (file.clone(), results.clone());
    let jobs = [
        job(
            "read",
            "read a file and group its rows by training",
            Some(200.0),
            Box::new(move || Ok(Box::new(black_box(imports::read(Path::new(&read), &wanted)?)))),
        ),
        job(
            "analyze",
            "analyze what was read",
            None,
            Box::new(move || Ok(Box::new(black_box(report::analyze(&analyzed)?)))),
        ),
        job(
            "render",
            "render the analysis for every format",
            None,
            Box::new(move || {
                let pieces = report::document_pieces(&report::document::Document::of(&analysis))?;
                Ok(Box::new((pieces, report::render::json(&analysis)?, report::render::results_csv(&results)?)))
            }),
        ),
    ];
    clock::print(&jobs, REPETITIONS, json)
}
