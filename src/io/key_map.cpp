#include "omr/io/key_map.h"

#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

namespace omr::io {
namespace {

using Renames = std::vector<std::pair<std::string_view, std::string_view>>;

// Replaces the first of `renames` that `text` begins with.
std::optional<std::string> with_start_renamed(std::string_view text, const Renames& renames) {
  for (const auto& [from, to] : renames) {
    if (text.starts_with(from)) return std::string(to) + std::string(text.substr(from.size()));
  }
  return std::nullopt;
}

// Takes "12." off the front; nullopt when no number stands there.
std::optional<std::int64_t> take_number(std::string_view& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data() + text.size() || *end != '.') return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return value;
}

bool take(std::string_view& text, std::string_view start) {
  if (!text.starts_with(start)) return false;
  text.remove_prefix(start.size());
  return true;
}

std::string resnet_key_of_ldm(std::string_view key) {
  static const Renames kRenames = {
      {"in_layers.0.", "norm1."},          {"in_layers.2.", "conv1."},
      {"out_layers.0.", "norm2."},         {"out_layers.3.", "conv2."},
      {"emb_layers.1.", "time_emb_proj."}, {"skip_connection.", "conv_shortcut."}};
  return with_start_renamed(key, kRenames).value_or("");
}

// What lies at place 0, 1 or 2 of one of the UNet's numbered blocks.
std::string block_key_of_ldm(std::string_view key, const std::string& block, std::int64_t layer,
                             const char* resampling) {
  const auto place = take_number(key);
  if (!place) return "";
  const std::string at = std::to_string(layer) + ".";
  if (take(key, "op.") || take(key, "conv.")) return block + resampling + std::string(key);
  if (*place == 0) {
    const std::string resnet = resnet_key_of_ldm(key);
    return resnet.empty() ? "" : block + "resnets." + at + resnet;
  }
  return block + "attentions." + at + std::string(key);
}

// "0.attn.in_proj_weight" of either tower's layers.
std::vector<TensorView> layer_views_of_open_clip(std::string_view rest, const std::string& to,
                                                 const TensorInfo& info, std::int64_t layers) {
  static const Renames kLayer = {{"ln_1.", "layer_norm1."},
                                 {"ln_2.", "layer_norm2."},
                                 {"mlp.c_fc.", "mlp.fc1."},
                                 {"mlp.c_proj.", "mlp.fc2."},
                                 {"attn.out_proj.", "self_attn.out_proj."}};
  const auto layer = take_number(rest);
  if (!layer || *layer >= layers) return {};
  const std::string block = to + std::to_string(*layer) + ".";
  if (const auto name = with_start_renamed(rest, kLayer)) return {{block + *name}};
  if (!take(rest, "attn.in_proj_") || info.shape.empty() || info.shape.front() % 3 != 0) return {};
  // Query, key and value lie stacked in one matrix.
  const std::int64_t width = info.shape.front() / 3;
  std::vector<TensorView> out;
  for (const char* half : {"q_proj.", "k_proj.", "v_proj."}) {
    const auto first = static_cast<std::int64_t>(out.size()) * width;
    out.push_back({block + "self_attn." + half + std::string(rest), first, width});
  }
  return out;
}

}  // namespace

std::string current_vae_key(const std::string& key) {
  static constexpr std::array<std::pair<const char*, const char*>, 4> kRenamed = {
      {{".query.", ".to_q."},
       {".key.", ".to_k."},
       {".value.", ".to_v."},
       {".proj_attn.", ".to_out.0."}}};
  for (const auto& [old_name, new_name] : kRenamed) {
    const std::size_t at = key.find(old_name);
    if (at != std::string::npos && key.find(".attentions.") != std::string::npos) {
      return std::string(key).replace(at, std::string(old_name).size(), new_name);
    }
  }
  return key;
}

std::string unet_key_of_ldm(const std::string& key, std::int64_t layers_per_block) {
  static const Renames kEnds = {{"time_embed.0.", "time_embedding.linear_1."},
                                {"time_embed.2.", "time_embedding.linear_2."},
                                {"input_blocks.0.0.", "conv_in."},
                                {"out.0.", "conv_norm_out."},
                                {"out.2.", "conv_out."}};
  if (const auto end = with_start_renamed(key, kEnds)) return *end;
  // A level down is its residual blocks and a downsampling; a level up has one residual block more.
  const std::int64_t blocks = layers_per_block + 1;
  std::string_view rest = key;
  if (take(rest, "input_blocks.")) {
    const auto number = take_number(rest);
    if (!number || *number < 1) return "";
    const std::string block = "down_blocks." + std::to_string((*number - 1) / blocks) + ".";
    return block_key_of_ldm(rest, block, (*number - 1) % blocks, "downsamplers.0.conv.");
  }
  if (take(rest, "output_blocks.")) {
    const auto number = take_number(rest);
    if (!number) return "";
    const std::string block = "up_blocks." + std::to_string(*number / blocks) + ".";
    return block_key_of_ldm(rest, block, *number % blocks, "upsamplers.0.conv.");
  }
  if (take(rest, "middle_block.0.")) return "mid_block.resnets.0." + resnet_key_of_ldm(rest);
  if (take(rest, "middle_block.1.")) return "mid_block.attentions.0." + std::string(rest);
  if (take(rest, "middle_block.2.")) return "mid_block.resnets.1." + resnet_key_of_ldm(rest);
  return "";
}

std::vector<TensorView> vae_views_of_ldm(const TensorInfo& info, std::int64_t levels) {
  static const Renames kAttention = {{"norm.", "group_norm."},
                                     {"q.", "to_q."},
                                     {"k.", "to_k."},
                                     {"v.", "to_v."},
                                     {"proj_out.", "to_out.0."}};
  static const Renames kMiddle = {{"mid.block_1.", "mid_block.resnets.0."},
                                  {"mid.block_2.", "mid_block.resnets.1."}};
  std::string_view rest = info.name;
  if (rest.starts_with("quant_conv.") || rest.starts_with("post_quant_conv.")) return {{info.name}};
  const bool encoder = take(rest, "encoder.");
  if (!encoder && !take(rest, "decoder.")) return {};
  const std::string half = encoder ? "encoder." : "decoder.";
  // conv_in and conv_out keep their names.
  if (rest.starts_with("conv_")) return {{info.name}};
  if (take(rest, "norm_out.")) return {{half + "conv_norm_out." + std::string(rest)}};
  const auto resnet = [](std::string_view key) {
    const auto shortcut = with_start_renamed(key, {{"nin_shortcut.", "conv_shortcut."}});
    return shortcut.value_or(std::string(key));
  };
  if (take(rest, "mid.attn_1.")) {
    const auto name = with_start_renamed(rest, kAttention);
    if (!name) return {};
    return {{half + "mid_block.attentions.0." + *name, 0, -1, false, /*drop_trailing_ones=*/true}};
  }
  for (const auto& [from, to] : kMiddle) {
    if (take(rest, from)) return {{half + std::string(to) + resnet(rest)}};
  }
  if (!take(rest, encoder ? "down." : "up.")) return {};
  const auto level = take_number(rest);
  if (!level || *level >= levels) return {};
  const std::string block = half + (encoder ? "down_blocks." : "up_blocks.") +
                            std::to_string(encoder ? *level : levels - 1 - *level) + ".";
  if (take(rest, "downsample.")) return {{block + "downsamplers.0." + std::string(rest)}};
  if (take(rest, "upsample.")) return {{block + "upsamplers.0." + std::string(rest)}};
  if (!take(rest, "block.")) return {};
  const auto number = take_number(rest);
  if (!number) return {};
  return {{block + "resnets." + std::to_string(*number) + "." + resnet(rest)}};
}

std::vector<TensorView> clip_views_of_open_clip(const TensorInfo& info, std::int64_t layers) {
  static const Renames kEnds = {
      {"token_embedding.", "text_model.embeddings.token_embedding."},
      {"positional_embedding", "text_model.embeddings.position_embedding.weight"},
      {"ln_final.", "text_model.final_layer_norm."}};
  if (const auto end = with_start_renamed(info.name, kEnds)) return {{*end}};
  std::string_view rest = info.name;
  if (!take(rest, "transformer.resblocks.")) return {};
  return layer_views_of_open_clip(rest, "text_model.encoder.layers.", info, layers);
}

std::vector<TensorView> clip_vision_views_of_open_clip(const TensorInfo& info,
                                                       std::int64_t layers) {
  static const Renames kEnds = {
      {"class_embedding", "vision_model.embeddings.class_embedding"},
      {"positional_embedding", "vision_model.embeddings.position_embedding.weight"},
      {"conv1.", "vision_model.embeddings.patch_embedding."},
      {"ln_pre.", "vision_model.pre_layrnorm."},
      {"ln_post.", "vision_model.post_layernorm."}};
  std::string_view rest = info.name;
  if (!take(rest, "visual.")) return {};
  if (rest == "proj") return {{"visual_projection.weight", 0, -1, /*transposed=*/true}};
  if (const auto end = with_start_renamed(rest, kEnds)) return {{*end}};
  if (!take(rest, "transformer.resblocks.")) return {};
  return layer_views_of_open_clip(rest, "vision_model.encoder.layers.", info, layers);
}

std::string image_reward_key(const std::string& key) {
  static const Renames kParts = {{"blip.visual_encoder.", "vision."},
                                 {"blip.text_encoder.", "text."},
                                 {"blip.", ""},
                                 {".patch_embed.proj.", ".proj."},
                                 {".attn.", "."},
                                 {".mlp.fc", ".fc"},
                                 {"text.embeddings.", "text."},
                                 {"text.encoder.layer.", "text.layers."},
                                 {"attention.self.", "attention."},
                                 {"attention.output.", "attention."},
                                 {".LayerNorm.", ".layer_norm."},
                                 {".intermediate.dense.", ".intermediate."},
                                 {".output.dense.", ".output."},
                                 {".output.layer_norm.", ".layer_norm."},
                                 // Dropout stands between the layers of the head.
                                 {"mlp.layers.0.", "mlp.0."},
                                 {"mlp.layers.2.", "mlp.1."},
                                 {"mlp.layers.4.", "mlp.2."},
                                 {"mlp.layers.6.", "mlp.3."},
                                 {"mlp.layers.7.", "mlp.4."}};
  std::string out = key;
  for (const auto& [from, to] : kParts) {
    if (const std::size_t at = out.find(from); at != std::string::npos) {
      out.replace(at, from.size(), to);
    }
  }
  return out;
}

std::string lpips_key(const std::string& key) {
  return key.starts_with("lins.") || key.starts_with("scaling_layer.") ? "" : key;
}

}  // namespace omr::io
