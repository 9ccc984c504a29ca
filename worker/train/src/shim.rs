//! The edge to libtorch that tch does not cover, and the C library's allocator. All `unsafe` of the crate is here.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int};

use tch::TchError;

// SAFETY: signatures as in `shim/shim.cpp`, which this crate's build script compiles.
unsafe extern "C" {
    fn ss_last_error() -> *const c_char;
    fn ss_torch_version() -> *const c_char;
    fn ss_set_mode(deterministic: c_int) -> c_int;
}

fn check(code: c_int) -> Result<(), TchError> {
    if code == 0 {
        return Ok(());
    }
    // SAFETY: a NUL-terminated string of this thread, valid until the thread's next failing call.
    let text = unsafe { CStr::from_ptr(ss_last_error()) };
    Err(TchError::Torch(text.to_string_lossy().into_owned()))
}

/// Version of libtorch, e.g. `2.11.0`.
pub(crate) fn torch_version() -> String {
    // SAFETY: a string literal of the shim, so valid for ever.
    unsafe { CStr::from_ptr(ss_torch_version()) }.to_string_lossy().into_owned()
}

/// Deterministic: kernels that give the same bits every time (or an error where there is none) and full float32
/// precision. Not: kernels chosen by timing, TF32 allowed.
///
/// # Errors
/// libtorch's own.
pub(crate) fn set_mode(deterministic: bool) -> Result<(), TchError> {
    // SAFETY: takes a number; sets process-wide flags behind libtorch's own functions.
    check(unsafe { ss_set_mode(c_int::from(deterministic)) })
}

/// Loads libtorch's CUDA library, which registers its kernels. The executable is not linked with it, so that it runs
/// where there is none; `libtorch_cpu.so`, which it is linked with, must lie beside it.
///
/// # Errors
/// The library or one that it needs is missing.
pub(crate) fn load_cuda() -> Result<(), String> {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
    // SAFETY: the initializers of PyTorch's own library run, as they would if it were linked.
    let library = unsafe { Library::open(Some("libtorch_cuda.so"), RTLD_NOW | RTLD_GLOBAL) }.map_err(|error| {
        format!(
            "libtorch's CUDA library cannot be loaded: {error}; hint: libtorch_cuda.so of the same release belongs \
             beside libtorch_cpu.so, and the CUDA libraries that it needs onto LD_LIBRARY_PATH"
        )
    })?;
    // Its kernels are registered for the life of the process.
    std::mem::forget(library);
    Ok(())
}

/// Keeps freed activations inside the process. By default glibc maps and unmaps blocks of some megabytes in every
/// step, which costs thousands of page faults and up to a third of a step's time.
pub(crate) fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt takes two integers and may be called at any time; a refused value changes nothing.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 30);
        libc::mallopt(libc::M_TRIM_THRESHOLD, c_int::MAX);
        libc::mallopt(libc::M_TOP_PAD, 64 << 20);
    }
}
