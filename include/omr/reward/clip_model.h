// CLIP's two towers in one space (CLIPModel in transformers/models/clip/modeling_clip.py; Radford
// et al., arXiv 2103.00020). PickScore (arXiv 2305.01569) is such a model. Modules are named as the
// checkpoint's keys. B batch, N tokens, D projection_dim.
#pragma once

#include <cstdint>
#include <filesystem>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "omr/io/json_file.h"
#include "omr/nn/execution.h"
#include "omr/nn/linear.h"
#include "omr/reward/clip_vision_model.h"
#include "omr/text/clip_text_model.h"

namespace omr::reward {

struct CLIPConfig {
  text::CLIPTextConfig text;
  CLIPVisionConfig vision;
  std::int64_t projection_dim = 512;

  // Reads text_config and vision_config; old files repeat them under text_config_dict and
  // vision_config_dict, which win, as in transformers. Keys that are absent take the defaults of
  // CLIPTextConfig and CLIPVisionConfig. Throws Error(mismatch) unless model_type is clip.
  static CLIPConfig from(const io::Config& config);
};

class CLIPModelImpl : public torch::nn::Module {
 public:
  explicit CLIPModelImpl(const CLIPConfig& config);

  // int64 [B, N] -> [B, D]. Not normalised. Gradients flow where they are on.
  at::Tensor get_text_features(const at::Tensor& input_ids);
  // Normalised pixels [B, 3, H, W] -> [B, D]. Not normalised.
  at::Tensor get_image_features(const at::Tensor& pixel_values);

  at::Tensor logit_scale;  // scalar: the logarithm of the scale
  text::CLIPTextTransformer text_model{nullptr};
  CLIPVisionModel vision_model{nullptr};
  nn::Linear visual_projection{nullptr}, text_projection{nullptr};

  const CLIPConfig& config() const { return config_; }

 private:
  CLIPConfig config_;
};
TORCH_MODULE(CLIPModel);

// Opens config.json and model.safetensors (or its shards) of `folder`, or a model that OpenCLIP
// saved there (open_clip_model.safetensors, open_clip_config.json), in eval mode. With
// `to_nf4` the linears that quantize_nf4 moves become NF4 as they are read. Throws as
// io::Weights::open, CLIPConfig::from and nn::load_weights do.
CLIPModel load_clip_model(const std::filesystem::path& folder,
                          const nn::ExecutionOptions& execution, bool to_nf4 = false);

// Moves the linears into NF4 that transformers' load_in_4bit would: all but `text_projection`,
// which it spares as the module of the model's last parameter (get_keys_to_not_convert).
// Embeddings, the patch convolution and norms are no linears.
void quantize_nf4(CLIPModelImpl& model);

// x / |x| over the last dimension, in fp32.
at::Tensor normalize(const at::Tensor& features);

}  // namespace omr::reward
