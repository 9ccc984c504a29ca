//! Correction for the number of comparisons, and intervals that hold for all of them at once.

use super::{Tests, pair::common_replicates};
use crate::report::analysis::{ComparisonResult, Instead, Measured, Observation, Plan, Role, Tested};
use sweeper_core::spec::{Correction, FamilyKind, Missing, Pairing};
use sweeper_stats::{
    Degenerate, Interval, TTest,
    distributions::student_t_quantile,
    many,
    max_t::{MaxT, max_t_paired, max_t_unpaired},
    multiplicity::{benjamini_hochberg, bonferroni, holm},
};

/// Corrects every metric as a family of its own. Declared secondary metrics are corrected again by [`secondary`].
pub(super) fn alone(tests: &mut [Tests<'_>], plan: &Plan) {
    for family in tests {
        let raw = family.raw();
        family.corrected_over = raw.iter().flatten().count();
        match plan.correction {
            Correction::None => {}
            Correction::Holm => family.set(&holm(&raw)),
            Correction::Bonferroni => family.set(&bonferroni(&raw)),
            // The others need the data. Holm's holds under any dependence, and for p-values of any kind.
            correction => {
                family.set(&holm(&raw));
                let found = match correction {
                    _ if family.corrected_over == 0 => Ok(()),
                    _ if family.is_extended() => Err(Instead::Extended),
                    _ if plan.missing == Missing::WorstRank => Err(Instead::Ranks),
                    _ if !family.is_for(plan) => Err(Instead::Family),
                    Correction::Dunnett | Correction::TukeyKramer | Correction::GamesHowell
                        if plan.pairing == Pairing::Common =>
                    {
                        Err(Instead::Paired)
                    }
                    Correction::MaxT | Correction::MaxTSingleStep => family.max_t(plan),
                    _ => family.many(plan),
                };
                family.instead = found.err();
            }
        }
        if plan.correction != Correction::None {
            family.widen(plan.confidence);
        }
    }
}

/// Benjamini and Hochberg over all comparisons on declared secondary metrics, which are exploratory.
pub(super) fn secondary(tests: &mut [Tests<'_>]) {
    let mut declared: Vec<&mut Tests<'_>> = tests.iter_mut().filter(|t| t.role() == Role::Secondary).collect();
    let raw: Vec<Option<f64>> = declared.iter().flat_map(|family| family.raw()).collect();
    let adjusted = benjamini_hochberg(&raw);
    let over = raw.iter().flatten().count();
    let mut rest = adjusted.as_slice();
    for family in &mut declared {
        let (own, others) = rest.split_at(family.results.len());
        family.set(own);
        family.corrected_over = over;
        rest = others;
    }
}

impl Tests<'_> {
    /// Whether the planned correction is one for these comparisons.
    fn is_for(&self, plan: &Plan) -> bool {
        match plan.correction {
            Correction::MaxT | Correction::MaxTSingleStep | Correction::Dunnett => {
                self.pairs.windows(2).all(|pair| pair[0].baseline == pair[1].baseline)
            }
            Correction::TukeyKramer | Correction::GamesHowell => plan.family == FamilyKind::AllPairs,
            Correction::Holm | Correction::Bonferroni | Correction::None => true,
        }
    }

    fn set(&mut self, adjusted: &[Option<f64>]) {
        for (result, adjusted) in self.results.iter_mut().zip(adjusted) {
            match (result, adjusted) {
                (ComparisonResult::Tested(tested), Some(adjusted)) => tested.p_adjusted = *adjusted,
                (ComparisonResult::Ranked(ranked), Some(adjusted)) => ranked.p_adjusted = *adjusted,
                _ => {}
            }
        }
    }

    /// Bonferroni's intervals where the method has none of its own. They hold under any dependence, and may touch 0
    /// where Holm's procedure rejects.
    fn widen(&mut self, confidence: f64) {
        let family = self.corrected_over.max(1) as f64;
        let open = |tested: &&mut Tested| tested.simultaneous.is_none() && tested.extended.is_none();
        for tested in self.results.iter_mut().filter_map(ComparisonResult::tested_mut).filter(open) {
            tested.simultaneous = t_interval(&tested.primary, 1.0 - (1.0 - confidence) / family, confidence).ok();
        }
    }

    /// The tested comparisons: place among the results, and both sides.
    fn tested(&self) -> Vec<(usize, &Measured, &Measured)> {
        let of = |at: usize| {
            self.results[at].tested()?;
            let (config, baseline) = self.sides(&self.pairs[at]);
            Some((at, self.cell(config).measured()?, self.cell(baseline).measured()?))
        };
        (0..self.results.len()).filter_map(of).collect()
    }

    /// Step-down or single-step max-T. Signs are changed by replicate, so all comparisons need the same replicates.
    fn max_t(&mut self, plan: &Plan) -> Result<(), Instead> {
        let tested = self.tested();
        let Some((_, config, baseline)) = tested.first() else { return Err(Instead::Degenerate) };
        if config.values.is_empty() {
            return Err(Instead::NoValues);
        }
        let places: Vec<usize> = tested.iter().map(|(at, ..)| *at).collect();
        let found = match plan.pairing {
            Pairing::Common => {
                let (baseline, configs) = complete_blocks(baseline, tested.iter().map(|(_, config, _)| *config));
                let (common, most) = (baseline.len(), self.most_pairs());
                if common < most {
                    return Err(Instead::Incomplete { common, most });
                }
                let configs: Vec<&[f64]> = configs.iter().map(Vec::as_slice).collect();
                max_t_paired(&configs, &baseline, plan.confidence, self.draws(usize::MAX))
            }
            Pairing::Independent => {
                let configs: Vec<Vec<f64>> = tested.iter().map(|(_, config, _)| config.plain()).collect();
                let configs: Vec<&[f64]> = configs.iter().map(Vec::as_slice).collect();
                max_t_unpaired(&configs, &baseline.plain(), self.draws(usize::MAX))
            }
        };
        let Ok(MaxT { comparisons, exact, arrangements, .. }) = found else { return Err(Instead::Degenerate) };
        self.drawn = (!exact).then_some(arrangements);
        let single = plan.correction == Correction::MaxTSingleStep;
        for (at, comparison) in places.into_iter().zip(comparisons) {
            if let (Some(tested), Ok(found)) = (self.results[at].tested_mut(), comparison) {
                let p = if single { found.p_single_step } else { found.p_step_down };
                // Labels are exchanged as if the configs differed in nothing. Where their standard deviations and sizes do,
                // that finds too much, and Welch's test, which allows for them, has the last word.
                let least = if plan.pairing == Pairing::Independent { tested.p_value } else { 0.0 };
                tested.p_adjusted = p.max(least);
                tested.simultaneous = found.interval;
            }
        }
        Ok(())
    }

    /// Most replicates that a tested comparison has.
    fn most_pairs(&self) -> usize {
        self.results.iter().filter_map(ComparisonResult::tested).map(|tested| tested.n_config).max().unwrap_or(0)
    }

    /// Dunnett, Tukey and Kramer, or Games and Howell over all configs with at least two values.
    fn many(&mut self, plan: &Plan) -> Result<(), Instead> {
        let measured = |config| self.cell(config).measured().filter(|m| m.n >= 2);
        let configs: Vec<(usize, Vec<f64>)> = (0..self.stratum.configs.len())
            .filter_map(|at| Some((at, measured(&self.stratum.configs[at])?.plain())))
            .collect();
        if configs.iter().any(|(_, values)| values.is_empty()) {
            return Err(Instead::NoValues);
        }
        let groups: Vec<&[f64]> = configs.iter().map(|(_, values)| values.as_slice()).collect();
        let place = |config: usize| configs.iter().position(|(at, _)| *at == config);
        let found = match plan.correction {
            Correction::Dunnett => {
                let baseline = self.pairs.first().and_then(|pair| place(pair.baseline));
                baseline.map(|control| many::dunnett(&groups, control, plan.confidence).map(|f| f.comparisons))
            }
            Correction::TukeyKramer => Some(many::tukey_kramer(&groups, plan.confidence).map(|f| f.comparisons)),
            _ => Some(many::games_howell(&groups, plan.confidence).map(|f| f.into_iter().flatten().collect())),
        };
        let Some(Ok(found)): Option<Result<Vec<many::Comparison>, Degenerate>> = found else {
            return Err(Instead::Degenerate);
        };
        for (pair, result) in self.pairs.iter().zip(&mut self.results) {
            let (Some(config), Some(baseline)) = (place(pair.config), place(pair.baseline)) else { continue };
            let both = |c: &&many::Comparison| [(config, baseline), (baseline, config)].contains(&(c.first, c.second));
            if let (Some(tested), Some(found)) = (result.tested_mut(), found.iter().find(both)) {
                tested.p_adjusted = found.p_value;
                let Interval { low, high, confidence } = found.interval;
                let turned = Interval { low: -high, high: -low, confidence };
                tested.simultaneous = Some(if found.first == config { found.interval } else { turned });
            }
        }
        Ok(())
    }
}

/// difference ± t · se with coverage `coverage`, labelled with the family's `confidence`.
fn t_interval(test: &TTest, coverage: f64, confidence: f64) -> Result<Interval, Degenerate> {
    let t = -student_t_quantile(0.5 * (1.0 - coverage), test.df)?;
    let reach = t * test.standard_error;
    Ok(Interval { low: test.difference - reach, high: test.difference + reach, confidence })
}

/// Values of the replicates that the baseline and all configs completed.
fn complete_blocks<'a>(
    baseline: &Measured,
    configs: impl Iterator<Item = &'a Measured> + Clone,
) -> (Vec<f64>, Vec<Vec<f64>>) {
    let mut common: Vec<Observation> = baseline.values.clone();
    for config in configs.clone() {
        let (replicates, ..) = common_replicates(&config.values, &common);
        common.retain(|o| replicates.binary_search(&o.replicate).is_ok());
    }
    let of = |config: &Measured| common_replicates(&config.values, &common).1;
    (common.iter().map(|o| o.value).collect(), configs.map(of).collect())
}
