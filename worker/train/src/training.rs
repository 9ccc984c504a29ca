//! One training as it goes on: an epoch, an optimizer step, what was observed so far, and its state on disk.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use sweeper_data::{DataSet, Labels, Splits, order};
use sweeper_recipe::{
    Precision, Recipe, When,
    trial::{Ending, Metric, Prediction, Progress},
};
use tch::{Kind, TchError, Tensor};
use tracing::{info, warn};

use crate::{
    augment::{Batches, mixup::is_mixed},
    checkpoint::{Place, Restored},
    error::Error,
    evaluate::{Evaluator, Scored},
    loss::{Batch, Objective},
    model::{Model, Placement},
    optim::{LossScaler, Optimizer, Rate, ScalerState},
    prior::Biases,
    record::Losses,
    schedule,
    shared::{Epoch, Shared},
};

/// On a GPU losses are read that often: reading one waits for everything before it.
const LOSSES_AT_ONCE: usize = 16;

/// What a training is made of and does not change.
pub(crate) struct Setup<'a> {
    pub recipe: &'a Recipe,
    pub seed: u64,
    pub set: &'a DataSet,
    pub splits: &'a Splits,
    pub batches: &'a Batches<'a>,
    pub biases: &'a Biases,
    pub objective: &'a Objective,
    pub device: tch::Device,
    pub stop: &'a dyn Fn() -> bool,
}

impl Setup<'_> {
    /// Rows of the batches of one pass over the training split, in order. A last partial batch is dropped where the
    /// recipe says so, and always if it is a single image, on which batch norm could not work.
    pub(crate) fn epoch_batches(&self, epoch: u32) -> Vec<Vec<usize>> {
        let (split, labels) = (&self.splits.train, &self.set.labels);
        let rows = order(split, labels, self.recipe.data.sampler, self.seed, epoch);
        let size = self.recipe.batch_size as usize;
        let whole = |batch: &&[usize]| batch.len() == size || (!self.recipe.data.drop_last && batch.len() > 1);
        rows.chunks(size).filter(whole).map(<[usize]>::to_vec).collect()
    }

    /// A fresh model.
    pub(crate) fn model(&self) -> Result<Model, TchError> {
        let placement = Placement { device: self.device, precision: self.recipe.precision };
        Model::new(&self.recipe.model, self.batches.shape(), self.set.classes.len() as i64, self.seed, placement)
    }

    /// What decides the parameters that come out of a training.
    pub(crate) fn training_key(&self) -> (String, u64, String) {
        (self.recipe.training_digest(), self.seed, self.set.digest.clone())
    }

    /// Optimizer steps of one epoch.
    pub(crate) fn steps_per_epoch(&self) -> Result<u64, Error> {
        let (images, size) = (self.splits.train.rows.len() as u64, u64::from(self.recipe.batch_size));
        let partial = !self.recipe.data.drop_last && images % size > 1;
        match images / size + u64::from(partial) {
            0 => {
                let hint = "hint: lower batch_size, raise data.train_limit, or set data.drop_last = false";
                Err(Error::Setting(format!("the training split has {images} images, no batch of {size}; {hint}")))
            }
            steps => Ok(steps),
        }
    }

    /// The loss of one batch: rows at `first` of the epoch's order, at the optimizer step `step`. Beside it, with one
    /// class per image, how many were right (of a mixed image, the class of the larger part), both on the device.
    pub(crate) fn loss(
        &self,
        model: &Model,
        rows: &[usize],
        (epoch, first): (u32, u64),
        (step, steps): (u64, u64),
    ) -> Result<(Tensor, Option<Tensor>), Error> {
        let recipe = self.recipe;
        let mut images = self.batches.training(rows, epoch, first)?;
        let mut mix = None;
        if is_mixed(&recipe.augment.mixup, step, steps) {
            let (mixed, with) = self.batches.mix(&images, epoch, step)?;
            (images, mix) = (mixed, Some(with));
        }
        let output = model.train_pass(&images)?;
        let logits = self.biases.add_to(output.logits)?;
        let labels = self.batches.labels(rows)?;
        let batch = Batch { logits: &logits, features: Some(&output.features), labels: &labels, mix: mix.as_ref() };
        if step < u64::from(recipe.loss.rectification.inspect) {
            info!("batch {step}:\n{}", self.objective.inspect(&batch)?);
        }
        let right = match self.set.labels {
            Labels::Single(_) => Some(logits.f_argmax(1, false)?.f_eq_tensor(&labels)?.f_sum(Kind::Int64)?),
            Labels::Multi(_) => None,
        };
        Ok((self.objective.loss(&batch)?, right))
    }
}

/// A training under way.
pub(crate) struct Training {
    pub model: Model,
    optimizer: Optimizer,
    scaler: Option<LossScaler>,
    pub record: Record,
    /// Losses that are still on the device, each with its step and number of samples.
    unread: Vec<(u64, Tensor, usize)>,
    /// How many images of the epoch under way were right so far, on the device, and of how many.
    right: Option<(Tensor, usize)>,
    /// Every epoch so far, where other configs may use them.
    history: Option<Vec<Epoch>>,
}

/// Everything observed so far, and where the training stands: what a checkpoint holds beside tensors.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Epochs completed.
    pub epoch: u32,
    /// Optimizer steps done, skipped ones too.
    pub step: u64,
    losses: Losses,
    /// Where the loss scale stands, at a checkpoint.
    scaler: Option<ScalerState>,
    metrics: Vec<Observed>,
    pub train_seconds: f64,
    pub evaluate_seconds: f64,
}

/// A [`Metric`] whose value survives as text.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Observed {
    name: String,
    epoch: u32,
    bits: u64,
    is_final: bool,
}

impl Record {
    pub(crate) fn new() -> Self {
        Self {
            epoch: 0,
            step: 0,
            losses: Losses::default(),
            scaler: None,
            metrics: Vec::new(),
            train_seconds: 0.0,
            evaluate_seconds: 0.0,
        }
    }

    pub(crate) fn push(&mut self, name: impl Into<String>, epoch: u32, value: f64, is_final: bool) {
        self.metrics.push(Observed { name: name.into(), epoch, bits: value.to_bits(), is_final });
    }

    /// What one evaluation showed, and how long it took.
    pub(crate) fn scores(&mut self, epoch: u32, scored: &Scored, is_final: bool, seconds: f64) {
        self.evaluate_seconds += seconds;
        for (name, value) in &scored.as_epoch {
            self.push(name, epoch, *value, false);
        }
        for (name, value) in &scored.values {
            self.push(name, epoch, *value, is_final);
        }
        self.push("seconds/evaluate", epoch, seconds, false);
    }

    pub(crate) fn metrics(&self) -> Vec<Metric> {
        let metric = |m: &Observed| Metric {
            name: m.name.clone(),
            epoch: m.epoch,
            value: f64::from_bits(m.bits),
            is_final: m.is_final,
        };
        self.metrics.iter().map(metric).collect()
    }
}

/// What came of a training.
pub(crate) struct Done {
    pub ending: Ending,
    pub record: Record,
    pub parameter_digest: String,
    pub predictions: Vec<Prediction>,
}

impl Training {
    /// A fresh training, or one that goes on from a checkpoint.
    pub(crate) fn begin(setup: &Setup<'_>, place: Option<&Place>) -> Result<Self, Error> {
        let mut training = Self::new(setup)?;
        if let Some(restored) = place.and_then(Place::read)
            && !training.resume(restored)
        {
            // Part of it may be in place already.
            training = Self::new(setup)?;
        }
        Ok(training)
    }

    pub(crate) fn done(self, ending: Ending, predictions: Vec<Prediction>) -> Result<Done, Error> {
        Ok(Done { ending, parameter_digest: self.model.digest()?, record: self.record, predictions })
    }

    /// Measures the model as it stands. Predictions after the last epoch, if they are wanted; none where a logit is
    /// not finite.
    pub(crate) fn evaluate(
        &mut self,
        setup: &Setup<'_>,
        now: &mut Progress,
        tell: &mut dyn FnMut(Progress),
    ) -> Result<Option<Vec<Prediction>>, Error> {
        now.phase = "evaluating";
        tell(now.clone());
        let (clock, is_final) = (Instant::now(), now.epoch == now.epochs);
        let scored = Evaluator { setup }.scores(&self.model, now.epoch, is_final)?;
        let Some(scored) = scored else { return Ok(None) };
        self.record.scores(now.epoch, &scored, is_final, clock.elapsed().as_secs_f64());
        Ok(Some(scored.predictions))
    }

    fn new(setup: &Setup<'_>) -> Result<Self, Error> {
        let (settings, model) = (&setup.recipe.optimizer, setup.model()?);
        let parameters = model.parameters();
        let optimizer = Optimizer::new(settings, parameters.values(), parameters.decayed())?;
        let half = setup.recipe.precision == Precision::Fp16;
        let scaler = half.then(|| LossScaler::new(&settings.loss_scale));
        let history = setup.recipe.share_training.then(Vec::new);
        Ok(Self { model, optimizer, scaler, record: Record::new(), unread: Vec::new(), right: None, history })
    }

    /// Some ending if every gradient overflowed in half precision, so that nothing was trained.
    pub(crate) fn never_moved(&self, now: &Progress) -> Option<Ending> {
        let skipped = self.scaler.as_ref().map(|scaler| scaler.state().skipped)?;
        let what = "no step was made: in float16 every gradient overflowed".to_owned();
        (skipped > 0 && skipped == self.record.step).then_some(Ending::Diverged {
            epoch: now.epoch,
            step: now.step,
            what,
        })
    }

    /// What other configs may use of this training, once it is finished; nothing of one that was resumed, whose first
    /// epochs nobody kept.
    pub(crate) fn shared(&mut self, setup: &Setup<'_>) -> Option<Shared> {
        let epochs = self.history.take().filter(|epochs| epochs.len() == setup.recipe.epochs as usize)?;
        Some(Shared { key: setup.training_key(), epochs })
    }

    /// One pass over the training split, taken from an equal training.
    pub(crate) fn replay(&mut self, shared: &Shared, now: &mut Progress) -> Result<(), Error> {
        if let Some(epoch) = shared.epochs.get(now.epoch as usize) {
            if let Some(state) = &epoch.state {
                self.model.load_state(state)?;
            }
            self.record.metrics.extend_from_slice(&epoch.metrics);
            self.record.step = epoch.step;
        }
        now.epoch += 1;
        (now.step, self.record.epoch) = (self.record.step, now.epoch);
        Ok(())
    }

    /// One pass over the training split. Some ending if it diverged.
    pub(crate) fn epoch(
        &mut self,
        setup: &Setup<'_>,
        now: &mut Progress,
        tell: &mut dyn FnMut(Progress),
    ) -> Result<Option<Ending>, Error> {
        let (clock, epoch) = (Instant::now(), now.epoch);
        now.phase = "training";
        let mut first = 0;
        let mut rate = None;
        for rows in setup.epoch_batches(epoch) {
            if (setup.stop)() {
                return Err(Error::Stopped);
            }
            let (loss, right) = setup.loss(&self.model, &rows, (epoch, first), (self.record.step, now.steps))?;
            self.unread.push((self.record.step, loss.f_detach()?, rows.len()));
            self.count(right, rows.len())?;
            let at_once = if setup.device.is_cuda() { LOSSES_AT_ONCE } else { 1 };
            if self.unread.len() >= at_once
                && let Some(ending) = self.read_losses(now)?
            {
                return Ok(Some(ending));
            }
            let recipe = setup.recipe;
            let next = schedule::rate(&recipe.schedule, &recipe.optimizer, self.record.step, now.steps);
            self.step(&loss, &next)?;
            rate = Some(next.lr);
            first += rows.len() as u64;
            self.record.step += 1;
            now.step = self.record.step;
            tell(now.clone());
        }
        if let Some(ending) = self.read_losses(now)? {
            return Ok(Some(ending));
        }
        now.epoch += 1;
        self.record.epoch = now.epoch;
        let before = self.record.metrics.len();
        self.end_epoch(now.epoch, rate, clock.elapsed().as_secs_f64())?;
        if let Some(history) = &mut self.history {
            let wanted = setup.recipe.evaluate.when == When::Epoch || now.epoch == now.epochs;
            let state = if wanted { Some(self.model.state()?) } else { None };
            history.push(Epoch { state, step: self.record.step, metrics: self.record.metrics[before..].to_vec() });
        }
        Ok(None)
    }

    /// Adds to the epoch's number of images that were right.
    fn count(&mut self, right: Option<Tensor>, samples: usize) -> Result<(), TchError> {
        let Some(right) = right else { return Ok(()) };
        self.right = Some(match self.right.take() {
            Some((sum, seen)) => (sum.f_add(&right)?, seen + samples),
            None => (right, samples),
        });
        Ok(())
    }

    /// Moves the parameters. A gradient that overflows in half precision moves nothing, and lowers the scale.
    fn step(&mut self, loss: &Tensor, rate: &Rate) -> Result<(), TchError> {
        let parameters = self.model.parameters();
        let Some(scaler) = &mut self.scaler else {
            return self.optimizer.step(&parameters.gradient(loss)?, rate);
        };
        let gradient = parameters.gradient(&scaler.scale(loss)?)?;
        if scaler.unscale(&gradient)? { self.optimizer.step(&gradient, rate) } else { Ok(()) }
    }

    /// Reads the losses that are still on the device. Some ending at the first that is not finite.
    fn read_losses(&mut self, now: &mut Progress) -> Result<Option<Ending>, Error> {
        if self.unread.is_empty() {
            return Ok(None);
        }
        let tensors: Vec<&Tensor> = self.unread.iter().map(|(_, loss, _)| loss).collect();
        let mut values = vec![0f32; tensors.len()];
        Tensor::f_stack(&tensors, 0)?.f_to_device(tch::Device::Cpu)?.f_copy_data(&mut values, tensors.len())?;
        for (value, (step, _, samples)) in values.iter().zip(self.unread.drain(..)) {
            now.loss = f64::from(*value);
            if !value.is_finite() {
                let what = format!("the training loss is {value}");
                return Ok(Some(Ending::Diverged { epoch: now.epoch, step, what }));
            }
            self.record.losses.push(now.loss, samples as u64);
        }
        Ok(None)
    }

    fn end_epoch(&mut self, epoch: u32, rate: Option<f64>, seconds: f64) -> Result<(), TchError> {
        let record = &mut self.record;
        record.train_seconds += seconds;
        if let Some(losses) = record.losses.end_epoch() {
            record.push("loss/train_running", epoch, losses.running, false);
            record.push("loss/train_mean", epoch, losses.mean, false);
        }
        if let Some((right, seen)) = self.right.take() {
            let right = right.f_int64_value(&[])? as f64;
            record.push("accuracy/train_running", epoch, 100.0 * right / seen as f64, false);
        }
        if let Some(rate) = rate {
            record.push("lr/epoch", epoch, rate, false);
        }
        if let Some(scaler) = &self.scaler {
            record.push("skipped_steps/train", epoch, scaler.state().skipped as f64, false);
        }
        record.push("seconds/train", epoch, seconds, false);
        Ok(())
    }

    /// Writes the state after an epoch. A disk that refuses it costs a warning, not the training.
    pub(crate) fn save(&self, place: &Place) -> Result<(), Error> {
        let scaler = self.scaler.as_ref().map(LossScaler::state);
        let record = Record { scaler, ..self.record.clone() };
        if let Err(error) = place.write(record.epoch, &self.tensors()?, &record) {
            warn!(%error, "the training goes on without this checkpoint");
        }
        Ok(())
    }

    /// Goes on from a state that was saved; false if it does not fit, and then the training is to begin anew.
    fn resume(&mut self, restored: Restored<Record>) -> bool {
        let part = |prefix: &str| -> Vec<(String, Tensor)> {
            let of_part = |(name, tensor): &(String, Tensor)| {
                Some((name.strip_prefix(prefix)?.to_owned(), tensor.shallow_clone()))
            };
            restored.tensors.iter().filter_map(of_part).collect()
        };
        let loaded = self.model.load_state(&part("model/")).map_err(|error| error.to_string());
        let loaded =
            loaded.and_then(|()| self.optimizer.load_state(&part("optimizer/")).map_err(|error| error.to_string()));
        if let (Some(scaler), Some(state)) = (&mut self.scaler, restored.record.scaler) {
            scaler.load_state(state);
        }
        self.history = None;
        match &loaded {
            Ok(()) => self.record = restored.record,
            Err(error) => warn!(%error, "a checkpoint does not fit and is not used"),
        }
        loaded.is_ok()
    }

    fn tensors(&self) -> Result<Vec<(String, Tensor)>, TchError> {
        let named = |prefix: &'static str, state: Vec<(String, Tensor)>| {
            state.into_iter().map(move |(name, tensor)| (format!("{prefix}/{name}"), tensor))
        };
        let mut all: Vec<(String, Tensor)> = named("model", self.model.state()?).collect();
        all.extend(named("optimizer", self.optimizer.state()?));
        Ok(all)
    }
}
