//! Options that say how results from a file are to be judged, where no sweep file does.

use crate::imports::Wanted;
use clap::{Args, ValueEnum};
use sweeper_core::spec::{Correction, Direction, FamilyKind, Missing};

/// How to judge.
#[derive(Debug, Args)]
#[command(next_help_heading = "How to judge a file")]
pub(super) struct JudgeArgs {
    /// The config to compare with [default: the first one; in study A's layout ub, unbalanced data and nothing else]
    #[arg(long, value_name = "NAME")]
    baseline: Option<String>,
    /// The metric that decides [default: accuracy/balanced, or the first one]
    #[arg(long, value_name = "METRIC")]
    metric: Option<String>,
    /// Lower values are better [default: for losses]
    #[arg(long)]
    lower_is_better: bool,
    /// Which pairs of configs are compared [default: baseline]
    #[arg(long, value_name = "PAIRS")]
    family: Option<Compared>,
    /// Correction for the number of comparisons [default: holm]
    #[arg(long, value_name = "METHOD")]
    correction: Option<Method>,
    /// What becomes of trainings that were lost [default: completed-pairs]
    #[arg(long, value_name = "POLICY")]
    missing: Option<Policy>,
    /// Family-wise error rate, from 1e-12, below 0.5 [default: 0.05]
    #[arg(long, value_parser = alpha, allow_negative_numbers = true)]
    alpha: Option<f64>,
    /// Smallest difference that matters, in the metric's unit; without it nothing is called equivalent
    #[arg(long, value_parser = delta, allow_negative_numbers = true)]
    delta: Option<f64>,
    /// Replicate r of every config had the same seed: compare in pairs
    #[arg(long)]
    paired: bool,
    /// Strata are tasks, such as data sets: tell configs over all of them together, too
    #[arg(long)]
    tasks: bool,
    /// A config with nothing but exact zeros on a metric was measured there; else it counts as not measured where other
    /// configs have other values
    #[arg(long)]
    zeros_are_values: bool,
}

/// As `analysis.family` of a sweep file.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Compared {
    /// Every config with the baseline
    Baseline,
    /// Every two configs that differ in one factor
    OneFactor,
    /// Every two configs
    AllPairs,
}

/// As `analysis.correction` of a sweep file.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Method {
    /// Holm's step-down procedure
    Holm,
    /// Every p-value times their number
    Bonferroni,
    /// Step-down max-T, which uses the correlation of the comparisons
    MaxT,
    /// Nothing is corrected
    None,
}

/// As `analysis.missing` of a sweep file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Policy {
    /// They are left out, of pairs with their partners
    CompletedPairs,
    /// They rank below all others, and rank tests decide
    WorstRank,
}

fn alpha(text: &str) -> Result<f64, String> {
    // Below it 1 - alpha is hardly to be told from 1.
    let number = text.parse::<f64>().ok().filter(|x| *x >= 1e-12 && *x < 0.5);
    number.ok_or_else(|| "expected a number from 1e-12, below 0.5".to_owned())
}

fn delta(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|x| *x > 0.0 && *x < 1e12);
    number.ok_or_else(|| "expected a number above 0, below 1e12".to_owned())
}

impl JudgeArgs {
    /// Whether any of them was given.
    pub(super) fn is_any(&self) -> bool {
        let given = [self.baseline.is_some(), self.metric.is_some(), self.family.is_some(), self.correction.is_some()];
        let numbers = [self.alpha.is_some(), self.delta.is_some()];
        let policy = self.missing.is_some();
        let flags = [self.lower_is_better, self.paired, self.tasks, self.zeros_are_values];
        given.into_iter().chain(numbers).chain(flags).chain([policy]).any(|given| given)
    }

    /// Whether replicates are said to be pairs.
    pub(super) fn is_paired(&self) -> bool {
        self.paired
    }

    /// Options that do not go together: what is wrong, and what to do instead.
    pub(super) fn conflict(&self) -> Option<(&'static str, &'static str)> {
        if !matches!(self.correction, Some(Method::MaxT)) {
            return None;
        }
        if matches!(self.family, Some(Compared::OneFactor | Compared::AllPairs)) {
            let what = "--correction max-t is for comparisons with one baseline";
            return Some((what, "use --family baseline, or --correction holm, which goes with every family"));
        }
        let what =
            "--correction max-t needs a value of every training, and --missing worst-rank counts those that have none";
        self.ranks_lost().then_some((what, "use --correction holm, or --missing completed-pairs"))
    }

    /// Whether lost trainings are to be ranked.
    pub(super) fn ranks_lost(&self) -> bool {
        self.missing == Some(Policy::WorstRank)
    }

    pub(super) fn wanted(&self) -> Wanted {
        Wanted {
            baseline: self.baseline.clone(),
            metric: self.metric.clone(),
            direction: self.lower_is_better.then_some(Direction::Minimize),
            alpha: self.alpha,
            delta: self.delta,
            family: self.family.map(|pairs| match pairs {
                Compared::Baseline => FamilyKind::Baseline,
                Compared::OneFactor => FamilyKind::OneFactor,
                Compared::AllPairs => FamilyKind::AllPairs,
            }),
            correction: self.correction.map(|method| match method {
                Method::Holm => Correction::Holm,
                Method::Bonferroni => Correction::Bonferroni,
                Method::MaxT => Correction::MaxT,
                Method::None => Correction::None,
            }),
            missing: match self.missing {
                Some(Policy::WorstRank) => Missing::WorstRank,
                Some(Policy::CompletedPairs) | None => Missing::CompletedPairs,
            },
            paired: self.paired,
            tasks: self.tasks,
            zeros_are_values: self.zeros_are_values,
        }
    }
}
