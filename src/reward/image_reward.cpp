#include "omr/reward/image_reward.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/io/json_file.h"
#include "omr/io/key_map.h"
#include "omr/nn/attention.h"
#include "omr/nn/load_weights.h"

namespace omr::reward {
namespace {

namespace fs = std::filesystem;

constexpr double kVisionEps = 1e-6;
constexpr std::int64_t kBlipHeadWidth = 64;
// Mean and deviation of the raw score over its authors' data.
constexpr double kMean = 0.16717362830052426;
constexpr double kStd = 1.0333394966054072;
// Widths between the layers of the head.
constexpr std::array<std::int64_t, 5> kHeadLayers = {1024, 128, 64, 16, 1};

fs::path weights_file(const fs::path& folder) {
  const fs::path own = folder / "ImageReward.safetensors";
  return fs::exists(own) ? own : folder / "model.safetensors";
}

std::int64_t count_layers(const io::Weights& weights, const std::string& prefix,
                          const std::string& name) {
  std::int64_t layers = 0;
  while (weights.contains(prefix + std::to_string(layers) + name)) ++layers;
  return layers;
}

void check_heads(const io::Weights& weights, std::int64_t width, std::int64_t heads) {
  if (heads > 0 && width % heads == 0) return;
  throw Error(ErrorKind::mismatch, weights.where() + ": " + std::to_string(width) +
                                       " numbers cannot be " + std::to_string(heads) + " heads");
}

}  // namespace

ImageRewardConfig ImageRewardConfig::from(const fs::path& folder, const io::Weights& weights) {
  const auto shape = [&](const std::string& name, std::size_t dimensions) {
    const io::TensorInfo& info = weights.info(name);
    if (info.shape.size() == dimensions) return info.shape;
    throw Error(ErrorKind::mismatch, weights.where() + ": " + name + " has " +
                                         std::to_string(info.shape.size()) +
                                         " dimensions, expected " + std::to_string(dimensions));
  };
  ImageRewardConfig out;
  const auto patches = shape("vision.proj.weight", 4);
  out.vision_width = patches[0];
  out.patch_size = patches[3];
  const std::int64_t positions = shape("vision.pos_embed", 3)[1];
  const auto grid =
      static_cast<std::int64_t>(std::llround(std::sqrt(static_cast<double>(positions - 1))));
  if (grid < 1 || grid * grid + 1 != positions) {
    throw Error(ErrorKind::mismatch, weights.where() + ": the image tower has " +
                                         std::to_string(positions) +
                                         " positions, which is no square and a class");
  }
  out.image_size = grid * out.patch_size;
  out.vision_layers = count_layers(weights, "vision.blocks.", ".norm1.weight");
  out.vision_inner = shape("vision.blocks.0.fc1.weight", 2)[0];
  out.vision_heads = std::max<std::int64_t>(1, out.vision_width / kBlipHeadWidth);
  const auto words = shape("text.word_embeddings.weight", 2);
  out.vocab_size = words[0];
  out.text_width = words[1];
  out.max_position_embeddings = shape("text.position_embeddings.weight", 2)[0];
  out.text_layers = count_layers(weights, "text.layers.", ".layer_norm.weight");
  out.text_inner = shape("text.layers.0.intermediate.weight", 2)[0];
  out.text_heads = std::max<std::int64_t>(1, out.text_width / kBlipHeadWidth);
  out.projection_dim = shape("vision_proj.weight", 2)[0];
  if (const fs::path path = folder / "med_config.json"; fs::exists(path)) {
    const io::Config med(path);
    med.expect("hidden_act", "gelu");
    if (med.has("num_attention_heads")) {
      out.text_heads = med.integer_within("num_attention_heads", 1, 1024);
    }
    out.text_eps = med.number("layer_norm_eps", out.text_eps);
  }
  check_heads(weights, out.vision_width, out.vision_heads);
  check_heads(weights, out.text_width, out.text_heads);
  return out;
}

BlipVisionBlockImpl::BlipVisionBlockImpl(const ImageRewardConfig& config)
    : heads_(config.vision_heads) {
  const std::int64_t width = config.vision_width;
  norm1 = register_module("norm1", nn::LayerNorm(width, kVisionEps));
  qkv = register_module("qkv", nn::Linear(width, 3 * width));
  proj = register_module("proj", nn::Linear(width, width));
  norm2 = register_module("norm2", nn::LayerNorm(width, kVisionEps));
  fc1 = register_module("fc1", nn::Linear(width, config.vision_inner));
  fc2 = register_module("fc2", nn::Linear(config.vision_inner, width));
}

at::Tensor BlipVisionBlockImpl::forward(const at::Tensor& x) {
  const std::vector<at::Tensor> parts = qkv(norm1(x)).chunk(3, -1);
  const at::Tensor attended =
      x + proj(nn::multi_head_attention(parts[0], parts[1], parts[2], heads_));
  return attended + fc2(at::gelu(fc1(norm2(attended))));
}

BlipVisionEncoderImpl::BlipVisionEncoderImpl(const ImageRewardConfig& config) {
  const std::int64_t width = config.vision_width;
  const std::int64_t grid = config.image_size / config.patch_size;
  cls_token = register_parameter("cls_token", at::empty({1, 1, width}));
  pos_embed = register_parameter("pos_embed", at::empty({1, grid * grid + 1, width}));
  proj = register_module("proj", nn::Conv2d(3, width, config.patch_size, config.patch_size));
  blocks = register_module("blocks", torch::nn::ModuleList());
  for (std::int64_t i = 0; i < config.vision_layers; ++i) {
    blocks->push_back(BlipVisionBlock(config));
  }
  norm = register_module("norm", nn::LayerNorm(width, kVisionEps));
}

at::Tensor BlipVisionEncoderImpl::forward(const at::Tensor& pixel_values) {
  const at::Tensor patches = proj(pixel_values).flatten(2).transpose(1, 2);
  at::Tensor x = at::cat({cls_token.expand({patches.size(0), -1, -1}), patches}, 1) + pos_embed;
  for (const auto& block : *blocks) x = block->as<BlipVisionBlock>()->forward(x);
  return norm(x);
}

BertAttentionImpl::BertAttentionImpl(const ImageRewardConfig& config, std::int64_t attended_width)
    : heads_(config.text_heads) {
  const std::int64_t width = config.text_width;
  query = register_module("query", nn::Linear(width, width));
  key = register_module("key", nn::Linear(attended_width, width));
  value = register_module("value", nn::Linear(attended_width, width));
  dense = register_module("dense", nn::Linear(width, width));
  layer_norm = register_module("layer_norm", nn::LayerNorm(width, config.text_eps));
}

at::Tensor BertAttentionImpl::forward(const at::Tensor& x, const at::Tensor& to) {
  return layer_norm(x + dense(nn::multi_head_attention(query(x), key(to), value(to), heads_)));
}

BertLayerImpl::BertLayerImpl(const ImageRewardConfig& config) {
  attention = register_module("attention", BertAttention(config, config.text_width));
  crossattention = register_module("crossattention", BertAttention(config, config.vision_width));
  intermediate = register_module("intermediate", nn::Linear(config.text_width, config.text_inner));
  output = register_module("output", nn::Linear(config.text_inner, config.text_width));
  layer_norm = register_module("layer_norm", nn::LayerNorm(config.text_width, config.text_eps));
}

at::Tensor BertLayerImpl::forward(const at::Tensor& x, const at::Tensor& image) {
  at::Tensor attended = attention(x, x);
  if (image.defined()) attended = crossattention(attended, image);
  return layer_norm(attended + output(at::gelu(intermediate(attended))));
}

BertEncoderImpl::BertEncoderImpl(const ImageRewardConfig& config) {
  const std::int64_t width = config.text_width;
  word_embeddings = register_module("word_embeddings", nn::Embedding(config.vocab_size, width));
  position_embeddings =
      register_module("position_embeddings", nn::Embedding(config.max_position_embeddings, width));
  layer_norm = register_module("layer_norm", nn::LayerNorm(width, config.text_eps));
  layers = register_module("layers", torch::nn::ModuleList());
  for (std::int64_t i = 0; i < config.text_layers; ++i) layers->push_back(BertLayer(config));
}

at::Tensor BertEncoderImpl::forward(const at::Tensor& ids, const at::Tensor& image) {
  const at::Tensor words = word_embeddings(ids.to(word_embeddings->weight.device()));
  at::Tensor x = layer_norm(words + position_embeddings->weight.narrow(0, 0, ids.size(1)));
  if (image.defined()) x = x.expand({image.size(0), -1, -1});
  for (const auto& layer : *layers) x = layer->as<BertLayer>()->forward(x, image);
  return x;
}

ImageRewardImpl::ImageRewardImpl(const ImageRewardConfig& config) : config_(config) {
  vision_ = register_module("vision", BlipVisionEncoder(config));
  text_ = register_module("text", BertEncoder(config));
  vision_proj_ =
      register_module("vision_proj", nn::Linear(config.vision_width, config.projection_dim));
  text_proj_ = register_module("text_proj", nn::Linear(config.text_width, config.projection_dim));
  mlp_ = register_module("mlp", torch::nn::ModuleList());
  std::int64_t width = config.text_width;
  for (std::int64_t next : kHeadLayers) {
    mlp_->push_back(nn::Linear(width, next));
    width = next;
  }
}

at::Tensor ImageRewardImpl::image_states(const at::Tensor& pixel_values) {
  return vision_(pixel_values);
}

at::Tensor ImageRewardImpl::scores(const at::Tensor& ids, const at::Tensor& image_states) {
  at::Tensor x = text_(ids, image_states).select(1, 0);
  for (const auto& layer : *mlp_) x = layer->as<nn::Linear>()->forward(x);
  return (x.squeeze(-1).to(at::kFloat) - kMean) / kStd;
}

at::Tensor ImageRewardImpl::image_features(const at::Tensor& image_states) {
  return vision_proj_(image_states.select(1, 0));
}

at::Tensor ImageRewardImpl::text_features(const at::Tensor& ids) {
  return text_proj_(text_(ids, at::Tensor()).select(1, 0));
}

bool is_image_reward(const fs::path& folder) {
  return fs::exists(weights_file(folder)) &&
         open_image_reward_weights(folder).contains("blip.visual_encoder.cls_token");
}

io::Weights open_image_reward_weights(const fs::path& folder) {
  return io::Weights::open(weights_file(folder), "");
}

ImageReward load_image_reward(const fs::path& folder, const nn::ExecutionOptions& execution,
                              bool to_nf4) {
  const io::Weights weights = open_image_reward_weights(folder).renamed(io::image_reward_key);
  ImageReward model(ImageRewardConfig::from(folder, weights));
  nn::load_weights(*model, weights, "reward model", execution, [&](const std::string& linear) {
    return to_nf4 && (linear.starts_with("vision.") || linear.starts_with("text."));
  });
  model->eval();
  return model;
}

}  // namespace omr::reward
