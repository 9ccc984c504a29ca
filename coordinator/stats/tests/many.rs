//! Laws of the tails and of the comparisons of several groups, and their error rates by simulation at fixed seeds.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::f64::consts::SQRT_2;

use proptest::collection::vec;
use proptest::prelude::*;
use sweeper_counter::Stream;
use sweeper_stats::distributions::*;
use sweeper_stats::many::pairs;
use sweeper_stats::*;

fn close(a: f64, b: f64, relative: f64, scale: f64) -> bool {
    (a - b).abs() <= relative * a.abs().max(b.abs()).max(scale)
}

/// Groups on a grid of 1/1024, so that shifts by whole numbers and scalings by powers of two are exact.
fn groups(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Vec<f64>>> {
    let value = (-20_000_i32..20_000).prop_map(|v| f64::from(v) / 1024.0);
    vec(vec(value, 2..7), count)
}

fn slices(groups: &[Vec<f64>]) -> Vec<&[f64]> {
    groups.iter().map(Vec::as_slice).collect()
}

fn same(before: &Comparison, after: &Comparison, factor: f64) -> bool {
    let se = before.standard_error * factor;
    close(after.statistic, before.statistic, 1e-9, 1e-9)
        && close(after.log10_p, before.log10_p, 1e-9, 1e-6)
        && close(after.df, before.df, 1e-9, 0.0)
        && close(after.interval.low, before.interval.low * factor, 1e-9, se)
        && close(after.interval.high, before.interval.high * factor, 1e-9, se)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn families_follow_shift_scale_and_order_of_runs(
        data in groups(3..5), shift in -1_000_000_i32..1_000_000, exponent in -490_i32..490,
    ) {
        let factor = 2_f64.powi(exponent);
        let moved: Vec<Vec<f64>> =
            data.iter().map(|g| g.iter().rev().map(|v| (v + f64::from(shift)) * factor).collect()).collect();
        let (data, moved) = (slices(&data), slices(&moved));
        if let Ok(before) = tukey_kramer(&data, 0.9) {
            let after = tukey_kramer(&moved, 0.9).unwrap();
            prop_assert!(before.comparisons.iter().zip(&after.comparisons).all(|(x, y)| same(x, y, factor)));
            let (before, after) = (dunnett(&data, 1, 0.9).unwrap(), dunnett(&moved, 1, 0.9).unwrap());
            prop_assert!(before.comparisons.iter().zip(&after.comparisons).all(|(x, y)| same(x, y, factor)));
            let (before, after) = (hsu_mcb(&data, true, 0.9).unwrap(), hsu_mcb(&moved, true, 0.9).unwrap());
            for (x, y) in before.groups.iter().zip(&after.groups) {
                let unit = before.pooled_sd * factor;
                prop_assert!(close(y.interval.low, x.interval.low * factor, 1e-8, unit));
                prop_assert!(close(y.interval.high, x.interval.high * factor, 1e-8, unit));
                prop_assert!(close(x.log10_p, y.log10_p, 1e-8, 1e-6));
            }
        }
        for (x, y) in games_howell(&data, 0.9).unwrap().iter().zip(&games_howell(&moved, 0.9).unwrap()) {
            let alike = match (x, y) {
                (Ok(x), Ok(y)) => same(x, y, factor),
                (x, y) => x.is_err() && y.is_err(),
            };
            prop_assert!(alike);
        }
        if let Ok(before) = welch_anova(&data) {
            let after = welch_anova(&moved).unwrap();
            prop_assert!(close(before.statistic, after.statistic, 1e-9, 1e-9));
            prop_assert!(close(before.log10_p, after.log10_p, 1e-9, 1e-6));
        }
    }

    #[test]
    fn p_values_intervals_and_the_best_set_agree(data in groups(2..6), confidence in 0.8_f64..0.999) {
        let data = slices(&data);
        let decided = |p: f64| (p - (1.0 - confidence)).abs() > 1e-9;
        let Ok(tukey) = tukey_kramer(&data, confidence) else { return Ok(()) };
        let dunnett = dunnett(&data, 0, confidence).unwrap();
        for (family, all) in [(&tukey, true), (&dunnett, false)] {
            for c in &family.comparisons {
                let raw = student_t_two_sided(c.statistic, c.df).unwrap().p;
                prop_assert!(c.p_value >= raw * (1.0 - 1e-9) && c.p_value <= 1.0);
                prop_assert!(c.p_value <= raw * family.comparisons.len() as f64 * (1.0 + 1e-9));
                if decided(c.p_value) {
                    prop_assert_eq!(c.p_value < 1.0 - confidence, !c.interval.contains(0.0));
                    prop_assert_eq!(c.p_value < 1.0 - confidence, c.statistic.abs() > family.critical);
                }
            }
            prop_assert_eq!(family.comparisons.len(), if all { pairs(data.len()).count() } else { data.len() - 1 });
        }
        let best = hsu_mcb(&data, true, confidence).unwrap();
        for group in &best.groups {
            prop_assert!(group.interval.low <= 0.0 && group.interval.high >= 0.0);
            if decided(group.p_value) {
                prop_assert_eq!(group.p_value > 1.0 - confidence, group.among_best);
            }
        }
        prop_assert!(best.groups.iter().any(|g| g.among_best));
        // Smaller is better: the same of the negated values, mirrored.
        let negated: Vec<Vec<f64>> = data.iter().map(|g| g.iter().map(|v| -v).collect()).collect();
        let mirrored = hsu_mcb(&slices(&negated), false, confidence).unwrap();
        for (x, y) in best.groups.iter().zip(&mirrored.groups) {
            prop_assert_eq!((x.among_best, x.p_value), (y.among_best, y.p_value));
            prop_assert_eq!((x.interval.low, x.interval.high), (-y.interval.high, -y.interval.low));
        }
    }

    #[test]
    fn two_groups_are_a_t_test(data in groups(2..3)) {
        let data = slices(&data);
        if let Ok(welch) = welch_t(data[0], data[1], 0.95) {
            let games = games_howell(&data, 0.95).unwrap()[0].clone().unwrap();
            prop_assert!(close(games.log10_p, welch.log10_p, 1e-11, 1e-6));
            prop_assert!(close(games.interval.low, welch.interval.low, 1e-9, welch.standard_error));
            if let Ok(anova) = welch_anova(&data) {
                prop_assert!(close(anova.statistic, welch.statistic.powi(2), 1e-10, 1e-10));
                prop_assert!(close(anova.df_within, welch.df, 1e-10, 0.0));
                prop_assert!(close(anova.log10_p, welch.log10_p, 1e-9, 1e-6));
            }
        }
        if let (Ok(tukey), Ok(dunnett)) = (tukey_kramer(&data, 0.95), dunnett(&data, 1, 0.95)) {
            let raw = student_t_two_sided(tukey.comparisons[0].statistic, tukey.df).unwrap();
            prop_assert!(close(tukey.comparisons[0].log10_p, raw.log10_p, 1e-11, 1e-6));
            prop_assert!(close(dunnett.comparisons[0].log10_p, raw.log10_p, 1e-9, 1e-6));
            prop_assert!(close(dunnett.critical, student_t_critical(0.95, tukey.df).unwrap(), 1e-10, 0.0));
            prop_assert!(close(tukey.critical, dunnett.critical, 1e-10, 0.0));
        }
    }

    #[test]
    fn letters_are_shared_by_those_that_do_not_differ(flags in vec(any::<bool>(), 36), count in 0_usize..9) {
        let mut differs = vec![vec![false; count]; count];
        for ((i, j), flag) in pairs(count).zip(flags) {
            differs[i][j] = flag;
            differs[j][i] = flag;
        }
        let letters = compact_letters(&differs).unwrap();
        for (i, j) in pairs(count) {
            prop_assert_eq!(letters[i].iter().any(|l| letters[j].contains(l)), !differs[i][j]);
        }
        prop_assert!(letters.iter().all(|l| !l.is_empty() && l.is_sorted()));
        let most = letters.iter().flatten().max().map_or(0, |l| l + 1);
        prop_assert!((0..most).all(|l| letters.iter().any(|group| group.contains(&l))));
    }

    #[test]
    fn adjustments_are_ordered(p in vec(proptest::option::weighted(0.9, 0.0_f64..1.0), 1..30)) {
        let [plain, holm, hochberg, bh, by] = [bonferroni, holm, hochberg, benjamini_hochberg, benjamini_yekutieli]
            .map(|adjust| adjust(&p));
        let slack = 1.0 + 1e-12;
        for i in 0..p.len() {
            let Some(raw) = p[i] else {
                prop_assert!([&plain, &holm, &hochberg, &bh, &by].iter().all(|a| a[i].is_none()));
                continue;
            };
            let at = |adjusted: &[Option<f64>]| adjusted[i].unwrap();
            prop_assert!(raw <= at(&bh) * slack && at(&bh) <= at(&hochberg) * slack && at(&bh) <= at(&by) * slack);
            prop_assert!(at(&hochberg) <= at(&holm) * slack && at(&holm) <= at(&plain) * slack && at(&plain) <= 1.0);
            for j in 0..p.len() {
                if p[j].is_some_and(|other| other <= raw) {
                    prop_assert!([&plain, &holm, &hochberg, &bh, &by].iter().all(|a| a[j] <= a[i]));
                }
            }
        }
    }

    #[test]
    fn tails_of_f_and_chi_squared_keep_their_laws(f in 1e-3_f64..1e3, df1 in 0.5_f64..1e4, df2 in 0.5_f64..1e4) {
        let (lower, upper) = (f_lower_tail(f, df1, df2).unwrap(), f_upper_tail(f, df1, df2).unwrap());
        prop_assert!(close(lower.p + upper.p, 1.0, 1e-13, 0.0));
        let swapped = f_upper_tail(1.0 / f, df2, df1).unwrap();
        // 1/f is rounded; a tail on df degrees of freedom turns that into about df times as much.
        prop_assert!(close(lower.log10_p, swapped.log10_p, 1e-11, 1e-2));
        for (p, back) in [(lower.p, f_quantile(lower.p, df1, df2)), (upper.p, f_upper_quantile(upper.p, df1, df2))] {
            if p > 1e-300 && p < 0.5 {
                prop_assert!(close(back.unwrap(), f, 1e-11, 0.0));
            }
        }
        let (lower, upper) = (chi_squared_lower_tail(f, df1).unwrap(), chi_squared_upper_tail(f, df1).unwrap());
        prop_assert!(close(lower.p + upper.p, 1.0, 1e-13, 0.0));
        let t = student_t_two_sided(f.sqrt(), df2).unwrap();
        prop_assert!(close(f_upper_tail(f, 1.0, df2).unwrap().log10_p, t.log10_p, 1e-11, 1e-2));
    }

    #[test]
    fn extreme_arguments_have_tails_that_fall(
        size in -6.0_f64..150.0, ln_df in -2.0_f64..18.0, lambda in -0.95_f64..0.95, count in 2_usize..60,
    ) {
        let q = 10_f64.powf(if count % 2 == 0 { size } else { size / 70.0 });
        let df = if count % 5 == 0 { f64::INFINITY } else { ln_df.exp() };
        let lambdas: Vec<f64> = (0..count % 7 + 1).map(|i| lambda / (1 + i) as f64).collect();
        let falls = |near: Result<Tail, Degenerate>, far: Result<Tail, Degenerate>| match (near, far) {
            (Ok(near), Ok(far)) => {
                let slack = 1e-11 * near.log10_p.abs() + 1e-14;
                far.log10_p <= near.log10_p + slack && near.log10_p <= 0.0
            }
            (_, far) => df == f64::INFINITY && far.is_err(),
        };
        let range = |q| studentized_range_upper_tail(q, count, df);
        prop_assert!(falls(range(q), range(1.01 * q)), "range {} {} {}", q, count, df);
        for sides in [Sides::One, Sides::Two] {
            let largest = |c| dunnett_upper_tail(c, &lambdas, df, sides);
            prop_assert!(falls(largest(q), largest(1.01 * q)), "{:?} {} {:?} {}", sides, q, lambdas, df);
        }
        let f = 10_f64.powf(size / 20.0);
        for ncp in [0.1, 30.0, 1e4] {
            let both = noncentral_f_cdf(f, count as f64, ln_df.exp(), ncp).unwrap()
                + noncentral_f_sf(f, count as f64, ln_df.exp(), ncp).unwrap();
            prop_assert!(close(both, 1.0, 1e-10, 0.0), "{} {} {}", f, ncp, both);
        }
    }

    #[test]
    fn noncentral_f_meets_noncentral_t_and_its_own_limits(t in 0.1_f64..8.0, df in 2.0_f64..300.0, d in 0.0_f64..6.0) {
        let f = noncentral_f_sf(t * t, 1.0, df, d * d).unwrap();
        let both = noncentral_t_sf(t, df, d).unwrap() + noncentral_t_cdf(-t, df, d).unwrap();
        prop_assert!(close(f, both, 1e-10, 0.0), "{} {}", f, both);
        let (low, high) = noncentral_f_interval(t * t, 3.0, df, 0.9).unwrap();
        prop_assert!(0.0 <= low && low <= high);
        if low > 0.0 {
            prop_assert!(close(noncentral_f_sf(t * t, 3.0, df, low).unwrap(), 0.05, 1e-9, 0.0));
        }
        if high > 0.0 {
            prop_assert!(close(noncentral_f_cdf(t * t, 3.0, df, high).unwrap(), 0.05, 1e-9, 0.0));
        }
    }
}

#[test]
fn nested_tails_meet_their_special_cases() {
    for q in [0.01, 1.0, 3.0, 20.0, 60.0] {
        let two = studentized_range_upper_tail(q, 2, f64::INFINITY).unwrap();
        let normal = normal_two_sided(q / SQRT_2).unwrap();
        assert!(close(two.log10_p, normal.log10_p, 1e-12, 1e-3), "{q}");
        for df in [1.0, 7.5, 300.0] {
            // One comparison is Student's t; of independent ones none exceeds when each does not.
            let t = student_t_two_sided(q, df).unwrap();
            let one = dunnett_upper_tail(q, &[0.7], df, Sides::Two).unwrap();
            assert!(close(one.log10_p, t.log10_p, 1e-11, 1e-3), "{q} {df}: {one:?} {t:?}");
            let upper = student_t_upper_tail(q, df).unwrap();
            let one = dunnett_upper_tail(q, &[-0.3], df, Sides::One).unwrap();
            assert!(close(one.log10_p, upper.log10_p, 1e-11, 1e-3), "{q} {df}: {one:?} {upper:?}");
        }
        let alone = normal_sf(q);
        let three = dunnett_upper_tail(q, &[0.0; 3], f64::INFINITY, Sides::One).unwrap().p;
        assert!(close(three, -(3.0 * (-alone).ln_1p()).exp_m1(), 1e-12, 0.0), "{q}");
        // The range of three exceeds w exactly when a difference does; correlations 1/2 among differences from a
        // control.
        let range = studentized_range_upper_tail(q * SQRT_2, 3, 20.0).unwrap().p;
        let control = dunnett_upper_tail(q, &[0.5_f64.sqrt(); 2], 20.0, Sides::Two).unwrap().p;
        assert!(control < range && range < 1.5 * control, "{q}");
    }
}

#[test]
fn refusals_name_their_reason() {
    let good: &[f64] = &[1.0, 2.0, 4.0];
    let constant: &[f64] = &[5.0, 5.0];
    assert_eq!(tukey_kramer(&[good], 0.95), Err(Degenerate::TooFew { n: 1, needed: 2 }));
    assert_eq!(tukey_kramer(&[&[1.0], &[2.0]], 0.95), Err(Degenerate::TooFew { n: 2, needed: 3 }));
    assert_eq!(tukey_kramer(&[good, &[]], 0.95), Err(Degenerate::TooFew { n: 0, needed: 1 }));
    assert_eq!(dunnett(&[constant, constant], 0, 0.95), Err(Degenerate::ZeroVariance { value: 5.0 }));
    assert_eq!(dunnett(&[good, &[1.0, f64::NAN]], 0, 0.95), Err(Degenerate::NotFinite { index: 1 }));
    assert!(matches!(dunnett(&[good, good], 2, 0.95), Err(Degenerate::Domain { .. })));
    assert!(matches!(hsu_mcb(&[good, good, good], true, 0.2), Err(Degenerate::Domain { .. })));
    assert_eq!(welch_anova(&[good, constant]), Err(Degenerate::ZeroVariance { value: 5.0 }));
    let games = games_howell(&[good, constant, &[7.0, 7.0]], 0.95).unwrap();
    assert!(games[0].is_ok() && games[1].is_ok());
    assert_eq!(games[2], Err(Degenerate::ZeroVariance { value: -2.0 }));
    let intervals = bonferroni_intervals(&[(good, constant), (constant, constant), (good, good)], false, 0.95);
    let alone = welch_t(good, constant, 0.975).unwrap().interval;
    assert_eq!(intervals[0], Ok(Interval { confidence: 0.95, ..alone }));
    assert!(intervals[1].is_err() && intervals[2].is_ok());
    assert!(compact_letters(&[vec![false, true], vec![false, false]]).is_err());
    assert!(compact_letters(&[vec![true]]).is_err());
    assert!(studentized_range_upper_tail(-1.0, 3, 5.0).is_err() && studentized_range_upper_tail(1.0, 1, 5.0).is_err());
    assert!(
        dunnett_upper_tail(1.0, &[1.0], 5.0, Sides::Two).is_err()
            && dunnett_upper_tail(1.0, &[], 5.0, Sides::One).is_err()
    );
    assert!(f_lower_tail(0.0, 1.0, 1.0).is_err() && f_upper_tail(f64::NAN, 1.0, 1.0).is_err());
    assert!(chi_squared_lower_tail(0.0, 1.0).is_err() && normal_upper_tail(f64::INFINITY).is_err());
    assert!(binomial_pmf(3, 2, 0.5).is_err() && (Urn { population: 5, successes: 4, draws: 3 }).pmf(1).is_err());
}

/// Hsu's limits written out from their definition.
#[test]
fn comparisons_with_the_best_follow_their_definition() {
    let data: [&[f64]; 4] =
        [&[1.0, 2.0, 1.5], &[2.5, 3.5, 2.0, 3.0, 2.2], &[3.1, 2.9], &[-1.0, 0.5, 0.0, -0.4, 0.1, 0.2, -0.3]];
    let mcb = hsu_mcb(&data, true, 0.9).unwrap();
    let size = |i: usize| data[i].len() as f64;
    let mean = |i: usize| data[i].iter().sum::<f64>() / size(i);
    let se = |i: usize, j: usize| mcb.pooled_sd * (1.0 / size(i) + 1.0 / size(j)).sqrt();
    let lambdas =
        |i: usize| -> Vec<f64> { (0..4).filter(|&j| j != i).map(|j| (size(j) / (size(i) + size(j))).sqrt()).collect() };
    let d = |i: usize| dunnett_upper_quantile(0.1, &lambdas(i), mcb.df, Sides::One).unwrap();
    let others = |i: usize| (0..4).filter(move |&j| j != i);
    let high = |i: usize| others(i).map(|j| mean(i) - mean(j) + d(i) * se(i, j)).fold(f64::INFINITY, f64::min).max(0.0);
    let best: Vec<usize> = (0..4).filter(|&i| high(i) > 0.0).collect();
    assert_eq!(best, [1, 2]);
    for i in 0..4 {
        let rivals = best.iter().filter(|&&j| j != i);
        let low = rivals.map(|&j| mean(i) - mean(j) - d(j) * se(i, j)).fold(0.0, f64::min);
        let got = &mcb.groups[i];
        assert!(close(got.interval.low, low, 1e-12, 1.0) && close(got.interval.high, high(i), 1e-12, 1.0), "{i}");
        assert_eq!(got.among_best, best.contains(&i));
        let t = others(i).map(|j| (mean(j) - mean(i)) / se(i, j)).fold(f64::NEG_INFINITY, f64::max);
        let p = dunnett_upper_tail(t, &lambdas(i), mcb.df, Sides::One).unwrap().p;
        assert!(close(got.p_value, p, 1e-11, 0.0), "{i}");
    }
}

#[test]
fn letters_of_a_chain_and_their_names() {
    // Neighbours do not differ: ab would be one letter per neighbouring pair.
    let differs: Vec<Vec<bool>> = (0_i32..4).map(|i| (0..4).map(|j| (i - j).abs() > 1).collect()).collect();
    assert_eq!(compact_letters(&differs).unwrap(), vec![vec![0], vec![0, 1], vec![1, 2], vec![2]]);
    assert_eq!([0, 25, 26, 51, 52, 701, 702].map(letter), ["a", "z", "aa", "az", "ba", "zz", "aaa"]);
}

#[test]
fn results_do_not_depend_on_threads() {
    let data: Vec<Vec<f64>> = (0..6).map(|g| Stream::new(3, 1001_u32, g).normals(4 + g as usize)).collect();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| (games_howell(&slices(&data), 0.95), hsu_mcb(&slices(&data), true, 0.95)))
    };
    let one = run(1);
    assert!([2, 8].iter().all(|&threads| run(threads) == one));
}

/// Pooled t of every pair, (i less j), for the simulations.
fn pooled_t(groups: &[&[f64]]) -> impl Fn(usize, usize) -> f64 {
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let means: Vec<f64> = groups.iter().map(|g| mean(g)).collect();
    let squares: f64 = groups.iter().zip(&means).flat_map(|(g, m)| g.iter().map(move |v| (v - m).powi(2))).sum();
    let sizes: Vec<f64> = groups.iter().map(|g| g.len() as f64).collect();
    let sd = (squares / (sizes.iter().sum::<f64>() - sizes.len() as f64)).sqrt();
    move |i, j| (means[i] - means[j]) / (sd * (1.0 / sizes[i] + 1.0 / sizes[j]).sqrt())
}

fn split<'a>(values: &'a [f64], sizes: &[usize]) -> Vec<&'a [f64]> {
    let mut rest = values;
    sizes
        .iter()
        .map(|&size| {
            let (group, after) = rest.split_at(size);
            rest = after;
            group
        })
        .collect()
}

/// Share of 20,000 sets of equal groups in which a comparison is found; standard error 0.0015.
fn found(sizes: &[usize], any: impl Fn(&dyn Fn(usize, usize) -> f64) -> bool) -> f64 {
    const RUNS: u32 = 20_000;
    let total = sizes.iter().sum();
    let hits = (0..RUNS)
        .filter(|&run| {
            let values = Stream::new(11, 1002_u32, run).normals(total);
            any(&pooled_t(&split(&values, sizes)))
        })
        .count();
    hits as f64 / f64::from(RUNS)
}

#[test]
fn family_wise_error_rate_is_as_promised() {
    for sizes in [[5, 5, 5, 5], [3, 9, 4, 6]] {
        let total: usize = sizes.iter().sum();
        let values = Stream::new(11, 1002_u32, 0).normals(total);
        let data = split(&values, &sizes);
        let (tukey, dunnett) = (tukey_kramer(&data, 0.95).unwrap(), dunnett(&data, 0, 0.95).unwrap());
        // The simulation's own t is the function's.
        let t = pooled_t(&data);
        assert!(tukey.comparisons.iter().all(|c| close(c.statistic, t(c.first, c.second), 1e-12, 1e-12)));
        let rate = found(&sizes, |t| (1..4).any(|i| t(i, 0).abs() > dunnett.critical));
        assert!((rate - 0.05).abs() < 0.005, "Dunnett {sizes:?}: {rate}");
        let rate = found(&sizes, |t| pairs(4).any(|(i, j)| t(i, j).abs() > tukey.critical));
        // Exact for equal sizes, at most the level for others.
        let least = if sizes[0] == sizes[1] { 0.045 } else { 0.035 };
        assert!((least..=0.055).contains(&rate), "Tukey {sizes:?}: {rate}");
    }
}

#[test]
fn comparisons_with_the_best_cover() {
    const RUNS: u32 = 500;
    let (sizes, truth) = ([4, 6, 5], [1.0, 0.6, 1.0]);
    let best_of_others = |i: usize| (0..3).filter(|&j| j != i).map(|j| truth[j]).fold(f64::NEG_INFINITY, f64::max);
    let held = (0..RUNS)
        .filter(|&run| {
            let values = Stream::new(13, 1003_u32, run).normals(15);
            let data: Vec<Vec<f64>> =
                split(&values, &sizes).iter().zip(truth).map(|(g, m)| g.iter().map(|v| v + m).collect()).collect();
            let mcb = hsu_mcb(&slices(&data), true, 0.95).unwrap();
            (0..3).all(|i| mcb.groups[i].interval.contains(truth[i] - best_of_others(i)))
        })
        .count();
    // At least 0.95 is promised; the standard error is 0.01.
    let share = held as f64 / f64::from(RUNS);
    assert!(share >= 0.925, "{share}");
}
