//! `report.html`: one self-contained page of a document. No font and no picture from elsewhere; a content security policy
//! in the page forbids them besides. One small script sorts and filters tables; the page is complete without it. Every
//! text goes through `maud`, which escapes it; only the figures, which our own code draws, are taken as they are.
//!
//! Map: this page the frame · `blocks` pieces of a section · `table` rows and columns · `style.css`, `script.js`.

mod blocks;
mod table;

use super::shown::{id, plain, sentence};
use crate::report::{
    document::{Block, Document, Section},
    figures,
};
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// More sections than this have a table of contents.
const WITHOUT_CONTENTS: usize = 6;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// What the content security policy lets run: the SHA-256 of the script in base64. A test says what it must be.
const SCRIPT_HASH: &str = "sha256-i1yT0H7UrfwO4lH5sDxWsqj1eOsrahwKLeEICjqJNHc=";

/// The page.
#[must_use]
pub fn page(document: &Document) -> String {
    let policy = format!("default-src 'none'; style-src 'unsafe-inline'; script-src '{SCRIPT_HASH}'");
    let verdicts = document.sections.iter().position(|s| has_claims(&s.blocks));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(policy);
                title { (plain(&document.title)) " – significance report" }
                style { (PreEscaped(STYLE)) (PreEscaped(figures::style_sheet())) }
            }
            body {
                main {
                    (head(document))
                    @if document.sections.len() > WITHOUT_CONTENTS { (contents(&document.sections)) }
                    @for (index, section) in document.sections.iter().enumerate() {
                        (self::section(section, verdicts == Some(index)))
                    }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    let mut text = page.into_string();
    text.push('\n');
    text
}

fn head(document: &Document) -> Markup {
    html! {
        header {
            p.kicker { "Significance report" }
            h1 { (plain(&document.title)) }
            p.facts { @for fact in &document.facts { span { (sentence(fact)) } } }
        }
        @for stamp in &document.stamps { p.stamp { (sentence(stamp)) } }
    }
}

fn contents(sections: &[Section]) -> Markup {
    html! {
        nav.contents aria-label="Contents" {
            ul {
                @for section in sections {
                    li { a href={ "#section-" (id(&section.id)) } { (plain(&section.title)) } }
                }
            }
        }
    }
}

fn section(section: &Section, verdicts: bool) -> Markup {
    html! {
        section.verdicts[verdicts] id={ "section-" (id(&section.id)) } {
            h2 { (plain(&section.title)) @if let Some(tag) = section.tag { " " span.tag { (tag) } } }
            @for block in &section.blocks { (blocks::block(block)) }
        }
    }
}

/// Whether verdicts are in it, also inside folds.
fn has_claims(blocks: &[Block]) -> bool {
    blocks.iter().any(|block| match block {
        Block::Claims(claims) => !claims.is_empty(),
        Block::Fold { blocks, .. } => has_claims(blocks),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::{SCRIPT, SCRIPT_HASH};
    use sha2::{Digest, Sha256};

    fn base64(bytes: &[u8]) -> String {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let group = |chunk: &[u8]| {
            let bits = (0..3).fold(0usize, |bits, i| bits << 8 | usize::from(chunk.get(i).copied().unwrap_or(0)));
            (0..4)
                .map(|i| if i > chunk.len() { '=' } else { DIGITS[bits >> (18 - 6 * i) & 63] as char })
                .collect::<String>()
        };
        bytes.chunks(3).map(group).collect()
    }

    #[test]
    fn the_policy_lets_this_script_run() {
        assert_eq!(base64(b"any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw==");
        let hash = format!("sha256-{}", base64(&Sha256::digest(SCRIPT)));
        assert_eq!(SCRIPT_HASH, hash, "after a change of script.js put the right value into SCRIPT_HASH");
    }
}
