//! Live lines of `run` and `watch`: one per worker, one for the sweep. Plain lines when not a terminal.

use super::{list, output};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    collections::BTreeMap,
    io::IsTerminal as _,
    time::{Duration, Instant},
};
use sweeper_proto::v1::{RunningTrial, ShowSweepResponse, TrialCounts};

/// Seconds between plain lines, unless a trial finished.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// Configs whose values are shown, so that they fit on a screen.
const VALUE_LINES: usize = 20;

/// Shows a sweep's state again and again, in place on a terminal, as lines elsewhere.
#[derive(Debug)]
pub(super) struct Display {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Live(Live),
    Plain(Plain),
    Quiet,
}

impl Display {
    /// Live lines if standard error is a terminal, else plain ones; none if `quiet`.
    pub(super) fn new(quiet: bool) -> Self {
        let kind = if quiet {
            Kind::Quiet
        } else if std::io::stderr().is_terminal() {
            Kind::Live(Live::new())
        } else {
            Kind::Plain(Plain { last: None, shown: None })
        };
        Self { kind }
    }

    /// The same with count, mean and standard deviation of the primary metric of the first configs.
    pub(super) fn with_values(quiet: bool) -> Self {
        let mut display = Self::new(quiet);
        if let Kind::Live(live) = &mut display.kind {
            live.values = Some(Vec::new());
        }
        display
    }

    /// Shows the sweep as it is now.
    pub(super) fn update(&mut self, shown: &ShowSweepResponse) {
        match &mut self.kind {
            Kind::Live(live) => live.update(shown),
            Kind::Plain(plain) => plain.update(shown),
            Kind::Quiet => {}
        }
    }

    /// A message that does not break the live lines.
    pub(super) fn note(&self, text: &str) {
        match &self.kind {
            // Drawing is a courtesy: an error there changes nothing.
            Kind::Live(live) => drop(live.lines.println(text)),
            Kind::Plain(_) | Kind::Quiet => output::note(text),
        }
    }

    /// Removes the live lines.
    pub(super) fn finish(self) {
        if let Kind::Live(live) = self.kind {
            let _ = live.lines.clear();
        }
    }
}

#[derive(Debug)]
struct Live {
    lines: MultiProgress,
    sweep: ProgressBar,
    workers: BTreeMap<u64, ProgressBar>,
    /// One line per config, if they are wanted.
    values: Option<Vec<ProgressBar>>,
}

impl Live {
    fn new() -> Self {
        let lines = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(8));
        let sweep = lines.add(ProgressBar::new(0).with_style(style("{prefix:18} {bar:30} {pos}/{len} {wide_msg}")));
        sweep.enable_steady_tick(Duration::from_millis(500));
        Self { lines, sweep, workers: BTreeMap::new(), values: None }
    }

    fn update(&mut self, shown: &ShowSweepResponse) {
        let active: Vec<&RunningTrial> = shown.running.iter().filter(|r| !r.queued).collect();
        self.workers.retain(|id, bar| {
            let keep = active.iter().any(|r| r.worker == *id);
            if !keep {
                bar.finish_and_clear();
                self.lines.remove(bar);
            }
            keep
        });
        for r in active {
            let bar = self.workers.entry(r.worker).or_insert_with(|| {
                let bar = ProgressBar::new(0).with_style(style("{prefix:18} {bar:30} {wide_msg}"));
                self.lines.insert_before(&self.sweep, bar)
            });
            bar.set_prefix(format!("w{} {}", r.worker, r.device));
            bar.set_length(r.steps.max(1));
            bar.set_position(r.step);
            bar.set_message(format!("{} {} {}{}", list::attempt_text(r), r.config_name, r.phase, loss_text(r)));
        }
        let counts = shown.summary.as_ref().and_then(|s| s.trials).unwrap_or_default();
        self.sweep.set_prefix(shown.summary.as_ref().map(|s| format!("s{} {}", s.sweep, s.name)).unwrap_or_default());
        self.sweep.set_length(u64::from(counts.planned));
        self.sweep.set_position(u64::from(closed(&counts)));
        self.sweep.set_message(format!("{}{}", remarks(&counts), left_text(shown)).trim_start_matches(", ").to_owned());
        self.sweep.tick();
        self.update_values(shown);
    }

    fn update_values(&mut self, shown: &ShowSweepResponse) {
        let Some(values) = &mut self.values else { return };
        for (place, config) in shown.configs.iter().take(VALUE_LINES).enumerate() {
            if values.len() <= place {
                values.push(self.lines.add(ProgressBar::new(0).with_style(style("{prefix:18} {wide_msg}"))));
            }
            let [mean, sd] = [config.mean, config.sd].map(list::value_text);
            values[place].set_prefix(config.name.clone());
            values[place].set_message(format!("n {}, {} mean {mean}, SD {sd}", config.values, shown.metric));
        }
    }
}

#[derive(Debug)]
struct Plain {
    last: Option<Instant>,
    shown: Option<TrialCounts>,
}

impl Plain {
    fn update(&mut self, shown: &ShowSweepResponse) {
        let counts = shown.summary.as_ref().and_then(|s| s.trials).unwrap_or_default();
        let advanced = self.shown.is_none_or(|before| closed(&before) != closed(&counts));
        let due = self.last.is_none_or(|last| last.elapsed() >= PLAIN_EVERY);
        // At most one line a second, so that short trials do not flood a log.
        let recent = self.last.is_some_and(|last| last.elapsed() < Duration::from_secs(1));
        if (advanced && !recent) || due {
            let running: Vec<String> = shown.running.iter().filter(|r| !r.queued).map(running_text).collect();
            let doing = if running.is_empty() { String::new() } else { format!(" | {}", running.join(", ")) };
            output::note(&format!("{}{}{doing}", list::counts_text(&counts), left_text(shown)));
            self.last = Some(Instant::now());
            self.shown = Some(counts);
        }
    }
}

fn running_text(r: &RunningTrial) -> String {
    let percent = (100 * r.step.min(r.steps)).checked_div(r.steps).unwrap_or(0);
    format!("w{} {} {} {percent}%", r.worker, list::attempt_text(r), r.config_name)
}

fn closed(t: &TrialCounts) -> u32 {
    t.finished + t.abandoned + t.cancelled
}

fn remarks(t: &TrialCounts) -> String {
    let rest = [
        (t.held, "held for a look"),
        (t.reused, "reused"),
        (t.diverged, "diverged"),
        (t.abandoned, "abandoned"),
        (t.stopped, "not needed any more"),
        (t.cancelled.saturating_sub(t.stopped), "cancelled"),
    ];
    rest.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!(", {n} {what}")).collect()
}

fn left_text(shown: &ShowSweepResponse) -> String {
    if shown.remaining_ms == 0 {
        String::new()
    } else {
        format!(", about {} left", output::duration(shown.remaining_ms))
    }
}

fn loss_text(r: &RunningTrial) -> String {
    if r.loss.is_finite() && r.loss != 0.0 { format!(" loss {:.3}", r.loss) } else { String::new() }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸ ")
}
