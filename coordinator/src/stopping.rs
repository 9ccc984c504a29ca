//! What a sweep's plan means to the statistics of sequential designs: one design per stratum.

use sweeper_core::spec::{ConfigSpec, Pairing, Spending, Stopping, SweepSpec};
use sweeper_stats::{
    design::{Design, Rule},
    evalue::DEFAULT_C,
    spending,
};

/// With `futility`, a comparison stops when the probability to show a difference in the end, were the true one
/// `analysis.delta`, falls below this.
pub const FUTILE_BELOW: f64 = 0.1;

/// The comparisons of one stratum.
#[derive(Debug, Clone, PartialEq)]
pub struct StratumDesign {
    /// Its name; empty when the sweep has none.
    pub stratum: String,
    /// The config that the others are compared with, as an index into `spec.configs`.
    pub baseline: u32,
    /// The others, in the order in which the design counts its comparisons.
    pub configs: Vec<u32>,
    /// The design.
    pub design: Design,
}

/// The design of every stratum in which something is compared with the baseline, of the configs that are `compared`.
/// Planned is what all of them have.
pub fn designs(spec: &SweepSpec, compared: impl Fn(&ConfigSpec) -> bool) -> Vec<StratumDesign> {
    let mut designs = Vec::new();
    let mut first = 0_u32;
    for stratum in spec.configs.chunk_by(|a, b| a.stratum == b.stratum) {
        let inside: Vec<(u32, &ConfigSpec)> = (first..).zip(stratum).filter(|(_, c)| compared(c)).collect();
        first += u32::try_from(stratum.len()).unwrap_or(u32::MAX);
        let Some(&(baseline, named)) = inside.iter().find(|(_, c)| c.name == spec.analysis.baseline) else { continue };
        let configs: Vec<u32> = inside.iter().map(|(config, _)| *config).filter(|c| *c != baseline).collect();
        let replicates = inside.iter().map(|(_, c)| c.replicates).min().unwrap_or(0);
        if !configs.is_empty() {
            let design = design(spec, replicates, configs.len());
            designs.push(StratumDesign { stratum: named.stratum.clone(), baseline, configs, design });
        }
    }
    designs
}

fn design(spec: &SweepSpec, replicates: u32, comparisons: usize) -> Design {
    let plan = &spec.analysis;
    let (rule, futility) = match &plan.stopping {
        Stopping::Fixed => (Rule::Fixed, false),
        Stopping::Looks { spending, futility, .. } => {
            let spending = match spending {
                Spending::Quadratic => spending::Spending::Power { rho: 2.0 },
                Spending::OBrienFleming => spending::Spending::OBrienFleming,
                Spending::Pocock => spending::Spending::Pocock,
            };
            let at = plan.stopping.looks(replicates).into_iter().map(|n| n as usize).collect();
            (Rule::Looks { at, spending }, *futility)
        }
        Stopping::EValue => (Rule::EValue { c: DEFAULT_C, from: 2 }, false),
    };
    Design {
        planned: replicates as usize,
        comparisons,
        alpha: plan.alpha,
        paired: spec.pairing == Pairing::Common,
        rule,
        margin: plan.delta,
        futility: futility.then_some(FUTILE_BELOW),
    }
}
