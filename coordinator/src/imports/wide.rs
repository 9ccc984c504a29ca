//! One row per training and one column per metric, as people write tables by hand.

use super::{
    LayoutError, Text,
    long::{Cells, Filling, Row, Table},
    rows,
};

/// The columns that a file must have, in any order. Every other column whose first value is a number is a metric, but for
/// `epoch` and [`NO_METRIC`]; columns of text are not read. An empty cell has no value: of the
/// primary metric it is a lost training, unless its config has no value of it at all.
pub(super) const HEAD: [&str; 2] = ["config", "replicate"];
/// Numbers that tell a training and measure nothing.
const NO_METRIC: [&str; 3] = ["seed", "run", "line"];

/// Whether a first line is of this layout: it names the training, some other column, and neither metric nor value.
pub(super) fn is_head(head: &[String]) -> bool {
    let has = |name: &str| head.iter().any(|column| column == name);
    HEAD.iter().all(|name| has(name)) && !has("metric") && !has("value") && head.len() > HEAD.len()
}

/// A column of numbers.
struct Metric<'a> {
    name: &'a str,
    column: usize,
    /// Whether its first value was a number; none before it.
    numeric: Option<bool>,
}

/// Reads the rows.
///
/// # Errors
/// [`LayoutError::Row`], [`LayoutError::Cell`].
pub(super) fn table(text: &Text) -> Result<Table, LayoutError> {
    let head = text.head();
    let place = |name: &str| head.iter().position(|column| column == name);
    // The head was looked at before.
    let places = HEAD.map(|name| place(name).unwrap_or_default());
    let epoch = place("epoch");
    let cells = Cells { file: &text.file };
    let mut metrics: Vec<Metric<'_>> = head
        .iter()
        .enumerate()
        .filter(|(at, name)| {
            !name.is_empty() && !places.contains(at) && epoch != Some(*at) && !NO_METRIC.contains(&name.as_str())
        })
        .map(|(column, name)| Metric { name, column, numeric: None })
        .collect();
    let mut filling = Filling::new(&text.file);
    rows::each(&text.text, |line, row| {
        if row.len() != head.len() {
            return Err(cells.wrong_row(line, format!("not a row of {} cells", head.len())));
        }
        let cell = |column: usize| row.get(column).copied().unwrap_or_default().trim();
        let config = cells.name(line, HEAD[0], cell(places[0]))?;
        let replicate = cells.replicate(line, cell(places[1]))?;
        let epoch = epoch.map_or(Ok(0), |column| cells.epoch(line, cell(column)))?;
        let mut any = false;
        for metric in &mut metrics {
            let found = cell(metric.column);
            if found.is_empty() || metric.numeric == Some(false) {
                continue;
            }
            if *metric.numeric.get_or_insert_with(|| found.parse::<f64>().is_ok()) {
                let value = cells.value(line, metric.name, found)?;
                let row = Row { config: 0, replicate, metric: 0, epoch, is_final: false, line, value };
                filling.add(config, metric.name, row)?;
                any = true;
            }
        }
        if !any {
            filling.add_bare(config, replicate, line)?;
        }
        Ok(())
    })?;
    filling.table(false)
}
