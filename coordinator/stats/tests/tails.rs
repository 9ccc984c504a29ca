//! Tails, quantiles, adjustments and comparisons of several groups against references that
//! `tests/reference/stats_tails.py` computed with 25 digits and more.
//!
//! Tolerance: 1e-12 relative for closed distributions, 1e-11 for the nested integrals (the product promises 1e-9),
//! 1e-7 for intervals that SciPy computed. `SWEEPER_STATS_TAILS_FIXTURE` names another file.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use serde_json::Value;
use sweeper_stats::distributions::*;
use sweeper_stats::many::pairs;
use sweeper_stats::*;

/// Of closed distributions.
const CLOSED: f64 = 1e-12;
/// Of nested integrals.
const NESTED: f64 = 1e-12;
/// Below this a double has lost digits, and the logarithm is compared alone.
const SMALLEST_COMPARED_P: f64 = 1e-300;

struct Case {
    kind: String,
    name: String,
    input: BTreeMap<String, String>,
    expected: BTreeMap<String, String>,
}

fn parse(text: &str) -> f64 {
    text.parse().unwrap_or_else(|_| panic!("not a number: {text}"))
}

impl Case {
    fn number(&self, key: &str) -> f64 {
        parse(&self.input[key])
    }

    fn count(&self, key: &str) -> u64 {
        self.input[key].parse().unwrap()
    }

    fn numbers(&self, key: &str) -> Vec<f64> {
        self.input[key].split_whitespace().map(parse).collect()
    }

    fn wanted(&self, key: &str) -> f64 {
        parse(&self.expected[key])
    }

    fn groups(&self) -> Vec<Vec<f64>> {
        self.input.keys().map(|key| self.numbers(key)).collect()
    }
}

/// Failures with the largest relative error seen, so that one run shows them all.
#[derive(Default)]
struct Outcome {
    failures: Vec<String>,
    worst: BTreeMap<String, (f64, String)>,
}

impl Outcome {
    fn compare(&mut self, case: &Case, key: &str, got: f64, tolerance: f64) {
        self.compare_with_unit(case, key, got, tolerance, 0.0);
    }

    fn compare_with_unit(&mut self, case: &Case, key: &str, got: f64, tolerance: f64, unit: f64) {
        let want = case.wanted(key);
        let error = if got == want { 0.0 } else { (got - want).abs() / want.abs().max(unit) };
        if error.is_nan() || error > tolerance {
            self.failures.push(format!("{} / {}: {key} is {got:e}, reference {want:e}", case.kind, case.name));
        }
        let field = key.rsplit(' ').next().unwrap();
        let worst = self.worst.entry(format!("{} {field}", case.kind)).or_default();
        if error > worst.0 {
            *worst = (error, case.name.clone());
        }
    }

    fn tail(&mut self, case: &Case, key: &str, got: Tail, tolerance: f64) {
        // A probability next to 1 has a logarithm next to 0, which only the complement tells to all digits.
        self.compare_with_unit(case, &format!("log10_{key}"), got.log10_p, tolerance, 1e-3);
        if case.wanted(key) > SMALLEST_COMPARED_P {
            self.compare(case, key, got.p, tolerance);
        }
    }
}

fn load() -> Vec<Case> {
    let path = std::env::var("SWEEPER_STATS_TAILS_FIXTURE").unwrap_or_else(|_| {
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/reference/fixtures/stats_tails_1.json").into()
    });
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

fn check_closed(case: &Case, outcome: &mut Outcome) -> Result<bool, Degenerate> {
    let n = |key: &str| case.number(key);
    match case.kind.as_str() {
        "f" => {
            outcome.tail(case, "lower", f_lower_tail(n("f"), n("df1"), n("df2"))?, CLOSED);
            outcome.tail(case, "upper", f_upper_tail(n("f"), n("df1"), n("df2"))?, CLOSED);
        }
        "f_quantile" => {
            outcome.compare(case, "lower", f_quantile(n("p"), n("df1"), n("df2"))?, CLOSED);
            outcome.compare(case, "upper", f_upper_quantile(n("p"), n("df1"), n("df2"))?, CLOSED);
        }
        "chi_squared" => {
            outcome.tail(case, "lower", chi_squared_lower_tail(n("x"), n("df"))?, CLOSED);
            outcome.tail(case, "upper", chi_squared_upper_tail(n("x"), n("df"))?, CLOSED);
        }
        "chi_squared_quantile" => {
            outcome.compare(case, "lower", chi_squared_quantile(n("p"), n("df"))?, CLOSED);
            outcome.compare(case, "upper", chi_squared_upper_quantile(n("p"), n("df"))?, CLOSED);
        }
        "normal" => {
            outcome.tail(case, "upper", normal_upper_tail(n("z"))?, CLOSED);
            outcome.tail(case, "two_sided", normal_two_sided(n("z"))?, CLOSED);
        }
        "normal_quantile" => {
            outcome.compare(case, "upper", normal_upper_quantile(n("p"))?, CLOSED);
            assert_eq!(normal_quantile(n("p"))?, -normal_upper_quantile(n("p"))?);
        }
        "student" => outcome.tail(case, "upper", student_t_upper_tail(n("t"), n("df"))?, CLOSED),
        "beta" => {
            outcome.tail(case, "lower", beta_lower_tail(n("x"), n("a"), n("b"))?, CLOSED);
            outcome.tail(case, "upper", beta_upper_tail(n("x"), n("a"), n("b"))?, CLOSED);
        }
        "noncentral_f" => {
            outcome.compare(case, "cdf", noncentral_f_cdf(n("f"), n("df1"), n("df2"), n("ncp"))?, CLOSED);
            outcome.compare(case, "sf", noncentral_f_sf(n("f"), n("df1"), n("df2"), n("ncp"))?, CLOSED);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn check_discrete(case: &Case, outcome: &mut Outcome) -> Result<bool, Degenerate> {
    let n = |key: &str| case.count(key);
    let (pmf, most, least) = match case.kind.as_str() {
        "binomial" => {
            let (k, trials, p) = (n("k"), n("n"), case.number("p"));
            (binomial_pmf(k, trials, p)?, binomial_at_most(k, trials, p)?, binomial_at_least(k, trials, p)?)
        }
        "hypergeometric" => {
            let urn = Urn { population: n("population"), successes: n("successes"), draws: n("draws") };
            (urn.pmf(n("k"))?, urn.at_most(n("k"))?, urn.at_least(n("k"))?)
        }
        _ => return Ok(false),
    };
    for (key, got) in [("pmf", pmf), ("most", most), ("least", least)] {
        outcome.tail(case, key, got, CLOSED);
    }
    Ok(true)
}

fn check_nested(case: &Case, outcome: &mut Outcome) -> Result<bool, Degenerate> {
    match case.kind.as_str() {
        "studentized_range" => {
            let (q, groups, df) = (case.number("q"), case.count("groups") as usize, case.number("df"));
            let got = studentized_range_upper_tail(q, groups, df)?;
            outcome.tail(case, "upper", got, NESTED);
            if got.p > SMALLEST_COMPARED_P && got.p < 0.9 {
                let back = studentized_range_upper_quantile(got.p, groups, df)?;
                assert!((back / q - 1.0).abs() < NESTED, "{}: {back} {q}", case.name);
            }
        }
        "dunnett" => {
            let (c, lambdas, df) = (case.number("c"), case.numbers("lambdas"), case.number("df"));
            let sides = if case.count("two_sided") == 1 { Sides::Two } else { Sides::One };
            let got = dunnett_upper_tail(c, &lambdas, df, sides)?;
            outcome.tail(case, "upper", got, NESTED);
            if got.p > SMALLEST_COMPARED_P && got.p < 0.9 && c > 0.0 {
                let back = dunnett_upper_quantile(got.p, &lambdas, df, sides)?;
                assert!((back / c - 1.0).abs() < NESTED, "{}: {back} {c}", case.name);
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn check_family(case: &Case, outcome: &mut Outcome) {
    let data = case.groups();
    let groups: Vec<&[f64]> = data.iter().map(Vec::as_slice).collect();
    let tukey = tukey_kramer(&groups, 0.95).unwrap();
    outcome.compare(case, "df", tukey.df, CLOSED);
    outcome.compare(case, "pooled_sd", tukey.pooled_sd, CLOSED);
    let games = games_howell(&groups, 0.95);
    assert_eq!(games.is_ok(), data.iter().all(|g| g.len() > 1), "{}", case.name);
    for (index, (i, j)) in pairs(groups.len()).enumerate() {
        let key = |method: &str, what: &str| format!("{method} {i} {j} {what}");
        let pair = &tukey.comparisons[index];
        assert_eq!((pair.first, pair.second), (i, j));
        let check_interval = |outcome: &mut Outcome, method: &str, pair: &Comparison| {
            for (what, limit) in [("low", pair.interval.low), ("high", pair.interval.high)] {
                if case.expected.contains_key(&key(method, what)) {
                    outcome.compare_with_unit(case, &key(method, what), limit, 1e-7, pair.standard_error);
                }
            }
            let q = std::f64::consts::SQRT_2 * pair.statistic.abs();
            let tail = studentized_range_upper_tail(q, groups.len(), pair.df).unwrap();
            assert_eq!((tail.p, tail.log10_p), (pair.p_value, pair.log10_p));
        };
        outcome.compare_with_unit(case, &key("tukey", "difference"), pair.difference, CLOSED, pair.standard_error);
        outcome.compare(case, &key("tukey", "se"), pair.standard_error, CLOSED);
        outcome.compare_with_unit(case, &key("tukey", "t"), pair.statistic, CLOSED, 1.0);
        check_interval(outcome, "tukey", pair);
        let Some(Ok(pair)) = games.as_ref().ok().map(|games| &games[index]) else { continue };
        outcome.compare(case, &key("games", "se"), pair.standard_error, CLOSED);
        outcome.compare(case, &key("games", "df"), pair.df, CLOSED);
        outcome.compare_with_unit(case, &key("games", "t"), pair.statistic, CLOSED, 1.0);
        check_interval(outcome, "games", pair);
    }
    let welch = welch_anova(&groups);
    assert_eq!(welch.is_ok(), case.expected.contains_key("welch_f"), "{}", case.name);
    if let Ok(welch) = welch {
        outcome.compare(case, "welch_f", welch.statistic, CLOSED);
        outcome.compare(case, "welch_df", welch.df_within, CLOSED);
        outcome.compare(case, "welch_log10_p", welch.log10_p, 1e-11);
    }
}

fn check_dunnett_test(case: &Case, outcome: &mut Outcome) {
    let data = case.groups();
    let groups: Vec<&[f64]> = data.iter().map(Vec::as_slice).collect();
    let family = dunnett(&groups, 0, 0.95).unwrap();
    for (i, pair) in family.comparisons.iter().enumerate() {
        assert_eq!((pair.first, pair.second), (i + 1, 0));
        outcome.compare(case, &format!("{i} t"), pair.statistic, CLOSED);
        outcome.compare(case, &format!("{i} p"), pair.p_value, NESTED);
        outcome.compare(case, &format!("{i} log10_p"), pair.log10_p, NESTED);
    }
}

fn check_multiplicity(case: &Case, outcome: &mut Outcome) {
    let read = |text: &str| -> Vec<Option<f64>> {
        text.split_whitespace().map(|word| (word != "-").then(|| parse(word))).collect()
    };
    type Adjust = fn(&[Option<f64>]) -> Vec<Option<f64>>;
    let methods: [(&str, Adjust, Adjust); 4] = [
        ("bonferroni", bonferroni, bonferroni_log10),
        ("hochberg", hochberg, hochberg_log10),
        ("bh", benjamini_hochberg, benjamini_hochberg_log10),
        ("by", benjamini_yekutieli, benjamini_yekutieli_log10),
    ];
    let p = read(&case.input["p"]);
    let logs: Vec<Option<f64>> = p.iter().map(|p| p.map(f64::log10)).collect();
    for (name, plain, log10) in methods {
        let want = read(&case.expected[name]);
        let check = |outcome: &mut Outcome, got: Vec<Option<f64>>, form: &str| {
            assert_eq!(got.len(), want.len());
            for (got, want) in got.into_iter().zip(&want) {
                let close = match (got, want) {
                    (Some(got), Some(want)) => (got - want).abs() <= CLOSED * want,
                    (got, want) => got == *want,
                };
                if !close {
                    outcome.failures.push(format!("{name} {form} / {}: {got:?}, reference {want:?}", case.name));
                }
            }
        };
        check(outcome, plain(&p), "plain");
        // The logarithm of 0 is in no family, and a subnormal number has lost digits.
        if p.iter().flatten().all(|&p| p > SMALLEST_COMPARED_P || p.is_nan()) {
            let powers = log10(&logs).into_iter().map(|v| v.map(|v| 10_f64.powf(v))).collect();
            check(outcome, powers, "log10");
        }
    }
}

#[test]
fn every_figure_meets_its_reference() {
    let cases = load();
    assert!(cases.len() >= 200, "{} cases", cases.len());
    let mut outcome = Outcome::default();
    for case in &cases {
        match case.kind.as_str() {
            "family" => check_family(case, &mut outcome),
            "dunnett_test" => check_dunnett_test(case, &mut outcome),
            "multiplicity" => check_multiplicity(case, &mut outcome),
            _ => {
                let done = [check_closed, check_discrete, check_nested].iter().any(|check| {
                    check(case, &mut outcome).unwrap_or_else(|e| panic!("{} / {}: {e}", case.kind, case.name))
                });
                assert!(done, "unknown kind {}", case.kind);
            }
        }
    }
    for (key, (error, name)) in &outcome.worst {
        eprintln!("{key:30} {error:.1e}  {name}");
    }
    assert!(outcome.failures.is_empty(), "{} failures:\n{}", outcome.failures.len(), outcome.failures.join("\n"));
}
