//! The distribution of a group-sequential test statistic, look by look.
//!
//! The score process `S(t) = Z(t) sqrt(t)` of a design with information fractions t is a Brownian motion seen at the
//! looks. Its density on the paths that have not crossed a symmetric two-sided boundary follows from look to look by
//! a convolution with a normal kernel. Without drift it is even, so half of it is held; with drift `theta` it is that
//! density times `exp(theta s - theta^2 t / 2)`.
//!
//! Source: Armitage, McPherson and Rowe, "Repeated significance tests on accumulating data", Journal of the Royal
//! Statistical Society A 132 (1969); Jennison and Turnbull, "Group sequential methods" (Chapman & Hall, 2000),
//! chapter 19.

use std::f64::consts::PI;

use crate::degenerate::Degenerate;
use crate::distributions::{composite_rule, increasing_root, normal_sf, normal_upper_quantile_of_ln};

/// A bound nobody crosses: its two-sided tail is below 1e-300.
pub(crate) const CLOSED: f64 = 38.0;

/// Increments of alpha below this close a look.
const SMALLEST_INCREMENT: f64 = 1e-300;

/// Panels are at most this many standard deviations of the narrower kernel long; the 15-point rule is then exact to
/// rounding.
const PANEL: f64 = 3.0;

/// Even density of the score at one look, on the paths that continue.
pub(crate) struct Density {
    fraction: f64,
    /// (score >= 0, weight times density there).
    nodes: Vec<(f64, f64)>,
}

impl Density {
    /// Before the first look: all mass at 0, half of it on either side.
    pub(crate) fn start() -> Self {
        Self { fraction: 0.0, nodes: vec![(0.0, 0.5)] }
    }

    /// Density after the look at `fraction` with bound `z`; `following` is the fraction of the next look. Scores
    /// beyond `reach` standard deviations carry no mass that counts.
    pub(crate) fn after(&self, fraction: f64, z: f64, following: f64, reach: f64) -> Self {
        let sigma = (fraction - self.fraction).sqrt();
        let end = z.min(reach) * fraction.sqrt();
        let panels = (end / (PANEL * sigma.min((following - fraction).sqrt()))).ceil().max(1.0) as usize;
        let front = 1.0 / (sigma * (2.0 * PI).sqrt());
        let kernel = |x: f64| (-0.5 * x * x).exp();
        // A step longer than `reach` standard deviations has no mass that counts either.
        let far = reach * sigma;
        let density = |s: f64| -> f64 {
            let from = self.nodes.partition_point(|node| node.0 < s - far);
            let near = self.nodes[from..].iter().take_while(|node| node.0 <= s + far);
            let mirrored = self.nodes.iter().take_while(|node| s + node.0 <= far);
            near.map(|&(u, mass)| mass * kernel((s - u) / sigma)).sum::<f64>()
                + mirrored.map(|&(u, mass)| mass * kernel((s + u) / sigma)).sum::<f64>()
        };
        let nodes = composite_rule(end, panels).into_iter().map(|(s, weight)| (s, weight * front * density(s)));
        Self { fraction, nodes: nodes.collect() }
    }

    /// Probability, without drift, to continue until here and then to have `|Z| >= z` at `fraction`.
    pub(crate) fn tail(&self, fraction: f64, z: f64) -> f64 {
        let sigma = (fraction - self.fraction).sqrt();
        let bound = z * fraction.sqrt();
        let beyond = |u: f64| normal_sf((bound - u) / sigma) + normal_sf((bound + u) / sigma);
        2.0 * self.nodes.iter().map(|&(u, mass)| mass * beyond(u)).sum::<f64>()
    }

    /// Probability, with drift, to continue until here and then to have `Z >= z` at `fraction`. That of `Z <= -z` is
    /// the one of the negative drift.
    pub(crate) fn upper_tail(&self, fraction: f64, z: f64, drift: f64) -> f64 {
        let step = fraction - self.fraction;
        let sigma = step.sqrt();
        let bound = z * fraction.sqrt();
        let tilted = |s: f64| {
            let tilt = (drift * s - 0.5 * drift * drift * self.fraction).exp();
            tilt * normal_sf((bound - s - drift * step) / sigma)
        };
        self.nodes.iter().map(|&(u, mass)| mass * (tilted(u) + tilted(-u))).sum()
    }
}

/// Bounds at which the looks at `fractions`, ascending, spend the `increments` of alpha.
///
/// # Errors
/// [`Degenerate::Domain`] when a look shall spend more than is left to it.
pub(crate) fn bounds(fractions: &[f64], increments: &[f64]) -> Result<Vec<f64>, Degenerate> {
    let total: f64 = increments.iter().sum();
    // Mass beyond this is lost to the integration: 1e-18 of what is spent in all.
    let reach = normal_upper_quantile_of_ln((0.5e-18 * total).max(SMALLEST_INCREMENT).ln());
    let mut density = Density::start();
    let mut bounds = Vec::with_capacity(fractions.len());
    for (look, (&fraction, &increment)) in fractions.iter().zip(increments).enumerate() {
        let z = if increment < SMALLEST_INCREMENT { CLOSED } else { bound(&density, fraction, increment)? };
        bounds.push(z);
        if let Some(&following) = fractions.get(look + 1) {
            density = density.after(fraction, z, following, reach);
        }
    }
    Ok(bounds)
}

fn bound(density: &Density, fraction: f64, increment: f64) -> Result<f64, Degenerate> {
    let alone = normal_upper_quantile_of_ln((0.5 * increment).ln());
    if density.fraction == 0.0 {
        return Ok(alone);
    }
    let excess = |z: f64| increment.ln() - density.tail(fraction, z).max(f64::MIN_POSITIVE).ln();
    let z = increasing_root(excess, alone, 0.25)?;
    if z > 0.0 { Ok(z.min(CLOSED)) } else { Err(Degenerate::domain("a look shall spend more alpha than is left")) }
}
