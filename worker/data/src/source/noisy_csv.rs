//! Imagenette and Imagewoof: a CSV `path, noisy_labels_0, …_1, …_5, …_25, …_50, is_valid`, to which study A adds
//! `unbalanced`. Labels are WordNet ids; a class's number is its rank among the clean ones (`noisy_labels_0`) in
//! alphabetical order. Rows keep the file's order. Other columns are not read, files that no row names are not used.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
};

use csv::StringRecord;
use sha2::{Digest, Sha256};
use sweeper_recipe::Source;

use super::{
    Listing, MAX_CLASSES, add_text, is_inside,
    table::{Table, truth},
};
use crate::DataError;

const CLEAN: &str = "noisy_labels_0";

/// Training and validation images of each class in the whole second edition of Imagenette, 9,469 and 3,925 in all.
const IMAGENETTE: [(usize, usize); 10] = [
    (963, 387),
    (955, 395),
    (993, 357),
    (858, 386),
    (941, 409),
    (956, 394),
    (961, 389),
    (931, 419),
    (951, 399),
    (960, 390),
];

/// What `noisy_imagenette.csv` or `noisy_imagewoof.csv` of `folder` lists, with the labels of `noise` per cent.
///
/// # Errors
/// The file missing or unreadable; a column missing; a path twice or outside the folder; a corrupted label that is no
/// clean one; a truth value that is none.
pub(crate) fn list(source: Source, folder: &Path, noise: u32) -> Result<Listing, DataError> {
    let mut table = Table::open(folder.join(format!("noisy_{}.csv", super::name(source))))?;
    let (path, valid, clean) = (table.column("path")?, table.column("is_valid")?, table.column(CLEAN)?);
    let (unbalanced, noisy) = (table.find("unbalanced"), table.column(&format!("noisy_labels_{noise}"))?);
    let rows = table.rows()?;
    check_paths(&table, &rows, path)?;
    let classes = classes(&table, &rows, path, clean)?;
    let ranks: BTreeMap<&str, u16> =
        classes.iter().enumerate().map(|(rank, class)| (class.as_str(), rank as u16)).collect();
    let label = |line: u64, name: &str| {
        let known = ranks.get(name).copied();
        known.ok_or_else(|| table.wrong(line, format!("a label that `{CLEAN}` has too"), &format!("`{name}`")))
    };
    let flag = |line: u64, column: &str, text: &str| {
        truth(text).ok_or_else(|| table.wrong(line, format!("True or False as `{column}`"), &format!("`{text}`")))
    };
    let mut listing = Listing {
        files: rows.iter().map(|(_, row)| row[path].to_owned()).collect(),
        labels: rows.iter().map(|(line, row)| label(*line, &row[noisy])).collect::<Result<_, _>>()?,
        clean: None,
        validation: rows.iter().map(|(line, row)| flag(*line, "is_valid", &row[valid])).collect::<Result<_, _>>()?,
        unbalanced: None,
        table: Some((table.path().to_owned(), rows.iter().map(|(line, _)| *line).collect())),
        digest: digest(&table, &rows),
        classes: Vec::new(),
    };
    if source == Source::Imagenette {
        let clean = rows.iter().map(|(line, row)| label(*line, &row[clean])).collect::<Result<Vec<u16>, _>>()?;
        check_counts(&table, &clean, &listing.validation, classes.len())?;
    }
    if noise > 0 {
        listing.clean = Some(rows.iter().map(|(line, row)| label(*line, &row[clean])).collect::<Result<_, _>>()?);
    }
    if let Some(column) = unbalanced {
        let flags = rows.iter().map(|(line, row)| flag(*line, "unbalanced", &row[column]));
        listing.unbalanced = Some(flags.collect::<Result<_, _>>()?);
    }
    Ok(Listing { classes, ..listing })
}

/// Whether a table as long as Imagenette's second edition is it, class by class. Other editions and parts are as long as
/// they like.
fn check_counts(table: &Table, labels: &[u16], validation: &[bool], classes: usize) -> Result<(), DataError> {
    let mut counts = vec![(0, 0); classes];
    for (label, valid) in labels.iter().zip(validation) {
        let (train, validation) = &mut counts[usize::from(*label)];
        *if *valid { validation } else { train } += 1;
    }
    let all: usize = IMAGENETTE.iter().map(|(train, validation)| train + validation).sum();
    if labels.len() == all && counts != IMAGENETTE {
        let expected = format!("Imagenette's training and validation images of each class, {IMAGENETTE:?}");
        return Err(DataError::malformed(table.path(), expected, format!("{counts:?}")));
    }
    Ok(())
}

fn check_paths(table: &Table, rows: &[(u64, StringRecord)], path: usize) -> Result<(), DataError> {
    let mut seen = HashMap::new();
    for (line, row) in rows {
        if !is_inside(&row[path]) {
            let expected = "a path inside the folder, such as `train/n01440764/x.JPEG`";
            return Err(table.wrong(*line, expected, &format!("`{}`", &row[path])));
        }
        if let Some(first) = seen.insert(&row[path], line) {
            return Err(table.wrong(
                *line,
                format!("every path once (`{}` is in line {first})", &row[path]),
                "it again",
            ));
        }
    }
    Ok(())
}

/// The clean labels in alphabetical order.
fn classes(table: &Table, rows: &[(u64, StringRecord)], path: usize, clean: usize) -> Result<Vec<String>, DataError> {
    if let Some((line, _)) = rows.iter().find(|(_, row)| row[clean].is_empty()) {
        return Err(table.wrong(*line, format!("a label as `{CLEAN}`"), "nothing"));
    }
    // Clean means: the folder's. A label of its own would quietly be one more class.
    let folder = |path: &str| path.rsplit('/').nth(1).unwrap_or_default().to_owned();
    if let Some((line, row)) = rows.iter().find(|(_, row)| folder(&row[path]) != row[clean]) {
        let expected = format!("the picture's folder `{}` as `{CLEAN}`", folder(&row[path]));
        return Err(table.wrong(*line, expected, &format!("`{}`", &row[clean])));
    }
    let names: BTreeSet<&str> = rows.iter().map(|(_, row)| &row[clean]).collect();
    if names.len() < 2 || names.len() > MAX_CLASSES {
        let expected = format!("2 to {MAX_CLASSES} labels in `{CLEAN}`");
        return Err(DataError::malformed(table.path(), expected, names.len().to_string()));
    }
    Ok(names.into_iter().map(str::to_owned).collect())
}

/// Over all label columns, so that it does not depend on the one that is used.
fn digest(table: &Table, rows: &[(u64, StringRecord)]) -> [u8; 32] {
    let names = ["path", "is_valid", "unbalanced"].into_iter().map(str::to_owned);
    let names = names.chain([0, 1, 5, 25, 50].map(|noise| format!("noisy_labels_{noise}")));
    let mut hasher = Sha256::new();
    for (name, place) in names.filter_map(|name| table.find(&name).map(|place| (name, place))) {
        add_text(&mut hasher, &name);
        for (_, row) in rows {
            add_text(&mut hasher, &row[place]);
        }
    }
    hasher.finalize().into()
}
