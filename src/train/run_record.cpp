#include "train/run_record.h"

#include <cstdio>

#include "train/training_report.h"

namespace omr::train {

RunRecord::RunRecord(const std::filesystem::path& out, std::string title, io::Json settings,
                     std::int64_t step)
    : out_(out),
      title_(std::move(title)),
      settings_(std::move(settings)),
      log_(out / "train.jsonl", step) {}

void RunRecord::step(const StepReport& step, const std::map<std::string, double>& metrics,
                     std::int64_t skipped, bool due) {
  loss_sum_ += step.loss;
  ++loss_count_;
  if (!due) return;
  io::Json line = {{"step", step.step},
                   {"loss", loss_sum_ / static_cast<double>(loss_count_)},
                   {"lr", step.learning_rate},
                   {"grad_norm", step.grad_norm},
                   {"it_per_s", step.steps_per_second}};
  if (skipped > 0) line["skipped"] = skipped;
  for (const auto& [name, value] : metrics) line[name] = value;
  log_.append(line);
  loss_sum_ = 0;
  loss_count_ = 0;
}

std::string RunRecord::look(std::int64_t step, const Evaluation& evaluation) {
  std::string text;
  if (!evaluation.metrics.empty()) {
    io::Json line = {{"step", step}};
    for (const auto& [name, value] : evaluation.metrics) {
      line[name] = value;
      char shown[48];
      std::snprintf(shown, sizeof shown, " %.4g", value);
      text += (text.empty() ? "" : ", ") + name + shown;
    }
    log_.append(line);
  }
  if (!evaluation.pictures.empty()) {
    pictures_ = evaluation.pictures;
    write_samples(out_ / "samples", step, pictures_);
  }
  write_report();
  return text;
}

void RunRecord::write_report() const {
  write_training_report(out_ / "train.html", {title_, settings_, log_.lines(), pictures_});
}

}  // namespace omr::train
