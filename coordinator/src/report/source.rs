//! What a report says differently where no sweep made its numbers: of a file only the values are known, of a published
//! table only means and standard deviations.

use super::{
    analysis::{Analysis, Counts, Source},
    wording,
};
use crate::results::Origin;
use sweeper_core::spec::Pairing;

impl From<Origin> for Source {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Sweep => Self::Sweep,
            Origin::File => Self::File,
            Origin::Comparison => Self::Comparison,
        }
    }
}

impl Source {
    /// Whether numbers were read, and nothing is known of how they were made.
    pub(crate) const fn is_read(self) -> bool {
        matches!(self, Self::File | Self::Table)
    }

    /// What replicates have in common, for the plan.
    pub(crate) const fn pairing(self, pairing: Pairing) -> &'static str {
        match (self, pairing) {
            (Self::Table, _) | (Self::File, Pairing::Independent) => "not known: taken as independent",
            (Self::File, Pairing::Common) => "replicate r has one seed in every config, as whoever asked says",
            (_, Pairing::Common) => "replicate r has one seed in every config",
            (_, Pairing::Independent) => "every trial has a seed of its own",
        }
    }

    /// Why unpaired trainings are tested as they are.
    pub(crate) const fn welch(self) -> &'static str {
        if self.is_read() {
            "Which trainings had a seed in common is not known, so the test is Welch's t-test, of independent trainings."
        } else {
            "Every trial has a seed of its own, so the test is Welch's t-test."
        }
    }

    /// What the standard deviations are.
    pub(crate) const fn deviation(self) -> &'static str {
        match self {
            Self::Table => {
                "SD is the published standard deviation of single trainings, as one with divisor n - 1; where the table does not \
                 name its divisor, that is an assumption."
            }
            _ => "SD is the sample standard deviation (divisor n - 1).",
        }
    }

    /// The same, in a few words.
    pub(crate) const fn deviation_hint(self) -> &'static str {
        match self {
            Self::Table => "published standard deviation of single trainings, as one with divisor n - 1",
            _ => "sample standard deviation of single trainings, divisor n - 1",
        }
    }

    /// What the report says when no trial is missing.
    pub(crate) const fn none_missing(self) -> &'static str {
        match self {
            Self::Sweep | Self::Comparison => "None: every planned trial completed with finite numbers.",
            Self::File => "None in the file. Trainings that it leaves out are not known.",
            Self::Table => "Not known: a table does not tell of trainings that were lost.",
        }
    }

    /// The heading over the text that the numbers come from, and the language of that text.
    pub(crate) const fn text(self) -> (&'static str, &'static str) {
        match self {
            Self::Table => ("The table", ""),
            _ => ("Sweep file", "toml"),
        }
    }

    /// What is said of copies where none was found.
    pub(crate) const fn no_copies(self) -> &'static str {
        match self {
            Self::Sweep | Self::Comparison => {
                "No two trainings under different seeds gave the same parameters or the same numbers."
            }
            Self::File => {
                "Seeds, workers and the order of the trainings are not known. No two trainings of a config agree in all their \
                 numbers, unless chance explains it: their digits are few."
            }
            Self::Table => {
                "A table tells no single training: whether one was counted twice, which seeds they had and how they were made is \
                 not known."
            }
        }
    }
}

/// When it was.
pub(crate) fn times(analysis: &Analysis) -> String {
    let p = &analysis.provenance;
    if analysis.source.is_read() {
        return format!("The file was last changed {}.", p.submitted);
    }
    let closed = p.closed.as_ref().map_or_else(String::new, |closed| format!(", closed {closed}"));
    format!("Submitted {}{closed}.", p.submitted)
}

/// `48 of 50 trials completed, …`, or what stands behind a table.
pub(crate) fn counts(analysis: &Analysis) -> String {
    match analysis.source {
        Source::Table => {
            let s = if analysis.counts.planned == 1 { "" } else { "s" };
            format!("{} training{s} behind the published means; none of them is seen here", analysis.counts.planned)
        }
        // Nobody knows who trained them.
        Source::File => wording::counts(&Counts { reused: 0, ..analysis.counts }),
        Source::Sweep | Source::Comparison => wording::counts(&analysis.counts),
    }
}
