//! Ranges and combinations. Every way of making a [`Recipe`] from text or a tree goes through here.

use crate::{
    Activation, Arch, Model, Pool, Recipe, RecipeError, TrainPrior, TrainerKind, ValidationPrior, Value, de::Reader,
    value::join,
};
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

/// The ranges that `types.rs` documents.
const LIMITS: &[Limit] = limits! {
    "epochs", "1 to 10,000", |x| (1.0..=10_000.0).contains(&x), r => r.epochs;
    "batch_size", "1 to 65,536", |x| (1.0..=65_536.0).contains(&x), r => r.batch_size;
    "data.train_limit", "0 (no limit) or 10 to 10,000,000", no_limit_or_ten, r => r.data.train_limit;
    "data.validation_limit", "0 (no limit) or 10 to 10,000,000", no_limit_or_ten, r => r.data.validation_limit;
    "optimizer.lr", "above 0, at most 100", |x| x > 0.0 && x <= 100.0, r => r.optimizer.lr;
    "optimizer.beta1", "0 up to but not 1", below_one, r => r.optimizer.beta1;
    "optimizer.beta2", "0 up to but not 1", below_one, r => r.optimizer.beta2;
    "optimizer.eps", "above 0, at most 1", |x| x > 0.0 && x <= 1.0, r => r.optimizer.eps;
    "optimizer.weight_decay", "0 to 1", share, r => r.optimizer.weight_decay;
    "schedule.pct_start", "0 to 1", share, r => r.schedule.pct_start;
    "loss.smoothing.eps", "0 up to but not 1", below_one, r => r.loss.smoothing.eps;
    "evaluate.beta", "above 0, at most 1,000", |x| x > 0.0 && x <= 1_000.0, r => r.evaluate.beta;
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
        Ok(())
    }

    fn check_combinations(&self) -> Result<(), RecipeError> {
        let conflict = |paths: &[&str], why: &str| {
            Err(RecipeError::Conflict { paths: paths.iter().map(ToString::to_string).collect(), why: why.to_string() })
        };
        if (self.prior.train == TrainPrior::None) != (self.prior.validation == ValidationPrior::None) {
            return conflict(
                &["prior.train", "prior.validation"],
                "the layer is there or it is not, so `none` on one side needs `none` on the other; \
                 `zero` is the layer without an effect",
            );
        }
        if self.trainer == TrainerKind::Synthetic {
            return Ok(());
        }
        if self.data.train_limit > 0 && self.batch_size > self.data.train_limit {
            return conflict(
                &["batch_size", "data.train_limit"],
                "a batch is larger than the training split, and partial batches are dropped, so there would be no step",
            );
        }
        let Model { arch, activation, pool } = self.model;
        if arch == Arch::SmallCnn && activation != Activation::Relu {
            return conflict(&["model.activation", "model.arch"], "`small-cnn` always has `relu`");
        }
        if arch == Arch::SmallCnn && pool != Pool::Average {
            return conflict(&["model.pool", "model.arch"], "`small-cnn` has no such choice: leave `pool` out");
        }
        Ok(())
    }
}

fn out_of_range(path: &str, value: String, range: &str) -> RecipeError {
    RecipeError::OutOfRange { path: path.to_string(), value, range: range.to_string() }
}

/// Says what the tree reader cannot know: the setting's own range instead of its machine type's, and where an unknown
/// key would have been right.
fn explained(error: RecipeError) -> RecipeError {
    match error {
        RecipeError::OutOfRange { path, value, range } => {
            let own = LIMITS.iter().map(|l| (l.path, l.range)).chain([SEED]).find(|(p, _)| *p == path);
            let range = own.map_or(range, |(_, range)| range.to_string());
            RecipeError::OutOfRange { path, value, range }
        }
        RecipeError::UnknownKey { path, key, expected, nearest: None } => {
            let elsewhere = Recipe::default().to_value().leaves().into_iter().find_map(|(leaf, _)| {
                let hit = leaf.rsplit('.').next() == Some(key.as_str()) && leaf != join(&path, &key);
                hit.then_some(leaf)
            });
            RecipeError::UnknownKey { path, key, expected, nearest: elsewhere }
        }
        other => other,
    }
}
