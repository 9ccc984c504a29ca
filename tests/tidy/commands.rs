//! Finds the commands that documents and scripts show, so that they can be held against the executables' own help.

use std::collections::BTreeSet;

/// One use of an executable: where, which one, its words up to the end of the command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Use {
    /// File and line.
    pub place: String,
    /// `sweeper` or `sweeper-worker`.
    pub executable: String,
    /// What follows it.
    pub words: Vec<String>,
}

/// Long options in a help text.
pub(crate) fn options_in(help: &str) -> BTreeSet<String> {
    help.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
        .filter(|word| word.starts_with("--") && word.len() > 2)
        .map(str::to_owned)
        .collect()
}

/// The commands in a help text's list of subcommands: the first word of each indented line below `Commands:`.
pub(crate) fn subcommands_in(help: &str) -> BTreeSet<String> {
    let list = help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    let list = list.take_while(|line| line.starts_with(' ') || line.is_empty());
    list.filter(|line| line.starts_with("  ") && !line.starts_with("    "))
        .filter_map(|line| Some(line.split_whitespace().next()?.to_owned()))
        .collect()
}

/// Every use of an executable in a file. Of Markdown, code alone is read: prose may talk about `sweeper` freely.
pub(crate) fn uses(file: &str, text: &str) -> Vec<Use> {
    let mut found = Vec::new();
    for (line, code) in code_lines(text, file.ends_with(".md")) {
        let words: Vec<&str> = code.split_whitespace().collect();
        for (at, word) in words.iter().enumerate() {
            let name = bare(word).rsplit(['/', '=']).next().unwrap_or_default().to_owned();
            if name == "sweeper" || name == "sweeper-worker" {
                let place = format!("{file}:{line}");
                found.push(Use { place, executable: name, words: arguments(&words[at + 1..]) });
            }
        }
    }
    found
}

/// A word without the quotes and brackets around it.
fn bare(word: &str) -> &str {
    word.trim_matches(['"', '\'', '`', '[', ']', '(', ')', ','])
}

/// The words of one command: up to a pipe, a separator or a comment.
fn arguments(words: &[&str]) -> Vec<String> {
    let mut taken = Vec::new();
    for word in words {
        if ["|", "||", "&&", "&", ";", ">", "2>"].contains(word) || word.starts_with('#') {
            break;
        }
        let last = word.ends_with([';', '`', ')', ']']);
        taken.push(bare(word).trim_end_matches([';', '`', '.']).to_owned());
        if last {
            break;
        }
    }
    taken
}

/// Numbered lines of code, with those that end in a backslash joined to the next.
fn code_lines(text: &str, markdown: bool) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let (mut fenced, mut continues) = (false, false);
    for (number, line) in text.lines().enumerate() {
        if markdown && line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        if markdown && !fenced {
            // Inline code: what stands between an odd backtick and the next.
            lines.extend(line.split('`').skip(1).step_by(2).map(|code| (number + 1, code.to_owned())));
            continue;
        }
        let part = line.trim_end().trim_end_matches('\\');
        match lines.last_mut().filter(|_| continues) {
            Some((_, whole)) => *whole = format!("{whole} {part}"),
            None => lines.push((number + 1, part.to_owned())),
        }
        continues = line.trim_end().ends_with('\\');
    }
    lines
}
