//! Runs resampled within tasks, and tasks.
//!
//! A resample is a list of tasks with a weight for each of their runs: how often it was drawn. Statistics of a task
//! are computed from these weights, so that values are sorted once and not in every resample.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::limits::{Acceleration, Replicates};
use super::{BootstrapInterval, BootstrapKind, Resampling, check, no_studentized};
use crate::degenerate::{Degenerate, check_sample, finite};
use crate::random::{Below, Cursor, Draws, STRATA, each_draw};

/// What a resample draws anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Levels {
    /// The runs of each task: the interval speaks of these tasks.
    Runs,
    /// Tasks, and then the runs of each: the interval speaks of tasks like these.
    RunsThenTasks,
}

/// Which runs have one seed, and are drawn together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seeds<'a> {
    /// None: every run has a seed of its own.
    Own,
    /// Run i of a task in all configurations; tasks share none.
    WithinTasks,
    /// All runs of one number, in all configurations and tasks: numbers by task and run, each once in a task. A seed
    /// that a task lacks is not drawn for it.
    AcrossTasks(&'a [Vec<u32>]),
}

/// A statistic of a resample, gathered task by task.
pub(crate) trait Statistic: Sync {
    /// What is gathered.
    type State: Send;
    /// Nothing gathered yet.
    fn start(&self) -> Self::State;
    /// Adds a drawn task; `weights` holds one count for each of its runs, configuration after configuration.
    fn add(&self, task: usize, weights: &[u32], state: &mut Self::State);
}

/// Numbers of runs, and how they are drawn.
pub(crate) struct Design {
    /// Runs of each configuration, for each task.
    runs: Vec<Vec<usize>>,
    together: Together,
    levels: Levels,
}

/// What is drawn together.
enum Together {
    /// Nothing.
    Own,
    /// Run i of all configurations of a task.
    WithinTasks,
    /// All runs of one seed.
    AcrossTasks {
        /// Number of seeds.
        seeds: usize,
        /// Which one, from 0, for each task and run.
        of: Vec<Vec<usize>>,
    },
}

impl Together {
    /// Of tasks with so many runs of each configuration.
    fn of(seeds: Seeds<'_>, runs: &[Vec<usize>]) -> Result<Self, Degenerate> {
        if seeds != Seeds::Own {
            for task in runs {
                if let Some(other) = task.iter().find(|n| **n != task[0]) {
                    return Err(Degenerate::LengthMismatch { a: task[0], b: *other });
                }
            }
        }
        let numbers = match seeds {
            Seeds::Own => return Ok(Self::Own),
            Seeds::WithinTasks => return Ok(Self::WithinTasks),
            Seeds::AcrossTasks(numbers) => numbers,
        };
        if numbers.len() != runs.len() {
            return Err(Degenerate::LengthMismatch { a: numbers.len(), b: runs.len() });
        }
        let all: BTreeSet<u32> = numbers.iter().flatten().copied().collect();
        for (own, task) in numbers.iter().zip(runs) {
            if own.len() != task[0] {
                return Err(Degenerate::LengthMismatch { a: own.len(), b: task[0] });
            }
            if own.iter().collect::<BTreeSet<_>>().len() != own.len() {
                return Err(Degenerate::domain("two runs of a configuration and task have one seed"));
            }
        }
        let places: BTreeMap<u32, usize> = all.into_iter().zip(0..).collect();
        let of = numbers.iter().map(|own| own.iter().map(|number| places[number]).collect()).collect();
        Ok(Self::AcrossTasks { seeds: places.len(), of })
    }
}

impl Design {
    /// Of finite scores `tasks[task][configuration][run]` with one run at least everywhere.
    pub(crate) fn of(tasks: &[Vec<&[f64]>], seeds: Seeds<'_>, levels: Levels) -> Result<Self, Degenerate> {
        if tasks.is_empty() {
            return Err(Degenerate::TooFew { n: 0, needed: 1 });
        }
        for task in tasks {
            task.iter().try_for_each(|runs| check_sample(runs, 1))?;
            if task.is_empty() {
                return Err(Degenerate::TooFew { n: 0, needed: 1 });
            }
            if task.len() != tasks[0].len() {
                return Err(Degenerate::domain("every task must hold the same configurations"));
            }
        }
        let runs: Vec<Vec<usize>> = tasks.iter().map(|task| task.iter().map(|runs| runs.len()).collect()).collect();
        Ok(Self { together: Together::of(seeds, &runs)?, runs, levels })
    }

    fn task_len(&self, task: usize) -> usize {
        self.runs[task].iter().sum()
    }

    /// Gathers resample `draw` in `state`.
    fn draw<S: Statistic>(&self, statistic: &S, cursor: &mut Cursor, scratch: &mut Scratch, state: &mut S::State) {
        let tasks = self.runs.len();
        scratch.tasks.clear();
        match self.levels {
            Levels::Runs => scratch.tasks.extend(0..tasks),
            Levels::RunsThenTasks => cursor.indices(Below::new(tasks), tasks, |task| scratch.tasks.push(task)),
        }
        if let Together::AcrossTasks { seeds, .. } = self.together {
            scratch.seeds.clear();
            scratch.seeds.resize(seeds, 0);
            cursor.indices(Below::new(seeds), seeds, |seed| scratch.seeds[seed] += 1);
        }
        for &task in &scratch.tasks {
            let weights = &mut scratch.weights;
            weights.clear();
            weights.resize(self.task_len(task), 0);
            let runs = &self.runs[task];
            match &self.together {
                Together::Own => {
                    let mut start = 0;
                    for &n in runs {
                        cursor.indices(Below::new(n), n, |i| weights[start + i] += 1);
                        start += n;
                    }
                }
                Together::WithinTasks => {
                    let n = runs[0];
                    cursor.indices(Below::new(n), n, |i| weights[i] += 1);
                    for config in 1..runs.len() {
                        weights.copy_within(..n, config * n);
                    }
                }
                Together::AcrossTasks { of, .. } => {
                    let own = of[task].iter().map(|seed| scratch.seeds[*seed]).cycle();
                    weights.iter_mut().zip(own).for_each(|(weight, times)| *weight = times);
                    if weights.iter().all(|weight| *weight == 0) {
                        continue;
                    }
                }
            }
            statistic.add(task, weights, state);
        }
    }

    /// What `finish` makes of every resample, in order.
    pub(crate) fn resample<S: Statistic, T: Send>(
        &self,
        statistic: &S,
        draws: Draws,
        resamples: u32,
        finish: impl Fn(&mut S::State) -> T + Sync,
    ) -> Vec<T> {
        let stream = draws.stream(STRATA);
        let scratch = || (Scratch::default(), statistic.start());
        each_draw(u64::from(resamples), scratch, |draw, (scratch, state)| {
            self.draw(statistic, &mut Cursor::new(&stream, draw), scratch, state);
            finish(state)
        })
    }

    /// The statistic of the data, less what `skip` says: weights are set for (task, weights).
    pub(crate) fn without<S: Statistic, T>(
        &self,
        statistic: &S,
        finish: impl Fn(&mut S::State) -> T,
        skip: impl Fn(usize, &mut Vec<u32>),
    ) -> T {
        let mut state = statistic.start();
        for task in 0..self.runs.len() {
            let mut weights = vec![1; self.task_len(task)];
            skip(task, &mut weights);
            if weights.iter().any(|weight| *weight > 0) {
                statistic.add(task, &weights, &mut state);
            }
        }
        finish(&mut state)
    }

    /// Acceleration by leaving out a run of a task (of all its configurations when paired) or a seed of all tasks; when
    /// tasks are drawn, a whole task, and besides a seed where tasks share them.
    fn acceleration<S: Statistic>(
        &self,
        statistic: &S,
        finish: impl Fn(&mut S::State) -> f64,
    ) -> Result<f64, Degenerate> {
        let mut acceleration = Acceleration::default();
        let tasks = self.runs.len();
        if self.levels == Levels::RunsThenTasks {
            if tasks < 2 {
                return Err(Degenerate::TooFew { n: tasks, needed: 2 });
            }
            let without = |task: usize| {
                self.without(statistic, &finish, |t, weights| {
                    if t == task {
                        weights.clear();
                    }
                })
            };
            acceleration.add(&(0..tasks).map(without).collect::<Vec<f64>>());
        }
        if let Together::AcrossTasks { seeds, of } = &self.together {
            let without = |seed: usize| {
                self.without(statistic, &finish, |task, weights| {
                    let own = of[task].iter().cycle();
                    weights.iter_mut().zip(own).filter(|(_, s)| **s == seed).for_each(|(weight, _)| *weight = 0);
                })
            };
            if *seeds > 1 {
                acceleration.add(&(0..*seeds).map(without).collect::<Vec<f64>>());
            }
            return finite("the statistic without one of the seeds", acceleration.value());
        }
        if self.levels == Levels::RunsThenTasks {
            return finite("the statistic without one of the tasks", acceleration.value());
        }
        for (task, runs) in self.runs.iter().enumerate() {
            for group in self.groups(runs) {
                // A single run cannot be left out, and is the same in every resample.
                if group.len() < 2 {
                    continue;
                }
                let without = |members: &Vec<usize>| {
                    self.without(statistic, &finish, |t, weights| {
                        members.iter().filter(|_| t == task).for_each(|&member| weights[member] = 0);
                    })
                };
                acceleration.add(&group.iter().map(without).collect::<Vec<f64>>());
            }
        }
        finite("the statistic without one of the runs", acceleration.value())
    }

    /// Positions of weights that are left out together, one list per run, for each stratum of a task.
    fn groups(&self, runs: &[usize]) -> Vec<Vec<Vec<usize>>> {
        if matches!(self.together, Together::WithinTasks) {
            let n = runs[0];
            return vec![(0..n).map(|i| (0..runs.len()).map(|config| config * n + i).collect()).collect()];
        }
        let mut start = 0;
        runs.iter()
            .map(|&n| {
                start += n;
                (start - n..start).map(|position| vec![position]).collect()
            })
            .collect()
    }

    /// Interval of the number that `finish` makes of a resample; `to_value` and `unit` as in [`Replicates`].
    pub(crate) fn interval<S: Statistic>(
        &self,
        statistic: &S,
        finish: impl Fn(&mut S::State) -> f64 + Sync,
        (to_value, unit): (impl Fn(f64) -> f64, f64),
        kind: BootstrapKind,
        confidence: f64,
        resampling: &Resampling,
    ) -> Result<BootstrapInterval, Degenerate> {
        check(confidence, resampling)?;
        if kind == BootstrapKind::Studentized {
            return Err(no_studentized());
        }
        let values = self.resample(statistic, resampling.draws(), resampling.resamples, &finish);
        let estimate = self.without(statistic, &finish, |_, _| ());
        let replicates = Replicates { values, estimate, to_value, unit };
        replicates.interval(kind, || self.acceleration(statistic, &finish), confidence, resampling)
    }
}

#[derive(Default)]
struct Scratch {
    tasks: Vec<usize>,
    /// How often each seed was drawn, where tasks share them.
    seeds: Vec<u32>,
    weights: Vec<u32>,
}

/// Hands the runs of a resample to a function, spelled out.
struct Spelled<'a> {
    tasks: &'a [Vec<Vec<f64>>],
}

impl Statistic for Spelled<'_> {
    type State = Vec<Vec<Vec<f64>>>;

    fn start(&self) -> Self::State {
        Vec::new()
    }

    fn add(&self, task: usize, weights: &[u32], state: &mut Self::State) {
        let mut weights = weights.iter();
        let spelled = self.tasks[task].iter().map(|runs| {
            let times = runs.iter().zip(weights.by_ref());
            times.flat_map(|(run, &times)| std::iter::repeat_n(*run, times as usize)).collect()
        });
        state.push(spelled.collect());
    }
}

/// Bootstrap interval of any `statistic` of scores `tasks[task][configuration][run]`, by percentiles or BCa. It gets
/// a list of the same form in which runs, and with [`Levels::RunsThenTasks`] tasks, are drawn with replacement; the
/// drawn runs of a task stand in the order of the data; which are drawn together is said by `seeds`.
///
/// # Errors
/// [`Degenerate::TooFew`] without a task, configuration or run, below 100 resamples, and for BCa of fewer than two
/// resampled tasks; [`Degenerate::LengthMismatch`] for different numbers of runs with one seed;
/// [`Degenerate::ZeroVariance`] when every resample gives the same; [`Degenerate::NotFinite`];
/// [`Degenerate::Domain`] for tasks with different numbers of configurations, a confidence outside of (0, 1), a
/// studentized interval, a statistic without a finite value or a limit that has no value.
pub fn bootstrap_strata(
    tasks: &[Vec<Vec<f64>>],
    seeds: Seeds<'_>,
    levels: Levels,
    statistic: impl Fn(&[Vec<Vec<f64>>]) -> f64 + Sync,
    kind: BootstrapKind,
    confidence: f64,
    resampling: &Resampling,
) -> Result<BootstrapInterval, Degenerate> {
    let slices: Vec<Vec<&[f64]>> = tasks.iter().map(|task| task.iter().map(Vec::as_slice).collect()).collect();
    let design = Design::of(&slices, seeds, levels)?;
    let finish = |state: &mut Vec<Vec<Vec<f64>>>| {
        let value = statistic(state);
        state.clear();
        value
    };
    design.interval(&Spelled { tasks }, finish, (|v| v, 1.0), kind, confidence, resampling)
}
