#include "omr/text/prompt_embedding.h"

#include <algorithm>
#include <cmath>
#include <string>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "omr/core/error.h"

namespace omr::text {

PromptEmbedding encode_prompt(const CLIPTokenizer& tokenizer, CLIPTextModel& model,
                              std::string_view text) {
  const at::NoGradGuard no_grad;
  PromptEmbedding out;
  out.encoding = tokenizer.encode(text);
  out.states = model->forward(at::tensor(out.encoding.ids).unsqueeze(0)).last_hidden_state;
  return out;
}

std::vector<double> token_weights(const Encoding& encoding,
                                  const std::vector<WeightedSpan>& spans) {
  std::vector<double> weights(encoding.ids.size(), 1.0);
  for (std::size_t i = 1; i + 1 < encoding.tokens.size(); ++i) {
    for (const WeightedSpan& span : spans) {
      const std::size_t begin = encoding.tokens[i].begin;
      if (begin >= span.begin && begin < span.end) weights[i] *= span.weight;
    }
  }
  return weights;
}

at::Tensor apply_token_weights(const at::Tensor& states, const std::vector<double>& weights) {
  if (states.dim() != 3 || static_cast<std::size_t>(states.size(1)) != weights.size()) {
    throw Error(ErrorKind::usage, std::to_string(weights.size()) + " token weights for " +
                                      std::to_string(states.size(1)) + " tokens");
  }
  if (!std::all_of(weights.begin(), weights.end(), [](double w) { return std::isfinite(w); })) {
    throw Error(ErrorKind::usage, "a token weight is not a finite number");
  }
  if (std::all_of(weights.begin(), weights.end(), [](double w) { return w == 1.0; })) return states;

  const at::Tensor before = states.to(at::kFloat);
  const at::Tensor factors =
      at::tensor(weights, at::kDouble).to(before.options()).view({1, states.size(1), 1});
  const at::Tensor after = before * factors;
  // A mean of zero (all weights 0) has nothing to be restored to.
  const double ratio = (before.mean() / after.mean()).item<double>();
  return (std::isfinite(ratio) ? after * ratio : after).to(states.scalar_type());
}

}  // namespace omr::text
