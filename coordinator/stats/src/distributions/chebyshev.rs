//! A smooth function of a number >= 0, replaced by Chebyshev interpolants where it is asked for.
//!
//! Every tail of a studentized statistic is an integral over the tail of the statistic itself, which is an integral
//! again. Many such tails share the inner one, so it is interpolated, panel by panel, on the first use of a panel.
//! What a panel holds does not depend on who asked first.
//! Source: Trefethen, "Approximation theory and approximation practice" (SIAM, 2013), chapters 3 and 8.

use std::f64::consts::PI;
use std::sync::OnceLock;

const PANELS_PER_UNIT: f64 = 1.0;

/// Beyond this argument the function itself is called.
const LIMIT: f64 = 60.0;

const FEWEST_NODES: usize = 20;
const MOST_NODES: usize = 160;

/// Size of the last coefficients at which a panel is good enough.
const NEGLIGIBLE: f64 = 1e-13;

/// A function with the interpolants made so far.
pub(crate) struct Tabulated<F> {
    f: F,
    panels: Vec<OnceLock<Vec<f64>>>,
}

impl<F: Fn(f64) -> f64> Tabulated<F> {
    pub(crate) fn new(f: F) -> Self {
        Self { f, panels: vec![OnceLock::new(); (LIMIT * PANELS_PER_UNIT) as usize] }
    }

    /// The function at `x`: interpolated for `x` in 0 to 60, itself elsewhere.
    pub(crate) fn at(&self, x: f64) -> f64 {
        let position = x * PANELS_PER_UNIT;
        if !(position >= 0.0 && position < self.panels.len() as f64) {
            return (self.f)(x);
        }
        let panel = position as usize;
        let coefficients = self.panels[panel].get_or_init(|| self.coefficients(panel));
        clenshaw(coefficients, 2.0 * (position - panel as f64) - 1.0)
    }

    fn coefficients(&self, panel: usize) -> Vec<f64> {
        let mut nodes = FEWEST_NODES;
        loop {
            let coefficients = self.interpolant(panel, nodes);
            let scale = coefficients.iter().fold(1.0, |scale: f64, c| scale.max(c.abs()));
            let settled = coefficients[nodes - 2..].iter().all(|c| c.abs() <= NEGLIGIBLE * scale);
            if settled || nodes >= MOST_NODES {
                return coefficients;
            }
            nodes *= 2;
        }
    }

    /// Coefficients of the interpolant in the `nodes` zeros of a Chebyshev polynomial.
    fn interpolant(&self, panel: usize, nodes: usize) -> Vec<f64> {
        let count = nodes as f64;
        let values: Vec<f64> = (0..nodes)
            .map(|i| {
                let x = (PI * (i as f64 + 0.5) / count).cos();
                (self.f)((panel as f64 + 0.5 * (1.0 + x)) / PANELS_PER_UNIT)
            })
            .collect();
        (0..nodes)
            .map(|degree| {
                let angle = PI * degree as f64 / count;
                let sum: f64 = values.iter().enumerate().map(|(i, v)| v * (angle * (i as f64 + 0.5)).cos()).sum();
                sum * if degree == 0 { 1.0 } else { 2.0 } / count
            })
            .collect()
    }
}

/// Sum of `c_n T_n(x)` by Clenshaw's recurrence.
fn clenshaw(coefficients: &[f64], x: f64) -> f64 {
    let (mut next, mut after) = (0.0, 0.0);
    for &c in coefficients.iter().skip(1).rev() {
        (next, after) = (2.0 * x * next - after + c, next);
    }
    coefficients[0] + x * next - after
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpolants_meet_the_function() {
        let f = |x: f64| (0.3 * x).sin() - 0.01 * x * x + 1.0 / (1.0 + (x - 2.0).powi(2));
        let table = Tabulated::new(f);
        for i in 0..700 {
            let x = 0.1 * f64::from(i);
            assert!((table.at(x) - f(x)).abs() < 1e-12, "{x}: {} {}", table.at(x), f(x));
        }
        assert_eq!((table.at(-1.0), table.at(75.0)), (f(-1.0), f(75.0)));
    }
}
