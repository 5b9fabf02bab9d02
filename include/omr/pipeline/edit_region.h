// Which part of a picture a change of its prompt concerns: the mask of DiffEdit (Couairon et al.,
// arXiv 2210.11427, step 1; diffusers pipeline_stable_diffusion_diffedit.py, generate_mask), with a
// threshold of our own.
#pragma once

#include <ATen/core/Tensor.h>

#include "omr/core/cancellation.h"
#include "omr/diffusion/unet_2d_condition_model.h"
#include "omr/nn/execution.h"
#include "omr/schedulers/scheduler.h"

namespace omr::pipeline {

struct EditRegionInput {
  at::Tensor latents;          // of the picture, clean, [1, C, h, w] fp32
  at::Tensor prompt_embeds;    // [1, S, D], of the new prompt
  at::Tensor contrast_embeds;  // likewise, of the old one
  at::Generator generator;     // of the noise
  int draws = 1;               // of noise; each costs two UNet calls
};

// 1 where the picture is to be redrawn and 0 where it stays, [1, 1, h, w] fp32 on the CPU. The
// picture is noised half way through the schedule and predicted for both prompts; the differences'
// absolute values, averaged over channels and draws, are cut at kRegionThreshold of their
// kRegionQuantile-th quantile, and the region grows by one latent on every side. A quantile rather
// than DiffEdit's mean, so that a change of the whole background is a region too. All of the
// picture when the predictions do not differ. Throws Error(cancelled).
inline constexpr double kRegionThreshold = 0.4;
inline constexpr double kRegionQuantile = 0.97;
at::Tensor find_edit_region(diffusion::UNet2DConditionModel& unet,
                            const schedulers::Scheduler& scheduler, const EditRegionInput& input,
                            const nn::ExecutionOptions& execution,
                            const Cancellation& cancellation);

}  // namespace omr::pipeline
