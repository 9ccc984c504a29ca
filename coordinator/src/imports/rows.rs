//! The rows of a CSV text, cell by cell.

use super::LayoutError;
use rayon::prelude::*;

/// Bytes of a piece that is read by itself, and most pieces.
const PIECE: usize = 1 << 20;
const MOST_PIECES: usize = 16;

/// Hands every row below the head to `add`, with its line from 1. A text without quotes is split where its commas are,
/// which is what the rules for quotes come to, at several times the speed.
///
/// # Errors
/// What `add` answers.
pub(super) fn each(text: &str, add: impl FnMut(u32, &[&str]) -> Result<(), LayoutError>) -> Result<(), LayoutError> {
    if text.contains('"') || has_bare_return(text) { each_quoted(text, add) } else { each_plain(text, add) }
}

/// The same piece by piece, each into a value of its own, at once: answers them in the order of the text.
///
/// # Errors
/// What `add` answers to the first row that it refuses.
pub(super) fn pieces<T: Send>(
    text: &str,
    new: impl Fn() -> T + Sync,
    add: impl Fn(&mut T, u32, &[&str]) -> Result<(), LayoutError> + Sync,
) -> Result<Vec<T>, LayoutError> {
    if text.contains('"') || has_bare_return(text) {
        let mut all = new();
        each_quoted(text, |line, cells| add(&mut all, line, cells))?;
        return Ok(vec![all]);
    }
    let (head, rows) = after_head(text);
    let pieces = cut(rows, (rows.len() / PIECE).clamp(1, MOST_PIECES));
    let lines: Vec<u32> = pieces.par_iter().map(|piece| line_ends(piece.as_bytes())).collect();
    let first = lines.iter().scan(head, |next, lines| {
        let first = *next;
        *next = next.saturating_add(*lines);
        Some(first)
    });
    let pieces: Vec<(u32, &str)> = first.zip(pieces).collect();
    let read = |(first, piece): &(u32, &str)| {
        let mut own = new();
        split(piece, *first, |line, cells| add(&mut own, line, cells))?;
        Ok(own)
    };
    let all: Vec<Result<T, LayoutError>> = pieces.par_iter().map(read).collect();
    all.into_iter().collect()
}

/// About `count` parts of a text, each of whole lines.
fn cut(text: &str, count: usize) -> Vec<&str> {
    let mut parts = Vec::with_capacity(count);
    let mut rest = text;
    for left in (1..count).rev() {
        let about = rest.len() / (left + 1);
        // A line feed is a character by itself wherever it stands.
        let Some(end) = rest.as_bytes().iter().skip(about).position(|byte| *byte == b'\n') else { break };
        let (part, after) = rest.split_at(about + end + 1);
        parts.push(part);
        rest = after;
    }
    parts.push(rest);
    parts
}

/// The number of the line after the first one that is not empty, and the text from there.
fn after_head(text: &str) -> (u32, &str) {
    let (mut rest, mut line) = (text, 1_u32);
    while let Some((first, after)) = rest.split_once('\n') {
        (rest, line) = (after, line.saturating_add(1));
        if !matches!(first, "" | "\r") {
            return (line, rest);
        }
    }
    (line, "")
}

/// A carriage return that ends a line by itself.
fn has_bare_return(text: &str) -> bool {
    text.contains('\r') && text.split('\r').skip(1).any(|rest| !rest.starts_with('\n'))
}

fn each_plain(text: &str, add: impl FnMut(u32, &[&str]) -> Result<(), LayoutError>) -> Result<(), LayoutError> {
    let (line, rows) = after_head(text);
    split(rows, line, add)
}

/// Rows without quotes, the first of them in line `first`.
fn split<'a>(
    text: &'a str,
    first: u32,
    mut add: impl FnMut(u32, &[&str]) -> Result<(), LayoutError>,
) -> Result<(), LayoutError> {
    let mut cells: Vec<&'a str> = Vec::new();
    for (line, number) in text.lines().zip(first..).filter(|(line, _)| !line.is_empty()) {
        cells.clear();
        let mut rest = line;
        // Byte by byte: cells are a few bytes long, too short for a search to pay.
        while let Some(at) = rest.bytes().position(|byte| byte == b',') {
            cells.push(&rest[..at]);
            rest = &rest[at + 1..];
        }
        cells.push(rest);
        add(number, &cells)?;
    }
    Ok(())
}

fn each_quoted(text: &str, mut add: impl FnMut(u32, &[&str]) -> Result<(), LayoutError>) -> Result<(), LayoutError> {
    // Rows of another length are refused by `add`, which knows what was expected.
    let mut reader = ::csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let mut record = ::csv::StringRecord::new();
    let (mut line, mut counted) = (1_u32, 0);
    // A text is valid UTF-8, and nothing else can fail.
    while reader.read_record(&mut record).is_ok_and(|more| more) {
        // The reader's own count is one behind where lines end in two characters, and leaves out empty ones.
        let from = record.position().map_or(counted, |at| at.byte() as usize);
        let rest = text.as_bytes().get(from..).unwrap_or_default();
        let start = from + rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        line = line.saturating_add(line_ends(text.as_bytes().get(counted..start).unwrap_or_default()));
        counted = start;
        add(line, &record.iter().collect::<Vec<&str>>())?;
    }
    Ok(())
}

/// Line ends of any of the three kinds.
fn line_ends(bytes: &[u8]) -> u32 {
    let next = bytes.iter().skip(1).chain([&b' ']);
    let ends = bytes.iter().zip(next).filter(|(byte, next)| **byte == b'\n' || (**byte == b'\r' && **next != b'\n'));
    u32::try_from(ends.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    type Found = Vec<(u32, Vec<String>)>;

    fn rows(text: &str, plain: bool) -> Found {
        let mut found = Found::new();
        let add = |line, cells: &[&str]| {
            found.push((line, cells.iter().map(|c| (*c).to_owned()).collect()));
            Ok(())
        };
        if plain { each_plain(text, add) } else { each_quoted(text, add) }.unwrap();
        found
    }

    #[test]
    fn both_ways_find_the_same_cells() {
        for text in
            ["", "a,b\n", "a,b\n1,2\n3,4", "\n\na,b\r\n1,2\r\n\r\n,\r\n", "a,b\n1\n1,2,3\né,\u{202e}x\n", "a\n \n,,\n"]
        {
            assert!(!has_bare_return(text));
            assert_eq!(rows(text, true), rows(text, false), "{text:?}");
        }
        // Empty lines are lines.
        assert_eq!(rows("\na,b\r\n1,2\r\n\r\n3,4", true).iter().map(|row| row.0).collect::<Vec<_>>(), [3, 5]);
    }

    #[test]
    fn pieces_are_the_whole() {
        let mut text = "\na,b\r\n".to_owned();
        (0..600_000).for_each(|i| text.push_str(if i % 7 == 0 { "é,\n" } else { "1,2\r\n" }));
        text.push_str("end,0");
        assert!(cut(&text, 5).len() == 5 && cut(&text, 5).concat() == text);
        assert!(cut("a", 3).concat() == "a" && cut("\n\n", 5).concat() == "\n\n");
        let add = |own: &mut Found, line, cells: &[&str]| {
            own.push((line, cells.iter().map(|c| (*c).to_owned()).collect()));
            Ok(())
        };
        assert!(text.len() > 2 * PIECE);
        for text in [text.as_str(), "", "a", "a,b\n", "\"a\",b\n1,\"2\"\n"] {
            let found = pieces(text, Found::new, add).unwrap();
            assert!(text.len() < 2 * PIECE || found.len() > 1);
            assert_eq!(found.concat(), rows(text, !text.contains('"')));
        }
        let refuse = |_: &mut (), line: u32, cells: &[&str]| match cells {
            ["1", _] => Ok(()),
            _ => Err(LayoutError::Row { file: String::new(), line: u64::from(line), why: String::new() }),
        };
        let error = pieces(&text, || (), refuse).unwrap_err();
        assert!(matches!(error, LayoutError::Row { line: 3, .. }), "{error}");
    }

    #[test]
    fn a_return_by_itself_ends_a_row_and_quotes_hold_commas() {
        let mut found = 0;
        each("a,b\r1,2\r", |_, cells| {
            assert_eq!(cells, ["1", "2"]);
            found += 1;
            Ok(())
        })
        .unwrap();
        each("a,b\n\"x,\"\"y\n\",2\n", |line, cells| {
            assert_eq!((line, cells), (2, ["x,\"y\n", "2"].as_slice()));
            found += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!(found, 2);
    }
}
