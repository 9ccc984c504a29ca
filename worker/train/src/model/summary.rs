//! The table of a network's layers, found by following one image through the network itself.

use std::fmt;

use serde::Serialize;
use sweeper_recipe::Model as Settings;
use tch::{Kind, TchError, Tensor};

use super::{Model, Placement, pass::Pass};

/// One layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// As its parameters' names begin, e.g. `stage1.block0.conv0`.
    pub name: String,
    /// What it is, e.g. `conv 3×3 /2, norm`: kernel, stride if not 1, groups if not 1.
    pub kind: String,
    /// Axes of its output for one image: channels, height and width, or channels alone.
    pub shape: Vec<i64>,
    /// Trainable numbers.
    pub parameters: i64,
    /// Products summed, for one image. Only those of convolutions, linear layers and attention are counted.
    pub multiply_adds: i64,
}

/// The table of a network's layers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The architecture, as a recipe names it.
    pub arch: String,
    /// Channels, height and width of the images.
    pub image: [i64; 3],
    /// Number of logits.
    pub classes: i64,
    /// In the order in which an image passes them.
    pub rows: Vec<Row>,
    /// Trainable numbers.
    pub parameters: i64,
    /// Trainable tensors.
    pub tensors: usize,
    /// Products summed in the forward pass of one image.
    pub multiply_adds: i64,
}

/// The table for images of `[channels, height, width]`. It takes the time of one forward pass on the CPU.
///
/// # Errors
/// As [`Model::new`].
pub fn summary(settings: &Settings, image: [i64; 3], classes: i64) -> Result<Summary, TchError> {
    let Model { layers, network } = Model::build(settings, image, classes, None, Placement::default())?;
    let pass = Pass::record(&layers)?;
    let [channels, height, width] = image;
    let images = Tensor::f_zeros([1, height, width, channels], (Kind::Float, tch::Device::Cpu))?;
    tch::no_grad(|| network.forward(&pass, &images.f_permute([0, 3, 1, 2])?))?;
    let rows = pass.into_rows();
    Ok(Summary {
        arch: settings.arch.name().to_owned(),
        image,
        classes,
        parameters: rows.iter().map(|row| row.parameters).sum(),
        tensors: layers.parameters.list().len(),
        multiply_adds: rows.iter().map(|row| row.multiply_adds).sum(),
        rows,
    })
}

impl Summary {
    /// All of it as indented JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings and integers alone cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// Columns aligned, numbers with commas between thousands.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["layer", "kind", "output", "parameters", "multiply-adds"].map(str::to_owned);
        let line = |name: &str, kind: &str, shape: &[i64], parameters, multiply_adds| {
            let shape: Vec<String> = shape.iter().map(i64::to_string).collect();
            [name.to_owned(), kind.to_owned(), shape.join(" × "), grouped(parameters), grouped(multiply_adds)]
        };
        let rows = self.rows.iter().map(|r| line(&r.name, &r.kind, &r.shape, r.parameters, r.multiply_adds));
        let total = line("total", "", &[], self.parameters, self.multiply_adds);
        let lines: Vec<[String; 5]> = [head].into_iter().chain(rows).chain([total]).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
        let [a, b, c, d, e] = [0, 1, 2, 3, 4].map(width);
        let [channels, height, wide] = self.image;
        writeln!(f, "{} for {channels} × {height} × {wide} images, {} classes\n", self.arch, self.classes)?;
        for (at, [name, kind, shape, parameters, multiply_adds]) in lines.iter().enumerate() {
            if at + 1 == lines.len() {
                writeln!(f, "{}", "-".repeat(a + b + c + d + e + 8))?;
            }
            writeln!(f, "{name:a$}  {kind:b$}  {shape:>c$}  {parameters:>d$}  {multiply_adds:>e$}")?;
        }
        writeln!(f, "\n{} trainable tensors; multiply-adds are those of one image's forward pass", self.tensors)
    }
}

/// e.g. `13,138,026`.
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_are_separated() {
        let found = [0, 12, 999, 1_000, 13_138_026, -4_097].map(grouped);
        assert_eq!(found, ["0", "12", "999", "1,000", "13,138,026", "-4,097"]);
    }
}
