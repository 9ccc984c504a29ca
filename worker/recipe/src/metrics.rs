//! The names of what a training measures, as the trainer writes and the sweep file checks them.

use crate::{Recipe, ScheduleKind, TrainEvaluation, TrainerKind};

/// Numbers that one trial may record. With names as long as the trainer's, so many fit into one message to the
/// coordinator.
pub const MOST_NUMBERS: usize = 200_000;

impl Recipe {
    /// The final metrics that this recipe yields, `metric/split`, as the trainer names them: metric by metric, splits
    /// in the order train, train_clean, balanced, unbalanced, perverse. Per-class accuracies, whose number depends on
    /// the data, are not among them; see [`Recipe::yields_metric`].
    #[must_use]
    pub fn metric_names(&self) -> Vec<String> {
        if self.trainer == TrainerKind::Synthetic {
            return ["accuracy/balanced", "loss/balanced"].map(str::to_string).to_vec();
        }
        if self.schedule.kind == ScheduleKind::Finder {
            return vec!["lr/suggested".to_string()];
        }
        let splits = self.splits();
        let metrics = self.metrics();
        metrics.iter().flat_map(|metric| splits.iter().map(move |split| format!("{metric}/{split}"))).collect()
    }

    /// Whether a training of this recipe yields the final metric `name`. Any class number counts: which classes there
    /// are, only the data say.
    #[must_use]
    pub fn yields_metric(&self, name: &str) -> bool {
        let class = name.strip_prefix("accuracy_class_").and_then(|rest| rest.split_once('/'));
        let evaluated = self.trainer == TrainerKind::Torch && self.schedule.kind != ScheduleKind::Finder;
        match class {
            Some((class, split)) if self.evaluate.per_class && evaluated => {
                class.parse::<u32>().is_ok_and(|n| n.to_string() == class) && self.splits().contains(&split)
            }
            _ => self.metric_names().iter().any(|known| known == name),
        }
    }

    /// Numbers that one evaluation records, of `classes` classes.
    pub(crate) fn numbers_per_evaluation(&self, classes: usize) -> usize {
        let classes = if self.evaluate.per_class { classes } else { 0 };
        (self.metrics().len() + classes) * self.splits().len()
    }

    fn splits(&self) -> Vec<&'static str> {
        let mut splits = match self.evaluate.train {
            TrainEvaluation::None => vec![],
            TrainEvaluation::Loader | TrainEvaluation::Clean => vec!["train"],
            TrainEvaluation::Both => vec!["train", "train_clean"],
        };
        splits.push("balanced");
        if self.data.unbalance.enabled {
            splits.extend(["unbalanced", "perverse"]);
        }
        splits
    }

    fn metrics(&self) -> Vec<String> {
        if self.data.source.is_multi_label() {
            return ["accuracy", "average_precision", "macro_f1", "loss"].map(str::to_string).to_vec();
        }
        let mut metrics = vec!["accuracy".to_string()];
        let betas = self.evaluate.betas.iter().enumerate();
        metrics.extend(betas.map(|(place, beta)| smoothed_accuracy(place, *beta)));
        metrics.extend(["macro_f1", "loss"].map(str::to_string));
        metrics
    }
}

/// Name of smoothed accuracy at the β in this place of `evaluate.betas`.
#[must_use]
pub fn smoothed_accuracy(place: usize, beta: f64) -> String {
    if place == 0 { "smoothed_accuracy".to_string() } else { format!("smoothed_accuracy_{beta}") }
}
