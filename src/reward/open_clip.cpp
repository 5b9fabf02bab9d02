#include "reward/open_clip.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "omr/core/error.h"
#include "omr/io/key_map.h"

namespace omr::reward {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kHeadWidth = 64;

std::int64_t count_layers(const io::Weights& weights, const std::string& prefix) {
  std::int64_t layers = 0;
  while (weights.contains(prefix + "transformer.resblocks." + std::to_string(layers) +
                          ".ln_1.weight")) {
    ++layers;
  }
  return layers;
}

std::int64_t vision_head_width(std::int64_t width) {
  for (std::int64_t head : {80, 88, 104}) {
    if (width == 16 * head) return head;
  }
  return kHeadWidth;
}

io::Config model_config(const fs::path& folder) {
  const fs::path path = folder / "open_clip_config.json";
  if (!fs::exists(path)) return io::Config(io::Json::object(), path.string());
  return io::Config(path);
}

io::Config child(const io::Config& config, const std::string& key) {
  return config.has(key) ? config.child(key)
                         : io::Config(io::Json::object(), config.where() + ", " + key);
}

// A tower's sizes: what its tensors have, and heads and activation as the config says.
text::CLIPEncoderConfig encoder(const io::Weights& weights, const std::string& prefix,
                                std::int64_t head_width, const io::Config& config,
                                bool quick_gelu) {
  const std::vector<std::int64_t>& inner =
      weights.info(prefix + "transformer.resblocks.0.mlp.c_fc.weight").shape;
  text::CLIPEncoderConfig out;
  out.num_hidden_layers = count_layers(weights, prefix);
  out.intermediate_size = inner.at(0);
  out.hidden_size = inner.at(1);
  if (config.has("heads")) {
    out.num_attention_heads = config.integer_within("heads", 1, 1024);
  } else {
    head_width =
        config.has("head_width") ? config.integer_within("head_width", 1, 4096) : head_width;
    out.num_attention_heads = std::max<std::int64_t>(1, out.hidden_size / head_width);
  }
  if (out.hidden_size % out.num_attention_heads != 0) {
    throw Error(ErrorKind::mismatch, weights.where() + ": a tower of " +
                                         std::to_string(out.hidden_size) + " numbers cannot have " +
                                         std::to_string(out.num_attention_heads) + " heads");
  }
  out.hidden_act = quick_gelu ? nn::Activation::quick_gelu : nn::Activation::gelu;
  return out;
}

const std::vector<std::int64_t>& shape(const io::Weights& weights, const std::string& name,
                                       std::size_t dimensions) {
  const io::TensorInfo& info = weights.info(name);
  if (info.shape.size() == dimensions) return info.shape;
  throw Error(ErrorKind::mismatch, weights.where() + ": " + name + " has " +
                                       std::to_string(info.shape.size()) +
                                       " dimensions, expected " + std::to_string(dimensions));
}

}  // namespace

io::Weights open_open_clip_weights(const fs::path& folder) {
  for (const char* stem : {"open_clip_model", "open_clip_pytorch_model"}) {
    if (fs::exists(folder / (std::string(stem) + ".safetensors"))) {
      return io::Weights::open(folder, stem);
    }
  }
  return io::Weights::open(folder, "model");
}

bool is_open_clip(const io::Weights& weights) {
  return weights.contains("visual.conv1.weight") && weights.contains("ln_final.weight");
}

CLIPConfig open_clip_config(const fs::path& folder, const io::Weights& weights) {
  const io::Config config = child(model_config(folder), "model_cfg");
  const bool quick_gelu = config.boolean("quick_gelu", false);
  CLIPConfig out;
  const std::vector<std::int64_t>& patches = shape(weights, "visual.conv1.weight", 4);
  out.vision.encoder = encoder(weights, "visual.", vision_head_width(patches[0]),
                               child(config, "vision_cfg"), quick_gelu);
  out.vision.patch_size = patches[3];
  const std::int64_t positions = shape(weights, "visual.positional_embedding", 2)[0];
  const auto grid = static_cast<std::int64_t>(std::llround(std::sqrt(positions - 1)));
  if (grid < 1 || grid * grid + 1 != positions) {
    throw Error(ErrorKind::mismatch, weights.where() + ": the image tower has " +
                                         std::to_string(positions) +
                                         " positions, which is no square and a class");
  }
  out.vision.image_size = grid * patches[3];
  out.text.encoder = encoder(weights, "", kHeadWidth, child(config, "text_cfg"), quick_gelu);
  out.text.vocab_size = shape(weights, "token_embedding.weight", 2)[0];
  out.text.max_position_embeddings = shape(weights, "positional_embedding", 2)[0];
  out.text.eos_token_id = 2;  // pooled at the largest id
  out.projection_dim = shape(weights, "text_projection", 2)[1];
  return out;
}

io::Weights clip_weights_of_open_clip(const io::Weights& weights, const CLIPConfig& config) {
  return weights.viewed([&](const io::TensorInfo& info) -> std::vector<io::TensorView> {
    if (info.name == "logit_scale") return {{info.name}};
    if (info.name == "text_projection") {
      return {{"text_projection.weight", 0, -1, /*transposed=*/true}};
    }
    if (info.name.starts_with("visual.")) {
      return io::clip_vision_views_of_open_clip(info, config.vision.encoder.num_hidden_layers);
    }
    return io::clip_views_of_open_clip(info, config.text.encoder.num_hidden_layers);
  });
}

CLIPImageProcessorConfig open_clip_image_processor_config(const fs::path& folder,
                                                          const CLIPConfig& config) {
  CLIPImageProcessorConfig out;
  const std::int64_t side = config.vision.image_size;
  out.shortest_edge = side;
  out.crop_size = {side, side};
  const io::Config pictures = child(model_config(folder), "preprocess_cfg");
  const auto channels = [&](const char* key, std::array<double, 3>& values) {
    if (!pictures.has(key)) return;
    const std::vector<double> given = pictures.numbers(key);
    if (given.size() != 3) {
      throw Error(ErrorKind::format, pictures.where() + ": " + key + " needs three numbers");
    }
    std::copy(given.begin(), given.end(), values.begin());
  };
  channels("mean", out.image_mean);
  channels("std", out.image_std);
  for (double std : out.image_std) {
    if (!(std > 0)) throw Error(ErrorKind::format, pictures.where() + ": std is not positive");
  }
  pictures.expect("interpolation", "bicubic");
  pictures.expect("resize_mode", "shortest");
  return out;
}

}  // namespace omr::reward
