#include "omr/replay/batch.h"

#include <optional>

#include "omr/core/error.h"
#include "omr/replay/groups.h"

#include "replay/shared_models.h"

namespace omr::replay {
namespace {

namespace fs = std::filesystem;

// What made a dialogue fail. Throws on what stops the batch.
std::string failure_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::cancelled) throw;
    return error.what();
  } catch (const std::exception& error) {  // a model's own, such as c10::Error
    const std::string text = error.what();
    return text.substr(0, text.find('\n'));
  }
}

// What is read may not be written: a session would be replaced by its own replay.
void refuse_own_sources(const std::vector<session::Dialogue>& dialogues, const fs::path& out) {
  for (const session::Dialogue& dialogue : dialogues) {
    if (dialogue.folder.empty()) continue;
    std::error_code code;
    const fs::path from = fs::weakly_canonical(dialogue.folder, code);
    if (!from.empty() && from == fs::weakly_canonical(out / dialogue.id, code))
      throw Error(ErrorKind::usage, dialogue.folder.string() +
                                        " is replayed and would be written to: choose another "
                                        "folder than " +
                                        out.string());
  }
}

// A dialogue on its way.
struct Member {
  std::size_t position = 0;  // in the whole batch
  std::optional<Preparation> preparation;
  DialogueResult result;
  bool known = false;              // the result was there before
  std::vector<std::string> lines;  // of its journal, where others' would come between
};

class Batch {
 public:
  Batch(const std::vector<session::Dialogue>& dialogues, const BatchOptions& options,
        const Prepare& prepare, const session::Parts& parts, const session::ModelIdentity& identity,
        const BatchEvents& events, const Cancellation& cancellation)
      : dialogues_(dialogues),
        options_(options),
        prepare_(prepare),
        parts_(parts),
        identity_(identity),
        events_(events),
        cancellation_(cancellation),
        results_(parts.files, options.out, options.shard, options.resume),
        ended_(dialogues.size()) {}

  BatchSummary run() {
    std::vector<std::vector<std::size_t>> own;
    std::size_t number = 0;
    for (std::vector<std::size_t>& group : groups_of(dialogues_, options_.together)) {
      if (!options_.shard.holds(number++)) continue;
      total_ += group.size();
      own.push_back(std::move(group));
    }
    for (const std::vector<std::size_t>& group : own) {
      cancellation_.check();
      run_group(group);
    }
    BatchSummary summary;
    std::vector<std::string> ids;
    for (const session::Dialogue& dialogue : dialogues_) ids.push_back(dialogue.id);
    summary.complete = results_.finish(ids);
    summary.skipped = skipped_;
    for (std::optional<DialogueResult>& result : ended_) {
      if (!result) continue;
      if (result->status == DialogueStatus::failed) summary.failed.push_back(result->id);
      summary.results.push_back(*std::move(result));
    }
    return summary;
  }

 private:
  void run_group(const std::vector<std::size_t>& group) {
    std::vector<Member> members;
    bool all_known = true;
    for (const std::size_t position : group) {
      members.push_back(begin(position));
      all_known &= members.back().known;
    }
    // Who was drawn with whom shows in the pictures' last bits: a group is run whole or not at all.
    if (!all_known) {
      for (Member& member : members) member.known = false;
    }
    if (members.size() == 1) {
      advance(members.front(), parts_);
      return;
    }
    Turns turns;
    SharedModels shared(parts_, turns, cancellation_);
    std::vector<std::function<void()>> works;
    for (Member& member : members) works.push_back([&] { advance(member, shared.parts()); });
    turns.run(works, [&] { shared.serve(); });
  }

  static DialogueResult failed(const session::Dialogue& dialogue) {
    DialogueResult result;
    result.id = dialogue.id;
    result.status = DialogueStatus::failed;
    return result;
  }

  // Prepares a dialogue, and looks whether its result is there from before.
  Member begin(std::size_t position) {
    Member member;
    member.position = position;
    const session::Dialogue& dialogue = dialogues_[position];
    member.result = failed(dialogue);
    try {
      if (!dialogue.error.empty()) throw Error(ErrorKind::format, dialogue.error);
      const fs::path folder = options_.out / dialogue.id;
      if (fs::is_symlink(folder)) {
        throw Error(ErrorKind::io, folder.string() + " is a link; it would lead out of --out");
      }
      member.preparation = prepare_(dialogue);
      member.result.inputs = inputs_digest(run_of(member), identity_, parts_.codec);
      const DialogueResult* before = results_.find(dialogue.id);
      if (before != nullptr && before->status != DialogueStatus::failed &&
          before->inputs == member.result.inputs &&
          is_whole(folder, before->inputs, parts_.files)) {
        member.known = true;
        member.result = *before;
      }
    } catch (...) {
      member.preparation.reset();
      member.result.error = failure_of(std::current_exception());
    }
    return member;
  }

  DialogueRun run_of(const Member& member) const {
    const session::Dialogue& dialogue = dialogues_[member.position];
    return {dialogue,
            *member.preparation,
            options_.out / dialogue.id,
            options_.rerun_refiner,
            {member.result.inputs, options_.resume}};
  }

  // Runs the dialogue to its end, unless it failed already or its result is known.
  void advance(Member& member, const session::Parts& parts) {
    if (member.preparation && !member.known) {
      session::SessionEvents events;
      if (events_.line) {
        events.line = [&](const std::string& line) { member.lines.push_back(line); };
        if (options_.together == 1) events.line = events_.line;
      }
      const std::string inputs = member.result.inputs;
      try {
        member.result = run_dialogue(run_of(member), parts, identity_, events, cancellation_);
      } catch (...) {
        member.result = failed(dialogues_[member.position]);
        member.result.error = failure_of(std::current_exception());
      }
      member.result.inputs = inputs;
    }
    end(member);
  }

  void end(Member& member) {
    results_.append(member.result);
    if (member.known) ++skipped_;
    for (const std::string& line : member.lines) events_.line(line);
    std::optional<DialogueResult>& result = ended_[member.position];
    result = std::move(member.result);
    ++done_;
    if (events_.dialogue) events_.dialogue(*result, member.known, done_, total_);
  }

  const std::vector<session::Dialogue>& dialogues_;
  const BatchOptions& options_;
  const Prepare& prepare_;
  const session::Parts& parts_;
  const session::ModelIdentity& identity_;
  const BatchEvents& events_;
  const Cancellation& cancellation_;
  ResultsFile results_;
  std::vector<std::optional<DialogueResult>> ended_;  // by position
  std::size_t done_ = 0, total_ = 0, skipped_ = 0;    // of this shard
};

}  // namespace

BatchSummary run_batch(const std::vector<session::Dialogue>& dialogues, const BatchOptions& options,
                       const Prepare& prepare, const session::Parts& parts,
                       const session::ModelIdentity& identity, const BatchEvents& events,
                       const Cancellation& cancellation) {
  refuse_own_sources(dialogues, options.out);
  return Batch(dialogues, options, prepare, parts, identity, events, cancellation).run();
}

}  // namespace omr::replay
