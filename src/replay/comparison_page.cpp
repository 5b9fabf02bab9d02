#include "omr/replay/comparison.h"
#include "omr/report/html_page.h"

namespace omr::replay {
namespace {

using report::element;
using report::Html;
using report::number_text;

Html lines(const std::vector<std::string>& texts) {
  Html items;
  for (const std::string& text : texts) items += element("li", text);
  return element("ul", items);
}

Html pictures(const PictureComparison& one) {
  Html out = element(
      "h3", "Round " + std::to_string(one.round) + ", candidate " + std::to_string(one.candidate) +
                ": off by at most " + std::to_string(one.difference.max) + ", on average " +
                number_text(one.difference.mean) + " of 255, SSIM " +
                number_text(one.difference.ssim, 6) + (one.within_limits ? ", within limits" : ""));
  if (one.before.empty()) return out;
  Html figures = report::figure(one.before, "before");
  figures += report::figure(one.after, "after");
  figures += report::figure(one.amplified, "difference, brightened");
  out += element("div", figures, {{"class", "pictures"}});
  return out;
}

}  // namespace

std::string comparison_page(const Comparison& comparison, const std::string& golden) {
  const std::size_t different = comparison.different();
  Html body = element(
      "p",
      different == 0
          ? "All " + std::to_string(comparison.dialogues.size()) + " dialogues are as they were."
          : std::to_string(different) + " of " + std::to_string(comparison.dialogues.size()) +
                " dialogues are not as they were.",
      {{"class", different == 0 ? "good" : "bad"}});
  body +=
      element("p",
              comparison.exact
                  ? "The machine is of the golden run's class: everything must be equal."
                  : "The machine is of another class than the golden run's: a channel of a "
                    "pixel may be off by " +
                        std::to_string(comparison.limits.max) + ", a picture on average by " +
                        number_text(comparison.limits.mean) + " of 255, SSIM must be " +
                        number_text(comparison.limits.ssim) + " or more, rewards may be off by " +
                        number_text(comparison.limits.reward) + ".",
              {{"class", "quiet"}});
  body += element("h2", "What went in otherwise");
  body += comparison.inputs.empty()
              ? element("p", "Nothing: weights, versions and machine are the same.")
              : lines(comparison.inputs);
  for (const bool bad : {true, false}) {
    for (const DialogueComparison& dialogue : comparison.dialogues) {
      if (dialogue.differences.empty() == bad) continue;
      if (!bad && dialogue.pictures.empty()) continue;
      body += element("h2", dialogue.id + (bad ? "" : " (within limits)"));
      if (bad) body += lines(dialogue.differences);
      for (const PictureComparison& one : dialogue.pictures) body += pictures(one);
    }
  }
  return report::html_page("Comparison with " + golden, body);
}

std::string junit_xml(const Comparison& comparison) {
  double seconds = 0;
  Html cases;
  for (const DialogueComparison& dialogue : comparison.dialogues) {
    seconds += dialogue.seconds;
    Html content;
    if (!dialogue.differences.empty()) {
      std::string all;
      for (const std::string& line : dialogue.differences) all += line + "\n";
      content = element("failure", all, {{"message", dialogue.differences.front()}});
    }
    cases += element("testcase", content,
                     {{"name", dialogue.id},
                      {"classname", "omr.replay"},
                      {"time", number_text(dialogue.seconds)}});
  }
  const std::string count = std::to_string(comparison.dialogues.size());
  const Html suite = element("testsuite", cases,
                             {{"name", "omr replay --check"},
                              {"tests", count},
                              {"failures", std::to_string(comparison.different())},
                              {"errors", "0"},
                              {"time", number_text(seconds)}});
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + element("testsuites", suite).markup() +
         "\n";
}

}  // namespace omr::replay
