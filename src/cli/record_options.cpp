#include "cli/record_options.h"

#include "omr/core/error.h"
#include "omr/core/log.h"

namespace omr::cli {

void add_record_options(CLI::App& app, TrainOptions& train, std::vector<std::string>& sessions,
                        const RecordTexts& texts) {
  app.add_option("--data", train.data, texts.data);
  app.add_option("--validation", train.validation, texts.validation);
  app.add_option("--from-sessions", sessions, texts.sessions);
  app.add_flag("--scenes", train.scenes, texts.scenes);
}

void check_record_options(const TrainOptions& train, const std::vector<std::string>& sessions) {
  if (train.scenes + !train.data.empty() + !sessions.empty() != 1)
    throw Error(ErrorKind::usage, "give one of --data FILE.jsonl, --from-sessions DIR, --scenes");
}

train::PreferencePairs open_preference_pairs(const std::string& file) {
  train::PreferencePairs pairs = train::PreferencePairs::open(file);
  const train::PreferenceReport& report = pairs.report();
  const std::string line = file + ": " + report.summary();
  report.broken_lines + report.missing_files + report.equal_pairs > 0 ? log::warn(line)
                                                                      : log::info(line);
  return pairs;
}

}  // namespace omr::cli
