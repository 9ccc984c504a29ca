//! Which configs of a stratum are compared.

use crate::report::analyze::AnalyzeError;
use std::collections::BTreeMap;
use sweeper_core::spec::FamilyKind;
use sweeper_recipe::Recipe;

/// Settings of a config by path.
pub(crate) type Settings = BTreeMap<String, String>;

/// The setting that two configs of one name in two sweeps have in common.
pub(in crate::report) const MATCHED_BY: &str = "config";

/// Comparisons that a family may have. Every one of them is told in full, and takes kilobytes.
const MOST_PAIRS: usize = 20_000;

/// Two configs, as places in their stratum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) config: usize,
    /// What it is compared with.
    pub(crate) baseline: usize,
    /// `setting: from → to`, in a family of configs that differ in one setting.
    pub(in crate::report) factor: Option<String>,
}

/// The configs of a stratum, as far as pairs of them need it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Members<'a> {
    /// Name of the stratum.
    pub(crate) stratum: &'a str,
    /// How many there are.
    pub(crate) count: usize,
    /// Place of the one that is named as the baseline.
    pub(crate) baseline: Option<usize>,
}

/// The pairs that a plan with this family and baseline asks for, in sweep order. A config that is named as the baseline is on the baseline's side of
/// every pair; otherwise the earlier one is.
///
/// # Errors
/// [`AnalyzeError::NoBaseline`], [`AnalyzeError::TooManyPairs`].
pub(crate) fn of(
    Members { stratum, count, baseline }: Members<'_>,
    settings: &[Option<Settings>],
    (family, named): (FamilyKind, &str),
) -> Result<Vec<Pair>, AnalyzeError> {
    if family == FamilyKind::Baseline {
        let none = || AnalyzeError::NoBaseline { stratum: stratum.to_owned(), baseline: named.to_owned() };
        let baseline = baseline.ok_or_else(none)?;
        let others = (0..count).filter(|&config| config != baseline);
        return Ok(others.map(|config| Pair { config, baseline, factor: None }).collect());
    }
    let pair = |(first, second), factor| {
        let (config, baseline) = if Some(second) == baseline { (first, second) } else { (second, first) };
        Pair { config, baseline, factor }
    };
    let all = (0..count).flat_map(|first| (first + 1..count).map(move |second| (first, second)));
    if family == FamilyKind::AllPairs {
        return bounded(all.map(|both| pair(both, None)), stratum, count);
    }
    if family == FamilyKind::Matched {
        let matched = |&(first, second): &(usize, usize)| {
            let of = |at: usize| settings.get(at).and_then(Option::as_ref);
            let (first, second) = (of(first), of(second));
            first.zip(second).is_some_and(|(a, b)| a.get(MATCHED_BY) == b.get(MATCHED_BY))
        };
        return bounded(all.filter(matched).map(|both| pair(both, None)), stratum, count);
    }
    let one_apart = |both: (usize, usize)| {
        let mut found = pair(both, None);
        let of = |at: usize| settings.get(at)?.as_ref();
        found.factor = Some(factor(of(found.baseline)?, of(found.config)?)?);
        Some(found)
    };
    bounded(all.filter_map(one_apart), stratum, count)
}

fn bounded(pairs: impl Iterator<Item = Pair>, stratum: &str, configs: usize) -> Result<Vec<Pair>, AnalyzeError> {
    let pairs: Vec<Pair> = pairs.take(MOST_PAIRS + 1).collect();
    if pairs.len() > MOST_PAIRS {
        return Err(AnalyzeError::TooManyPairs { stratum: stratum.to_owned(), configs, most: MOST_PAIRS });
    }
    Ok(pairs)
}

/// Every setting of a config by its path, but for notes: its recipe's, or, of a table of earlier results, what the table
/// says of it. None where that cannot be read.
pub(crate) fn settings(recipe: &[u8]) -> Option<Settings> {
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
