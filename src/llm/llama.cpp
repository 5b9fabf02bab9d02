#include "omr/llm/llama.h"

#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/nn/attention.h"
#include "omr/nn/load_weights.h"
#include "omr/nn/recompute.h"

namespace omr::llm {
namespace {

// Frequencies by which each pair of a head turns a position, float [head_dim / 2].
at::Tensor inverse_frequencies(const LlamaConfig& config) {
  const RopeParameters& rope = config.rope;
  const at::Tensor exponents = at::arange(0, config.head_dim, 2, at::kFloat) / config.head_dim;
  const at::Tensor base = at::pow(rope.rope_theta, exponents).reciprocal();
  if (rope.rope_type == RopeType::linear) return base / rope.factor;
  if (rope.rope_type == RopeType::standard) return base;

  // Llama 3.1: long waves are stretched by the factor, short ones not, those between in proportion.
  const auto length = static_cast<double>(rope.original_max_position_embeddings);
  const at::Tensor waves = 2 * std::numbers::pi / base;
  const at::Tensor smooth =
      (length / waves - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor);
  const at::Tensor between = (1 - smooth) * base / rope.factor + smooth * base;
  const at::Tensor stretched =
      at::where(waves > length / rope.low_freq_factor, base / rope.factor, between);
  return at::where(waves < length / rope.high_freq_factor, base, stretched);
}

nn::RMSNorm make_norm(const LlamaConfig& config) {
  return nn::RMSNorm(config.hidden_size, config.rms_norm_eps, config.norm_offset);
}

at::Tensor rotate(const at::Tensor& x, const RotaryPositions& positions) {
  return at::addcmul(x * positions.cos, x.roll(x.size(-1) / 2, -1), positions.sin);
}

// Additive [count, begin + count]: a position sees itself and what is before it, no further back
// than the window. Undefined where one new position sees everything.
at::Tensor causal_mask(std::int64_t begin, std::int64_t count, std::optional<std::int64_t> window,
                       const at::Tensor& like) {
  const std::int64_t end = begin + count;
  const bool windowed = window && *window < end;
  if (count == 1 && !windowed) return {};
  const auto options = like.options().dtype(at::kLong).requires_grad(false);
  const at::Tensor queries = at::arange(begin, end, options).unsqueeze(1);
  const at::Tensor keys = at::arange(end, options).unsqueeze(0);
  at::Tensor hidden = keys > queries;
  if (windowed) hidden = hidden.logical_or(keys <= queries - *window);
  return at::zeros({count, end}, like.options().requires_grad(false))
      .masked_fill(hidden, -std::numeric_limits<double>::infinity());
}

// A head in the file that is not its embeddings outdoes a config that ties them, as in
// transformers 5.
bool has_own_head(const io::Weights& weights) {
  const std::string head = "lm_head.weight", embeddings = "model.embed_tokens.weight";
  return weights.contains(head) && weights.contains(embeddings) &&
         !at::equal(weights.tensor(head), weights.tensor(embeddings));
}

}  // namespace

RotaryEmbedding::RotaryEmbedding(const LlamaConfig& config)
    : inv_freq_(inverse_frequencies(config)) {}

RotaryPositions RotaryEmbedding::at(std::int64_t begin, std::int64_t count,
                                    const at::Tensor& like) {
  const std::int64_t end = begin + count;
  const bool fits = cos_.defined() && cos_.size(0) >= end && cos_.device() == like.device() &&
                    cos_.scalar_type() == like.scalar_type();
  if (!fits) {
    std::int64_t length = 256;
    while (length < end) length *= 2;
    const at::Tensor angles = at::arange(length, at::kFloat).unsqueeze(1) * inv_freq_;
    const at::Tensor sin = angles.sin();
    cos_ = at::cat({angles.cos(), angles.cos()}, -1).to(like.device(), like.scalar_type());
    sin_ = at::cat({-sin, sin}, -1).to(like.device(), like.scalar_type());
  }
  return {cos_.narrow(0, begin, count), sin_.narrow(0, begin, count)};
}

LlamaAttentionImpl::LlamaAttentionImpl(const LlamaConfig& config)
    : heads_(config.num_attention_heads),
      kv_heads_(config.num_key_value_heads),
      head_dim_(config.head_dim) {
  const std::int64_t size = config.hidden_size;
  const bool bias = config.attention_bias;
  q_proj = register_module("q_proj", nn::Linear(size, heads_ * head_dim_, bias));
  k_proj = register_module("k_proj", nn::Linear(size, kv_heads_ * head_dim_, bias));
  v_proj = register_module("v_proj", nn::Linear(size, kv_heads_ * head_dim_, bias));
  o_proj = register_module("o_proj", nn::Linear(heads_ * head_dim_, size, bias));
}

at::Tensor LlamaAttentionImpl::forward(const at::Tensor& x, const RotaryPositions& positions,
                                       const at::Tensor& mask, KVCache* cache, std::int64_t layer) {
  const std::int64_t batch = x.size(0), count = x.size(1);
  const auto split = [&](const at::Tensor& projected) {
    return projected.view({batch, count, -1, head_dim_}).transpose(1, 2);
  };
  at::Tensor q = rotate(split(q_proj(x)), positions);
  at::Tensor k = rotate(split(k_proj(x)), positions);
  at::Tensor v = split(v_proj(x));
  if (cache != nullptr) std::tie(k, v) = cache->append(layer, k, v);

  at::Tensor out;
  if (count == 1 && !mask.defined()) {
    // The heads that share keys stand where the queries of a sequence stand: no key is repeated.
    q = q.reshape({batch, kv_heads_, heads_ / kv_heads_, head_dim_});
    out = nn::scaled_dot_product_attention(q, k, v).reshape({batch, count, heads_ * head_dim_});
  } else {
    out = nn::scaled_dot_product_attention(q, k, v, mask, /*causal=*/false, heads_ != kv_heads_);
    out = out.transpose(1, 2).reshape({batch, count, heads_ * head_dim_});
  }
  return o_proj(out);
}

LlamaMLPImpl::LlamaMLPImpl(const LlamaConfig& config) : activation_(config.hidden_act) {
  const std::int64_t size = config.hidden_size, inner = config.intermediate_size;
  gate_proj = register_module("gate_proj", nn::Linear(size, inner, config.mlp_bias));
  up_proj = register_module("up_proj", nn::Linear(size, inner, config.mlp_bias));
  down_proj = register_module("down_proj", nn::Linear(inner, size, config.mlp_bias));
}

at::Tensor LlamaMLPImpl::forward(const at::Tensor& x) {
  return down_proj(nn::activate(activation_, gate_proj(x)) * up_proj(x));
}

LlamaDecoderLayerImpl::LlamaDecoderLayerImpl(const LlamaConfig& config) {
  self_attn = register_module("self_attn", LlamaAttention(config));
  mlp = register_module("mlp", LlamaMLP(config));
  input_layernorm = register_module("input_layernorm", make_norm(config));
  post_attention_layernorm = register_module("post_attention_layernorm", make_norm(config));
}

at::Tensor LlamaDecoderLayerImpl::forward(const at::Tensor& x, const RotaryPositions& positions,
                                          const at::Tensor& mask, KVCache* cache,
                                          std::int64_t layer) {
  const at::Tensor attended = x + self_attn(input_layernorm(x), positions, mask, cache, layer);
  return attended + mlp(post_attention_layernorm(attended));
}

LlamaModelImpl::LlamaModelImpl(const LlamaConfig& config) : config_(config), rotary_(config) {
  embed_tokens =
      register_module("embed_tokens", nn::Embedding(config.vocab_size, config.hidden_size));
  layers = register_module("layers", torch::nn::ModuleList());
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) {
    layers->push_back(LlamaDecoderLayer(config));
  }
  norm = register_module("norm", make_norm(config));
}

at::Tensor LlamaModelImpl::forward(const at::Tensor& ids, KVCache* cache) {
  const std::int64_t begin = cache == nullptr ? 0 : cache->length();
  const std::int64_t count = ids.size(1);
  at::Tensor x = embed_tokens(ids.to(embed_tokens->weight.device()));
  if (config_.embed_scale != 1) {
    // Rounded to the weights' type first, as GemmaTextScaledWordEmbedding does.
    x = x * at::scalar_tensor(config_.embed_scale, x.options().requires_grad(false));
  }
  const RotaryPositions positions = rotary_.at(begin, count, x);
  const at::Tensor mask = causal_mask(begin, count, config_.sliding_window, x);
  for (std::size_t i = 0; i < layers->size(); ++i) {
    x = nn::recomputed(
        [=, layer = layers[i]](const at::Tensor& in, const at::Tensor&) {
          return layer->as<LlamaDecoderLayer>()->forward(in, positions, mask, cache,
                                                         static_cast<std::int64_t>(i));
        },
        x);
  }
  if (cache != nullptr) cache->advance(count);
  return norm(x);
}

LlamaForCausalLMImpl::LlamaForCausalLMImpl(const LlamaConfig& config) : config_(config) {
  model = register_module("model", LlamaModel(config));
  if (!config.tie_word_embeddings) {
    lm_head = register_module("lm_head", nn::Linear(config.hidden_size, config.vocab_size, false));
  }
}

void LlamaForCausalLMImpl::check_length(std::int64_t length) const {
  if (length <= config_.max_position_embeddings) return;
  throw Error(ErrorKind::usage, "the text has " + std::to_string(length) +
                                    " tokens, and the language model's context is " +
                                    std::to_string(config_.max_position_embeddings) +
                                    ": shorten the prompt or the feedback");
}

at::Tensor LlamaForCausalLMImpl::logits(const at::Tensor& hidden) {
  return lm_head.is_empty() ? at::linear(hidden, model->embed_tokens->weight) : lm_head(hidden);
}

at::Tensor LlamaForCausalLMImpl::next_logits(const at::Tensor& ids, KVCache& cache) {
  check_length(cache.length() + ids.size(1));
  return logits(model(ids, &cache).select(1, -1));
}

at::Tensor LlamaForCausalLMImpl::forward(const at::Tensor& ids) {
  check_length(ids.size(1));
  return logits(model(ids, nullptr));
}

LlamaForCausalLM load_llama(const std::filesystem::path& folder,
                            const nn::ExecutionOptions& execution, bool quantize_nf4) {
  LlamaConfig config = LlamaConfig::from(io::Config(folder / "config.json"));
  io::Weights weights = io::Weights::open(folder, "model");
  if (has_own_head(weights)) config.tie_word_embeddings = false;
  LlamaForCausalLM model(config);
  if (config.tie_word_embeddings) {
    weights = weights.renamed(
        [](const std::string& name) { return name == "lm_head.weight" ? std::string() : name; });
  }
  nn::load_weights(*model, weights, "language model", execution,
                   [&](const std::string& linear) { return quantize_nf4 && linear != "lm_head"; });
  model->eval();
  return model;
}

}  // namespace omr::llm
