//! The data sets of one process, each loaded when it is first asked for.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use sweeper_recipe::{Data, Recipe, Source};

use crate::{
    DataError, DataSet, Labels, Pixels,
    cache::{self, Images},
    decode::{Form, SizePolicy},
    source::{self, Listing, MAX_MEMORY},
};

/// How far the decoding of images is. Both are 0 where nothing is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preparing {
    /// Images that are done.
    pub done: u64,
    /// Images in all.
    pub total: u64,
}

/// The data sets of one process.
#[derive(Debug)]
pub struct Library {
    data_dir: PathBuf,
    loaded: Vec<(Selection, Arc<DataSet>)>,
}

/// What of a recipe decides what is loaded. Everything else divides or changes what is there.
#[derive(Debug, Clone, PartialEq)]
struct Selection {
    data: Data,
    policy: Option<SizePolicy>,
}

impl Selection {
    fn of(recipe: &Recipe) -> Self {
        let data = &recipe.data;
        let loaded = Data {
            source: data.source,
            path: data.folder(),
            channels: data.channels,
            classes: data.classes.clone(),
            noise: data.noise,
            label_count: data.label_count,
            ids: data.ids,
            ..Data::default()
        };
        if data.source == Source::Synthetic {
            let (size, split_seed, synthetic_images) = (data.size, data.split_seed, data.synthetic_images);
            return Self { data: Data { size, split_seed, synthetic_images, ..loaded }, policy: None };
        }
        let policy = data.source.is_photographs().then(|| SizePolicy::of(recipe));
        Self { data: loaded, policy }
    }
}

impl Library {
    /// The library of `data_dir`, which holds one folder per data set, e.g. `fashion-mnist`. Reads nothing yet.
    pub fn new(data_dir: impl AsRef<Path>) -> Self {
        Self { data_dir: data_dir.as_ref().to_owned(), loaded: Vec::new() }
    }

    /// The data set of a recipe, loaded at the first call. `watch` is told how far the decoding is, several times a
    /// second on common hardware, also while another process decodes; when it returns true, loading stops.
    ///
    /// # Errors
    /// Files missing or damaged, a setting that the data do not have, stopped. A failure is not remembered, so a
    /// repaired file works without a restart.
    pub fn open(
        &mut self,
        recipe: &Recipe,
        watch: &mut dyn FnMut(Preparing) -> bool,
    ) -> Result<Arc<DataSet>, DataError> {
        let selection = Selection::of(recipe);
        if let Some((_, set)) = self.loaded.iter().find(|(known, _)| *known == selection) {
            return Ok(Arc::clone(set));
        }
        if watch(Preparing { done: 0, total: 0 }) {
            return Err(DataError::Stopped);
        }
        let set = self.load(&selection, watch)?;
        let set = with_channels(with_classes(set, &selection.data)?, selection.data.channels)?;
        let set = Arc::new(set);
        self.loaded.push((selection, Arc::clone(&set)));
        Ok(set)
    }

    fn load(&self, selection: &Selection, watch: &mut dyn FnMut(Preparing) -> bool) -> Result<DataSet, DataError> {
        let data = &selection.data;
        let folder = self.data_dir.join(&data.path);
        let name = format!("{}-{}", source::name(data.source), data.path);
        let places = cache::places(&self.data_dir);
        let mut decode = |images: &Images<'_>| cache::open(&places, &name, images, watch);
        let list: fn(&Data, &Path) -> Result<Listing, DataError> = match data.source {
            Source::FashionMnist | Source::Mnist => return source::idx::load(data.source, folder),
            Source::Cifar10 | Source::Cifar100 => return source::cifar::load(data.source, folder),
            Source::Synthetic => return source::synthetic::load(data),
            Source::MultiLabel => return source::multi_label::load(data, folder, &mut decode),
            Source::Imagenette | Source::Imagewoof => {
                |data, folder| source::noisy_csv::list(data.source, folder, data.noise)
            }
            Source::Folder => |_, folder| source::class_folders::list(folder),
        };
        let listing = list(data, &folder)?;
        let form = Form::Photograph(selection.policy.unwrap_or(SizePolicy::Full));
        let note = |row| listing.note(row);
        let cached = decode(&Images { folder: &folder, files: &listing.files, form, note: &note })?;
        Ok(listing.into_set(data.source, folder, cached.pixels, &cached.digest))
    }
}

/// Keeps the rows of `data.classes`, which become classes 0, 1, … in that order.
fn with_classes(set: DataSet, data: &Data) -> Result<DataSet, DataError> {
    let Labels::Single(labels) = &set.labels else { return Ok(set) };
    if data.classes.is_empty() {
        return Ok(set);
    }
    let wrong = |why: String| Err(DataError::Setting(format!("data.classes: {why}")));
    if let Some(class) = data.classes.iter().find(|&&class| class as usize >= set.classes.len()) {
        let last = set.classes.len() - 1;
        return wrong(format!("{} has no class {class}; hint: its classes are 0 to {last}", set.name));
    }
    if set.clean.is_some() {
        return wrong(
            "a corrupted label may lie outside a selection of classes; hint: leave out data.noise".to_owned(),
        );
    }
    let mut places = vec![None; set.classes.len()];
    for (place, &class) in data.classes.iter().enumerate() {
        places[class as usize] = Some(place as u16);
    }
    let kept: Vec<usize> = (0..labels.len()).filter(|&row| places[usize::from(labels[row])].is_some()).collect();
    let validation: Vec<bool> = kept.iter().map(|&row| set.validation[row]).collect();
    if set.validation.contains(&true) && !validation.contains(&true) {
        return wrong(format!("{} has no validation image of these classes; hint: choose others", set.name));
    }
    Ok(DataSet {
        labels: Labels::Single(kept.iter().filter_map(|&row| places[usize::from(labels[row])]).collect()),
        pixels: set.pixels.rows(&kept),
        unbalanced: set.unbalanced.as_ref().map(|column| kept.iter().map(|&row| column[row]).collect()),
        files: set.files.as_ref().map(|files| kept.iter().map(|&row| files[row].clone()).collect()),
        classes: data.classes.iter().map(|&class| set.classes[class as usize].clone()).collect(),
        validation,
        ..set
    })
}

/// Repeats grey three times where the recipe wants three channels.
fn with_channels(set: DataSet, wanted: u32) -> Result<DataSet, DataError> {
    let own = set.pixels.channels();
    let wanted = wanted as usize;
    if wanted == 0 || wanted == own {
        return Ok(set);
    }
    let (Pixels::Uniform { bytes, height, width, channels: 1 }, 3) = (&set.pixels, wanted) else {
        let what = format!("data.channels = {wanted}, but {} has {own}", set.name);
        return Err(DataError::Setting(format!("{what}; hint: 0 takes them as they are, 3 repeats grey ones")));
    };
    if bytes.len() as u64 > MAX_MEMORY / 3 {
        let what = format!("{} does not fit in memory three times", set.name);
        return Err(DataError::Setting(format!("data.channels = 3: {what}; hint: leave it out")));
    }
    let repeated = bytes.iter().flat_map(|&grey| [grey; 3]).collect();
    let pixels = Pixels::Uniform { bytes: Arc::new(repeated), height: *height, width: *width, channels: 3 };
    let (mean, deviation) = (vec![set.mean[0]; 3], vec![set.deviation[0]; 3]);
    Ok(DataSet { pixels, mean, deviation, ..set })
}
