//! Names of things: newtypes for every id, and their printed form `s7/c3/r12#2`.

use alloc::string::{String, ToString};
use core::{fmt, str::FromStr};
use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch. The core never reads a clock: every time is an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// This time plus `ms` milliseconds; stops at the largest representable time.
    #[must_use]
    pub const fn plus(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

/// A sweep: `s7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SweepId(pub u32);

/// A worker process: `w12`. A restarted process is a new worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkerId(pub u64);

/// A trial: `s7/c3/r12`. Config and replicate count from 0 in the sweep's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TrialId {
    /// The sweep it belongs to.
    pub sweep: SweepId,
    /// Index of the config in the sweep.
    pub config: u32,
    /// Index of the replicate.
    pub replicate: u32,
}

/// One execution of a trial: `s7/c3/r12#2`. Attempts count from 1 and only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptId {
    /// The trial.
    pub trial: TrialId,
    /// Number of the attempt; 0 stands for an outcome taken from an earlier sweep.
    pub attempt: u32,
}

impl fmt::Display for SweepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{}", self.0)
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "w{}", self.0)
    }
}

impl fmt::Display for TrialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/c{}/r{}", self.sweep, self.config, self.replicate)
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.trial, self.attempt)
    }
}

/// A text that is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {kind} id, expected a form like `{example}`")]
pub struct ParseIdError {
    /// What was given.
    pub text: String,
    /// What kind of id was expected.
    pub kind: &'static str,
    /// A well-formed example.
    pub example: &'static str,
}

fn number<T: FromStr>(text: &str, prefix: char) -> Option<T> {
    let digits = text.strip_prefix(prefix)?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

impl FromStr for SweepId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        number(text, 's').map(Self).ok_or_else(|| ParseIdError { text: text.to_string(), kind: "sweep", example: "s7" })
    }
}

impl FromStr for WorkerId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        number(text, 'w').map(Self).ok_or_else(|| ParseIdError {
            text: text.to_string(),
            kind: "worker",
            example: "w12",
        })
    }
}

impl FromStr for TrialId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let bad = || ParseIdError { text: text.to_string(), kind: "trial", example: "s7/c3/r12" };
        let mut parts = text.split('/');
        let (Some(sweep), Some(config), Some(replicate), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(bad());
        };
        Ok(Self {
            sweep: sweep.parse().map_err(|_| bad())?,
            config: number(config, 'c').ok_or_else(bad)?,
            replicate: number(replicate, 'r').ok_or_else(bad)?,
        })
    }
}

impl FromStr for AttemptId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let bad = || ParseIdError { text: text.to_string(), kind: "attempt", example: "s7/c3/r12#2" };
        let (trial, attempt) = text.split_at(text.find('#').ok_or_else(bad)?);
        let attempt = number(attempt, '#').ok_or_else(bad)?;
        Ok(Self { trial: trial.parse().map_err(|_| bad())?, attempt })
    }
}
