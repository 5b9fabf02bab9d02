#include "omr/text/prompt_embedding.h"

#include <algorithm>
#include <cmath>
#include <string>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "omr/core/error.h"
#include "omr/text/prompt_chunks.h"

namespace omr::text {

PromptEmbedding encode_prompt(const CLIPTokenizer& tokenizer, CLIPTextModel& model,
                              std::string_view text, const std::vector<std::size_t>& breaks) {
  return encode_weighted_prompt(tokenizer, model, text, {}, breaks);
}

PromptEmbedding encode_weighted_prompt(const CLIPTokenizer& tokenizer, CLIPTextModel& model,
                                       std::string_view text,
                                       const std::vector<WeightedSpan>& spans,
                                       const std::vector<std::size_t>& breaks) {
  const at::NoGradGuard no_grad;
  PromptEmbedding out;
  out.chunks = encode_in_chunks(tokenizer, text, breaks);
  std::vector<at::Tensor> states;
  for (const Encoding& chunk : out.chunks) {
    const at::Tensor ids = at::tensor(chunk.ids).unsqueeze(0);
    states.push_back(
        apply_token_weights(model->forward(ids).last_hidden_state, token_weights(chunk, spans)));
  }
  out.states = states.size() == 1 ? states.front() : at::cat(states, 1);
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
