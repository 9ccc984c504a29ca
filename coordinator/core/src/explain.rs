//! Says in one sentence why a trial is where it is.

use crate::{
    ids::{Millis, TrialId, WorkerId},
    state::{Lease, State, Sweep, Trial, TrialState},
};
use alloc::{
    format,
    string::{String, ToString},
};

/// The most characters of an error that a sentence quotes.
const ERROR_CHARS: usize = 200;

/// No such trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no trial {0}")]
pub struct UnknownTrial(pub TrialId);

/// Why the trial is where it is, in one sentence for people.
///
/// # Errors
/// [`UnknownTrial`] if there is no such trial.
pub fn explain(state: &State, id: TrialId, now: Millis) -> Result<String, UnknownTrial> {
    let sweep = state.sweeps.get(&id.sweep).ok_or(UnknownTrial(id))?;
    let trial = sweep.trial(id.config, id.replicate).ok_or(UnknownTrial(id))?;
    let why = match (trial.state, trial.lease.as_deref()) {
        (TrialState::Leased, Some(lease)) => leased(state, sweep, trial, lease, now),
        (TrialState::Pending, _) if sweep.is_held(trial) => held(sweep, trial),
        (TrialState::Pending | TrialState::Leased, _) => {
            format!("{}{}", pending(state, sweep, trial), history(sweep, trial, trial.attempts))
        }
        (TrialState::Finished, _) => finished(state, trial, now),
        (TrialState::Abandoned, _) => {
            let failed = plural(trial.failures.into(), "failed attempt");
            format!(
                "is abandoned after {failed}, the most that the sweep allows{}; {}",
                losses(trial),
                last_error(trial)
            )
        }
        (TrialState::Cancelled, _) => cancelled(sweep, id),
    };
    Ok(format!("{id} {why}."))
}

fn cancelled(sweep: &Sweep, id: TrialId) -> String {
    match sweep.stopped(id.config, id.replicate) {
        Some((look, why)) => {
            format!("is not needed: the look at {} stopped its config, because {why}", plural(look.into(), "replicate"))
        }
        None => format!(
            "is cancelled with its sweep: {}",
            one_line(sweep.cancelled.as_deref().unwrap_or("no reason given"))
        ),
    }
}

/// Why a trial that waits for a look does so.
fn held(sweep: &Sweep, trial: &Trial) -> String {
    let looks = sweep.looks_of(trial.id.config);
    let (Some(next), waits_for) = (looks.and_then(|l| l.next()), looks.map_or(0, |l| l.waits_for)) else {
        return "waits for a look at its sweep".to_string();
    };
    let next = plural(next.into(), "replicate");
    match waits_for {
        0 => format!("waits for the look at {next}, which is taken now"),
        n => format!("waits for the look at {next}, which needs {} to end first", plural(n.into(), "trial")),
    }
}

fn pending(state: &State, sweep: &Sweep, trial: &Trial) -> String {
    let live = state.workers.values().filter(|w| w.state.is_live()).count();
    let busy = state.workers.values().filter(|w| w.state.is_live() && !w.leases.is_empty()).count();
    if live == 0 {
        let gone = match state.workers.len() {
            0 => "no worker has joined yet".to_string(),
            n => format!("{n} joined before, all gone"),
        };
        return format!("waits for a worker: none is connected ({gone})");
    }
    let earlier = || state.open_sweeps().take_while(|(id, _)| *id != trial.id.sweep);
    let first = earlier().find(|(_, s)| s.counts.ready() > 0);
    if let Some((first, other)) = first {
        let waiting: u64 = earlier().map(|(_, s)| u64::from(s.counts.ready())).sum();
        let cause = if other.spec.priority > sweep.spec.priority {
            format!("priority {} against {}", other.spec.priority, sweep.spec.priority)
        } else {
            "submitted earlier".to_string()
        };
        let waiting = plural(waiting, "pending trial");
        return format!("waits behind {waiting} of sweeps served first, now {first} `{}` ({cause})", other.spec.name);
    }
    let ahead = sweep.pending().take_while(|t| t.id != trial.id).count() as u64;
    let live_workers = plural(live as u64, "live worker");
    let workers = match live - busy {
        0 if live == 1 => "the only live worker is busy".to_string(),
        0 => format!("all {live_workers} are busy"),
        1 => format!("1 of {live_workers} is idle and will ask for work"),
        idle => format!("{idle} of {live_workers} are idle and will ask for work"),
    };
    match ahead {
        0 => format!("is the next to be leased: {workers}"),
        n => format!("waits with {} of its sweep before it: {workers}", plural(n, "pending trial")),
    }
}

fn leased(state: &State, sweep: &Sweep, trial: &Trial, lease: &Lease, now: Millis) -> String {
    let when = elapsed(lease.granted, now);
    let earlier = history(sweep, trial, trial.attempts.saturating_sub(1));
    format!(
        "is leased to {} as attempt {}, granted {when}{earlier}",
        worker_name(state, lease.worker),
        lease.id.attempt
    )
}

fn finished(state: &State, trial: &Trial, now: Millis) -> String {
    let how = if trial.diverged { "diverged" } else { "completed" };
    let Some(accepted) = &trial.accepted else { return format!("is finished: it {how}") };
    let when = elapsed(accepted.at, now);
    match (accepted.reused_from, accepted.worker) {
        (Some(from), _) => format!("is finished without a run: {from} has the same content and {how}, taken {when}"),
        (None, Some(worker)) => {
            format!("is finished: attempt {} {how} on {}, {when}", accepted.attempt, worker_name(state, worker))
        }
        (None, None) => format!("is finished: attempt {} {how}, {when}", accepted.attempt),
    }
}

/// What became of the earlier attempts, as a further clause; empty if there were none.
fn history(sweep: &Sweep, trial: &Trial, earlier: u32) -> String {
    if earlier == 0 {
        return String::new();
    }
    let ended = format!("; {} ended without an outcome{}", plural(earlier.into(), "earlier attempt"), losses(trial));
    match trial.failures {
        0 => format!("{ended}, none by failing code, so none counts"),
        n => {
            format!("{ended}, {n} by failing code ({} allowed), {}", sweep.spec.max_failures.max(1), last_error(trial))
        }
    }
}

/// How often the trial was lost, as a further part of a list; empty if never.
fn losses(trial: &Trial) -> String {
    match trial.losses {
        0 => String::new(),
        n => format!(", {n} by loss of the worker or its lease"),
    }
}

fn last_error(trial: &Trial) -> String {
    format!("the last error was: {}", one_line(trial.last_error.as_deref().unwrap_or("none given")))
}

/// The first line that says something, bounded, without the full stop that the sentence adds.
fn one_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or("(empty)").trim_end_matches('.');
    match line.char_indices().nth(ERROR_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_string(),
    }
}

fn worker_name(state: &State, id: WorkerId) -> String {
    match state.workers.get(&id) {
        Some(worker) => format!("{id} ({} on {})", worker.info.device, worker.info.node),
        None => id.to_string(),
    }
}

fn plural(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn elapsed(from: Millis, now: Millis) -> String {
    let seconds = now.0.saturating_sub(from.0) / 1000;
    match seconds {
        0..120 => format!("{seconds} s ago"),
        120..7200 => format!("{} min ago", seconds / 60),
        7200..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}
