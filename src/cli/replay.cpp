// omr replay DIALOGUES…: recorded dialogues, in batch.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <vector>

#include "omr/core/error.h"
#include "omr/core/exit_code.h"
#include "omr/core/log.h"
#include "omr/core/utf8.h"
#include "omr/io/sha256.h"
#include "omr/replay/batch.h"
#include "omr/replay/dialogue_sources.h"

#include "cli/commands.h"
#include "cli/environment.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/replay_check.h"
#include "cli/session_parts.h"
#include "cli/terminal.h"
#include "cli/version.h"

namespace omr::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxBatch = 256;

struct ReplayOptions : SessionCommandOptions {
  CheckOptions check;
  std::vector<std::string> sources;
  std::string out;
  std::string shard;
  int batch = 1;
  bool resume = false;
  bool rerun_refiner = false;
};

void check_usage(const ReplayOptions& options) {
  const bool checks = !options.check.golden.empty();
  const auto refuse = [](const std::string& what) { throw Error(ErrorKind::usage, what); };
  if (!checks && options.check.update_reason) refuse("--update-goldens goes with --check GOLDEN");
  if (options.check.update_reason)
    check_text(*options.check.update_reason, "reason of --update-goldens");
  if (!checks && !options.check.junit.empty()) refuse("--junit goes with --check GOLDEN");
  if (!checks && options.sources.empty()) refuse("omr replay needs dialogues");
  if (!checks && options.out.empty()) refuse("omr replay needs --out DIR for its pictures");
  if (checks && !options.shard.empty()) refuse("--check compares the whole batch: give no --shard");
}

replay::Shard shard_of(const ReplayOptions& options) {
  if (!options.check.golden.empty()) return {};
  if (!options.shard.empty()) return replay::parse_shard(options.shard);
  const auto variable = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
  };
  const replay::LaunchedShard launched = replay::shard_of_environment(variable);
  if (launched.shard.count > 1) {
    log::info("shard " + launched.shard.text() + " of the batch, as " + launched.variables +
              " say; --shard 1/1 runs all of it");
  }
  return launched.shard;
}

// Held to the limit of a file while it is read: a pipe need not end.
std::string read_standard_input() {
  std::string text;
  std::vector<char> piece(1 << 16);
  while (std::cin) {
    std::cin.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    text.append(piece.data(), static_cast<std::size_t>(std::cin.gcount()));
    if (text.size() > session::kMaxJournalBytes) {
      throw Error(ErrorKind::format, "standard input is longer than " +
                                         std::to_string(session::kMaxJournalBytes) +
                                         " bytes; give the dialogues in several files");
    }
  }
  return text;
}

// A dialogue that names no seed gets one from its id: the same in every run and every shard.
std::uint64_t seed_of(const std::string& id) {
  return std::stoull(io::sha256(id).substr(0, 8), nullptr, 16);
}

// What is shown while a batch runs.
class Progress {
 public:
  Progress(const OutputOptions& output, const replay::Shard& shard)
      : output_(output),
        bar_("replaying" + (shard.count > 1 ? " " + shard.text() : std::string()),
             !output.quiet && !output.json),
        begin_(std::chrono::steady_clock::now()) {}

  void ended(const replay::DialogueResult& result, bool skipped, std::size_t done,
             std::size_t total) {
    bar_.clear();
    for (const replay::RefinerDifference& one : result.refiner_differences) {
      log::warn(result.id + ", round " + std::to_string(one.round) + ": the refiner said \"" +
                one.now + "\", the record has \"" + one.recorded + "\"");
    }
    const bool failed = result.status == replay::DialogueStatus::failed;
    if (failed) log::error(result.id + ": " + result.error);
    if (output_.json) {
      nlohmann::ordered_json event = {{"event", "dialogue"}};
      event.update(nlohmann::ordered_json::parse(to_line(result)));
      if (skipped) event["skipped"] = true;
      print_event(event);
    } else if (!failed && !skipped) {
      print_line(printable(result.id) + "  " + to_string(result.status) + "  " +
                 std::to_string(result.rounds) + " rounds");
    }
    if (skipped) {
      ++skipped_;
      return;  // took no time: it would make the rest look fast
    }
    rounds_ += result.rounds;
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin_;
    char note[48];
    std::snprintf(note, sizeof note, "%.1f rounds/s", rounds_ / std::max(spent.count(), 1e-3));
    bar_.update(static_cast<int>(done - skipped_), static_cast<int>(total - skipped_), note);
  }
  void clear() { bar_.clear(); }

 private:
  const OutputOptions& output_;
  ProgressBar bar_;
  std::chrono::steady_clock::time_point begin_;
  int rounds_ = 0;
  std::size_t skipped_ = 0;
};

class Replay {
 public:
  explicit Replay(const ReplayOptions& options) : options_(options) {}

  int run() {
    const bool checks = !options_.check.golden.empty();
    if (checks) read_golden();
    if (!options_.sources.empty()) {
      dialogues_ = replay::read_sources(options_.sources, files_, read_standard_input);
    }
    parts_.emplace(options_.model, options_.session);
    if (checks && options_.out.empty()) scratch_ = std::make_unique<ScratchFolder>();
    const fs::path out = scratch_ ? scratch_->path() : fs::path(options_.out);
    identify();
    const replay::BatchSummary summary = batch(out);
    if (!checks) return conclude(summary);
    const int code = compare(out, summary);
    if (code != kExitDone && scratch_) scratch_->keep();
    return code;
  }

 private:
  void read_golden() {
    const fs::path folder = options_.check.golden;
    const bool there = fs::is_directory(folder);
    if (there) {
      golden_ = replay::read_golden(folder, files_);
      if (options_.sources.empty()) {
        for (const replay::RecordedDialogue& one : golden_->dialogues)
          dialogues_.push_back(one.dialogue);
        from_golden_ = true;
      }
    } else if (!options_.check.update_reason) {
      throw Error(ErrorKind::io, "there is no golden run at " + folder.string() +
                                     "; --update-goldens REASON makes one of the dialogues given");
    } else if (options_.sources.empty()) {
      throw Error(ErrorKind::usage, "there is no golden run at " + folder.string() +
                                        " yet: give the dialogues that it is to be made of");
    }
  }

  replay::Preparation prepare(const session::Dialogue& dialogue) {
    replay::Preparation out;
    if (from_golden_) {
      out.settings = checked_settings(dialogue, options_.picture, options_.session,
                                      model_path(options_.model));
    } else {
      out.settings = parts_->settings(options_.picture);
      if (!options_.picture.seed) out.settings.seed = dialogue.seed.value_or(seed_of(dialogue.id));
      session::override_with(out.settings, dialogue.settings, dialogue.id + ": settings");
      out.settings.prompt = dialogue.turns.at(0);
      // Who asks for pictures that say nothing gets no other, whatever a dialogue says.
      if (options_.session.no_metadata) out.settings.metadata = false;
    }
    out.initial = parts_->initial_picture(out.settings);
    out.execution = parts_->execution();
    return out;
  }

  void identify() {
    std::vector<session::Settings> settings = {parts_->settings(options_.picture)};
    for (const session::Dialogue& dialogue : dialogues_) {
      session::override_with(settings.emplace_back(), dialogue.settings, dialogue.id);
      if (from_golden_) {
        settings.back() =
            checked_settings(dialogue, options_.picture, {}, model_path(options_.model));
      }
    }
    identity_ = parts_->identity(settings);
  }

  replay::BatchSummary batch(const fs::path& out) {
    const replay::Shard shard = shard_of(options_);
    Progress progress(options_.output, shard);
    replay::BatchEvents events;
    events.dialogue = [&](const replay::DialogueResult& result, bool skipped, std::size_t done,
                          std::size_t total) { progress.ended(result, skipped, done, total); };
    if (options_.output.json && options_.output.verbose)
      events.line = [](const std::string& line) { print_json(line); };
    const replay::BatchOptions batch{out, shard, options_.resume, options_.rerun_refiner,
                                     static_cast<std::size_t>(options_.batch)};
    try {
      const replay::BatchSummary summary = replay::run_batch(
          dialogues_, batch, [this](const session::Dialogue& one) { return prepare(one); },
          parts_->parts(files_, clock_), identity_, events, interruption());
      progress.clear();
      return summary;
    } catch (const Error& error) {
      progress.clear();
      if (error.kind() != ErrorKind::cancelled || scratch_) throw;
      throw Error(ErrorKind::cancelled, "interrupted; what is done is kept, and --resume goes on");
    }
  }

  int conclude(const replay::BatchSummary& summary) const {
    if (summary.skipped > 0)
      log::info(std::to_string(summary.skipped) + " dialogues were whole already");
    if (summary.failed.empty()) return kExitDone;
    std::string list;
    for (const std::string& id : summary.failed) list += (list.empty() ? "" : ", ") + id;
    log::error(std::to_string(summary.failed.size()) + " of " +
               std::to_string(summary.results.size()) + " dialogues failed: " + list);
    return kExitFailed;
  }

  int compare(const fs::path& out, const replay::BatchSummary& summary) {
    const replay::Tokenize tokenize = [this](const std::string& prompt) {
      return parts_->token_ids(prompt);
    };
    const replay::ComparedRun run =
        compared_run(out, summary, environment(), identity_, tokenize, files_);
    const fs::path folder = options_.check.golden;
    int code = kExitDone;
    if (golden_) {
      FileCodec codec;
      const replay::Comparison comparison =
          replay::compare_with_golden(*golden_, run, files_, codec);
      code = report_comparison(comparison, run, options_.check, options_.output, files_);
    }
    if (!options_.check.update_reason) return code;
    if (!run.failed.empty()) return conclude(summary);  // a golden run holds no failures
    replay::Golden next = golden_.value_or(replay::Golden{});
    next.environment = run.environment;
    next.identity = identity_;
    next.dialogues = run.dialogues;
    next.history.push_back({clock_.now(), *options_.check.update_reason, kVersion});
    replay::write_golden(folder, next, files_);
    log::info("the golden run in " + folder.string() + " holds " +
              std::to_string(next.dialogues.size()) + " dialogues");
    return kExitDone;
  }

  // Pictures that were drawn together are equal to the bit only to pictures drawn so again.
  replay::Environment environment() const {
    replay::Environment out = environment_of(options_.model);
    if (options_.batch > 1) out["batch"] = std::to_string(options_.batch);
    return out;
  }

  const ReplayOptions& options_;
  std::optional<SessionParts> parts_;  // once it is known that there is something to replay
  DiskFileSystem files_;
  SystemClock clock_;
  session::ModelIdentity identity_;
  std::vector<session::Dialogue> dialogues_;
  std::optional<replay::Golden> golden_;
  bool from_golden_ = false;  // the dialogues come from it, with their settings
  std::unique_ptr<ScratchFolder> scratch_;
};

int run_replay(const ReplayOptions& options) {
  apply_verbosity(options.output);
  check_usage(options);
  return Replay(options).run();
}

}  // namespace

void setup_replay(CLI::App& app, Command& selected) {
  auto* command = app.add_subcommand("replay", "recorded dialogues, in batch");
  auto options = std::make_shared<ReplayOptions>();
  command->add_option("dialogues", options->sources,
                      "session folders, files of JSON lines, folders of both, or - for standard "
                      "input (with --check: those of the golden run unless given)");
  command->add_option("--out", options->out, "folder for the sessions, one folder a dialogue");
  command->add_flag("--resume", options->resume, "skip the dialogues that are whole in --out");
  command
      ->add_option("--batch", options->batch,
                   "dialogues that advance at once, their pictures drawn together (default: 1)")
      ->check(CLI::Range(1, kMaxBatch));
  command->add_option("--shard", options->shard,
                      "i/n: this process's part of the batch (default: RANK and WORLD_SIZE, or "
                      "SLURM_PROCID and SLURM_NTASKS)");
  command->add_flag("--rerun-refiner", options->rerun_refiner,
                    "ask the refiner again where the record has its answers, and tell every "
                    "difference");
  add_check_options(*command, options->check);
  add_session_command_options(*command, *options);
  command->callback(
      [options, &selected] { selected = [options] { return run_replay(*options); }; });
}

}  // namespace omr::cli
