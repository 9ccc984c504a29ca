//! Metrics of every split. The network sees each image once (and its mirror image, where that counts): the unbalanced
//! and the perverse split together are the balanced one, and biases are added to its stored logits.
//!
//! Map: this page goes through the splits · `metrics` numbers from logits on the host.

pub mod metrics;

use std::collections::HashSet;

use sweeper_data::{Labels, Split, order, seeding::EVALUATION_PASS};
use sweeper_recipe::{EvaluateFlip, Sampler, TrainEvaluation, When, trial::Prediction};
use tch::{TchError, Tensor};

use crate::{
    error::Error,
    loss::Truth,
    model::{Frozen, Model},
    training::Setup,
};
use metrics::{Matrix, MetricError, Scores};

/// What a metric is measured on; the part of its name behind the slash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The training split through the training loader.
    Train,
    /// The training split, every image once and unchanged.
    TrainClean,
    /// The validation set.
    Balanced,
    /// Its rows with the training split's class proportions.
    Unbalanced,
    /// Its other rows, with inverted proportions.
    Perverse,
}

impl Part {
    /// As metrics are named.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::TrainClean => "train_clean",
            Self::Balanced => "balanced",
            Self::Unbalanced => "unbalanced",
            Self::Perverse => "perverse",
        }
    }
}

/// What one evaluation showed.
#[derive(Default)]
pub(crate) struct Scored {
    /// `metric/split` and value, in a fixed order.
    pub values: Vec<(String, f64)>,
    /// At the end: the same of the balanced split as after any other epoch, where its bias is another one then.
    pub as_epoch: Vec<(String, f64)>,
    /// Which validation images were right, if that is wanted.
    pub predictions: Vec<Prediction>,
}

/// Measures models of one training.
pub(crate) struct Evaluator<'a> {
    pub setup: &'a Setup<'a>,
}

/// How images are fed.
#[derive(Clone, Copy)]
enum Feed {
    /// As in training, with the random changes of this epoch.
    Training(u32),
    /// Unchanged.
    Clean,
    /// Unchanged but mirrored.
    Mirrored,
}

/// Logits of some rows, unbiased, and those rows.
struct Logits {
    matrix: Matrix,
    rows: Vec<usize>,
}

impl Evaluator<'_> {
    /// Scores of every split after `epochs` epochs, in a fixed order; none where a logit is not finite.
    pub(crate) fn scores(&self, model: &Model, epochs: u32, is_final: bool) -> Result<Option<Scored>, Error> {
        let (setup, frozen) = (self.setup, model.frozen()?);
        let evaluate = &setup.recipe.evaluate;
        let mut scored = Scored::default();
        let train = &setup.splits.train;
        // The training split is as large as all others together, so it is measured once, at the end.
        let (as_loaded, clean) = match evaluate.train {
            _ if !is_final => (false, false),
            TrainEvaluation::Loader => (true, false),
            TrainEvaluation::Clean => (false, true),
            TrainEvaluation::Both => (true, true),
            TrainEvaluation::None => (false, false),
        };
        if as_loaded {
            let epoch = epochs | EVALUATION_PASS;
            let Some(logits) = self.logits(&frozen, self.loaded_rows(epoch), Feed::Training(epoch))? else {
                return Ok(None);
            };
            scored.values.extend(self.score(&logits, Part::Train, train, is_final)?);
        }
        if clean {
            let Some(logits) = self.logits(&frozen, train.rows.clone(), Feed::Clean)? else { return Ok(None) };
            // Alone it is `train`; beside the loader's it has a name of its own.
            let part = if as_loaded { Part::TrainClean } else { Part::Train };
            scored.values.extend(self.score(&logits, part, train, is_final)?);
        }
        let balanced = &setup.splits.balanced;
        let Some(logits) = self.validation(&frozen, balanced)? else { return Ok(None) };
        let bias = |is_final| setup.biases.evaluation(Part::Balanced, balanced, is_final);
        // Study A evaluates the last epoch as every other one, and then once more.
        if is_final && evaluate.when == When::Epoch && bias(true) != bias(false) {
            scored.as_epoch = self.score(&logits, Part::Balanced, balanced, false)?;
        }
        let mut parts = vec![(Part::Balanced, balanced)];
        if let Some((unbalanced, perverse)) = &setup.splits.parts {
            parts.extend([(Part::Unbalanced, unbalanced), (Part::Perverse, perverse)]);
        }
        for (part, split) in parts {
            scored.values.extend(self.score(&logits, part, split, is_final)?);
            if is_final && evaluate.predictions {
                scored.predictions.push(self.prediction(&logits, part, split)?);
            }
        }
        Ok(Some(scored))
    }

    /// The training split as the training loader would give it next: shuffled, last partial batch dropped.
    fn loaded_rows(&self, epoch: u32) -> Vec<usize> {
        let (split, labels) = (&self.setup.splits.train, &self.setup.set.labels);
        let mut rows = order(split, labels, Sampler::Shuffle, self.setup.seed, epoch);
        if self.setup.recipe.data.drop_last {
            let batch = self.setup.recipe.batch_size as usize;
            rows.truncate(rows.len() / batch * batch);
        }
        rows
    }

    /// Logits of the validation set, with its mirror images as the recipe says.
    fn validation(&self, model: &Frozen<'_>, split: &Split) -> Result<Option<Logits>, Error> {
        let Some(plain) = self.logits(model, split.rows.clone(), Feed::Clean)? else { return Ok(None) };
        let join: fn(&Matrix, &Matrix) -> Result<Matrix, MetricError> = match self.setup.recipe.evaluate.flip {
            EvaluateFlip::None => return Ok(Some(plain)),
            EvaluateFlip::FlipConcat => metrics::flip_concat,
            EvaluateFlip::FlipMeanLogits => metrics::flip_mean_logits,
        };
        let Some(mirrored) = self.logits(model, split.rows.clone(), Feed::Mirrored)? else { return Ok(None) };
        let matrix = join(&plain.matrix, &mirrored.matrix)?;
        let copies = matrix.rows() / plain.rows.len().max(1);
        Ok(Some(Logits { matrix, rows: plain.rows.repeat(copies) }))
    }

    /// The scores of those logits whose rows are `split`.
    fn score(&self, logits: &Logits, part: Part, split: &Split, is_final: bool) -> Result<Vec<(String, f64)>, Error> {
        let bias = self.setup.biases.evaluation(part, split, is_final);
        let positions = logits.positions(split);
        let matrix = logits.matrix.select(&positions, bias.as_deref())?;
        let rows: Vec<usize> = positions.iter().map(|&position| logits.rows[position]).collect();
        let Scores { entries } = self.metrics(&matrix, &rows)?;
        Ok(entries.into_iter().map(|(name, value)| (format!("{name}/{}", part.name()), value)).collect())
    }

    fn metrics(&self, matrix: &Matrix, rows: &[usize]) -> Result<Scores, Error> {
        let (evaluate, objective) = (&self.setup.recipe.evaluate, self.setup.objective);
        let scores = match &self.setup.set.labels {
            Labels::Single(labels) => {
                let labels: Vec<u16> = rows.iter().map(|&row| labels[row]).collect();
                let loss = matrix.mean(|at, z| objective.host_loss(z, Truth::Class(usize::from(labels[at]))));
                metrics::single_label(matrix, &labels, &evaluate.betas, evaluate.per_class, loss)?
            }
            Labels::Multi(_) => {
                let (targets, labels) = (self.targets(rows), matrix.columns());
                let marks: Vec<f32> = targets.iter().map(|&target| f32::from(target)).collect();
                let loss = matrix.mean(|at, z| objective.host_loss(z, Truth::Labels(&marks[at * labels..][..labels])));
                metrics::multi_label(matrix, &targets, evaluate.per_class, loss)?
            }
        };
        Ok(scores)
    }

    /// 0 or 1 for each of `rows` and each label.
    fn targets(&self, rows: &[usize]) -> Vec<u8> {
        let Labels::Multi(bits) = &self.setup.set.labels else { return Vec::new() };
        let labels = self.setup.set.classes.len();
        rows.iter().flat_map(|&row| &bits[row * labels..][..labels]).copied().collect()
    }

    /// Which images of a split are right, with the split's own bias, in the order of the logits.
    fn prediction(&self, logits: &Logits, part: Part, split: &Split) -> Result<Prediction, Error> {
        let bias = self.setup.biases.evaluation(part, split, true);
        let positions = logits.positions(split);
        let matrix = logits.matrix.select(&positions, bias.as_deref())?;
        let rows: Vec<usize> = positions.iter().map(|&position| logits.rows[position]).collect();
        let correct = match &self.setup.set.labels {
            Labels::Single(labels) => {
                let labels: Vec<u16> = rows.iter().map(|&row| labels[row]).collect();
                metrics::right_rows(&matrix, &labels)?
            }
            Labels::Multi(_) => metrics::fully_right_rows(&matrix, &self.targets(&rows))?,
        };
        Ok(Prediction { split: part.name().to_owned(), rows: rows.len() as u32, correct })
    }

    /// Logits of `rows`; none where one of them is not finite, whatever the pass, so that no metric is ever NaN.
    fn logits(&self, model: &Frozen<'_>, rows: Vec<usize>, feed: Feed) -> Result<Option<Logits>, Error> {
        let (batches, classes) = (self.setup.batches, self.setup.set.classes.len());
        let mut parts = Vec::new();
        let mut first = 0;
        for rows in rows.chunks(self.setup.recipe.evaluate.batch_size as usize) {
            if (self.setup.stop)() {
                return Err(Error::Stopped);
            }
            let images = match feed {
                Feed::Training(epoch) => batches.training(rows, epoch, first)?,
                Feed::Clean => batches.evaluation(rows, false)?,
                Feed::Mirrored => batches.evaluation(rows, true)?,
            };
            parts.push(model.logits(&images)?);
            first += rows.len() as u64;
        }
        // One copy to the host, after all batches.
        let mut values = vec![0f32; rows.len() * classes];
        let all = Tensor::f_cat(&parts, 0)?.f_to_device(tch::Device::Cpu)?.f_contiguous()?;
        if all.size() != [rows.len() as i64, classes as i64] {
            return Err(TchError::Shape(format!("logits of shape {:?}", all.size())).into());
        }
        all.f_copy_data(&mut values, rows.len() * classes)?;
        let finite = values.iter().all(|value| value.is_finite());
        Ok(if finite { Some(Logits { matrix: Matrix::new(values, classes)?, rows }) } else { None })
    }
}

impl Logits {
    /// Where the rows of `split` are among these, in the order of these.
    fn positions(&self, split: &Split) -> Vec<usize> {
        let wanted: HashSet<usize> = split.rows.iter().copied().collect();
        (0..self.rows.len()).filter(|&position| wanted.contains(&self.rows[position])).collect()
    }
}
