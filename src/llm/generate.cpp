#include "omr/llm/generate.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "omr/core/error.h"

namespace omr::llm {
namespace {

std::size_t find_stop(const std::string& text, const std::vector<std::string>& stop) {
  std::size_t first = std::string::npos;
  for (const std::string& end : stop) first = std::min(first, text.find(end));
  return first;
}

}  // namespace

Generated generate(LlamaForCausalLM& model, KVCache& cache, const SentencePieceTokenizer& tokenizer,
                   const std::vector<std::int64_t>& input_ids, const GenerateOptions& options,
                   const Cancellation* cancellation,
                   const std::function<void(std::int64_t)>& on_token) {
  check_sampling_options(options.sampling);
  const auto input_size = static_cast<std::int64_t>(input_ids.size());
  const std::int64_t context = model->config().max_position_embeddings;
  if (input_size >= context) {
    throw Error(ErrorKind::usage, "the text has " + std::to_string(input_size) +
                                      " tokens, and the language model's context is " +
                                      std::to_string(context) +
                                      ": shorten the prompt or the feedback");
  }
  if (cache.length() >= input_size) {
    throw Error(ErrorKind::usage, "nothing new for the language model to read");
  }
  const at::NoGradGuard no_grad;
  const std::int64_t limit = std::min(options.max_new_tokens, context - input_size);
  const std::vector<std::int64_t> unread(input_ids.begin() + cache.length(), input_ids.end());
  at::Tensor next = at::tensor(unread).unsqueeze(0);

  Generated out;
  while (static_cast<std::int64_t>(out.tokens.size()) < limit) {
    if (cancellation != nullptr) cancellation->check();
    const at::Tensor logits = model->next_logits(next, cache)[0];
    if (!std::isfinite(logits.max().item<double>())) {
      out.reason = FinishReason::not_a_number;
      break;
    }
    const std::int64_t token = sample(logits, options.sampling, options.generator);
    out.tokens.push_back(token);
    if (on_token) on_token(token);
    if (std::find(options.eos_token_ids.begin(), options.eos_token_ids.end(), token) !=
        options.eos_token_ids.end()) {
      out.reason = FinishReason::eos;
      break;
    }
    if (!options.stop.empty() &&
        find_stop(tokenizer.decode(out.tokens), options.stop) != std::string::npos) {
      out.reason = FinishReason::stop;
      break;
    }
    next = at::full({1, 1}, token, at::kLong);
  }
  std::vector<std::int64_t> spoken = out.tokens;
  if (out.reason == FinishReason::eos) spoken.pop_back();
  out.text = tokenizer.decode(spoken);
  out.text.resize(std::min(out.text.size(), find_stop(out.text, options.stop)));
  return out;
}

}  // namespace omr::llm
