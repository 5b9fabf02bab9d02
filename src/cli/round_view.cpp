#include "cli/round_view.h"

#include <cstdio>

#include "omr/core/utf8.h"
#include "omr/session/command.h"

namespace omr::cli {
namespace {

template <typename... Args>
std::string format(const char* pattern, Args... args) {
  char text[256];
  std::snprintf(text, sizeof text, pattern, args...);
  return text;
}

}  // namespace

std::string RoundView::prompt(const std::vector<session::DiffSpan>& diff,
                              const std::string& plain) const {
  if (diff.empty()) return printable_line(plain);
  std::string out;
  for (const session::DiffSpan& span : diff) {
    const std::string text = printable_line(span.text);
    if (!out.empty() && text.find_first_of(",.;:") != 0) out += ' ';
    switch (span.kind) {
      case session::DiffKind::kept:
        out += text;
        break;
      case session::DiffKind::inserted:
        out += palette_.enabled() ? palette_.green(text) : "[+" + text + "+]";
        break;
      case session::DiffKind::deleted:
        out += palette_.enabled() ? palette_.struck(text) : "[-" + text + "-]";
        break;
    }
  }
  return out;
}

std::string RoundView::phrases(const std::vector<session::PhraseRecord>& phrases) const {
  std::string out;
  for (const session::PhraseRecord& phrase : phrases) {
    out += (out.empty() ? "" : " · ") + printable_line(phrase.text);
    const std::string weight = format(" ×%.2f", phrase.weight);
    out += phrase.weight == 1.0 ? palette_.dim(weight) : palette_.cyan(weight);
  }
  return out;
}

std::string RoundView::round(const session::RoundDone& done, const std::string&) const {
  const session::RoundRecord& record = done.record;
  std::string out = palette_.bold(format("round %d", record.round)) + "  " +
                    prompt(done.prompt_diff, record.prompt) + "\n";
  if (!record.negative_prompt.empty())
    out += "  without  " + printable_line(record.negative_prompt) + "\n";
  if (!record.fallback_reason.empty()) {
    out += "  " +
           palette_.red("the refiner's answer was not used: " +
                        printable_line(record.fallback_reason)) +
           "\n";
  }
  for (const std::string& phrase : record.restored) {
    out += palette_.dim("  the refiner had lost  " + printable_line(phrase)) + "\n";
  }
  if (!record.phrases.empty()) out += "  phrases  " + phrases(record.phrases) + "\n";
  const auto& which = record.applicable;
  const bool scored = which.pref || which.div || which.cons || which.mi;
  for (std::size_t i = 0; scored && i < record.candidates.size(); ++i) {
    const session::CandidateRecord& candidate = record.candidates[i];
    const bool picked = static_cast<int>(i) + 1 == record.picked;
    std::string line =
        format("  %s c%zu  total %+.2f   pref %+.2f  div %+.2f  cons %+.2f  mi %+.2f   seed %llu",
               picked ? "▶" : " ", i + 1, candidate.rewards.total, candidate.rewards.pref,
               candidate.rewards.div, candidate.rewards.cons, candidate.rewards.mi,
               static_cast<unsigned long long>(candidate.seed));
    if (candidate.strength) line += format("  strength %.2f", *candidate.strength);
    out += (picked ? line : palette_.dim(line)) + "\n";
  }
  if (scored) {
    out += palette_.dim(format("  λ(t=%d)  div %.3f  cons %.3f  mi %.3f", done.t, record.lambda.div,
                               record.lambda.cons, record.lambda.mi)) +
           "\n";
  }
  std::string seconds;
  for (const auto& [part, value] : record.seconds) {
    if (part != "total")
      seconds += format("%s%s %.2f", seconds.empty() ? "" : " + ", part.c_str(), value);
  }
  const auto total = record.seconds.find("total");
  if (total != record.seconds.end()) {
    out +=
        palette_.dim(format("  %.2f s", total->second) + (seconds.empty() ? "" : " = " + seconds)) +
        "\n";
  }
  return out + "  " + printable_line(done.image.string());
}

std::string RoundView::tree(const session::SessionState& state) const {
  std::string out;
  for (const session::RoundNode& node : state.rounds) {
    const session::RoundRecord& record = node.record;
    const bool current = record.round == state.current();
    std::string line = format("%s %3d", current ? "▶" : " ", record.round);
    line += record.parent > 0 ? format(" ← %-3d ", record.parent) : "       ";
    line += printable_line(record.prompt);
    if (!record.feedback.empty())
      line += palette_.dim("   (" + printable_line(record.feedback) + ")");
    for (const auto& [candidate, liked] : node.reactions)
      line += format(liked ? " +c%d" : " -c%d", candidate);
    out += (out.empty() ? "" : "\n") + (current ? palette_.bold(line) : line);
  }
  out += format("\nseed %llu", static_cast<unsigned long long>(state.options.seed));
  if (state.options.strength) out += format(" · strength %.2f", *state.options.strength);
  for (const session::LoraChoice& lora : state.options.loras) {
    out += " · lora " + printable_line(lora.file) + format(" at %.2f", lora.weight);
  }
  return out;
}

std::string RoundView::weights(const session::SessionState& state) const {
  std::string out = format("learnt multipliers  div %.2f  cons %.2f  mi %.2f",
                           state.multipliers.div, state.multipliers.cons, state.multipliers.mi);
  if (state.current() == 0) return out;
  for (const session::PhraseRecord& phrase : state.round(state.current()).record.phrases) {
    out += format("\n  ×%.2f  ", phrase.weight) + printable_line(phrase.text);
    if (phrase.score) out += palette_.dim(format("   score %.2f", *phrase.score));
  }
  return out;
}

std::string RoundView::help() const {
  std::string out =
      "A line is feedback on the picture (\"make the star bigger\"), unless it begins with /:";
  for (const session::CommandHelp& command : session::command_help()) {
    out += "\n  " + palette_.bold(command.usage) +
           std::string(command.usage.size() < 22 ? 22 - command.usage.size() : 1, ' ') +
           command.summary;
  }
  return out;
}

}  // namespace omr::cli
