// The prompts of a micro-batch of pictures to draw.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "omr/train/prompt_source.h"
#include "omr/train/sample_random.h"

#include "train/lora_objective.h"

namespace omr::train {

struct PromptBatch {
  std::vector<DialoguePrompt> prompts;  // of each picture
  std::vector<std::string> captions;
  std::vector<std::uint64_t> indices;  // of the prompts in their source
  std::vector<std::uint64_t> groups;   // pictures of one prompt, drawn together
};

// Which prompts a run draws for: `samples_per_prompt` pictures of each, one behind the other.
class PromptOrder {
 public:
  // Throws Error(usage) when a batch would cut a prompt's pictures apart.
  PromptOrder(const LoraRun& run, std::int64_t samples_per_prompt);

  PromptBatch batch(const std::vector<std::uint64_t>& positions);
  std::uint64_t index(std::uint64_t position) { return order_.index(position / per_prompt_); }
  std::int64_t samples_per_prompt() const { return static_cast<std::int64_t>(per_prompt_); }

 private:
  const PromptSource& source_;
  DataOrder order_;
  std::uint64_t per_prompt_;
};

// Lets the judge take the references it lacks from pictures that the base draws of the first
// prompts, in pairs.
void measure_references(const LoraRun& run);

}  // namespace omr::train
