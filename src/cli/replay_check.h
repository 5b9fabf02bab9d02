// omr replay --check and --update-goldens: a run beside a golden run.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "omr/replay/batch.h"
#include "omr/replay/comparison.h"

#include "cli/options.h"
#include "cli/session_parts.h"

namespace omr::cli {

struct CheckOptions {
  std::string golden;                        // a folder; empty: nothing is compared
  std::optional<std::string> update_reason;  // given: the golden run is made anew
  std::string junit;
};

void add_check_options(CLI::App& app, CheckOptions& options);

// The pictures of a run that nobody wants to keep: a folder of its own, removed at the end unless
// kept.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  void keep() { kept_ = true; }

 private:
  std::filesystem::path path_;
  bool kept_ = false;
};

// The golden run's settings for one of its dialogues, with what the command line asks for over
// them, so that a deliberate change shows. LoRA files that are gone are looked for in the model's
// lora/.
session::Settings checked_settings(const session::Dialogue& dialogue, const PictureOptions& picture,
                                   const SessionOptions& session,
                                   const std::filesystem::path& model);

// The run in `folder` as it is compared or becomes golden.
replay::ComparedRun compared_run(const std::filesystem::path& folder,
                                 const replay::BatchSummary& summary,
                                 const replay::Environment& environment,
                                 const session::ModelIdentity& identity,
                                 const replay::Tokenize& tokenize, session::FileSystem& files);

// Prints the differences, writes report.html into the run's folder and the JUnit file. Returns the
// exit code.
int report_comparison(const replay::Comparison& comparison, const replay::ComparedRun& run,
                      const CheckOptions& options, const OutputOptions& output,
                      session::FileSystem& files);

}  // namespace omr::cli
