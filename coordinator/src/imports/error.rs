//! What can be wrong with a file of results, in either direction.

/// Why results cannot be written in a layout, or a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// A config that the flags cannot tell.
    #[error("config `{config}`: `{setting}` = {value} has no place in this layout, which knows {known}")]
    NoPlace {
        /// The config's full name.
        config: String,
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What there is a flag for.
        known: &'static str,
    },
    /// A recipe that this version cannot read.
    #[error("config `{config}`: its recipe was written by another version")]
    Recipe {
        /// The config's full name.
        config: String,
    },
    /// The file cannot be read.
    #[error("cannot read {file}: {why}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why not.
        why: String,
    },
    /// The first line is that of no known layout.
    #[error("{file}: its first line is that of no known layout; expected {expected}")]
    UnknownLayout {
        /// The file.
        file: String,
        /// First lines that are known.
        expected: String,
    },
    /// A row that is no row.
    #[error("{file}:{line}: {why}")]
    Row {
        /// The file.
        file: String,
        /// From 1, the head included.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// A cell out of range.
    #[error("{file}:{line}: `{column}` is `{found}`, expected {expected}")]
    Cell {
        /// The file.
        file: String,
        /// From 1, the head included.
        line: u64,
        /// Name of the column.
        column: String,
        /// What stands there.
        found: String,
        /// What may.
        expected: &'static str,
    },
    /// Images without a cluster, or clusters that tell nothing apart.
    #[error("{file}: {why}")]
    Images {
        /// The file.
        file: String,
        /// What is wrong, and what was expected.
        why: String,
    },
    /// A baseline or metric that is not there.
    #[error("{file} has no {what} `{name}`; there are {known}", known = known.join(", "))]
    Unknown {
        /// The file.
        file: String,
        /// `config` or `metric`.
        what: &'static str,
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Tasks of a file that has one stratum at most.
    #[error(
        "{file} has {} to take as tasks, two at least are needed; config names such as stratum/config make strata",
        if *.strata == 1 { "one stratum" } else { "no strata" }
    )]
    Tasks {
        /// The file.
        file: String,
        /// Strata with a name.
        strata: usize,
    },
}
