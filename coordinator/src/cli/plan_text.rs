//! The words of `sweeper plan`.

use super::{
    output,
    plan::{Note, Plan, Power},
};
use crate::{
    feasibility::{Feasibility, Floor, FloorTest, Needs, Sizes, Spread},
    report::{Unit, exact, fixed, usual},
};
use sweeper_core::spec::{Correction, FamilyKind, Missing};

/// The plan for people.
pub(super) fn text(plan: &Plan) -> String {
    let mut text = format!("{}: {} configs, {} trials", plan.name, plan.configs.len(), plan.trials);
    if let Some(trainings) = plan.trainings {
        text.push_str(&format!(", {trainings} trainings"));
    }
    match &plan.existing_sweep {
        Some(sweep) => text.push_str(&format!(", already there as {sweep}\n\n")),
        None => text.push_str("\n\n"),
    }
    let strata = plan.configs.iter().any(|c| !c.stratum.is_empty());
    let rows: Vec<Vec<String>> = plan
        .configs
        .iter()
        .map(|c| {
            let digest: String = c.recipe_digest.chars().take(12).collect();
            let stratum = strata.then(|| c.stratum.clone());
            let rest = [
                c.name.clone(),
                c.replicates.to_string(),
                c.finished.to_string(),
                (c.replicates - c.finished.min(c.replicates)).to_string(),
                digest,
            ];
            stratum.into_iter().chain(rest).collect()
        })
        .collect();
    let header =
        strata.then_some("stratum").into_iter().chain(["config", "replicates", "finished", "to run", "recipe"]);
    text.push_str(&output::table(&header.collect::<Vec<_>>(), &rows));
    text.push('\n');
    text.push_str(&notes_text(plan));
    for power in &plan.power {
        text.push_str(&power_text(plan, power));
    }
    text.push_str(&analysis_text(plan));
    text.push_str(&match (plan.seconds_per_trial, plan.device_seconds_left) {
        (Some(each), Some(left)) => {
            format!("time: {each:.2} s a trial in earlier results, {} of device time left\n", seconds_text(left))
        }
        _ => "time: unknown until a trial of these recipes has finished\n".to_owned(),
    });
    text
}

/// One line per config that has a note, or one for all if they have the same.
fn notes_text(plan: &Plan) -> String {
    let line = |whose: &str, note: &str| {
        format!("note on {whose}: {}\n", note.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    match plan.notes.first() {
        Some(first)
            if plan.notes.len() > 1
                && plan.notes.len() == plan.configs.len()
                && plan.notes.iter().all(|n| n.note == first.note) =>
        {
            line("all configs", &first.note)
        }
        _ => plan
            .notes
            .iter()
            .map(|Note { stratum, config, note }| match stratum.as_str() {
                "" => line(config, note),
                _ => line(&format!("{stratum}/{config}"), note),
            })
            .collect(),
    }
}

fn seconds_text(seconds: f64) -> String {
    // Seconds of device time are far below the range where the cast could lose anything.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    output::duration((seconds * 1_000.0).max(0.0) as u64)
}

/// Why a design cannot show anything, with its place; none where it can.
pub(super) fn warning(design: &Feasibility) -> Option<String> {
    design.hopeless.as_ref().map(|why| format!("{}{why}", in_stratum(&design.stratum, ": ")))
}

/// `stratum `5 epochs`` and what follows; empty where there are no strata.
fn in_stratum(name: &str, then: &str) -> String {
    if name.is_empty() { String::new() } else { format!("stratum `{name}`{then}") }
}

/// What a difference is counted in.
fn unit(plan: &Plan) -> &'static str {
    let kind = plan.metric.split('/').next().unwrap_or_default();
    usual(kind).map_or(Unit::None, |(unit, _)| unit).of_difference()
}

/// Three significant digits, with the unit.
fn amount(value: f64, unit: &str) -> String {
    let decimals = if value > 0.0 { (2.0 - value.log10().floor()).clamp(0.0, 9.0) } else { 0.0 };
    // Clamped to 0 to 9.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let number = fixed(value, decimals as usize);
    if unit.is_empty() { number } else { format!("{number} {unit}") }
}

fn power_text(plan: &Plan, power: &Power) -> String {
    let design = &power.design;
    let place = in_stratum(&design.stratum, "");
    let place = if place.is_empty() { String::new() } else { format!(" in {place}") };
    if design.comparisons == 0 {
        return format!("power{place}: nothing to compare\n");
    }
    let mut text = format!("power{place}: {}\n", head(design));
    if let Some(warning) = warning(design) {
        text.push_str(&format!("  WARNING: {warning}\n"));
    }
    let of = if design.paired { "standard deviations of the per-seed differences" } else { "standard deviations" };
    if let Some(sds) = design.detectable_sd {
        let inside =
            design.detectable.map_or_else(String::new, |found| format!(", which is {}", amount(found, unit(plan))));
        text.push_str(&format!("  found with probability 0.8: a difference of {sds:.2} {of}{inside}\n"));
        if !power.looks.is_empty() {
            text.push_str(
                "    that is one test at the end of the plan; looks and e-values find less, and `sweeper simulate` says how much\n",
            );
        }
        let ranks = |floor: &Floor| floor.decides && matches!(floor.test, FloorTest::SignFlip | FloorTest::RankSum);
        if design.floor.as_ref().is_some_and(ranks) {
            text.push_str("    that is the t-test; the rank test that decides finds a little less\n");
        }
    }
    if let Some(spread) = &design.spread {
        text.push_str(&spread_text(design, spread, unit(plan)));
    }
    if let Some(floor) = &design.floor {
        text.push_str(&floor_text(floor));
    }
    if let Some(needs) = &design.needs {
        text.push_str(&needs_text(power, needs, unit(plan)));
    } else if design.spread.is_none() {
        text.push_str("  no standard deviation is known: --sd, or earlier results of these recipes, tell more\n");
    }
    text.push_str(&looks_text(power));
    text
}

/// `2 comparisons with the baseline, 4 replicates each, Holm, alpha 0.05 (the smallest p must be at most 2.50e-2)`.
fn head(design: &Feasibility) -> String {
    let s = if design.comparisons == 1 { "" } else { "s" };
    let what = match design.family {
        FamilyKind::Baseline => format!("{} comparison{s} with the baseline", design.comparisons),
        FamilyKind::OneFactor => format!("{} comparison{s} of configs that differ in one setting", design.comparisons),
        FamilyKind::AllPairs => format!("{} comparison{s}, every two of {} configs", design.comparisons, design.groups),
        FamilyKind::Matched => format!("{} comparison{s} of two sweeps", design.comparisons),
    };
    let replicates = if design.replicates == design.most_replicates {
        format!("{} replicates each", design.replicates)
    } else {
        format!("{} to {} replicates (all numbers for {0})", design.replicates, design.most_replicates)
    };
    let correction = match design.correction {
        Correction::None => "no correction",
        Correction::Holm => "Holm",
        Correction::Bonferroni => "Bonferroni",
        Correction::MaxT => "step-down max-T",
        Correction::MaxTSingleStep => "single-step max-T",
        Correction::Dunnett => "Dunnett",
        Correction::TukeyKramer => "Tukey and Kramer",
        Correction::GamesHowell => "Games and Howell",
    };
    let strict = design.strictness.map_or_else(String::new, |found| match design.correction {
        Correction::Dunnett | Correction::TukeyKramer | Correction::GamesHowell => {
            let (critical, df, level) = (found.critical, fixed(found.df, 0), found.level);
            format!(" (|t| must exceed {critical:.3} on {df} degrees of freedom, as a single test at {level:.2e})")
        }
        _ if found.bound => {
            format!(
                " (the smallest p must be at most {:.2e}, or up to alpha where the comparisons depend on each other)",
                found.level
            )
        }
        _ => format!(" (the smallest p must be at most {:.2e})", found.level),
    });
    format!("{what}, {replicates}, {correction}, alpha {}{strict}", exact(design.alpha))
}

fn spread_text(design: &Feasibility, spread: &Spread, unit: &str) -> String {
    let what = if design.paired { "SD of the per-seed differences" } else { "SD" };
    let (sd, estimate) = (amount(spread.sd, unit), amount(spread.estimate, unit));
    let pilot = if design.paired { "pairs" } else { "trainings" };
    match (spread.pilot_n, spread.upper_limit) {
        (Some(n), true) => format!(
            "    planned with {what} {sd}: the upper 80 % limit of {estimate}, from a pilot of {n} {pilot} of each config\n"
        ),
        _ => format!("    planned with {what} {sd}, as given; --sd-n says how many trainings it rests on\n"),
    }
}

fn floor_text(floor: &Floor) -> String {
    let name = match floor.test {
        FloorTest::SignFlip => "an exact sign-flip test",
        FloorTest::RankSum => "an exact rank-sum test",
        FloorTest::MaxTSignFlip => "max-T by sign flips",
        FloorTest::MaxTLabels => "max-T by exchanged labels",
    };
    let mut text = format!("  smallest p-value that {name} of this size can give: {:.2e}\n", floor.smallest_p);
    if !floor.reachable {
        let more = match floor.replicates_needed {
            Some(n) => format!("{n} replicates could"),
            None => "nor with a thousand replicates".to_owned(),
        };
        let whose =
            if floor.decides { "the planned test" } else { "such a test, which stands beside the planned one," };
        text.push_str(&format!(
            "    it must be at most {:.2e}: {whose} cannot reach significance here at any effect; {more}\n",
            floor.needed_p
        ));
    } else if floor.few_for_max_t {
        text.push_str("    max-T by sign flips is meant for 8 replicates or more: with fewer it finds little, and gives no intervals\n");
    }
    text
}

fn needs_text(power: &Power, needs: &Needs, unit: &str) -> String {
    let delta = amount(needs.delta, unit);
    let costs = power.device_seconds.as_ref();
    let line = |sizes: Sizes, seconds: Option<[Option<f64>; 2]>| {
        let one = |n: Option<usize>, seconds: Option<f64>, power: &str| {
            let n = n.map_or_else(|| "more than a million".to_owned(), |n| n.to_string());
            let cost = seconds.map_or_else(String::new, |s| format!(" ({} of device time)", seconds_text(s)));
            format!("{n} replicates with probability {power}{cost}")
        };
        let [first, second] = seconds.unwrap_or_default();
        format!("{}, {}", one(sizes.power_80, first, "0.8"), one(sizes.power_90, second, "0.9"))
    };
    let n = power.design.replicates;
    let mut text = format!("  to find a true difference of {delta}: {}\n", line(needs.detect, costs.map(|c| c.detect)));
    text.push_str(&format!("    {n} replicates find it with probability {}\n", probability(needs.detect_power)));
    let equivalence = line(needs.equivalence, costs.map(|c| c.equivalence));
    text.push_str(&format!("  to show equivalence within ±{delta} if nothing differs: {equivalence}\n"));
    if needs.equivalence_possible {
        let p = probability(needs.equivalence_power);
        text.push_str(&format!("    {n} replicates show it with probability {p}\n"));
    } else {
        text.push_str(&format!(
            "    equivalence cannot be shown with {n} replicates: the interval alone is wider than ±{delta}\n"
        ));
    }
    text
}

fn probability(p: f64) -> String {
    if p > 0.995 { "above 0.99".to_owned() } else { fixed(p, 2) }
}

/// What the plan says beside the primary comparison.
fn analysis_text(plan: &Plan) -> String {
    let lost = match plan.missing {
        Missing::CompletedPairs => "left out",
        Missing::WorstRank => "ranked below all others, so that a rank test decides",
    };
    let secondary = match plan.secondary.as_slice() {
        [] => "none declared".to_owned(),
        names => format!("{} (exploratory, corrected together)", names.join(", ")),
    };
    format!("metric: {}; secondary: {secondary}; lost trainings: {lost}\n{}", plan.metric, tuning_text(plan))
}

/// What tuning took, in the order of the configs; empty where nothing was declared.
fn tuning_text(plan: &Plan) -> String {
    let mut left = plan.tuning.clone();
    let told: Vec<String> =
        plan.configs.iter().filter_map(|c| Some(format!("{} {}", c.name, left.remove(&c.name)?))).collect();
    if told.is_empty() { String::new() } else { format!("trainings spent on tuning before: {}\n", told.join(", ")) }
}

/// The stopping rule, if there is one.
fn looks_text(p: &Power) -> String {
    let (Some(first), Some(last)) = (p.looks.first(), p.looks.last()) else { return String::new() };
    let mut text = if first.nominal_p.is_some() {
        let bounds: Vec<String> = p
            .looks
            .iter()
            .map(|look| format!("{} (p at most {:.2e})", look.replicates, look.nominal_p.unwrap_or(0.0)))
            .collect();
        format!("  looks at replicates: {}; trials behind a look wait for it\n", bounds.join(", "))
    } else {
        let (from, to) = (first.replicates, last.replicates);
        format!(
            "  e-values after every replicate from {from} to {to}: a comparison ends when its own reaches {:.0}\n",
            1.0 / p.design.strictness.map_or(p.design.alpha, |found| found.level)
        )
    };
    if let Some(expected) = &p.expected {
        text.push_str(&format!(
            "  a comparison alone lasts {:.1} replicates if nothing differs, {:.1} with a difference found with probability 0.8, {:.1} with 1.5 times that\n",
            expected.none, expected.detectable, expected.larger
        ));
    }
    text.push_str("  `sweeper simulate` measures error rate, power and trials of the whole\n");
    text
}
