#include "train/run_settings.h"

#include <string>

#include "omr/core/error.h"

#include "train/mixed_precision.h"

namespace omr::train {

void check_loop_settings(const LoopSettings& settings) {
  const auto positive = [](std::int64_t value, const char* option) {
    if (value < 1) {
      throw Error(ErrorKind::usage, std::string(option) + " must be at least 1");
    }
  };
  positive(settings.steps, "--steps");
  positive(settings.batch_size, "--batch");
  positive(settings.accumulate, "--accumulate");
  positive(settings.checkpoint_every, "--checkpoint-every");
  positive(settings.log_every, "--log-every");
  positive(settings.evaluate_every, "--sample-every");
  resolve_training_dtype(settings.dtype, settings.device);
}

void create_run_folder(const std::filesystem::path& folder) {
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  if (!code && std::filesystem::is_directory(folder)) return;
  throw Error(ErrorKind::io, "cannot create the folder " + folder.string() + ": " +
                                 (code ? code.message() : "something else has its name") +
                                 "; --out DIR names another place");
}

io::Json describe_run(const LoopSettings& settings, const Trainee& trainee, std::int64_t processes,
                      c10::ScalarType dtype) {
  const LearningRate& rate = settings.learning_rate;
  io::Json out = trainee.settings;
  out["what"] = trainee.name;
  out["seed"] = settings.seed;
  out["samples_per_step"] = settings.batch_size * settings.accumulate * processes;
  out["lr"] = rate.peak;
  out["lr_shape"] = rate.shape == LearningRateShape::cosine ? "cosine" : "constant";
  out["cosine_from"] = rate.cosine_from;
  out["warmup_steps"] = rate.warmup_steps;
  out["weight_decay"] = settings.adamw.weight_decay;
  out["max_grad_norm"] = settings.max_grad_norm;
  out["ema_decay"] = settings.ema.decay;
  out["ema_power"] = settings.ema.power;
  out["dtype"] = c10::toString(dtype);
  return out;
}

void require_same_settings(const io::Json& before, const io::Json& now,
                           const std::filesystem::path& out) {
  std::string differences;
  for (const auto& [name, value] : now.items()) {
    if (before.contains(name) && before[name] == value) continue;
    const std::string old = before.contains(name) ? before[name].dump() : "absent";
    differences +=
        (differences.empty() ? "" : ", ") + name + " was " + old + " and is " + value.dump();
  }
  if (differences.empty()) return;
  throw Error(ErrorKind::usage, "the run in " + out.string() +
                                    " has other settings: " + differences +
                                    "; resume with the same, or begin a new run in another --out");
}

}  // namespace omr::train
