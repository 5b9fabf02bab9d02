#include "omr/io/single_file.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "omr/core/error.h"
#include "omr/io/key_map.h"

namespace omr::io {
namespace {

constexpr const char* kUNet = "model.diffusion_model.";
constexpr const char* kVae = "first_stage_model.";
constexpr const char* kClip = "cond_stage_model.transformer.";
constexpr const char* kOpenClip = "cond_stage_model.model.";
// The same tower as generative-models (the code of SDXL and of SD-Turbo) saves it.
constexpr const char* kSgmOpenClip = "conditioner.embedders.0.model.";

// In all published models; no shape tells them.
constexpr std::int64_t kNormGroups = 32;
constexpr std::int64_t kHeadWidth = 64;  // of SD 2.x and of CLIP's text towers
constexpr std::int64_t kHeadsOfSd1 = 8;
constexpr std::int64_t kPictureSide = 512;    // 768 of 2.1-v; a size for tiles alone
constexpr std::int64_t kOpenClipLayers = 24;  // ViT-H/14

std::string numbered(const std::string& before, std::int64_t number, const std::string& after) {
  return before + std::to_string(number) + after;
}

std::int64_t size_of(const Weights& weights, const std::string& name, std::size_t dimension) {
  const std::vector<std::int64_t>& shape = weights.info(name).shape;
  if (dimension >= shape.size()) {
    throw Error(ErrorKind::format, weights.where() + ": tensor \"" + name + "\" has " +
                                       std::to_string(shape.size()) + " dimensions");
  }
  return shape[dimension];
}

Json unet_config_of(const Weights& unet, ModelFamily family) {
  std::vector<std::int64_t> widths;
  std::vector<std::string> down, up;
  std::vector<std::int64_t> depths, heads;
  std::int64_t layers = 0, in_level = 0, context = 0, depth = 1;
  bool attends = false;
  const auto finish_level = [&](std::int64_t width) {
    if (widths.empty()) layers = in_level;
    if (in_level != layers || layers == 0) {
      throw Error(ErrorKind::mismatch, unet.where() + ": the UNet's levels have " +
                                           std::to_string(layers) + " and " +
                                           std::to_string(in_level) + " residual blocks");
    }
    widths.push_back(width);
    depths.push_back(depth);
    heads.push_back(family == ModelFamily::sd1 ? kHeadsOfSd1
                                               : std::max<std::int64_t>(width / kHeadWidth, 1));
    down.push_back(attends ? "CrossAttnDownBlock2D" : "DownBlock2D");
    up.insert(up.begin(), attends ? "CrossAttnUpBlock2D" : "UpBlock2D");
    in_level = 0;
    attends = false;
    depth = 1;
  };
  std::int64_t width = 0;
  for (std::int64_t i = 1;; ++i) {
    const std::string block = numbered("input_blocks.", i, ".");
    if (unet.contains(block + "0.op.weight")) {
      finish_level(width);
    } else if (unet.contains(block + "0.in_layers.2.weight")) {
      width = size_of(unet, block + "0.in_layers.2.weight", 0);
      ++in_level;
      if (!unet.contains(block + "1.norm.weight")) continue;
      attends = true;
      context = size_of(unet, block + "1.transformer_blocks.0.attn2.to_k.weight", 1);
      const auto has = [&](std::int64_t k) {
        return unet.contains(numbered(block + "1.transformer_blocks.", k, ".norm1.weight"));
      };
      for (depth = 1; has(depth);) ++depth;
    } else {
      break;
    }
  }
  finish_level(width);
  // The last level's depth is the middle's too, and it may have no attention of its own.
  std::int64_t middle = 0;
  while (unet.contains(numbered("middle_block.1.transformer_blocks.", middle, ".norm1.weight"))) {
    ++middle;
  }
  depths.back() = std::max<std::int64_t>(middle, 1);
  return {{"_class_name", "UNet2DConditionModel"},
          {"in_channels", size_of(unet, "input_blocks.0.0.weight", 1)},
          {"out_channels", size_of(unet, "out.2.weight", 0)},
          {"block_out_channels", widths},
          {"down_block_types", down},
          {"up_block_types", up},
          {"layers_per_block", layers},
          {"transformer_layers_per_block", depths},
          {"attention_head_dim", heads},
          {"cross_attention_dim", context},
          {"norm_num_groups", kNormGroups},
          // fp16 overflows in SD 2.1's attention without it.
          {"upcast_attention", family == ModelFamily::sd2},
          {"use_linear_projection", family == ModelFamily::sd2}};
}

Json vae_config_of(const Weights& vae) {
  std::vector<std::int64_t> widths;
  for (std::int64_t i = 0;; ++i) {
    const std::string first = numbered("encoder.down.", i, ".block.0.conv1.weight");
    if (!vae.contains(first)) break;
    widths.push_back(size_of(vae, first, 0));
  }
  std::int64_t layers = 0;
  while (vae.contains(numbered("encoder.down.0.block.", layers, ".conv1.weight"))) ++layers;
  return {{"_class_name", "AutoencoderKL"},
          {"block_out_channels", widths},
          {"down_block_types", std::vector<std::string>(widths.size(), "DownEncoderBlock2D")},
          {"up_block_types", std::vector<std::string>(widths.size(), "UpDecoderBlock2D")},
          {"layers_per_block", layers},
          {"latent_channels", size_of(vae, "decoder.conv_in.weight", 1)},
          {"norm_num_groups", kNormGroups},
          {"sample_size", kPictureSide},
          {"mid_block_add_attention", vae.contains("encoder.mid.attn_1.norm.weight")},
          {"use_quant_conv", vae.contains("quant_conv.weight")},
          {"use_post_quant_conv", vae.contains("post_quant_conv.weight")}};
}

// From weights under transformers' names.
Json text_config_of(const Weights& text, const std::string& activation) {
  const std::string model =
      text.contains("text_model.final_layer_norm.weight") ? "text_model." : "";
  std::int64_t layers = 0;
  while (text.contains(numbered(model + "encoder.layers.", layers, ".layer_norm1.weight")))
    ++layers;
  const std::string tokens = model + "embeddings.token_embedding.weight";
  return {
      {"model_type", "clip_text_model"},
      {"vocab_size", size_of(text, tokens, 0)},
      {"hidden_size", size_of(text, tokens, 1)},
      {"intermediate_size", size_of(text, model + "encoder.layers.0.mlp.fc1.weight", 0)},
      {"num_hidden_layers", layers},
      {"num_attention_heads", std::max<std::int64_t>(size_of(text, tokens, 1) / kHeadWidth, 1)},
      {"max_position_embeddings", size_of(text, model + "embeddings.position_embedding.weight", 0)},
      {"hidden_act", activation}};
}

// SD 2.x was trained on the output of the layer before the last, so the last is left out. Files
// made from diffusers' folders have lost it already.
std::int64_t kept_open_clip_layers(const Weights& clip) {
  std::int64_t layers = 0;
  while (clip.contains(numbered("transformer.resblocks.", layers, ".ln_1.weight"))) ++layers;
  return layers == kOpenClipLayers - 1 ? layers : layers - 1;
}

std::optional<PredictionHint> prediction_of(const Weights& all,
                                            const std::map<std::string, std::string>& metadata) {
  const auto said = [&](const char* key) {
    const auto found = metadata.find(key);
    return found == metadata.end() ? std::string() : found->second;
  };
  // The keys of github.com/Stability-AI/ModelSpec.
  const std::string type = said("modelspec.prediction_type");
  if (type == "v" || type == "v_prediction" || type == "epsilon") {
    return PredictionHint{type == "epsilon" ? type : "v_prediction",
                          "its metadata, modelspec.prediction_type"};
  }
  const std::string architecture = said("modelspec.architecture");
  if (architecture.starts_with("stable-diffusion-v2")) {
    const bool v = architecture.find("768-v") != std::string::npos;
    return PredictionHint{v ? "v_prediction" : "epsilon", "its metadata, modelspec.architecture"};
  }
  if (all.contains("v_pred")) return PredictionHint{"v_prediction", "its tensor v_pred"};
  // The step that 2.0-base was trained to: the rule of diffusers' converter.
  constexpr std::int64_t kStepOfBase = 875'000;
  if (all.contains("global_step")) {
    const at::Tensor step = all.tensor("global_step");
    if (step.numel() == 1 && step.to(at::kDouble).item<double>() == kStepOfBase) {
      return PredictionHint{"epsilon", "its global_step 875000"};
    }
  }
  return std::nullopt;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// No tensor tells SD-Turbo from SD 2.1 base: what is said of the file, and by whom it was saved.
std::string turbo_evidence(const std::filesystem::path& path, bool sgm,
                           const std::map<std::string, std::string>& metadata) {
  for (const char* key : {"modelspec.title", "modelspec.architecture"}) {
    const auto found = metadata.find(key);
    if (found != metadata.end() && lower(found->second).find("turbo") != std::string::npos) {
      return std::string("its metadata, ") + key;
    }
  }
  if (sgm) return "its text encoder lies where generative-models puts it";
  if (lower(path.filename().string()).find("turbo") != std::string::npos) return "its name";
  return {};
}

}  // namespace

std::string to_string(ModelFamily family) {
  return family == ModelFamily::sd1 ? "Stable Diffusion 1.x" : "Stable Diffusion 2.x";
}

std::string describe_weights(const Weights& weights) {
  const std::vector<std::string> names = weights.names();
  const auto any = [&](const std::string& piece) {
    for (const std::string& name : names) {
      if (name.find(piece) != std::string::npos) return true;
    }
    return false;
  };
  if (any("conditioner.embedders.") && (any("label_emb.") || !any("input_blocks.0.0."))) {
    return "an SDXL checkpoint";
  }
  if (any("joint_blocks.")) return "a Stable Diffusion 3 checkpoint";
  if (any("double_blocks.")) return "a Flux checkpoint";
  if (any("control_model.") || any("controlnet_")) return "a ControlNet";
  if (any("hada_w1") || any("lokr_w1")) return "a LyCORIS adapter (LoHa or LoKr)";
  if (any("lora_down") || any("lora_A") || any(".lora.down") || any("_lora.down")) return "a LoRA";
  if (any("emb_params") || any("string_to_param")) return "a textual inversion embedding";
  const bool unet = any("model.diffusion_model.");
  if (unet && any("label_emb.")) return "an unCLIP or upscaler checkpoint";
  const bool text = any("cond_stage_model.") || any(kSgmOpenClip);
  if (unet && (any(kVae) || text)) {
    return std::string("a Stable Diffusion checkpoint") + (text ? "" : " without text encoder") +
           (any(kVae) ? "" : " without VAE");
  }
  if (unet) return "a UNet without text encoder or VAE, in the CompVis layout";
  if (any("down_blocks.") && any("time_embedding.")) return "a UNet in diffusers' layout";
  if (any("decoder.mid_block.") || any("decoder.mid.block_1")) return "a VAE";
  if (any("visual_projection") || any("vision_model.")) return "a CLIP model";
  if (any("text_model.encoder.")) return "a CLIP text encoder";
  if (any("model.layers.")) return "a language model";
  return "unknown weights";
}

SingleFile read_single_file(const std::filesystem::path& path) {
  const Weights all = Weights::open(path, "");
  const Weights unet = all.below(kUNet), vae = all.below(kVae);
  const Weights sgm = all.below(kSgmOpenClip), clip = all.below(kClip);
  const Weights open_clip = sgm.size() > 0 ? sgm : all.below(kOpenClip);
  const std::string what = describe_weights(all);
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorKind::mismatch,
                path.string() + " is " + what +
                    "; omr opens single files of Stable Diffusion 1.x and 2.x: " + why);
  };
  if (!unet.contains("input_blocks.0.0.weight")) refuse("it has no UNet (model.diffusion_model.…)");
  for (const std::string& name : unet.names()) {
    if (name.starts_with("label_emb.")) refuse("its UNet takes more than a prompt (label_emb)");
  }
  if (!vae.contains("decoder.conv_in.weight")) refuse("it has no VAE (first_stage_model.…)");
  if (clip.size() == 0 && open_clip.size() == 0) {
    refuse("it has no text encoder (cond_stage_model.…)");
  }
  const std::int64_t channels = size_of(unet, "input_blocks.0.0.weight", 1);
  if (channels != 4 && channels != 9) {
    refuse("its UNet takes " + std::to_string(channels) +
           " channels, text to image has 4 and inpainting 9");
  }

  SingleFile out;
  out.path = path;
  out.family = open_clip.size() > 0 ? ModelFamily::sd2 : ModelFamily::sd1;
  out.unet_config = unet_config_of(unet, out.family);
  const std::int64_t layers = out.unet_config["layers_per_block"].get<std::int64_t>();
  out.unet = unet.renamed([&](const std::string& key) { return unet_key_of_ldm(key, layers); });
  out.vae_config = vae_config_of(vae);
  const auto levels = static_cast<std::int64_t>(out.vae_config["block_out_channels"].size());
  out.vae = vae.viewed([&](const TensorInfo& info) { return vae_views_of_ldm(info, levels); });
  const std::map<std::string, std::string> metadata = SafetensorsFile::open(path)->metadata();
  out.prediction = prediction_of(all, metadata);
  if (out.family == ModelFamily::sd2) {
    const std::int64_t kept = kept_open_clip_layers(open_clip);
    out.text_encoder = open_clip.viewed(
        [&](const TensorInfo& info) { return clip_views_of_open_clip(info, kept); });
    out.text_encoder_config = text_config_of(out.text_encoder, "gelu");
    const bool v = out.prediction && out.prediction->prediction_type == "v_prediction";
    if (!v) out.turbo = turbo_evidence(path, sgm.size() > 0, metadata);
    if (!out.turbo.empty()) out.prediction = PredictionHint{"epsilon", "SD-Turbo: " + out.turbo};
    out.pad_token = "!";
  } else {
    out.text_encoder = clip;
    out.text_encoder_config = text_config_of(clip, "quick_gelu");
    if (!out.prediction) {
      out.prediction = PredictionHint{"epsilon", "Stable Diffusion 1.x predicts noise"};
    }
    out.pad_token = "<|endoftext|>";
  }
  return out;
}

Json scheduler_config_of(ModelFamily family, const std::string& prediction_type, bool turbo) {
  if (turbo) {
    return {{"_class_name", "EulerDiscreteScheduler"},
            {"beta_start", 0.00085},
            {"beta_end", 0.012},
            {"beta_schedule", "scaled_linear"},
            {"num_train_timesteps", 1000},
            {"steps_offset", 1},
            {"timestep_spacing", "trailing"},
            {"prediction_type", prediction_type}};
  }
  // stable-diffusion-v1-5 and 2-1-base come with PNDM, 2-1 with DDIM.
  const bool v = prediction_type == "v_prediction";
  return {{"_class_name", family == ModelFamily::sd2 && v ? "DDIMScheduler" : "PNDMScheduler"},
          {"beta_start", 0.00085},
          {"beta_end", 0.012},
          {"beta_schedule", "scaled_linear"},
          {"num_train_timesteps", 1000},
          {"clip_sample", false},
          {"set_alpha_to_one", false},
          {"skip_prk_steps", true},
          {"steps_offset", 1},
          {"prediction_type", prediction_type}};
}

}  // namespace omr::io
