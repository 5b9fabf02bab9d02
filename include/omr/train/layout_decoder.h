// A small decoder from a caption's states straight to a picture's latents, without noise and
// without steps: what a text encoder is taught with before a UNet takes its place. Given nothing
// but words, its best answer is the mean of all pictures with this caption, which is also a UNet's
// best answer at a timestep of pure noise; but a step costs a fraction of a UNet's.
#pragma once

#include <cstdint>
#include <vector>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "omr/diffusion/transformer_2d_model.h"
#include "omr/nn/layers.h"
#include "omr/nn/linear.h"

namespace omr::train {

struct LayoutDecoderConfig {
  std::int64_t width = 0;  // of the text encoder's states, and inside
  std::int64_t num_attention_heads = 0;
  std::int64_t num_layers = 2;
  std::int64_t latent_channels = 4;
  std::int64_t latent_height = 0, latent_width = 0;
};

// A learnt query for each patch of 2x2 latent cells (1x1 where a side is odd) goes through
// transformer blocks as a UNet has them, which read the caption by cross-attention.
class LayoutDecoderImpl : public torch::nn::Module {
 public:
  explicit LayoutDecoderImpl(const LayoutDecoderConfig& config);

  // encoder_hidden_states [B, S, width] -> [B, latent_channels, latent_height, latent_width]
  at::Tensor forward(const at::Tensor& encoder_hidden_states);

  at::Tensor queries;  // [patches, width]

 private:
  LayoutDecoderConfig config_;
  std::int64_t patch_;  // cells a side
  std::vector<diffusion::BasicTransformerBlock> blocks_;
  nn::LayerNorm norm_out{nullptr};
  nn::Linear proj_out{nullptr};
};
TORCH_MODULE(LayoutDecoder);

}  // namespace omr::train
