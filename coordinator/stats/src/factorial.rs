//! Analysis of variance of crossed categorical factors.
//!
//! Columns are coded by sums (each factor's effects add up to 0), which type III needs and type II does not mind. The
//! model matrix is reduced to its triangle once; every term's sum of squares comes from that.

use serde::{Deserialize, Serialize};

use crate::degenerate::{Degenerate, check_fraction, check_sample, finite};
use crate::linear::Qr;
use crate::moments::{Moments, compensated_sum};
use crate::summary::Interval;
use crate::tails::{FTest, share_interval};

/// Share of the total sum of squares below which the residual one is rounding.
const EXACT_FIT: f64 = 1e-26;

/// A term of a factorial model. Numbers are indices of factors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Term {
    /// The blocks, for example seeds shared by all cells.
    Block,
    /// Main effect of a factor.
    Main(usize),
    /// Interaction of two factors, the smaller index first.
    Interaction(usize, usize),
}

impl Term {
    /// Whether every model with `self` that respects marginality also has `other`, and `self` is another term.
    fn contains(self, other: Self) -> bool {
        match (self, other) {
            (Self::Interaction(a, b), Self::Main(f)) => f == a || f == b,
            _ => false,
        }
    }
}

/// How the sum of squares of a term is adjusted for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SumsOfSquares {
    /// For all terms that do not contain it (marginality). Source: Langsrud, "ANOVA for unbalanced data: use type II
    /// instead of type III sums of squares", Statistics and Computing 13 (2003).
    TypeII,
    /// For all other terms, coded by sums: main effects are of unweighted cell means. Source: Yates, "The analysis of
    /// multiple classifications with unequal numbers in the different classes", JASA 29 (1934).
    TypeIII,
}

/// Choices of [`factorial_anova`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FactorialOptions {
    /// Whether all two-way interactions are in the model.
    pub interactions: bool,
    /// Kind of sums of squares.
    pub sums: SumsOfSquares,
    /// Coverage of the intervals of effect sizes, between 0 and 1.
    pub confidence: f64,
}

impl Default for FactorialOptions {
    fn default() -> Self {
        Self { interactions: true, sums: SumsOfSquares::TypeII, confidence: 0.95 }
    }
}

/// One row of an analysis of variance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TermTest {
    /// Which term.
    pub term: Term,
    /// Degrees of freedom that empty cells leave to it.
    pub df: usize,
    /// Degrees of freedom it has in a complete grid.
    pub nominal_df: usize,
    /// Adjusted sum of squares, in squared units of y.
    pub sum_squares: f64,
    /// `sum_squares / df`.
    pub mean_square: f64,
    /// F, over the residual mean square.
    pub statistic: f64,
    /// Upper tail of F; 0 only when below the smallest double.
    pub p_value: f64,
    /// Base-10 logarithm of the p-value.
    pub log10_p: f64,
    /// `SS / (SS + SS_residual)`, biased upwards.
    pub partial_eta_squared: f64,
    /// `df (F - 1) / (df (F - 1) + N)`, nearly unbiased; below 0 when F is below 1. Source: Keren and Lewis,
    /// "Partial omega squared for ANOVA designs", Educational and Psychological Measurement 39 (1979).
    pub partial_omega_squared: f64,
    /// Confidence interval of the population share of variance that both of these estimate, in [0, 1): noncentrality
    /// over noncentrality plus N (Steiger, Psychological Methods 9, 2004).
    pub interval: Interval,
}

/// An analysis of variance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FactorialAnova {
    /// The block, main effects, interactions; without those in `aliased`.
    pub terms: Vec<TermTest>,
    /// Terms that cannot be told from others in this design. In a fraction of a grid interactions alias main effects:
    /// without interactions in the model those can be told, at the price of assuming them away.
    pub aliased: Vec<Term>,
    /// Observations.
    pub observations: usize,
    /// Rank of the model matrix.
    pub rank: usize,
    /// Columns of the model matrix.
    pub columns: usize,
    /// Observations less rank.
    pub residual_df: usize,
    /// Residual sum of squares, in squared units of y.
    pub residual_sum_squares: f64,
    /// `residual_sum_squares / residual_df`.
    pub residual_mean_square: f64,
}

/// A model matrix by terms.
pub(crate) struct Model {
    pub(crate) columns: Vec<Vec<f64>>,
    /// Each term with its columns.
    pub(crate) terms: Vec<(Term, std::ops::Range<usize>)>,
}

/// Levels as indices 0, 1, ... in ascending order of the levels, and their number.
pub(crate) fn dense(levels: &[usize]) -> (Vec<usize>, usize) {
    let mut distinct = levels.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let index = levels.iter().map(|level| distinct.binary_search(level).unwrap_or_default()).collect();
    (index, distinct.len())
}

/// Sum-coded columns of one factor: column j is 1 at level j, -1 at the last level, else 0.
fn sum_coded(levels: &[usize]) -> Vec<Vec<f64>> {
    let (index, count) = dense(levels);
    let value = |level: usize, j: usize| if level == j { 1.0 } else { -f64::from(u8::from(level + 1 == count)) };
    (0..count.saturating_sub(1)).map(|j| index.iter().map(|&level| value(level, j)).collect()).collect()
}

impl Model {
    /// Intercept, block, main effects and, when asked for, two-way interactions. All slices have one length.
    pub(crate) fn new(factors: &[&[usize]], block: Option<&[usize]>, interactions: bool) -> Self {
        let rows = factors.first().map_or(0, |f| f.len());
        let mut model = Self { columns: vec![vec![1.0; rows]], terms: Vec::new() };
        if let Some(block) = block {
            model.push(Term::Block, sum_coded(block));
        }
        let coded: Vec<Vec<Vec<f64>>> = factors.iter().map(|f| sum_coded(f)).collect();
        for (f, columns) in coded.iter().enumerate() {
            model.push(Term::Main(f), columns.clone());
        }
        if interactions {
            for a in 0..coded.len() {
                for b in a + 1..coded.len() {
                    let product = |x: &Vec<f64>, y: &Vec<f64>| x.iter().zip(y).map(|(x, y)| x * y).collect();
                    let columns = coded[a].iter().flat_map(|x| coded[b].iter().map(move |y| product(x, y))).collect();
                    model.push(Term::Interaction(a, b), columns);
                }
            }
        }
        model
    }

    fn push(&mut self, term: Term, columns: Vec<Vec<f64>>) {
        let start = self.columns.len();
        self.columns.extend(columns);
        self.terms.push((term, start..self.columns.len()));
    }
}

/// The model's triangle and the response in its coordinates.
struct Reduced {
    triangle: Vec<Vec<f64>>,
    response: Vec<f64>,
}

impl Reduced {
    /// Degrees of freedom and sum of squares of the columns `own` adjusted for the columns `base`, the intercept
    /// included.
    fn added(&self, base: &[usize], own: std::ops::Range<usize>) -> (usize, f64) {
        let columns: Vec<Vec<f64>> = base.iter().copied().chain(own).map(|j| self.triangle[j].clone()).collect();
        let qr = Qr::new(columns);
        let mut response = self.response.clone();
        qr.apply_transposed(&mut response);
        // Accepted columns keep their order, so those of the base come first.
        let first = qr.independent().iter().take_while(|&&j| j < base.len()).count();
        (qr.rank() - first, compensated_sum(response[first..qr.rank()].iter().map(|v| v * v)))
    }
}

/// Analysis of variance of `y` on crossed `factors` (each with one level per observation), main effects and two-way
/// interactions, with fixed effects. `block` adds a blocking factor that does not interact, such as the seed of paired
/// runs: with seeds as a random block, F of the other terms is the same.
///
/// Intervals of effect sizes count the observations as N. A term that the design cannot tell from others is in
/// `aliased`; one that it can tell in part has a `df` below its `nominal_df`.
///
/// # Errors
/// [`Degenerate::LengthMismatch`], [`Degenerate::NotFinite`], [`Degenerate::TooFew`] without residual degrees of
/// freedom, [`Degenerate::ZeroVariance`] when y is constant, [`Degenerate::Domain`] without factors, when the model
/// fits every value, for a confidence outside of (0, 1), or for sums of squares beyond `f64`.
pub fn factorial_anova(
    y: &[f64],
    factors: &[&[usize]],
    block: Option<&[usize]>,
    options: &FactorialOptions,
) -> Result<FactorialAnova, Degenerate> {
    check_sample(y, 2)?;
    check_fraction("confidence", options.confidence)?;
    if factors.is_empty() {
        return Err(Degenerate::domain("an analysis of variance needs at least one factor"));
    }
    if let Some(other) = factors.iter().copied().chain(block).find(|levels| levels.len() != y.len()) {
        return Err(Degenerate::LengthMismatch { a: y.len(), b: other.len() });
    }
    let moments = Moments::of(y);
    if moments.is_constant() {
        return Err(Degenerate::ZeroVariance { value: y[0] });
    }
    let Model { columns, terms } = Model::new(factors, block, options.interactions);
    let width = columns.len();
    let qr = Qr::new(columns);
    let rank = qr.rank();
    if y.len() <= rank {
        return Err(Degenerate::TooFew { n: y.len(), needed: rank + 1 });
    }
    let mut response = moments.deviations().to_vec();
    qr.apply_transposed(&mut response);
    let squares = |x: &[f64]| compensated_sum(x.iter().map(|v| v * v));
    let (residual, total) = (squares(&response[rank..]), squares(&response));
    if residual <= EXACT_FIT * total {
        return Err(Degenerate::domain("the model fits every value: no error is left to compare with"));
    }
    response.truncate(rank);
    let reduced = Reduced { triangle: qr.triangle(rank), response };
    let residual_df = y.len() - rank;
    let error = Error { squares: residual, df: residual_df, observations: y.len() };
    let in_units = |squares: f64| finite("a sum of squares", moments.in_units(moments.in_units(squares)));
    let (mut tests, mut aliased) = (Vec::new(), Vec::new());
    for (term, own) in &terms {
        let base = base_columns(&terms, *term, options.sums);
        let (df, squares) = reduced.added(&base, own.clone());
        if df == 0 {
            aliased.push(*term);
        } else {
            tests.push(error.test(*term, (df, own.len()), squares, in_units(squares)?, options.confidence)?);
        }
    }
    let residual_sum_squares = in_units(residual)?;
    Ok(FactorialAnova {
        terms: tests,
        aliased,
        observations: y.len(),
        rank,
        columns: width,
        residual_df,
        residual_sum_squares,
        residual_mean_square: residual_sum_squares / residual_df as f64,
    })
}

/// Columns that a term is adjusted for.
pub(crate) fn base_columns(terms: &[(Term, std::ops::Range<usize>)], term: Term, sums: SumsOfSquares) -> Vec<usize> {
    let keep = |other: Term| other != term && (sums == SumsOfSquares::TypeIII || !other.contains(term));
    std::iter::once(0).chain(terms.iter().filter(|(t, _)| keep(*t)).flat_map(|(_, columns)| columns.clone())).collect()
}

/// The residual, in scaled units.
struct Error {
    squares: f64,
    df: usize,
    observations: usize,
}

impl Error {
    fn test(
        &self,
        term: Term,
        (df, nominal_df): (usize, usize),
        squares: f64,
        sum_squares: f64,
        confidence: f64,
    ) -> Result<TermTest, Degenerate> {
        let (d1, d2, n) = (df as f64, self.df as f64, self.observations as f64);
        let f = FTest::new(squares / d1 / (self.squares / d2), d1, d2)?;
        let excess = d1 * (f.statistic - 1.0);
        Ok(TermTest {
            term,
            df,
            nominal_df,
            sum_squares,
            mean_square: sum_squares / d1,
            statistic: f.statistic,
            p_value: f.p_value,
            log10_p: f.log10_p,
            partial_eta_squared: squares / (squares + self.squares),
            partial_omega_squared: excess / (excess + n),
            interval: share_interval(f.statistic, d1, d2, n, confidence)?,
        })
    }
}
