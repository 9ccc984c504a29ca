use super::made::Made;
use crate::report::figures::*;

fn made(values: &[f64]) -> Made {
    Made { values: values.to_vec(), names: ["a", "b", "c"].map(str::to_owned).to_vec() }
}

#[test]
fn nothing_finite_is_refused() {
    for (name, figure) in made(&[f64::NAN, f64::INFINITY]).all(5) {
        let error = figure.map(|f| f.file()).unwrap_err();
        assert!(matches!(error, FigureError::Empty { .. }), "{name}: {error}");
        assert!(error.to_string().ends_with("no finite number to draw"));
    }
    assert!(dots(&Dots::default()).is_err() && forest(&Forest::default()).is_err());
    assert!(slopes(&Slopes::default()).is_err() && variance(&Variance::default()).is_err());
}

#[test]
fn lists_that_do_not_match_are_refused() {
    let made = made(&[1.0, 2.0]);
    let mut grid = made.heat(3, HeatView::Effects);
    grid.cells.pop();
    assert_eq!(heat_map(&grid).unwrap_err().to_string(), "heat map: cells: 8 given, 9 expected");
    let mut noise = made.variance(2);
    noise.rows[1].errors.pop();
    assert_eq!(variance(&noise).unwrap_err().to_string(), "variance: standard errors of a config: 2 given, 3 expected");
    let mut cross = made.interaction(2);
    cross.levels[0].means.pop();
    assert!(matches!(interaction(&cross), Err(FigureError::Mismatch { expected: 3, found: 2, .. })));
}

#[test]
fn too_much_for_a_figure_is_refused() {
    let made = made(&[1.0, 2.0]);
    let grid = made.heat(251, HeatView::PValues);
    assert!(matches!(heat_map(&grid), Err(FigureError::TooMany { found: 63_001, limit: 62_500, .. })));
    assert!(matches!(interaction(&made.interaction(25)), Err(FigureError::TooMany { found: 25, .. })));
    let mut noise = made.variance(1);
    noise.targets = vec!["t".to_owned(); 5];
    assert!(matches!(variance(&noise), Err(FigureError::TooMany { found: 5, limit: 4, .. })));
}

#[test]
fn points_that_are_left_out_are_counted() {
    let mut input = made(&[1.0, 2.0]).dots(2);
    assert!(!dots(&input).unwrap().file().contains("left out"));
    input.rows[1].runs[0].value = f64::NAN;
    assert!(dots(&input).unwrap().file().contains("1 value that is not finite: left out.</desc>"));
    input.rows[1].runs[1].value = f64::INFINITY;
    assert!(dots(&input).unwrap().file().contains("2 values that are not finite: left out.</desc>"));
    // A cell that was not run is no such value.
    let mut cross = made(&[1.0, 2.0]).interaction(2);
    cross.levels[0].means[1] = None;
    assert!(!interaction(&cross).unwrap().file().contains("left out"));
}

#[test]
fn a_name_is_cut_with_its_beginning_in_a_title() {
    let long = format!("begin{}end", "x".repeat(10_000));
    let input = Made { values: vec![1.0, 2.0], names: vec![long] }.forest(1);
    let file = forest(&input).unwrap().file();
    assert!(file.contains("begin") && file.contains("end</title>"));
    assert!(file.len() < 12_000, "{}", file.len());
}

#[test]
fn an_infinite_end_lies_at_the_edge_and_nan_ends_draw_nothing() {
    let mut input = made(&[1.0, 2.0]).forest(1);
    input.rows[0].simultaneous = None;
    input.rows[0].interval = Some(Interval { low: f64::NEG_INFINITY, high: 2.0 });
    assert!(forest(&input).unwrap().file().contains("[−∞, "));
    input.rows[0].interval = Some(Interval { low: f64::NAN, high: 2.0 });
    let file = forest(&input).unwrap().file();
    assert!(!file.contains("NaN") && !file.contains('['), "{file}");
}
