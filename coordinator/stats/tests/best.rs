//! Comparisons with the best where groups share their seeds.
#![allow(clippy::unwrap_used)]

use sweeper_counter::Stream;
use sweeper_stats::*;

fn slices(groups: &[Vec<f64>]) -> Vec<&[f64]> {
    groups.iter().map(Vec::as_slice).collect()
}

/// With seeds in common, other variances in every group, and two equal best ones.
#[test]
fn paired_comparisons_with_the_best_cover_and_see_through_the_seeds() {
    const RUNS: u32 = 600;
    let (truth, sds) = ([1.0, 0.0, 1.0, 0.4], [0.3, 1.0, 0.5, 2.0]);
    let n = 8;
    let best_of_others = |i: usize| (0..4).filter(|&j| j != i).map(|j| truth[j]).fold(f64::NEG_INFINITY, f64::max);
    let (mut held, mut narrower) = (0, 0);
    for run in 0..RUNS {
        let values = Stream::new(13, 1004_u32, run).normals(5 * n);
        let data: Vec<Vec<f64>> = (0..4)
            .map(|g| (0..n).map(|r| truth[g] + 5.0 * values[r] + sds[g] * values[(g + 1) * n + r]).collect())
            .collect();
        let found = mcb_paired(&slices(&data), true, 0.95).unwrap();
        held += u32::from((0..4).all(|i| found[i].interval.contains(truth[i] - best_of_others(i))));
        let pooled = hsu_mcb(&slices(&data), true, 0.95).unwrap();
        let width = |i: &Interval| i.high - i.low;
        narrower += u32::from(width(&found[1].interval) < width(&pooled.groups[1].interval));
        let negated: Vec<Vec<f64>> = data.iter().map(|g| g.iter().map(|v| -v).collect()).collect();
        for (x, y) in found.iter().zip(&mcb_paired(&slices(&negated), false, 0.95).unwrap()) {
            assert_eq!((x.among_best, x.p_value), (y.among_best, y.p_value));
            assert_eq!((x.interval.low, x.interval.high), (-y.interval.high, -y.interval.low));
            assert_eq!(x.p_value > 0.05, x.among_best);
        }
    }
    // At least 0.95 is promised; the standard error is 0.009.
    assert!(f64::from(held) / f64::from(RUNS) >= 0.93, "{held}");
    assert!(narrower > RUNS * 9 / 10, "{narrower}");
}

/// Two groups are one paired t-test, one-sided.
#[test]
fn two_paired_groups_with_the_best() {
    let (a, b) = ([1.0, 2.0, 3.5, 4.0], [0.5, 1.0, 3.0, 2.0]);
    let found = mcb_paired(&[&a, &b], true, 0.95).unwrap();
    let test = paired_t(&a, &b, 0.9).unwrap();
    assert!((found[1].p_value - test.p_value / 2.0).abs() < 1e-15 && !found[1].among_best);
    assert!((found[0].interval.high - test.interval.high).abs() < 1e-12 && found[0].interval.low == 0.0);
    assert_eq!(found[1].interval.high, 0.0);
    assert!(matches!(mcb_paired(&[&a, &a], true, 0.95), Err(Degenerate::ZeroVariance { .. })));
    assert!(matches!(mcb_paired(&[&a], true, 0.95), Err(Degenerate::TooFew { .. })));
}

fn errors(residuals: [[f64; 3]; 4]) -> rank_intervals::ResidualErrors {
    // Groups at 50, 51, 52, 53 and seeds 30 apart, which no difference between groups may notice.
    let group = |i: usize| [0.0, 30.0, -30.0].into_iter().zip(residuals[i]).map(move |(s, e)| 50.0 + i as f64 + s + e);
    let groups: Vec<Vec<f64>> = (0..4).map(|i| group(i).collect()).collect();
    rank_intervals::residual_errors(&slices(&groups)).unwrap()
}

/// By hand: residuals that add up to 0 over seeds and over groups, as those of the additive model do.
#[test]
fn errors_among_means_of_shared_seeds_are_those_of_the_residuals() {
    let equal = errors([[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 1.0, -1.0], [0.0, -1.0, 1.0]]);
    // Sum of squares 8 on 3 * 2 degrees of freedom, over 3 seeds.
    assert!(equal.pooled && equal.means == [50.0, 51.0, 52.0, 53.0]);
    assert!(equal.standard_errors.iter().all(|e| (e - (8.0_f64 / 6.0 / 3.0).sqrt()).abs() < 1e-14), "{equal:?}");
    // Own mean squares 4/3 of 18/2 and of 2/2: 12 and 4/3, a factor of 9.
    let own = errors([[3.0, -3.0, 0.0], [-3.0, 3.0, 0.0], [0.0, 1.0, -1.0], [0.0, -1.0, 1.0]]);
    assert!(!own.pooled);
    for (error, want) in own.standard_errors.iter().zip([2.0, 2.0, 2.0 / 3.0, 2.0 / 3.0]) {
        assert!((error - want).abs() < 1e-13, "{own:?}");
    }
    let constant = [[1.0, 7.0, 2.0], [2.0, 8.0, 3.0]];
    let refused = rank_intervals::residual_errors(&[&constant[0], &constant[1]]);
    assert!(matches!(refused, Err(Degenerate::ZeroVariance { .. })), "{refused:?}");
    assert!(rank_intervals::residual_errors(&[&constant[0], &constant[1][..2]]).is_err());
    assert!(rank_intervals::residual_errors(&[&constant[0]]).is_err());
}

/// Six groups whose true means are 1 apart in all, seeds ten times as large as what differences are made of.
#[test]
fn means_of_shared_seeds_are_shrunk_by_what_is_noise_among_them() {
    let values = Stream::new(17, 3_u32, 1).normals(7 * 16);
    let value = |i: usize, b: usize| 90.0 + 0.2 * i as f64 + 5.0 * values[b] + 0.5 * values[16 * (i + 1) + b];
    let groups: Vec<Vec<f64>> = (0..6).map(|i| (0..16).map(|b| value(i, b)).collect()).collect();
    let errors = rank_intervals::residual_errors(&slices(&groups)).unwrap();
    let shrunken = rank_intervals::shrink_means(&errors.means, &errors.standard_errors).unwrap();
    assert!(shrunken.shrinkage.iter().all(|b| *b < 0.25), "{shrunken:?}");
    let naive: Vec<f64> = groups.iter().map(|g| summary(g).unwrap().se.unwrap()).collect();
    let naive = rank_intervals::shrink_means(&errors.means, &naive).unwrap();
    assert!(naive.shrinkage.iter().all(|b| *b > 0.5), "{naive:?}");
}
