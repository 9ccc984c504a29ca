//! Everything of a model that training changes: to be saved, restored and compared.

use std::cmp::Ordering;

use sha2::{Digest, Sha256};
use tch::{Device, Kind, TchError, Tensor};

use super::Model;
use crate::hex;

impl Model {
    /// All parameters, running moments and power-iteration vectors, sorted by name: float32 copies on the processor,
    /// their values in the order of the axes.
    ///
    /// # Errors
    /// libtorch's own.
    pub fn state(&self) -> Result<Vec<(String, Tensor)>, TchError> {
        let copied = |(name, tensor): (&str, &Tensor)| -> Result<_, TchError> {
            let mut values = Tensor::f_zeros(tensor.size(), (Kind::Float, Device::Cpu))?;
            values.f_copy_(&tensor.f_detach()?)?;
            Ok((name.to_owned(), values))
        };
        self.sorted().into_iter().map(copied).collect()
    }

    /// Takes over what [`Model::state`] gave, in any order and memory layout, from any device.
    ///
    /// # Errors
    /// A name that is missing, unknown or there twice, or another shape: nothing is changed then. libtorch's own.
    pub fn load_state(&self, state: &[(String, Tensor)]) -> Result<(), TchError> {
        let own = self.sorted();
        let mut given: Vec<(&str, &Tensor)> = state.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        given.sort_by_key(|(name, _)| *name);
        for at in 0..own.len().max(given.len()) {
            let difference = match (own.get(at), given.get(at)) {
                (Some((own, _)), None) => format!("{own} is missing"),
                (None, Some((given, _))) => format!("{given} is unknown"),
                (Some((own_name, own)), Some((name, given))) => match own_name.cmp(name) {
                    Ordering::Less => format!("{own_name} is missing"),
                    Ordering::Greater => format!("{name} is unknown, or there twice"),
                    Ordering::Equal if own.size() == given.size() => continue,
                    Ordering::Equal => format!("{name} is {:?} instead of {:?}", given.size(), own.size()),
                },
                (None, None) => continue,
            };
            return Err(TchError::Shape(format!("this state is of another model: {difference}")));
        }
        tch::no_grad(|| own.iter().zip(given).try_for_each(|((_, own), (_, new))| own.shallow_clone().f_copy_(new)))
    }

    /// SHA-256 over all parameters, running moments and power-iteration vectors: sorted by name, each as name, sizes, and
    /// float32 values in the order of the axes whatever the memory layout, all little-endian.
    ///
    /// # Errors
    /// libtorch's own.
    pub fn digest(&self) -> Result<String, TchError> {
        let mut hasher = Sha256::new();
        for (name, tensor) in self.state()? {
            hasher.update((name.len() as u64).to_le_bytes());
            hasher.update(name.as_bytes());
            tensor.size().iter().for_each(|side| hasher.update(side.to_le_bytes()));
            let mut values = vec![0f32; tensor.numel()];
            tensor.f_copy_data(&mut values, tensor.numel())?;
            values.iter().for_each(|value| hasher.update(value.to_le_bytes()));
        }
        Ok(hex(&hasher.finalize()))
    }

    fn sorted(&self) -> Vec<(&str, &Tensor)> {
        let parameters = self.layers.parameters.list().iter().map(|p| (p.name.as_str(), &p.tensor));
        let buffers = self.layers.buffers.iter().map(|(name, tensor)| (name.as_str(), tensor));
        let mut all: Vec<(&str, &Tensor)> = parameters.chain(buffers).collect();
        all.sort_by_key(|(name, _)| *name);
        all
    }
}
