// Trains LoRA adapters of the denoiser, and of the text encoder on request: on pictures (sft), by
// back-propagating a reward (refl), by policy gradients on a reward (ppo), or on pairs of which one
// was preferred (dpo).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "omr/reward/reward_model.h"
#include "omr/session/reward_statistics.h"
#include "omr/train/image_text_source.h"
#include "omr/train/lora_parameters.h"
#include "omr/train/preference_source.h"
#include "omr/train/prompt_source.h"
#include "omr/train/refl_loss.h"
#include "omr/train/total_reward.h"
#include "omr/train/training_loop.h"

namespace omr::train {

class ProcessGroup;

enum class LoraMethod { sft, refl, ppo, dpo };
// Throws Error(usage) listing the names.
LoraMethod parse_lora_method(const std::string& name);
std::string to_string(LoraMethod method);

struct RewardSettings {
  std::filesystem::path model;  // a folder as RewardModel::open takes it
  reward::RewardOptions options;
  RewardKind kind = RewardKind::total;
  std::string schedule = "paper";  // λ(t) of the total
  // Of the pack; a reward that has none is measured on the base's own pictures.
  session::RewardReferences references;
  std::int64_t reference_pictures = 32;
  // Pictures of one prompt, one behind the other; 0: what the method needs (8 for ppo; for refl 2
  // when diversity counts, else 1).
  std::int64_t samples_per_prompt = 0;
};

// DDPO's, with its defaults (kvablack/ddpo-pytorch, config/base.py, config/dgx.py).
struct PpoSettings {
  int steps = 20;  // DDIM, with eta 1 …
  // … from first_step to last_step, both counted from 0 (absent: the last), and eta 0 elsewhere.
  // Steps with eta 1 are what is learnt: in a window a picture costs fewer passes and says more
  // clearly which of its steps was good (MixGRPO, arXiv 2507.21802).
  int first_step = 0;
  std::optional<int> last_step;
  double guidance_scale = 4.0;
  std::int64_t updates_per_roll_out = 2;
  double clip_range = 1e-4;
  double max_advantage = 5;
  std::int64_t buffer = 16;    // rewards of each prompt that advantages are taken against …
  std::int64_t min_count = 8;  // … from so many on
};

struct LoraTrainingSettings {
  LoopSettings loop;
  LoraMethod method = LoraMethod::sft;
  std::filesystem::path unet, vae, text_encoder, tokenizer, scheduler;  // folders of a model
  LoraSettings lora;
  bool train_text_encoder = false;
  std::filesystem::path init;  // an adapter to begin with; empty: a fresh one
  int width = 0;               // pixels; multiples of the VAE's downscale
  int height = 0;

  double snr_gamma = 5.0;        // of denoising losses (arXiv 2303.09556); 0: none
  double caption_dropout = 0.1;  // sft
  RewardSettings reward;         // refl, ppo
  ReflSettings refl;
  PpoSettings ppo;
  double dpo_beta = 5000;
  // What holds the adapter to the base, as a factor on: refl (1): the denoising loss on pictures,
  // or where there are none the squared distance to the base's prediction; ppo (0.01): the KL to
  // the base's steps. 0: nothing.
  std::optional<double> anchor;

  // Looks at held-out prompts: pictures drawn for the metrics, of which `samples` are shown.
  std::int64_t held_out_prompts = 16;
  std::int64_t samples = 4;
  int sample_steps = 20;
  double sample_guidance_scale = 4.0;
  // refl, ppo: looks in a row in which what the reward does not see has become worse before the run
  // ends and the best weights before are the result; 0: never.
  std::int64_t patience = 0;
};

// Where the data of a run comes from; null: not given. sft needs pictures, refl and ppo need
// prompts (pictures, if given, are refl's anchor), dpo needs pairs.
struct LoraData {
  const ImageTextSource* pictures = nullptr;
  const ImageTextSource* held_out_pictures = nullptr;
  const PromptSource* prompts = nullptr;
  const PromptSource* held_out_prompts = nullptr;  // may be there with every method: for the looks
  const PreferenceSource* pairs = nullptr;
  const PreferenceSource* held_out_pairs = nullptr;
};

// Leaves in the run's folder `lora.safetensors` (kohya's keys, which every tool reads),
// `lora-diffusers.safetensors`, and `unet_adapter/` and `text_encoder_adapter/` as PEFT folders.
// Throws as the loaders and run_training do; Error(usage) for data that the method lacks.
void train_lora(const LoraTrainingSettings& settings, const LoraData& data, ProcessGroup& processes,
                const LoopObserver& observer, const Cancellation& cancellation);

}  // namespace omr::train
