#include "omr/llm/llama_config.h"

#include <cmath>
#include <string>

#include "omr/core/error.h"

namespace omr::llm {
namespace {

[[noreturn]] void mismatch(const io::Config& config, const std::string& what) {
  throw Error(ErrorKind::mismatch, config.where() + ": " + what);
}

double positive(const io::Config& config, const std::string& key, double otherwise) {
  const double value = config.number(key, otherwise);
  if (!std::isfinite(value) || value <= 0) mismatch(config, key + " is not above zero");
  return value;
}

// `scaling` is rope_parameters or the older rope_scaling.
void read_scaling(const io::Config& scaling, const LlamaConfig& sizes, RopeParameters& out) {
  const std::string type = scaling.text("rope_type", scaling.text("type", "default"));
  if (scaling.number("partial_rotary_factor", 1.0) != 1.0) {
    mismatch(scaling, "partial_rotary_factor other than 1 is not supported");
  }
  if (type == "default" || type == "dynamic") return;
  out.factor = positive(scaling, "factor", 1.0);
  if (type == "linear") {
    out.rope_type = RopeType::linear;
  } else if (type == "llama3") {
    out.rope_type = RopeType::llama3;
    out.low_freq_factor = positive(scaling, "low_freq_factor", out.low_freq_factor);
    out.high_freq_factor = positive(scaling, "high_freq_factor", out.high_freq_factor);
    out.original_max_position_embeddings =
        scaling.integer("original_max_position_embeddings", sizes.max_position_embeddings);
    if (out.high_freq_factor <= out.low_freq_factor || out.original_max_position_embeddings < 1) {
      mismatch(scaling, "llama3 needs low_freq_factor < high_freq_factor and a length above zero");
    }
  } else {
    mismatch(scaling,
             "rope_type \"" + type + "\" is not supported (default, linear, dynamic, llama3 are)");
  }
}

// The first files say "gelu" and mean its tanh form, as hidden_activation says outright.
nn::Activation gemma_activation(const io::Config& config) {
  const std::string name = config.text("hidden_activation", config.text("hidden_act", "gelu"));
  return nn::parse_activation(name == "gelu" ? "gelu_pytorch_tanh" : name, config.where());
}

// quantization_config, where the checkpoint was quantised before it was saved.
void check_quantization(const io::Config& config) {
  if (!config.has("quantization_config")) return;
  const io::Config quantization = config.child("quantization_config");
  const std::string method = quantization.text("quant_method", "bitsandbytes");
  if (method == "bitsandbytes" && !quantization.boolean("load_in_8bit", false)) return;
  mismatch(config, "the model is quantised by " + method +
                       (method == "bitsandbytes" ? " to 8 bits" : "") +
                       "; omr opens unquantised models and bitsandbytes' 4 bits (nf4)");
}

}  // namespace

LlamaConfig LlamaConfig::from(const io::Config& config) {
  const std::string kind = config.text("model_type");
  const bool mistral = kind == "mistral";
  const bool gemma = kind == "gemma";
  if (!mistral && !gemma && kind != "llama") {
    mismatch(config, "model_type is \"" + kind + "\"; omr computes llama, mistral and gemma");
  }
  check_quantization(config);
  const auto size = [&](const char* key, std::int64_t high, std::int64_t otherwise) {
    return config.has(key) ? config.integer_within(key, 1, high) : otherwise;
  };
  LlamaConfig out;
  out.vocab_size = config.integer_within("vocab_size", 1, 1 << 24);
  out.hidden_size = config.integer_within("hidden_size", 1, 1 << 16);
  out.intermediate_size = config.integer_within("intermediate_size", 1, 1 << 18);
  out.num_hidden_layers = config.integer_within("num_hidden_layers", 1, 512);
  out.num_attention_heads = config.integer_within("num_attention_heads", 1, 1024);
  out.num_key_value_heads = size("num_key_value_heads", 1024,
                                 mistral ? 8
                                 : gemma ? 16
                                         : out.num_attention_heads);
  if (!config.has("head_dim") && !gemma && out.hidden_size % out.num_attention_heads != 0) {
    mismatch(config, "hidden_size is not a multiple of num_attention_heads");
  }
  out.head_dim = size("head_dim", 4096, gemma ? 256 : out.hidden_size / out.num_attention_heads);
  out.max_position_embeddings = size("max_position_embeddings", 1 << 24,
                                     mistral ? 4096 * 32
                                     : gemma ? 8192
                                             : 2048);
  if (out.num_attention_heads % out.num_key_value_heads != 0) {
    mismatch(config, "num_attention_heads is not a multiple of num_key_value_heads");
  }
  if (out.head_dim % 2 != 0) mismatch(config, "head_dim is odd, and rotary positions need pairs");
  out.rms_norm_eps = positive(config, "rms_norm_eps", 1e-6);
  out.hidden_act = gemma ? gemma_activation(config)
                         : nn::parse_activation(config.text("hidden_act", "silu"), config.where());
  out.tie_word_embeddings = config.boolean("tie_word_embeddings", gemma);
  if (gemma) {
    out.embed_scale = std::sqrt(static_cast<double>(out.hidden_size));
    out.norm_offset = 1.0;
    config.expect("use_bidirectional_attention", false);
  }
  out.attention_bias = !mistral && config.boolean("attention_bias", false);
  out.mlp_bias = !mistral && config.boolean("mlp_bias", false);
  if (mistral) {
    const bool unlimited =
        config.json().contains("sliding_window") && !config.has("sliding_window");
    if (!unlimited) out.sliding_window = size("sliding_window", 1 << 24, 4096);
  }

  out.rope.rope_theta = positive(config, "rope_theta", out.rope.rope_theta);
  if (config.has("rope_parameters")) {
    const io::Config parameters = config.child("rope_parameters");
    out.rope.rope_theta = positive(parameters, "rope_theta", out.rope.rope_theta);
    read_scaling(parameters, out, out.rope);
  } else if (config.has("rope_scaling")) {
    read_scaling(config.child("rope_scaling"), out, out.rope);
  }

  if (config.has("bos_token_id")) out.bos_token_id = config.integer("bos_token_id");
  if (config.has("eos_token_id")) {
    out.eos_token_ids = config.json()["eos_token_id"].is_array()
                            ? config.integers("eos_token_id")
                            : std::vector<std::int64_t>{config.integer("eos_token_id")};
  }
  return out;
}

}  // namespace omr::llm
