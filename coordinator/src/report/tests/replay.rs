//! A report can be computed again from its folder, and what somebody changed in it is found.

use super::{example, noise};
use crate::{
    imports::{Wanted, read_summary},
    report::{
        Input,
        replay::{INPUT, REPORT, ReplayError, verify},
        write_all,
    },
    results::SweepResults,
};
use serde_json::Value;
use std::{fs, path::Path};

/// The images that trainings had right belong to what a report is computed from.
#[test]
fn predictions_are_kept_and_checked() {
    let (results, bits) = noise::images_and_bits();
    let input = Input::with_predictions(&results, &bits);
    let folder = tempfile::tempdir().unwrap();
    let analysis = input.analyze().unwrap();
    write_all(folder.path(), &input, &analysis).unwrap();
    assert!(verify(folder.path()).unwrap().holds() && !analysis.noise.strata.is_empty());
    let pointer = "/trainings/predictions/trials/0/correct";
    let kept: Value = serde_json::from_slice(&fs::read(folder.path().join(INPUT)).unwrap()).unwrap();
    let text = kept.pointer(pointer).unwrap().as_str().unwrap();
    let first = if text.starts_with('A') { "B" } else { "A" };
    change(&folder.path().join(INPUT), pointer, format!("{first}{}", &text[1..]));
    let found = verify(folder.path()).unwrap();
    assert!(!found.holds() && found.differing > 0, "{found:?}");
    change(&folder.path().join(INPUT), pointer, "no base64!");
    assert!(matches!(verify(folder.path()), Err(ReplayError::Format { .. })));
}

fn write(dir: &Path, results: &SweepResults) {
    let input = Input::of_sweep(results);
    write_all(dir, &input, &input.analyze().unwrap()).unwrap();
}

/// Changes one value of a JSON file.
fn change(file: &Path, pointer: &str, to: impl Into<Value>) {
    let mut value: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    *value.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = to.into();
    fs::write(file, serde_json::to_string_pretty(&value).unwrap()).unwrap();
}

#[test]
fn every_report_follows_from_its_own_folder() {
    let mut odd = example::Builder::new("odd", "accuracy/balanced", "a");
    for name in ["a", "b"] {
        let config = odd.config("", name, 3, "{}");
        let values = [f64::NAN, f64::INFINITY, 80.1];
        (0..3).zip(values).for_each(|(r, value)| odd.completed(config, r, &[("accuracy/balanced", value)]));
    }
    let mut odd = odd.build();
    odd.trials[0].provenance.as_mut().unwrap().train_seconds = f64::NAN;
    for results in [example::small(), example::strata(), example::ten_configs(), odd] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &results);
        let found = verify(folder.path()).unwrap();
        assert!(found.holds() && !found.is_of_another_version(), "{}: {found:#?}", results.spec.name);
        assert!(found.numbers > 50 && found.files >= 6, "{found:?}");
        assert_eq!(verify(&folder.path().join(REPORT)).unwrap(), found);
    }
}

#[test]
fn a_published_table_does_too() {
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("table.csv");
    fs::write(&csv, "config,metric,mean,sd,n\na,accuracy/balanced,80.1,0.3,5\nb,accuracy/balanced,81.7,0.31,5\n")
        .unwrap();
    let table = read_summary(&csv, &Wanted::default()).unwrap();
    let (out, input) = (folder.path().join("out"), Input::of_table(&table));
    write_all(&out, &input, &input.analyze().unwrap()).unwrap();
    assert!(verify(&out).unwrap().holds());
    change(&out.join(INPUT), "/table/rows/0/accuracy~1balanced/stats/mean", 80.2);
    assert!(!verify(&out).unwrap().holds());
}

#[test]
fn every_kind_of_changed_number_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let results = example::ten_configs();
    let comparison = "/strata/0/families/0/comparisons/3/result";
    let changes: [(&str, Value); 9] = [
        ("/counts/completed", Value::from(50)),
        ("/plan/alpha", Value::from(0.01)),
        ("/strata/0/configs/0/cells/1/mean", Value::from(84.0)),
        ("/strata/0/configs/2/cells/0/values/3/value", Value::from(24.0)),
        (&format!("{comparison}/p_value"), Value::from(0.04)),
        (&format!("{comparison}/primary/interval/low"), Value::from(1e-300)),
        (&format!("{comparison}/verdict"), Value::from("equivalent")),
        ("/strata/0/families/0/comparisons/0/sentence", Value::from("“x” is better than “y”.")),
        ("/provenance/train_seconds", Value::Null),
    ];
    for (pointer, to) in changes {
        write(folder.path(), &results);
        change(&folder.path().join(REPORT), pointer, to.clone());
        let found = verify(folder.path()).unwrap();
        assert!(!found.holds() && found.differing == 1, "{pointer}: {found:#?}");
        let place = pointer.split('/').skip(1).fold("$".to_owned(), |place, part| match part.parse::<usize>() {
            Ok(index) => format!("{place}[{index}]"),
            Err(_) => format!("{place}.{part}"),
        });
        let difference = &found.differences[0];
        assert_eq!((&difference.place, &difference.file), (&place, &to.to_string()));
        assert_ne!(difference.file, difference.recomputed);
    }
}

#[test]
fn the_last_bit_counts_and_another_way_to_write_a_number_does_not() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &example::ten_configs());
    let report = folder.path().join(REPORT);
    let text = fs::read_to_string(&report).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    fs::write(&report, serde_json::to_string(&value).unwrap()).unwrap();
    assert!(verify(folder.path()).unwrap().holds(), "line breaks are no numbers");
    let pointer = "/strata/0/families/0/comparisons/3/result/p_value";
    let p = value.pointer(pointer).unwrap().as_f64().unwrap();
    change(&report, pointer, f64::from_bits(p.to_bits() + 1));
    assert_eq!(verify(folder.path()).unwrap().differing, 1);
}

#[test]
fn changed_data_are_found_by_digest_and_by_number() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &example::small());
    change(&folder.path().join(INPUT), "/trainings/results/trials/0/metrics/0/value", 70.5);
    let found = verify(folder.path()).unwrap();
    assert!(found.input_named != found.input_found && found.differing > 3, "{found:#?}");
    assert!(found.differences.iter().any(|d| d.place.ends_with(".cells[1].mean")), "{found:#?}");
    // What changes no number of the report is found by its digest alone.
    write(folder.path(), &example::small());
    change(&folder.path().join(INPUT), "/trainings/results/spec/priority", 7);
    let found = verify(folder.path()).unwrap();
    assert!(!found.holds(), "{found:?}");
}

#[test]
fn other_files_of_the_report_are_compared_line_by_line() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["report.md", "report.html", "report.tex", "report.csv", "results.csv", "references.bib"] {
        write(folder.path(), &example::ten_configs());
        let file = folder.path().join(name);
        let text = fs::read_to_string(&file).unwrap().replacen('1', "7", 1);
        fs::write(&file, text).unwrap();
        let found = verify(folder.path()).unwrap();
        assert_eq!(found.differing, 1, "{name}");
        assert!(found.differences[0].place.starts_with(&format!("{name}, line ")), "{found:?}");
        // Nobody needs to keep it.
        fs::remove_file(&file).unwrap();
        assert!(verify(folder.path()).unwrap().holds(), "{name}");
    }
}

#[test]
fn another_version_is_said() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &example::small());
    change(&folder.path().join(REPORT), "/provenance/report_version", "9.9.9");
    let found = verify(folder.path()).unwrap();
    assert_eq!((found.made_by.as_str(), found.is_of_another_version(), found.holds()), ("9.9.9", true, true));
    change(&folder.path().join(REPORT), "/schema", 99);
    let error = verify(folder.path()).unwrap_err();
    assert!(matches!(&error, ReplayError::Schema { .. }), "{error}");
    assert!(error.to_string().contains("99") && error.to_string().contains("9.9.9"), "{error}");
}

#[test]
fn files_that_are_not_there_or_not_ours_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let error = verify(folder.path()).unwrap_err();
    assert!(matches!(&error, ReplayError::Unreadable { path, .. } if path.ends_with(REPORT)), "{error}");
    write(folder.path(), &example::small());
    fs::remove_file(folder.path().join(INPUT)).unwrap();
    let error = verify(folder.path()).unwrap_err();
    assert!(matches!(&error, ReplayError::Unreadable { path, .. } if path.ends_with(INPUT)), "{error}");
    fs::write(folder.path().join(INPUT), "{\"results\": 1}").unwrap();
    let error = verify(folder.path()).unwrap_err();
    assert!(matches!(&error, ReplayError::Format { .. }) && error.to_string().contains("line 1"), "{error}");
}
