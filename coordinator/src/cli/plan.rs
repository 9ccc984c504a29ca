//! `plan`: what a sweep file would do, before anything is spent.

use super::{connect, output, submit::FileArgs};
use crate::{
    error::{Exit, Failure},
    query::Offline,
    stopping,
};
use clap::Args;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use sweeper_core::spec::{ConfigSpec, Correction, Pairing, Stopping, SweepSpec};
use sweeper_proto::v1::{PlanResponse, PlannedConfig};
use sweeper_recipe::Recipe;
use sweeper_stats::{design::Monitor, spending::LookBound};

/// Arguments of `sweeper plan`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  sweeper plan sweep.toml --state out/NAME\n\nWithout --coordinator or --state, earlier results are looked for in out/NAME."
)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    file: FileArgs,
    /// Ask this coordinator which trials are finished already
    #[arg(long, env = "SWEEPER_COORDINATOR", value_name = "URL")]
    coordinator: Option<String>,
    /// Look for finished trials in this state directory
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Everything the command prints.
#[derive(Debug, Serialize)]
struct Plan {
    name: String,
    trials: u32,
    finished: u32,
    /// The sweep of exactly this content, if there is one.
    existing_sweep: Option<String>,
    /// Trainings that these trials need, where configs share some.
    #[serde(skip_serializing_if = "Option::is_none")]
    trainings: Option<u64>,
    configs: Vec<PlannedConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<Note>,
    power: Vec<Power>,
    /// Mean of earlier results; none without any.
    seconds_per_trial: Option<f64>,
    device_seconds_left: Option<f64>,
}

/// What a recipe says for people, its `meta`.
#[derive(Debug, Serialize)]
struct Note {
    stratum: String,
    config: String,
    note: String,
}

/// What the design of one stratum can show.
#[derive(Debug, Serialize)]
struct Power {
    stratum: String,
    /// Observations of each config in the smallest comparison.
    replicates: u32,
    /// Comparisons with the baseline.
    family: u32,
    alpha: f64,
    /// What the smallest p-value of the family must not exceed: alpha, divided by the family's size under Holm.
    first_step: f64,
    paired: bool,
    /// Smallest p of the exact sign-flip (paired) or rank-sum test: below the first Holm step or no finding is possible
    /// by such a test.
    smallest_exact_p: Option<f64>,
    /// The difference that the first Holm step finds with probability 0.8, in standard deviations: of the per-seed
    /// differences when paired, of a config's replicates when not.
    detectable_effect_sd: Option<f64>,
    /// Looks of a stopping rule, the last at the end of the plan; for e-values only the first and the last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    looks: Vec<PlannedLook>,
    /// How long comparisons last under planned looks.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<Expected>,
}

/// One look, as the first comparison that ends meets it.
#[derive(Debug, Serialize)]
struct PlannedLook {
    replicates: usize,
    /// What the p-value of that look alone must not exceed; none for e-values.
    #[serde(skip_serializing_if = "Option::is_none")]
    nominal_p: Option<f64>,
}

/// Mean replicates at which a comparison alone ends.
#[derive(Debug, Serialize)]
struct Expected {
    /// Without a difference.
    none: f64,
    /// With the difference that the design finds with probability 0.8.
    detectable: f64,
    /// With one and a half times that.
    larger: f64,
}

pub(super) async fn plan(args: PlanArgs) -> Result<Exit, Failure> {
    let checked = args.file.read()?;
    let spec = &checked.spec;
    let earlier = match (&args.coordinator, &args.state) {
        (_, Some(dir)) => Some(offline(dir, spec)?),
        (Some(url), None) => {
            let request = args.file.request(&checked, true, false);
            let answer = connect::client(url).await?.plan(request).await;
            Some(answer.map_err(|s| connect::refused(&s))?.into_inner())
        }
        (None, None) => {
            let dir = Path::new("out").join(&spec.name);
            if dir.join("state").is_dir() { Some(offline(&dir, spec)?) } else { None }
        }
    };
    let plan = describe(spec, earlier);
    if args.json {
        output::print_json(&plan)?;
    } else {
        checked.print_notes();
        output::print(&text(&plan))?;
    }
    Ok(Exit::Ok)
}

fn offline(dir: &Path, spec: &SweepSpec) -> Result<PlanResponse, Failure> {
    Ok(Offline::open(&connect::state_dir(dir))?.plan(spec)?)
}

fn describe(spec: &SweepSpec, earlier: Option<PlanResponse>) -> Plan {
    let untouched = || PlanResponse {
        configs: spec
            .configs
            .iter()
            .map(|c| PlannedConfig {
                name: c.name.clone(),
                recipe_digest: c.recipe_digest.clone(),
                replicates: c.replicates,
                finished: 0,
                stratum: c.stratum.clone(),
            })
            .collect(),
        ..PlanResponse::default()
    };
    let earlier = earlier.unwrap_or_else(untouched);
    let trials = earlier.configs.iter().map(|c| c.replicates).sum();
    let finished = earlier.configs.iter().map(|c| c.finished).sum();
    let seconds = (earlier.mean_trial_seconds > 0.0).then_some(earlier.mean_trial_seconds);
    Plan {
        name: spec.name.clone(),
        trials,
        finished,
        existing_sweep: (earlier.existing_sweep > 0).then(|| format!("s{}", earlier.existing_sweep)),
        trainings: trainings(spec),
        configs: earlier.configs,
        notes: notes(spec),
        power: power(spec),
        seconds_per_trial: seconds,
        device_seconds_left: seconds.map(|s| s * f64::from(trials - finished)),
    }
}

/// Trainings of all trials, those that configs share counted once; none if no config shares any.
fn trainings(spec: &SweepSpec) -> Option<u64> {
    let mut shared: BTreeMap<&str, u32> = BTreeMap::new();
    let mut alone = 0;
    for config in &spec.configs {
        if config.training_digest.is_empty() {
            alone += u64::from(config.replicates);
        } else {
            let most = shared.entry(&config.training_digest).or_default();
            *most = config.replicates.max(*most);
        }
    }
    (!shared.is_empty()).then(|| alone + shared.values().map(|n| u64::from(*n)).sum::<u64>())
}

fn notes(spec: &SweepSpec) -> Vec<Note> {
    let note = |config: &ConfigSpec| {
        let note = Recipe::from_json(&config.recipe).map(|recipe| recipe.meta).unwrap_or_default();
        Note { stratum: config.stratum.clone(), config: config.name.clone(), note }
    };
    spec.configs.iter().map(note).filter(|note| !note.note.trim().is_empty()).collect()
}

fn power(spec: &SweepSpec) -> Vec<Power> {
    let mut strata: Vec<&str> = Vec::new();
    for config in &spec.configs {
        if !strata.contains(&config.stratum.as_str()) {
            strata.push(&config.stratum);
        }
    }
    let paired = spec.pairing == Pairing::Common;
    let designs = stopping::designs(spec, |config| measured(spec, config));
    strata
        .into_iter()
        .map(|stratum| {
            let inside: Vec<_> = spec.configs.iter().filter(|c| c.stratum == stratum && measured(spec, c)).collect();
            let replicates = inside.iter().map(|c| c.replicates).min().unwrap_or(0);
            let family = u32::try_from(inside.len().saturating_sub(1)).unwrap_or(u32::MAX);
            let n = replicates as usize;
            let first_step = match spec.analysis.correction {
                Correction::None => spec.analysis.alpha,
                // The others are no stricter than this, and how much less so depends on the numbers.
                _ => spec.analysis.alpha / f64::from(family.max(1)),
            };
            let exact = if paired {
                sweeper_stats::power::smallest_p_sign_flip(n)
            } else {
                sweeper_stats::power::smallest_p_rank_sum(n)
            };
            let monitor =
                designs.iter().find(|d| d.stratum == stratum).filter(|_| spec.analysis.stopping != Stopping::Fixed);
            let monitor = monitor.and_then(|d| Monitor::new(d.design.clone()).ok());
            Power {
                looks: monitor.as_ref().map(looks).unwrap_or_default(),
                expected: monitor.as_ref().and_then(expected),
                stratum: stratum.to_owned(),
                replicates,
                family,
                alpha: spec.analysis.alpha,
                first_step,
                paired,
                smallest_exact_p: (n > 0 && family > 0).then_some(exact),
                detectable_effect_sd: sweeper_stats::power::detectable_effect(n, paired, first_step, 0.8).ok(),
            }
        })
        .collect()
}

fn looks(monitor: &Monitor) -> Vec<PlannedLook> {
    let at = monitor.looks();
    match monitor.boundary(0) {
        Some(boundary) => {
            let look =
                |(n, bound): (&usize, &LookBound)| PlannedLook { replicates: *n, nominal_p: Some(bound.nominal_p) };
            at.iter().zip(&boundary.looks).map(look).collect()
        }
        None => {
            at.first().into_iter().chain(at.last()).map(|n| PlannedLook { replicates: *n, nominal_p: None }).collect()
        }
    }
}

/// By the boundary of the first comparison that ends; the drift that it finds with probability 0.8 by bisection.
fn expected(monitor: &Monitor) -> Option<Expected> {
    let boundary = monitor.boundary(0)?;
    let (mut low, mut high) = (0.0_f64, 20.0_f64);
    for _ in 0..30 {
        let middle = f64::midpoint(low, high);
        if boundary.power(middle).ok()? < 0.8 { low = middle } else { high = middle }
    }
    #[allow(clippy::cast_precision_loss)]
    let planned = monitor.design().planned as f64;
    let at = |drift: f64| Some(planned * boundary.expected_fraction(drift).ok()?);
    Some(Expected { none: at(0.0)?, detectable: at(high)?, larger: at(1.5 * high)? })
}

/// Whether a config yields the primary metric: only then is it compared.
pub(super) fn measured(spec: &SweepSpec, config: &ConfigSpec) -> bool {
    Recipe::from_json(&config.recipe).is_ok_and(|recipe| recipe.yields_metric(&spec.analysis.metric))
}

fn text(plan: &Plan) -> String {
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
        text.push_str(&power_text(power));
    }
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

fn power_text(p: &Power) -> String {
    if p.family == 0 {
        return "power: one config, nothing to compare\n".to_owned();
    }
    let place = if p.stratum.is_empty() { String::new() } else { format!(" in stratum `{}`", p.stratum) };
    let mut text = format!(
        "power{place}: {} comparisons with the baseline, {} replicates each, alpha {} (the smallest p must be at most {:.2e})\n",
        p.family, p.replicates, p.alpha, p.first_step
    );
    let unit = if p.paired { "standard deviations of the per-seed differences" } else { "standard deviations" };
    match p.detectable_effect_sd {
        Some(effect) => text.push_str(&format!("  found with probability 0.8: a difference of {effect:.2} {unit}\n")),
        None => text.push_str("  no test is possible with so few replicates: use at least 2, better 5\n"),
    }
    if let Some(exact) = p.smallest_exact_p {
        let name = if p.paired { "sign-flip" } else { "rank-sum" };
        text.push_str(&format!("  smallest p-value that an exact {name} test of this size can give: {exact:.2e}\n"));
        if exact > p.first_step {
            text.push_str("    above that: such a test cannot reach significance here at any effect\n");
        }
    }
    text.push_str(&looks_text(p));
    text
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
            1.0 / p.first_step
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn plan_of(recipe: &str, more: &str) -> Plan {
        let text = format!(
            "name = 'p'\nseed = 1\nreplicates = 5\n[recipe]\n{recipe}\n[[config]]\nname = 'a'\n[[config]]\nname = 'b'\n\
             set = {{ evaluate.flip = 'flip-concat' }}\n[[config]]\nname = 'c'\nset = {{ epochs = 2{more} }}\n\
             [analysis]\nmetric = 'accuracy/balanced'\nbaseline = 'a'\n"
        );
        describe(&crate::sweep_file::parse(&text, "p.toml", &[]).unwrap(), None)
    }

    #[test]
    fn trainings_are_counted_where_configs_share_them() {
        let plan = plan_of("share_training = true", "");
        assert_eq!((plan.trials, plan.trainings), (15, Some(10)));
        assert!(text(&plan).starts_with("p: 3 configs, 15 trials, 10 trainings\n"), "{}", text(&plan));
        let alone = plan_of("share_training = true", ", share_training = false");
        assert_eq!((alone.trainings, plan_of("epochs = 1", "").trainings), (Some(10), None));
        assert!(!serde_json::to_string(&plan_of("epochs = 1", "")).unwrap().contains("trainings"));
    }

    #[test]
    fn notes_are_shown_on_one_line_each() {
        let plan = plan_of("epochs = 1", ", meta = \"two\\n  lines\"");
        assert!(text(&plan).contains("\nnote on c: two lines\n"), "{}", text(&plan));
        assert!(
            serde_json::to_string(&plan)
                .unwrap()
                .contains(r#""notes":[{"stratum":"","config":"c","note":"two\n  lines"}]"#)
        );
        let all = text(&plan_of("meta = 'same'", ""));
        assert_eq!(all.matches("note on").count(), 1, "{all}");
        assert!(all.contains("\nnote on all configs: same\n"), "{all}");
        let none = plan_of("epochs = 1", "");
        assert!(!text(&none).contains("note on") && !serde_json::to_string(&none).unwrap().contains("notes"));
    }

    #[test]
    fn looks_are_shown_with_their_bounds() {
        let with = |rule: &str| {
            let mut plan = String::from(
                "name = 'p'\nseed = 1\nreplicates = 15\n[recipe]\n[[config]]\nname = 'a'\n[[config]]\nname = 'b'\n\
                 set = { epochs = 2 }\n[analysis]\nmetric = 'accuracy/balanced'\nbaseline = 'a'\n",
            );
            plan.push_str(rule);
            describe(&crate::sweep_file::parse(&plan, "p.toml", &[]).unwrap(), None)
        };
        let looks = with("[stopping]\nrule = 'looks'\nlooks = 5\n");
        let shown = text(&looks);
        assert!(shown.contains("looks at replicates: 3 (p at most"), "{shown}");
        assert!(shown.contains(", 6 (p at most") && shown.contains(", 15 (p at most 3."), "{shown}");
        assert!(
            shown.contains("a comparison alone lasts 14.") || shown.contains("a comparison alone lasts 15."),
            "{shown}"
        );
        let e_value = text(&with("[stopping]\nrule = 'e-value'\n"));
        assert!(
            e_value.contains("e-values after every replicate from 2 to 15: a comparison ends when its own reaches 20")
        );
        let fixed = with("");
        assert!(!text(&fixed).contains("look") && !serde_json::to_string(&fixed).unwrap().contains("look"));
    }
}
