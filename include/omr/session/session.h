// A refinement session: takes lines, draws rounds, keeps the journal. It prints nothing.
//
//   Session session = Session::start(parts, folder, identity, settings);    // or resume(parts,
//   folder, …) if (!session.state().has_rounds()) show(session.draw_first(events, cancellation));
//   while (!session.over() && next_line(line)) show(session.run(line, events, cancellation));
//   session.end("end of input");
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "omr/core/cancellation.h"
#include "omr/session/command.h"
#include "omr/session/journal_writer.h"
#include "omr/session/outcome.h"
#include "omr/session/parts.h"
#include "omr/session/round.h"
#include "omr/session/round_pace.h"
#include "omr/session/state.h"

namespace omr::session {

// Which weights a session runs on, and how they are used.
struct ModelIdentity {
  std::string model;                          // where they came from, as the user gave it
  std::map<std::string, std::string> sha256;  // part -> hash
};

// Ends the names of parts of a ModelIdentity that are no weights but the files beside them, such as
// "unet settings": configurations, vocabularies, templates.
inline constexpr const char* kSettingsPart = " settings";

// The part that an adapter is in a ModelIdentity: "lora FILENAME".
std::string lora_part(const std::string& file);

struct SessionEvents : RoundEvents {
  // Each journal line (without line break) once it is on disk: what --json prints.
  std::function<void(const std::string& line)> line;
};

// A dialogue of a batch.
struct Replayed {
  std::string inputs;  // digest of what was asked for; the journal keeps it
  // Whether a session in the folder is begun anew: its round files are removed and its journal
  // emptied. Only one whose journal says that a batch made it, and that nobody went on with.
  bool begin_anew = false;
};

// What resume() does with the recipe that pictures carry.
enum class Metadata { as_before, left_out };

class Session {
 public:
  // Begins a session in `folder`, which is created if missing. `initial` is made of
  // settings.init_image and settings.mask. Throws Error(usage) when the folder holds a session
  // already (unless it is a replayed one, to be begun anew) or is in use, or for settings out of
  // range; Error(io|resource) when it cannot be written.
  static Session start(const Parts& parts, const std::filesystem::path& folder,
                       const ModelIdentity& identity, const Settings& settings,
                       const SessionEvents& events = {}, std::optional<InitialPicture> initial = {},
                       const Replayed& replayed = {});

  // Goes on with the session in `folder`, from what its journal says; metadata left out stays out,
  // in later resumptions and replays too. A torn last line is cut off; resumed() tells. Throws
  // Error(io|format) when the journal or a file that it needs is damaged.
  static Session resume(const Parts& parts, const std::filesystem::path& folder,
                        const ModelIdentity& identity, const SessionEvents& events = {},
                        Metadata metadata = Metadata::as_before);

  // Draws the first round from the settings' prompt. RoundDone or RoundCancelled.
  Outcome draw_first(const SessionEvents& events, const Cancellation& cancellation);

  // Obeys one line. An Error leaves the session as it was, and it goes on: Error(usage) for a wrong
  // command, any other kind when a round failed. An interrupt during a round is not an error but
  // RoundCancelled.
  Outcome run(std::string_view line, const SessionEvents& events, const Cancellation& cancellation);

  // Accepted, quit or ended: run() refuses further lines.
  bool over() const { return state_.ended; }

  // Journals why the session ends, unless it is over. Not called by a destructor: a process that
  // dies leaves a journal without it.
  void end(const std::string& reason, const SessionEvents& events);

  const SessionState& state() const { return state_; }
  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path image_path(int round) const;  // of its picked picture
  std::filesystem::path image_path(int round, int candidate) const;

  struct Resumed {
    std::uint64_t torn_bytes = 0;            // cut off the journal's end
    std::vector<std::string> changed_parts;  // whose weights are not those that the journal names
  };
  const Resumed& resumed() const { return resumed_; }

 private:
  Session(const Parts& parts, std::filesystem::path folder, std::string model,
          std::unique_ptr<FileLock> lock, JournalWriter journal, SessionState state);

  void commit(const Record& record, const SessionEvents& events);
  void keep_pace(const SessionEvents& events, const Cancellation& cancellation);
  RoundCost probe_cost(const Cancellation& cancellation);
  Outcome draw(const std::string& feedback, const SessionEvents& events,
               const Cancellation& cancellation);
  const RoundMemory* memory_of_current();
  int candidate_of_current(const std::optional<int>& candidate) const;

  Outcome obey(const Blank&, const SessionEvents&, const Cancellation&);
  Outcome obey(const Feedback&, const SessionEvents&, const Cancellation&);
  Outcome obey(const AcceptCommand&, const SessionEvents&, const Cancellation&);
  Outcome obey(const PickCommand&, const SessionEvents&, const Cancellation&);
  Outcome obey(const LikeCommand&, const SessionEvents&, const Cancellation&);
  Outcome obey(const DislikeCommand&, const SessionEvents&, const Cancellation&);
  Outcome obey(const UndoCommand&, const SessionEvents&, const Cancellation&);
  Outcome obey(const RedoCommand&, const SessionEvents&, const Cancellation&);
  Outcome obey(const GotoCommand&, const SessionEvents&, const Cancellation&);
  Outcome obey(const SeedCommand&, const SessionEvents&, const Cancellation&);
  Outcome obey(const StrengthCommand&, const SessionEvents&, const Cancellation&);
  Outcome obey(const StepsCommand&, const SessionEvents&, const Cancellation&);
  Outcome obey(const CandidatesCommand&, const SessionEvents&, const Cancellation&);
  Outcome obey(const LoraCommand&, const SessionEvents&, const Cancellation&);
  Outcome obey(const PromptCommand&, const SessionEvents&, const Cancellation&);
  Outcome obey(const WeightsCommand&, const SessionEvents&, const Cancellation&);
  Outcome obey(const ShowCommand&, const SessionEvents&, const Cancellation&);
  Outcome obey(const HelpCommand&, const SessionEvents&, const Cancellation&);
  Outcome obey(const QuitCommand&, const SessionEvents&, const Cancellation&);
  Outcome react(bool liked, const std::optional<int>& candidate, const SessionEvents& events);
  Outcome move(Move move, int round, const SessionEvents& events);

  Parts parts_;
  std::filesystem::path folder_;
  std::string model_;
  std::unique_ptr<FileLock> lock_;
  JournalWriter journal_;
  SessionState state_;
  std::optional<InitialPicture> initial_;
  Resumed resumed_;
  int memory_round_ = 0;  // whose candidates memory_ holds; 0: none
  RoundMemory memory_;
};

}  // namespace omr::session
