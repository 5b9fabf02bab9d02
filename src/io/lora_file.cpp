#include "omr/io/lora_file.h"

#include <cmath>
#include <map>
#include <regex>
#include <set>
#include <utility>

#include "omr/core/error.h"
#include "omr/io/json_file.h"
#include "omr/io/weights.h"

namespace omr::io {
namespace {

enum class Half { down, up, alpha };

struct ParsedKey {
  std::string layer;  // everything before the ending
  Half half;
  const char* style;  // who writes such keys; empty for alphas
};

constexpr const char* kPeft = "PEFT";
constexpr const char* kKohya = "kohya";
constexpr const char* kDiffusers = "diffusers (old)";

std::optional<ParsedKey> split_ending(const std::string& key) {
  struct Ending {
    std::string text;
    Half half;
    const char* style;
  };
  static const std::vector<Ending> kEndings = {
      {".lora_A.weight", Half::down, kPeft},
      {".lora_B.weight", Half::up, kPeft},
      {".lora_A.default.weight", Half::down, kPeft},
      {".lora_B.default.weight", Half::up, kPeft},
      {".lora.down.weight", Half::down, kDiffusers},
      {".lora.up.weight", Half::up, kDiffusers},
      {"_lora.down.weight", Half::down, "attention processors"},
      {"_lora.up.weight", Half::up, "attention processors"},
      {".lora_down.weight", Half::down, kKohya},
      {".lora_up.weight", Half::up, kKohya},
      {".lora_linear_layer.down.weight", Half::down, kDiffusers},
      {".lora_linear_layer.up.weight", Half::up, kDiffusers},
      {".alpha", Half::alpha, ""}};
  for (const Ending& ending : kEndings) {
    if (key.ends_with(ending.text)) {
      return ParsedKey{key.substr(0, key.size() - ending.text.size()), ending.half, ending.style};
    }
  }
  return std::nullopt;
}

// Attention processors of diffusers ≤ 0.20 name layers "attn1.processor.to_q"; their output
// projection is "to_out", a list in the model.
std::string without_processor(std::string module) {
  static const std::string kProcessor = ".processor.";
  const std::size_t at = module.find(kProcessor);
  if (at == std::string::npos) return module;
  module.replace(at, kProcessor.size(), ".");
  return module.ends_with(".to_out") ? module + ".0" : module;
}

// diffusers 0.17 named the text encoder's projections as attention processors name the UNet's.
std::string text_encoder_module(std::string module) {
  static const std::vector<std::pair<std::string, std::string>> kProjections = {
      {"self_attn.to_q", "q_proj"},
      {"self_attn.to_k", "k_proj"},
      {"self_attn.to_v", "v_proj"},
      {"self_attn.to_out", "out_proj"}};
  for (const auto& [old_name, name] : kProjections) {
    if (module.ends_with(old_name)) return module.replace(module.rfind("to_"), module.npos, name);
  }
  return module;
}

LoraLayer locate(const std::string& layer) {
  LoraLayer out;
  const auto below = [&](const std::string& prefix) { return layer.starts_with(prefix); };
  if (below("lora_unet_")) {
    out.component = "unet";
    out.module = layer.substr(10);
    out.underscored = true;
  } else if (below("lora_te_")) {
    out.component = "text_encoder";
    out.module = layer.substr(8);
    out.underscored = true;
  } else if (below("unet.")) {
    out.component = "unet";
    out.module = without_processor(layer.substr(5));
  } else if (below("text_encoder.")) {
    out.component = "text_encoder";
    out.module = text_encoder_module(layer.substr(13));
  } else if (below("base_model.model.")) {
    out.module = layer.substr(17);
  } else {
    out.module = without_processor(layer);
  }
  return out;
}

// Adapters of other kinds, whose tensors would be silently left out.
void refuse_other_kinds(const Weights& weights) {
  static const std::vector<std::pair<std::string, std::string>> kKinds = {
      {".hada_", "a LyCORIS LoHa"},
      {".lokr_", "a LyCORIS LoKr"},
      {".lora_mid.", "a LoCon with Tucker decomposition (lora_mid)"},
      {".dora_scale", "a DoRA"},
      {".lora_magnitude_vector", "a DoRA"},
      {".oft_", "an OFT adapter"},
      {".scalar", "a LyCORIS adapter with a trained scale"},
      {".lora_B.bias", "a LoRA with trained biases"},
      {"lora_te1_", "a LoRA for SDXL"},
      {"lora_te2_", "a LoRA for SDXL"},
      {"text_encoder_2.", "a LoRA for SDXL"}};
  for (const std::string& name : weights.names()) {
    for (const auto& [piece, kind] : kKinds) {
      if (name.find(piece) == std::string::npos) continue;
      throw Error(ErrorKind::mismatch, weights.where() + " is " + kind + " (tensor \"" + name +
                                           "\"); omr computes plain LoRA for Stable Diffusion 1.x "
                                           "and 2.x");
    }
  }
}

LoraFile collect(const Weights& weights) {
  refuse_other_kinds(weights);
  const std::filesystem::path path = weights.where();
  LoraFile out;
  out.path = path;
  std::map<std::string, LoraLayer> layers;
  for (const std::string& name : weights.names()) {
    const auto key = split_ending(name);
    if (!key || key->half != Half::alpha) ++out.tensors;
    if (!key) {
      out.unread.push_back(name);
      continue;
    }
    if (out.keys.find(key->style) == std::string::npos) {
      out.keys += (out.keys.empty() ? "" : ", ") + std::string(key->style);
    }
    auto [entry, added] = layers.try_emplace(key->layer);
    if (added) entry->second = locate(key->layer);
    const at::Tensor tensor = weights.tensor(name);
    if (key->half == Half::alpha) {
      if (tensor.numel() != 1) {
        throw Error(ErrorKind::format,
                    path.string() + ": tensor \"" + name + "\" is not one number");
      }
      entry->second.alpha = tensor.to(at::kDouble).item<double>();
      if (!std::isfinite(*entry->second.alpha)) {
        throw Error(ErrorKind::format,
                    path.string() + ": tensor \"" + name + "\" is not a finite number");
      }
    } else {
      (key->half == Half::down ? entry->second.down : entry->second.up) = tensor;
    }
  }
  for (auto& [name, layer] : layers) {
    if (!layer.down.defined() || !layer.up.defined()) {
      throw Error(ErrorKind::mismatch,
                  path.string() + ": layer \"" + name + "\" has only one half of its pair");
    }
    // 1x1 convolutions and linears are the same product; real convolutions are not.
    layer.pointwise = layer.down.dim() == 4 && layer.down.size(2) == 1 && layer.down.size(3) == 1;
    for (at::Tensor* half : {&layer.down, &layer.up}) {
      if (half->dim() == 4 && half->size(2) == 1 && half->size(3) == 1) *half = half->flatten(1);
    }
    const bool convolution = layer.down.dim() == 4 && layer.down.size(2) == layer.down.size(3);
    if ((layer.down.dim() != 2 && !convolution) || layer.up.dim() != 2) {
      out.unread.push_back(name);
      out.unread.push_back(name);
      continue;
    }
    if (layer.down.size(0) != layer.up.size(1)) {
      throw Error(ErrorKind::mismatch, path.string() + ": layer \"" + name + "\" has rank " +
                                           std::to_string(layer.down.size(0)) +
                                           " in one half and " + std::to_string(layer.up.size(1)) +
                                           " in the other");
    }
    if (layer.down.size(0) == 0) {
      throw Error(ErrorKind::mismatch, path.string() + ": layer \"" + name + "\" has rank 0");
    }
    out.layers.push_back(std::move(layer));
  }
  if (out.layers.empty()) {
    throw Error(ErrorKind::mismatch, path.string() + " holds no LoRA: none of its " +
                                         std::to_string(out.tensors) +
                                         " tensors is half of a low-rank pair");
  }
  return out;
}

// r/alpha of a layer: PEFT matches pattern keys against the end of the module's path.
double pattern_value(const Config& config, const std::string& patterns, const std::string& module,
                     double otherwise) {
  if (!config.has(patterns)) return otherwise;
  // std::regex recurses over pattern and text: hostile lengths would exhaust the stack.
  constexpr std::size_t kMaxPattern = 512;
  constexpr std::size_t kMaxModule = 4096;
  if (module.size() > kMaxModule) {
    throw Error(ErrorKind::format, config.where() + ": a layer's name is " +
                                       std::to_string(module.size()) + " bytes long");
  }
  const Config given = config.child(patterns);
  for (const auto& [pattern, value] : given.json().items()) {
    if (!value.is_number()) continue;
    if (pattern.size() > kMaxPattern) {
      throw Error(ErrorKind::format, config.where() + ": " + patterns + ": a pattern is " +
                                         std::to_string(pattern.size()) + " bytes long");
    }
    try {
      if (std::regex_match(module, std::regex("(.*\\.)?(" + pattern + ")")))
        return value.get<double>();
    } catch (const std::regex_error&) {
      throw Error(ErrorKind::format,
                  config.where() + ": " + patterns + ": \"" + pattern + "\" is no pattern");
    }
  }
  return otherwise;
}

void take_alphas(LoraFile& file, const Config& config, const std::string& component) {
  config.expect("use_dora", false);
  config.expect("bias", "none");
  config.expect("lora_bias", false);
  // These start by taking the adapter off the base's weights, which then are others.
  const Json init =
      config.has("init_lora_weights") ? config.json().at("init_lora_weights") : Json();
  for (const char* kind : {"pissa", "olora", "corda"}) {
    if (init.is_string() && init.get<std::string>().starts_with(kind)) {
      config.expect("init_lora_weights", true);
    }
  }
  for (LoraLayer& layer : file.layers) {
    if (layer.component != component || layer.alpha) continue;
    const double rank = static_cast<double>(layer.down.size(0));
    double alpha =
        pattern_value(config, "alpha_pattern", layer.module, config.number("lora_alpha", rank));
    // rsLoRA scales by alpha/sqrt(r) (arXiv 2312.03732); alpha here is what alpha/r needs to be
    // equal.
    if (config.boolean("use_rslora", false)) alpha *= std::sqrt(rank);
    layer.alpha = alpha;
  }
}

// diffusers writes {"unet.lora_alpha": 8, …} as JSON text under one metadata key.
void take_diffusers_metadata(LoraFile& file, const std::map<std::string, std::string>& metadata) {
  const auto found = metadata.find("lora_adapter_metadata");
  if (found == metadata.end()) return;
  const std::string where = file.path.string() + ": lora_adapter_metadata";
  const Config all(parse_json(found->second, where), where);
  for (const std::string component : {"unet", "text_encoder"}) {
    Json own = Json::object();
    for (const auto& [key, value] : all.json().items()) {
      if (key.starts_with(component + ".")) own[key.substr(component.size() + 1)] = value;
    }
    if (!own.empty()) take_alphas(file, Config(own, where), component);
  }
}

}  // namespace

std::string describe(const LoraFile& lora) {
  std::set<std::int64_t> ranks;
  for (const LoraLayer& layer : lora.layers) ranks.insert(layer.down.size(0));
  std::string out = std::to_string(lora.layers.size()) + " layers of rank";
  const char* separator = " ";
  for (const std::int64_t rank : ranks) {
    out += std::exchange(separator, ", ") + std::to_string(rank);
  }
  return out;
}

LoraFile read_lora(const std::filesystem::path& path) {
  std::error_code code;
  if (std::filesystem::is_directory(path, code)) {
    if (std::filesystem::exists(path / "adapter_config.json", code)) return read_peft_adapter(path);
    throw Error(ErrorKind::io,
                path.string() + " is a folder without adapter_config.json; expected a LoRA file");
  }
  LoraFile file = collect(Weights::open(path, ""));
  take_diffusers_metadata(file, SafetensorsFile::open(path)->metadata());
  return file;
}

LoraFile read_peft_adapter(const std::filesystem::path& folder) {
  const Config config(folder / "adapter_config.json");
  config.expect("peft_type", "LORA");
  LoraFile file = collect(Weights::open(folder, "adapter_model"));
  if (!file.unread.empty()) {
    throw Error(ErrorKind::mismatch,
                folder.string() +
                    " holds more than LoRA: layers trained as a whole (modules_to_save, " +
                    "embeddings), which omr does not put on; the first of " +
                    std::to_string(file.unread.size()) + " tensors is " + file.unread.front());
  }
  take_alphas(file, config, "");
  return file;
}

}  // namespace omr::io
