#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
//! Tests of the report as a whole. To look at the ten-config example (made-up numbers) as a page:
//! `SWEEPER_EXAMPLE_REPORT=DIR cargo test --release -p sweeper-coordinator write_example_report -- --ignored`

mod analysis;
mod best;
mod beyond;
mod clusters;
mod combinations;
mod corrections;
mod edge;
pub(crate) mod example;
mod factors;
mod files;
mod formats;
mod looks;
mod losses;
mod methods;
mod noise;
mod parse_back;
mod planned;
mod read;
mod records;
mod replay;
mod schema;
mod snapshots;
mod tasks;
mod tuning;

use super::{Analysis, Input, analyze, write_all};
use crate::results::SweepResults;
use std::path::Path;
use sweeper_core::spec::FamilyKind;

fn html(analysis: &Analysis) -> String {
    super::render::page(&super::document::Document::of(analysis))
}

fn markdown(analysis: &Analysis) -> String {
    super::render::markdown(&super::document::Document::of(analysis))
}

fn analysis_of(results: &SweepResults) -> Analysis {
    analyze(results).unwrap()
}

#[test]
#[ignore = "writes the example report into the folder that SWEEPER_EXAMPLE_REPORT names"]
fn write_example_report() {
    let dir = std::env::var_os("SWEEPER_EXAMPLE_REPORT").expect("SWEEPER_EXAMPLE_REPORT names a folder");
    for (name, results) in [
        ("ten", tasks::with_curves(example::ten_configs())),
        ("two", tasks::with_curves(tasks::grid(FamilyKind::Baseline, 1, 2))),
        ("small", example::small()),
        ("strata", example::strata()),
        ("many", tasks::with_curves(example::many(200))),
        ("tasks", tasks::tasks(4, 20)),
        ("many-tasks", tasks::tasks(16, 15)),
        ("few", tasks::tasks(3, 5)),
        ("grid", tasks::with_curves(tasks::grid(FamilyKind::Baseline, 3, 4))),
        ("pairs", tasks::grid(FamilyKind::AllPairs, 2, 4)),
        ("all-pairs", tasks::grid(FamilyKind::AllPairs, 9, 6)),
    ] {
        let analysis = analysis_of(&results);
        write_all(&Path::new(&dir).join(name), &Input::of_sweep(&results), &analysis).unwrap();
        std::fs::write(Path::new(&dir).join(name).join("terminal.txt"), super::render::terminal(&analysis, true))
            .unwrap();
    }
    let (results, bits) = noise::images_and_bits();
    let input = Input::with_predictions(&results, &bits);
    write_all(&Path::new(&dir).join("bits"), &input, &input.analyze().unwrap()).unwrap();
}
