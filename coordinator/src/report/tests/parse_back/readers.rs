//! Tables out of HTML, Markdown and LaTeX.

use crate::report::{
    document::{CellKind, Document},
    render::latex::escape::SYMBOLS,
};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use scraper::{ElementRef, Html, Node, Selector};

/// A table as it was read: heads, and rows of cells with their tags.
#[derive(Debug, PartialEq)]
pub(super) struct ReadTable {
    pub(super) heads: Vec<String>,
    pub(super) rows: Vec<Vec<(String, Vec<String>)>>,
}

fn select<'a>(within: ElementRef<'a>, what: &str) -> Vec<ElementRef<'a>> {
    within.select(&Selector::parse(what).unwrap()).collect()
}

/// Tables of a page. A cell over several columns is one cell and empty ones behind it; the mark of a verdict is no text.
pub(super) fn html(page: &str) -> Vec<ReadTable> {
    let page = Html::parse_document(page);
    let tables = select(page.root_element(), "table").into_iter();
    let text = |cell: ElementRef| cell.text().collect::<String>().trim().to_owned();
    tables
        .map(|table| ReadTable {
            heads: select(table, "thead th").into_iter().map(text).collect(),
            rows: select(table, "tbody tr")
                .into_iter()
                .map(|row| row.child_elements().flat_map(html_cell).collect())
                .collect(),
        })
        .collect()
}

fn html_cell(cell: ElementRef) -> Vec<(String, Vec<String>)> {
    let mut text = String::new();
    for child in cell.children() {
        match child.value() {
            Node::Text(found) => text.push_str(found),
            Node::Element(element) if ["b", "s"].contains(&element.name()) => {
                text.extend(ElementRef::wrap(child).unwrap().text());
            }
            Node::Element(element) => assert!(["i", "small"].contains(&element.name()), "{element:?}"),
            other => panic!("{other:?} in a cell"),
        }
    }
    let tags = select(cell, "small").into_iter().map(|tag| tag.text().collect()).collect();
    let span: usize = cell.attr("colspan").map_or(1, |span| span.parse().unwrap());
    let mut cells = vec![(text.trim().to_owned(), tags)];
    cells.resize(span, (String::new(), Vec::new()));
    cells
}

/// Nothing in a page is an element, or has an attribute, that is not ours.
pub(super) fn only_our_elements(page: &str) {
    const ELEMENTS: &str = "html head meta title style body main header p h1 h2 h3 h4 span nav ul li a section table thead \
         tbody tr th td b s i small wbr div figure figcaption strong svg path details summary dl dt dd pre script";
    const ATTRIBUTES: &str = "lang charset name content http-equiv class id href aria-label aria-hidden aria-labelledby \
         scope colspan title tabindex role open xmlns viewBox d";
    let elements: Vec<&str> = ELEMENTS.split_whitespace().collect();
    let attributes: Vec<&str> = ATTRIBUTES.split_whitespace().collect();
    let page = Html::parse_document(page);
    assert_eq!(select(page.root_element(), "script").len(), 1);
    for node in page.tree.nodes() {
        match node.value() {
            Node::Element(element) => {
                assert!(elements.contains(&element.name()), "{element:?}");
                element.attrs().for_each(|(name, value)| {
                    assert!(attributes.contains(&name), "{element:?}");
                    assert!(name != "href" || value.starts_with('#'), "{element:?}");
                });
            }
            Node::Comment(comment) => panic!("{comment:?}"),
            _ => {}
        }
    }
    let text: String = page.root_element().text().collect();
    assert!(!text.chars().any(|c| (c.is_control() && !"\n\t".contains(c)) || ('\u{202a}'..='\u{202e}').contains(&c)));
}

fn events(markdown: &str) -> Parser<'_> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_MATH
        | Options::ENABLE_GFM;
    Parser::new_ext(markdown, options)
}

/// Tables of a Markdown text; in their cells is nothing but text.
pub(super) fn markdown(markdown: &str) -> Vec<ReadTable> {
    let mut tables: Vec<ReadTable> = Vec::new();
    let mut row: Vec<(String, Vec<String>)> = Vec::new();
    let mut cell: Option<String> = None;
    for event in events(markdown) {
        match event {
            Event::Start(Tag::Table(_)) => tables.push(ReadTable { heads: Vec::new(), rows: Vec::new() }),
            Event::Start(Tag::TableHead | Tag::TableRow) => row.clear(),
            Event::Start(Tag::TableCell) => cell = Some(String::new()),
            Event::Text(text) => cell.iter_mut().for_each(|cell| cell.push_str(&text)),
            // A number that does not hold.
            Event::Start(Tag::Strikethrough) | Event::End(TagEnd::Strikethrough) => assert!(cell.is_some()),
            Event::End(TagEnd::TableCell) => row.push(tags(&cell.take().unwrap())),
            Event::End(TagEnd::TableHead) => {
                tables.last_mut().unwrap().heads = row.drain(..).map(|(head, _)| head).collect();
            }
            Event::End(TagEnd::TableRow) => tables.last_mut().unwrap().rows.push(std::mem::take(&mut row)),
            other => assert!(cell.is_none(), "{other:?} in a cell"),
        }
    }
    tables
}

/// `1.5 (few, baseline)` as text and tags; other brackets are text.
fn tags(cell: &str) -> (String, Vec<String>) {
    const TAGS: [&str; 6] = ["few", "survivors", "baseline", "clamped", "void", "always valid"];
    let found =
        cell.strip_suffix(')').and_then(|rest| rest.rsplit_once('(')).map(|(text, tags)| (text, tags.split(", ")));
    match found {
        Some((text, tags)) if tags.clone().all(|tag| TAGS.contains(&tag)) => {
            (text.trim().to_owned(), tags.map(str::to_owned).collect())
        }
        _ => (cell.trim().to_owned(), Vec::new()),
    }
}

/// No text makes HTML, links, pictures, formulas, headings or rules: only the document does.
pub(super) fn only_our_markdown(markdown: &str, document: &Document) {
    let mut headings = 0;
    let mut images = 0;
    let mut struck = 0;
    for event in events(markdown) {
        match event {
            Event::Start(Tag::Heading { .. }) => headings += 1,
            Event::Start(Tag::Strikethrough) => struck += 1,
            Event::Start(Tag::Image { dest_url, .. }) => {
                images += 1;
                assert!(dest_url.starts_with("figures/t") && dest_url.ends_with(".svg"));
            }
            Event::Html(html) => {
                let ours = ["<details>", "<details open>", "</details>", "<summary>"];
                let text = html.trim();
                assert!(ours.iter().any(|tag| text.starts_with(tag)), "{text}");
                let inner = text.trim_start_matches("<summary>").trim_end_matches("</summary>");
                assert!(ours.contains(&text) || !inner.contains('<'), "{text}");
            }
            Event::Start(Tag::Link { .. } | Tag::BlockQuote(Some(_)) | Tag::FootnoteDefinition(_) | Tag::Emphasis)
            | Event::InlineHtml(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::Code(_)
            | Event::Rule
            | Event::FootnoteReference(_)
            | Event::TaskListMarker(_)
            | Event::HardBreak => panic!("{event:?}"),
            _ => {}
        }
    }
    let tables = document.tables().len();
    assert_eq!(images, document.figures().len());
    let shown = document.tables().into_iter().filter(|(_, table)| !table.columns.is_empty());
    let cells = shown.flat_map(|(_, table)| &table.rows).flat_map(|row| &row.cells);
    assert_eq!(struck, cells.filter(|c| c.kind == CellKind::Struck && !c.shown.trim().is_empty()).count());
    assert!(headings > document.sections.len() + tables);
}

/// The character that a word of LaTeX shows.
pub(super) fn symbol(c: char) -> Option<&'static str> {
    SYMBOLS.iter().find(|(symbol, _)| *symbol == c).map(|(_, words)| *words)
}

/// Braces and environments close in order, and nothing opens that we do not open.
pub(super) fn balanced(latex: &str) {
    let body = latex.split_once("\\begin{document}").unwrap().1;
    let body = body.replace("\\\\", "").replace("\\{", "").replace("\\}", "").replace("\\%", "");
    let mut depth = 0usize;
    for c in body.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.checked_sub(1).expect("no brace closes that was not opened"),
            _ => {}
        }
    }
    assert_eq!(depth, 0);
    assert_eq!(body.matches("\\end{document}").count(), 1);
    for word in ["\\input", "\\write", "\\csname", "\\immediate", "\\catcode"] {
        assert!(!body.contains(word), "{word}");
    }
}

/// Tables between the comments that mark them; parts of one table put together.
pub(super) fn latex(latex: &str) -> Vec<ReadTable> {
    let mut tables: Vec<ReadTable> = Vec::new();
    let mut named = false;
    for piece in latex.split("\n% table ").skip(1).filter(|piece| piece.lines().next().unwrap().ends_with(": begin")) {
        let first = !piece.lines().next().unwrap().contains(" part ") || piece.contains(" part 1 of ");
        let long = piece.contains("\\begin{longtable}");
        let (begin, rows, end) = if long {
            ("\\toprule\n", "\\endlastfoot\n", "\\end{longtable}")
        } else {
            ("\\toprule\n", "% rows\n", "\\bottomrule")
        };
        let heads = piece.split_once(begin).unwrap().1.split_once(" \\\\\n\\midrule").unwrap().0;
        let heads: Vec<String> = latex_row(heads).into_iter().map(|(text, _)| text).collect();
        let rows = piece.split_once(rows).unwrap().1.split_once(end).unwrap().0;
        let rows: Vec<_> = rows.split_terminator(" \\\\\n").map(latex_row).collect();
        if first {
            named = false;
            tables.push(ReadTable { heads, rows });
            continue;
        }
        let table = tables.last_mut().unwrap();
        // A part after the first repeats the names where there are names.
        named = named || rows.first().zip(table.rows.first()).is_some_and(|(row, before)| row[0] == before[0]);
        let skip = usize::from(named && heads[0] == table.heads[0]);
        table.heads.extend(heads.into_iter().skip(skip));
        for (row, more) in table.rows.iter_mut().zip(rows) {
            row.extend(more.into_iter().skip(skip));
        }
    }
    tables
}

/// What a piece of LaTeX shows.
#[derive(Default)]
struct Shown {
    cells: Vec<(String, Vec<String>)>,
}

impl Shown {
    fn push(&mut self, text: &str) {
        self.cells.last_mut().unwrap().0.push_str(text);
    }
}

fn latex_row(line: &str) -> Vec<(String, Vec<String>)> {
    let mut shown = Shown { cells: vec![Default::default()] };
    read(line, &mut shown);
    for (text, _) in &mut shown.cells {
        *text = text.split_whitespace().collect::<Vec<&str>>().join(" ").replace('−', "-");
    }
    shown.cells
}

/// The inside of the group that `text` begins with, and what follows.
fn group(text: &str) -> (&str, &str) {
    let mut depth = 0;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            '{' if !escaped => depth += 1,
            '}' if !escaped => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return (&text[1..at], &text[at + 1..]);
        }
        escaped = c == '\\' && !escaped;
    }
    panic!("a group does not end: {text}");
}

fn read(mut text: &str, shown: &mut Shown) {
    while let Some(c) = text.chars().next() {
        let found = SYMBOLS.iter().filter(|(_, words)| text.starts_with(words)).max_by_key(|(_, words)| words.len());
        text = if let Some((symbol, words)) = found {
            shown.push(&symbol.to_string());
            &text[words.len()..]
        } else if let Some(rest) = text.strip_prefix("\\allowbreak{}") {
            rest
        } else if let Some(rest) = text.strip_prefix("\\\\") {
            shown.push(" ");
            rest
        } else if let Some(rest) = text.strip_prefix("\\textbf").or_else(|| text.strip_prefix("\\struck")) {
            let (inner, rest) = group(rest);
            read(inner, shown);
            rest
        } else if let Some(rest) = text.strip_prefix("\\headlines").or_else(|| text.strip_prefix("\\celltext")) {
            let (inner, rest) = group(group(rest).1);
            read(inner, shown);
            rest
        } else if let Some(rest) = text.strip_prefix("\\multicolumn") {
            let (span, rest) = group(rest);
            let (inner, rest) = group(group(rest).1);
            read(inner, shown);
            let cells = shown.cells.len() - 1 + span.parse::<usize>().unwrap();
            shown.cells.resize_with(cells, Default::default);
            rest
        } else if let Some(rest) = text.strip_prefix("\\celltag") {
            let (tag, rest) = group(rest);
            shown.cells.last_mut().unwrap().1.push(tag.to_owned());
            rest
        } else if c == '{' {
            let (inner, rest) = group(text);
            shown.push(inner);
            rest
        } else {
            assert!(!"\\}#$%_^".contains(c), "{text}");
            match c {
                '&' => shown.cells.push(Default::default()),
                c => shown.push(&c.to_string()),
            }
            &text[c.len_utf8()..]
        };
    }
}
