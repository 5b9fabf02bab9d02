#include "omr/text/clip_encoder.h"

#include "omr/core/error.h"
#include "omr/nn/attention.h"
#include "omr/nn/recompute.h"

namespace omr::text {

CLIPEncoderConfig CLIPEncoderConfig::from(const io::Config& config,
                                          const CLIPEncoderConfig& defaults) {
  const auto size = [&](const char* key, std::int64_t high, std::int64_t otherwise) {
    return config.has(key) ? config.integer_within(key, 1, high) : otherwise;
  };
  CLIPEncoderConfig out = defaults;
  out.hidden_size = size("hidden_size", 16384, defaults.hidden_size);
  out.intermediate_size = size("intermediate_size", 65536, defaults.intermediate_size);
  out.num_hidden_layers = size("num_hidden_layers", 256, defaults.num_hidden_layers);
  out.num_attention_heads = size("num_attention_heads", 1024, defaults.num_attention_heads);
  out.layer_norm_eps = config.number("layer_norm_eps", defaults.layer_norm_eps);
  if (config.has("hidden_act")) {
    out.hidden_act = nn::parse_activation(config.text("hidden_act"), config.where());
  }
  if (out.hidden_size % out.num_attention_heads != 0) {
    throw Error(ErrorKind::mismatch, config.where() + ": hidden_size " +
                                         std::to_string(out.hidden_size) +
                                         " is not a multiple of num_attention_heads " +
                                         std::to_string(out.num_attention_heads));
  }
  return out;
}

CLIPAttentionImpl::CLIPAttentionImpl(const CLIPEncoderConfig& config, bool causal)
    : heads_(config.num_attention_heads), causal_(causal) {
  const std::int64_t size = config.hidden_size;
  k_proj = register_module("k_proj", nn::Linear(size, size));
  v_proj = register_module("v_proj", nn::Linear(size, size));
  q_proj = register_module("q_proj", nn::Linear(size, size));
  out_proj = register_module("out_proj", nn::Linear(size, size));
}

at::Tensor CLIPAttentionImpl::forward(const at::Tensor& x) {
  return out_proj(nn::multi_head_attention(q_proj(x), k_proj(x), v_proj(x), heads_, {}, causal_));
}

CLIPMLPImpl::CLIPMLPImpl(const CLIPEncoderConfig& config) : activation_(config.hidden_act) {
  fc1 = register_module("fc1", nn::Linear(config.hidden_size, config.intermediate_size));
  fc2 = register_module("fc2", nn::Linear(config.intermediate_size, config.hidden_size));
}

at::Tensor CLIPMLPImpl::forward(const at::Tensor& x) {
  return fc2(nn::activate(activation_, fc1(x)));
}

CLIPEncoderLayerImpl::CLIPEncoderLayerImpl(const CLIPEncoderConfig& config, bool causal) {
  self_attn = register_module("self_attn", CLIPAttention(config, causal));
  layer_norm1 =
      register_module("layer_norm1", nn::LayerNorm(config.hidden_size, config.layer_norm_eps));
  mlp = register_module("mlp", CLIPMLP(config));
  layer_norm2 =
      register_module("layer_norm2", nn::LayerNorm(config.hidden_size, config.layer_norm_eps));
}

at::Tensor CLIPEncoderLayerImpl::forward(const at::Tensor& x) {
  const at::Tensor attended = x + self_attn(layer_norm1(x));
  return attended + mlp(layer_norm2(attended));
}

CLIPEncoderImpl::CLIPEncoderImpl(const CLIPEncoderConfig& config, bool causal) {
  layers = register_module("layers", torch::nn::ModuleList());
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) {
    layers->push_back(CLIPEncoderLayer(config, causal));
  }
}

at::Tensor CLIPEncoderImpl::forward(const at::Tensor& x) {
  at::Tensor hidden = x;
  for (const auto& layer : *layers) {
    hidden = nn::recomputed(
        [layer](const at::Tensor& in, const at::Tensor&) {
          return layer->as<CLIPEncoderLayer>()->forward(in);
        },
        hidden);
  }
  return hidden;
}

}  // namespace omr::text
