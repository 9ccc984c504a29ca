//! The last layer: every expected error becomes a documented exit code, one clear message and a hint.

use crate::{
    confirm::ConfirmError,
    driver::DriverError,
    imports::LayoutError,
    matched::MatchError,
    report::{AnalyzeError, ClusterError, ReportError, render::RenderError, replay::ReplayError},
    rpc::ServeError,
    store::StoreError,
    sweep_file::SweepFileError,
};
use std::fmt;
use sweeper_core::scheduler::SubmitError;

/// Exit codes of `sweeper`; `docs/exit-codes.md` documents them, and a test holds both against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// An error that nobody foresaw.
    Internal = 1,
    /// Wrong command line.
    Usage = 2,
    /// The sweep file is not TOML.
    NotToml = 10,
    /// The sweep file has a key that does not exist.
    UnknownKey = 11,
    /// A value of the sweep file has the wrong type.
    WrongType = 12,
    /// A value of the sweep file is out of range, or an unknown name.
    OutOfRange = 13,
    /// Two configs or strata of one name.
    DuplicateName = 14,
    /// A baseline or metric that does not exist.
    UnknownReference = 15,
    /// The sweep file cannot be read.
    FileUnreadable = 16,
    /// A data file is missing.
    DataMissing = 20,
    /// A data file is truncated or corrupt.
    DataCorrupt = 21,
    /// The data are not those that the sweep began with.
    DataDiffers = 22,
    /// A report does not follow from its own data.
    ReportDiffers = 23,
    /// The address is in use or cannot be listened on.
    AddressInUse = 30,
    /// A folder is not writable, or a file is there already.
    NotWritable = 31,
    /// Worker and coordinator are of different versions.
    VersionMismatch = 32,
    /// The state directory was written by a newer version.
    StateTooNew = 33,
    /// Another coordinator uses the state directory.
    StateInUse = 34,
    /// The store failed: disk full, corrupt.
    StoreFailed = 35,
    /// The coordinator cannot be reached.
    Unreachable = 40,
    /// No such sweep, trial or worker.
    NotFound = 41,
    /// An unfinished sweep has this name and other content.
    NameBusy = 42,
    /// The worker executable is missing or does not start.
    WorkerFailed = 43,
    /// The sweep still runs.
    StillRunning = 44,
    /// The sweep ended, but some trials were abandoned.
    Abandoned = 50,
    /// The sweep was cancelled.
    Cancelled = 51,
    /// Interrupted by Ctrl-C or SIGTERM.
    Interrupted = 130,
}

impl Exit {
    /// Every code, in order.
    pub const ALL: [Self; 28] = [
        Self::Ok,
        Self::Internal,
        Self::Usage,
        Self::NotToml,
        Self::UnknownKey,
        Self::WrongType,
        Self::OutOfRange,
        Self::DuplicateName,
        Self::UnknownReference,
        Self::FileUnreadable,
        Self::DataMissing,
        Self::DataCorrupt,
        Self::DataDiffers,
        Self::ReportDiffers,
        Self::AddressInUse,
        Self::NotWritable,
        Self::VersionMismatch,
        Self::StateTooNew,
        Self::StateInUse,
        Self::StoreFailed,
        Self::Unreachable,
        Self::NotFound,
        Self::NameBusy,
        Self::WorkerFailed,
        Self::StillRunning,
        Self::Abandoned,
        Self::Cancelled,
        Self::Interrupted,
    ];

    /// The code with this number; [`Exit::Internal`] for a number that has none.
    #[must_use]
    pub fn from_code(code: u8) -> Self {
        Self::ALL.into_iter().find(|e| *e as u8 == code).unwrap_or(Self::Internal)
    }
}

/// An error as a person reads it: what and where, then what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What went wrong, and where.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without a hint.
    pub fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, message: message.to_string(), hint: None }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

impl From<&StoreError> for Failure {
    fn from(error: &StoreError) -> Self {
        let (exit, hint) = match error {
            StoreError::InUse { .. } => (
                Exit::StateInUse,
                "stop the other coordinator, or take another folder; reading is possible with --state",
            ),
            StoreError::NewerVersion { .. } => (Exit::StateTooNew, "use that newer version, or take another folder"),
            StoreError::NotWritable { .. } => {
                (Exit::NotWritable, "take a folder that you may write to: --out for `run`, --state for `serve`")
            }
            StoreError::Missing { .. } => {
                (Exit::NotFound, "--state takes the folder given to `serve --state`, or the --out folder of `run`")
            }
            StoreError::Corrupt { .. } => {
                (Exit::StoreFailed, "restore it from a backup, or take another folder; nothing was changed")
            }
            StoreError::Full { .. } => {
                (Exit::StoreFailed, "make room and start again: everything acknowledged is still there")
            }
            StoreError::Failed { .. } => (Exit::StoreFailed, "everything acknowledged before is still there"),
            StoreError::UnknownSweep(_) => (Exit::NotFound, "`sweeper ls` lists the sweeps"),
        };
        Self::new(exit, error).hint(hint)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

impl From<DriverError> for Failure {
    fn from(error: DriverError) -> Self {
        match &error {
            DriverError::Store(store) => Self::from(&**store),
            DriverError::Restore { .. } => Self::new(Exit::StoreFailed, &error)
                .hint("the tables were changed by something else; restore them from a backup"),
            DriverError::UnknownSweep(_) => Self::new(Exit::NotFound, &error).hint("`sweeper ls` lists the sweeps"),
            DriverError::UnknownTrial(_) => {
                Self::new(Exit::NotFound, &error).hint("`sweeper show` lists a sweep's configs and counts")
            }
            DriverError::Submit(SubmitError::NameBusy { .. }) => Self::new(Exit::NameBusy, &error)
                .hint("`--supersede` cancels the earlier sweep, or give the new one another name"),
            DriverError::Submit(_) => Self::new(Exit::OutOfRange, &error),
            DriverError::Stopped | DriverError::Defect(_) | DriverError::Thread(_) | DriverError::UnknownWorker(_) => {
                Self::new(Exit::Internal, &error)
            }
        }
    }
}

impl From<SweepFileError> for Failure {
    fn from(error: SweepFileError) -> Self {
        // The message quotes the line and carries its own hints.
        Self::new(Exit::from_code(error.exit_code()), error.to_string().trim_end())
    }
}

impl From<AnalyzeError> for Failure {
    fn from(error: AnalyzeError) -> Self {
        match error {
            AnalyzeError::Schema { .. } => {
                Self::new(Exit::VersionMismatch, error).hint("use the version of sweeper that wrote them")
            }
            AnalyzeError::TooManyPairs { .. } => Self::new(Exit::OutOfRange, error)
                .hint("compare with a baseline (family `baseline`), or report on fewer configs at a time"),
            AnalyzeError::Clusters(why) => Self::from(why),
            _ => Self::new(Exit::StoreFailed, format!("these results cannot be analysed: {error}")),
        }
    }
}

impl From<ClusterError> for Failure {
    fn from(error: ClusterError) -> Self {
        let (exit, hint) = match &error {
            ClusterError::NoBits => (
                Exit::NotFound,
                "they are recorded by trainings with `evaluate.predictions = true` in their recipe; without them leave out --clusters",
            ),
            ClusterError::LeftOut { .. } => (
                Exit::OutOfRange,
                "`sweeper export --predictions` prints them for other programs; leave out --clusters for a report without them",
            ),
            ClusterError::OtherImages { .. } => (
                Exit::OutOfRange,
                "clusters can be named where all configs share their data and the settings that divide them; leave out --clusters otherwise",
            ),
            ClusterError::Split { .. } | ClusterError::Images { .. } | ClusterError::OneCluster => {
                (Exit::OutOfRange, "`sweeper report SWEEP --clusters FILE` reads them anew for the images of the sweep")
            }
        };
        Self::new(exit, &error).hint(hint)
    }
}

impl From<LayoutError> for Failure {
    fn from(error: LayoutError) -> Self {
        match &error {
            LayoutError::NoPlace { .. } => Self::new(Exit::OutOfRange, &error)
                .hint("`sweeper export --format csv` and `--epochs` can tell everything"),
            LayoutError::Recipe { .. } => {
                Self::new(Exit::VersionMismatch, &error).hint("use the version of sweeper that took the sweep")
            }
            LayoutError::Unreadable { .. } => {
                Self::new(Exit::FileUnreadable, &error).hint("give the path of a CSV file in UTF-8")
            }
            LayoutError::UnknownLayout { .. } | LayoutError::Row { .. } | LayoutError::Cell { .. } => {
                Self::new(Exit::OutOfRange, &error)
                    .hint("`sweeper export --format csv` and `--layout apriori` write files that can be read; docs/reports.md shows tables")
            }
            LayoutError::Images { .. } => {
                Self::new(Exit::OutOfRange, &error).hint("docs/reports.md shows such a file")
            }
            LayoutError::Unknown { what: "metric", .. } => {
                Self::new(Exit::UnknownReference, &error).hint("--metric takes the name of one of them")
            }
            LayoutError::Unknown { .. } => Self::new(Exit::UnknownReference, &error)
                .hint("--baseline takes a config that every stratum has; without strata, any config"),
            LayoutError::Tasks { .. } => Self::new(Exit::UnknownReference, &error).hint("leave out --tasks"),
        }
    }
}

impl From<MatchError> for Failure {
    fn from(error: MatchError) -> Self {
        Self::new(Exit::UnknownReference, error).hint("configs are matched by their names and strata")
    }
}

impl From<ConfirmError> for Failure {
    fn from(error: ConfirmError) -> Self {
        let (exit, hint) = match &error {
            ConfirmError::Running { .. } => {
                (Exit::StillRunning, "wait for its end with `sweeper watch`, or end it with `sweeper cancel`")
            }
            ConfirmError::NotASweep { .. } => (Exit::NotFound, "give a sweep; `sweeper ls` lists them"),
            ConfirmError::NoValues { .. } => {
                (Exit::NotFound, "`sweeper show` says what became of its trials, `sweeper explain` why")
            }
            ConfirmError::TooFew { .. } => (Exit::OutOfRange, "--top 2 takes the second best as well"),
            ConfirmError::SeedUsed { .. } => (Exit::OutOfRange, "leave out --seed, or give another"),
            // The message of the sweep file has its own hints.
            ConfirmError::Stored { source, .. } => return Self::new(Exit::from_code(source.exit_code()), &error),
            ConfirmError::Invalid(source) => return Self::new(Exit::from_code(source.exit_code()), &error),
            ConfirmError::Differs { .. } => (
                Exit::Internal,
                "nothing was written; if this version took the sweep, please report it. `sweeper export --format json` has \
                 the sweep's own file",
            ),
        };
        Self::new(exit, error).hint(hint)
    }
}

impl From<RenderError> for Failure {
    fn from(error: RenderError) -> Self {
        Self::new(Exit::Internal, error)
    }
}

impl From<ReplayError> for Failure {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Unreadable { .. } => Self::new(Exit::FileUnreadable, error).hint(
                "give the folder that `sweeper report` wrote; it must hold report.json and input.json, from which the report is computed again",
            ),
            ReplayError::Format { .. } => Self::new(Exit::OutOfRange, error)
                .hint("files that sweeper writes, and nobody edited, can be read; another version may write others"),
            ReplayError::Schema { .. } => {
                Self::new(Exit::VersionMismatch, error).hint("use the version of sweeper that made the report")
            }
            ReplayError::Analyze(error) => Self::from(error),
            ReplayError::Render(error) => Self::from(error),
        }
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        let exit = match &error {
            ReportError::Folder { .. } | ReportError::Write { .. } => Exit::NotWritable,
            ReportError::Render(_) => Exit::Internal,
        };
        Self::new(exit, error)
            .hint("results are safe in the state directory; `sweeper report --out` writes them elsewhere")
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        let failure = |exit| Self::new(exit, &error);
        match &error {
            ServeError::Insecure { .. } => failure(Exit::Usage).hint(
                "listen on 127.0.0.1 and let workers come through an ssh tunnel, or say --allow-insecure on a network that you trust",
            ),
            ServeError::AddressInUse { .. } => failure(Exit::AddressInUse)
                .hint("perhaps another coordinator: use that one, or take another port"),
            ServeError::Listen { source, .. } => {
                let failure = failure(Exit::AddressInUse);
                match source.kind() {
                    std::io::ErrorKind::PermissionDenied => {
                        failure.hint("ports below 1024 need privileges; take a larger one")
                    }
                    _ => failure.hint("take an address of this machine"),
                }
            }
            ServeError::Address(_) | ServeError::Reflection(_) | ServeError::Transport(_) => failure(Exit::Internal),
        }
    }
}
