//! Randomised complete blocks: which worker trains a config is chance, also when all trainings take equally long.

use crate::{Desk, config, spec, spec_of};
use std::collections::BTreeMap;
use sweeper_core::{plan::trials, spec::SweepSpec};

const REPLICATES: u32 = 30;

/// Numbers for the null distribution, from another generator than the plan's (Knuth's MMIX).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 32) as usize * n) >> 32
    }

    /// The configs of every replicate, shuffled after Fisher and Yates.
    fn order(&mut self, width: usize) -> Vec<usize> {
        let mut all = Vec::new();
        for _ in 0..REPLICATES {
            let mut row: Vec<usize> = (0..width).collect();
            (1..width).rev().for_each(|i| row.swap(i, self.below(i + 1)));
            all.extend(row);
        }
        all
    }
}

/// What workers in lockstep get of an order: the first worker the first trial, the next the next, and around again.
fn dealt(order: impl IntoIterator<Item = usize>, workers: usize) -> Vec<(usize, usize)> {
    order.into_iter().zip((0..workers).cycle()).collect()
}

/// Square of Cramér's V of config and worker.
fn v_squared(pairs: &[(usize, usize)], width: usize, workers: usize) -> f64 {
    let n = pairs.len() as f64;
    let count = |f: &dyn Fn(&(usize, usize)) -> bool| pairs.iter().filter(|p| f(p)).count() as f64;
    let mut chi_squared = 0.0;
    for worker in 0..workers {
        let column = count(&|p| p.1 == worker);
        for config in 0..width {
            let expected = column * count(&|p| p.0 == config) / n;
            chi_squared += (count(&|p| *p == (config, worker)) - expected).powi(2) / expected;
        }
    }
    chi_squared / (n * (width.min(workers) - 1) as f64)
}

fn planned(width: u8, seed: u64) -> Vec<usize> {
    let spec = SweepSpec { seed, ..spec("x", width, REPLICATES) };
    trials(&spec).map(|(config, _)| config as usize).collect()
}

/// Which worker the scheduler gives each config when all trainings take equally long.
fn scheduled(width: u8, seed: u64, workers: usize) -> Vec<(usize, usize)> {
    let mut desk = Desk::with(SweepSpec { seed, ..spec("x", width, REPLICATES) });
    let joined: Vec<_> = (1..).take(workers).map(|n| desk.join(n)).collect();
    let (mut all, mut replicates) = (Vec::new(), Vec::new());
    while desk.counts(1).open() > 0 {
        let got: Vec<_> = joined.iter().map(|worker| desk.acquire(*worker, 1)).collect();
        for (at, grant) in got.iter().enumerate().filter_map(|(at, grants)| Some((at, grants.first()?))) {
            all.push((grant.id.trial.config as usize, at));
            replicates.push(grant.id.trial.replicate);
            desk.finish(joined[at], grant.id);
        }
    }
    assert!(replicates.is_sorted(), "replicate r of every config comes before replicate r + 1");
    all
}

/// The bound is that of blocks shuffled by another generator: the scheduler's V is at most the largest of 1,000 of
/// those, and the mean of V² over sweeps is theirs within 4 standard errors.
#[test]
fn workers_in_lockstep_get_every_config_alike() {
    let (mut dice, sweeps) = (Dice(1), 20_u64);
    for (workers, width) in (2..=5).flat_map(|workers| (2..=12_u8).map(move |width| (workers, width))) {
        let w = usize::from(width);
        let mut null: Vec<f64> = (0..1_000).map(|_| v_squared(&dealt(dice.order(w), workers), w, workers)).collect();
        null.sort_by(f64::total_cmp);
        let mean = null.iter().sum::<f64>() / null.len() as f64;
        let variance = null.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (null.len() - 1) as f64;
        let one = scheduled(width, 3, workers);
        assert_eq!(one, dealt(planned(width, 3), workers));
        let v = v_squared(&one, w, workers);
        assert!(v <= null[999], "{workers} workers, {width} configs: V {} of {}", v.sqrt(), null[999].sqrt());
        let of_sweep = |seed| v_squared(&dealt(planned(width, seed), workers), w, workers);
        let found = (0..sweeps).map(of_sweep).sum::<f64>() / sweeps as f64;
        let error = (variance / sweeps as f64).sqrt();
        assert!(
            (found - mean).abs() <= 4.0 * error,
            "{workers} workers, {width} configs: {found} for {mean} ± {error}"
        );
    }
    // What the order of the file would do.
    let file = dealt((0..REPLICATES as usize).flat_map(|_| 0..4), 2);
    assert!(v_squared(&file, 4, 2) > 0.99);
}

/// All orders of a replicate are equally likely: χ² over all permutations, at most the 99.99 % quantile.
#[test]
fn every_order_of_a_replicate_is_as_likely_as_any_other() {
    // Quantiles of χ² with width! − 1 degrees of freedom.
    for (width, quantile) in [(2_u8, 15.14), (3, 25.74), (4, 57.33), (5, 185.2)] {
        let rows = 6_000;
        let plan: Vec<u32> = trials(&spec("x", width, rows)).map(|(config, _)| config).collect();
        let mut counts: BTreeMap<&[u32], u32> = BTreeMap::new();
        plan.chunks(width.into()).for_each(|row| *counts.entry(row).or_default() += 1);
        let orders: u32 = (1..=u32::from(width)).product();
        let expected = f64::from(rows) / f64::from(orders);
        let seen: f64 = counts.values().map(|n| (f64::from(*n) - expected).powi(2) / expected).sum();
        let chi_squared = seen + f64::from(orders - counts.len() as u32) * expected;
        assert!(chi_squared <= quantile, "{width} configs: {chi_squared} of {quantile}");
    }
}

#[test]
fn strata_and_sweeps_have_orders_of_their_own() {
    let configs = ["one", "two"].iter().flat_map(|stratum| ["a", "b", "c", "d"].map(|name| config(stratum, name, 8)));
    let mut spec = spec_of("x", configs.collect());
    let order = |spec: &SweepSpec| -> Vec<u32> { trials(spec).map(|(config, _)| config % 4).collect() };
    let first = order(&spec);
    assert_ne!(first[..32], first[32..]);
    spec.seed += 1;
    assert_ne!(order(&spec), first);
}
