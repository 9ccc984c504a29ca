//! Times the statistics on the jobs that reports of ten configurations and thirty runs, and of a thousand
//! configurations, ask for. Prints for each job whose name holds the word given, or for all, the number of repetitions,
//! and median, least and most of wall and processor time. `docs/benchmarks.md` has measured figures, and the script that
//! also asks other packages.
//!
//! ```sh
//! cargo run --release -p sweeper-stats --example speed
//! RAYON_NUM_THREADS=1 cargo run --release -p sweeper-stats --example speed
//! cargo run --release -p sweeper-stats --example speed -- max-T
//! cargo run --release -p sweeper-stats --example speed -- --json
//! ```
#![allow(clippy::print_stdout)]

mod clock;

use clock::{Job, Made};
use rayon::prelude::*;
use std::error::Error;
use std::hint::black_box;

use sweeper_counter::Stream;
use sweeper_stats::aggregates::{aggregate_iqm, probability_of_improvement};
use sweeper_stats::bootstrap::bootstrap_mean_difference;
use sweeper_stats::flips::welch_flips;
use sweeper_stats::many::{dunnett, games_howell, tukey_kramer};
use sweeper_stats::{
    Alternative, BootstrapKind, Degenerate, Draws, Levels, Resampling, Seeds, almost_dominates, label_permutation,
    mann_whitney, max_t_paired, max_t_unpaired, sign_flip, welch_t, wilcoxon,
};

const REPETITIONS: usize = 15;

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

/// What the jobs work on.
struct Data {
    /// Ten configurations of thirty runs.
    ten: Vec<Vec<f64>>,
    /// The same with ties.
    coarse: Vec<Vec<f64>>,
    /// A thousand configurations of 250 runs, four metrics each.
    many: Vec<Vec<f64>>,
}

impl Data {
    /// Every pair of the ten, `times` times over.
    fn pairs(&self, times: usize) -> Vec<(&[f64], &[f64])> {
        let ten = &self.ten;
        let all = || (0..ten.len()).flat_map(|i| (0..i).map(move |j| (ten[i].as_slice(), ten[j].as_slice())));
        (0..times).flat_map(|_| all()).collect()
    }

    fn groups(&self) -> Vec<&[f64]> {
        self.ten.iter().map(Vec::as_slice).collect()
    }
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

fn dominances(pairs: &[(&[f64], &[f64])]) -> Result<(), Degenerate> {
    for (part, (a, b)) in pairs.iter().enumerate() {
        black_box(almost_dominates(a, b, 0.95, &resampling(1_000, part))?);
    }
    Ok(())
}

fn welch(pairs: &[(&[f64], &[f64])]) -> Result<(), Degenerate> {
    pairs.iter().try_for_each(|(a, b)| welch_t(a, b, 0.95).map(|t| _ = black_box(t)))
}

/// All others against the first, metric by metric.
fn welch_of_many(many: &[Vec<f64>]) -> Result<(), Degenerate> {
    let of_metric = |metric: usize| {
        let mut configs = many.iter().skip(metric).step_by(4);
        let control = configs.next().map(Vec::as_slice).unwrap_or_default();
        let configs: Vec<&Vec<f64>> = configs.collect();
        configs.par_iter().try_for_each(|config| welch_t(config, control, 0.95).map(|t| _ = black_box(t)))
    };
    (0..4).try_for_each(of_metric)
}

fn job<'a>(
    id: &'static str,
    name: &'static str,
    goal_ms: Option<f64>,
    run: impl Fn() -> Result<(), Degenerate> + 'a,
) -> Job<'a> {
    Job { id, name, goal_ms, run: Box::new(move || run().map(|()| -> Made { Box::new(()) }).map_err(Into::into)) }
}

/// The jobs that have goals.
fn goals(data: &Data) -> Vec<Job<'_>> {
    let (once, twice, ordered, four) = (data.pairs(1), data.pairs(1), data.pairs(1), data.pairs(4));
    let percentile = BootstrapKind::Percentile;
    let family = |t: Result<_, Degenerate>| t.map(|t| _ = black_box::<sweeper_stats::many::Family>(t));
    vec![
        job("iqm", "IQM interval, 10 x 30 runs, 10k resamples", Some(100.0), || interquartile_means(&data.ten)),
        job("improvement", "probability of improvement, 45 pairs, 2k", Some(200.0), move || improvements(&once)),
        job("bootstrap", "mean difference, 180 comparisons, 10k", Some(300.0), move || bootstraps(&four, percentile)),
        job("welch", "Welch's test with interval, 45 pairs", Some(0.1), move || welch(&twice)),
        job("tukey", "Tukey-Kramer with intervals, 10 groups", Some(20.0), move || {
            family(tukey_kramer(&data.groups(), 0.95))
        }),
        job("games-howell", "Games-Howell with intervals, 10 groups", Some(20.0), || {
            games_howell(&data.groups(), 0.95).map(|t| _ = black_box(t))
        }),
        job("dunnett", "Dunnett with intervals, 9 v control", Some(20.0), move || {
            family(dunnett(&data.groups(), 0, 0.95))
        }),
        job("dominance", "almost stochastic order, 45 pairs, 1k", Some(500.0), move || dominances(&ordered)),
        job("many", "Welch's test, 999 v control x 4 metrics, 250 runs", Some(100.0), || welch_of_many(&data.many)),
    ]
}

/// The others.
fn others(data: &Data) -> Vec<Job<'_>> {
    let (a, b) = (&data.ten[3], &data.ten[0]);
    let (both, draws) = (Alternative::TwoSided, Draws { seed: 1, part: 0 });
    let family: Vec<&[f64]> = data.ten[1..].iter().map(Vec::as_slice).collect();
    let (four, again, same) = (data.pairs(4), data.pairs(4), family.clone());
    vec![
        job("bca", "the same, BCa", None, move || bootstraps(&four, BootstrapKind::Bca)),
        job("studentized", "the same, studentized", None, move || bootstraps(&again, BootstrapKind::Studentized)),
        job("mann-whitney", "Mann-Whitney, exact, 30 v 30", None, move || {
            mann_whitney(a, b, both).map(|t| _ = black_box(t))
        }),
        job("mann-whitney-ties", "Mann-Whitney, exact with ties, 30 v 30", None, move || {
            mann_whitney(&data.coarse[3], &data.coarse[0], both).map(|t| _ = black_box(t))
        }),
        job("wilcoxon", "Wilcoxon, exact, 30 pairs", None, move || wilcoxon(a, b, both).map(|t| _ = black_box(t))),
        job("sign-flip", "sign flip, exact, 30 pairs", None, move || {
            sign_flip(a, b, both, draws).map(|t| _ = black_box(t))
        }),
        job("labels", "label permutation, exact, 15 v 15", None, move || {
            label_permutation(&a[..15], &b[..15], both, draws).map(|t| _ = black_box(t))
        }),
        job("labels-drawn", "label permutation, 100k draws, 30 v 30", None, move || {
            label_permutation(a, b, both, draws).map(|t| _ = black_box(t))
        }),
        job("flips", "Welch's test without each run, 250 v 250", None, || {
            welch_flips(&data.many[0], &data.many[4], 0.05).map(|t| _ = black_box(t))
        }),
        job("max-t-paired", "max-T paired, 9 v control, 30 runs, 100k", None, move || {
            max_t_paired(&family, b, 0.95, draws).map(|t| _ = black_box(t))
        }),
        job("max-t-unpaired", "max-T unpaired, 9 v control, 30 runs, 100k", None, move || {
            max_t_unpaired(&same, b, draws).map(|t| _ = black_box(t))
        }),
    ]
}

fn main() -> Result<(), Box<dyn Error>> {
    let data = Data { ten: configs(10, 30, 1e12), coarse: configs(10, 30, 200.0), many: configs(4_000, 250, 1e12) };
    let (word, json) = clock::arguments();
    let mut jobs = goals(&data);
    jobs.extend(others(&data));
    jobs.retain(|job| job.name.contains(&word));
    clock::print(&jobs, REPETITIONS, json)
}
