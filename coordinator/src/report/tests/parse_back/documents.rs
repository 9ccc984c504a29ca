//! Documents at random, with texts that try to be more than text.

use crate::report::{
    document::{Block, Cell, CellKind, Claim, Column, Document, Figure, Row, Section, Table},
    number,
    wording::Look,
};
use proptest::prelude::*;

/// Texts that mean something to one of the formats.
pub(super) const HOSTILE: [&str; 34] = [
    "",
    " ",
    "<script>alert(1)</script>",
    "</td></table><img src=x onerror=alert(1)>",
    "</style></script><!-- ",
    "=cmd()",
    "=HYPERLINK(\"x\")",
    "+1",
    "-1",
    "@sum",
    "'=quoted",
    "＝full",
    "a | b",
    "a \\| b \\\\| c",
    "line\nbreak\r\nand more\r",
    "\u{1b}[31mred\u{1b}[0m \u{202e}drawkcab\u{2066} \0",
    "**bold** _and_ ~struck~ ~~twice~~ &amp; &#60; `code` ``x``",
    "[link](javascript:x) ![picture](x) [ref][1] [^1] [x] $a$ $$b$$",
    "# heading #",
    "- item\n1. one",
    "12. twelve",
    "> quote",
    "| a |\n|---|\n| b |",
    "---",
    "\\input{/etc/passwd}",
    "\\immediate\\write18{id} \\csname end\\endcsname",
    "% comment\n\\end{document}",
    "}} {{ \\end{tabular} & \\\\ \\\\[1em] \\\\*",
    "[1em] [0.1, -0.5]*",
    "50% of $x_1^2$ & #1 ~ ^ ^^M \\",
    "`` '' -- --- ,, << >> ?` !`",
    "ΔΩ αβ ≥ ≤ − ± → ← ▲▼○≈△▽ “x” … é ß ł 中文 🦀 e\u{301}",
    "% table t0: end",
    "very_long/name-with.many,parts=of_all_kinds_and_no_space_at_all_0123456789_0123456789_0123456789",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(HOSTILE.to_vec()).prop_map(str::to_owned),
        2 => "\\PC{0,24}",
        2 => "[a-z ,.\\-]{1,30}",
        1 => "[<>&\"'`*_|~$!#%^{}\\[\\]()\\\\=+@\\- \n]{1,16}",
        1 => ".{0,12}",
    ]
}

/// Also names of ten thousand bytes.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        30 => text(),
        1 => Just("x<".repeat(5 * 1024)),
        1 => Just("\\{".repeat(5 * 1024)),
        1 => Just("a b ".repeat(2560)),
    ]
}

fn look() -> impl Strategy<Value = Look> {
    prop::sample::select(Look::ALL.to_vec())
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        prop::num::f64::NORMAL,
        prop::num::f64::ZERO | prop::num::f64::SUBNORMAL,
        -1e3f64..1e3,
        Just(f64::INFINITY)
    ]
}

fn numbers() -> impl Strategy<Value = Cell> {
    (value(), prop::option::of((value(), value())), any::<bool>(), 0usize..5).prop_map(|(v, interval, strong, d)| {
        let shown = if strong { number::signed(v, d) } else { number::fixed(v, d) };
        let (shown, values) = match interval {
            Some((a, b)) => (format!("{shown} [{}, {}]", number::fixed(a, d), number::fixed(b, d)), vec![v, a, b]),
            None => (shown, vec![v]),
        };
        if strong { Cell::strong(shown, values) } else { Cell::number(shown, values) }
    })
}

fn cell() -> impl Strategy<Value = Cell> {
    let plain = prop_oneof![
        6 => numbers(),
        1 => (text(), prop::collection::vec(value(), 0..3)).prop_map(|(shown, values)| Cell::number(shown, values)),
        1 => text().prop_map(Cell::text),
        1 => name().prop_map(Cell::name),
        2 => prop::sample::select(vec!["", "", "not measured", "constant difference"]).prop_map(Cell::missing),
        1 => text().prop_map(Cell::missing),
        1 => look().prop_map(Cell::verdict),
    ];
    (plain, prop::collection::vec(prop::sample::select(vec!["few", "survivors", "baseline"]), 0..2))
        .prop_map(|(cell, tags)| tags.into_iter().fold(cell, |cell, tag| cell.tag(true, tag)))
}

fn table() -> impl Strategy<Value = Table> {
    (1usize..14, prop_oneof![4 => 0usize..5, 1 => 29usize..40], any::<bool>()).prop_flat_map(
        |(columns, rows, named)| {
            let column =
                (text(), any::<bool>(), prop::sample::select(vec!["", "what it means", "50 % & more_of <it>"]))
                    .prop_map(|(head, numeric, hint)| Column { head, hint, numeric });
            let first = if named { name().prop_map(Cell::name).boxed() } else { cell().boxed() };
            let row =
                (any::<bool>(), first, prop::collection::vec(cell(), columns - 1)).prop_map(|(marked, first, rest)| {
                    let cells = std::iter::once(first).chain(rest).collect();
                    Row { marked, cells }
                });
            (text(), text(), prop::collection::vec(column, columns), prop::collection::vec(row, rows))
                .prop_map(|(title, note, columns, rows)| Table { id: String::new(), title, note, columns, rows })
        },
    )
}

fn leaf() -> impl Strategy<Value = Block> {
    let texts = || prop::collection::vec(text(), 0..3);
    let claim = (look(), name(), text(), text(), text()).prop_map(|(look, subject, evidence, sentence, scope)| Claim {
        look,
        subject,
        evidence,
        sentence,
        scope,
    });
    let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 9 9\"><path d=\"M1 1h7\"/></svg>";
    prop_oneof![
        text().prop_map(Block::Heading),
        text().prop_map(Block::Lead),
        text().prop_map(Block::Text),
        text().prop_map(Block::Note),
        texts().prop_map(Block::List),
        prop::collection::vec(claim, 0..3).prop_map(Block::Claims),
        prop::collection::vec((text(), name()), 0..3).prop_map(Block::Facts),
        text().prop_map(|text| Block::Code { language: "toml", text }),
        (text(), text()).prop_map(move |(title, caption)| {
            Block::Figure(Figure { id: String::new(), title, caption, svg: svg.to_owned(), file: String::new() })
        }),
    ]
}

fn block() -> impl Strategy<Value = Block> {
    prop_oneof![3 => table().prop_map(Block::Table), 4 => leaf()].prop_recursive(1, 4, 3, |inner| {
        (text(), any::<bool>(), prop::collection::vec(inner, 0..3)).prop_map(|(summary, open, blocks)| Block::Fold {
            summary,
            open,
            blocks,
        })
    })
}

/// Any document.
pub(super) fn documents() -> impl Strategy<Value = Document> {
    let texts = || prop::collection::vec(text(), 0..3);
    let section = (text(), prop::option::of(Just("primary metric")), prop::collection::vec(block(), 0..4))
        .prop_map(|(title, tag, blocks)| Section { id: String::new(), title, tag, blocks });
    (name(), texts(), texts(), prop::collection::vec(section, 0..9)).prop_map(|(title, stamps, facts, mut sections)| {
        let mut next = 0;
        for (index, section) in sections.iter_mut().enumerate() {
            section.id = format!("s{index}");
            section.blocks.iter_mut().for_each(|block| number_ids(block, &mut next));
        }
        Document { title, stamps, facts, sections }
    })
}

/// Every table and figure an id of its own.
fn number_ids(block: &mut Block, next: &mut usize) {
    match block {
        Block::Table(Table { id, .. }) | Block::Figure(Figure { id, .. }) => {
            *id = format!("t{next}");
            *next += 1;
        }
        Block::Fold { blocks, .. } => blocks.iter_mut().for_each(|block| number_ids(block, next)),
        _ => {}
    }
}

/// A document of the texts above in every place that takes one.
pub(super) fn hostile() -> Document {
    let long = "x<\\".repeat(3 * 1024);
    let texts: Vec<String> = HOSTILE.iter().map(|t| (*t).to_owned()).chain([long]).collect();
    let row = |text: &String| Row {
        marked: false,
        cells: vec![
            Cell::name(text.clone()),
            Cell { kind: CellKind::Number, ..Cell::text(text.clone()) }.tag(true, "few"),
            Cell { kind: CellKind::Struck, ..Cell::text(text.clone()) }.tag(true, "void"),
            Cell::missing(text.clone()),
            Cell::text(text.clone()),
        ],
    };
    let heads = |i: usize| Column {
        head: texts[(i * 7) % texts.len()].clone(),
        hint: "50 % & more_of <it>",
        numeric: i % 2 == 1,
    };
    let table = |id: &str, rows: Vec<Row>| {
        let note = texts.join(" ");
        Block::Table(Table { id: id.to_owned(), title: note.clone(), note, columns: (0..5).map(heads).collect(), rows })
    };
    let claim = |text: &String| Claim {
        look: Look::Better,
        subject: text.clone(),
        evidence: text.clone(),
        sentence: text.clone(),
        scope: text.clone(),
    };
    let rows: Vec<Row> = texts.iter().map(row).collect();
    let mut blocks: Vec<Block> =
        texts.iter().cloned().flat_map(|t| [Block::Heading(t.clone()), Block::Lead(t)]).collect();
    blocks.extend(texts.iter().cloned().flat_map(|t| [Block::Text(t.clone()), Block::Note(t)]));
    blocks.push(Block::List(texts.clone()));
    blocks.push(Block::Claims(texts.iter().map(claim).collect()));
    blocks.push(Block::Facts(texts.iter().map(|t| (t.clone(), t.clone())).collect()));
    blocks.push(Block::Code { language: "toml", text: texts.join("\n") });
    blocks.push(table("short", rows[..5].to_vec()));
    blocks.push(table("long", rows));
    blocks.push(Block::Figure(Figure {
        id: "one".to_owned(),
        title: texts.join(" "),
        caption: texts.join(" "),
        svg: String::new(),
        file: String::new(),
    }));
    blocks.push(Block::Fold { summary: texts.join(" "), open: true, blocks: Vec::new() });
    let sections = texts.iter().enumerate().map(|(index, text)| Section {
        id: format!("s{index}"),
        title: text.clone(),
        tag: Some("primary metric"),
        blocks: if index == 0 { blocks.clone() } else { Vec::new() },
    });
    Document { title: texts.join(" "), stamps: texts.clone(), facts: texts.clone(), sections: sections.collect() }
}
