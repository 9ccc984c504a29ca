//! The files in `deploy/sweeps`, and what makes each of them small enough to be trained in a test.

use super::{Bench, small_images};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// Overrides that replace photographs by a few images made from a seed.
macro_rules! made {
    ($($more:literal),*) => {
        [
            "stratum=[]",
            "replicates=2",
            "recipe.epochs=1",
            "recipe.batch_size=8",
            "recipe.precision=fp32",
            "recipe.data.source=synthetic",
            "recipe.data.path=''",
            "recipe.data.size=32",
            "recipe.data.channels=3",
            "recipe.data.label_count=3",
            "recipe.data.synthetic_images=[60, 30]",
            $($more),*
        ]
    };
}
/// A sweep file, the overrides that make it small, and how many trials that leaves.
pub struct Small {
    /// Without folder and `.toml`.
    pub name: &'static str,
    /// Each `KEY=VALUE`.
    pub set: &'static [&'static str],
    pub trials: u64,
}

/// Files for a CPU. Nothing in them changes but sizes.
pub const DEMOS: [Small; 7] = [
    Small { name: "synthetic", set: &["recipe.synthetic.seconds=0.0"], trials: 100 },
    Small { name: "apriori-tiny", set: &["recipe.data.validation_limit=300"], trials: 4 },
    Small {
        name: "apriori-demo",
        set: &["replicates=2", "recipe.data.train_limit=1000", "recipe.data.validation_limit=300"],
        trials: 20,
    },
    Small {
        name: "mixup-demo",
        set: &["replicates=2", "recipe.epochs=1", "recipe.data.train_limit=320", "recipe.data.validation_limit=200"],
        trials: 12,
    },
    Small {
        name: "rectification-demo",
        set: &["replicates=2", "recipe.data.train_limit=1000", "recipe.data.validation_limit=300"],
        trials: 12,
    },
    Small { name: "rectification-multilabel-demo", set: &["replicates=2", "recipe.epochs=1"], trials: 10 },
    // 200 of each class move to validation, so that there must be more than 2,000.
    Small { name: "variance-demo", set: &["replicates=2", "recipe.data.train_limit=3000"], trials: 12 },
];

/// The one whose data must be fetched.
pub const PHOTOS: Small = Small { name: "photos-demo", set: &["replicates=2", "recipe.epochs=1"], trials: 10 };

/// Files of full scale, on made images a quarter of the size, one epoch, in float32. Network, optimizer, schedule, loss,
/// augmentation and evaluation stay the studies'.
pub const FULL: [Small; 7] = [
    Small { name: "apriori-imagenette", set: &made!(), trials: 20 },
    Small { name: "apriori-imagenette-balanced", set: &made!(), trials: 8 },
    Small { name: "apriori-imagenette-matched", set: &made!(), trials: 8 },
    Small { name: "mixup-imagenette", set: &made!(), trials: 12 },
    Small {
        name: "rectification-mnist",
        set: &["replicates=2", "recipe.data.train_limit=640", "recipe.data.validation_limit=100"],
        trials: 6,
    },
    Small {
        name: "rectification-multilabel",
        set: &[
            "replicates=1",
            "recipe.precision=fp32",
            "recipe.epochs=1",
            // The second as it is, but for the sizes: 64 and 73 instead of 224 and 256 pixels.
            "stratum=[{ name = 'four channels' }, { name = 'three channels', set = { 'data.channels' = 3, \
             'data.size' = 64, 'data.normalize.kind' = 'imagenet', 'augment.flip' = true, 'augment.resize' = \
             { kind = 'random-crop', min_scale = 0.08, evaluation = 'shorter-side', evaluation_size = 73 } } }]",
        ],
        trials: 12,
    },
    Small {
        name: "variance-imagenette",
        set: &made!(
            // 250 of each class are more than the made images have.
            "config=[{ name = 'original, both mirrored', set = { 'evaluate.flip' = 'flip-concat' } }, \
             { name = 'moved', set = { 'data.validation_per_class' = 12, 'evaluate.flip' = 'flip-mean-logits' } }]"
        ),
        trials: 4,
    },
];

/// The text of a file in `deploy/sweeps`.
pub fn text(name: &str) -> String {
    let path = root().join("deploy/sweeps").join(format!("{name}.toml"));
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

impl Small {
    /// The options `--set` of all overrides.
    pub fn options(&self) -> Vec<&'static str> {
        self.set.iter().flat_map(|set| ["--set", *set]).collect()
    }

    /// `sweeper run` on two CPU workers to the end, the report in `out` of the bench.
    pub fn run(&self, bench: &Bench, data: &Path) -> Output {
        fs::write(bench.path("sweep.toml"), text(self.name)).unwrap();
        let data = data.to_str().unwrap();
        let mut args = vec!["run", "sweep.toml", "--devices", "cpu:2", "--out", "out", "--quiet", "--data-dir", data];
        args.extend(self.options());
        bench.sweeper(&args).env("RUST_BACKTRACE", "0").output().unwrap()
    }
}

/// Python 3 with a script of this checkout.
pub fn script(path: &str) -> Command {
    let mut command = Command::new("python3");
    command.arg(root().join(path));
    command
}

/// Makes every data set that the files need and that can be made, below `dir`.
pub fn make_data(dir: &Path) {
    small_images(dir, 5_000, 600);
    // The same images do for MNIST: a 3 here is a stripe, too.
    let mnist = dir.join("mnist");
    fs::create_dir_all(&mnist).unwrap();
    for file in fs::read_dir(dir.join("fashion-mnist")).unwrap().flatten() {
        fs::copy(file.path(), mnist.join(file.file_name())).unwrap();
    }
    for (folder, samples) in [("multi-label-demo", "300"), ("multi-label", "60")] {
        let out = dir.join(folder);
        let made = script("deploy/demo-data.py").args(["multi-label", "--samples", samples, "--out"]).arg(out).output();
        super::assert_success(&made.unwrap());
    }
}

/// Fetches the photographs into a folder that later runs of the tests find again; the data directory, or why there is none.
pub fn fetch_photos() -> Result<PathBuf, String> {
    let data = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("studies");
    let output = script("tests/photos.py").arg(data.join("photos")).output().unwrap();
    match output.status.code() {
        Some(0) => Ok(data),
        Some(3) => Err(super::text(&output)),
        _ => panic!("tests/photos.py ends with {}\n{}", output.status, super::text(&output)),
    }
}
