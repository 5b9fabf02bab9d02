// The denoiser: SD 1.x and 2.x UNet (arXiv 2112.10752; diffusers
// models/unets/unet_2d_condition.py). Shapes: B batch, C latent channels, H and W latent size,
// S prompt tokens, D cross_attention_dim.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "omr/diffusion/timestep_embedding.h"
#include "omr/diffusion/unet_2d_blocks.h"
#include "omr/io/json_file.h"
#include "omr/io/weights.h"
#include "omr/nn/execution.h"
#include "omr/nn/layers.h"

namespace omr::diffusion {

// Keys and defaults of unet/config.json; per-level values hold one entry a level.
struct UNet2DConditionConfig {
  std::int64_t sample_size = 64;  // latent size that the model was trained at
  std::int64_t in_channels = 4;
  std::int64_t out_channels = 4;
  std::vector<std::int64_t> block_out_channels = {320, 640, 1280, 1280};
  std::vector<bool> down_cross_attention = {true, true, true, false};  // CrossAttnDownBlock2D
  std::vector<bool> up_cross_attention = {false, true, true, true};    // CrossAttnUpBlock2D
  std::int64_t layers_per_block = 2;
  std::vector<std::int64_t> transformer_layers_per_block = {1, 1, 1, 1};
  std::vector<std::int64_t> num_attention_heads = {5, 10, 20, 20};  // the file's attention_head_dim
  std::int64_t cross_attention_dim = 1024;
  std::int64_t norm_num_groups = 32;
  double norm_eps = 1e-5;
  nn::Activation act_fn = nn::Activation::silu;
  std::int64_t downsample_padding = 1;
  double mid_block_scale_factor = 1.0;
  bool use_linear_projection = false;
  bool upcast_attention = false;
  bool flip_sin_to_cos = true;
  double freq_shift = 0;

  // Throws Error(format) for values of wrong type or inconsistent length, Error(mismatch) for
  // variants that omr does not compute (SDXL's added embeddings, 3D blocks, …).
  static UNet2DConditionConfig parse(const io::Config& config);
};

class UNet2DConditionModelImpl : public torch::nn::Module {
 public:
  explicit UNet2DConditionModelImpl(const UNet2DConditionConfig& config);

  // sample [B, C, H, W], timestep [B] or [1] in [0, 1000), encoder_hidden_states [B, S, D] -> the
  // model's prediction [B, out_channels, H, W] (epsilon or v, as it was trained), in sample's
  // dtype.
  at::Tensor forward(const at::Tensor& sample, const at::Tensor& timestep,
                     const at::Tensor& encoder_hidden_states);

  const UNet2DConditionConfig& config() const { return config_; }

 private:
  UNet2DConditionConfig config_;
  nn::Conv2d conv_in{nullptr};
  TimestepEmbedding time_embedding{nullptr};
  std::vector<UNetDownBlock> down_blocks_;
  UNetMidBlock mid_block{nullptr};
  std::vector<UNetUpBlock> up_blocks_;
  nn::GroupNorm conv_norm_out{nullptr};
  nn::Conv2d conv_out{nullptr};
};
TORCH_MODULE(UNet2DConditionModel);

// Opens a diffusers folder (config.json, diffusion_pytorch_model*.safetensors).
UNet2DConditionModel load_unet(const io::Config& config, const io::Weights& weights,
                               const nn::ExecutionOptions& execution);
UNet2DConditionModel load_unet(const std::filesystem::path& folder,
                               const nn::ExecutionOptions& execution);

}  // namespace omr::diffusion
