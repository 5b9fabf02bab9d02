#include "omr/train/training_loop.h"

#include <chrono>
#include <cmath>
#include <optional>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "omr/core/error.h"
#include "omr/nn/recompute.h"
#include "omr/train/checkpoint.h"
#include "omr/train/process_group.h"

#include "train/copy_by_name.h"
#include "train/mixed_precision.h"
#include "train/run_record.h"
#include "train/run_settings.h"

namespace omr::train {
namespace {

namespace fs = std::filesystem;

// Updates in a row whose loss or gradient has no value before a run is given up.
constexpr int kMaxSkippedInARow = 10;

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// A run as it is carried on: what a checkpoint holds.
class Run {
 public:
  Run(const LoopSettings& settings, Trainee& trainee, ProcessGroup& processes,
      const LoopObserver& observer)
      : settings_(settings),
        trainee_(trainee),
        processes_(processes),
        observer_(observer),
        dtype_(resolve_training_dtype(settings.dtype, settings.device)),
        scaler_(dtype_),
        optimizer_(trainee.groups, settings.adamw),
        ema_(optimizer_.parameters(), settings.ema) {
    description_ = describe_run(settings, trainee, processes.size(), dtype_);
    open_folder();
    for (const auto& named : optimizer_.parameters()) shared_.push_back(named.second.detach());
    processes_.broadcast(shared_);
    if (!processes_.is_first()) return;
    record_.emplace(settings_.out, "omr train " + trainee.name, description_, step_);
  }

  std::int64_t step() const { return step_; }
  bool stopped() const { return stopped_; }
  bool look_due() const { return look_due_; }
  std::int64_t skipped() const { return skipped_; }

  // One update. False when it was skipped because the loss or the gradient has no value.
  bool update() {
    const double begin = seconds_now();
    optimizer_.zero_grad();
    double loss = 0, weight = 0;
    std::map<std::string, std::pair<double, int>> sums;
    for (std::int64_t i = 0; i < settings_.accumulate * trainee_.passes; ++i) {
      MicroLoss micro;
      {
        const Autocast autocast(settings_.device, dtype_);
        const nn::Recomputation recomputation(settings_.gradient_checkpointing);
        micro = trainee_.loss(
            micro_batch_of(settings_, processes_, step_, i / trainee_.passes, i % trainee_.passes));
      }
      (scaler_.active() ? micro.sum * scaler_.scale() : micro.sum).backward();
      loss += micro.sum.item<double>();
      weight += micro.weight;
      for (const auto& [name, value] : micro.metrics) {
        sums[name].first += value;
        ++sums[name].second;
      }
    }
    std::map<std::string, double> metrics;
    for (const auto& [name, sum] : sums) metrics[name] = sum.first / sum.second;
    if (processes_.size() > 1) {
      processes_.all_reduce(optimizer_.gradients());
      loss = processes_.all_reduce(loss);
      weight = processes_.all_reduce(weight);
    }
    const double divisor = weight * scaler_.scale();
    const std::vector<double> norms = optimizer_.gradient_norms();
    const double norm = norms.front() / divisor;
    bool finite = std::isfinite(loss);
    std::vector<double> divisors;
    for (const double of_set : norms) {
      finite = finite && std::isfinite(of_set);
      const double clip = settings_.max_grad_norm > 0
                              ? std::max(1.0, (of_set / divisor + 1e-6) / settings_.max_grad_norm)
                              : 1.0;
      divisors.push_back(divisor * clip);
    }
    const double rate = settings_.learning_rate.at(step_, settings_.steps);
    if (finite) optimizer_.step(rate, divisors);
    scaler_.update(!finite);
    ++step_;
    if (finite) ema_.update(step_);
    if (!finite && !scaler_.active()) ++skipped_;
    optimizer_.zero_grad();

    const double seconds = seconds_now() - begin;
    // Of the last steps: the first one warms up, samples and checkpoints are not the step's own
    // time.
    seconds_per_step_ = seconds_per_step_ == 0 ? seconds : 0.9 * seconds_per_step_ + 0.1 * seconds;
    report({step_, settings_.steps, loss / weight, rate, norm, 1 / seconds_per_step_, false},
           metrics);
    return finite;
  }

  void evaluate() {
    if (!trainee_.evaluate) return;
    if (processes_.is_first()) look();
    if (processes_.size() > 1) stopped_ = processes_.all_reduce(stopped_ ? 1.0 : 0.0) > 0;
  }

  void look() {
    const at::NoGradGuard no_grad;
    const Ema::Swapped averaged(ema_);
    look_due_ = true;
    const Evaluation evaluation = trainee_.evaluate(step_);
    look_due_ = false;
    const std::string seen = record_->look(step_, evaluation);
    if (!seen.empty()) observer_.on_message("step " + std::to_string(step_) + ": " + seen);
    if (evaluation.stop.empty()) return;
    stopped_ = true;
    observer_.on_message("stopped at step " + std::to_string(step_) + ": " + evaluation.stop);
  }

  void save() {
    if (!processes_.is_first()) return;
    Checkpoint checkpoint;
    checkpoint.step = step_;
    checkpoint.settings = description_;
    checkpoint.counters = {{"skipped", skipped_},
                           {"loss_scale", scaler_.state_scale()},
                           {"good_steps", scaler_.state_good_steps()},
                           {"threads", at::get_num_threads()},
                           {"stopped", stopped_},
                           {"look_due", look_due_}};
    for (const auto& [name, parameter] : optimizer_.parameters())
      checkpoint.parameters.emplace_back(name, parameter.detach());
    checkpoint.optimizer = optimizer_.state();
    checkpoint.ema = ema_.state();
    if (trainee_.state) checkpoint.trainee = trainee_.state();
    save_checkpoint(settings_.out / "checkpoints", checkpoint);
    record_->write_report();
  }

  void finish() {
    if (!processes_.is_first() || !trainee_.save) return;
    const at::NoGradGuard no_grad;
    const Ema::Swapped averaged(ema_);
    trainee_.save();
  }

 private:
  void open_folder() {
    const fs::path checkpoints = settings_.out / "checkpoints";
    create_run_folder(checkpoints);
    std::vector<std::string> broken;
    const std::optional<Checkpoint> found = load_newest_checkpoint(checkpoints, &broken);
    for (const std::string& name : broken) {
      observer_.on_message((checkpoints / name).string() + " is not whole and is passed over");
    }
    if (!found) return;
    if (!settings_.resume) {
      throw Error(ErrorKind::usage, settings_.out.string() + " holds a run that stands at step " +
                                        std::to_string(found->step) +
                                        ": give --resume to continue it, or another --out");
    }
    require_same_settings(found->settings, description_, settings_.out);
    restore(*found);
  }

  void restore(const Checkpoint& checkpoint) {
    const at::NoGradGuard no_grad;
    const fs::path folder = settings_.out / "checkpoints";
    try {
      copy_by_name(checkpoint.parameters, optimizer_.parameters());
    } catch (const Error& error) {
      throw error.in(folder.string());
    }
    char name[32];
    std::snprintf(name, sizeof name, "step-%08lld", static_cast<long long>(checkpoint.step));
    optimizer_.load_state(io::Weights::open(folder / name / "optimizer.safetensors", ""));
    if (ema_.enabled()) ema_.load_state(io::Weights::open(folder / name / "ema.safetensors", ""));
    if (trainee_.load_state) trainee_.load_state(checkpoint.trainee);
    step_ = checkpoint.step;
    stopped_ = checkpoint.counters.value("stopped", false);
    look_due_ = checkpoint.counters.value("look_due", false);
    skipped_ = checkpoint.counters.value("skipped", std::int64_t{0});
    scaler_.load_state(checkpoint.counters.value("loss_scale", 1.0),
                       checkpoint.counters.value("good_steps", std::int64_t{0}));
    const int threads = checkpoint.counters.value("threads", at::get_num_threads());
    if (threads != at::get_num_threads()) {
      observer_.on_message("resumed with " + std::to_string(at::get_num_threads()) +
                           " threads after " + std::to_string(threads) +
                           ": sums will differ in their last bits");
    }
    observer_.on_message("resumed at step " + std::to_string(step_));
  }

  void report(StepReport step, const std::map<std::string, double>& metrics) {
    if (!processes_.is_first()) return;
    step.logged = step_ % settings_.log_every == 0 || step_ == settings_.steps || step_ == 1;
    record_->step(step, metrics, skipped_, step.logged);
    observer_.on_step(step);
  }

  const LoopSettings& settings_;
  Trainee& trainee_;
  ProcessGroup& processes_;
  const LoopObserver& observer_;
  c10::ScalarType dtype_;
  GradScaler scaler_;
  AdamW optimizer_;
  Ema ema_;
  io::Json description_;
  std::vector<at::Tensor> shared_;
  std::optional<RunRecord> record_;  // of the first process
  std::int64_t step_ = 0;
  std::int64_t skipped_ = 0;
  bool stopped_ = false;
  bool look_due_ = false;  // a look at held-out data broke off
  double seconds_per_step_ = 0;
};

Error without_value(std::int64_t step) {
  return Error(ErrorKind::mismatch,
               "the loss or its gradient has had no value (NaN or infinite) for " +
                   std::to_string(kMaxSkippedInARow) + " steps, up to step " +
                   std::to_string(step) +
                   ": lower --lr, and look at the data; the last checkpoint is from before");
}

}  // namespace

MicroBatch micro_batch_of(const LoopSettings& settings, const ProcessGroup& processes,
                          std::int64_t step, std::int64_t part, std::int64_t pass) {
  const auto first = static_cast<std::uint64_t>(
      ((step * processes.size() + processes.rank()) * settings.accumulate + part) *
      settings.batch_size);
  MicroBatch out{step, pass, {}};
  for (std::int64_t i = 0; i < settings.batch_size; ++i)
    out.positions.push_back(first + static_cast<std::uint64_t>(i));
  return out;
}

void run_training(const LoopSettings& settings, Trainee& trainee, ProcessGroup& processes,
                  const LoopObserver& observer, const Cancellation& cancellation) {
  check_loop_settings(settings);
  Run run(settings, trainee, processes, observer);
  int skipped_in_a_row = 0;
  std::int64_t saved_at = run.step();
  try {
    if (run.look_due()) run.evaluate();
    while (run.step() < settings.steps && !run.stopped()) {
      cancellation.check();
      skipped_in_a_row = run.update() ? 0 : skipped_in_a_row + 1;
      if (skipped_in_a_row == kMaxSkippedInARow) throw without_value(run.step());
      // Before the checkpoint, which holds what the trainer has made of the look.
      if (run.step() % settings.evaluate_every == 0 || run.step() == settings.steps) run.evaluate();
      // A checkpoint must not keep weights that a broken loss may have come from.
      if (skipped_in_a_row == 0 && (run.step() % settings.checkpoint_every == 0 ||
                                    run.step() == settings.steps || run.stopped())) {
        run.save();
        saved_at = run.step();
      }
    }
  } catch (const Error& error) {
    // Of an interruption, or a picture that cannot be read: what was learnt before it is kept.
    const bool interrupted = error.kind() == ErrorKind::cancelled;
    if (saved_at != run.step() && (interrupted || skipped_in_a_row == 0)) run.save();
    if (!interrupted) throw;
    throw Error(ErrorKind::cancelled, "interrupted at step " + std::to_string(run.step()) +
                                          "; --resume continues from there");
  }
  run.finish();
  if (run.skipped() > 0) {
    observer.on_message(std::to_string(run.skipped()) +
                        " steps were skipped: their loss had no value");
  }
}

}  // namespace omr::train
