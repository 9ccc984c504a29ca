//! Every figure against references computed with 60 digits by `tests/reference/stats.py`.
//!
//! Tolerance: 1e-12 relative (the product promises 1e-10). Where a figure may pass through 0 while its ingredients do
//! not, it is relative to a natural unit instead: a standard error for limits of a difference, the unit of the
//! noncentrality for limits of an effect size, 1e-2 for a correlation. `SWEEPER_STATS_FIXTURES` names another file.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use serde_json::Value;
use sweeper_stats::distributions::{
    noncentral_t_cdf, noncentral_t_sf, student_t_quantile, student_t_sf, student_t_two_sided,
};
use sweeper_stats::power::{detectable_effect, power};
use sweeper_stats::*;

const TOLERANCE: f64 = 1e-12;
/// Below this a double has lost digits, and the logarithm is compared alone.
const SMALLEST_COMPARED_P: f64 = 1e-300;

struct Case {
    kind: String,
    name: String,
    input: BTreeMap<String, String>,
    expected: BTreeMap<String, String>,
}

/// Numbers are strings in the file: the standard parser rounds correctly, a JSON parser need not.
fn parse(text: &str) -> f64 {
    text.parse().unwrap_or_else(|_| panic!("not a number: {text}"))
}

impl Case {
    fn numbers(&self, key: &str) -> Vec<f64> {
        self.input[key].split_whitespace().map(parse).collect()
    }

    fn number(&self, key: &str) -> f64 {
        parse(&self.input[key])
    }

    fn wanted(&self, key: &str) -> f64 {
        parse(&self.expected[key])
    }
}

/// Failures with the largest relative error seen, so that one run shows them all.
#[derive(Default)]
struct Outcome {
    failures: Vec<String>,
    worst: BTreeMap<String, (f64, String)>,
}

impl Outcome {
    fn compare(&mut self, case: &Case, key: &str, got: f64, scale: f64) {
        let want = case.wanted(key);
        let unit = want.abs().max(scale);
        let error = if got == want { 0.0 } else { (got - want).abs() / unit };
        if error.is_nan() || error > TOLERANCE {
            self.failures.push(format!("{} / {}: {key} is {got:e}, reference {want:e}", case.kind, case.name));
        }
        let worst = self.worst.entry(format!("{} {key}", case.kind)).or_default();
        if error > worst.0 {
            *worst = (error, case.name.clone());
        }
    }
}

fn load() -> Vec<Case> {
    let path = std::env::var("SWEEPER_STATS_FIXTURES")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/reference/fixtures/stats.json").into());
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let file: Value = serde_json::from_str(&text).unwrap();
    let strings = |value: &Value| -> BTreeMap<String, String> {
        value.as_object().unwrap().iter().map(|(k, v)| (k.clone(), v.as_str().unwrap().to_owned())).collect()
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let case = |v: &Value| Case {
        kind: text(&v["kind"]),
        name: text(&v["name"]),
        input: strings(&v["input"]),
        expected: strings(&v["expected"]),
    };
    file["cases"].as_array().unwrap().iter().map(case).collect()
}

fn check_summary(case: &Case, outcome: &mut Outcome) {
    let x = case.numbers("x");
    let got = summary(&x).unwrap();
    assert_eq!(got.n, x.len());
    for (key, value) in [("mean", got.mean), ("min", got.min), ("max", got.max), ("median", got.median)] {
        outcome.compare(case, key, value, 0.0);
    }
    outcome.compare(case, "q25", quantile(&x, 0.25).unwrap(), 0.0);
    outcome.compare(case, "q75", quantile(&x, 0.75).unwrap(), 0.0);
    outcome.compare(case, "iqr", iqr(&x).unwrap(), 0.0);
    assert_eq!(got.sd.is_some(), case.expected.contains_key("sd"));
    if let (Some(sd), Some(se)) = (got.sd, got.se) {
        outcome.compare(case, "sd", sd, 0.0);
        outcome.compare(case, "se", se, 0.0);
        let interval = mean_interval(&x, case.number("confidence"));
        assert_eq!(interval.is_ok(), case.expected.contains_key("low"), "{}", case.name);
        if let Ok(interval) = interval {
            outcome.compare(case, "low", interval.low, se);
            outcome.compare(case, "high", interval.high, se);
        }
    }
}

fn check_t_test(case: &Case, got: &TTest, outcome: &mut Outcome) {
    let se = case.wanted("standard_error");
    for (key, value, scale) in [
        ("difference", got.difference, 0.0),
        ("standard_error", got.standard_error, 0.0),
        ("statistic", got.statistic, 0.0),
        ("df", got.df, 0.0),
        ("log10_p", got.log10_p, 0.0),
        ("low", got.interval.low, se),
        ("high", got.interval.high, se),
    ] {
        outcome.compare(case, key, value, scale);
    }
    if case.wanted("p_value") > SMALLEST_COMPARED_P {
        outcome.compare(case, "p_value", got.p_value, 0.0);
    }
}

fn check_effect(case: &Case, got: &EffectSize, outcome: &mut Outcome) {
    let unit = case.wanted("unit");
    outcome.compare(case, "g", got.g, 0.0);
    outcome.compare(case, "low", got.interval.low, unit);
    outcome.compare(case, "high", got.interval.high, unit);
}

fn check_holm(case: &Case, outcome: &mut Outcome) {
    let read = |text: &str| -> Vec<Option<f64>> {
        text.split_whitespace().map(|word| (word != "-").then(|| parse(word))).collect()
    };
    let p = read(&case.input["p"]);
    let want = read(&case.expected["adjusted"]);
    let logs: Vec<Option<f64>> = p.iter().map(|p| p.map(f64::log10)).collect();
    for (got, adjust) in [(holm(&p), false), (holm_log10(&logs), true)] {
        assert_eq!(got.len(), want.len());
        for (got, want) in got.into_iter().zip(&want) {
            let got = got.map(|v| if adjust { 10_f64.powf(v) } else { v });
            let close = match (got, want) {
                (Some(got), Some(want)) => (got - want).abs() <= TOLERANCE * want,
                (got, want) => got == *want,
            };
            if !close {
                outcome.failures.push(format!("holm / {}: {got:?}, reference {want:?}", case.name));
            }
        }
    }
}

fn check_distribution(case: &Case, outcome: &mut Outcome) {
    let n = |key: &str| case.number(key);
    match case.kind.as_str() {
        "t_tail" => {
            let tail = student_t_two_sided(n("t"), n("df")).unwrap();
            outcome.compare(case, "log10_two_sided", tail.log10_p, 0.0);
            if case.wanted("sf") > SMALLEST_COMPARED_P {
                outcome.compare(case, "two_sided", tail.p, 0.0);
                outcome.compare(case, "sf", student_t_sf(n("t"), n("df")).unwrap(), 0.0);
            }
        }
        "t_quantile" => outcome.compare(case, "t", student_t_quantile(n("p"), n("df")).unwrap(), 0.0),
        "noncentral_t" => {
            outcome.compare(case, "cdf", noncentral_t_cdf(n("t"), n("df"), n("ncp")).unwrap(), 0.0);
            outcome.compare(case, "sf", noncentral_t_sf(n("t"), n("df"), n("ncp")).unwrap(), 0.0);
        }
        "power" => {
            let replicates = case.input["n"].parse().unwrap();
            let paired = case.input["paired"] == "1";
            let effect = detectable_effect(replicates, paired, n("alpha"), n("power")).unwrap();
            outcome.compare(case, "effect", effect, 0.0);
            let back = power(replicates, paired, effect, n("alpha")).unwrap();
            assert!((back - n("power")).abs() < 1e-10, "{}: {back}", case.name);
        }
        other => panic!("unknown kind {other}"),
    }
}

fn check_degenerate(case: &Case, outcome: &mut Outcome) {
    let (a, b) = (case.numbers("a"), case.numbers("b"));
    let error = match case.input["function"].as_str() {
        "summary" => summary(&a).unwrap_err(),
        "mean_interval" => mean_interval(&a, 0.95).unwrap_err(),
        "paired_t" => paired_t(&a, &b, 0.95).unwrap_err(),
        "welch_t" => welch_t(&a, &b, 0.95).unwrap_err(),
        "hedges_g" => hedges_g(&a, &b, 0.95).unwrap_err(),
        "hedges_g_paired" => hedges_g_paired(&a, &b, 0.95).unwrap_err(),
        "hedges_g_av" => hedges_g_av(&a, &b, 0.95).unwrap_err(),
        "correlation" => correlation(&a, &b).unwrap_err(),
        other => panic!("unknown function {other}"),
    };
    let reason = serde_json::to_value(&error).unwrap()["reason"].as_str().unwrap().to_owned();
    if reason != case.expected["reason"] {
        outcome.failures.push(format!("degenerate / {}: {reason}", case.name));
    }
}

#[test]
fn every_figure_meets_its_reference() {
    let cases = load();
    assert!(cases.len() >= 150, "{} cases", cases.len());
    let mut outcome = Outcome::default();
    for case in &cases {
        let sides = || (case.numbers("a"), case.numbers("b"));
        match case.kind.as_str() {
            "summary" => check_summary(case, &mut outcome),
            "paired_t" | "welch_t" => {
                let (a, b) = sides();
                let test = if case.kind == "paired_t" { paired_t } else { welch_t };
                let got = test(&a, &b, case.number("confidence")).unwrap_or_else(|e| panic!("{}: {e}", case.name));
                check_t_test(case, &got, &mut outcome);
            }
            "hedges_g" | "hedges_g_paired" | "hedges_g_av" => {
                let (a, b) = sides();
                let confidence = case.number("confidence");
                let (got, kind) = match case.kind.as_str() {
                    "hedges_g" => (hedges_g(&a, &b, confidence), EffectKind::HedgesG),
                    "hedges_g_paired" => (hedges_g_paired(&a, &b, confidence), EffectKind::Dz),
                    _ => (hedges_g_av(&a, &b, confidence), EffectKind::HedgesGav),
                };
                let got = got.unwrap();
                assert_eq!(got.kind, kind);
                check_effect(case, &got, &mut outcome);
            }
            "correlation" => {
                let (a, b) = sides();
                outcome.compare(case, "r", correlation(&a, &b).unwrap(), 1e-2);
            }
            "holm" => check_holm(case, &mut outcome),
            "degenerate" => check_degenerate(case, &mut outcome),
            _ => check_distribution(case, &mut outcome),
        }
    }
    for (figure, (error, name)) in &outcome.worst {
        eprintln!("{figure}: largest error {error:.1e} ({name})");
    }
    assert!(outcome.failures.is_empty(), "{}", outcome.failures.join("\n"));
}
