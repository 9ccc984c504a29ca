//! Compiles the contract with protox, so that no `protoc` is needed, and keeps the descriptors for reflection.
use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=sweeper");
    let set = protox::compile(["sweeper/v1/worker.proto", "sweeper/v1/control.proto"], ["."])?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    fs::write(out.join("descriptor.bin"), protox::prost::Message::encode_to_vec(&set))?;
    // Every command prints `--json` straight from the contract's messages: one struct, two renderings.
    tonic_prost_build::configure().type_attribute(".", "#[derive(::serde::Serialize)]").compile_fds(set)?;
    Ok(())
}
