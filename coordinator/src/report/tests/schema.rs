//! `docs/report.schema.json` is what the code derives, and reports are what it says.

use super::{analysis_of, example, tasks};
use crate::report::{render, schema};
use serde_json::Value;
use std::path::Path;
use sweeper_core::spec::{Correction, Direction, FamilyKind, Missing, Pairing, Tasks};

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/report.schema.json");

/// Keys in alphabetical order, whatever serde_json was built with.
fn text(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

#[test]
fn the_committed_schema_is_what_the_code_derives() {
    let derived = text(schema().as_value());
    if std::env::var_os("SWEEPER_WRITE_SCHEMA").is_some() {
        std::fs::write(COMMITTED, &derived).unwrap();
    }
    let committed = std::fs::read_to_string(Path::new(COMMITTED)).unwrap_or_default();
    assert!(
        committed == derived,
        "docs/report.schema.json is not what the code derives; write it anew with\n  \
         SWEEPER_WRITE_SCHEMA=1 cargo test --release -p sweeper-coordinator the_committed_schema"
    );
}

/// A report as text and as a value.
fn reports() -> Vec<Value> {
    let sweeps = [
        example::small(),
        example::strata(),
        example::ten_configs(),
        example::many(40),
        tasks::tasks(3, 16),
        tasks::grid(FamilyKind::AllPairs, 2, 2),
    ];
    sweeps.iter().map(|s| serde_json::from_str(&render::json(&analysis_of(s)).unwrap()).unwrap()).collect()
}

#[test]
fn reports_are_valid() {
    let validator = jsonschema::draft202012::new(schema().as_value()).unwrap();
    for report in reports() {
        let errors: Vec<String> =
            validator.iter_errors(&report).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

#[test]
fn a_wrong_report_is_not_valid() {
    let validator = jsonschema::draft202012::new(schema().as_value()).unwrap();
    let whole = reports().remove(0);
    let wrong: [fn(&mut Value); 5] = [
        |r| drop(r.as_object_mut().unwrap().remove("plan")),
        |r| r["plan"]["alpha"] = Value::from("0.05"),
        |r| r["plan"]["pairing"] = Value::from("seldom"),
        |r| r["counts"]["planned"] = Value::from(-1),
        |r| r["strata"][0]["configs"][0]["cells"][0]["kind"] = Value::from("guessed"),
    ];
    for (index, change) in wrong.iter().enumerate() {
        let mut report = whole.clone();
        change(&mut report);
        assert!(!validator.is_valid(&report), "change {index}");
    }
}

/// Every name that a schema allows for a type of three places up the tree.
fn names(schema: &Value, of: &str) -> Vec<String> {
    let variants = schema["$defs"][of]["oneOf"].as_array().unwrap();
    variants.iter().map(|v| v["const"].as_str().unwrap().to_owned()).collect()
}

/// A variant more than is listed makes the match fail to compile.
macro_rules! mirrored {
    ($derived:ident, $($of:ident: $($variant:ident),+;)+) => {$(
        let _: fn($of) = |value| match value {
            $($of::$variant)|+ => {}
        };
        let written: Vec<Value> = vec![$(serde_json::to_value($of::$variant).unwrap()),+];
        assert_eq!(names(&$derived, stringify!($of)), written.iter().map(|v| v.as_str().unwrap()).collect::<Vec<_>>());
    )+};
}

#[test]
fn mirrors_of_the_core_have_its_names() {
    let derived = schema().to_value();
    mirrored! { derived,
        Pairing: Common, Independent;
        Direction: Maximize, Minimize;
        Correction: Holm, Bonferroni, MaxT, MaxTSingleStep, Dunnett, TukeyKramer, GamesHowell, None;
        FamilyKind: Baseline, OneFactor, AllPairs, Matched;
        Missing: CompletedPairs, WorstRank;
        Tasks: None, Strata;
    }
}
