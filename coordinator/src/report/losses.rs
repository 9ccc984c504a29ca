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
}

/// Of both sides of a comparison, the config first; a side that lost nothing has no entry.
pub(super) fn of(config: &ConfigResult, baseline: &ConfigResult) -> Vec<Loss> {
    let loss = |side: &ConfigResult| {
        let Counts { planned, diverged, abandoned, .. } = side.counts;
        let some = diverged + abandoned > 0;
        some.then(|| Loss { config: side.name.clone(), baseline: side.baseline, planned, diverged, abandoned })
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
    let Loss { planned, diverged, abandoned, .. } = *loss;
    let name = shorten(&loss.config, NAME);
    let mut parts = Vec::new();
    if diverged > 0 {
        parts.push(format!("{diverged} of {planned} trainings of “{name}” diverged"));
    }
    if abandoned > 0 {
        let were = if abandoned == 1 { "was" } else { "were" };
        parts.push(format!("{abandoned} of {planned} trials of “{name}” {were} abandoned"));
    }
    parts
}
