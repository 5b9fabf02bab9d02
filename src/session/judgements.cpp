#include "omr/session/judgements.h"

#include <map>
#include <set>

#include "omr/session/prompt_syntax.h"
#include "omr/session/state.h"

namespace omr::session {
namespace {

struct Told {
  SessionState state;
  std::map<int, int> picks;  // round -> the candidate that the user picked last
  std::map<int, int> accepted;
};

Told read(const Journal& journal) {
  Told out{initial_state(journal.session), {}, {}};
  for (const Record& record : journal.records) {
    apply(out.state, record);
    if (const auto* pick = std::get_if<PickRecord>(&record)) {
      out.picks[pick->round] = pick->candidate;
    } else if (const auto* accept = std::get_if<AcceptRecord>(&record)) {
      out.accepted[accept->round] = accept->candidate;
    }
  }
  return out;
}

std::string plain(const std::string& prompt) { return parse_weights(prompt).text; }

bool is(const std::map<int, int>& choices, int round, int candidate) {
  const auto found = choices.find(round);
  return found != choices.end() && found->second == candidate;
}

int step_of(const Told& told, const RoundNode& node, int candidate) {
  const int round = node.record.round;
  if (is(told.accepted, round, candidate)) return 3;
  const auto reaction = node.reactions.find(candidate);
  if (reaction != node.reactions.end() && !reaction->second) return -1;
  if (is(told.picks, round, candidate)) return 2;
  return reaction != node.reactions.end() ? 1 : 0;
}

}  // namespace

std::vector<Judgement> judgements_of(const Journal& journal) {
  const Told told = read(journal);
  std::vector<Judgement> out;
  for (const RoundNode& node : told.state.rounds) {
    const auto count = static_cast<int>(node.record.candidates.size());
    const auto sha256 = [&](int candidate) {
      return node.record.candidates[static_cast<std::size_t>(candidate - 1)].sha256;
    };
    for (int better = 1; better <= count; ++better) {
      for (int worse = 1; worse <= count; ++worse) {
        if (step_of(told, node, better) <= step_of(told, node, worse)) continue;
        out.push_back({plain(node.record.prompt), node.record.round, node.picked, better, worse,
                       sha256(better), sha256(worse)});
      }
    }
  }
  return out;
}

std::vector<AcceptedRefinement> accepted_refinements(const Journal& journal) {
  const Told told = read(journal);
  std::set<int> taken;
  std::vector<AcceptedRefinement> out;
  for (const auto& [accepted, candidate] : told.accepted) {
    for (int number = accepted; number != 0; number = told.state.round(number).record.parent) {
      const RoundRecord& after = told.state.round(number).record;
      if (after.parent == 0 || !taken.insert(number).second) continue;
      const RoundRecord& before = told.state.round(after.parent).record;
      if (after.feedback.empty() || !after.fallback_reason.empty() ||
          after.negative_prompt != before.negative_prompt) {
        continue;
      }
      out.push_back({plain(before.prompt), after.feedback, plain(after.prompt)});
    }
  }
  return out;
}

}  // namespace omr::session
