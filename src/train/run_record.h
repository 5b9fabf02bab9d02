// What a run leaves for its readers beside checkpoints and result: train.jsonl, samples/ and
// train.html.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "omr/train/training_loop.h"

#include "train/training_log.h"

namespace omr::train {

class RunRecord {
 public:
  // In the run's folder, after `step`; see TrainingLog. Throws Error(io), as all of it does.
  RunRecord(const std::filesystem::path& out, std::string title, io::Json settings,
            std::int64_t step);

  // Each update's loss counts in the mean of the next line, which is written when it is `due`.
  void step(const StepReport& step, const std::map<std::string, double>& metrics,
            std::int64_t skipped, bool due);
  // A look's line and pictures. Returns the metrics in words, empty when there are none.
  std::string look(std::int64_t step, const Evaluation& evaluation);
  void write_report() const;

 private:
  std::filesystem::path out_;
  std::string title_;
  io::Json settings_;
  TrainingLog log_;
  std::vector<std::pair<std::string, Image>> pictures_;  // of the newest look that had any
  double loss_sum_ = 0;                                  // since the last line
  std::int64_t loss_count_ = 0;
};

}  // namespace omr::train
