//! Published figures, laws that hold for any data, typed refusals, and equality over thread counts of the model modules.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::collection::vec;
use proptest::prelude::*;
use sweeper_counter::Stream;
use sweeper_stats::ancova::{ancova, break_even_correlation, control_adjusted, pairing_gain};
use sweeper_stats::audit::{cramers_v, duplicates, expected_coincidences, run_order_drift, worker_effect};
use sweeper_stats::contrast::{CellError, cell_contrast, paired_cell_contrast, paired_difference_in_differences};
use sweeper_stats::counts::{boschloo, fisher_exact, mcnemar, wilson};
use sweeper_stats::crossed::{
    BitMatrix, ClusterSums, Clusters, crossed_bit_differences, crossed_bits, crossed_clusters, crossed_values,
    pigeonhole, pigeonhole_clusters,
};
use sweeper_stats::curves::{difference_band, mean_band, paired_band};
use sweeper_stats::factorial::{FactorialOptions, SumsOfSquares, Term, factorial_anova};
use sweeper_stats::grid::{Merge, design_audit, interaction_squares, largest_complete_subgrid};
use sweeper_stats::linear::{Covariance, Matrix, least_squares, rank};
use sweeper_stats::rank_intervals::{rank_intervals, shrink_means};
use sweeper_stats::variances::{brown_forsythe, pitman_morgan, pitman_morgan_summary, variance_f, variance_f_summary};
use sweeper_stats::*;

/// Study A's ten configurations: unbalanced, layer, training bias, validation bias, apriori loss, label smoothing.
fn study_a() -> Vec<Vec<usize>> {
    ["000000", "000001", "100000", "110000", "110001", "111000", "111001", "111100", "111101", "111111"]
        .map(|row| row.bytes().map(|b| usize::from(b - b'0')).collect())
        .to_vec()
}

#[test]
fn study_a_supports_eleven_comparisons_and_one_table() {
    let audit = design_audit(&study_a()).unwrap();
    assert_eq!((audit.main_rank.rank, audit.main_rank.columns), (7, 7));
    assert_eq!((audit.two_way_rank.rank, audit.two_way_rank.columns), (10, 22));
    assert_eq!((audit.possible_cells, audit.empty_cells, audit.edges.len()), (64.0, 54.0, 11));
    assert!(audit.main_rank.aliased.is_empty() && audit.two_way_rank.aliased.len() >= 12);
    // Rows 1 and 2 were not run on two of the three test sets.
    let measured = study_a()[2..].to_vec();
    let grid = largest_complete_subgrid(&measured, Merge::Allowed).unwrap().unwrap();
    assert_eq!(grid.cells, [1, 2, 3, 4, 5, 6], "rows 4 to 9");
    assert!(grid.proven && grid.groups.contains(&vec![2, 3]));
    let stages = grid.groups.iter().position(|g| g == &[2, 3]).unwrap();
    assert_eq!(grid.levels[stages], [[0, 0], [1, 0], [1, 1]]);
    let plain = largest_complete_subgrid(&measured, Merge::Never).unwrap().unwrap();
    assert_eq!(plain.cells.len(), 4);
    assert_eq!(interaction_squares(&measured).unwrap().len(), 2);
}

#[test]
fn study_e_does_not_show_that_smoothed_accuracy_is_less_noisy() {
    let f = variance_f_summary(0.35, 10, 0.25, 10, 0.95).unwrap();
    assert!((f.p_value - 0.33).abs() < 0.005, "{}", f.p_value);
    for (r, p, digits) in [(0.5, 0.30, 0.005), (0.8, 0.14, 0.005), (0.9, 0.06, 0.005), (0.95, 0.015, 0.0015)] {
        let test = pitman_morgan_summary(0.35, 0.25, 10, r, 0.95).unwrap();
        assert!((test.p_value - p).abs() <= digits, "{r}: {}", test.p_value);
        assert_eq!(test.interval.contains(1.0), test.p_value > 0.05);
    }
}

#[test]
fn pairing_pays_above_the_published_correlations() {
    for (n, wanted) in [(3, 0.58), (5, 0.31), (10, 0.14), (15, 0.09), (30, 0.04)] {
        assert!((break_even_correlation(n, 0.95).unwrap() - wanted).abs() < 0.006, "{n}");
    }
    let gain = pairing_gain(&[1.0, 2.0, 4.0, 3.0], &[1.5, 2.5, 4.4, 3.6]).unwrap();
    assert!(gain.correlation > 0.99 && gain.gain > 100.0);
}

#[test]
fn bits_agree_with_numbers_at_full_size() {
    // 30 seeds x 10 configurations x 10,000 examples; its time is printed, not judged.
    let examples = 10_000;
    let bytes: Vec<Vec<u8>> = (0..300)
        .map(|row| (0..examples / 8).map(|i| Stream::new(row, 7_u32, 0).bits(i) as u8 | 0x55).collect())
        .collect();
    let tables: Vec<BitMatrix> = bytes
        .chunks(30)
        .map(|rows| BitMatrix::new(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>(), examples as usize).unwrap())
        .collect();
    let start = std::time::Instant::now();
    let all: Vec<_> = tables.iter().map(|t| crossed_bits(t).unwrap()).collect();
    for a in 0..10 {
        for b in 0..a {
            crossed_bit_differences(&tables[a], &tables[b]).unwrap();
        }
    }
    eprintln!("10 configurations and 45 differences: {:?}", start.elapsed());
    let slow = crossed_values(&tables[3].to_rows()).unwrap();
    assert!((all[3].mean_square_example / slow.mean_square_example - 1.0).abs() < 1e-10);
    assert!((all[3].mean_square_residual / slow.mean_square_residual - 1.0).abs() < 1e-10);
}

#[test]
fn threads_do_not_change_a_bit() {
    let curves: Vec<Vec<f64>> = (0..7).map(|i| Stream::new(i, 1_u32, 0).normals(9)).collect();
    let others: Vec<Vec<f64>> = (0..5).map(|i| Stream::new(i, 2_u32, 0).normals(9)).collect();
    let run = |threads: usize| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
            let band = difference_band(&curves, &others, 0.9, 3).unwrap();
            (band, pigeonhole(&curves, 501, 3).unwrap())
        })
    };
    let one = run(1);
    assert!(one == run(2) && one == run(8));
    assert_ne!(one.1, pigeonhole(&curves, 501, 4).unwrap());
}

#[test]
fn one_epoch_has_students_interval() {
    let x = [91.2, 90.7, 91.9, 90.2];
    let band = mean_band(&x.map(|v| vec![v]), 0.95, 1).unwrap();
    let interval = mean_interval(&x, 0.95).unwrap();
    assert!((band.low[0] - interval.low).abs() < 1e-12 && (band.high[0] - interval.high).abs() < 1e-12);
    let y = [90.0, 90.6, 90.1, 89.9];
    let band = paired_band(&x.map(|v| vec![v, 5.0]), &y.map(|v| vec![v, 5.0]), 0.95, 1).unwrap();
    let test = paired_t(&x, &y, 0.95).unwrap();
    assert!((band.high[0] - test.interval.high).abs() < 1e-12);
    assert_eq!((band.constant, band.low[1], band.high[1]), (vec![1], 0.0, 0.0));
}

#[test]
fn clusters_of_one_size_are_columns_of_means() {
    let rows: Vec<Vec<f64>> = (0..6).map(|i| Stream::new(i, 4_u32, 0).normals(12)).collect();
    let cluster = Clusters::new(&(0..12).map(|i| i % 4).collect::<Vec<_>>()).unwrap();
    let means: Vec<Vec<f64>> =
        rows.iter().map(|row| (0..4).map(|c| (0..3).map(|k| row[c + 4 * k]).sum::<f64>() / 3.0).collect()).collect();
    let (a, b) = (crossed_clusters(&rows, &cluster).unwrap(), crossed_values(&means).unwrap());
    assert!((a.se_new_examples - b.se_new_examples).abs() < 1e-12 && (a.mean - b.mean).abs() < 1e-12);
    assert_eq!((a.examples, cluster.count(), cluster.largest()), (4, 4, 3));
}

/// A seed that has every example right by the same amount more is no noise of clusters, however their sizes differ.
#[test]
fn seeds_that_differ_as_a_whole_leave_clusters_alone() {
    let cluster = Clusters::new(&[0, 0, 0, 0, 0, 0, 1, 2, 3]).unwrap();
    let rows: Vec<Vec<f64>> = (0..4).map(|s| (0..9).map(|i| f64::from(10 * s + i % 3)).collect()).collect();
    let got = crossed_clusters(&rows, &cluster).unwrap();
    assert!(got.mean_square_residual < 1e-20 * got.mean_square_seed && got.variance_seed.value > 1.0, "{got:?}");
}

/// `rows` of random bits in which examples of one label are alike.
fn alike(rows: u64, labels: &[usize]) -> BitMatrix {
    let shared = Stream::new(9, 6_u32, 0).normals(labels.len());
    let row = |r: u64| {
        let own = Stream::new(r, 5_u32, 0).normals(labels.len());
        let right = |i: usize| own[i] + 1.5 * shared[labels[i]] > 0.0;
        let mut bytes = vec![0_u8; labels.len().div_ceil(8)];
        (0..labels.len()).filter(|&i| right(i)).for_each(|i| bytes[i / 8] |= 1 << (i % 8));
        bytes
    };
    let rows: Vec<Vec<u8>> = (0..rows).map(row).collect();
    BitMatrix::new(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>(), labels.len()).unwrap()
}

#[test]
fn the_bootstrap_of_clusters_is_that_of_examples_where_each_is_alone_and_wider_where_they_are_alike() {
    let single: Vec<usize> = (0..150).collect();
    let shared: Vec<usize> = (0..150).map(|i| i / 10).collect();
    let table = alike(8, &shared);
    let draw = |labels: &[usize], seed| {
        let clusters = Clusters::new(labels).unwrap();
        let sums = ClusterSums::of_bits(&table, &clusters).unwrap();
        (pigeonhole_clusters(&sums, 400, seed).unwrap(), sums.crossed().unwrap())
    };
    let plain = pigeonhole(&table.to_rows(), 400, 3).unwrap();
    let (alone, formula) = draw(&single, 3);
    assert!((alone.standard_error / plain.standard_error - 1.0).abs() < 1e-9, "{alone:?} {plain:?}");
    assert!((formula.se_new_examples / crossed_bits(&table).unwrap().se_new_examples - 1.0).abs() < 1e-9);
    let (together, formula) = draw(&shared, 3);
    assert!(together.standard_error > 1.5 * plain.standard_error, "{together:?} {plain:?}");
    let ratio = together.standard_error / formula.se_new_examples;
    assert!((0.8..1.3).contains(&ratio), "{ratio}");
    assert_ne!(together, draw(&shared, 4).0);
}

#[test]
fn copies_are_found_and_chance_is_told() {
    let metrics = vec![vec![0.5, 1.25], vec![0.5, 1.5], vec![0.5, 1.25], vec![f64::NAN, 1.0], vec![f64::NAN, 1.0]];
    let found = duplicates(&metrics, &[1, 2, 3, 4, 5]).unwrap();
    assert_eq!(found.iter().map(|d| d.runs.clone()).collect::<Vec<_>>(), [vec![0, 2]]);
    assert!(duplicates(&metrics, &[1, 2, 1, 4, 5]).unwrap().is_empty());
    // 30 runs, standard deviation 0.5 points, 500 images: steps of 0.2 points.
    assert!((expected_coincidences(30, 0.5, 0.2).unwrap() - 49.1).abs() < 0.1);
}

#[test]
fn inestimable_contrasts_and_aliased_columns_are_named() {
    let rows: Vec<Vec<f64>> = (0..6).map(|i| vec![1.0, f64::from(i % 2), f64::from(1 - i % 2)]).collect();
    let design = Matrix::from_rows(&rows).unwrap();
    assert_eq!((rank(&design).rank, rank(&design).aliased), (2, vec![2]));
    let fit = least_squares(&design, &[1.0, 2.0, 1.5, 2.5, 0.5, 3.0]).unwrap();
    assert_eq!((fit.coefficients[2], fit.df_residual), (None, 4));
    assert!(fit.contrast(&[0.0, 1.0, 0.0], Covariance::Classical, 0.9).is_err());
    let test = fit.contrast(&[0.0, 1.0, -1.0], Covariance::Classical, 0.9).unwrap();
    assert!((test.difference - 1.5).abs() < 1e-12);
    // Half of a crossed grid: each factor is the interaction of the two others.
    let half = [[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]];
    let column = |f: usize| -> Vec<usize> { (0..12).map(|i| half[i % 4][f]).collect() };
    let (a, b, c) = (column(0), column(1), column(2));
    let y = Stream::new(1, 1_u32, 0).normals(12);
    let options = FactorialOptions::default();
    let got = factorial_anova(&y, &[&a, &b, &c], None, &options).unwrap();
    assert_eq!((got.rank, got.columns, got.residual_df), (4, 7, 8));
    assert!(got.terms.is_empty() && got.aliased.len() == 6);
    let options = FactorialOptions { interactions: false, ..options };
    let got = factorial_anova(&y, &[&a, &b, &c], None, &options).unwrap();
    assert_eq!(got.terms.iter().map(|t| t.term).collect::<Vec<_>>(), [0, 1, 2].map(Term::Main));
    // A fifth cell of a 3 x 2 grid leaves one of two degrees of freedom to the interaction.
    let (a, b) = ([0, 0, 1, 1, 2, 0, 0, 1, 1, 2], [0, 1, 0, 1, 0, 0, 1, 0, 1, 0]);
    let got = factorial_anova(&y[..10], &[&a, &b], None, &FactorialOptions::default()).unwrap();
    let last = got.terms.last().unwrap();
    assert_eq!((last.term, last.df, last.nominal_df), (Term::Interaction(0, 1), 1, 2));
}

type Refusal = Result<(), Degenerate>;

#[test]
fn refusals_are_typed() {
    let flat = [2.0; 4];
    let some = [1.0, 2.0, 4.0, 3.0];
    let odd = [1.0, f64::NAN, 2.0, 3.0];
    let groups = [0, 0, 1, 1];
    let options = FactorialOptions::default();
    let zero: Vec<Refusal> = vec![
        factorial_anova(&flat, &[&groups], None, &options).map(drop),
        cell_contrast(&[&flat, &flat], &[1.0, -1.0], CellError::Welch, 0.9).map(drop),
        paired_cell_contrast(&[&flat, &flat], &[1.0, -1.0], 0.9).map(drop),
        paired_cell_contrast(&[&[0.3, 0.4, 91.23], &[0.1, 0.2, 91.03]], &[1.0, -1.0], 0.9).map(drop),
        worker_effect(&flat, &groups, None, &[0, 1, 0, 1]).map(drop),
        run_order_drift(&some, &groups, None, &flat, 0.9).map(drop),
        pitman_morgan(&flat, &some, 0.9).map(drop),
        variance_f(&some, &flat, 0.9).map(drop),
        brown_forsythe(&[&flat, &flat]).map(drop),
        crossed_values(&[flat.to_vec(), flat.to_vec()]).map(drop),
        crossed_bits(&BitMatrix::new(&[&[255], &[255]], 8).unwrap()).map(drop),
        pigeonhole(&[flat.to_vec(), flat.to_vec()], 100, 1).map(drop),
        fisher_exact([[0, 5], [0, 9]]).map(drop),
        boschloo([[4, 0], [7, 0]]).map(drop),
        mean_band(&[flat.to_vec(), flat.to_vec()], 0.9, 1).map(drop),
        shrink_means(&flat, &some).map(drop),
        ancova(&some, &flat, &some, &flat, 0.9).map(drop),
        control_adjusted(&flat, &some, &[], 0.9).map(drop),
        pairing_gain(&some, &[2.0, 3.0, 5.0, 4.0]).map(drop),
    ];
    for (i, refusal) in zero.into_iter().enumerate() {
        assert!(matches!(refusal, Err(Degenerate::ZeroVariance { .. })), "{i}: {refusal:?}");
    }
    let not_finite: Vec<Refusal> = vec![
        factorial_anova(&odd, &[&groups], None, &options).map(drop),
        cell_contrast(&[&odd, &some], &[1.0, -1.0], CellError::Hc3, 0.9).map(drop),
        run_order_drift(&odd, &groups, None, &some, 0.9).map(drop),
        brown_forsythe(&[&some, &odd]).map(drop),
        crossed_values(&[odd.to_vec(), some.to_vec()]).map(drop),
        mean_band(&[odd.to_vec(), some.to_vec()], 0.9, 1).map(drop),
        rank_intervals(&[&odd, &some], false, true, 0.9).map(drop),
        Matrix::new(2, 2, odd.to_vec()).map(drop),
    ];
    for (i, refusal) in not_finite.into_iter().enumerate() {
        assert!(matches!(refusal, Err(Degenerate::NotFinite { index: 1 })), "{i}: {refusal:?}");
    }
    let too_few: Vec<Refusal> = vec![
        factorial_anova(&[1.0, 2.0], &[&[0, 1]], None, &options).map(drop),
        pitman_morgan(&[1.0, 2.0], &[2.0, 1.0], 0.9).map(drop),
        mcnemar(0, 0).map(drop),
        wilson(0, 0, 0.9).map(drop),
        fisher_exact([[0, 0], [1, 2]]).map(drop),
        crossed_values(&[some.to_vec()]).map(drop),
        cramers_v(&[vec![3, 4], vec![0, 0]]).map(drop),
        rank_intervals(&[&some], false, true, 0.9).map(drop),
        shrink_means(&[1.0, 2.0, 3.0], &[1.0; 3]).map(drop),
        break_even_correlation(1, 0.9).map(drop),
    ];
    for (i, refusal) in too_few.into_iter().enumerate() {
        assert!(matches!(refusal, Err(Degenerate::TooFew { .. })), "{i}: {refusal:?}");
    }
    assert!(matches!(worker_effect(&some, &groups, None, &groups), Err(Degenerate::Domain { .. })));
    assert!(matches!(BitMatrix::new(&[&[1, 2]], 8), Err(Degenerate::LengthMismatch { a: 1, b: 2 })));
    assert!(matches!(design_audit(&[vec![1], vec![1]]), Err(Degenerate::Domain { .. })));
}

#[test]
fn refusals_of_clusters_are_typed() {
    let pairs = Clusters::new(&[0, 0, 1, 1]).unwrap();
    let (some, flat) = (vec![1.0, 2.0, 4.0, 3.0], vec![2.0; 4]);
    // Every cluster has one of each.
    let alternating = vec![0.0, 1.0, 0.0, 1.0];
    let all = BitMatrix::new(&[&[15], &[15]], 4).unwrap();
    let ones = ClusterSums::of_bits(&all, &pairs).unwrap();
    let zero: Vec<Refusal> = vec![
        crossed_clusters(&[flat.clone(), flat], &pairs).map(drop),
        crossed_clusters(&[alternating.clone(), alternating], &pairs).map(drop),
        ones.crossed().map(drop),
        pigeonhole_clusters(&ones, 100, 1).map(drop),
    ];
    for (i, refusal) in zero.into_iter().enumerate() {
        assert!(matches!(refusal, Err(Degenerate::ZeroVariance { .. })), "{i}: {refusal:?}");
    }
    let too_few: Vec<Refusal> = vec![
        Clusters::new(&[7, 7, 7]).map(drop),
        Clusters::new(&[]).map(drop),
        crossed_clusters(&[some], &pairs).map(drop),
        ClusterSums::of_bits(&BitMatrix::new(&[&[5]], 4).unwrap(), &pairs).map(drop),
        pigeonhole_clusters(&ones, 1, 1).map(drop),
    ];
    for (i, refusal) in too_few.into_iter().enumerate() {
        assert!(matches!(refusal, Err(Degenerate::TooFew { needed: 2, .. })), "{i}: {refusal:?}");
    }
    let other = BitMatrix::new(&[&[5], &[5]], 5).unwrap();
    let short = BitMatrix::new(&[&[5], &[5], &[5]], 4).unwrap();
    let lengths: Vec<Refusal> = vec![
        crossed_clusters(&[vec![1.0; 5], vec![2.0; 5]], &pairs).map(drop),
        ClusterSums::of_bits(&other, &pairs).map(drop),
        ClusterSums::of_bit_differences(&all, &other, &pairs).map(drop),
        ClusterSums::of_bit_differences(&all, &short, &pairs).map(drop),
    ];
    for (i, refusal) in lengths.into_iter().enumerate() {
        assert!(matches!(refusal, Err(Degenerate::LengthMismatch { .. })), "{i}: {refusal:?}");
    }
}

#[test]
fn extreme_effects_keep_finite_figures() {
    let y: Vec<f64> = (0..8).map(|i| f64::from(i / 4) * 1e6 + 1e-6 * f64::from(i % 4)).collect();
    let groups: Vec<usize> = (0..8).map(|i| i / 4).collect();
    let got = factorial_anova(&y, &[&groups], None, &FactorialOptions::default()).unwrap();
    let term = &got.terms[0];
    assert!(term.log10_p < -60.0 && term.p_value > 0.0 && term.interval.low > 0.999 && term.interval.high <= 1.0);
    assert!(mcnemar(0, 5000).unwrap().log10_exact_p < -1500.0);
    let p = boschloo([[0, 400], [400, 0]]).unwrap();
    assert!(p.log10_p < -200.0 && p.log10_p <= fisher_exact([[0, 400], [400, 0]]).unwrap().log10_p);
}

/// Values on a grid of 1/1024, so that shifts and powers of two are exact.
fn values(n: usize) -> impl Strategy<Value = Vec<f64>> {
    vec((-20_000_i32..20_000).prop_map(|v| f64::from(v) / 1024.0), n)
}

fn close(a: f64, b: f64, scale: f64) -> bool {
    (a - b).abs() <= 1e-8 * a.abs().max(b.abs()).max(scale)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn anova_follows_shift_scale_order_and_names(
        y in values(18), shift in -1_000_000_i32..1_000_000, exponent in -400_i32..400, turn in 0_usize..18
    ) {
        let a: Vec<usize> = (0..18).map(|i| i % 3).collect();
        let b: Vec<usize> = (0..18).map(|i| i / 3 % 2).collect();
        for sums in [SumsOfSquares::TypeII, SumsOfSquares::TypeIII] {
            let options = FactorialOptions { sums, ..FactorialOptions::default() };
            let before = factorial_anova(&y, &[&a, &b], None, &options).unwrap();
            let factor = 2_f64.powi(exponent);
            let mut moved: Vec<f64> = y.iter().map(|v| (v + f64::from(shift)) * factor).collect();
            let mut names: Vec<usize> = a.iter().map(|l| [7, 3, 100][*l]).collect();
            let mut other = b.clone();
            moved.rotate_left(turn);
            names.rotate_left(turn);
            other.rotate_left(turn);
            let after = factorial_anova(&moved, &[&names, &other], None, &options).unwrap();
            for (x, y) in before.terms.iter().zip(&after.terms) {
                prop_assert!(close(x.statistic, y.statistic, 1e-4), "{} {}", x.statistic, y.statistic);
                prop_assert!(close(x.log10_p, y.log10_p, 1e-4));
                prop_assert!((x.interval.high - y.interval.high).abs() < 1e-7);
            }
        }
    }

    #[test]
    fn tables_of_values_follow_shift_and_scale(y in values(20), shift in -1_000_000_i32..1_000_000, exponent in -400_i32..400) {
        let factor = 2_f64.powi(exponent);
        let rows = |f: &dyn Fn(f64) -> f64| -> Vec<Vec<f64>> { y.chunks(5).map(|r| r.iter().map(|v| f(*v)).collect()).collect() };
        if let Ok(before) = crossed_values(&rows(&|v| v)) {
            let after = crossed_values(&rows(&|v| (v + f64::from(shift)) * factor)).unwrap();
            prop_assert!(close(before.se_new_examples * factor, after.se_new_examples, 0.0));
            prop_assert!(close(before.se_same_test_set * factor, after.se_same_test_set, factor));
            prop_assert!(before.se_new_examples >= 0.0 && before.variance_seed.value >= 0.0);
        }
        let band = mean_band(&rows(&|v| v), 0.9, 1);
        let moved = mean_band(&rows(&|v| (v + f64::from(shift)) * factor), 0.9, 1);
        if let (Ok(band), Ok(moved)) = (band, moved) {
            prop_assert!(close(band.critical, moved.critical, 0.0));
        }
    }

    #[test]
    fn clusters_of_one_example_change_nothing_and_neither_names_nor_order_do(
        y in values(36), cluster in vec(0_usize..5, 12), turn in 1_usize..12
    ) {
        let rows: Vec<Vec<f64>> = y.chunks(12).map(<[f64]>::to_vec).collect();
        if let Ok(plain) = crossed_values(&rows) {
            let alone = crossed_clusters(&rows, &Clusters::new(&(0..12).rev().collect::<Vec<_>>()).unwrap()).unwrap();
            for (a, b) in [
                (alone.se_same_test_set, plain.se_same_test_set), (alone.se_examples(), plain.se_examples()),
                (alone.se_new_examples, plain.se_new_examples), (alone.se_one_model, plain.se_one_model),
            ] {
                prop_assert!(close(a, b, 1e-3), "{a} {b}");
            }
            prop_assert_eq!((alone.examples, alone.seeds), (plain.examples, plain.seeds));
        }
        let Ok(clusters) = Clusters::new(&cluster) else { return Ok(()) };
        let Ok(before) = crossed_clusters(&rows, &clusters) else { return Ok(()) };
        // Examples in another order, clusters by other names, seeds in another order, all values moved.
        let mut renamed: Vec<usize> = cluster.iter().map(|c| [40, 3, 77, 0, 12][*c]).collect();
        renamed.rotate_left(turn);
        let mut turned: Vec<Vec<f64>> = rows.iter().map(|r| r.iter().map(|v| v + 1024.0).collect()).collect();
        turned.iter_mut().for_each(|row| row.rotate_left(turn));
        turned.rotate_left(1);
        let after = crossed_clusters(&turned, &Clusters::new(&renamed).unwrap()).unwrap();
        prop_assert!(close(before.se_new_examples, after.se_new_examples, 1e-3));
        prop_assert!(close(before.se_one_model, after.se_one_model, 1e-3) && close(before.se_examples(), after.se_examples(), 1e-3));
    }

    #[test]
    fn drift_and_contrasts_turn_with_their_sign(y in values(12), exponent in -300_i32..300) {
        let config: Vec<usize> = (0..12).map(|i| i % 3).collect();
        let order: Vec<f64> = (0..12).map(f64::from).collect();
        let back: Vec<f64> = order.iter().map(|o| 1e9 - o * 2.0).collect();
        let factor = 2_f64.powi(exponent);
        let scaled: Vec<f64> = y.iter().map(|v| v * factor).collect();
        if let (Ok(a), Ok(b)) = (run_order_drift(&y, &config, None, &order, 0.9), run_order_drift(&scaled, &config, None, &back, 0.9)) {
            prop_assert!(close(a.statistic, -b.statistic, 1e-3) && close(a.difference * factor, -2.0 * b.difference, 1e-6 * factor));
        }
        let cells: Vec<&[f64]> = y.chunks(3).collect();
        let four = [cells[0], cells[1], cells[2], cells[3]];
        let flipped = [cells[1], cells[0], cells[3], cells[2]];
        if let (Ok(a), Ok(b)) = (paired_difference_in_differences(four, 0.9), paired_difference_in_differences(flipped, 0.9)) {
            prop_assert!(close(a.statistic, -b.statistic, 1e-6));
        }
        let scaled: Vec<&[f64]> = scaled.chunks(3).collect();
        let weights = [1.0, -0.5, -0.25, -0.25];
        if let (Ok(a), Ok(b)) = (cell_contrast(&cells, &weights, CellError::Hc3, 0.9), cell_contrast(&scaled, &weights, CellError::Hc3, 0.9)) {
            prop_assert!(close(a.statistic, b.statistic, 1e-6) && close(a.df, b.df, 0.0));
        }
    }

    #[test]
    fn two_by_two_tests_are_symmetric(a in 0_u64..25, b in 0_u64..25, c in 0_u64..25, d in 0_u64..25) {
        let Ok(fisher) = fisher_exact([[a, b], [c, d]]) else { return Ok(()) };
        for turned in [[[c, d], [a, b]], [[b, a], [d, c]]] {
            prop_assert!(close(fisher.p_value, fisher_exact(turned).unwrap().p_value, 0.0));
            let (p, q) = (boschloo([[a, b], [c, d]]).unwrap().p_value, boschloo(turned).unwrap().p_value);
            prop_assert!((p - q).abs() <= 1e-6 * p, "{p} {q}");
        }
        prop_assert!(fisher.p_value > 0.0 && fisher.p_value <= 1.0);
        let rate = wilson(a, a + b, 0.95);
        if let (Ok(rate), Ok(other)) = (rate, wilson(b, a + b, 0.95)) {
            prop_assert!((rate.low - (1.0 - other.high)).abs() < 1e-14 && rate.low <= rate.high);
        }
    }

    #[test]
    fn ranks_do_not_depend_on_order_or_direction(y in values(20), turn in 0_usize..5) {
        let samples: Vec<&[f64]> = y.chunks(4).collect();
        let mut turned = samples.clone();
        turned.rotate_left(turn);
        let negative: Vec<f64> = y.iter().map(|v| -v).collect();
        let mirrored: Vec<&[f64]> = negative.chunks(4).collect();
        let got = rank_intervals(&samples, false, true, 0.6).unwrap();
        let mut again = rank_intervals(&turned, false, true, 0.6).unwrap().ranks;
        again.rotate_right(turn);
        prop_assert_eq!(&got.ranks, &again);
        prop_assert_eq!(&got.ranks, &rank_intervals(&mirrored, false, false, 0.6).unwrap().ranks);
        prop_assert!(got.ranks.iter().all(|r| r.low <= r.rank && r.rank <= r.high));
    }
}
