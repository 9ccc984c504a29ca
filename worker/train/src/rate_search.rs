//! The search for a learning rate as a trial: up to 100 steps of growing rate from a fresh model, no evaluation. Its
//! result is the metric `lr/suggested`.

use std::time::Instant;

use sweeper_recipe::{
    Precision,
    trial::{Ending, Progress},
};

use crate::{
    error::Error,
    finder::{STEPS, Search, rate},
    optim::{LossScaler, Optimizer, Rate},
    training::{Done, Record, Setup},
};

/// Trains with growing rates until the loss leaves its range. Without a suggestion the ending is a divergence, for then
/// there is no number to compare.
pub(crate) fn search(setup: &Setup<'_>, now: &mut Progress, tell: &mut dyn FnMut(Progress)) -> Result<Done, Error> {
    (now.steps, now.phase) = (STEPS, "training");
    let (clock, model) = (Instant::now(), setup.model()?);
    let parameters = model.parameters();
    let mut optimizer = Optimizer::new(&setup.recipe.optimizer, parameters.values(), parameters.decayed())?;
    let half = setup.recipe.precision == Precision::Fp16;
    let mut scaler = half.then(|| LossScaler::new(&setup.recipe.optimizer.loss_scale));
    let (mut search, mut record) = (Search::default(), Record::new());
    setup.steps_per_epoch()?;
    'search: for epoch in 0.. {
        let mut first = 0;
        for rows in setup.epoch_batches(epoch) {
            if (setup.stop)() {
                return Err(Error::Stopped);
            }
            let (loss, _) = setup.loss(&model, &rows, (epoch, first), (now.step, STEPS))?;
            now.loss = loss.f_double_value(&[])?;
            let goes_on = search.push(now.loss);
            if now.loss.is_finite() {
                record.push("loss/finder", now.step as u32 + 1, now.loss, false);
                record.push("lr/finder", now.step as u32 + 1, rate(now.step), false);
            }
            if !goes_on {
                break 'search;
            }
            let step = Rate { lr: rate(now.step), momentum: None };
            match &mut scaler {
                None => optimizer.step(&parameters.gradient(&loss)?, &step)?,
                Some(scaler) => {
                    let gradient = parameters.gradient(&scaler.scale(&loss)?)?;
                    if scaler.unscale(&gradient)? {
                        optimizer.step(&gradient, &step)?;
                    }
                }
            }
            first += rows.len() as u64;
            now.step += 1;
            tell(now.clone());
        }
    }
    record.train_seconds = clock.elapsed().as_secs_f64();
    let ending = match search.suggestion() {
        Ok(suggested) => {
            record.push("lr/suggested", 1, suggested, true);
            Ending::Completed
        }
        Err(none) => Ending::Diverged { epoch: 0, step: now.step, what: none.to_string() },
    };
    Ok(Done { ending, record, parameter_digest: model.digest()?, predictions: Vec::new() })
}
