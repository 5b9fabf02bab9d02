// The loop that every trainer runs: gradients over micro-batches, clipping, update, average, log,
// checkpoint, samples; resumed where the newest checkpoint stands.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "omr/core/cancellation.h"
#include "omr/core/image.h"
#include "omr/io/json_file.h"
#include "omr/train/adamw.h"
#include "omr/train/ema.h"
#include "omr/train/learning_rate.h"

namespace omr::train {

class ProcessGroup;

struct LoopSettings {
  std::filesystem::path out;     // the run's folder
  std::int64_t steps = 1000;     // updates in all
  std::int64_t batch_size = 16;  // samples of one backward pass, in one process
  std::int64_t accumulate = 1;   // backward passes an update
  LearningRate learning_rate;
  AdamWSettings adamw;
  EmaSettings ema;
  double max_grad_norm = 1.0;  // 0: no clipping
  std::uint64_t seed = 0;
  bool resume = false;
  std::int64_t checkpoint_every = 500;
  std::int64_t log_every = 10;
  std::int64_t evaluate_every = 500;
  std::string dtype = "auto";           // of products, see mixed_precision.h
  bool gradient_checkpointing = false;  // see nn/recompute.h
  c10::Device device{c10::kCPU};
};

// Throws Error(usage) for counts below 1 and for a dtype that the device cannot train with: before
// a run spends minutes on its data.
void check_loop_settings(const LoopSettings& settings);

// Samples of one backward pass: their positions in the run, from 0. Position p is what it is in
// every layout of batches and processes.
struct MicroBatch {
  std::int64_t step = 0;
  std::int64_t pass = 0;  // of Trainee::passes
  std::vector<std::uint64_t> positions;
};

// Those of a process's `part`-th backward pass of an update: of the update's samples, in order of
// their positions, each process takes a run of its own.
MicroBatch micro_batch_of(const LoopSettings& settings, const ProcessGroup& processes,
                          std::int64_t step, std::int64_t part, std::int64_t pass = 0);

// Sum of the losses of `weight` items (samples, tokens): gradients are divided by the items of the
// whole update, so that accumulation and processes change nothing.
struct MicroLoss {
  at::Tensor sum;  // scalar, fp32
  double weight = 1;
  std::map<std::string, double> metrics;  // averaged over the update's passes that give them
};

struct Evaluation {
  std::map<std::string, double> metrics;
  std::vector<std::pair<std::string, Image>> pictures;  // caption, picture
  std::string stop;  // why the run has gone far enough and ends here; empty: it goes on
};

// What a trainer gives the loop.
struct Trainee {
  std::string name;  // "vae", "unet", …; part of the settings that a resumed run must share
  std::vector<ParameterGroup> groups;
  io::Json settings;  // what else must be the same when the run is resumed
  // Backward passes that a micro-batch is taken in, so that the graph of one alone is in memory.
  std::int64_t passes = 1;
  std::function<MicroLoss(const MicroBatch&)> loss;
  std::function<Evaluation(std::int64_t step)>
      evaluate;                // may be empty; parameters hold the average
  std::function<void()> save;  // writes the result; likewise
  // What else is carried from step to step: written with each checkpoint, given back before the
  // first step of a resumed run. May be empty.
  std::function<io::NamedTensors()> state;
  std::function<void(const io::NamedTensors&)> load_state;
};

// Seen by the person: after every update.
struct StepReport {
  std::int64_t step = 0;  // updates done
  std::int64_t steps = 0;
  double loss = 0;
  double learning_rate = 0;
  double grad_norm = 0;  // without the groups that are clipped apart
  double steps_per_second = 0;
  bool logged = false;  // its line went to train.jsonl
};
struct LoopObserver {
  std::function<void(const StepReport&)> on_step;
  std::function<void(const std::string&)> on_message;  // one line for the person
};

// Runs to the last step, or until a look says stop, then saves the result. Interrupted, it writes a
// checkpoint first. Throws Error(usage) when the folder holds a run and `resume` is off, or a run
// of other settings; Error(mismatch) when the loss stays without a value; Error(cancelled);
// Error(io).
void run_training(const LoopSettings& settings, Trainee& trainee, ProcessGroup& processes,
                  const LoopObserver& observer, const Cancellation& cancellation);

}  // namespace omr::train
