//! A batch in words.

use std::fmt::Write;

use sweeper_recipe::{LossKind, Rectification};
use tch::{Kind, TchError, Tensor};

use super::{Batch, rectify::Sides};

/// Samples whose targets and logits are shown.
const SHOWN: usize = 3;

/// Counts and samples of each class that occurs, minorities marked, then targets and logits of the first samples.
pub(super) fn text(kind: LossKind, batch: &Batch<'_>, settings: &Rectification) -> Result<String, TchError> {
    let sides = Sides::new(kind, batch, settings)?;
    let (classes, samples) = sides.member.size2()?;
    let (classes, samples) = (classes as usize, samples as usize);
    let member = numbers(&sides.member)?;
    let minority = numbers(&sides.minority)?;
    let without = sides.without.as_ref().map_or_else(|| Ok(vec![0; classes]), numbers)?;
    let name = if kind == LossKind::Bce { "label" } else { "class" };

    let (mut lines, mut rare, mut anchors, mut triplets) = (String::new(), Vec::new(), 0, 0);
    for class in 0..classes {
        let row = &member[class * samples..(class + 1) * samples];
        let own: Vec<usize> = (0..samples).filter(|&sample| row[sample] != 0).collect();
        if own.is_empty() {
            continue;
        }
        let side = if without[class] != 0 { "without " } else { "" };
        let mark = if minority[class] != 0 { ", minority" } else { "" };
        let _ = writeln!(lines, "  {side}{name} {class}: {} samples {own:?}{mark}", own.len());
        if minority[class] != 0 {
            let hard = |available: usize| available.min(settings.kappa as usize);
            rare.push(class);
            anchors += own.len();
            triplets += own.len() * hard(own.len() - 1) * hard(samples - own.len());
        }
    }
    let head = format!(
        "batch of {samples}: minority {} {rare:?}, {anchors} anchors, {triplets} triplets\n",
        if kind == LossKind::Bce { "labels" } else { "classes" }
    );
    let shown = samples.min(SHOWN);
    let first = |tensor: &Tensor| tensor.f_narrow(0, 0, shown as i64);
    let logits = Vec::<f32>::try_from(first(batch.logits)?.f_detach()?.f_reshape([-1])?)?;
    let labels = numbers(&first(batch.labels)?)?;
    for (sample, z) in logits.chunks(classes).enumerate() {
        let target = match kind {
            LossKind::CrossEntropy => labels[sample].to_string(),
            LossKind::Bce => {
                let row = &labels[sample * classes..(sample + 1) * classes];
                format!("{:?}", (0..classes).filter(|&label| row[label] != 0).collect::<Vec<_>>())
            }
        };
        let _ = writeln!(lines, "  sample {sample}: target {target}, logits {z:?}");
    }
    Ok(head + &lines)
}

fn numbers(tensor: &Tensor) -> Result<Vec<i64>, TchError> {
    Vec::try_from(tensor.f_to_kind(Kind::Int64)?.f_reshape([-1])?)
}
