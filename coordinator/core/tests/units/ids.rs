use crate::attempt;
use proptest::prelude::*;
use sweeper_core::ids::{AttemptId, ParseIdError, SweepId, TrialId, WorkerId};

#[test]
fn ids_print_as_documented() {
    assert_eq!(attempt(7, 3, 12, 2).to_string(), "s7/c3/r12#2");
    assert_eq!(attempt(7, 3, 12, 2).trial.to_string(), "s7/c3/r12");
    assert_eq!((SweepId(7).to_string(), WorkerId(12).to_string()), ("s7".to_owned(), "w12".to_owned()));
}

#[test]
fn what_is_no_id_is_named_with_an_example() {
    for text in ["", "s", "7", "s-1", "s+1", "s 1", "s4294967296", "S1", "s1x"] {
        assert!(text.parse::<SweepId>().is_err(), "{text}");
    }
    for text in ["s1/c0", "s1/c0/r0/", "s1/c0/r0#1", "s1/r0/c0", "s1//r0"] {
        assert!(text.parse::<TrialId>().is_err(), "{text}");
    }
    for text in ["s1/c0/r0", "s1/c0/r0#", "s1/c0/r0#+2", "s1/c0/r0##2", "s1/c0/r0#2#3"] {
        assert!(text.parse::<AttemptId>().is_err(), "{text}");
    }
    let error: ParseIdError = "x".parse::<TrialId>().unwrap_err();
    assert_eq!(error.to_string(), "`x` is not a trial id, expected a form like `s7/c3/r12`");
}

proptest! {
    #[test]
    fn every_id_survives_printing_and_parsing(s: u32, c: u32, r: u32, a: u32, w: u64) {
        let id = attempt(s, c, r, a);
        prop_assert_eq!(id.to_string().parse::<AttemptId>().unwrap(), id);
        prop_assert_eq!(id.trial.to_string().parse::<TrialId>().unwrap(), id.trial);
        prop_assert_eq!(id.trial.sweep.to_string().parse::<SweepId>().unwrap(), id.trial.sweep);
        prop_assert_eq!(WorkerId(w).to_string().parse::<WorkerId>().unwrap(), WorkerId(w));
    }

    #[test]
    fn no_text_is_a_panic(text in ".{0,24}") {
        let _ = (text.parse::<SweepId>(), text.parse::<WorkerId>(), text.parse::<TrialId>(), text.parse::<AttemptId>());
    }
}
