//! Laws of rank tests, permutation tests, max-T, bootstrap and aggregates for any data; error rates and coverage by
//! simulation at fixed seeds; equal bytes on any number of threads.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::slice::from_ref;

use proptest::collection::vec;
use proptest::prelude::*;
use statrs::distribution::{Binomial, DiscreteCDF, Hypergeometric};
use sweeper_counter::Stream;
use sweeper_stats::aggregates::{
    aggregate_iqm, aggregate_iqm_difference, performance_profile, probability_of_improvement,
};
use sweeper_stats::bootstrap::{
    bootstrap_mean, bootstrap_mean_difference, bootstrap_one, bootstrap_paired_difference, bootstrap_strata,
};
use sweeper_stats::*;

const DRAWS: Draws = Draws { seed: 3, part: 4 };
const BOTH: Alternative = Alternative::TwoSided;

/// Values on a coarse grid, so that ties are frequent and shifts and scalings by powers of two exact.
fn values(n: usize) -> impl Strategy<Value = Vec<f64>> {
    vec((-40_i32..40).prop_map(|v| f64::from(v) / 16.0), n)
}

fn pairs() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    (2_usize..9).prop_flat_map(|n| (values(n), values(n)))
}

fn slices(x: &[Vec<f64>]) -> Vec<&[f64]> {
    x.iter().map(Vec::as_slice).collect()
}

/// All p-values of two samples, where they have any.
fn p_values(a: &[f64], b: &[f64]) -> Vec<Option<f64>> {
    let mut p = Vec::new();
    for side in [BOTH, Alternative::Greater, Alternative::Less] {
        p.push(mann_whitney(a, b, side).ok().map(|t| t.p_value));
        p.push(label_permutation(a, b, side, DRAWS).ok().map(|t| t.p_value));
        if a.len() == b.len() {
            p.push(wilcoxon(a, b, side).ok().map(|t| t.p_value));
            p.push(sign_flip(a, b, side, DRAWS).ok().map(|t| t.p_value));
        }
    }
    p
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn p_values_do_not_see_shift_scale_or_order(
        (a, b) in pairs(),
        shift in -1_000_000_i32..1_000_000,
        exponent in -500_i32..500,
        turn in 0_usize..9,
    ) {
        let factor = 2_f64.powi(exponent);
        let moved = |x: &[f64]| -> Vec<f64> {
            let mut x: Vec<f64> = x.iter().map(|v| (v + f64::from(shift)) * factor).collect();
            let n = x.len();
            x.rotate_left(turn % n);
            x
        };
        prop_assert_eq!(p_values(&a, &b), p_values(&moved(&a), &moved(&b)));
        let family = |x: &[f64], y: &[f64]| {
            let third: Vec<f64> = x.iter().rev().copied().collect();
            let both = max_t_unpaired(&[x, &third], y, DRAWS).unwrap();
            both.comparisons.iter().map(|c| c.as_ref().ok().map(|c| c.p_step_down)).collect::<Vec<_>>()
        };
        if a.len() < 4 {
            let unmoved = |x: &[f64]| -> Vec<f64> { x.iter().map(|v| (v + f64::from(shift)) * factor).collect() };
            prop_assert_eq!(family(&a, &b), family(&unmoved(&a), &unmoved(&b)));
        }
    }

    #[test]
    fn exchanging_the_samples_exchanges_the_sides((a, b) in pairs()) {
        prop_assert_eq!(
            mann_whitney(&a, &b, Alternative::Greater).ok().map(|t| t.p_value),
            mann_whitney(&b, &a, Alternative::Less).ok().map(|t| t.p_value)
        );
        prop_assert_eq!(
            label_permutation(&a, &b, Alternative::Less, DRAWS).ok().map(|t| t.p_value),
            label_permutation(&b, &a, Alternative::Greater, DRAWS).ok().map(|t| t.p_value)
        );
        prop_assert_eq!(
            sign_flip(&a, &b, Alternative::Less, DRAWS).ok().map(|t| t.p_value),
            sign_flip(&b, &a, Alternative::Greater, DRAWS).ok().map(|t| t.p_value)
        );
        for test in [superiority, superiority_paired] {
            if let (Ok(ab), Ok(ba)) = (test(&a, &b, 0.9), test(&b, &a, 0.9)) {
                prop_assert!((ab.a12 + ba.a12 - 1.0).abs() < 1e-15);
                prop_assert!((ab.interval.low + ba.interval.high - 1.0).abs() < 1e-12);
                prop_assert!((0.0..=1.0).contains(&ab.interval.low) && ab.interval.contains(ab.a12));
            }
        }
    }

    #[test]
    fn a_larger_difference_is_not_less_significant((a, b) in pairs(), more in 1_i32..50) {
        let above: Vec<f64> = a.iter().map(|v| v + f64::from(more)).collect();
        let side = Alternative::Greater;
        let p = |a: &[f64]| [mann_whitney(a, &b, side).ok(), wilcoxon(a, &b, side).ok()].map(|t| t.map(|t| t.p_value));
        for (before, after) in p(&a).into_iter().zip(p(&above)) {
            if let (Some(before), Some(after)) = (before, after) {
                prop_assert!(after <= before, "{after} {before}");
            }
        }
    }

    #[test]
    fn adjusted_p_values_are_ordered(
        (control, configs) in (3_usize..9).prop_flat_map(|n| (values(n), vec(values(n), 1..6))),
    ) {
        let paired = max_t_paired(&slices(&configs), &control, 0.9, DRAWS).unwrap();
        let mut families = vec![paired];
        if control.len() < 5 && configs.len() < 3 {
            families.push(max_t_unpaired(&slices(&configs), &control, DRAWS).unwrap());
        }
        for family in families {
            let members: Vec<_> = family.comparisons.iter().flatten().collect();
            prop_assert_eq!(members.len(), family.family);
            prop_assert!(family.exact);
            for x in &members {
                prop_assert!(0.0 < x.p_raw && x.p_raw <= x.p_step_down && x.p_step_down <= x.p_single_step);
                prop_assert!(x.p_single_step <= 1.0);
                let ordered =
                    |y: &&MaxTComparison| x.statistic.abs() < y.statistic.abs() || x.p_step_down <= y.p_step_down;
                prop_assert!(members.iter().all(ordered));
            }
        }
    }

    #[test]
    fn one_comparison_needs_no_adjustment((a, b) in pairs()) {
        let family = max_t_paired(&[&a], &b, 0.9, DRAWS).unwrap();
        if let Ok(x) = &family.comparisons[0] {
            let alone = sign_flip(&a, &b, BOTH, DRAWS).unwrap().p_value;
            prop_assert_eq!([x.p_raw, x.p_step_down, x.p_single_step], [alone; 3]);
        }
    }

    #[test]
    fn nothing_but_a_value_or_a_reason(a in vec(any::<f64>(), 0..6), b in vec(any::<f64>(), 0..6), c in any::<f64>()) {
        let p = p_values(&a, &b);
        prop_assert!(p.iter().flatten().all(|p| 0.0 < *p && *p <= 1.0), "{:?}", p);
        for test in [yuen, yuen_paired] {
            for (trim, confidence) in [(0.2, 0.95), (c, 0.95), (0.2, c), (0.5_f64.next_down(), 0.95)] {
                if let Ok(t) = test(&a, &b, trim, confidence) {
                    prop_assert!([t.difference, t.statistic, t.interval.low, t.interval.high, t.log10_p].iter().all(|v| v.is_finite()));
                }
            }
        }
        for test in [superiority, superiority_paired] {
            if let Ok(s) = test(&a, &b, 0.95) {
                prop_assert!(0.0 <= s.interval.low && s.interval.low <= s.a12 && s.a12 <= s.interval.high && s.interval.high <= 1.0);
            }
        }
        let resampling = Resampling { resamples: 100, seed: 1, part: 0 };
        for kind in [BootstrapKind::Percentile, BootstrapKind::Bca, BootstrapKind::Studentized] {
            for got in [
                bootstrap_mean(&a, kind, 0.9, &resampling),
                bootstrap_mean_difference(&a, &b, kind, 0.9, &resampling),
                bootstrap_paired_difference(&a, &b, kind, 0.9, &resampling),
                aggregate_iqm(&[a.clone(), b.clone()], Seeds::Own, Levels::RunsThenTasks, kind, 0.9, &resampling),
                probability_of_improvement(from_ref(&a), from_ref(&b), Seeds::Own, Levels::Runs, kind, 0.9, &resampling),
            ].into_iter().flatten() {
                let figures = [got.estimate, got.interval.low, got.interval.high, got.standard_error, got.low_error, got.high_error];
                prop_assert!(figures.iter().all(|v| v.is_finite()), "{:?}", got);
                prop_assert!(got.interval.low <= got.interval.high, "{:?}", got);
            }
        }
        let outcomes = [max_t_paired(&[&a], &b, 0.9, DRAWS), max_t_unpaired(&[&a], &b, DRAWS)];
        for member in outcomes.iter().flatten().flat_map(|family| family.comparisons.iter().flatten()) {
            prop_assert!(member.statistic.is_finite() && member.p_step_down > 0.0);
        }
    }
}

#[test]
fn refusals_name_their_reason() {
    let flat = [2.0; 4];
    let zero = Degenerate::ZeroVariance { value: 0.0 };
    assert_eq!(mann_whitney(&flat, &flat, BOTH), Err(zero.clone()));
    assert_eq!(wilcoxon(&flat, &flat, BOTH), Err(zero.clone()));
    assert_eq!(label_permutation(&flat, &flat, BOTH, DRAWS), Err(zero.clone()));
    assert_eq!(sign_flip(&flat, &flat, BOTH, DRAWS), Err(zero));
    assert_eq!(mann_whitney(&[1.0], &flat, BOTH), Err(Degenerate::TooFew { n: 1, needed: 2 }));
    assert_eq!(wilcoxon(&flat, &flat[1..], BOTH), Err(Degenerate::LengthMismatch { a: 4, b: 3 }));
    assert_eq!(mann_whitney(&[1.0, f64::NAN], &flat, BOTH), Err(Degenerate::NotFinite { index: 1 }));
    let resampling = Resampling::default();
    let percentile = BootstrapKind::Percentile;
    assert_eq!(bootstrap_mean(&flat, percentile, 0.95, &resampling), Err(Degenerate::ZeroVariance { value: 2.0 }));
    assert!(bootstrap_mean(&[1.0, 2.0], percentile, 0.95, &Resampling { resamples: 99, ..resampling }).is_err());
    assert!(bootstrap_one(&[1.0, 2.0, 3.0], |_| f64::NAN, percentile, 0.95, &resampling).is_err());
    // A comparison that says nothing leaves its family; the others stay.
    let control = [0.1, 0.4, 0.2, 0.7];
    let shifted = control.map(|v| v + 0.1);
    let family = max_t_paired(&[&shifted, &[0.9, 0.3, 0.5, 0.8]], &control, 0.9, DRAWS).unwrap();
    assert!(matches!(family.comparisons[0], Err(Degenerate::ZeroVariance { value }) if (value - 0.1).abs() < 1e-15));
    assert!(family.comparisons[1].is_ok() && family.family == 1);
}

/// Decimal differences that are equal, or opposite, on paper but not in binary are ties.
#[test]
fn decimal_ties_are_ties() {
    let a = [0.3, 0.5, 0.9, 0.2, 0.8];
    let b = [0.2, 0.4, 0.8, 0.3, 0.7];
    let got = wilcoxon(&a, &b, BOTH).unwrap();
    assert!(got.ties && got.statistic == 12.0 && (got.p_value - 12.0 / 32.0).abs() < 1e-15, "{got:?}");
    assert!((sign_flip(&a, &b, BOTH, DRAWS).unwrap().p_value - 12.0 / 32.0).abs() < 1e-15);
}

#[test]
fn complete_separation_has_a_bound_and_no_test() {
    let (low, high) = ([1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0]);
    let tests = [superiority(&high, &low, 0.95).unwrap(), superiority_paired(&high, &low[..4], 0.95).unwrap()];
    // Of four pairs of values; of two, where values of a pair may depend on each other.
    for (test, pairs) in tests.into_iter().zip([4.0, 2.0]) {
        assert_eq!((test.a12, test.interval.high, test.test), (1.0, 1.0, None));
        assert!((test.interval.low - 0.025_f64.powf(1.0 / pairs)).abs() < 1e-15);
    }
    let other = superiority(&low, &high, 0.95).unwrap();
    assert_eq!((other.a12, other.interval.low), (0.0, 0.0));
}

#[test]
fn leaving_a_run_out_shows_who_decides() {
    let a = [5.3, 5.4, 5.2, 5.5, 5.35];
    let b = [5.0, 5.05, 4.95, 5.1, 6.5];
    let test = |a: &[f64], b: &[f64]| welch_t(a, b, 0.95).map(|t| t.p_value);
    let outcome = leave_one_out(&a, &b, 0.05, test).unwrap();
    assert_eq!(outcome.omissions.len(), 10);
    assert_eq!(outcome.flips().collect::<Vec<_>>(), [Omitted::Second(4)]);
    let paired = |a: &[f64], b: &[f64]| paired_t(a, b, 0.95).map(|t| t.p_value);
    let outcome = leave_one_pair_out(&a, &b, 0.05, paired).unwrap();
    assert_eq!(outcome.flips().collect::<Vec<_>>(), [Omitted::Pair(4)]);
    let refused = leave_one_pair_out(&[1.0, 2.0], &[0.0, 0.5], 0.05, paired).unwrap();
    assert!(refused.omissions.iter().all(|o| !o.flips && o.p_value == Err(Degenerate::TooFew { n: 1, needed: 2 })));
}

/// 0/1 data have known distributions: random arrangements must come near them.
#[test]
fn random_arrangements_come_near_the_exact_p() {
    let ones = |n: usize, ones: usize| -> Vec<f64> { (0..n).map(|i| f64::from(u8::from(i < ones))).collect() };
    let (a, b) = (ones(40, 24), ones(50, 18));
    let got = label_permutation(&a, &b, Alternative::Greater, DRAWS).unwrap();
    let exact = Hypergeometric::new(90, 42, 40).unwrap().sf(23);
    assert!(!got.exact && (got.p_value - exact).abs() < 4.0 * got.monte_carlo_se.unwrap(), "{} {exact}", got.p_value);
    let differences: Vec<f64> = (0..40).map(|i| if i < 27 { 1.0 } else { -1.0 }).collect();
    let got = sign_flip(&differences, &[0.0; 40], BOTH, DRAWS).unwrap();
    let exact = 2.0 * Binomial::new(0.5, 40).unwrap().sf(26);
    assert!(!got.exact && (got.p_value - exact).abs() < 4.0 * got.monte_carlo_se.unwrap(), "{} {exact}", got.p_value);
    // More replicates than a family enumerates, fewer than a single test does.
    let a = Stream::new(5, 77_u32, 0).normals(24);
    let b: Vec<f64> = Stream::new(5, 77_u32, 1).normals(24).iter().map(|v| v - 0.5).collect();
    let exact = sign_flip(&a, &b, BOTH, DRAWS).unwrap();
    let family = max_t_paired(&[&a], &b, 0.95, DRAWS).unwrap();
    let drawn = family.comparisons[0].as_ref().unwrap();
    assert!(exact.exact && !family.exact);
    assert!((drawn.p_raw - exact.p_value).abs() < 4.0 * drawn.monte_carlo_se.unwrap(), "{drawn:?} {exact:?}");
}

/// Normals of simulation round `round`.
fn normals(round: u64, part: u32, n: usize) -> Vec<f64> {
    Stream::new(round, 77_u32, part).normals(n)
}

fn share(rounds: u64, holds: impl Fn(u64) -> bool) -> f64 {
    (0..rounds).filter(|&round| holds(round)).count() as f64 / rounds as f64
}

/// `rate` is at most `level` to within four standard errors.
fn at_most(level: f64, rate: f64, rounds: u64) -> bool {
    rate <= level + 4.0 * (level * (1.0 - level) / rounds as f64).sqrt()
}

#[test]
fn exact_tests_reject_no_more_than_they_say() {
    let rounds = 4_000;
    // Rounded to one decimal, so that ties are frequent.
    let coarse =
        |round, part, n| -> Vec<f64> { normals(round, part, n).iter().map(|v| (v * 3.0).round() / 10.0).collect() };
    type Test<'a> = &'a dyn Fn(&[f64], &[f64]) -> Result<f64, Degenerate>;
    let rate = |test: Test, n: usize, m: usize| {
        share(rounds, |round| test(&coarse(round, 0, n), &coarse(round, 1, m)).is_ok_and(|p| p <= 0.05))
    };
    for side in [BOTH, Alternative::Greater, Alternative::Less] {
        let rates = [
            rate(&|a, b| mann_whitney(a, b, side).map(|t| t.p_value), 6, 8),
            rate(&|a, b| label_permutation(a, b, side, DRAWS).map(|t| t.p_value), 6, 8),
            rate(&|a, b| wilcoxon(a, b, side).map(|t| t.p_value), 9, 9),
            rate(&|a, b| sign_flip(a, b, side, DRAWS).map(|t| t.p_value), 9, 9),
        ];
        assert!(rates.iter().all(|&rate| at_most(0.05, rate, rounds) && rate > 0.02), "{side:?} {rates:?}");
    }
}

/// Five configurations and a control that share seeds (correlation 1/2 and more), no difference anywhere.
fn correlated(round: u64, n: usize, k: u32) -> (Vec<Vec<f64>>, Vec<f64>) {
    let seeds = normals(round, 100, n);
    let one = |part: u32| -> Vec<f64> { normals(round, part, n).iter().zip(&seeds).map(|(v, s)| v + s).collect() };
    ((1..=k).map(one).collect(), one(0))
}

#[test]
fn max_t_keeps_the_family_wise_error() {
    let rounds = 3_000;
    let reject = |family: MaxT| family.comparisons.iter().flatten().any(|c| c.p_step_down <= 0.05);
    let paired = share(rounds, |round| {
        let (configs, control) = correlated(round, 9, 5);
        reject(max_t_paired(&slices(&configs), &control, 0.95, DRAWS).unwrap())
    });
    // Not far below either: Holm on the same data would be.
    assert!(at_most(0.05, paired, rounds) && paired > 0.03, "{paired}");
    let rounds = 300;
    let unpaired = share(rounds, |round| {
        let groups: Vec<Vec<f64>> = (0..3).map(|part| normals(round, part, 3)).collect();
        reject(max_t_unpaired(&slices(&groups[1..]), &groups[0], DRAWS).unwrap())
    });
    assert!(at_most(0.05, unpaired, rounds), "{unpaired}");
}

#[test]
fn simultaneous_intervals_cover_all_differences_at_once() {
    let rounds = 3_000;
    for n in [8, 12] {
        let covered = share(rounds, |round| {
            let (configs, control) = correlated(round, n, 4);
            // True differences 0, 1, 2, 3: the intervals must not depend on them.
            let moved: Vec<Vec<f64>> =
                configs.iter().enumerate().map(|(j, x)| x.iter().map(|v| v + j as f64).collect()).collect();
            let family = max_t_paired(&slices(&moved), &control, 0.9, DRAWS).unwrap();
            family.comparisons.iter().enumerate().all(|(j, c)| c.as_ref().unwrap().interval.unwrap().contains(j as f64))
        });
        eprintln!("simultaneous coverage at n {n}: {covered}");
        assert!((0.88..0.93).contains(&covered), "{n}: {covered}");
    }
}

#[test]
fn intervals_cover_as_often_as_they_say() {
    let rounds = 1_500;
    let truth = 0.760_249_938_906_523; // P(Z1 + 1 > Z2)
    let logit = share(rounds, |round| {
        let a: Vec<f64> = normals(round, 0, 12).iter().map(|v| v + 1.0).collect();
        superiority(&a, &normals(round, 1, 12), 0.95).unwrap().interval.contains(truth)
    });
    let trimmed = share(rounds, |round| {
        yuen(&normals(round, 0, 12), &normals(round, 1, 20), TRIM, 0.95).unwrap().interval.contains(0.0)
    });
    let resampling = |round: u64| Resampling { resamples: 500, seed: round, part: 0 };
    let studentized = share(rounds, |round| {
        let (a, b) = (normals(round, 0, 15), normals(round, 1, 15));
        let got = bootstrap_mean_difference(&a, &b, BootstrapKind::Studentized, 0.95, &resampling(round));
        got.unwrap().interval.contains(0.0)
    });
    let bca = share(rounds, |round| {
        let (a, b) = (normals(round, 0, 30), normals(round, 1, 30));
        let got = bootstrap_mean_difference(&a, &b, BootstrapKind::Bca, 0.95, &resampling(round));
        got.unwrap().interval.contains(0.0)
    });
    eprintln!("coverage: logit {logit}, Yuen {trimmed}, studentized {studentized}, BCa {bca}");
    // The logit interval is known to be wide at small samples; the others are near what they say.
    assert!((0.95..0.985).contains(&logit), "{logit}");
    for coverage in [trimmed, studentized, bca] {
        assert!((0.925..0.975).contains(&coverage), "{trimmed} {studentized} {bca}");
    }
}

/// The Monte-Carlo errors of limits are the spread of the limits over seeds.
#[test]
fn monte_carlo_errors_tell_the_spread_over_seeds() {
    let x = normals(1, 0, 20);
    for kind in [BootstrapKind::Percentile, BootstrapKind::Bca, BootstrapKind::Studentized] {
        let runs: Vec<BootstrapInterval> = (0..200)
            .map(|seed| bootstrap_mean(&x, kind, 0.9, &Resampling { resamples: 1_000, seed, part: 0 }).unwrap())
            .collect();
        for (limit, error) in [
            (runs.iter().map(|r| r.interval.low).collect::<Vec<_>>(), runs.iter().map(|r| r.low_error).sum::<f64>()),
            (runs.iter().map(|r| r.interval.high).collect(), runs.iter().map(|r| r.high_error).sum()),
        ] {
            let (seen, told) = (summary(&limit).unwrap().sd.unwrap(), error / 200.0);
            assert!((0.8..1.25).contains(&(told / seen)), "{kind:?}: {told} told, {seen} seen");
        }
    }
}

#[test]
fn offsets_and_scales_cost_no_digits() {
    let (x, y) = (normals(1, 0, 16), normals(1, 1, 18));
    let grid = |x: &[f64], offset: f64, factor: f64| -> Vec<f64> {
        x.iter().map(|v| ((v * 1024.0).round() / 1024.0 + offset) * factor).collect()
    };
    let resampling = Resampling { resamples: 500, seed: 1, part: 0 };
    let factor = 2_f64.powi(505);
    for kind in [BootstrapKind::Percentile, BootstrapKind::Bca, BootstrapKind::Studentized] {
        let of = |offset, factor| {
            let (x, y) = (grid(&x, offset, factor), grid(&y, offset, factor));
            let got = bootstrap_mean_difference(&x, &y, kind, 0.9, &resampling).unwrap();
            [got.estimate, got.interval.low, got.interval.high, got.low_error, got.standard_error].map(|v| v / factor)
        };
        for (plain, moved) in of(0.0, 1.0).iter().zip(of(1e9, 1.0)).chain(of(0.0, 1.0).iter().zip(of(0.0, factor))) {
            assert!((plain - moved).abs() < 1e-12, "{kind:?}: {plain} {moved}");
        }
    }
}

/// Everything random, as text.
fn everything_random() -> String {
    let (ten, eleven) = (normals(2, 0, 40), normals(2, 1, 41));
    let (configs, control) = correlated(7, 30, 4);
    let tasks: Vec<Vec<f64>> = (0..4).map(|part| normals(3, part, 9)).collect();
    let others: Vec<Vec<f64>> = (4..8).map(|part| normals(3, part, 9)).collect();
    let both: Vec<Vec<Vec<f64>>> = tasks.iter().zip(&others).map(|(a, b)| vec![a.clone(), b.clone()]).collect();
    let resampling = Resampling { resamples: 2_000, seed: 9, part: 1 };
    let (levels, kind) = (Levels::RunsThenTasks, BootstrapKind::Bca);
    let first = |tasks: &[Vec<Vec<f64>>]| tasks[0][0][0] + tasks[1][1][8];
    let parts = [
        serde_json::to_string(&label_permutation(&ten, &eleven, BOTH, DRAWS).unwrap()),
        serde_json::to_string(&sign_flip(&ten, &eleven[..40], BOTH, DRAWS).unwrap()),
        serde_json::to_string(&max_t_paired(&slices(&configs), &control, 0.95, DRAWS).unwrap()),
        serde_json::to_string(&max_t_unpaired(&slices(&configs[..2]), &control, DRAWS).unwrap()),
        serde_json::to_string(&bootstrap_mean(&ten, BootstrapKind::Studentized, 0.95, &resampling).unwrap()),
        serde_json::to_string(&bootstrap_mean_difference(&ten, &eleven, kind, 0.95, &resampling).unwrap()),
        serde_json::to_string(
            &bootstrap_strata(&both, Seeds::WithinTasks, levels, first, kind, 0.95, &resampling).unwrap(),
        ),
        serde_json::to_string(
            &aggregate_iqm_difference(&tasks, &others, Seeds::WithinTasks, levels, kind, 0.9, &resampling).unwrap(),
        ),
        serde_json::to_string(
            &probability_of_improvement(&tasks, &others, Seeds::WithinTasks, levels, kind, 0.9, &resampling).unwrap(),
        ),
        serde_json::to_string(
            &performance_profile(&tasks, &[-1.0, 0.0, 1.0], Seeds::Own, levels, true, 0.9, &resampling).unwrap(),
        ),
    ];
    parts.map(Result::unwrap).join("\n")
}

#[test]
fn bytes_are_equal_on_any_number_of_threads() {
    let outcome = |threads: usize| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(everything_random)
    };
    let one = outcome(1);
    assert_eq!(one, outcome(2));
    assert_eq!(one, outcome(8));
    let family: MaxT = serde_json::from_str(one.lines().nth(2).unwrap()).unwrap();
    assert_eq!(serde_json::to_string(&family).unwrap(), one.lines().nth(2).unwrap());
}

/// Equal parts draw the same runs, whatever the scores: with paired seeds a shared component drops out.
#[test]
fn paired_seeds_are_drawn_together() {
    let shared = normals(4, 0, 20);
    let one = |part: u32| -> Vec<f64> { normals(4, part, 20).iter().zip(&shared).map(|(v, s)| 0.1 * v + s).collect() };
    let (a, b) = ([one(1)], [one(2)]);
    let resampling = Resampling { resamples: 2_000, seed: 1, part: 0 };
    let width = |seeds: Seeds<'_>| {
        let kind = BootstrapKind::Percentile;
        let got = aggregate_iqm_difference(&a, &b, seeds, Levels::Runs, kind, 0.95, &resampling).unwrap();
        got.interval.high - got.interval.low
    };
    let (paired, own) = (width(Seeds::WithinTasks), width(Seeds::Own));
    assert!(paired < 0.5 * own, "{paired} {own}");
}

#[test]
fn profiles_fall_and_simultaneous_bands_are_wider() {
    let scores: Vec<Vec<f64>> = (0..3).map(|part| normals(6, part, 20)).collect();
    let thresholds: Vec<f64> = (-20..20).map(|i| f64::from(i) / 10.0).collect();
    let resampling = Resampling { resamples: 1_000, seed: 1, part: 0 };
    let of = |wide| {
        performance_profile(&scores, &thresholds, Seeds::Own, Levels::Runs, wide, 0.95, &resampling).unwrap().points
    };
    let (point, wide) = (of(false), of(true));
    assert!(point.windows(2).all(|p| p[0].share >= p[1].share));
    let width = |points: &[aggregates::ProfilePoint]| points.iter().map(|p| p.high - p.low).sum::<f64>();
    assert!(width(&wide) > 1.2 * width(&point));
    assert!(wide.iter().chain(&point).all(|p| 0.0 <= p.low && p.low <= p.share && p.share <= p.high && p.high <= 1.0));
}
