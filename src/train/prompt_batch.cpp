#include "train/prompt_batch.h"

#include <algorithm>

#include <ATen/ATen.h>

#include "omr/core/error.h"

#include "train/diffusion_models.h"
#include "train/reward_judge.h"

namespace omr::train {

PromptOrder::PromptOrder(const LoraRun& run, std::int64_t samples_per_prompt)
    : source_(*run.data.prompts),
      order_(run.settings.loop.seed, run.data.prompts->size()),
      per_prompt_(static_cast<std::uint64_t>(samples_per_prompt)) {
  if (samples_per_prompt < 1 || run.settings.loop.batch_size % samples_per_prompt != 0) {
    throw Error(ErrorKind::usage, "--batch " + std::to_string(run.settings.loop.batch_size) +
                                      " must be a multiple of --samples-per-prompt " +
                                      std::to_string(samples_per_prompt) +
                                      ": a prompt's pictures are compared with each other");
  }
}

PromptBatch PromptOrder::batch(const std::vector<std::uint64_t>& positions) {
  PromptBatch out;
  for (const std::uint64_t position : positions) {
    out.groups.push_back(position / per_prompt_);
    const bool same =
        out.groups.size() > 1 && out.groups[out.groups.size() - 2] == out.groups.back();
    out.indices.push_back(same ? out.indices.back() : index(position));
    out.prompts.push_back(same ? out.prompts.back() : source_.prompt(out.indices.back()));
    out.captions.push_back(out.prompts.back().prompt);
  }
  return out;
}

void measure_references(const LoraRun& run) {
  const LoraTrainingSettings& settings = run.settings;
  run.observer.on_message("measuring the rewards of the base's pictures");
  const AdaptersOff off(run.models);
  PromptBatch all;
  std::vector<Image> pictures;
  const std::uint64_t size = run.data.prompts->size();
  for (std::int64_t i = 0; i < settings.reward.reference_pictures; i += 2) {
    const auto group = static_cast<std::uint64_t>(i / 2);
    const DialoguePrompt prompt = run.data.prompts->prompt(size == 0 ? group : group % size);
    schedulers::Generators generators;
    for (std::uint64_t k = 0; k < 2; ++k) {
      constexpr std::uint64_t kReferences = std::uint64_t{1} << 62;
      generators.push_back(
          generator_for(settings.loop.seed, Purpose::roll_out, kReferences + 2 * group + k));
      all.prompts.push_back(prompt);
      all.groups.push_back(group);
    }
    for (Image& picture :
         run.models.draw({prompt.prompt, prompt.prompt}, run.models.draw_latents(generators),
                         settings.sample_steps, settings.sample_guidance_scale, run.cancellation))
      pictures.push_back(std::move(picture));
  }
  run.judge->measure(all.prompts, all.groups, pictures);
}

}  // namespace omr::train
