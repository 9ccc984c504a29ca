//! Accuracy, smoothed accuracy and loss of every split. The network sees each image once: the unbalanced and the
//! perverse split together are the balanced one, and biases are added to its stored logits.

use sweeper_recipe::{Recipe, TrainEvaluation};
use tch::TchError;

use crate::{
    augment::Loader,
    data::{DataSet, Split, Splits},
    error::Error,
    loss::{Targets, log_sum_exp},
    model::{Frozen, Model},
    prior::Biases,
    seeding::{Domain, EVALUATION_PASS, Stream},
};

/// What a metric is measured on; the part of its name behind the slash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The training split through the training loader.
    Train,
    /// The training split, every image once and unchanged.
    TrainClean,
    /// The validation file.
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

/// Logits without bias, on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct Logits {
    /// One row after the other.
    pub values: Vec<f32>,
    /// The class of each row.
    pub labels: Vec<u8>,
    /// Length of a row.
    pub classes: usize,
}

/// What one split scored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// Share of rows whose largest logit is their class's, percent. Of equal logits the first counts.
    pub accuracy: f64,
    /// Mean of softmax(β z) at the class, percent.
    pub smoothed_accuracy: f64,
    /// Mean of LSE(z) − ⟨T\[t\], z⟩, nats.
    pub loss: f64,
}

impl Logits {
    /// Scores the rows at `positions`, in that order, with `bias` added in float32 and everything else in float64.
    #[must_use]
    pub fn score(&self, positions: &[usize], bias: Option<&[f32]>, targets: &Targets, beta: f64) -> Score {
        let (mut correct, mut smoothed, mut loss) = (0u64, 0.0, 0.0);
        let mut z = vec![0.0; self.classes];
        let mut scaled = vec![0.0; self.classes];
        for &position in positions {
            let row = &self.values[position * self.classes..(position + 1) * self.classes];
            for (class, value) in row.iter().enumerate() {
                z[class] = f64::from(bias.map_or(*value, |bias| value + bias[class]));
                scaled[class] = beta * z[class];
            }
            let label = usize::from(self.labels[position]);
            let largest = (1..z.len()).fold(0, |best, class| if z[class] > z[best] { class } else { best });
            correct += u64::from(largest == label);
            smoothed += (scaled[label] - log_sum_exp(&scaled)).exp();
            loss += log_sum_exp(&z) - targets.row(label).iter().zip(&z).map(|(t, z)| t * z).sum::<f64>();
        }
        let count = positions.len() as f64;
        Score {
            accuracy: 100.0 * correct as f64 / count,
            smoothed_accuracy: 100.0 * smoothed / count,
            loss: loss / count,
        }
    }

    fn all_finite(&self) -> bool {
        self.values.iter().all(|value| value.is_finite())
    }
}

/// Everything about one training that its evaluations share.
pub(crate) struct Evaluator<'a> {
    pub set: &'a DataSet,
    pub splits: &'a Splits,
    pub biases: &'a Biases,
    pub targets: &'a Targets,
    pub recipe: &'a Recipe,
    pub seed: u64,
    pub stop: &'a dyn Fn() -> bool,
}

impl Evaluator<'_> {
    /// Scores of every split after `epochs` epochs, in a fixed order; none where a logit is not finite.
    pub(crate) fn scores(&self, model: &Model, epochs: u32) -> Result<Option<Vec<(Part, Score)>>, Error> {
        let frozen = model.frozen()?;
        let mut scores = Vec::new();
        let train = &self.splits.train;
        let (as_loaded, clean) = match self.recipe.evaluate.train {
            TrainEvaluation::Loader => (true, false),
            TrainEvaluation::Clean => (false, true),
            TrainEvaluation::Both => (true, true),
            TrainEvaluation::None => (false, false),
        };
        if as_loaded {
            let (rows, flips) = self.loaded_rows(epochs);
            let Some(logits) = self.logits(&frozen, Part::Train, &rows, flips.as_ref())? else { return Ok(None) };
            scores.push((Part::Train, self.score(&logits, Part::Train, train, &all(&logits))));
        }
        if clean {
            let Some(logits) = self.logits(&frozen, Part::TrainClean, &train.rows, None)? else { return Ok(None) };
            // Alone it is `train`; beside the loader's it has a name of its own.
            let part = if as_loaded { Part::TrainClean } else { Part::Train };
            scores.push((part, self.score(&logits, part, train, &all(&logits))));
        }
        let balanced = &self.splits.balanced;
        let Some(logits) = self.logits(&frozen, Part::Balanced, &balanced.rows, None)? else { return Ok(None) };
        // The balanced rows are 0 … n − 1, so a row of a part is a position among the logits.
        scores.push((Part::Balanced, self.score(&logits, Part::Balanced, balanced, &balanced.rows)));
        if let Some((unbalanced, perverse)) = &self.splits.parts {
            scores.push((Part::Unbalanced, self.score(&logits, Part::Unbalanced, unbalanced, &unbalanced.rows)));
            scores.push((Part::Perverse, self.score(&logits, Part::Perverse, perverse, &perverse.rows)));
        }
        Ok(Some(scores))
    }

    /// The training split as the training loader would give it next: shuffled, last partial batch dropped, mirrored.
    fn loaded_rows(&self, epochs: u32) -> (Vec<usize>, Option<Stream>) {
        let rows = &self.splits.train.rows;
        let epoch = epochs | EVALUATION_PASS;
        let order = Stream::new(self.seed, Domain::Order, epoch).permutation(rows.len());
        let batch = self.recipe.batch_size as usize;
        let kept = rows.len() / batch * batch;
        let rows = order[..kept].iter().map(|&position| rows[position]).collect();
        (rows, self.recipe.augment.flip.then(|| Stream::new(self.seed, Domain::Flip, epoch)))
    }

    fn score(&self, logits: &Logits, part: Part, split: &Split, positions: &[usize]) -> Score {
        let bias = self.biases.evaluation(part, split);
        logits.score(positions, bias.as_deref(), self.targets, self.recipe.evaluate.betas[0])
    }

    /// Logits of `rows`; none where one of them is not finite, whatever the pass, so that no metric is ever NaN.
    fn logits(
        &self,
        model: &Frozen<'_>,
        part: Part,
        rows: &[usize],
        flips: Option<&Stream>,
    ) -> Result<Option<Logits>, Error> {
        let images = match part {
            Part::Train | Part::TrainClean => &self.set.train,
            Part::Balanced | Part::Unbalanced | Part::Perverse => &self.set.validation,
        };
        let loader = Loader::new(self.set, images);
        let classes = self.set.classes;
        let mut values = vec![0f32; rows.len() * classes];
        let batch = self.recipe.evaluate.batch_size as usize;
        for (rows, values) in rows.chunks(batch).zip(values.chunks_mut(batch * classes)) {
            if (self.stop)() {
                return Err(Error::Stopped);
            }
            let logits = model.logits(&loader.batch(rows, flips)?)?;
            if logits.size() != [rows.len() as i64, classes as i64] {
                return Err(TchError::Shape(format!("logits of shape {:?}", logits.size())).into());
            }
            logits.f_contiguous()?.f_copy_data(values, rows.len() * classes)?;
        }
        let logits = Logits { values, labels: rows.iter().map(|&row| images.labels[row]).collect(), classes };
        Ok(logits.all_finite().then_some(logits))
    }
}

fn all(logits: &Logits) -> Vec<usize> {
    (0..logits.labels.len()).collect()
}
