#include "omr/diffusion/autoencoder_kl.h"

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/io/key_map.h"
#include "omr/io/weights.h"
#include "omr/nn/load_weights.h"

namespace omr::diffusion {

AutoencoderKLConfig AutoencoderKLConfig::parse(const io::Config& config) {
  constexpr std::int64_t kMaxWidth = 1 << 16;
  const auto fail = [&](const std::string& cause) {
    throw Error(ErrorKind::format, config.where() + ": " + cause);
  };
  config.expect("_class_name", "AutoencoderKL");
  config.expect("latents_mean", nullptr);
  config.expect("latents_std", nullptr);
  AutoencoderKLConfig out;
  out.block_out_channels = config.integers("block_out_channels");
  if (out.block_out_channels.empty() || out.block_out_channels.size() > 8) {
    fail("\"block_out_channels\" has no sensible length");
  }
  for (const std::string& type : config.texts("down_block_types")) {
    if (type != "DownEncoderBlock2D") {
      throw Error(ErrorKind::mismatch, config.where() + ": down_block_types: \"" + type +
                                           "\" is not DownEncoderBlock2D");
    }
  }
  for (const std::string& type : config.texts("up_block_types")) {
    if (type != "UpDecoderBlock2D") {
      throw Error(ErrorKind::mismatch,
                  config.where() + ": up_block_types: \"" + type + "\" is not UpDecoderBlock2D");
    }
  }
  if (config.has("in_channels")) out.in_channels = config.integer_within("in_channels", 3, 3);
  if (config.has("out_channels")) out.out_channels = config.integer_within("out_channels", 3, 3);
  if (config.has("latent_channels"))
    out.latent_channels = config.integer_within("latent_channels", 1, kMaxWidth);
  if (config.has("layers_per_block"))
    out.layers_per_block = config.integer_within("layers_per_block", 1, 64);
  if (config.has("norm_num_groups"))
    out.norm_num_groups = config.integer_within("norm_num_groups", 1, kMaxWidth);
  out.act_fn = nn::parse_activation(config.text("act_fn", "silu"), config.where());
  out.scaling_factor = config.number("scaling_factor", out.scaling_factor);
  out.shift_factor = config.number("shift_factor", out.shift_factor);
  out.mid_block_add_attention =
      config.boolean("mid_block_add_attention", out.mid_block_add_attention);
  out.use_quant_conv = config.boolean("use_quant_conv", out.use_quant_conv);
  out.use_post_quant_conv = config.boolean("use_post_quant_conv", out.use_post_quant_conv);
  out.force_upcast = config.boolean("force_upcast", out.force_upcast);
  if (config.has("sample_size")) {
    out.sample_size = config.json()["sample_size"].is_array()
                          ? config.integers("sample_size").at(0)
                          : config.integer_within("sample_size", 1, kMaxWidth);
  }
  if (!(out.scaling_factor > 0)) fail("\"scaling_factor\" is not positive");
  for (std::int64_t width : out.block_out_channels) {
    if (width < 1 || width > kMaxWidth || width % out.norm_num_groups != 0) {
      fail("a level of width " + std::to_string(width) + " does not divide into " +
           std::to_string(out.norm_num_groups) + " groups");
    }
  }
  return out;
}

at::Tensor DiagonalGaussian::sample(at::Generator generator) const {
  const at::Tensor noise =
      at::randn(mean.sizes(), generator, at::TensorOptions().dtype(at::kFloat));
  return mean + (0.5 * logvar).exp() * noise.to(mean.device(), mean.scalar_type());
}

AutoencoderKLImpl::AutoencoderKLImpl(const AutoencoderKLConfig& config) : config_(config) {
  const std::int64_t latent = config.latent_channels;
  encoder = register_module("encoder", VaeEncoder(config));
  decoder = register_module("decoder", VaeDecoder(config));
  if (config.use_quant_conv)
    quant_conv = register_module("quant_conv", nn::Conv2d(2 * latent, 2 * latent, 1));
  if (config.use_post_quant_conv) {
    post_quant_conv = register_module("post_quant_conv", nn::Conv2d(latent, latent, 1));
  }
}

DiagonalGaussian AutoencoderKLImpl::encode(const at::Tensor& pixels) {
  at::Tensor moments = encoder(pixels);
  if (!quant_conv.is_empty()) moments = quant_conv(moments);
  const auto halves = moments.chunk(2, 1);
  return {halves[0], halves[1].clamp(-30.0, 20.0)};
}

at::Tensor AutoencoderKLImpl::decode(const at::Tensor& latents) {
  return decoder(post_quant_conv.is_empty() ? latents : post_quant_conv(latents));
}

AutoencoderKL load_vae(const io::Config& config, const io::Weights& weights,
                       const nn::ExecutionOptions& execution) {
  AutoencoderKL vae(AutoencoderKLConfig::parse(config));
  nn::load_weights(*vae, weights, "VAE", execution);
  vae->eval();
  return vae;
}

AutoencoderKL load_vae(const std::filesystem::path& folder, const nn::ExecutionOptions& execution) {
  return load_vae(io::Config(folder / "config.json"),
                  io::Weights::open(folder, "diffusion_pytorch_model").renamed(io::current_vae_key),
                  execution);
}

}  // namespace omr::diffusion
