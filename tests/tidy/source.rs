//! Reading the tree as text: which files there are, code without comments and strings, how long functions are.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The top level of the tree; what lies beside it is nobody's source.
const ROOTS: [&str; 8] = [".cargo", ".ci", "coordinator", "deploy", "docs", "proto", "tests", "worker"];

/// The checkout.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every source file, as a path relative to the root with `/` between its parts, sorted.
pub(crate) fn files() -> Vec<String> {
    let mut found: Vec<PathBuf> = entries(root()).into_iter().filter(|p| p.is_file()).collect();
    let mut folders: Vec<PathBuf> = ROOTS.iter().map(|name| root().join(name)).filter(|p| p.is_dir()).collect();
    while let Some(folder) = folders.pop() {
        for entry in entries(&folder) {
            let name = entry.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            // Downloads, build outputs and editors' files: the ignored ones.
            if name.starts_with('.') || name == "target" || name == "__pycache__" || name.ends_with(".snap.new") {
                continue;
            }
            if entry.is_dir() { folders.push(entry) } else { found.push(entry) }
        }
    }
    let mut relative: Vec<String> = found.iter().map(|p| relative(p)).collect();
    relative.sort();
    relative
}

/// Names in a folder, sorted; none where there is no such folder.
pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.sort();
    found
}

/// A path relative to the root.
pub(crate) fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().into_owned()
}

/// A file's text; `None` for what is not text.
pub(crate) fn text(file: &str) -> Option<String> {
    String::from_utf8(fs::read(root().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))).ok()
}

/// The same source with the inside of comments, strings and character literals blanked; lines stay where they are.
pub(crate) fn code_only(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < chars.len() {
        let end = if chars[at..].starts_with(&['/', '/']) {
            (at..chars.len()).find(|&i| chars[i] == '\n').unwrap_or(chars.len())
        } else if chars[at..].starts_with(&['/', '*']) {
            end_of_block_comment(&chars, at)
        } else if let Some(end) = end_of_literal(&chars, at) {
            end
        } else {
            out.push(chars[at]);
            at += 1;
            continue;
        };
        out.extend(chars[at..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    out
}

fn end_of_block_comment(chars: &[char], start: usize) -> usize {
    let (mut depth, mut at) = (0, start);
    while at < chars.len() {
        if chars[at..].starts_with(&['/', '*']) {
            depth += 1;
            at += 2;
        } else if chars[at..].starts_with(&['*', '/']) {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    chars.len()
}

/// Where a string, raw string or character literal that begins at `start` ends; `None` if none begins there.
fn end_of_literal(chars: &[char], start: usize) -> Option<usize> {
    let after_name = start > 0 && (chars[start - 1].is_alphanumeric() || chars[start - 1] == '_');
    match chars[start] {
        '"' => Some(end_of_quoted(chars, start, '"')),
        'r' if !after_name || chars[start - 1] == 'b' => {
            let hashes = chars[start + 1..].iter().take_while(|&&c| c == '#').count();
            let open = start + 1 + hashes;
            if chars.get(open) != Some(&'"') {
                return None;
            }
            let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            let end = (open + 1..chars.len()).find(|&i| chars[i..].starts_with(&close));
            Some(end.map_or(chars.len(), |i| i + close.len()))
        }
        // A quote that is not closed after one character is a lifetime's.
        '\'' if chars.get(start + 1) == Some(&'\\') || chars.get(start + 2) == Some(&'\'') => {
            Some(end_of_quoted(chars, start, '\''))
        }
        _ => None,
    }
}

fn end_of_quoted(chars: &[char], start: usize, quote: char) -> usize {
    let mut at = start + 1;
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// Name and number of lines, signature included, of every function with a body.
pub(crate) fn functions(source: &str) -> Vec<(String, usize)> {
    let code: Vec<char> = code_only(source).chars().collect();
    let mut found = Vec::new();
    for at in 0..code.len() {
        let word = code[at..].starts_with(&['f', 'n', ' ']) && (at == 0 || code[at - 1].is_whitespace());
        let name: String =
            code.iter().skip(at + 3).take_while(|c| c.is_alphanumeric() || **c == '_').filter(|_| word).collect();
        if let Some(end) = Some(at).filter(|_| !name.is_empty()).and_then(|at| end_of_body(&code, at)) {
            found.push((name, 1 + code[at..end].iter().filter(|&&c| c == '\n').count()));
        }
    }
    found
}

/// Where the body of the function at `start` ends; `None` for a declaration without one.
fn end_of_body(code: &[char], start: usize) -> Option<usize> {
    let (mut braces, mut others) = (0, 0);
    for (at, c) in code.iter().enumerate().skip(start) {
        match c {
            '(' | '[' => others += 1,
            ')' | ']' => others -= 1,
            '{' => braces += 1,
            '}' => {
                braces -= 1;
                if braces == 0 {
                    return Some(at);
                }
            }
            ';' if braces == 0 && others == 0 => return None,
            _ => {}
        }
    }
    None
}
