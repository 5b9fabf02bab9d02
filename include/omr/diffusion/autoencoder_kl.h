// The KL autoencoder between pixels and latents (arXiv 2112.10752, §3.1; diffusers
// models/autoencoders/autoencoder_kl.py, vae.py).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include <ATen/core/Generator.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "omr/diffusion/vae_blocks.h"
#include "omr/io/json_file.h"
#include "omr/io/weights.h"
#include "omr/nn/execution.h"
#include "omr/nn/layers.h"

namespace omr::diffusion {

// Keys and defaults of vae/config.json.
struct AutoencoderKLConfig {
  std::int64_t in_channels = 3;
  std::int64_t out_channels = 3;
  std::int64_t latent_channels = 4;
  std::vector<std::int64_t> block_out_channels = {128, 256, 512, 512};
  std::int64_t layers_per_block = 2;
  std::int64_t norm_num_groups = 32;
  nn::Activation act_fn = nn::Activation::silu;
  // Latents of unit variance = scaling_factor * (z − shift_factor). SD 1.x and 2.x files from
  // before the key existed rely on diffusers' default.
  double scaling_factor = 0.18215;
  double shift_factor = 0;
  bool mid_block_add_attention = true;
  bool use_quant_conv = true;
  bool use_post_quant_conv = true;
  bool force_upcast = false;      // the decoder overflows in fp16
  std::int64_t sample_size = 32;  // pixels along a side of what it was trained on

  // Pixels per latent: 2^(levels − 1).
  std::int64_t downscale() const { return std::int64_t{1} << (block_out_channels.size() - 1); }

  // Throws Error(format) or Error(mismatch) naming the key.
  static AutoencoderKLConfig parse(const io::Config& config);
};

// What the encoder says of an image: a diagonal Gaussian over latents, log-variance clamped to
// [-30, 20].
struct DiagonalGaussian {
  at::Tensor mean, logvar;  // [B, latent_channels, h, w]

  // mean + std * noise; the noise is drawn in fp32 on the CPU.
  at::Tensor sample(at::Generator generator) const;
};

class AutoencoderKLImpl : public torch::nn::Module {
 public:
  explicit AutoencoderKLImpl(const AutoencoderKLConfig& config);

  // pixels [B, 3, H, W] in [-1, 1] -> unscaled latents.
  DiagonalGaussian encode(const at::Tensor& pixels);
  // Unscaled latents [B, latent_channels, h, w] -> pixels, about [-1, 1], not clamped.
  at::Tensor decode(const at::Tensor& latents);

  const AutoencoderKLConfig& config() const { return config_; }

 private:
  AutoencoderKLConfig config_;
  VaeEncoder encoder{nullptr};
  VaeDecoder decoder{nullptr};
  nn::Conv2d quant_conv{nullptr}, post_quant_conv{nullptr};
};
TORCH_MODULE(AutoencoderKL);

// Opens a diffusers folder; the attention keys of files before diffusers 0.18 are understood.
AutoencoderKL load_vae(const io::Config& config, const io::Weights& weights,
                       const nn::ExecutionOptions& execution);
AutoencoderKL load_vae(const std::filesystem::path& folder, const nn::ExecutionOptions& execution);

}  // namespace omr::diffusion
