// Picks the next token.
#pragma once

#include <cstdint>
#include <optional>

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

namespace omr::llm {

// The order is transformers': temperature, then top-k, then top-p.
struct SamplingOptions {
  double temperature = 0.0;  // ≥ 0; 0 takes the likeliest token
  std::int64_t top_k = 0;    // keeps this many of the likeliest tokens; 0 keeps all
  double top_p = 1.0;  // (0, 1]: keeps the likeliest tokens that together reach this probability
};

// Throws Error(usage) for values out of range.
void check_sampling_options(const SamplingOptions& options);

// Probabilities of the next token, float [V] on the CPU, after temperature, top-k and top-p. For
// temperature 0 all of it is on the first of the likeliest.
at::Tensor next_token_probabilities(const at::Tensor& logits, const SamplingOptions& options);

// `logits` [V]. With temperature 0 the generator is not touched. The draw is made on the CPU, so
// that a seed gives the same tokens on every device that gives the same logits.
std::int64_t sample(const at::Tensor& logits, const SamplingOptions& options,
                    std::optional<at::Generator> generator = std::nullopt);

}  // namespace omr::llm
