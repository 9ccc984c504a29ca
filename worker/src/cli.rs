//! The command line and its defaults.

use crate::{
    commands::Command,
    devices::{Device, DeviceList},
    exit,
    log::LogFormat,
    random,
};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

/// Trains what a sweeper coordinator has to do: one process per device of this machine.
///
/// It may be started before the coordinator, survives its restarts, and can be stopped at any time with SIGTERM or
/// Ctrl-C: the running trial is finished within the grace period or handed back, and counts as no failure.
#[derive(Debug, Clone, Parser)]
#[command(name = "sweeper-worker", version, after_help = exit::HELP, max_term_width = 100)]
pub struct Options {
    /// Address of the coordinator, e.g. `http://127.0.0.1:7733`
    #[arg(long, value_name = "URL", env = "SWEEPER_COORDINATOR", value_parser = coordinator_url)]
    pub coordinator: String,
    /// Devices to use, one process each: `all`, `cpu:2` for two one-thread CPU workers, or GPU indices or UUIDs `0,1`
    #[arg(long, value_name = "LIST", default_value = "all")]
    pub devices: DeviceList,
    /// Folder with one folder per data set [default: ./deploy/.data, else ~/.local/share/sweeper/data]
    #[arg(long, value_name = "DIR", env = "SWEEPER_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// Folder for outcomes that the coordinator has not acknowledged yet [default: ~/.local/state/sweeper-worker]
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Folder for checkpoints of recipes that ask for them; on a shared disk, any worker goes on where another
    /// stopped [default: `checkpoints` in the state folder]
    #[arg(long, value_name = "DIR", env = "SWEEPER_CHECKPOINT_DIR")]
    pub checkpoint_dir: Option<PathBuf>,
    /// Name of this machine in listings [default: its host name]
    #[arg(long, value_name = "NODE", value_parser = name)]
    pub name: Option<String>,
    /// End with code 0 after that many seconds without work
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub idle_exit: Option<Duration>,
    /// Time that a running trial gets to finish after SIGTERM or Ctrl-C
    #[arg(long, value_name = "SECONDS", default_value = "25", value_parser = seconds)]
    pub grace: Duration,
    /// How events are written to stderr
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,

    /// A training without a sign of life for that long hangs, and its process is replaced; 0 for no limit.
    #[arg(
        long,
        hide = true,
        value_name = "SECONDS",
        env = "SWEEPER_STALL_LIMIT",
        default_value = "600",
        value_parser = seconds
    )]
    pub stall_limit: Duration,
    /// Be the worker process of one device.
    #[arg(long, hide = true, requires = "device", requires = "slot")]
    pub child: bool,
    /// The child's device; its environment is pinned to it already.
    #[arg(long, hide = true)]
    pub device: Option<Device>,
    /// The child's slot.
    #[arg(long, hide = true, value_parser = name)]
    pub slot: Option<String>,
    /// First part of every slot's name; a supervisor started again with the same prefix fills the same slots.
    #[arg(long, hide = true, value_name = "PREFIX", value_parser = name)]
    pub slot_prefix: Option<String>,
    /// End at once when stdin ends: the parent is dead then.
    #[arg(long, hide = true)]
    pub exit_with_parent: bool,
}

/// The options of a worker together with the commands, which stand in their place.
fn definition() -> clap::Command {
    let worker = Options::command().subcommand_negates_reqs(true).args_conflicts_with_subcommands(true);
    Command::augment_subcommands(worker)
}

/// Reads the command line; a wrong one ends the process with code 2. `Err` is a command.
pub(crate) fn parse() -> Result<Options, Command> {
    parse_from(std::env::args_os()).unwrap_or_else(|error| error.exit())
}

pub(crate) fn parse_from<I>(arguments: I) -> Result<Result<Options, Command>, clap::Error>
where
    I: IntoIterator<Item: Into<OsString> + Clone>,
{
    let matches = definition().try_get_matches_from(arguments)?;
    let read = match matches.subcommand_name() {
        Some(_) => Command::from_arg_matches(&matches).map(Err),
        None => Options::from_arg_matches(&matches).map(Ok),
    };
    read.map_err(|error| error.format(&mut definition()))
}

impl Options {
    /// Name of this machine.
    #[must_use]
    pub fn node(&self) -> String {
        self.name.clone().unwrap_or_else(|| {
            let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
                .ok()
                .or_else(|| std::env::var("HOSTNAME").ok())
                .map(|name| name.trim().to_owned());
            name.filter(|name| !name.is_empty()).unwrap_or_else(|| "node".to_owned())
        })
    }

    /// What precedes the device in a slot's name: unique to this supervisor unless the user chose it.
    #[must_use]
    pub fn prefix(&self) -> String {
        self.slot_prefix.clone().unwrap_or_else(|| format!("{}-{}", self.node(), random::hex(8)))
    }

    /// The folder of data sets: the one given, else the first that exists, else the last candidate, so that a message
    /// about missing data names a sensible place.
    #[must_use]
    pub fn data_folder(&self) -> PathBuf {
        if let Some(given) = &self.data_dir {
            return given.clone();
        }
        let checkout = PathBuf::from("deploy/.data");
        if checkout.is_dir() {
            return checkout;
        }
        home("XDG_DATA_HOME", ".local/share").map_or(checkout, |share| share.join("sweeper/data"))
    }

    /// The folder of outboxes; none where the user has no home.
    #[must_use]
    pub fn state_folder(&self) -> Option<PathBuf> {
        self.state_dir
            .clone()
            .or_else(|| home("XDG_STATE_HOME", ".local/state").map(|state| state.join("sweeper-worker")))
    }

    /// The folder of checkpoints; none where the user has no home.
    #[must_use]
    pub fn checkpoint_folder(&self) -> Option<PathBuf> {
        self.checkpoint_dir.clone().or_else(|| self.state_folder().map(|state| state.join("checkpoints")))
    }

    /// What tells this process's log lines from those of its siblings.
    pub(crate) fn log_prefix(&self) -> String {
        self.device.as_ref().filter(|_| self.child).map(Device::to_string).unwrap_or_default()
    }
}

fn home(variable: &str, under: &str) -> Option<PathBuf> {
    let given = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    given.or_else(|| std::env::var_os("HOME").filter(|home| !home.is_empty()).map(|home| Path::new(&home).join(under)))
}

/// A coordinator's address; `host:port` means `http://host:port`.
fn coordinator_url(text: &str) -> Result<String, String> {
    let url = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let hint = "write it like http://127.0.0.1:7733";
    let uri: tonic::transport::Uri = url.parse().map_err(|_| format!("this is no address; {hint}"))?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http"), Some(host)) if !host.is_empty() => Ok(url),
        (Some("http"), _) => Err(format!("the host is missing; {hint}")),
        (scheme, _) => Err(format!("`{}` is not a scheme this version speaks; {hint}", scheme.unwrap_or_default())),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=1e9).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("expected seconds, 0 to 1000000000".to_owned()),
    }
}

/// Names go into listings and messages, so they are short and printable.
fn name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 200 || text.chars().any(char::is_control) {
        return Err("expected 1 to 200 printable characters".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn options(arguments: &[&str]) -> Result<Options, clap::Error> {
        let read = parse_from(["sweeper-worker"].iter().chain(arguments))?;
        Ok(read.unwrap_or_else(|command| panic!("a command: {command:?}")))
    }

    #[test]
    fn a_command_and_the_options_of_a_worker_exclude_each_other() {
        let read = |arguments: &[&str]| parse_from(["sweeper-worker"].iter().chain(arguments));
        assert!(read(&["model", "xresnet18"]).unwrap().is_err(), "a command");
        assert!(read(&["--coordinator", "http://h:1"]).unwrap().is_ok(), "a worker");
        assert!(read(&["--coordinator", "http://h:1", "model", "xresnet18"]).is_err());
        assert!(read(&[]).is_err(), "a worker needs a coordinator");
    }

    #[test]
    fn the_definition_is_sound_and_hides_what_users_do_not_need() {
        definition().debug_assert();
        let help = definition().render_long_help().to_string();
        for shown in
            ["--coordinator", "model", "--devices", "--idle-exit", "--grace", "Exit codes:", "SWEEPER_COORDINATOR"]
        {
            assert!(help.contains(shown), "{shown} is missing in\n{help}");
        }
        for hidden in ["--child", "--slot", "--exit-with-parent", "--stall-limit"] {
            assert!(!help.contains(hidden), "{hidden} is shown in\n{help}");
        }
    }

    #[test]
    fn defaults_are_those_documented() {
        let options = options(&["--coordinator", "10.0.0.5:7733"]).unwrap();
        assert_eq!(options.coordinator, "http://10.0.0.5:7733");
        assert_eq!(options.devices, DeviceList::All);
        assert_eq!(options.grace, Duration::from_secs(25));
        assert_eq!(options.idle_exit, None);
        assert_eq!(options.stall_limit, Duration::from_secs(600));
        assert_ne!(options.prefix(), options.prefix(), "every supervisor has slots of its own");
    }

    #[test]
    fn a_chosen_prefix_is_stable() {
        let options = options(&["--coordinator", "http://h:1", "--slot-prefix", "here"]).unwrap();
        assert_eq!(options.prefix(), "here");
    }

    #[test]
    fn wrong_values_are_named() {
        for (arguments, message) in [
            (["--coordinator", "ftp://h:1", "--grace", "1"], "`ftp` is not a scheme"),
            (["--coordinator", "http://", "--grace", "1"], "no address"),
            (["--coordinator", "http://h:1", "--devices", "cpu:0"], "names no devices"),
            (["--coordinator", "http://h:1", "--idle-exit", "1e10"], "expected seconds"),
            (["--coordinator", "http://h:1", "--name", ""], "printable"),
        ] {
            let error = options(&arguments).unwrap_err().to_string();
            assert!(error.contains(message), "{arguments:?}: {error}");
        }
        assert!(options(&["--coordinator", "http://h:1", "--child"]).is_err(), "a child needs a device and a slot");
    }
}
