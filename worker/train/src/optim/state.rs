//! What of an optimizer a checkpoint keeps. With it and the parameters, the next steps have the same bits.

use tch::{Kind, TchError, Tensor, no_grad};

use super::Optimizer;

/// Name of the step counter.
const STEP: &str = "step";

/// Why a state does not fit an optimizer.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// An entry is missing.
    #[error("the optimizer's state has no `{name}`; expected {expected}; hint: it belongs to other optimizer settings")]
    Missing {
        /// What is missing.
        name: String,
        /// All that is expected.
        expected: String,
    },
    /// An entry is unknown, or there twice.
    #[error("the optimizer's state has one `{name}` too many; expected {expected}; hint: it belongs to other settings")]
    Unexpected {
        /// What should not be there.
        name: String,
        /// All that is expected.
        expected: String,
    },
    /// An entry is of another shape or kind.
    #[error("`{name}` of the optimizer's state is {found}, expected {expected}; hint: it belongs to another network")]
    Shape {
        /// The entry.
        name: String,
        /// Its kind and shape.
        found: String,
        /// The right ones.
        expected: String,
    },
    /// The step counter is negative.
    #[error("`step` of the optimizer's state is {found}, expected 0 or more")]
    Step {
        /// What was found.
        found: i64,
    },
    /// libtorch said no.
    #[error("libtorch: {0}")]
    Torch(#[from] TchError),
}

impl Optimizer {
    /// Copies of all state, in a fixed order: `step` (int64 scalar), then what there is of `mean`, `square`,
    /// `momentum` and `slow` (float32, as long as the parameters).
    ///
    /// # Errors
    /// libtorch's own.
    pub fn state(&self) -> Result<Vec<(String, Tensor)>, TchError> {
        let steps = i64::try_from(self.steps).unwrap_or(i64::MAX);
        let mut state = vec![(STEP.to_owned(), Tensor::f_from_slice(&[steps])?.f_squeeze()?)];
        for (name, tensor) in self.tensors() {
            state.push((name.to_owned(), tensor.f_detach_copy()?));
        }
        Ok(state)
    }

    /// Takes over what [`Optimizer::state`] gave, in any order and from any device. Nothing changes on an error.
    ///
    /// # Errors
    /// [`StateError`] for the first difference in names, shapes or kinds.
    pub fn load_state(&mut self, state: &[(String, Tensor)]) -> Result<(), StateError> {
        let own = self.tensors();
        let names: Vec<&str> = std::iter::once(STEP).chain(own.iter().map(|(name, _)| *name)).collect();
        let expected = || names.join(", ");
        for (place, (name, _)) in state.iter().enumerate() {
            if !names.contains(&name.as_str()) || state[..place].iter().any(|(earlier, _)| earlier == name) {
                return Err(StateError::Unexpected { name: name.clone(), expected: expected() });
            }
        }
        let entry = |name: &str| {
            let found = state.iter().find(|(other, _)| other == name);
            found
                .map(|(_, tensor)| tensor)
                .ok_or_else(|| StateError::Missing { name: name.to_owned(), expected: expected() })
        };
        let step = entry(STEP)?;
        same(STEP, step, Kind::Int64, &[])?;
        let mut pairs = Vec::new();
        for (name, tensor) in &own {
            let new = entry(name)?;
            same(name, new, Kind::Float, &tensor.size())?;
            pairs.push((tensor.shallow_clone(), new));
        }
        let step = step.f_int64_value(&[])?;
        let steps = u64::try_from(step).map_err(|_| StateError::Step { found: step })?;
        no_grad(|| pairs.into_iter().try_for_each(|(mut old, new)| old.f_copy_(new)))?;
        self.steps = steps;
        Ok(())
    }

    fn tensors(&self) -> Vec<(&'static str, &Tensor)> {
        let all = [("mean", &self.mean), ("square", &self.square), ("momentum", &self.momentum), ("slow", &self.slow)];
        all.into_iter().filter_map(|(name, tensor)| Some((name, tensor.as_ref()?))).collect()
    }
}

fn same(name: &str, found: &Tensor, kind: Kind, size: &[i64]) -> Result<(), StateError> {
    if found.kind() == kind && found.size() == size {
        return Ok(());
    }
    let found = format!("{:?} of shape {:?}", found.kind(), found.size());
    Err(StateError::Shape { name: name.to_owned(), found, expected: format!("{kind:?} of shape {size:?}") })
}
