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
