//! Whether LaTeX takes what we write.

use super::{documents, example};
use crate::report::{
    document::{Block, Document},
    render::{latex, latex::escape},
};
use std::{fs, process::Command};

/// Compiles twice; answers with the log, or none where there is no pdflatex.
fn compile(name: &str, document: &Document) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("report.tex"), latex::latex(document)).unwrap();
    for _ in 0..2 {
        let mut command = Command::new("pdflatex");
        command.args(["-no-shell-escape", "-halt-on-error", "-interaction=nonstopmode", "report.tex"]);
        let Ok(output) = command.current_dir(folder.path()).output() else {
            println!("SKIPPED: there is no pdflatex here, so nothing tells whether {name} compiles");
            return None;
        };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let error: Vec<&str> = text.lines().skip_while(|line| !line.starts_with('!')).take(12).collect();
        assert!(output.status.success(), "{name}: {}", error.join("\n"));
    }
    let log = fs::read(folder.path().join("report.log")).unwrap();
    Some(String::from_utf8_lossy(&log).into_owned())
}

/// Texts wider than the page by more than a hair, in points.
fn overfull(log: &str) -> Vec<f64> {
    let over = log.lines().filter_map(|line| line.strip_prefix("Overfull \\hbox (")?.split_once("pt"));
    over.filter_map(|(points, _)| points.parse().ok()).filter(|points| *points > 1.0).collect()
}

#[test]
fn an_ordinary_report_compiles_and_fits_its_pages() {
    let Some(log) = compile("an ordinary report", &example::document()) else { return };
    assert_eq!(overfull(&log), [0.0; 0]);
    assert!(!log.contains("undefined") && !log.contains("multiply defined"), "{log}");
}

#[test]
fn hostile_texts_compile() {
    let Some(log) = compile("a report of hostile texts", &documents::hostile()) else { return };
    assert!(!log.contains("Missing character"), "{log}");
}

#[test]
fn every_character_that_is_passed_on_is_in_the_fonts() {
    let characters = escape::SYMBOLS.iter().map(|(c, _)| *c).chain(escape::LETTERS.chars());
    let mut document = example::document();
    document.sections.truncate(1);
    document.sections[0].blocks = characters.map(|c| Block::Text(format!("{c} {c}{c}"))).collect();
    let Some(log) = compile("every character", &document) else { return };
    assert!(!log.contains("Missing character"), "{log}");
}
