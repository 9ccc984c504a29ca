//! Methods tell what was used, and cite what they tell.

use super::{analysis_of, example, factors, noise, tasks};
use crate::{
    report::{
        Analysis, analyze_with,
        document::{Block, Document},
        methods::{methods, references, works},
        render,
    },
    results::SweepResults,
};
use std::collections::BTreeSet;
use sweeper_core::spec::{FamilyKind, Pairing};

fn cited(analysis: &Analysis) -> Vec<&'static str> {
    references(&methods(analysis)).iter().map(|work| work.key).collect()
}

fn keys(results: &SweepResults) -> Vec<&'static str> {
    cited(&analysis_of(results))
}

/// That all of the first are among the cited, and none of the second.
fn check(found: &[&str], cited: &[&str], not: &[&str]) {
    for key in cited {
        assert!(found.contains(key), "{key} is missing: {found:?}");
    }
    for key in not {
        assert!(!found.contains(key), "{key} is too much: {found:?}");
    }
}

#[test]
fn only_what_was_used_is_cited() {
    check(
        &keys(&example::small()),
        &["holm1979", "hedges1981", "wilson1927", "wilcoxon1945", "student1908", "konietschke2012"],
        &["schuirmann1987", "dunnett1955", "westfall1993", "benjamini1995", "lan1983", "mann1947", "brunner2000"],
    );
    let mut more = example::ten_configs();
    more.spec.analysis.delta = Some(1.0);
    more.spec.analysis.correction = sweeper_core::spec::Correction::MaxT;
    more.spec.analysis.secondary = vec!["accuracy/balanced".to_owned()];
    let more = analysis_of(&more);
    check(&cited(&more), &["schuirmann1987", "lakens2017", "westfall1993", "benjamini1995", "mogstad2024"], &[]);
    // Holm's adjustment is cited for other tests, too.
    let told = methods(&more).iter().any(|method| method.text.contains("Holm's correction took the place"));
    assert!(
        told && more.strata.iter().flat_map(|s| &s.families).any(|f| f.instead.is_some()),
        "a config lost trainings"
    );
    check(
        &keys(&example::strata()),
        &["mann1947", "welch1947", "brunner2000", "brown1974"],
        &["wilcoxon1945", "student1908", "konietschke2012", "pitman1939"],
    );
}

#[test]
fn the_best_and_the_curves_cite_how_they_were_found() {
    let mut results = tasks::with_curves(tasks::grid(FamilyKind::Baseline, 3, 4));
    let curves = ["chernozhukov2013", "montielolea2019"];
    check(&keys(&results), &["edwards1983", "dunn1961", "morris1983", "paule1982"], &["hsu1996"]);
    check(&keys(&results), &curves, &[]);
    results.spec.pairing = Pairing::Independent;
    check(&keys(&results), &["hsu1996"], &["edwards1983"]);
    check(&keys(&tasks::grid(FamilyKind::Baseline, 3, 4)), &[], &curves);
}

#[test]
fn the_audit_cites_only_what_it_measured() {
    let mut results = example::small();
    let association = ["bergsma2013", "cramer1946"];
    check(&keys(&results), &association, &[]);
    results.attempts.iter_mut().for_each(|attempt| attempt.worker = "one".to_owned());
    check(&keys(&results), &[], &association);
}

#[test]
fn noise_of_images_is_cited_where_bits_were_kept() {
    let crossed = ["jordan2024", "owen2007", "satterthwaite1946", "searle1992"];
    let single = ["fagerland2013", "mcnemar1947"];
    let (mut results, bits) = noise::images_and_bits();
    let with = cited(&analyze_with(&results, &bits).unwrap());
    check(&with, &crossed, &single);
    check(&with, &["cochran1977", "morgan1939", "pitman1939"], &["brown1974"]);
    let without = keys(&results);
    check(&without, &["morgan1939", "pitman1939"], &crossed);
    check(&without, &[], &single);
    // One training of each config.
    results.trials.retain(|trial| trial.replicate == 0);
    let one = cited(&analyze_with(&results, &bits).unwrap());
    check(&one, &single, &crossed);
    check(&one, &[], &["cochran1977", "morgan1939", "pitman1939"]);
}

#[test]
fn tasks_are_cited_where_there_are_some() {
    check(&keys(&tasks::tasks(2, 16)), &["agarwal2021", "efron1987"], &["satterthwaite1946"]);
    // Too few trainings for resamples; seeds of their own.
    let mut few = tasks::tasks(3, 5);
    few.spec.pairing = Pairing::Independent;
    check(&keys(&few), &["agarwal2021", "satterthwaite1946"], &["efron1987"]);
    few.spec.analysis.tasks = sweeper_core::spec::Tasks::None;
    check(&keys(&few), &[], &["agarwal2021", "efron1987", "satterthwaite1946"]);
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
        let end = work.doi().map_or_else(|| ".".to_owned(), |doi| format!(". doi:{doi}"));
        assert!(braces(&work.bibtex()) && work.reference().ends_with(&end), "{}", work.bibtex());
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

#[test]
fn dois_are_well_formed_and_stand_in_every_list() {
    let all: Vec<&str> = works::ALL.iter().filter_map(|work| work.doi()).collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "every DOI once: {all:?}");
    for doi in all {
        let (prefix, suffix) = doi.split_once('/').unwrap();
        let registrant = prefix.strip_prefix("10.").unwrap();
        assert!(registrant.len() >= 4 && registrant.bytes().all(|b| b.is_ascii_digit()), "{doi}");
        assert!(!suffix.is_empty() && suffix.bytes().all(|b| b.is_ascii_graphic()), "{doi}");
        assert!(!doi.ends_with(['.', ',', ';']) && !doi.contains(['{', '}', '%', '\\']), "{doi}");
    }
    let document = Document::of(&analysis_of(&example::strata()));
    let (bib, tex) = (render::bibtex(&document), render::latex(&document));
    for work in document.works() {
        let Some(doi) = work.doi() else { continue };
        assert!(bib.contains(&format!("  doi = {{{doi}}},\n")), "{doi}");
        // As LaTeX writes it, without the places where a line may break.
        let told = doi.replace('<', "\\textless{}").replace('>', "\\textgreater{}").replace('_', "\\_");
        assert!(tex.replace("\\allowbreak{}", "").contains(&format!("doi:{told}\n")), "{told}");
    }
    assert!(
        document.works().iter().any(|work| work.doi().is_some_and(|doi| doi.contains('<'))),
        "one that LaTeX must escape"
    );
}

#[test]
fn tests_without_equal_variances_are_cited_where_configs_scatter_differently() {
    for (pairing, own, other) in
        [(Pairing::Common, "hotelling1931", "johansen1980"), (Pairing::Independent, "johansen1980", "hotelling1931")]
    {
        check(&cited(&factors::grid(pairing, 8.0)), &[own], &[other]);
        check(&cited(&factors::grid(pairing, 1.0)), &[], &[own, other]);
    }
}

#[test]
fn a_test_that_no_table_shows_is_told_with_its_place() {
    let told = methods(&analysis_of(&example::small()));
    assert!(told.iter().any(|m| m.text.contains("report.json holds Welch's test of all completed replicates")));
}
