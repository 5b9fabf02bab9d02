// omr replay DIALOGUES…: recorded dialogues, one after another.
#include <filesystem>
#include <iostream>
#include <iterator>
#include <memory>

#include "omr/core/error.h"
#include "omr/core/exit_code.h"
#include "omr/core/log.h"
#include "omr/core/utf8.h"
#include "omr/io/json_file.h"
#include "omr/session/dialogue.h"
#include "omr/session/journal_format.h"
#include "omr/session/paths.h"
#include "omr/session/recorded_refiner.h"
#include "omr/session/session.h"

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/session_parts.h"
#include "cli/terminal.h"

namespace omr::cli {
namespace {

namespace fs = std::filesystem;

struct ReplayOptions {
  ModelOptions model;
  PictureOptions picture;
  SessionOptions session;
  OutputOptions output;
  std::vector<std::string> sources;
  std::string out;
  bool rerun_refiner = false;
};

std::string id_of(const fs::path& path) {
  const fs::path clean = path.has_filename() ? path : path.parent_path();
  return clean.stem().string();
}

// A folder of a session, a journal, a file of dialogues, or "-" for standard input.
std::vector<session::Dialogue> read_source(const std::string& source) {
  if (source == "-") {
    const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
    return session::read_dialogues(text, "standard input");
  }
  std::error_code code;
  const bool folder = fs::is_directory(source, code);
  const fs::path path = folder ? fs::path(source) / session::kJournalName : fs::path(source);
  const std::string text = io::read_text(path, session::kMaxJournalBytes);
  if (folder) return {session::dialogue_of_journal(text, id_of(source), path.string())};
  if (path.filename() == session::kJournalName) {
    return {
        session::dialogue_of_journal(text, id_of(fs::absolute(path).parent_path()), path.string())};
  }
  return session::read_dialogues(text, path.string());
}

struct Replayed {
  std::string status;  // accepted, ended, failed
  int rounds = 0;
  std::string error;
};

class Replay {
 public:
  Replay(const ReplayOptions& options, SessionParts& parts) : options_(options), parts_(parts) {}

  Replayed run(const session::Dialogue& dialogue, const fs::path& folder) {
    session::Settings settings = parts_.settings(options_.picture);
    if (dialogue.seed && !options_.picture.seed) settings.seed = *dialogue.seed;
    session::override_with(settings, dialogue.settings, dialogue.id + ": settings");
    settings.prompt = dialogue.turns.at(0);
    const std::optional<Latents> initial = parts_.initial_latents(settings);
    session::Parts parts = parts_.parts(files_, clock_);
    session::RecordedRefiner recorded(dialogue.refinements);
    if (!dialogue.refinements.empty() && !options_.rerun_refiner) parts.language_model = &recorded;

    session::SessionEvents events;
    if (options_.output.json && options_.output.verbose) {
      events.line = [](const std::string& line) { print_line(line); };
    }
    session::Session session =
        session::Session::start(parts, folder, parts_.identity(), settings, events, initial);
    Replayed out;
    const auto count = [&](const session::Outcome& outcome) {
      if (std::holds_alternative<session::RoundCancelled>(outcome))
        throw Error(ErrorKind::cancelled, "interrupted");
      if (std::holds_alternative<session::RoundDone>(outcome)) ++out.rounds;
    };
    count(session.draw_first(events, interruption()));
    for (std::size_t i = 1; i < dialogue.turns.size() && !session.over(); ++i) {
      interruption().check();
      count(session.run(dialogue.turns[i], events, interruption()));
    }
    out.status = session.state().accepted ? "accepted" : "ended";
    session.end("end of input", events);
    return out;
  }

 private:
  const ReplayOptions& options_;
  SessionParts& parts_;
  DiskFileSystem files_;
  SystemClock clock_;
};

int run_replay(const ReplayOptions& options) {
  apply_verbosity(options.output);
  std::vector<session::Dialogue> dialogues;
  for (const std::string& source : options.sources) {
    for (session::Dialogue& dialogue : read_source(source)) {
      for (const session::Dialogue& other : dialogues) {
        if (other.id == dialogue.id)
          throw Error(ErrorKind::usage,
                      source + ": a second dialogue is called \"" + dialogue.id + "\"");
      }
      dialogues.push_back(std::move(dialogue));
    }
  }
  if (dialogues.empty()) throw Error(ErrorKind::usage, "nothing to replay");
  SessionParts parts(options.model, options.session);
  Replay replay(options, parts);
  ProgressBar bar("replaying", !options.output.quiet && !options.output.json);
  std::vector<std::string> failed;
  for (std::size_t i = 0; i < dialogues.size(); ++i) {
    const session::Dialogue& dialogue = dialogues[i];
    Replayed result;
    try {
      result = replay.run(dialogue, fs::path(options.out) / dialogue.id);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::cancelled) throw;
      result = {"failed", 0, error.what()};
      failed.push_back(dialogue.id);
      bar.clear();
      log::error(dialogue.id + ": " + error.what());
    }
    if (options.output.json) {
      nlohmann::ordered_json event = {{"event", "dialogue"},
                                      {"id", dialogue.id},
                                      {"status", result.status},
                                      {"rounds", result.rounds}};
      if (!result.error.empty()) event["error"] = result.error;
      print_event(event);
    } else if (result.status != "failed") {
      bar.clear();
      print_line(dialogue.id + "  " + result.status + "  " + std::to_string(result.rounds) +
                 " rounds");
    }
    bar.update(static_cast<int>(i) + 1, static_cast<int>(dialogues.size()));
  }
  bar.clear();
  if (failed.empty()) return kExitDone;
  log::error(std::to_string(failed.size()) + " of " + std::to_string(dialogues.size()) +
             " dialogues failed");
  return kExitFailed;
}

}  // namespace

void setup_replay(CLI::App& app, Command& selected) {
  auto* command = app.add_subcommand("replay", "recorded dialogues, in batch");
  auto options = std::make_shared<ReplayOptions>();
  command
      ->add_option("dialogues", options->sources,
                   "session folders, files of JSON lines, or - for standard input")
      ->required();
  command->add_option("--out", options->out, "folder for the sessions, one folder a dialogue")
      ->required();
  command->add_flag("--rerun-refiner", options->rerun_refiner,
                    "ask the refiner again where the record has its answers");
  add_model_option(*command, options->model);
  add_refiner_options(*command, options->model);
  add_reward_options(*command, options->model);
  add_execution_options(*command, options->model);
  add_picture_options(*command, options->picture);
  add_session_options(*command, options->session, options->picture);
  add_output_options(*command, options->output);
  command->callback(
      [options, &selected] { selected = [options] { return run_replay(*options); }; });
}

}  // namespace omr::cli
