//! Which configs of a stratum are compared.

use crate::report::{
    analysis::{Plan, Stratum},
    analyze::AnalyzeError,
};
use std::collections::BTreeMap;
use sweeper_core::spec::FamilyKind;
use sweeper_recipe::Recipe;

/// Settings of a config by path.
pub(in crate::report) type Settings = BTreeMap<String, String>;

/// The setting that two configs of one name in two sweeps have in common.
pub(in crate::report) const MATCHED_BY: &str = "config";

/// Two configs, as places in their stratum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) config: usize,
    /// What it is compared with.
    pub(super) baseline: usize,
    /// `setting: from → to`, in a family of configs that differ in one setting.
    pub(super) factor: Option<String>,
}

/// The pairs that the plan asks for, in sweep order. A config that is named as the baseline is on the baseline's side of
/// every pair; otherwise the earlier one is.
///
/// # Errors
/// [`AnalyzeError::NoBaseline`].
pub(super) fn of(stratum: &Stratum, settings: &[Option<Settings>], plan: &Plan) -> Result<Vec<Pair>, AnalyzeError> {
    let baseline = stratum.configs.iter().position(|config| config.baseline);
    if plan.family == FamilyKind::Baseline {
        let none = || AnalyzeError::NoBaseline { stratum: stratum.name.clone(), baseline: plan.baseline.clone() };
        let baseline = baseline.ok_or_else(none)?;
        let others = (0..stratum.configs.len()).filter(|&config| config != baseline);
        return Ok(others.map(|config| Pair { config, baseline, factor: None }).collect());
    }
    let pair = |(first, second), factor| {
        let (config, baseline) = if Some(second) == baseline { (first, second) } else { (second, first) };
        Pair { config, baseline, factor }
    };
    let count = stratum.configs.len();
    let all = (0..count).flat_map(|first| (first + 1..count).map(move |second| (first, second)));
    if plan.family == FamilyKind::AllPairs {
        return Ok(all.map(|both| pair(both, None)).collect());
    }
    if plan.family == FamilyKind::Matched {
        let matched = |&(first, second): &(usize, usize)| {
            let of = |at: usize| settings.get(at).and_then(Option::as_ref);
            let (first, second) = (of(first), of(second));
            first.zip(second).is_some_and(|(a, b)| a.get(MATCHED_BY) == b.get(MATCHED_BY))
        };
        return Ok(all.filter(matched).map(|both| pair(both, None)).collect());
    }
    let one_apart = |both: (usize, usize)| {
        let mut found = pair(both, None);
        let of = |at: usize| settings.get(at)?.as_ref();
        found.factor = Some(factor(of(found.baseline)?, of(found.config)?)?);
        Some(found)
    };
    Ok(all.filter_map(one_apart).collect())
}

/// Every setting of a config by its path, but for notes: its recipe's, or, of a table of earlier results, what the table
/// says of it. None where that cannot be read.
pub(in crate::report) fn settings(recipe: &[u8]) -> Option<Settings> {
    fn flatten(path: String, value: &serde_json::Value, out: &mut Settings) {
        match value {
            serde_json::Value::Object(fields) => {
                for (key, value) in fields {
                    flatten(if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, value, out);
                }
            }
            serde_json::Value::String(text) => drop(out.insert(path, text.clone())),
            other => drop(out.insert(path, other.to_string())),
        }
    }
    let whole = match Recipe::from_json(recipe) {
        Ok(recipe) => serde_json::to_value(recipe).ok()?,
        Err(_) => serde_json::from_slice(recipe).ok().filter(serde_json::Value::is_object)?,
    };
    let mut out = Settings::new();
    flatten(String::new(), &whole, &mut out);
    out.remove("meta");
    Some(out)
}

/// The one setting in which two recipes differ; none if they differ in none or in several.
fn factor(from: &Settings, to: &Settings) -> Option<String> {
    let paths = from.keys().chain(to.keys().filter(|path| !from.contains_key(*path)));
    let mut differing = paths.filter(|path| from.get(*path) != to.get(*path));
    let (path, None) = (differing.next()?, differing.next()) else { return None };
    let of = |settings: &Settings| settings.get(path).map_or("none", String::as_str).to_owned();
    Some(format!("{path}: {} → {}", of(from), of(to)))
}
