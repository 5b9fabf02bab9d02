// The denoising loop. It exists once: commands, sessions and training call it.
#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <vector>

#include <ATen/core/Tensor.h>

#include "omr/core/cancellation.h"
#include "omr/diffusion/unet_2d_condition_model.h"
#include "omr/nn/execution.h"
#include "omr/schedulers/scheduler.h"

namespace omr::pipeline {

struct DenoiseInput {
  at::Tensor latents;                 // [B, C, h, w] fp32 at the noise level of call `first_call`
  at::Tensor prompt_embeds;           // [1 or B, S, D]
  at::Tensor negative_prompt_embeds;  // likewise; used when guidance_scale > 1
  double guidance_scale = 1.0;
  std::size_t first_call = 0;  // of the scheduler's timesteps
  // One behind the last call: training stops on the way, or takes a single one.
  std::size_t end_call = std::numeric_limits<std::size_t>::max();
  // Inpainting. Channels that the UNet sees behind the latents (mask and masked picture), [B, 5, h,
  // w]; or, for a UNet without them, what is put back after each call where `mask` is 0.
  at::Tensor more_channels;
  at::Tensor mask;                    // [B, 1, h, w]
  at::Tensor original;                // clean latents [B, C, h, w]
  at::Tensor noise;                   // that `original` is brought to each call's level with
  schedulers::Generators generators;  // for stochastic schedulers: one a picture
};

// Called after each UNet call with its index and x_{t-1}; latents stay the loop's.
using StepCallback = std::function<void(std::size_t index, const at::Tensor& latents)>;

// Runs the scheduler's calls from `first_call` on; guidance is one call of batch 2B. Returns fp32
// latents [B, C, h, w]; gradients flow where they are on. Throws Error(cancelled) between calls.
at::Tensor denoise(diffusion::UNet2DConditionModel& unet, schedulers::Scheduler& scheduler,
                   const DenoiseInput& input, const nn::ExecutionOptions& execution,
                   const StepCallback& on_step, const Cancellation& cancellation);

}  // namespace omr::pipeline
