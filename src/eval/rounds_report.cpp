#include "omr/eval/rounds_report.h"

#include <algorithm>
#include <cstdio>

#include "eval/figures.h"

namespace omr::eval {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

Json to_json(const RoundsSummary& summary) {
  Json rewards = Json::array();
  for (const session::CandidateRewards& r : summary.rewards_by_round) {
    rewards.push_back(
        {{"div", r.div}, {"cons", r.cons}, {"mi", r.mi}, {"pref", r.pref}, {"total", r.total}});
  }
  Json distance;
  if (summary.perceptual_change_elsewhere) distance = *summary.perceptual_change_elsewhere;
  Json values = Json::object();
  for (const auto& [name, share] : summary.by_value) values[name] = share.value();
  return {{"dialogues", summary.dialogues},
          {"rounds_mean", summary.rounds_mean},
          {"rounds_ci", pair_of(summary.rounds_ci)},
          {"rounds_median", summary.rounds_median},
          {"accepted", summary.accepted},
          {"accepted_ci", pair_of(summary.accepted_ci)},
          {"accepted_by_round", summary.accepted_by_round},
          {"alignment_by_round", summary.alignment_by_round},
          {"first_picture_right", summary.first_picture_right},
          {"broken_per_round", summary.broken_per_round},
          {"broken_ci", pair_of(summary.broken_ci)},
          {"change_elsewhere", summary.change_elsewhere},
          {"perceptual_change_elsewhere", std::move(distance)},
          {"diversity", summary.diversity},
          {"unet_calls_per_round", summary.unet_calls_per_round},
          {"seconds_per_round", summary.seconds_per_round},
          {"seconds",
           {{"refine", summary.refine_seconds},
            {"generate", summary.generate_seconds},
            {"score", summary.score_seconds}}},
          {"rewards_by_round", std::move(rewards)},
          {"by_value", std::move(values)}};
}

Json to_json(const Arm& arm, const DialogueTrace& dialogue) {
  Json rounds = Json::array();
  for (const RoundTrace& round : dialogue.rounds) {
    Json line = {{"feedback", round.feedback},
                 {"prompt", round.prompt},
                 {"right", round.comparison.right()},
                 {"of", round.comparison.total()},
                 {"broken", round.broken},
                 {"seconds", round.seconds}};
    if (round.change_elsewhere) line["change_elsewhere"] = *round.change_elsewhere;
    if (round.perceptual_change_elsewhere)
      line["perceptual_change_elsewhere"] = *round.perceptual_change_elsewhere;
    rounds.push_back(std::move(line));
  }
  return {{"event", "dialogue"},           {"arm", arm.name},
          {"index", dialogue.index},       {"target", scenes::caption(dialogue.target)},
          {"accepted", dialogue.accepted}, {"wrong_feedback", dialogue.wrong_feedback},
          {"rounds", std::move(rounds)}};
}

Json summary_event(const std::string& drawer, const std::vector<ArmResult>& results) {
  Json arms = Json::object();
  for (const ArmResult& result : results) {
    Json arm = to_json(result.summary);
    arm["extra_rounds"] = result.extra_rounds;
    arm["extra_rounds_ci"] = pair_of(result.extra_rounds_ci);
    arms[result.arm.name] = std::move(arm);
  }
  return {{"event", "summary"}, {"drawer", drawer}, {"arms", std::move(arms)}};
}

std::string weakest_line(const ArmResult& result) {
  return "got right least by " + result.arm.name + ": " + weakest_in_words(result.summary.by_value);
}

std::string text_table(const std::vector<ArmResult>& results) {
  char line[256];
  std::snprintf(line, sizeof line, "%-18s %7s %15s %9s %9s %8s %9s %9s %9s", "arm", "rounds",
                "95 %", "accepted", "first ok", "broken", "elsewhere", "LPIPS", "calls");
  std::string out = line;
  for (const ArmResult& result : results) {
    const RoundsSummary& s = result.summary;
    char interval[32];
    std::snprintf(interval, sizeof interval, "%.2f to %.2f", s.rounds_ci.low, s.rounds_ci.high);
    std::snprintf(line, sizeof line, "\n%-18s %7.2f %15s %9s %9s %8s %9.4f %9s %9.1f",
                  result.arm.name.c_str(), s.rounds_mean, interval, percent(s.accepted).c_str(),
                  percent(s.first_picture_right).c_str(), percent(s.broken_per_round).c_str(),
                  s.change_elsewhere, fixed_or_dash(s.perceptual_change_elsewhere, 4).c_str(),
                  s.unet_calls_per_round);
    out += line;
  }
  return out;
}

}  // namespace omr::eval
