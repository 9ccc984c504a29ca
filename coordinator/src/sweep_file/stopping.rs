//! `[stopping]`: when comparisons may end before all their replicates have run.

use super::{
    analysis::Judged,
    error::MistakeKind,
    expand::Expanded,
    fields::{Fields, STOPPING, wrong_type},
    tree::{Data, Draft, Mistakes, Origin},
};
use sweeper_core::spec::{AnalysisPlan, Correction, FamilyKind, LookPlan, Missing, Spending, Stopping};

/// Looks where the file gives no other number.
const DEFAULT_LOOKS: u32 = 8;
/// Looks that a plan may have.
const MOST_LOOKS: i64 = 50;
/// Replicates of a config that planned looks may have: the bounds of looks at smaller parts cannot be computed.
const MOST_REPLICATES: u32 = 10_000;
/// The same for e-values, which are computed anew after every replicate; and configs of a stratum then.
const MOST_REPLICATES_OF_E_VALUES: u32 = 500;
const MOST_CONFIGS_OF_E_VALUES: usize = 100;
/// Configs of a stratum that planned looks may have.
const MOST_CONFIGS: usize = 1_000;

/// The rule, and where its parts stand.
pub(super) struct Given {
    pub(super) stopping: Stopping,
    rule_at: Origin,
    looks_at: Origin,
    looks_given: bool,
    futility_at: Origin,
}

/// Reads the table; a fixed design where there is none.
pub(super) fn read(top: &Fields<'_>, mistakes: &mut Mistakes<'_>) -> Option<Given> {
    let Some(node) = top.get("stopping") else {
        let (rule_at, looks_at, futility_at) = (Origin::File, Origin::File, Origin::File);
        return Some(Given { stopping: Stopping::Fixed, rule_at, looks_at, looks_given: false, futility_at });
    };
    let Data::Table(table) = &node.data else {
        mistakes.add(wrong_type(node, "stopping", "a table"));
        return None;
    };
    let fields = Fields::new(table, "stopping", node.at, &STOPPING, mistakes);
    if fields.get("rule").is_none() {
        fields.missing("rule", "one of `fixed`, `looks`, `e-value`", MistakeKind::Missing, mistakes);
    }
    let rule = fields.choice("rule", &[("fixed", 0), ("looks", 1), ("e-value", 2)], mistakes)?;
    if rule != 1 {
        for key in ["looks", "spending", "futility"] {
            if fields.get(key).is_some() {
                let place = fields.full(key);
                let message = format!("`{place}` is for rule = \"looks\"");
                mistakes.add(Draft::new(fields.origin(key), place, MistakeKind::Conflict, message));
            }
        }
    }
    let spendings =
        [("quadratic", Spending::Quadratic), ("obrien-fleming", Spending::OBrienFleming), ("pocock", Spending::Pocock)];
    let spending = fields.choice("spending", &spendings, mistakes).unwrap_or_default();
    let futility = fields.boolean("futility", mistakes).unwrap_or(false);
    let stopping = match rule {
        0 => Stopping::Fixed,
        2 => Stopping::EValue,
        _ => Stopping::Looks { looks: looks(&fields, mistakes)?, spending, futility },
    };
    let at = |key| fields.origin(key);
    let looks_given = fields.get("looks").is_some();
    Some(Given { stopping, rule_at: at("rule"), looks_at: at("looks"), looks_given, futility_at: at("futility") })
}

fn looks(fields: &Fields<'_>, mistakes: &mut Mistakes<'_>) -> Option<LookPlan> {
    let expected = "how many looks, 2 to 50, or the replicates of each, ascending from 3, e.g. [6, 10, 15]";
    let Some(node) = fields.get("looks") else { return Some(LookPlan::Count(DEFAULT_LOOKS)) };
    let Data::Array(items) = &node.data else {
        let count = fields.integer("looks", 2..=MOST_LOOKS, expected, mistakes)?;
        return u32::try_from(count).ok().map(LookPlan::Count);
    };
    let place = fields.full("looks");
    let mut at: Vec<u32> = Vec::new();
    for item in items {
        let Data::Int(n) = item.data else {
            mistakes.add(wrong_type(item, &place, expected));
            return None;
        };
        let after = at.last().map_or(2, |last| i64::from(*last));
        match u32::try_from(n).ok().filter(|_| n > after) {
            Some(n) => at.push(n),
            None => {
                let message = format!("look {n} of `{place}` must be larger than {after}");
                mistakes.add(Draft::new(item.at, &place, MistakeKind::OutOfRange, message).expected(expected));
                return None;
            }
        }
    }
    if at.is_empty() || items.len() > MOST_LOOKS as usize {
        let message = format!("`{place}` lists {} looks", items.len());
        mistakes.add(Draft::new(node.at, &place, MistakeKind::OutOfRange, message).expected(expected));
        return None;
    }
    Some(LookPlan::At(at))
}

impl Given {
    /// Holds the rule against the plan of analysis and the configs.
    pub(super) fn check(&self, judged: &Judged, configs: &[Expanded], mistakes: &mut Mistakes<'_>) {
        if self.stopping == Stopping::Fixed {
            return;
        }
        self.check_plan(&judged.plan, mistakes);
        for stratum in configs.chunk_by(|a, b| a.spec.stratum == b.spec.stratum) {
            self.check_stratum(&judged.plan.metric, stratum, mistakes);
        }
    }

    fn refuse(&self, message: impl Into<String>, hint: &str, mistakes: &mut Mistakes<'_>) {
        let draft = Draft::new(self.rule_at, "stopping.rule", MistakeKind::Conflict, message);
        mistakes.add(draft.hint(hint));
    }

    fn check_plan(&self, plan: &AnalysisPlan, mistakes: &mut Mistakes<'_>) {
        if plan.family != FamilyKind::Baseline {
            let hint = "use analysis.family = \"baseline\", or stopping.rule = \"fixed\"";
            self.refuse("a stopping rule compares every config with the baseline, and no other pairs", hint, mistakes);
        }
        if plan.correction != Correction::Holm {
            let hint = "use analysis.correction = \"holm\", or stopping.rule = \"fixed\"";
            self.refuse(
                "a stopping rule keeps the error rate of its looks together by Holm's correction",
                hint,
                mistakes,
            );
        }
        if plan.missing != Missing::CompletedPairs {
            let hint = "use analysis.missing = \"completed-pairs\", or stopping.rule = \"fixed\"";
            self.refuse("a stopping rule leaves out trials that have no final value", hint, mistakes);
        }
        if matches!(self.stopping, Stopping::Looks { futility: true, .. }) && plan.delta.is_none() {
            let message = "`stopping.futility` needs `analysis.delta`, the smallest difference that matters";
            mistakes.add(Draft::new(self.futility_at, "stopping.futility", MistakeKind::Conflict, message));
        }
    }

    fn check_stratum(&self, metric: &str, stratum: &[Expanded], mistakes: &mut Mistakes<'_>) {
        let place = match stratum.first().map(|c| c.spec.stratum.as_str()) {
            None | Some("") => String::new(),
            Some(name) => format!(" in stratum `{name}`"),
        };
        if stratum.len() < 2 {
            self.refuse(format!("one config{place}: there is nothing to compare"), "list a second one", mistakes);
        }
        if let Some(without) = stratum.iter().find(|c| !c.measured) {
            let message =
                format!("config `{}`{place} does not yield `{metric}`, so no look can decide it", without.spec.name);
            self.refuse(message, "leave it out, or use stopping.rule = \"fixed\"", mistakes);
        }
        let replicates = || stratum.iter().map(|c| c.spec.replicates);
        let (Some(least), Some(most)) = (replicates().min(), replicates().max()) else { return };
        if least != most {
            let message = format!("configs{place} have {least} to {most} replicates");
            self.refuse(message, "with a stopping rule all configs of a stratum have equally many", mistakes);
        }
        let (most_replicates, most_configs) = match self.stopping {
            Stopping::EValue => (MOST_REPLICATES_OF_E_VALUES, MOST_CONFIGS_OF_E_VALUES),
            _ => (MOST_REPLICATES, MOST_CONFIGS),
        };
        if !(2..=most_replicates).contains(&most) {
            let hint = format!("this stopping rule takes 2 to {most_replicates} replicates");
            let s = if most == 1 { "" } else { "s" };
            self.refuse(format!("{most} replicate{s}{place}"), &hint, mistakes);
        }
        if stratum.len() > most_configs {
            let hint = format!("this stopping rule takes {most_configs} configs at most");
            self.refuse(format!("{} configs{place}", stratum.len()), &hint, mistakes);
        }
        self.check_looks(least, &place, mistakes);
    }

    fn check_looks(&self, replicates: u32, place: &str, mistakes: &mut Mistakes<'_>) {
        let Stopping::Looks { looks, .. } = &self.stopping else { return };
        let message = match looks {
            LookPlan::At(at) if at.last() > Some(&replicates) => {
                format!("a look at {} replicates{place}, of which there are {replicates}", at.last().unwrap_or(&0))
            }
            LookPlan::Count(count) if *count > replicates && self.looks_given => {
                format!("{count} looks at {replicates} replicates{place}")
            }
            _ if self.stopping.looks(replicates).len() < 2 => {
                format!("no look before the end at {replicates} replicates{place}")
            }
            _ => return,
        };
        let draft = Draft::new(self.looks_at, "stopping.looks", MistakeKind::OutOfRange, message);
        mistakes.add(
            draft.expected("at least one look, at 3 replicates or more, before the last replicate, and none after it"),
        );
    }
}
