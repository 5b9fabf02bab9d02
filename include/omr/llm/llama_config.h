// Sizes of a Llama-family decoder, with the key names of Hugging Face's config.json.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "omr/io/json_file.h"
#include "omr/nn/activation.h"

namespace omr::llm {

// How rotary frequencies are stretched (transformers/modeling_rope_utils.py). "dynamic" stretches
// them for texts beyond max_position_embeddings only, which omr does not read: it is standard here.
enum class RopeType { standard, linear, llama3 };

struct RopeParameters {
  double rope_theta = 10000.0;
  RopeType rope_type = RopeType::standard;            // "default" in the file
  double factor = 1.0;                                // linear, llama3
  double low_freq_factor = 1.0;                       // llama3
  double high_freq_factor = 4.0;                      // llama3
  std::int64_t original_max_position_embeddings = 0;  // llama3
};

struct LlamaConfig {
  std::int64_t vocab_size = 0;
  std::int64_t hidden_size = 0;
  std::int64_t intermediate_size = 0;
  std::int64_t num_hidden_layers = 0;
  std::int64_t num_attention_heads = 0;
  std::int64_t num_key_value_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t max_position_embeddings = 2048;
  double rms_norm_eps = 1e-6;
  nn::Activation hidden_act = nn::Activation::silu;
  bool tie_word_embeddings = false;
  double embed_scale = 1.0;  // gemma: embeddings times sqrt(hidden_size)
  double norm_offset = 0.0;  // gemma: 1 is added to the norms' weights
  bool attention_bias = false;
  bool mlp_bias = false;
  std::optional<std::int64_t> sliding_window;  // mistral: keys further back are not seen
  RopeParameters rope;
  std::optional<std::int64_t> bos_token_id;
  std::vector<std::int64_t> eos_token_ids;

  // model_type llama, mistral or gemma (the first generation); rope_theta and rope_scaling at the
  // top level (transformers 4) or inside rope_parameters (5). Throws Error(mismatch) for another
  // architecture, rope type or quantisation than bitsandbytes' 4 bits, and for sizes that do not
  // fit together, Error(format) for missing or absurd ones.
  static LlamaConfig from(const io::Config& config);
};

}  // namespace omr::llm
