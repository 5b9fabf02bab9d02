// Prompt and feedback in, the next prompt out: a local language model with its template, and checks
// on what it says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "omr/core/cancellation.h"
#include "omr/llm/generate.h"
#include "omr/llm/refiner_template.h"
#include "omr/nn/execution.h"
#include "omr/nn/model_offload.h"

namespace omr::llm {

// Longest accepted inputs, in bytes.
inline constexpr std::size_t kMaxFeedbackBytes = 4096;
inline constexpr std::size_t kMaxPromptBytes = 4096;

struct RefinerOptions {
  nn::ExecutionOptions execution;
  bool quantize_nf4 = false;                     // all linears but lm_head, as bitsandbytes does
  std::optional<std::filesystem::path> adapter;  // a PEFT LoRA folder; default: adapter/ if there
  SamplingOptions sampling;                      // greedy
};

struct Refinement {
  std::string prompt;                   // the refined prompt, one line
  std::optional<std::string> negative;  // what the answer wants avoided
  bool fallback = false;                // prompt is "<prompt>, <feedback>", not the model's answer
  std::string fallback_reason;          // one sentence
  std::vector<std::int64_t> input_ids;  // what the model read
  std::vector<std::int64_t> tokens;     // what it answered, with its end
};

class Refiner {
 public:
  // `folder`: config.json, model*.safetensors, tokenizer.model; refiner.json and adapter/ optional.
  // Throws Error(io | format | mismatch), naming the file.
  static Refiner open(const std::filesystem::path& folder, const RefinerOptions& options = {});

  // Throws Error(usage) for text that is not UTF-8, is empty (prompt), is too long, or fills the
  // model's context; Error(cancelled) when stopped. `sampling` is used instead of the options' when
  // given, `generator` with a temperature above 0. Not for concurrent use: the cache of the
  // template's prefix is shared between calls.
  Refinement refine(std::string_view prompt, std::string_view feedback,
                    const Cancellation* cancellation = nullptr,
                    std::optional<at::Generator> generator = std::nullopt,
                    const std::optional<SamplingOptions>& sampling = std::nullopt);

  const RefinerTemplate& prompt_template() const;
  const SentencePieceTokenizer& tokenizer() const;
  LlamaForCausalLM& model();
  // How the model takes turns with others; the kept prefix stays on the device.
  nn::ModelOffload::Move move();

 private:
  struct State;
  explicit Refiner(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;
};

}  // namespace omr::llm
