//! A training's state on disk, so that an interrupted one goes on instead of beginning anew, with the same bits.
//!
//! One file per trial, in safetensors form: every tensor of model and optimizer, and a JSON record of everything else.
//! Randomness needs no place in it, since every number is addressed by its position. The file's name ends with the
//! hash of its content; a file that does not fit its name is passed over, and the training begins anew.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use sweeper_recipe::{TRAINER_VERSION, trial::Task};
use tch::{Kind, TchError, Tensor};

use crate::{device::library_version, hex};

/// Name of the tensor that holds the record's JSON.
const RECORD: &str = "record";

/// Why a checkpoint was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckpointError {
    /// The disk said no.
    #[error("checkpoint {path}: {source}; hint: free space there, or name another --checkpoint-dir")]
    Disk {
        /// File or folder.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// libtorch said no.
    #[error("checkpoint {path}: {source}")]
    Torch {
        /// The file.
        path: PathBuf,
        /// libtorch's words.
        source: TchError,
    },
}

/// The place of one trial's checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    folder: PathBuf,
    key: String,
}

/// A state read back.
pub(crate) struct Restored<R> {
    /// As given to [`Place::write`].
    pub tensors: Vec<(String, Tensor)>,
    /// As given to [`Place::write`].
    pub record: R,
}

impl Place {
    /// The place of `task`'s checkpoint in `folder`. Equal recipe, seed, data, version of the numerics, libtorch and kind
    /// of device share it, whoever trains: another device would go on with other bits.
    #[must_use]
    pub(crate) fn new(folder: &Path, task: &Task, data_digest: &str, device: &str) -> Self {
        let mut hasher = Sha256::new();
        let (digest, seed, library) = (task.recipe.digest(), task.seed.to_string(), library_version());
        for part in [digest.as_str(), &seed, data_digest, TRAINER_VERSION, device, &library] {
            hasher.update(part.as_bytes());
            hasher.update([0]);
        }
        Self { folder: folder.to_owned(), key: hex(&hasher.finalize())[..32].to_owned() }
    }

    /// Writes the state after `epoch` epochs and removes older ones. A crash leaves the older or the newer file, never
    /// half of one.
    ///
    /// # Errors
    /// The disk's or libtorch's own.
    pub(crate) fn write<R: Serialize>(
        &self,
        epoch: u32,
        tensors: &[(String, Tensor)],
        record: R,
    ) -> Result<(), CheckpointError> {
        let disk = |path: &Path| {
            let path = path.to_owned();
            move |source| CheckpointError::Disk { path, source }
        };
        fs::create_dir_all(&self.folder).map_err(disk(&self.folder))?;
        let draft = self.folder.join(format!("{}.{}.draft", self.key, std::process::id()));
        let written = Self::draft(&draft, tensors, record);
        let result = written.and_then(|()| {
            File::open(&draft).and_then(|file| file.sync_all()).map_err(disk(&draft))?;
            let content = fs::read(&draft).map_err(disk(&draft))?;
            let file = self.folder.join(self.name(epoch, &content));
            fs::rename(&draft, &file).map_err(disk(&file))?;
            self.remove_but(Some(&file));
            Ok(())
        });
        if result.is_err() {
            let _ = fs::remove_file(&draft);
        }
        result
    }

    fn draft<R: Serialize>(path: &Path, tensors: &[(String, Tensor)], record: R) -> Result<(), CheckpointError> {
        let torch = |source| CheckpointError::Torch { path: path.to_owned(), source };
        let json = serde_json::to_vec(&record)
            .map_err(|error| CheckpointError::Disk { path: path.to_owned(), source: error.into() })?;
        let mut all = vec![(RECORD.to_owned(), Tensor::f_from_slice(&json).map_err(torch)?)];
        for (name, tensor) in tensors {
            // The format knows one memory layout only; the order of the axes says the rest.
            let plain = tensor.f_detach().and_then(|t| t.f_to_device(tch::Device::Cpu)).and_then(|t| t.f_contiguous());
            all.push((name.clone(), plain.map_err(torch)?));
        }
        Tensor::write_safetensors(&all, path).map_err(torch)
    }

    /// The newest sound state; none if there is none. What is damaged is passed over.
    #[must_use]
    pub(crate) fn read<R: DeserializeOwned>(&self) -> Option<Restored<R>> {
        let mut files = self.files();
        files.sort_unstable();
        files.iter().rev().find_map(|file| {
            let content = fs::read(file).ok()?;
            let name = file.file_name()?.to_str()?;
            let epoch = name.split('.').nth(1)?.parse().ok()?;
            if self.name(epoch, &content) != name {
                return None;
            }
            drop(content);
            let mut tensors = Tensor::read_safetensors(file).ok()?;
            let at = tensors.iter().position(|(name, _)| name == RECORD)?;
            let (_, json) = tensors.swap_remove(at);
            let mut bytes = vec![0u8; json.numel()];
            json.f_to_kind(Kind::Uint8).ok()?.f_copy_data(&mut bytes, json.numel()).ok()?;
            let record = serde_json::from_slice(&bytes).ok()?;
            tensors.sort_by(|(a, _), (b, _)| a.cmp(b));
            Some(Restored { tensors, record })
        })
    }

    /// Removes every state of this trial.
    pub(crate) fn remove(&self) {
        self.remove_but(None);
    }

    fn remove_but(&self, keep: Option<&Path>) {
        // Drafts are what a process left that was killed while it wrote.
        let drafts = self.files_ending(".draft");
        for file in self.files().iter().chain(&drafts).filter(|file| Some(file.as_path()) != keep) {
            // What stays costs space and nothing else.
            let _ = fs::remove_file(file);
        }
    }

    /// Epochs have a fixed width, so that names sort by age.
    fn name(&self, epoch: u32, content: &[u8]) -> String {
        format!("{}.{epoch:06}.{}.safetensors", self.key, &hex(&Sha256::digest(content))[..32])
    }

    fn files(&self) -> Vec<PathBuf> {
        self.files_ending(".safetensors")
    }

    fn files_ending(&self, end: &str) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let ours = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with(&self.key) && name.ends_with(end)
        };
        entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).filter(ours).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use sweeper_recipe::Recipe;
    use tempfile::TempDir;

    fn place(folder: &Path, seed: u64) -> Place {
        let task = Task { label: String::new(), recipe: Recipe::default(), seed, data_digest: None };
        Place::new(folder, &task, "data", "cpu")
    }

    fn tensors(start: f32) -> Vec<(String, Tensor)> {
        let values: Vec<f32> = (0..24).map(|i| start + i as f32).collect();
        let nchw = Tensor::from_slice(&values).view([2, 3, 2, 2]);
        let nhwc = nchw.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
        vec![("b".into(), nhwc), ("a".into(), Tensor::from_slice(&[7i64])), ("scalar".into(), Tensor::from(1.5f32))]
    }

    #[test]
    fn what_was_written_comes_back_to_the_bit() {
        let folder = TempDir::new().unwrap();
        let place = place(folder.path(), 1);
        assert!(place.read::<Vec<f64>>().is_none());
        place.write(3, &tensors(0.1), vec![0.1f64, 2.0]).unwrap();
        place.write(4, &tensors(0.2), vec![0.3f64]).unwrap();
        let back = place.read::<Vec<f64>>().unwrap();
        assert_eq!(back.record, vec![0.3]);
        assert_eq!(back.tensors.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a", "b", "scalar"]);
        let (expected, found) = (&tensors(0.2)[0].1, &back.tensors[1].1);
        assert_eq!(expected, found);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "older states are removed");
        place.remove();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn trials_do_not_meet_and_damage_is_passed_over() {
        let folder = TempDir::new().unwrap();
        let (one, two) = (place(folder.path(), 1), place(folder.path(), 2));
        one.write(1, &tensors(1.0), 1u8).unwrap();
        assert!(two.read::<u8>().is_none());
        let file = one.files().remove(0);
        let mut content = fs::read(&file).unwrap();
        let at = content.len() - 5;
        content[at] ^= 1;
        fs::write(&file, &content).unwrap();
        assert!(one.read::<u8>().is_none());
        fs::write(&file, &content[..40]).unwrap();
        assert!(one.read::<u8>().is_none());
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = place(&file, 1).write(1, &tensors(0.0), ()).unwrap_err().to_string();
        assert!(error.contains("file") && error.contains("--checkpoint-dir"), "{error}");
    }
}
