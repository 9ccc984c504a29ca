//! Sentences made from numbers. Names inside them are shortened and free of control characters, nothing more: every
//! format escapes the sentence by its own rules.

use super::{
    analysis::{
        Analysis, Comparison, ComparisonResult, Counts, Family, MetricInfo, Plan, Ranked, Tested, Untested, Verdict,
        WorstRank,
    },
    losses::{self, Loss},
    number,
};
use std::cmp::Ordering;
use sweeper_core::spec::{Direction, FamilyKind};
use sweeper_stats::{Degenerate, EffectKind};

/// Longest name shown whole, in characters.
const LONGEST_NAME: usize = 120;

/// A name for people: control characters and line breaks become spaces, and of a very long one the ends are kept.
/// JSON and CSV hold it unchanged.
pub(crate) fn display_name(name: &str) -> String {
    shorten(name, LONGEST_NAME)
}

/// [`display_name`] of at most `longest` characters.
pub(crate) fn shorten(name: &str, longest: usize) -> String {
    let clean = |c: char| if c.is_control() || is_invisible(c) { ' ' } else { c };
    let count = name.chars().count();
    if count <= longest {
        return name.chars().map(clean).collect();
    }
    let tail = longest / 4;
    let head = longest.saturating_sub(tail + 1);
    let mut text: String = name.chars().take(head).map(clean).collect();
    text.push('…');
    text.extend(name.chars().skip(count - tail).map(clean));
    text
}

/// Line and paragraph separators, and marks that reorder the text around them.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

/// `config`, or `stratum/config`.
pub(crate) fn full_name(stratum: &str, config: &str) -> String {
    if stratum.is_empty() { config.to_owned() } else { format!("{stratum}/{config}") }
}

/// Whose a comparison is: the config, where all have one baseline; else both.
pub(crate) fn subject(comparison: &Comparison, family: FamilyKind) -> String {
    subject_within(comparison, family, LONGEST_NAME)
}

/// The same, of names with at most `longest` characters each.
pub(crate) fn subject_within(comparison: &Comparison, family: FamilyKind, longest: usize) -> String {
    let config = shorten(&comparison.config, longest);
    match family {
        FamilyKind::Baseline => config,
        FamilyKind::OneFactor | FamilyKind::AllPairs | FamilyKind::Matched => {
            format!("{config} v {}", shorten(&comparison.baseline, longest))
        }
    }
}

/// A comparison in words.
pub(super) struct Words {
    pub(super) sentence: String,
    pub(super) evidence: String,
}

pub(super) fn of_comparison(
    (config, baseline): (&str, &str),
    (result, corrected_over): (&ComparisonResult, usize),
    losses: &[Loss],
    metric: &MetricInfo,
    plan: &Plan,
) -> Words {
    let (config, baseline, name) = (display_name(config), display_name(baseline), display_name(&metric.name));
    let mut evidence = match result {
        ComparisonResult::Tested(tested) => tested_evidence(tested, metric, (plan, corrected_over)),
        ComparisonResult::Ranked(ranked) => ranked_evidence(ranked, metric, (plan, corrected_over)),
        ComparisonResult::NotTested(why) => untested_evidence(why, metric),
    };
    evidence.push_str(&losses::clause(losses, result));
    evidence.push_str(&losses::sensitivity(result, plan.alpha));
    let claim = match Look::of(result) {
        Look::Better => "is better than",
        Look::Worse => "is worse than",
        Look::NegligiblyBetter => "is better by a negligible amount than",
        Look::NegligiblyWorse => "is worse by a negligible amount than",
        Look::Equivalent => "is equivalent to",
        Look::Undecided => "is undecided against",
        Look::Equal => "equals",
        Look::NotMeasured | Look::NotTested => "is not tested against",
    };
    Words { sentence: format!("“{config}” {claim} “{baseline}” on {name}: {evidence}."), evidence }
}

fn tested_evidence(tested: &Tested, metric: &MetricInfo, (plan, over): (&Plan, usize)) -> String {
    let decimals = number::tested_decimals(tested);
    let difference = tested.primary.difference;
    let size = number::with_unit(&number::fixed(difference.abs(), decimals), metric.unit.of_difference());
    let way = match difference.partial_cmp(&0.0) {
        Some(Ordering::Greater) => "higher",
        Some(Ordering::Less) => "lower",
        _ => "apart in the mean",
    };
    let confidence = number::percent(plan.confidence);
    let interval = match tested.interval() {
        Some(interval) => {
            format!("{confidence} interval {}", number::interval_in_words(interval, decimals, metric.unit))
        }
        None => "an interval that holds at every look is not bounded yet".to_owned(),
    };
    let p = p_in_words(tested.p_adjusted, plan, over);
    let n = counts_in_words(tested);
    let (p, n) = match &tested.extended {
        Some(extended) => {
            let known = format!("{n}, of which {} were known before this plan", extended.known);
            (format!("always-valid {p}"), known)
        }
        None => (p, n),
    };
    let hint = match (tested.verdict, metric.direction) {
        (Verdict::Undecided, None) => "; which way is better is not known for this metric",
        _ => "",
    };
    let margin = margin_clause(tested, metric);
    let sequential = sequential_clause(tested);
    match tested.worst_rank.filter(|_| tested.test.is_worst_rank()) {
        Some(rank) => {
            let all = rank_counts(&rank, tested.test.is_paired());
            format!(
                "{p} with lost trainings ranked worst, {all}; those that completed are {size} {way} ({interval}), {n}{hint}{margin}"
            )
        }
        None => format!("{size} {way} ({interval}), {p}, {n}{sequential}{hint}{margin}"),
    }
}

/// The p-value that decides, corrected for `over` comparisons.
fn p_in_words(p_adjusted: f64, plan: &Plan, over: usize) -> String {
    let p = number::p_equals(p_adjusted, plan.alpha);
    if over < 2 { p } else { format!("adjusted {p}") }
}

/// What ranks alone say, and why there is no difference.
fn ranked_evidence(ranked: &Ranked, metric: &MetricInfo, (plan, over): (&Plan, usize)) -> String {
    let side = match ranked.rank.side {
        1 => "ranks higher",
        -1 => "ranks lower",
        _ => "ranks the same",
    };
    let (p, all) = (p_in_words(ranked.p_adjusted, plan, over), rank_counts(&ranked.rank, ranked.test.is_paired()));
    let why = untested_evidence(&ranked.instead, metric);
    format!("{side}, {p} with lost trainings ranked worst, {all}; no difference can be told ({why})")
}

fn rank_counts(rank: &WorstRank, paired: bool) -> String {
    if paired {
        format!("n = {} pairs", rank.n_config)
    } else {
        format!("n = {} and {}", rank.n_config, rank.n_baseline)
    }
}

/// When and why a comparison of a sequential design ended, or that it did not.
fn sequential_clause(tested: &Tested) -> String {
    let Some(state) = &tested.sequential else { return String::new() };
    match (state.decision.as_str(), state.decided_at) {
        ("futile", Some(at)) => {
            format!(", ended after {at} replicates: a difference that matters would hardly have been found any more")
        }
        ("not decided at the end" | "open", _) | (_, None) => String::new(),
        (_, Some(at)) => format!(", decided after {at} replicates"),
    }
}

/// What can be said about the margin of equivalence, and what it would take to say more.
fn margin_clause(tested: &Tested, metric: &MetricInfo) -> String {
    let unit = metric.unit.of_difference();
    let Some(tost) = &tested.equivalence.tost else {
        // Without a declared margin nothing is called equivalent; what could be is left to the reader.
        if tested.verdict != Verdict::Undecided || !metric.primary || !tested.is_fixed() {
            return String::new();
        }
        let least = number::fixed(tested.equivalence.smallest_margin, number::tested_decimals(tested));
        return format!("; equivalence would hold for any margin above {}", number::with_unit(&least, unit));
    };
    let margin = number::with_unit(&number::exact(tost.margin), unit);
    match (tested.verdict, &tested.needed) {
        (Verdict::Equivalent | Verdict::NegligiblyBetter | Verdict::NegligiblyWorse, _) => {
            // The p-value of the two one-sided tests holds once; the decision of a sequential design at every look.
            let how =
                if tested.is_fixed() { number::p_equals(tost.p_value, tost.alpha) } else { "at every look".to_owned() };
            format!("; inside ±{margin} ({how})")
        }
        (Verdict::Undecided, Some(needed)) => {
            format!("; about {} replicates each would settle it against ±{margin}", needed.settle)
        }
        _ => String::new(),
    }
}

fn counts_in_words(tested: &Tested) -> String {
    let few = if tested.few { ", which is few" } else { "" };
    if tested.test.is_paired() {
        format!("n = {} pairs{few}", tested.n_config)
    } else {
        format!("n = {} and {}{few}", tested.n_config, tested.n_baseline)
    }
}

/// Why there are no numbers, as a clause.
fn untested_evidence(why: &Untested, metric: &MetricInfo) -> String {
    match why {
        Untested::NotMeasured { config: false, baseline: true } => "not measured for this config".to_owned(),
        Untested::NotMeasured { config: true, .. } => "not measured for the other config".to_owned(),
        Untested::NotMeasured { .. } => "measured for neither config".to_owned(),
        Untested::EqualInAll { n: 1 } => "equal to the last bit in the only common replicate".to_owned(),
        Untested::EqualInAll { n } => format!("equal in all {n} replicates, to the last bit"),
        Untested::TooFew { n, needed } => {
            let s = if *n == 1 { "" } else { "s" };
            format!("{n} usable replicate{s}, the test needs {needed}")
        }
        Untested::ConstantDifference { n, difference } => {
            let difference = number::with_unit(&number::rounded(*difference), metric.unit.of_difference());
            format!("{difference} apart in each of {n} replicates, so the error of the difference cannot be estimated")
        }
        Untested::Waiting { open } => {
            let trials =
                if *open == 1 { "1 planned trial is".to_owned() } else { format!("{open} planned trials are") };
            format!("not judged yet: {trials} open, and the plan allows no test before")
        }
        Untested::Degenerate(why) => why.to_string(),
    }
}

/// The same, for a table cell.
pub(crate) fn untested_short(why: &Untested) -> String {
    match why {
        Untested::NotMeasured { .. } => "not measured".to_owned(),
        Untested::EqualInAll { n } => format!("equal in all {n} replicates"),
        Untested::TooFew { n, .. } => format!("too few (n = {n})"),
        Untested::ConstantDifference { .. } => "constant difference".to_owned(),
        Untested::Waiting { .. } => "not yet".to_owned(),
        Untested::Degenerate(_) => "no test".to_owned(),
    }
}

/// Why a single number could not be computed, for a table cell.
pub(crate) fn degenerate_short(why: &Degenerate) -> String {
    match why {
        Degenerate::TooFew { n, .. } => format!("too few (n = {n})"),
        Degenerate::ZeroVariance { .. } => "no variance".to_owned(),
        Degenerate::NotFinite { .. } => "not finite".to_owned(),
        Degenerate::Domain { .. } => "out of range".to_owned(),
        _ => "n/a".to_owned(),
    }
}

/// How the result of a comparison is shown: the verdicts, and the reasons why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// An improvement.
    Better,
    /// A deterioration.
    Worse,
    /// Neither shown nor ruled out.
    Undecided,
    /// Shown to lie inside the margin of equivalence.
    Equivalent,
    /// An improvement, and inside the margin of equivalence.
    NegligiblyBetter,
    /// A deterioration, and inside the margin of equivalence.
    NegligiblyWorse,
    /// To the bit, in every replicate.
    Equal,
    /// Not produced by the config or the baseline.
    NotMeasured,
    /// No test is possible.
    NotTested,
}

impl From<Verdict> for Look {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Better => Self::Better,
            Verdict::Worse => Self::Worse,
            Verdict::NegligiblyBetter => Self::NegligiblyBetter,
            Verdict::NegligiblyWorse => Self::NegligiblyWorse,
            Verdict::Equivalent => Self::Equivalent,
            Verdict::Undecided => Self::Undecided,
        }
    }
}

impl Look {
    /// In the order of a report.
    pub(crate) const ALL: [Self; 9] = [
        Self::Better,
        Self::Worse,
        Self::NegligiblyBetter,
        Self::NegligiblyWorse,
        Self::Equivalent,
        Self::Undecided,
        Self::Equal,
        Self::NotMeasured,
        Self::NotTested,
    ];

    pub(crate) fn of(result: &ComparisonResult) -> Self {
        match result {
            ComparisonResult::Tested(tested) => tested.verdict.into(),
            ComparisonResult::Ranked(ranked) => ranked.verdict.into(),
            ComparisonResult::NotTested(Untested::EqualInAll { .. }) => Self::Equal,
            ComparisonResult::NotTested(Untested::NotMeasured { .. }) => Self::NotMeasured,
            ComparisonResult::NotTested(_) => Self::NotTested,
        }
    }

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::NegligiblyBetter => "negligibly better",
            Self::NegligiblyWorse => "negligibly worse",
            Self::Equivalent => "equivalent",
            Self::Undecided => "undecided",
            Self::Equal => "equal",
            Self::NotMeasured => "not measured",
            Self::NotTested => "not tested",
        }
    }

    /// A shape that says the same.
    pub(crate) const fn mark(self) -> &'static str {
        match self {
            Self::Better => "▲",
            Self::Worse => "▼",
            Self::NegligiblyBetter => "△",
            Self::NegligiblyWorse => "▽",
            Self::Equivalent => "≈",
            Self::Undecided => "○",
            Self::Equal => "=",
            Self::NotMeasured | Self::NotTested => "–",
        }
    }
}

/// Comparisons in the order of a verdict list: those with numbers or equal to the bit in sweep order, then the others.
pub(crate) fn verdict_order(family: &Family) -> impl Iterator<Item = &Comparison> {
    let told = |c: &&Comparison| !matches!(Look::of(&c.result), Look::NotMeasured | Look::NotTested);
    family.comparisons.iter().filter(told).chain(family.comparisons.iter().filter(move |c| !told(c)))
}

/// `5 better, 1 worse, 1 equal, 2 not measured`, naming only what occurs.
pub(crate) fn tally(family: &Family) -> String {
    let count = |look| family.comparisons.iter().filter(|c| Look::of(&c.result) == look).count();
    let parts = Look::ALL.into_iter().map(|look| (count(look), look.word())).filter(|(n, _)| *n > 0);
    let parts: Vec<String> = parts.map(|(n, word)| format!("{n} {word}")).collect();
    if parts.is_empty() { "nothing to compare".to_owned() } else { parts.join(", ") }
}

/// `higher is better` or `lower is better`.
pub(crate) fn direction(direction: Option<Direction>) -> &'static str {
    match direction {
        Some(Direction::Maximize) => "higher is better",
        Some(Direction::Minimize) => "lower is better",
        None => "no known better side",
    }
}

/// `48 of 50 trials completed, 1 diverged, 1 abandoned`.
pub(crate) fn counts(counts: &Counts) -> String {
    let mut text = format!("{} of {} trials completed", counts.completed, counts.planned);
    for (n, what) in [
        (counts.diverged, "diverged"),
        (counts.abandoned, "abandoned"),
        (counts.cancelled, "cancelled"),
        (counts.stopped, "not needed any more"),
        (counts.open, "not finished yet"),
    ] {
        if n > 0 {
            text.push_str(&format!(", {n} {what}"));
        }
    }
    if counts.reused > 0 {
        text.push_str(&format!(" ({} taken from earlier sweeps)", counts.reused));
    }
    text
}

/// The stamp of a report whose sweep is not complete.
pub(crate) fn partial_stamp(analysis: &Analysis) -> String {
    let Counts { open, cancelled, planned, .. } = analysis.counts;
    let missing = open + cancelled;
    if analysis.state == "cancelled" {
        let given = analysis.cancel_reason.as_deref().filter(|reason| !reason.trim().is_empty());
        let reason = given.map_or_else(
            || "no reason was given".to_owned(),
            |reason| format!("reason given: “{}”", shorten(reason, LONGEST_NAME)),
        );
        return format!(
            "CANCELLED before its end ({reason}): {missing} of {planned} planned trials have no outcome and will not get \
             one. If it was cancelled because of what its numbers showed, the p-values are not valid."
        );
    }
    let judged = if analysis.looks.is_empty() {
        "Numbers may still change. There is no p-value and no comparison before the planned end, for whoever sees one early \
         may stop for it."
    } else {
        "Numbers may still change. Only what the stopping rule has looked at is judged; the rest waits."
    };
    format!(
        "PARTIAL: {missing} of {planned} planned trials have no outcome ({open} not finished yet, {cancelled} cancelled). \
         {judged}"
    )
}

/// What an effect size was divided by, for a table head.
pub(crate) fn effect_name(kind: EffectKind) -> &'static str {
    match kind {
        EffectKind::HedgesG => "Hedges g (pooled SD)",
        EffectKind::HedgesGav => "Hedges g (average SD)",
        EffectKind::Dz => "Hedges g (SD of the differences)",
    }
}
