//! `[analysis]`: how the sweep is to be judged, written before the first result exists.

use super::{
    error::{MistakeKind, list},
    expand::Expanded,
    fields::{ANALYSIS, Fields, wrong_type},
    tree::{Data, Draft, Mistakes, Origin},
};
use std::collections::{BTreeMap, BTreeSet};
use sweeper_core::spec::{AnalysisPlan, Correction, Direction, FamilyKind, Missing, Pairing, Stopping, Tasks};
use sweeper_recipe::{Recipe, nearest};

/// Secondary metrics that may be declared.
const MOST_SECONDARY: usize = 100;

/// Trainings that tuning one config may have taken.
const MOST_TUNING: u32 = 1_000_000_000;

/// The plan, and where its parts stand.
pub(super) struct Judged {
    pub(super) plan: AnalysisPlan,
    metric_at: Origin,
    baseline_at: Origin,
    correction_at: Origin,
    secondary_at: Vec<Origin>,
    tasks_at: Origin,
    tuning_at: Vec<(String, Origin)>,
}

/// Reads the table; `only` is the name of the only config, if there is one.
pub(super) fn read(top: &Fields<'_>, only: Option<&str>, mistakes: &mut Mistakes<'_>) -> Option<Judged> {
    let Some(node) = top.get("analysis") else {
        let why = "a table that says how to judge, e.g. metric = \"accuracy/balanced\", baseline = \"NAME\"";
        top.missing("analysis", why, MistakeKind::UnknownReference, mistakes);
        return None;
    };
    let Data::Table(table) = &node.data else {
        mistakes.add(wrong_type(node, "analysis", "a table"));
        return None;
    };
    let fields = Fields::new(table, "analysis", node.at, &ANALYSIS, mistakes);
    let metric = fields.text("metric", "a string, metric/split", mistakes);
    if fields.get("metric").is_none() {
        let example = "the metric that decides, e.g. \"accuracy/balanced\"";
        fields.missing("metric", example, MistakeKind::UnknownReference, mistakes);
    }
    let families = [
        ("baseline", FamilyKind::Baseline),
        ("one-factor", FamilyKind::OneFactor),
        ("all-pairs", FamilyKind::AllPairs),
    ];
    let family = fields.choice("family", &families, mistakes).unwrap_or_default();
    let mut baseline = fields.text("baseline", "a string, the name of a config", mistakes);
    if fields.get("baseline").is_none() {
        // Pairs need none.
        baseline = only.or((family != FamilyKind::Baseline).then_some(""));
        if baseline.is_none() {
            let expected = "the name of the config that the others are compared with";
            fields.missing("baseline", expected, MistakeKind::UnknownReference, mistakes);
        }
    }
    let (secondary, secondary_at) = secondary(&fields, metric, mistakes);
    let (tuning, tuning_at) = tuning(&fields, mistakes);
    let metric = metric?.to_string();
    let natural = if metric.starts_with("loss/") { Direction::Minimize } else { Direction::Maximize };
    let directions = [("maximize", Direction::Maximize), ("minimize", Direction::Minimize)];
    let missing = [("completed-pairs", Missing::CompletedPairs), ("worst-rank", Missing::WorstRank)];
    let tasks = [("none", Tasks::None), ("strata", Tasks::Strata)];
    // Below it 1 - alpha is hardly to be told from 1.
    let fraction = |x: f64| (1e-12..0.5).contains(&x);
    let plan = AnalysisPlan {
        metric,
        direction: fields.choice("direction", &directions, mistakes).unwrap_or(natural),
        baseline: baseline?.to_string(),
        alpha: fields.number("alpha", fraction, "from 1e-12, below 0.5", mistakes).unwrap_or(0.05),
        correction: correction(&fields, mistakes),
        confidence: fields
            .number("confidence", |x| (0.5..1.0).contains(&x), "0.5 up to but not 1", mistakes)
            .unwrap_or(0.95),
        family,
        delta: fields.number("delta", |x| x > 0.0 && x < 1e12, "above 0, below 1e12, in the metric's unit", mistakes),
        secondary,
        missing: fields.choice("missing", &missing, mistakes).unwrap_or_default(),
        tasks: fields.choice("tasks", &tasks, mistakes).unwrap_or_default(),
        tuning,
        // From a table of its own.
        stopping: Stopping::Fixed,
    };
    let at = |key| fields.origin(key);
    let (metric_at, baseline_at, correction_at) = (at("metric"), at("baseline"), at("correction"));
    let tasks_at = at("tasks");
    Some(Judged { plan, metric_at, baseline_at, correction_at, secondary_at, tasks_at, tuning_at })
}

fn correction(fields: &Fields<'_>, mistakes: &mut Mistakes<'_>) -> Correction {
    let corrections = [
        ("holm", Correction::Holm),
        ("bonferroni", Correction::Bonferroni),
        ("max-t", Correction::MaxT),
        ("max-t-single-step", Correction::MaxTSingleStep),
        ("dunnett", Correction::Dunnett),
        ("tukey-kramer", Correction::TukeyKramer),
        ("games-howell", Correction::GamesHowell),
        ("none", Correction::None),
    ];
    fields.choice("correction", &corrections, mistakes).unwrap_or(Correction::Holm)
}

/// Metrics declared beside the primary one, each once.
fn secondary(fields: &Fields<'_>, metric: Option<&str>, mistakes: &mut Mistakes<'_>) -> (Vec<String>, Vec<Origin>) {
    let expected = "a list of metrics, each a string, e.g. [\"accuracy/train\"]";
    let texts = fields.texts("secondary", expected, mistakes);
    let place = fields.full("secondary");
    if texts.len() > MOST_SECONDARY {
        let message = format!("`{place}` lists {} metrics", texts.len());
        let draft = Draft::new(fields.origin("secondary"), &place, MistakeKind::OutOfRange, message);
        mistakes.add(draft.expected(format!("{MOST_SECONDARY} at most")));
        return (Vec::new(), Vec::new());
    }
    let mut seen: BTreeSet<&str> = metric.into_iter().collect();
    for (text, at) in &texts {
        if !seen.insert(text) {
            let message = format!("`{text}` is named twice, here or as the primary metric");
            mistakes.add(Draft::new(*at, &place, MistakeKind::DuplicateName, message));
        }
    }
    texts.into_iter().map(|(text, at)| (text.to_string(), at)).unzip()
}

/// Trainings that were spent on tuning each config, and where each is named. Which configs there are is not known yet.
fn tuning(fields: &Fields<'_>, mistakes: &mut Mistakes<'_>) -> (BTreeMap<String, u32>, Vec<(String, Origin)>) {
    let mut found = (BTreeMap::new(), Vec::new());
    let Some(node) = fields.get("tuning") else { return found };
    let place = fields.full("tuning");
    let Data::Table(table) = &node.data else {
        mistakes.add(wrong_type(
            node,
            &place,
            "a table of trainings spent on each config, e.g. { plain = 12, new = 40 }",
        ));
        return found;
    };
    let words = "0 to 1,000,000,000, the trainings spent on tuning this config before this sweep";
    for (name, node) in table {
        let key = format!("{place}.{name}");
        if !matches!(node.data, Data::Table(_)) {
            found.1.push((name.clone(), node.key));
        }
        match node.data {
            Data::Int(i) => match u32::try_from(i).ok().filter(|n| *n <= MOST_TUNING) {
                Some(trainings) => drop(found.0.insert(name.clone(), trainings)),
                None => {
                    let message = format!("`{key}` = {i} is out of range");
                    mistakes.add(Draft::new(node.at, key, MistakeKind::OutOfRange, message).expected(words));
                }
            },
            // A name with a point in it has become tables.
            Data::Table(_) => {
                let draft = wrong_type(node, &key, &format!("an integer, {words}"));
                mistakes.add(draft.hint("quote a name that has a point in it: \"lr=0.1\" = 40"));
            }
            _ => mistakes.add(wrong_type(node, &key, &format!("an integer, {words}"))),
        }
    }
    found
}

impl Judged {
    /// Holds the plan against the configs: the baseline must be one of them, and it and something to compare with it
    /// must yield the metric, in every stratum. Gives notes on what the plan leaves out.
    pub(super) fn check(&self, pairing: Pairing, configs: &[Expanded], mistakes: &mut Mistakes<'_>) -> Vec<String> {
        self.check_correction(pairing, mistakes);
        self.check_secondary(configs, mistakes);
        self.check_tuning(configs, mistakes);
        let mut notes = self.check_tasks(configs, mistakes);
        for stratum in configs.chunk_by(|a, b| a.spec.stratum == b.spec.stratum) {
            if self.check_stratum(stratum, mistakes).is_none() {
                return notes;
            }
            notes.extend(notes_on(stratum, &self.plan.metric));
        }
        notes
    }

    /// None if a mistake was found.
    fn check_stratum(&self, stratum: &[Expanded], mistakes: &mut Mistakes<'_>) -> Option<()> {
        let plan = &self.plan;
        let names = || stratum.iter().map(|c| c.spec.name.as_str());
        let yields = |c: &&Expanded| c.measured;
        let baseline = stratum.iter().find(|c| c.spec.name == plan.baseline);
        if baseline.is_none() && !plan.baseline.is_empty() {
            let message = format!("the baseline `{}` is no config of this sweep", plan.baseline);
            let draft = Draft::new(self.baseline_at, "analysis.baseline", MistakeKind::UnknownReference, message);
            mistakes.add(draft.expected(format!("one of {}", list(names()))).nearest(nearest(&plan.baseline, names())));
            return None;
        }
        let shown = baseline.or(stratum.first())?;
        let metrics = Recipe::from_json(&shown.spec.recipe).map(|r| r.metric_names()).unwrap_or_default();
        let metrics = || metrics.iter().map(String::as_str);
        let unknown = |message: String| {
            let draft = Draft::new(self.metric_at, "analysis.metric", MistakeKind::UnknownReference, message);
            draft.expected(format!("one of {}", list(metrics())))
        };
        let with_it: Vec<&str> = stratum.iter().filter(yields).map(|c| c.spec.name.as_str()).collect();
        if let Some(baseline) = baseline.filter(|c| !yields(c)) {
            let name = &baseline.spec.name;
            let draft = unknown(format!("the baseline `{name}` does not yield the metric `{}`", plan.metric));
            mistakes.add(if with_it.is_empty() {
                draft.nearest(nearest(&plan.metric, metrics()))
            } else {
                draft.hint(format!("these configs yield it, one of them could be the baseline: {}", list(with_it)))
            });
            return None;
        }
        let message = match (with_it.len(), baseline) {
            (0, _) => format!("no config yields the metric `{}`", plan.metric),
            (1, Some(_)) if stratum.len() > 1 => {
                format!("only the baseline yields the metric `{}`: there is nothing to compare", plan.metric)
            }
            (1, None) if stratum.len() > 1 => {
                format!("only `{}` yields the metric `{}`: there is nothing to compare", with_it[0], plan.metric)
            }
            _ => return Some(()),
        };
        let draft = unknown(message);
        mistakes.add(if with_it.is_empty() { draft.nearest(nearest(&plan.metric, metrics())) } else { draft });
        None
    }

    /// Tests that belong to a family or to independent replicates.
    fn check_correction(&self, pairing: Pairing, mistakes: &mut Mistakes<'_>) {
        let (family, correction) = (self.plan.family, self.plan.correction);
        let needed = match correction {
            Correction::MaxT | Correction::MaxTSingleStep | Correction::Dunnett => Some(FamilyKind::Baseline),
            Correction::TukeyKramer | Correction::GamesHowell => Some(FamilyKind::AllPairs),
            Correction::Holm | Correction::Bonferroni | Correction::None => None,
        };
        let mut refuse = |message: &str, hint: &str| {
            let draft =
                Draft::new(self.correction_at, "analysis.correction", MistakeKind::Conflict, message.to_string());
            mistakes.add(draft.hint(hint.to_string()));
        };
        if needed.is_some_and(|needed| needed != family) {
            let of = if needed == Some(FamilyKind::AllPairs) { "all-pairs" } else { "baseline" };
            refuse(
                &format!("this correction is for family = \"{of}\""),
                "correction = \"holm\" goes with every family",
            );
        }
        if needed.is_some() && self.plan.missing == Missing::WorstRank {
            refuse(
                "this correction needs a value of every training, and missing = \"worst-rank\" counts those that have none",
                "use \"holm\" or \"bonferroni\", or missing = \"completed-pairs\"",
            );
        }
        let independent = matches!(correction, Correction::Dunnett | Correction::TukeyKramer | Correction::GamesHowell);
        if independent && pairing == Pairing::Common {
            refuse(
                "this correction is for replicates with seeds of their own, and pairing is \"common\"",
                "use \"max-t\" or \"holm\", which keep the pairs, or pairing = \"independent\"",
            );
        }
    }

    /// Tasks need strata to be. Every stratum of a sweep file has the same configs, but not all of them need yield the
    /// metric everywhere.
    fn check_tasks(&self, configs: &[Expanded], mistakes: &mut Mistakes<'_>) -> Vec<String> {
        if self.plan.tasks == Tasks::None {
            return Vec::new();
        }
        let strata: BTreeSet<&str> = configs.iter().map(|c| c.spec.stratum.as_str()).collect();
        if strata.len() < 2 {
            let strata = if strata.contains("") { "no [[stratum]]".to_string() } else { "one [[stratum]]".to_string() };
            let message = format!("tasks = \"strata\" in a sweep with {strata}: there are no tasks to tell together");
            let draft = Draft::new(self.tasks_at, "analysis.tasks", MistakeKind::Conflict, message);
            let hint = "give each task a [[stratum]] with its own data, e.g. set = { \"data.source\" = \"cifar10\" }, or leave the key out";
            mistakes.add(draft.expected("two strata or more").hint(hint));
        }
        let measured: BTreeSet<&str> = configs.iter().filter(|c| c.measured).map(|c| c.spec.name.as_str()).collect();
        let everywhere = |name: &&str| configs.iter().all(|c| c.spec.name != *name || c.measured);
        let partly: Vec<&str> = measured.into_iter().filter(|name| !everywhere(name)).collect();
        if partly.is_empty() {
            return Vec::new();
        }
        let metric = &self.plan.metric;
        vec![format!("not told over all tasks, since in some they do not yield `{metric}`: {}", list(partly))]
    }

    /// Tuning is told of configs, which have one name in all strata.
    fn check_tuning(&self, configs: &[Expanded], mistakes: &mut Mistakes<'_>) {
        let names: BTreeSet<&str> = configs.iter().map(|c| c.spec.name.as_str()).collect();
        for (name, at) in &self.tuning_at {
            if !names.contains(name.as_str()) {
                let message = format!("`{name}` is no config of this sweep");
                let draft = Draft::new(*at, "analysis.tuning", MistakeKind::UnknownReference, message);
                let known = || names.iter().copied();
                mistakes.add(draft.expected(format!("one of {}", list(known()))).nearest(nearest(name, known())));
            }
        }
    }

    fn check_secondary(&self, configs: &[Expanded], mistakes: &mut Mistakes<'_>) {
        if self.plan.secondary.is_empty() {
            return;
        }
        let mut names: BTreeSet<String> = BTreeSet::new();
        for config in configs {
            names.extend(Recipe::from_json(&config.spec.recipe).map(|r| r.metric_names()).unwrap_or_default());
        }
        let known = || names.iter().map(String::as_str);
        for (metric, at) in self.plan.secondary.iter().zip(&self.secondary_at) {
            if !names.contains(metric) {
                let message = format!("no config yields the secondary metric `{metric}`");
                let draft = Draft::new(*at, "analysis.secondary", MistakeKind::UnknownReference, message);
                mistakes.add(draft.expected(format!("one of {}", list(known()))).nearest(nearest(metric, known())));
            }
        }
    }
}

/// Things that are allowed and still worth a line.
fn notes_on(stratum: &[Expanded], metric: &str) -> Vec<String> {
    let mut notes = Vec::new();
    let place = match stratum.first().map(|c| c.spec.stratum.as_str()) {
        None | Some("") => String::new(),
        Some(name) => format!(" (stratum `{name}`)"),
    };
    let without = stratum.iter().filter(|c| !c.measured);
    let without: Vec<&str> = without.map(|c| c.spec.name.as_str()).collect();
    if !without.is_empty() {
        notes.push(format!("not compared on `{metric}`, which they do not yield{place}: {}", list(without)));
    }
    let mut first = std::collections::BTreeMap::new();
    for config in stratum {
        let name = config.spec.name.as_str();
        let same = first.entry(config.spec.recipe_digest.as_str()).or_insert(name);
        if *same != name {
            notes.push(format!("configs `{same}` and `{name}` have equal recipes{place}"));
        }
    }
    notes
}
