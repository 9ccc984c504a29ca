use crate::{config, spec, spec_of};
use proptest::prelude::*;
use std::collections::BTreeSet;
use sweeper_core::{
    plan::{Plan, trial_seed, trials},
    spec::{Pairing, SweepSpec},
};

fn any_spec() -> impl Strategy<Value = SweepSpec> {
    prop::collection::vec((0_u8..3, 0_u32..6), 0..12).prop_map(|configs| {
        let named = configs.into_iter().enumerate();
        spec_of("any", named.map(|(i, (stratum, n))| config(&stratum.to_string(), &i.to_string(), n)).collect())
    })
}

#[test]
fn strata_follow_each_other_and_each_is_replicate_major() {
    let uneven = vec![config("long", "a", 2), config("long", "b", 3), config("short", "a", 1), config("short", "b", 2)];
    let plan: Vec<_> = trials(&spec_of("x", uneven)).collect();
    assert_eq!(plan, [(0, 0), (1, 0), (0, 1), (1, 1), (1, 2), (2, 0), (3, 0), (3, 1)]);
}

#[test]
fn a_plan_of_four_thousand_million_trials_costs_nothing_until_it_is_walked() {
    let plan = Plan::new(&spec("huge", 2, u32::MAX));
    assert_eq!(plan.trials(), 2 * u64::from(u32::MAX));
    assert_eq!(plan.trial(plan.trials() - 1), Some((1, u32::MAX - 1)));
    assert_eq!(plan.trial(plan.trials()), None);
    assert_eq!(plan.index(1, u32::MAX - 1), Some(plan.trials() - 1));
    assert_eq!(plan.index(1, u32::MAX), None);
}

#[test]
fn seeds_are_what_they_were() {
    // A changed seed would silently make every earlier result useless.
    let mut spec = spec("x", 2, 2);
    let common: Vec<_> = trials(&spec).map(|(c, r)| trial_seed(&spec, c, r)).collect();
    assert_eq!(common, EXPECTED_COMMON);
    spec.pairing = Pairing::Independent;
    let independent: Vec<_> = trials(&spec).map(|(c, r)| trial_seed(&spec, c, r)).collect();
    assert_eq!(independent, EXPECTED_INDEPENDENT);
}

/// Computed apart, with Python's hashlib, from the documented formula.
const EXPECTED_COMMON: [u64; 4] =
    [0x6dbf_0b2b_bfc0_7379, 0x6dbf_0b2b_bfc0_7379, 0x6760_0bbf_99fb_92fc, 0x6760_0bbf_99fb_92fc];
const EXPECTED_INDEPENDENT: [u64; 4] =
    [0xf543_9b12_3556_39c8, 0x7617_f2d9_e91d_ef6b, 0x20f9_8c55_247f_d51e, 0xdf70_4d73_6171_9d9b];

#[test]
fn common_seeds_are_one_per_replicate_and_independent_ones_one_per_trial() {
    let mut spec = spec("x", 5, 40);
    let seeds = |spec: &SweepSpec| trials(spec).map(|(c, r)| trial_seed(spec, c, r)).collect::<BTreeSet<_>>().len();
    assert_eq!(seeds(&spec), 40);
    spec.pairing = Pairing::Independent;
    assert_eq!(seeds(&spec), 200);
}

proptest! {
    #[test]
    fn index_and_trial_are_inverse_and_follow_the_plan(spec in any_spec()) {
        let plan = Plan::new(&spec);
        let listed: Vec<_> = trials(&spec).collect();
        prop_assert_eq!(plan.trials(), listed.len() as u64);
        for (index, (config, replicate)) in listed.iter().enumerate() {
            prop_assert_eq!(plan.index(*config, *replicate), Some(index as u64));
            prop_assert_eq!(plan.trial(index as u64), Some((*config, *replicate)));
        }
        for (i, config) in spec.configs.iter().enumerate() {
            prop_assert_eq!(plan.index(i as u32, config.replicates), None);
        }
        prop_assert_eq!(plan.trial(plan.trials()), None);
        prop_assert_eq!(plan.index(spec.configs.len() as u32, 0), None);
    }

    #[test]
    fn every_prefix_is_balanced_inside_a_stratum(replicates in prop::collection::vec(1_u32..5, 1..8), cut: prop::sample::Index) {
        let configs = replicates.iter().enumerate().map(|(i, n)| config("", &i.to_string(), *n));
        let spec = spec_of("x", configs.collect());
        let all: Vec<_> = trials(&spec).collect();
        let done = &all[..cut.index(all.len() + 1)];
        let count = |c: usize| done.iter().filter(|(config, _)| *config as usize == c).count() as u32;
        let most = (0..replicates.len()).map(count).max().unwrap();
        for (c, n) in replicates.iter().enumerate() {
            prop_assert!(count(c) + 1 >= most.min(*n), "config {} has {} where another has {}", c, count(c), most);
        }
    }

    #[test]
    fn seeds_depend_on_neither_order_nor_number(mut spec in any_spec(), independent: bool) {
        spec.pairing = if independent { Pairing::Independent } else { Pairing::Common };
        let mut other = spec.clone();
        other.configs.reverse();
        other.configs.iter_mut().for_each(|c| c.replicates += 3);
        other.name = "renamed".to_owned();
        let last = spec.configs.len().saturating_sub(1) as u32;
        for (c, r) in trials(&spec) {
            prop_assert_eq!(trial_seed(&spec, c, r), trial_seed(&other, last - c, r));
        }
    }
}
