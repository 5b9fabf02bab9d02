// Llama-family decoder (Touvron et al., arXiv 2302.13971; LlamaForCausalLM, MistralForCausalLM and
// GemmaForCausalLM in transformers/models): RMSNorm, rotary positions (arXiv 2104.09864),
// grouped-query attention (arXiv 2305.13245), SwiGLU (arXiv 2002.05202). Modules are named as the
// checkpoint's keys. B batch, T tokens, S keys, C hidden_size, V vocabulary.
#pragma once

#include <cstdint>
#include <filesystem>

#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/pimpl.h>

#include "omr/io/weights.h"
#include "omr/llm/kv_cache.h"
#include "omr/llm/llama_config.h"
#include "omr/nn/execution.h"
#include "omr/nn/layers.h"
#include "omr/nn/linear.h"

namespace omr::llm {

// cos and sin of the positions of one call, [T, head_dim], in the activations' dtype. The first
// half of sin is negated, so that x turns into x * cos + roll(x, head_dim / 2) * sin.
struct RotaryPositions {
  at::Tensor cos, sin;
};

// Computed in fp32 once for each length reached, then sliced.
class RotaryEmbedding {
 public:
  explicit RotaryEmbedding(const LlamaConfig& config);
  // Positions [begin, begin + count), on the device and in the dtype of `like`.
  RotaryPositions at(std::int64_t begin, std::int64_t count, const at::Tensor& like);

 private:
  at::Tensor inv_freq_;  // float [head_dim / 2]
  at::Tensor cos_, sin_;
};

class LlamaAttentionImpl : public torch::nn::Module {
 public:
  explicit LlamaAttentionImpl(const LlamaConfig& config);
  // x [B, T, C]; `mask` additive [T, S], or undefined when every key is seen. `cache` may be null.
  at::Tensor forward(const at::Tensor& x, const RotaryPositions& positions, const at::Tensor& mask,
                     KVCache* cache, std::int64_t layer);

  nn::Linear q_proj{nullptr}, k_proj{nullptr}, v_proj{nullptr}, o_proj{nullptr};

 private:
  std::int64_t heads_, kv_heads_, head_dim_;
};
TORCH_MODULE(LlamaAttention);

class LlamaMLPImpl : public torch::nn::Module {
 public:
  explicit LlamaMLPImpl(const LlamaConfig& config);
  at::Tensor forward(const at::Tensor& x);  // [B, T, C]

  nn::Linear gate_proj{nullptr}, up_proj{nullptr}, down_proj{nullptr};

 private:
  nn::Activation activation_;
};
TORCH_MODULE(LlamaMLP);

class LlamaDecoderLayerImpl : public torch::nn::Module {
 public:
  explicit LlamaDecoderLayerImpl(const LlamaConfig& config);
  at::Tensor forward(const at::Tensor& x, const RotaryPositions& positions, const at::Tensor& mask,
                     KVCache* cache, std::int64_t layer);

  LlamaAttention self_attn{nullptr};
  LlamaMLP mlp{nullptr};
  nn::RMSNorm input_layernorm{nullptr}, post_attention_layernorm{nullptr};
};
TORCH_MODULE(LlamaDecoderLayer);

class LlamaModelImpl : public torch::nn::Module {
 public:
  explicit LlamaModelImpl(const LlamaConfig& config);
  at::Tensor forward(const at::Tensor& ids, KVCache* cache);  // [B, T] -> [B, T, C], after norm

  nn::Embedding embed_tokens{nullptr};
  torch::nn::ModuleList layers{nullptr};
  nn::RMSNorm norm{nullptr};

 private:
  LlamaConfig config_;
  RotaryEmbedding rotary_;
};
TORCH_MODULE(LlamaModel);

class LlamaForCausalLMImpl : public torch::nn::Module {
 public:
  explicit LlamaForCausalLMImpl(const LlamaConfig& config);

  // ids int64 [1, T] continue the positions in `cache`, which takes them up -> logits [1, V] after
  // the last one. Throws Error(usage) when the sequence outgrows max_position_embeddings.
  at::Tensor next_logits(const at::Tensor& ids, KVCache& cache);
  // ids int64 [B, T] from position 0, without a cache -> logits [B, T, V] of all positions.
  at::Tensor forward(const at::Tensor& ids);

  LlamaModel model{nullptr};
  nn::Linear lm_head{nullptr};  // null when it is tied to model.embed_tokens

  const LlamaConfig& config() const { return config_; }
  at::Device device() const { return model->embed_tokens->weight.device(); }

 private:
  at::Tensor logits(const at::Tensor& hidden);
  void check_length(std::int64_t length) const;

  LlamaConfig config_;
};
TORCH_MODULE(LlamaForCausalLM);

// Opens config.json and model*.safetensors of `folder`, which may be packed by bitsandbytes; with
// `quantize_nf4` all linears but lm_head become NF4 as they are read. In eval mode. Throws as
// LlamaConfig::from, io::Weights::open and nn::load_weights do.
LlamaForCausalLM load_llama(const std::filesystem::path& folder,
                            const nn::ExecutionOptions& execution, bool quantize_nf4 = false);

}  // namespace omr::llm
