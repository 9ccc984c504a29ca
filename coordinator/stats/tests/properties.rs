//! Laws that hold for any data, and coverage of the intervals by simulation at fixed seeds.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::collection::{SizeRange, vec};
use proptest::prelude::*;
use sweeper_stats::distributions::{
    noncentral_t_cdf, noncentral_t_sf, noncentrality_interval, normal_cdf, student_t_cdf, student_t_critical,
    student_t_quantile, student_t_sf,
};
use sweeper_stats::power::{power, smallest_n, smallest_p, smallest_p_rank_sum, smallest_p_sign_flip};
use sweeper_stats::*;

fn close(a: f64, b: f64, scale: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(scale)
}

/// Values on a grid of 1/1024: shifts by whole numbers and scalings by powers of two are exact then, so that the laws
/// can be asked for to the last digits.
fn values(n: impl Into<SizeRange>) -> impl Strategy<Value = Vec<f64>> {
    vec((-20_000_i32..20_000).prop_map(|v| f64::from(v) / 1024.0), n)
}

fn pairs() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    (3_usize..20).prop_flat_map(|n| (values(n), values(n)))
}

type Test = fn(&[f64], &[f64], f64) -> Result<TTest, Degenerate>;
type Effect = fn(&[f64], &[f64], f64) -> Result<EffectSize, Degenerate>;
const TESTS: [Test; 2] = [paired_t, welch_t];
const EFFECTS: [Effect; 3] = [hedges_g, hedges_g_paired, hedges_g_av];

proptest! {
    #[test]
    fn tests_follow_shift_and_scale((a, b) in pairs(), shift in -1_000_000_i32..1_000_000, exponent in -500_i32..500) {
        let factor = 2_f64.powi(exponent);
        let moved = |x: &[f64]| -> Vec<f64> { x.iter().map(|v| (v + f64::from(shift)) * factor).collect() };
        for test in TESTS {
            let Ok(before) = test(&a, &b, 0.9) else { continue };
            let after = test(&moved(&a), &moved(&b), 0.9).unwrap();
            prop_assert!(close(after.statistic, before.statistic, 0.0));
            prop_assert!(close(after.df, before.df, 0.0));
            prop_assert!(close(after.log10_p, before.log10_p, 1e-6));
            prop_assert!(close(after.difference, before.difference * factor, 0.0));
            prop_assert!(close(after.interval.low, before.interval.low * factor, before.standard_error * factor));
            prop_assert!(close(after.interval.high, before.interval.high * factor, before.standard_error * factor));
        }
        for effect in EFFECTS {
            let Ok(before) = effect(&a, &b, 0.9) else { continue };
            let after = effect(&moved(&a), &moved(&b), 0.9).unwrap();
            prop_assert!(close(after.g, before.g, 0.0));
            prop_assert!(close(after.interval.low, before.interval.low, 1.0));
        }
    }

    /// What lies where one is behind lies where the other is ahead, and only ranks and distances count.
    #[test]
    fn violations_of_both_sides_are_one((a, b) in (values(1..12), values(1..12)), shift in -1_000_i32..1_000, exponent in -300_i32..300) {
        let Ok(found) = violation(&a, &b) else { return Ok(()) };
        prop_assert!((found + violation(&b, &a).unwrap() - 1.0).abs() < 1e-12);
        let moved = |x: &[f64]| -> Vec<f64> {
            x.iter().rev().map(|v| (v + f64::from(shift)) * 2_f64.powi(exponent)).collect()
        };
        prop_assert!((violation(&moved(&a), &moved(&b)).unwrap() - found).abs() < 1e-12);
        prop_assert_eq!(found == 0.0, {
            let mut sorted = [a.clone(), b.clone()];
            sorted.iter_mut().for_each(|x| x.sort_by(f64::total_cmp));
            let at = |x: &[f64], t: usize, of: usize| x[t * x.len() / of];
            let all = a.len() * b.len();
            (0..all).all(|t| at(&sorted[0], t, all) >= at(&sorted[1], t, all))
        });
    }

    #[test]
    fn order_of_the_runs_does_not_matter((a, b) in pairs(), turn in 0_usize..20) {
        let turned = |x: &[f64]| -> Vec<f64> {
            let mut x = x.to_vec();
            let n = x.len();
            x.rotate_left(turn % n);
            x.reverse();
            x
        };
        for test in TESTS {
            if let (Ok(before), Ok(after)) = (test(&a, &b, 0.95), test(&turned(&a), &turned(&b), 0.95)) {
                prop_assert!(close(before.statistic, after.statistic, 1e-12));
                prop_assert!(close(before.log10_p, after.log10_p, 1e-12));
            }
        }
        let (before, after) = (summary(&a).unwrap(), summary(&turned(&a)).unwrap());
        prop_assert!(close(before.mean, after.mean, 1e-12));
        prop_assert_eq!((before.min, before.median, before.max), (after.min, after.median, after.max));
    }

    #[test]
    fn exchanging_the_samples_changes_signs_only((a, b) in pairs()) {
        for test in TESTS {
            if let (Ok(ab), Ok(ba)) = (test(&a, &b, 0.95), test(&b, &a, 0.95)) {
                prop_assert_eq!((ab.difference, ab.statistic), (-ba.difference, -ba.statistic));
                prop_assert_eq!((ab.interval.low, ab.interval.high), (-ba.interval.high, -ba.interval.low));
                prop_assert_eq!((ab.p_value, ab.df), (ba.p_value, ba.df));
            }
        }
        for effect in EFFECTS {
            if let (Ok(ab), Ok(ba)) = (effect(&a, &b, 0.95), effect(&b, &a, 0.95)) {
                prop_assert!(close(ab.g, -ba.g, 0.0));
                prop_assert!(close(ab.interval.low, -ba.interval.high, 1.0));
            }
        }
        if let (Ok(ab), Ok(ba)) = (correlation(&a, &b), correlation(&b, &a)) {
            prop_assert_eq!(ab, ba);
            prop_assert!((-1.0..=1.0).contains(&ab));
        }
    }

    #[test]
    fn interval_and_p_value_agree((a, b) in pairs(), confidence in 0.05_f64..0.999) {
        for test in TESTS {
            let Ok(test) = test(&a, &b, confidence) else { continue };
            prop_assert!(test.interval.contains(test.difference));
            prop_assert!((0.0..=1.0).contains(&test.p_value));
            // Away from the boundary, where rounding decides, the two say the same.
            if (test.p_value - (1.0 - confidence)).abs() > 1e-12 {
                prop_assert_eq!(test.p_value < 1.0 - confidence, !test.interval.contains(0.0));
            }
        }
        let interval = mean_interval(&a, confidence);
        if let Ok(interval) = interval {
            prop_assert!(interval.contains(summary(&a).unwrap().mean));
        }
        for effect in EFFECTS {
            if let Ok(effect) = effect(&a, &b, 0.95) {
                prop_assert!(effect.interval.contains(effect.g), "{:?}", effect);
            }
        }
    }

    #[test]
    fn the_interval_of_g_agrees_with_the_p_value_of_its_test((a, b) in pairs()) {
        let (Ok(effect), Ok(test)) = (hedges_g_paired(&a, &b, 0.95), paired_t(&a, &b, 0.95)) else { return Ok(()) };
        if (test.p_value - 0.05).abs() > 1e-9 {
            prop_assert_eq!(test.p_value < 0.05, !effect.interval.contains(0.0));
        }
    }

    #[test]
    fn adjusted_p_values_are_ordered_and_not_smaller(p in vec(proptest::option::weighted(0.9, 0.0_f64..=1.0), 0..40)) {
        let adjusted = holm(&p);
        prop_assert_eq!(adjusted.len(), p.len());
        let family = p.iter().flatten().count() as f64;
        prop_assert!(p.iter().zip(&adjusted).all(|(raw, new)| raw.is_some() == new.is_some()));
        let both: Vec<(f64, f64)> = p.iter().zip(&adjusted).filter_map(|(raw, new)| raw.zip(*new)).collect();
        for &(raw, new) in &both {
            prop_assert!(new >= raw && new <= 1.0 && new <= raw * family * (1.0 + 1e-15));
            prop_assert!(both.iter().all(|&(other, other_new)| raw >= other || new <= other_new));
        }
    }

    #[test]
    fn nothing_but_a_value_or_a_reason(
        a in vec(any::<f64>(), 0..6),
        b in vec(any::<f64>(), 0..6),
        c in any::<f64>(),
    ) {
        for confidence in [c, 0.95] {
            for test in TESTS {
                if let Ok(t) = test(&a, &b, confidence) {
                    let ends = [t.interval.low, t.interval.high];
                    let rest = [t.difference, t.standard_error, t.statistic, t.df, t.p_value, t.log10_p];
                    prop_assert!(ends.iter().chain(&rest).all(|v| v.is_finite()), "{:?}", t);
                }
            }
            for effect in EFFECTS {
                if let Ok(e) = effect(&a, &b, confidence) {
                    prop_assert!(e.g.is_finite() && e.interval.low <= e.interval.high, "{:?}", e);
                }
            }
            if let Ok(i) = mean_interval(&a, confidence) {
                prop_assert!(i.low.is_finite() && i.high.is_finite());
            }
        }
        if let Ok(s) = summary(&a) {
            prop_assert!(s.mean.is_finite() && s.sd.is_none_or(f64::is_finite), "{:?}", s);
            prop_assert!(s.min <= s.median && s.median <= s.max, "{:?}", s);
        }
        if let Ok(r) = correlation(&a, &b) {
            prop_assert!((-1.0..=1.0).contains(&r));
        }
    }

    #[test]
    fn quantile_inverts_the_tail(ln_p in -680.0_f64..-0.001, ln_df in 0.0_f64..13.8) {
        let (p, df) = (ln_p.exp(), ln_df.exp());
        // Beyond about 1e300 / df = 1 the quantile itself leaves the range of a double.
        let Ok(t) = student_t_quantile(p, df) else { return Ok(()) };
        let back = student_t_cdf(t, df).unwrap();
        prop_assert!((back / p - 1.0).abs() < 1e-10, "p {p} df {df} t {t} back {back}");
        let half = student_t_critical(0.5, df).unwrap();
        prop_assert!((student_t_sf(half, df).unwrap() - 0.25).abs() < 1e-14);
    }

    #[test]
    fn noncentral_tails_add_up_and_reduce_to_the_central(
        t in -30.0_f64..30.0,
        ln_df in 0.0_f64..11.0,
        ncp in -20.0_f64..20.0,
    ) {
        let df = ln_df.exp();
        let (lower, upper) = (noncentral_t_cdf(t, df, ncp).unwrap(), noncentral_t_sf(t, df, ncp).unwrap());
        prop_assert!((lower + upper - 1.0).abs() < 1e-12, "{lower} {upper}");
        let central = noncentral_t_cdf(t, df, 0.0).unwrap();
        prop_assert!((central / student_t_cdf(t, df).unwrap() - 1.0).abs() < 1e-10);
        if t != 0.0 {
            let (low, high) = noncentrality_interval(t, df, 0.9).unwrap();
            prop_assert!((noncentral_t_sf(t, df, low).unwrap() - 0.05).abs() < 1e-11);
            prop_assert!((noncentral_t_cdf(t, df, high).unwrap() - 0.05).abs() < 1e-11);
        }
    }
}

#[test]
fn a_second_implementation_says_the_same() {
    use statrs::distribution::{ContinuousCDF, Normal, StudentsT};
    for df in [1.0, 3.5, 30.0, 1000.0] {
        let other = StudentsT::new(0.0, 1.0, df).unwrap();
        for t in [-8.0, -1.0, 0.3, 2.0, 12.0] {
            assert!((student_t_sf(t, df).unwrap() / other.sf(t) - 1.0).abs() < 1e-7, "{t} {df}");
        }
    }
    for z in [-5.0, -0.4, 0.0, 1.0, 6.0] {
        assert!((normal_cdf(z) - Normal::standard().cdf(z)).abs() < 1e-10);
    }
}

#[test]
fn rank_designs_have_a_floor() {
    assert_eq!((smallest_p_sign_flip(0), smallest_p_sign_flip(1), smallest_p_sign_flip(5)), (1.0, 1.0, 0.0625));
    assert!((smallest_p_rank_sum(4) - 2.0 / 70.0).abs() < 1e-16);
    assert!(smallest_p_rank_sum(100_000) > 0.0 && smallest_p_sign_flip(usize::MAX) > 0.0);
    assert_eq!(smallest_p(3, true, 9), 1.0);
    // Smallest n that can pass 0.05 under Holm over m comparisons: (m, unpaired, paired).
    for (family, unpaired, paired) in [(1, 4, 6), (9, 6, 9), (11, 6, 9), (45, 7, 11)] {
        assert_eq!(smallest_n(false, family, 0.05).unwrap(), unpaired, "{family}");
        assert_eq!(smallest_n(true, family, 0.05).unwrap(), paired, "{family}");
    }
    assert!(smallest_n(true, 1, 0.0).is_err());
}

/// Counter-based uniforms (SplitMix64 of seed and index) and normals of them by Box and Muller.
struct Counter {
    seed: u64,
    index: u64,
}

impl Counter {
    fn uniform(&mut self) -> f64 {
        self.index += 1;
        let mut z = self.seed.wrapping_add(self.index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 * 2_f64.powi(-53)
    }

    fn normals(&mut self, n: usize, mean: f64, sd: f64) -> Vec<f64> {
        let mut normal = || {
            let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
            mean + sd * radius * (std::f64::consts::TAU * self.uniform()).cos()
        };
        (0..n).map(|_| normal()).collect()
    }
}

/// Share of `rounds` in which `holds`; at a true 0.95 and 20,000 rounds its standard error is 0.0015.
fn share(rounds: u32, seed: u64, mut holds: impl FnMut(&mut Counter) -> bool) -> f64 {
    let mut counter = Counter { seed, index: 0 };
    let hits = (0..rounds).filter(|_| holds(&mut counter)).count();
    hits as f64 / f64::from(rounds)
}

const ROUNDS: u32 = 20_000;

#[test]
fn t_intervals_cover_as_often_as_they_say() {
    for (n, confidence) in [(2, 0.95), (3, 0.95), (5, 0.8), (10, 0.95), (30, 0.99)] {
        let error = 4.0 * (confidence * (1.0 - confidence) / f64::from(ROUNDS)).sqrt();
        let mean =
            share(ROUNDS, n as u64, |r| mean_interval(&r.normals(n, 7.0, 3.0), confidence).unwrap().contains(7.0));
        assert!((mean - confidence).abs() < error, "mean, n {n}: {mean}");
        let paired = share(ROUNDS, 100 + n as u64, |r| {
            let common = r.normals(n, 0.0, 5.0);
            let a: Vec<f64> = r.normals(n, 1.0, 1.0).iter().zip(&common).map(|(v, c)| v + c).collect();
            let b: Vec<f64> = r.normals(n, 0.0, 2.0).iter().zip(&common).map(|(v, c)| v + c).collect();
            paired_t(&a, &b, confidence).unwrap().interval.contains(1.0)
        });
        assert!((paired - confidence).abs() < error, "paired, n {n}: {paired}");
    }
}

#[test]
fn welch_intervals_cover_at_unequal_variances() {
    // Welch's degrees of freedom are approximate: at five per group and a ratio of 1:2 coverage is 0.95 to about 0.01.
    let welch = share(ROUNDS, 7, |r| {
        welch_t(&r.normals(5, 1.0, 1.0), &r.normals(5, 0.0, 2.0), 0.95).unwrap().interval.contains(1.0)
    });
    assert!((0.94..0.962).contains(&welch), "{welch}");
}

#[test]
fn effect_size_is_unbiased_and_its_interval_covers() {
    let rounds = 2_000;
    let mut total = 0.0;
    let covered = share(rounds, 11, |r| {
        let effect = hedges_g(&r.normals(4, 0.8, 1.0), &r.normals(6, 0.0, 1.0), 0.9).unwrap();
        total += effect.g;
        effect.interval.contains(0.8)
    });
    assert!((covered - 0.9).abs() < 4.0 * (0.09 / f64::from(rounds)).sqrt(), "{covered}");
    let mean = total / f64::from(rounds);
    assert!((mean - 0.8).abs() < 0.07, "{mean}");
}

#[test]
fn power_is_the_share_of_rejections() {
    let expected = power(5, true, 1.2, 0.05).unwrap();
    let rejected = share(ROUNDS, 13, |r| {
        let a = r.normals(5, 1.2, 1.0);
        paired_t(&a, &[0.0; 5], 0.95).unwrap().p_value < 0.05
    });
    assert!((rejected - expected).abs() < 4.0 * (0.25 / f64::from(ROUNDS)).sqrt(), "{rejected} {expected}");
}
