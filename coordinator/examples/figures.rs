//! Every figure of a report, drawn from made-up numbers: `cargo run --example figures -- FOLDER`. Files are named after
//! figure and number of configs; `page.html` has those of ten configs in one page.

use std::{error::Error, fs, path::Path};
use sweeper_coordinator::report::figures as f;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: figures FOLDER")?;
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    let mut page = format!("<!DOCTYPE html><meta charset=\"utf-8\"><style>{}</style>", f::style_sheet());
    for configs in [1, 2, 10, 60, 200, 1000] {
        for (name, figure) in figures(configs)? {
            fs::write(folder.join(format!("{name}-{configs}.svg")), figure.file())?;
            if configs == 10 {
                page.push_str(&figure.inline().into_string());
            }
        }
    }
    fs::write(folder.join("page.html"), page)?;
    Ok(())
}

fn figures(configs: usize) -> Result<Vec<(&'static str, f::Figure)>, f::FigureError> {
    let mut all = vec![
        ("dots", f::dots(&dots(configs))?),
        ("forest", f::forest(&forest(configs))?),
        ("slopes", f::slopes(&slopes(configs))?),
        ("variance", f::variance(&variance(configs))?),
        ("curves", f::learning_curves(&curves(configs))?),
        ("profiles", f::performance_profiles(&profiles(configs))?),
        ("power", f::power(&power(configs))?),
        ("looks", f::looks(&looks(configs))?),
    ];
    if configs <= 24 {
        all.push(("interaction", f::interaction(&interaction(configs))?));
    }
    if (2..=200).contains(&configs) {
        all.push(("effects", f::heat_map(&grid(configs, f::HeatView::Effects))?));
        all.push(("pvalues", f::heat_map(&grid(configs, f::HeatView::PValues))?));
    }
    Ok(all)
}

/// A number in [-1, 1] that depends on nothing but its place, more often near 0 than far from it.
fn noise(a: usize, b: usize) -> f64 {
    let mut x = (a as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (b as u64).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mut sum = 0.0;
    for _ in 0..3 {
        x = (x ^ (x >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb).wrapping_add(0x1234_5678_9abc_def1);
        sum += (x >> 40) as f64 / (1u64 << 24) as f64;
    }
    sum / 1.5 - 1.0
}

fn name(config: usize) -> String {
    match config {
        0 => "baseline".to_owned(),
        3 => {
            "label smoothing <0.1> & mixup \"0.4\", cosine schedule, warm restarts, a name that is too long".to_owned()
        }
        5 => "שם של תצורה 5".to_owned(),
        c if c % 4 == 1 => format!("lr {}e-3", c),
        c => format!("mixup 0.{c:02}, depth {}", 18 + c % 3 * 16),
    }
}

fn caption(id: &str, title: &str) -> f::Caption {
    let description = "Made-up numbers, to look at the figure.".to_owned();
    f::Caption { id: id.to_owned(), title: title.to_owned(), description }
}

fn axis(label: &str, unit: &str, note: &str) -> f::Axis {
    f::Axis { label: label.to_owned(), unit: unit.to_owned(), note: note.to_owned() }
}

fn around(value: f64, half: f64) -> Option<f::Interval> {
    Some(f::Interval { low: value - half, high: value + half })
}

fn level(config: usize) -> f64 {
    if config == 0 { 91.0 } else { 91.0 + 1.4 * noise(config, 999) }
}

fn verdict(config: usize) -> f::Verdict {
    let difference = level(config) - level(0);
    match difference {
        _ if config % 11 == 7 => f::Verdict::Untested,
        d if d.abs() < 0.12 => f::Verdict::Equivalent,
        d if d.abs() < 0.3 => f::Verdict::Negligible,
        d if d.abs() < 0.7 => f::Verdict::Undecided,
        d if d > 0.0 => f::Verdict::Better,
        _ => f::Verdict::Worse,
    }
}

fn dots(configs: usize) -> f::Dots {
    let row = |c: usize| {
        let mean = level(c);
        let run = |r: usize| f::Run { label: format!("seed {r}"), value: mean + 0.8 * noise(c, r) };
        f::DotRow {
            name: name(c),
            baseline: c == 0,
            verdict: (c > 0).then(|| verdict(c)),
            runs: (0..if c == 4 { 0 } else { 12 }).map(run).collect(),
            mean: (c != 4).then_some(mean),
            interval: around(mean, 0.25).filter(|_| c != 4),
            note: "no data".to_owned(),
        }
    };
    f::Dots {
        caption: caption("dots", "All trainings"),
        axis: axis("accuracy/valid", "%", "higher is better"),
        interval_name: "mean with 95 % interval".to_owned(),
        reference: Some((level(0), "mean of the control".to_owned())),
        rows: (0..configs).map(row).collect(),
    }
}

fn forest(configs: usize) -> f::Forest {
    let row = |c: usize| {
        let difference = level(c) - level(0);
        let wide = if c == 6 { 9.0 } else { 0.3 };
        let tested = verdict(c) != f::Verdict::Untested;
        f::ForestRow {
            name: name(c),
            difference: tested.then_some(difference),
            interval: around(difference, wide),
            simultaneous: around(difference, wide * 1.5),
            verdict: verdict(c),
            note: "not tested: one run".to_owned(),
        }
    };
    f::Forest {
        caption: caption("forest", "Differences from the control"),
        axis: axis("accuracy/valid minus control", "pp", "higher is better"),
        margin: Some(0.5),
        interval_name: "95 % interval".to_owned(),
        simultaneous_name: "simultaneous 95 % interval".to_owned(),
        rows: (1..=configs).map(row).collect(),
    }
}

fn slopes(configs: usize) -> f::Slopes {
    let panel = |c: usize| {
        let pair = |r: usize| f::Pair {
            label: format!("seed {r}"),
            baseline: level(0) + 0.8 * noise(0, r),
            config: level(c) + 0.6 * noise(0, r) + 0.3 * noise(c, r),
        };
        let means = Some((level(0), level(c)));
        f::SlopePanel { baseline: name(0), config: name(c), pairs: (0..10).map(pair).collect(), means }
    };
    f::Slopes {
        caption: caption("slopes", "Each seed under both configs"),
        axis: axis("accuracy/valid", "%", "higher is better"),
        panels: (1..=configs).map(panel).collect(),
    }
}

fn variance(configs: usize) -> f::Variance {
    let row = |c: usize| f::VarianceRow {
        name: name(c),
        components: vec![0.3 + 0.2 * noise(c, 1), 1.4 + 0.5 * noise(c, 2), 0.8 + 0.3 * noise(c, 3)],
        errors: vec![Some(0.1 + 0.05 * noise(c, 4)), Some(0.4 + 0.1 * noise(c, 5)), Some(0.7 + 0.2 * noise(c, 6))],
    };
    f::Variance {
        caption: caption("variance", "Where the noise comes from"),
        variance: axis("variance", "pp²", ""),
        error: axis("standard error", "pp", ""),
        components: ["seed", "example", "rest"].map(str::to_owned).to_vec(),
        targets: ["same test set, new seeds", "new examples, too", "one deployed model"].map(str::to_owned).to_vec(),
        rows: (0..configs).map(row).collect(),
    }
}

fn curves(configs: usize) -> f::Curves {
    let curve = |c: usize| {
        let point = |epoch: usize| {
            let x = epoch as f64;
            let y = level(c) - 40.0 / (x + 1.0) + 0.3 * noise(c, epoch + 50);
            f::CurvePoint { x, y, band: around(y, 0.4 + 4.0 / (x + 1.0)) }
        };
        f::Curve { name: name(c), strong: c < 6, points: (1..=if c == 2 { 18 } else { 30 }).map(point).collect() }
    };
    f::Curves {
        caption: caption("curves", "Learning curves"),
        x: axis("epoch", "", ""),
        y: axis("accuracy/valid", "%", "higher is better"),
        reference: None,
        curves: (0..configs).map(curve).collect(),
    }
}

fn profiles(configs: usize) -> f::Profiles {
    let curve = |c: usize| {
        let point = |i: usize| {
            let x = 88.5 + 0.25 * i as f64;
            let y = (1.0 / (1.0 + (2.0 * (x - level(c))).exp())).clamp(0.0, 1.0);
            f::CurvePoint { x, y, band: Some(f::Interval { low: (y - 0.1).max(0.0), high: (y + 0.1).min(1.0) }) }
        };
        f::Curve { name: name(c), strong: c < 5, points: (0..=20).map(point).collect() }
    };
    f::Profiles {
        caption: caption("profiles", "Scores of all runs"),
        score: axis("accuracy/valid", "%", ""),
        share: axis("share of runs with at least this score", "", ""),
        curves: (0..configs.min(200)).map(curve).collect(),
    }
}

fn power(curves: usize) -> f::Power {
    let curve = |c: usize| {
        let point = |i: usize| (i as f64 / 20.0, 1.0 - 0.95 * (-(i as f64).powi(2) * 0.002 * (c as f64 + 1.0)).exp());
        f::PowerCurve { name: format!("config {c}"), points: (0..=60).map(point).collect() }
    };
    f::Power {
        caption: caption("power", "Power"),
        x: axis("true difference", "pp", ""),
        target: 0.8,
        marks: vec![(1.0, "smallest that matters: 1 pp".to_owned())],
        curves: (0..curves.min(8)).map(curve).collect(),
    }
}

fn looks(configs: usize) -> f::Looks {
    let path = |c: usize| {
        let end = 3 + (c * 7 + 2) % 3;
        let share = |i: usize| (0.3 * i as f64 * (1.0 + noise(c, 1)) + 0.2 * noise(c, i), i);
        let points: Vec<(f64, f64)> = (1..=end).map(share).map(|(y, i)| (6.0 * i as f64, y)).collect();
        f::Path { name: format!("config {c}"), decided: points.last().is_some_and(|p| p.1.abs() > 1.0), points }
    };
    f::Looks {
        caption: caption("looks", "Looks at the data"),
        x: axis("replicates", "", ""),
        y: axis("t / boundary", "", ""),
        paths: (1..configs).map(path).collect(),
    }
}

fn interaction(configs: usize) -> f::Interaction {
    let mean = |l: usize, p: usize| {
        let value = level(l) + p as f64 * 0.4 * (1.0 + noise(l, p));
        (l + p != 5).then(|| f::Mean { value, interval: around(value, 0.3) })
    };
    f::Interaction {
        caption: caption("interaction", "Learning rate by smoothing"),
        x: axis("learning rate", "", ""),
        y: axis("accuracy/valid", "%", "higher is better"),
        places: ["1e-3", "3e-3", "1e-2", "3e-2"].map(str::to_owned).to_vec(),
        levels: (0..configs.min(5))
            .map(|l| f::Level { name: name(l), means: (0..4).map(|p| mean(l, p)).collect() })
            .collect(),
    }
}

fn grid(configs: usize, view: f::HeatView) -> f::HeatMap {
    let cell = |i: usize| {
        let (row, column) = (i / configs, i % configs);
        let effect = level(row) - level(column);
        let p = (-6.0 * effect.abs()).exp();
        (row != column).then_some(f::HeatCell { effect, p: Some(p) })
    };
    f::HeatMap {
        caption: caption(if view == f::HeatView::Effects { "effects" } else { "p" }, "All pairs"),
        view,
        effect: "row minus column, pp".to_owned(),
        alpha: 0.05,
        columns_name: "config".to_owned(),
        columns: (0..configs).map(name).collect(),
        rows_name: "config".to_owned(),
        rows: (0..configs).map(name).collect(),
        cells: (0..configs * configs).map(cell).collect(),
    }
}
