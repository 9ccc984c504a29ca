//! `report.json`: the `Analysis` itself, in full precision, with its schema version.

use super::RenderError;
use crate::report::Analysis;

/// JSON text, indented, with a line break at its end. Numbers read back to the same bits.
///
/// # Errors
/// [`RenderError::Json`].
pub fn json(analysis: &Analysis) -> Result<String, RenderError> {
    let mut text = serde_json::to_string_pretty(analysis)?;
    text.push('\n');
    Ok(text)
}
