//! Methods tell what was used, and cite what they tell.

use super::{analysis_of, example};
use crate::report::{
    document::{Block, Document},
    methods::{methods, references, works},
    render,
};
use std::collections::BTreeSet;

fn keys(results: &crate::results::SweepResults) -> Vec<&'static str> {
    references(&methods(&analysis_of(results))).iter().map(|work| work.key).collect()
}

#[test]
fn only_what_was_used_is_cited() {
    let small = keys(&example::small());
    for used in ["holm1979", "hedges1981", "wilson1927", "wilcoxon1945"] {
        assert!(small.contains(&used), "{used}: {small:?}");
    }
    for unused in ["schuirmann1987", "dunnett1955", "westfall1993", "benjamini1995", "lan1983", "mann1947"] {
        assert!(!small.contains(&unused), "{unused}: {small:?}");
    }
    let mut more = example::ten_configs();
    more.spec.analysis.delta = Some(1.0);
    more.spec.analysis.correction = sweeper_core::spec::Correction::MaxT;
    more.spec.analysis.secondary = vec!["accuracy/balanced".to_owned()];
    let more = keys(&more);
    for used in ["schuirmann1987", "lakens2017", "westfall1993", "benjamini1995", "mogstad2024"] {
        assert!(more.contains(&used), "{used}: {more:?}");
    }
    assert!(!more.contains(&"holm1979"), "{more:?}");
    let independent = keys(&example::strata());
    assert!(independent.contains(&"mann1947") && independent.contains(&"welch1947"), "{independent:?}");
    assert!(!independent.contains(&"wilcoxon1945"), "{independent:?}");
}

#[test]
fn citations_and_entries_are_the_same_in_every_format() {
    for results in [example::small(), example::strata(), example::ten_configs()] {
        let document = Document::of(&analysis_of(&results));
        let expected: BTreeSet<&str> = document.works().iter().map(|work| work.key).collect();
        let tex = render::latex(&document);
        let cited: BTreeSet<&str> =
            tex.split("\\cite{").skip(1).flat_map(|rest| rest.split('}').next().unwrap().split(',')).collect();
        let listed: BTreeSet<&str> =
            tex.split("\\bibitem{").skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
        let bib = render::bibtex(&document);
        let entries: BTreeSet<&str> =
            bib.lines().filter_map(|line| line.strip_prefix('@')?.split_once('{')?.1.strip_suffix(',')).collect();
        assert_eq!((&cited, &listed, &entries), (&expected, &expected, &expected));
        let (page, markdown) = (render::page(&document), render::markdown(&document));
        for work in document.works() {
            assert!(page.contains(work.cited) && markdown.contains(work.cited), "{}", work.key);
        }
    }
}

#[test]
fn works_and_formulas_are_well_formed() {
    let keys: BTreeSet<&str> = works::ALL.iter().map(|work| work.key).collect();
    assert_eq!(keys.len(), works::ALL.len(), "every key once");
    let braces = |text: &str| {
        let depth = text.chars().try_fold(0i32, |depth, c| match c {
            '{' => Some(depth + 1),
            '}' => (depth > 0).then_some(depth - 1),
            _ => Some(depth),
        });
        depth == Some(0)
    };
    for work in works::ALL {
        let year = work.fields.iter().find(|(name, _)| *name == "year").unwrap().1;
        assert!(work.cited.ends_with(year) && work.key.ends_with(year), "{work:?}");
        assert!(braces(&work.bibtex()) && work.reference().ends_with('.'), "{}", work.bibtex());
        assert!(!work.reference().contains("().") && !work.reference().contains(". ."), "{}", work.reference());
    }
    for results in [example::small(), example::strata(), example::ten_configs()] {
        for section in Document::of(&analysis_of(&results)).sections {
            for block in section.blocks {
                let Block::Methods(methods) = block else { continue };
                for formula in methods.iter().filter_map(|method| method.formula) {
                    assert!(braces(formula.tex) && formula.tex.is_ascii(), "{}", formula.tex);
                    assert_eq!(formula.tex.matches("\\Bigl").count(), formula.tex.matches("\\Bigr").count());
                }
            }
        }
    }
}
