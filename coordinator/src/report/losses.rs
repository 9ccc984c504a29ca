//! Trials that diverged or were abandoned and so are missing from a comparison. They are not missing at random: what is
//! left may look better only because the worst trainings are gone, so every verdict names them.

use super::{
    analysis::{ComparisonResult, ConfigResult, Counts, Untested},
    number,
    wording::shorten,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Longest name inside a clause about losses, in characters; the line it stands in has told the name before.
const NAME: usize = 40;

/// How many trials of one side of a comparison gave no observation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Loss {
    /// Name of the config.
    pub config: String,
    /// Whether it is the baseline of the comparison.
    pub baseline: bool,
    /// Its planned trials.
    pub planned: usize,
    /// Those that finished with NaN or infinity.
    pub diverged: usize,
    /// Those given up after failing attempts.
    pub abandoned: usize,
    /// Those that completed, with a value of this metric that is not finite.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub not_finite: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Of both sides of a comparison on a metric, the config first; a side that lost nothing has no entry.
pub(super) fn of(config: &ConfigResult, baseline: &ConfigResult, metric: &str) -> Vec<Loss> {
    let loss = |side: &ConfigResult| {
        let Counts { planned, diverged, abandoned, .. } = side.counts;
        let not_finite = side.not_finite.get(metric).map_or(0, Vec::len);
        let (config, baseline) = (side.name.clone(), side.baseline);
        (diverged + abandoned + not_finite > 0).then_some(Loss {
            config,
            baseline,
            planned,
            diverged,
            abandoned,
            not_finite,
        })
    };
    [config, baseline].into_iter().filter_map(loss).collect()
}

/// `; 8 of 12 trainings of “a” diverged: these numbers are of the survivors only`, to stand behind the evidence of a
/// comparison; empty when nothing was lost. A comparison without numbers gets no word about numbers.
pub(super) fn clause(losses: &[Loss], result: &ComparisonResult) -> String {
    if losses.is_empty() {
        return String::new();
    }
    let parts: Vec<String> = losses.iter().flat_map(parts).collect();
    let numbers = match result {
        ComparisonResult::Tested(_) => true,
        // The lost ones are among its numbers.
        ComparisonResult::Ranked(_) => false,
        ComparisonResult::NotTested(why) => {
            matches!(why, Untested::EqualInAll { .. } | Untested::ConstantDifference { .. })
        }
    };
    let survivors = if numbers { ": these numbers are of the survivors only" } else { "" };
    format!("; {}{survivors}", parts.join(", "))
}

/// What the test that ranks lost trainings worst says where it does not say what the planned test says, both uncorrected:
/// then the verdict hangs on what was lost.
pub(super) fn sensitivity(result: &ComparisonResult, alpha: f64) -> String {
    let Some(tested) = result.tested().filter(|tested| !tested.test.is_worst_rank()) else { return String::new() };
    let Some(rank) = &tested.worst_rank else { return String::new() };
    let (planned, ranked) = (tested.p_value <= alpha, rank.test.p_value <= alpha);
    let p = number::p_equals(rank.test.p_value, alpha);
    let against = f64::from(rank.side) * tested.primary.difference < 0.0;
    match (planned, ranked) {
        (_, true) if against => {
            format!("; UNSURE: with every lost training ranked worst the opposite is shown ({p}, uncorrected)")
        }
        (true, false) if rank.floor <= alpha => {
            format!("; UNSURE: with every lost training ranked worst no difference is shown ({p}, uncorrected)")
        }
        (false, true) => {
            format!("; UNSURE: with every lost training ranked worst a difference is shown ({p}, uncorrected)")
        }
        _ => String::new(),
    }
}

fn parts(loss: &Loss) -> Vec<String> {
    let Loss { planned, diverged, abandoned, not_finite, .. } = *loss;
    let name = shorten(&loss.config, NAME);
    let mut parts = Vec::new();
    if diverged > 0 {
        parts.push(format!("{diverged} of {planned} trainings of “{name}” diverged"));
    }
    if abandoned > 0 {
        let were = if abandoned == 1 { "was" } else { "were" };
        parts.push(format!("{abandoned} of {planned} trials of “{name}” {were} abandoned"));
    }
    if not_finite > 0 {
        let (s, are) = if not_finite == 1 { ("", "is") } else { ("s", "are") };
        parts.push(format!("{not_finite} value{s} of “{name}” {are} not finite"));
    }
    parts
}
