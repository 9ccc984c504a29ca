//! Lists, texts, and which settings go together.

use crate::{
    Activation, Arch, Data, LossKind, Mining, Minority, Model, NormalizeKind, Omega, OptimizerKind, Pool, Recipe,
    RecipeError, ResizeKind, Sampler, ScheduleKind, SmoothingKind, SmoothingTarget, Source, Stem, TrainPrior,
    TrainerKind, ValidationPrior, When, check::out_of_range,
};

/// Longest `meta`, in bytes.
const META_BYTES: usize = 1_000;
/// Most entries of a list of rows or classes.
const LONGEST_LIST: usize = 1_000_000;

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
        if path.starts_with('/') || path.contains('\\') || path.chars().any(char::is_control) || climbs {
            let range = "a folder inside the data directory, such as `imagenette2-160`, without `..`";
            return Err(out_of_range("data.path", path.clone(), range));
        }
        if self.meta.len() > META_BYTES {
            return Err(out_of_range("meta", format!("{} bytes", self.meta.len()), "at most 1,000 bytes"));
        }
        for (path, list) in
            [("data.classes", classes), ("data.train_rows", train_rows), ("data.validation_rows", validation_rows)]
        {
            let mut sorted = list.clone();
            sorted.sort_unstable();
            if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
                return Err(out_of_range(path, format!("{} twice", twice[0]), "different numbers"));
            }
            if list.len() > LONGEST_LIST {
                return Err(out_of_range(path, format!("{} numbers", list.len()), "at most 1,000,000 numbers"));
            }
        }
        if classes.len() == 1 {
            return Err(out_of_range("data.classes", classes[0].to_string(), "none, or two and more labels"));
        }
        numbers("data.normalize.mean", &normalize.mean, "numbers from -10 to 10", |x| x.abs() <= 10.0)?;
        numbers("data.normalize.deviation", &normalize.deviation, "numbers above 0, at most 10", |x| {
            x > 0.0 && x <= 10.0
        })?;
        numbers("loss.class_weights", &self.loss.class_weights, "numbers above 0, at most 1e6", |x| {
            x > 0.0 && x <= 1e6
        })?;
        let betas = &self.evaluate.betas;
        numbers("evaluate.betas", betas, "numbers above 0, at most 1,000", |x| x > 0.0 && x <= 1_000.0)?;
        let twice = betas.iter().enumerate().any(|(place, beta)| betas[..place].contains(beta));
        if betas.is_empty() || betas.len() > 8 || twice {
            return Err(out_of_range("evaluate.betas", format!("{betas:?}"), "1 to 8 different numbers"));
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
        refuse(
            self.share_training && self.evaluate.when == When::Epoch,
            &["share_training", "evaluate.when"],
            "what is shared is the finished training, so only its end can be evaluated",
        )?;
        self.check_data()?;
        self.check_augment()?;
        self.check_model()?;
        self.check_optimizer()?;
        self.check_loss()
    }

    fn check_data(&self) -> Result<(), RecipeError> {
        let data = &self.data;
        let multi = data.source.is_multi_label();
        refuse(
            data.train_limit > 0 && self.batch_size > data.train_limit && data.drop_last,
            &["batch_size", "data.train_limit"],
            "a batch is larger than the training split, and partial batches are dropped, so there would be no step",
        )?;
        refuse(
            data.noise > 0 && !matches!(data.source, Source::Imagenette | Source::Imagewoof),
            &["data.noise", "data.source"],
            "only `imagenette` and `imagewoof` come with corrupted labels",
        )?;
        refuse(
            data.label_count > 0 && !matches!(data.source, Source::MultiLabel | Source::Synthetic),
            &["data.label_count", "data.source"],
            "the source says itself how many classes it has; `data.classes` chooses among them",
        )?;
        refuse(
            (!data.train_rows.is_empty() || !data.validation_rows.is_empty()) && !multi,
            &["data.train_rows", "data.validation_rows", "data.source"],
            "only `multi-label` is divided by rows",
        )?;
        refuse(
            data.train_rows.iter().any(|row| data.validation_rows.contains(row)),
            &["data.train_rows", "data.validation_rows"],
            "a row would train and validate",
        )?;
        refuse(
            multi && (data.unbalance.enabled || data.tiny || data.validation_per_class > 0 || !data.classes.is_empty()),
            &["data.source", "data.unbalance", "data.tiny", "data.validation_per_class", "data.classes"],
            "with several labels per sample there are no classes to divide by",
        )?;
        refuse(
            data.source == Source::MultiLabel && !matches!(data.channels, 0 | 3 | 4),
            &["data.channels", "data.source"],
            "`multi-label` has 4 channels (red, blue, green, yellow) or 3 (red, green, blue)",
        )?;
        refuse(
            data.source.is_photographs() && !matches!(data.channels, 0 | 3),
            &["data.channels", "data.source"],
            "photographs are read as red, green, blue; leave `channels` out",
        )?;
        let normalize = &data.normalize;
        let given = normalize.kind == NormalizeKind::Given;
        refuse(
            normalize.mean.len() != normalize.deviation.len() || given == normalize.mean.is_empty(),
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
        let side = if data.side() == 0 { 128 } else { data.side() };
        refuse(
            augment.resize.evaluation_size > 0 && augment.resize.evaluation_size < side,
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
            data.side() > 0 && augment.translate >= data.side(),
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
            arch == Arch::SimpleCnn && self.loss.rectification.mining == Mining::Instance,
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
        )?;
        let rectification = &loss.rectification;
        refuse(
            (rectification.omega == Omega::Given) == (rectification.omega_value == 0.0) && rectification.enabled,
            &["loss.rectification.omega", "loss.rectification.omega_value"],
            "`given` needs a value above 0, and the others take none",
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
        )?;
        refuse(
            rectification.enabled && self.schedule.kind == ScheduleKind::Finder,
            &["loss.rectification.enabled", "schedule.kind"],
            "the search for a rate uses the base loss",
        )?;
        refuse(
            self.data.sampler == Sampler::ClassBalanced && self.schedule.kind == ScheduleKind::Finder,
            &["data.sampler", "schedule.kind"],
            "the search for a rate draws every image once",
        )
    }
}

fn numbers(path: &str, list: &[f64], range: &str, holds: fn(f64) -> bool) -> Result<(), RecipeError> {
    match list.iter().find(|x| !holds(**x)) {
        Some(wrong) => Err(out_of_range(path, wrong.to_string(), range)),
        None => Ok(()),
    }
}
