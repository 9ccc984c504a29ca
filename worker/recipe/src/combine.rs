//! Lists, texts, and which settings go together.

use crate::{
    Activation, Arch, Data, LossKind, MOST_NUMBERS, Mining, Minority, Model, NormalizeKind, Omega, OptimizerKind, Pool,
    Recipe, RecipeError, ResizeKind, ScheduleKind, SmoothingKind, SmoothingTarget, Source, Stem, TrainPrior,
    TrainerKind, ValidationPrior, When, check::out_of_range,
};
use std::collections::BTreeSet;

/// Longest `meta`, in bytes.
const META_BYTES: usize = 1_000;
/// Longest `data.path`, in bytes.
const PATH_BYTES: usize = 1_000;
/// Most entries of a list of rows or classes.
const LONGEST_LIST: usize = 1_000_000;
/// Most classes, and so most entries of a list of weights.
const MOST_CLASSES: usize = 1_000;
/// Most values of β.
const MOST_BETAS: usize = 8;
/// Most channels.
const MOST_CHANNELS: usize = 4;
/// Images of each class with `data.tiny`.
const TINY: usize = 16;
/// Numbers that a training records after every epoch, at most: losses while training, rate, seconds.
const NUMBERS_PER_EPOCH: usize = 8;

fn conflict(paths: &[&str], why: &str) -> Result<(), RecipeError> {
    Err(RecipeError::Conflict { paths: paths.iter().map(ToString::to_string).collect(), why: why.to_string() })
}

/// Refuses the combination if `wrong`.
fn refuse(wrong: bool, paths: &[&str], why: &str) -> Result<(), RecipeError> {
    if wrong { conflict(paths, why) } else { Ok(()) }
}

impl Recipe {
    /// Texts and lists, each on its own.
    pub(crate) fn check_lists(&self) -> Result<(), RecipeError> {
        let Data { path, classes, train_rows, validation_rows, normalize, .. } = &self.data;
        let climbs = path.split('/').any(|part| part == ".." || part == ".");
        let outside = path.starts_with('/') || path.contains('\\') || path.chars().any(char::is_control) || climbs;
        if outside || path.len() > PATH_BYTES {
            let range =
                "a folder inside the data directory, such as `imagenette2-160`, without `..`, at most 1,000 bytes";
            return Err(out_of_range("data.path", path.clone(), range));
        }
        if self.meta.len() > META_BYTES {
            return Err(out_of_range("meta", format!("{} bytes", self.meta.len()), "at most 1,000 bytes"));
        }
        // It is shown on terminals, on which control characters act.
        if let Some(c) = self.meta.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
            let range = "text without control characters but line breaks and tabs";
            return Err(out_of_range("meta", format!("text with {c:?}"), range));
        }
        for (path, list) in
            [("data.classes", classes), ("data.train_rows", train_rows), ("data.validation_rows", validation_rows)]
        {
            if list.len() > LONGEST_LIST {
                return Err(out_of_range(path, format!("{} numbers", list.len()), "at most 1,000,000 numbers"));
            }
            let mut seen = BTreeSet::new();
            if let Some(twice) = list.iter().find(|n| !seen.insert(**n)) {
                return Err(out_of_range(path, format!("{twice} twice"), "different numbers"));
            }
        }
        if classes.len() == 1 {
            return Err(out_of_range("data.classes", classes[0].to_string(), "none, or two and more labels"));
        }
        let (mean, deviation, weights) = (&normalize.mean, &normalize.deviation, &self.loss.class_weights);
        numbers("data.normalize.mean", mean, MOST_CHANNELS, "at most 4 numbers from -10 to 10", |x| x.abs() <= 10.0)?;
        let range = "at most 4 numbers above 0, at most 10";
        numbers("data.normalize.deviation", deviation, MOST_CHANNELS, range, |x| x > 0.0 && x <= 10.0)?;
        let range = "at most 1,000 numbers above 0, at most 1e6";
        numbers("loss.class_weights", weights, MOST_CLASSES, range, |x| x > 0.0 && x <= 1e6)?;
        let (betas, range) = (&self.evaluate.betas, "1 to 8 different numbers from 0.001 to 1,000");
        numbers("evaluate.betas", betas, MOST_BETAS, range, |x| (0.001..=1_000.0).contains(&x))?;
        let twice = betas.iter().enumerate().any(|(place, beta)| betas[..place].contains(beta));
        if betas.is_empty() || twice {
            return Err(out_of_range("evaluate.betas", format!("{betas:?}"), range));
        }
        Ok(())
    }

    /// What must fit together.
    pub(crate) fn check_combinations(&self) -> Result<(), RecipeError> {
        refuse(
            (self.prior.train == TrainPrior::None) != (self.prior.validation == ValidationPrior::None),
            &["prior.train", "prior.validation"],
            "the layer is there or it is not, so `none` on one side needs `none` on the other; \
             `zero` is the layer without an effect",
        )?;
        if self.trainer == TrainerKind::Synthetic {
            return Ok(());
        }
        self.check_data()?;
        self.check_division()?;
        self.check_input()?;
        self.check_augment()?;
        self.check_model()?;
        self.check_optimizer()?;
        self.check_loss()?;
        self.check_rectification()?;
        self.check_amount()
    }

    /// Settings that belong to some sources only.
    fn check_data(&self) -> Result<(), RecipeError> {
        let (data, defaults) = (&self.data, Data::default());
        let source = data.source;
        refuse(
            data.noise > 0 && !matches!(source, Source::Imagenette | Source::Imagewoof),
            &["data.noise", "data.source"],
            "only `imagenette` and `imagewoof` come with corrupted labels",
        )?;
        refuse(
            data.label_count > 0 && !matches!(source, Source::MultiLabel | Source::Synthetic),
            &["data.label_count", "data.source"],
            "the source says itself how many classes it has; `data.classes` chooses among them",
        )?;
        refuse(
            data.ids != defaults.ids && source != Source::MultiLabel,
            &["data.ids", "data.source"],
            "only `multi-label` lists its samples in a CSV beside the images",
        )?;
        refuse(
            data.synthetic_images != defaults.synthetic_images && source != Source::Synthetic,
            &["data.synthetic_images", "data.source"],
            "only `synthetic` makes its images; `data.train_limit` and `data.validation_limit` take a part of others",
        )?;
        refuse(
            (data.exact || data.cache_size > 0) && !source.is_photographs(),
            &["data.exact", "data.cache_size", "data.source"],
            "only photographs are kept in a cache of another size",
        )?;
        let too_large =
            |most: usize| data.classes.iter().find(|label| usize::try_from(**label).is_ok_and(|l| l >= most));
        if let Some((most, label)) = labels(data).and_then(|most| Some((most, too_large(most)?))) {
            let why = format!("the source has the labels 0 to {}, and no {label}", most - 1);
            return conflict(&["data.classes", "data.source"], &why);
        }
        let weights = self.loss.class_weights.len();
        match classes(data) {
            Some(n) if weights > 0 && weights != n => {
                let why = format!("there are {n} classes and {weights} weights");
                conflict(&["loss.class_weights", "data.classes", "data.source"], &why)
            }
            _ => Ok(()),
        }
    }

    /// Which images train and which validate.
    fn check_division(&self) -> Result<(), RecipeError> {
        let data = &self.data;
        let multi = data.source.is_multi_label();
        refuse(
            (!data.train_rows.is_empty() || !data.validation_rows.is_empty()) && !multi,
            &["data.train_rows", "data.validation_rows", "data.source"],
            "only `multi-label` is divided by rows",
        )?;
        let trains: BTreeSet<u32> = data.train_rows.iter().copied().collect();
        refuse(
            data.validation_rows.iter().any(|row| trains.contains(row)),
            &["data.train_rows", "data.validation_rows"],
            "a row would train and validate",
        )?;
        refuse(
            data.validation_share != Data::default().validation_share && !multi && data.source != Source::Folder,
            &["data.validation_share", "data.source"],
            "only `multi-label` and `folder` are divided by a share; the others come divided",
        )?;
        refuse(
            multi && (data.unbalance.enabled || data.tiny || data.validation_per_class > 0 || !data.classes.is_empty()),
            &["data.source", "data.unbalance", "data.tiny", "data.validation_per_class", "data.classes"],
            "with several labels per sample there are no classes to divide by",
        )?;
        let limits = [
            (data.train_limit > 0, "data.train_limit", usize::try_from(data.train_limit).ok()),
            (data.tiny, "data.tiny", classes(data).map(|n| n * TINY)),
            (!data.train_rows.is_empty(), "data.train_rows", Some(data.train_rows.len())),
            (data.source == Source::Synthetic, "data.synthetic_images", usize::try_from(data.synthetic_images[0]).ok()),
        ];
        let batch = usize::try_from(self.batch_size).unwrap_or(usize::MAX);
        let small = limits.iter().find(|(set, _, images)| *set && images.is_some_and(|images| images < batch));
        match small {
            Some((_, path, _)) if data.drop_last => conflict(
                &["batch_size", path],
                "a batch is larger than the training split, and partial batches are dropped, so there would be no step",
            ),
            _ => Ok(()),
        }
    }

    /// Channels, and what they are scaled by.
    fn check_input(&self) -> Result<(), RecipeError> {
        let data = &self.data;
        let (choices, why): (&[u32], _) = match data.source {
            Source::FashionMnist | Source::Mnist => (&[0, 1, 3], "the images are grey: 1 channel, or 3 that repeat it"),
            Source::Cifar10 | Source::Cifar100 => (&[0, 3], "the images are red, green, blue; leave `channels` out"),
            Source::Imagenette | Source::Imagewoof | Source::Folder => {
                (&[0, 3], "photographs are read as red, green, blue; leave `channels` out")
            }
            Source::MultiLabel => {
                (&[0, 3, 4], "`multi-label` has 4 channels (red, blue, green, yellow) or 3 (red, green, blue)")
            }
            Source::Synthetic => (&[0, 1, 2, 3, 4], ""),
        };
        refuse(!choices.contains(&data.channels), &["data.channels", "data.source"], why)?;
        let normalize = &data.normalize;
        let given = normalize.kind == NormalizeKind::Given;
        let entries = normalize.mean.len();
        refuse(
            entries != normalize.deviation.len()
                || given == (entries == 0)
                || (given && channels(data).is_some_and(|n| n != entries)),
            &["data.normalize.kind", "data.normalize.mean", "data.normalize.deviation"],
            "`given` needs one mean and one deviation per channel, and the others take none",
        )
    }

    fn check_augment(&self) -> Result<(), RecipeError> {
        let (augment, data) = (&self.augment, &self.data);
        refuse(
            augment.resize.min_scale > augment.resize.max_scale,
            &["augment.resize.min_scale", "augment.resize.max_scale"],
            "the smallest share is larger than the largest",
        )?;
        refuse(
            augment.resize.evaluation_size > 0 && side(data).is_some_and(|side| augment.resize.evaluation_size < side),
            &["augment.resize.evaluation_size", "data.size"],
            "the centre crop is larger than the image that it is cut from",
        )?;
        refuse(
            data.cache_size > 0 && data.cache_size < data.side(),
            &["data.cache_size", "data.size"],
            "cached images would be smaller than what the network sees",
        )?;
        refuse(
            data.cache_size > 0 && (data.exact || augment.resize.kind == ResizeKind::Squish),
            &["data.cache_size", "data.exact", "augment.resize.kind"],
            "`exact` keeps full resolution and `squish` exactly `data.size`, so there is nothing to choose",
        )?;
        refuse(
            side(data).is_some_and(|side| augment.translate >= side),
            &["augment.translate", "data.size"],
            "an image cannot move by its own size with its border reflected",
        )?;
        refuse(
            augment.mixup.alpha > 0.0 && self.loss.rectification.enabled,
            &["augment.mixup.alpha", "loss.rectification.enabled"],
            "class rectification needs samples of one class each, and mixup makes samples of two",
        )
    }

    fn check_model(&self) -> Result<(), RecipeError> {
        let Model { arch, activation, pool, stem, self_attention, symmetric } = self.model;
        let chosen = [
            ("model.activation", activation != Activation::Relu),
            ("model.pool", pool != Pool::Average),
            ("model.stem", stem != Stem::Narrow),
            ("model.self_attention", self_attention),
        ];
        if let Some((path, _)) = chosen.iter().find(|(_, chosen)| *chosen && !arch.is_xresnet()) {
            let why = format!("`{}` has no such choice, only the xresnet family has", arch.name());
            return conflict(&[path, "model.arch"], &why);
        }
        refuse(
            symmetric && !self_attention,
            &["model.symmetric", "model.self_attention"],
            "there is no self-attention whose matrix could be symmetric",
        )?;
        refuse(
            arch == Arch::SimpleCnn
                && self.loss.rectification.enabled
                && self.loss.rectification.mining == Mining::Instance,
            &["model.arch", "loss.rectification.mining"],
            "`simple-cnn` has no last linear layer, so it has no features to compare",
        )
    }

    fn check_optimizer(&self) -> Result<(), RecipeError> {
        let optimizer = &self.optimizer;
        let rectified = matches!(optimizer.kind, OptimizerKind::Radam | OptimizerKind::Ranger);
        refuse(
            (optimizer.softplus > 0.0 || optimizer.eps_mode != crate::EpsMode::default()) && !rectified,
            &["optimizer.softplus", "optimizer.eps_mode", "optimizer.kind"],
            "only `radam` and `ranger` have them",
        )?;
        refuse(
            optimizer.momentum > 0.0 && !matches!(optimizer.kind, OptimizerKind::Sgd | OptimizerKind::Rmsprop),
            &["optimizer.momentum", "optimizer.kind"],
            "only `sgd` and `rmsprop` have momentum; the others call it `beta1`",
        )?;
        refuse(
            self.schedule.kind == ScheduleKind::Finder && (self.share_training || self.checkpoint.every > 0),
            &["schedule.kind", "share_training", "checkpoint.every"],
            "the search for a rate trains nothing that could be shared or resumed",
        )
    }

    fn check_loss(&self) -> Result<(), RecipeError> {
        let (loss, unbalance) = (&self.loss, self.data.unbalance.enabled);
        let multi = self.data.source.is_multi_label();
        refuse(
            multi != (loss.kind == LossKind::Bce),
            &["loss.kind", "data.source"],
            "several labels per sample need `bce`, one class per sample needs `cross-entropy`",
        )?;
        refuse(
            multi && (loss.smoothing.eps > 0.0 || !loss.class_weights.is_empty() || self.augment.mixup.alpha > 0.0),
            &["loss.smoothing.eps", "loss.class_weights", "augment.mixup.alpha", "data.source"],
            "smoothing, class weights and mixup are defined for one class per sample",
        )?;
        refuse(
            !loss.class_weights.is_empty() && loss.smoothing.kind != SmoothingKind::Uniform,
            &["loss.class_weights", "loss.smoothing.kind"],
            "smoothing towards a prior and class weights undo each other; take one of them",
        )?;
        let matched = loss.smoothing.kind == SmoothingKind::ValMatched;
        refuse(
            matched != loss.smoothing.target.is_some(),
            &["loss.smoothing.kind", "loss.smoothing.target"],
            "`val-matched` names its `target` (balanced, unbalanced or perverse), the others have none",
        )?;
        let half = [Some(SmoothingTarget::Unbalanced), Some(SmoothingTarget::Perverse)];
        refuse(
            !unbalance && half.contains(&loss.smoothing.target),
            &["loss.smoothing.target", "data.unbalance.enabled"],
            "without the unbalanced column there is no such split",
        )
    }

    fn check_rectification(&self) -> Result<(), RecipeError> {
        let (rectification, multi) = (&self.loss.rectification, self.data.source.is_multi_label());
        let given = rectification.omega == Omega::Given;
        refuse(
            given == (rectification.omega_value == 0.0) && rectification.enabled,
            &["loss.rectification.omega", "loss.rectification.omega_value"],
            "`given` needs a value above 0, and the others take none",
        )?;
        refuse(
            rectification.enabled && given && rectification.eta * rectification.omega_value > 1.0,
            &["loss.rectification.eta", "loss.rectification.omega_value"],
            "their product is the weight of rectification, and the base loss has the rest of 1",
        )?;
        refuse(
            rectification.enabled && !multi && (rectification.minority == Minority::PerLabel),
            &["loss.rectification.minority", "data.source"],
            "`per-label` is for several labels per sample",
        )?;
        refuse(
            rectification.enabled && multi && rectification.mining == Mining::Instance,
            &["loss.rectification.mining", "data.source"],
            "with several labels per sample, mining is by class",
        )
    }

    /// How much is recorded.
    fn check_amount(&self) -> Result<(), RecipeError> {
        let epochs = usize::try_from(self.epochs).unwrap_or(usize::MAX);
        // Where only the files know how many classes there are, the coordinator refuses what is too much.
        let evaluation = self.numbers_per_evaluation(classes(&self.data).unwrap_or(0));
        let often = if self.evaluate.when == When::Epoch { epochs } else { 1 };
        let numbers = epochs * NUMBERS_PER_EPOCH + often.saturating_mul(evaluation);
        if numbers > MOST_NUMBERS {
            let why = format!("{numbers} numbers per trial are too many, at most {MOST_NUMBERS} are kept");
            return conflict(&["epochs", "evaluate.when", "evaluate.per_class"], &why);
        }
        Ok(())
    }
}

/// Numbers of a list, no more than `most`, of which each `holds`.
fn numbers(path: &str, list: &[f64], most: usize, range: &str, holds: fn(f64) -> bool) -> Result<(), RecipeError> {
    if list.len() > most {
        return Err(out_of_range(path, format!("{} numbers", list.len()), range));
    }
    match list.iter().find(|x| !holds(**x)) {
        Some(wrong) => Err(out_of_range(path, wrong.to_string(), range)),
        None => Ok(()),
    }
}

/// Labels that the source has in its files; none where only the files know.
fn labels(data: &Data) -> Option<usize> {
    match (data.source, data.label_count) {
        (Source::FashionMnist | Source::Mnist | Source::Cifar10 | Source::Imagenette | Source::Imagewoof, _) => {
            Some(10)
        }
        (Source::Cifar100, _) => Some(100),
        (Source::Synthetic, 0) => Some(10),
        (Source::MultiLabel, 0) => Some(28),
        (Source::Synthetic | Source::MultiLabel, n) => usize::try_from(n).ok(),
        (Source::Folder, _) => None,
    }
}

/// Classes that are trained on; none where only the files know.
fn classes(data: &Data) -> Option<usize> {
    if data.classes.is_empty() { labels(data) } else { Some(data.classes.len()) }
}

/// Side of what the network sees; none where only the files know.
fn side(data: &Data) -> Option<u32> {
    match data.source {
        _ if data.side() > 0 => Some(data.side()),
        Source::FashionMnist | Source::Mnist => Some(28),
        Source::Cifar10 | Source::Cifar100 => Some(32),
        _ => None,
    }
}

/// Channels that the network sees; none where only the files know.
fn channels(data: &Data) -> Option<usize> {
    match data.source {
        _ if data.channels > 0 => usize::try_from(data.channels).ok(),
        Source::FashionMnist | Source::Mnist => Some(1),
        Source::Cifar10 | Source::Cifar100 | Source::Imagenette | Source::Imagewoof | Source::Folder => Some(3),
        Source::MultiLabel => Some(4),
        Source::Synthetic => None,
    }
}
