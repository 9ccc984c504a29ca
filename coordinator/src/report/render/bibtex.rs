//! `references.bib`: the works that a document cites, and no others.

use crate::report::document::Document;

/// BibTeX entries, ordered by their keys; a comment where nothing is cited.
#[must_use]
pub fn bibtex(document: &Document) -> String {
    let entries: Vec<String> = document.works().into_iter().map(|work| work.bibtex()).collect();
    match entries.is_empty() {
        true => "% The report cites nothing.\n".to_owned(),
        false => entries.join("\n"),
    }
}
