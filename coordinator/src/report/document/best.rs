//! What a reader must know of a table of contenders: which replicates it rests on, who is not in it, and where two procedures
//! do not agree.

use crate::report::{
    BestSet, Contender, NotRanked, UNEQUAL,
    number::fixed,
    wording::{display_name, shorten},
};

/// Configs that a note names at most.
const MOST_NAMES: usize = 20;

/// All of it as one paragraph; may be empty.
pub(super) fn note(best: &BestSet) -> String {
    let sentences = [rests_on(best), survivors(best), not_ranked(best), unequal(best), disagreement(best)];
    sentences.into_iter().flatten().collect::<Vec<String>>().join(" ")
}

fn rests_on(best: &BestSet) -> Option<String> {
    match best.shared {
        Some(shared) => Some(format!(
            "Ranks, intervals and shrunken means rest on the {shared} replicates that all of these configs completed."
        )),
        None => best.ranked_on.map(|least| format!("Ranks rest on at least {least} replicates of each.")),
    }
}

fn survivors(best: &BestSet) -> Option<String> {
    let text = "Survivors: some trainings of the config diverged or were abandoned, and its numbers are of the others.";
    best.contenders.iter().any(|c| c.lost > 0).then(|| text.to_owned())
}

fn not_ranked(best: &BestSet) -> Option<String> {
    let one = |config: &NotRanked| {
        let NotRanked { values, lost, planned, .. } = config;
        format!("{} ({values} of {planned} with a value, {lost} lost)", display_name(&config.config))
    };
    if best.not_ranked.is_empty() {
        return None;
    }
    let names: Vec<String> = best.not_ranked.iter().take(MOST_NAMES).map(one).collect();
    let more = best.not_ranked.len().saturating_sub(names.len());
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    let dropped = best.not_ranked.iter().any(|config| config.values >= 2);
    let why = if dropped {
        " A config that lost so many trainings that fewer than half of the replicates would be left to compare the others on is \
         left out."
    } else {
        ""
    };
    Some(format!("Not ranked: {}{more}.{why}", names.join("; ")))
}

/// Hsu's comparisons, of trials that are not paired, pool variances.
fn unequal(best: &BestSet) -> Option<String> {
    let ratio = best.sd_ratio.filter(|ratio| best.shared.is_none() && *ratio > UNEQUAL)?;
    Some(format!(
        "Standard deviations differ by a factor of {}: Hsu's comparisons with the best pool them, the ranks rest on Welch's \
         tests and do not.",
        fixed(ratio, 1)
    ))
}

/// Configs of which the verdict and the interval of ranks tell different things.
fn disagreement(best: &BestSet) -> Option<String> {
    let differs = |c: &&Contender| c.rank.is_some_and(|(_, low, _)| (low == 1) != c.among_best);
    let names: Vec<String> = best.contenders.iter().filter(differs).map(|c| display_name(&c.config)).collect();
    (!names.is_empty()).then(|| {
        format!(
            "Verdicts come from comparisons with the best, ranks from tests of all pairs: two procedures, each valid by itself, \
             that need not agree, and do not on {}.",
            shorten(&names.join(", "), 400)
        )
    })
}
