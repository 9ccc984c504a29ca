//! Compiles the C++ shim beside tch and tells dependents where the real libtorch libraries lie.
use std::{env, error::Error, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=shim/shim.cpp");
    // `<LIBTORCH>/lib`, set by torch-sys.
    let lib = PathBuf::from(env::var_os("DEP_TCH_LIBTORCH_LIB").ok_or("torch-sys did not say where libtorch lies")?);
    let include = lib.parent().ok_or("the libtorch lib folder has no parent")?.join("include");
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .pic(true)
        .warnings(false)
        .define("_GLIBCXX_USE_CXX11_ABI", "1")
        .flag("-isystem")
        .flag(include.display().to_string())
        .file("shim/shim.cpp")
        .compile("sweeper_shim");

    // cargo adds search paths inside the target folder to the loader path of `cargo test` and `cargo run`,
    // so a folder link there lets every test find the libraries without any environment variable.
    let real = std::fs::canonicalize(lib.join("libtorch_cpu.so"))?;
    let real = real.parent().ok_or("libtorch_cpu.so has no folder")?.to_owned();
    let link = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?).join("torch-lib");
    let _ = std::fs::remove_file(&link);
    std::os::unix::fs::symlink(&real, &link)?;
    println!("cargo:rustc-link-search=native={}", link.display());
    // With `links`, direct dependents read this as DEP_SWEEPER_TRAIN_LIB.
    println!("cargo:lib={}", real.display());
    Ok(())
}
