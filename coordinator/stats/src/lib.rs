//! Statistics on slices of `f64`: summaries, intervals, tests, effect sizes, multiplicity, models, sequential designs.
//!
//! Everything is pure: no clock, no input or output. Random arrangements and resamples are functions of a seed. The same
//! input gives the same bits, on any number of threads.
//!
//! | Module | Holds |
//! |---|---|
//! | [`degenerate`] | [`Degenerate`]: why a statistic has no value |
//! | [`summary`](mod@summary) | [`Summary`], [`Interval`], t interval of a mean, quantiles |
//! | [`compare`] | [`TTest`]: paired t and Welch's t of a difference of means |
//! | [`effect`] | [`EffectSize`]: Hedges' g and its relatives with noncentral-t intervals |
//! | [`equivalence`] | [`Tost`]: two one-sided tests |
//! | [`from_summary`] | the tests from mean, standard deviation and count alone |
//! | [`correlation`](mod@correlation) | Pearson's correlation |
//! | [`ranks`] | Mann-Whitney and Wilcoxon, exact with ties |
//! | [`permutation`] | permutation and sign-flip tests of a difference of means |
//! | [`robust`] | Yuen's trimmed t, interquartile mean, leave one run out |
//! | [`flips`] | On which single runs the verdict of a t test hangs |
//! | [`superiority`](mod@superiority) | probability of superiority with Brunner and Munzel's test |
//! | [`dominance`] | almost stochastic order: ahead at every quantile, or at how many |
//! | [`bootstrap`] | percentile, BCa and studentized intervals, strata |
//! | [`aggregates`] | several tasks: IQM, probability of improvement, performance profiles |
//! | [`multiplicity`] | Holm, Hochberg, Bonferroni, Benjamini-Hochberg, Benjamini-Yekutieli |
//! | [`max_t`] | max-T adjustment of a family, paired or not, with simultaneous intervals |
//! | [`best`] | comparisons with the best where groups share their seeds |
//! | [`many`] | several groups at once: Dunnett, Tukey-Kramer, Games-Howell, Hsu's best, Welch's ANOVA |
//! | [`letters`] | compact letter display |
//! | [`rank_intervals`](mod@rank_intervals) | confidence intervals of ranks, shrunken means |
//! | [`linear`] | least squares by QR with rank detection, HC3 errors |
//! | [`factorial`] | analysis of variance of crossed factors |
//! | [`robust_terms`](mod@robust_terms) | terms of a factorial model without equal variances |
//! | [`grid`] | design audit: ranks, aliased terms, one-factor-apart pairs, complete sub-grids |
//! | [`contrast`] | contrasts of cell means, differences in differences |
//! | [`audit`] | confounding with workers, drift, duplicated results |
//! | [`variances`] | comparison of standard deviations |
//! | [`crossed`] | seeds x examples variance components, also where examples come in clusters |
//! | [`counts`] | McNemar, Wilson, Fisher, Boschloo |
//! | [`curves`] | simultaneous bands of learning curves |
//! | [`ancova`](mod@ancova) | differences adjusted for a control run |
//! | [`power`](mod@power) | smallest p a design can reach, power, sizes needed |
//! | [`spending`] | [`Boundary`]: group-sequential boundaries by alpha spending |
//! | [`evalue`] | [`EValue`]: t tests that stay valid however often one looks |
//! | [`design`] | [`Monitor`]: when a comparison may stop, as a pure function of the values so far |
//! | [`simulate`](mod@simulate) | [`Characteristics`]: error rates, power and cost of a design, by simulation |
//! | [`distributions`] | normal, t, F, chi-squared, noncentral t and F, studentized range, Dunnett's, accurate into the tails |
//!
//! Three rules hold everywhere.
//! 1. A statistic without a value is an `Err(Degenerate)`; no function answers NaN or an infinity.
//! 2. Moments are taken of deviations from the first value, scaled by a power of two and summed with
//!    compensation, so an offset of 1e9 or a scale of 1e152 costs no digits.
//! 3. Tails are computed as tails, never as one minus the other side; beyond the range of `f64` the base-10
//!    logarithm of p still holds.

pub mod aggregates;
pub mod ancova;
pub mod audit;
pub mod best;
mod bits;
pub mod bootstrap;
mod boschloo;
mod clusters;
pub mod compare;
pub mod contrast;
pub mod correlation;
pub mod counts;
pub mod crossed;
pub mod curves;
pub mod degenerate;
pub mod design;
pub mod distributions;
pub mod dominance;
pub mod effect;
pub mod equivalence;
pub mod evalue;
pub mod factorial;
pub mod flips;
pub mod from_summary;
pub mod grid;
pub mod letters;
pub mod linear;
pub mod many;
pub mod max_t;
mod moments;
pub mod multiplicity;
pub mod permutation;
mod pigeonhole;
pub mod power;
mod random;
pub mod rank_intervals;
pub mod ranks;
mod recursion;
pub mod robust;
pub mod robust_terms;
pub mod simulate;
pub mod spending;
mod stages;
mod subgrid;
pub mod summary;
pub mod superiority;
mod tails;
mod units;
pub mod variances;

pub use best::mcb_paired;
pub use bootstrap::{BootstrapInterval, BootstrapKind, Levels, Resampling, Seeds};
pub use compare::{TTest, paired_t, welch_t};
pub use correlation::correlation;
pub use degenerate::Degenerate;
pub use design::{Design, Monitor};
pub use dominance::{Dominance, almost_dominates, violation};
pub use effect::{EffectKind, EffectSize, hedges_g, hedges_g_av, hedges_g_paired};
pub use equivalence::{Tost, tost_paired, tost_welch};
pub use evalue::EValue;
pub use from_summary::SampleStats;
pub use letters::{compact_letters, letter};
pub use many::{
    Comparison, Family, Mcb, WelchAnova, WithBest, bonferroni_intervals, dunnett, games_howell, hsu_mcb, tukey_kramer,
    welch_anova,
};
pub use max_t::{MaxT, MaxTComparison, max_t_paired, max_t_unpaired};
pub use multiplicity::{
    benjamini_hochberg, benjamini_hochberg_log10, benjamini_yekutieli, benjamini_yekutieli_log10, bonferroni,
    bonferroni_log10, hochberg, hochberg_log10, holm, holm_log10,
};
pub use permutation::{PermutationTest, label_permutation, sign_flip};
pub use random::Draws;
pub use ranks::{Alternative, RankKind, RankTest, mann_whitney, wilcoxon};
pub use robust::{
    LeaveOneOut, Omission, Omitted, TRIM, iqm, leave_one_out, leave_one_pair_out, trimmed_mean, yuen, yuen_paired,
};
pub use robust_terms::{RobustTerm, robust_terms};
pub use simulate::Characteristics;
pub use spending::Boundary;
pub use summary::{Interval, Summary, iqr, mean_interval, quantile, summary};
pub use superiority::{Superiority, SuperiorityTest, superiority, superiority_paired};
pub use tails::FTest;
