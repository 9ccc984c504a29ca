//! Events on stderr, one line each, and a bounded memory of the last of them for failure reports.

use clap::ValueEnum;
use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

/// Lines that [`tail`] keeps.
const KEPT_LINES: usize = 50;
/// Longest kept line, in bytes.
const KEPT_BYTES: usize = 500;

/// Set when standard error carries JSON and nothing else.
static ONLY_JSON: AtomicBool = AtomicBool::new(false);

static TAIL: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    /// One readable line.
    #[default]
    Human,
    /// One JSON object.
    Json,
}

impl LogFormat {
    /// As on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
        }
    }
}

/// Starts logging. `SWEEPER_LOG` sets the filter (default `info`). `source` tells the processes of one node apart.
pub(crate) fn start(format: LogFormat, source: String) {
    let filter = EnvFilter::try_from_env("SWEEPER_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = Lines { format, source };
    ONLY_JSON.store(format == LogFormat::Json, Ordering::Relaxed);
    // A second start, in tests, is not an error.
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_target(false);
    let _ = match format {
        LogFormat::Human => builder.with_writer(lines).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_writer(lines).try_init(),
    };
}

/// The one error that ends this process, for the person who started it: what is wrong, and below it the hint that the
/// message ends with (`…; hint: …`). `sweeper run` shows these lines as its own error.
pub(crate) fn fatal(message: &str) {
    if !ONLY_JSON.load(Ordering::Relaxed) {
        let text = format!("error: {}\n", message.replacen("; hint: ", "\n  hint: ", 1));
        // Nobody is left to be told when stderr is gone.
        let _ = io::stderr().write_all(text.as_bytes());
    }
}

/// The last lines, oldest first.
pub(crate) fn tail() -> String {
    let lines = TAIL.lock().unwrap_or_else(PoisonError::into_inner);
    lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
}

/// Makes one [`Line`] per event.
struct Lines {
    format: LogFormat,
    source: String,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { lines: self, bytes: Vec::new() }
    }
}

/// Gathers one event and writes it at once, so that lines of several processes do not mix.
struct Line<'a> {
    lines: &'a Lines,
    bytes: Vec<u8>,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.bytes);
        remember(text.trim_end());
        let line = with_source(self.lines.format, &self.lines.source, &text);
        // Nobody is left to be told when stderr is gone.
        let _ = io::stderr().write_all(line.as_bytes());
    }
}

fn remember(line: &str) {
    if line.is_empty() {
        return;
    }
    let end = (0..=KEPT_BYTES.min(line.len())).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
    let mut lines = TAIL.lock().unwrap_or_else(PoisonError::into_inner);
    if lines.len() == KEPT_LINES {
        lines.pop_front();
    }
    lines.push_back(line[..end].to_owned());
}

fn with_source(format: LogFormat, source: &str, text: &str) -> String {
    match (format, text.strip_prefix('{')) {
        _ if source.is_empty() => text.to_owned(),
        (LogFormat::Json, Some(rest)) => format!("{{\"source\":{},{rest}", serde_json::Value::from(source)),
        _ => format!("[{source}] {text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_bounded_in_lines_and_bytes() {
        for line in 0..80 {
            remember(&format!("line {line} {}", "é".repeat(400)));
        }
        let tail = tail();
        let lines: Vec<&str> = tail.lines().collect();
        assert_eq!(lines.len(), KEPT_LINES);
        assert!(lines.iter().all(|line| line.len() <= KEPT_BYTES));
        assert!(lines.last().is_some_and(|line| line.starts_with("line 79")));
    }

    #[test]
    fn a_json_line_stays_json() {
        let line = with_source(LogFormat::Json, "node/\"cpu\":0", "{\"level\":\"INFO\"}\n");
        let value: Result<serde_json::Value, _> = serde_json::from_str(&line);
        assert!(value.is_ok_and(|value| value["source"] == "node/\"cpu\":0" && value["level"] == "INFO"));
        assert_eq!(with_source(LogFormat::Human, "cpu:0", "INFO hello\n"), "[cpu:0] INFO hello\n");
    }
}
