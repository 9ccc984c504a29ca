//! Canonical bytes and digest: equal for recipes that train the same, whatever their text looked like.

use crate::{
    Augment, Checkpoint, Data, Evaluate, Loss, Mode, Model, Optimizer, Precision, Prior, Recipe, Schedule,
    SmoothingKind, SmoothingTarget, Source, Synthetic, TrainPrior, TrainerKind, Value,
};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fmt::Write};

impl Default for Recipe {
    /// What an empty table means.
    fn default() -> Self {
        Self {
            trainer: TrainerKind::default(),
            epochs: 1,
            batch_size: 128,
            precision: Precision::default(),
            mode: Mode::default(),
            share_training: false,
            data: Data::default(),
            augment: Augment::default(),
            model: Model::default(),
            optimizer: Optimizer::default(),
            schedule: Schedule::default(),
            loss: Loss::default(),
            prior: Prior::default(),
            evaluate: Evaluate::default(),
            checkpoint: Checkpoint::default(),
            meta: String::new(),
            synthetic: Synthetic::default(),
        }
    }
}

impl Recipe {
    /// Every setting as data, defaults included.
    #[must_use]
    pub fn to_value(&self) -> Value {
        // Serializing plain structs of numbers and names cannot fail; a recipe has no map with keys of its own.
        serde_json::to_value(self).map(Value::from_json).unwrap_or_default()
    }

    /// A tree with every setting there is: the defaults, and some value for those that have none.
    #[must_use]
    pub fn settings() -> Value {
        let mut all = Self::default();
        all.schedule.pct_start = Some(0.0);
        all.loss.smoothing.target = Some(SmoothingTarget::Balanced);
        all.to_value()
    }

    /// The settings that differ from the defaults.
    #[must_use]
    pub fn changes(&self) -> Value {
        difference(self.to_value(), &Self::default().to_value()).unwrap_or_default()
    }

    /// Canonical JSON: [`Recipe::changes`] with sorted keys, no blanks, and one spelling of every number. Equal bytes
    /// are equal recipes, and the other way round. `{}` is the recipe of defaults. It holds every setting, also those
    /// that are no part of [`Recipe::digest`], so equal digests may have unequal bytes.
    ///
    /// That a default is not written means that a default must never change: a new one needs a new name, or every
    /// digest in every store would name another training.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        let mut out = String::new();
        write_json(&self.changes(), &mut out);
        out.into_bytes()
    }

    /// SHA-256 of [`Recipe::canonical`] without the settings that cannot change a result (`checkpoint`, `meta`,
    /// `loss.rectification.inspect`), lower-case hex, 64 characters.
    #[must_use]
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(self.identity().canonical()))
    }

    /// The recipe without the settings that cannot change a result.
    fn identity(&self) -> Self {
        let mut identity = Self { checkpoint: Checkpoint::default(), meta: String::new(), ..self.clone() };
        identity.loss.rectification.inspect = 0;
        identity
    }

    /// Digest of the settings that decide which parameters come out of a training. Recipes of one training digest
    /// differ in evaluation only.
    #[must_use]
    pub fn training_digest(&self) -> String {
        let mut training = Self { evaluate: Evaluate::default(), ..self.identity() };
        training.prior.validation = Prior::default().validation;
        // A bias of zeros is no bias, and with ε = 0 nothing is smoothed: equal to the bit.
        if training.prior.train == TrainPrior::Zero {
            training.prior.train = TrainPrior::None;
        }
        if training.loss.smoothing.eps == 0.0 {
            training.loss.smoothing.kind = SmoothingKind::Uniform;
            training.loss.smoothing.target = None;
        }
        hex(&Sha256::digest(training.canonical()))
    }

    /// Names the files that this recipe reads: recipes of one key train on the same data set. The source's name, with
    /// the folder where the recipe names one, or `synthetic` for the trainer that reads none.
    #[must_use]
    pub fn data_key(&self) -> String {
        if self.trainer == TrainerKind::Synthetic {
            return "synthetic".to_string();
        }
        let source = self.to_value().get("data.source").map(ToString::to_string).unwrap_or_default();
        match self.data.source {
            // Made, not read: other settings are other data.
            Source::Synthetic => {
                let Data { synthetic_images: [train, validation], split_seed, .. } = &self.data;
                let (classes, size) = (self.data.label_count, self.data.size);
                format!("images-{train}-{validation}-{classes}-{size}-{}-{split_seed}", self.data.channels)
            }
            _ if self.data.folder() == source => source,
            _ => format!("{source}:{}", self.data.folder()),
        }
    }
}

/// What of `value` is not in `default`; none if all is.
fn difference(value: Value, default: &Value) -> Option<Value> {
    match (value, default) {
        (Value::Table(table), Value::Table(defaults)) => {
            let changed: BTreeMap<String, Value> = table
                .into_iter()
                .filter_map(|(key, value)| match defaults.get(&key) {
                    Some(default) => difference(value, default).map(|d| (key, d)),
                    None => Some((key, value)),
                })
                .collect();
            (!changed.is_empty()).then_some(Value::Table(changed))
        }
        (value, default) => (value != *default).then_some(value),
    }
}

fn write_json(value: &Value, out: &mut String) {
    match value {
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Int(i) => out.push_str(&i.to_string()),
        Value::Float(x) => {
            let text = if *x == 0.0 { "0".to_string() } else { x.to_string() };
            out.push_str(&text);
            // Keeps the type: 1 in a float field is 1.0.
            if !text.contains('.') {
                out.push_str(".0");
            }
        }
        Value::Str(s) => out.push_str(&serde_json::Value::from(s.as_str()).to_string()),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_json(item, out);
            }
            out.push(']');
        }
        Value::Table(table) => {
            out.push('{');
            for (i, (key, value)) in table.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&serde_json::Value::from(key.as_str()).to_string());
                out.push(':');
                write_json(value, out);
            }
            out.push('}');
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut out, byte| {
        // Writing to a string cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}
