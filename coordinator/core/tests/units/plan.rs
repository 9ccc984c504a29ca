use crate::{config, spec, spec_of};
use proptest::prelude::*;
use std::collections::BTreeSet;
use sweeper_core::{
    plan::{Plan, trial_seed, trials},
    spec::{Pairing, SweepSpec},
};

fn any_spec() -> impl Strategy<Value = SweepSpec> {
    (prop::collection::vec((0_u8..3, 0_u32..6), 0..12), any::<u64>()).prop_map(|(configs, seed)| {
        let named = configs.into_iter().enumerate();
        let configs = named.map(|(i, (stratum, n))| config(&stratum.to_string(), &i.to_string(), n)).collect();
        SweepSpec { seed, ..spec_of("any", configs) }
    })
}

#[test]
fn strata_follow_each_other_and_each_is_replicate_major() {
    let uneven = vec![config("long", "a", 2), config("long", "b", 3), config("short", "a", 1), config("short", "b", 2)];
    let mut spec = spec_of("x", uneven);
    for seed in 0..50 {
        spec.seed = seed;
        let plan: Vec<_> = trials(&spec).collect();
        let rows: Vec<Vec<(u32, u32)>> = plan.chunk_by(|a, b| (a.0 < 2, a.1) == (b.0 < 2, b.1)).map(sorted).collect();
        let all = [vec![(0, 0), (1, 0)], vec![(0, 1), (1, 1)], vec![(1, 2)], vec![(2, 0), (3, 0)], vec![(3, 1)]];
        assert_eq!(rows, all, "{plan:?}");
    }
}

fn sorted(row: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let mut row = row.to_vec();
    row.sort_unstable();
    row
}

/// Computed apart, in Python, from the documented formula: an order that changes in a running sweep confounds nothing,
/// but what a plan shows beforehand should be what happens.
#[test]
fn orders_are_what_they_were() {
    let mut configs: Vec<_> = ["a", "b", "c", "d", "e"].map(|name| config("first", name, 3)).to_vec();
    configs.extend(["a", "b", "c"].map(|name| config("second", name, 3)));
    let spec = SweepSpec { seed: 7, ..spec_of("x", configs) };
    let order: Vec<u32> = trials(&spec).map(|(config, _)| config).collect();
    assert_eq!(order[..15], [1, 3, 2, 0, 4, 3, 2, 1, 4, 0, 2, 3, 1, 4, 0]);
    assert_eq!(order[15..], [6, 5, 7, 7, 6, 5, 7, 6, 5]);
}

#[test]
fn a_plan_of_four_thousand_million_trials_costs_nothing_until_it_is_walked() {
    let plan = Plan::new(&spec("huge", 2, u32::MAX));
    assert_eq!(plan.trials(), 2 * u64::from(u32::MAX));
    let (config, replicate) = plan.trial(plan.trials() - 1).unwrap();
    assert_eq!((config < 2, replicate), (true, u32::MAX - 1));
    assert_eq!(plan.trial(plan.trials()), None);
    assert_eq!(plan.index(config, replicate), Some(plan.trials() - 1));
    assert_eq!(plan.index(1, u32::MAX), None);
}

#[test]
fn seeds_are_what_they_were() {
    // A changed seed would silently make every earlier result useless.
    let mut spec = SweepSpec { seed: 7, ..spec("x", 2, 2) };
    let seeds = |spec: &SweepSpec| [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(c, r)| trial_seed(spec, c, r));
    assert_eq!(seeds(&spec), EXPECTED_COMMON);
    spec.pairing = Pairing::Independent;
    assert_eq!(seeds(&spec), EXPECTED_INDEPENDENT);
}

/// Computed apart, with Python's hashlib, from the documented formula.
const EXPECTED_COMMON: [u64; 4] =
    [0x6dbf_0b2b_bfc0_7379, 0x6dbf_0b2b_bfc0_7379, 0x6760_0bbf_99fb_92fc, 0x6760_0bbf_99fb_92fc];
const EXPECTED_INDEPENDENT: [u64; 4] =
    [0xf543_9b12_3556_39c8, 0x7617_f2d9_e91d_ef6b, 0x20f9_8c55_247f_d51e, 0xdf70_4d73_6171_9d9b];

/// Seeds of three configs of one recipe, replicates 0 and 1 of each; computed apart like those above.
const EXPECTED_TWINS: [[u64; 2]; 3] = [
    [0xf543_9b12_3556_39c8, 0x20f9_8c55_247f_d51e],
    [0xf476_26fd_0317_f281, 0x49ab_aa79_f748_b235],
    [0xe4b7_d046_595a_6938, 0xb231_c886_4c58_9e6b],
];

/// An A/A test: equal recipes are trainings of their own where every trial is to have a seed of its own.
#[test]
fn configs_of_one_recipe_have_seeds_of_their_own_unless_seeds_are_common() {
    let mut configs: Vec<_> = ["a", "b", "a", "c", "a"].map(|recipe| config("", recipe, 2)).to_vec();
    configs.iter_mut().zip(["a", "b", "a again", "c", "a once more"]).for_each(|(c, name)| c.name = name.to_owned());
    let mut spec = SweepSpec { seed: 7, pairing: Pairing::Independent, ..spec_of("x", configs) };
    // A sweep from before twins were counted keeps the seeds that it has.
    assert_eq!(trial_seed(&spec, 2, 1), EXPECTED_TWINS[0][1]);
    spec.number_twins();
    assert_eq!(spec.configs.iter().map(|c| c.twins_before).collect::<Vec<_>>(), [0, 0, 1, 0, 2]);
    let seeds = [0, 2, 4].map(|config| [0, 1].map(|replicate| trial_seed(&spec, config, replicate)));
    assert_eq!(seeds, EXPECTED_TWINS);
    assert_eq!(trial_seed(&spec, 1, 0), EXPECTED_INDEPENDENT[1], "the only one of its recipe");
    spec.pairing = Pairing::Common;
    spec.number_twins();
    assert_eq!(spec.configs.iter().map(|c| c.twins_before).max(), Some(0));
    assert_eq!(trial_seed(&spec, 4, 0), EXPECTED_COMMON[0]);
}

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
    fn every_prefix_is_balanced_inside_a_stratum(
        replicates in prop::collection::vec(1_u32..5, 1..8),
        seed: u64,
        cut: prop::sample::Index,
    ) {
        let configs = replicates.iter().enumerate().map(|(i, n)| config("", &i.to_string(), *n));
        let spec = SweepSpec { seed, ..spec_of("x", configs.collect()) };
        let all: Vec<_> = trials(&spec).collect();
        let done = &all[..cut.index(all.len() + 1)];
        let count = |c: usize| done.iter().filter(|(config, _)| *config as usize == c).count() as u32;
        let most = (0..replicates.len()).map(count).max().unwrap();
        for (c, n) in replicates.iter().enumerate() {
            prop_assert!(count(c) + 1 >= most.min(*n), "config {} has {} where another has {}", c, count(c), most);
        }
        prop_assert!(all.is_sorted_by_key(|(_, replicate)| *replicate), "{:?}", all);
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
