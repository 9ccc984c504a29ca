//! Tables, JSON, times: how data are shown. Colours only on a terminal.

use crate::error::{Exit, Failure};
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use std::{
    fmt::Write as _,
    io::Write as _,
    time::{SystemTime, UNIX_EPOCH},
};

/// Prints a failure to standard error, its first word red on a terminal.
pub(super) fn error(failure: &Failure) {
    let red = Style::new().fg_color(Some(AnsiColor::Red.into())).bold();
    anstream::eprintln!("{red}error:{red:#} {failure}");
}

/// A message to standard error.
pub(super) fn note(text: &str) {
    anstream::eprintln!("{text}");
}

/// Data to standard output. A reader that closed the pipe is no error.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(e) => Err(Failure::new(Exit::Internal, format!("cannot write to standard output: {e}"))),
    }
}

/// A value as indented JSON to standard output.
pub(super) fn print_json<T: Serialize>(value: &T) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(value).map_err(|e| Failure::new(Exit::Internal, e))?;
    text.push('\n');
    print(&text)
}

/// A table with left-aligned columns as wide as their widest cell; numbers (first character a digit) align right.
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = header.iter().map(|h| h.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let numeric: Vec<bool> = (0..header.len())
        .map(|c| !rows.is_empty() && rows.iter().all(|r| r.get(c).is_none_or(|cell| is_number(cell))))
        .collect();
    let mut text = String::new();
    let bold = Style::new().bold();
    let mut line = |cells: &mut dyn Iterator<Item = &str>, style: Style| {
        let mut parts = Vec::new();
        for ((cell, width), numeric) in cells.zip(&widths).zip(&numeric) {
            let pad = " ".repeat(width - cell.chars().count().min(*width));
            parts.push(if *numeric { format!("{pad}{cell}") } else { format!("{cell}{pad}") });
        }
        let joined = parts.join("  ");
        let _ = writeln!(text, "{style}{}{style:#}", joined.trim_end());
    };
    line(&mut header.iter().copied(), bold);
    for row in rows {
        line(&mut row.iter().map(String::as_str), Style::new());
    }
    text
}

fn is_number(cell: &str) -> bool {
    cell.is_empty() || cell == "-" || cell.starts_with(|c: char| c.is_ascii_digit())
}

/// Milliseconds as `850 ms`, `12.3 s`, `4 m 05 s`, `2 h 10 m`.
pub(super) fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        60_000..3_600_000 => format!("{} m {:02} s", ms / 60_000, ms % 60_000 / 1_000),
        _ => format!("{} h {:02} m", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
}

/// Milliseconds since the Unix epoch, now.
pub(super) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

/// How long ago `ms` was: `12.3 s ago`; `-` for 0.
pub(super) fn ago(ms: u64) -> String {
    if ms == 0 { "-".to_owned() } else { format!("{} ago", duration(now_ms().saturating_sub(ms))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        let shown: Vec<String> = [0, 999, 1_000, 59_999, 60_000, 3_599_999, 3_600_000].map(duration).to_vec();
        assert_eq!(shown, ["0 ms", "999 ms", "1.0 s", "59.9 s", "1 m 00 s", "59 m 59 s", "1 h 00 m"]);
    }

    #[test]
    fn numbers_align_right_and_text_left() {
        let text = table(&["name", "n"], &[vec!["a".into(), "5".into()], vec!["long".into(), "12".into()]]);
        let plain = anstream::adapter::strip_str(&text).to_string();
        assert_eq!(plain, "name   n\na      5\nlong  12\n");
    }
}
