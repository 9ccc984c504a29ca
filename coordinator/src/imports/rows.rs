//! The rows of a CSV text, cell by cell.

use super::LayoutError;

/// Hands every row below the head to `add`, with its line from 1. A text without quotes is split where its commas are,
/// which is what the rules for quotes come to, at several times the speed.
///
/// # Errors
/// What `add` answers.
pub(super) fn each(text: &str, add: impl FnMut(u32, &[&str]) -> Result<(), LayoutError>) -> Result<(), LayoutError> {
    if text.contains('"') || has_bare_return(text) { each_quoted(text, add) } else { each_plain(text, add) }
}

/// A carriage return that ends a line by itself.
fn has_bare_return(text: &str) -> bool {
    text.contains('\r') && text.split('\r').skip(1).any(|rest| !rest.starts_with('\n'))
}

fn each_plain<'a>(
    text: &'a str,
    mut add: impl FnMut(u32, &[&str]) -> Result<(), LayoutError>,
) -> Result<(), LayoutError> {
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.is_empty());
    let mut cells: Vec<&'a str> = Vec::new();
    for (line, number) in lines.skip(1) {
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
