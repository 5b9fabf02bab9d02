// CLIP's text encoder (CLIPTextModel in transformers/models/clip/modeling_clip.py). Modules are
// named as the keys of Stable Diffusion's text_encoder files. B batch, N tokens, C hidden_size.
#pragma once

#include <cstdint>
#include <filesystem>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "omr/io/json_file.h"
#include "omr/io/weights.h"
#include "omr/nn/execution.h"
#include "omr/nn/layers.h"
#include "omr/text/clip_encoder.h"

namespace omr::text {

struct CLIPTextConfig {
  CLIPEncoderConfig encoder;
  std::int64_t vocab_size = 49408;
  std::int64_t max_position_embeddings = 77;
  std::int64_t eos_token_id = 49407;  // 2 means the old rule: pool at the largest id

  // Throws Error(mismatch) for another architecture, else as CLIPEncoderConfig::from.
  static CLIPTextConfig from(const io::Config& config);
};

struct CLIPTextOutput {
  at::Tensor last_hidden_state;  // [B, N, C], after final_layer_norm
  at::Tensor pooler_output;      // [B, C]: the state at the (first) end of text
};

class CLIPTextEmbeddingsImpl : public torch::nn::Module {
 public:
  explicit CLIPTextEmbeddingsImpl(const CLIPTextConfig& config);
  at::Tensor forward(const at::Tensor& ids);  // int64 [B, N] -> [B, N, C]

  nn::Embedding token_embedding{nullptr}, position_embedding{nullptr};
};
TORCH_MODULE(CLIPTextEmbeddings);

// What CLIPModel holds under `text_model`.
class CLIPTextTransformerImpl : public torch::nn::Module {
 public:
  explicit CLIPTextTransformerImpl(const CLIPTextConfig& config);
  // int64 [B, N], N at most max_position_embeddings, ids below vocab_size. Throws Error(mismatch)
  // when they are not: tokenizer and model do not belong together.
  CLIPTextOutput forward(const at::Tensor& ids);

  CLIPTextEmbeddings embeddings{nullptr};
  CLIPEncoder encoder{nullptr};
  nn::LayerNorm final_layer_norm{nullptr};

  const CLIPTextConfig& config() const { return config_; }

 private:
  CLIPTextConfig config_;
};
TORCH_MODULE(CLIPTextTransformer);

class CLIPTextModelImpl : public torch::nn::Module {
 public:
  explicit CLIPTextModelImpl(const CLIPTextConfig& config);
  CLIPTextOutput forward(const at::Tensor& ids);  // as CLIPTextTransformer

  CLIPTextTransformer text_model{nullptr};

  const CLIPTextConfig& config() const { return text_model->config(); }
};
TORCH_MODULE(CLIPTextModel);

// The names that CLIPTextModel has, for files of any age: transformers 5 leaves `text_model.` off,
// transformers before 4.31 stored the buffer `position_ids`, and CLIPTextModelWithProjection adds
// `text_projection`, which the states do not need.
io::Weights clip_text_weights(const io::Weights& weights);

// Opens config.json and model.safetensors of `folder` (or its shards, or fp16 variant). In eval
// mode. Throws as io::Weights::open, CLIPTextConfig::from and nn::load_weights do.
CLIPTextModel load_clip_text_model(const io::Config& config, const io::Weights& weights,
                                   const nn::ExecutionOptions& execution);
CLIPTextModel load_clip_text_model(const std::filesystem::path& folder,
                                   const nn::ExecutionOptions& execution);

}  // namespace omr::text
