// What one picture is asked to be: the second kind of settings, beside architecture (config
// structs) and execution (nn::ExecutionOptions).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "omr/schedulers/scheduler.h"
#include "omr/text/prompt_weights.h"

namespace omr::pipeline {

// One prompt for all pictures of a call.
struct PromptInput {
  std::string text;                          // A1111 weight syntax is read
  std::vector<text::WeightedSpan> emphasis;  // over the plain text, multiplied in
};

// Local starts redraw only the part of their picture where the call's prompt and this one ask for
// something else (edit_region.h).
struct EditRegion {
  PromptInput contrast;
  int calls = 2;  // UNet calls that finding the part may take; two at least
};

struct GenerationOptions {
  std::string negative_prompt;
  int steps = 20;               // UNet calls per picture, 1 to the model's training timesteps
  double guidance_scale = 7.5;  // arXiv 2207.12598; up to 1 switches guidance off
  schedulers::SchedulerName scheduler = schedulers::SchedulerName::ddim;
  int width = 0;  // pixels, multiples of the VAE's downscale; 0: the model's own size
  int height = 0;
  std::optional<EditRegion> region;  // of local starts
};

// What inpainting redraws of a given picture.
struct Inpainting {
  at::Tensor mask;           // [1, 1, h, w] on the latents' grid: 1 is redrawn, 0 is kept
  at::Tensor masked_pixels;  // [1, 3, H, W] in [-1, 1], 0 where the mask is 1
};

// Where one picture starts: pure noise of `seed`, or given latents noised by `strength`.
struct Start {
  std::uint64_t seed = 0;
  at::Tensor latents;  // scaled latents [1, C, h, w], fp32, on the CPU; undefined: from noise
  // Share of the schedule that is run again on given latents, in (0, 1]: int(steps·strength) steps.
  double strength = 1.0;
  // A picture was encoded with this seed's generator first, so its noise is the generator's second
  // draw (StableDiffusionImg2ImgPipeline draws the encoder's sample and the noise from one
  // generator).
  bool encoded_with_seed = false;
  // With it `latents` are those of the whole picture; strength 1 begins at pure noise.
  std::optional<Inpainting> inpainting = std::nullopt;
  bool local = false;  // redraws GenerationOptions::region of `latents`
  int steps = 0;       // of a schedule of its own; 0: GenerationOptions::steps
};

}  // namespace omr::pipeline
