// omr train reward: the judge of pictures, on judged pairs.
#include <memory>

#include "omr/core/error.h"
#include "omr/core/exit_code.h"
#include "omr/core/log.h"
#include "omr/train/alternating_preferences.h"
#include "omr/train/preference_pairs.h"
#include "omr/train/reward_trainer.h"
#include "omr/train/scene_preferences.h"

#include "cli/adapter_options.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/record_options.h"
#include "cli/session_sources.h"
#include "cli/train_options.h"

namespace omr::cli {
namespace {

// Of the prompts, when no file of held-out pairs is given.
constexpr double kHeldOutShare = 0.1;

struct RewardTrainOptions {
  TrainOptions train;
  train::RewardTrainingSettings reward;
  Tune tune = Tune::qlora;
  std::string method = "bt";
  std::vector<std::string> sessions;
};

struct PairSources {
  std::unique_ptr<train::PreferenceSource> training, held_out;
};

PairSources open_scenes(const TrainOptions& train) {
  const auto [width, height] = training_size(train);
  if (width != height)
    throw Error(ErrorKind::usage, "--size " + train.size + ": scenes are square");
  return {std::make_unique<train::ScenePreferences>(train.loop.seed, width),
          std::make_unique<train::ScenePreferences>(held_out_seed(train), width)};
}

PairSources open_records(const RewardTrainOptions& options) {
  const TrainOptions& train = options.train;
  PairSources out;
  train::PreferencePairs all =
      train.data.empty()
          ? train::PreferencePairs::of(preferences_of_sessions(options.sessions), "--from-sessions")
          : open_preference_pairs(train.data);
  if (!train.validation.empty()) {
    out.training = std::make_unique<train::PreferencePairs>(std::move(all));
    out.held_out =
        std::make_unique<train::PreferencePairs>(open_preference_pairs(train.validation));
    return out;
  }
  auto [held_out, training] = all.split(kHeldOutShare);
  if (held_out.size() == 0 || training.size() == 0) {
    log::warn("too few prompts to hold some out: the held-out figures are of the training pairs");
    held_out = training = all;
  }
  out.training = std::make_unique<train::PreferencePairs>(std::move(training));
  out.held_out = std::make_unique<train::PreferencePairs>(std::move(held_out));
  return out;
}

PairSources open_pair_sources(const RewardTrainOptions& options) {
  const bool recorded = !options.train.data.empty() || !options.sessions.empty();
  if (!options.train.scenes || !recorded) {
    check_record_options(options.train, options.sessions);
    return recorded ? open_records(options) : open_scenes(options.train);
  }
  TrainOptions records = options.train;
  records.scenes = false;
  check_record_options(records, options.sessions);
  PairSources drawn = open_scenes(options.train), read = open_records(options);
  const auto both = [](auto& scenes, auto& pairs) {
    return std::make_unique<train::AlternatingPreferences>(std::move(scenes), std::move(pairs));
  };
  return {both(drawn.training, read.training), both(drawn.held_out, read.held_out)};
}

int run_train_reward(RewardTrainOptions options) {
  apply_verbosity(options.train.output);
  train::ProcessGroup processes = prepare(options.train);
  train::RewardTrainingSettings& reward = options.reward;
  bool from_nothing = false;
  std::tie(reward.model, from_nothing) = start_of(options.train);
  if (from_nothing)
    throw Error(ErrorKind::usage,
                "a reward model begins with --init DIR; omr train clip makes one from nothing");
  reward.output_dtype = output_dtype(options.train);
  reward.loop = options.train.loop;
  reward.full = options.tune == Tune::full;
  reward.quantize_nf4 = options.tune == Tune::qlora;
  reward.method =
      options.method == "dpo" ? train::RewardMethod::dpo : train::RewardMethod::bradley_terry;
  const PairSources sources = open_pair_sources(options);
  train::train_reward(reward, *sources.training, *sources.held_out, processes,
                      make_observer(options.train, processes), interruption());
  if (processes.is_first()) print_line((reward.loop.out / "reward").string());
  return kExitDone;
}

}  // namespace

void setup_train_reward(CLI::App& train, Command& selected) {
  auto* command = train.add_subcommand("reward", "the judge of pictures: preferences between two");
  auto options = std::make_shared<RewardTrainOptions>();
  add_train_options(*command, options->train);
  add_record_options(
      *command, options->train, options->sessions,
      {.data = "pairs, one JSON object a line: prompt, chosen, rejected (docs/training.md)",
       .validation = "pairs to look at while training (default: a tenth of the prompts)",
       .sessions = "learn from picks, likes and accepts in these folders of omr refine",
       .scenes = "pairs of scenes, without end; beside --data or --from-sessions every second pair "
                 "is one"});
  command->add_option("--size", options->train.size, "pixels of the scenes");
  command->add_option("--held-out-pairs", options->reward.held_out_pairs, "pairs of each look")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->add_option("--method", options->method, "bt (Bradley-Terry) or dpo")
      ->check(CLI::IsMember({"bt", "dpo"}))
      ->capture_default_str();
  command->add_option("--beta", options->reward.beta, "of dpo")->capture_default_str();
  add_adapter_options(*command, options->tune, options->reward.lora);
  command->callback(
      [options, &selected] { selected = [options] { return run_train_reward(*options); }; });
}

}  // namespace omr::cli
