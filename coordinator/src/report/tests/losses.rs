//! What must be told beside a verdict: lost trials, a cancelled sweep, numbers that could not be computed.

use super::{
    analysis_of,
    example::{self, Builder},
};
use crate::{
    report::{Analysis, ComparisonResult, Instead, Loss, Verdict, render},
    results::SweepResults,
};
use sweeper_core::{
    record::Metric,
    spec::{Correction, Direction, Missing, Pairing},
};
use sweeper_stats::Degenerate;

/// `+dies` gains 5 points in the replicates that live; `abandoned` and `diverged` say how many of 12 do not.
fn dying(diverged: u32, abandoned: u32, baseline_abandoned: u32) -> SweepResults {
    let mut b = Builder::new("dying", "accuracy/balanced", "plain");
    let (plain, dies) = (b.config("", "plain", 12, "{}"), b.config("", "+dies", 12, "{}"));
    for r in 0..12 {
        let base = 80.0 + 0.1 * example::noise(u64::from(r));
        match r {
            r if r < baseline_abandoned => b.abandoned(plain, r, "out of memory"),
            _ => b.completed(plain, r, &[("accuracy/balanced", base)]),
        }
        match r {
            r if r >= 12 - diverged => b.diverged(dies, r, "loss at epoch 0, step 17"),
            r if r >= 12 - diverged - abandoned => b.abandoned(dies, r, "out of memory"),
            _ => b.completed(dies, r, &[("accuracy/balanced", base + 5.0 + 0.1 * example::noise(100 + u64::from(r)))]),
        }
    }
    b.build()
}

/// The line with the verdict on `+dies` in HTML, Markdown and for the terminal.
fn verdict_lines(results: &SweepResults) -> [String; 3] {
    let analysis = analysis_of(results);
    let line = |text: String, of: &str| text.lines().find(|l| l.contains(of)).unwrap_or_default().to_owned();
    let html = super::html(&analysis);
    let claim = html.split("<strong>+dies</strong><p>").nth(1).unwrap().split("</p>").next().unwrap().to_owned();
    [claim, line(super::markdown(&analysis), "“+dies” "), line(render::terminal(&analysis, false), "  +dies: ")]
}

#[test]
fn a_verdict_of_survivors_says_so_in_its_line() {
    let results = dying(8, 0, 0);
    let comparison = &analysis_of(&results).strata[0].families[0].comparisons[0];
    assert_eq!(comparison.result.tested().unwrap().verdict, Verdict::Better);
    let loss =
        Loss { config: "+dies".to_owned(), baseline: false, planned: 12, diverged: 8, abandoned: 0, not_finite: 0 };
    assert_eq!(comparison.losses, [loss]);
    for line in verdict_lines(&results) {
        let clause = "n = 4 pairs; 8 of 12 trainings of “+dies” diverged: these numbers are of the survivors only";
        assert!(line.contains(clause), "{line}");
    }
}

#[test]
fn lost_trials_of_both_sides_are_told() {
    for line in verdict_lines(&dying(2, 1, 3)) {
        let clause = "; 2 of 12 trainings of “+dies” diverged, 1 of 12 trials of “+dies” was abandoned, 3 of 12 trials of \
                      “plain” were abandoned: these numbers are of the survivors only";
        assert!(line.contains(clause), "{line}");
    }
}

#[test]
fn without_numbers_there_are_no_survivors_and_without_losses_no_word() {
    for line in verdict_lines(&dying(12, 0, 0)) {
        assert!(line.contains("; 12 of 12 trainings of “+dies” diverged"), "{line}");
        assert!(!line.contains("survivors"), "{line}");
    }
    for line in verdict_lines(&dying(0, 0, 0)) {
        assert!(line.contains("n = 12 pairs") && !line.contains(" of 12"), "{line}");
    }
}

/// Ranked worst, the lost trainings outweigh what the survivors gained: the verdict goes by the ranks, and says so.
#[test]
fn the_ranks_tell_which_way_and_not_the_survivors() {
    for pairing in [Pairing::Common, Pairing::Independent] {
        let mut results = dying(10, 0, 0);
        results.spec.pairing = pairing;
        let plain = analysis_of(&results);
        results.spec.analysis.missing = Missing::WorstRank;
        let ranked = analysis_of(&results);
        let of = |analysis: &Analysis| analysis.strata[0].families[0].comparisons[0].clone();
        let (plain, ranked) = (of(&plain), of(&ranked));
        let tested = ranked.result.tested().unwrap();
        let rank = tested.worst_rank.unwrap();
        assert!(tested.primary.difference > 4.0 && rank.side == -1 && rank.test.p_value < 0.05, "{rank:?}");
        assert_eq!((tested.verdict, rank.n_config, tested.n_config), (Verdict::Worse, 12, 2));
        assert!(ranked.evidence.contains("with lost trainings ranked worst, n = 12"), "{}", ranked.evidence);
        assert!(ranked.evidence.contains("; those that completed are 5"), "{}", ranked.evidence);
        assert_eq!(plain.result.tested().unwrap().verdict, Verdict::Better);
        let unsure = "UNSURE: with every lost training ranked worst the opposite is shown (p = 0.0";
        assert!(plain.evidence.contains(unsure), "{}", plain.evidence);
    }
    for line in verdict_lines(&dying(3, 0, 0)) {
        assert!(line.contains("UNSURE: with every lost training ranked worst no difference is shown"), "{line}");
    }
    // Of five pairs no ranks can show anything: that is no reason to doubt what the four that are left show.
    let mut few = dying(0, 0, 0);
    few.spec.configs.iter_mut().for_each(|c| c.replicates = 5);
    few.trials.retain(|t| t.replicate < 5);
    let last = few.trials.iter_mut().find(|t| t.config == 1 && t.replicate == 4).unwrap();
    last.ending = Some("diverged: loss".to_owned());
    last.metrics.clear();
    for line in verdict_lines(&few) {
        assert!(line.contains("n = 4 pairs") && !line.contains("UNSURE"), "{line}");
    }
    assert!(verdict_lines(&dying(1, 0, 0)).iter().all(|line| !line.contains("UNSURE")));
}

/// Where nothing was lost the ranks decide as well, whatever the size of the difference and its interval.
#[test]
fn ranks_decide_without_losses_too() {
    for (pairing, delta, verdict) in [
        (Pairing::Common, None, Verdict::Better),
        (Pairing::Independent, None, Verdict::Better),
        (Pairing::Common, Some(9.0), Verdict::NegligiblyBetter),
    ] {
        let mut results = dying(0, 0, 0);
        results.spec.pairing = pairing;
        results.spec.analysis.missing = Missing::WorstRank;
        results.spec.analysis.delta = delta;
        let analysis = analysis_of(&results);
        let tested = analysis.strata[0].families[0].comparisons[0].result.tested().unwrap().clone();
        assert!(tested.p_adjusted < 0.001 && tested.primary.interval.low > 4.0, "{tested:?}");
        assert_eq!((tested.verdict, tested.worst_rank.unwrap().side), (verdict, 1));
        // The loser the other way round.
        results.spec.analysis.direction = Direction::Minimize;
        let other = analysis_of(&results).strata[0].families[0].comparisons[0].result.tested().unwrap().verdict;
        assert_eq!(other, if delta.is_some() { Verdict::NegligiblyWorse } else { Verdict::Worse });
    }
}

/// Nothing is left of a config for a difference, and the planned ranks still tell that it is the worse one.
#[test]
fn a_config_that_lost_everything_is_judged_by_its_ranks() {
    for (lost, pairing) in [(12, Pairing::Common), (12, Pairing::Independent), (11, Pairing::Common)] {
        let mut results = dying(lost, 0, 0);
        results.spec.pairing = pairing;
        results.spec.analysis.missing = Missing::WorstRank;
        let analysis = analysis_of(&results);
        let comparison = &analysis.strata[0].families[0].comparisons[0];
        let ComparisonResult::Ranked(ranked) = &comparison.result else { panic!("{comparison:?}") };
        assert_eq!((ranked.verdict, ranked.rank.side, ranked.rank.n_config), (Verdict::Worse, -1, 12));
        // All twelve pairs on one side; or all 144.
        let exact = match (pairing, lost) {
            (Pairing::Common, 12) => 2.0 / 4096.0,
            (Pairing::Common, _) => 4.0 / 4096.0,
            (Pairing::Independent, _) => 2.0 / 2_704_156.0,
        };
        assert!((ranked.rank.test.p_value / exact - 1.0).abs() < 1e-12, "{}", ranked.rank.test.p_value);
        assert_eq!(analysis.strata[0].families[0].corrected_over, 1);
        for line in verdict_lines(&results) {
            let clause = "with lost trainings ranked worst, n = 12";
            let why = format!("no difference can be told ({} usable replicate", 12 - lost);
            assert!(line.contains("ranks lower, p = ") && line.contains(clause) && line.contains(&why), "{line}");
            assert!(line.contains(&format!("{lost} of 12 trainings of “+dies” diverged")), "{line}");
        }
        assert!(super::markdown(&analysis).contains("| 12 (lost ranked worst) |"));
    }
    // The plan says otherwise: left out, there is nothing to test.
    assert!(matches!(
        analysis_of(&dying(12, 0, 0)).strata[0].families[0].comparisons[0].result,
        ComparisonResult::NotTested(_)
    ));
}

/// Methods that need the values of trainings know nothing of those that were lost.
#[test]
fn ranks_are_corrected_by_holm() {
    for correction in [Correction::MaxT, Correction::Dunnett, Correction::GamesHowell] {
        let mut results = dying(3, 0, 0);
        results.spec.analysis.correction = correction;
        results.spec.analysis.missing = Missing::WorstRank;
        let family = &analysis_of(&results).strata[0].families[0];
        let tested = family.comparisons[0].result.tested().unwrap();
        assert_eq!(family.instead, Some(Instead::Ranks));
        assert_eq!((tested.p_adjusted, tested.worst_rank.unwrap().test.p_value), (tested.p_value, tested.p_value));
    }
}

/// A metric without a known better side has no worst rank, and its table says which test it is of.
#[test]
fn captions_name_the_test_that_decided() {
    let mut results = dying(3, 0, 0);
    results.spec.analysis.missing = Missing::WorstRank;
    for trial in &mut results.trials {
        let other =
            trial.metrics.first().map(|m| Metric { name: "strange".to_owned(), value: m.value * m.value, ..m.clone() });
        trial.metrics.extend(other);
    }
    let text = super::markdown(&analysis_of(&results));
    assert!(text.contains("signed-rank test with lost trials ranked worst"), "{text}");
    assert!(
        text.contains("first config minus second, paired t-test") || text.contains("minus plain, paired t-test"),
        "{text}"
    );
    assert!(text.contains("not told of ranks") && text.contains("The ranks that decide here were not asked"), "{text}");
}

#[test]
fn tables_mark_n_where_trials_were_lost() {
    let row = |results: &SweepResults| {
        let terminal = render::terminal(&analysis_of(results), false);
        terminal.lines().find(|l| l.starts_with("+dies")).unwrap().to_owned()
    };
    assert!(row(&dying(8, 0, 0)).ends_with("  4 of 12"));
    assert!(row(&dying(0, 9, 0)).ends_with("  3 of 12 (few)"));
    assert!(row(&dying(12, 0, 0)).ends_with("  0 of 12"));
    assert!(row(&dying(0, 0, 0)).ends_with("  12"));
    let markdown = super::markdown(&analysis_of(&dying(8, 0, 0)));
    assert!(markdown.contains("| 4 (survivors) |"), "{markdown}");
    assert!(!super::markdown(&analysis_of(&dying(0, 0, 0))).contains("survivors"));
}

#[test]
fn a_cancelled_sweep_is_not_called_unfinished() {
    let mut results = example::small();
    results.state = "cancelled".to_owned();
    results.cancel_reason = Some("wrong <data>\u{1b}[2J".to_owned());
    results.trials.iter_mut().filter(|t| t.state == "Pending").for_each(|t| t.state = "Cancelled".to_owned());
    let analysis = analysis_of(&results);
    let texts = || [super::html(&analysis), super::markdown(&analysis), render::terminal(&analysis, false)];
    for text in texts() {
        assert!(text.contains("CANCELLED before its end (reason given: “wrong "), "{text}");
        assert!(text.contains("1 of 15 planned trials have no outcome and will not get one"), "{text}");
        assert!(!text.contains("PARTIAL") && !text.contains("may still change") && !text.contains('\u{1b}'), "{text}");
    }
    results.cancel_reason = None;
    assert!(
        render::terminal(&analysis_of(&results), false).contains("CANCELLED before its end (no reason was given): ")
    );
    // Results that an older version wrote have no such field.
    let mut json = serde_json::to_value(&results).unwrap();
    json.as_object_mut().unwrap().remove("cancel_reason").unwrap();
    assert_eq!(serde_json::from_value::<SweepResults>(json).unwrap(), results);
}

#[test]
fn nothing_trained_took_no_time() {
    let mut b = Builder::new("waiting", "accuracy/balanced", "a");
    let config = b.config("", "a", 2, "{}");
    (0..2).for_each(|r| b.pending(config, r));
    let analysis = analysis_of(&b.build());
    assert!(analysis.provenance.train_seconds.is_sign_positive());
    let markdown = super::markdown(&analysis);
    let fact = markdown.lines().find(|line| line.contains("training, summed")).unwrap();
    assert!(fact.contains("0 ms") && !fact.contains("-0"), "{fact}");
}

#[test]
fn an_effect_size_that_cannot_be_has_its_reason() {
    let mut b = Builder::new("two", "accuracy/balanced", "a");
    let (a, c) = (b.config("", "a", 2, "{}"), b.config("", "b", 2, "{}"));
    for (r, (x, y)) in [(1.0, 1.5), (2.0, 4.0)].into_iter().enumerate() {
        b.completed(a, r as u32, &[("accuracy/balanced", x)]);
        b.completed(c, r as u32, &[("accuracy/balanced", y)]);
    }
    let analysis = analysis_of(&b.build());
    let tested = analysis.strata[0].families[0].comparisons[0].result.tested().unwrap();
    assert_eq!(tested.effect, None);
    assert_eq!(tested.effect_missing, Some(Degenerate::TooFew { n: 2, needed: 3 }));
    assert!(super::markdown(&analysis).contains("| too few (n = 2) |"));
    assert!(super::html(&analysis).contains(">too few (n = 2)<"));
}

#[test]
fn outcomes_seen_before_the_plan_are_a_deviation() {
    let mut results = example::ten_configs();
    let seen = |results: &SweepResults| {
        let all = analysis_of(results).deviations;
        all.into_iter().filter(|d| d.contains("taken from earlier sweeps")).collect::<Vec<String>>()
    };
    assert!(seen(&results).is_empty());
    results.trials.iter_mut().take(7).for_each(|t| t.reused_from = Some("s0/c0/r0".to_owned()));
    let finished = results.trials.iter().filter(|t| t.state == "Finished").count();
    let told = seen(&results);
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with(&format!("7 of {finished} outcomes were taken from earlier sweeps")), "{}", told[0]);
    assert!(told[0].contains("the p-values do not account for that"), "{}", told[0]);
}
