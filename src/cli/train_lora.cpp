// omr train lora: adapters of the denoiser, from pictures, rewards or preferences.
#include <algorithm>
#include <filesystem>
#include <memory>

#include "omr/core/error.h"
#include "omr/core/exit_code.h"
#include "omr/core/log.h"
#include "omr/session/reward_schedule.h"
#include "omr/train/lora_trainer.h"
#include "omr/train/preference_pairs.h"
#include "omr/train/scene_preferences.h"
#include "omr/train/scene_prompts.h"

#include "cli/interrupt.h"
#include "cli/models.h"
#include "cli/output.h"
#include "cli/record_options.h"
#include "cli/session_sources.h"
#include "cli/train_options.h"

namespace omr::cli {
namespace {

namespace fs = std::filesystem;

struct LoraOptions {
  TrainOptions train;
  train::LoraTrainingSettings lora;
  ModelOptions model;
  std::string method = "sft";
  std::string reward_term = "total";
  std::string prompts, validation_prompts, pairs, validation_pairs;
  std::vector<std::string> sessions;
  std::uint64_t scene_prompts = 0;
  const CLI::Option* lr = nullptr;  // given or not: each method has a default of its own

  LoraOptions() { train.loop.ema.decay = 0.99; }
};

double default_rate(train::LoraMethod method) {
  switch (method) {
    case train::LoraMethod::ppo:
      return 3e-4;
    case train::LoraMethod::dpo:
      return 1e-5;
    default:
      return 1e-4;
  }
}

// What a run owns of its data; LoraData points into it.
struct Data {
  PictureSources pictures;
  std::unique_ptr<train::PromptSource> prompts, held_out_prompts;
  std::unique_ptr<train::PreferenceSource> pairs, held_out_pairs;

  train::LoraData view() const {
    return {pictures.training.get(),
            pictures.held_out.get(),
            prompts.get(),
            held_out_prompts.get(),
            pairs.get(),
            held_out_pairs.get()};
  }
};

std::unique_ptr<train::PromptSource> open_prompts(const std::string& file) {
  return std::make_unique<train::PromptFile>(train::PromptFile::open(file));
}

std::unique_ptr<train::PromptSource> scene_prompts(std::uint64_t seed, int size,
                                                   std::uint64_t count) {
  train::ScenePromptSettings settings;
  settings.seed = seed;
  settings.size = size;
  settings.prompts = count;
  return std::make_unique<train::ScenePrompts>(settings);
}

void open_pairs(const LoraOptions& options, int width, Data& out) {
  const TrainOptions& train = options.train;
  if (train.scenes + !options.pairs.empty() + !options.sessions.empty() != 1) {
    throw Error(
        ErrorKind::usage,
        "--method dpo learns from one of --pairs FILE.jsonl, --from-sessions DIR, --scenes");
  }
  if (train.scenes) {
    out.pairs = std::make_unique<train::ScenePreferences>(train.loop.seed, width);
    out.held_out_pairs = std::make_unique<train::ScenePreferences>(held_out_seed(train), width);
  } else {
    out.pairs = std::make_unique<train::PreferencePairs>(
        options.sessions.empty()
            ? open_preference_pairs(options.pairs)
            : train::PreferencePairs::of(preferences_of_sessions(options.sessions),
                                         "--from-sessions"));
  }
  if (options.validation_pairs.empty()) return;
  out.held_out_pairs =
      std::make_unique<train::PreferencePairs>(open_preference_pairs(options.validation_pairs));
}

Data open_data(const LoraOptions& options, train::LoraMethod method) {
  const TrainOptions& train = options.train;
  Data out;
  const bool pictures = train.scenes || !train.data.empty();
  const bool dpo = method == train::LoraMethod::dpo;
  if (pictures && !(dpo && train.scenes)) out.pictures = open_picture_sources(train);
  const auto [width, height] = training_size(train);
  if (dpo) {
    open_pairs(options, width, out);
  } else if (!options.pairs.empty() || !options.sessions.empty() ||
             !options.validation_pairs.empty()) {
    throw Error(ErrorKind::usage,
                "--pairs, --validation-pairs and --from-sessions are for --method dpo");
  }
  if (!options.prompts.empty()) {
    out.prompts = open_prompts(options.prompts);
    out.held_out_prompts = open_prompts(
        options.validation_prompts.empty() ? options.prompts : options.validation_prompts);
  } else if (train.scenes) {
    out.prompts = scene_prompts(train.loop.seed, width, options.scene_prompts);
    out.held_out_prompts = scene_prompts(held_out_seed(train), width, 0);
  } else if (out.pictures.training) {
    out.prompts = std::make_unique<train::CaptionPrompts>(*out.pictures.training);
    out.held_out_prompts = std::make_unique<train::CaptionPrompts>(*out.pictures.held_out);
  }
  return out;
}

void take_reward(LoraOptions& options) {
  train::RewardSettings& reward = options.lora.reward;
  const auto folder = reward_folder(options.model);
  if (!folder) {
    throw Error(ErrorKind::usage, "the model has no reward/: give --reward DIR");
  }
  reward.model = *folder;
  reward.kind = train::parse_reward_kind(options.reward_term);
  reward.options.quantization = reward::parse_reward_quantization(options.model.reward_quant);
  reward.options.use_adapter = options.model.reward_adapter != "none";
  if (reward.options.use_adapter) reward.options.adapter = options.model.reward_adapter;
  // The pack's references are of its own reward model's scores.
  if (!options.model.reward.empty()) return;
  const auto folder_of_model = open_folder(options.model);
  const auto& known = folder_of_model.defaults.reward_reference;
  const auto take = [&](const char* name, std::optional<session::RewardReference>& into) {
    const auto found = known.find(name);
    if (found != known.end())
      into = session::RewardReference{found->second.first, found->second.second};
  };
  take("pref", reward.references.pref);
  take("div", reward.references.div);
  take("cons", reward.references.cons);
  take("mi", reward.references.mi);
}

int run_train_lora(LoraOptions options) {
  apply_verbosity(options.train.output);
  train::ProcessGroup processes = prepare(options.train);
  train::LoraTrainingSettings& lora = options.lora;
  lora.method = train::parse_lora_method(options.method);
  lora.init = options.train.init;
  std::tie(lora.width, lora.height) = training_size(options.train);
  if (options.lr->count() == 0) options.train.loop.learning_rate.peak = default_rate(lora.method);
  lora.loop = options.train.loop;
  const fs::path model = model_path(options.model);
  const auto part = [&](fs::path& folder, const char* name) {
    if (folder.empty()) folder = model / name;
  };
  part(lora.unet, "unet");
  part(lora.vae, "vae");
  part(lora.text_encoder, "text_encoder");
  part(lora.tokenizer, "tokenizer");
  part(lora.scheduler, "scheduler");
  if (lora.method == train::LoraMethod::refl || lora.method == train::LoraMethod::ppo)
    take_reward(options);
  const Data data = open_data(options, lora.method);
  train::train_lora(lora, data.view(), processes, make_observer(options.train, processes),
                    interruption());
  if (processes.is_first()) print_line((lora.loop.out / "lora.safetensors").string());
  return kExitDone;
}

void add_reward_training_options(CLI::App& command, LoraOptions& options) {
  train::LoraTrainingSettings& lora = options.lora;
  add_reward_options(command, options.model);
  command
      .add_option("--reward-term", options.reward_term,
                  "what is raised: total, or pref, div, cons or mi alone")
      ->capture_default_str();
  command
      .add_option("--reward-schedule", lora.reward.schedule,
                  "how the total is mixed over a dialogue's rounds: " +
                      session::reward_schedules_in_words())
      ->capture_default_str();
  command.add_option("--prompts", options.prompts,
                     "file with a prompt a line to draw for (default: captions of --data)");
  command.add_option("--validation-prompts", options.validation_prompts,
                     "prompts to look at while training (default: --prompts)");
  command.add_option("--scene-prompts", options.scene_prompts,
                     "with --scenes, use the first so many prompts again and again");
  command.add_option("--samples-per-prompt", lora.reward.samples_per_prompt,
                     "pictures of each prompt that are compared (default: ppo 8, refl 2)");
  command.add_option("--anchor", lora.anchor,
                     "weight of what holds the model to its base (default: refl 1, ppo 0.01)");
  command
      .add_option("--patience", lora.patience,
                  "looks in a row with a worse metric that the reward does not see, until the run "
                  "ends and the best look's weights are the result; 0: never")
      ->capture_default_str();
  command.add_option("--refl-steps", lora.refl.steps, "refl: steps of a drawing (T)")
      ->capture_default_str();
  command
      .add_option("--refl-first-step", lora.refl.first_step,
                  "refl: first step that may be taken with gradient, from 0 (T1)")
      ->capture_default_str();
  command.add_option("--refl-last-step", lora.refl.last_step, "refl: the last one (T2)")
      ->capture_default_str();
  command
      .add_option("--refl-margin", lora.refl.margin,
                  "refl: standardised reward above which a picture teaches nothing more")
      ->capture_default_str();
  command.add_option("--refl-scale", lora.refl.scale, "refl: factor on the reward's loss")
      ->capture_default_str();
  command.add_option("--ppo-steps", lora.ppo.steps, "ppo: DDIM steps of a drawing")
      ->capture_default_str();
  command
      .add_option("--ppo-first-step", lora.ppo.first_step,
                  "ppo: first step that is drawn with noise and learnt, from 0")
      ->capture_default_str();
  command.add_option("--ppo-last-step", lora.ppo.last_step,
                     "ppo: the last one (default: of the drawing)");
  command.add_option("--guidance-scale", lora.ppo.guidance_scale, "ppo: guidance of a drawing")
      ->capture_default_str();
  command
      .add_option("--updates-per-roll-out", lora.ppo.updates_per_roll_out,
                  "ppo: updates on the pictures of one roll-out, each on its own part")
      ->capture_default_str();
  command.add_option("--clip-range", lora.ppo.clip_range, "ppo: of the ratio")
      ->capture_default_str();
  command
      .add_option("--advantage-buffer", lora.ppo.buffer,
                  "ppo: last rewards of a prompt that advantages are taken against")
      ->capture_default_str();
  command
      .add_option("--advantage-min-count", lora.ppo.min_count,
                  "ppo: … once there are so many of them; before, against the roll-out's")
      ->capture_default_str();
}

}  // namespace

void setup_train_lora(CLI::App& train, Command& selected) {
  auto* command = train.add_subcommand(
      "lora", "adapters of the denoiser: on pictures, on a reward, on preferences");
  auto options = std::make_shared<LoraOptions>();
  train::LoraTrainingSettings& lora = options->lora;
  add_train_options(*command, options->train);
  add_picture_source_options(*command, options->train);
  command->remove_option(command->get_option("--config"));
  command->remove_option(command->get_option("--out-dtype"));
  command->get_option("--init")->description(
      "LoRA file or PEFT folder to go on from: of the same layers, rank and alpha");
  command->get_option("--lr")->default_str("")->description(
      "learning rate (default: sft and refl 1e-4, ppo 3e-4, dpo 1e-5)");
  options->lr = command->get_option("--lr");
  command->add_option("--method", options->method, "sft, refl, ppo or dpo")->capture_default_str();
  add_model_option(*command, options->model);
  command->add_option("--rank", lora.lora.rank, "of the adapter")->capture_default_str();
  command->add_option("--alpha", lora.lora.alpha, "the adapter counts alpha/rank (default: rank)");
  command
      ->add_option("--target-modules", lora.lora.target_modules,
                   "ends of the layers' names (default: attention's projections)")
      ->delimiter(',');
  command
      ->add_option("--blocks", lora.lora.blocks,
                   "only layers within these parts of the UNet, as up_blocks (default: all)")
      ->delimiter(',');
  command->add_flag("--train-text-encoder", lora.train_text_encoder,
                    "an adapter for the text encoder too");
  command->add_option("--snr-gamma", lora.snr_gamma, "min-SNR weighting; 0: none")
      ->capture_default_str();
  command
      ->add_option("--caption-dropout", lora.caption_dropout,
                   "share of empty captions, for guidance")
      ->capture_default_str();
  command->add_option("--pairs", options->pairs,
                      "dpo: JSONL of prompt, chosen, rejected (picture files)");
  command->add_option("--from-sessions", options->sessions,
                      "dpo: learn from picks, likes and accepts in these folders of omr refine");
  command->add_option("--validation-pairs", options->validation_pairs,
                      "dpo: such pairs to look at while training");
  command->add_option("--beta", lora.dpo_beta, "dpo: how far from the base a preference may lead")
      ->capture_default_str();
  add_reward_training_options(*command, *options);
  command
      ->add_option("--held-out-prompts", lora.held_out_prompts,
                   "prompts drawn for at each look, for the metrics")
      ->capture_default_str();
  command->add_option("--samples", lora.samples, "pictures of these that are shown")
      ->capture_default_str();
  command->add_option("--sample-steps", lora.sample_steps, "DDIM steps of these pictures")
      ->capture_default_str();
  command
      ->add_option("--sample-guidance-scale", lora.sample_guidance_scale,
                   "guidance of these pictures")
      ->capture_default_str();
  command->callback(
      [options, &selected] { selected = [options] { return run_train_lora(*options); }; });
}

}  // namespace omr::cli
