//! TOML text to a checked sweep.
//!
//! Map, in the direction a file takes: `tree` TOML with places, overrides, the collection of mistakes · `fields` one
//! table field by field · `piece` parts of a recipe, each checked where it stands · `grid` factors and combinations ·
//! `read` the tables of the file · `analysis` and `stopping` how the sweep is to be judged · `expand` strata × configs ×
//! grid, and the plan held against them · `digest` what makes a sweep the sweep it is · `error` mistakes as people read
//! them · `narrow` the way back: the text of a file with fewer configs.
//!
//! A config's recipe is laid up in layers, each replacing single settings of those below: `[recipe]` with its
//! overrides, then the stratum's `set`, the config's `set`, and the levels of the grid. `replicates` goes the same
//! way: the config's own, else the stratum's, else the file's.

mod analysis;
mod digest;
mod error;
mod expand;
mod fields;
mod grid;
mod narrow;
mod piece;
mod read;
mod stopping;
#[cfg(test)]
mod tests;
mod tree;

pub use error::{Mistake, MistakeKind, Place, SweepFileError};
pub use narrow::{Narrowed, narrow};

use error::MistakeKind as Kind;
use std::{io::Read, path::Path};
use sweeper_core::spec::SweepSpec;
use tree::{Draft, Mistakes, Origin};

/// Bytes that a sweep file may have, and all overrides together.
pub const MOST_BYTES: usize = 1 << 20;

/// Reads a sweep file; `overrides` are `key=value`, as after `--set`. The result is checked entirely: every recipe
/// can be trained, every name is unique, and the plan of analysis speaks of configs and metrics that exist.
///
/// # Errors
/// Every mistake found, up to ten, each with its place.
pub fn parse(text: &str, file_name: &str, overrides: &[String]) -> Result<SweepSpec, SweepFileError> {
    parse_with_warnings(text, file_name, overrides).map(|(spec, _)| spec)
}

/// The same, with notes on what is no mistake and still worth a line: configs of equal recipes, configs that do not
/// yield the primary metric.
///
/// # Errors
/// As [`parse`].
pub fn parse_with_warnings(
    text: &str,
    file_name: &str,
    overrides: &[String],
) -> Result<(SweepSpec, Vec<String>), SweepFileError> {
    let mut mistakes = Mistakes::new(file_name, text, overrides);
    let parsed = checked(text, overrides, &mut mistakes);
    match (mistakes.into_error(), parsed) {
        (None, Some(parsed)) => Ok(parsed),
        (Some(error), _) => Err(error),
        // Not reachable: nothing comes back empty-handed without a mistake.
        (None, None) => Err(SweepFileError::unreadable(file_name, "cannot be read".to_string(), None)),
    }
}

/// The sweep, or at least one mistake.
fn checked(text: &str, overrides: &[String], mistakes: &mut Mistakes<'_>) -> Option<(SweepSpec, Vec<String>)> {
    let sizes = [(text.len(), "the sweep file"), (overrides.iter().map(String::len).sum(), "all overrides together")];
    for (size, what) in sizes {
        if size > MOST_BYTES {
            let message = format!("{what}: {size} bytes are too many");
            mistakes.add(Draft::new(Origin::File, "", Kind::Unreadable, message).expected("1 MiB at most"));
            return None;
        }
    }
    let file = read::read(text, overrides, mistakes)?;
    let configs = expand::expand(&file, mistakes);
    if !mistakes.is_empty() {
        return None;
    }
    let notes = expand::check_plan(&file, &configs, mistakes);
    let mut spec = SweepSpec {
        name: file.name,
        seed: file.seed,
        pairing: file.pairing,
        priority: file.priority,
        max_failures: file.max_failures,
        configs: configs.into_iter().map(|c| c.spec).collect(),
        analysis: file.analysis.plan,
        digest: String::new(),
        plan_digest: String::new(),
        toml: text.to_string(),
        overrides: overrides.to_vec(),
    };
    spec.number_twins();
    digest::seal(&mut spec);
    Some((spec, notes))
}

/// The text of a sweep file on disk.
///
/// # Errors
/// Missing, unreadable, larger than 1 MiB, or not UTF-8: exit code 16.
pub fn read_text(path: &Path) -> Result<String, SweepFileError> {
    let name = path.display().to_string();
    let unreadable = |message: String, hint: &str| SweepFileError::unreadable(&name, message, Some(hint.to_string()));
    let mut bytes = Vec::new();
    // One byte more than allowed is enough to know, whatever the file is.
    let read = std::fs::File::open(path).and_then(|f| f.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        return Err(unreadable(format!("cannot read the sweep file: {error}"), "give the path of a TOML file"));
    }
    if bytes.len() > MOST_BYTES {
        return Err(unreadable("the sweep file is larger than 1 MiB".to_string(), "is it the file you meant?"));
    }
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        unreadable(format!("the sweep file is not UTF-8 text (byte {at})"), "save it as UTF-8")
    })
}
