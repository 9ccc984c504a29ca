//! What lies in a report's folder.

use crate::report::{Piece, ReportError, write_pieces};
use std::{fs, path::Path};

fn piece(name: &str, content: &str) -> Piece {
    Piece { name: name.to_owned(), content: content.to_owned() }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn pictures_of_an_earlier_report_go_and_other_files_stay() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("out");
    write_pieces(&dir, &[piece("report.tex", "1"), piece("figures/a.svg", "a"), piece("figures/b.svg", "b")]).unwrap();
    fs::write(dir.join("figures/a.pdf"), "mine").unwrap();
    fs::write(dir.join("mine.svg"), "mine").unwrap();
    let written = write_pieces(&dir, &[piece("report.tex", "2"), piece("figures/b.svg", "c")]).unwrap();
    assert_eq!(written, [dir.join("report.tex"), dir.join("figures/b.svg")]);
    assert_eq!(names(&dir), ["figures", "mine.svg", "report.tex"]);
    assert_eq!(names(&dir.join("figures")), ["a.pdf", "b.svg"]);
    assert_eq!(fs::read_to_string(&written[0]).unwrap(), "2");
    assert_eq!(fs::read_to_string(&written[1]).unwrap(), "c");
    write_pieces(&dir, &[piece("report.tex", "3")]).unwrap();
    assert_eq!(names(&dir.join("figures")), ["a.pdf"], "a report without pictures leaves none of an earlier one");
}

#[test]
fn a_file_where_the_pictures_belong_is_an_error_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("figures"), "").unwrap();
    let error = write_pieces(folder.path(), &[piece("figures/a.svg", "a")]).unwrap_err();
    assert!(matches!(&error, ReportError::Folder { path, .. } if path.ends_with("figures")), "{error}");
}
