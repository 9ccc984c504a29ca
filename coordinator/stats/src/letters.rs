//! The compact letter display: letters such that two groups share one exactly when they were not shown to differ.
//!
//! Source: Piepho, "An algorithm for a letter-based representation of all-pairwise comparisons", Journal of
//! Computational and Graphical Statistics 13 (2004): insert, absorb and sweep.

use crate::degenerate::Degenerate;
use crate::many::pairs;

/// More columns than any display that a reader could use; the number may grow exponentially with odd inputs.
const MAX_COLUMNS: usize = 20_000;

/// A set of groups that share a letter.
type Column = Vec<bool>;

fn contains(outer: &Column, inner: &Column) -> bool {
    outer.iter().zip(inner).all(|(&outer, &inner)| outer || !inner)
}

/// Keeps the columns that are in no other one; of equal ones the first.
fn absorb(columns: &mut Vec<Column>, fresh: Vec<Column>) {
    for column in fresh {
        if !columns.iter().any(|other| contains(other, &column)) {
            columns.push(column);
        }
    }
}

/// Splits every column that holds both `i` and `j`.
fn insert(columns: &mut Vec<Column>, i: usize, j: usize) {
    let (split, mut kept): (Vec<Column>, Vec<Column>) = columns.drain(..).partition(|column| column[i] && column[j]);
    // The halves of different columns may contain each other, larger ones first.
    let mut halves: Vec<Column> = split
        .into_iter()
        .flat_map(|column| {
            [i, j].map(|out| {
                let mut half = column.clone();
                half[out] = false;
                half
            })
        })
        .collect();
    halves.sort_by_key(|half| std::cmp::Reverse(half.iter().filter(|&&member| member).count()));
    absorb(&mut kept, halves);
    *columns = kept;
}

/// Takes out every column whose pairs, and whose members, are all covered by others: the last ones first.
fn sweep(columns: &mut Vec<Column>) {
    let groups = columns.first().map_or(0, Vec::len);
    let mut cover = vec![0_usize; groups * groups];
    let pairs = |column: &Column| -> Vec<usize> {
        let members: Vec<usize> = (0..groups).filter(|&g| column[g]).collect();
        members.iter().flat_map(|&a| members.iter().map(move |&b| a * groups + b)).collect()
    };
    for column in columns.iter() {
        pairs(column).into_iter().for_each(|pair| cover[pair] += 1);
    }
    for index in (0..columns.len()).rev() {
        let pairs = pairs(&columns[index]);
        if pairs.iter().all(|&pair| cover[pair] > 1) {
            pairs.into_iter().for_each(|pair| cover[pair] -= 1);
            columns.remove(index);
        }
    }
}

/// Letters of each group, as ascending numbers from 0 (see [`letter`]): two groups share a letter exactly when
/// `differs` of the pair is false. Letters are numbered by the groups that they begin with.
///
/// # Errors
/// [`Degenerate::LengthMismatch`] when a row is not as long as there are rows, [`Degenerate::Domain`] when the matrix
/// is not symmetric, a group differs from itself, or more than 20,000 letters would be needed on the way.
pub fn compact_letters(differs: &[Vec<bool>]) -> Result<Vec<Vec<usize>>, Degenerate> {
    let groups = differs.len();
    for (i, row) in differs.iter().enumerate() {
        if row.len() != groups {
            return Err(Degenerate::LengthMismatch { a: groups, b: row.len() });
        }
        if row[i] {
            return Err(Degenerate::domain(format!("group {i} differs from itself")));
        }
        if let Some(j) = (0..i).find(|&j| row[j] != differs[j][i]) {
            return Err(Degenerate::domain(format!("groups {j} and {i} differ in one direction only")));
        }
    }
    let mut columns = vec![vec![true; groups]];
    for (i, j) in pairs(groups).filter(|&(i, j)| differs[i][j]) {
        insert(&mut columns, i, j);
        if columns.len() > MAX_COLUMNS {
            return Err(Degenerate::domain(format!("more than {MAX_COLUMNS} letters would be needed")));
        }
    }
    sweep(&mut columns);
    // Groups in order: a column with an earlier first (then second, ...) member comes first.
    columns.sort_by(|x, y| y.cmp(x));
    Ok((0..groups).map(|group| (0..columns.len()).filter(|&c| columns[c][group]).collect()).collect())
}

/// The letter of a number: a to z, then aa, ab and so on.
#[must_use]
pub fn letter(number: usize) -> String {
    let mut text = Vec::new();
    let mut rest = number;
    loop {
        text.push(char::from(b'a' + (rest % 26) as u8));
        if rest < 26 {
            break;
        }
        rest = rest / 26 - 1;
    }
    text.iter().rev().collect()
}
