//! Samples with several labels each: a CSV `Id,Target` (label numbers separated by blanks; none is allowed) and four
//! single-channel PNG files per sample, `<Id>_red.png`, `_green`, `_blue` and `_yellow`.
//!
//! The CSV is `train.csv`, or the folder's only one under another name; images lie in `train/` where there is such a
//! folder, else beside the CSV. Rows are those of the CSV or, with `data.ids = "folder"`, the ids that the names of the
//! images begin with (all before the first `_`), sorted; the CSV then only says their labels and may name more. All
//! images have one size. Four channels are red, blue, green, yellow; three are red, green, blue. A 16-bit value v
//! becomes (v + 128) / 257, rounded down: 8 bits are what is kept of every image.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use sweeper_recipe::{Data, Ids, Source};

use super::{add_text, is_inside, name, table::Table};
use crate::{
    DataError, DataSet, Labels, Pixels,
    cache::{Cached, Images},
    decode::Form,
    error::hex,
};

const LABELS: usize = 28;
/// In file order; the bytes of all four count for the digest, whichever are used.
const COLOURS: [&str; 4] = ["red", "green", "blue", "yellow"];
/// Place among [`COLOURS`] of each channel.
const THREE: &[usize] = &[0, 1, 2];
const FOUR: &[usize] = &[0, 2, 1, 3];

/// Ids, their lines in the CSV, and the matrix of targets.
struct Samples {
    ids: Vec<String>,
    lines: Vec<u64>,
    targets: Vec<u8>,
}

/// The samples of `folder`, none of them given to validation; `data` chooses channels, number of labels and rows.
///
/// # Errors
/// A file missing, unreadable or damaged; an id twice or without labels; a label that is none; images of different
/// sizes; what `decode` refuses.
pub(crate) fn load(
    data: &Data,
    folder: PathBuf,
    decode: &mut dyn FnMut(&Images<'_>) -> Result<Cached, DataError>,
) -> Result<DataSet, DataError> {
    let mut table = Table::open(csv_file(&folder)?)?;
    let count = if data.label_count == 0 { LABELS } else { data.label_count as usize };
    let part = if folder.join("train").is_dir() { "train/" } else { "" };
    let mut samples = samples(&mut table, count)?;
    if data.ids == Ids::Folder {
        samples = samples.only(&ids(&folder.join(part))?, &table, count)?;
    }
    let Samples { ids, lines, targets } = samples;
    let file = |id: &String, colour: &str| format!("{part}{id}_{colour}.png");
    let files: Vec<String> = ids.iter().flat_map(|id| COLOURS.map(|colour| file(id, colour))).collect();
    let channels = if data.channels == 3 { THREE } else { FOUR };
    let form = Form::Planes { files: COLOURS.len(), channels };
    let note = |row: usize| format!(" (line {} of {})", lines[row], table.path().display());
    let Cached { pixels, digest } = decode(&Images { folder: &folder, files: &files, form, note: &note })?;
    if let Pixels::Cached { places, .. } = &pixels {
        let first = &places[0];
        let odd = places.iter().position(|place| (place.height, place.width) != (first.height, first.width));
        if let Some(row) = odd {
            let expected = format!("{} × {} pixels as in {}", first.height, first.width, ids[0]);
            let found = format!("{} × {}", places[row].height, places[row].width);
            return Err(DataError::malformed(folder.join(file(&ids[row], COLOURS[0])), expected, found));
        }
    }
    let mut hasher = Sha256::new();
    hasher.update(digest);
    for (id, target) in ids.iter().zip(targets.chunks_exact(count)) {
        add_text(&mut hasher, id);
        let labels = target.iter().enumerate().filter(|(_, there)| **there == 1).map(|(label, _)| label.to_string());
        add_text(&mut hasher, &labels.collect::<Vec<_>>().join(" "));
    }
    Ok(DataSet {
        name: name(Source::MultiLabel).to_owned(),
        folder,
        pixels,
        labels: Labels::Multi(targets),
        clean: None,
        validation: vec![false; ids.len()],
        unbalanced: None,
        files: None,
        classes: (0..count).map(|label| label.to_string()).collect(),
        mean: vec![0.0; channels.len()],
        deviation: vec![1.0; channels.len()],
        digest: hex(&hasher.finalize()),
    })
}

/// What the names of the PNG files in `images` begin with, sorted.
fn ids(images: &Path) -> Result<Vec<String>, DataError> {
    let mut ids = BTreeSet::new();
    for entry in fs::read_dir(images).map_err(|error| DataError::reading(images, "", &error))? {
        let name = entry.map_err(|error| DataError::reading(images, "", &error))?.file_name();
        let Some(name) = name.to_str() else {
            return Err(DataError::malformed(images, "names in UTF-8", name.display().to_string()));
        };
        let Some(stem) = name.strip_suffix(".png").filter(|stem| !stem.starts_with('.')) else { continue };
        match stem.split_once('_') {
            Some((id, _)) if !id.is_empty() => ids.insert(id.to_owned()),
            _ => return Err(DataError::malformed(images, "names such as `<Id>_red.png`", format!("`{name}`"))),
        };
    }
    if ids.is_empty() {
        return Err(DataError::malformed(images, "images named `<Id>_red.png`", "none"));
    }
    Ok(ids.into_iter().collect())
}

impl Samples {
    /// Only these ids, in this order.
    fn only(&self, wanted: &[String], table: &Table, count: usize) -> Result<Self, DataError> {
        let places: HashMap<&String, usize> = self.ids.iter().enumerate().map(|(at, id)| (id, at)).collect();
        let place = |id: &String| {
            places.get(id).copied().ok_or_else(|| {
                let expected = format!("labels of every id in the folder, such as `{id}`");
                DataError::malformed(table.path(), expected, "no row for it")
            })
        };
        let places = wanted.iter().map(place).collect::<Result<Vec<usize>, _>>()?;
        Ok(Self {
            ids: wanted.to_vec(),
            lines: places.iter().map(|&at| self.lines[at]).collect(),
            targets: places.iter().flat_map(|&at| &self.targets[at * count..][..count]).copied().collect(),
        })
    }
}

/// `train.csv`, or the only other one.
fn csv_file(folder: &Path) -> Result<PathBuf, DataError> {
    let usual = folder.join("train.csv");
    if usual.is_file() {
        return Ok(usual);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| DataError::reading(folder, "", &error))? {
        let path = entry.map_err(|error| DataError::reading(folder, "", &error))?.path();
        if path.extension().is_some_and(|ending| ending == "csv") {
            found.push(path);
        }
    }
    match (found.pop(), found.len()) {
        (Some(only), 0) => Ok(only),
        (None, _) => Err(DataError::reading(usual, "", &std::io::ErrorKind::NotFound.into())),
        (Some(_), others) => {
            Err(DataError::malformed(folder, "`train.csv` or a single CSV file", format!("{} of them", others + 1)))
        }
    }
}

fn samples(table: &mut Table, count: usize) -> Result<Samples, DataError> {
    let (id, target) = (table.column("Id")?, table.column("Target")?);
    let rows = table.rows()?;
    let mut seen = HashMap::new();
    let mut targets = vec![0; rows.len() * count];
    for (at, (line, row)) in rows.iter().enumerate() {
        let name = &row[id];
        if !is_inside(name) {
            return Err(table.wrong(*line, "an id that can begin a file name", &format!("`{name}`")));
        }
        if let Some(first) = seen.insert(name, line) {
            return Err(table.wrong(*line, format!("every id once (`{name}` is in line {first})"), "it again"));
        }
        for word in row[target].split_whitespace() {
            let label = word.parse::<usize>().ok().filter(|label| *label < count);
            let place = label.map(|label| &mut targets[at * count + label]);
            match place {
                Some(place) if *place == 0 => *place = 1,
                Some(_) => return Err(table.wrong(*line, "every label once", &format!("{word} twice"))),
                None => {
                    let expected = format!("labels 0 to {} (`data.label_count` sets how many)", count - 1);
                    return Err(table.wrong(*line, expected, &format!("`{word}`")));
                }
            }
        }
    }
    let lines = rows.iter().map(|(line, _)| *line).collect();
    Ok(Samples { ids: rows.iter().map(|(_, row)| row[id].to_owned()).collect(), lines, targets })
}
