//! Trials that diverged or were abandoned and so are missing from a comparison. They are not missing at random: what is
//! left may look better only because the worst trainings are gone, so every verdict names them.

use super::{
    analysis::{ComparisonResult, ConfigResult, Counts, Untested},
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
