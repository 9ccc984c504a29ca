//! Texts that HTML and Markdown share, so that they cannot differ.

use super::{
    analysis::{Analysis, ComparisonResult, Family, Instead, Measured, Plan, Role, Tally, Tested},
    number, time,
    wording::{degenerate_short, direction, display_name, effect_name, full_name, shorten, tally},
};
use sweeper_core::spec::{Correction, FamilyKind, Missing, Pairing};

/// Longest reason of a missing trial shown, in characters.
pub(crate) const LONGEST_REASON: usize = 400;
/// Notes shown, and names before one of them.
const MOST_NOTES: usize = 20;
/// Longest recipe shown, in characters.
pub(crate) const LONGEST_RECIPE: usize = 4000;

/// `12`, or `4 of 12` when some of the planned replicates gave no value.
pub(crate) fn n_of(n: usize, planned: usize) -> String {
    if n < planned { format!("{n} of {planned}") } else { n.to_string() }
}

/// [`n_of`], with `(few)` behind it where n is few.
pub(crate) fn n(measured: &Measured, planned: usize) -> String {
    let n = n_of(measured.n, planned);
    if measured.few { format!("{n} (few)") } else { n }
}

/// `5`, or `5 and 4`.
pub(crate) fn sizes([config, baseline]: [usize; 2]) -> String {
    if config == baseline { config.to_string() } else { format!("{config} and {baseline}") }
}

/// `1.23 [0.40, 2.10]`, or why there is none.
pub(crate) fn effect(tested: &Tested) -> String {
    match (&tested.effect, &tested.effect_missing) {
        (Some(e), _) => {
            let [g, low, high] = [e.g, e.interval.low, e.interval.high].map(number::statistic);
            format!("{g} [{low}, {high}]")
        }
        (None, Some(why)) => degenerate_short(why),
        (None, None) => "n/a".to_owned(),
    }
}

/// Head of the effect-size column.
pub(crate) fn effect_head(family: &Family) -> String {
    let kind = family.comparisons.iter().find_map(|c| c.result.tested()?.effect.map(|e| e.kind));
    kind.map_or_else(|| "Hedges g".to_owned(), |kind| effect_name(kind).to_owned())
}

/// What was asked, in one sentence.
pub(crate) fn question(analysis: &Analysis) -> String {
    let plan = &analysis.plan;
    let compared = match plan.family {
        FamilyKind::Baseline => format!("baseline: {}", display_name(&plan.baseline)),
        FamilyKind::OneFactor => "compared: every two configs that differ in one setting".to_owned(),
        FamilyKind::AllPairs => "compared: every two configs".to_owned(),
        FamilyKind::Matched => "compared: configs of one name in two sweeps".to_owned(),
    };
    let unit = analysis.metrics.iter().find(|m| m.primary).map_or("", |m| m.unit.of_difference());
    let delta = plan
        .delta
        .map(|delta| format!("; smallest difference that matters: {}", number::with_unit(&number::exact(delta), unit)));
    format!(
        "Primary metric: {} ({}); {compared}{}.",
        display_name(&plan.metric),
        direction(Some(plan.direction)),
        delta.unwrap_or_default()
    )
}

/// The notes of the recipes, one entry per text: whose it is, and the text on one line. Many are cut short.
pub(crate) fn notes(analysis: &Analysis) -> Vec<(String, String)> {
    let mut texts: Vec<(&str, Vec<String>)> = Vec::new();
    let configs = || analysis.strata.iter().flat_map(|s| s.configs.iter().map(move |c| (s, c)));
    for (stratum, config) in configs().filter(|(_, c)| !c.note.trim().is_empty()) {
        let name = display_name(&full_name(&stratum.name, &config.name));
        match texts.iter_mut().find(|(text, _)| *text == config.note) {
            Some((_, names)) => names.push(name),
            None => texts.push((&config.note, vec![name])),
        }
    }
    let all = configs().count();
    let whose = |names: &[String]| match names.len() {
        n if n == all && n > 1 => "all configs".to_owned(),
        n if n > MOST_NOTES => format!("{} and {} more", names[..MOST_NOTES].join(", "), n - MOST_NOTES),
        _ => names.join(", "),
    };
    let line = |text: &str| shorten(&text.split_whitespace().collect::<Vec<_>>().join(" "), LONGEST_REASON);
    let more = texts.len().saturating_sub(MOST_NOTES);
    let shown = texts.iter().take(MOST_NOTES).map(|(text, names)| (whose(names), line(text)));
    shown.chain((more > 0).then(|| ("…".to_owned(), format!("{more} more notes are in report.json")))).collect()
}

/// Warns when a repeated outcome differed.
pub(crate) fn determinism_warning(analysis: &Analysis) -> Option<String> {
    let d = analysis.determinism;
    (d.unequal > 0).then(|| {
        format!(
            "NOT DETERMINISTIC: {} of {} repeated outcomes differ from the accepted ones, so equal seeds did not give equal numbers.",
            d.unequal, d.repeats
        )
    })
}

/// What replicates vary and what they hold fixed, as a sentence; none where it is not known.
pub(crate) fn held_fixed(analysis: &Analysis) -> Option<String> {
    let scope = &analysis.scope;
    (!scope.fixed.is_empty()).then(|| {
        let (varies, fixed) = (scope.varies.join(", "), scope.fixed.join(", "));
        format!("Replicates vary {varies}; they hold fixed {fixed}: nothing here speaks of other values of those.")
    })
}

/// `Against “unbalanced” on accuracy/perverse (higher is better): 5 better, 1 worse.`
pub(crate) fn family_line(analysis: &Analysis, family: &Family) -> String {
    let metric = analysis.metrics.iter().find(|m| m.name == family.metric);
    let way = direction(metric.and_then(|m| m.direction));
    let name = display_name(&family.metric);
    match analysis.plan.family {
        FamilyKind::Baseline => {
            let baseline = display_name(&analysis.plan.baseline);
            format!("Against “{baseline}” on {name} ({way}): {}.", tally(family))
        }
        FamilyKind::OneFactor => format!("Configs one setting apart on {name} ({way}): {}.", tally(family)),
        FamilyKind::AllPairs => format!("Every two configs on {name} ({way}): {}.", tally(family)),
        FamilyKind::Matched => format!("Configs of one name in two sweeps on {name} ({way}): {}.", tally(family)),
    }
}

/// How the p-values of a family were adjusted.
pub(crate) fn correction_line(analysis: &Analysis, family: &Family) -> String {
    let alpha = number::exact(analysis.plan.alpha);
    if family.size == 0 {
        return "No comparison has a p-value.".to_owned();
    }
    let s = if family.size == 1 { "" } else { "s" };
    let test = test_name(&analysis.plan, family);
    format!("p-value{s} of the {test}, {}; alpha = {alpha}.{}", adjusted(analysis, family), cautions(analysis, family))
}

/// What the p-values of a family take for granted and the data do not bear out.
fn cautions(analysis: &Analysis, family: &Family) -> String {
    let mut text = String::new();
    if let Some(ratio) = pooled_ratio(analysis, family) {
        let takes = match analysis.plan.correction {
            Correction::MaxT | Correction::MaxTSingleStep => {
                "exchanges trainings of configs as if these were all alike"
            }
            _ => "takes the standard deviations of all configs for equal",
        };
        text.push_str(&format!(
            " CAUTION: this correction {takes}, and their standard deviations differ by a factor of {}.",
            number::statistic(ratio)
        ));
    }
    if family.role != Role::Primary && is_sequential(analysis) {
        text.push_str(" The sweep was stopped by the primary metric's data, which these p-values do not account for.");
    }
    text
}

/// `adjusted by Holm over 9 comparisons`.
fn adjusted(analysis: &Analysis, family: &Family) -> String {
    let m = family.corrected_over;
    let tested = || family.comparisons.iter().filter_map(|c| c.result.tested());
    if tested().any(|t| t.sequential.is_some()) {
        let over = over(m);
        return format!("valid at every look of the sequential design, adjusted by Holm {over}");
    }
    let grown = tested().any(|t| t.extended.is_some());
    let from = if grown { "and of e-values where replicates were added after the first ones were known, " } else { "" };
    let as_planned = adjusted_as_planned(analysis, family);
    let text = match family.instead {
        Some(why) => {
            let planned = correction_name(analysis.plan.correction);
            format!("{from}adjusted by Holm {}, not by {planned} as planned: {}", over(m), instead(why))
        }
        None => format!("{from}{as_planned}"),
    };
    match family.drawn {
        // Of a share p of B draws: √(p(1 - p)/B).
        Some(drawn) if family.role != Role::Secondary => {
            let error = (analysis.plan.alpha * (1.0 - analysis.plan.alpha) / drawn as f64).sqrt();
            format!(
                "{text}, from {drawn} random arrangements (an adjusted p near alpha has a standard error of {})",
                number::p(error, analysis.plan.alpha)
            )
        }
        _ => text,
    }
}

/// Whether looks at the primary metric decided how many replicates there are.
fn is_sequential(analysis: &Analysis) -> bool {
    let families = analysis.strata.iter().flat_map(|s| &s.families).filter(|family| family.role == Role::Primary);
    let mut tested = families.flat_map(|family| &family.comparisons).filter_map(|c| c.result.tested());
    !analysis.looks.is_empty() || tested.any(|t| t.sequential.is_some())
}

/// By which factor the standard deviations of configs differ whose variances are pooled; none unless that is above 2.
fn pooled_ratio(analysis: &Analysis, family: &Family) -> Option<f64> {
    let pools = match analysis.plan.correction {
        Correction::Dunnett | Correction::TukeyKramer => true,
        Correction::MaxT | Correction::MaxTSingleStep => analysis.plan.pairing == Pairing::Independent,
        _ => false,
    };
    if !pools || family.instead.is_some() || family.role == Role::Secondary {
        return None;
    }
    let arms = family.comparisons.iter().filter_map(|c| c.result.tested()?.arms).flatten();
    let (low, high) = arms.fold((f64::INFINITY, 0.0_f64), |(low, high), arm| (low.min(arm.sd), high.max(arm.sd)));
    Some(high / low).filter(|ratio| ratio.is_finite() && *ratio > 2.0)
}

/// Why Holm's correction took the place of the planned one.
fn instead(why: Instead) -> String {
    match why {
        Instead::Extended => "that one holds for a number of replicates fixed in advance only".to_owned(),
        Instead::NoValues => "that one needs the values of single trainings".to_owned(),
        Instead::Incomplete { common, most } => {
            format!(
                "that one needs the same replicates in all comparisons, which have up to {most} and {common} in common"
            )
        }
        Instead::Family => "that one is for another family of comparisons".to_owned(),
        Instead::Paired => "that one is for replicates with seeds of their own".to_owned(),
        Instead::Ranks => "that one knows no lost trainings, which the ranks of the planned test count".to_owned(),
        Instead::Degenerate => "that one has no number for these data".to_owned(),
    }
}

fn over(comparisons: usize) -> String {
    if comparisons == 1 { "over 1 comparison".to_owned() } else { format!("over {comparisons} comparisons") }
}

fn adjusted_as_planned(analysis: &Analysis, family: &Family) -> String {
    let m = family.corrected_over;
    match (family.role, analysis.plan.correction) {
        (Role::Secondary, _) if m > 1 => {
            format!("adjusted by Benjamini and Hochberg over the {m} comparisons of all declared secondary metrics")
        }
        (_, Correction::None) => "not adjusted, as planned".to_owned(),
        (_, _) if m == 1 => "the only one of its family, so there is nothing to adjust".to_owned(),
        (_, Correction::Dunnett) => format!(
            "adjusted as the {m} comparisons of Dunnett's test, which has the variances of all configs in one, and so a t of its own"
        ),
        (_, Correction::TukeyKramer) => format!(
            "adjusted as {m} comparisons of Tukey and Kramer's test, which has the variances of all configs in one, and so a t of its own"
        ),
        (_, correction) => format!("adjusted by {} {}", correction_name(correction), over(m)),
    }
}

pub(crate) fn correction_name(correction: Correction) -> &'static str {
    match correction {
        Correction::Holm => "Holm",
        Correction::Bonferroni => "Bonferroni",
        Correction::MaxT => "Westfall and Young's step-down max-T",
        Correction::MaxTSingleStep => "single-step max-T",
        Correction::Dunnett => "Dunnett",
        Correction::TukeyKramer => "Tukey and Kramer",
        Correction::GamesHowell => "Games and Howell",
        Correction::None => "nothing",
    }
}

fn test_name(plan: &Plan, family: &Family) -> &'static str {
    let of_t = |result: &ComparisonResult| result.tested().is_some_and(|tested| !tested.test.is_worst_rank());
    // Without a known better side there is no worst rank, and the t-test decides.
    let missing =
        if family.comparisons.iter().any(|c| of_t(&c.result)) { Missing::CompletedPairs } else { plan.missing };
    match (plan.pairing, missing) {
        (Pairing::Common, Missing::CompletedPairs) => "paired t-test",
        (Pairing::Independent, Missing::CompletedPairs) => "Welch t-test",
        (Pairing::Common, Missing::WorstRank) => "signed-rank test with lost trials ranked worst",
        (Pairing::Independent, Missing::WorstRank) => "rank-sum test with lost trials ranked worst",
    }
}

/// What the numbers of a comparison table are.
pub(crate) fn family_caption(analysis: &Analysis, family: &Family) -> String {
    let plan = &analysis.plan;
    let role = match family.role {
        Role::Primary => "Primary family",
        Role::Secondary => "Declared secondary metric (exploratory)",
        Role::Other => "Not planned for (exploratory, corrected by itself)",
    };
    let difference = match plan.family {
        FamilyKind::Baseline => format!("config minus {}", display_name(&plan.baseline)),
        _ => "first config minus second".to_owned(),
    };
    let correction = match family.size {
        0 => "no comparison has a p-value".to_owned(),
        1 if family.corrected_over == 1 => "the only comparison with a p-value".to_owned(),
        _ => format!("p-values {}", adjusted(analysis, family)),
    };
    format!("{role}: {difference}, {}; {correction}.{}", test_name(plan, family), cautions(analysis, family))
}

/// Facts about the sweep, without the long ones (file, recipes, seeds).
pub(crate) fn provenance(analysis: &Analysis) -> Vec<(String, String)> {
    let p = &analysis.provenance;
    let mut rows: Vec<(&str, String)> = vec![
        ("sweep", format!("{} ({})", p.sweep, analysis.state)),
        ("submitted", p.submitted.clone()),
        ("closed", p.closed.clone().unwrap_or_else(|| "still open".to_owned())),
    ];
    if let Some(wall) = p.wall_seconds {
        rows.push(("wall clock", time::duration(wall)));
    }
    rows.push(("training, summed", time::duration(p.train_seconds)));
    rows.push(("evaluation, summed", time::duration(p.evaluate_seconds)));
    rows.push(("coordinator", format!("sweeper {}", p.software_version)));
    rows.push(("report", format!("sweeper {}", p.report_version)));
    for (what, tallies) in [
        ("numerics version", &p.trainer_versions),
        ("library", &p.libraries),
        ("device", &p.devices),
        ("node", &p.nodes),
        ("attempts", &p.attempt_ends),
        ("repeated trainings, by config", &p.modes),
    ] {
        rows.push((what, joined(tallies)));
    }
    rows.push(("sweep seed", p.seed.clone()));
    rows.push(("sweep digest", p.spec_digest.clone()));
    rows.push(("plan digest", analysis.plan.digest.clone()));
    rows.push(("SHA-256 of input.json", p.input_digest.clone()));
    let overrides = if p.overrides.is_empty() { "none".to_owned() } else { p.overrides.join("; ") };
    rows.push(("overrides", overrides));
    let mut rows: Vec<(String, String)> = rows.into_iter().map(|(what, value)| (what.to_owned(), value)).collect();
    rows.extend(p.data_digests.iter().map(|(key, digest)| (format!("data {}", display_name(key)), digest.clone())));
    rows
}

fn joined(tallies: &[Tally]) -> String {
    if tallies.is_empty() {
        return "none".to_owned();
    }
    let one = |t: &Tally| format!("{} ({})", display_name(&t.value), t.count);
    tallies.iter().map(one).collect::<Vec<String>>().join(", ")
}

/// `56.69 [56.30, 57.10]`, or the mean alone.
pub(crate) fn mean_and_interval(m: &Measured) -> String {
    let d = number::measured_decimals(m);
    let mean = number::fixed(m.mean, d);
    m.interval.as_ref().map_or_else(|| mean.clone(), |i| format!("{mean} {}", number::interval(i, d)))
}
