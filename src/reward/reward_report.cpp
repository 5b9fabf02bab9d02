#include "omr/reward/reward_report.h"

#include <functional>

#include "omr/core/error.h"
#include "omr/io/key_map.h"
#include "omr/io/lora_file.h"
#include "omr/reward/clip_model.h"
#include "omr/reward/image_processor.h"
#include "omr/reward/image_reward.h"
#include "omr/reward/reward_model.h"
#include "omr/text/bert_tokenizer.h"
#include "omr/text/clip_tokenizer.h"

#include "reward/open_clip.h"

namespace omr::reward {
namespace {

namespace fs = std::filesystem;

std::string describe_tower(std::int64_t layers, std::int64_t width) {
  return std::to_string(layers) + " layers " + std::to_string(width) + " wide";
}

std::string describe(const std::string& kind, const CLIPConfig& config) {
  return kind + ", pictures of " + std::to_string(config.vision.image_size) + " pixels, " +
         describe_tower(config.vision.encoder.num_hidden_layers,
                        config.vision.encoder.hidden_size) +
         "; text " +
         describe_tower(config.text.encoder.num_hidden_layers, config.text.encoder.hidden_size) +
         "; " + std::to_string(config.projection_dim) + " numbers in common";
}

std::string describe_image_reward(const fs::path& folder, const io::Weights& stored) {
  const io::Weights weights = stored.renamed(io::image_reward_key);
  const ImageRewardConfig config = ImageRewardConfig::from(folder, weights);
  return "ImageReward (BLIP), pictures of " + std::to_string(config.image_size) + " pixels, " +
         describe_tower(config.vision_layers, config.vision_width) + "; text " +
         describe_tower(config.text_layers, config.text_width);
}

}  // namespace

bool is_reward_folder(const fs::path& folder) {
  std::error_code code;
  for (const char* name : {"open_clip_config.json", "open_clip_model.safetensors",
                           "open_clip_pytorch_model.safetensors", "ImageReward.safetensors"}) {
    if (fs::exists(folder / name, code)) return true;
  }
  if (fs::exists(folder / "config.json", code)) {
    return io::Config(folder / "config.json").text("model_type", "") == "clip";
  }
  if (!fs::exists(folder / "model.safetensors", code)) return false;
  try {
    const io::Weights weights = io::Weights::open(folder, "model");
    return is_open_clip(weights) || is_image_reward(folder);
  } catch (const Error&) {
    return false;
  }
}

RewardReport report_reward(const fs::path& folder) {
  RewardReport out;
  const auto attempt = [&](const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      out.problems.push_back(error.what());
    }
  };
  std::error_code code;
  attempt([&] {
    out.weights = open_reward_weights(folder);
    if (is_image_reward(folder)) {
      out.family = describe_image_reward(folder, out.weights);
      attempt([&] { text::BertTokenizer::open(folder / "vocab.txt"); });
      return;
    }
    const bool open_clip = is_open_clip(out.weights);
    const CLIPConfig config = open_clip ? open_clip_config(folder, out.weights)
                                        : CLIPConfig::from(io::Config(folder / "config.json"));
    out.family = describe(open_clip ? "OpenCLIP" : "CLIPModel", config);
    attempt([&] { text::CLIPTokenizer::from_folder(folder); });
    attempt([&] {
      const fs::path pictures = folder / "preprocessor_config.json";
      if (!open_clip || fs::exists(pictures, code)) read_clip_image_processor_config(pictures);
    });
  });
  if (fs::exists(folder / "adapter", code)) {
    attempt([&] { out.adapter = io::describe(io::read_peft_adapter(folder / "adapter")); });
  }
  return out;
}

}  // namespace omr::reward
