#include "omr/replay/batch.h"

#include "omr/core/error.h"

namespace omr::replay {
namespace {

namespace fs = std::filesystem;

class Batch {
 public:
  Batch(const BatchOptions& options, const Prepare& prepare, const session::Parts& parts,
        const session::ModelIdentity& identity, const BatchEvents& events,
        const Cancellation& cancellation)
      : options_(options),
        prepare_(prepare),
        parts_(parts),
        identity_(identity),
        events_(events),
        cancellation_(cancellation),
        results_(parts.files, options.out, options.shard, options.resume) {
    session_events_.line = events.line;
  }

  // The dialogue's result, from now or from before (`known`).
  DialogueResult run(const session::Dialogue& dialogue, bool& known) {
    DialogueResult result;
    try {
      const fs::path folder = options_.out / dialogue.id;
      if (fs::is_symlink(folder)) {
        throw Error(ErrorKind::io, folder.string() + " is a link; it would lead out of --out");
      }
      const Preparation preparation = prepare_(dialogue);
      const DialogueRun run{
          dialogue, preparation, folder, options_.rerun_refiner,
          options_.resume ? session::Existing::begin_anew : session::Existing::refuse};
      const std::string inputs = inputs_digest(run, identity_, parts_.codec);
      const DialogueResult* before = results_.find(dialogue.id);
      if (before != nullptr && before->status != DialogueStatus::failed &&
          before->inputs == inputs) {
        known = true;
        return *before;
      }
      result.inputs = inputs;
      DialogueResult ended = run_dialogue(run, parts_, identity_, session_events_, cancellation_);
      ended.inputs = inputs;
      return ended;
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::cancelled) throw;
      result.error = error.what();
    } catch (const std::exception& error) {  // a model's own, such as c10::Error
      const std::string text = error.what();
      result.error = text.substr(0, text.find('\n'));
    }
    result.id = dialogue.id;
    result.status = DialogueStatus::failed;
    return result;
  }

  void keep(const DialogueResult& result) { results_.append(result); }
  bool finish(const std::vector<std::string>& ids) { return results_.finish(ids); }

 private:
  const BatchOptions& options_;
  const Prepare& prepare_;
  const session::Parts& parts_;
  const session::ModelIdentity& identity_;
  const BatchEvents& events_;
  const Cancellation& cancellation_;
  session::SessionEvents session_events_;
  ResultsFile results_;
};

}  // namespace

BatchSummary run_batch(const std::vector<session::Dialogue>& dialogues, const BatchOptions& options,
                       const Prepare& prepare, const session::Parts& parts,
                       const session::ModelIdentity& identity, const BatchEvents& events,
                       const Cancellation& cancellation) {
  std::vector<std::string> ids;
  std::vector<const session::Dialogue*> own;
  for (const session::Dialogue& dialogue : dialogues) {
    if (options.shard.holds(ids.size())) own.push_back(&dialogue);
    ids.push_back(dialogue.id);
  }
  Batch batch(options, prepare, parts, identity, events, cancellation);
  BatchSummary summary;
  for (const session::Dialogue* dialogue : own) {
    cancellation.check();
    bool known = false;
    DialogueResult result = batch.run(*dialogue, known);
    batch.keep(result);
    if (known) ++summary.skipped;
    if (result.status == DialogueStatus::failed) summary.failed.push_back(result.id);
    summary.results.push_back(std::move(result));
    if (events.dialogue) {
      events.dialogue(summary.results.back(), known, summary.results.size(), own.size());
    }
  }
  summary.complete = batch.finish(ids);
  return summary;
}

}  // namespace omr::replay
