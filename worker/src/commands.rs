//! What `sweeper-worker` does beside working: commands that answer at once and need no coordinator.
//!
//! A new one is a variant of `Command` with its options, a field of [`Commands`], and a line in `run_command`.

use crate::exit;
use clap::{
    Args, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use serde::de::DeserializeOwned;
use std::io::Write;
use sweeper_recipe::{Activation, Arch, Model, Pool, Recipe, Stem};

// No doc comment: clap would take it for the description of the executable.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Command {
    Model(ModelOptions),
}

/// How the commands that need a training library are carried out; each returns what goes to stdout.
#[derive(Debug, Clone, Copy)]
pub struct Commands {
    /// The table of a network's layers.
    pub model: fn(&ModelOptions) -> Result<String, CommandError>,
}

/// A command that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CommandError {
    /// One of [`exit`]'s.
    pub exit_code: u8,
    /// What goes to stderr.
    pub message: String,
}

impl CommandError {
    /// A mistake on the command line.
    #[must_use]
    pub fn usage(message: impl ToString) -> Self {
        Self { exit_code: exit::USAGE, message: message.to_string() }
    }
}

/// Print a network's layers: output shapes, parameters and multiply-adds of each.
///
/// Only convolutions, linear layers and attention have multiply-adds; they are those of one image's forward pass.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  sweeper-worker model xse-resnext18
  sweeper-worker model xresnet18 --stem 32-64-64 --activation mish --self-attention
  sweeper-worker model small-cnn --size 28 --channels 1 --json
")]
pub struct ModelOptions {
    /// Which network, as `model.arch` of a recipe names it
    #[arg(value_parser = named::<Arch, 10>(Arch::ALL.map(Arch::name)))]
    pub arch: Arch,
    /// Height and width of the images, pixels
    #[arg(long, value_name = "PIXELS", default_value = "128", value_parser = clap::value_parser!(i64).range(1..=1024))]
    pub size: i64,
    /// Channels of the images
    #[arg(long, value_name = "N", default_value = "3", value_parser = clap::value_parser!(i64).range(1..=4))]
    pub channels: i64,
    /// Classes, that is, logits
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(i64).range(1..=100_000))]
    pub classes: i64,
    /// Channels after each of the first three convolutions (xresnet family)
    #[arg(long, value_name = "STEM", default_value = "32-32-64", value_parser = named::<Stem, 2>(["32-32-64", "32-64-64"]))]
    pub stem: Stem,
    /// Non-linearity (xresnet family)
    #[arg(long, value_name = "NAME", default_value = "relu", value_parser = named::<Activation, 2>(["relu", "mish"]))]
    pub activation: Activation,
    /// Down-sampling in identity paths (xresnet family)
    #[arg(long, value_name = "NAME", default_value = "average", value_parser = named::<Pool, 2>(["average", "max"]))]
    pub pool: Pool,
    /// Self-attention in the last block of the first stage (xresnet family)
    #[arg(long)]
    pub self_attention: bool,
    /// Self-attention with a symmetric matrix
    #[arg(long)]
    pub symmetric: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// A setting of few names, read as a recipe reads it; clap names the nearest of them to a wrong one.
fn named<T, const N: usize>(names: [&'static str; N]) -> impl TypedValueParser<Value = T>
where
    T: DeserializeOwned + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names).try_map(|name| serde_json::from_value::<T>(name.into()))
}

impl ModelOptions {
    /// The network's settings.
    ///
    /// # Errors
    /// Settings that do not go together, as a recipe would be refused.
    pub fn model(&self) -> Result<Model, CommandError> {
        let Self { arch, activation, pool, stem, self_attention, symmetric, .. } = *self;
        let model = Model { arch, activation, pool, stem, self_attention, symmetric };
        let recipe = Recipe { model, ..Recipe::default() };
        let checked = Recipe::from_value(&recipe.to_value()).map_err(CommandError::usage)?;
        Ok(checked.model)
    }

    /// Channels, height and width of the images.
    #[must_use]
    pub fn image(&self) -> [i64; 3] {
        [self.channels, self.size, self.size]
    }
}

/// Carries out `command` and returns the exit code.
pub(crate) fn run_command(command: &Command, commands: &Commands) -> u8 {
    let result = match command {
        Command::Model(options) => (commands.model)(options),
    };
    match result {
        // A reader that has seen enough closes the pipe; that is no failure.
        Ok(text) => std::io::stdout().write_all(text.as_bytes()).map_or(exit::OK, |()| exit::OK),
        Err(CommandError { exit_code, message }) => {
            // Without stderr there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "error: {message}");
            exit_code
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::cli::parse_from;

    fn model(arguments: &[&str]) -> Result<ModelOptions, clap::Error> {
        let all = ["sweeper-worker", "model"].iter().chain(arguments);
        parse_from(all).map(|request| match request {
            Err(Command::Model(options)) => options,
            Ok(options) => panic!("a worker: {options:?}"),
        })
    }

    #[test]
    fn options_become_settings() {
        let options =
            model(&["xresnet18", "--stem", "32-64-64", "--activation", "mish", "--pool", "max", "--size", "64"])
                .unwrap();
        let settings = options.model().unwrap();
        assert_eq!((settings.arch, settings.stem), (Arch::Xresnet18, Stem::Wide));
        assert_eq!((settings.activation, settings.pool), (Activation::Mish, Pool::Max));
        assert_eq!((options.image(), options.classes, options.json), ([3, 64, 64], 10, false));
        for arch in Arch::ALL {
            assert_eq!(model(&[arch.name()]).unwrap().arch, arch);
        }
    }

    #[test]
    fn mistakes_name_what_would_be_right() {
        let text = model(&["xse-resnxt18"]).unwrap_err().to_string();
        assert!(text.contains("'xse-resnext18'") && text.contains("similar"), "{text}");
        assert!(model(&["xresnet18", "--size", "0"]).is_err());
        let error = model(&["plain-cnn", "--self-attention"]).unwrap().model().unwrap_err();
        assert_eq!(error.exit_code, exit::USAGE);
        assert!(error.message.contains("plain-cnn"), "{error}");
    }
}
