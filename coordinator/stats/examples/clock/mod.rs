//! Times jobs by wall clock and by processor time, and prints them for people or programs.

#![allow(unreachable_pub)]

use std::any::Any;
use std::error::Error;
use std::fs;
use std::time::Instant;

/// What a job made. It is freed when the clock has stopped.
pub type Made = Box<dyn Any>;

/// A job: its id in `--json`, its name, the goal in milliseconds if it has one, and what it does.
pub struct Job<'a> {
    pub id: &'static str,
    pub name: &'static str,
    pub goal_ms: Option<f64>,
    pub run: Box<dyn Fn() -> Result<Made, Box<dyn Error>> + 'a>,
}

/// Shortest time that one measurement takes, in seconds: quicker jobs are repeated within it.
const SHORTEST: f64 = 2e-2;

/// Seconds of processor time of all threads of this process so far; none where the system does not tell.
fn processor_seconds() -> Option<f64> {
    // A running thread's time is brought up to date when it lets others run.
    std::thread::yield_now();
    let of = |path| fs::read_to_string(path).ok()?.split(' ').next()?.parse::<f64>().ok();
    let tasks = fs::read_dir("/proc/self/task").ok()?;
    let nanoseconds: f64 = tasks.filter_map(|task| of(task.ok()?.path().join("schedstat"))).sum();
    Some(nanoseconds * 1e-9)
}

/// Milliseconds of wall and processor time of one run, as many times as asked, ascending by themselves.
fn measure(job: &Job, repetitions: usize) -> Result<[Vec<f64>; 2], Box<dyn Error>> {
    let start = Instant::now();
    drop((job.run)()?);
    let inner = (SHORTEST / start.elapsed().as_secs_f64()).ceil().clamp(1.0, 1e5);
    let (mut wall, mut processor) = (Vec::new(), Vec::new());
    for _ in 0..repetitions {
        let (start, before) = (Instant::now(), processor_seconds());
        let mut made = (job.run)()?;
        for _ in 1..inner as u32 {
            made = (job.run)()?;
        }
        wall.push(start.elapsed().as_secs_f64() * 1e3 / inner);
        processor.extend(before.zip(processor_seconds()).map(|(before, after)| (after - before) * 1e3 / inner));
        drop(made);
    }
    wall.sort_by(f64::total_cmp);
    processor.sort_by(f64::total_cmp);
    Ok([wall, processor])
}

/// Measures the jobs and prints a table, or with `json` a line of JSON for each: median, least and most.
///
/// # Errors
/// What a job answers.
pub fn print(jobs: &[Job], repetitions: usize, json: bool) -> Result<(), Box<dyn Error>> {
    if !json {
        let columns = ["wall ms", "least", "most", "CPU ms", "least", "most", "goal ms"];
        println!("{:<54}{:>4}{}", "job", "n", columns.map(|c| format!("{c:>11}")).concat());
    }
    for job in jobs {
        let [wall, processor] = measure(job, repetitions)?;
        let three = |times: &[f64]| match times {
            [] => None,
            times => Some([times[times.len() / 2], times[0], times[times.len() - 1]]),
        };
        let (wall, processor) = (three(&wall).unwrap_or_default(), three(&processor));
        if json {
            let goal = job.goal_ms.map_or_else(|| "null".to_owned(), |goal| goal.to_string());
            let processor = processor.map_or_else(|| "null".to_owned(), |times| format!("{times:?}"));
            let (id, name) = (job.id, job.name);
            println!(
                r#"{{"id":"{id}","name":"{name}","n":{repetitions},"wall_ms":{wall:?},"cpu_ms":{processor},"goal_ms":{goal}}}"#
            );
        } else {
            let cell = |value: f64| format!("{:>11}", format!("{value:.4}"));
            let processor = processor.map_or_else(|| format!("{:>33}", "-"), |times| times.map(cell).concat());
            let goal = job.goal_ms.map_or_else(|| "-".to_owned(), |goal| goal.to_string());
            println!("{:<54}{repetitions:>4}{}{processor}{goal:>11}", job.name, wall.map(cell).concat());
        }
    }
    Ok(())
}

/// What stands on the command line: a word that names of jobs must hold, and whether `--json` is there.
pub fn arguments() -> (String, bool) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let word = arguments.iter().find(|a| !a.starts_with("--")).cloned().unwrap_or_default();
    (word, arguments.iter().any(|a| a == "--json"))
}
