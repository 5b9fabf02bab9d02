#include "omr/replay/session_page.h"

#include <cstdint>

#include "omr/core/error.h"
#include "omr/report/html_page.h"
#include "omr/report/line_chart.h"
#include "omr/session/journal_reader.h"
#include "omr/session/paths.h"
#include "omr/session/prompt_diff.h"
#include "omr/session/prompt_syntax.h"
#include "omr/session/state.h"
#include "omr/session/strict_json.h"

#include "replay/limits.h"

namespace omr::replay {
namespace {

using report::element;
using report::Html;
using report::number_text;
using session::RoundNode;
using session::RoundRecord;
using session::SessionState;

Html labelled(const std::string& label, const Html& content) {
  Html line = element("span", label + " ", {{"class", "quiet"}});
  line += content;
  return element("p", line);
}

std::string signed_text(double value) {
  return (value >= 0 ? "+" : "−") + number_text(value >= 0 ? value : -value, 3);
}

Html changed_prompt(const SessionState& state, const RoundRecord& record) {
  if (record.parent == 0) return record.prompt;
  const auto plain = [](const std::string& text) { return session::parse_weights(text).text; };
  Html out;
  for (const session::DiffSpan& span : session::diff_prompts(
           plain(state.round(record.parent).record.prompt), plain(record.prompt))) {
    const bool joins = span.text.find_first_of(",.;:") == 0;
    if (!out.empty() && !joins) out += " ";
    switch (span.kind) {
      case session::DiffKind::kept:
        out += span.text;
        break;
      case session::DiffKind::inserted:
        out += element("ins", span.text);
        break;
      case session::DiffKind::deleted:
        out += element("del", span.text);
        break;
    }
  }
  return out;
}

Html phrase_table(const RoundRecord& record) {
  if (record.phrases.empty()) return {};
  const auto score = [](const std::optional<double>& value) {
    return value ? number_text(*value, 4) : std::string("–");
  };
  std::vector<std::vector<Html>> rows;
  for (const session::PhraseRecord& phrase : record.phrases) {
    rows.push_back({phrase.text, number_text(phrase.weight, 3), score(phrase.score_before),
                    score(phrase.score)});
  }
  return report::table({"phrase", "weight", "score before", "score"}, rows, "number");
}

Html candidate_table(const RoundNode& node) {
  const RoundRecord& record = node.record;
  std::vector<std::vector<Html>> rows;
  for (std::size_t k = 0; k < record.candidates.size(); ++k) {
    const session::CandidateRecord& one = record.candidates[k];
    rows.push_back({"candidate " + std::to_string(k + 1), signed_text(one.rewards.total),
                    signed_text(one.rewards.pref), signed_text(one.rewards.div),
                    signed_text(one.rewards.cons), signed_text(one.rewards.mi),
                    std::to_string(one.seed),
                    one.strength ? number_text(*one.strength, 3) : std::string("–")});
  }
  rows.push_back({"λ(t=" + std::to_string(record.t) + ")", "", "1",
                  number_text(record.lambda.div, 3), number_text(record.lambda.cons, 3),
                  number_text(record.lambda.mi, 3), "", ""});
  rows.push_back({"multiplier", "", "", number_text(record.multipliers.div, 3),
                  number_text(record.multipliers.cons, 3), number_text(record.multipliers.mi, 3),
                  "", ""});
  return report::table({"", "total", "pref", "div", "cons", "mi", "seed", "strength"}, rows,
                       "number");
}

class Page {
 public:
  Page(const std::filesystem::path& folder, session::FileSystem& files, const SessionState& state)
      : folder_(folder), files_(files), state_(state) {}

  Html round(const RoundNode& node) {
    const RoundRecord& record = node.record;
    std::string heading = "Round " + std::to_string(record.round);
    if (record.parent != 0 && record.parent != record.round - 1) {
      heading += ", from round " + std::to_string(record.parent);
    }
    if (state_.accepted == record.round) heading += " – accepted";
    Html out = element("h2", heading);
    if (!record.feedback.empty()) out += labelled("feedback", record.feedback);
    out += labelled("prompt", changed_prompt(state_, record));
    if (!record.negative_prompt.empty()) out += labelled("without", record.negative_prompt);
    if (!record.fallback_reason.empty()) {
      out += labelled("the refiner's answer was not used:",
                      element("span", record.fallback_reason, {{"class", "bad"}}));
    }
    out += pictures(node);
    out += candidate_table(node);
    out += phrase_table(record);
    std::string seconds;
    for (const auto& [part, value] : record.seconds) {
      seconds += (seconds.empty() ? "" : ", ") + part + " " + number_text(value, 3) + " s";
    }
    for (const session::LoraChoice& lora : record.loras) {
      out += labelled("LoRA", lora.file + " × " + number_text(lora.weight));
    }
    out += element("p", seconds, {{"class", "quiet"}});
    return out;
  }

 private:
  Html pictures(const RoundNode& node) {
    Html figures;
    const int candidates = static_cast<int>(node.record.candidates.size());
    for (int k = 1; k <= candidates; ++k) {
      Html caption = "candidate " + std::to_string(k);
      if (k == node.record.picked) caption += ", highest reward";
      if (k == node.picked && node.picked != node.record.picked) caption += ", the user's pick";
      const auto reaction = node.reactions.find(k);
      if (reaction != node.reactions.end()) {
        caption += " ";
        caption += element("span", reaction->second ? "liked" : "disliked",
                           {{"class", reaction->second ? "good" : "bad"}});
      }
      const std::string png = png_of(session::image_name(node.record.round, k, node.picked));
      figures += report::figure(png, caption, k == node.picked ? "picked" : "");
    }
    return element("div", figures, {{"class", "pictures"}});
  }

  // Empty when the folder holds no such picture. A stranger's folder could have a link to a file of
  // the reader's under its name, and the page would carry that file to whoever gets the page.
  std::string png_of(const std::string& name) const {
    const std::filesystem::path path = folder_ / name;
    std::error_code code;
    if (std::filesystem::is_symlink(path, code) || !files_.exists(path)) return {};
    std::string bytes = files_.read(path, kMaxPictureBytes);
    return bytes.starts_with("\x89PNG\r\n\x1a\n") ? bytes : std::string();
  }

  const std::filesystem::path& folder_;
  session::FileSystem& files_;
  const SessionState& state_;
};

Html curves(const SessionState& state) {
  report::LineChart rewards{"rewards of the highest candidate, standardised", "round", {}};
  report::LineChart schedule{"λ(t)·m: what the rewards count for", "round", {}};
  for (const char* name : {"total", "pref", "div", "cons", "mi"})
    rewards.series.push_back({name, {}});
  for (const char* name : {"div", "cons", "mi"}) schedule.series.push_back({name, {}});
  for (const RoundNode& node : state.rounds) {
    const RoundRecord& record = node.record;
    const auto& best = record.candidates.at(static_cast<std::size_t>(record.picked - 1)).rewards;
    const double x = record.round;
    const double values[] = {best.total, best.pref, best.div, best.cons, best.mi};
    for (std::size_t i = 0; i < 5; ++i) rewards.series[i].points.emplace_back(x, values[i]);
    const double weights[] = {record.lambda.div * record.multipliers.div,
                              record.lambda.cons * record.multipliers.cons,
                              record.lambda.mi * record.multipliers.mi};
    for (std::size_t i = 0; i < 3; ++i) schedule.series[i].points.emplace_back(x, weights[i]);
  }
  Html out = element("h2", "Over the rounds");
  out += report::line_chart(rewards);
  out += report::line_chart(schedule);
  return out;
}

Html particulars(const session::SessionRecord& record) {
  std::vector<std::vector<Html>> rows = {{"begun", record.time}, {"model", record.model}};
  for (const auto& [part, hash] : record.sha256) rows.push_back({part + " sha256", hash});
  const session::Json settings = to_json(record.settings);
  for (const auto& [name, value] : settings.items()) {
    rows.push_back(
        {name, value.is_string() ? value.get<std::string>() : session::dump_line(value)});
  }
  Html out = element("h2", "Settings");
  out += report::table({}, rows);
  return out;
}

std::string ending(const SessionState& state) {
  if (state.accepted) return "accepted in round " + std::to_string(*state.accepted);
  return state.ended ? "ended without being accepted" : "not ended";
}

}  // namespace

SessionPage session_page(const std::filesystem::path& folder, session::FileSystem& files) {
  const std::filesystem::path path = folder / session::kJournalName;
  if (!files.exists(path)) {
    throw Error(ErrorKind::io,
                folder.string() + " holds no session: there is no " + session::kJournalName);
  }
  const session::Journal journal =
      session::read_journal(files.read(path, session::kMaxJournalBytes), path.string());
  SessionState state = session::initial_state(journal.session);
  for (const session::Record& record : journal.records) session::apply(state, record);

  const std::size_t rounds = state.rounds.size();
  Html body =
      element("p", std::to_string(rounds) + (rounds == 1 ? " round, " : " rounds, ") +
                       ending(state) + ", seed " + std::to_string(journal.session.settings.seed));
  if (journal.torn_bytes > 0) {
    body += element("p",
                    "The journal's last line is torn: " + std::to_string(journal.torn_bytes) +
                        " bytes are left out.",
                    {{"class", "bad"}});
  }
  Page page(folder, files, state);
  for (const RoundNode& node : state.rounds) body += page.round(node);
  if (rounds > 1) body += curves(state);
  body += particulars(journal.session);
  return {report::html_page(journal.session.settings.prompt, body), static_cast<int>(rounds)};
}

}  // namespace omr::replay
