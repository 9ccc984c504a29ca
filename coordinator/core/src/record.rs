//! The durable facts. `state::apply` is the only function that changes state, and it takes these.

use crate::{
    ids::{AttemptId, Millis, SweepId, TrialId, WorkerId},
    spec::SweepSpec,
};
use alloc::{boxed::Box, format, string::String, vec::Vec};
use core::fmt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One fact. The shell stores all facts of a decision in one transaction before it answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// A sweep was submitted; its trials exist from now on.
    SweepSubmitted {
        /// Its id, one larger than the last.
        sweep: SweepId,
        /// What it is.
        spec: Box<SweepSpec>,
        /// When.
        at: Millis,
    },
    /// An unfinished sweep was cancelled: every open trial is `Cancelled`, every open lease ends.
    SweepCancelled {
        /// Which.
        sweep: SweepId,
        /// For people.
        reason: String,
        /// When.
        at: Millis,
    },
    /// A worker process joined.
    WorkerJoined {
        /// Its id, one larger than the last.
        worker: WorkerId,
        /// What it said of itself.
        info: WorkerInfo,
        /// When.
        at: Millis,
    },
    /// A worker said goodbye, was replaced in its slot, or was not heard of for a lease term.
    WorkerGone {
        /// Which.
        worker: WorkerId,
        /// Why.
        why: WorkerEnd,
        /// When.
        at: Millis,
    },
    /// A trial was leased.
    LeaseGranted {
        /// The attempt it begins.
        id: AttemptId,
        /// To whom.
        worker: WorkerId,
        /// When.
        at: Millis,
    },
    /// A lease ended without an outcome. The trial is pending again, with the same seed.
    LeaseEnded {
        /// Which.
        id: AttemptId,
        /// How.
        end: LeaseEnd,
        /// When.
        at: Millis,
    },
    /// The trial has its outcome. Another open lease of it is thereby superseded.
    OutcomeAccepted {
        /// The attempt it came from; attempt 0 when it was taken from an earlier sweep.
        id: AttemptId,
        /// Who reported it (the original reporter's id for attempt 0).
        worker: Option<WorkerId>,
        /// The trial whose outcome was taken, for attempt 0.
        reused_from: Option<TrialId>,
        /// What was observed.
        outcome: Box<Outcome>,
        /// When.
        at: Millis,
    },
    /// A further outcome of a finished trial: a determinism check, never data.
    OutcomeRepeated {
        /// The attempt it came from.
        id: AttemptId,
        /// Who reported it.
        worker: WorkerId,
        /// Whether metrics and parameter digest equal the accepted ones bit for bit.
        equal: bool,
        /// What was observed.
        outcome: Box<Outcome>,
        /// When.
        at: Millis,
    },
    /// Failing code used up the attempt limit.
    TrialAbandoned {
        /// Which.
        trial: TrialId,
        /// When.
        at: Millis,
    },
    /// The first outcome of a data key fixed the digest of its data.
    DataPinned {
        /// In which sweep.
        sweep: SweepId,
        /// The configs' `data_key`.
        key: String,
        /// The data's digest.
        digest: String,
    },
    /// The replicates so far of a stratum were looked at: configs that are decided get no more trials, others may go on
    /// until the next look.
    LookTaken {
        /// In which sweep.
        sweep: SweepId,
        /// What was seen and what follows.
        look: Box<Look>,
        /// When.
        at: Millis,
    },
}

/// One look at the results so far of a stratum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// Name of the stratum; empty when the sweep has none.
    pub stratum: String,
    /// Replicates 0 to this less 1 of every config that was not decided before entered.
    pub replicates: u32,
    /// Replicates below this may run before the next look; none if nothing waits any more.
    pub until: Option<u32>,
    /// Configs that are decided by it, ascending. Their trials of this replicate and above are not needed.
    pub stopped: Vec<Stopped>,
}

/// A config that a look decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// Which.
    pub config: u32,
    /// Why.
    pub why: StopReason,
}

/// Why a config needs no more trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// A difference from the baseline is shown.
    Different,
    /// It is shown to be equivalent to the baseline.
    Equivalent,
    /// A difference that matters would most likely not be found any more.
    Futile,
    /// It is the baseline, and all that were compared with it are decided.
    NothingLeft,
}

impl StopReason {
    /// The name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Different => "different",
            Self::Equivalent => "equivalent",
            Self::Futile => "futile",
            Self::NothingLeft => "nothing-left",
        }
    }

    /// The reason of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Different, Self::Equivalent, Self::Futile, Self::NothingLeft].into_iter().find(|r| r.name() == name)
    }
}

/// For people, as the end of "stopped, because".
impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Different => "a difference from the baseline is shown",
            Self::Equivalent => "it is shown to be equivalent to the baseline",
            Self::Futile => "a difference that matters would most likely not be found any more",
            Self::NothingLeft => "all configs compared with it are decided",
        })
    }
}

/// What a worker says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerInfo {
    /// Random, once per process.
    pub process_id: String,
    /// Stable name of the place it fills.
    pub slot: String,
    /// Machine.
    pub node: String,
    /// `cpu:0`, `cuda:GPU-…`.
    pub device: String,
    /// Of the executable.
    pub software_version: String,
    /// Process id on its machine.
    pub os_pid: u32,
}

/// Why a worker is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WorkerEnd {
    /// It said goodbye.
    Left,
    /// Another process fills its slot, so it is dead.
    Replaced,
    /// Nothing was heard of it for a lease term. It may come back with the same process id.
    Lost,
}

/// How a lease ended without an outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeaseEnd {
    /// Its deadline passed.
    Expired,
    /// Its worker left or was replaced.
    WorkerLeft,
    /// The worker handed it back unfinished.
    Released(String),
    /// Code failed, or seems to kill its process: see [`Scheduler::join`](crate::scheduler::Scheduler::join). Only this
    /// counts against the trial's attempt limit.
    AttemptFailed(Failure),
}

/// What failing code left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The error.
    pub error: String,
    /// Last log lines.
    pub log_tail: String,
}

/// What a trial observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// How it ended.
    pub kind: OutcomeKind,
    /// Every number observed, in the order in which the trainer gave them.
    pub metrics: Vec<Metric>,
    /// How it was made.
    pub provenance: Provenance,
    /// Which images of a validation split were right, one entry per split; mostly empty.
    #[serde(default)]
    pub predictions: Vec<Prediction>,
}

/// Whether the training reached its end with finite numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutcomeKind {
    /// It did.
    Completed,
    /// It went to NaN or infinity, which is data; retrying it until it works would bias its config.
    Diverged {
        /// Epochs completed.
        epoch: u32,
        /// Steps completed.
        step: u64,
        /// What was not finite.
        what: String,
    },
}

/// One observed number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// `metric/split`; see also [`Metric::is_timing`].
    pub name: String,
    /// Epochs completed.
    pub epoch: u32,
    /// The value.
    #[serde(with = "crate::number")]
    pub value: f64,
    /// Whether the analysis uses it.
    pub is_final: bool,
}

impl Metric {
    /// Whether it measures time, which differs between equal trainings: no observation, and no part of comparisons.
    #[must_use]
    pub fn is_timing(&self) -> bool {
        is_timing(&self.name)
    }
}

/// Whether a metric of this name measures time.
#[must_use]
pub fn is_timing(name: &str) -> bool {
    name.starts_with("seconds/")
}

/// Which images of a validation split were right.
///
/// The bits go through the scheduler in the fact that tells them, and into the store with it; no state keeps them, and
/// facts read back from a store have the digest alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Prediction {
    /// Name of the split.
    pub split: String,
    /// Images.
    pub rows: u32,
    /// SHA-256 of the bits, hex.
    pub digest: String,
    /// ⌈rows / 8⌉ bytes, image i at bit i mod 8 of byte ⌊i / 8⌋, lowest bit first; empty where they are not at hand.
    #[serde(skip)]
    pub correct: Vec<u8>,
}

impl Prediction {
    /// With the digest of these bits.
    #[must_use]
    pub fn new(split: String, rows: u32, correct: Vec<u8>) -> Self {
        let hash = Sha256::digest(&correct);
        let digest = hash.iter().fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}"));
        Self { split, rows, digest, correct }
    }
}

/// Equal digests are equal bits, at hand or not.
impl PartialEq for Prediction {
    fn eq(&self, other: &Self) -> bool {
        (&self.split, self.rows, &self.digest) == (&other.split, other.rows, &other.digest)
    }
}

/// How an outcome was made: what may differ between equal trials.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Provenance {
    /// Of the data set.
    pub data_digest: String,
    /// Version of the numerics.
    pub trainer_version: String,
    /// SHA-256 of the trained parameters, hex.
    pub parameter_digest: String,
    /// `cpu`, or the GPU's name.
    pub device: String,
    /// e.g. `libtorch 2.11.0`.
    pub library: String,
    /// Seconds of training.
    #[serde(with = "crate::number")]
    pub train_seconds: f64,
    /// Seconds of evaluation.
    #[serde(with = "crate::number")]
    pub evaluate_seconds: f64,
}
