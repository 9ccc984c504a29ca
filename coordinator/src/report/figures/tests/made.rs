//! Figures from a list of numbers and names, whatever they are.

use crate::report::figures::*;

pub(super) fn caption(title: &str) -> Caption {
    Caption { id: title.to_owned(), title: title.to_owned(), description: "Made up.".to_owned() }
}

pub(super) fn axis(label: &str, unit: &str) -> Axis {
    Axis { label: label.to_owned(), unit: unit.to_owned(), note: "higher is better".to_owned() }
}

/// Values and names, taken in turn.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) values: Vec<f64>,
    pub(super) names: Vec<String>,
}

const VERDICTS: [Verdict; 6] = Verdict::ALL;

impl Made {
    pub(super) fn v(&self, index: usize) -> f64 {
        self.values[index % self.values.len()]
    }

    fn name(&self, index: usize) -> String {
        self.names[index % self.names.len()].clone()
    }

    fn interval(&self, index: usize) -> Option<Interval> {
        (index % 5 != 4).then(|| {
            let (a, b) = (self.v(index), self.v(index + 1));
            if a.is_nan() || b.is_nan() {
                Interval { low: a, high: b }
            } else {
                Interval { low: a.min(b), high: a.max(b) }
            }
        })
    }

    pub(super) fn dots(&self, rows: usize) -> Dots {
        let run = |i: usize| Run { label: self.name(i), value: self.v(i) };
        let row = |c: usize| DotRow {
            name: self.name(c),
            baseline: c == 0,
            verdict: (c > 0).then(|| VERDICTS[c % 6]),
            runs: (0..3).map(|r| run(3 * c + r)).collect(),
            mean: (c % 4 != 3).then(|| self.v(3 * c)),
            interval: self.interval(c),
            note: self.name(c),
        };
        Dots {
            caption: caption(&self.name(0)),
            axis: axis(&self.name(1), "%"),
            interval_name: "mean with 95 % interval".to_owned(),
            reference: Some((self.v(1), self.name(0))),
            rows: (0..rows).map(row).collect(),
        }
    }

    pub(super) fn forest(&self, rows: usize) -> Forest {
        let row = |c: usize| ForestRow {
            name: self.name(c),
            difference: (c % 7 != 6).then(|| self.v(c)),
            interval: self.interval(c),
            simultaneous: self.interval(c + 1),
            verdict: VERDICTS[c % 6],
            note: self.name(c),
        };
        Forest {
            caption: caption(&self.name(0)),
            axis: axis(&self.name(1), "pp"),
            margin: Some(self.v(2).abs()),
            interval_name: "95 % interval".to_owned(),
            simultaneous_name: "simultaneous 95 % interval".to_owned(),
            rows: (0..rows).map(row).collect(),
        }
    }

    pub(super) fn slopes(&self, panels: usize) -> Slopes {
        let pair = |i: usize| Pair { label: self.name(i), baseline: self.v(i), config: self.v(i + 1) };
        let panel = |c: usize| SlopePanel {
            baseline: self.name(0),
            config: self.name(c),
            pairs: (0..4).map(|r| pair(c + r)).collect(),
            means: Some((self.v(c), self.v(c + 1))),
        };
        Slopes {
            caption: caption(&self.name(0)),
            axis: axis(&self.name(1), "%"),
            panels: (0..panels).map(panel).collect(),
        }
    }

    pub(super) fn variance(&self, rows: usize) -> Variance {
        let row = |c: usize| VarianceRow {
            name: self.name(c),
            components: vec![self.v(c), self.v(c + 1), self.v(c + 2)],
            errors: vec![Some(self.v(c)), None, Some(self.v(c + 3))],
        };
        let texts = |texts: [&str; 3]| texts.map(str::to_owned).to_vec();
        Variance {
            caption: caption(&self.name(0)),
            variance: axis("variance", "pp²"),
            error: axis("standard error", "pp"),
            components: texts(["seed", "example", "rest"]),
            targets: vec![self.name(0), self.name(1), self.name(2)],
            rows: (0..rows).map(row).collect(),
        }
    }

    fn curve(&self, c: usize) -> Curve {
        let point = |i: usize| CurvePoint { x: i as f64, y: self.v(c + i), band: self.interval(c + i) };
        Curve { name: self.name(c), strong: c.is_multiple_of(9), points: (1..8).map(point).collect() }
    }

    pub(super) fn curves(&self, curves: usize) -> Curves {
        Curves {
            caption: caption(&self.name(0)),
            x: axis("epoch", ""),
            y: axis(&self.name(1), "%"),
            reference: Some((self.v(0), self.name(0))),
            curves: (0..curves).map(|c| self.curve(c)).collect(),
        }
    }

    pub(super) fn profiles(&self, curves: usize) -> Profiles {
        let turned = |c: usize| {
            let mut curve = self.curve(c);
            for p in &mut curve.points {
                (p.x, p.y) = (p.y, p.x / 8.0);
            }
            curve
        };
        Profiles {
            caption: caption(&self.name(0)),
            score: axis(&self.name(1), "%"),
            share: axis("share", ""),
            curves: (0..curves).map(turned).collect(),
        }
    }

    pub(super) fn power(&self, curves: usize) -> Power {
        let curve =
            |c: usize| PowerCurve { name: self.name(c), points: (0..5).map(|i| (self.v(c + i), self.v(i))).collect() };
        Power {
            caption: caption(&self.name(0)),
            x: axis("true difference", "pp"),
            target: 0.8,
            marks: vec![(self.v(0), self.name(0))],
            curves: (0..curves).map(curve).collect(),
        }
    }

    pub(super) fn looks(&self, paths: usize) -> Looks {
        let path = |p: usize| Path {
            name: self.name(p),
            decided: p.is_multiple_of(3),
            points: (2..7).map(|i| (i as f64, self.v(p + i))).collect(),
        };
        Looks {
            caption: caption(&self.name(0)),
            x: axis("replicates", ""),
            y: axis("t / boundary", ""),
            paths: (0..paths).map(path).collect(),
        }
    }

    pub(super) fn interaction(&self, levels: usize) -> Interaction {
        let mean = |i: usize| (i % 6 != 5).then(|| Mean { value: self.v(i), interval: self.interval(i) });
        let level = |l: usize| Level { name: self.name(l), means: (0..3).map(|p| mean(l + p)).collect() };
        Interaction {
            caption: caption(&self.name(0)),
            x: axis(&self.name(2), ""),
            y: axis(&self.name(1), "%"),
            places: (0..3).map(|p| self.name(p)).collect(),
            levels: (0..levels).map(level).collect(),
        }
    }

    pub(super) fn heat(&self, side: usize, view: HeatView) -> HeatMap {
        let cell = |i: usize| {
            let p = Some(self.v(i + 1)).filter(|p| (0.0..=1.0).contains(p));
            (!i.is_multiple_of(side + 1)).then(|| HeatCell { effect: self.v(i), p })
        };
        HeatMap {
            caption: caption(&self.name(0)),
            view,
            effect: self.name(1),
            alpha: 0.05,
            columns_name: self.name(1),
            columns: (0..side).map(|c| self.name(c)).collect(),
            rows_name: self.name(2),
            rows: (0..side).map(|c| self.name(c)).collect(),
            cells: (0..side * side).map(cell).collect(),
        }
    }

    /// Every figure with about `n` configs.
    pub(super) fn all(&self, n: usize) -> Vec<(&'static str, Result<Figure, FigureError>)> {
        let side = n.clamp(2, 60);
        vec![
            ("dots", dots(&self.dots(n))),
            ("forest", forest(&self.forest(n))),
            ("slopes", slopes(&self.slopes(n))),
            ("variance", variance(&self.variance(n))),
            ("learning_curves", learning_curves(&self.curves(n))),
            ("performance_profiles", performance_profiles(&self.profiles(n))),
            ("power", power(&self.power(n))),
            ("looks", looks(&self.looks(n))),
            ("interaction", interaction(&self.interaction(n.min(12)))),
            ("effects", heat_map(&self.heat(side, HeatView::Effects))),
            ("p_values", heat_map(&self.heat(side, HeatView::PValues))),
        ]
    }
}
