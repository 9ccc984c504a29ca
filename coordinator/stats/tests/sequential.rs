//! Summaries, equivalence, power, boundaries and e-values against `tests/reference/stats_sequential.py`, and published
//! figures. `SWEEPER_STATS_SEQUENTIAL_FIXTURE` names another file.
//!
//! Tolerances, relative unless a figure can pass through 0: 1e-10, for power 1e-8, for e-values 1e-11. Boundaries were
//! off by 1e-12 at most.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use serde_json::Value;
use sweeper_stats::evalue::{e_bh, e_interval, e_value, paired_e_interval, paired_e_value, two_sample_e_value};
use sweeper_stats::from_summary::*;
use sweeper_stats::power::*;
use sweeper_stats::spending::*;
use sweeper_stats::*;

fn fixture() -> Value {
    let path = std::env::var("SWEEPER_STATS_SEQUENTIAL_FIXTURE").unwrap_or_else(|_| {
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/reference/fixtures/stats_sequential_1.json").into()
    });
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))).unwrap()
}

fn cases(key: &str) -> Vec<Value> {
    fixture()[key].as_array().unwrap().clone()
}

fn number(case: &Value, key: &str) -> f64 {
    case[key].as_f64().unwrap_or_else(|| panic!("{key} of {case}"))
}

fn size(case: &Value, key: &str) -> usize {
    usize::try_from(case[key].as_u64().unwrap()).unwrap()
}

fn numbers(case: &Value, key: &str) -> Vec<f64> {
    case[key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

#[track_caller]
fn near(got: f64, want: f64, scale: f64, tolerance: f64) {
    let error = (got - want).abs() / want.abs().max(scale);
    assert!(error <= tolerance, "{got:e}, reference {want:e}, error {error:e}");
}

#[test]
fn summaries_and_equivalence_agree_with_the_libraries() {
    for case in cases("summaries") {
        let (a, b) = (numbers(&case, "a"), numbers(&case, "b"));
        let margin = number(&case, "margin");
        let (test, summarised, tost, tost_summarised) = if case["kind"] == "welch" {
            let (x, y) = (SampleStats::of(&a).unwrap(), SampleStats::of(&b).unwrap());
            near(hedges_g_from(&x, &y, 0.95).unwrap().g, hedges_g(&a, &b, 0.95).unwrap().g, 1e-3, 1e-12);
            let tosts = (tost_welch(&a, &b, margin, 0.05).unwrap(), tost_welch_from(&x, &y, margin, 0.05).unwrap());
            (welch_t(&a, &b, 0.95).unwrap(), welch_t_from(&x, &y, 0.95).unwrap(), tosts.0, tosts.1)
        } else {
            let differences: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a - b).collect();
            let d = SampleStats::of(&differences).unwrap();
            if a.len() > 2 {
                near(dz_from(&d, 0.95).unwrap().g, hedges_g_paired(&a, &b, 0.95).unwrap().g, 1e-3, 1e-12);
            }
            let interval = mean_interval_from(&d, 0.95).unwrap();
            near(interval.low, paired_t(&a, &b, 0.95).unwrap().interval.low, 1.0, 1e-12);
            let tosts = (tost_paired(&a, &b, margin, 0.05).unwrap(), tost_paired_from(&d, margin, 0.05).unwrap());
            (paired_t(&a, &b, 0.95).unwrap(), paired_t_from(&d, 0.95).unwrap(), tosts.0, tosts.1)
        };
        for test in [test, summarised] {
            near(test.statistic, number(&case, "t"), 1e-2, 1e-10);
            near(test.p_value, number(&case, "p"), 0.0, 1e-10);
            near(test.df, number(&case, "df"), 0.0, 1e-10);
        }
        for tost in [tost, tost_summarised] {
            near(tost.p_value, number(&case, "tost_p"), 0.0, 1e-10);
            near(tost.lower.p_value, number(&case, "p_lower"), 0.0, 1e-10);
            near(tost.upper.p_value, number(&case, "p_upper"), 0.0, 1e-10);
            near(tost.lower.statistic, number(&case, "t_lower"), 1e-2, 1e-10);
            near(tost.upper.statistic, number(&case, "t_upper"), 1e-2, 1e-10);
            near(tost.interval.low, number(&case, "low90"), test.standard_error, 1e-10);
            near(tost.interval.high, number(&case, "high90"), test.standard_error, 1e-10);
            near(tost.log10_p, tost.p_value.log10(), 1e-3, 1e-12);
            assert_eq!(tost.equivalent, tost.smallest_margin <= margin);
        }
    }
}

#[test]
fn power_and_sizes_agree_with_the_libraries() {
    for case in cases("powers") {
        match case["kind"].as_str().unwrap() {
            "equal" => {
                let arm = Arm { n: size(&case, "n"), sd: 1.0 };
                let got = power_welch(number(&case, "difference"), arm, arm, number(&case, "alpha")).unwrap();
                near(got, number(&case, "power"), 0.0, 1e-8);
            }
            "welch" => {
                let a = Arm { n: size(&case, "na"), sd: number(&case, "sa") };
                let b = Arm { n: size(&case, "nb"), sd: number(&case, "sb") };
                let (difference, alpha) = (number(&case, "difference"), number(&case, "alpha"));
                near(power_welch(difference, a, b, alpha).unwrap(), number(&case, "power"), 0.0, 1e-8);
                let tost = tost_power_welch(a, b, 0.3 * difference, number(&case, "margin"), alpha).unwrap();
                near(tost, number(&case, "tost"), 1e-3, 1e-8);
                let detectable = detectable_difference_welch(a, b, alpha, 0.8).unwrap();
                near(power_welch(detectable, a, b, alpha).unwrap(), 0.8, 0.0, 1e-10);
            }
            "size" => {
                let (sd, power) = (number(&case, "sd"), number(&case, "power"));
                let n = required_n_paired(number(&case, "difference"), sd, 0.05, power).unwrap();
                assert_eq!(n, size(&case, "n"), "{case}");
                let n = required_n_equivalence_paired(number(&case, "margin"), sd, 0.05, power).unwrap();
                assert_eq!(n, size(&case, "n_equivalence"), "{case}");
            }
            _ => {
                let (df, confidence) = (number(&case, "df"), number(&case, "confidence"));
                near(upper_sd(3.0, df, confidence).unwrap() / 3.0, number(&case, "factor"), 0.0, 1e-10);
            }
        }
    }
}

fn spending(case: &Value) -> Spending {
    match case["kind"].as_str().unwrap() {
        "o-brien-fleming" => Spending::OBrienFleming,
        "pocock" => Spending::Pocock,
        _ => Spending::Power { rho: number(case, "rho") },
    }
}

#[test]
fn boundaries_agree_with_brute_integration() {
    for case in cases("boundaries") {
        let (fractions, alpha, spending) = (numbers(&case, "fractions"), number(&case, "alpha"), spending(&case));
        let boundary = boundary(&fractions, alpha, &spending).unwrap();
        for ((look, z), spent) in boundary.looks.iter().zip(numbers(&case, "z")).zip(numbers(&case, "spent")) {
            near(look.z, z, 0.0, 1e-10);
            near(look.spent, spent, 0.0, 1e-10);
        }
        let crossing = boundary.crossing(number(&case, "drift")).unwrap();
        for (crossing, want) in crossing.iter().zip(case["crossing"].as_array().unwrap()) {
            near(crossing.lower, want[0].as_f64().unwrap(), 1e-3, 1e-10);
            near(crossing.upper, want[1].as_f64().unwrap(), 1e-3, 1e-10);
        }
        let stagewise = boundary.stagewise_p(size(&case, "look"), number(&case, "z_end")).unwrap();
        near(stagewise.p_value, number(&case, "stagewise"), 0.0, 1e-10);
        let seen = numbers(&case, "z_seen");
        let sequential = sequential_p(&fractions[..seen.len()], &seen, &spending).unwrap();
        near(sequential.p_value, number(&case, "sequential"), 0.0, 1e-8);
    }
}

#[test]
fn boundaries_are_the_published_ones() {
    let fractions = equal_fractions(5);
    // Programs of Reboussin, DeMets, Kim and Lan; Jennison and Turnbull (2000), table 7.
    let published = [
        (Spending::OBrienFleming, [4.877, 3.357, 2.680, 2.290, 2.031]),
        (Spending::Pocock, [2.438, 2.427, 2.410, 2.397, 2.386]),
    ];
    for (spending, z) in published {
        let boundary = boundary(&fractions, 0.05, &spending).unwrap();
        for (look, z) in boundary.looks.iter().zip(z) {
            assert!((look.z - z).abs() < 6e-4, "{spending:?} {} {z}", look.z);
        }
        near(boundary.power(0.0).unwrap(), 0.05, 0.0, 1e-10);
        near(boundary.looks[4].spent, 0.05, 0.0, 1e-15);
    }
    let single = boundary(&[1.0], 0.05, &Spending::OBrienFleming).unwrap();
    near(single.looks[0].z, 1.959_963_984_540_054, 0.0, 1e-14);
    near(single.looks[0].nominal_p, 0.05, 0.0, 1e-13);
    // O'Brien and Fleming's design of five looks needs 2.5 % more than the fixed one at power 0.8.
    let more = inflation(&fractions, 0.05, &Spending::OBrienFleming, 0.8).unwrap();
    assert!((1.02..1.03).contains(&more), "{more}");
    near(inflation(&[1.0], 0.05, &Spending::Pocock, 0.8).unwrap(), 1.0, 0.0, 1e-12);
}

#[test]
fn closed_looks_extreme_levels_and_bad_designs() {
    // At 1/1000 of the information O'Brien and Fleming's function has nothing to spend.
    let closed = boundary(&[0.001, 0.5, 1.0], 0.05, &Spending::OBrienFleming).unwrap();
    assert_eq!(closed.looks[0].z, 38.0);
    assert!(closed.looks.iter().all(|look| look.nominal_p > 0.0 && look.z.is_finite()));
    let open = boundary(&[0.5, 1.0], 0.05, &Spending::OBrienFleming).unwrap();
    near(closed.looks[2].z, open.looks[1].z, 0.0, 1e-10);
    let tiny = sequential_p(&[0.5, 1.0], &[1.0, 40.0], &Spending::Pocock).unwrap();
    assert!((tiny.log10_p + 60.0).abs() < 1e-9, "{tiny:?}");
    assert_eq!(sequential_p(&[0.5, 1.0], &[0.1, 0.1], &Spending::Pocock).unwrap().p_value, 1.0);
    for (log10_p, z) in [(0.05_f64.log10(), 1.959_963_984_540_054), (0.0, 0.0), (-400.0, 42.826_406_491_171_18)] {
        assert!((z_of_p(log10_p).unwrap() - z).abs() < 1e-12, "{log10_p} {:?}", z_of_p(log10_p));
    }
    let bad = |fractions: &[f64], alpha: f64, spending: Spending| boundary(fractions, alpha, &spending).is_err();
    assert!(bad(&[], 0.05, Spending::Pocock) && bad(&[0.5, 0.5], 0.05, Spending::Pocock));
    assert!(bad(&[0.5, 1.1], 0.05, Spending::Pocock) && bad(&[f64::NAN], 0.05, Spending::Pocock));
    assert!(bad(&[1.0], 1.0, Spending::Pocock) && bad(&[0.5], 0.05, Spending::Power { rho: -1.0 }));
    assert!(open.crossing(1e3).is_err() && open.stagewise_p(2, 1.0).is_err() && z_of_p(0.1).is_err());
}

#[test]
fn sequential_p_is_the_level_whose_boundary_is_just_reached() {
    let fractions = [0.3, 0.55, 0.8, 1.0];
    for spending in [Spending::OBrienFleming, Spending::Pocock, Spending::Power { rho: 2.0 }] {
        for (look, alpha) in [(0, 0.3), (1, 0.01), (3, 0.05 / 9.0), (2, 1e-20)] {
            let z = boundary(&fractions, alpha, &spending).unwrap().looks[look].z;
            let mut seen = vec![0.0; look + 1];
            seen[look] = -z;
            near(sequential_p(&fractions[..=look], &seen, &spending).unwrap().p_value, alpha, 0.0, 1e-10);
        }
    }
}

#[test]
fn stagewise_p_and_repeated_intervals_agree_with_the_boundary() {
    let boundary = boundary(&equal_fractions(4), 0.05, &Spending::Power { rho: 2.0 }).unwrap();
    let test = paired_t(&[1.0, 2.0, 4.0, 3.5, 2.0], &[0.5, 1.0, 1.5, 2.0, 1.9], 0.95).unwrap();
    let mut width = f64::INFINITY;
    for (k, look) in boundary.looks.iter().enumerate() {
        near(boundary.stagewise_p(k, look.z).unwrap().p_value, look.spent, 0.0, 1e-10);
        let interval = boundary.repeated_interval(k, &test).unwrap();
        assert!(interval.high - interval.low < width && interval.contains(test.difference));
        assert_eq!(test.p_value <= look.nominal_p, !interval.contains(0.0));
        width = interval.high - interval.low;
    }
}

#[test]
fn e_values_agree_with_exact_sums() {
    for case in cases("e_values") {
        let (a, b, c) = (numbers(&case, "a"), numbers(&case, "b"), number(&case, "c"));
        let logs = numbers(&case, "log10_e");
        for (n, want) in (2..).zip(&logs) {
            let got = paired_e_value(&a[..n], &b[..n], c).unwrap();
            near(got.log10_e, *want, 1e-2, 1e-11);
            let largest = logs[..n - 1].iter().copied().fold(0.0, f64::max);
            near(got.log10_max, largest, 1e-2, 1e-11);
            near(got.log10_p, -largest, 1e-2, 1e-11);
            assert!(got.max_at == 0 || (logs[got.max_at - 2] - largest).abs() < 1e-11);
        }
        let interval = paired_e_interval(&a, &b, c, 0.95);
        match case["interval95"].as_array() {
            Some(want) => {
                let (interval, se) = (interval.unwrap(), number(&case, "se"));
                near(interval.low, want[0].as_f64().unwrap(), se, 1e-10);
                near(interval.high, want[1].as_f64().unwrap(), se, 1e-10);
            }
            None => assert!(interval.is_err()),
        }
    }
}

#[test]
fn e_values_of_two_samples_and_of_degenerate_ones() {
    let (a, b) = ([3.0, 4.5, 2.0, 5.0], [1.0, 0.0, 2.5, 1.5]);
    let forward = two_sample_e_value(&a, &b, 1.0).unwrap();
    assert_eq!(forward, two_sample_e_value(&b, &a, 1.0).unwrap());
    // Gönen et al. (2005): t = 2.6854 on 6 degrees of freedom, information 2, prior variance 1.
    let t2 = welch_t(&a, &b, 0.95).unwrap().statistic.powi(2);
    let want = ((1.0 + t2 / 6.0) / (1.0 + t2 / 18.0)).powf(3.5) / 3.0_f64.sqrt();
    near(10_f64.powf(forward.log10_e), want, 0.0, 1e-12);
    assert_eq!(e_value(&[1.0, 1.0, 1.0], 1.0).unwrap_err(), Degenerate::ZeroVariance { value: 1.0 });
    assert!(matches!(e_value(&[1.0], 1.0), Err(Degenerate::TooFew { .. })));
    assert!(matches!(e_value(&[1.0, f64::NAN], 1.0), Err(Degenerate::NotFinite { index: 1 })));
    assert!(e_value(&[1.0, 2.0], 0.0).is_err() && e_interval(&[1.0, 2.0], 1.0, 0.95).is_err());
    assert!(two_sample_e_value(&[1.0, 1.0], &[2.0, 2.0], 1.0).is_err());
    // The scale does not matter, not even one whose squares overflow.
    let huge: Vec<f64> = a.iter().map(|v| v * 2_f64.powi(600)).collect();
    assert_eq!(e_value(&a, 1.0).unwrap(), e_value(&huge, 1.0).unwrap());
}

#[test]
fn e_bh_rejects_the_largest_of_the_family() {
    let logs = [Some(2.0), None, Some(0.5), Some(1.7), Some(-3.0)];
    // m = 4, alpha = 0.05: thresholds 80, 40, 26.7, 20.
    assert_eq!(e_bh(&logs, 0.05), [Some(true), None, Some(false), Some(true), Some(false)]);
    assert_eq!(e_bh(&[Some(1.31); 4], 0.05), [Some(true); 4]);
    assert_eq!(e_bh(&[Some(9.0)], 0.0), [None]);
}

/// Study A as printed, 5 epochs, 30 runs: mean and standard deviation of (balanced, perverse) by row.
fn row(figures: (f64, f64), n: usize) -> SampleStats {
    SampleStats::printed(figures.0, figures.1, n, 1).unwrap()
}

#[test]
fn a_published_table_is_tested_again() {
    let rounded = |p: f64, digits: f64, exponent: i32| (p / 10_f64.powi(exponent) - digits).abs();
    // Rows 2 and 1, balanced: "barely significant".
    let (b1, b2) = (row((84.134, 0.345), 30), row((84.568, 0.354), 30));
    let test = welch_t_from(&b2, &b1, 0.95).unwrap();
    assert!(rounded(test.p_value, 1.1, -5) < 0.05, "{}", test.p_value);
    assert!((hedges_g_from(&b2, &b1, 0.95).unwrap().g - 1.23).abs() < 0.005);
    // Rows 5 and 4: "label smoothing makes little difference".
    let (b4, b5) = (row((69.721, 0.505), 30), row((68.895, 0.537), 30));
    let (p4, p5) = (row((57.024, 0.860), 30), row((55.144, 0.900), 30));
    let (balanced, perverse) = (welch_t_from(&b5, &b4, 0.95).unwrap(), welch_t_from(&p5, &p4, 0.95).unwrap());
    assert!(rounded(balanced.p_value, 8.0, -8) < 0.5 && rounded(perverse.p_value, 2.0, -11) < 0.5);
    assert!((balanced.difference + 0.83).abs() < 0.005 && (perverse.difference + 1.88).abs() < 0.005);
    // Rows 3 and 4: "identical, which is true".
    let (b3, p3) = (row((69.544, 0.682), 30), row((56.686, 1.100), 30));
    assert!((welch_t_from(&b3, &b4, 0.95).unwrap().p_value - 0.26).abs() < 0.005);
    let tost = tost_welch_from(&b3, &b4, 0.5, 0.05).unwrap();
    assert!(tost.equivalent && (tost.p_value - 0.021).abs() < 5e-4, "{tost:?}");
    let tost = tost_welch_from(&p3, &p4, 0.5, 0.05).unwrap();
    assert!(!tost.equivalent && (tost.p_value - 0.26).abs() < 5e-3, "{tost:?}");
    let tost = tost_welch_from(&p3, &p4, 1.0, 0.05).unwrap();
    assert!(tost.equivalent && (tost.p_value - 0.006).abs() < 5e-4, "{tost:?}");
    // Rows 10 and 8, perverse: "significantly positive by 20 epochs". Rows 2 and 1 at 1 epoch: nothing shown.
    let late = welch_t_from(&row((79.090, 0.630), 15), &row((77.453, 0.871), 15), 0.95).unwrap();
    let early = welch_t_from(&row((73.606, 0.994), 30), &row((73.220, 0.787), 30), 0.95).unwrap();
    assert!(rounded(late.p_value, 3.5, -6) < 0.05 && (early.p_value - 0.10).abs() < 0.005, "{early:?}");
    let first = welch_t_from(&row((65.783, 1.216), 15), &row((65.525, 1.102), 15), 0.95).unwrap();
    assert!((first.p_value - 0.55).abs() < 0.005);
    // What 30 runs could have found, and what the printed deviation would mean with the other divisor.
    let detectable = detectable_difference_from(&b1, &b2, 0.05, 0.8).unwrap();
    assert!((0.25..0.27).contains(&detectable), "{detectable}");
    near(SampleStats::printed(1.0, 3.0, 10, 0).unwrap().sd, 3.0 * (10.0_f64 / 9.0).sqrt(), 0.0, 1e-15);
}

#[test]
fn summaries_without_a_test_say_why() {
    let zero = row((1.0, 0.0), 5);
    assert_eq!(welch_t_from(&zero, &zero, 0.95).unwrap_err(), Degenerate::ZeroVariance { value: 0.0 });
    assert_eq!(mean_interval_from(&zero, 0.95).unwrap_err(), Degenerate::ZeroVariance { value: 1.0 });
    assert!(welch_t_from(&zero, &row((1.0, 2.0), 5), 0.95).is_ok());
    for (mean, sd, n, ddof) in
        [(1.0, 1.0, 1, 1), (f64::NAN, 1.0, 5, 1), (1.0, -1.0, 5, 1), (1.0, f64::INFINITY, 5, 1), (1.0, 1.0, 5, 2)]
    {
        assert!(SampleStats::printed(mean, sd, n, ddof).is_err());
    }
    assert!(welch_t_from(&SampleStats { n: 0, mean: 1.0, sd: 1.0 }, &zero, 0.95).is_err());
    assert!(dz_from(&row((1.0, 1.0), 2), 0.95).is_err());
    near(sd_of_differences(2.0, 2.0, 0.875).unwrap(), 1.0, 0.0, 1e-15);
    assert!(sd_of_differences(1.0, 1.0, 1.5).is_err() && sd_of_differences(-1.0, 1.0, 0.0).is_err());
    // Offset 1e9 and scale 1e152 cost nothing that the summary still holds.
    let huge = |mean: f64| SampleStats { n: 8, mean: mean * 1e152, sd: 1e152 };
    near(welch_t_from(&huge(2.0), &huge(1.0), 0.95).unwrap().statistic, 2.0, 0.0, 1e-14);
}
