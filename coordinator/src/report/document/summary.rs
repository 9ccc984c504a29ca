//! Tables of single configs: what was observed.

use super::{Cell, Column, Row, Table};
use crate::report::{
    Analysis, Cell as Observed, ConfigResult, MetricInfo, Source, Stratum,
    number::{self, fixed, measured_decimals},
    text,
    wording::display_name,
};

/// n, mean, SD, interval, median, interquartile mean, min and max of every config on one metric.
pub(super) fn table(
    analysis: &Analysis,
    stratum: &Stratum,
    (index, metric): (usize, &MetricInfo),
    id: String,
) -> Table {
    let unit = metric.unit.of_value();
    let interval = format!("{} interval", number::percent(analysis.plan.confidence));
    let heads = ["n", "mean", "SD", &interval, "median", "IQM", "min", "max"];
    let mut columns = vec![Column::text("config")];
    columns.extend(heads.map(|head| match head {
        "IQM" => Column::number(head).hint("interquartile mean: of the middle half of the trainings"),
        "SD" => Column::number(head).hint(analysis.source.deviation_hint()),
        _ => Column::number(head),
    }));
    Table {
        id,
        title: if unit.is_empty() { "Summary".to_owned() } else { format!("Summary, in {unit}") },
        note: String::new(),
        columns,
        rows: stratum.configs.iter().map(|config| row(config, index)).collect(),
    }
}

fn row(config: &ConfigResult, index: usize) -> Row {
    let mut cells = vec![name(config)];
    match config.cells.get(index) {
        Some(Observed::Measured(m)) => {
            let d = measured_decimals(m);
            let one = |value: Option<f64>| match value {
                Some(value) => Cell::number(fixed(value, d), [value]),
                None => Cell::missing("n/a"),
            };
            cells.push(Cell::number(text::n_of(m.n, config.counts.planned), [m.n as f64]).tag(m.few, "few"));
            cells.push(Cell::strong(fixed(m.mean, d), [m.mean]));
            cells.push(one(m.sd));
            cells.push(match &m.interval {
                Some(i) => Cell::number(number::interval(i, d), [i.low, i.high]),
                None => Cell::missing("n/a"),
            });
            cells.extend([m.median, m.iqm, m.min, m.max].map(one));
        }
        Some(Observed::NoData) => {
            cells.push(Cell::number(text::n_of(0, config.counts.planned), [0.0]));
            cells.push(Cell::missing("no data"));
            cells.resize(9, Cell::missing(""));
        }
        Some(Observed::NotMeasured) | None => {
            cells.push(Cell::missing(""));
            cells.push(Cell::missing("not measured"));
            cells.resize(9, Cell::missing(""));
        }
    }
    Row { marked: config.baseline, cells }
}

fn name(config: &ConfigResult) -> Cell {
    Cell::name(display_name(&config.name)).tag(config.baseline, "baseline")
}

/// Mean and SD of every config on every metric.
pub(super) fn matrix(analysis: &Analysis, stratum: &Stratum, id: String) -> Table {
    let head = |metric: &MetricInfo| {
        let unit = metric.unit.of_value();
        let name = display_name(&metric.name);
        Column::number(if unit.is_empty() { name } else { format!("{name} ({unit})") })
    };
    let table = analysis.source == Source::Table;
    let mut columns = vec![Column::text("config"), Column::number(if table { "n" } else { "completed" })];
    columns.extend(analysis.metrics.iter().map(head));
    let row = |config: &ConfigResult| {
        let (done, planned) = (config.counts.completed, config.counts.planned);
        let completed = if table {
            Cell::number(planned.to_string(), [planned as f64])
        } else {
            Cell::number(format!("{done} of {planned}"), [done as f64, planned as f64])
        };
        let mut cells = vec![name(config), completed];
        cells.extend(config.cells.iter().map(matrix_cell));
        Row { marked: config.baseline, cells }
    };
    let rows = stratum.configs.iter().map(row).collect();
    Table { id, title: "Means and standard deviations".to_owned(), note: String::new(), columns, rows }
}

fn matrix_cell(cell: &Observed) -> Cell {
    match cell {
        Observed::Measured(m) => {
            let d = measured_decimals(m);
            match m.sd {
                Some(sd) => Cell::number(format!("{} ({})", fixed(m.mean, d), fixed(sd, d)), [m.mean, sd]),
                None => Cell::number(fixed(m.mean, d), [m.mean]),
            }
        }
        Observed::NoData => Cell::missing("no data"),
        Observed::NotMeasured => Cell::missing("-"),
    }
}
