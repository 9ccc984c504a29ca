//! The tables of a sweep file, each read and checked alone.

use super::{
    analysis,
    error::MistakeKind,
    fields::{ENTRY, Fields, TOP, elsewhere},
    grid::Grid,
    piece::{Piece, Schema},
    stopping,
    tree::{self, Draft, Mistakes, Node, Origin, Table},
};
use std::collections::BTreeSet;
use sweeper_core::spec::Pairing;

/// A sweep file before its configs are put together.
pub(super) struct SweepFile {
    pub(super) name: String,
    pub(super) seed: u64,
    pub(super) pairing: Pairing,
    pub(super) priority: i32,
    pub(super) max_failures: u32,
    pub(super) replicates: u32,
    /// `[recipe]`.
    pub(super) base: Piece,
    /// `[[config]]`.
    pub(super) configs: Vec<Entry>,
    pub(super) grid: Grid,
    /// `[[stratum]]`.
    pub(super) strata: Vec<Entry>,
    pub(super) analysis: analysis::Judged,
    pub(super) stopping: stopping::Given,
}

/// A `[[config]]` or a `[[stratum]]`.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) at: Origin,
    pub(super) set: Piece,
    pub(super) replicates: Option<u32>,
}

impl Entry {
    /// Stands in where the file lists none.
    pub(super) fn unnamed() -> Self {
        Self { name: String::new(), at: Origin::File, set: Piece::default(), replicates: None }
    }
}

/// Overrides below a table whose keys may be dotted; a path and what is put there.
type Dotted = Vec<(String, Node)>;

/// Reads text and overrides. None if a mistake was found; whatever can be checked all the same is checked.
pub(super) fn read(text: &str, overrides: &[String], mistakes: &mut Mistakes<'_>) -> Option<SweepFile> {
    let mut root = tree::read(text, mistakes)?;
    let (recipe, grid) = lay_on(&mut root, overrides, mistakes);
    let top = Fields::new(&root, "", Origin::File, &TOP, mistakes);
    let schema = Schema::new();

    let name = top.name(true, mistakes);
    let seed = top.integer("seed", 0..=i64::MAX, "0 to 2^63 - 1", mistakes);
    let replicates = replicates(&top, mistakes);
    for (key, expected) in [("seed", "an integer; everything random derives from it"), ("replicates", REPLICATES)] {
        if top.get(key).is_none() {
            top.missing(key, expected, MistakeKind::Missing, mistakes);
        }
    }
    let pairings = [("common", Pairing::Common), ("independent", Pairing::Independent)];
    let pairing = top.choice("pairing", &pairings, mistakes).unwrap_or(Pairing::Common);
    let priority = top.integer("priority", -1_000_000..=1_000_000, "-1,000,000 to 1,000,000", mistakes);
    let max_failures = top.integer("max_failures", 1..=1_000, "1 to 1,000", mistakes);

    let given = top.get("recipe").map(|node| (String::new(), node.clone()));
    let mut base = Piece::new("recipe");
    for (path, node) in given.iter().chain(&recipe) {
        base.merge(Piece::gather(path, node, "recipe", &schema, mistakes));
    }
    base.check(mistakes);
    let configs = entries(&top, "config", &schema, mistakes);
    let strata = entries(&top, "stratum", &schema, mistakes);
    let grid = Grid::read(top.get("grid"), &grid, &schema, mistakes);
    let only = match configs.as_slice() {
        [] if grid.is_empty() => Some("default"),
        [one] if grid.is_empty() => Some(one.name.as_str()),
        _ => None,
    };
    let stopping = stopping::read(&top, mistakes);
    let mut analysis = analysis::read(&top, only, mistakes)?;
    let stopping = stopping?;
    analysis.plan.stopping = stopping.stopping.clone();
    if !mistakes.is_empty() {
        return None;
    }
    Some(SweepFile {
        name: name?.to_string(),
        seed: u64::try_from(seed?).ok()?,
        pairing,
        priority: i32::try_from(priority.unwrap_or(0)).ok()?,
        max_failures: u32::try_from(max_failures.unwrap_or(3)).ok()?,
        replicates: replicates?,
        base,
        configs,
        grid,
        strata,
        analysis,
        stopping,
    })
}

/// Puts overrides into the tree; those below `recipe` and `grid`, where `a.b` and `"a.b"` are the same, are kept apart.
fn lay_on(root: &mut Table, overrides: &[String], mistakes: &mut Mistakes<'_>) -> (Dotted, Dotted) {
    let (mut recipe, mut grid) = (Dotted::new(), Dotted::new());
    for (i, text) in overrides.iter().enumerate() {
        let Some(given) = tree::read_override(i, text, mistakes) else { continue };
        match given.path.split_first() {
            Some((first, rest)) if first == "recipe" => recipe.push((rest.join("."), given.node)),
            Some((first, rest)) if first == "grid" && !rest.is_empty() && rest != ["exclude"] => {
                grid.push((rest.join("."), given.node));
            }
            _ => tree::apply(root, given, mistakes),
        }
    }
    (recipe, grid)
}

const REPLICATES: &str = "1 to 100,000";

fn replicates(fields: &Fields<'_>, mistakes: &mut Mistakes<'_>) -> Option<u32> {
    fields.integer("replicates", 1..=100_000, REPLICATES, mistakes).and_then(|n| u32::try_from(n).ok())
}

/// Reads the `[[config]]` or `[[stratum]]` tables.
fn entries(top: &Fields<'_>, key: &str, schema: &Schema, mistakes: &mut Mistakes<'_>) -> Vec<Entry> {
    let mut out: Vec<Entry> = Vec::new();
    let mut names = BTreeSet::new();
    for (i, (node, table)) in top.tables(key, mistakes).into_iter().enumerate() {
        if mistakes.is_full() {
            break;
        }
        let path = format!("{key}[{i}]");
        // A setting beside `set` instead of in it is the likeliest slip here.
        let slip = table.iter().find(|(k, _)| elsewhere(k).is_some_and(|e| e == format!("recipe.{k}")));
        if let Some((setting, given)) = slip {
            let message = format!("unknown key `{setting}` in `{path}`");
            let draft = Draft::new(given.key, format!("{path}.{setting}"), MistakeKind::UnknownKey, message);
            mistakes.add(draft.hint(format!("settings of one {key} go into its set: set = {{ {setting} = … }}")));
        }
        let mut known = ENTRY.to_vec();
        known.extend(slip.map(|(k, _)| k.as_str()));
        let fields = Fields::new(table, &path, node.at, &known, mistakes);
        let replicates = replicates(&fields, mistakes);
        let label = format!("{path}.set");
        let set = match fields.get("set") {
            Some(node) => Piece::read(node, label, schema, mistakes),
            None => Piece::new(label),
        };
        let Some(name) = fields.name(false, mistakes) else { continue };
        let at = fields.origin("name");
        if !names.insert(name) {
            let message = format!("two {} have the name `{name}`", if key == "config" { "configs" } else { "strata" });
            mistakes.add(Draft::new(at, fields.full("name"), MistakeKind::DuplicateName, message));
        }
        out.push(Entry { name: name.to_string(), at, set, replicates });
    }
    out
}
