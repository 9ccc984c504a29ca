//! `simulate`: what the sweep's own design does in the long run: error rate, power, trials used.

use super::{output, submit::FileArgs};
use crate::{
    error::{Exit, Failure},
    feasibility::is_compared,
    stopping::{self, StratumDesign},
};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::{collections::BTreeMap, io::IsTerminal as _};
use sweeper_core::spec::{Correction, FamilyKind, Pairing, SweepSpec};
use sweeper_stats::{
    Degenerate,
    design::{Design, Monitor, Rule},
    simulate::{Characteristics, Rate, Scenario, simulate as run_design},
};

/// True effects that are simulated, as multiples of the one asked for.
const MULTIPLES: [f64; 3] = [0.0, 1.0, 1.5];
/// Largest effect, in standard deviations.
const LARGEST_EFFECT: f64 = 1e6;
/// Trials that one simulation may draw.
const MOST_DRAWS: u64 = 20_000_000_000;

/// Arguments of `sweeper simulate`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  sweeper simulate sweep.toml --effect 0.5\n  sweeper simulate sweep.toml --effect 0.3 --sd 0.4 --correlation 0.5 --runs 100000 --seed 7\n  sweeper simulate sweep.toml --effect 0.5 --set 'stopping={rule=\"e-value\"}' --json\n\nEvery config but the baseline truly differs from it by 0, by the effect, and by one and a half times the effect. A run draws normal values for all trials and judges them as the coordinator would. Equal seeds give equal numbers, on any number of threads. docs/sequential.md says what the rules are."
)]
pub(super) struct SimulateArgs {
    #[command(flatten)]
    file: FileArgs,
    /// True difference from the baseline: in the metric's unit with --sd, else in standard deviations
    #[arg(long, value_name = "D", allow_negative_numbers = true)]
    effect: f64,
    /// Standard deviation of a config over its replicates, in the metric's unit
    #[arg(long, value_name = "S", allow_negative_numbers = true)]
    sd: Option<f64>,
    /// Correlation of two configs over replicates of one seed, 0 up to but not 1
    #[arg(long, value_name = "R", default_value_t = 0.0, allow_negative_numbers = true)]
    correlation: f64,
    /// Simulated sweeps per row
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(100..=10_000_000))]
    runs: u32,
    /// Everything random derives from it
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Everything the command prints.
#[derive(Debug, Serialize)]
struct Simulated {
    name: String,
    metric: String,
    runs: u32,
    seed: u64,
    effect: f64,
    /// `sd` or `metric`.
    unit: &'static str,
    sd: f64,
    correlation: f64,
    designs: Vec<SimulatedDesign>,
}

/// One design, and the strata that have it.
#[derive(Debug, Serialize)]
struct SimulatedDesign {
    strata: Vec<String>,
    design: Design,
    rows: Vec<Row>,
    equal_power: Option<EqualPower>,
}

/// A design under a true effect.
#[derive(Debug, Serialize)]
struct Row {
    /// `fixed`, `looks` or `e-value`.
    rule: &'static str,
    effect: f64,
    /// Mean over the comparisons of the share of runs in which it is found; none without an effect.
    power: Option<f64>,
    characteristics: Characteristics,
}

/// The smallest fixed design whose power for the effect asked for is not below that of the sweep's own rule.
#[derive(Debug, Serialize)]
struct EqualPower {
    replicates: usize,
    trials: usize,
    power: f64,
    /// Share of its trials that the sweep's own rule saves, by true effect.
    saved: Vec<Saving>,
}

#[derive(Debug, Serialize)]
struct Saving {
    effect: f64,
    saved: f64,
}

pub(super) async fn simulate(args: SimulateArgs) -> Result<Exit, Failure> {
    let checked = args.file.read()?;
    let spec = &checked.spec;
    check(&args, spec)?;
    let mut distinct: Vec<(StratumDesign, Vec<String>)> = Vec::new();
    for found in stopping::designs(spec, |config| is_compared(spec, config)) {
        let stratum = found.stratum.clone();
        match distinct.iter_mut().find(|(known, _)| known.design == found.design) {
            Some((_, strata)) => strata.push(stratum),
            None => distinct.push((found, vec![stratum])),
        }
    }
    if distinct.is_empty() {
        return Err(Failure::new(Exit::UnknownReference, "nothing is compared with the baseline in this sweep"));
    }
    let bar = progress(&args);
    let mut designs = Vec::new();
    for (found, strata) in distinct {
        designs.push(Simulation::new(&args, found.design, &bar)?.describe(strata)?);
    }
    bar.finish_and_clear();
    let simulated = Simulated {
        name: spec.name.clone(),
        metric: spec.analysis.metric.clone(),
        runs: args.runs,
        seed: args.seed,
        effect: args.effect,
        unit: if args.sd.is_some() { "metric" } else { "sd" },
        sd: args.sd.unwrap_or(1.0),
        correlation: args.correlation,
        designs,
    };
    if args.json {
        output::print_json(&simulated)?;
    } else {
        output::print(&text(&simulated))?;
    }
    Ok(Exit::Ok)
}

/// What clap cannot check.
fn check(args: &SimulateArgs, spec: &SweepSpec) -> Result<(), Failure> {
    let bad = |what: String, hint: &str| Err(Failure::new(Exit::Usage, what).hint(hint.to_owned()));
    let effect = if args.effect.abs() < 1e12 { format!("{}", args.effect) } else { format!("{:e}", args.effect) };
    if !(args.effect != 0.0 && args.effect.abs() < 1e12) {
        return bad(
            format!("--effect {effect} is no difference that could be found"),
            "give a number other than 0, e.g. 0.5; no effect at all is simulated besides",
        );
    }
    if args.sd.is_some_and(|sd| !(sd > 0.0 && sd < 1e12)) {
        return bad(
            "--sd must be a number above 0".to_owned(),
            "the standard deviation that replicates of a config have",
        );
    }
    if (args.effect / args.sd.unwrap_or(1.0)).abs() > LARGEST_EFFECT {
        return bad(
            format!("--effect {effect} is more than {LARGEST_EFFECT} standard deviations"),
            "every design finds such an effect; give one that is hard to find, e.g. 0.5",
        );
    }
    if !(0.0..1.0).contains(&args.correlation) {
        return bad(format!("--correlation {} is out of range", args.correlation), "0 up to but not 1");
    }
    if args.correlation > 0.0 && spec.pairing == Pairing::Independent {
        return bad(
            "--correlation is for replicates that share a seed, and this sweep has pairing = \"independent\""
                .to_owned(),
            "leave it out, or use pairing = \"common\"",
        );
    }
    let plan = &spec.analysis;
    if plan.delta.is_some() && args.sd.is_none() {
        return bad(
            "the plan has `analysis.delta`, in the metric's unit, so the effect needs one too".to_owned(),
            "give --sd, and --effect in the metric's unit",
        );
    }
    if plan.family != FamilyKind::Baseline || plan.correction != Correction::Holm {
        return Err(Failure::new(
            Exit::OutOfRange,
            "only comparisons with the baseline under Holm's correction can be simulated",
        )
        .hint("add --set analysis.family=baseline --set analysis.correction=holm to see how that would do"));
    }
    Ok(())
}

fn progress(args: &SimulateArgs) -> ProgressBar {
    if args.json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(8));
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} simulations {elapsed}") {
        bar.set_style(style.progress_chars("━╸ "));
    }
    bar.enable_steady_tick(std::time::Duration::from_millis(500));
    bar
}

/// One design being simulated.
struct Simulation<'a> {
    args: &'a SimulateArgs,
    bar: &'a ProgressBar,
    design: Design,
    /// Fixed designs by replicates, under the effect asked for.
    fixed: BTreeMap<usize, f64>,
}

impl<'a> Simulation<'a> {
    fn new(args: &'a SimulateArgs, design: Design, bar: &'a ProgressBar) -> Result<Self, Failure> {
        let trials = (design.comparisons as u64 + 1) * design.planned as u64;
        if trials.saturating_mul(args.runs.into()) > MOST_DRAWS {
            let message = format!("{} runs of {trials} trials are too many", args.runs);
            return Err(Failure::new(Exit::OutOfRange, message).hint("give fewer --runs, or --set replicates=N"));
        }
        Ok(Self { args, bar, design, fixed: BTreeMap::new() })
    }

    fn run(&self, design: Design, multiple: f64) -> Result<Characteristics, Failure> {
        self.bar.inc_length(1);
        let (sd, effect) = (self.args.sd.unwrap_or(1.0), self.args.effect * multiple);
        let scenario = Scenario {
            effects: vec![effect; design.comparisons],
            sd_baseline: sd,
            sds: vec![sd; design.comparisons],
            correlation: self.args.correlation,
        };
        let simulated = Monitor::new(design)
            .and_then(|monitor| run_design(&monitor, &scenario, self.args.runs, self.args.seed))
            .map_err(|why: Degenerate| {
                Failure::new(Exit::OutOfRange, format!("this design cannot be simulated: {why}"))
            })?;
        self.bar.inc(1);
        Ok(simulated)
    }

    fn with_rule(&self, rule: Rule, planned: usize) -> Design {
        // Stops without a difference belong to the sweep's own rule.
        let futility = if rule == self.design.rule { self.design.futility } else { None };
        Design { rule, planned, futility, ..self.design.clone() }
    }

    fn rows(&self, rule: &Rule) -> Result<Vec<Row>, Failure> {
        let row = |multiple: f64| {
            let characteristics = self.run(self.with_rule(rule.clone(), self.design.planned), multiple)?;
            // Of a negative effect 0 would be -0.
            let (rule, effect) = (rule_name(rule), self.args.effect * multiple + 0.0);
            Ok(Row { rule, effect, power: mean_power(&characteristics), characteristics })
        };
        MULTIPLES.into_iter().map(row).collect()
    }

    fn describe(mut self, strata: Vec<String>) -> Result<SimulatedDesign, Failure> {
        let mut rows = self.rows(&Rule::Fixed)?;
        let mut equal_power = None;
        if self.design.rule != Rule::Fixed {
            let own = self.rows(&self.design.rule)?;
            equal_power = Some(self.equal_power(&own, power_of(&rows))?);
            rows.extend(own);
        }
        Ok(SimulatedDesign { strata, design: self.design, rows, equal_power })
    }

    /// Searches the fixed design of equal power; the planned one has `most`.
    fn equal_power(&mut self, own: &[Row], most: f64) -> Result<EqualPower, Failure> {
        let wanted = power_of(own);
        self.fixed.insert(self.design.planned, most);
        let (mut low, mut high) = (1, self.design.planned);
        while high - low > 1 {
            let middle = usize::midpoint(low, high);
            let simulated = self.run(self.with_rule(Rule::Fixed, middle), 1.0)?;
            let power = mean_power(&simulated).unwrap_or(0.0);
            self.fixed.insert(middle, power);
            if power >= wanted {
                high = middle;
            } else {
                low = middle;
            }
        }
        let trials = high * (self.design.comparisons + 1);
        let saving = |row: &Row| {
            #[allow(clippy::cast_precision_loss)]
            let saved = 1.0 - row.characteristics.trials_mean / trials as f64;
            Saving { effect: row.effect, saved }
        };
        let power = self.fixed.get(&high).copied().unwrap_or(most);
        Ok(EqualPower { replicates: high, trials, power, saved: own.iter().map(saving).collect() })
    }
}

fn rule_name(rule: &Rule) -> &'static str {
    match rule {
        Rule::Fixed => "fixed",
        Rule::Looks { .. } => "looks",
        Rule::EValue { .. } => "e-value",
    }
}

/// Power for the effect asked for: that of the second row.
fn power_of(rows: &[Row]) -> f64 {
    rows.iter().find_map(|row| row.power).unwrap_or(0.0)
}

fn mean_power(simulated: &Characteristics) -> Option<f64> {
    let shares: Vec<f64> = simulated.power.iter().flatten().map(|rate| rate.share).collect();
    #[allow(clippy::cast_precision_loss)]
    (!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64)
}

fn text(simulated: &Simulated) -> String {
    let Simulated { name, metric, runs, seed, sd, correlation, .. } = simulated;
    let unit =
        if simulated.unit == "sd" { "standard deviations".to_owned() } else { format!("units of {metric}, SD {sd}") };
    let mut text = format!("{name}: {runs} runs per row, seed {seed}; effects in {unit}; correlation {correlation}\n");
    for one in &simulated.designs {
        text.push_str(&design_text(one));
    }
    text
}

fn design_text(one: &SimulatedDesign) -> String {
    let design = &one.design;
    let named: Vec<String> = one.strata.iter().filter(|s| !s.is_empty()).map(|s| format!("`{s}`")).collect();
    let place = if named.is_empty() { String::new() } else { format!(" in {}", named.join(", ")) };
    let mut text = format!(
        "\n{} with the baseline{place}, {} replicates each ({} trials), {}, alpha {}\n",
        if design.comparisons == 1 { "1 comparison".to_owned() } else { format!("{} comparisons", design.comparisons) },
        design.planned,
        design.planned * (design.comparisons + 1),
        if design.paired { "paired" } else { "not paired" },
        design.alpha
    );
    if let Rule::Looks { at, .. } = &design.rule {
        let at: Vec<String> = at.iter().map(ToString::to_string).collect();
        text.push_str(&format!("looks at {} replicates\n", at.join(", ")));
    }
    let rows: Vec<Vec<String>> = one.rows.iter().map(row_cells).collect();
    let header = ["rule", "effect", "some false finding", "power", "all found", "trials", "10 % to 90 %", "saved"];
    text.push('\n');
    text.push_str(&output::table(&header, &rows));
    if let Some(equal) = &one.equal_power {
        let savings: Vec<String> =
            equal.saved.iter().map(|s| format!("{} at effect {}", percent(s.saved), round(s.effect))).collect();
        text.push_str(&format!(
            "\na fixed design of equal power ({:.3}) has {} replicates, {} trials; saved against it: {}\n",
            equal.power,
            equal.replicates,
            equal.trials,
            savings.join(", ")
        ));
    }
    text
}

fn row_cells(row: &Row) -> Vec<String> {
    let c = &row.characteristics;
    let rate = |rate: Option<&Rate>| {
        rate.map_or("-".to_owned(), |r| format!("{:.4} ({:.4} to {:.4})", r.share, r.interval.low, r.interval.high))
    };
    let share = |share: Option<f64>| share.map_or("-".to_owned(), |x| format!("{x:.3}"));
    let [low, _, high] = c.trials_quantiles;
    vec![
        row.rule.to_owned(),
        round(row.effect),
        rate(c.family_wise_error.as_ref()),
        share(row.power),
        share(c.power_all.as_ref().map(|r| r.share)),
        format!("{:.1}", c.trials_mean),
        format!("{low} to {high}"),
        percent(c.saved),
    ]
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// Without the noise of binary fractions.
fn round(x: f64) -> String {
    let text = format!("{x:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0" } else { text }.to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: SimulateArgs,
    }

    fn args(line: &str) -> SimulateArgs {
        Line::try_parse_from(["simulate", "sweep.toml"].into_iter().chain(line.split_whitespace())).unwrap().args
    }

    fn spec(more: &str) -> SweepSpec {
        let text = format!(
            "name = 'p'\nseed = 1\nreplicates = 10\n[recipe]\n[[config]]\nname = 'a'\n[[config]]\nname = 'b'\n\
             set = {{ epochs = 2 }}\n[analysis]\nmetric = 'accuracy/balanced'\nbaseline = 'a'\n{more}"
        );
        crate::sweep_file::parse(&text, "p.toml", &[]).unwrap()
    }

    fn simulated(line: &str, more: &str) -> SimulatedDesign {
        let found = stopping::designs(&spec(more), |_| true).remove(0);
        let bar = ProgressBar::hidden();
        Simulation::new(&args(line), found.design, &bar).unwrap().describe(vec![found.stratum]).unwrap()
    }

    #[test]
    fn a_design_is_simulated_beside_the_fixed_one() {
        let one = simulated("--effect 1.5 --runs 2000", "[stopping]\nrule = 'looks'\nlooks = 5\n");
        let rows: Vec<_> = one.rows.iter().map(|row| (row.rule, row.effect)).collect();
        assert_eq!(rows[..3], [("fixed", 0.0), ("fixed", 1.5), ("fixed", 2.25)]);
        assert_eq!(rows[3..], [("looks", 0.0), ("looks", 1.5), ("looks", 2.25)]);
        assert_eq!((one.rows[0].power, one.rows[0].characteristics.saved), (None, 0.0));
        assert!(one.rows[3].characteristics.family_wise_error.as_ref().unwrap().share < 0.07);
        assert!(one.rows[5].characteristics.saved > one.rows[4].characteristics.saved);
        let equal = one.equal_power.as_ref().unwrap();
        assert!((2..=10).contains(&equal.replicates) && equal.power >= one.rows[4].power.unwrap() - 0.01);
        let shown = design_text(&one);
        assert!(shown.contains("1 comparison with the baseline, 10 replicates each (20 trials), paired"), "{shown}");
        assert!(shown.contains("looks at 4, 6, 8, 10 replicates"), "{shown}");
        // The same seed, the same numbers.
        let again = simulated("--effect 1.5 --runs 2000", "[stopping]\nrule = 'looks'\nlooks = 5\n");
        assert_eq!(serde_json::to_string(&one).unwrap(), serde_json::to_string(&again).unwrap());
        assert!(simulated("--effect 1 --runs 100", "").equal_power.is_none());
    }

    #[test]
    fn no_effect_has_no_sign() {
        let one = simulated("--effect -1 --runs 100", "");
        assert!(one.rows[0].effect.is_sign_positive());
        assert_eq!((row_cells(&one.rows[0])[1].as_str(), row_cells(&one.rows[1])[1].as_str()), ("0", "-1"));
        assert_eq!((round(-1e-9), round(-0.25)), ("0".to_owned(), "-0.25".to_owned()));
    }

    #[test]
    fn bad_input_is_refused_with_a_hint() {
        let refused = |line: &str, more: &str| check(&args(line), &spec(more)).unwrap_err().to_string();
        for (line, more, word) in [
            ("--effect 0", "", "--effect 0 is no difference"),
            ("--effect nan", "", "no difference"),
            ("--effect 1e300", "", "--effect 1e300 is no difference"),
            ("--effect -2e6", "", "--effect -2000000 is more than 1000000 standard deviations"),
            ("--effect 1 --sd 1e-9", "", "more than 1000000 standard"),
            ("--effect 1 --sd -1", "", "--sd must be"),
            ("--effect 1 --correlation 1", "", "0 up to but not 1"),
            ("--effect 1", "delta = 0.5\n", "give --sd"),
            ("--effect 1", "correction = 'none'\n", "Holm"),
        ] {
            let message = refused(line, more);
            assert!(message.contains(word), "{message}");
        }
        assert!(check(&args("--effect 1 --sd 0.5"), &spec("delta = 0.5\n")).is_ok());
    }
}
