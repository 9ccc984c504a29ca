//! `report.json`: the `Analysis` itself, in full precision, with its schema version.

use super::RenderError;
use crate::report::Analysis;

/// Analyses of more values and comparisons are written without line breaks and indents, which would be most of the file.
const MOST_INDENTED: usize = 20_000;
/// Values that a comparison weighs: its numbers are many.
const COMPARISON: usize = 20;

/// JSON text with a line break at its end, indented unless it is very long. Numbers read back to the same bits.
///
/// # Errors
/// [`RenderError::Json`].
pub fn json(analysis: &Analysis) -> Result<String, RenderError> {
    let cells = analysis.strata.iter().flat_map(|s| &s.configs).flat_map(|config| &config.cells);
    let values: usize = cells.filter_map(|cell| cell.measured()).map(|measured| measured.n).sum();
    let families = analysis.strata.iter().flat_map(|s| &s.families);
    let comparisons: usize = families.map(|family| family.comparisons.len()).sum();
    let indented = values + COMPARISON * comparisons <= MOST_INDENTED;
    let mut text = if indented { serde_json::to_string_pretty(analysis)? } else { serde_json::to_string(analysis)? };
    text.push('\n');
    Ok(text)
}
