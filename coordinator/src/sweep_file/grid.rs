//! `[grid]`: factors, their levels, and every combination of them that is not excluded.

use super::{
    error::{MistakeKind, list},
    fields::wrong_type,
    piece::{Piece, Schema, draft},
    tree::{Data, Draft, Mistakes, Node, Origin, Table},
};
use sweeper_recipe::{Value, nearest};

/// Combinations that a grid may have, and configs that a sweep may have.
pub(super) const MOST_CONFIGS: usize = 10_000;

/// Entries that `exclude` may have.
const MOST_EXCLUSIONS: usize = 1_000;

/// A setting that varies.
struct Factor {
    /// Below `recipe`.
    path: String,
    key: Origin,
    /// Its levels, each a piece of this one setting, and how each is shown.
    levels: Vec<(Piece, String)>,
}

/// The factors in the order of the file, and what is left out.
#[derive(Default)]
pub(super) struct Grid {
    factors: Vec<Factor>,
    /// Each a set of (factor, level).
    excluded: Vec<Vec<(usize, usize)>>,
    /// Where `exclude` stands.
    pub(super) exclude_at: Option<Origin>,
}

/// One combination of levels.
pub(super) struct Combination<'g> {
    /// `lr=0.001,eps=0.1`.
    pub(super) name: String,
    /// One piece for each factor.
    pub(super) pieces: Vec<&'g Piece>,
}

impl Grid {
    /// Reads the table `grid` and the overrides below it.
    pub(super) fn read(
        node: Option<&Node>,
        overrides: &[(String, Node)],
        schema: &Schema,
        mistakes: &mut Mistakes<'_>,
    ) -> Self {
        let mut grid = Self::default();
        let mut exclude = None;
        let mut given: Vec<Factor> = Vec::new();
        for (key, node) in overrides {
            let Some(factor) = Factor::read("", key, node, schema, mistakes) else { continue };
            given.retain(|old| old.path != factor.path);
            given.push(factor);
        }
        match node.map(|n| (n, &n.data)) {
            Some((_, Data::Table(table))) => {
                exclude = table.get("exclude");
                grid.take_table(table, "", &mut given, schema, mistakes);
            }
            Some((node, _)) => {
                mistakes.add(wrong_type(node, "grid", "a table of settings, each with a list of levels"))
            }
            None => {}
        }
        grid.factors.sort_by_key(|f| f.key);
        grid.factors.extend(given);
        if let Some(node) = exclude {
            grid.exclude_at = Some(node.at);
            grid.read_exclusions(node, schema, mistakes);
        }
        grid.check_size(mistakes);
        grid
    }

    /// Takes the factors of a table; one that is among the `given` overrides takes its place and is not looked at.
    fn take_table(
        &mut self,
        table: &Table,
        prefix: &str,
        given: &mut Vec<Factor>,
        schema: &Schema,
        mistakes: &mut Mistakes<'_>,
    ) {
        for (key, node) in table {
            if mistakes.is_full() || (prefix.is_empty() && key == "exclude") {
                continue;
            }
            if let Data::Table(inner) = &node.data {
                match schema.resolve(prefix, key) {
                    Ok(path) if schema.is_table(&path) => self.take_table(inner, &path, given, schema, mistakes),
                    Ok(path) => mistakes.add(wrong_type(node, &format!("grid.{path}"), "an array of levels")),
                    Err(error) => mistakes.add(draft(&error, "grid", node.key, node.at)),
                }
                continue;
            }
            let path = schema.resolve(prefix, key).unwrap_or_default();
            let factor = match given.iter().position(|f| f.path == path) {
                Some(i) => Some(Factor { key: node.key, ..given.remove(i) }),
                None => Factor::read(prefix, key, node, schema, mistakes),
            };
            let Some(factor) = factor else { continue };
            if self.factors.iter().any(|f| f.path == factor.path) {
                let message = format!("`grid.{}` is given twice", factor.path);
                mistakes.add(Draft::new(node.key, format!("grid.{}", factor.path), MistakeKind::Conflict, message));
                continue;
            }
            self.factors.push(factor);
        }
    }

    fn read_exclusions(&mut self, node: &Node, schema: &Schema, mistakes: &mut Mistakes<'_>) {
        let expected = "a list of tables, e.g. [{ \"optimizer.lr\" = 1e-2, \"loss.smoothing.eps\" = 0.1 }]";
        let Data::Array(items) = &node.data else {
            return mistakes.add(wrong_type(node, "grid.exclude", expected));
        };
        if items.len() > MOST_EXCLUSIONS {
            let message = format!("`grid.exclude` has {} entries", items.len());
            let draft = Draft::new(node.at, "grid.exclude", MistakeKind::OutOfRange, message);
            return mistakes.add(draft.expected("1,000 at most"));
        }
        for (i, item) in items.iter().enumerate() {
            if !matches!(item.data, Data::Table(_)) {
                mistakes.add(wrong_type(item, &format!("grid.exclude[{i}]"), expected));
                continue;
            }
            let label = format!("grid.exclude[{i}]");
            let piece = Piece::read(item, &label, schema, mistakes);
            let mut wanted = Vec::new();
            for path in piece.paths() {
                let at = piece.origin(path).unwrap_or(item.at);
                let Some(value) = piece.value.get(path) else { continue };
                match self.level(path, value) {
                    Ok(hit) => wanted.push(hit),
                    Err((message, names)) => {
                        let full = format!("{label}.{path}");
                        let draft = Draft::new(at, full, MistakeKind::UnknownName, message);
                        let names = || names.iter().map(String::as_str);
                        let draft = draft.nearest(nearest(path, names()));
                        mistakes.add(draft.expected(format!("one of {}", list(names()))));
                    }
                }
            }
            if wanted.is_empty() && piece.paths().next().is_none() {
                let message = format!("`{label}` is empty and would exclude everything");
                mistakes.add(Draft::new(item.at, &label, MistakeKind::OutOfRange, message));
            }
            self.excluded.push(wanted);
        }
    }

    /// Which factor and level a setting is; or what is wrong with it, and what there is instead.
    fn level(&self, path: &str, value: &Value) -> Result<(usize, usize), (String, Vec<String>)> {
        let Some(f) = self.factors.iter().position(|f| f.path == path) else {
            let paths = self.factors.iter().map(|f| f.path.clone()).collect();
            return Err((format!("`{path}` is no factor of this grid"), paths));
        };
        let levels = &self.factors[f].levels;
        let hit = levels.iter().position(|(piece, _)| piece.value.get(path).is_some_and(|v| same(v, value)));
        hit.map(|l| (f, l)).ok_or_else(|| {
            let names = levels.iter().map(|(_, shown)| shown.clone()).collect();
            (format!("`{path}` has no level {value} in this grid"), names)
        })
    }

    fn check_size(&self, mistakes: &mut Mistakes<'_>) {
        if self.size() > MOST_CONFIGS {
            let at = self.factors.first().map_or(Origin::File, |f| f.key);
            let message = format!("the grid has more than {MOST_CONFIGS} combinations");
            mistakes.add(Draft::new(at, "grid", MistakeKind::OutOfRange, message).expected("10,000 at most"));
        }
    }

    /// Combinations before exclusion; 1 without a factor.
    pub(super) fn size(&self) -> usize {
        self.factors.iter().fold(1_usize, |n, f| n.saturating_mul(f.levels.len()))
    }

    /// Whether there is no factor.
    pub(super) fn is_empty(&self) -> bool {
        self.factors.is_empty()
    }

    /// Every combination that is not excluded, the last factor moving fastest; one without levels if there is no
    /// factor. Call it only when [`Grid::size`] is at most [`MOST_CONFIGS`].
    pub(super) fn combinations(&self) -> Vec<Combination<'_>> {
        let names = self.short_names();
        let mut out = Vec::new();
        for number in 0..self.size() {
            let mut rest = number;
            let mut picks = vec![0; self.factors.len()];
            for (pick, factor) in picks.iter_mut().zip(&self.factors).rev() {
                *pick = rest % factor.levels.len();
                rest /= factor.levels.len();
            }
            if self.excluded.iter().any(|wanted| wanted.iter().all(|(f, l)| picks[*f] == *l)) {
                continue;
            }
            let levels = || picks.iter().zip(&self.factors).map(|(pick, factor)| &factor.levels[*pick]);
            let shown: Vec<String> = names.iter().zip(levels()).map(|(name, (_, s))| format!("{name}={s}")).collect();
            out.push(Combination { name: shown.join(","), pieces: levels().map(|(piece, _)| piece).collect() });
        }
        out
    }

    /// For each factor the shortest end of its path that no other factor shares: `lr`, or `smoothing.eps`.
    fn short_names(&self) -> Vec<&str> {
        let ends = |path: &str, end: &str| path == end || path.ends_with(&format!(".{end}"));
        let short = |factor: &Factor| {
            let path = factor.path.as_str();
            let starts = path.rmatch_indices('.').map(|(i, _)| i + 1);
            let mut candidates = starts.map(|i| path.split_at(i).1.len()).collect::<Vec<_>>();
            candidates.push(path.len());
            let unique = |len: &usize| {
                let end = &path[path.len() - len..];
                self.factors.iter().filter(|f| ends(&f.path, end)).count() == 1
            };
            candidates.into_iter().find(unique).unwrap_or(path.len())
        };
        self.factors.iter().map(|f| &f.path[f.path.len() - short(f)..]).collect()
    }
}

impl Factor {
    fn read(prefix: &str, key: &str, node: &Node, schema: &Schema, mistakes: &mut Mistakes<'_>) -> Option<Self> {
        let path = match schema.resolve(prefix, key) {
            Ok(path) => path,
            Err(error) => {
                mistakes.add(draft(&error, "grid", node.key, node.at));
                return None;
            }
        };
        let full = format!("grid.{path}");
        let Data::Array(items) = &node.data else {
            mistakes.add(wrong_type(node, &full, "an array of levels"));
            return None;
        };
        if items.is_empty() || items.len() > MOST_CONFIGS {
            let message = format!("`{full}` has {} levels", items.len());
            mistakes.add(Draft::new(node.at, &full, MistakeKind::OutOfRange, message).expected("1 to 10,000 levels"));
            return None;
        }
        let mut levels: Vec<(Piece, String)> = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for item in items {
            if mistakes.is_full() {
                break;
            }
            let mut piece = Piece::gather(&path, item, "grid", schema, mistakes);
            piece.check(mistakes);
            let shown = piece.value.get(&path).map(ToString::to_string).unwrap_or_default();
            if !seen.insert(shown.clone()) && !shown.is_empty() {
                let message = format!("`{full}` has the level {shown} twice");
                mistakes.add(Draft::new(item.at, &full, MistakeKind::DuplicateName, message));
            }
            levels.push((piece, shown));
        }
        Some(Self { path, key: node.key, levels })
    }
}

/// Equal, whether whole numbers are spelt with a point or not.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        #[allow(clippy::cast_precision_loss)]
        (Value::Int(i), Value::Float(x)) | (Value::Float(x), Value::Int(i)) => *i as f64 == *x,
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        _ => a == b,
    }
}
