#include "omr/train/lora_trainer.h"

#include <array>
#include <utility>

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/io/lora_file.h"
#include "omr/train/process_group.h"

#include "train/diffusion_models.h"
#include "train/fingerprint.h"
#include "train/lora_looks.h"
#include "train/lora_objective.h"
#include "train/reward_judge.h"
#include "train/run_settings.h"

namespace omr::train {
namespace {

constexpr std::array<std::pair<LoraMethod, const char*>, 4> kMethods = {{{LoraMethod::sft, "sft"},
                                                                         {LoraMethod::refl, "refl"},
                                                                         {LoraMethod::ppo, "ppo"},
                                                                         {LoraMethod::dpo, "dpo"}}};

std::unique_ptr<LoraObjective> make_objective(const LoraRun& run) {
  switch (run.settings.method) {
    case LoraMethod::refl:
      return make_refl(run);
    case LoraMethod::ppo:
      return make_ppo(run);
    case LoraMethod::dpo:
      return make_dpo(run);
    case LoraMethod::sft:
      break;
  }
  return make_sft(run);
}

void save(const LoraTrainingSettings& settings, const DiffusionModels& models) {
  std::vector<io::LoraLayer> layers = models.unet_lora.layers();
  io::write_peft_adapter(settings.loop.out / "unet_adapter", layers, settings.unet.string());
  if (models.text_encoder_lora) {
    const std::vector<io::LoraLayer> more = models.text_encoder_lora->layers();
    io::write_peft_adapter(settings.loop.out / "text_encoder_adapter", more,
                           settings.text_encoder.string());
    layers.insert(layers.end(), more.begin(), more.end());
  }
  io::write_lora(settings.loop.out / "lora-diffusers.safetensors", layers, io::LoraKeys::peft);
  io::write_lora(settings.loop.out / "lora.safetensors", layers, io::LoraKeys::kohya);
}

io::Json describe(const LoraTrainingSettings& settings, const LoraObjective& objective) {
  io::Json out = objective.settings();
  out["method"] = to_string(settings.method);
  out["size"] = std::to_string(settings.width) + "x" + std::to_string(settings.height);
  out["rank"] = settings.lora.rank;
  out["alpha"] = settings.lora.alpha;
  out["target_modules"] = settings.lora.target_modules;
  out["blocks"] = settings.lora.blocks;
  out["train_text_encoder"] = settings.train_text_encoder;
  out["patience"] = settings.patience;
  out["base_model"] = fingerprint_of_parts(
      {settings.unet, settings.text_encoder, settings.vae, settings.tokenizer, settings.scheduler});
  if (settings.method == LoraMethod::refl || settings.method == LoraMethod::ppo) {
    out["reward"] = to_string(settings.reward.kind);
    out["reward_schedule"] = settings.reward.schedule;
    out["reward_quant"] =
        settings.reward.options.quantization == reward::RewardQuantization::nf4 ? "nf4" : "none";
    out["reward_adapter"] = settings.reward.options.use_adapter;
    out["reward_model"] = fingerprint_of_parts({settings.reward.model});
  }
  return out;
}

// Rather than a run that ends with nothing learnt.
void check_reward(const LoraTrainingSettings& settings, const LoraData& data) {
  const bool rewarded = settings.method == LoraMethod::refl || settings.method == LoraMethod::ppo;
  if (rewarded && data.prompts == nullptr) return;  // the method itself says so
  if (settings.patience > 0 &&
      (!rewarded || settings.held_out_prompts < 1 || data.held_out_prompts == nullptr)) {
    throw Error(ErrorKind::usage,
                "--patience weighs looks against a reward: it needs --method refl or ppo, and "
                "--held-out-prompts of at least 1");
  }
  if (!rewarded) return;
  if (settings.reward.kind == RewardKind::cons && !data.prompts->has_earlier_pictures()) {
    throw Error(ErrorKind::usage,
                "--reward-term cons compares with the picture of the round before, and these "
                "prompts have none: --scenes has, or take another term");
  }
  if (settings.reward.kind == RewardKind::div && settings.reward.samples_per_prompt == 1) {
    throw Error(ErrorKind::usage,
                "--reward-term div compares the pictures of one prompt: --samples-per-prompt must "
                "be above 1");
  }
}

}  // namespace

LoraMethod parse_lora_method(const std::string& name) {
  std::string names;
  for (const auto& [method, known] : kMethods) {
    if (name == known) return method;
    names += (names.empty() ? "" : ", ") + std::string(known);
  }
  throw Error(ErrorKind::usage, "there is no method \"" + name + "\"; there are " + names);
}

std::string to_string(LoraMethod method) {
  for (const auto& [known, name] : kMethods) {
    if (known == method) return name;
  }
  return "";
}

void train_lora(const LoraTrainingSettings& settings, const LoraData& data, ProcessGroup& processes,
                const LoopObserver& observer, const Cancellation& cancellation) {
  check_reward(settings, data);
  create_run_folder(settings.loop.out);
  DiffusionModels models(settings);
  std::unique_ptr<RewardJudge> judge;
  if (settings.method == LoraMethod::refl || settings.method == LoraMethod::ppo)
    judge = std::make_unique<RewardJudge>(settings.reward, settings.loop.device);
  const LoraRun run{settings, data, models, judge.get(), processes, observer, cancellation};
  const std::unique_ptr<LoraObjective> objective = make_objective(run);
  LoraLooks looks(run, *objective);

  Trainee trainee;
  trainee.name = "lora";
  trainee.groups = {{models.parameters(), 1.0}};
  trainee.settings = describe(settings, *objective);
  trainee.passes = objective->passes();
  trainee.loss = [&](const MicroBatch& batch) { return objective->loss(batch); };
  trainee.evaluate = [&](std::int64_t) { return looks.look(); };
  trainee.save = [&] {
    looks.restore_best();
    save(settings, models);
  };
  trainee.state = [&] {
    io::NamedTensors out = objective->state();
    if (judge) {
      for (auto& named : judge->state()) out.push_back(std::move(named));
    }
    for (auto& named : looks.state()) out.push_back(std::move(named));
    return out;
  };
  trainee.load_state = [&](const io::NamedTensors& state) {
    objective->load_state(state);
    if (judge) judge->load_state(state);
    looks.load_state(state);
  };
  run_training(settings.loop, trainee, processes, observer, cancellation);
}

}  // namespace omr::train
