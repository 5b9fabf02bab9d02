#include "cli/train_options.h"

#include <cstdio>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <unistd.h>

#include "omr/core/error.h"
#include "omr/core/log.h"
#include "omr/nn/execution.h"
#include "omr/train/image_folder.h"
#include "omr/train/scene_source.h"

#include "cli/output.h"
#include "cli/terminal.h"

namespace omr::cli {

void add_train_options(CLI::App& app, TrainOptions& options) {
  train::LoopSettings& loop = options.loop;
  app.add_option("-o,--out", loop.out,
                 "folder of the run: checkpoints, train.jsonl, train.html, samples, the result")
      ->required();
  app.add_option("--init", options.init, "model folder to start from");
  app.add_option("--config", options.config, "folder whose config.json to build from nothing");
  app.add_option("--steps", loop.steps, "updates in all")->capture_default_str();
  app.add_option("--batch", loop.batch_size, "samples of one backward pass")->capture_default_str();
  app.add_option("--accumulate", loop.accumulate, "backward passes an update")
      ->capture_default_str();
  app.add_option("--lr", loop.learning_rate.peak, "learning rate")->capture_default_str();
  app.add_option("--lr-schedule", options.lr_schedule,
                 "constant, cosine, or cosine:S to begin falling at share S")
      ->capture_default_str();
  app.add_option("--warmup", loop.learning_rate.warmup_steps, "steps of linear warm-up")
      ->capture_default_str();
  app.add_option("--weight-decay", loop.adamw.weight_decay, "of AdamW")->capture_default_str();
  app.add_option("--max-grad-norm", loop.max_grad_norm,
                 "gradients are clipped to this norm; 0: never")
      ->capture_default_str();
  app.add_option("--ema", loop.ema.decay, "decay of the weights' moving average; 0: none")
      ->capture_default_str();
  app.add_flag("--ema-power", loop.ema.power, "let the decay rise by a power law");
  app.add_option("--seed", loop.seed, "decides everything that is drawn by lot")
      ->capture_default_str();
  app.add_flag("--resume", loop.resume, "continue the run in --out");
  app.add_option("--checkpoint-every", loop.checkpoint_every, "steps between checkpoints")
      ->capture_default_str();
  app.add_option("--log-every", loop.log_every, "steps a line of train.jsonl")
      ->capture_default_str();
  app.add_option("--sample-every", loop.evaluate_every, "steps between looks at held-out data")
      ->capture_default_str();
  app.add_option("--device", options.device, "auto, cpu, cuda or cuda:N");
  app.add_option("--dtype", loop.dtype, "of products: auto, fp32, bf16, fp16 (CUDA)")
      ->capture_default_str();
  app.add_flag("--gradient-checkpointing", loop.gradient_checkpointing,
               "compute layers again in the backward pass: less memory, a third more time");
  app.add_option("--threads", options.threads, "CPU threads (0: all cores)")
      ->check(CLI::Range(0, 1024));
  app.add_option("--out-dtype", options.out_dtype, "of the result's weights: fp16 or fp32")
      ->capture_default_str();
  add_output_options(app, options.output);
}

void add_picture_source_options(CLI::App& app, TrainOptions& options) {
  app.add_option("--data", options.data,
                 "folder of pictures with metadata.jsonl (file_name, text)");
  app.add_option("--validation", options.validation,
                 "such a folder to look at while training (default: --data)");
  app.add_flag("--scenes", options.scenes, "draw scenes instead, without end");
  app.add_option("--pictures", options.pictures,
                 "of the scenes, use the first so many again and again");
  app.add_option("--unsaid", options.unsaid,
                 "share of places and of backgrounds that the scenes' captions leave out (default: "
                 "0.15 and 0.1)")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--size", options.size, "pixels of the training pictures: N or WxH")->required();
}

std::pair<std::filesystem::path, bool> start_of(const TrainOptions& options) {
  if (options.init.empty() == options.config.empty()) {
    throw Error(ErrorKind::usage,
                "give --init DIR to start from a model, or --config DIR to start from nothing");
  }
  return options.init.empty() ? std::pair(std::filesystem::path(options.config), true)
                              : std::pair(std::filesystem::path(options.init), false);
}

train::ProcessGroup prepare(TrainOptions& options) {
  if (options.threads > 0) at::set_num_threads(options.threads);
  parse_learning_rate_shape(options.lr_schedule, options.loop.learning_rate);
  if (options.device == "cuda" || options.device == "auto") {
    const nn::ExecutionOptions any = nn::resolve_execution(options.device, "auto");
    if (any.device.is_cuda()) options.device = "cuda:" + std::to_string(train::local_rank());
  }
  options.loop.device = nn::resolve_execution(options.device, "auto").device;
  train::check_loop_settings(options.loop);
  // Sums in an order of their own would make a resumed run another one. Freshly allocated memory
  // need not be filled for that.
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/true);
  at::globalContext().setDeterministicFillUninitializedMemory(false);
  return train::ProcessGroup::from_environment();
}

std::pair<int, int> training_size(const TrainOptions& options) {
  const bool square = options.size.find_first_not_of("0123456789") == std::string::npos;
  return parse_size(square ? options.size + "x" + options.size : options.size);
}

std::uint64_t held_out_seed(const TrainOptions& options) {
  constexpr std::uint64_t kHeldOut = 0x68656c64;
  return options.loop.seed ^ kHeldOut;
}

namespace {
constexpr scenes::CaptionOptions kWholeCaptions = {0, 0, 0, 0};
}  // namespace

PictureSources open_picture_sources(const TrainOptions& options, SceneStyle style) {
  if (options.scenes == !options.data.empty()) {
    throw Error(ErrorKind::usage, "give --data DIR, or --scenes");
  }
  PictureSources out;
  if (options.scenes) {
    const auto [width, height] = training_size(options);
    if (width != height)
      throw Error(ErrorKind::usage, "--size " + options.size + ": scenes are square");
    train::SceneSourceSettings settings;
    settings.seed = options.loop.seed;
    settings.size = width;
    settings.pictures = options.pictures;
    settings.dense = style == SceneStyle::dense;
    if (style == SceneStyle::told_whole) settings.captions = kWholeCaptions;
    if (options.unsaid) settings.captions = {*options.unsaid, 0, 0, *options.unsaid};
    out.training = std::make_shared<train::SceneSource>(settings);
    settings.seed = held_out_seed(options);
    settings.pictures = 0;
    settings.dense = false;
    settings.captions = kWholeCaptions;
    out.held_out = std::make_shared<train::SceneSource>(settings);
    return out;
  }
  const auto open = [](const std::string& folder) {
    auto source = std::make_shared<const train::ImageFolder>(train::ImageFolder::open(folder));
    const train::ImageFolderReport& report = source->report();
    const std::string line = folder + ": " + report.summary();
    report.broken_lines + report.missing_files > 0 ? log::warn(line) : log::info(line);
    return source;
  };
  out.training = open(options.data);
  out.held_out = options.validation.empty() ? out.training : open(options.validation);
  return out;
}

at::ScalarType output_dtype(const TrainOptions& options) {
  if (options.out_dtype == "fp16") return at::kHalf;
  if (options.out_dtype == "fp32") return at::kFloat;
  throw Error(ErrorKind::usage, "--out-dtype " + options.out_dtype + ": expected fp16 or fp32");
}

train::LoopObserver make_observer(const TrainOptions& options,
                                  const train::ProcessGroup& processes) {
  const bool shown = processes.is_first() && !options.output.quiet;
  auto bar = std::make_shared<ProgressBar>("training", shown && !options.output.json);
  const bool lines = shown && ::isatty(STDERR_FILENO) == 0;
  train::LoopObserver out;
  out.on_step = [bar, lines, json = options.output.json](const train::StepReport& step) {
    char note[64];
    std::snprintf(note, sizeof note, "loss %.4f", step.loss);
    bar->update(static_cast<int>(step.step), static_cast<int>(step.steps), note);
    if (!step.logged) return;
    if (json) {
      print_event({{"event", "step"},
                   {"step", step.step},
                   {"loss", step.loss},
                   {"lr", step.learning_rate},
                   {"it_per_s", step.steps_per_second}});
    } else if (lines) {
      char line[160];
      std::snprintf(line, sizeof line, "step %lld/%lld  loss %.5f  %.3g it/s  %.0f s left",
                    static_cast<long long>(step.step), static_cast<long long>(step.steps),
                    step.loss, step.steps_per_second,
                    static_cast<double>(step.steps - step.step) / step.steps_per_second);
      log::info(line);
    }
  };
  out.on_message = [bar, first = processes.is_first()](const std::string& message) {
    if (!first) return;
    bar->clear();
    log::info(message);
  };
  return out;
}

}  // namespace omr::cli
