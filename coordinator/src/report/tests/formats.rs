//! All formats tell the same numbers, and files are whole.

use super::{analysis_of, example};
use crate::{
    report::{
        Analysis, Cell, Input, ReportError,
        document::{Document, Row},
        number, render, write_all,
    },
    results::SweepResults,
};
use proptest::prelude::*;
use std::{collections::BTreeMap, fs};

fn csv_rows(text: &str) -> Vec<Vec<String>> {
    let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|r| r.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// The rows of a table of the document, by the text of their first cell.
fn rows<'a>(document: &'a Document, id: &str) -> BTreeMap<&'a str, &'a Row> {
    let tables = document.tables();
    let table = tables.iter().find(|(_, table)| table.id == id).unwrap_or_else(|| panic!("no table {id}")).1;
    table.rows.iter().map(|row| (row.cells[0].shown.as_str(), row)).collect()
}

/// JSON, the observations as CSV, and the document, which all formats for people are renderings of, against one
/// `Analysis`. That the renderings tell what the document does is shown by `parse_back`.
fn formats_agree(results: &SweepResults, analysis: &Analysis) {
    let json: Analysis = serde_json::from_str(&render::json(analysis).unwrap()).unwrap();
    assert_eq!(json, *analysis, "JSON reads back to the same bits");
    let document = Document::of(analysis);
    let csv = csv_rows(&render::results_csv(results).unwrap());
    for (m, metric) in analysis.metrics.iter().enumerate() {
        for (s, stratum) in analysis.strata.iter().enumerate() {
            let summary = rows(&document, &format!("summary-m{m}-s{s}"));
            for config in &stratum.configs {
                let Cell::Measured(measured) = &config.cells[m] else { continue };
                let mean = &summary[config.name.as_str()].cells[2];
                let shown = number::fixed(measured.mean, number::measured_decimals(measured));
                assert_eq!((&mean.shown, mean.values.as_slice()), (&shown, &[measured.mean][..]));
                let full = if stratum.name.is_empty() {
                    config.name.clone()
                } else {
                    format!("{}/{}", stratum.name, config.name)
                };
                let values: Vec<u64> = csv
                    .iter()
                    .filter(|r| r[1] == full && r[3] == metric.name)
                    .map(|r| r[5].parse::<f64>().unwrap().to_bits())
                    .collect();
                let expected: Vec<u64> = measured.values.iter().map(|o| o.value.to_bits()).collect();
                assert_eq!(values, expected, "CSV values of {full} on {}", metric.name);
            }
            for comparison in &stratum.families[m].comparisons {
                let Some(tested) = comparison.result.tested() else { continue };
                let row = rows(&document, &format!("comparisons-m{m}-s{s}"))[comparison.config.as_str()];
                let [difference, p] = [2, 8].map(|column| &row.cells[column]);
                assert_eq!(difference.values, [tested.primary.difference]);
                assert_eq!(
                    difference.shown,
                    number::signed(tested.primary.difference, number::tested_decimals(tested))
                );
                assert_eq!(
                    (p.values.as_slice(), p.shown.as_str()),
                    (&[tested.p_adjusted][..], &*number::p(tested.p_adjusted, analysis.plan.alpha))
                );
            }
        }
    }
}

#[test]
fn numbers_come_from_one_analysis() {
    for results in [example::small(), example::strata(), example::ten_configs()] {
        formats_agree(&results, &analysis_of(&results));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn numbers_agree_whatever_they_are(values in prop::collection::vec((-1e6f64..1e6, -1e3f64..1e3), 1..7), scale in -9i32..9) {
        let mut b = example::Builder::new("any", "accuracy/balanced", "a");
        let n = values.len() as u32;
        let (a, c) = (b.config("", "a", n, "{}"), b.config("", "b", n, "{}"));
        for (r, (x, y)) in (0..).zip(&values) {
            b.completed(a, r, &[("accuracy/balanced", x * 10f64.powi(scale)), ("loss/balanced", *y)]);
            b.completed(c, r, &[("accuracy/balanced", x + y), ("loss/balanced", y * 10f64.powi(scale))]);
        }
        let results = b.build();
        formats_agree(&results, &analysis_of(&results));
    }
}

/// A name that may begin with anything the guard against formulas looks at, several times over.
fn guarded_name() -> impl Strategy<Value = String> {
    "['=+@ab\t\r\n＝－-]{1,4}"
}

proptest! {
    #[test]
    fn names_read_back_from_csv_and_stay_distinct(names in prop::collection::btree_set(guarded_name(), 2..6)) {
        let names: Vec<String> = names.into_iter().collect();
        let mut b = example::Builder::new("any", "accuracy/balanced", &names[0]);
        for name in &names {
            let config = b.config("", name, 1, "{}");
            b.completed(config, 0, &[("accuracy/balanced", 1.0)]);
        }
        let results = b.build();
        for text in [render::results_csv(&results).unwrap(), render::trials_csv(&results).unwrap()] {
            let cells = csv_rows(&text).into_iter().skip(1).map(|row| row[1].clone());
            let read: Vec<String> = cells.map(|c| c.strip_prefix('\'').unwrap_or(&c).to_owned()).collect();
            prop_assert_eq!(&read, &names);
        }
    }
}

#[test]
fn a_name_and_its_guarded_form_are_two_names() {
    let mut b = example::Builder::new("x", "accuracy/balanced", "+dies");
    for name in ["+dies", "'+dies"] {
        let config = b.config("", name, 1, "{}");
        b.completed(config, 0, &[("accuracy/balanced", 1.0)]);
    }
    let rows = csv_rows(&render::results_csv(&b.build()).unwrap());
    assert_eq!([rows[1][1].as_str(), rows[2][1].as_str()], ["'+dies", "''+dies"]);
}

#[test]
fn the_same_input_gives_the_same_bytes_in_any_order() {
    let results = example::ten_configs();
    let all = |results: &SweepResults| {
        let analysis = analysis_of(results);
        [
            super::html(&analysis),
            super::markdown(&analysis),
            render::json(&analysis).unwrap(),
            render::results_csv(results).unwrap(),
            render::trials_csv(results).unwrap(),
            render::terminal(&analysis, true),
        ]
    };
    let expected = all(&results);
    assert_eq!(all(&results), expected);
    let mut shuffled = results.clone();
    shuffled.trials.reverse();
    shuffled.attempts.rotate_left(17);
    shuffled.trials.iter_mut().for_each(|t| t.metrics.reverse());
    assert_eq!(all(&shuffled), expected);
}

#[test]
fn results_csv_knows_nothing_of_the_schedule() {
    let results = example::ten_configs();
    let expected = render::results_csv(&results).unwrap();
    let mut other = results.clone();
    other.sweep = "s99".to_owned();
    other.submitted_ms += 1_000_000;
    other.closed_ms = None;
    other.attempts.clear();
    for trial in &mut other.trials {
        trial.reused_from = Some("s3/c1/r0".to_owned());
        trial.provenance = None;
    }
    assert_eq!(render::results_csv(&other).unwrap(), expected);
    assert_ne!(render::trials_csv(&other).unwrap(), render::trials_csv(&results).unwrap());
    assert!(
        expected.starts_with(
            "sweep,config,replicate,metric,epoch,value,final\napriori-demo,balanced,0,accuracy/balanced,1,"
        )
    );
}

#[test]
fn trials_csv_has_a_row_for_every_trial() {
    let mut results = example::small();
    let reused = &mut results.trials[0];
    reused.reused_from = Some("s3/c1/r0".to_owned());
    results.attempts.retain(|a| (a.config, a.replicate) != (0, 0));
    let rows = csv_rows(&render::trials_csv(&results).unwrap());
    assert_eq!(rows.len(), 16);
    assert_eq!(rows[1][..4], ["s1/c0/r0", "plain", "0", "0"]);
    assert_eq!((rows[1][9].as_str(), rows[1][12].as_str()), ("completed", "s3/c1/r0"));
    let row = |id: &str| rows.iter().find(|r| r[0] == id).unwrap();
    assert_eq!((row("s1/c1/r3")[9].as_str(), row("s1/c1/r3")[10].as_str()), ("diverged", "1.25"));
    assert_eq!((row("s1/c1/r4")[3].as_str(), row("s1/c1/r4")[9].as_str()), ("0", "cancelled"));
    assert_eq!(row("s1/c2/r1")[7], "2026-11-22T06:43:17.000Z");
}

#[test]
fn color_only_adds_styles() {
    let analysis = analysis_of(&example::small());
    let (plain, colored) = (render::terminal(&analysis, false), render::terminal(&analysis, true));
    assert!(!plain.contains('\u{1b}') && colored.contains('\u{1b}'));
    let stripped: String = colored
        .split('\u{1b}')
        .enumerate()
        .map(|(i, part)| if i == 0 { part } else { part.split_once('m').unwrap().1 })
        .collect();
    assert_eq!(stripped, plain);
}

#[test]
fn files_are_written_whole_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("out/small");
    let results = example::small();
    let analysis = analysis_of(&results);
    let written = write_all(&dir, &Input::of_sweep(&results), &analysis).unwrap();
    assert_eq!(fs::read_to_string(&written.html).unwrap(), super::html(&analysis));
    assert_eq!(fs::read_to_string(dir.join("results.csv")).unwrap(), render::results_csv(&results).unwrap());
    fs::write(dir.join("report.json"), "old").unwrap();
    assert_eq!(write_all(&dir, &Input::of_sweep(&results), &analysis).unwrap(), written);
    assert_eq!(fs::read_to_string(dir.join("report.json")).unwrap(), render::json(&analysis).unwrap());
    let mut names: Vec<String> =
        fs::read_dir(&dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "figures",
            "input.json",
            "references.bib",
            "report.csv",
            "report.html",
            "report.json",
            "report.md",
            "report.tex",
            "results.csv",
            "trials.csv"
        ]
    );
}

#[test]
fn a_folder_that_cannot_be_is_an_error_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let results = example::small();
    let analysis = analysis_of(&results);
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = write_all(&file.join("out"), &Input::of_sweep(&results), &analysis).unwrap_err();
    assert!(matches!(&error, ReportError::Folder { path, .. } if path.ends_with("file/out")), "{error}");
    // A folder stands where a file belongs: the rename fails and nothing is left behind.
    let dir = folder.path().join("dir");
    fs::create_dir_all(dir.join("report.html/x")).unwrap();
    let error = write_all(&dir, &Input::of_sweep(&results), &analysis).unwrap_err();
    assert!(matches!(error, ReportError::Write { .. }), "{error}");
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
}
