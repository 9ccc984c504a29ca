//! Laws and typed refusals of the tests of terms that do not take the cells' variances for equal.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use sweeper_counter::Stream;
use sweeper_stats::robust_terms::{RobustTerm, robust_terms};
use sweeper_stats::*;

fn close(a: f64, b: f64, scale: f64) -> bool {
    (a - b).abs() <= 1e-8 * a.abs().max(b.abs()).max(scale)
}

#[test]
fn robust_terms_see_neither_offset_nor_unit_and_refuse_what_cannot_be_tested() {
    let levels: Vec<Vec<usize>> = (0..4).map(|c| vec![c / 2, c % 2]).collect();
    let cell = |c: u32, offset: f64, scale: f64| -> Vec<f64> {
        let noise = Stream::new(3, 5_u32, c).normals(6);
        noise
            .iter()
            .map(|v| offset + scale * (f64::from(c) + f64::from(c + 1) * (v * 1024.0).round() / 1024.0))
            .collect()
    };
    let with = |offset: f64, scale: f64, paired: bool| {
        let cells: Vec<Vec<f64>> = (0..4).map(|c| cell(c, offset, scale)).collect();
        let slices: Vec<&[f64]> = cells.iter().map(Vec::as_slice).collect();
        robust_terms(&slices, &levels, paired, true).unwrap()
    };
    for paired in [false, true] {
        for (plain, moved) in [(1e9, 1.0), (0.0, 1e150), (0.0, -1e-150)]
            .into_iter()
            .flat_map(|(offset, scale)| with(0.0, 1.0, paired).into_iter().zip(with(offset, scale, paired)))
        {
            let (plain, moved) = (plain.test.unwrap(), moved.test.unwrap());
            assert!(close(plain.statistic, moved.statistic, plain.statistic), "{plain:?} {moved:?}");
        }
    }
    let (flat, own) = ([1.0, 1.0, 1.0], [1.0, 2.0, 4.0]);
    let two = [vec![0], vec![1]];
    let test = |a: &[f64], b: &[f64], paired: bool| robust_terms(&[a, b], &two, paired, false);
    let only = |found: Result<Vec<RobustTerm>, Degenerate>| found.unwrap().remove(0).test;
    assert!(matches!(only(test(&flat, &flat, false)), Err(Degenerate::ZeroVariance { .. })));
    assert!(matches!(only(test(&own, &[2.0, 3.0, 5.0], true)), Err(Degenerate::ZeroVariance { .. })));
    // One cell that does not vary leaves the other's error: a one-sample t test, on its degrees of freedom.
    assert!(close(only(test(&flat, &own, false)).unwrap().df_denominator, 2.0, 1.0));
    // Three contrasts of three seeds.
    let levels: Vec<Vec<usize>> = (0..4).map(|c| vec![c]).collect();
    let many: [&[f64]; 4] = [&own, &[2.0, 1.0, 7.0], &[0.0, 4.0, 1.0], &[3.0, 3.0, 8.0]];
    assert_eq!(only(robust_terms(&many, &levels, true, false)), Err(Degenerate::TooFew { n: 3, needed: 4 }));
    assert!(matches!(test(&own, &own[..2], true), Err(Degenerate::LengthMismatch { .. })));
    assert!(matches!(test(&own, &own[..1], false), Err(Degenerate::TooFew { .. })));
    assert!(robust_terms(&[&own], &two[..1], false, false).is_err());
    assert!(robust_terms(&[&own, &own], &two[..1], false, false).is_err());
    assert!(matches!(robust_terms(&[&own, &own], &[vec![], vec![]], false, false), Err(Degenerate::Domain { .. })));
}
