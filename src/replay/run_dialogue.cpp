#include "omr/replay/run_dialogue.h"

#include "omr/core/error.h"
#include "omr/session/journal_reader.h"
#include "omr/session/paths.h"
#include "omr/session/recorded_refiner.h"
#include "omr/session/strict_json.h"

namespace omr::replay {
namespace {

using session::Json;

bool uses_record(const DialogueRun& run) {
  return !run.dialogue.refinements.empty() && !run.rerun_refiner;
}

std::string outcome_digest(const session::SessionState& state, session::ArtifactCodec& codec) {
  Json rounds = Json::array();
  for (const session::RoundNode& node : state.rounds) {
    Json candidates = Json::array();
    for (const session::CandidateRecord& one : node.record.candidates) {
      candidates.push_back({one.sha256, one.seed, one.rewards.total});
    }
    rounds.push_back({node.record.parent, node.record.prompt, node.record.negative_prompt,
                      node.record.latents_sha256, candidates, node.picked});
  }
  const Json all = {rounds, state.accepted.value_or(0), state.current()};
  return codec.sha256(session::dump_line(all));
}

std::vector<RefinerDifference> refiner_differences(const session::Dialogue& dialogue,
                                                   const session::SessionState& state) {
  std::vector<RefinerDifference> differences;
  std::size_t next = 0;
  for (const session::RoundNode& node : state.rounds) {
    if (node.record.feedback.empty() || next == dialogue.refinements.size()) continue;
    const session::RecordedRefinement& recorded = dialogue.refinements[next++];
    const auto both = [](const std::string& prompt, const std::string& negative) {
      return negative.empty() ? prompt : prompt + " | Negative: " + negative;
    };
    const std::string then = both(recorded.prompt, recorded.negative_prompt);
    const std::string now = both(node.record.prompt, node.record.negative_prompt);
    if (then != now) differences.push_back({node.record.round, then, now});
  }
  return differences;
}

}  // namespace

std::string inputs_digest(const DialogueRun& run, const session::ModelIdentity& identity,
                          session::ArtifactCodec& codec) {
  Json refinements = Json::array();
  if (uses_record(run)) {
    for (const session::RecordedRefinement& one : run.dialogue.refinements) {
      refinements.push_back({one.feedback, one.prompt, one.negative_prompt});
    }
  }
  Json all = {to_json(run.preparation.settings), run.dialogue.turns, refinements, identity.sha256,
              run.preparation.execution};
  if (run.preparation.initial) {
    all.push_back(codec.sha256(codec.encode_latents(session::to_list(*run.preparation.initial))));
  }
  return codec.sha256(session::dump_line(all));
}

bool is_whole(const std::filesystem::path& folder, const std::string& inputs,
              session::FileSystem& files) {
  const std::filesystem::path path = folder / session::kJournalName;
  if (!files.exists(path)) return false;
  try {
    const session::Journal journal =
        session::read_journal(files.read(path, session::kMaxJournalBytes), path.string());
    if (journal.session.inputs != inputs) return false;
    session::SessionState state = session::initial_state(journal.session);
    for (const session::Record& record : journal.records) session::apply(state, record);
    for (const session::RoundNode& node : state.rounds) {
      for (int k = 1; k <= static_cast<int>(node.record.candidates.size()); ++k) {
        if (!files.exists(folder / session::image_name(node.record.round, k, node.picked)))
          return false;
      }
    }
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::format) throw;
    return false;
  }
  return true;
}

DialogueResult run_dialogue(const DialogueRun& run, const session::Parts& parts,
                            const session::ModelIdentity& identity,
                            const session::SessionEvents& events,
                            const Cancellation& cancellation) {
  session::Parts own = parts;
  session::RecordedRefiner recorded(run.dialogue.refinements);
  if (uses_record(run)) own.language_model = &recorded;
  session::Session session =
      session::Session::start(own, run.folder, identity, run.preparation.settings, events,
                              run.preparation.initial, run.replayed);
  const auto taken = [](const session::Outcome& outcome) {
    if (std::holds_alternative<session::RoundCancelled>(outcome))
      throw Error(ErrorKind::cancelled, "interrupted");
  };
  taken(session.draw_first(events, cancellation));
  for (std::size_t i = 1; i < run.dialogue.turns.size() && !session.over(); ++i) {
    cancellation.check();
    try {
      taken(session.run(run.dialogue.turns[i], events, cancellation));
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::cancelled) throw;
      throw error.in("turn " + std::to_string(i + 1));
    }
  }
  session.end("end of input", events);

  DialogueResult result;
  result.id = run.dialogue.id;
  result.status = session.state().accepted ? DialogueStatus::accepted : DialogueStatus::ended;
  result.rounds = static_cast<int>(session.state().rounds.size());
  result.digest = outcome_digest(session.state(), parts.codec);
  if (run.rerun_refiner) {
    result.refiner_differences = refiner_differences(run.dialogue, session.state());
  }
  return result;
}

}  // namespace omr::replay
