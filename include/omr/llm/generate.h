// Continues a sequence token by token.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Generator.h>

#include "omr/core/cancellation.h"
#include "omr/llm/kv_cache.h"
#include "omr/llm/llama.h"
#include "omr/llm/sampler.h"
#include "omr/llm/sentencepiece_tokenizer.h"

namespace omr::llm {

struct GenerateOptions {
  std::int64_t max_new_tokens = 64;
  std::vector<std::int64_t> eos_token_ids = {};
  std::vector<std::string> stop = {};  // generation ends with the token that completes one of these
  SamplingOptions sampling = {};
  std::optional<at::Generator> generator = {};  // for temperature > 0
};

// `not_a_number`: the next token's likeliest score was NaN or infinite, as broken weights make
// them.
enum class FinishReason { eos, stop, length, not_a_number };

struct Generated {
  // The new tokens, with the eos or the token that completed a stop string, as transformers'
  // generate(stop_strings=…) returns them behind the input.
  std::vector<std::int64_t> tokens;
  std::string text;  // decoded, cut before the first stop string
  FinishReason reason = FinishReason::length;
};

// `input_ids` are the whole sequence. Of these the first cache.length() must be what the cache
// holds already (at least one must be new). Afterwards it holds the input and all new tokens but
// the last. Throws Error(cancelled) between tokens, Error(usage) when the input leaves no room for
// a new token in the model's max_position_embeddings; where it leaves less than max_new_tokens,
// fewer are made.
Generated generate(LlamaForCausalLM& model, KVCache& cache, const SentencePieceTokenizer& tokenizer,
                   const std::vector<std::int64_t>& input_ids, const GenerateOptions& options,
                   const Cancellation* cancellation = nullptr,
                   const std::function<void(std::int64_t)>& on_token = {});

}  // namespace omr::llm
