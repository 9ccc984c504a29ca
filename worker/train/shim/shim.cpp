// The few libtorch calls that tch does not bind. CPU headers only, narrow ones, so that it compiles in seconds.
//
// Contract of every `extern "C"` function that returns int: 0 is success, 1 is failure with a text in
// `ss_last_error`; no exception leaves.
#include <ATen/Context.h>
#include <torch/headeronly/version.h>

#include <exception>
#include <string>

namespace {

thread_local std::string last_error;

template <class F>
int guard(F&& body) noexcept {
  try {
    body();
    return 0;
  } catch (const std::exception& error) {
    last_error = error.what();
  } catch (...) {
    last_error = "an exception that is no std::exception";
  }
  return 1;
}

}  // namespace

extern "C" {

const char* ss_last_error() { return last_error.c_str(); }

// Version of the headers, which the pinned bindings require to be the library's.
const char* ss_torch_version() { return TORCH_VERSION; }

// Deterministic: same input, same bits, by kernels that promise it or an error; no choice by timing, no TF32.
// Otherwise: whatever is fast.
int ss_set_mode(int deterministic) {
  return guard([&] {
    const bool repro = deterministic != 0;
    at::Context& context = at::globalContext();
    context.setBenchmarkCuDNN(!repro);
    context.setDeterministicCuDNN(repro);
    context.setDeterministicMkldnn(repro);
    context.setDeterministicAlgorithms(repro, /*warn_only=*/false);
    // Left on, it fills every fresh tensor; nothing here reads uninitialized memory.
    context.setDeterministicFillUninitializedMemory(false);
    context.setAllowTF32CuDNN(!repro);
    context.setAllowTF32CuBLAS(!repro);
  });
}

}  // extern "C"
