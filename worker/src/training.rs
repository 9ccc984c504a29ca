//! The one thread that trains. The runtime's thread stays free, so heartbeats go on through the longest step.

use crate::{
    board::Board,
    trainer::{MakeTrainer, Outcome, Task, TrainError, Trainer, TrainerOptions},
};
use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
};
use tokio::sync::mpsc::UnboundedSender;

/// One training to do.
pub(crate) struct Job {
    pub(crate) task: Task,
    pub(crate) stop: Arc<AtomicBool>,
}

/// What came of it.
pub(crate) type Done = Result<Outcome, TrainError>;

/// Starts the thread. It ends when the sender is dropped, after the training it is in.
pub(crate) fn start(
    make: MakeTrainer,
    options: TrainerOptions,
    board: Arc<Board>,
    done: UnboundedSender<Done>,
) -> std::io::Result<(mpsc::Sender<Job>, JoinHandle<()>)> {
    let (jobs, inbox) = mpsc::channel::<Job>();
    let thread = thread::Builder::new().name("training".to_owned()).spawn(move || {
        let mut trainer: Option<Box<dyn Trainer>> = None;
        for job in inbox {
            let result = catch_unwind(AssertUnwindSafe(|| train(&mut trainer, &make, &options, &board, &job)));
            let result = result.unwrap_or_else(|panic| {
                // Whatever state it is in, nobody knows; the next training gets a new one.
                let broken = trainer.take();
                let _ = catch_unwind(AssertUnwindSafe(|| drop(broken)));
                Err(TrainError::Failed(format!("the trainer panicked: {}", message(&*panic))))
            });
            if done.send(result).is_err() {
                return;
            }
        }
    })?;
    Ok((jobs, thread))
}

fn train(
    trainer: &mut Option<Box<dyn Trainer>>,
    make: &MakeTrainer,
    options: &TrainerOptions,
    board: &Board,
    job: &Job,
) -> Done {
    let trainer = match trainer {
        Some(trainer) => trainer,
        None => trainer.insert(make(options)?),
    };
    let stop = || {
        board.alive();
        job.stop.load(Ordering::Relaxed)
    };
    trainer.train(&job.task, &stop, &mut |progress| board.progress(progress))
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::{devices::Device, synthetic::Synthetic, trainer::Progress};
    use std::sync::atomic::AtomicUsize;
    use sweeper_recipe::Recipe;

    struct Moody(Synthetic);

    impl Trainer for Moody {
        fn train(
            &mut self,
            task: &Task,
            stop: &dyn Fn() -> bool,
            progress: &mut dyn FnMut(Progress),
        ) -> Result<Outcome, TrainError> {
            assert!(task.seed != 13, "seed {} is unlucky", task.seed);
            self.0.train(task, stop, progress)
        }
    }

    #[test]
    fn a_panic_is_a_failure_and_costs_only_its_trainer() {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let make: MakeTrainer = Box::new(|_| {
            MADE.fetch_add(1, Ordering::Relaxed);
            Ok(Box::new(Moody(Synthetic)))
        });
        let options = TrainerOptions { data_dir: "unused".into(), checkpoint_dir: None, device: Device::Cpu(0) };
        let (done, mut results) = tokio::sync::mpsc::unbounded_channel();
        let (jobs, thread) = start(make, options, Arc::new(Board::new()), done).unwrap();
        let recipe = Recipe::from_json(br#"{"trainer":"synthetic"}"#).unwrap();
        for seed in [1, 2, 13, 3] {
            let task = Task { label: "s1/c0/r0#1".into(), recipe: recipe.clone(), seed, data_digest: None };
            jobs.send(Job { task, stop: Arc::default() }).unwrap();
        }
        drop(jobs);
        thread.join().unwrap();
        let results: Vec<Done> = std::iter::from_fn(|| results.try_recv().ok()).collect();
        assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, false, true]);
        assert_eq!(results[2], Err(TrainError::Failed("the trainer panicked: seed 13 is unlucky".into())));
        assert_eq!(MADE.load(Ordering::Relaxed), 2);
    }
}
