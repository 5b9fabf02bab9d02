#include "omr/text/clip_text_model.h"

#include <string>

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/nn/load_weights.h"

namespace omr::text {

CLIPTextConfig CLIPTextConfig::from(const io::Config& config) {
  const std::string kind = config.text("model_type", "clip_text_model");
  if (kind == "clip" && config.has("text_config")) return from(config.child("text_config"));
  if (kind != "clip_text_model") {
    throw Error(ErrorKind::mismatch,
                config.where() + ": model_type is \"" + kind + "\", expected \"clip_text_model\"");
  }
  const auto size = [&](const char* key, std::int64_t high, std::int64_t otherwise) {
    return config.has(key) ? config.integer_within(key, 1, high) : otherwise;
  };
  CLIPTextConfig out;
  out.encoder = CLIPEncoderConfig::from(config);
  out.vocab_size = size("vocab_size", 1 << 24, out.vocab_size);
  out.max_position_embeddings =
      size("max_position_embeddings", 1 << 16, out.max_position_embeddings);
  out.eos_token_id = config.integer("eos_token_id", out.eos_token_id);
  return out;
}

CLIPTextEmbeddingsImpl::CLIPTextEmbeddingsImpl(const CLIPTextConfig& config) {
  const std::int64_t size = config.encoder.hidden_size;
  token_embedding = register_module("token_embedding", nn::Embedding(config.vocab_size, size));
  position_embedding =
      register_module("position_embedding", nn::Embedding(config.max_position_embeddings, size));
}

at::Tensor CLIPTextEmbeddingsImpl::forward(const at::Tensor& ids) {
  return token_embedding(ids) + position_embedding->weight.narrow(0, 0, ids.size(1));
}

CLIPTextTransformerImpl::CLIPTextTransformerImpl(const CLIPTextConfig& config) : config_(config) {
  embeddings = register_module("embeddings", CLIPTextEmbeddings(config));
  encoder = register_module("encoder", CLIPEncoder(config.encoder, /*causal=*/true));
  final_layer_norm = register_module(
      "final_layer_norm", nn::LayerNorm(config.encoder.hidden_size, config.encoder.layer_norm_eps));
}

CLIPTextOutput CLIPTextTransformerImpl::forward(const at::Tensor& ids) {
  TORCH_CHECK(ids.dim() == 2 && ids.size(1) > 0, "ids must be [B, N]");
  if (ids.size(1) > config_.max_position_embeddings) {
    throw Error(ErrorKind::mismatch, "the text encoder has " +
                                         std::to_string(config_.max_position_embeddings) +
                                         " positions, and the tokenizer made " +
                                         std::to_string(ids.size(1)) + " tokens");
  }
  if (const auto largest = ids.max().item<std::int64_t>(); largest >= config_.vocab_size) {
    throw Error(ErrorKind::mismatch, "the tokenizer made the token id " + std::to_string(largest) +
                                         ", and the text encoder's vocab_size is " +
                                         std::to_string(config_.vocab_size));
  }
  const at::Tensor tokens = ids.to(embeddings->token_embedding->weight.device());

  CLIPTextOutput out;
  out.last_hidden_state = final_layer_norm(encoder(embeddings(tokens)));
  constexpr std::int64_t kOldRule = 2;
  const at::Tensor ends = config_.eos_token_id == kOldRule
                              ? tokens.argmax(-1)
                              : tokens.eq(config_.eos_token_id).to(at::kInt).argmax(-1);
  out.pooler_output = out.last_hidden_state.index({at::arange(ends.size(0), ends.options()), ends});
  return out;
}

CLIPTextModelImpl::CLIPTextModelImpl(const CLIPTextConfig& config) {
  text_model = register_module("text_model", CLIPTextTransformer(config));
}

CLIPTextOutput CLIPTextModelImpl::forward(const at::Tensor& ids) { return text_model(ids); }

io::Weights clip_text_weights(const io::Weights& weights) {
  return weights.renamed([](const std::string& name) -> std::string {
    for (const char* prefix : {"embeddings.", "encoder.", "final_layer_norm."}) {
      if (name.starts_with(prefix)) return "text_model." + name;
    }
    for (const char* prefix :
         {"text_projection.", "vision_model.", "visual_projection.", "logit_scale"}) {
      if (name.starts_with(prefix)) return "";
    }
    return name;
  });
}

CLIPTextModel load_clip_text_model(const io::Config& config, const io::Weights& weights,
                                   const nn::ExecutionOptions& execution) {
  CLIPTextModel model(CLIPTextConfig::from(config));
  nn::load_weights(*model, weights, "text encoder", execution);
  model->eval();
  return model;
}

CLIPTextModel load_clip_text_model(const std::filesystem::path& folder,
                                   const nn::ExecutionOptions& execution) {
  return load_clip_text_model(io::Config(folder / "config.json"),
                              clip_text_weights(io::Weights::open(folder, "model")), execution);
}

}  // namespace omr::text
