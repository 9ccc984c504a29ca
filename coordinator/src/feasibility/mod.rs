//! What a design can show, before anything is spent: how many comparisons it has, how small their p-values must be and
//! can be, which differences it finds, and how many replicates the declared difference needs. Pure: a spec and a standard
//! deviation in, numbers out.
//!
//! Nothing here takes an observed difference, so there is no observed power.
//!
//! Map: this page one stratum's numbers · `strictness` what the correction asks of one comparison · `floor` how small the
//! p-value of a test that counts arrangements can be · `needs` replicates for the declared difference · `pilot` a standard
//! deviation from earlier results.

mod floor;
mod needs;
mod pilot;
mod strictness;
#[cfg(test)]
mod tests;

pub use floor::{Floor, FloorTest};
pub use needs::{Needs, Sizes};
pub use pilot::{Pilot, Spread};
pub use strictness::Strictness;

use crate::report::{Members, Settings, pairs_of, settings};
use serde::Serialize;
use sweeper_core::spec::{ConfigSpec, Correction, FamilyKind, Missing, Pairing, SweepSpec};
use sweeper_recipe::Recipe;
use sweeper_stats::power::{noncentrality_for, power_at};

/// Power that a detectable difference is told for.
pub const POWER: f64 = 0.8;
/// The larger power that replicates are told for besides.
pub const HIGH_POWER: f64 = 0.9;

/// What the design of one stratum can show on the primary metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Feasibility {
    /// Its name; empty when the sweep has none.
    pub stratum: String,
    /// Which pairs are compared.
    pub family: FamilyKind,
    /// Comparisons, as the report will make them.
    pub comparisons: usize,
    /// Configs that yield the metric.
    pub groups: usize,
    /// Replicates of the config that has fewest; all numbers are for so many of each.
    pub replicates: u32,
    /// Replicates of the config that has most.
    pub most_replicates: u32,
    /// Family-wise error rate.
    pub alpha: f64,
    /// Correction inside the family.
    pub correction: Correction,
    /// Whether tests go by pairs of one seed.
    pub paired: bool,
    /// What one comparison must pass; none where no test is possible, or nothing is compared.
    pub strictness: Option<Strictness>,
    /// What the p-value of tests that count arrangements must be at least, and whether such a test decides.
    pub floor: Option<Floor>,
    /// The difference found with probability [`POWER`], in standard deviations: of the per-seed differences when paired,
    /// of a config's replicates when not. That of the t-test; none where nothing can be found.
    pub detectable_sd: Option<f64>,
    /// The same in the metric's unit; none without a standard deviation.
    pub detectable: Option<f64>,
    /// The standard deviation planned with.
    pub spread: Option<Spread>,
    /// What the declared difference that matters needs; none where none is declared or the standard deviation is not known.
    pub needs: Option<Needs>,
    /// Why nothing can be found whatever the truth is; empty where something can.
    pub hopeless: Option<String>,
}

/// The configs of one stratum that yield the primary metric, and their pairs.
struct Group<'a> {
    stratum: &'a str,
    inside: Vec<&'a ConfigSpec>,
    pairs: Vec<(usize, usize)>,
}

/// Whether a config yields the primary metric: only then is it compared.
#[must_use]
pub fn is_compared(spec: &SweepSpec, config: &ConfigSpec) -> bool {
    Recipe::from_json(&config.recipe).is_ok_and(|recipe| recipe.yields_metric(&spec.analysis.metric))
}

/// Every stratum of a sweep, in its order. `spread` is what is known of the standard deviation in a stratum, if anything.
#[must_use]
pub fn feasibility(spec: &SweepSpec, spread: impl Fn(&str) -> Option<Spread>) -> Vec<Feasibility> {
    let groups = spec.configs.chunk_by(|a, b| a.stratum == b.stratum).map(|stratum| Group::of(spec, stratum));
    groups.map(|group| group.feasibility(spec, spread(group.stratum))).collect()
}

impl<'a> Group<'a> {
    fn of(spec: &SweepSpec, stratum: &'a [ConfigSpec]) -> Self {
        let name = stratum.first().map_or("", |c| c.stratum.as_str());
        let plan = &spec.analysis;
        let members = Members {
            stratum: name,
            count: stratum.len(),
            baseline: stratum.iter().position(|c| c.name == plan.baseline),
        };
        // Only one-factor families ask what recipes say.
        let read = |c: &ConfigSpec| if plan.family == FamilyKind::OneFactor { settings(&c.recipe) } else { None };
        let settings: Vec<Option<Settings>> = stratum.iter().map(read).collect();
        let compared: Vec<bool> = stratum.iter().map(|c| is_compared(spec, c)).collect();
        // The file was checked: there is a baseline where one is needed.
        let pairs = pairs_of(members, &settings, (plan.family, &plan.baseline)).unwrap_or_default();
        let pairs = pairs.iter().map(|pair| (pair.config, pair.baseline));
        Self {
            stratum: name,
            pairs: pairs.filter(|&(a, b)| compared[a] && compared[b]).collect(),
            inside: stratum.iter().zip(&compared).filter(|(_, compared)| **compared).map(|(c, _)| c).collect(),
        }
    }

    fn feasibility(&self, spec: &SweepSpec, spread: Option<Spread>) -> Feasibility {
        let plan = &spec.analysis;
        let counts = || self.inside.iter().map(|c| c.replicates);
        let replicates = counts().min().unwrap_or(0);
        let design = Design {
            paired: spec.pairing == Pairing::Common,
            groups: self.inside.len(),
            comparisons: self.pairs.len(),
            alpha: plan.alpha,
            correction: plan.correction,
            ranks: plan.missing == Missing::WorstRank,
        };
        let n = replicates as usize;
        let strictness = strictness::of(&design, n);
        let floor = floor::of(&design, n);
        let hopeless = design.hopeless(n, floor.as_ref());
        let detectable_sd = strictness.filter(|_| hopeless.is_none()).and_then(|found| {
            let noncentrality = noncentrality_for(found.critical, found.df, POWER).ok()?;
            Some(noncentrality / design.unit(n))
        });
        let needs = plan.delta.zip(spread.as_ref()).filter(|_| design.comparisons > 0);
        Feasibility {
            stratum: self.stratum.to_owned(),
            family: plan.family,
            comparisons: design.comparisons,
            groups: design.groups,
            replicates,
            most_replicates: counts().max().unwrap_or(0),
            alpha: plan.alpha,
            correction: plan.correction,
            paired: design.paired,
            detectable: detectable_sd.zip(spread.as_ref()).map(|(sds, spread)| sds * spread.sd),
            detectable_sd,
            needs: needs.map(|(delta, spread)| needs::of(&design, n, delta, spread.sd)),
            hopeless,
            strictness,
            floor,
            spread,
        }
    }
}

/// What decides how strict a test is.
#[derive(Debug, Clone, Copy)]
struct Design {
    paired: bool,
    /// Configs.
    groups: usize,
    comparisons: usize,
    alpha: f64,
    correction: Correction,
    /// Whether a rank test decides.
    ranks: bool,
}

impl Design {
    /// Noncentrality of a difference of one standard deviation with `n` replicates of each.
    #[allow(clippy::cast_precision_loss)]
    fn unit(&self, n: usize) -> f64 {
        let n = n as f64;
        if self.paired { n.sqrt() } else { (0.5 * n).sqrt() }
    }

    /// Probability that one comparison finds a difference of `sds` standard deviations; 0 where no test is possible, or where
    /// the one that decides can find nothing. That of a t-test: a rank test that decides finds a little less, and max-T no
    /// less.
    fn power(&self, n: usize, sds: f64) -> f64 {
        if floor::of(self, n).is_some_and(|floor| floor.decides && !floor.reachable) {
            return 0.0;
        }
        let found = strictness::of(self, n);
        found.and_then(|s| power_at(s.critical, s.df, sds * self.unit(n)).ok()).unwrap_or(0.0)
    }

    fn hopeless(&self, n: usize, floor: Option<&Floor>) -> Option<String> {
        if self.comparisons == 0 {
            return None;
        }
        if n < 2 {
            return Some("no test is possible with fewer than 2 replicates".to_owned());
        }
        let floor = floor.filter(|floor| floor.decides && !floor.reachable)?;
        let more = floor.replicates_needed.map_or_else(String::new, |n| format!("; {n} replicates could"));
        Some(format!("the planned test cannot reach significance at any effect with {n} replicates{more}"))
    }
}
