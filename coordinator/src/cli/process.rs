//! Processes and signals: the worker supervisor that `run` starts, watches and stops; Ctrl-C.

use crate::error::{Exit, Failure};
use std::{
    fs::File,
    future::Future,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};
use tokio::{
    process::{Child, Command},
    signal::unix::SignalKind,
};

/// How to start the workers of this machine.
#[derive(Debug, Clone)]
pub(super) struct WorkerCommand {
    pub(super) executable: PathBuf,
    pub(super) url: String,
    pub(super) devices: String,
    pub(super) data_dir: Option<PathBuf>,
    /// Outboxes and the log.
    pub(super) state_dir: PathBuf,
    /// Workers of an earlier run of the same sweep filled slots of this prefix.
    pub(super) slot_prefix: &'static str,
    /// What running trials get to finish when the workers are told to stop.
    pub(super) grace: Duration,
}

/// After so many supervisors that did not live for a minute another one will not do better.
const QUICK_ENDS: u32 = 6;

/// What workers need after the grace period to hand back, deliver and say goodbye.
const FAREWELL: Duration = Duration::from_secs(6);

/// Finds the worker executable: the one asked for, else the one beside this executable, else the one on PATH.
pub(super) fn find_worker(asked: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(path) = asked {
        return if path.is_file() {
            Ok(path.to_owned())
        } else {
            Err(Failure::new(Exit::WorkerFailed, format!("there is no worker executable at {}", path.display())))
        };
    }
    let name = "sweeper-worker";
    let beside = std::env::current_exe().ok().and_then(|exe| exe.parent().map(|dir| dir.join(name)));
    let on_path = std::env::var_os("PATH").map(|p| std::env::split_paths(&p).map(|d| d.join(name)).collect::<Vec<_>>());
    beside.into_iter().chain(on_path.into_iter().flatten()).find(|p| p.is_file()).ok_or_else(|| {
        Failure::new(Exit::WorkerFailed, "`sweeper-worker` is neither beside `sweeper` nor on PATH")
            .hint("`make build` builds both; --worker names another place")
    })
}

/// A running supervisor. Its standard input is a pipe that stays open while we live: its end tells the workers that
/// we are gone, however we went.
#[derive(Debug)]
pub(super) struct Workers {
    command: WorkerCommand,
    child: Child,
    started: Instant,
    backoff: Duration,
    /// Supervisors in a row that ended at once.
    quick_ends: u32,
    /// When a dead supervisor may be started again.
    not_before: Option<Instant>,
    /// Length of the log when the supervisor was started: errors before that are not its own.
    log_start: u64,
}

impl Workers {
    pub(super) fn start(command: WorkerCommand) -> Result<Self, Failure> {
        let log_start = command.log_length();
        let child = spawn(&command)?;
        let backoff = Duration::from_millis(200);
        Ok(Self { command, child, started: Instant::now(), backoff, quick_ends: 0, not_before: None, log_start })
    }

    /// Restarts a supervisor that died, with growing pauses; passes on an exit that another start cannot mend.
    pub(super) fn keep_alive(&mut self) -> Result<(), Failure> {
        let Some(status) = self.child.try_wait().map_err(|e| self.failed(&e))? else { return Ok(()) };
        if let Some(failure) = self.fatal(status) {
            return Err(failure);
        }
        match self.not_before {
            None => {
                if self.started.elapsed() > Duration::from_secs(60) {
                    self.backoff = Duration::from_millis(200);
                    self.quick_ends = 0;
                }
                self.quick_ends += 1;
                if self.quick_ends >= QUICK_ENDS {
                    return Err(self.gave_up(status));
                }
                self.not_before = Some(Instant::now() + self.backoff);
                self.backoff = (self.backoff * 2).min(Duration::from_secs(30));
            }
            Some(time) if Instant::now() < time => {}
            Some(_) => {
                self.not_before = None;
                self.log_start = self.command.log_length();
                self.child = spawn(&self.command)?;
                self.started = Instant::now();
            }
        }
        Ok(())
    }

    fn failed(&self, error: &std::io::Error) -> Failure {
        let path = self.command.executable.display();
        Failure::new(Exit::WorkerFailed, format!("cannot watch the workers started from {path}: {error}"))
    }

    fn fatal(&self, status: ExitStatus) -> Option<Failure> {
        let code = u8::try_from(status.code()?).ok()?;
        let exit = match code {
            2 | 20..=22 | 31 | 32 | 34 => Exit::from_code(code),
            // The dynamic loader's, the shell's, and ours for an executable that does not start.
            126 | 127 | 43 => Exit::WorkerFailed,
            _ => return None,
        };
        let tail = tail(&self.command.log(), self.log_start);
        let message = last_error(&tail).unwrap_or_else(|| format!("the workers stopped with exit code {code}"));
        Some(self.with_hint(Failure::new(exit, message)))
    }

    fn gave_up(&self, status: ExitStatus) -> Failure {
        let path = self.command.executable.display();
        self.with_hint(Failure::new(
            Exit::WorkerFailed,
            format!(
                "{path} ended {} times in a row without having worked, the last time with {status}",
                self.quick_ends
            ),
        ))
    }

    fn with_hint(&self, failure: Failure) -> Failure {
        failure.hint(format!(
            "nothing finished is lost: mend this and give the same command again; the workers' log is {}",
            self.command.log().display()
        ))
    }

    /// Asks the workers to finish what they train within the grace period, then ends them.
    pub(super) async fn stop(mut self) {
        if let Some(pid) =
            self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw)
        {
            // It may have ended by itself in between.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        if tokio::time::timeout(self.command.grace + FAREWELL, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}

impl WorkerCommand {
    fn log(&self) -> PathBuf {
        self.state_dir.join("worker.log")
    }

    /// 0 while there is no log.
    fn log_length(&self) -> u64 {
        std::fs::metadata(self.log()).map_or(0, |m| m.len())
    }
}

fn spawn(command: &WorkerCommand) -> Result<Child, Failure> {
    let io = |what: &str, e: std::io::Error| {
        Failure::new(Exit::NotWritable, format!("cannot {what} {}: {e}", command.state_dir.display()))
    };
    std::fs::create_dir_all(&command.state_dir).map_err(|e| io("create", e))?;
    let log = File::options().create(true).append(true).open(command.log()).map_err(|e| io("log to", e))?;
    let mut process = Command::new(&command.executable);
    process
        .args(["--coordinator", &command.url, "--devices", &command.devices, "--exit-with-parent"])
        .args(["--slot-prefix", command.slot_prefix])
        .args(["--grace", &command.grace.as_secs().to_string()])
        .arg("--state-dir")
        .arg(&command.state_dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        // Ctrl-C in a terminal goes to a whole process group; the workers are told by us instead.
        .process_group(0);
    if let Some(dir) = &command.data_dir {
        process.arg("--data-dir").arg(dir);
    }
    process.spawn().map_err(|e| {
        Failure::new(Exit::WorkerFailed, format!("cannot start {}: {e}", command.executable.display()))
            .hint("`make build` builds it")
    })
}

/// A file from byte `start` on, at most its last 64 KiB, as text; empty if it cannot be read.
fn tail(path: &Path, start: u64) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(start.max(length.saturating_sub(64 << 10))))?;
        let mut buffer = Vec::new();
        file.read_to_end(&mut buffer)?;
        Ok(String::from_utf8_lossy(&buffer).into_owned())
    };
    read().unwrap_or_default()
}

/// The last `error: …` that a worker printed for people, with the indented lines that belong to it. Workers of one
/// supervisor put `[device] ` before their lines.
fn last_error(log: &str) -> Option<String> {
    let lines: Vec<&str> = log.lines().map(without_source).collect();
    let last = lines.iter().rposition(|line| line.starts_with("error: "))?;
    let more = lines[last + 1..].iter().take_while(|line| line.starts_with("  "));
    let first = lines[last].trim_start_matches("error: ");
    Some([first].into_iter().chain(more.copied()).collect::<Vec<_>>().join("\n"))
}

fn without_source(line: &str) -> &str {
    match line.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        Some((_, text)) => text,
        None => line,
    }
}

/// Checks the form of `--devices`; which devices there are is the workers' business.
pub(super) fn devices(text: &str) -> Result<String, String> {
    let known = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '/';
    let list = |text: &str| text.split(',').all(|d| d.chars().any(|c| c.is_ascii_digit()) && d.chars().all(known));
    let good = match text.strip_prefix("cpu:") {
        Some(n) => n.parse::<u32>().is_ok_and(|n| (1..=1_024).contains(&n)),
        None => text == "all" || list(text),
    };
    if good {
        Ok(text.to_owned())
    } else {
        Err("expected `all`, `cpu:2`, or GPU indices or UUIDs like `0,1`".to_owned())
    }
}

/// This process's command line, quoted for a shell.
pub(super) fn command_line() -> String {
    std::env::args().map(|arg| quoted(&arg)).collect::<Vec<_>>().join(" ")
}

fn quoted(arg: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:=,+@%-".contains(c);
    if !arg.is_empty() && arg.chars().all(plain) { arg.to_owned() } else { format!("'{}'", arg.replace('\'', "'\\''")) }
}

/// Resolves when the state directory was removed under a running coordinator: SQLite would go on writing to a file
/// that nobody can open any more.
pub(super) async fn vanished(lock: &Path) -> Failure {
    while lock.exists() {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Failure::new(Exit::StoreFailed, format!("{} is gone: the state directory was removed or moved", lock.display()))
        .hint("put it back and give the same command again, or begin anew")
}

/// Resolves on Ctrl-C or SIGTERM.
pub(super) fn interrupted() -> impl Future<Output = ()> + Send + 'static {
    let interrupt = tokio::signal::unix::signal(SignalKind::interrupt());
    let terminate = tokio::signal::unix::signal(SignalKind::terminate());
    async move {
        match (interrupt, terminate) {
            (Ok(mut interrupt), Ok(mut terminate)) => {
                tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} }
            }
            // Without handlers the system's default applies: the process ends by itself.
            _ => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_survives_the_shell() {
        assert_eq!(quoted("--out=a/b"), "--out=a/b");
        assert_eq!(quoted("it's $x"), r"'it'\''s $x'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn devices_are_checked_before_anything_is_made() {
        for good in ["all", "cpu:1", "0", "0,1", "GPU-8f2c,MIG-1a/2/3"] {
            assert!(devices(good).is_ok(), "{good}");
        }
        for bad in ["", "gpu", "cpu:", "cpu:0", "cpu:x", "cpu:1:2", "0,", "a b"] {
            assert!(devices(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_last_error_keeps_its_hint_and_nothing_else() {
        let log = "error: old\n2026 INFO x\nerror: data file a is missing\n  hint: run `make setup`\n2026 INFO bye\n";
        assert_eq!(last_error(log).as_deref(), Some("data file a is missing\n  hint: run `make setup`"));
        let prefixed = "[cpu:0] error: no data\n[cpu:0]   hint: get some\n[cpu:0] 2026 INFO leaving\n";
        assert_eq!(last_error(prefixed).as_deref(), Some("no data\n  hint: get some"));
        assert_eq!(last_error("all is well"), None);
    }
}
