#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/core/log.h"
#include "omr/nn/memory.h"
#include "omr/pipeline/denoise.h"
#include "omr/pipeline/stable_diffusion_pipeline.h"

#include "pipeline/draw_batches.h"

namespace omr::pipeline {
namespace {

constexpr int kMaxSide = 8192;
constexpr const char* kAdvice =
    "not even one picture of this size fits; try a smaller --size, --offload, or --dtype fp16 on "
    "CUDA";

void check_request(const GenerationOptions& options, int width, int height, int multiple) {
  for (int side : {width, height}) {
    if (side % multiple != 0 || side < multiple || side > kMaxSide) {
      throw Error(ErrorKind::usage,
                  "size " + std::to_string(width) + "x" + std::to_string(height) +
                      ": both sides must be multiples of " + std::to_string(multiple) + " from " +
                      std::to_string(multiple) + " to " + std::to_string(kMaxSide));
    }
  }
  if (!(options.guidance_scale >= 0 && options.guidance_scale <= 1000)) {
    throw Error(ErrorKind::usage, "guidance scale must be from 0 to 1000");
  }
}

// What pictures must share to go through the UNet together: scheduler, steps, guidance, width,
// height, length of the prompt, first call, whether there is a mask.
using BatchKey =
    std::tuple<schedulers::SchedulerName, int, double, int, int, std::int64_t, std::size_t, bool>;
struct BatchMember {
  std::size_t request, start;
};
struct Batch {
  std::vector<BatchMember> members;
  std::size_t calls = 0;  // of the UNet, for each picture
  std::int64_t pixels = 0;

  // UNet calls that its last `pictures` take, `most` at a time.
  std::size_t calls_left(std::size_t pictures, std::size_t most) const {
    return pictures == 0 ? 0 : ((pictures - 1) / most + 1) * calls;
  }
};

}  // namespace

StableDiffusionPipeline::Conditioning StableDiffusionPipeline::condition(
    const PromptInput& prompt, const GenerationOptions& options) {
  const text::PromptEmbedding encoded = encode(prompt);
  if (encoded.chunks.size() > 1) {
    log::info("the prompt is longer than the text encoder's " +
              std::to_string(tokenizer_.model_max_length() - 2) + " tokens: encoded in " +
              std::to_string(encoded.chunks.size()) + " chunks");
  }
  Conditioning out{encoded.states, {}};
  if (options.guidance_scale <= 1.0) return out;
  out.negative = encode({options.negative_prompt, {}}).states;
  // Both go through the UNet in one batch: the shorter one gets empty prompts behind it.
  at::Tensor& shorter = out.prompt.size(1) < out.negative.size(1) ? out.prompt : out.negative;
  const std::int64_t most = std::max(out.prompt.size(1), out.negative.size(1));
  if (shorter.size(1) < most) {
    const at::Tensor empty = encode({"", {}}).states;
    while (shorter.size(1) < most) shorter = at::cat({shorter, empty}, 1);
  }
  return out;
}

at::Tensor StableDiffusionPipeline::draw_batch(const GenerationOptions& options,
                                               const std::vector<const PreparedStart*>& starts,
                                               const std::function<void()>& on_step,
                                               const Cancellation& cancellation) {
  const auto scheduler = schedulers::make_scheduler(
      options.scheduler, read_scheduler_config(scheduler_file_, options.scheduler),
      starts.front()->steps);
  const auto batch = [&](at::Tensor PreparedStart::*part) {
    std::vector<at::Tensor> parts;
    for (const PreparedStart* start : starts) parts.push_back(start->*part);
    return parts.front().defined() ? at::cat(parts) : at::Tensor();
  };
  DenoiseInput input;
  input.latents = batch(&PreparedStart::latents);
  input.prompt_embeds = batch(&PreparedStart::prompt);
  input.negative_prompt_embeds = batch(&PreparedStart::negative);
  input.guidance_scale = options.guidance_scale;
  input.first_call = starts.front()->first_call;
  input.more_channels = batch(&PreparedStart::more_channels);
  input.mask = batch(&PreparedStart::mask);
  input.original = batch(&PreparedStart::original);
  input.noise = batch(&PreparedStart::noise);
  // Copies: what memory cut short must draw the same numbers when it is tried again.
  for (const PreparedStart* start : starts) input.generators.push_back(start->generator.clone());
  use("unet");
  const at::Tensor clean = denoise(
      unet_, *scheduler, input, execution_, [&](std::size_t, const at::Tensor&) { on_step(); },
      cancellation);
  if (!at::isfinite(clean).all().item<bool>()) {
    throw Error(ErrorKind::resource,
                "the UNet's numbers overflowed (NaN): run with --dtype fp32 or bf16, or check "
                "the model's weights");
  }
  return clean;
}

std::vector<std::vector<GeneratedImage>> StableDiffusionPipeline::generate(
    const std::vector<GenerationRequest>& requests, const ProgressCallback& progress,
    const Cancellation& cancellation) {
  const at::InferenceMode inference;
  const auto multiple = static_cast<int>(vae_->config().downscale());
  const auto sides = [&](const GenerationOptions& options) {
    return std::pair(options.width > 0 ? options.width : default_width(),
                     options.height > 0 ? options.height : default_height());
  };
  for (const GenerationRequest& request : requests) {
    const auto [width, height] = sides(request.options);
    check_request(request.options, width, height, multiple);
  }

  return nn::with_memory_errors(kAdvice, [&] {
    std::vector<Conditioning> conditioning;
    for (const GenerationRequest& request : requests) {
      conditioning.push_back(condition(request.prompt, request.options));
    }
    std::map<BatchKey, Batch> batches;
    std::vector<std::vector<PreparedStart>> prepared(requests.size());
    std::vector<std::vector<GeneratedImage>> out(requests.size());
    for (std::size_t r = 0; r < requests.size(); ++r) {
      const GenerationOptions& options = requests[r].options;
      const auto [width, height] = sides(options);
      out[r].resize(requests[r].starts.size());
      at::Tensor region;  // of the request's local starts
      for (const Start& start : requests[r].starts) {
        const int steps = start.steps > 0 ? start.steps : options.steps;
        const auto scheduler = schedulers::make_scheduler(
            options.scheduler, read_scheduler_config(scheduler_file_, options.scheduler), steps);
        PreparedStart one = prepare(start, *scheduler, steps, height / multiple, width / multiple);
        one.steps = steps;
        one.prompt = conditioning[r].prompt;
        one.negative = conditioning[r].negative;
        const int region_calls =
            start.local ? mark_region(options, start, region, one, cancellation) : 0;
        Batch& batch = batches[{options.scheduler, steps, options.guidance_scale, width, height,
                                one.prompt.size(1), one.first_call, one.mask.defined()}];
        batch.calls = scheduler->timesteps().size() - one.first_call;
        batch.pixels = std::int64_t{width} * height;
        out[r][prepared[r].size()].unet_calls =
            static_cast<std::int64_t>(batch.calls) + region_calls;
        batch.members.push_back({r, prepared[r].size()});
        prepared[r].push_back(std::move(one));
      }
    }

    std::size_t done = 0;  // UNet calls
    for (auto entry = batches.begin(); entry != batches.end(); ++entry) {
      const Batch& batch = entry->second;
      const auto draw = [&](std::size_t first, std::size_t count) {
        std::size_t total = done + batch.calls_left(batch.members.size() - first, count);
        for (auto later = std::next(entry); later != batches.end(); ++later) {
          const Batch& other = later->second;
          total += other.calls_left(other.members.size(), batch_limits_[other.pixels].pictures);
        }
        std::vector<const PreparedStart*> starts;
        for (std::size_t k = first; k < first + count; ++k) {
          starts.push_back(&prepared[batch.members[k].request][batch.members[k].start]);
        }
        std::size_t reached = done;
        const auto on_step = [&] {
          ++reached;
          if (progress) progress(static_cast<int>(reached), static_cast<int>(total));
        };
        const GenerationOptions& options = requests[batch.members[first].request].options;
        const at::Tensor clean = draw_batch(options, starts, on_step, cancellation);
        done = reached;
        for (std::size_t k = 0; k < count; ++k) {
          const auto [request, start] = batch.members[first + k];
          out[request][start].latents =
              clean.narrow(0, static_cast<std::int64_t>(k), 1).cpu().clone();
          out[request][start].seed = requests[request].starts[start].seed;
        }
      };
      if (!in_batches(batch.members.size(), batch_limits_[batch.pixels], draw)) {
        nn::throw_out_of_memory(kAdvice);
      }
    }

    for (std::vector<GeneratedImage>& pictures : out) {
      std::vector<at::Tensor> latents;
      for (const GeneratedImage& one : pictures) latents.push_back(one.latents);
      if (latents.empty()) continue;
      std::vector<Image> images = decode(at::cat(latents));
      for (std::size_t i = 0; i < images.size(); ++i) pictures[i].image = std::move(images[i]);
    }
    return out;
  });
}

}  // namespace omr::pipeline
