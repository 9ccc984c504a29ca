//! Accuracies that a file gives as fractions, where sweeps have percent.

use super::{
    analysis::{MetricInfo, Unit},
    number,
    wording::display_name,
};
use std::collections::BTreeMap;

/// Takes every metric in percent whose values all lie from 0 to 1, and are not all 0, for one of fractions; values with
/// the names of their metrics. One sentence for each.
pub(super) fn told<'a>(
    metrics: &mut [MetricInfo],
    values: impl Iterator<Item = (&'a str, f64)>,
    delta: Option<f64>,
) -> Vec<String> {
    let mut ranges: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for (name, value) in values.filter(|(_, value)| value.is_finite()) {
        let (low, high) = ranges.entry(name).or_insert((value, value));
        (*low, *high) = (low.min(value), high.max(value));
    }
    let mut sentences = Vec::new();
    for metric in metrics.iter_mut().filter(|metric| metric.unit == Unit::Percent) {
        let range = ranges.get(metric.name.as_str());
        if range.is_some_and(|(low, high)| *low >= 0.0 && *high > 0.0 && *high <= 1.0) {
            metric.unit = Unit::Fraction;
            let delta = delta.filter(|_| metric.primary).map(number::exact);
            let delta = delta.map(|delta| format!("; so is {delta}, the smallest difference that matters"));
            sentences.push(format!(
                "{}: all values lie from 0 to 1, so they are taken as fractions and not as percent{}.",
                display_name(&metric.name),
                delta.unwrap_or_default()
            ));
        }
    }
    sentences
}
