//! Gives `sweeper-worker`, and only it, the run path to libtorch.
fn main() {
    if let Some(lib) = std::env::var_os("DEP_SWEEPER_TRAIN_LIB") {
        // First the installed layout, then the checkout it was built in.
        println!("cargo:rustc-link-arg-bin=sweeper-worker=-Wl,-rpath,$ORIGIN/../lib/torch");
        println!("cargo:rustc-link-arg-bin=sweeper-worker=-Wl,-rpath,{}", lib.to_string_lossy());
    }
}
