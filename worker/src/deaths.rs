//! How a child ended, how often in a row, and what its supervisor makes of that.

use crate::{exit, log, session::TRIAL_ENDED};
use std::{
    process::ExitStatus,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{io::AsyncReadExt, process::ChildStdout, task::JoinHandle, time::timeout};
use tracing::{error, warn};

/// Ends in a row with the same code of [`exit::is_about_start`] after which a place is given up. With the waits in
/// between and the time that a child waits for a lock, an old process has a quarter of a minute to die.
const STARTS: u32 = 3;
/// Ends at once in a row, by exit code, after which a place is given up.
const EXITS: u32 = 10;
/// The same where a signal ended one of them: a trial that kills its process is taken from this worker before that.
const CRASHES: u32 = 20;

/// The last deaths in one place.
#[derive(Debug, Default)]
pub(crate) struct Deaths {
    /// In a row, each at once.
    quick: u32,
    /// Whether a signal was among those.
    crashed: bool,
    /// In a row with the same code about the start.
    starts: Option<(u8, u32)>,
}

impl Deaths {
    /// Counts the end of a child. Returns the code to give its place up with; none to start another child.
    /// `at_once`: it lived only shortly and no training ended in it.
    pub(crate) fn verdict(&mut self, name: &str, status: ExitStatus, at_once: bool) -> Option<u8> {
        let code = status.code().map(|code| u8::try_from(code).unwrap_or(exit::INTERNAL));
        match code {
            Some(exit::OK) => return Some(exit::OK),
            Some(code) if exit::is_fatal(code) => {
                error!(device = name, %status, "a worker cannot work here and is not started again");
                return Some(code);
            }
            _ => warn!(device = name, %status, "a worker died"),
        }
        self.starts = match (code.filter(|code| exit::is_about_start(*code)), self.starts) {
            (Some(code), Some((former, count))) if former == code => Some((code, count + 1)),
            (Some(code), _) => Some((code, 1)),
            (None, _) => None,
        };
        if let Some((code, STARTS)) = self.starts {
            // The child has told people why.
            error!(device = name, %status, "a worker could not start {STARTS} times in a row and is given up");
            return Some(code);
        }
        if !at_once {
            (self.quick, self.crashed) = (0, false);
            return None;
        }
        self.quick += 1;
        self.crashed |= code.is_none();
        if self.quick < if self.crashed { CRASHES } else { EXITS } {
            return None;
        }
        let died =
            format!("the worker on {name} died {} times in a row at once, the last time with {status}", self.quick);
        error!(device = name, "{died}");
        log::fatal(&format!("{died}; hint: see the log above"));
        Some(exit::CANNOT_START)
    }
}

/// Whether any training ended in a child, as it tells through its stdout.
pub(crate) struct Work {
    done: Arc<AtomicBool>,
    reader: JoinHandle<()>,
}

impl Work {
    /// Reads `stdout` to its end, so that nobody ever waits for room in it.
    pub(crate) fn watch(stdout: Option<ChildStdout>) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&done);
        let reader = tokio::spawn(async move {
            let Some(mut stdout) = stdout else { return };
            let mut bytes = [0; 4_096];
            while let Ok(count @ 1..) = stdout.read(&mut bytes).await {
                if bytes[..count].contains(&TRIAL_ENDED) {
                    told.store(true, Ordering::Relaxed);
                }
            }
        });
        Self { done, reader }
    }

    /// Asked after the child's end. What it wrote last may still be on the way; a grandchild may keep the pipe open.
    pub(crate) async fn was_done(&mut self) -> bool {
        let _ = timeout(Duration::from_secs(1), &mut self.reader).await;
        self.done.load(Ordering::Relaxed)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // At the end of the pipe it has ended by itself.
        self.reader.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    /// As `wait` gives them: an exit code is in the second byte, a signal in the first.
    fn exited(code: u8) -> ExitStatus {
        ExitStatus::from_raw(i32::from(code) << 8)
    }

    fn killed() -> ExitStatus {
        ExitStatus::from_raw(9)
    }

    /// The place in the row at which a place is given up, and the code; none within 100 deaths.
    fn given_up(ends: impl Fn(u32) -> (ExitStatus, bool)) -> Option<(u32, u8)> {
        let mut deaths = Deaths::default();
        (1..=100).find_map(|n| {
            let (status, at_once) = ends(n);
            deaths.verdict("cpu:0", status, at_once).map(|code| (n, code))
        })
    }

    #[test]
    fn what_ends_a_place_and_when() {
        assert_eq!(given_up(|_| (exited(0), true)), Some((1, 0)));
        assert_eq!(given_up(|_| (exited(20), true)), Some((1, 20)));
        // A child waits five seconds for a lock before it ends with 34, so time says nothing there.
        assert_eq!(given_up(|_| (exited(34), false)), Some((3, 34)));
        assert_eq!(given_up(|_| (exited(31), true)), Some((3, 31)));
        assert_eq!(given_up(|n| (exited(if n == 3 { 1 } else { 34 }), false)), Some((6, 34)), "only in a row");
        assert_eq!(given_up(|_| (exited(1), true)), Some((10, 43)));
        assert_eq!(given_up(|_| (killed(), true)), Some((20, 43)));
        assert_eq!(given_up(|n| (if n == 4 { killed() } else { exited(1) }, true)), Some((20, 43)));
        assert_eq!(given_up(|_| (killed(), false)), None, "they lived, or did some work");
        assert_eq!(given_up(|n| (exited(1), n % 10 != 0)), None);
        assert_eq!(given_up(|n| (exited(1), n != 5)), Some((15, 43)));
    }
}
