//! Sections beside single configs and pairs of them: the best set, lost trainings, power, the audit of the design.

use super::{Block, Cell, Column, Row, Section, Table, build::stratum_heading, grids, tuning};
use crate::report::{
    Analysis, Association, BestSet, ConfigResult, Contender, Copies, DesignAudit, FailureRate, MetricInfo, Source,
    Stratum,
    number::{self, fixed, signed},
    text, time,
    wording::{display_name, subject},
};
use std::collections::BTreeMap;
use sweeper_core::spec::{FamilyKind, Pairing};

/// Above this Cramér's V configs cannot be told from what they go with.
const CONFOUNDED: f64 = 0.5;
/// An interval of the drift that is wider than so many standard deviations of the metric tells next to nothing.
const HARDLY_TOLD: f64 = 4.0;

pub(super) fn primary(analysis: &Analysis) -> Option<&MetricInfo> {
    analysis.metrics.iter().find(|m| m.primary)
}

/// Blocks of every stratum that has any, under its heading.
pub(super) fn of_strata(analysis: &Analysis, blocks: impl Fn(usize, &Stratum) -> Vec<Block>) -> Vec<Block> {
    let mut all = Vec::new();
    for (s, stratum) in analysis.strata.iter().enumerate() {
        let own = blocks(s, stratum);
        if !own.is_empty() {
            all.extend(stratum_heading(stratum));
            all.extend(own);
        }
    }
    all
}

/// A section with a note before its blocks; none without blocks.
pub(super) fn section(id: &str, title: &str, note: &str, blocks: Vec<Block>) -> Option<Section> {
    if blocks.is_empty() {
        return None;
    }
    let note = (!note.is_empty()).then(|| Block::Note(note.to_owned()));
    Some(Section::new(id, title, note.into_iter().chain(blocks).collect()))
}

/// Which configs may be the best.
pub(super) fn best(analysis: &Analysis) -> Option<Section> {
    let blocks = of_strata(analysis, |s, stratum| {
        let table = |best: &BestSet| best_table(analysis, (stratum, best), format!("best-s{s}"));
        stratum.best.as_ref().map(table).map(Block::Table).into_iter().collect()
    });
    let how = match analysis.plan.pairing {
        Pairing::Common => "paired differences, Bonferroni's inequality over the others",
        Pairing::Independent => "Hsu's comparisons with the best, equal variances",
    };
    // What no sweep made cannot be trained again from here.
    let command =
        analysis.planning.stored.as_ref().map_or_else(String::new, |_| {
            format!(": `sweeper confirm {}` writes the sweep file for that", analysis.name)
        });
    let note = format!(
        "Not a winner but a set: every config that was not shown to be worse than the best ({how}). The top mean of many looks \
         better than it is; the shrunken mean says how much. To report the winner's own value, train it again on fresh \
         seeds{command}."
    );
    section("best", "Which may be the best", &note, blocks)
}

fn best_table(analysis: &Analysis, (stratum, best): (&Stratum, &BestSet), id: String) -> Table {
    let metric = primary(analysis);
    let unit = metric.map_or("", |m| m.unit.of_value());
    let decimals = decimals(analysis, stratum);
    let fewer = best.contenders.iter().any(|c| c.shared_mean.is_some());
    let row = |c: &Contender| {
        let (own, decimals) = decimals(&c.config);
        let with_best = c.with_best.as_ref().map(|i| {
            let shown = format!("[{}, {}]", signed(i.low, decimals), signed(i.high, decimals));
            Cell::number(shown, [i.low, i.high])
        });
        let rank = c.rank.map(|(rank, low, high)| {
            let values = [rank, low, high].map(|r| r as f64);
            Cell::number(format!("{rank} [{low}, {high}]"), values)
        });
        let none = || Cell::missing("n/a");
        let number = |mean: f64| Cell::number(fixed(mean, own), [mean]);
        let verdict = Cell::text(if c.among_best { "may be the best" } else { "not the best" });
        let mut cells = vec![
            Cell::name(display_name(&c.config)),
            verdict.tag(c.lost > 0, "survivors"),
            Cell::strong(fixed(c.mean, own), [c.mean]),
        ];
        cells.extend(fewer.then(|| number(c.shared_mean.unwrap_or(c.mean))));
        cells.extend([c.shrunken.map_or_else(none, number), with_best.unwrap_or_else(none), rank.unwrap_or_else(none)]);
        Row { marked: c.among_best, cells }
    };
    let confidence = number::percent(best.confidence);
    let head = |head: &str| Column::number(if unit.is_empty() { head.to_owned() } else { format!("{head} ({unit})") });
    let mut columns = vec![Column::text("config"), Column::text("verdict"), head("mean")];
    columns
        .extend(fewer.then(|| head("mean of shared").hint("over the replicates that all of these configs completed")));
    columns.push(head("shrunken mean"));
    columns.push(
        Column::number(format!("minus best, {confidence}"))
            .hint("mean minus the best of the others, for all configs at once"),
    );
    columns
        .push(Column::number(format!("rank, {confidence}")).hint("1 is best; intervals hold for all configs at once"));
    Table {
        id,
        title: "Contenders, the best mean first".to_owned(),
        note: super::best::note(best),
        columns,
        rows: best.contenders.iter().map(row).collect(),
    }
}

/// Decimals of a contender's mean, and of its difference from the best: by its own standard error, and by that of the
/// middle contender where its own is smaller or not known.
fn decimals<'a>(analysis: &Analysis, stratum: &'a Stratum) -> impl Fn(&str) -> (usize, usize) + use<'a> {
    let m = analysis.metrics.iter().position(|m| m.primary).unwrap_or(0);
    let error = |c: &'a ConfigResult| Some((c.name.as_str(), c.cells.get(m)?.measured()?.se.filter(|se| *se > 0.0)?));
    let errors: BTreeMap<&str, f64> = stratum.configs.iter().filter_map(error).collect();
    let middle = number::median(errors.values().copied());
    move |config| {
        let own = errors.get(config).copied().or(middle);
        let difference = own.zip(middle).map(|(a, b)| a.max(b)).or(own);
        (number::decimals(own), number::decimals(difference))
    }
}

/// Lost trainings as an outcome.
pub(super) fn failures(analysis: &Analysis) -> Option<Section> {
    let alpha = analysis.plan.alpha;
    let blocks = of_strata(analysis, |s, stratum| {
        if stratum.failures.is_empty() {
            return Vec::new();
        }
        let row = |failure: &FailureRate| {
            let none = || Cell::missing("n/a");
            let rate = failure.rate.as_ref().map(|(rate, i)| {
                let [rate, low, high] = [*rate, i.low, i.high].map(|share| 100.0 * share);
                Cell::strong(format!("{} [{}, {}]", fixed(rate, 0), fixed(low, 0), fixed(high, 0)), [rate, low, high])
            });
            Row {
                marked: false,
                cells: vec![
                    Cell::name(display_name(&failure.config)),
                    Cell::number(failure.ended.to_string(), [failure.ended as f64]),
                    Cell::number(failure.diverged.to_string(), [failure.diverged as f64]),
                    Cell::number(failure.abandoned.to_string(), [failure.abandoned as f64]),
                    rate.unwrap_or_else(none),
                    failure.p_value.map_or_else(none, |p| Cell::number(number::p(p, alpha), [p])),
                ],
            }
        };
        let mut columns = vec![
            Column::text("config"),
            Column::number("trials ended"),
            Column::number("diverged"),
            Column::number("abandoned"),
            Column::number("lost, %").hint("with Wilson's interval"),
            Column::number("p against the baseline").hint("Boschloo's test, uncorrected"),
        ];
        let mut rows: Vec<Row> = stratum.failures.iter().map(row).collect();
        if !has_baseline(analysis) {
            columns.truncate(columns.len() - 1);
            rows.iter_mut().for_each(|row| row.cells.truncate(row.cells.len() - 1));
        }
        vec![Block::Table(Table {
            id: format!("failures-s{s}"),
            title: "Rates".to_owned(),
            note: String::new(),
            columns,
            rows,
        })]
    });
    let note = "A config that loses trainings may look better for it: only the survivors have a value. The worst-rank column \
                of the other tests ranks lost trainings below all others.";
    section("failures", "Lost trainings", note, blocks)
}

/// What the design could have found.
pub(super) fn power(analysis: &Analysis) -> Option<Section> {
    let m = analysis.metrics.iter().position(|m| m.primary)?;
    let unit = primary(analysis).map_or("", |metric| metric.unit.of_difference());
    let trials: usize = analysis.counts.completed + analysis.counts.diverged;
    let seconds = analysis.provenance.train_seconds + analysis.provenance.evaluate_seconds;
    let each = if trials > 0 && seconds > 0.0 { Some(seconds / trials as f64) } else { None };
    let blocks = of_strata(analysis, |s, stratum| {
        let Some(family) = stratum.families.get(m) else { return Vec::new() };
        let row = |comparison: &crate::report::Comparison| {
            let tested = comparison.result.tested()?;
            let detectable = tested.detectable?;
            let d = number::tested_decimals(tested);
            let none = || Cell::missing("n/a");
            let sizes = [tested.n_config, tested.n_baseline];
            let needed = tested.needed.as_ref();
            let cost = needed.zip(each).map(|(needed, each)| {
                let more = needed.settle.saturating_sub(tested.n_config.min(tested.n_baseline));
                let seconds = 2.0 * more as f64 * each;
                Cell::number(time::duration(seconds), [seconds])
            });
            Some(Row {
                marked: false,
                cells: vec![
                    Cell::name(subject(comparison, analysis.plan.family)),
                    Cell::number(text::sizes(sizes), sizes.map(|n| n as f64)),
                    Cell::strong(fixed(detectable, d), [detectable]),
                    needed.map_or_else(none, |n| Cell::number(n.settle.to_string(), [n.settle as f64])),
                    cost.unwrap_or_else(none),
                ],
            })
        };
        let rows: Vec<Row> = family.comparisons.iter().filter_map(row).collect();
        if rows.is_empty() {
            return Vec::new();
        }
        let detectable = if unit.is_empty() { "detectable".to_owned() } else { format!("detectable ({unit})") };
        let columns = vec![
            Column::text("config"),
            Column::number("n"),
            Column::number(detectable)
                .hint("true difference found with probability 0.8 at the family's strictest level"),
            Column::number("n to settle")
                .hint("replicates each that settle it against the smallest difference that matters"),
            Column::number("device time for that"),
        ];
        let table = Table {
            id: format!("power-s{s}"),
            title: "Differences that can be found".to_owned(),
            note: String::new(),
            columns,
            rows,
        };
        let figure = stratum
            .power
            .as_ref()
            .zip(primary(analysis))
            .and_then(|(curves, metric)| grids::power(analysis, curves, metric, &format!("power-curve-s{s}")));
        figure.map(Block::Figure).into_iter().chain([Block::Table(table)]).collect()
    });
    let note = "What these numbers of trainings can find, with the standard deviation taken at its upper 80 % confidence limit. \
                It does not look at the difference found: the power “observed” after the fact says no more than p.";
    section("power", "What this design can find", &format!("{note}{}", of_ranks(analysis, m)), blocks)
}

/// Which test power is told of, where another one decides.
fn of_ranks(analysis: &Analysis, m: usize) -> &'static str {
    let mut all = analysis.strata.iter().filter_map(|s| s.families.get(m)).flat_map(|family| &family.comparisons);
    if all.any(|c| c.result.tested().is_some_and(|tested| tested.test.is_worst_rank())) {
        " The ranks that decide here were not asked: these are figures of the t-test, and of normal values ranks need about a \
         twentieth more."
    } else {
        ""
    }
}

/// Whether the trials were made as an experiment should be.
pub(super) fn audit(analysis: &Analysis) -> Section {
    let audit = &analysis.audit;
    let alpha = analysis.plan.alpha;
    let mut lines = Vec::from_iter(crate::report::text::held_fixed(analysis));
    lines.extend(audit.associations.iter().map(|found| association(found, alpha)));
    if audit.associations.is_empty() && !analysis.provenance.devices.is_empty() {
        lines.push(
            "All trials come from one worker, or which one made them is not known: no confounding to check.".to_owned(),
        );
    }
    lines.extend(tuning::findings(analysis));
    lines.extend(drift(analysis));
    if let Some(rho) = audit.break_even {
        lines.push(pairing(analysis, rho));
    }
    lines.extend(shared_seeds(audit));
    lines.extend(audit.copies.iter().map(|found| copies(found, analysis.source)));
    if audit.copies.is_empty() {
        lines.push(analysis.source.no_copies().to_owned());
    }
    Section::new("audit", "How the trials were made", vec![Block::List(lines)])
}

/// With what configs go so closely that nothing tells their effects apart.
pub(super) fn confounders(analysis: &Analysis) -> impl Iterator<Item = &str> {
    analysis.audit.associations.iter().filter(|found| found.v > CONFOUNDED).map(|found| found.what.as_str())
}

/// Change of the metric over the whole sweep: per trial it looks small whatever it is.
fn drift(analysis: &Analysis) -> Option<String> {
    let (drift, span) = (analysis.audit.drift.as_ref()?, analysis.audit.drift_span.as_ref()?);
    let d = number::decimals(Some(drift.standard_error * span.trials.saturating_sub(1) as f64));
    let unit = primary(analysis).map_or("", |m| m.unit.of_difference());
    let change = number::with_unit(&signed(span.change, d), unit);
    let (low, high) = (signed(span.interval.low, d), signed(span.interval.high, d));
    let interval = format!("{} interval {low} to {high}", number::percent(span.interval.confidence));
    let p = number::p_equals(drift.p_value, analysis.plan.alpha);
    let shown = drift.p_value <= analysis.plan.alpha;
    let verdict = if shown { "DRIFT" } else { "No drift shown" };
    let sd = number::with_unit(&fixed(span.sd, number::decimals(Some(span.sd))), unit);
    let wide = !shown && span.interval.high - span.interval.low > HARDLY_TOLD * span.sd;
    let hardly = if wide {
        format!(" This design can hardly tell: trainings of one config have a standard deviation of {sd}.")
    } else {
        String::new()
    };
    Some(format!(
        "{verdict}: from the first to the last of {} trials, in the order in which they ended, the metric changes by {change} \
         ({interval}; {p}).{hardly}",
        span.trials
    ))
}

/// What the audit found that no number of the report survives.
pub(super) fn audit_stamps(analysis: &Analysis) -> Vec<String> {
    let audit = &analysis.audit;
    let confounded = confounders(analysis).map(|what| {
        format!("CONFOUNDED: differences between configs are not separable from the {what} that trained them")
    });
    let seeds = if analysis.source.is_read() { "whose seeds are not known" } else { "under different seeds" };
    let kinds = [(false, seeds), (true, "that count as independent have their seeds in common and")];
    let copied = kinds.into_iter().filter_map(|(one_seed, what)| {
        let copied = audit.copies.iter().filter(|c| c.one_seed == one_seed).map(|c| c.count).sum::<usize>();
        let stamp =
            || format!("COPIES: {copied} trainings {what} are the same as others: n counts them as if they were not");
        (copied > 0).then(stamp)
    });
    confounded.chain(copied).collect()
}

/// What is compared as independent and is not quite.
fn shared_seeds(audit: &DesignAudit) -> Option<String> {
    (audit.shared_seeds > 0).then(|| {
        format!(
            "{} trainings have the seed of one that they are compared with as independent: as far as the seed decides, \
             that makes p-values larger than they need be.",
            audit.shared_seeds
        )
    })
}

fn association(found: &Association, alpha: f64) -> String {
    let v = fixed(found.v, 2);
    let what = &found.what;
    let effect = found.effect_p.map_or_else(String::new, |p| {
        let shown = if p <= alpha {
            format!("the {what} has an effect of its own")
        } else {
            format!("no effect of the {what} itself was shown")
        };
        format!("; beside the configs {shown} ({})", number::p_equals(p, alpha))
    });
    if found.v > CONFOUNDED {
        format!(
            "CONFOUNDED: configs go with the {what} (Cramér's V {v}, {} of them): differences may be those of the {what}{effect}.",
            found.kinds
        )
    } else {
        let kinds = match what.as_str() {
            "kind of device" => "kinds of device".to_owned(),
            "library" => "libraries".to_owned(),
            what => format!("{what}s"),
        };
        format!("Configs are spread over {} {kinds} (Cramér's V {v}){effect}.", found.kinds)
    }
}

/// Whether pairing paid.
fn pairing(analysis: &Analysis, rho: f64) -> String {
    let m = analysis.metrics.iter().position(|m| m.primary).unwrap_or(0);
    let families = analysis.strata.iter().filter_map(|s| s.families.get(m));
    let mut found: Vec<f64> =
        families.flat_map(|f| f.comparisons.iter().filter_map(|c| c.result.tested()?.seed_correlation)).collect();
    found.sort_by(f64::total_cmp);
    let median = match found.as_slice() {
        [] => "no correlation could be measured".to_owned(),
        all => format!("the median over the comparisons is {}", fixed(all[all.len() / 2], 2)),
    };
    format!(
        "Pairing pays from a correlation across seeds of {} on; {median}. It was part of the plan, and stays whatever it was.",
        fixed(rho, 2)
    )
}

fn copies(found: &Copies, source: Source) -> String {
    let names: Vec<String> = found.trials.iter().map(|name| display_name(name)).collect();
    let more =
        if found.count > names.len() { format!(" and {} more", found.count - names.len()) } else { String::new() };
    if source.is_read() {
        return format!(
            "COPIES: {}{more} agree in {}, which chance does not explain: they are likely one training, counted {} times.",
            names.join(", "),
            found.equal,
            found.count
        );
    }
    let seeds = if found.one_seed { "one seed" } else { "different seeds" };
    format!(
        "COPIES: {}{more} have {seeds} and equal {}: they are one observation, not {}.",
        names.join(", "),
        found.equal.strip_prefix("trained ").unwrap_or(&found.equal),
        found.count
    )
}

/// Whether a family has a baseline, for captions.
pub(super) fn has_baseline(analysis: &Analysis) -> bool {
    analysis.plan.family == FamilyKind::Baseline
}
