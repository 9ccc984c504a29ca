//! `report.tex`: a document as one LaTeX file, for pdflatex, LuaLaTeX and XeLaTeX. Comments mark where each table begins
//! and ends, so that it can be cut out and put into a paper whose preamble loads the same packages.
//!
//! Map: this page the frame and the text · `escape` any text as LaTeX · `table` rows and columns.

pub(crate) mod escape;
pub(crate) mod table;

use super::shown::{id, lines, sentence};
use crate::report::{
    document::{Block, Claim, Document, Figure, Method, Work},
    wording::{Look, shorten},
};
use escape::code_line;
use std::fmt::Write;

/// Longest heading, in characters.
const LONGEST_HEADING: usize = 200;

const PREAMBLE: &str = r"\documentclass[10pt,a4paper,landscape]{article}
\usepackage{iftex}
\ifPDFTeX
  \usepackage[T1]{fontenc}
  \usepackage[utf8]{inputenc}
  \IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}
\else
  \usepackage{fontspec}
\fi
\usepackage{textcomp}
\usepackage{amssymb}
\usepackage[margin=18mm]{geometry}
\usepackage{array}
\usepackage{booktabs}
\usepackage{longtable}
\usepackage{float}
\usepackage{graphicx}
\setlength{\parindent}{0pt}
\setlength{\parskip}{0.5\baselineskip}
\setlength{\emergencystretch}{3em}
\setlength{\belowcaptionskip}{6pt}
\AtBeginDocument{\setlength{\LTcapwidth}{\textwidth}}
\raggedbottom
\setcounter{secnumdepth}{0}
% Small words behind a cell, heads and texts of several lines, lines of code.
\providecommand{\celltag}[1]{{\scriptsize\itshape\,#1}}
\newsavebox{\struckbox}
\providecommand{\struck}[1]{\sbox{\struckbox}{#1}\rlap{\usebox{\struckbox}}\rule[.5ex]{\wd\struckbox}{.4pt}}
\providecommand{\headlines}[2]{\begin{tabular}[b]{@{}#1@{}}#2\end{tabular}}
\providecommand{\celltext}[2]{\parbox[t]{#1}{\raggedright #2\strut}}
\providecommand{\codeline}[1]{{\raggedright\hangindent=2em\ttfamily\footnotesize\mbox{}#1\par}}
";

/// Longest paragraph, in characters; TeX reads lines up to a limit, and a character may take thirty to write.
const LONGEST_TEXT: usize = 5000;

/// The file. Lies on its side, as tables of comparisons are wide. Very long names and texts of cells are cut, with a mark where that is so.
#[must_use]
pub fn latex(document: &Document) -> String {
    let mut out =
        String::from("% Made by sweeper. Compile twice, so that the columns of long tables find their widths.\n");
    out.push_str(PREAMBLE);
    out.push_str("\\begin{document}\n");
    let _ = writeln!(out, "{{\\LARGE\\bfseries\\raggedright {}\\par}}\n", heading(&document.title));
    for stamp in &document.stamps {
        let stamp = text(stamp);
        let _ = writeln!(
            out,
            "\\fbox{{\\parbox{{\\dimexpr\\linewidth-2\\fboxsep-2\\fboxrule}}{{\\bfseries\\raggedright {stamp}}}}}\n"
        );
    }
    list(&mut out, document.facts.iter().map(|fact| text(fact)));
    for section in &document.sections {
        let tag = section.tag.map_or_else(String::new, |tag| format!(" ({})", text(tag)));
        let _ = writeln!(out, "\\section{{{}{tag}}}\\label{{sec:{}}}\n", heading(&section.title), id(&section.id));
        section.blocks.iter().for_each(|block| self::block(&mut out, block));
    }
    out.push_str("\\end{document}\n");
    out
}

fn block(out: &mut String, block: &Block) {
    match block {
        Block::Heading(text) => {
            let _ = writeln!(out, "\\subsection{{{}}}\n", heading(text));
        }
        Block::Lead(text) => {
            let _ = writeln!(out, "\\textbf{{{}}}\n", self::text(text));
        }
        Block::Text(text) => {
            let _ = writeln!(out, "{}\n", self::text(text));
        }
        Block::Note(text) => {
            let _ = writeln!(out, "{{\\small {}\\par}}\n", self::text(text));
        }
        Block::List(items) => list(out, items.iter().map(|item| text(item))),
        Block::Methods(methods) => list(out, methods.iter().map(method)),
        Block::References(works) => references(out, works),
        Block::Claims(claims) => list(out, claims.iter().map(claim)),
        Block::Facts(facts) => {
            list(out, facts.iter().map(|(what, value)| format!("\\textbf{{{}}}: {}", text(what), text(value))))
        }
        Block::Table(table) => table::table(out, table),
        Block::FilesOnly(table) => {
            let _ = writeln!(out, "{{\\small {}\\par}}\n", text(&table.elsewhere()));
        }
        Block::Figure(figure) => self::figure(out, figure),
        Block::Code { text, .. } => {
            for line in lines(text) {
                let _ = writeln!(out, "\\codeline{{{}}}", code_line(&shorten(&line, LONGEST_TEXT)));
            }
            out.push('\n');
        }
        Block::Fold { summary, blocks, .. } => {
            let _ = writeln!(out, "\\subsubsection{{{}}}\n", heading(summary));
            blocks.iter().for_each(|block| self::block(out, block));
        }
    }
}

fn heading(text: &str) -> String {
    self::text(&shorten(text, LONGEST_HEADING))
}

fn text(text: &str) -> String {
    escape::escape(&sentence(&shorten(text, LONGEST_TEXT)))
}

/// Items already escaped; one that is empty or begins with a bracket is guarded against being read as an option.
fn list(out: &mut String, items: impl Iterator<Item = String>) {
    let mut items = items.peekable();
    if items.peek().is_none() {
        return;
    }
    out.push_str("\\begin{itemize}\\raggedright\n");
    items.for_each(|item| {
        let _ = writeln!(out, "  \\item {{}}{item}");
    });
    out.push_str("\\end{itemize}\n\n");
}

/// The text, `\cite` before its end, and the formula.
fn method(method: &Method) -> String {
    let keys: Vec<&str> = method.works.iter().map(|work| work.key).collect();
    let mut out = match keys.is_empty() {
        true => text(&method.text),
        false => format!("{}~\\cite{{{}}}.", text(method.text.trim_end_matches('.')), keys.join(",")),
    };
    if let Some(formula) = method.formula {
        let _ = write!(out, "\n  \\[ {} \\]", formula.tex);
    }
    out
}

/// A list that needs no other program; `references.bib` holds the same for those who have one.
fn references(out: &mut String, works: &[&'static Work]) {
    if works.is_empty() {
        return;
    }
    let _ = writeln!(out, "\\begin{{thebibliography}}{{99}}\\raggedright");
    for work in works {
        let _ = writeln!(out, "  \\bibitem{{{}}} {}", work.key, text(&work.reference()));
    }
    out.push_str("\\end{thebibliography}\n\n");
}

fn claim(claim: &Claim) -> String {
    format!("{}: {}", look(claim.look, claim.look.word()), text(&claim.sentence))
}

/// A verdict; those that decide are bold.
fn look(look: Look, word: &str) -> String {
    match look {
        Look::Better | Look::Worse => format!("\\textbf{{{}}}", text(word)),
        _ => text(word),
    }
}

/// LaTeX does not read SVG: the picture appears where somebody made a PDF of it, else its name does.
fn figure(out: &mut String, figure: &Figure) {
    let file = id(&figure.id);
    let (title, caption) = (heading(&figure.title), text(&figure.caption));
    let _ = writeln!(out, "% figure {file}: begin\n\\begin{{figure}}[H]\n  \\centering");
    let _ = writeln!(
        out,
        "  \\IfFileExists{{figures/{file}.pdf}}{{\\includegraphics[width=\\linewidth,height=0.8\\textheight,keepaspectratio]\
         {{figures/{file}.pdf}}}}{{\\fbox{{\\strut The picture is figures/{file}.svg; it appears here when figures/{file}.pdf exists.}}}}"
    );
    let _ = writeln!(out, "  \\caption{{\\textbf{{{title}}}}}\\label{{fig:{file}}}");
    let _ = writeln!(out, "\\end{{figure}}\n{{\\small {caption}\\par}}\n% figure {file}: end\n");
}
