//! An analysis as a document: the order of the report.

use super::{
    Block, Cell, Claim, Column, Document, Row, Section, Table, beyond, comparisons, factors, grids, looks, noise,
    pictures, plan, summary, tasks,
};
use crate::report::{
    Analysis, Comparison, Family, MetricInfo, Role, SeedRecord, Stratum, methods,
    render::groups,
    source, text,
    wording::{self, Look, display_name, verdict_order},
};

/// More comparisons than this are folded by verdict.
const UNFOLDED: usize = 24;
/// With more configs than this in a stratum, another metric than the primary one shows its decided comparisons only,
/// so that the page stays one that a browser opens at once.
const IN_FULL: usize = 60;

/// Seeds that a page lists.
const MOST_SEEDS: usize = 1_000;
/// Rows and claims that a page shows: all pairs of 50 configs, or a thousand configs against a baseline.
const MOST_ROWS: usize = 1_225;

impl Document {
    /// The report of an analysis.
    #[must_use]
    pub fn of(analysis: &Analysis) -> Self {
        let mut sections = vec![verdicts(analysis), plan::section(analysis), beyond::audit(analysis)];
        sections.extend(primary(analysis));
        sections.extend(looks::section(analysis));
        sections.extend(tasks::section(analysis));
        sections.push(overview(analysis));
        sections.extend(secondary(analysis));
        sections.extend(beyond::best(analysis));
        sections.extend(factors::factors(analysis));
        sections.extend(curves(analysis));
        sections.extend(noise::section(analysis));
        sections.extend(beyond::failures(analysis));
        sections.extend(beyond::power(analysis));
        sections.push(exceptions(analysis));
        sections.push(how_to_read(analysis));
        sections.push(provenance(analysis));
        sections.iter_mut().for_each(|section| move_long_tables(&mut section.blocks));
        Self { title: display_name(&analysis.name), stamps: stamps(analysis), facts: facts(analysis), sections }
    }
}

/// Leaves tables that nobody can read on a page to the files.
fn move_long_tables(blocks: &mut [Block]) {
    for block in blocks {
        match block {
            Block::Fold { blocks, .. } => move_long_tables(blocks),
            Block::Table(table) if table.rows.len() > MOST_ROWS => {
                let none = Table {
                    id: String::new(),
                    title: String::new(),
                    note: String::new(),
                    columns: Vec::new(),
                    rows: Vec::new(),
                };
                *block = Block::FilesOnly(std::mem::replace(table, none));
            }
            _ => {}
        }
    }
}

impl Section {
    pub(super) fn new(id: &str, title: impl Into<String>, blocks: Vec<Block>) -> Self {
        Self { id: id.to_owned(), title: title.into(), tag: None, blocks }
    }
}

pub(in crate::report) fn stamps(analysis: &Analysis) -> Vec<String> {
    let exploratory = analysis.exploratory_stamp();
    let partial = analysis.partial.then(|| wording::partial_stamp(analysis));
    let found = text::determinism_warning(analysis).into_iter().chain(beyond::audit_stamps(analysis));
    exploratory.into_iter().chain(partial).chain(found).collect()
}

fn facts(analysis: &Analysis) -> Vec<String> {
    let mut facts = Vec::from_iter(analysis.planned_line());
    facts.extend([source::counts(analysis), text::question(analysis)]);
    facts.extend(text::notes(analysis).into_iter().map(|(whose, note)| format!("Note on {whose}: {note}")));
    facts.push(source::times(analysis));
    facts
}

/// The name of a stratum as a heading, where there is one.
pub(super) fn stratum_heading(stratum: &Stratum) -> Option<Block> {
    (!stratum.name.is_empty()).then(|| Block::Heading(display_name(&stratum.name)))
}

fn verdicts(analysis: &Analysis) -> Section {
    let mut blocks = Vec::from_iter(several_strata(analysis).map(Block::Note));
    for stratum in &analysis.strata {
        blocks.extend(stratum_heading(stratum));
        let Some(family) = stratum.families.iter().find(|f| f.role == Role::Primary) else { continue };
        blocks.push(Block::Lead(text::family_line(analysis, family)));
        blocks.push(Block::Note(text::correction_line(analysis, family)));
        if family.comparisons.len() > UNFOLDED {
            blocks.extend(folded(family, analysis));
        } else {
            blocks.push(Block::Claims(verdict_order(family).map(|c| claim(c, analysis)).collect()));
        }
    }
    Section::new("verdicts", "Verdicts", blocks)
}

/// That errors are controlled inside each stratum only, where several have comparisons.
fn several_strata(analysis: &Analysis) -> Option<String> {
    let compared = |s: &&Stratum| s.families.iter().any(|f| f.role == Role::Primary && !f.comparisons.is_empty());
    let count = analysis.strata.iter().filter(compared).count();
    (count > 1).then(|| {
        format!(
            "Each stratum is a family of its own: over all {count} strata together the chance of any false finding is higher."
        )
    })
}

/// One fold per kind of verdict; the decided ones open.
fn folded(family: &Family, analysis: &Analysis) -> impl Iterator<Item = Block> {
    Look::ALL.into_iter().filter_map(move |look| {
        let of_look = family.comparisons.iter().filter(|c| Look::of(&c.result) == look);
        let all = of_look.clone().count();
        let claims: Vec<Claim> = of_look.take(MOST_ROWS).map(|c| claim(c, analysis)).collect();
        let open = matches!(look, Look::Better | Look::Worse);
        let summary = format!("{}: {all}", look.word());
        let mut blocks = Vec::from_iter((claims.len() < all).then(|| {
            Block::Note(format!("The first {} of {all}; report.csv and report.json hold all.", claims.len()))
        }));
        blocks.push(Block::Claims(claims));
        (all > 0).then_some(Block::Fold { summary, open, blocks })
    })
}

fn claim(comparison: &Comparison, analysis: &Analysis) -> Claim {
    let numbers = comparison.result.tested().is_some();
    let confounded = beyond::confounders(analysis).filter(|_| numbers);
    let caution: String = confounded.map(|what| format!("; not separable from the {what}")).collect();
    Claim {
        look: Look::of(&comparison.result),
        subject: wording::subject(comparison, analysis.plan.family),
        evidence: format!("{}{caution}", comparison.evidence),
        sentence: format!("{}{caution}.", comparison.sentence.trim_end_matches('.')),
        scope: text::held_fixed(analysis).unwrap_or_default(),
    }
}

/// The primary metric: pictures and tables, in full.
fn primary(analysis: &Analysis) -> impl Iterator<Item = Section> {
    analysis.metrics.iter().enumerate().filter(|(_, m)| m.primary).map(|(index, metric)| {
        let body = |(s, stratum)| metric_body(analysis, (s, stratum), (index, metric));
        let blocks = analysis.strata.iter().enumerate().flat_map(body).collect();
        let section = Section::new("primary", display_name(&metric.name), blocks);
        Section { tag: Some("primary metric"), ..section }
    })
}

fn metric_body(
    analysis: &Analysis,
    (s, stratum): (usize, &Stratum),
    (index, metric): (usize, &MetricInfo),
) -> Vec<Block> {
    let id = |what: &str| format!("{what}-m{index}-s{s}");
    let mut blocks = Vec::from_iter(stratum_heading(stratum));
    let planned = metric.primary || metric.secondary;
    if planned {
        blocks.extend(pictures::values(analysis, stratum, (index, metric), &id("values")).map(Block::Figure));
    }
    if let Some(family) = stratum.families.get(index).filter(|f| !f.comparisons.is_empty()) {
        if planned && family.comparisons.len() <= MOST_ROWS {
            blocks.extend(pictures::differences(analysis, family, metric, &id("differences")).map(Block::Figure));
        }
        if metric.primary {
            let heat = grids::heat(analysis, (stratum, family), (index, metric), &id("heat"));
            blocks.extend(heat.map(Block::Figure));
            let slopes = pictures::slopes((stratum, family), (index, metric), &id("pairs"));
            blocks.extend(slopes.map(Block::Figure));
        }
        blocks.push(Block::Table(comparisons::table(analysis, family, metric, id("comparisons"))));
        blocks.extend(comparisons::robustness(analysis, family, metric, id("robustness")).map(Block::Table));
    }
    blocks.push(Block::Table(summary::table(analysis, stratum, (index, metric), id("summary"))));
    blocks
}

/// How trainings went.
fn curves(analysis: &Analysis) -> Option<Section> {
    let metric = analysis.metrics.iter().find(|m| m.primary)?;
    let mut blocks = Vec::new();
    for (s, curves) in analysis.curves.iter().enumerate() {
        let figure = |differences: bool, id: String| {
            pictures::learning(curves, metric, (differences, analysis.plan.confidence), &id).map(Block::Figure)
        };
        let both = [figure(false, format!("curves-s{s}")), figure(true, format!("curve-differences-s{s}"))];
        let mut own = both.into_iter().flatten().peekable();
        if own.peek().is_some() && !curves.stratum.is_empty() {
            blocks.push(Block::Heading(display_name(&curves.stratum)));
        }
        blocks.extend(own);
    }
    (!blocks.is_empty()).then(|| Section::new("curves", "How trainings went", blocks))
}

/// All metrics of all configs: means and standard deviations.
fn overview(analysis: &Analysis) -> Section {
    let note =
        "Mean, and in brackets the sample standard deviation of single trainings. A dash: not measured by this config.";
    let mut blocks = vec![Block::Note(note.to_owned())];
    for (s, stratum) in analysis.strata.iter().enumerate() {
        blocks.extend(stratum_heading(stratum));
        blocks.push(Block::Table(summary::matrix(analysis, stratum, format!("overview-s{s}"))));
    }
    Section::new("overview", "All metrics", blocks)
}

/// Every other metric, folded.
fn secondary(analysis: &Analysis) -> Option<Section> {
    let others = || analysis.metrics.iter().enumerate().filter(|(_, m)| !m.primary);
    others().next()?;
    let note = "All of them are exploratory. Each is a family of its own in each stratum, but for declared secondary metrics, which \
                share one correction.";
    let mut blocks = vec![Block::Note(note.to_owned())];
    for (index, metric) in others() {
        let body = |(s, stratum): (usize, &Stratum)| {
            if stratum.configs.len() > IN_FULL {
                decided_only(analysis, (s, stratum), (index, metric))
            } else {
                metric_body(analysis, (s, stratum), (index, metric))
            }
        };
        blocks.push(Block::Fold {
            summary: format!("{}: {}", display_name(&metric.name), family_tallies(analysis, index)),
            open: false,
            blocks: analysis.strata.iter().enumerate().flat_map(body).collect(),
        });
    }
    Some(Section::new("secondary", "Other metrics", blocks))
}

fn family_tallies(analysis: &Analysis, index: usize) -> String {
    let families = analysis.strata.iter().filter_map(|s| Some((s, s.families.get(index)?)));
    let one = |(stratum, family): (&Stratum, _)| {
        let tally = wording::tally(family);
        if stratum.name.is_empty() { tally } else { format!("{}: {tally}", wording::shorten(&stratum.name, 24)) }
    };
    families.map(one).collect::<Vec<String>>().join("; ")
}

fn decided_only(
    analysis: &Analysis,
    (s, stratum): (usize, &Stratum),
    (index, metric): (usize, &MetricInfo),
) -> Vec<Block> {
    let mut blocks = Vec::from_iter(stratum_heading(stratum));
    let Some(family) = stratum.families.get(index) else { return blocks };
    let mut shown = family.clone();
    shown.comparisons.retain(|c| matches!(Look::of(&c.result), Look::Better | Look::Worse));
    let (some, all) = (shown.comparisons.len(), family.comparisons.len());
    blocks.push(Block::Note(format!("Of {all} comparisons the {some} decided ones are shown; report.json holds all.")));
    if some > 0 {
        let id = format!("comparisons-m{index}-s{s}");
        blocks.push(Block::Table(comparisons::table(analysis, &shown, metric, id)));
    }
    blocks
}

/// What is missing, and what differs from the plan.
fn exceptions(analysis: &Analysis) -> Section {
    let groups = groups::exceptions(analysis);
    let mut blocks = Vec::new();
    if groups.is_empty() {
        blocks.push(Block::Text(analysis.source.none_missing().to_owned()));
    } else {
        let row = |group: &groups::ExceptionGroup<'_>| Row {
            marked: false,
            cells: vec![
                Cell::name(display_name(group.config)),
                Cell::text(&group.replicates),
                Cell::text(group.kind),
                Cell::text(wording::shorten(group.reason, text::LONGEST_REASON)),
            ],
        };
        blocks.push(Block::Table(Table {
            id: "exceptions".to_owned(),
            title: "Trials without an observation".to_owned(),
            note: String::new(),
            columns: ["config", "replicates", "what", "reason"].map(Column::text).into(),
            rows: groups.iter().map(row).collect(),
        }));
    }
    blocks.push(Block::Heading("Differences from the plan".to_owned()));
    blocks.push(match analysis.deviations.as_slice() {
        [] => Block::Text("None.".to_owned()),
        deviations => Block::List(deviations.to_vec()),
    });
    Section::new("exceptions", "Missing and diverged trials", blocks)
}

/// How the numbers were made.
fn how_to_read(analysis: &Analysis) -> Section {
    let methods = methods::methods(analysis);
    let works = methods::references(&methods);
    let references = (!works.is_empty()).then_some(Block::References(works));
    Section::new("method", "How to read this", [Block::Methods(methods)].into_iter().chain(references).collect())
}

/// Where the numbers come from.
fn provenance(analysis: &Analysis) -> Section {
    let p = &analysis.provenance;
    let fold = |summary: &str, blocks| Block::Fold { summary: summary.to_owned(), open: false, blocks };
    let recipes = p.recipes.iter().flat_map(|record| {
        let text = wording::shorten(&record.recipe, text::LONGEST_RECIPE);
        let head = format!("{} {}", display_name(&record.config), record.digest);
        [Block::Note(head), Block::Code { language: "json", text }]
    });
    let seed = |record: &SeedRecord| Row {
        marked: false,
        cells: vec![
            Cell::name(record.config.as_deref().map_or_else(|| "all".to_owned(), display_name)),
            Cell::text(record.replicate.to_string()),
            Cell::text(&record.seed),
        ],
    };
    let some = p.seeds.len().min(MOST_SEEDS);
    let seeds = Table {
        id: "seeds".to_owned(),
        title: "Seeds of the replicates".to_owned(),
        note: if some < p.seeds.len() {
            format!("The first {some} of {}; report.json holds all.", p.seeds.len())
        } else {
            String::new()
        },
        columns: vec![Column::text("config"), Column::number("replicate"), Column::number("seed")],
        rows: p.seeds.iter().take(some).map(seed).collect(),
    };
    let (heading, language) = analysis.source.text();
    let mut blocks = vec![
        Block::Facts(text::provenance(analysis)),
        fold(heading, vec![Block::Code { language, text: p.toml.clone() }]),
        fold("Recipes (what differs from the defaults)", recipes.collect()),
    ];
    if some > 0 {
        blocks.push(fold("Seeds", vec![Block::Table(seeds)]));
    }
    Section::new("provenance", "Provenance", blocks)
}
