//! Times the resampling functions on the jobs that a report of ten configurations and thirty runs asks for. Prints for
//! each job whose name holds the word given, or for all, the number of repetitions, the median and the spread.
//!
//! ```sh
//! cargo run --release -p sweeper-stats --example speed
//! RAYON_NUM_THREADS=1 cargo run --release -p sweeper-stats --example speed
//! cargo run --release -p sweeper-stats --example speed -- max-T
//! ```
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use sweeper_counter::Stream;
use sweeper_stats::aggregates::{aggregate_iqm, probability_of_improvement};
use sweeper_stats::bootstrap::bootstrap_mean_difference;
use sweeper_stats::{
    Alternative, BootstrapKind, Degenerate, Draws, Levels, Resampling, Seeds, label_permutation, mann_whitney,
    max_t_paired, max_t_unpaired, sign_flip, wilcoxon,
};

const REPETITIONS: usize = 15;

type Job<'a> = (&'a str, Option<f64>, Box<dyn Fn() -> Result<(), Degenerate> + 'a>);

fn configs(count: u32, runs: usize, digits: f64) -> Vec<Vec<f64>> {
    (0..count)
        .map(|config| {
            let normals = Stream::new(1, 9_999_u32, config).normals(runs);
            normals.iter().map(|v| ((0.7 + 0.001 * f64::from(config) + 0.01 * v) * digits).round() / digits).collect()
        })
        .collect()
}

fn resampling(resamples: u32, part: usize) -> Resampling {
    Resampling { resamples, seed: 1, part: part as u32 }
}

/// Every pair of configurations, `times` times over.
fn pairs(ten: &[Vec<f64>], times: usize) -> Vec<(&[f64], &[f64])> {
    let all = || (0..ten.len()).flat_map(|i| (0..i).map(move |j| (ten[i].as_slice(), ten[j].as_slice())));
    (0..times).flat_map(|_| all()).collect()
}

fn bootstraps(pairs: &[(&[f64], &[f64])], kind: BootstrapKind) -> Result<(), Degenerate> {
    for (part, (a, b)) in pairs.iter().enumerate() {
        black_box(bootstrap_mean_difference(a, b, kind, 0.95, &resampling(10_000, part))?);
    }
    Ok(())
}

fn interquartile_means(ten: &[Vec<f64>]) -> Result<(), Degenerate> {
    for config in ten {
        let scores = [config.clone()];
        black_box(aggregate_iqm(
            &scores,
            Seeds::Own,
            Levels::Runs,
            BootstrapKind::Percentile,
            0.95,
            &resampling(10_000, 0),
        )?);
    }
    Ok(())
}

fn improvements(pairs: &[(&[f64], &[f64])]) -> Result<(), Degenerate> {
    for (part, (a, b)) in pairs.iter().enumerate() {
        let (a, b) = ([a.to_vec()], [b.to_vec()]);
        let kind = BootstrapKind::Percentile;
        black_box(probability_of_improvement(&a, &b, Seeds::Own, Levels::Runs, kind, 0.95, &resampling(2_000, part))?);
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let (ten, coarse) = (configs(10, 30, 1e12), configs(10, 30, 200.0));
    let (once, four) = (pairs(&ten, 1), pairs(&ten, 4));
    let family: Vec<&[f64]> = ten[1..].iter().map(Vec::as_slice).collect();
    let (a, b) = (&ten[3], &ten[0]);
    let (both, draws) = (Alternative::TwoSided, Draws { seed: 1, part: 0 });
    let (percentile, bca) = (BootstrapKind::Percentile, BootstrapKind::Bca);
    let jobs: Vec<Job> = vec![
        ("IQM interval, 10 x 30 runs, 10k resamples", Some(100.0), Box::new(|| interquartile_means(&ten))),
        ("probability of improvement, 45 pairs, 2k", Some(200.0), Box::new(|| improvements(&once))),
        ("mean difference, 180 comparisons, 10k", Some(300.0), Box::new(|| bootstraps(&four, percentile))),
        ("the same, BCa", None, Box::new(|| bootstraps(&four, bca))),
        ("the same, studentized", None, Box::new(|| bootstraps(&four, BootstrapKind::Studentized))),
        ("Mann-Whitney, exact, 30 v 30", None, Box::new(|| mann_whitney(a, b, both).map(|t| _ = black_box(t)))),
        (
            "Mann-Whitney, exact with ties, 30 v 30",
            None,
            Box::new(|| mann_whitney(&coarse[3], &coarse[0], both).map(|t| _ = black_box(t))),
        ),
        ("Wilcoxon, exact, 30 pairs", None, Box::new(|| wilcoxon(a, b, both).map(|t| _ = black_box(t)))),
        ("sign flip, exact, 30 pairs", None, Box::new(|| sign_flip(a, b, both, draws).map(|t| _ = black_box(t)))),
        (
            "label permutation, exact, 15 v 15",
            None,
            Box::new(|| label_permutation(&a[..15], &b[..15], both, draws).map(|t| _ = black_box(t))),
        ),
        (
            "label permutation, 100k draws, 30 v 30",
            None,
            Box::new(|| label_permutation(a, b, both, draws).map(|t| _ = black_box(t))),
        ),
        (
            "max-T paired, 9 v control, 30 runs, 100k",
            None,
            Box::new(|| max_t_paired(&family, b, 0.95, draws).map(|t| _ = black_box(t))),
        ),
        (
            "max-T unpaired, 9 v control, 30 runs, 100k",
            None,
            Box::new(|| max_t_unpaired(&family, b, draws).map(|t| _ = black_box(t))),
        ),
    ];
    println!("{:<46} {:>3} {:>10} {:>21} {:>9}", "job", "n", "median ms", "least to most ms", "goal ms");
    let word = std::env::args().nth(1).unwrap_or_default();
    for (name, goal, job) in jobs.into_iter().filter(|(name, ..)| name.contains(&word)) {
        job()?;
        let mut times = Vec::with_capacity(REPETITIONS);
        for _ in 0..REPETITIONS {
            let start = Instant::now();
            job()?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        let (low, median, high) = (times[0], times[REPETITIONS / 2], times[REPETITIONS - 1]);
        let goal = goal.map_or_else(|| "-".to_owned(), |goal| format!("{goal:.0}"));
        println!("{name:<46} {REPETITIONS:>3} {median:>10.2} {low:>10.2} {high:>10.2} {goal:>9}");
    }
    Ok(())
}
