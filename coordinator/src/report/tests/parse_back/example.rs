//! Documents to look at and to measure, with made-up numbers.

use crate::report::{
    document::{Block, Cell, Claim, Column, Document, Figure, Row, Section, Table},
    number,
    tests::example::noise,
    wording::Look,
};
use std::fmt::Write;

const CONFIGS: [&str; 10] = [
    "balanced",
    "balanced, LS",
    "unbalanced",
    "layer",
    "layer, LS",
    "training prior",
    "training prior, LS",
    "both priors",
    "both priors, LS",
    "both priors, apriori LS",
];

/// Rows as wide as those of real comparisons.
fn comparisons(id: &str, configs: usize, more: usize) -> Table {
    let heads = [
        "difference",
        "95 % interval",
        "n",
        "t (df)",
        "p",
        "adjusted p",
        "Hedges g (SD of the differences)",
        "Welch p",
    ];
    let mut columns = vec![Column::text("config"), Column::text("verdict")];
    columns.extend(heads.map(Column::number));
    columns.push(Column::number("seed r").hint("correlation across seeds"));
    columns.extend((0..more).map(|i| Column::number(format!("smoothed_accuracy/part{i} in %"))));
    let rows = (0..configs).map(|row| comparison(row, more)).collect();
    let note =
        "Primary family: config minus unbalanced, paired t-test; p_adjusted by Holm over 8 comparisons.".to_owned();
    Table { id: id.to_owned(), title: "Comparisons, differences in pp".to_owned(), note, columns, rows }
}

fn comparison(row: usize, more: usize) -> Row {
    let look = Look::ALL[row % Look::ALL.len()];
    let name = CONFIGS.get(row).map_or_else(|| format!("config {row:03}"), |name| (*name).to_owned());
    let v = 3.0 * noise(row as u64);
    let signed = |v: f64| number::signed(v, 2);
    let mut cells = vec![Cell::name(name).tag(row == 2, "baseline"), Cell::verdict(look)];
    if matches!(look, Look::NotMeasured | Look::NotTested | Look::Equal) {
        cells.push(Cell::missing("constant difference in every replicate"));
        cells.resize(11 + more, Cell::missing(""));
        return Row { marked: row == 2, cells };
    }
    let interval = |v: f64| format!("[{}, {}]", signed(v - 1.3), signed(v + 1.3));
    cells.extend([
        Cell::strong(signed(v), [v]),
        Cell::number(interval(v), [v - 1.3, v + 1.3]),
        Cell::number("30", [30.0]).tag(row.is_multiple_of(4), "few").tag(row % 5 == 1, "survivors"),
        Cell::number(format!("{} (29)", number::statistic(v * 2.0)), [v * 2.0, 29.0]),
        Cell::number("3.5e-6", [3.5e-6]),
        Cell::strong("2.8e-5", [2.8e-5]),
        Cell::number(format!("{} {}", signed(v / 2.0), interval(v / 2.0)), [v / 2.0, v / 2.0 - 1.3, v / 2.0 + 1.3]),
        Cell::number("4.1e-6", [4.1e-6]),
        Cell::number("-0.12", [-0.12]),
    ]);
    cells.extend(
        (0..more).map(|i| Cell::number(format!("{:.2} (0.41)", 80.0 + v + i as f64), [80.0 + v + i as f64, 0.41])),
    );
    Row { marked: row == 2, cells }
}

/// One table of many rows.
pub(super) fn large(rows: usize, columns: usize) -> Document {
    let mut table = comparisons("large", rows, columns.saturating_sub(11));
    table.columns.truncate(columns);
    table.rows.iter_mut().for_each(|row| row.cells.truncate(columns));
    let section =
        Section { id: "large".to_owned(), title: "Large".to_owned(), tag: None, blocks: vec![Block::Table(table)] };
    Document { title: "large".to_owned(), stamps: Vec::new(), facts: Vec::new(), sections: vec![section] }
}

fn figure() -> Figure {
    let mut svg = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 260\" width=\"720\" height=\"260\" role=\"img\" \
         font-family=\"sans-serif\" font-size=\"13\">",
    );
    for (row, name) in CONFIGS.iter().enumerate() {
        let (x, y) = (430.0 + 90.0 * noise(row as u64), 18 + 24 * row);
        let _ = write!(
            svg,
            "<text x=\"0\" y=\"{}\" fill=\"var(--ink, #1b1f24)\">{name}</text><path d=\"M{} {y}H{}\" stroke=\"var(--better, #0063a6)\" \
             stroke-width=\"2\"/><circle cx=\"{x}\" cy=\"{y}\" r=\"4\" fill=\"var(--better, #0063a6)\"/>",
            y + 4,
            x - 40.0,
            x + 40.0
        );
    }
    svg.push_str("</svg>");
    let caption = "Every training as a dot; below the dots the mean with its 95 % interval.".to_owned();
    Figure { id: "all-trainings".to_owned(), title: "All trainings.".to_owned(), caption, svg, file: String::new() }
}

fn claims() -> Vec<Claim> {
    let claim = |(look, name): (Look, &&str)| Claim {
        look,
        subject: (**name).to_owned(),
        evidence: "2.31 pp lower (95 % interval -3.10 to -1.52 pp), adjusted p = 3.5e-6, n = 30 pairs".to_owned(),
        sentence: format!(
            "“{name}” against “unbalanced” on accuracy/perverse: 2.31 pp lower (95 % interval -3.10 to -1.52 pp), adjusted p = 3.5e-6, n = 30 pairs."
        ),
        scope: "Replicates vary initial weights; they hold fixed the images.".to_owned(),
    };
    Look::ALL.into_iter().zip(&CONFIGS).map(claim).collect()
}

fn plan() -> Block {
    let row = |what: &str, value: &str| Row { marked: false, cells: vec![Cell::name(what), Cell::text(value)] };
    let rows = vec![
        row("alpha", "0.05"),
        row(
            "what replicates hold fixed",
            "the division into training and test images, the order of the classes, and the images themselves: intervals speak of new seeds, not of new data",
        ),
        row("margin of equivalence", "±0.5 pp, declared before the first result"),
    ];
    let columns = vec![Column::text("what"), Column::text("value").hint("as written in the sweep file")];
    Block::Table(Table { id: "plan".to_owned(), title: "Plan".to_owned(), note: String::new(), columns, rows })
}

/// A report with a bit of everything.
pub(super) fn document() -> Document {
    let section =
        |id: &str, title: &str, tag, blocks| Section { id: id.to_owned(), title: title.to_owned(), tag, blocks };
    let text = |text: &str| Block::Text(text.to_owned());
    let note = |text: &str| Block::Note(text.to_owned());
    let verdicts = vec![
        Block::Lead("Against “unbalanced” on accuracy/perverse (higher is better): 5 better, 1 worse.".to_owned()),
        note("p-values of the paired t-test, adjusted by Holm over 8 comparisons; alpha = 0.05."),
        Block::Claims(claims()),
    ];
    let fold = |summary: &str, open, blocks| Block::Fold { summary: summary.to_owned(), open, blocks };
    let others = vec![
        note("Each is a family of its own in each stratum, and exploratory."),
        fold(
            "loss/balanced: 2 better, 1 worse",
            false,
            vec![Block::Heading("1 epoch".to_owned()), Block::Table(comparisons("loss", 4, 0))],
        ),
        fold("accuracy/train: 1 better", true, vec![Block::Table(comparisons("train", 3, 0))]),
    ];
    let provenance = vec![
        Block::Facts(vec![
            ("sweep".to_owned(), "s1 (finished)".to_owned()),
            ("sweep digest".to_owned(), "6a7c1f0e".repeat(8)),
            ("wall clock".to_owned(), "3 h 12 min".to_owned()),
        ]),
        fold(
            "Sweep file",
            false,
            vec![Block::Code {
                language: "toml",
                text: "name = \"demo\"\n\n[plan]\n  metric = \"accuracy/perverse\"\n".to_owned(),
            }],
        ),
    ];
    let methods = vec![Block::List(vec![
        "SD is the sample standard deviation (divisor n - 1).".to_owned(),
        "Undecided means that these data do not tell better from worse. It does not mean that there is no difference."
            .to_owned(),
    ])];
    let sections = vec![
        section("verdicts", "Verdicts", None, verdicts),
        section("plan", "Plan", None, vec![plan()]),
        section(
            "primary",
            "accuracy/perverse",
            Some("primary metric"),
            vec![Block::Figure(figure()), Block::Table(comparisons("comparisons", 10, 0))],
        ),
        section("all", "All metrics", None, vec![Block::Table(comparisons("wide", 40, 12))]),
        section("other", "Other metrics", None, others),
        section(
            "missing",
            "Missing and diverged trials",
            None,
            vec![text("None: every planned trial completed with finite numbers.")],
        ),
        section("methods", "How to read this", None, methods),
        section("provenance", "Provenance", None, provenance),
    ];
    Document {
        title: "apriori-demo".to_owned(),
        stamps: vec!["PARTIAL: 3 of 50 planned trials have no outcome (3 not finished yet, 0 cancelled).".to_owned()],
        facts: vec![
            "47 of 50 trials completed.".to_owned(),
            "Primary metric: accuracy/perverse (higher is better); baseline: unbalanced.".to_owned(),
        ],
        sections,
    }
}

#[test]
#[ignore = "writes the example documents' files into the folder that SWEEPER_EXAMPLE_REPORT names"]
fn write_example_documents() {
    let dir = std::env::var_os("SWEEPER_EXAMPLE_REPORT").expect("SWEEPER_EXAMPLE_REPORT names a folder");
    for (name, document) in
        [("document", document()), ("large", large(1000, 30)), ("hostile", super::documents::hostile())]
    {
        let dir = std::path::Path::new(&dir).join(name);
        crate::report::write_pieces(&dir, &crate::report::document_pieces(&document).unwrap()).unwrap();
    }
}
