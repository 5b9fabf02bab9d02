#include "omr/llm/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <ATen/ATen.h>

#include "omr/core/error.h"

namespace omr::llm {

void check_sampling_options(const SamplingOptions& options) {
  if (!std::isfinite(options.temperature) || options.temperature < 0) {
    throw Error(ErrorKind::usage, "the temperature must be 0 or above");
  }
  if (options.top_k < 0) throw Error(ErrorKind::usage, "top-k must be 0 (all) or above");
  if (!(options.top_p > 0 && options.top_p <= 1)) {
    throw Error(ErrorKind::usage, "top-p must be above 0 and at most 1");
  }
}

at::Tensor next_token_probabilities(const at::Tensor& logits, const SamplingOptions& options) {
  check_sampling_options(options);
  at::Tensor scores = logits.detach().to(at::kCPU, at::kFloat).flatten();
  if (options.temperature == 0) {
    at::Tensor certain = at::zeros_like(scores);
    certain[scores.argmax().item<std::int64_t>()] = 1.0;
    return certain;
  }
  constexpr double kNever = -std::numeric_limits<double>::infinity();
  scores = scores / options.temperature;
  if (options.top_k > 0 && options.top_k < scores.numel()) {
    const at::Tensor smallest = std::get<0>(scores.topk(options.top_k)).min();
    scores = scores.masked_fill(scores < smallest, kNever);
  }
  if (options.top_p < 1) {
    const auto [sorted, order] = scores.sort(/*dim=*/-1, /*descending=*/false);
    at::Tensor dropped = sorted.softmax(-1).cumsum(-1) <= 1 - options.top_p;
    dropped[-1] = false;
    scores = scores.masked_fill(at::zeros_like(dropped).scatter(0, order, dropped), kNever);
  }
  return scores.softmax(-1);
}

std::int64_t sample(const at::Tensor& logits, const SamplingOptions& options,
                    std::optional<at::Generator> generator) {
  if (options.temperature == 0) return logits.argmax().item<std::int64_t>();
  return next_token_probabilities(logits, options)
      .multinomial(1, /*replacement=*/true, std::move(generator))
      .item<std::int64_t>();
}

}  // namespace omr::llm
