//! `report.html`: one self-contained page. No script, no font, no picture from elsewhere; a content security policy
//! in the page forbids them besides. Every text goes through `maud`, which escapes it.

mod plot;
mod section;
mod tables;

use crate::report::{
    Analysis, Comparison, Family, Role, Stratum, text,
    wording::{self, Look, display_name, verdict_order},
};
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// More comparisons than this are folded by verdict.
const UNFOLDED: usize = 24;

/// The page.
#[must_use]
pub fn html(analysis: &Analysis) -> String {
    let style = PreEscaped(include_str!("style.css"));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { (display_name(&analysis.name)) " – significance report" }
                style { (style) }
            }
            body {
                main {
                    (head(analysis))
                    (verdict_box(analysis))
                    (section::primary(analysis))
                    (section::overview(analysis))
                    (section::secondary(analysis))
                    (section::exceptions(analysis))
                    (section::how_to_read(analysis))
                    (section::provenance(analysis))
                }
            }
        }
    };
    let mut text = page.into_string();
    text.push('\n');
    text
}

fn head(analysis: &Analysis) -> Markup {
    let p = &analysis.provenance;
    html! {
        header {
            p.kicker { "Significance report" }
            h1 { (display_name(&analysis.name)) }
            p.facts {
                span { (wording::counts(&analysis.counts)) }
                span { (text::question(analysis)) }
                @for (whose, note) in text::notes(analysis) { span { "Note on " (whose) ": " (note) } }
                span { "Submitted " (p.submitted) @if let Some(closed) = &p.closed { ", closed " (closed) } "." }
            }
        }
        @if analysis.partial { p.stamp { (wording::partial_stamp(analysis)) } }
        @if let Some(warning) = text::determinism_warning(analysis) { p.stamp { (warning) } }
    }
}

fn verdict_box(analysis: &Analysis) -> Markup {
    html! {
        section.verdicts {
            h2 { "Verdicts" }
            @for stratum in &analysis.strata { (stratum_verdicts(analysis, stratum)) }
        }
    }
}

fn stratum_verdicts(analysis: &Analysis, stratum: &Stratum) -> Markup {
    let family = stratum.families.iter().find(|f| f.role == Role::Primary);
    html! {
        (stratum_heading(stratum))
        @if let Some(family) = family {
            p.lead { (text::family_line(analysis, family)) }
            p.note { (text::correction_line(analysis, family)) }
            @if family.comparisons.len() > UNFOLDED { (folded(family)) } @else {
                ul.claims { @for comparison in verdict_order(family) { (claim(comparison)) } }
            }
        }
    }
}

/// One fold per kind of verdict; the decided ones open.
fn folded(family: &Family) -> Markup {
    let of = |look| family.comparisons.iter().filter(move |c| Look::of(&c.result) == look);
    html! {
        @for look in Look::ALL {
            @let count = of(look).count();
            @if count > 0 {
                details open[matches!(look, Look::Better | Look::Worse)] {
                    summary { (badge(look)) " " (count) }
                    ul.claims { @for comparison in of(look) { (claim(comparison)) } }
                }
            }
        }
    }
}

fn claim(comparison: &Comparison) -> Markup {
    html! {
        li {
            (badge(Look::of(&comparison.result)))
            strong { (display_name(&comparison.config)) }
            p { (minus(&comparison.evidence)) }
        }
    }
}

/// A shape, a colour and a word: any one of them is enough.
fn badge(look: Look) -> Markup {
    html! { span class={ "badge " (class(look)) } { span.mark aria-hidden="true" { (look.mark()) } (look.word()) } }
}

/// Class that gives the colour.
fn class(look: Look) -> &'static str {
    match look {
        Look::Better => "better",
        Look::Worse => "worse",
        Look::Undecided | Look::Equal => "undecided",
        Look::NotMeasured | Look::NotTested => "untested",
    }
}

fn stratum_heading(stratum: &Stratum) -> Markup {
    html! { @if !stratum.name.is_empty() { h3 { (display_name(&stratum.name)) } } }
}

/// Numbers with a true minus sign: a hyphen before a digit that follows a space, a bracket or nothing.
fn minus(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let number = c == '-' && matches!(before, ' ' | '[' | '(') && rest.peek().is_some_and(char::is_ascii_digit);
        out.push(if number { '−' } else { c });
        before = c;
    }
    out
}
