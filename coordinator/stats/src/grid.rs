//! What a grid of cells (configurations) can tell, before any result is looked at.
//!
//! A cell is one level per factor. Grids are often incomplete: of study designs with six on/off factors only a handful
//! of the 64 cells may have been run.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::degenerate::Degenerate;
use crate::factorial::{Model, Term, dense};
use crate::linear::Qr;

pub use crate::subgrid::{Merge, SubGrid, largest_complete_subgrid};

/// Rank of a model matrix over the cells of a design.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRank {
    /// Independent columns, the intercept included.
    pub rank: usize,
    /// Columns, the intercept included.
    pub columns: usize,
    /// Terms of which at least one column depends on earlier terms.
    pub aliased: Vec<Term>,
}

/// Two cells that differ in one factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Edge {
    /// Index of the factor.
    pub factor: usize,
    /// Index of the cell with the lower level.
    pub a: usize,
    /// Index of the cell with the higher level.
    pub b: usize,
}

/// Four cells that are the corners of a two-by-two design; all other factors are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Square {
    /// The two factors, the smaller index first.
    pub factors: (usize, usize),
    /// Indices of the cells at (low, low), (high, low), (low, high), (high, high).
    pub cells: [usize; 4],
}

/// What a design can estimate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DesignAudit {
    /// Number of factors.
    pub factors: usize,
    /// Distinct levels of each factor.
    pub levels: Vec<usize>,
    /// Cells there are.
    pub cells: usize,
    /// Cells of the complete grid.
    pub possible_cells: f64,
    /// Cells that are missing from it.
    pub empty_cells: f64,
    /// Model with main effects.
    pub main_rank: ModelRank,
    /// Model with main effects and two-way interactions.
    pub two_way_rank: ModelRank,
    /// All pairs of cells one factor apart.
    pub edges: Vec<Edge>,
}

/// Levels per factor (not per cell), dense, with their numbers.
///
/// # Errors
/// As [`design_audit`].
pub(crate) fn factor_levels(cells: &[Vec<usize>]) -> Result<Vec<(Vec<usize>, usize)>, Degenerate> {
    let factors = cells.first().map_or(0, Vec::len);
    if factors == 0 {
        return Err(Degenerate::domain("a design needs at least one cell and one factor"));
    }
    if let Some(other) = cells.iter().find(|cell| cell.len() != factors) {
        return Err(Degenerate::LengthMismatch { a: factors, b: other.len() });
    }
    let mut seen = BTreeSet::new();
    if let Some(index) = cells.iter().position(|cell| !seen.insert(cell)) {
        return Err(Degenerate::domain(format!("cell {index} has the same levels as one before it")));
    }
    Ok((0..factors).map(|f| dense(&cells.iter().map(|cell| cell[f]).collect::<Vec<_>>())).collect())
}

fn model_rank(levels: &[(Vec<usize>, usize)], interactions: bool) -> ModelRank {
    let factors: Vec<&[usize]> = levels.iter().map(|(levels, _)| levels.as_slice()).collect();
    let Model { columns, terms } = Model::new(&factors, None, interactions);
    let width = columns.len();
    let qr = Qr::new(columns);
    let dependent = qr.aliased();
    let aliased =
        terms.iter().filter(|(_, own)| dependent.iter().any(|j| own.contains(j))).map(|(term, _)| *term).collect();
    ModelRank { rank: qr.rank(), columns: width, aliased }
}

/// Ranks, aliased terms, empty cells and one-factor-apart pairs of a design of distinct `cells`.
///
/// # Errors
/// [`Degenerate::Domain`] without cells or factors or for a repeated cell, [`Degenerate::LengthMismatch`] for cells of
/// different numbers of factors.
pub fn design_audit(cells: &[Vec<usize>]) -> Result<DesignAudit, Degenerate> {
    let levels = factor_levels(cells)?;
    let possible_cells: f64 = levels.iter().map(|(_, count)| *count as f64).product();
    Ok(DesignAudit {
        factors: levels.len(),
        levels: levels.iter().map(|(_, count)| *count).collect(),
        cells: cells.len(),
        possible_cells,
        empty_cells: possible_cells - cells.len() as f64,
        main_rank: model_rank(&levels, false),
        two_way_rank: model_rank(&levels, true),
        edges: one_factor_apart(cells)?,
    })
}

/// Cells by all levels but those of the factors left out.
fn slices(cells: &[Vec<usize>], left_out: &[usize]) -> Vec<Vec<usize>> {
    let mut slices: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
    for (index, cell) in cells.iter().enumerate() {
        let rest = (0..cell.len()).filter(|f| !left_out.contains(f)).map(|f| cell[f]).collect();
        slices.entry(rest).or_default().push(index);
    }
    slices.into_values().collect()
}

/// All pairs of cells that differ in one factor only, by factor, then by cells: the comparisons that an incomplete
/// design supports without a model.
///
/// # Errors
/// As [`design_audit`].
pub fn one_factor_apart(cells: &[Vec<usize>]) -> Result<Vec<Edge>, Degenerate> {
    let factors = factor_levels(cells)?.len();
    let mut edges = Vec::new();
    for factor in 0..factors {
        for slice in slices(cells, &[factor]) {
            for (i, &a) in slice.iter().enumerate() {
                for &b in &slice[i + 1..] {
                    let (a, b) = if cells[a][factor] < cells[b][factor] { (a, b) } else { (b, a) };
                    edges.push(Edge { factor, a, b });
                }
            }
        }
    }
    edges.sort_unstable();
    Ok(edges)
}

/// All squares of four cells that differ in two factors only, sorted: where an interaction can be read off as a
/// difference in differences. A complete grid of a by b levels has a(a - 1)b(b - 1)/4.
///
/// # Errors
/// As [`design_audit`].
pub fn interaction_squares(cells: &[Vec<usize>]) -> Result<Vec<Square>, Degenerate> {
    let factors = factor_levels(cells)?.len();
    let mut squares = Vec::new();
    for f in 0..factors {
        for g in f + 1..factors {
            for slice in slices(cells, &[f, g]) {
                let at: BTreeMap<(usize, usize), usize> =
                    slice.iter().map(|&i| ((cells[i][f], cells[i][g]), i)).collect();
                for (&(low_f, low_g), &a) in &at {
                    for (&(high_f, high_g), &d) in at.range((low_f + 1, 0)..) {
                        let corners = (at.get(&(high_f, low_g)), at.get(&(low_f, high_g)));
                        if let (true, (Some(&b), Some(&c))) = (low_g < high_g, corners) {
                            squares.push(Square { factors: (f, g), cells: [a, b, c, d] });
                        }
                    }
                }
            }
        }
    }
    squares.sort_unstable();
    Ok(squares)
}
