// A prompt as the UNet's cross-attention reads it, and the weighting of its phrases.
// N tokens, C hidden_size.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

#include "omr/text/clip_text_model.h"
#include "omr/text/clip_tokenizer.h"
#include "omr/text/prompt_weights.h"

namespace omr::text {

struct PromptEmbedding {
  // [1, n·N, C] on the model's device, in its dtype; N = model_max_length, n chunks one behind the
  // other
  at::Tensor states;
  std::vector<Encoding> chunks;  // which token stands where
};

// Encodes plain text (no weight syntax), in chunks of the model's window where it is longer than
// that, without gradients; at each byte of `breaks` a new chunk begins. Throws Error(usage) when it
// is not UTF-8, Error(mismatch) when tokenizer and model do not belong together.
PromptEmbedding encode_prompt(const CLIPTokenizer& tokenizer, CLIPTextModel& model,
                              std::string_view text, const std::vector<std::size_t>& breaks = {});

// The same with weights on the tokens of spans, applied chunk by chunk (apply_token_weights).
PromptEmbedding encode_weighted_prompt(const CLIPTokenizer& tokenizer, CLIPTextModel& model,
                                       std::string_view text,
                                       const std::vector<WeightedSpan>& spans,
                                       const std::vector<std::size_t>& breaks = {});

// One weight a position of `encoding.ids`: the span's weight for tokens that begin inside it, 1 for
// the others, for bos, eos and padding. Where spans overlap the weights multiply.
std::vector<double> token_weights(const Encoding& encoding, const std::vector<WeightedSpan>& spans);

// AUTOMATIC1111's rule (modules/sd_hijack_clip.py, process_tokens): each token's state times its
// weight, then all times mean_before / mean_after over the whole sequence. `states` [1, N, C] and N
// weights. With all weights 1.0 the very tensor comes back, bit for bit. Throws Error(usage) for
// a weight that is not finite or a count other than N.
at::Tensor apply_token_weights(const at::Tensor& states, const std::vector<double>& weights);

}  // namespace omr::text
