//! Pieces of a section.

use super::table::table;
use crate::report::{
    document::{Block, Claim, Figure},
    render::shown::{cited, id, lines, plain, sentence},
    wording::Look,
};
use maud::{Markup, PreEscaped, html};

pub(super) fn block(block: &Block) -> Markup {
    match block {
        Block::Heading(text) => html! { h3 { (plain(text)) } },
        Block::Lead(text) => html! { p.lead { (sentence(text)) } },
        Block::Text(text) => html! { p { (sentence(text)) } },
        Block::Note(text) => html! { p.note { (sentence(text)) } },
        Block::List(items) => html! { ul { @for item in items { li { (sentence(item)) } } } },
        Block::Methods(methods) => html! {
            ul {
                @for method in methods {
                    li {
                        (sentence(&cited(method)))
                        @if let Some(formula) = method.formula { p.formula { (sentence(formula.plain)) } }
                    }
                }
            }
        },
        Block::References(works) => html! {
            h3 { "References" }
            ul { @for work in works { li { (plain(&work.reference())) } } }
        },
        Block::Claims(claims) => html! { ul.claims { @for claim in claims { (self::claim(claim)) } } },
        Block::Facts(facts) => {
            html! { dl { @for (what, value) in facts { div { dt { (plain(what)) } dd { (sentence(value)) } } } } }
        }
        Block::Table(table) => self::table(table),
        Block::FilesOnly(table) => html! { p.note { (sentence(&table.elsewhere())) } },
        Block::Figure(figure) => self::figure(figure),
        Block::Code { text, .. } => html! { pre { (code(text)) } },
        Block::Fold { summary, open, blocks } => html! {
            details open[*open] {
                summary { (sentence(summary)) }
                @for block in blocks { (self::block(block)) }
            }
        },
    }
}

fn claim(claim: &Claim) -> Markup {
    let scope = (!claim.scope.is_empty()).then(|| plain(&claim.scope));
    html! {
        li title=[scope] {
            (badge(claim.look))
            strong { (plain(&claim.subject)) }
            p { (sentence(&claim.evidence)) }
        }
    }
}

/// A shape, a colour and a word: any one of them is enough.
fn badge(look: Look) -> Markup {
    html! { span class={ "badge " (class(look)) } { span.mark aria-hidden="true" { (look.mark()) } (look.word()) } }
}

/// Class that gives the colour.
pub(super) const fn class(look: Look) -> &'static str {
    match look {
        Look::Better => "better",
        Look::Worse => "worse",
        Look::NegligiblyBetter | Look::NegligiblyWorse => "negligible",
        Look::Equivalent => "equivalent",
        Look::Undecided | Look::Equal => "undecided",
        Look::NotMeasured | Look::NotTested => "untested",
    }
}

fn figure(figure: &Figure) -> Markup {
    html! {
        figure id={ "figure-" (id(&figure.id)) } {
            figcaption { strong { (plain(&figure.title)) } " " (sentence(&figure.caption)) }
            div.picture tabindex="0" { (PreEscaped(&figure.svg)) }
        }
    }
}

/// A line break at the beginning of `pre` is not shown, so the text gets one of its own to lose.
fn code(text: &str) -> String {
    lines(text).fold(String::from("\n"), |out, line| out + &line + "\n")
}
