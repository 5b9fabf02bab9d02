#include "omr/eval/rounds_summary.h"

#include <algorithm>

namespace omr::eval {
namespace {

// Means over the dialogues that got as far.
std::vector<session::CandidateRewards> mean_rewards(const std::vector<DialogueTrace>& dialogues,
                                                    int max_rounds) {
  std::vector<session::CandidateRewards> out;
  for (std::size_t r = 0; r < static_cast<std::size_t>(max_rounds); ++r) {
    session::CandidateRewards sum;
    double n = 0;
    for (const DialogueTrace& dialogue : dialogues) {
      if (r >= dialogue.rounds.size()) continue;
      const session::CandidateRewards& rewards = dialogue.rounds[r].rewards;
      sum.div += rewards.div;
      sum.cons += rewards.cons;
      sum.mi += rewards.mi;
      sum.pref += rewards.pref;
      sum.total += rewards.total;
      ++n;
    }
    if (n == 0) break;
    out.push_back({sum.div / n, sum.cons / n, sum.mi / n, sum.pref / n, sum.total / n});
  }
  return out;
}

}  // namespace

std::vector<double> rounds_of(const std::vector<DialogueTrace>& dialogues) {
  std::vector<double> out;
  for (const DialogueTrace& dialogue : dialogues) {
    out.push_back(static_cast<double>(dialogue.rounds.size()));
  }
  return out;
}

RoundsSummary summarise(const std::vector<DialogueTrace>& dialogues, int max_rounds,
                        std::uint64_t seed) {
  RoundsSummary out;
  out.dialogues = dialogues.size();
  if (dialogues.empty()) return out;
  const auto n = static_cast<double>(dialogues.size());
  const std::vector<double> rounds = rounds_of(dialogues);
  out.rounds_mean = mean(rounds);
  out.rounds_ci = bootstrap_interval(rounds, seed);
  out.rounds_median = median(rounds);

  std::vector<double> accepted, broken, changes, distances, diversity, calls, seconds, refine,
      generate, score;
  out.accepted_by_round.assign(static_cast<std::size_t>(max_rounds), 0);
  out.alignment_by_round.assign(static_cast<std::size_t>(max_rounds), 0);
  for (const DialogueTrace& dialogue : dialogues) {
    accepted.push_back(dialogue.accepted ? 1 : 0);
    out.first_picture_right += dialogue.rounds.front().comparison.all_right() ? 1 / n : 0;
    for (std::size_t r = 0; r < out.alignment_by_round.size(); ++r) {
      const std::size_t last = std::min(r, dialogue.rounds.size() - 1);
      out.alignment_by_round[r] += dialogue.rounds[last].comparison.share_right() / n;
      if (dialogue.accepted && r + 1 >= dialogue.rounds.size()) out.accepted_by_round[r] += 1 / n;
    }
    double dialogue_held = 0, dialogue_broken = 0;
    for (const RoundTrace& round : dialogue.rounds) {
      dialogue_held += round.held;
      dialogue_broken += round.broken;
      if (round.change_elsewhere) changes.push_back(*round.change_elsewhere);
      if (round.perceptual_change_elsewhere)
        distances.push_back(*round.perceptual_change_elsewhere);
      diversity.push_back(round.diversity);
      calls.push_back(static_cast<double>(round.unet_calls));
      seconds.push_back(round.seconds);
      refine.push_back(round.refine_seconds);
      generate.push_back(round.generate_seconds);
      score.push_back(round.score_seconds);
      count_values(out.by_value, dialogue.target, round.comparison);
    }
    if (dialogue_held > 0) broken.push_back(dialogue_broken / dialogue_held);
  }
  out.accepted = mean(accepted);
  out.accepted_ci = bootstrap_interval(accepted, seed);
  out.broken_per_round = mean(broken);
  out.broken_ci = bootstrap_interval(broken, seed);
  out.change_elsewhere = mean(changes);
  if (!distances.empty()) out.perceptual_change_elsewhere = mean(distances);
  out.diversity = mean(diversity);
  out.unet_calls_per_round = mean(calls);
  out.seconds_per_round = mean(seconds);
  out.refine_seconds = mean(refine);
  out.generate_seconds = mean(generate);
  out.score_seconds = mean(score);
  out.rewards_by_round = mean_rewards(dialogues, max_rounds);
  return out;
}

}  // namespace omr::eval
