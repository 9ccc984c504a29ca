//! Search for the largest complete sub-grid of an incomplete grid.
//!
//! The problem is that of the largest complete multipartite sub-hypergraph and hard in general, so the search is branch
//! and bound within a fixed budget of work, and the answer says whether it was proven.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::degenerate::Degenerate;
use crate::grid::factor_levels;

/// Set elements looked at before a search gives up proving its answer; about a tenth of a second.
const WORK: u64 = 20_000_000;

/// Up to this number of varying factors all ways to merge them are tried.
const MAX_MERGED: usize = 8;

/// Whether several factors may act as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Merge {
    /// Every factor stands for itself.
    Never,
    /// Factors may be merged into one whose levels are the combinations that occur, such as the stages "no layer",
    /// "layer", "layer and bias" of two on/off factors. It is done only when it gains cells, and as little as needed.
    Allowed,
}

/// A complete sub-grid: all combinations of the chosen levels of its groups were run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubGrid {
    /// Indices of its cells, ascending.
    pub cells: Vec<usize>,
    /// Factors that act as one, for each group.
    pub groups: Vec<Vec<usize>>,
    /// For each group the chosen levels; each is one level per factor of the group. A group of one level is constant in
    /// the sub-grid.
    pub levels: Vec<Vec<Vec<usize>>>,
    /// Whether no larger one exists; `false` when the search ran out of its budget.
    pub proven: bool,
}

/// The complete sub-grid with the most cells, in which at least two groups vary; `None` when there is none. Ties go to
/// less merging, then to the search order (levels in most cells first, then lower levels), so the answer is a function
/// of the set of cells.
///
/// # Errors
/// As [`design_audit`](crate::grid::design_audit).
pub fn largest_complete_subgrid(cells: &[Vec<usize>], merge: Merge) -> Result<Option<SubGrid>, Degenerate> {
    let varying: Vec<usize> = factor_levels(cells)?
        .iter()
        .enumerate()
        .filter_map(|(factor, (_, count))| (*count > 1).then_some(factor))
        .collect();
    if varying.len() < 2 {
        return Ok(None);
    }
    let singles: Vec<Vec<usize>> = varying.iter().map(|&f| vec![f]).collect();
    let mut best = find(cells, &singles, 0, WORK);
    let complete = best.as_ref().is_some_and(|grid| grid.cells.len() == cells.len());
    if merge == Merge::Never || complete || varying.len() < 3 {
        return Ok(best);
    }
    let all = partitions(&varying);
    let mut proven = varying.len() <= MAX_MERGED && best.as_ref().is_none_or(|grid| grid.proven);
    let share = WORK / all.len() as u64 * 4;
    for groups in all {
        let known = best.as_ref().map_or(0, |grid| grid.cells.len());
        let Some(found) = find(cells, &groups, known, share) else { continue };
        proven &= found.proven;
        if found.cells.len() > known {
            best = Some(found);
        }
    }
    Ok(best.map(|grid| SubGrid { proven, ..grid }))
}

/// Ways to split the factors into at least two groups, with more groups first; with many factors only those with one
/// group of several factors.
fn partitions(factors: &[usize]) -> Vec<Vec<Vec<usize>>> {
    let mut all: Vec<Vec<Vec<usize>>> = vec![Vec::new()];
    for &factor in factors {
        let mut next = Vec::new();
        for groups in &all {
            for g in 0..=groups.len() {
                let mut groups = groups.clone();
                if g == groups.len() {
                    groups.push(Vec::new());
                }
                groups[g].push(factor);
                let merged = groups.iter().filter(|group| group.len() > 1).count();
                if factors.len() <= MAX_MERGED || merged <= 1 {
                    next.push(groups);
                }
            }
        }
        all = next;
    }
    all.retain(|groups| groups.len() >= 2 && groups.len() < factors.len());
    all.sort_by_key(|groups| std::cmp::Reverse(groups.len()));
    all
}

/// The largest complete sub-grid of more than `known` cells, with these groups as factors. An unproven search that
/// found nothing answers with an empty grid.
fn find(cells: &[Vec<usize>], groups: &[Vec<usize>], known: usize, limit: u64) -> Option<SubGrid> {
    let coordinates: Vec<(Vec<usize>, Vec<Vec<usize>>)> = groups.iter().map(|group| merged(cells, group)).collect();
    let constant: Vec<usize> = (0..cells[0].len()).filter(|f| groups.iter().all(|g| !g.contains(f))).collect();
    let mut search = Search::new(&coordinates.iter().map(|(index, _)| index.clone()).collect::<Vec<_>>(), known, limit);
    let every: Vec<usize> = (0..search.tails[0].len()).collect();
    search.descend(0, &every, 1, 0);
    let proven = search.work < limit;
    let Some(chosen) = search.best else {
        return (!proven).then(|| SubGrid { cells: Vec::new(), groups: Vec::new(), levels: Vec::new(), proven });
    };
    let inside =
        |cell: usize| coordinates.iter().zip(&chosen).all(|((index, _), levels)| levels.contains(&index[cell]));
    let members: Vec<usize> = (0..cells.len()).filter(|&cell| inside(cell)).collect();
    let mut parts: Vec<(Vec<usize>, Vec<Vec<usize>>)> = groups
        .iter()
        .zip(coordinates.iter().zip(&chosen))
        .map(|(group, ((_, names), levels))| {
            let mut levels: Vec<Vec<usize>> = levels.iter().map(|&level| names[level].clone()).collect();
            levels.sort_unstable();
            (group.clone(), levels)
        })
        .chain(constant.into_iter().map(|f| (vec![f], vec![vec![cells[0][f]]])))
        .collect();
    parts.sort_unstable();
    let (groups, levels) = parts.into_iter().unzip();
    Some(SubGrid { cells: members, groups, levels, proven })
}

/// Level index per cell of the factors of `group` taken together, and what each index stands for.
fn merged(cells: &[Vec<usize>], group: &[usize]) -> (Vec<usize>, Vec<Vec<usize>>) {
    let tuples: Vec<Vec<usize>> = cells.iter().map(|cell| group.iter().map(|&f| cell[f]).collect()).collect();
    let mut names = tuples.clone();
    names.sort_unstable();
    names.dedup();
    (tuples.iter().map(|tuple| names.binary_search(tuple).unwrap_or_default()).collect(), names)
}

struct Search {
    /// Per depth and tail (the coordinates from this depth on, numbered): its level here and the tail at the next depth.
    tails: Vec<Vec<(usize, usize)>>,
    best_size: usize,
    best: Option<Vec<Vec<usize>>>,
    path: Vec<Vec<usize>>,
    work: u64,
    limit: u64,
}

/// What is fixed while the levels of one depth are chosen.
struct Depth<'a> {
    depth: usize,
    /// Levels with their tails (ascending).
    fibers: &'a [(usize, Vec<usize>)],
    product: usize,
    /// Groups with more than one level so far.
    wide: usize,
}

impl Search {
    fn new(coordinates: &[Vec<usize>], known: usize, limit: u64) -> Self {
        let mut next = vec![0; coordinates[0].len()];
        let mut tails = Vec::new();
        for levels in coordinates.iter().rev() {
            let pairs: Vec<(usize, usize)> = levels.iter().copied().zip(next.iter().copied()).collect();
            let mut distinct = pairs.clone();
            distinct.sort_unstable();
            distinct.dedup();
            next = pairs.iter().map(|pair| distinct.binary_search(pair).unwrap_or_default()).collect();
            tails.push(distinct);
        }
        tails.reverse();
        Self { tails, best_size: known, best: None, path: Vec::new(), work: 0, limit }
    }

    /// `set`: tails at `depth` that go with everything chosen before.
    fn descend(&mut self, depth: usize, set: &[usize], product: usize, wide: usize) {
        if depth + 1 == self.tails.len() {
            if product * set.len() > self.best_size && wide + usize::from(set.len() > 1) >= 2 {
                self.best_size = product * set.len();
                let last = set.iter().map(|&tail| self.tails[depth][tail].0).collect();
                self.best = Some(self.path.iter().cloned().chain([last]).collect());
            }
            return;
        }
        let mut by_level: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for &tail in set {
            let (level, next) = self.tails[depth][tail];
            by_level.entry(level).or_default().push(next);
        }
        let mut fibers: Vec<(usize, Vec<usize>)> = by_level.into_iter().collect();
        // Levels that share most come first: good answers early prune the rest.
        fibers.sort_by_key(|(_, tails)| std::cmp::Reverse(tails.len()));
        self.choose(&Depth { depth, fibers: &fibers, product, wide }, 0, &mut Vec::new(), set);
    }

    /// Decides on fibre `i` and those after it; `common` are the tails that all of `chosen` share.
    fn choose(&mut self, at: &Depth, i: usize, chosen: &mut Vec<usize>, common: &[usize]) {
        let possible = chosen.len() + at.fibers.len() - i;
        let narrow = at.wide == 0 && !chosen.is_empty() && common.len() < 2;
        if at.product * possible * common.len() <= self.best_size || narrow || self.work >= self.limit {
            return;
        }
        let Some((level, tails)) = at.fibers.get(i) else {
            self.path.push(chosen.clone());
            let wide = at.wide + usize::from(chosen.len() > 1);
            self.descend(at.depth + 1, common, at.product * chosen.len(), wide);
            self.path.pop();
            return;
        };
        let shared = if chosen.is_empty() { tails.clone() } else { intersection(common, tails) };
        self.work += (common.len() + tails.len()) as u64;
        if !shared.is_empty() {
            chosen.push(*level);
            self.choose(at, i + 1, chosen, &shared);
            chosen.pop();
        }
        self.choose(at, i + 1, chosen, common);
    }
}

/// Common elements of two ascending lists.
fn intersection(a: &[usize], b: &[usize]) -> Vec<usize> {
    let mut shared = Vec::with_capacity(a.len().min(b.len()));
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                shared.push(a[i]);
                (i, j) = (i + 1, j + 1);
            }
        }
    }
    shared
}
