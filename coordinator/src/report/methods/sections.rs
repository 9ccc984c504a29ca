//! Methods of sections that not every report has: how the trials were made, where the noise comes from, several tasks.

use super::{
    Method,
    used::{UsedOnNoise, UsedOnTasks},
    works,
};
use crate::report::Analysis;

/// How the trials were made.
pub(super) fn audit(analysis: &Analysis) -> Option<Method> {
    if analysis.audit.associations.is_empty() {
        return None;
    }
    let text = "How strongly configs go with workers, kinds of device or libraries is told by Cramér's V, corrected for its bias; \
                the p-value of independence is that of Pearson's chi-squared test.";
    Some(Method::new(text).of([&works::BERGSMA, &works::CRAMER]))
}

/// Where the noise comes from.
pub(super) fn noise(analysis: &Analysis) -> Vec<Method> {
    let used = UsedOnNoise::by(&analysis.noise);
    let mut list = images(&used);
    if used.spread_of_pairs {
        let text = "Standard deviations over the same trainings or seeds are compared by Pitman and Morgan's test.";
        list.push(Method::new(text).of([&works::MORGAN, &works::PITMAN_CORRELATION]));
    }
    if used.spread {
        let text = "Standard deviations of configs are compared by Brown and Forsythe's test.";
        list.push(Method::new(text).of([&works::BROWN_FORSYTHE]));
    }
    if used.spread_adjusted {
        let text = "Where standard deviations of configs are compared, p-values are adjusted by Holm over the comparisons of a stratum.";
        list.push(Method::new(text).of([&works::HOLM]));
    }
    if used.regression {
        let text = "Adjusted differences rest on a regression on the other config's run of the same seed, taken at the mean of all \
                    of that config's runs.";
        list.push(Method::new(text).of([&works::COCHRAN]));
    }
    list
}

/// Seeds and images as sources of noise.
fn images(used: &UsedOnNoise) -> Vec<Method> {
    let mut list = Vec::new();
    if used.components {
        let text = "What each training had right of each image is split into variances of seeds, of images and of the rest, from the \
                    mean squares of seeds by images; estimates below 0 are set to 0. The standard error of one model is the one over \
                    images; the one for new seeds and new images has Satterthwaite's degrees of freedom.";
        list.push(Method::new(text).of([&works::JORDAN, &works::SATTERTHWAITE, &works::SEARLE]));
    }
    if used.bootstrap {
        let text =
            "The bootstrap beside it draws seeds and images anew, each by themselves, and errs on the wide side.";
        list.push(Method::new(text).of([&works::OWEN]));
    }
    if used.single {
        let text = "Two single models on the same images are compared by McNemar's exact test; the mid-p beside it is not exact, but \
                    nearer to the level.";
        list.push(Method::new(text).of([&works::FAGERLAND, &works::MCNEMAR]));
    }
    list
}

/// Configs over several tasks.
pub(super) fn tasks(analysis: &Analysis) -> Vec<Method> {
    let Some(across) = &analysis.across_tasks else { return Vec::new() };
    let used = UsedOnTasks::by(across);
    let told = [
        (used.pooled, "the interquartile mean and the optimality gap"),
        (used.improvement, "the probability of improvement"),
        (used.profiles, "performance profiles"),
    ];
    let told: Vec<&str> = told.into_iter().filter(|(used, _)| *used).map(|(_, name)| name).collect();
    let mut list = Vec::new();
    if !told.is_empty() {
        let text = format!("Told over several tasks: {}.", told.join(", "));
        list.push(Method::new(text).of([&works::AGARWAL]));
    }
    if used.resampled {
        let text = "Resampled intervals over tasks are corrected for bias and acceleration (BCa).";
        list.push(Method::new(text).of([&works::EFRON]));
    }
    if used.contrast {
        let text = "Mean differences over tasks have Satterthwaite's degrees of freedom.";
        list.push(Method::new(text).of([&works::SATTERTHWAITE]));
    }
    list
}
