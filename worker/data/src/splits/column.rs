//! The unbalanced column of study A.
//!
//! Each class has a share p = (k + 0.5) / C of rows to drop, k its place in a random order of the C classes; a row is
//! drawn when its uniform number is below its class's share. Rows of both parts of the data set are drawn alike.

use crate::seeding::{Domain, Stream};

/// The draw: which share of each class is dropped, and a uniform number per row.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    seed: u64,
    dropped_share: Vec<f64>,
}

impl Column {
    /// The draw of `seed`.
    #[must_use]
    pub fn new(seed: u64, classes: usize) -> Self {
        let mut dropped_share = vec![0.0; classes];
        for (place, class) in Stream::new(seed, Domain::Split, 0).permutation(classes).into_iter().enumerate() {
            dropped_share[class] = (place as f64 + 0.5) / classes as f64;
        }
        Self { seed, dropped_share }
    }

    /// Which of the rows with these labels are drawn. A row's number depends on its place in the data set only, so a
    /// limit changes nothing about the rows before it.
    #[must_use]
    pub fn drawn(&self, labels: &[u16]) -> Vec<bool> {
        let stream = Stream::new(self.seed, Domain::Split, 1);
        let share = |label: u16| self.dropped_share[usize::from(label)];
        labels.iter().enumerate().map(|(row, &label)| stream.uniform(row as u64) < share(label)).collect()
    }
}
