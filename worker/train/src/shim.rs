//! The edge to libtorch that tch does not cover, and the C library's allocator. All `unsafe` of the crate is here.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int, c_void};

use tch::{TchError, Tensor};

// SAFETY: signatures as in `shim/shim.cpp`, which this crate's build script compiles.
unsafe extern "C" {
    fn ss_last_error() -> *const c_char;
    fn ss_torch_version() -> *const c_char;
    fn ss_deterministic() -> c_int;
    fn ss_fused_adamw(
        parameters: *const *mut c_void,
        gradients: *const *mut c_void,
        means: *const *mut c_void,
        squares: *const *mut c_void,
        count: usize,
        step: *mut c_void,
        lr: f64,
        beta1: f64,
        beta2: f64,
        weight_decay: f64,
        eps: f64,
    ) -> c_int;
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

/// Asks libtorch for deterministic kernels (or an error where there is none) and full float32 precision.
///
/// # Errors
/// libtorch's own.
pub(crate) fn deterministic() -> Result<(), TchError> {
    // SAFETY: takes nothing; sets process-wide flags behind libtorch's own functions.
    check(unsafe { ss_deterministic() })
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

/// Numbers of one AdamW step that all its parameters share.
pub(crate) struct AdamwStep<'a> {
    /// float32 scalar: the number of this step, from 1.
    pub step: &'a Tensor,
    pub lr: f64,
    pub beta1: f64,
    pub beta2: f64,
    pub weight_decay: f64,
    pub eps: f64,
}

/// One AdamW step in place on all `parameters`, in a single call of libtorch (a tenth of the time of one per tensor).
///
/// # Errors
/// A parameter without gradient, or shapes that differ.
pub(crate) fn fused_adamw(
    parameters: &[Tensor],
    gradients: &[Tensor],
    means: &[Tensor],
    squares: &[Tensor],
    numbers: &AdamwStep<'_>,
) -> Result<(), TchError> {
    let count = parameters.len();
    if gradients.len() != count || means.len() != count || squares.len() != count {
        return Err(TchError::Shape(format!("{count} parameters, but other numbers of gradients or moments")));
    }
    let pointers = |list: &[Tensor]| list.iter().map(|t| t.as_ptr() as *mut c_void).collect::<Vec<_>>();
    let (p, g, m, v) = (pointers(parameters), pointers(gradients), pointers(means), pointers(squares));
    // SAFETY: four arrays of `count` pointers to live at::Tensor objects, borrowed for the call; what the call
    // changes is the tensors' data, which Rust never sees behind a reference.
    check(unsafe {
        ss_fused_adamw(
            p.as_ptr(),
            g.as_ptr(),
            m.as_ptr(),
            v.as_ptr(),
            count,
            numbers.step.as_ptr() as *mut c_void,
            numbers.lr,
            numbers.beta1,
            numbers.beta2,
            numbers.weight_decay,
            numbers.eps,
        )
    })
}
