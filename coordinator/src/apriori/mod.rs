//! Study A's record layout: one CSV row per training, its config as flags, accuracies in percent.
//!
//! Map: `write` results to rows · `read` rows to results. Both directions know the same columns.

mod read;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use read::{is_head, read};
pub use write::{Written, write};

/// The columns, in order.
pub const COLUMNS: [&str; 16] = [
    "epochs",
    "ub",
    "ap",
    "tp",
    "vp",
    "al",
    "ls",
    "bs",
    "lr",
    "elapsed",
    "train_loss",
    "valid_loss",
    "train_acc_pct",
    "bal_val_acc_pct",
    "unbal_val_acc_pct",
    "perv_val_acc_pct",
];

/// The metrics behind the last four columns.
pub const ACCURACIES: [&str; 4] = ["accuracy/train", "accuracy/balanced", "accuracy/unbalanced", "accuracy/perverse"];

/// How a number that was not measured is written; on reading, `-` means it too.
const NOT_MEASURED: &str = "0.000";
