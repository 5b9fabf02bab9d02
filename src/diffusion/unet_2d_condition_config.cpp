#include <algorithm>

#include "omr/core/error.h"
#include "omr/diffusion/unet_2d_condition_model.h"

namespace omr::diffusion {
namespace {

constexpr std::int64_t kMaxWidth = 1 << 16;
constexpr std::int64_t kMaxLevels = 16;

[[noreturn]] void fail(const io::Config& config, const std::string& cause) {
  throw Error(ErrorKind::format, config.where() + ": " + cause);
}

// One value for all levels, or a list with one a level.
std::vector<std::int64_t> per_level(const io::Config& config, const std::string& key,
                                    std::int64_t otherwise, std::size_t levels) {
  std::vector<std::int64_t> out(levels, otherwise);
  if (config.has(key)) {
    if (config.json().at(key).is_array()) {
      out = config.integers(key);
    } else {
      out.assign(levels, config.integer(key));
    }
  }
  if (out.size() != levels)
    fail(config, "\"" + key + "\" has " + std::to_string(out.size()) + " entries for " +
                     std::to_string(levels) + " levels");
  for (std::int64_t value : out) {
    if (value < 1 || value > kMaxWidth)
      fail(config, "\"" + key + "\" holds " + std::to_string(value));
  }
  return out;
}

std::vector<bool> cross_attention(const io::Config& config, const std::string& key,
                                  const std::string& with, const std::string& without) {
  std::vector<bool> out;
  for (const std::string& type : config.texts(key)) {
    if (type != with && type != without) {
      throw Error(ErrorKind::mismatch, config.where() + ": " + key + ": \"" + type +
                                           "\" is neither " + with + " nor " + without);
    }
    out.push_back(type == with);
  }
  return out;
}

}  // namespace

UNet2DConditionConfig UNet2DConditionConfig::parse(const io::Config& config) {
  for (const char* key :
       {"addition_embed_type", "class_embed_type", "encoder_hid_dim", "encoder_hid_dim_type",
        "num_class_embeds", "time_cond_proj_dim", "time_embedding_act_fn", "timestep_post_act",
        "cross_attention_norm", "time_embedding_dim", "reverse_transformer_layers_per_block"}) {
    config.expect(key, nullptr);
  }
  for (const char* key :
       {"center_input_sample", "dual_cross_attention", "only_cross_attention",
        "class_embeddings_concat", "resnet_skip_time_act", "mid_block_only_cross_attention"}) {
    config.expect(key, false);
  }
  config.expect("_class_name", "UNet2DConditionModel");
  config.expect("mid_block_type", "UNetMidBlock2DCrossAttn");
  config.expect("resnet_time_scale_shift", "default");
  config.expect("time_embedding_type", "positional");
  config.expect("attention_type", "default");
  config.expect("conv_in_kernel", 3);
  config.expect("conv_out_kernel", 3);

  UNet2DConditionConfig out;
  out.block_out_channels = config.integers("block_out_channels");
  const std::size_t levels = out.block_out_channels.size();
  if (levels < 1 || levels > kMaxLevels)
    fail(config, "\"block_out_channels\" has no sensible length");
  out.block_out_channels = per_level(config, "block_out_channels", 0, levels);
  out.down_cross_attention =
      cross_attention(config, "down_block_types", "CrossAttnDownBlock2D", "DownBlock2D");
  out.up_cross_attention =
      cross_attention(config, "up_block_types", "CrossAttnUpBlock2D", "UpBlock2D");
  if (out.down_cross_attention.size() != levels || out.up_cross_attention.size() != levels) {
    fail(config, "down_block_types, up_block_types and block_out_channels differ in length");
  }
  // SD 2.x files call the number of heads attention_head_dim; diffusers kept the name.
  const std::string heads =
      config.has("num_attention_heads") ? "num_attention_heads" : "attention_head_dim";
  out.num_attention_heads = per_level(config, heads, 8, levels);
  out.transformer_layers_per_block = per_level(config, "transformer_layers_per_block", 1, levels);
  if (config.has("sample_size")) out.sample_size = config.integer_within("sample_size", 1, 4096);
  if (config.has("in_channels"))
    out.in_channels = config.integer_within("in_channels", 1, kMaxWidth);
  if (config.has("out_channels"))
    out.out_channels = config.integer_within("out_channels", 1, kMaxWidth);
  if (config.has("layers_per_block"))
    out.layers_per_block = config.integer_within("layers_per_block", 1, 64);
  out.cross_attention_dim = config.integer_within("cross_attention_dim", 1, kMaxWidth);
  if (config.has("norm_num_groups"))
    out.norm_num_groups = config.integer_within("norm_num_groups", 1, kMaxWidth);
  if (config.has("downsample_padding"))
    out.downsample_padding = config.integer_within("downsample_padding", 0, 1);
  out.norm_eps = config.number("norm_eps", out.norm_eps);
  out.act_fn = nn::parse_activation(config.text("act_fn", "silu"), config.where());
  out.mid_block_scale_factor = config.number("mid_block_scale_factor", out.mid_block_scale_factor);
  out.use_linear_projection = config.boolean("use_linear_projection", out.use_linear_projection);
  out.upcast_attention = config.boolean("upcast_attention", out.upcast_attention);
  out.flip_sin_to_cos = config.boolean("flip_sin_to_cos", out.flip_sin_to_cos);
  out.freq_shift = config.number("freq_shift", out.freq_shift);
  for (std::size_t i = 0; i < levels; ++i) {
    const std::int64_t width = out.block_out_channels[i];
    if (width % out.norm_num_groups != 0 || width % out.num_attention_heads[i] != 0) {
      fail(config, "level " + std::to_string(i) + " of width " + std::to_string(width) +
                       " does not divide into " + std::to_string(out.norm_num_groups) +
                       " groups and " + std::to_string(out.num_attention_heads[i]) + " heads");
    }
  }
  return out;
}

}  // namespace omr::diffusion
