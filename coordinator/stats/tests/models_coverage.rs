//! What the intervals of the model modules promise, by simulation at fixed seeds.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use sweeper_counter::Stream;
use sweeper_stats::ancova::{ancova, control_adjusted};
use sweeper_stats::contrast::{CellError, difference_in_differences};
use sweeper_stats::counts::boschloo;
use sweeper_stats::crossed::{Clusters, Crossed, crossed_clusters, crossed_values, pigeonhole};
use sweeper_stats::curves::{CurveBand, difference_band, mean_band};
use sweeper_stats::distributions::student_t_critical;
use sweeper_stats::factorial::{FactorialOptions, factorial_anova};
use sweeper_stats::rank_intervals::{rank_intervals, shrink_means};
use sweeper_stats::robust_terms::robust_terms;
use sweeper_stats::variances::pitman_morgan;

fn normals(repeat: u64, part: u32, count: usize) -> Vec<f64> {
    Stream::new(repeat, 77_u32, part).normals(count)
}

fn share(repeats: u64, hit: impl Fn(u64) -> bool) -> f64 {
    (0..repeats).filter(|&r| hit(r)).count() as f64 / repeats as f64
}

fn all_inside(band: &CurveBand, truth: f64) -> bool {
    band.low.iter().zip(&band.high).all(|(low, high)| *low <= truth && truth <= *high)
}

/// `rough`: epochs hardly depend on each other, the hardest case; else random walks.
fn curves(repeat: u64, part: u32, runs: usize, epochs: usize, rough: bool) -> Vec<Vec<f64>> {
    let noise = normals(repeat, part, runs * epochs);
    let curve = |own: &[f64]| -> Vec<f64> {
        own.iter()
            .scan(0.0, |sum, v| {
                *sum = if rough { 0.3 * *sum + v } else { *sum + v };
                Some(*sum)
            })
            .collect()
    };
    noise.chunks(epochs).map(curve).collect()
}

#[test]
fn bands_hold_whole_curves() {
    for (runs, rough) in [(5, false), (5, true), (12, true)] {
        let covered = share(150, |r| all_inside(&mean_band(&curves(r, 1, runs, 20, rough), 0.95, r).unwrap(), 0.0));
        eprintln!("{runs} runs, rough {rough}: {covered}");
        assert!(covered >= 0.91, "{runs} runs, rough {rough}: {covered}");
    }
    let covered = share(120, |r| {
        let mut b = curves(r, 2, 10, 12, false);
        b.iter_mut().flatten().for_each(|v| *v *= 3.0);
        all_inside(&difference_band(&curves(r, 1, 6, 12, false), &b, 0.95, r).unwrap(), 0.0)
    });
    eprintln!("difference: {covered}");
    assert!(covered >= 0.91, "{covered}");
    // A plain 95 % interval per epoch would not do.
    let band = mean_band(&curves(1, 1, 12, 20, true), 0.95, 1).unwrap();
    assert!(band.critical > 1.3 * band.pointwise_critical);
}

#[test]
fn rank_intervals_hold_together() {
    // Six configurations: two tied at the top, one clearly worst.
    let means = [1.0, 1.0, 0.5, 0.4, 0.0, -3.0];
    let true_ranks = [(1, 2), (1, 2), (3, 3), (4, 4), (5, 5), (6, 6)];
    for paired in [false, true] {
        let covered = share(1500, |r| {
            let noise = normals(r, 3, 6 * 8);
            let samples: Vec<Vec<f64>> =
                noise.chunks(8).zip(means).map(|(own, m)| own.iter().map(|v| v + m).collect()).collect();
            let samples: Vec<&[f64]> = samples.iter().map(Vec::as_slice).collect();
            let got = rank_intervals(&samples, paired, true, 0.9).unwrap();
            // A tied configuration may take either rank; both must be allowed.
            got.ranks.iter().zip(true_ranks).all(|(rank, (low, high))| rank.low <= low && high <= rank.high)
        });
        eprintln!("ranks, paired {paired}: {covered}");
        assert!(covered >= 0.9, "{covered}");
    }
}

#[test]
fn shrinking_removes_most_of_the_winners_curse() {
    // Ten equal configurations, five runs each: the best looks 0.69 standard deviations better than it is.
    let (mut raw, mut shrunken) = (0.0, 0.0);
    for r in 0..3000 {
        let means: Vec<f64> = normals(r, 4, 10).iter().map(|v| v / 5.0_f64.sqrt()).collect();
        let got = shrink_means(&means, &[1.0 / 5.0_f64.sqrt(); 10]).unwrap();
        let top = |x: &[f64]| x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        raw += top(&means) / 3000.0;
        shrunken += top(&got.means) / 3000.0;
    }
    eprintln!("best of ten: {raw}, shrunken {shrunken}");
    assert!((raw - 0.69).abs() < 0.02 && shrunken < 0.25);
}

#[test]
fn adjusted_differences_cover() {
    let t = |confidence: f64, of: &dyn Fn(u64) -> bool| {
        let covered = share(2500, of);
        eprintln!("covered {covered}");
        assert!((covered - confidence).abs() < 0.02, "{covered}");
    };
    t(0.95, &|r| {
        let z = normals(r, 5, 40);
        let run = |i: usize| z[i] + 2.0 * z[20 + i];
        let (a, b): (Vec<f64>, Vec<f64>) = ((0..7).map(run).collect(), (7..16).map(run).collect());
        ancova(&a, &z[20..27], &b, &z[27..36], 0.95).unwrap().test.interval.contains(0.0)
    });
    // Control on 18 seeds, treatment (true effect 0.5) on six of them.
    t(0.95, &|r| {
        let z = normals(r, 6, 24);
        let a: Vec<f64> = (0..6).map(|i| 0.5 + 0.8 * z[i] + 0.6 * z[18 + i]).collect();
        control_adjusted(&a, &z[..6], &z[6..18], 0.95).unwrap().test.interval.contains(0.5)
    });
    // Unequal spreads and sizes.
    t(0.95, &|r| {
        let z = normals(r, 7, 30);
        let wide: Vec<f64> = z[..5].iter().map(|v| v * 4.0).collect();
        difference_in_differences([&wide, &z[5..12], &z[12..16], &z[16..30]], CellError::Welch, 0.95)
            .unwrap()
            .interval
            .contains(0.0)
    });
    t(0.9, &|r| {
        let z = normals(r, 8, 24);
        let b: Vec<f64> = (0..12).map(|i| 2.0 * (0.9 * z[i] + 0.43589 * z[12 + i])).collect();
        pitman_morgan(&b, &z[..12], 0.9).unwrap().interval.contains(2.0)
    });
}

#[test]
fn share_of_variance_is_covered() {
    // Three levels, eight runs each, effects (0, 0.5, 1): noncentrality 8 * 0.5, population share 4 / 28.
    let groups: Vec<usize> = (0..24).map(|i| i / 8).collect();
    let options = FactorialOptions { confidence: 0.9, ..FactorialOptions::default() };
    let covered = share(1500, |r| {
        let y: Vec<f64> = normals(r, 9, 24).iter().zip(&groups).map(|(z, &g)| z + 0.5 * g as f64).collect();
        factorial_anova(&y, &[&groups], None, &options).unwrap().terms[0].interval.contains(4.0 / 28.0)
    });
    eprintln!("share of variance: {covered}");
    assert!((covered - 0.9).abs() < 0.025, "{covered}");
}

/// Seeds (sd 0.3), examples (sd 1) and residual (sd 2) of 6 x 40.
fn table(repeat: u64) -> Vec<Vec<f64>> {
    let z = normals(repeat, 10, 6 + 40 + 240);
    (0..6).map(|s| (0..40).map(|e| 0.3 * z[s] + z[6 + e] + 2.0 * z[46 + 40 * s + e]).collect()).collect()
}

#[test]
fn standard_errors_of_the_three_targets_are_those_of_new_data() {
    let repeats = 800;
    let (mut means, mut new, mut same, mut clamped) = (Vec::new(), 0.0, 0.0, 0);
    for r in 0..repeats {
        let got = crossed_values(&table(r)).unwrap();
        means.push(got.mean);
        new += got.se_new_examples.powi(2) / repeats as f64;
        same += got.se_same_test_set.powi(2) / repeats as f64;
        clamped += u32::from(got.variance_seed.clamped);
    }
    let truth = 0.09 / 6.0 + 1.0 / 40.0 + 4.0 / 240.0;
    let spread = means.iter().map(|m| m * m).sum::<f64>() / repeats as f64;
    eprintln!("new examples: {new} of {truth}, observed {spread}; clamped {clamped}");
    assert!((new / truth - 1.0).abs() < 0.06 && (spread / truth - 1.0).abs() < 0.15);
    assert!((same / (0.09 / 6.0 + 4.0 / 240.0) - 1.0).abs() < 0.06);
    assert!(clamped > 0, "the flag was never needed");
    // The bootstrap counts the residual three times.
    let counted = (0..20).map(|r| pigeonhole(&table(r), 400, r).unwrap().standard_error.powi(2)).sum::<f64>() / 20.0;
    let expected = 0.09 / 6.0 * 5.0 / 6.0 + 1.0 / 40.0 * 39.0 / 40.0 + 4.0 / 240.0 * 2.8;
    eprintln!("pigeonhole: {counted}, by its own bias {expected}");
    assert!((counted / expected - 1.0).abs() < 0.2);
}

/// Five seeds (sd 0.1) on 40 clusters (sd 0.8) of 1 to 9 examples (sd 1); what a seed does to a cluster (sd 0.3) and to an
/// example (sd 1).
fn clustered(repeat: u64) -> (Vec<Vec<f64>>, Clusters) {
    let labels: Vec<usize> = (0..40).flat_map(|c| std::iter::repeat_n(c, 1 + (7 * c) % 9)).collect();
    let m = labels.len();
    let z = normals(repeat, 11, 5 + 40 + 200 + 6 * m);
    let (seeds, rest) = z.split_at(5);
    let (clusters, rest) = rest.split_at(40);
    let (both, rest) = rest.split_at(200);
    let cell = |s: usize, e: usize| {
        let c = labels[e];
        0.1 * seeds[s] + 0.8 * clusters[c] + 0.3 * both[40 * s + c] + rest[e] + rest[m * (s + 1) + e]
    };
    ((0..5).map(|s| (0..m).map(|e| cell(s, e)).collect()).collect(), Clusters::new(&labels).unwrap())
}

#[test]
fn intervals_that_know_of_clusters_cover_and_those_that_do_not_are_too_short() {
    let hit = |found: &Crossed, what: fn(&Crossed) -> (f64, f64)| {
        let (se, df) = what(found);
        found.mean.abs() <= student_t_critical(0.95, df).unwrap() * se
    };
    let new: fn(&Crossed) -> (f64, f64) = |found| (found.se_new_examples, found.df_new_examples);
    let covered = share(2000, |r| {
        let (rows, clusters) = clustered(r);
        hit(&crossed_clusters(&rows, &clusters).unwrap(), new)
    });
    let naive = share(2000, |r| hit(&crossed_values(&clustered(r).0).unwrap(), new));
    eprintln!("new examples, with clusters {covered}, without {naive}");
    assert!((0.93..0.97).contains(&covered) && naive < 0.85, "{covered} {naive}");
    // The mean over examples of these very seeds: no seed effect in the truth, so only examples vary.
    let examples = |found: &Crossed| (found.se_examples(), (found.examples - 1) as f64);
    let only = |r: u64| {
        let (mut rows, clusters) = clustered(r);
        let seeds = normals(r, 11, 5);
        rows.iter_mut().zip(&seeds).for_each(|(row, s)| row.iter_mut().for_each(|v| *v -= 0.1 * s));
        (rows, clusters)
    };
    let covered = share(2000, |r| {
        let (rows, clusters) = only(r);
        hit(&crossed_clusters(&rows, &clusters).unwrap(), examples)
    });
    let naive = share(2000, |r| hit(&crossed_values(&only(r).0).unwrap(), examples));
    eprintln!("examples, with clusters {covered}, without {naive}");
    assert!((0.93..0.97).contains(&covered) && naive < 0.85, "{covered} {naive}");
}

/// What the documentation says of few clusters: sizes of 1 to 30, most of them small, a cluster's sd as large as an example's.
#[test]
fn few_clusters_cover_less_where_their_sizes_differ() {
    let covered = |count: usize, uneven: bool| {
        share(4000, |r| {
            let sizes = Stream::new(r, 78_u32, 0);
            let size = |c: usize| if uneven { 1 + (30.0 * sizes.uniform(c as u64).powi(3)) as usize } else { 10 };
            let labels: Vec<usize> = (0..count).flat_map(|c| vec![c; size(c)]).collect();
            let z = normals(r, 12, count + labels.len());
            let y: Vec<f64> = labels.iter().zip(&z[count..]).map(|(c, own)| z[*c] + own).collect();
            let found = crossed_clusters(&[y.clone(), y], &Clusters::new(&labels).unwrap()).unwrap();
            found.mean.abs() <= student_t_critical(0.95, (count - 1) as f64).unwrap() * found.se_examples()
        })
    };
    for (count, uneven, expected) in [(5, false, 0.95), (10, true, 0.88), (50, true, 0.94)] {
        let found = covered(count, uneven);
        eprintln!("{count} clusters, uneven {uneven}: {found}");
        assert!((found - expected).abs() < 0.015, "{count}, {uneven}: {found}");
    }
}

#[test]
fn boschloo_keeps_its_level_and_beats_fisher() {
    // Exact size over a grid of rates, 10 v 12 runs.
    let level = 0.05;
    let mut rejected = Vec::new();
    for a in 0..=10_u64 {
        for c in 0..=12_u64 {
            if boschloo([[a, 10 - a], [c, 12 - c]]).is_ok_and(|t| t.p_value <= level) {
                rejected.push((a, c));
            }
        }
    }
    let choose = |n: u64, k: u64| (0..k).fold(1.0, |product, i| product * (n - i) as f64 / (i + 1) as f64);
    let point = |n: u64, k: u64, p: f64| choose(n, k) * p.powi(k as i32) * (1.0 - p).powi((n - k) as i32);
    let size = |p: f64| rejected.iter().map(|&(a, c)| point(10, a, p) * point(12, c, p)).sum::<f64>();
    let largest = (1..1000).map(|i| size(f64::from(i) / 1000.0)).fold(0.0, f64::max);
    eprintln!("largest size {largest}");
    assert!(largest <= level + 1e-9 && largest > 0.03);
}

/// A main effect that is none, where one cell scatters five times as much as the others and was run least often.
#[test]
fn robust_terms_hold_their_level_where_the_classical_test_does_not() {
    let levels: Vec<Vec<usize>> = (0..6).map(|cell| vec![cell / 2, cell % 2]).collect();
    let counts = [4, 10, 10, 10, 10, 10];
    let rejected = |paired: bool, which: usize, robust: bool| {
        share(1500, |r| {
            let shared = normals(r, 1, 10);
            let cell = |c: usize| -> Vec<f64> {
                let n = if paired { 10 } else { counts[c] };
                let noise = normals(r, 2 + c as u32, n);
                let sd = if c == 0 { 5.0 } else { 1.0 };
                (0..n).map(|b| sd * noise[b] + if paired { shared[b] } else { 0.0 }).collect()
            };
            let cells: Vec<Vec<f64>> = (0..6).map(cell).collect();
            let slices: Vec<&[f64]> = cells.iter().map(Vec::as_slice).collect();
            if robust {
                return robust_terms(&slices, &levels, paired, true).unwrap()[which].test.as_ref().unwrap().p_value
                    < 0.05;
            }
            let factor =
                |f: usize| -> Vec<usize> { cells.iter().zip(&levels).flat_map(|(c, l)| vec![l[f]; c.len()]).collect() };
            let block: Vec<usize> = cells.iter().flat_map(|c| 0..c.len()).collect();
            let options = FactorialOptions::default();
            let (a, b) = (factor(0), factor(1));
            let anova = factorial_anova(&cells.concat(), &[&a, &b], paired.then_some(&block[..]), &options).unwrap();
            anova.terms[which + usize::from(paired)].p_value < 0.05
        })
    };
    for paired in [false, true] {
        for (which, term) in ["three levels", "two levels", "interaction"].into_iter().enumerate() {
            let level = rejected(paired, which, true);
            eprintln!("paired {paired}, {term}: robust {level}, classical {}", rejected(paired, which, false));
            assert!((0.03..=0.075).contains(&level), "paired {paired}, {term}: {level}");
        }
    }
    assert!(rejected(false, 0, false) > 0.1, "the classical test must fail here, or this test shows nothing");
}
