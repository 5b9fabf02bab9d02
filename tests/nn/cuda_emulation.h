// Runs CUDA kernels on the CPU: every thread of a block is a fiber, and they take turns from
// barrier to barrier. Slow and in order, so it shows wrong indices and sums, not races.
#pragma once

#include <cmath>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>
#include <ucontext.h>

#define __global__
#define __device__
#define __shared__ static  // blocks run one after another, as one thread of the CPU

using __half = c10::Half;
using __nv_bfloat16 = c10::BFloat16;
inline float __half2float(__half x) { return x; }
inline float __bfloat162float(__nv_bfloat16 x) { return x; }
inline __half __float2half_rn(float x) { return x; }
inline __nv_bfloat16 __float2bfloat16_rn(float x) { return x; }
inline float __fmul_rn(float a, float b) {
  const volatile float product = a * b;
  return product;
}
inline float __fadd_rn(float a, float b) { return a + b; }

struct Dim3 {
  unsigned x = 1, y = 1, z = 1;
};
inline Dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace omr::nn::cuda {

class Emulator {
 public:
  // kernel<<<grid, block>>>(…), where `kernel` holds its arguments.
  static void launch(Dim3 grid, Dim3 block, const std::function<void()>& kernel) {
    gridDim = grid;
    blockDim = block;
    kernel_ = &kernel;
    for (unsigned y = 0; y < grid.y; ++y) {
      for (unsigned x = 0; x < grid.x; ++x) {
        blockIdx = {x, y, 0};
        run_block();
      }
    }
  }

  // To the block's next barrier.
  static void yield() { swapcontext(&fibers_[current_].context, &scheduler_); }

  static float shuffle_xor(float value, unsigned lanes) {
    slots_[current_] = value;
    yield();
    const float other = slots_[current_ ^ lanes];
    yield();
    return other;
  }

 private:
  struct Fiber {
    ucontext_t context;
    std::vector<char> stack = std::vector<char>(std::size_t{64} << 10);
    bool finished = false;
  };

  static void enter() {
    (*kernel_)();
    fibers_[current_].finished = true;
    yield();
  }

  static void run_block() {
    const std::size_t threads = std::size_t{blockDim.x} * blockDim.y;
    fibers_.resize(threads);
    slots_.assign(threads, 0);
    for (Fiber& fiber : fibers_) {
      fiber.finished = false;
      getcontext(&fiber.context);
      fiber.context.uc_stack.ss_sp = fiber.stack.data();
      fiber.context.uc_stack.ss_size = fiber.stack.size();
      fiber.context.uc_link = nullptr;
      makecontext(&fiber.context, &Emulator::enter, 0);
    }
    for (bool all = false; !all;) {
      all = true;
      for (current_ = 0; current_ < threads; ++current_) {
        if (fibers_[current_].finished) continue;
        threadIdx = {static_cast<unsigned>(current_ % blockDim.x),
                     static_cast<unsigned>(current_ / blockDim.x), 0};
        swapcontext(&scheduler_, &fibers_[current_].context);
        all = all && fibers_[current_].finished;
      }
    }
  }

  static inline std::vector<Fiber> fibers_;
  static inline std::vector<float> slots_;  // of a warp's exchange; lanes are a thread's low bits
  static inline std::size_t current_ = 0;
  static inline ucontext_t scheduler_;
  static inline const std::function<void()>* kernel_ = nullptr;
};

}  // namespace omr::nn::cuda

inline void __syncthreads() { omr::nn::cuda::Emulator::yield(); }
inline float __shfl_xor_sync(unsigned, float value, int lanes) {
  return omr::nn::cuda::Emulator::shuffle_xor(value, static_cast<unsigned>(lanes));
}
