#include "omr/eval/rounds_report.h"
#include "omr/report/html.h"
#include "omr/report/html_page.h"
#include "omr/report/line_chart.h"

#include "eval/figures.h"

namespace omr::eval {
namespace {

using report::element;
using report::Html;

Html arms_table(const std::vector<ArmResult>& results) {
  std::vector<std::vector<Html>> rows;
  for (const ArmResult& result : results) {
    const RoundsSummary& s = result.summary;
    rows.push_back(
        {result.arm.name, result.arm.title, fixed(s.rounds_mean, 2), range(s.rounds_ci, 2),
         fixed(s.rounds_median, 1), range(result.extra_rounds_ci, 2), percent(s.accepted),
         percent(s.first_picture_right), percent(s.broken_per_round), fixed(s.change_elsewhere, 4),
         fixed_or_dash(s.perceptual_change_elsewhere, 4), fixed(s.diversity, 3),
         fixed(s.unet_calls_per_round, 1), fixed(s.seconds_per_round, 2)});
  }
  return report::table({"arm", "what it is", "rounds", "95 %", "median", "beyond the first, 95 %",
                        "accepted", "first picture right", "broken a round", "change elsewhere",
                        "LPIPS elsewhere", "diversity", "UNet calls a round", "seconds a round"},
                       rows, "number");
}

report::LineChart by_round(const std::string& title, const std::vector<ArmResult>& results,
                           std::vector<double> RoundsSummary::*curve) {
  report::LineChart chart{title, "round", {}};
  for (const ArmResult& result : results) {
    report::LineSeries series{result.arm.name, {}};
    const std::vector<double>& values = result.summary.*curve;
    for (std::size_t r = 0; r < values.size(); ++r) {
      series.points.emplace_back(static_cast<double>(r + 1), values[r]);
    }
    chart.series.push_back(std::move(series));
  }
  return chart;
}

report::LineChart rewards_chart(const ArmResult& result) {
  report::LineChart chart{"Rewards of the kept picture, " + result.arm.name, "round", {}};
  const auto add = [&](const char* name, double session::CandidateRewards::*reward) {
    report::LineSeries series{name, {}};
    for (std::size_t r = 0; r < result.summary.rewards_by_round.size(); ++r) {
      series.points.emplace_back(static_cast<double>(r + 1),
                                 result.summary.rewards_by_round[r].*reward);
    }
    chart.series.push_back(std::move(series));
  };
  add("preference", &session::CandidateRewards::pref);
  add("diversity", &session::CandidateRewards::div);
  add("consistency", &session::CandidateRewards::cons);
  add("mutual information", &session::CandidateRewards::mi);
  return chart;
}

Html weakest_table(const RoundsSummary& summary) {
  constexpr std::size_t kShown = 12;
  std::vector<std::vector<Html>> rows;
  for (const auto& [name, share] : weakest_values(summary.by_value, kShown)) {
    rows.push_back({name, percent(share.value()), std::to_string(share.of)});
  }
  return report::table({"value asked for", "right", "of"}, rows, "number");
}

}  // namespace

std::string html_report(const RoundsExperiment& experiment,
                        const std::vector<DrawerResults>& drawers) {
  Html body =
      element("p", std::to_string(experiment.targets) + " targets of " +
                       std::to_string(experiment.user.target.min_objects) + " to " +
                       std::to_string(experiment.user.target.max_objects) + " objects, seed " +
                       std::to_string(experiment.seed) + "; the user gives up after " +
                       std::to_string(experiment.user.max_rounds) + " rounds; wrong feedback " +
                       percent(experiment.user.wrong) + ", change of mind " +
                       percent(experiment.user.change_of_mind) + "; " +
                       std::to_string(experiment.settings.candidates) + " candidates of " +
                       std::to_string(experiment.settings.steps) + " steps.");
  for (const DrawerResults& drawer : drawers) {
    body +=
        element("h2", drawer.drawer == "perfect" ? "A perfect drawer: what the dialogue alone costs"
                                                 : "The image model");
    body += arms_table(drawer.results);
    body += report::line_chart(
        by_round("Accepted by round", drawer.results, &RoundsSummary::accepted_by_round));
    body += report::line_chart(by_round("Share of attributes right by round", drawer.results,
                                        &RoundsSummary::alignment_by_round));
    if (drawer.results.empty()) continue;
    body += report::line_chart(rewards_chart(drawer.results.front()));
    body += element("h3", "Got right least, in " + drawer.results.front().arm.name);
    body += weakest_table(drawer.results.front().summary);
  }
  return report::html_page("Rounds to acceptance", body);
}

}  // namespace omr::eval
