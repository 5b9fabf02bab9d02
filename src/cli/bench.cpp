// omr bench: how fast each part runs on this machine.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "omr/core/error.h"
#include "omr/core/exit_code.h"

#include "cli/bench_comparison.h"
#include "cli/bench_train.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/models.h"
#include "cli/output.h"

namespace omr::cli {
namespace {

struct BenchOptions {
  ModelOptions model;
  OutputOptions output;
  std::string prompt =
      "a large red star at the top left and a small blue house on the right on a navy background";
  std::string feedback = "make the star bigger";
  int repeats = 5;
  int candidates = 4;
  bool train = false;
  int batch = TrainBenchOptions().batch;
  std::string against;
};

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

class Bench {
 public:
  Bench(const BenchOptions& options, const nn::ExecutionOptions& execution)
      : options_(options), execution_(execution) {
    if (!options.against.empty()) comparison_.emplace(options.against);
  }

  // Median over the repeats, after one run that warms caches up.
  double median_seconds(const std::function<void()>& work) const {
    std::vector<double> times;
    for (int i = 0; i <= options_.repeats; ++i) {
      interruption().check();
      const double begin = seconds_now();
      work();
      if (i > 0) times.push_back(seconds_now() - begin);
    }
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
  }

  void report(const std::string& part, double value, const std::string& unit) const {
    const auto ratio = comparison_ && !unit.empty() ? comparison_->ratio(part, value, unit)
                                                    : std::optional<double>();
    if (options_.output.json) {
      nlohmann::ordered_json event = {
          {"event", "bench"}, {"part", part}, {"value", value}, {"unit", unit}};
      if (ratio) event["ratio"] = *ratio;
      print_event(event);
    } else {
      char line[128];
      std::snprintf(line, sizeof line, "%-24s %12.5g %-10s", part.c_str(), value, unit.c_str());
      std::string text = line;
      if (ratio) {
        std::snprintf(line, sizeof line, "%8.2f", *ratio);
        text += line;
      }
      print_line(text.substr(0, text.find_last_not_of(' ') + 1));
    }
  }

 private:
  const BenchOptions& options_;
  nn::ExecutionOptions execution_;
  std::optional<BenchComparison> comparison_;
};

int run_training_bench(const BenchOptions& options, const Bench& bench) {
  bench.report("threads", at::get_num_threads(), "");
  bench_training(
      {options.model, options.prompt, options.feedback, options.repeats, options.batch},
      [&](const std::string& part, double seconds) { bench.report(part, seconds, "s/step"); });
  return kExitDone;
}

int run_bench(const BenchOptions& options) {
  apply_verbosity(options.output);
  const nn::ExecutionOptions execution = execution_of(options.model);
  const Bench bench(options, execution);
  if (options.train) return run_training_bench(options, bench);
  const at::InferenceMode inference;
  const pipeline::ModelFolder folder = open_folder(options.model);
  const double load_begin = seconds_now();
  pipeline::StableDiffusionPipeline pipeline = open_pipeline(folder, options.model);
  const double load_seconds = seconds_now() - load_begin;

  PictureOptions picture;
  picture.seed = 0;
  const session::Settings settings = settings_of(picture, folder, pipeline);
  pipeline::GenerationOptions request;
  request.steps = settings.steps;
  request.guidance_scale = settings.guidance_scale;
  request.scheduler = schedulers::parse_scheduler_name(settings.scheduler);
  request.width = settings.width;
  request.height = settings.height;
  const pipeline::PromptInput prompt{options.prompt, {}};

  bench.report("threads", at::get_num_threads(), "");
  bench.report("load", load_seconds, "s");
  bench.report("text_encoder", bench.median_seconds([&] { pipeline.encode(prompt); }), "s/prompt");

  const auto multiple = pipeline.vae()->config().downscale();
  const at::Tensor states = pipeline.encode(prompt).states;
  const auto unet_seconds = [&](std::int64_t batch) {
    const auto like = at::TensorOptions().device(execution.device).dtype(execution.dtype);
    const at::Tensor sample = at::randn({batch, pipeline.unet()->config().in_channels,
                                         request.height / multiple, request.width / multiple},
                                        like);
    const at::Tensor context = states.expand({batch, states.size(1), states.size(2)}).to(like);
    const at::Tensor timestep = at::full({1}, 500.0f, at::TensorOptions().device(execution.device));
    constexpr int kCalls = 5;
    return bench.median_seconds([&] {
      at::Tensor out;
      for (int i = 0; i < kCalls; ++i) out = pipeline.unet()->forward(sample, timestep, context);
      out.flatten()[0].item<float>();  // waits for the device
    }) / kCalls;
  };
  // Guidance doubles the batch: this is the step that a picture takes.
  bench.report("unet_step", unet_seconds(2), "s/step");
  bench.report("unet_step_candidates", unet_seconds(2 * options.candidates), "s/step");

  const at::Tensor latents = at::randn({1, pipeline.vae()->config().latent_channels,
                                        request.height / multiple, request.width / multiple});
  bench.report("vae_decode", bench.median_seconds([&] { pipeline.decode(latents); }), "s/image");

  const std::vector<pipeline::Start> one(1), many(static_cast<std::size_t>(options.candidates));
  std::vector<pipeline::GeneratedImage> pictures;
  bench.report("image", bench.median_seconds([&] {
    pictures = pipeline.generate(prompt, request, one, {}, interruption());
  }),
               "s");
  const double candidates_seconds = bench.median_seconds(
      [&] { pictures = pipeline.generate(prompt, request, many, {}, interruption()); });
  bench.report("candidates", candidates_seconds, "s");
  std::vector<Image> images;
  for (const pipeline::GeneratedImage& generated : pictures) images.push_back(generated.image);

  double round_seconds = candidates_seconds;
  if (const auto reward_path = reward_folder(options.model)) {
    reward::RewardModel reward = open_reward(*reward_path, options.model);
    const double score_seconds = bench.median_seconds([&] {
      const at::Tensor scores =
          reward.scores(reward.embed_text({options.prompt}), reward.embed_images(images));
      scores.flatten()[0].item<float>();
    });
    bench.report("reward_score", score_seconds / options.candidates, "s/image");
    round_seconds += score_seconds;
  }
  if (const auto refiner_path = refiner_folder(options.model)) {
    llm::Refiner refiner = open_refiner(*refiner_path, options.model);
    std::size_t tokens = 0;
    const double refine_seconds = bench.median_seconds([&] {
      tokens = refiner.refine(options.prompt, options.feedback, &interruption()).tokens.size();
    });
    bench.report("refiner", static_cast<double>(tokens) / refine_seconds, "tokens/s");
    bench.report("refine", refine_seconds, "s");
    round_seconds += refine_seconds;
  }
  bench.report("round", round_seconds, "s");
  return kExitDone;
}

}  // namespace

void setup_bench(CLI::App& app, Command& selected) {
  auto* command = app.add_subcommand("bench", "speed of each part on this machine");
  auto options = std::make_shared<BenchOptions>();
  command->add_option("--repeats", options->repeats, "timed runs of each part; the median counts")
      ->check(CLI::Range(1, 1000));
  command->add_option("--candidates", options->candidates, "pictures in a round")
      ->check(CLI::Range(1, 64));
  command->add_option("--prompt", options->prompt, "what to draw");
  command->add_option("--feedback", options->feedback, "what the refiner is told");
  command->add_flag("--train", options->train, "time a training step of each trainer instead");
  command->add_option("--batch", options->batch, "samples of a training step")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command->add_option(
      "--against", options->against,
      "what `omr bench --json` or `scripts/bench-peers --json` printed before: each "
      "part's ratio to it is printed too, above 1 where this run is faster");
  add_model_option(*command, options->model);
  add_refiner_options(*command, options->model);
  add_reward_options(*command, options->model);
  add_execution_options(*command, options->model);
  add_output_options(*command, options->output);
  command->callback([options, &selected] { selected = [options] { return run_bench(*options); }; });
}

}  // namespace omr::cli
