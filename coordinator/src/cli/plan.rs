//! `plan`: what a sweep file would do and could show, before anything is spent.
//!
//! This page gathers; `plan_text` words it.

use super::{
    connect::{self, Source},
    output, plan_text,
    submit::FileArgs,
};
use crate::{
    error::{Exit, Failure},
    feasibility::{Feasibility, Pilot, Sizes, Spread, feasibility, is_compared},
    query::Offline,
    results::SweepResults,
    stopping,
};
use clap::Args;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use sweeper_core::{
    ids::SweepId,
    spec::{ConfigSpec, Missing, Stopping, SweepSpec},
};
use sweeper_proto::v1::{PlanResponse, PlannedConfig};
use sweeper_recipe::Recipe;
use sweeper_stats::{design::Monitor, spending::LookBound};

/// Arguments of `sweeper plan`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  sweeper plan sweep.toml --state out/NAME\n  sweeper plan sweep.toml --sd 0.6 --sd-n 5\n\nWithout --coordinator or --state, earlier results are looked for in out/NAME. They also give the standard deviation to plan with, if a sweep of the same name trained the same recipes: taken at its upper 80 % confidence limit, since that of a few trainings is far from certain."
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
    /// Standard deviation of single trainings of one config, in the primary metric's unit; it takes the place of earlier
    /// results
    #[arg(long, value_name = "SD", value_parser = positive)]
    sd: Option<f64>,
    /// How many trainings --sd was estimated from: then it is taken at its upper 80 % confidence limit
    #[arg(long, value_name = "N", requires = "sd", value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    sd_n: Option<u32>,
    /// With common seeds: how much two configs correlate across seeds, -1 to 1. At 0 pairing gains nothing
    #[arg(long, value_name = "R", requires = "sd", default_value_t = 0.0, value_parser = correlation, allow_negative_numbers = true)]
    seed_correlation: f64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|x| *x > 0.0 && *x < 1e12);
    number.ok_or_else(|| "expected a number above 0, below 1e12".to_owned())
}

fn correlation(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|x| (-1.0..1.0).contains(x));
    number.ok_or_else(|| "expected a number from -1 up to but not 1".to_owned())
}

/// Everything the command prints.
#[derive(Debug, Serialize)]
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) trials: u32,
    pub(super) finished: u32,
    /// The sweep of exactly this content, if there is one.
    pub(super) existing_sweep: Option<String>,
    /// Trainings that these trials need, where configs share some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) trainings: Option<u64>,
    pub(super) configs: Vec<PlannedConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<Note>,
    /// The metric that decides.
    pub(super) metric: String,
    /// Metrics declared beside it.
    pub(super) secondary: Vec<String>,
    /// What becomes of lost trainings.
    pub(super) missing: Missing,
    /// Trainings spent on tuning configs before, as far as declared.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) tuning: BTreeMap<String, u32>,
    pub(super) power: Vec<Power>,
    /// Designs that cannot show anything, one sentence each.
    pub(super) warnings: Vec<String>,
    /// Mean of earlier results; none without any.
    pub(super) seconds_per_trial: Option<f64>,
    pub(super) device_seconds_left: Option<f64>,
}

/// What a recipe says for people, its `meta`.
#[derive(Debug, Serialize)]
pub(super) struct Note {
    pub(super) stratum: String,
    pub(super) config: String,
    pub(super) note: String,
}

/// What the design of one stratum can show.
#[derive(Debug, Serialize)]
pub(super) struct Power {
    #[serde(flatten)]
    pub(super) design: Feasibility,
    /// Device time of the replicates that the declared difference needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) device_seconds: Option<DeviceSeconds>,
    /// Looks of a stopping rule, the last at the end of the plan; for e-values only the first and the last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) looks: Vec<PlannedLook>,
    /// How long comparisons last under planned looks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expected: Option<Expected>,
}

/// Seconds on one device: mean time of a trial × replicates × configs.
#[derive(Debug, Serialize)]
pub(super) struct DeviceSeconds {
    pub(super) detect: [Option<f64>; 2],
    pub(super) equivalence: [Option<f64>; 2],
}

/// One look, as the first comparison that ends meets it.
#[derive(Debug, Serialize)]
pub(super) struct PlannedLook {
    pub(super) replicates: usize,
    /// What the p-value of that look alone must not exceed; none for e-values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nominal_p: Option<f64>,
}

/// Mean replicates at which a comparison alone ends.
#[derive(Debug, Serialize)]
pub(super) struct Expected {
    /// Without a difference.
    pub(super) none: f64,
    /// With the difference that the design finds with probability 0.8.
    pub(super) detectable: f64,
    /// With one and a half times that.
    pub(super) larger: f64,
}

pub(super) async fn plan(args: PlanArgs) -> Result<Exit, Failure> {
    let checked = args.file.read()?;
    let spec = &checked.spec;
    let (answer, earlier) = match (&args.coordinator, &args.state) {
        (_, Some(dir)) => offline(dir, spec).await?,
        (Some(url), None) => {
            let mut client = connect::client(url).await?;
            let request = args.file.request(&checked, true, false);
            let answer = client.plan(request).await.map_err(|s| connect::refused(&s))?.into_inner();
            (Some(answer), pilot(&mut Source::Online(client), spec).await?)
        }
        (None, None) => {
            let dir = Path::new("out").join(&spec.name);
            if dir.join("state").is_dir() { offline(&dir, spec).await? } else { (None, None) }
        }
    };
    let given = args.sd.map(|sd| Pilot { sd, n: args.sd_n.map(|n| n as usize), correlation: args.seed_correlation });
    let plan = describe(spec, answer, |stratum| match given {
        Some(pilot) => Spread::given(pilot, spec.pairing),
        None => earlier.as_ref().and_then(|earlier| Spread::observed(spec, stratum, earlier)),
    });
    if args.json {
        output::print_json(&plan)?;
    } else {
        checked.print_notes();
        output::print(&plan_text::text(&plan))?;
    }
    Ok(Exit::Ok)
}

async fn offline(dir: &Path, spec: &SweepSpec) -> Result<(Option<PlanResponse>, Option<SweepResults>), Failure> {
    let offline = Offline::open(&connect::state_dir(dir))?;
    let answer = offline.plan(spec)?;
    Ok((Some(answer), pilot(&mut Source::Offline(Box::new(offline)), spec).await?))
}

/// The latest sweep of this name that has any outcome: what its recipes share with the planned ones tells the standard
/// deviation.
async fn pilot(source: &mut Source, spec: &SweepSpec) -> Result<Option<SweepResults>, Failure> {
    let sweeps = source.sweeps().await?;
    let has_any = |finished: Option<u32>| finished.is_some_and(|n| n > 0);
    let found = sweeps.iter().rev().find(|s| s.name == spec.name && has_any(s.trials.map(|t| t.finished)));
    match found {
        Some(found) => Ok(Some(source.results(SweepId(found.sweep)).await?)),
        None => Ok(None),
    }
}

pub(super) fn describe(
    spec: &SweepSpec,
    earlier: Option<PlanResponse>,
    spread: impl Fn(&str) -> Option<Spread>,
) -> Plan {
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
    let power = power(spec, seconds, spread);
    Plan {
        name: spec.name.clone(),
        trials,
        finished,
        existing_sweep: (earlier.existing_sweep > 0).then(|| format!("s{}", earlier.existing_sweep)),
        trainings: trainings(spec),
        configs: earlier.configs,
        notes: notes(spec),
        metric: spec.analysis.metric.clone(),
        secondary: spec.analysis.secondary.clone(),
        missing: spec.analysis.missing,
        tuning: spec.analysis.tuning.clone(),
        warnings: power.iter().filter_map(|power| plan_text::warning(&power.design)).collect(),
        power,
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

fn power(spec: &SweepSpec, seconds: Option<f64>, spread: impl Fn(&str) -> Option<Spread>) -> Vec<Power> {
    let sequential = spec.analysis.stopping != Stopping::Fixed;
    let designs = stopping::designs(spec, |config| is_compared(spec, config));
    let power = |design: Feasibility| {
        let monitor = designs.iter().find(|d| d.stratum == design.stratum).filter(|_| sequential);
        let monitor = monitor.and_then(|d| Monitor::new(d.design.clone()).ok());
        Power {
            looks: monitor.as_ref().map(looks).unwrap_or_default(),
            expected: monitor.as_ref().and_then(expected),
            device_seconds: seconds.and_then(|each| device_seconds(&design, each)),
            design,
        }
    };
    feasibility(spec, spread).into_iter().map(power).collect()
}

/// Of every config of the stratum, those with the metric and no other.
#[allow(clippy::cast_precision_loss)]
fn device_seconds(design: &Feasibility, each: f64) -> Option<DeviceSeconds> {
    let needs = design.needs.as_ref()?;
    let of = |sizes: Sizes| [sizes.power_80, sizes.power_90].map(|n| Some(each * (n? * design.groups) as f64));
    Some(DeviceSeconds { detect: of(needs.detect), equivalence: of(needs.equivalence) })
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::{super::plan_text::text, *};

    fn plan_of(recipe: &str, more: &str) -> Plan {
        let text = format!(
            "name = 'p'\nseed = 1\nreplicates = 5\n[recipe]\n{recipe}\n[[config]]\nname = 'a'\n[[config]]\nname = 'b'\n\
             set = {{ evaluate.flip = 'flip-concat' }}\n[[config]]\nname = 'c'\nset = {{ epochs = 2{more} }}\n\
             [analysis]\nmetric = 'accuracy/balanced'\nbaseline = 'a'\n"
        );
        describe(&crate::sweep_file::parse(&text, "p.toml", &[]).unwrap(), None, |_| None)
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
            describe(&crate::sweep_file::parse(&plan, "p.toml", &[]).unwrap(), None, |_| None)
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
