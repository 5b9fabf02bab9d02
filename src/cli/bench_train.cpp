#include "cli/bench_train.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <vector>

#include "omr/core/error.h"
#include "omr/scenes/drawing.h"
#include "omr/scenes/sampling.h"
#include "omr/train/clip_trainer.h"
#include "omr/train/process_group.h"
#include "omr/train/refiner_trainer.h"
#include "omr/train/reward_trainer.h"
#include "omr/train/unet_trainer.h"
#include "omr/train/vae_trainer.h"

#include "cli/interrupt.h"
#include "cli/models.h"

namespace omr::cli {
namespace {

namespace fs = std::filesystem;

Image some_picture(std::uint64_t index, int size) {
  scenes::Random random(0, index);
  return scenes::draw_scene(scenes::sample_scene(random), size);
}

class FixedPictures : public train::ImageTextSource {
 public:
  FixedPictures(std::string caption, int count, int size) : caption_(std::move(caption)) {
    for (int i = 0; i < count; ++i)
      pictures_.push_back(some_picture(static_cast<std::uint64_t>(i), size));
  }
  std::uint64_t size() const override { return pictures_.size(); }
  Image image(std::uint64_t index) const override { return pictures_[index]; }
  std::string text(std::uint64_t, std::uint64_t) const override { return caption_; }
  std::optional<train::HardNegative> hard_negative(std::uint64_t, std::uint64_t) const override {
    return train::HardNegative{caption_, std::nullopt};
  }
  io::Json description() const override { return {{"data", "fixed"}}; }

 private:
  std::string caption_;
  std::vector<Image> pictures_;
};

class FixedPairs : public train::PreferenceSource {
 public:
  FixedPairs(std::string prompt, int count, int size) : prompt_(std::move(prompt)) {
    for (int i = 0; i < 2 * count; ++i)
      pictures_.push_back(some_picture(static_cast<std::uint64_t>(i), size));
  }
  std::uint64_t size() const override { return pictures_.size() / 2; }
  train::PreferencePair pair(std::uint64_t index) const override {
    return {prompt_, pictures_[2 * index], pictures_[2 * index + 1], 1, 1};
  }
  io::Json description() const override { return {{"data", "fixed"}}; }

 private:
  std::string prompt_;
  std::vector<Image> pictures_;
};

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "omr-bench-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
      throw Error(ErrorKind::io, "cannot create " + name + ": " + std::strerror(errno));
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// Leaves the run from its own step: no checkpoint, samples or result are wanted.
struct Measured {};

using Run = std::function<void(const train::LoopSettings&, train::ProcessGroup&,
                               const train::LoopObserver&)>;

double step_seconds(const TrainBenchOptions& options, c10::Device device, const Run& run) {
  const TemporaryFolder folder;
  train::LoopSettings loop;
  loop.out = folder.path();
  loop.steps = options.repeats + 2;  // the last one would leave a checkpoint
  loop.batch_size = options.batch;
  loop.checkpoint_every = loop.evaluate_every = loop.log_every = loop.steps;
  loop.dtype = options.model.dtype;
  loop.device = device;
  std::vector<double> times;
  auto begin = std::chrono::steady_clock::now();
  train::LoopObserver observer;
  observer.on_message = [](const std::string&) {};
  observer.on_step = [&](const train::StepReport& step) {
    interruption().check();
    const auto now = std::chrono::steady_clock::now();
    if (step.step > 1) times.push_back(std::chrono::duration<double>(now - begin).count());
    if (step.step > options.repeats) throw Measured();
    begin = now;
  };
  try {
    train::ProcessGroup alone;
    run(loop, alone, observer);
  } catch (const Measured&) {
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

}  // namespace

void bench_training(const TrainBenchOptions& options,
                    const std::function<void(const std::string& part, double seconds)>& report) {
  const c10::Device device = execution_of(options.model).device;
  const pipeline::ModelFolder folder = open_folder(options.model);
  const fs::path model = model_path(options.model);
  if (!fs::is_directory(model)) {
    throw Error(ErrorKind::usage,
                "--train times the parts of a model folder; " + model.string() + " is a file");
  }
  const io::Config unet_config(model / "unet" / "config.json"),
      vae_config(model / "vae/config.json");
  const auto levels = static_cast<int>(vae_config.integers("block_out_channels").size());
  const int own_size = static_cast<int>(unet_config.integer_within("sample_size", 1, 1 << 12))
                       << (levels - 1);
  const int size = folder.defaults.width.value_or(own_size);
  const FixedPictures pictures(options.prompt, options.batch, size);

  report("train_vae",
         step_seconds(options, device, [&](const auto& loop, auto& alone, const auto& observer) {
           train::VaeSettings settings;
           settings.loop = loop;
           settings.model = model / "vae";
           settings.width = settings.height = size;
           train::train_vae(settings, pictures, pictures, alone, observer, interruption());
         }));
  report("train_unet",
         step_seconds(options, device, [&](const auto& loop, auto& alone, const auto& observer) {
           train::UNetSettings settings;
           settings.loop = loop;
           settings.unet = model / "unet";
           settings.vae = model / "vae";
           settings.text_encoder = model / "text_encoder";
           settings.tokenizer = model / "tokenizer";
           settings.scheduler = model / "scheduler";
           settings.width = settings.height = size;
           settings.caption_dropout = 0;
           train::train_unet(settings, pictures, pictures, alone, observer, interruption());
         }));
  if (const auto reward = reward_folder(options.model)) {
    report("train_clip",
           step_seconds(options, device, [&](const auto& loop, auto& alone, const auto& observer) {
             train::ClipSettings settings;
             settings.loop = loop;
             settings.model = *reward;
             train::train_clip(settings, pictures, pictures, alone, observer, interruption());
           }));
    const FixedPairs pairs(options.prompt, options.batch, size);
    report("train_reward",
           step_seconds(options, device, [&](const auto& loop, auto& alone, const auto& observer) {
             train::RewardTrainingSettings settings;
             settings.loop = loop;
             settings.model = *reward;
             settings.held_out_pairs = 1;
             train::train_reward(settings, pairs, pairs, alone, observer, interruption());
           }));
  }
  if (const auto refiner = refiner_folder(options.model)) {
    const auto records = train::RefinerRecords::of(
        std::vector<train::RefinerRecord>(static_cast<std::size_t>(options.batch),
                                          {options.prompt, options.feedback, options.prompt}),
        "bench");
    const auto time_refiner = [&](bool full) {
      return step_seconds(
          options, device, [&](const auto& loop, auto& alone, const auto& observer) {
            train::RefinerSettings settings;
            settings.loop = loop;
            settings.model = *refiner;
            settings.full = full;
            settings.quantize_nf4 = !full;
            train::train_refiner(settings, records, records, alone, observer, interruption());
          });
    };
    report("train_refiner", time_refiner(/*full=*/true));
    report("train_refiner_qlora", time_refiner(/*full=*/false));
  }
}

}  // namespace omr::cli
