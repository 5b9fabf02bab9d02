#include "omr/reward/clip_vision_model.h"

#include <string>

#include <ATen/Functions.h>

#include "omr/core/error.h"

namespace omr::reward {

CLIPVisionConfig CLIPVisionConfig::from(const io::Config& config) {
  config.expect("model_type", "clip_vision_model");
  CLIPVisionConfig vision;
  vision.encoder = text::CLIPEncoderConfig::from(config);
  if (config.has("num_channels")) config.expect("num_channels", 3);
  if (config.has("image_size")) vision.image_size = config.integer_within("image_size", 1, 4096);
  if (config.has("patch_size")) {
    vision.patch_size = config.integer_within("patch_size", 1, vision.image_size);
  }
  constexpr std::int64_t kLargestGrid = 256;
  if (vision.image_size / vision.patch_size > kLargestGrid) {
    throw Error(ErrorKind::format, config.where() + ": image_size " +
                                       std::to_string(vision.image_size) + " and patch_size " +
                                       std::to_string(vision.patch_size) + " make more than " +
                                       std::to_string(kLargestGrid) + " patches a side");
  }
  return vision;
}

CLIPVisionEmbeddingsImpl::CLIPVisionEmbeddingsImpl(const CLIPVisionConfig& config)
    : config_(config) {
  const std::int64_t grid = config.image_size / config.patch_size;
  class_embedding = register_parameter("class_embedding", at::empty({config.encoder.hidden_size}));
  patch_embedding = register_module(
      "patch_embedding", nn::Conv2d(config.num_channels, config.encoder.hidden_size,
                                    config.patch_size, config.patch_size, 0, /*bias=*/false));
  position_embedding = register_module("position_embedding",
                                       nn::Embedding(grid * grid + 1, config.encoder.hidden_size));
}

at::Tensor CLIPVisionEmbeddingsImpl::forward(const at::Tensor& pixel_values) {
  if (pixel_values.size(2) != config_.image_size || pixel_values.size(3) != config_.image_size) {
    throw Error(ErrorKind::mismatch, "the reward model takes pictures of " +
                                         std::to_string(config_.image_size) +
                                         " pixels a side, its preprocessor_config.json makes " +
                                         std::to_string(pixel_values.size(3)) + "x" +
                                         std::to_string(pixel_values.size(2)));
  }
  const at::Tensor patches = patch_embedding(pixel_values).flatten(2).transpose(1, 2);
  const at::Tensor first = class_embedding.expand({pixel_values.size(0), 1, -1});
  return at::cat({first, patches}, 1) + position_embedding->weight;
}

CLIPVisionModelImpl::CLIPVisionModelImpl(const CLIPVisionConfig& config) : config_(config) {
  const std::int64_t width = config.encoder.hidden_size;
  const double eps = config.encoder.layer_norm_eps;
  embeddings = register_module("embeddings", CLIPVisionEmbeddings(config));
  pre_layrnorm = register_module("pre_layrnorm", nn::LayerNorm(width, eps));
  encoder = register_module("encoder", text::CLIPEncoder(config.encoder, /*causal=*/false));
  post_layernorm = register_module("post_layernorm", nn::LayerNorm(width, eps));
}

at::Tensor CLIPVisionModelImpl::forward(const at::Tensor& pixel_values) {
  const at::Tensor states = encoder(pre_layrnorm(embeddings(pixel_values)));
  return post_layernorm(states.select(1, 0));
}

at::Tensor CLIPVisionModelImpl::last_hidden_state(const at::Tensor& pixel_values) {
  return post_layernorm(encoder(pre_layrnorm(embeddings(pixel_values))));
}

}  // namespace omr::reward
