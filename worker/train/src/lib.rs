//! Trains one recipe with libtorch: the one crate that links it.
//!
//! [`Trainer::train`] is the whole of it, and reads from top to bottom. Map of what it uses: `augment` batches as the
//! network sees them · `model` the networks · `prior` biases of the logits · `loss` one formula for all of them, and
//! class rectification · `optim` and `schedule` how parameters move · `training` one epoch, one step · `evaluate`
//! metrics · `record` training losses · `checkpoint` state on disk · `shared` trainings
//! that several configs share · `finder` and `rate_search` the
//! search for a learning rate ·
//! `device` the process around it · `error` what ends a training early · `shim` calls that tch lacks. Images, labels,
//! splits and everything random come from the crate `sweeper-data`.

pub mod augment;
mod checkpoint;
mod device;
mod error;
pub mod evaluate;
pub mod finder;
pub mod loss;
pub mod model;
pub mod optim;
pub mod prior;
mod rate_search;
pub mod record;
pub mod schedule;
mod shared;
mod shim;
mod training;

use std::{path::PathBuf, sync::Arc};

use sweeper_recipe::{
    Recipe, ScheduleKind, When,
    trial::{Ending, Outcome, Progress, Task, TrainError},
};

pub use device::{Device, UnknownDevice, init, library_version};
pub use error::Error;
pub use sweeper_data::seeding;

use augment::{Batches, Images};
use checkpoint::Place;
use loss::{ClassCounts, Objective};
use prior::Biases;
use shared::Shared;
use sweeper_data::{DataSet, Labels, Library, Splits};
use training::{Done, Setup, Training};

/// Data sets that are kept on the device between trainings.
const IMAGES_KEPT: usize = 4;

/// What a [`Trainer`] works with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder that holds one folder per data set.
    pub data_dir: PathBuf,
    /// What to train on.
    pub device: Device,
    /// As an outcome names the device, e.g. `NVIDIA H100 80GB HBM3`.
    pub device_name: String,
    /// Where checkpoints lie; none for none, whatever recipes ask for.
    pub checkpoint_dir: Option<PathBuf>,
}

/// Trains one recipe after the other, and keeps between them what takes time to make and changes no number.
pub struct Trainer {
    options: Options,
    library: Library,
    /// Data sets on the device, the last used last.
    images: Vec<(Arc<DataSet>, Images)>,
    /// What `share_training` may use again: the last training that may be shared.
    last: Option<Shared>,
}

impl Trainer {
    /// A trainer that has read nothing yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { library: Library::new(&options.data_dir), options, images: Vec::new(), last: None }
    }

    /// Trains `task` and measures it. The outcome's numbers depend on recipe, seed and data, and on nothing else: not
    /// on the process, on what it trained before, or on time. `stop` is asked, and `progress` told, once a step.
    ///
    /// # Errors
    /// [`TrainError::Stopped`] when `stop` said so; [`TrainError::Unusable`] when data are missing (exit code 20),
    /// damaged (21) or other than the task demands (22), or the device cannot be used (2); [`TrainError::Failed`] when
    /// libtorch or the recipe fails.
    pub fn train(
        &mut self,
        task: &Task,
        stop: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Outcome, TrainError> {
        init()?;
        device::one_thread();
        Ok(self.run(task, stop, progress)?)
    }

    fn run(
        &mut self,
        task: &Task,
        stop: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Outcome, Error> {
        let (recipe, seed, device) = (&task.recipe, task.seed, self.options.device.torch());
        let mut now = Progress { epochs: recipe.epochs, phase: "loading", loss: f64::NAN, ..Progress::default() };
        progress(now.clone());
        self.options.device.prepare().map_err(Error::Device)?;
        device::set_mode(recipe.mode)?;

        // What is trained on.
        let set = open(&mut self.library, recipe, &now, stop, progress)?;
        set.require_digest(task.data_digest.as_deref())?;
        let splits = Splits::new(&set, &recipe.data, seed)?;
        let images = on_device(&mut self.images, &set, device)?;
        let batches = Batches::new(images, &set, recipe, seed)?;

        // What is minimised, what moves, what is measured.
        let several = matches!(set.labels, Labels::Multi(_));
        let biases = Biases::new(&recipe.prior, &splits, several, device)?;
        let objective = Objective::new(&recipe.loss, &class_counts(&splits), device)?;
        let setup = Setup {
            recipe,
            seed,
            set: &set,
            splits: &splits,
            batches: &batches,
            biases: &biases,
            objective: &objective,
            device,
            stop,
        };
        let place = self.options.checkpoint_dir.as_ref().filter(|_| recipe.checkpoint.every > 0);
        let place = place.map(|folder| Place::new(folder, task, &set.digest, &self.options.device_name));

        let done = match recipe.schedule.kind {
            ScheduleKind::Finder => rate_search::search(&setup, &mut now, progress)?,
            _ => fit(&setup, place.as_ref(), &mut self.last, &mut now, progress)?,
        };
        // Of no use any more, however it ended.
        place.iter().for_each(Place::remove);
        Ok(Outcome {
            ending: done.ending,
            metrics: done.record.metrics(),
            data_digest: set.digest.clone(),
            parameter_digest: done.parameter_digest,
            device: self.options.device_name.clone(),
            library: library_version(),
            train_seconds: done.record.train_seconds,
            evaluate_seconds: done.record.evaluate_seconds,
            predictions: done.predictions,
        })
    }
}

/// Trains until the last epoch or the first number that is not finite, and evaluates. Nothing is trained twice:
/// neither what a checkpoint at `place` holds, nor what another config of the same training left in `last`.
fn fit(
    setup: &Setup<'_>,
    place: Option<&Place>,
    last: &mut Option<Shared>,
    now: &mut Progress,
    progress: &mut dyn FnMut(Progress),
) -> Result<Done, Error> {
    let recipe = setup.recipe;
    now.steps = setup.steps_per_epoch()? * u64::from(recipe.epochs);
    let shared = last.take_if(|last| last.serves(setup));
    let mut training = Training::begin(setup, place.filter(|_| shared.is_none()))?;
    (now.step, now.epoch) = (training.record.step, training.record.epoch);

    while now.epoch < recipe.epochs {
        if let Some(shared) = &shared {
            training.replay(shared, now)?;
        } else if let Some(ending) = training.epoch(setup, now, progress)? {
            return training.done(ending, Vec::new());
        }
        if now.epoch == recipe.epochs {
            break;
        }
        if recipe.evaluate.when == When::Epoch && training.evaluate(setup, now, progress)?.is_none() {
            return training.done(not_finite(now), Vec::new());
        }
        if let Some(place) = place.filter(|_| shared.is_none() && now.epoch.is_multiple_of(recipe.checkpoint.every)) {
            training.save(place)?;
        }
    }
    if let Some(ending) = training.never_moved(now) {
        return training.done(ending, Vec::new());
    }
    if recipe.share_training {
        *last = shared.or_else(|| training.shared(setup));
    }
    match training.evaluate(setup, now, progress)? {
        Some(predictions) => training.done(Ending::Completed, predictions),
        None => training.done(not_finite(now), Vec::new()),
    }
}

fn not_finite(now: &Progress) -> Ending {
    Ending::Diverged { epoch: now.epoch, step: now.step, what: "a logit at evaluation is not finite".to_owned() }
}

/// Opens the data set and tells how far that is: photographs are decoded at the first time.
fn open(
    library: &mut Library,
    recipe: &Recipe,
    now: &Progress,
    stop: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<Arc<DataSet>, Error> {
    Ok(library.open(recipe, &mut |preparing| {
        if preparing.total > 0 {
            progress(Progress { phase: "decoding", step: preparing.done, steps: preparing.total, ..now.clone() });
        }
        stop()
    })?)
}

/// The images of `set` on the device, brought there at the first time.
fn on_device<'a>(
    kept: &'a mut Vec<(Arc<DataSet>, Images)>,
    set: &Arc<DataSet>,
    device: tch::Device,
) -> Result<&'a Images, Error> {
    let entry = match kept.iter().position(|(known, _)| Arc::ptr_eq(known, set)) {
        Some(at) => kept.remove(at),
        None => {
            if kept.len() == IMAGES_KEPT {
                kept.remove(0);
            }
            (set.clone(), Images::new(set, device)?)
        }
    };
    kept.push(entry);
    Ok(&kept[kept.len() - 1].1)
}

/// Lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What losses need to know of the splits.
fn class_counts(splits: &Splits) -> ClassCounts<'_> {
    let parts = splits.parts.as_ref();
    ClassCounts {
        train: &splits.train.counts,
        train_rows: splits.train.rows.len() as u64,
        balanced: &splits.balanced.proportions,
        unbalanced: parts.map(|(unbalanced, _)| unbalanced.proportions.as_slice()),
        perverse: parts.map(|(_, perverse)| perverse.proportions.as_slice()),
    }
}
