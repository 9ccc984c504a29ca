//! Rank tests, permutation tests, max-T, robust statistics, bootstrap and aggregates against
//! `tests/reference/stats_resampling.py`: SciPy, or arrangements counted one by one.
//!
//! Tolerance: 1e-12 relative for counted p-values (one rounding each) and figures from exact arithmetic, 1e-9 for what
//! SciPy computes; limits in units of the standard error. `SWEEPER_STATS_RESAMPLING_FIXTURE` names another file.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use serde_json::Value;
use sweeper_stats::aggregates::{
    aggregate_iqm, aggregate_iqm_difference, performance_profile, probability_of_improvement,
};
use sweeper_stats::bootstrap::{
    bootstrap_mean, bootstrap_mean_difference, bootstrap_one, bootstrap_strata, bootstrap_studentized, bootstrap_two,
};
use sweeper_stats::*;

const SIDES: [(&str, Alternative); 3] =
    [("two-sided", Alternative::TwoSided), ("greater", Alternative::Greater), ("less", Alternative::Less)];

struct Case<'a>(&'a Value);

impl Case<'_> {
    fn number(&self, path: &[&str]) -> f64 {
        let value = path.iter().fold(self.0, |value, key| &value[key]);
        value.as_f64().unwrap_or_else(|| panic!("{path:?} of {}", self.0["kind"]))
    }

    fn numbers(&self, path: &[&str]) -> Vec<f64> {
        numbers(path.iter().fold(self.0, |value, key| &value[key]))
    }

    fn lists(&self, key: &str) -> Vec<Vec<f64>> {
        self.0[key].as_array().unwrap().iter().map(numbers).collect()
    }

    fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap()
    }

    fn draws(&self) -> Draws {
        Draws { seed: 1, part: 2 }
    }

    fn resampling(&self) -> Resampling {
        let whole = |key: &str| self.0[key].as_u64().unwrap();
        Resampling { resamples: whole("resamples") as u32, seed: whole("seed"), part: whole("part") as u32 }
    }

    /// `got` is the reference at `path`, to `tolerance` of the larger of itself and `unit`.
    fn near(&self, path: &[&str], got: f64, tolerance: f64, unit: f64) {
        let want = self.number(path);
        let error = (got - want).abs() / want.abs().max(unit).max(f64::MIN_POSITIVE);
        assert!(got == want || error <= tolerance, "{path:?}: {got:e}, reference {want:e}, in {}", self.0);
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn slices(x: &[Vec<f64>]) -> Vec<&[f64]> {
    x.iter().map(Vec::as_slice).collect()
}

fn check_ranks(case: &Case, test: impl Fn(&[f64], &[f64], Alternative) -> Result<RankTest, Degenerate>) {
    let (a, b) = (case.numbers(&["a"]), case.numbers(&["b"]));
    let exact = case.0["exact"] == true;
    for (side, alternative) in SIDES {
        let got = test(&a, &b, alternative).unwrap();
        assert_eq!(got.kind == RankKind::Exact, exact, "{}", case.0);
        assert_eq!(got.statistic, case.number(&["statistic"]), "{}", case.0);
        // Counts are rounded once, there and here.
        case.near(&["p", side], got.p_value, if exact { 0.0 } else { 1e-11 }, 0.0);
        assert!((10_f64.powf(got.log10_p) / got.p_value - 1.0).abs() < 1e-12);
    }
}

fn check_permutation(
    case: &Case,
    test: impl Fn(&[f64], &[f64], Alternative, Draws) -> Result<PermutationTest, Degenerate>,
) {
    let (a, b) = (case.numbers(&["a"]), case.numbers(&["b"]));
    for (side, alternative) in SIDES {
        let got = test(&a, &b, alternative, case.draws()).unwrap();
        assert!(got.exact && got.monte_carlo_se.is_none());
        assert_eq!(got.arrangements.to_string(), case.text("arrangements"));
        case.near(&["p", side], got.p_value, 1e-15, 0.0);
    }
}

fn check_max_t(case: &Case) {
    let (configs, control) = (case.lists("configs"), case.numbers(&["control"]));
    let paired = case.text("kind") == "max-t-paired";
    let got = if paired {
        max_t_paired(&slices(&configs), &control, 0.9, case.draws()).unwrap()
    } else {
        max_t_unpaired(&slices(&configs), &control, case.draws()).unwrap()
    };
    assert!(got.exact && got.family == configs.len());
    let (raw, single, down) = (case.numbers(&["raw"]), case.numbers(&["single"]), case.numbers(&["down"]));
    for (i, comparison) in got.comparisons.iter().enumerate() {
        let comparison = comparison.as_ref().unwrap();
        let p = [comparison.p_raw, comparison.p_single_step, comparison.p_step_down];
        for (got, want) in p.iter().zip([raw[i], single[i], down[i]]) {
            assert!((got - want).abs() < 1e-12, "{got} {want} {}", case.0);
        }
        if !paired {
            continue;
        }
        let t = case.numbers(&["statistic"])[i];
        assert!((comparison.statistic - t).abs() < 1e-9 * t.abs().max(1.0));
        match (comparison.interval, case.0["critical"].as_f64()) {
            (Some(interval), Some(critical)) => {
                assert!((got.critical.unwrap() / critical - 1.0).abs() < 1e-9, "{:?} {critical}", got.critical);
                let half = critical * comparison.standard_error;
                assert!((interval.high - comparison.difference - half).abs() < 1e-9 * half);
                assert!((comparison.difference - interval.low - half).abs() < 1e-9 * half);
            }
            (interval, critical) => assert_eq!((interval.is_some(), critical.is_some()), (false, false)),
        }
    }
}

fn check_yuen(case: &Case, test: impl Fn(&[f64], &[f64], f64, f64) -> Result<TTest, Degenerate>) {
    let got = test(&case.numbers(&["a"]), &case.numbers(&["b"]), case.number(&["trim"]), 0.9).unwrap();
    let unit = case.number(&["standard_error"]);
    for (key, value, unit) in [
        ("difference", got.difference, unit),
        ("standard_error", got.standard_error, 0.0),
        ("statistic", got.statistic, 1.0),
        ("df", got.df, 0.0),
        ("log10_p", got.log10_p, 1.0),
        ("low", got.interval.low, unit),
        ("high", got.interval.high, unit),
    ] {
        case.near(&[key], value, 1e-12, unit);
    }
}

fn check_superiority(case: &Case, test: impl Fn(&[f64], &[f64], f64) -> Result<Superiority, Degenerate>) {
    let got = test(&case.numbers(&["a"]), &case.numbers(&["b"]), 0.95).unwrap();
    let inner = got.test.unwrap();
    for (key, value, unit) in [
        ("a12", got.a12, 0.0),
        ("standard_error", got.standard_error, 0.0),
        ("low", got.interval.low, 0.01),
        ("high", got.interval.high, 0.01),
        ("statistic", inner.statistic, 1.0),
        ("df", inner.df, 0.0),
        ("p", inner.p_value, 0.0),
    ] {
        case.near(&[key], value, 1e-9, unit);
    }
}

fn deviation(x: &[f64]) -> f64 {
    summary(x).unwrap().sd.unwrap()
}

fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

fn check_bootstrap(case: &Case) {
    let samples = case.lists("samples");
    let resampling = case.resampling();
    let error = case.number(&["standard_error"]);
    let compare = |method: &str, got: &BootstrapInterval| {
        case.near(&[method, "low"], got.interval.low, 1e-10, error);
        case.near(&[method, "high"], got.interval.high, 1e-10, error);
        assert!(got.low_error > 0.0 && got.high_error > 0.0 && got.low_error < error, "{got:?}");
        if method != "studentized" {
            case.near(&["standard_error"], got.standard_error, 1e-10, 0.0);
        }
    };
    for (method, kind) in [("percentile", BootstrapKind::Percentile), ("bca", BootstrapKind::Bca)] {
        let x = &samples[0];
        let (fast, general) = match case.text("statistic") {
            "mean" => {
                (Some(bootstrap_mean(x, kind, 0.9, &resampling)), bootstrap_one(x, |x| mean(x), kind, 0.9, &resampling))
            }
            "difference" => (
                Some(bootstrap_mean_difference(x, &samples[1], kind, 0.9, &resampling)),
                bootstrap_two(x, &samples[1], |x, y| mean(x) - mean(y), kind, 0.9, &resampling),
            ),
            "deviation" => (None, bootstrap_one(x, |x| deviation(x), kind, 0.9, &resampling)),
            _ => (None, bootstrap_two(x, &samples[1], |x, y| mean(x) / mean(y), kind, 0.9, &resampling)),
        };
        for got in fast.into_iter().chain([general]) {
            compare(method, &got.unwrap());
        }
    }
    let kind = BootstrapKind::Studentized;
    match case.text("statistic") {
        "mean" => {
            compare("studentized", &bootstrap_mean(&samples[0], kind, 0.9, &resampling).unwrap());
            let with_error = |x: &mut [f64]| (mean(x), deviation(x) / (x.len() as f64).sqrt());
            compare("studentized", &bootstrap_studentized(&samples[0], with_error, 0.9, &resampling).unwrap());
        }
        "difference" => {
            let got = bootstrap_mean_difference(&samples[0], &samples[1], kind, 0.9, &resampling).unwrap();
            compare("studentized", &got);
        }
        _ => assert!(bootstrap_one(&samples[0], |x| mean(x), kind, 0.9, &resampling).is_err()),
    }
}

fn check_aggregate(case: &Case) {
    let (a, b) = (case.lists("a"), case.lists("b"));
    let seeds = if case.0["paired"] == true { Seeds::WithinTasks } else { Seeds::Own };
    let levels = if case.text("levels") == "runs" { Levels::Runs } else { Levels::RunsThenTasks };
    let resampling = case.resampling();
    let compare = |name: &str, method: &str, got: BootstrapInterval| {
        case.near(&[name, "estimate"], got.estimate, 1e-12, 1.0);
        let want = case.numbers(&[name, method]);
        for (got, want) in [got.interval.low, got.interval.high].into_iter().zip(want) {
            assert!((got - want).abs() < 1e-10, "{name} {method}: {got} {want}");
        }
    };
    let iqm_of = |tasks: &[Vec<Vec<f64>>], config: usize| {
        iqm(&tasks.iter().flat_map(|task| task[config].clone()).collect::<Vec<f64>>()).unwrap()
    };
    let both: Vec<Vec<Vec<f64>>> = a.iter().zip(&b).map(|(a, b)| vec![a.clone(), b.clone()]).collect();
    for (method, kind) in [("percentile", BootstrapKind::Percentile), ("bca", BootstrapKind::Bca)] {
        let difference = aggregate_iqm_difference(&a, &b, seeds, levels, kind, 0.9, &resampling);
        compare("difference", method, difference.unwrap());
        let general = |tasks: &[Vec<Vec<f64>>]| iqm_of(tasks, 0) - iqm_of(tasks, 1);
        compare("difference", method, bootstrap_strata(&both, seeds, levels, general, kind, 0.9, &resampling).unwrap());
        let improvement = probability_of_improvement(&a, &b, seeds, levels, kind, 0.9, &resampling);
        compare("improvement", method, improvement.unwrap());
    }
    compare(
        "iqm",
        "percentile",
        aggregate_iqm(&a, Seeds::Own, levels, BootstrapKind::Percentile, 0.9, &resampling).unwrap(),
    );
    let thresholds = case.numbers(&["profile", "thresholds"]);
    for (simultaneous, low, high) in [(false, "low", "high"), (true, "wide_low", "wide_high")] {
        let got = performance_profile(&a, &thresholds, Seeds::Own, levels, simultaneous, 0.9, &resampling).unwrap();
        for (i, point) in got.points.iter().enumerate() {
            let want = |key: &str| case.numbers(&["profile", key])[i];
            for (got, want) in [(point.share, want("share")), (point.low, want(low)), (point.high, want(high))] {
                assert!((got - want).abs() < 1e-10, "{got} {want}");
            }
        }
    }
}

#[test]
fn every_figure_meets_its_reference() {
    let path = std::env::var("SWEEPER_STATS_RESAMPLING_FIXTURE").unwrap_or_else(|_| {
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/reference/fixtures/stats_resampling_1.json").into()
    });
    let file: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert!(cases.len() > 80, "{}", cases.len());
    for case in cases.iter().map(Case) {
        match case.text("kind") {
            "mann-whitney" => check_ranks(&case, mann_whitney),
            "wilcoxon" => check_ranks(&case, wilcoxon),
            "label-permutation" => check_permutation(&case, label_permutation),
            "sign-flip" => check_permutation(&case, sign_flip),
            "max-t-paired" | "max-t-unpaired" => check_max_t(&case),
            "yuen" => check_yuen(&case, yuen),
            "yuen-paired" => check_yuen(&case, yuen_paired),
            "iqm" => case.near(&["iqm"], iqm(&case.numbers(&["a"])).unwrap(), 1e-14, 0.0),
            "superiority" => check_superiority(&case, superiority),
            "superiority-paired" => check_superiority(&case, superiority_paired),
            "dominance" => {
                let (a, b) = (case.numbers(&["a"]), case.numbers(&["b"]));
                case.near(&["violation"], violation(&a, &b).unwrap(), 1e-12, 0.0);
            }
            "bootstrap" => check_bootstrap(&case),
            "aggregate" => check_aggregate(&case),
            other => panic!("unknown kind {other}"),
        }
    }
}
