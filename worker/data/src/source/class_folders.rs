//! Photographs in one folder per class: `train/<class>/x.jpg` with `val/<class>/x.jpg`, `train/` alone, or
//! `<class>/x.jpg`. A class's number is the rank of its folder's name in alphabetical order. Rows: training before
//! validation, classes in order, files by name.
//!
//! Names that begin with a dot, and files that do not end in .jpg, .jpeg or .png (in any case), are not images. Every
//! other file is one and must decode; images outside class folders and folders inside them are refused, so that nothing
//! is left out silently.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{Listing, MAX_CLASSES, add_text};
use crate::DataError;

/// What lies in `folder`. Without `val/`, all is training, and `data.validation_share` divides it.
///
/// # Errors
/// The folder missing or unreadable; fewer than two classes; a class without images; images where none may be.
pub(crate) fn list(folder: &Path) -> Result<Listing, DataError> {
    let parts: Vec<(&str, bool)> = match (folder.join("train").is_dir(), folder.join("val").is_dir()) {
        (true, true) => vec![("train/", false), ("val/", true)],
        (true, false) => vec![("train/", false)],
        (false, true) => {
            let note = " (beside `val`)".to_owned();
            return Err(DataError::Missing { path: folder.join("train"), note, hint: crate::error::HINT_OWN });
        }
        (false, false) => vec![("", false)],
    };
    let mut found = Vec::new();
    for (part, validation) in parts {
        for (class, files) in class_folders(folder, part, validation)? {
            found.push((part, validation, class, files));
        }
    }
    let classes: BTreeSet<&str> = found.iter().map(|(_, _, class, _)| class.as_str()).collect();
    if classes.len() < 2 || classes.len() > MAX_CLASSES {
        let expected = format!("2 to {MAX_CLASSES} folders, one per class");
        return Err(DataError::malformed(folder, expected, classes.len().to_string()));
    }
    let classes: Vec<String> = classes.into_iter().map(str::to_owned).collect();
    let (mut files, mut labels, mut validation) = (Vec::new(), Vec::new(), Vec::new());
    let mut hasher = Sha256::new();
    for (part, validates, class, names) in found {
        let rank = classes.partition_point(|known| *known < class) as u16;
        for name in names {
            let file = format!("{part}{class}/{name}");
            add_text(&mut hasher, &file);
            files.push(file);
            labels.push(rank);
            validation.push(validates);
        }
    }
    let digest = hasher.finalize().into();
    Ok(Listing { files, labels, clean: None, validation, unbalanced: None, classes, table: None, digest })
}

/// The class folders of one part, in order, with their images. A class may lack validation images, not others.
fn class_folders(folder: &Path, part: &str, validation: bool) -> Result<Vec<(String, Vec<String>)>, DataError> {
    let place = folder.join(part);
    let mut classes = Vec::new();
    for (class, is_folder) in entries(&place)? {
        if !is_folder {
            if is_image(&class) {
                return Err(DataError::malformed(&place, "images in class folders only", format!("`{class}`")));
            }
            continue;
        }
        let inside = place.join(&class);
        let mut names = Vec::new();
        for (name, is_folder) in entries(&inside)? {
            if is_folder {
                return Err(DataError::malformed(inside, "a class folder without folders", format!("`{name}`")));
            }
            if is_image(&name) {
                names.push(name);
            }
        }
        if names.is_empty() && !validation {
            return Err(DataError::malformed(inside, "at least one .jpg, .jpeg or .png file", "none"));
        }
        classes.push((class, names));
    }
    if classes.is_empty() {
        return Err(DataError::malformed(place, "one folder per class", "no folder"));
    }
    Ok(classes)
}

/// Names in a folder and whether each is a folder itself, sorted, without those that begin with a dot.
fn entries(folder: &Path) -> Result<Vec<(String, bool)>, DataError> {
    let failed = |path: PathBuf| move |error: std::io::Error| DataError::reading(path, "", &error);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed(folder.to_owned()))? {
        let path = entry.map_err(failed(folder.to_owned()))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return Err(DataError::malformed(folder, "names in UTF-8", format!("{}", path.display())));
        };
        if !name.starts_with('.') {
            let is_folder = fs::metadata(&path).map_err(failed(path.clone()))?.is_dir();
            found.push((name.to_owned(), is_folder));
        }
    }
    found.sort();
    Ok(found)
}

fn is_image(name: &str) -> bool {
    let ending = name.rsplit_once('.').map_or(String::new(), |(_, ending)| ending.to_ascii_lowercase());
    ["jpg", "jpeg", "png"].contains(&ending.as_str())
}
