//! Factors: terms where configs scatter differently, terms that cannot be told, and drift over a sweep.

use super::{analysis_of, beyond::planned, example, example::Builder, markdown};
use crate::report::{Analysis, Factors};
use sweeper_core::spec::Pairing;

const METRIC: &str = "accuracy/balanced";

/// A 2 × 2 grid in which the config with both settings scatters `scale` times as much as the others.
pub(super) fn grid(pairing: Pairing, scale: f64) -> Analysis {
    let mut b = Builder::new("grid", METRIC, "plain");
    for (c, (name, epochs, rate)) in
        (1u64..).zip([("plain", 1, "0.001"), ("long", 2, "0.001"), ("fast", 1, "0.01"), ("both", 2, "0.01")])
    {
        let config = b.config("", name, 20, &format!(r#"{{"epochs":{epochs},"optimizer":{{"lr":{rate}}}}}"#));
        let own = if name == "both" { scale } else { 1.0 };
        for r in 0..20u32 {
            let noise = 0.5 * example::noise(u64::from(r)) + own * example::noise(1000 * c + u64::from(r));
            b.completed(config, r, &[(METRIC, 50.0 + noise)]);
        }
    }
    let mut results = b.build();
    results.spec.pairing = pairing;
    analysis_of(&results)
}

fn factors(analysis: &Analysis) -> &Factors {
    analysis.strata[0].factors.as_ref().unwrap()
}

#[test]
fn terms_of_configs_that_scatter_differently_have_a_second_test() {
    for (pairing, skip, test) in [
        (Pairing::Common, 1, "Hotelling's test of the same contrasts per replicate"),
        (Pairing::Independent, 0, "Welch's and James's test of the same contrasts"),
    ] {
        let analysis = grid(pairing, 8.0);
        let found = factors(&analysis);
        assert!(found.sd_ratio.unwrap() > 4.0);
        assert!(found.terms[..skip].iter().all(|t| t.term == "replicate" && t.robust.is_none()));
        assert!(found.terms[skip..].iter().all(|t| t.robust.is_some()));
        // Of a 2 × 2 grid the interaction is one contrast, and its robust test that of the contrast.
        let term = found.terms.last().unwrap();
        let (robust, contrast) = (term.robust.unwrap(), &found.interactions[0].test);
        assert!((robust.p_value - contrast.p_value).abs() < 1e-9, "{robust:?} {contrast:?}");
        assert!((robust.statistic - contrast.statistic.powi(2)).abs() < 1e-8 * (1.0 + robust.statistic));
        assert!((robust.df_denominator - contrast.df).abs() < 1e-8);
        assert!((robust.p_value - term.p_value).abs() > 1e-4, "another test than the classical one");
        let told = markdown(&analysis);
        assert!(told.contains("robust p") && told.contains(test), "{told}");
        assert!(told.contains("F of the same settings above takes one error for all configs of its grid"));
        let alike = grid(pairing, 1.0);
        assert!(factors(&alike).terms.iter().all(|t| t.robust.is_none()) && !markdown(&alike).contains("robust p"));
    }
}

#[test]
fn terms_that_no_grid_can_tell_are_named() {
    let mut b = Builder::new("star", METRIC, "plain");
    for (name, recipe) in [
        ("plain", r#"{"epochs":1}"#),
        ("long", r#"{"epochs":2}"#),
        ("small", r#"{"epochs":1,"batch_size":64}"#),
        ("fast", r#"{"epochs":1,"optimizer":{"lr":0.01}}"#),
    ] {
        let config = b.config("", name, 4, recipe);
        (0..4u32).for_each(|r| b.completed(config, r, &[(METRIC, 50.0 + example::noise(u64::from(config * 10 + r)))]));
    }
    let analysis = analysis_of(&b.build());
    let found = factors(&analysis);
    assert!(found.terms.is_empty() && found.sd_ratio.is_none());
    assert_eq!((found.main_rank, found.two_way_rank), ((4, 4), (4, 7)));
    assert_eq!(found.aliased, ["batch_size × epochs", "batch_size × optimizer.lr", "epochs × optimizer.lr"]);
    let told = markdown(&analysis);
    assert!(told.contains("Not to be told apart from others, in whole or in part: "), "{told}");
}

#[test]
fn drift_is_told_over_the_whole_sweep() {
    // The example's replicates follow each other, so order and replicate are nearly one; that two ended the other way round
    // is all that there is to tell them apart.
    let nearly_one = planned(&[50.0, 53.0], 20, |r| {
        let swapped = r.attempts.iter_mut().filter(|a| a.config == 0 && a.replicate % 9 == 3);
        swapped.for_each(|a| a.ended_ms = a.ended_ms.map(|at| at + 5_000));
    });
    let (slope, span) = (nearly_one.audit.drift.unwrap(), nearly_one.audit.drift_span.unwrap());
    assert_eq!(span.trials, 40);
    assert!((span.change - 39.0 * slope.difference).abs() < 1e-9 * span.change.abs().max(1.0));
    assert!((span.interval.low - 39.0 * slope.interval.low).abs() < 1e-9 * span.interval.low.abs());
    assert!(span.interval.high - span.interval.low > 4.0 * span.sd, "{span:?}");
    let told = markdown(&nearly_one);
    assert!(told.contains("No drift shown: from the first to the last of 40 trials"), "{told}");
    assert!(told.contains("This design can hardly tell: trainings of one config have a standard deviation of "));
    // By hand: squares about each config's mean, over 38 degrees of freedom.
    let squares = |c: usize| {
        let values = nearly_one.strata[0].configs[c].cells[0].measured().unwrap().plain();
        let mean = values.iter().sum::<f64>() / 20.0;
        values.iter().map(|v| (v - mean).powi(2)).sum::<f64>()
    };
    assert!((span.sd - ((squares(0) + squares(1)) / 38.0).sqrt()).abs() < 1e-9);
    let independent = planned(&[50.0, 53.0], 20, |r| r.spec.pairing = Pairing::Independent);
    let told = markdown(&independent);
    assert!(told.contains("No drift shown: from the first") && !told.contains("can hardly tell"), "{told}");
    let drifting = planned(&[50.0, 53.0], 20, |r| {
        r.spec.pairing = Pairing::Independent;
        r.trials.iter_mut().for_each(|t| t.metrics[0].value += f64::from(t.replicate));
    });
    let told = markdown(&drifting);
    let span = drifting.audit.drift_span.unwrap();
    assert!(told.contains("DRIFT: from the first to the last of 40 trials") && !told.contains("can hardly tell"));
    assert!((span.change - 19.5).abs() < 3.0, "a replicate is two trials: {span:?}");
}
