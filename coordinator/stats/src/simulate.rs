//! What a design does in the long run, by simulation: error rate, power, trials used.
//!
//! Every run draws normal values for all configurations and hands them to the same replay of looks that judges real
//! trials. Run i draws from its own stream, and all tallies are counts, so the result depends on the seed alone and
//! not on the number of threads.

use std::f64::consts::TAU;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sweeper_counter::Stream;

use crate::degenerate::Degenerate;
use crate::design::Monitor;
use crate::stages::{Decision, Estimate, Evidence, Replay, Source, replay};
use crate::summary::Interval;

/// Domain of the random numbers: part is the run, index counts pairs of normals, replicate after replicate.
const TRIALS: u32 = 1050;

/// Runs of one parallel task.
const BLOCK: u32 = 64;

/// The truth that a design meets. All standard deviations and effects are in the same units as the design's margin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// True differences to the baseline, one per comparison; 0 is a true null hypothesis.
    pub effects: Vec<f64>,
    /// Standard deviation of the baseline over replicates.
    pub sd_baseline: f64,
    /// Standard deviations of the configurations.
    pub sds: Vec<f64>,
    /// Correlation of the values of one replicate across any two configurations, from 0 to below 1.
    pub correlation: f64,
}

impl Scenario {
    fn check(&self, comparisons: usize) -> Result<(), Degenerate> {
        for list in [&self.effects, &self.sds] {
            if list.len() != comparisons {
                return Err(Degenerate::LengthMismatch { a: list.len(), b: comparisons });
            }
        }
        if let Some(index) = self.effects.iter().position(|effect| !effect.is_finite()) {
            return Err(Degenerate::NotFinite { index });
        }
        let positive = |sd: &f64| *sd > 0.0 && sd.is_finite();
        if !self.sds.iter().chain([&self.sd_baseline]).all(positive) {
            return Err(Degenerate::domain("standard deviations must be positive and finite"));
        }
        if (0.0..1.0).contains(&self.correlation) {
            Ok(())
        } else {
            Err(Degenerate::domain(format!("the correlation is {}, it must lie in 0 to below 1", self.correlation)))
        }
    }
}

/// A share of runs with its error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Runs in which it happened.
    pub count: u64,
    /// All runs.
    pub of: u64,
    /// `count / of`.
    pub share: f64,
    /// 95 % interval of the true share: of the simulation error only. Wilson, Journal of the American Statistical
    /// Association 22 (1927).
    pub interval: Interval,
}

impl Rate {
    fn new(count: u64, of: u64) -> Self {
        const Z: f64 = 1.959_963_984_540_054;
        let (n, share) = (of as f64, count as f64 / of as f64);
        let shrink = 1.0 + Z * Z / n;
        let centre = (share + Z * Z / (2.0 * n)) / shrink;
        let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt() / shrink;
        let interval = Interval { low: (centre - half).max(0.0), high: (centre + half).min(1.0), confidence: 0.95 };
        Self { count, of, share, interval }
    }
}

/// Operating characteristics of a design under a [`Scenario`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Characteristics {
    /// Simulated sweeps.
    pub runs: u32,
    /// Seed of the simulation.
    pub seed: u64,
    /// Some true null hypothesis is rejected; `None` when none is true.
    pub family_wise_error: Option<Rate>,
    /// Per comparison: its false null hypothesis is rejected; `None` where the null is true.
    pub power: Vec<Option<Rate>>,
    /// At least one false null hypothesis is rejected.
    pub power_any: Option<Rate>,
    /// All false null hypotheses are rejected.
    pub power_all: Option<Rate>,
    /// Per comparison: stopped as equivalent.
    pub equivalent: Vec<Rate>,
    /// Per comparison: stopped as futile.
    pub futile: Vec<Rate>,
    /// Trials of the design without early stops, baseline included.
    pub trials_planned: usize,
    /// Mean of the trials used.
    pub trials_mean: f64,
    /// Trials not exceeded in 10 %, 50 % and 90 % of the runs.
    pub trials_quantiles: [usize; 3],
    /// Mean share of the planned trials that is not needed.
    pub saved: f64,
    /// Per comparison: mean replicates at the decision.
    pub replicates_mean: Vec<f64>,
}

/// Runs the design `runs` times under `scenario`.
///
/// # Errors
/// [`Degenerate::LengthMismatch`] unless the scenario has one effect and one deviation per comparison,
/// [`Degenerate::NotFinite`], [`Degenerate::Domain`] for deviations that are not positive, a correlation out of range,
/// or no runs.
pub fn simulate(monitor: &Monitor, scenario: &Scenario, runs: u32, seed: u64) -> Result<Characteristics, Degenerate> {
    scenario.check(monitor.design().comparisons)?;
    if runs == 0 {
        return Err(Degenerate::domain("a simulation needs at least one run"));
    }
    let empty = || Tally::new(monitor);
    let tally = (0..runs.div_ceil(BLOCK))
        .into_par_iter()
        .map(|block| {
            let mut tally = empty();
            for run in block * BLOCK..(block * BLOCK).saturating_add(BLOCK).min(runs) {
                let mut trials = Trials::new(monitor, scenario, Stream::new(seed, TRIALS, run));
                tally.add(&replay(scenario.effects.len(), monitor.looks().len(), &mut trials), monitor, scenario);
            }
            tally
        })
        .reduce(empty, Tally::plus);
    Ok(tally.characteristics(monitor, scenario, runs, seed))
}

/// Mean and sum of squared deviations, updated value by value. Source: Welford, Technometrics 4 (1962).
#[derive(Debug, Clone, Copy, Default)]
struct Running {
    n: f64,
    mean: f64,
    squares: f64,
}

impl Running {
    fn add(&mut self, value: f64) {
        self.n += 1.0;
        let step = value - self.mean;
        self.mean += step / self.n;
        self.squares += step * (value - self.mean);
    }

    /// Squared standard error of the mean.
    fn squared_error(&self) -> f64 {
        self.squares / (self.n - 1.0) / self.n
    }
}

/// Simulated trials as the source of a replay.
struct Trials<'a> {
    monitor: &'a Monitor,
    scenario: &'a Scenario,
    stream: Stream,
    drawn: usize,
    /// Of the baseline; unpaired designs only.
    baseline: Running,
    /// Of the differences to the baseline, or unpaired of the values.
    arms: Vec<Running>,
    /// Normals of one replicate: shared, baseline, one per configuration, maybe one more.
    normals: Vec<f64>,
}

impl<'a> Trials<'a> {
    fn new(monitor: &'a Monitor, scenario: &'a Scenario, stream: Stream) -> Self {
        let comparisons = scenario.effects.len();
        Self {
            monitor,
            scenario,
            stream,
            drawn: 0,
            baseline: Running::default(),
            arms: vec![Running::default(); comparisons],
            normals: vec![0.0; 2 * (comparisons + 2).div_ceil(2)],
        }
    }

    /// Draws the next replicate of all and counts it for the baseline and `undecided`.
    fn draw(&mut self, undecided: &[usize]) {
        let first = (self.drawn * self.normals.len() / 2) as u64;
        for (pair, index) in self.normals.chunks_exact_mut(2).zip(first..) {
            let [u, v] = self.stream.pair(index);
            // 1 - u is in (0, 1], so that its logarithm is finite.
            let radius = (-2.0 * (1.0 - u).ln()).sqrt();
            let (sin, cos) = (TAU * v).sin_cos();
            pair.copy_from_slice(&[radius * cos, radius * sin]);
        }
        self.drawn += 1;
        let (shared, own) = (self.scenario.correlation.sqrt(), (1.0 - self.scenario.correlation).sqrt());
        let value = |k: usize, sd: f64| sd * (shared * self.normals[0] + own * self.normals[k]);
        let baseline = value(1, self.scenario.sd_baseline);
        self.baseline.add(baseline);
        let subtract = if self.monitor.by_pairs() { baseline } else { 0.0 };
        for &i in undecided {
            self.arms[i].add(self.scenario.effects[i] + value(i + 2, self.scenario.sds[i]) - subtract);
        }
    }

    fn estimate(&self, comparison: usize) -> Estimate {
        let arm = &self.arms[comparison];
        if self.monitor.by_pairs() {
            return Estimate { difference: arm.mean, se: arm.squared_error().sqrt(), df: arm.n - 1.0 };
        }
        let (u, v) = (arm.squared_error(), self.baseline.squared_error());
        let df = (u + v).powi(2) / (u * u / (arm.n - 1.0) + v * v / (self.baseline.n - 1.0));
        Estimate { difference: arm.mean - self.baseline.mean, se: (u + v).sqrt(), df }
    }
}

impl Source for Trials<'_> {
    fn ready(&mut self, look: usize, undecided: &[usize]) -> bool {
        while self.drawn < self.monitor.looks()[look] {
            self.draw(undecided);
        }
        true
    }

    fn evidence(&mut self, look: usize, comparison: usize) -> Evidence {
        let estimate = self.estimate(comparison);
        let judged = self.monitor.judge().judge(look, &estimate, self.monitor.stops());
        judged.unwrap_or(Evidence { need: self.arms.len(), stop: None })
    }
}

/// Counts over runs.
struct Tally {
    false_alarms: u64,
    any: u64,
    all: u64,
    shown: Vec<u64>,
    equivalent: Vec<u64>,
    futile: Vec<u64>,
    replicates: Vec<u64>,
    /// Runs by number of trials used.
    trials: Vec<u64>,
}

impl Tally {
    fn new(monitor: &Monitor) -> Self {
        let m = monitor.design().comparisons;
        let zero = || vec![0; m];
        Self {
            false_alarms: 0,
            any: 0,
            all: 0,
            shown: zero(),
            equivalent: zero(),
            futile: zero(),
            replicates: zero(),
            trials: vec![0; (m + 1) * monitor.design().planned + 1],
        }
    }

    fn add(&mut self, replay: &Replay, monitor: &Monitor, scenario: &Scenario) {
        let null = |i: usize| scenario.effects[i] == 0.0;
        let m = scenario.effects.len();
        let hits = (0..m).filter(|&i| replay.shown[i] && !null(i)).count();
        let effects = (0..m).filter(|&i| !null(i)).count();
        self.false_alarms += u64::from((0..m).any(|i| replay.shown[i] && null(i)));
        self.any += u64::from(hits > 0);
        self.all += u64::from(hits == effects);
        let (mut trials, mut longest) = (0, 0);
        for i in 0..m {
            let replicates = monitor.looks()[replay.looks_of[i] - 1];
            trials += replicates;
            longest = longest.max(replicates);
            self.replicates[i] += replicates as u64;
            self.shown[i] += u64::from(replay.shown[i]);
            self.equivalent[i] += u64::from(replay.decisions[i] == Decision::Equivalent);
            self.futile[i] += u64::from(replay.decisions[i] == Decision::Futile);
        }
        self.trials[trials + longest] += 1;
    }

    fn plus(mut self, other: Self) -> Self {
        let sum = |mine: &mut [u64], other: &[u64]| mine.iter_mut().zip(other).for_each(|(a, b)| *a += b);
        sum(&mut self.shown, &other.shown);
        sum(&mut self.equivalent, &other.equivalent);
        sum(&mut self.futile, &other.futile);
        sum(&mut self.replicates, &other.replicates);
        sum(&mut self.trials, &other.trials);
        self.false_alarms += other.false_alarms;
        self.any += other.any;
        self.all += other.all;
        self
    }

    /// Trials not exceeded in the share `q` of `runs`.
    fn quantile(&self, q: f64, runs: u64) -> usize {
        let mut seen = 0;
        self.trials
            .iter()
            .position(|count| {
                seen += count;
                seen as f64 >= q * runs as f64
            })
            .unwrap_or(self.trials.len() - 1)
    }

    fn characteristics(&self, monitor: &Monitor, scenario: &Scenario, runs: u32, seed: u64) -> Characteristics {
        let of = u64::from(runs);
        let rate = |count: &u64| Rate::new(*count, of);
        let null = |i: usize| scenario.effects[i] == 0.0;
        let m = scenario.effects.len();
        let (nulls, effects) = ((0..m).any(null), (0..m).any(|i| !null(i)));
        let trials_planned = (m + 1) * monitor.design().planned;
        let total: u64 = self.trials.iter().zip(0..).map(|(count, trials): (&u64, u64)| count * trials).sum();
        let trials_mean = total as f64 / of as f64;
        Characteristics {
            runs,
            seed,
            family_wise_error: nulls.then(|| rate(&self.false_alarms)),
            power: (0..m).map(|i| (!null(i)).then(|| rate(&self.shown[i]))).collect(),
            power_any: effects.then(|| rate(&self.any)),
            power_all: effects.then(|| rate(&self.all)),
            equivalent: self.equivalent.iter().map(rate).collect(),
            futile: self.futile.iter().map(rate).collect(),
            trials_planned,
            trials_mean,
            trials_quantiles: [0.1, 0.5, 0.9].map(|q| self.quantile(q, of)),
            saved: 1.0 - trials_mean / trials_planned as f64,
            replicates_mean: self.replicates.iter().map(|&sum| sum as f64 / of as f64).collect(),
        }
    }
}
