//! Whether the plan was there before the data: what a reader must know before any p-value.

use super::{
    analysis::{Role, Stratum},
    time,
};
use crate::results::{Origin, SweepResults};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sweeper_core::spec::{LookPlan, Spending, Stopping};

/// How the plan and the data stand to each other in time.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Planning {
    /// What the report is.
    pub status: PlanStatus,
    /// Why it is exploratory, one sentence each; empty when it is planned.
    pub reasons: Vec<String>,
    /// When the plan was stored, UTC in ISO 8601; none where no sweep had it.
    pub stored: Option<String>,
    /// When the first outcome of the sweep's own trainings came in; none before that, and where no sweep had the plan.
    pub first_result: Option<String>,
    /// Fewest and most replicates planned for a config; none where nothing was planned.
    pub replicates: Option<(u32, u32)>,
    /// When a comparison may end early, in words.
    pub stopping: String,
}

/// Whether a report tests what was planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlanStatus {
    /// The plan was stored before the first outcome was observed.
    Planned,
    /// Outcomes were there before the plan, or it is not known that they were not.
    #[default]
    Exploratory,
}

/// Of the results of a sweep, of a file or of two sweeps.
pub(super) fn planning(results: &SweepResults, strata: &[Stratum]) -> Planning {
    let mut reasons = Vec::new();
    match results.origin {
        Origin::Sweep => reasons.extend(reused(results).into_iter().chain(extended(strata))),
        Origin::File => {
            reasons.push(
                "The results were read from a file: they were there before anybody said how to judge them.".to_owned(),
            );
        }
        Origin::Comparison => {
            reasons.push("Two sweeps are compared, and neither was planned for that.".to_owned());
        }
    }
    let own = results.origin == Origin::Sweep;
    let first = first_result(results).filter(|_| own);
    if first.is_some_and(|first| first < results.submitted_ms) {
        reasons.push("By the clock the first outcome came in before the plan was stored.".to_owned());
    }
    let counts = || results.spec.configs.iter().map(|c| c.replicates);
    Planning {
        status: if reasons.is_empty() { PlanStatus::Planned } else { PlanStatus::Exploratory },
        reasons,
        stored: own.then(|| time::utc(results.submitted_ms, false)),
        first_result: first.map(|ms| time::utc(ms, false)),
        replicates: counts().min().zip(counts().max()).filter(|_| own),
        stopping: stopping(&results.spec.analysis.stopping, counts().max()),
    }
}

/// Of a published table.
pub(super) fn published() -> Planning {
    Planning {
        reasons: vec!["The numbers were published before anybody said how to judge them here.".to_owned()],
        stopping: stopping(&Stopping::Fixed, None),
        ..Planning::default()
    }
}

/// Outcomes that existed before this plan was stored: whoever wrote the plan could have looked at them.
fn reused(results: &SweepResults) -> Option<String> {
    let count = results.trials.iter().filter(|t| t.state == "Finished" && t.reused_from.is_some()).count();
    let finished = results.trials.iter().filter(|t| t.state == "Finished").count();
    (count > 0).then(|| {
        format!("{count} of {finished} outcomes were taken from earlier sweeps: they were observed before this plan was stored.")
    })
}

/// Comparisons that got more replicates afterwards.
fn extended(strata: &[Stratum]) -> Option<String> {
    let primary = strata.iter().flat_map(|s| &s.families).filter(|family| family.role == Role::Primary);
    let tested = primary.flat_map(|family| &family.comparisons).filter_map(|c| c.result.tested());
    let (all, grown) = tested.fold((0, 0), |(all, grown), t| (all + 1, grown + usize::from(t.extended.is_some())));
    (grown > 0).then(|| {
        format!(
            "{grown} of {all} comparisons got more replicates after the first ones were known: the p-values of these are \
             always-valid ones, from e-values, and hold in spite of it."
        )
    })
}

/// When the first outcome of the sweep's own attempts came in, milliseconds since the Unix epoch.
fn first_result(results: &SweepResults) -> Option<u64> {
    let ended = results.attempts.iter().filter(|a| matches!(a.end.as_str(), "completed" | "diverged"));
    ended.filter_map(|a| a.ended_ms).min()
}

/// In words; `end` is the most replicates that a config may get.
fn stopping(rule: &Stopping, end: Option<u32>) -> String {
    match rule {
        Stopping::Fixed => "none: one analysis at the end of the plan".to_owned(),
        Stopping::Looks { looks, spending, futility } => {
            let when = match looks {
                LookPlan::Count(count) => format!("{count} looks"),
                LookPlan::At(at) => {
                    let before = |look: &&u32| end.is_none_or(|end| **look < end);
                    let at: Vec<String> = at.iter().filter(before).map(u32::to_string).collect();
                    match at.as_slice() {
                        [] => "one look, at the end".to_owned(),
                        [one] => format!("looks at {one} replicates and at the end"),
                        [first @ .., last] => {
                            format!("looks at {} and {last} replicates and at the end", first.join(", "))
                        }
                    }
                }
            };
            let spent = match spending {
                Spending::Quadratic => "in proportion to the square of what is done",
                Spending::OBrienFleming => "hardly early, after O'Brien and Fleming",
                Spending::Pocock => "evenly, after Pocock",
            };
            let futile = if *futility { "; hopeless comparisons stop, too" } else { "" };
            format!("{when}; the error rate is spent {spent}{futile}")
        }
        Stopping::EValue => "e-values after every replicate".to_owned(),
    }
}

impl super::Analysis {
    /// What stands above everything else: that the report is exploratory and why; none of a planned one.
    pub(crate) fn exploratory_stamp(&self) -> Option<String> {
        (self.planning.status == PlanStatus::Exploratory).then(|| {
            let reasons = match self.planning.reasons.as_slice() {
                [] => "It is not known whether the plan was there before the data.".to_owned(),
                reasons => reasons.join(" "),
            };
            let holds = self.strata.iter().flat_map(|s| &s.families).flat_map(|f| &f.comparisons);
            let some = holds.filter_map(|c| c.result.tested()).any(|t| t.extended.is_some());
            let other = if some { "All other p-values" } else { "The p-values" };
            format!("EXPLORATORY: {reasons} {other} do not account for what was known before: read them as leads.")
        })
    }

    /// `PLANNED: …` with the times, of a planned report.
    pub(crate) fn planned_line(&self) -> Option<String> {
        let planning = &self.planning;
        let stored = planning.stored.as_ref().filter(|_| planning.status == PlanStatus::Planned)?;
        let first = planning.first_result.as_ref();
        let first =
            first.map_or_else(|| "there is no outcome yet".to_owned(), |at| format!("the first outcome is of {at}"));
        let digest: String = self.plan.digest.chars().take(12).collect();
        Some(format!("PLANNED: the plan of analysis ({digest}) was stored {stored}, {first}."))
    }
}
