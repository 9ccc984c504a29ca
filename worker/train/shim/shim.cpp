// The few libtorch calls that tch does not bind. CPU headers only, narrow ones, so that it compiles in seconds.
//
// Contract of every `extern "C"` function that returns int: 0 is success, 1 is failure with a text in
// `ss_last_error`; no exception leaves. A `void*` tensor is tch's `Tensor::as_ptr()`, that is, an `at::Tensor*`.
#include <ATen/Context.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/empty_like.h>
#include <torch/headeronly/version.h>

#include <cstddef>
#include <exception>
#include <string>
#include <vector>

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

std::vector<at::Tensor> list(void* const* pointers, size_t count) {
  std::vector<at::Tensor> tensors;
  tensors.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    tensors.push_back(*static_cast<const at::Tensor*>(pointers[i]));
  }
  return tensors;
}

}  // namespace

extern "C" {

const char* ss_last_error() { return last_error.c_str(); }

// Version of the headers, which the pinned bindings require to be the library's.
const char* ss_torch_version() { return TORCH_VERSION; }

// Same input, same bits: deterministic kernels or an error, no choice by timing, no TF32.
int ss_deterministic() {
  return guard([] {
    at::Context& context = at::globalContext();
    context.setBenchmarkCuDNN(false);
    context.setDeterministicCuDNN(true);
    context.setDeterministicMkldnn(true);
    context.setDeterministicAlgorithms(true, /*warn_only=*/false);
    // Left on, it fills every fresh tensor; nothing here reads uninitialized memory.
    context.setDeterministicFillUninitializedMemory(false);
    context.setAllowTF32CuDNN(false);
    context.setAllowTF32CuBLAS(false);
  });
}

// One AdamW step of `count` parameters in place. `step` is a float32 scalar: the number of this step, from 1.
// Each gradient must have its parameter's strides: the kernel walks raw memory.
int ss_fused_adamw(void* const* parameters, void* const* gradients, void* const* means, void* const* squares,
                   size_t count, void* step, double lr, double beta1, double beta2, double weight_decay,
                   double eps) {
  return guard([&] {
    std::vector<at::Tensor> p = list(parameters, count), g = list(gradients, count);
    std::vector<at::Tensor> m = list(means, count), v = list(squares, count);
    for (size_t i = 0; i < count; ++i) {
      TORCH_CHECK(g[i].defined(), "parameter ", i, " has no gradient");
      // Strides of axes of length 1 mean nothing, so compare by asking whether one layout fits both.
      for (int64_t axis = 0; axis < p[i].dim(); ++axis) {
        if (p[i].size(axis) > 1 && p[i].stride(axis) != g[i].stride(axis)) {
          g[i] = at::empty_like(p[i]).copy_(g[i]);
          break;
        }
      }
    }
    std::vector<at::Tensor> steps(count, *static_cast<const at::Tensor*>(step));
    at::_fused_adamw_(p, g, m, v, /*max_exp_avg_sqs=*/{}, steps, lr, beta1, beta2, weight_decay, eps,
                      /*amsgrad=*/false, /*maximize=*/false);
  });
}

}  // extern "C"
