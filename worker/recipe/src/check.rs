//! Ranges. Every way of making a [`Recipe`] from text or a tree goes through here; `combine` checks what goes together.

use crate::{Recipe, RecipeError, Value, de::Reader, value::join};
use serde::Deserialize;

/// One number of the recipe: its path, its range in words, the test, the number.
struct Limit {
    path: &'static str,
    range: &'static str,
    holds: fn(f64) -> bool,
    number: fn(&Recipe) -> f64,
}

macro_rules! limits {
    ($($path:literal, $range:literal, $holds:expr, $r:ident => $number:expr;)*) => {
        &[$(Limit { path: $path, range: $range, holds: $holds, number: |$r| f64::from($number) }),*]
    };
}

/// The ranges that `types/` documents.
const LIMITS: &[Limit] = limits! {
    "epochs", "1 to 10,000", |x| (1.0..=10_000.0).contains(&x), r => r.epochs;
    "batch_size", "1 to 65,536", |x| (1.0..=65_536.0).contains(&x), r => r.batch_size;
    "checkpoint.every", "0 (none) to 10,000", |x| x <= 10_000.0, r => r.checkpoint.every;
    "data.size", "0 (the images' own) or 4 to 1,024", |x| x == 0.0 || (4.0..=1_024.0).contains(&x), r => r.data.size;
    "data.cache_size", "0 (what is needed) or 4 to 4,096", |x| x == 0.0 || (4.0..=4_096.0).contains(&x), r => r.data.cache_size;
    "data.channels", "0 (the source's own) to 4", |x| x <= 4.0, r => r.data.channels;
    "data.noise", "0, 1, 5, 25 or 50", |x| [0.0, 1.0, 5.0, 25.0, 50.0].contains(&x), r => r.data.noise;
    "data.label_count", "0 (the source's own) or 2 to 1,000", |x| x == 0.0 || (2.0..=1_000.0).contains(&x), r => r.data.label_count;
    "data.validation_share", "above 0, below 1", |x| x > 0.0 && x < 1.0, r => r.data.validation_share;
    "data.train_limit", "0 (no limit) or 10 to 10,000,000", no_limit_or_ten, r => r.data.train_limit;
    "data.validation_limit", "0 (no limit) or 10 to 10,000,000", no_limit_or_ten, r => r.data.validation_limit;
    "data.validation_per_class", "0 (none) to 100,000", |x| x <= 100_000.0, r => r.data.validation_per_class;
    "data.split_seed", "0 to 2^32 - 1", |x| x <= 4_294_967_295.0, r => r.data.split_seed;
    "data.synthetic_images", "two numbers from 10 to 10,000,000", ten_up, r => r.data.synthetic_images[0];
    "data.synthetic_images", "two numbers from 10 to 10,000,000", ten_up, r => r.data.synthetic_images[1];
    "augment.resize.min_scale", "above 0, at most 1", above_zero_to_one, r => r.augment.resize.min_scale;
    "augment.resize.max_scale", "above 0, at most 1", above_zero_to_one, r => r.augment.resize.max_scale;
    "augment.resize.evaluation_size", "0 (5/4 of data.size) or 4 to 4,096", |x| x == 0.0 || (4.0..=4_096.0).contains(&x), r => r.augment.resize.evaluation_size;
    "augment.translate", "0 to 64", |x| x <= 64.0, r => r.augment.translate;
    "augment.cutout", "0 to 512", |x| x <= 512.0, r => r.augment.cutout;
    "augment.erasing.share", "0 to 1", share, r => r.augment.erasing.share;
    "augment.erasing.p", "0 to 1", share, r => r.augment.erasing.p;
    "augment.erasing.max_boxes", "1 to 16", |x| (1.0..=16.0).contains(&x), r => r.augment.erasing.max_boxes;
    "augment.mixup.alpha", "0 (no mixup) to 100", |x| (0.0..=100.0).contains(&x), r => r.augment.mixup.alpha;
    "augment.mixup.until", "0 to 1", share, r => r.augment.mixup.until;
    "optimizer.lr", "above 0, at most 100", |x| x > 0.0 && x <= 100.0, r => r.optimizer.lr;
    "optimizer.beta1", "0 up to but not 1", below_one, r => r.optimizer.beta1;
    "optimizer.beta2", "0 up to but not 1", below_one, r => r.optimizer.beta2;
    "optimizer.momentum", "0 up to but not 1", below_one, r => r.optimizer.momentum;
    "optimizer.eps", "above 0, at most 1", above_zero_to_one, r => r.optimizer.eps;
    "optimizer.softplus", "0 to 1,000", |x| (0.0..=1_000.0).contains(&x), r => r.optimizer.softplus;
    "optimizer.weight_decay", "0 to 1", share, r => r.optimizer.weight_decay;
    "optimizer.lookahead.every", "0 to 1,000", |x| x <= 1_000.0, r => r.optimizer.lookahead.every;
    "optimizer.lookahead.alpha", "above 0, at most 1", above_zero_to_one, r => r.optimizer.lookahead.alpha;
    "optimizer.loss_scale.initial", "1 to 2^40", |x| (1.0..=2f64.powi(40)).contains(&x), r => r.optimizer.loss_scale.initial;
    "optimizer.loss_scale.interval", "1 to 1,000,000", |x| (1.0..=1e6).contains(&x), r => r.optimizer.loss_scale.interval;
    "schedule.pct_start", "0 to 1", share, r => r.schedule.pct_start.unwrap_or(0.0);
    "loss.smoothing.eps", "0 up to but not 1", below_one, r => r.loss.smoothing.eps;
    "loss.rectification.eta", "0 to 1e6", |x| (0.0..=1e6).contains(&x), r => r.loss.rectification.eta;
    "loss.rectification.margin", "0 to 1,000", |x| (0.0..=1_000.0).contains(&x), r => r.loss.rectification.margin;
    "loss.rectification.kappa", "1 to 1,024", |x| (1.0..=1_024.0).contains(&x), r => r.loss.rectification.kappa;
    "loss.rectification.rho", "0 to 1", share, r => r.loss.rectification.rho;
    "loss.rectification.omega_value", "0 to 1e6", |x| (0.0..=1e6).contains(&x), r => r.loss.rectification.omega_value;
    "loss.rectification.inspect", "0 to 1,000", |x| x <= 1_000.0, r => r.loss.rectification.inspect;
    "evaluate.batch_size", "1 to 65,536", |x| (1.0..=65_536.0).contains(&x), r => r.evaluate.batch_size;
    "synthetic.base", "-1e9 to 1e9", |x| x.abs() <= 1e9, r => r.synthetic.base;
    "synthetic.effect", "-1e9 to 1e9", |x| x.abs() <= 1e9, r => r.synthetic.effect;
    "synthetic.seed_noise", "0 to 1e9", |x| (0.0..=1e9).contains(&x), r => r.synthetic.seed_noise;
    "synthetic.trial_noise", "0 to 1e9", |x| (0.0..=1e9).contains(&x), r => r.synthetic.trial_noise;
    "synthetic.seconds", "0 to 86,400", |x| (0.0..=86_400.0).contains(&x), r => r.synthetic.seconds;
    "synthetic.diverge", "0 to 1", share, r => r.synthetic.diverge;
    "synthetic.fail", "0 to 1", share, r => r.synthetic.fail;
};

/// A seed must fit the signed 64-bit integers of TOML and of the canonical form, which an f64 cannot tell.
const SEED: (&str, &str) = ("data.unbalance.seed", "0 to 2^63 - 1");

fn no_limit_or_ten(x: f64) -> bool {
    x == 0.0 || (10.0..=10_000_000.0).contains(&x)
}

fn below_one(x: f64) -> bool {
    (0.0..1.0).contains(&x)
}

fn ten_up(x: f64) -> bool {
    (10.0..=10_000_000.0).contains(&x)
}

fn above_zero_to_one(x: f64) -> bool {
    x > 0.0 && x <= 1.0
}

fn share(x: f64) -> bool {
    (0.0..=1.0).contains(&x)
}

impl Recipe {
    /// Reads a tree and checks everything: names, types, ranges, combinations.
    ///
    /// # Errors
    /// The first mistake found; see [`RecipeError`].
    pub fn from_value(value: &Value) -> Result<Self, RecipeError> {
        let recipe = Self::from_part(value)?;
        recipe.check_combinations()?;
        Ok(recipe)
    }

    /// Reads a part of a recipe, such as the overrides of one config: names, types and ranges are checked,
    /// combinations are not, for the other half of a combination may stand elsewhere.
    ///
    /// # Errors
    /// As [`Recipe::from_value`], but never [`RecipeError::Conflict`].
    pub fn from_part(value: &Value) -> Result<Self, RecipeError> {
        let recipe = Self::deserialize(Reader(value)).map_err(explained)?;
        recipe.check_ranges()?;
        Ok(recipe)
    }

    /// Reads JSON, canonical or not, and checks everything.
    ///
    /// # Errors
    /// See [`RecipeError`].
    pub fn from_json(json: &[u8]) -> Result<Self, RecipeError> {
        let json = serde_json::from_slice(json).map_err(|e| RecipeError::NotJson { why: e.to_string() })?;
        Self::from_value(&Value::from_json(json))
    }

    fn check_ranges(&self) -> Result<(), RecipeError> {
        for limit in LIMITS {
            let number = (limit.number)(self);
            if !(limit.holds)(number) {
                return Err(out_of_range(limit.path, number.to_string(), limit.range));
            }
        }
        let seed = self.data.unbalance.seed;
        if i64::try_from(seed).is_err() {
            return Err(out_of_range(SEED.0, seed.to_string(), SEED.1));
        }
        self.check_lists()
    }
}

pub(crate) fn out_of_range(path: &str, value: String, range: &str) -> RecipeError {
    RecipeError::OutOfRange { path: path.to_string(), value, range: range.to_string() }
}

/// Says what the tree reader cannot know: the setting's own range instead of its machine type's, and where an unknown
/// key would have been right.
fn explained(error: RecipeError) -> RecipeError {
    match error {
        RecipeError::OutOfRange { path, value, range } => {
            // An element of a list has its list's range: `data.synthetic_images.1`.
            let (list, index) = path.rsplit_once('.').unwrap_or((&path, ""));
            let setting = if index.parse::<usize>().is_ok() { list } else { &path };
            let own = LIMITS.iter().map(|l| (l.path, l.range)).chain([SEED]).find(|(p, _)| *p == setting);
            let range = match own {
                Some((_, range)) => range.to_string(),
                None if range == "u32" => "0 to 2^32 - 1".to_string(),
                None => range,
            };
            RecipeError::OutOfRange { path, value, range }
        }
        RecipeError::UnknownKey { path, key, expected, nearest: None } => {
            let elsewhere = Recipe::settings().leaves().into_iter().find_map(|(leaf, _)| {
                let hit = leaf.rsplit('.').next() == Some(key.as_str()) && leaf != join(&path, &key);
                hit.then_some(leaf)
            });
            RecipeError::UnknownKey { path, key, expected, nearest: elsewhere }
        }
        other => other,
    }
}
