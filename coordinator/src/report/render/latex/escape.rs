//! Any text as LaTeX that shows it and does nothing else, whatever it holds.

use crate::report::render::shown::plain;

/// A run of this many characters without a space gets places where a line may break.
const LONGEST_RUN: usize = 16;

/// Characters that need words of LaTeX, or that pdflatex has only under a name. Everything else that is not ASCII and not
/// in [`LETTERS`] is shown as its code, e.g. `U+4E2D`.
pub(crate) const SYMBOLS: &[(char, &str)] = &[
    ('\\', "\\textbackslash{}"),
    ('{', "\\{"),
    ('}', "\\}"),
    ('$', "\\$"),
    ('&', "\\&"),
    ('#', "\\#"),
    ('%', "\\%"),
    ('_', "\\_"),
    ('~', "\\textasciitilde{}"),
    ('^', "\\textasciicircum{}"),
    ('<', "\\textless{}"),
    ('>', "\\textgreater{}"),
    ('|', "\\textbar{}"),
    ('"', "\\textquotedbl{}"),
    ('\'', "\\textquotesingle{}"),
    ('`', "\\textasciigrave{}"),
    // Two of them in a row would become one other character.
    ('-', "-{}"),
    (',', ",{}"),
    ('\u{a0}', "~"),
    ('–', "\\textendash{}"),
    ('—', "\\textemdash{}"),
    ('‘', "\\textquoteleft{}"),
    ('’', "\\textquoteright{}"),
    ('“', "\\textquotedblleft{}"),
    ('”', "\\textquotedblright{}"),
    ('„', "\\quotedblbase{}"),
    ('…', "\\textellipsis{}"),
    ('•', "\\textbullet{}"),
    ('·', "\\textperiodcentered{}"),
    ('°', "\\textdegree{}"),
    ('§', "\\S{}"),
    ('©', "\\textcopyright{}"),
    ('®', "\\textregistered{}"),
    ('€', "\\texteuro{}"),
    ('−', "\\ensuremath{-}"),
    ('±', "\\ensuremath{\\pm}"),
    ('×', "\\ensuremath{\\times}"),
    ('÷', "\\ensuremath{\\div}"),
    ('≤', "\\ensuremath{\\leq}"),
    ('≥', "\\ensuremath{\\geq}"),
    ('≠', "\\ensuremath{\\neq}"),
    ('≈', "\\ensuremath{\\approx}"),
    ('∞', "\\ensuremath{\\infty}"),
    ('√', "\\ensuremath{\\surd}"),
    ('∑', "\\ensuremath{\\textstyle\\sum}"),
    ('∈', "\\ensuremath{\\in}"),
    ('¬', "\\ensuremath{\\neg}"),
    ('²', "\\ensuremath{^2}"),
    ('³', "\\ensuremath{^3}"),
    ('¹', "\\ensuremath{^1}"),
    ('←', "\\ensuremath{\\leftarrow}"),
    ('→', "\\ensuremath{\\rightarrow}"),
    ('↑', "\\ensuremath{\\uparrow}"),
    ('↓', "\\ensuremath{\\downarrow}"),
    ('↔', "\\ensuremath{\\leftrightarrow}"),
    ('⇒', "\\ensuremath{\\Rightarrow}"),
    ('▲', "\\ensuremath{\\blacktriangle}"),
    ('▼', "\\ensuremath{\\blacktriangledown}"),
    ('△', "\\ensuremath{\\vartriangle}"),
    ('▽', "\\ensuremath{\\triangledown}"),
    ('○', "\\ensuremath{\\circ}"),
    ('●', "\\ensuremath{\\bullet}"),
    ('■', "\\ensuremath{\\blacksquare}"),
    ('□', "\\ensuremath{\\square}"),
    ('✓', "\\ensuremath{\\checkmark}"),
    ('α', "\\ensuremath{\\alpha}"),
    ('β', "\\ensuremath{\\beta}"),
    ('γ', "\\ensuremath{\\gamma}"),
    ('δ', "\\ensuremath{\\delta}"),
    ('ε', "\\ensuremath{\\varepsilon}"),
    ('ζ', "\\ensuremath{\\zeta}"),
    ('η', "\\ensuremath{\\eta}"),
    ('θ', "\\ensuremath{\\theta}"),
    ('ι', "\\ensuremath{\\iota}"),
    ('κ', "\\ensuremath{\\kappa}"),
    ('λ', "\\ensuremath{\\lambda}"),
    ('μ', "\\ensuremath{\\mu}"),
    ('ν', "\\ensuremath{\\nu}"),
    ('ξ', "\\ensuremath{\\xi}"),
    ('ο', "\\ensuremath{o}"),
    ('π', "\\ensuremath{\\pi}"),
    ('ρ', "\\ensuremath{\\rho}"),
    ('σ', "\\ensuremath{\\sigma}"),
    ('τ', "\\ensuremath{\\tau}"),
    ('υ', "\\ensuremath{\\upsilon}"),
    ('φ', "\\ensuremath{\\varphi}"),
    ('χ', "\\ensuremath{\\chi}"),
    ('ψ', "\\ensuremath{\\psi}"),
    ('ω', "\\ensuremath{\\omega}"),
    ('Γ', "\\ensuremath{\\Gamma}"),
    ('Δ', "\\ensuremath{\\Delta}"),
    ('Θ', "\\ensuremath{\\Theta}"),
    ('Λ', "\\ensuremath{\\Lambda}"),
    ('Ξ', "\\ensuremath{\\Xi}"),
    ('Π', "\\ensuremath{\\Pi}"),
    ('Σ', "\\ensuremath{\\Sigma}"),
    ('Φ', "\\ensuremath{\\Phi}"),
    ('Ψ', "\\ensuremath{\\Psi}"),
    ('Ω', "\\ensuremath{\\Omega}"),
    ('µ', "\\ensuremath{\\mathit{\\mu}}"),
];

/// Letters that every LaTeX of today takes as they are, when its fonts have the encoding T1 or Unicode.
pub(crate) const LETTERS: &str = "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿ\
     ĂăĄąĆćČčĎďĐđĘęĚěĞğİıŁłŃńŇňŐőŒœŔŕŘřŚśŞşŠšŢţŤťŮůŰűŸŹźŻżŽž";

/// One line of text.
pub(super) fn escape(text: &str) -> String {
    let text = plain(text);
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    let mut run = 0usize;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        // After a line's end, `[` and `*` would be read as a part of the command before, over spaces, too.
        if matches!(c, '[' | '*') && out.trim_start().is_empty() {
            out.push('{');
            out.push(c);
            out.push('}');
        } else {
            push(&mut out, c, rest.peek().copied());
        }
        run = if c == ' ' { 0 } else { run + 1 };
        if run >= LONGEST_RUN && rest.peek().is_some_and(|c| *c != ' ') {
            out.push_str("\\allowbreak{}");
            run = LONGEST_RUN / 2;
        }
    }
    out
}

fn push(out: &mut String, c: char, next: Option<char>) {
    match SYMBOLS.iter().find(|(symbol, _)| *symbol == c) {
        Some((symbol @ ('-' | ','), _)) if next != Some(c) => out.push(*symbol),
        Some((_, words)) => out.push_str(words),
        None if c.is_whitespace() => out.push(' '),
        None if c.is_ascii_graphic() || LETTERS.contains(c) => out.push(c),
        None => out.push_str(&code(c)),
    }
}

/// What stands for a character that cannot be shown.
pub(crate) fn code(c: char) -> String {
    format!("U+{:04X}", u32::from(c))
}

/// A line of code: every space is shown.
pub(super) fn code_line(line: &str) -> String {
    let line = line.replace('\t', "    ");
    let indent = line.len() - line.trim_start_matches(' ').len();
    "~".repeat(indent) + &escape(&line[indent..]).replace("  ", "~~")
}

#[cfg(test)]
mod tests {
    use super::{LETTERS, SYMBOLS, code_line, escape};
    use std::collections::BTreeSet;

    #[test]
    fn no_text_is_a_command() {
        assert_eq!(
            escape(r"\input{/etc/passwd} 50% $x_1^2$ #&~"),
            "\\textbackslash{}input\\{/etc/pass\\allowbreak{}wd\\} 50\\% \\$x\\_1\\textasciicircum{}2\\$ \\#\\&\\textasciitilde{}"
        );
        assert_eq!(escape("[0.1, -0.5]"), "{[}0.1, -0.5]");
        assert_eq!((escape("\n [1em]"), escape(" *")), ("  {[}1em]".to_owned(), " {*}".to_owned()));
        assert_eq!(escape("a--b,,c \u{1b}\u{202e}x"), "a-{}-b,{},c   x");
        assert_eq!(escape("中 ≥ é"), "U+4E2D \\ensuremath{\\geq} é");
        assert_eq!(code_line("\ta  = 1"), "~~~~a~~= 1");
    }

    #[test]
    fn every_character_has_one_form_of_its_own() {
        let characters: BTreeSet<char> = SYMBOLS.iter().map(|(c, _)| *c).chain(LETTERS.chars()).collect();
        let words: BTreeSet<&str> = SYMBOLS.iter().map(|(_, words)| *words).collect();
        assert_eq!(characters.len(), SYMBOLS.len() + LETTERS.chars().count());
        assert_eq!(words.len(), SYMBOLS.len());
    }
}
