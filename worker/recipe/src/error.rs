//! What can be wrong with a recipe, typed, with the key path and the nearest valid name.

use crate::value::join;

/// A recipe that cannot be trained. `path` is the dotted key path inside the recipe, `optimizer.lr`.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RecipeError {
    /// The text is not JSON.
    #[error("a recipe must be JSON: {why}")]
    NotJson {
        /// What the JSON reader says.
        why: String,
    },
    /// A key that does not exist.
    #[error("unknown key `{key}` in {}{}", place(.path), suggestion(.nearest.as_deref()))]
    UnknownKey {
        /// The table it stands in; empty for the recipe itself.
        path: String,
        /// The key.
        key: String,
        /// The keys that exist there.
        expected: Vec<&'static str>,
        /// The nearest of them; or the path of a setting elsewhere that has this very name.
        nearest: Option<String>,
    },
    /// A name that does not exist, where a setting takes one of a few.
    #[error("`{path}` has no choice `{value}`{}", suggestion(.nearest.as_deref()))]
    UnknownName {
        /// The setting.
        path: String,
        /// What was given.
        value: String,
        /// The names that exist.
        expected: Vec<&'static str>,
        /// The nearest of them.
        nearest: Option<String>,
    },
    /// A value of the wrong type.
    #[error("{} must be {expected}, not {found}", place(.path))]
    WrongType {
        /// The setting.
        path: String,
        /// The kind of value given, with its article.
        found: String,
        /// The kind of value wanted, with its article.
        expected: String,
    },
    /// A number outside its range.
    #[error("`{path}` = {value} is out of range: it must be {range}")]
    OutOfRange {
        /// The setting.
        path: String,
        /// The number.
        value: String,
        /// Its range in words.
        range: String,
    },
    /// A setting without a default is missing.
    #[error("`{path}` is missing")]
    Missing {
        /// The setting.
        path: String,
    },
    /// Settings that are fine alone, but not together.
    #[error("{} do not go together: {why}", quoted(.paths))]
    Conflict {
        /// The settings.
        paths: Vec<String>,
        /// Why, and what to do.
        why: String,
    },
}

impl RecipeError {
    /// The key path that the error is about, the key itself included; the first one for a conflict.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::NotJson { .. } => String::new(),
            Self::UnknownKey { path, key, .. } => join(path, key),
            Self::UnknownName { path, .. }
            | Self::WrongType { path, .. }
            | Self::OutOfRange { path, .. }
            | Self::Missing { path } => path.clone(),
            Self::Conflict { paths, .. } => paths.first().cloned().unwrap_or_default(),
        }
    }

    /// The same error, one table further out: errors learn their path while they leave the tree.
    pub(crate) fn inside(mut self, key: &str) -> Self {
        match &mut self {
            Self::NotJson { .. } | Self::Conflict { .. } => {}
            Self::UnknownKey { path, .. }
            | Self::UnknownName { path, .. }
            | Self::WrongType { path, .. }
            | Self::OutOfRange { path, .. }
            | Self::Missing { path } => *path = if path.is_empty() { key.to_string() } else { join(key, path) },
        }
        self
    }
}

fn place(path: &str) -> String {
    if path.is_empty() { "the recipe".to_string() } else { format!("`{path}`") }
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map(|n| format!(", did you mean `{n}`?")).unwrap_or_default()
}

fn quoted(paths: &[String]) -> String {
    paths.iter().map(|p| format!("`{p}`")).collect::<Vec<_>>().join(" and ")
}

/// The candidate that `given` was probably meant to be. Letter case, `-`, `_` and blanks do not count; then at least
/// six letters in ten must agree (Damerau-Levenshtein over the longer length), or one must be the other's beginning.
pub fn nearest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |s: &str| -> String {
        s.chars().take(200).filter(|c| !matches!(c, '-' | '_' | ' ')).flat_map(char::to_lowercase).collect()
    };
    let given = plain(given);
    let score = |candidate: &str| {
        let candidate = plain(candidate);
        let prefix =
            given.len().min(candidate.len()) >= 3 && (candidate.starts_with(&given) || given.starts_with(&candidate));
        strsim::normalized_damerau_levenshtein(&given, &candidate).max(if prefix { 0.6 } else { 0.0 })
    };
    let mut best: Option<(&str, f64)> = None;
    for candidate in candidates {
        let score = score(candidate);
        if score >= 0.6 && best.is_none_or(|(_, top)| score > top) {
            best = Some((candidate, score));
        }
    }
    best.map(|(name, _)| name)
}
