//! Adaptive Gauss-Kronrod integration.

use std::collections::BinaryHeap;

/// Nodes of the 15-point Kronrod rule on [-1, 1], positive half from the outside to the centre.
const NODES: [f64; 8] = [
    0.991_455_371_120_812_6,
    0.949_107_912_342_758_5,
    0.864_864_423_359_769_1,
    0.741_531_185_599_394_4,
    0.586_087_235_467_691_1,
    0.405_845_151_377_397_2,
    0.207_784_955_007_898_47,
    0.0,
];

/// Kronrod weights of [`NODES`].
const KRONROD: [f64; 8] = [
    0.022_935_322_010_529_224,
    0.063_092_092_629_978_56,
    0.104_790_010_322_250_18,
    0.140_653_259_715_525_92,
    0.169_004_726_639_267_9,
    0.190_350_578_064_785_4,
    0.204_432_940_075_298_9,
    0.209_482_141_084_727_82,
];

/// Gauss weights of every second node.
const GAUSS: [f64; 4] =
    [0.129_484_966_168_869_7, 0.279_705_391_489_276_64, 0.381_830_050_505_118_9, 0.417_959_183_673_469_4];

/// More splits than any integrand of this crate needs.
const MAX_PANELS: usize = 600;

struct Panel {
    low: f64,
    high: f64,
    value: f64,
    error: f64,
}

impl Panel {
    fn of(f: &impl Fn(f64) -> f64, low: f64, high: f64) -> Self {
        let half = 0.5 * (high - low);
        let centre = low + half;
        let middle = f(centre);
        let mut kronrod = KRONROD[7] * middle;
        let mut gauss = GAUSS[3] * middle;
        for i in 0..7 {
            let pair = f(centre - half * NODES[i]) + f(centre + half * NODES[i]);
            kronrod += KRONROD[i] * pair;
            if i % 2 == 1 {
                gauss += GAUSS[i / 2] * pair;
            }
        }
        Self { low, high, value: half * kronrod, error: (half * (kronrod - gauss)).abs() }
    }

    fn splittable(&self) -> bool {
        let centre = f64::midpoint(self.low, self.high);
        self.low < centre && centre < self.high
    }
}

impl PartialEq for Panel {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Panel {}
impl PartialOrd for Panel {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Panel {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.error.total_cmp(&other.error)
    }
}

/// Integral of a non-negative `f` over the panels between the ascending `breaks`, the panel with the largest error
/// being halved until the estimated error is below `relative` of the sum.
///
/// The estimate is the difference of the 7-point Gauss and the 15-point Kronrod rule, which is that of the weaker
/// rule; the result is better than asked for. Source: Piessens et al., "QUADPACK" (Springer, 1983), routine QAG.
pub(crate) fn integrate(f: impl Fn(f64) -> f64, breaks: &[f64], relative: f64) -> f64 {
    let mut panels: BinaryHeap<Panel> =
        breaks.windows(2).filter(|w| w[0] < w[1]).map(|w| Panel::of(&f, w[0], w[1])).collect();
    let mut finished = Vec::new();
    while panels.len() < MAX_PANELS {
        let (value, error) =
            panels.iter().chain(&finished).fold((0.0, 0.0), |(v, e), panel| (v + panel.value, e + panel.error));
        if error <= relative * value {
            break;
        }
        let Some(worst) = panels.pop() else { break };
        if worst.splittable() {
            let centre = f64::midpoint(worst.low, worst.high);
            panels.push(Panel::of(&f, worst.low, centre));
            panels.push(Panel::of(&f, centre, worst.high));
        } else {
            // Narrower than the spacing of doubles: a step, and its error is no estimate any more.
            finished.push(Panel { error: 0.0, ..worst });
        }
    }
    let mut values: Vec<f64> = panels.iter().chain(&finished).map(|panel| panel.value).collect();
    // Small first, and in an order that does not depend on the heap.
    values.sort_by(f64::total_cmp);
    values.iter().sum()
}

/// The 15-point Kronrod rule on each of `panels` equal parts of `0..end`: (node, weight), nodes ascending.
pub(crate) fn composite_rule(end: f64, panels: usize) -> Vec<(f64, f64)> {
    let half = 0.5 * end / panels as f64;
    let mut rule = Vec::with_capacity(15 * panels);
    for panel in 0..panels {
        let centre = (2 * panel + 1) as f64 * half;
        rule.extend((0..7).map(|i| (centre - half * NODES[i], half * KRONROD[i])));
        rule.push((centre, half * KRONROD[7]));
        rule.extend((0..7).rev().map(|i| (centre + half * NODES[i], half * KRONROD[i])));
    }
    rule
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_is_exact_for_polynomials() {
        for degree in [0, 2, 8, 16, 22] {
            let panel = Panel::of(&|x: f64| x.powi(degree), -1.0, 1.0);
            let expected = 2.0 / f64::from(degree + 1);
            assert!((panel.value / expected - 1.0).abs() < 1e-14, "{degree}: {}", panel.value);
        }
        // The embedded Gauss rule has degree 13: an error in its weights would show as an error estimate.
        assert!(Panel::of(&|x: f64| x.powi(12), -1.0, 1.0).error < 1e-15);
    }

    #[test]
    fn finds_a_narrow_peak_and_a_step() {
        let width = 1e-3_f64;
        let value = integrate(|x| (-0.5 * (x / width).powi(2)).exp(), &[-1.0, 0.01, 1.0], 1e-12);
        let expected = width * (2.0 * std::f64::consts::PI).sqrt();
        assert!((value / expected - 1.0).abs() < 1e-12, "{value}");
        let step = integrate(|x| if x < 0.3 { 1.0 } else { 0.0 }, &[0.0, 1.0], 1e-12);
        assert!((step - 0.3).abs() < 1e-12, "{step}");
    }
}
