//! CIFAR's binary files: records of label bytes and a 32 × 32 image, one plane per colour. The format has no header, so
//! a file is sound when it holds whole records with labels in range.

use std::{fs, path::PathBuf};

use sha2::{Digest, Sha256};
use sweeper_recipe::Source;

use super::{MAX_MEMORY, Small};
use crate::{
    DataSet,
    error::{DataError, hex},
};

const SIDE: usize = 32;
const PLANE: usize = SIDE * SIDE;
const CIFAR_10: [&str; 10] = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// Training files, validation file, label bytes before each image (the last of them counts) and number of classes.
fn layout(source: Source) -> (&'static [&'static str], &'static str, usize, usize) {
    if source == Source::Cifar10 {
        let batches =
            &["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"];
        (batches, "test_batch.bin", 1, 10)
    } else {
        (&["train.bin"], "test.bin", 2, 100)
    }
}

/// CIFAR-10 or CIFAR-100 (fine labels) in `folder`: training rows, then validation rows.
///
/// # Errors
/// A file missing, unreadable, not made of whole records, or with a label out of range.
pub(crate) fn load(source: Source, folder: PathBuf) -> Result<DataSet, DataError> {
    let (training, testing, label_bytes, classes) = layout(source);
    let record = label_bytes + 3 * PLANE;
    let mut hasher = Sha256::new();
    let (mut pixels, mut labels, mut split) = (Vec::new(), Vec::new(), 0);
    for name in training.iter().chain([&testing]) {
        if name == &testing {
            split = labels.len();
        }
        let path = folder.join(name);
        let missing = |error| DataError::reading(&path, "", &error);
        let length = fs::metadata(&path).map_err(missing)?.len();
        if length == 0 || length % record as u64 != 0 || length > MAX_MEMORY {
            let expected = format!("a multiple of {record} bytes");
            return Err(DataError::corrupt(path, expected, format!("{length} bytes")));
        }
        let content = fs::read(&path).map_err(missing)?;
        hasher.update((content.len() as u64).to_le_bytes());
        hasher.update(&content);
        for (row, record) in content.chunks_exact(record).enumerate() {
            let label = record[label_bytes - 1];
            if usize::from(label) >= classes {
                let found = format!("{label} in record {row}");
                return Err(DataError::corrupt(path, format!("labels 0 to {}", classes - 1), found));
            }
            labels.push(label);
            let planes = &record[label_bytes..];
            pixels.extend((0..PLANE).flat_map(|at| [planes[at], planes[PLANE + at], planes[2 * PLANE + at]]));
        }
    }
    let names = match source {
        Source::Cifar10 => CIFAR_10.map(str::to_owned).to_vec(),
        _ => (0..classes).map(|class| class.to_string()).collect(),
    };
    let small = Small { pixels, height: SIDE, width: SIDE, channels: 3 };
    let mut set = small.into_set(source, folder, &labels, names, hex(&hasher.finalize()));
    set.validation[split..].fill(true);
    let (mean, deviation) = match source {
        Source::Cifar10 => ([0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]),
        _ => ([0.5071, 0.4867, 0.4408], [0.2675, 0.2565, 0.2761]),
    };
    Ok(DataSet { mean: mean.to_vec(), deviation: deviation.to_vec(), ..set })
}
