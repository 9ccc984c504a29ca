//! Several tasks: seeds that tasks share, statistics without an interval, and coverage by simulation at fixed seeds.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use sweeper_counter::Stream;
use sweeper_stats::aggregates::{
    aggregate_iqm, aggregate_iqm_difference, improvement, performance_profile, pooled, probability_of_improvement,
    profile_shares,
};
use sweeper_stats::bootstrap::bootstrap_strata;
use sweeper_stats::*;

type AnyStatistic<'a> = dyn Fn(&[Vec<Vec<f64>>]) -> f64 + Sync + 'a;

const KINDS: [BootstrapKind; 2] = [BootstrapKind::Percentile, BootstrapKind::Bca];

/// Standard normal values, by Box and Muller.
fn normals(seed: u64, part: u32, count: usize) -> Vec<f64> {
    let stream = Stream::new(seed, 1_u32, part);
    let uniform = |word: u32| (f64::from(word) + 0.5) / 4_294_967_296.0;
    let one = |i: usize| {
        let [a, b, ..] = stream.block(i as u64);
        (-2.0 * uniform(a).ln()).sqrt() * (std::f64::consts::TAU * uniform(b)).cos()
    };
    (0..count).map(one).collect()
}

/// `tasks` tasks of `runs` runs: what the task, the run's seed and the run itself add.
fn world(seed: u64, (tasks, runs): (u32, usize), [task, shared, own]: [f64; 3]) -> Vec<Vec<f64>> {
    let (of_task, of_seed) = (normals(seed, 0, tasks as usize), normals(seed, 1, runs));
    let one = |t: u32| {
        let values = normals(seed, 2 + t, runs);
        values.iter().zip(&of_seed).map(|(v, s)| task * of_task[t as usize] + shared * s + own * v).collect()
    };
    (0..tasks).map(one).collect()
}

fn resampling(resamples: u32) -> Resampling {
    Resampling { resamples, seed: 5, part: 2 }
}

#[test]
fn seeds_of_one_task_are_those_within_it() {
    let (a, b) = (world(1, (1, 20), [0.0, 1.0, 1.0]), world(2, (1, 20), [0.0, 1.0, 1.0]));
    let numbers: Vec<Vec<u32>> = vec![(0..20).collect()];
    for kind in KINDS {
        let of = |seeds: Seeds<'_>| {
            let iqm = aggregate_iqm_difference(&a, &b, seeds, Levels::Runs, kind, 0.95, &resampling(500)).unwrap();
            let wins = probability_of_improvement(&a, &b, seeds, Levels::Runs, kind, 0.95, &resampling(500)).unwrap();
            (iqm, wins)
        };
        assert_eq!(of(Seeds::WithinTasks), of(Seeds::AcrossTasks(&numbers)));
    }
}

/// The fast statistics against any statistic of the runs spelled out, where tasks lack some of the seeds.
#[test]
fn fast_statistics_agree_with_the_spelled_out_ones_on_shared_seeds() {
    let numbers: Vec<Vec<u32>> = vec![(0..9).collect(), (3..12).rev().collect(), vec![0, 2, 4, 6, 8, 10]];
    let cut = |scores: Vec<Vec<f64>>| -> Vec<Vec<f64>> {
        scores.iter().zip(&numbers).map(|(runs, seeds)| runs[..seeds.len()].to_vec()).collect()
    };
    let (a, b) = (cut(world(3, (3, 9), [1.0, 1.0, 1.0])), cut(world(4, (3, 9), [1.0, 1.0, 1.0])));
    let both: Vec<Vec<Vec<f64>>> = a.iter().zip(&b).map(|(a, b)| vec![a.clone(), b.clone()]).collect();
    let all = |tasks: &[Vec<Vec<f64>>], c: usize| {
        iqm(&tasks.iter().flat_map(|task| task[c].clone()).collect::<Vec<f64>>()).unwrap()
    };
    let wins = |tasks: &[Vec<Vec<f64>>]| {
        let of = |task: &Vec<Vec<f64>>| {
            let pairs = task[0].iter().flat_map(|a| task[1].iter().map(move |b| (a, b)));
            let won: f64 = pairs.map(|(a, b)| if a > b { 1.0 } else { 0.5 * f64::from(u8::from(a == b)) }).sum();
            won / (task[0].len() * task[1].len()) as f64
        };
        tasks.iter().map(of).sum::<f64>() / tasks.len() as f64
    };
    let near = |got: BootstrapInterval, want: BootstrapInterval| {
        for (got, want) in [
            (got.estimate, want.estimate),
            (got.interval.low, want.interval.low),
            (got.interval.high, want.interval.high),
        ] {
            assert!((got - want).abs() < 1e-12, "{got} {want}");
        }
    };
    let seeds = Seeds::AcrossTasks(&numbers);
    for (levels, kind) in [Levels::Runs, Levels::RunsThenTasks].into_iter().flat_map(|l| KINDS.map(|k| (l, k))) {
        let r = resampling(300);
        let general = |s: &AnyStatistic<'_>| bootstrap_strata(&both, seeds, levels, s, kind, 0.9, &r).unwrap();
        let difference = aggregate_iqm_difference(&a, &b, seeds, levels, kind, 0.9, &r).unwrap();
        near(difference, general(&|tasks| all(tasks, 0) - all(tasks, 1)));
        near(probability_of_improvement(&a, &b, seeds, levels, kind, 0.9, &r).unwrap(), general(&wins));
        near(aggregate_iqm(&a, seeds, levels, kind, 0.9, &r).unwrap(), general(&|tasks| all(tasks, 0)));
    }
}

#[test]
fn shared_seeds_that_make_no_sense_are_refused() {
    let scores = world(1, (2, 3), [1.0, 1.0, 1.0]);
    let of = |numbers: &[Vec<u32>]| {
        let kind = BootstrapKind::Percentile;
        aggregate_iqm(&scores, Seeds::AcrossTasks(numbers), Levels::Runs, kind, 0.9, &resampling(100)).unwrap_err()
    };
    assert_eq!(of(&[vec![0, 1, 2]]), Degenerate::LengthMismatch { a: 1, b: 2 });
    assert_eq!(of(&[vec![0, 1, 2], vec![0, 1]]), Degenerate::LengthMismatch { a: 2, b: 3 });
    assert!(matches!(of(&[vec![0, 1, 2], vec![0, 1, 1]]), Degenerate::Domain { .. }));
}

/// By hand: scores 1, 2, 3, 4 and 5, 9 with target 4.
#[test]
fn statistics_without_an_interval() {
    let (a, b) = (vec![vec![1.0, 2.0, 3.0, 4.0], vec![5.0, 9.0]], vec![vec![2.0, 2.0], vec![9.0, 9.0, 10.0]]);
    let found = pooled(&a, 4.0).unwrap();
    assert_eq!((found.n, found.mean, found.median, found.iqm), (6, 4.0, 3.5, 3.5));
    assert!((found.optimality_gap - (3.0 + 2.0 + 1.0) / 6.0).abs() < 1e-15);
    // Task one: 3 and 4 win against both, 2 ties with both; task two: 9 ties with two of three.
    assert_eq!(improvement(&a, &b).unwrap(), (0.5 * 5.0 / 8.0 + 0.5 * 1.0 / 6.0));
    assert_eq!(profile_shares(&a, &[0.0, 2.0, 5.0, 9.0]).unwrap(), [1.0, (0.5 + 1.0) / 2.0, 0.25, 0.0]);
    let whole = performance_profile(&a, &[0.0, 2.0, 5.0, 9.0], Seeds::Own, Levels::Runs, false, 0.9, &resampling(100));
    let shares: Vec<f64> = whole.unwrap().points.iter().map(|p| p.share).collect();
    assert_eq!(profile_shares(&a, &[0.0, 2.0, 5.0, 9.0]).unwrap(), shares);
    assert!(profile_shares(&a, &[2.0, 1.0]).is_err() && pooled(&[], 4.0).is_err());
}

/// How many of `worlds` worlds have the truth inside of the interval of the difference from a config of only zeros.
fn covered(worlds: u64, shape: (u32, usize), parts: [f64; 3], (levels, shared): (Levels, bool)) -> f64 {
    let numbers: Vec<Vec<u32>> = (0..shape.0).map(|_| (0..shape.1 as u32).collect()).collect();
    let inside = |seed: u64| {
        let a = world(1000 + seed, shape, parts);
        let b = vec![vec![0.0; shape.1]; shape.0 as usize];
        let seeds = if shared { Seeds::AcrossTasks(&numbers) } else { Seeds::WithinTasks };
        let r = Resampling { resamples: 300, seed, part: 0 };
        let found = aggregate_iqm_difference(&a, &b, seeds, levels, BootstrapKind::Percentile, 0.9, &r).unwrap();
        found.interval.low <= 0.0 && 0.0 <= found.interval.high
    };
    (0..worlds).filter(|seed| inside(*seed)).count() as f64 / worlds as f64
}

/// Seeds that move all tasks alike: to draw each task's seeds apart takes them for independent.
#[test]
fn intervals_on_shared_seeds_cover_where_those_within_tasks_do_not() {
    let of = |shared| covered(150, (5, 15), [0.0, 1.0, 0.5], (Levels::Runs, shared));
    let (across, within) = (of(true), of(false));
    assert!((0.80..=0.98).contains(&across), "{across}");
    assert!(within < 0.70, "{within}");
}

/// Tasks that differ: only the interval that draws tasks, too, speaks of tasks like these.
#[test]
fn intervals_of_new_tasks_cover_the_mean_of_all_tasks() {
    let of = |levels| covered(150, (16, 15), [1.0, 0.0, 0.5], (levels, false));
    let (new, these) = (of(Levels::RunsThenTasks), of(Levels::Runs));
    assert!((0.82..=0.99).contains(&new), "{new}");
    assert!(these < 0.45, "{these}");
}
