//! What the integration tests share: temporary folders, the two executables, small data, processes by id, and the sweep
//! files in sizes for tests.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

pub mod studies;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

/// The `sweeper` executable under test.
pub const SWEEPER: &str = env!("CARGO_BIN_EXE_sweeper");
/// The `sweeper-worker` executable under test.
pub const WORKER: &str = env!("CARGO_BIN_EXE_sweeper-worker");

/// Nothing in these tests should come near it; it only keeps a defect from hanging the suite.
pub const PATIENCE: Duration = Duration::from_secs(240);

/// A sweep that needs neither data nor libtorch: 3 configs x 4 replicates of `seconds` each.
pub fn synthetic_sweep(seconds: f64) -> String {
    format!(
        r#"name = "kill"
replicates = 4
seed = 7

[recipe]
trainer = "synthetic"
[recipe.synthetic]
seconds = {seconds}

[[config]]
name = "base"
[[config]]
name = "better"
set = {{ "synthetic.effect" = 2.0 }}
[[config]]
name = "worse"
set = {{ "synthetic.effect" = -2.0 }}

[analysis]
metric = "accuracy/balanced"
baseline = "base"
"#
    )
}

/// A sweep of real trainings on [`small_images`]: 2 configs x `replicates`.
pub fn torch_sweep(replicates: u32, epochs: u32) -> String {
    format!(
        r#"name = "real"
replicates = {replicates}
seed = 11

[recipe]
epochs = {epochs}
batch_size = 32
[recipe.data]
source = "fashion-mnist"
unbalance = {{ enabled = true }}

[[config]]
name = "plain"
[[config]]
name = "prior"
set = {{ "prior.train" = "train", "prior.validation" = "split" }}

[analysis]
metric = "accuracy/perverse"
baseline = "plain"
"#
    )
}

/// Writes a small data set of the Fashion-MNIST form below `dir`: ten classes of noisy stripes, so that a few steps
/// of training already beat chance.
pub fn small_images(dir: &Path, train: usize, validation: usize) {
    let folder = dir.join("fashion-mnist");
    fs::create_dir_all(&folder).unwrap();
    for (prefix, n, salt) in [("train", train, 1_u64), ("t10k", validation, 2)] {
        let mut images = Vec::from(0x0803_u32.to_be_bytes());
        for size in [n, 28, 28] {
            images.extend(u32::try_from(size).unwrap().to_be_bytes());
        }
        let mut labels = Vec::from(0x0801_u32.to_be_bytes());
        labels.extend(u32::try_from(n).unwrap().to_be_bytes());
        let mut state = salt;
        for i in 0..n {
            let class = i % 10;
            labels.push(u8::try_from(class).unwrap());
            for row in 0..28_usize {
                for column in 0..28_usize {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let noise = (state >> 57) as u8;
                    let stripe = if (row * (class % 4 + 1) + column * (class / 4 + 1)) % 9 < 4 { 120 } else { 20 };
                    images.push(stripe + noise);
                }
            }
        }
        fs::write(folder.join(format!("{prefix}-images-idx3-ubyte")), images).unwrap();
        fs::write(folder.join(format!("{prefix}-labels-idx1-ubyte")), labels).unwrap();
    }
}

/// A temporary folder with one sweep file in it.
pub struct Bench {
    pub dir: tempfile::TempDir,
}

impl Bench {
    pub fn new(sweep: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("sweep.toml"), sweep).unwrap();
        Self { dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `sweeper ARGS` in the folder, without any setting of the user's.
    pub fn sweeper(&self, args: &[&str]) -> Command {
        self.command(SWEEPER, args)
    }

    pub fn command(&self, executable: &str, args: &[&str]) -> Command {
        let mut command = Command::new(executable);
        command
            .args(args)
            .current_dir(self.dir.path())
            .env_remove("SWEEPER_COORDINATOR")
            .env_remove("SWEEPER_DATA_DIR")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        command
    }

    /// `sweeper run sweep.toml --devices cpu:WORKERS --out OUT` and what else is given.
    pub fn run_command(&self, out: &str, workers: u32, more: &[&str]) -> Command {
        let devices = format!("cpu:{workers}");
        let mut args = vec!["run", "sweep.toml", "--devices", &devices, "--out", out, "--data-dir", "data"];
        args.extend(more);
        let mut command = self.sweeper(&args);
        command.env("RUST_BACKTRACE", "0");
        command
    }

    /// Runs to the end and returns `results.csv`.
    pub fn results(&self, out: &str, workers: u32) -> String {
        let output = self.run_command(out, workers, &["--quiet"]).output().unwrap();
        assert_success(&output);
        self.csv(out)
    }

    pub fn csv(&self, out: &str) -> String {
        fs::read_to_string(self.path(out).join("results.csv")).unwrap()
    }
}

pub fn assert_success(output: &Output) {
    assert!(output.status.success(), "{}\n{}", output.status, text(output));
}

/// Both streams, for messages.
pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A child that is killed when the test ends, however it ends.
pub struct Running(pub Child);

impl Running {
    pub fn start(command: &mut Command) -> Self {
        Self(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// SIGKILL to the process itself.
    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    pub fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    /// Waits for the end; panics when it outlasts all patience.
    pub fn wait(mut self) -> Output {
        let until = Instant::now() + PATIENCE;
        while self.is_running() {
            assert!(Instant::now() < until, "the process does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut out = Vec::new();
        let mut err = Vec::new();
        std::io::Read::read_to_end(self.0.stdout.as_mut().unwrap(), &mut out).unwrap();
        std::io::Read::read_to_end(self.0.stderr.as_mut().unwrap(), &mut err).unwrap();
        Output { status: self.0.wait().unwrap(), stdout: out, stderr: err }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already ended is fine.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Direct children of a process, from /proc.
pub fn children(pid: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let mut found = Vec::new();
    for task in tasks.flatten() {
        let text = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        found.extend(text.split_whitespace().filter_map(|p| p.parse::<u32>().ok()));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Sends a signal to a process that the test (or its child) started. True if it was there.
pub fn signal(pid: u32, name: &str) -> bool {
    Command::new("kill").args([name, &pid.to_string()]).stderr(Stdio::null()).status().unwrap().success()
}

/// Polls until `condition` gives something.
pub fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < until, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Writes a file below the folder.
pub fn write(path: &Path, text: &str) {
    fs::File::create(path).unwrap().write_all(text.as_bytes()).unwrap();
}
