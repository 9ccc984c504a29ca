//! Logs: to standard error or a file, for people or as JSON, at the level that `SWEEPER_LOG` says.

use std::{fs::File, io, path::Path, sync::Arc};
use tracing_subscriber::{EnvFilter, Layer, Registry, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// The environment variable with the level, or with levels per module: `debug`, `info,sweeper_coordinator=trace`.
pub const LEVEL_VARIABLE: &str = "SWEEPER_LOG";

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// Logs to standard error from now on. A second call in a process changes nothing.
pub fn init(format: Format) {
    start(layer(format, io::stderr));
}

/// Appends to a file from now on. A second call in a process changes nothing but makes the file.
///
/// # Errors
/// The file cannot be opened.
pub fn init_file(format: Format, path: &Path) -> io::Result<()> {
    let file = File::options().create(true).append(true).open(path)?;
    start(layer(format, Arc::new(file)));
    Ok(())
}

fn start(layer: Box<dyn Layer<Registry> + Send + Sync>) {
    // Fails only if somebody (a test, an embedding program) has set one already, which then stands.
    let _ = tracing_subscriber::registry().with(layer).try_init();
}

/// The level of `SWEEPER_LOG`; `info`, with a warning on standard error, for a text that is none.
fn filter() -> EnvFilter {
    let text = std::env::var(LEVEL_VARIABLE).unwrap_or_default();
    let text = if text.is_empty() { "info" } else { &text };
    EnvFilter::try_new(text).unwrap_or_else(|e| {
        anstream::eprintln!("warning: {LEVEL_VARIABLE}={text} is not a log level ({e}); using info");
        EnvFilter::new("info")
    })
}

fn layer<W>(format: Format, writer: W) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'w> tracing_subscriber::fmt::MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false).with_target(false);
    match format {
        Format::Human => lines.with_filter(filter()).boxed(),
        Format::Json => lines.json().with_filter(filter()).boxed(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn logged(format: Format) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let file = Arc::new(File::create(&path).unwrap());
        let subscriber = tracing_subscriber::registry().with(layer(format, file));
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(sweep = "s1", "something happened");
            tracing::trace!("too fine");
        });
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn both_formats_hold_level_message_and_fields() {
        let human = logged(Format::Human);
        assert!(human.contains("WARN") && human.contains("something happened") && human.contains("s1"), "{human}");
        assert_eq!(human.lines().count(), 1);
        let json: serde_json::Value = serde_json::from_str(&logged(Format::Json)).unwrap();
        assert_eq!(json["fields"]["message"], "something happened");
        assert_eq!(json["fields"]["sweep"], "s1");
        assert_eq!(json["level"], "WARN");
    }
}
