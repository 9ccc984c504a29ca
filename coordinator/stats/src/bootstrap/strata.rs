//! Runs resampled within tasks, and tasks.
//!
//! A resample is a list of tasks with a weight for each of their runs: how often it was drawn. Statistics of a task
//! are computed from these weights, so that values are sorted once and not in every resample.

use serde::{Deserialize, Serialize};

use super::limits::{Acceleration, Replicates};
use super::{BootstrapInterval, BootstrapKind, Resampling, check, no_studentized};
use crate::degenerate::{Degenerate, check_sample, finite};
use crate::random::{Cursor, Draws, STRATA, each_draw};

/// What a resample draws anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Levels {
    /// The runs of each task: the interval speaks of these tasks.
    Runs,
    /// Tasks, and then the runs of each: the interval speaks of tasks like these.
    RunsThenTasks,
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
    /// Whether run i of all configurations of a task is drawn together.
    paired: bool,
    levels: Levels,
}

impl Design {
    /// Of finite scores `tasks[task][configuration][run]` with one run at least everywhere.
    pub(crate) fn of(tasks: &[Vec<&[f64]>], paired: bool, levels: Levels) -> Result<Self, Degenerate> {
        if tasks.is_empty() {
            return Err(Degenerate::TooFew { n: 0, needed: 1 });
        }
        for task in tasks {
            task.iter().try_for_each(|runs| check_sample(runs, 1))?;
            let (Some(first), configs) = (task.first(), task.len()) else {
                return Err(Degenerate::TooFew { n: 0, needed: 1 });
            };
            if configs != tasks[0].len() {
                return Err(Degenerate::domain("every task must hold the same configurations"));
            }
            if let Some(other) = task.iter().find(|runs| paired && runs.len() != first.len()) {
                return Err(Degenerate::LengthMismatch { a: first.len(), b: other.len() });
            }
        }
        let runs = tasks.iter().map(|task| task.iter().map(|runs| runs.len()).collect()).collect();
        Ok(Self { runs, paired, levels })
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
            Levels::RunsThenTasks => cursor.indices(tasks, tasks, |task| scratch.tasks.push(task)),
        }
        for &task in &scratch.tasks {
            let weights = &mut scratch.weights;
            weights.clear();
            weights.resize(self.task_len(task), 0);
            let runs = &self.runs[task];
            if self.paired {
                let n = runs[0];
                cursor.indices(n, n, |i| weights[i] += 1);
                for config in 1..runs.len() {
                    weights.copy_within(..n, config * n);
                }
            } else {
                let mut start = 0;
                for &n in runs {
                    cursor.indices(n, n, |i| weights[start + i] += 1);
                    start += n;
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
            if !weights.is_empty() {
                statistic.add(task, &weights, &mut state);
            }
        }
        finish(&mut state)
    }

    /// Acceleration by leaving out a run of a task (of all its configurations when paired), or a whole task when
    /// tasks are drawn.
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
        if self.paired {
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
/// drawn runs of a task stand in the order of the data, those of all configurations are the same runs when `paired`.
///
/// # Errors
/// [`Degenerate::TooFew`] without a task, configuration or run, below 100 resamples, and for BCa of fewer than two
/// resampled tasks; [`Degenerate::LengthMismatch`] for paired configurations with different numbers of runs;
/// [`Degenerate::ZeroVariance`] when every resample gives the same; [`Degenerate::NotFinite`];
/// [`Degenerate::Domain`] for tasks with different numbers of configurations, a confidence outside of (0, 1), a
/// studentized interval, a statistic without a finite value or a limit that has no value.
pub fn bootstrap_strata(
    tasks: &[Vec<Vec<f64>>],
    paired: bool,
    levels: Levels,
    statistic: impl Fn(&[Vec<Vec<f64>>]) -> f64 + Sync,
    kind: BootstrapKind,
    confidence: f64,
    resampling: &Resampling,
) -> Result<BootstrapInterval, Degenerate> {
    let slices: Vec<Vec<&[f64]>> = tasks.iter().map(|task| task.iter().map(Vec::as_slice).collect()).collect();
    let design = Design::of(&slices, paired, levels)?;
    let finish = |state: &mut Vec<Vec<Vec<f64>>>| {
        let value = statistic(state);
        state.clear();
        value
    };
    design.interval(&Spelled { tasks }, finish, (|v| v, 1.0), kind, confidence, resampling)
}
