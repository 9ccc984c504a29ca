//! What a loss has to know of the data: how often each class occurs, and where.

use sweeper_recipe::{Omega, Rectification, SmoothingTarget};

use super::error::{LossError, target_name};

/// Class counts of the training split and class proportions of the others. With several labels per sample, a class is
/// a label, and the numbers need not sum to the rows, nor to 1.
#[derive(Debug, Clone, Copy)]
pub struct ClassCounts<'a> {
    /// Training samples of each class of the full vocabulary.
    pub train: &'a [u64],
    /// Training samples in all.
    pub train_rows: u64,
    /// Proportions in the whole validation set.
    pub balanced: &'a [f64],
    /// Proportions in its rows with the training split's proportions, where there is such a split.
    pub unbalanced: Option<&'a [f64]>,
    /// Proportions in its other rows.
    pub perverse: Option<&'a [f64]>,
}

impl ClassCounts<'_> {
    /// Share of the training rows that each class has.
    ///
    /// # Errors
    /// No rows, no classes, or a class with more samples than there are rows.
    pub fn shares(&self) -> Result<Vec<f64>, LossError> {
        if let Some(class) = self.train.iter().position(|&count| count > self.train_rows) {
            return Err(LossError::MoreThanRows { class, count: self.train[class], rows: self.train_rows });
        }
        if self.train.iter().all(|&count| count == 0) {
            return Err(LossError::Nothing { what: "training counts", classes: self.train.len() });
        }
        Ok(self.train.iter().map(|&count| count as f64 / self.train_rows as f64).collect())
    }

    /// Class proportions of the split that smoothing aims at.
    pub(super) fn proportions(&self, target: Option<SmoothingTarget>) -> Result<&[f64], LossError> {
        let found = target.and_then(|target| match target {
            SmoothingTarget::Balanced => Some(self.balanced),
            SmoothingTarget::Unbalanced => self.unbalanced,
            SmoothingTarget::Perverse => self.perverse,
        });
        let expected = match (self.unbalanced, self.perverse) {
            (Some(_), Some(_)) => "balanced, unbalanced and perverse",
            (Some(_), None) => "balanced and unbalanced",
            (None, Some(_)) => "balanced and perverse",
            (None, None) => "balanced only",
        };
        let found = found.ok_or(LossError::Target { given: target.map_or("not set", target_name), expected })?;
        if found.len() != self.train.len() {
            let what = "the list of proportions of loss.smoothing.target";
            return Err(LossError::Length { what, given: found.len(), classes: self.train.len() });
        }
        Ok(found)
    }

    /// Ω: how far the training split is from uniform, as the settings define it.
    ///
    /// # Errors
    /// No class has a sample.
    pub fn omega(&self, settings: &Rectification) -> Result<f64, LossError> {
        let classes = self.train.len();
        let (least, most) = match (self.train.iter().min(), self.train.iter().max()) {
            (Some(&least), Some(&most)) if most > 0 => (least as f64, most as f64),
            _ => return Err(LossError::Nothing { what: "training counts", classes }),
        };
        let mean = self.train.iter().map(|&count| count as f64).sum::<f64>() / classes as f64;
        Ok(match settings.omega {
            Omega::MaxDeficit => (most - least) / most,
            Omega::MeanDeficit => 1.0 - mean / most,
            Omega::MinOverMax => least / most,
            Omega::Given => settings.omega_value,
        })
    }

    /// α = η·Ω, the weight of class rectification.
    pub(super) fn alpha(&self, settings: &Rectification) -> Result<f64, LossError> {
        let (eta, omega) = (settings.eta, self.omega(settings)?);
        match eta * omega {
            alpha if (0.0..=1.0).contains(&alpha) => Ok(alpha),
            alpha => Err(LossError::Alpha { eta, omega, alpha }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn counts(train: &[u64]) -> ClassCounts<'_> {
        ClassCounts { train, train_rows: train.iter().sum(), balanced: &[], unbalanced: None, perverse: None }
    }

    fn settings(omega: Omega) -> Rectification {
        Rectification { omega, omega_value: 2.5, eta: 0.1, ..Rectification::default() }
    }

    #[test]
    fn every_omega() {
        let omega = |omega| counts(&[30, 10, 20]).omega(&settings(omega)).unwrap();
        assert_eq!(omega(Omega::MaxDeficit), 20.0 / 30.0);
        assert_eq!(omega(Omega::MeanDeficit), 1.0 - 20.0 / 30.0);
        assert_eq!(omega(Omega::MinOverMax), 10.0 / 30.0);
        assert_eq!(omega(Omega::Given), 2.5);
        assert_eq!(counts(&[30, 10, 20]).alpha(&settings(Omega::Given)).unwrap(), 0.25);
        // Study C's two digits, and study D's inverted number.
        let digits = counts(&[6131, 6265]).omega(&settings(Omega::MaxDeficit)).unwrap();
        assert!((digits - 134.0 / 6265.0).abs() < 1e-15);
        let proteins = Rectification { eta: 0.01, ..settings(Omega::MinOverMax) };
        assert!((counts(&[12885, 11]).alpha(&proteins).unwrap() - 8.537e-6).abs() < 1e-9);
        // A class that never occurs is the whole deficit.
        assert_eq!(counts(&[5, 0]).omega(&settings(Omega::MaxDeficit)).unwrap(), 1.0);
    }

    #[test]
    fn refusals_say_what_was_given_and_what_was_expected() {
        let text = |error: LossError| error.to_string();
        let heavy = Rectification { eta: 4.0, ..settings(Omega::MaxDeficit) };
        assert_eq!(
            text(counts(&[4, 2]).alpha(&heavy).unwrap_err()),
            "class rectification has weight α = η·Ω = 4·0.5 = 2, expected 0 to 1; hint: lower \
             loss.rectification.eta or choose another loss.rectification.omega"
        );
        assert!(text(counts(&[0, 0]).omega(&heavy).unwrap_err()).contains("of all 2 classes are 0"));
        assert!(text(counts(&[]).shares().unwrap_err()).contains("of all 0 classes are 0"));
        let more = ClassCounts { train_rows: 3, ..counts(&[4, 2]) };
        assert!(text(more.shares().unwrap_err()).contains("class 0 has 4 training samples, but there are 3 rows"));
        let missing = counts(&[1, 2]);
        let no_split = text(missing.proportions(Some(SmoothingTarget::Perverse)).unwrap_err());
        assert!(no_split.contains("target is perverse, but these data have balanced only"), "{no_split}");
        assert!(text(missing.proportions(None).unwrap_err()).contains("target is not set"));
        let short = ClassCounts { balanced: &[1.0], ..counts(&[1, 2]) };
        assert!(text(short.proportions(Some(SmoothingTarget::Balanced)).unwrap_err()).contains("has 1 numbers"));
    }
}
