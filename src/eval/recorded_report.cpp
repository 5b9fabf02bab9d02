#include <cstdio>

#include <nlohmann/json.hpp>

#include "omr/eval/recorded_experiment.h"
#include "omr/report/html.h"
#include "omr/report/html_page.h"
#include "omr/report/line_chart.h"

#include "eval/figures.h"

namespace omr::eval {
namespace {

using Json = nlohmann::ordered_json;
using report::Html;

constexpr const char* kNoJudge =
    "No pixel judge exists for these pictures: the scores are the reward model's own, which also "
    "picked the candidates.";

struct Means {
  double calls = 0, seconds = 0, diversity = 0;
};

Means means_of(const RecordedArmResult& result) {
  Means out;
  double rounds = 0;
  for (const RecordedTrace& one : result.dialogues) {
    out.calls += one.unet_calls;
    out.seconds += one.seconds;
    out.diversity += one.diversity / static_cast<double>(result.dialogues.size());
    rounds += static_cast<double>(one.scores.size());
  }
  if (rounds == 0) return {};
  out.calls /= rounds;
  out.seconds /= rounds;
  return out;
}

}  // namespace

Json summary_event(const std::vector<RecordedArmResult>& results) {
  Json arms = Json::object();
  for (const RecordedArmResult& result : results) {
    const Means means = means_of(result);
    arms[result.arm.name] = {{"dialogues", result.dialogues.size()},
                             {"score_by_round", result.score_by_round},
                             {"last_score", result.last_score},
                             {"last_score_ci", pair_of(result.last_score_ci)},
                             {"gain", result.gain},
                             {"gain_ci", pair_of(result.gain_ci)},
                             {"beyond_first", result.beyond_first},
                             {"beyond_first_ci", pair_of(result.beyond_first_ci)},
                             {"worse_rounds", result.worse_rounds},
                             {"diversity", means.diversity},
                             {"unet_calls_per_round", means.calls},
                             {"seconds_per_round", means.seconds}};
  }
  return {{"event", "summary"},
          {"judge", "reward model"},
          {"note", kNoJudge},
          {"arms", std::move(arms)}};
}

std::string text_table(const std::vector<RecordedArmResult>& results) {
  char line[256];
  std::snprintf(line, sizeof line, "%-18s %10s %18s %8s %18s %12s %9s", "arm", "last score", "95 %",
                "gain", "95 %", "rounds worse", "calls");
  std::string out = line;
  for (const RecordedArmResult& result : results) {
    std::snprintf(line, sizeof line, "\n%-18s %10.2f %18s %8.2f %18s %10.1f %% %9.1f",
                  result.arm.name.c_str(), result.last_score,
                  range(result.last_score_ci, 2).c_str(), result.gain,
                  range(result.gain_ci, 2).c_str(), 100 * result.worse_rounds,
                  means_of(result).calls);
    out += line;
  }
  return out + "\n" + kNoJudge;
}

std::string html_report(const std::vector<RecordedArmResult>& results) {
  std::vector<std::vector<Html>> rows;
  report::LineChart chart{"Score of the kept picture against the target", "round", {}};
  for (const RecordedArmResult& result : results) {
    const Means means = means_of(result);
    rows.push_back({result.arm.name, result.arm.title, fixed(result.last_score, 2),
                    range(result.last_score_ci, 2), fixed(result.gain, 2), range(result.gain_ci, 2),
                    range(result.beyond_first_ci, 2), percent(result.worse_rounds),
                    fixed(means.diversity, 3), fixed(means.calls, 1), fixed(means.seconds, 2)});
    report::LineSeries series{result.arm.name, {}};
    for (std::size_t r = 0; r < result.score_by_round.size(); ++r) {
      series.points.emplace_back(static_cast<double>(r + 1), result.score_by_round[r]);
    }
    chart.series.push_back(std::move(series));
  }
  Html body = report::element("p", kNoJudge);
  body += report::table(
      {"arm", "what it is", "last score", "95 %", "gain", "95 %", "beyond the first arm, 95 %",
       "rounds worse", "diversity", "UNet calls a round", "seconds a round"},
      rows, "number");
  body += report::line_chart(chart);
  return report::html_page("Recorded dialogues", body);
}

}  // namespace omr::eval
