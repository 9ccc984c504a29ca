//! Inputs at the edge of what a statistic can say.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use sweeper_stats::curves::{difference_band, mean_band};
use sweeper_stats::distributions::student_t_critical;
use sweeper_stats::evalue::two_sample_e_value;
use sweeper_stats::variances::pitman_morgan;
use sweeper_stats::*;

/// Pairs that are good with probability q, A far above B, and else bad, B a little farther above A: A12 is q squared, and all
/// of n pairs are good with probability A12^(n/2). So a bound from n pairs is missed far too often.
#[test]
fn complete_separation_of_pairs_tells_half_as_much() {
    for n in [2_usize, 5, 10, 11] {
        let (a, b) = (vec![10.0; n], vec![-10.0; n]);
        let found = superiority_paired(&a, &b, 0.95).unwrap().interval.low;
        assert!((found - 0.025_f64.powf(1.0 / (n / 2) as f64)).abs() < 1e-12);
        // The probability of separation, hence of a miss, where A12 lies just below the bound.
        let missed = found.sqrt().powi(n as i32);
        assert!(missed <= 0.025 + 1e-9, "{n}: {missed}");
        let unpaired = superiority(&a, &b, 0.95).unwrap().interval.low;
        assert!((unpaired - 0.025_f64.powf(1.0 / n as f64)).abs() < 1e-12);
    }
}

/// Of two runs all residuals are the same, so their epochs look as if they were one.
#[test]
fn bands_of_few_runs_do_not_trust_their_correlation() {
    let run = |r: u32, epochs: u32| -> Vec<f64> {
        (0..epochs).map(|t| f64::from((r * 7919 + t * 104_729 + r * t * 31) % 1009)).collect()
    };
    let runs = |count: u32| -> Vec<Vec<f64>> { (0..count).map(|r| run(r + 1, 20)).collect() };
    for count in [2, 3, 4] {
        let bonferroni = student_t_critical(1.0 - 0.05 / 20.0, f64::from(count - 1)).unwrap();
        assert_eq!(mean_band(&runs(count), 0.95, 1).unwrap().critical, bonferroni);
    }
    assert!(mean_band(&runs(5), 0.95, 1).unwrap().critical < student_t_critical(1.0 - 0.05 / 20.0, 4.0).unwrap());
    let both = difference_band(&runs(2), &runs(9), 0.95, 1).unwrap();
    assert!(both.critical > both.pointwise_critical);
}

/// Beside values of 1e15 the spread of the others is nothing, and their p-values must not be 1 for it.
#[test]
fn a_group_out_of_all_proportion_is_refused() {
    let (control, near) = ([0.90, 0.905, 0.91, 0.902, 0.907], [0.95, 0.953, 0.956, 0.951, 0.957]);
    for scale in [1e12, 1e15] {
        let far = [1.0, 1.1, 1.3, 1.2, 1.05].map(|v| v * scale);
        let found = max_t_unpaired(&[&near, &far], &control, Draws::default());
        assert!(matches!(found, Err(Degenerate::Domain { .. })), "{found:?}");
    }
    let found = max_t_unpaired(&[&near], &control, Draws::default()).unwrap();
    assert!((found.comparisons[0].as_ref().unwrap().p_raw - 2.0 / 252.0).abs() < 1e-12);
}

/// Few arrangements are counted, on whichever side the few are.
#[test]
fn large_controls_are_counted() {
    let control: Vec<f64> = (0..66).map(|i| f64::from(i * i % 67)).collect();
    let found = max_t_unpaired(&[&[70.0, 71.5]], &control, Draws::default()).unwrap();
    assert_eq!((found.exact, found.arrangements), (true, 68 * 67 / 2));
}

/// Rounding leaves 1e-31 of a line, and a quotient of such numbers says anything.
#[test]
fn lines_have_no_test_of_their_spread() {
    for a in [vec![0.1, 0.2, 0.4, 0.55], vec![0.91, 0.92, 0.935, 0.917, 0.902], vec![1e9 + 0.1, 1e9 + 0.3, 1e9 + 0.2]] {
        for (factor, offset) in [(1.0, 0.3), (3.0, 0.0), (1.1, 0.0), (-2.0, 5.0)] {
            let b: Vec<f64> = a.iter().map(|v| factor * v + offset).collect();
            assert!(matches!(pitman_morgan(&a, &b, 0.95), Err(Degenerate::Domain { .. })), "{a:?} {factor} {offset}");
        }
    }
    assert!(pitman_morgan(&[0.1, 0.2, 0.4, 0.55], &[0.1, 0.2, 0.4, 0.550_001], 0.95).is_ok());
}

#[test]
fn an_e_value_beyond_all_numbers_is_none() {
    let (a, b) = ([1.7e308, -1.7e308], [-1.6e308, 1.7e308]);
    assert!(two_sample_e_value(&a, &b, 1.0).is_err());
}
