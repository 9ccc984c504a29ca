//! Divisions that move or choose rows: a few of each class, a larger validation set, a share, given rows.

use std::collections::BTreeMap;

use rand_mt::Mt;
use sweeper_recipe::{Data, Source};

use crate::{
    DataError, DataSet,
    seeding::{Domain, Stream},
};

/// Rows that train and rows that validate, ascending.
pub(super) type Division = (Vec<usize>, Vec<usize>);

/// Images of each class in a tiny training and a tiny validation split.
const TINY: usize = 16;

/// As the source says; where it gives nothing to validation, as `data` says.
pub(super) fn division(set: &DataSet, data: &Data) -> Result<Division, DataError> {
    let rows = set.len();
    let shared_out = matches!(data.source, Source::MultiLabel | Source::Folder) && !set.validation.contains(&true);
    if !shared_out {
        return Ok((0..rows).partition(|&row| !set.validation[row]));
    }
    let given = |key: &str, list: &[u32]| {
        let mut list: Vec<usize> = list.iter().map(|&row| row as usize).collect();
        list.sort_unstable();
        match list.last() {
            Some(&last) if last >= rows => Err(DataError::Setting(format!(
                "{key} names row {last}, but {} has the rows 0 to {}; hint: the row below the header is row 0",
                set.folder.display(),
                rows.saturating_sub(1)
            ))),
            _ => Ok(list),
        }
    };
    let train = given("data.train_rows", &data.train_rows)?;
    let mut validation = given("data.validation_rows", &data.validation_rows)?;
    if validation.is_empty() {
        let free = |row: &usize| train.binary_search(row).is_err();
        let mut order = Stream::new(u64::from(data.split_seed), Domain::Divide, 0).permutation(rows);
        order.retain(free);
        // At least one, and one is left, if there are two.
        let wanted = (data.validation_share * rows as f64).round() as usize;
        let most = if train.is_empty() { order.len().saturating_sub(1) } else { order.len() };
        order.truncate(wanted.clamp(1, most.max(1)));
        order.sort_unstable();
        validation = order;
    }
    if train.is_empty() {
        let rest = (0..rows).filter(|row| validation.binary_search(row).is_err()).collect();
        return Ok((rest, validation));
    }
    Ok((train, validation))
}

/// The first 16 rows of each class in either part, by file name where rows have files.
pub(super) fn tiny(set: &DataSet, labels: &[u16], (train, validation): Division) -> Division {
    let few = |rows: Vec<usize>| {
        let mut kept: Vec<usize> =
            by_class(set, labels, &rows).into_values().flat_map(|rows| rows.into_iter().take(TINY)).collect();
        kept.sort_unstable();
        kept
    };
    (few(train), few(validation))
}

/// Study E's division: training rows move to validation until it has `wanted` of each class. One NumPy legacy generator
/// serves all classes in order; for each, it permutes the class's training rows, sorted by file, and the first ones
/// move.
///
/// # Errors
/// A class with too few training rows; nothing to move, which would be the source's own division under another name.
pub(super) fn larger_validation(
    set: &DataSet,
    data: &Data,
    labels: &[u16],
    (train, validation): Division,
) -> Result<Division, DataError> {
    let wanted = data.validation_per_class as usize;
    let mut generator = Mt::new(data.split_seed);
    let there = by_class(set, labels, &validation);
    let candidates = by_class(set, labels, &train);
    let mut moved = Vec::new();
    for (class, name) in set.classes.iter().enumerate() {
        let class = class as u16;
        let rows = candidates.get(&class).map_or(&[][..], Vec::as_slice);
        let needed = wanted.saturating_sub(there.get(&class).map_or(0, Vec::len));
        if needed > rows.len() {
            let why = format!("needs {needed} more images of class {name}, but the train split has {}", rows.len());
            let hint = "hint: lower it, or leave out data.tiny";
            return Err(DataError::Setting(format!("data.validation_per_class = {wanted} {why}; {hint}")));
        }
        moved.extend(numpy_permutation(&mut generator, rows.len()).into_iter().take(needed).map(|at| rows[at]));
    }
    if moved.is_empty() {
        let why = format!("moves nothing: validation has that many of each of the {} classes", set.classes.len());
        let hint = "hint: raise it, lower data.validation_limit, or leave it out";
        return Err(DataError::Setting(format!("data.validation_per_class = {wanted} {why}; {hint}")));
    }
    moved.sort_unstable();
    let stays = |row: &usize| moved.binary_search(row).is_err();
    let mut validation = [validation, moved.clone()].concat();
    validation.sort_unstable();
    Ok((train.into_iter().filter(stays).collect(), validation))
}

/// Rows of each class, by file name where rows have files, else as they come.
fn by_class(set: &DataSet, labels: &[u16], rows: &[usize]) -> BTreeMap<u16, Vec<usize>> {
    let mut classes: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
    for &row in rows {
        classes.entry(labels[row]).or_default().push(row);
    }
    if let Some(files) = &set.files {
        for rows in classes.values_mut() {
            rows.sort_by(|a, b| files[*a].cmp(&files[*b]));
        }
    }
    classes
}

/// NumPy's `RandomState.permutation(count)`: Fisher-Yates from the end; the partner of position i is a 32-bit draw cut
/// to the fewest bits that hold i, drawn again while it is above i.
fn numpy_permutation(generator: &mut Mt, count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for i in (1..count).rev() {
        let mask = u32::MAX >> (i as u32).leading_zeros();
        let partner = loop {
            let draw = (generator.next_u32() & mask) as usize;
            if draw <= i {
                break draw;
            }
        };
        order.swap(i, partner);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `np.random.RandomState(1234)`: `permutation(10)`, then `permutation(3)`.
    #[test]
    fn a_permutation_of_numpy() {
        let mut generator = Mt::new(1234);
        assert_eq!(numpy_permutation(&mut generator, 10), [7, 2, 9, 1, 0, 8, 4, 5, 6, 3]);
        assert_eq!(numpy_permutation(&mut generator, 3), [2, 0, 1]);
        assert_eq!(numpy_permutation(&mut generator, 1), [0]);
        assert!(numpy_permutation(&mut generator, 0).is_empty());
    }
}
