//! One formula for cross-entropy and every label smoothing: L = LSE(z) − ⟨T\[t\], z⟩, with z the biased logits, t the
//! class and T a C × C table of targets, T = (1−ε)·I + ε·1·dᵀ. Its gradient is softmax(z) − T\[t\]: no gather and no
//! scatter, so no atomics on any device.

use tch::{Kind, TchError, Tensor};

/// The table T, row by row; each row sums to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Targets {
    classes: usize,
    rows: Vec<f64>,
}

impl Targets {
    /// Target (1−ε)·one-hot + ε·`distribution`. The distribution is normalized to sum 1; ε = 0 is cross-entropy.
    #[must_use]
    pub fn new(distribution: &[f64], eps: f64) -> Self {
        let classes = distribution.len();
        let total: f64 = distribution.iter().sum();
        let mut rows = Vec::with_capacity(classes * classes);
        for class in 0..classes {
            for (other, share) in distribution.iter().enumerate() {
                let hot = if class == other { 1.0 - eps } else { 0.0 };
                rows.push(if eps == 0.0 { hot } else { hot + eps * share / total });
            }
        }
        Self { classes, rows }
    }

    /// The target of one class.
    #[must_use]
    pub fn row(&self, class: usize) -> &[f64] {
        &self.rows[class * self.classes..(class + 1) * self.classes]
    }

    /// The table as a float32 tensor, C × C.
    ///
    /// # Errors
    /// libtorch's own.
    pub fn tensor(&self) -> Result<Tensor, TchError> {
        let side = self.classes as i64;
        Tensor::f_from_slice(&self.rows)?.f_view([side, side])?.f_to_kind(Kind::Float)
    }
}

/// Mean loss of a batch: biased `logits` n × C, `labels` n (int64), `table` C × C.
///
/// # Errors
/// Shapes that do not fit.
pub fn mean_loss(logits: &Tensor, labels: &Tensor, table: &Tensor) -> Result<Tensor, TchError> {
    let target = table.f_index_select(0, labels)?;
    let chosen = logits.f_mul(&target)?.f_sum_dim_intlist([1i64].as_slice(), false, None)?;
    logits.f_logsumexp([1i64].as_slice(), false)?.f_sub(&chosen)?.f_mean(None)
}

/// log Σ exp z, in float64 and safe against overflow.
#[must_use]
pub fn log_sum_exp(z: &[f64]) -> f64 {
    let top = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    top + z.iter().map(|v| (v - top).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn uniform_smoothing_of_ten_classes_by_a_tenth_is_091_and_001() {
        let table = Targets::new(&[1.0; 10], 0.1);
        assert!((table.row(3)[3] - 0.91).abs() < 1e-15 && (table.row(3)[4] - 0.01).abs() < 1e-15);
        assert_eq!(Targets::new(&[0.2, 0.8], 0.0).row(1), [0.0, 1.0]);
    }

    #[test]
    fn the_distribution_is_normalized() {
        assert_eq!(Targets::new(&[1.0, 3.0], 0.5), Targets::new(&[0.25, 0.75], 0.5));
    }

    /// With the log prior as bias and no features, the average gradient over t ~ π vanishes for apriori smoothing
    /// but not for uniform smoothing: the reason why the study's last config exists.
    #[test]
    fn apriori_smoothing_leaves_the_prior_alone() {
        let prior = [0.6, 0.3, 0.1];
        let gradient = |table: &Targets, class: usize| -> f64 {
            let of_label = |(t, share): (usize, &f64)| share * (prior[class] - table.row(t)[class]);
            prior.iter().enumerate().map(of_label).sum()
        };
        let (apriori, uniform) = (Targets::new(&prior, 0.1), Targets::new(&[1.0; 3], 0.1));
        for (class, share) in prior.iter().enumerate() {
            assert!(gradient(&apriori, class).abs() < 1e-15);
            assert!((gradient(&uniform, class) - 0.1 * (share - 1.0 / 3.0)).abs() < 1e-15);
        }
    }

    #[test]
    fn log_sum_exp_survives_large_logits() {
        assert!((log_sum_exp(&[1000.0, 1000.0]) - (1000.0 + 2f64.ln())).abs() < 1e-12);
        assert!(log_sum_exp(&[f64::NAN, 1.0]).is_nan());
    }
}
