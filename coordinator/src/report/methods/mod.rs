//! How every number of a report was made: sentences, formulas, and the works that they rest on. Only what this report
//! really used is told.
//!
//! Map: this page the sentences · `sections` those of sections that not every report has · `used` what a report used ·
//! `formulas` · `works`.

mod formulas;
mod sections;
mod used;
pub(super) mod works;

pub use formulas::Formula;
pub use works::Work;

use self::used::Used;
use super::{
    Analysis, number,
    text::{correction_name, held_fixed},
};
use sweeper_core::spec::{Correction, Missing, Pairing};

/// How a number was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Method {
    /// One or several sentences.
    pub text: String,
    /// The formula behind it, where a sentence does not say it all.
    pub formula: Option<&'static Formula>,
    /// What it rests on.
    pub works: Vec<&'static Work>,
}

impl Method {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), formula: None, works: Vec::new() }
    }

    fn formula(self, formula: &'static Formula) -> Self {
        Self { formula: Some(formula), ..self }
    }

    fn of(self, works: impl IntoIterator<Item = &'static Work>) -> Self {
        Self { works: works.into_iter().collect(), ..self }
    }
}

/// Every work that is cited, once, ordered by its key.
pub(super) fn references(methods: &[Method]) -> Vec<&'static Work> {
    let mut works: Vec<&'static Work> = methods.iter().flat_map(|method| method.works.iter().copied()).collect();
    works.sort_by_key(|work| work.key);
    works.dedup_by_key(|work| work.key);
    works
}

/// How the numbers of this report were made, in the order of the report.
pub(super) fn methods(analysis: &Analysis) -> Vec<Method> {
    let used = Used::by(analysis);
    let confidence = number::percent(analysis.plan.confidence);
    let mut list = vec![
        Method::new("One observation is the final value of one training; n counts trainings."),
        Method::new(format!(
            "{} The interval beside a mean is the {confidence} t-interval of that mean.",
            analysis.source.deviation()
        ))
        .formula(&formulas::MEAN_INTERVAL),
    ];
    list.extend(sections::audit(analysis));
    list.extend(tests(analysis, &used));
    list.extend(corrections(analysis, &used));
    list.extend(sequential(analysis, &used));
    list.extend(extended(&used));
    list.extend(equivalence(analysis, &used));
    list.extend(effects(&used));
    list.extend(robustness(&used));
    list.extend(sections::tasks(analysis));
    list.extend(sections::noise(analysis));
    list.extend(beyond(analysis, &used));
    list.extend(reading(analysis));
    list
}

fn tests(analysis: &Analysis, used: &Used) -> Vec<Method> {
    let plan = &analysis.plan;
    let mut list = Vec::new();
    match plan.pairing {
        Pairing::Common if used.paired_t => {
            let text = "Replicate r has one seed in every config, so by design the test is the paired t-test over the replicates \
                        that both configs completed. report.json holds Welch's test of all completed replicates, the unpaired \
                        form, beside it; it decides nothing.";
            list.push(Method::new(text).formula(&formulas::PAIRED_T).of([&works::STUDENT, &works::WELCH]));
        }
        Pairing::Independent if used.welch_t => {
            list.push(Method::new(analysis.source.welch()).formula(&formulas::WELCH_T).of([&works::WELCH]));
        }
        _ => {}
    }
    if plan.missing == Missing::WorstRank && used.worst_rank {
        let (test, work) = match plan.pairing {
            Pairing::Common => ("the signed-rank test", &works::WILCOXON),
            Pairing::Independent => ("the rank-sum test", &works::MANN_WHITNEY),
        };
        let text = format!(
            "As planned {test} decides, in which every lost training ranks below every observed one; exact with ties."
        );
        list.push(Method::new(text).of([work]));
    }
    list
}

fn corrections(analysis: &Analysis, used: &Used) -> Vec<Method> {
    let plan = &analysis.plan;
    let alpha = number::exact(plan.alpha);
    let mut list = Vec::new();
    if !used.any {
        return list;
    }
    if plan.correction == Correction::None {
        list.push(Method::new(format!(
            "A verdict says better or worse when the p-value is at most {alpha}. Nothing is corrected for the number of comparisons, as planned."
        )));
        list.extend(used.secondary.then(secondary));
        return list;
    }
    let text = format!(
        "A verdict says better or worse when the adjusted p is at most {alpha}. The correction by {} covers the comparisons of one stratum on one metric.",
        correction_name(plan.correction)
    );
    let (formula, works): (_, &[&'static Work]) = match plan.correction {
        Correction::Holm | Correction::None => (&formulas::HOLM, &[&works::HOLM]),
        Correction::Bonferroni => (&formulas::BONFERRONI, &[&works::DUNN]),
        Correction::MaxT => (&formulas::MAX_T, &[&works::WESTFALL_YOUNG]),
        Correction::MaxTSingleStep => (&formulas::MAX_T_SINGLE, &[&works::WESTFALL_YOUNG]),
        Correction::Dunnett => (&formulas::DUNNETT, &[&works::DUNNETT]),
        Correction::TukeyKramer => (&formulas::RANGE, &[&works::KRAMER, &works::TUKEY]),
        Correction::GamesHowell => (&formulas::RANGE, &[&works::GAMES_HOWELL]),
    };
    list.push(Method::new(text).formula(formula).of(works.iter().copied()));
    if used.instead {
        let text =
            "Where it says so, Holm's correction took the place of the planned one, which needs more than p-values.";
        list.push(Method::new(text).formula(&formulas::HOLM).of([&works::HOLM]));
    }
    list.extend(used.secondary.then(secondary));
    if used.simultaneous {
        let own = used.own_intervals
            && matches!(plan.correction, Correction::Dunnett | Correction::TukeyKramer | Correction::GamesHowell);
        let flips = used.max_t && plan.pairing == Pairing::Common;
        let (text, works): (_, &[&'static Work]) = if own {
            ("Simultaneous intervals hold for all of a family at once, by the same distribution as its p-values.", &[])
        } else if flips {
            (
                "Simultaneous intervals hold for all of a family at once: by changed signs of the centred differences, and below \
                 8 replicates by Bonferroni's inequality.",
                &[&works::DUNN, &works::ROMANO_WOLF],
            )
        } else {
            (
                "Simultaneous intervals hold for all of a family at once, by Bonferroni's inequality; they may touch 0 where a \
                 step-down correction rejects.",
                &[&works::DUNN],
            )
        };
        list.push(Method::new(text).of(works.iter().copied()));
    }
    list
}

fn secondary() -> Method {
    let text = "Declared secondary metrics share one correction by Benjamini and Hochberg.";
    Method::new(text).formula(&formulas::BENJAMINI_HOCHBERG).of([&works::BENJAMINI_HOCHBERG])
}

fn sequential(analysis: &Analysis, used: &Used) -> Option<Method> {
    if !used.sequential && analysis.looks.is_empty() {
        return None;
    }
    let text = "The sweep had a sequential design: its looks, and how the error rate is shared among them, were planned before the \
                first trial. On the primary metric p-values, adjusted by Holm, and intervals hold at every look; mean differences \
                do not account for stopping, and are too large where a comparison stopped early.";
    Some(if analysis.planning.stopping.starts_with("e-values") {
        Method::new(text).formula(&formulas::E_VALUE).of([&works::HOLM, &works::WANG_RAMDAS])
    } else {
        Method::new(text).of([&works::HOLM, &works::JENNISON, &works::LAN_DEMETS])
    })
}

fn extended(used: &Used) -> Option<Method> {
    let text = "Comparisons that got more replicates after their first outcomes were known have always-valid p-values, 1 over the \
                largest e-value of their differences so far: they hold for whatever reason replicates were added. The p-value \
                that a fixed number of replicates would have had is struck through. Their intervals hold after every replicate, \
                too; families with such a comparison are adjusted by Holm.";
    used.extended.then(|| Method::new(text).formula(&formulas::E_VALUE).of([&works::HOLM, &works::WANG_RAMDAS]))
}

fn equivalence(analysis: &Analysis, used: &Used) -> Option<Method> {
    let delta = analysis.plan.delta.filter(|_| used.tost)?;
    let coverage = number::percent(1.0 - 2.0 * analysis.plan.alpha);
    let text = format!(
        "Equivalent means: the {coverage} interval lies inside ±{}, the smallest difference that matters (two one-sided tests, for each \
         comparison by itself). A difference that was shown and lies inside it is called negligible.",
        number::exact(delta)
    );
    Some(Method::new(text).formula(&formulas::TOST).of([&works::LAKENS, &works::SCHUIRMANN]))
}

fn effects(used: &Used) -> Vec<Method> {
    let mut list = Vec::new();
    if used.superiority {
        let text = "A12 is the probability that a training of the first config gives the larger value.";
        let interval: &[&'static Work] = match used.superiority_of_pairs {
            true => &[&works::KONIETSCHKE, &works::MUNZEL],
            false => &[&works::BRUNNER_MUNZEL],
        };
        let works = interval.iter().copied().chain([&works::VARGHA]);
        list.push(Method::new(text).formula(&formulas::SUPERIORITY).of(works));
    }
    if used.effect {
        let text = "Effect sizes are Hedges' g with exact small-sample correction and noncentral-t intervals; where pairs were \
                    tested, the one over the average SD stands behind “av”.";
        list.push(Method::new(text).formula(&formulas::HEDGES).of([&works::HEDGES]));
    }
    list
}

fn robustness(used: &Used) -> Option<Method> {
    let tests = [
        (used.sign_flip, "sign flips of the pairs", &works::FISHER),
        (used.permutation, "permutations of the labels", &works::PITMAN),
        (
            used.drawn,
            "random ones of these where there are too many to count, with p = (b + 1)/(B + 1)",
            &works::PHIPSON,
        ),
        (used.signed_rank, "the signed-rank test", &works::WILCOXON),
        (used.rank_sum, "the rank-sum test", &works::MANN_WHITNEY),
        (used.trimmed, "the t-test of 20 % trimmed means", &works::YUEN),
        (used.order, "ε, the violation of the stochastic order of the trainings", &works::DEL_BARRIO),
    ];
    let tests: Vec<_> = tests.into_iter().filter(|(used, ..)| *used).collect();
    if tests.is_empty() {
        return None;
    }
    let names: Vec<&str> = tests.iter().map(|(_, name, _)| *name).collect();
    let text = format!("Shown beside the planned test, and never put in its place: {}.", names.join(", "));
    Some(Method::new(text).of(tests.into_iter().map(|(.., work)| work)))
}

/// Sections beside single configs and pairs.
fn beyond(analysis: &Analysis, used: &Used) -> Vec<Method> {
    let mut list = Vec::new();
    if used.best {
        list.push(match analysis.plan.pairing {
            Pairing::Common => {
                let text = "Which configs may be the best: comparisons with the best of the others from differences of pairs, by \
                            Bonferroni's inequality.";
                Method::new(text).of([&works::DUNN, &works::EDWARDS_HSU])
            }
            Pairing::Independent => {
                let text =
                    "Which configs may be the best: Hsu's comparisons with the best of the others, equal variances.";
                Method::new(text).of([&works::HSU])
            }
        });
    }
    if used.ranks {
        let text = "Intervals of ranks count which one-sided tests between two configs reject, adjusted by Holm over all of them; \
                    they hold for all configs at once.";
        list.push(Method::new(text).of([&works::HOLM, &works::MOGSTAD]));
    }
    list.extend(shrunken(analysis, used));
    if used.anova {
        let text = "Factors: sums of squares of type II; partial ω² is nearly unbiased, partial η² is not.";
        list.push(Method::new(text).formula(&formulas::OMEGA).of([&works::LANGSRUD]));
    }
    list.extend(robust_terms(analysis, used));
    if !analysis.curves.is_empty() {
        let text = "Bands of learning curves hold for all epochs at once, by simulated multipliers.";
        list.push(Method::new(text).of([&works::CHERNOZHUKOV, &works::MONTIEL_OLEA]));
    }
    if used.wilson {
        let text = "Rates of lost trainings have Wilson's interval of k lost among n.";
        list.push(Method::new(text).formula(&formulas::WILSON).of([&works::WILSON]));
    }
    if used.boschloo {
        list.push(Method::new("Such rates are compared by Boschloo's exact test.").of([&works::BOSCHLOO]));
    }
    if used.clusters {
        let text = "Images in clusters: V, the variance of the mean over images, counts clusters and not images as independent. In the errors for \
                    new images it takes the place of the variance without clusters; the part of the seeds stays as it is.";
        list.push(Method::new(text).formula(&formulas::CLUSTERS).of([&works::MILLER]));
    }
    if used.detectable {
        let text = "What the design can find is computed from the noncentral t distribution, with the standard deviation at its upper \
                    80 % limit and never from the difference that was seen.";
        let works = [&works::BROWNE, &works::HOENIG].into_iter().chain(used.needed.then_some(&works::PHILLIPS));
        list.push(Method::new(text).formula(&formulas::UPPER_SD).of(works));
    }
    list
}

fn shrunken(analysis: &Analysis, used: &Used) -> Option<Method> {
    if !used.shrunken {
        return None;
    }
    let text = "Shrunken means draw every mean towards the common one, by as much as their scatter is noise.";
    let works = [&works::MORRIS, &works::PAULE_MANDEL];
    Some(match analysis.plan.pairing {
        Pairing::Common => {
            let error = "What is noise among configs of the same seeds is told by the residuals of the additive model config + \
                         replicate.";
            Method::new(format!("{text} {error}")).formula(&formulas::RESIDUAL_ERROR).of(works)
        }
        Pairing::Independent => {
            Method::new(format!("{text} What is noise is told by each mean's own standard error.")).of(works)
        }
    })
}

fn robust_terms(analysis: &Analysis, used: &Used) -> Option<Method> {
    let (text, work) = match analysis.plan.pairing {
        Pairing::Common => (
            "Robust F of a factor or interaction is Hotelling's test of its contrasts per replicate, in which neither variances nor \
             correlations of the configs need be equal.",
            &works::HOTELLING,
        ),
        Pairing::Independent => (
            "Robust F of a factor or interaction is Welch's and James's test of its contrasts of means, in which every config has a \
             variance of its own.",
            &works::JOHANSEN,
        ),
    };
    used.robust_terms.then(|| Method::new(text).of([work]))
}

/// What the numbers mean, and do not.
fn reading(analysis: &Analysis) -> Vec<Method> {
    let mut list = vec![
        Method::new(
            "Undecided means that these data do not tell better from worse. It does not mean that there is no difference.",
        ),
        Method::new(
            "Other metrics than the primary one were not what the sweep was planned for: read their verdicts as exploratory.",
        ),
    ];
    if analysis.counts.diverged + analysis.counts.abandoned > 0 {
        let text = "Diverged and abandoned trials have no final value: they are listed, and no mean includes them.";
        list.push(Method::new(text));
    }
    if let Some(text) = held_fixed(analysis) {
        list.push(Method::new(format!("{text} Intervals and p-values speak of new seeds, not of new data.")));
    }
    let d = analysis.determinism;
    list.push(Method::new(match (d.repeats, d.unequal) {
        (0, _) => "No trial was trained twice, so determinism was not checked by this sweep.".to_owned(),
        (n, bad) => {
            let equal = n.saturating_sub(bad);
            format!(
                "Determinism: of {n} outcomes observed a second time, {equal} were equal to the bit and {bad} were not."
            )
        }
    }));
    list.push(Method::new(
        "Everything here follows from input.json beside this report; `sweeper report --verify` computes it again.",
    ));
    list
}
