use super::{made::Made, read};
use crate::report::figures::{
    axes::{Kind, Range, Scale},
    *,
};
use proptest::prelude::*;

/// Names that break careless output: markup, controls, both directions, no room.
fn names() -> Vec<String> {
    let long = "very long name ".repeat(700);
    let texts = [
        "a",
        "<b> & \"c\" 'd'",
        "שלום עולם",
        "tab\tnew\nline \u{7}\u{0}\u{fffe}\u{202e}\u{61c}",
        "",
        "数学模型",
        "]]>-->",
    ];
    texts.into_iter().map(str::to_owned).chain([long, "W".repeat(80)]).collect()
}

fn cases() -> Vec<(&'static str, Vec<f64>)> {
    vec![
        ("usual", vec![91.2, 90.4, 92.7, 91.9, 89.5, 0.03, 0.4]),
        ("one value", vec![5.0]),
        ("zeros", vec![0.0, -0.0]),
        ("huge", vec![1e152, -3e151, 2.5e152]),
        ("tiny", vec![1e-9, 2.5e-9, -4e-9, 0.0]),
        ("denormal", vec![5e-324, 1e-310, 0.0]),
        ("at the limit", vec![f64::MAX, f64::MIN, 0.0]),
        ("far from zero", vec![1e9, 1e9 + 0.01, 1e9 + 0.02]),
        ("neighbours", vec![1.0, 1.0 + f64::EPSILON]),
        ("not finite", vec![f64::NAN, 1.0, f64::INFINITY, 2.0, f64::NEG_INFINITY, 3.0, 0.5]),
        ("one far away", vec![1.0, 1.1, 1.2, 0.9, 1e12]),
    ]
}

#[test]
fn every_figure_of_every_size_stays_inside_and_repeats_its_bytes() {
    for (case, values) in cases() {
        let made = Made { values, names: names() };
        for n in [1, 2, 3, 10, 61, 200] {
            let (first, second) = (made.all(n), made.all(n));
            for ((name, figure), (_, again)) in first.iter().zip(&second) {
                assert_eq!(figure, again);
                match figure {
                    Ok(figure) => read::check(&format!("{name} with {n} of case {case}"), figure),
                    // One config may have nothing but numbers that are not finite.
                    Err(error) => assert!(matches!(error, FigureError::Empty { .. }), "{error}"),
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_numbers_and_any_names(
        values in prop::collection::vec(prop_oneof![any::<f64>(), -100.0..100.0, Just(f64::NAN)], 1..12),
        names in prop::collection::vec(any::<String>(), 1..5),
        n in 1_usize..30,
    ) {
        for (name, figure) in (Made { values, names }).all(n) {
            if let Ok(figure) = figure {
                read::check(name, &figure);
            }
        }
    }

    #[test]
    fn a_larger_value_never_lies_below_a_smaller_one(
        mut values in prop::collection::vec(prop_oneof![any::<f64>(), -1.0..1.0, 1e9..1.000_001e9], 2..20),
    ) {
        values.retain(|v| v.is_finite());
        prop_assume!(!values.is_empty());
        let mut range = Range::default();
        values.iter().for_each(|&v| range.point(v));
        let lying = Scale::new(range.clone(), (100.0, 700.0), Kind::Lying).unwrap();
        let upright = Scale::new(range, (300.0, 20.0), Kind::Upright).unwrap();
        values.sort_by(f64::total_cmp);
        for pair in values.windows(2) {
            prop_assert!(lying.at(pair[0]) <= lying.at(pair[1]));
            prop_assert!(upright.at(pair[0]) >= upright.at(pair[1]));
        }
        for scale in [lying, upright] {
            let ticks = scale.ticks();
            prop_assert!(ticks.len() <= 12 && ticks.iter().all(|&t| scale.holds(t)), "{ticks:?}");
            prop_assert!(values.iter().all(|&v| scale.at(v).is_finite()));
        }
    }

    #[test]
    fn drawn_places_follow_the_values(values in prop::collection::vec(-50.0_f64..50.0, 3..12)) {
        let made = Made { values: values.clone(), names: vec!["a".to_owned()] };
        let mut one = made.dots(1);
        one.rows[0].runs = values.iter().map(|&value| Run { label: String::new(), value }).collect();
        let x: Vec<f64> = read::first_places(&dots(&one).unwrap(), "f-dot").into_iter().skip(1).map(|p| p.0).collect();
        in_order(&values, &x)?;

        let mut rows = made.forest(values.len());
        for (row, &value) in rows.rows.iter_mut().zip(&values) {
            (row.difference, row.verdict) = (Some(value), Verdict::Undecided);
        }
        // The first hollow mark is the legend's.
        let marks = read::first_places(&forest(&rows).unwrap(), "f-hollow");
        in_order(&values, &marks.iter().skip(1).map(|p| p.0).collect::<Vec<f64>>())?;

        let mut curves = made.curves(1);
        let point = |(x, &y): (usize, &f64)| CurvePoint { x: x as f64, y, band: None };
        curves.curves[0].points = values.iter().enumerate().map(point).collect();
        let places = read::first_places(&learning_curves(&curves).unwrap(), "f-hit");
        in_order(&values, &places.iter().map(|p| -p.1).collect::<Vec<f64>>())?;
    }

    #[test]
    fn labels_keep_their_order_and_their_distance(wanted in prop::collection::vec(-50.0_f64..350.0, 1..18)) {
        let places = axes::spread(&wanted, 15.0, (10.0, 300.0));
        let mut both: Vec<(f64, f64)> = wanted.iter().copied().zip(places).collect();
        both.sort_by(|a, b| a.1.total_cmp(&b.1));
        prop_assert!(both.iter().all(|b| (9.99..=300.01).contains(&b.1)), "{both:?}");
        prop_assert!(both.windows(2).all(|w| w[1].1 - w[0].1 >= 14.99 && w[0].0 <= w[1].0), "{both:?}");
    }
}

fn in_order(values: &[f64], places: &[f64]) -> Result<(), TestCaseError> {
    prop_assert_eq!(values.len(), places.len());
    for (a, x) in values.iter().zip(places) {
        for (b, y) in values.iter().zip(places) {
            prop_assert!(a.total_cmp(b).is_lt() <= (x <= y), "{} at {}, {} at {}", a, x, b, y);
        }
    }
    Ok(())
}
