//! Samples with several labels each: a CSV `Id,Target` (label numbers separated by blanks; none is allowed) and four
//! single-channel PNG files per sample, `<Id>_red.png`, `_green`, `_blue` and `_yellow`.
//!
//! The CSV is `train.csv`, or the folder's only one under another name; images lie in `train/` where there is such a
//! folder, else beside the CSV. All images have one size. Four channels are red, blue, green, yellow; three are red,
//! green, blue. A 16-bit value v becomes (v + 128) / 257, rounded down: 8 bits are what is kept of every image.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use rayon::prelude::*;
use sha2::{Digest, Sha256};
use sweeper_recipe::{Data, Source};

use super::{Small, add_text, fits, is_inside, table::Table};
use crate::{
    DataError, DataSet, Labels, Preparing,
    decode::{Grey, grey_png},
    error::hex,
};

const LABELS: usize = 28;
/// In file order; the bytes of all four count for the digest, whichever are used.
const COLOURS: [&str; 4] = ["red", "green", "blue", "yellow"];
/// Place among [`COLOURS`] of each channel.
const THREE: &[usize] = &[0, 1, 2];
const FOUR: &[usize] = &[0, 2, 1, 3];
/// Samples decoded between two looks at the watcher.
const CHUNK: usize = 64;

/// The samples of `folder`, none of them given to validation; `data` chooses channels and number of labels.
///
/// # Errors
/// A file missing, unreadable or damaged; an id twice; a label that is none; images of different sizes; more than fits
/// in memory; stopped.
pub(crate) fn load(
    data: &Data,
    folder: PathBuf,
    watch: &mut dyn FnMut(Preparing) -> bool,
) -> Result<DataSet, DataError> {
    let mut table = Table::open(csv_file(&folder)?)?;
    let count = if data.label_count == 0 { LABELS } else { data.label_count as usize };
    let (ids, lines, targets) = samples(&mut table, count)?;
    let images = Some(folder.join("train")).filter(|inner| inner.is_dir()).unwrap_or_else(|| folder.clone());
    let channels = if data.channels == 3 { THREE } else { FOUR };
    let read = |row: usize| {
        let note = format!(" (line {} of {})", lines[row], table.path().display());
        sample(&images, &ids[row], &note, channels)
    };
    let (first, _) = read(0)?;
    let bytes = first.pixels.len();
    let mut pixels = fits(ids.len(), bytes, "the number of images")?;
    let mut hasher = Sha256::new();
    for (chunk, place) in pixels.chunks_mut(bytes * CHUNK).enumerate() {
        if watch(Preparing { done: (chunk * CHUNK) as u64, total: ids.len() as u64 }) {
            return Err(DataError::Stopped);
        }
        let rows = place.par_chunks_mut(bytes).enumerate().map(|(at, place)| {
            let row = chunk * CHUNK + at;
            let (image, digest) = read(row)?;
            if (image.height, image.width) != (first.height, first.width) {
                let expected = format!("{} × {} pixels as in {}", first.height, first.width, ids[0]);
                let found = format!("{} × {}", image.height, image.width);
                return Err(DataError::malformed(file(&images, &ids[row], COLOURS[0]), expected, found));
            }
            place.copy_from_slice(&image.pixels);
            Ok(digest)
        });
        // In order, so that the first bad row is named whatever thread met it.
        for digest in rows.collect::<Vec<_>>() {
            hasher.update(digest?);
        }
    }
    for (id, target) in ids.iter().zip(targets.chunks_exact(count)) {
        add_text(&mut hasher, id);
        let labels = target.iter().enumerate().filter(|(_, there)| **there == 1).map(|(label, _)| label.to_string());
        add_text(&mut hasher, &labels.collect::<Vec<_>>().join(" "));
    }
    let names = (0..count).map(|label| label.to_string()).collect();
    let small = Small { pixels, height: first.height, width: first.width, channels: channels.len() };
    let set = small.into_set(Source::MultiLabel, folder, &[], names, hex(&hasher.finalize()));
    let validation = vec![false; ids.len()];
    Ok(DataSet { labels: Labels::Multi(targets), validation, ..set })
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

/// Ids, their lines and the matrix of targets.
type Samples = (Vec<String>, Vec<u64>, Vec<u8>);

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
    Ok((rows.iter().map(|(_, row)| row[id].to_owned()).collect(), lines, targets))
}

fn file(images: &Path, id: &str, colour: &str) -> PathBuf {
    images.join(format!("{id}_{colour}.png"))
}

/// One sample with its channels innermost, and the SHA-256 over its four files.
fn sample(images: &Path, id: &str, note: &str, channels: &[usize]) -> Result<(Grey, [u8; 32]), DataError> {
    let mut hasher = Sha256::new();
    let mut planes: [Option<Grey>; 4] = Default::default();
    for (colour, name) in COLOURS.iter().enumerate() {
        let path = file(images, id, name);
        let content = fs::read(&path).map_err(|error| DataError::reading(&path, note, &error))?;
        hasher.update(Sha256::digest(&content));
        if channels.contains(&colour) {
            planes[colour] = Some(grey_png(&path, content)?);
        }
    }
    let planes: Vec<&Grey> = channels.iter().filter_map(|&colour| planes[colour].as_ref()).collect();
    let (height, width) = (planes[0].height, planes[0].width);
    if let Some(other) = planes.iter().position(|plane| (plane.height, plane.width) != (height, width)) {
        let found = format!("{} × {}", planes[other].height, planes[other].width);
        let expected = format!("{height} × {width} pixels as in {id}_red.png");
        return Err(DataError::malformed(file(images, id, COLOURS[channels[other]]), expected, found));
    }
    let pixels = (0..height * width).flat_map(|at| planes.iter().map(move |plane| plane.pixels[at])).collect();
    Ok((Grey { pixels, height, width }, hasher.finalize().into()))
}
