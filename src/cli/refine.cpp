// omr refine [PROMPT]: the interactive session, the main job.
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

#include <ATen/ATen.h>
#include <unistd.h>

#include "omr/core/error.h"
#include "omr/core/exit_code.h"
#include "omr/core/log.h"
#include "omr/core/utf8.h"
#include "omr/session/paths.h"
#include "omr/session/session.h"

#include "cli/commands.h"
#include "cli/disk.h"
#include "cli/interrupt.h"
#include "cli/line_reader.h"
#include "cli/output.h"
#include "cli/resume_options.h"
#include "cli/round_view.h"
#include "cli/session_parts.h"

namespace omr::cli {
namespace {

namespace fs = std::filesystem;

struct RefineOptions : SessionCommandOptions {
  std::optional<std::string> prompt;  // absent: asked for
  std::string out;
  std::string resume;
};

// Shows what came of each line: a block a round on a terminal, the picture's path alone in a pipe.
class Screen {
 public:
  explicit Screen(const OutputOptions& output)
      : output_(output),
        palette_(STDOUT_FILENO),
        view_(palette_),
        talkative_(!output.json && !output.quiet &&
                   (::isatty(STDOUT_FILENO) == 1 || output.verbose)) {}

  session::SessionEvents events() {
    session::SessionEvents events;
    if (output_.json) events.line = [](const std::string& line) { print_json(line); };
    events.preview = [this](const session::RoundPreview& preview) {
      bar_ = std::make_unique<ProgressBar>("round " + std::to_string(preview.round),
                                           !output_.quiet && !output_.json);
    };
    events.progress = [this](int step, int steps) {
      if (bar_) bar_->update(step, steps);
    };
    return events;
  }

  void show(const session::Outcome& outcome, const session::SessionState& state) {
    bar_.reset();
    if (output_.json) return;
    if (const auto* done = std::get_if<session::RoundDone>(&outcome)) {
      if (!done->record.fallback_reason.empty() && !talkative_) {
        log::warn("the refiner's answer was not used: " + done->record.fallback_reason);
      }
      print_line(talkative_ ? view_.round(*done, {}) : printable_line(done->image.string()));
    } else if (std::holds_alternative<session::RoundCancelled>(outcome)) {
      log::warn("the round was interrupted; the session stands where it stood");
    } else if (const auto* accepted = std::get_if<session::Accepted>(&outcome)) {
      say("accepted round " + std::to_string(accepted->round) + ": " + accepted->image.string());
    } else if (const auto* picked = std::get_if<session::Picked>(&outcome)) {
      say("picked candidate " + std::to_string(picked->candidate) + ": " + picked->image.string());
    } else if (const auto* reacted = std::get_if<session::Reacted>(&outcome)) {
      say(std::string(reacted->liked ? "liked" : "disliked") + " candidate " +
          std::to_string(reacted->candidate));
    } else if (const auto* moved = std::get_if<session::Moved>(&outcome)) {
      say("at round " + std::to_string(moved->round) + ": " + moved->prompt);
    } else if (std::holds_alternative<session::OptionsChanged>(outcome)) {
      say("holds from the next round on");
    } else if (std::holds_alternative<session::ShowState>(outcome)) {
      print_line(view_.tree(state));
    } else if (std::holds_alternative<session::ShowWeights>(outcome)) {
      print_line(view_.weights(state));
    } else if (std::holds_alternative<session::ShowHelp>(outcome)) {
      print_line(view_.help());
    }
  }

  void drop_bar() { bar_.reset(); }

 private:
  void say(const std::string& text) const {
    if (talkative_) print_line(printable_line(text));
  }

  OutputOptions output_;
  Palette palette_;
  RoundView view_;
  bool talkative_;
  std::unique_ptr<ProgressBar> bar_;
};

// Rounds until the input or the user's patience ends. Returns the exit code.
int run_rounds(session::Session& session, LineReader& reader, Screen& screen) {
  const session::SessionEvents events = screen.events();
  const auto show = [&](const session::Outcome& outcome) {
    screen.show(outcome, session.state());
    // One interrupt is answered by the round that it ended; a second one is for the session.
    if (std::holds_alternative<session::RoundCancelled>(outcome) && interrupt_count() == 1)
      clear_interrupts();
  };
  if (!session.state().has_rounds()) {
    try {
      show(session.draw_first(events, interruption()));
    } catch (const Error& error) {
      // Memory that is short now may be there later: the session can be asked again.
      if (error.kind() != ErrorKind::resource || !reader.interactive()) throw;
      screen.drop_bar();
      log::error(error.what());
    }
  }
  std::string line;
  while (!session.over()) {
    if (interrupt_count() > 1) {
      session.end("interrupted", events);
      return kExitInterrupted;
    }
    const LineReader::Result read = reader.next(line);
    if (read != LineReader::Result::line) {
      const bool interrupted = read == LineReader::Result::interrupted;
      session.end(interrupted ? "interrupted" : "end of input", events);
      return interrupted ? kExitInterrupted : kExitDone;
    }
    try {
      show(session.run(line, events, interruption()));
    } catch (const Error& error) {
      screen.drop_bar();
      log::error(error.what());
    }
  }
  return kExitDone;
}

int converse(session::Session& session, LineReader& reader, Screen& screen,
             const fs::path& folder) {
  const int code = run_rounds(session, reader, screen);
  if (reader.interactive() && !session.state().accepted) {
    log::info("go on with: omr refine --resume " + printable_line(folder.string()));
  }
  return code;
}

// Two sessions may begin in one second, and clocks go back: a number then tells them apart.
fs::path unused_folder(const std::string& name) {
  const fs::path first = fs::path("omr-sessions") / name;
  fs::path folder = first;
  std::error_code code;
  for (int number = 2; fs::exists(folder, code); ++number)
    folder = first.string() + "-" + std::to_string(number);
  return folder;
}

int run_refine(RefineOptions options) {
  apply_verbosity(options.output);
  LineReader reader("omr> ");
  if (!options.resume.empty() && options.prompt) {
    throw Error(ErrorKind::usage, "--resume goes on with a session's own prompt: give no PROMPT");
  }
  if (options.resume.empty() && !options.prompt) {
    if (reader.interactive()) std::cerr << "What would you like to see?\n";
    if (reader.next(options.prompt.emplace()) != LineReader::Result::line) {
      throw Error(ErrorKind::usage, "omr refine needs a prompt");
    }
  }
  if (options.resume.empty()) check_text(*options.prompt, "prompt");

  SystemClock clock;
  DiskFileSystem files;
  const fs::path folder =
      !options.resume.empty() ? fs::path(options.resume)
      : !options.out.empty()
          ? fs::path(options.out)
          : unused_folder(session::session_folder_name(clock.now(), *options.prompt));
  SessionParts parts(options.model, options.session);
  Screen screen(options.output);
  if (!options.resume.empty()) {
    const session::SessionEvents events = screen.events();
    session::Session session = session::Session::resume(
        parts.parts(files, clock), folder, parts.identity(), events,
        options.session.no_metadata ? session::Metadata::left_out : session::Metadata::as_before);
    if (session.resumed().torn_bytes > 0) {
      log::warn("the journal's last line was torn; " +
                std::to_string(session.resumed().torn_bytes) + " bytes were dropped");
    }
    for (const std::string& part : session.resumed().changed_parts) {
      log::warn((part.ends_with(session::kSettingsPart) ? "the " : "the weights of ") + part +
                " are not those that the journal names");
    }
    for (const std::string& line : resume_commands(options.picture, session.state().options))
      session.run(line, events, interruption());
    return converse(session, reader, screen, folder);
  }
  session::Settings settings = parts.settings(options.picture);
  settings.prompt = *options.prompt;
  const auto initial = parts.initial_picture(settings);
  for (const session::LoraChoice& lora : settings.loras) log::info(parts.check_lora(lora));
  session::Session session =
      session::Session::start(parts.parts(files, clock), folder, parts.identity({settings}),
                              settings, screen.events(), initial);
  if (reader.interactive()) {
    log::info("seed " + std::to_string(settings.seed) + ", session in " + folder.string() +
              "; say what is wrong, /accept when it is right, /help for more");
  }
  return converse(session, reader, screen, folder);
}

}  // namespace

void setup_refine(CLI::App& app, Command& selected) {
  auto* command = app.add_subcommand("refine", "the interactive session: the main job");
  auto options = std::make_shared<RefineOptions>();
  command->add_option("prompt", options->prompt, "what you want to see (asked for when left out)");
  command->add_option("--out", options->out,
                      "session folder (default: omr-sessions/<time>-<words>)");
  command->add_option("--resume", options->resume, "go on with the session in this folder");
  add_session_command_options(*command, *options);
  command->callback([options, command, &selected] {
    if (!options->resume.empty()) check_resume_options(*command);
    selected = [options] { return run_refine(*options); };
  });
}

}  // namespace omr::cli
