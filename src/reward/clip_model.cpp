#include "omr/reward/clip_model.h"

#include <string>

#include <ATen/Functions.h>

#include "omr/core/error.h"
#include "omr/io/weights.h"
#include "omr/nn/load_weights.h"

#include "reward/open_clip.h"

namespace omr::reward {
namespace {

// A tower's config with transformers' defaults underneath.
io::Config tower(const io::Config& config, const std::string& key, io::Json object) {
  for (const std::string& source : {key, key + "_dict"}) {
    if (!config.has(source)) continue;
    const io::Config given = config.child(source);
    for (const auto& [name, value] : given.json().items()) {
      if (!value.is_null()) object[name] = value;
    }
  }
  return io::Config(std::move(object), config.where() + ", " + key);
}

bool becomes_nf4(const std::string& linear) { return linear != "text_projection"; }

}  // namespace

CLIPConfig CLIPConfig::from(const io::Config& config) {
  config.expect("model_type", "clip");
  CLIPConfig clip;
  clip.text = text::CLIPTextConfig::from(tower(config, "text_config",
                                               {{"model_type", "clip_text_model"},
                                                {"hidden_size", 512},
                                                {"intermediate_size", 2048},
                                                {"num_hidden_layers", 12},
                                                {"num_attention_heads", 8}}));
  clip.vision = CLIPVisionConfig::from(tower(config, "vision_config",
                                             {{"model_type", "clip_vision_model"},
                                              {"hidden_size", 768},
                                              {"intermediate_size", 3072},
                                              {"num_hidden_layers", 12},
                                              {"num_attention_heads", 12}}));
  if (config.has("projection_dim")) {
    clip.projection_dim = config.integer_within("projection_dim", 1, 1 << 16);
  }
  return clip;
}

CLIPModelImpl::CLIPModelImpl(const CLIPConfig& config) : config_(config) {
  logit_scale = register_parameter("logit_scale", at::empty({}));
  text_model = register_module("text_model", text::CLIPTextTransformer(config.text));
  vision_model = register_module("vision_model", CLIPVisionModel(config.vision));
  visual_projection = register_module(
      "visual_projection",
      nn::Linear(config.vision.encoder.hidden_size, config.projection_dim, /*bias=*/false));
  text_projection = register_module(
      "text_projection",
      nn::Linear(config.text.encoder.hidden_size, config.projection_dim, /*bias=*/false));
}

at::Tensor CLIPModelImpl::get_text_features(const at::Tensor& input_ids) {
  return text_projection(text_model(input_ids).pooler_output);
}

at::Tensor CLIPModelImpl::get_image_features(const at::Tensor& pixel_values) {
  return visual_projection(vision_model(pixel_values));
}

CLIPModel load_clip_model(const std::filesystem::path& folder,
                          const nn::ExecutionOptions& execution, bool to_nf4) {
  const std::filesystem::path config = folder / "config.json";
  const bool is_hugging_face = std::filesystem::exists(config);
  io::Weights weights =
      is_hugging_face ? io::Weights::open(folder, "model") : open_open_clip_weights(folder);
  CLIPConfig sizes;
  if (is_hugging_face) {
    sizes = CLIPConfig::from(io::Config(config));
  } else if (is_open_clip(weights)) {
    sizes = open_clip_config(folder, weights);
    weights = clip_weights_of_open_clip(weights, sizes);
  } else {
    throw Error(ErrorKind::mismatch,
                folder.string() + ": neither a config.json of CLIPModel nor OpenCLIP's tensors");
  }
  CLIPModel model(sizes);
  nn::load_weights(*model, weights, "reward model", execution,
                   [&](const std::string& linear) { return to_nf4 && becomes_nf4(linear); });
  model->eval();
  return model;
}

void quantize_nf4(CLIPModelImpl& model) {
  for (const auto& item : model.named_modules()) {
    auto* linear = item.value()->as<nn::LinearImpl>();
    if (linear != nullptr && !linear->quantized() && becomes_nf4(item.key())) {
      linear->quantize_nf4();
    }
  }
}

at::Tensor normalize(const at::Tensor& features) {
  const at::Tensor x = features.to(at::kFloat);
  return x / x.pow(2).sum(-1, /*keepdim=*/true).sqrt();
}

}  // namespace omr::reward
