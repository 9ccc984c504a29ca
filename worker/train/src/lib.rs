//! Trains one recipe with libtorch: the one crate that links it.
//!
//! [`train`] is the whole of it, and reads from top to bottom. Map of what it uses: `data` images, labels and splits ·
//! `augment` batches as the network sees them · `model` the networks · `prior` biases of the logits · `loss` one
//! formula for all of them · `optim` and `schedule` how parameters move · `evaluate` metrics · `seeding` everything
//! random · `device` the process around it · `error` what ends a training early · `shim` calls that tch lacks.

pub mod augment;
pub mod data;
mod device;
mod error;
pub mod evaluate;
pub mod loss;
pub mod model;
pub mod optim;
pub mod prior;
pub mod schedule;
mod shim;

use std::time::Instant;

use sweeper_recipe::{
    Smoothing, SmoothingKind, When,
    trial::{Ending, Metric, Outcome, Progress, Task, TrainError},
};

pub use sweeper_data::seeding;

pub use device::{Device, UnknownDevice, init, library_version};
pub use error::Error;

use augment::Loader;
use data::{Library, Splits};
use evaluate::{Evaluator, Part, Score};
use loss::{Targets, mean_loss};
use model::Model;
use optim::AdamW;
use prior::Biases;
use schedule::learning_rate;
use seeding::{Domain, Stream};

/// Trains `task` and measures it. The outcome's numbers depend on recipe, seed and data, and on nothing else: not on
/// the process, on what it trained before, or on time. `stop` is asked, and `progress` told, once a step.
///
/// # Errors
/// [`TrainError::Stopped`] when `stop` said so; [`TrainError::Unusable`] when data are missing (exit code 20), damaged
/// (21) or other than the task demands (22); [`TrainError::Failed`] when libtorch or the recipe fails.
pub fn train(
    task: &Task,
    library: &mut Library,
    device: Device,
    stop: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<Outcome, TrainError> {
    init()?;
    device::one_thread();
    Ok(run(task, library, device, stop, progress)?)
}

fn run(
    task: &Task,
    library: &mut Library,
    device: Device,
    stop: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<Outcome, Error> {
    let (recipe, seed) = (&task.recipe, task.seed);
    let mut now = Progress { epochs: recipe.epochs, phase: "loading", loss: f64::NAN, ..Progress::default() };
    progress(now.clone());

    // What is trained on.
    let set = library.open(recipe.data.source)?;
    set.require_digest(task.data_digest.as_deref())?;
    let splits = Splits::new(set, &recipe.data, seed)?;
    let loader = Loader::new(set, &set.train);
    now.steps = steps_per_epoch(splits.train.rows.len(), recipe.batch_size)? * u64::from(recipe.epochs);

    // What is minimised, what moves, what is measured.
    let biases = Biases::new(&recipe.prior, &splits);
    let targets = targets(&recipe.loss.smoothing, &splits);
    let table = targets.tensor()?;
    let model = Model::new(&recipe.model, set.image(), set.classes as i64, seed)?;
    let mut optimizer = AdamW::new(&recipe.optimizer, model.parameters())?;
    let evaluator = Evaluator { set, splits: &splits, biases: &biases, targets: &targets, recipe, seed, stop };
    let mut record = Record::new(recipe.epochs);

    'training: for epoch in 0..recipe.epochs {
        now.phase = "training";
        let clock = Instant::now();
        let order = Stream::new(seed, Domain::Order, epoch).permutation(splits.train.rows.len());
        let flips = recipe.augment.flip.then(|| Stream::new(seed, Domain::Flip, epoch));
        for positions in order.chunks_exact(recipe.batch_size as usize) {
            if stop() {
                return Err(Error::Stopped);
            }
            let rows: Vec<usize> = positions.iter().map(|&position| splits.train.rows[position]).collect();
            let logits = biases.add_to(model.train_logits(&loader.batch(&rows, flips.as_ref())?)?)?;
            let loss = mean_loss(&logits, &loader.labels(&rows)?, &table)?;
            now.loss = loss.f_double_value(&[])?;
            if !now.loss.is_finite() {
                record.diverged(&now, format!("the training loss is {}", now.loss));
                break 'training;
            }
            let rate = learning_rate(&recipe.schedule, recipe.optimizer.lr, now.step, now.steps);
            optimizer.minimize(&loss, rate)?;
            record.loss(now.loss);
            now.step += 1;
            progress(now.clone());
        }
        now.epoch += 1;
        record.end_epoch(now.epoch, clock);

        if now.epoch == recipe.epochs || recipe.evaluate.when == When::Epoch {
            now.phase = "evaluating";
            progress(now.clone());
            let clock = Instant::now();
            let Some(scores) = evaluator.scores(&model, now.epoch)? else {
                record.diverged(&now, "a logit at evaluation is not finite".to_owned());
                break 'training;
            };
            record.scores(now.epoch, &scores, clock);
        }
    }
    Ok(record.into_outcome(set.digest.clone(), model.digest()?, device))
}

/// The table of targets: what ε goes to is uniform, or the class proportions of the training split.
fn targets(smoothing: &Smoothing, splits: &Splits) -> Targets {
    let proportions = &splits.train.proportions;
    match smoothing.kind {
        SmoothingKind::Uniform => Targets::new(&vec![1.0; proportions.len()], smoothing.eps),
        SmoothingKind::TrainPrior | SmoothingKind::ValMatched => Targets::new(proportions, smoothing.eps),
    }
}

/// Whole batches of the training split.
fn steps_per_epoch(images: usize, batch_size: u32) -> Result<u64, Error> {
    match images as u64 / u64::from(batch_size).max(1) {
        0 => {
            let hint = "hint: lower batch_size or raise data.train_limit";
            Err(Error::Setting(format!("the training split has {images} images, no batch of {batch_size}; {hint}")))
        }
        steps => Ok(steps),
    }
}

/// What a training has shown so far.
struct Record {
    epochs: u32,
    ending: Ending,
    metrics: Vec<Metric>,
    /// Exponential moving average of the training loss, and its weight: 1 − 0.98ⁿ after n steps.
    running: (f64, f64),
    train_seconds: f64,
    evaluate_seconds: f64,
}

impl Record {
    fn new(epochs: u32) -> Self {
        Self {
            epochs,
            ending: Ending::Completed,
            metrics: Vec::new(),
            running: (0.0, 0.0),
            train_seconds: 0.0,
            evaluate_seconds: 0.0,
        }
    }

    fn loss(&mut self, loss: f64) {
        let (mean, weight) = self.running;
        self.running = (0.98 * mean + 0.02 * loss, 0.98 * weight + 0.02);
    }

    fn end_epoch(&mut self, epoch: u32, begun: Instant) {
        self.train_seconds += begun.elapsed().as_secs_f64();
        let value = self.running.0 / self.running.1;
        self.metrics.push(Metric { name: "loss/train_running".to_owned(), epoch, value, is_final: false });
    }

    fn scores(&mut self, epoch: u32, scores: &[(Part, Score)], begun: Instant) {
        self.evaluate_seconds += begun.elapsed().as_secs_f64();
        for (part, score) in scores {
            for (metric, value) in
                [("accuracy", score.accuracy), ("smoothed_accuracy", score.smoothed_accuracy), ("loss", score.loss)]
            {
                let name = format!("{metric}/{}", part.name());
                self.metrics.push(Metric { name, epoch, value, is_final: epoch == self.epochs });
            }
        }
    }

    fn diverged(&mut self, now: &Progress, what: String) {
        self.ending = Ending::Diverged { epoch: now.epoch, step: now.step, what };
    }

    fn into_outcome(self, data_digest: String, parameter_digest: String, device: Device) -> Outcome {
        Outcome {
            ending: self.ending,
            metrics: self.metrics,
            data_digest,
            parameter_digest,
            device: device.name().to_owned(),
            library: library_version(),
            train_seconds: self.train_seconds,
            evaluate_seconds: self.evaluate_seconds,
        }
    }
}
