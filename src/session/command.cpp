#include "omr/session/command.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <numeric>

#include "omr/core/error.h"
#include "omr/session/settings.h"
#include "omr/session/user_text.h"

namespace omr::session {
namespace {

constexpr int kLargestNumber = 1'000'000;

struct Entry {
  std::string name;
  std::string arguments;  // as shown
  std::string summary;
  std::function<Command(const std::string& argument)> parse;

  std::string usage() const { return "/" + name + (arguments.empty() ? "" : " " + arguments); }
};

[[noreturn]] void wrong(const std::string& usage, const std::string& what) {
  throw Error(ErrorKind::usage, what + "; usage: " + usage);
}

template <typename Number>
std::optional<Number> whole(const std::string& text) {
  Number number{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if constexpr (std::is_floating_point_v<Number>) {
    if (!std::isfinite(number)) return std::nullopt;
  }
  return number;
}

int counting_number(const std::string& argument, const std::string& usage, const std::string& what,
                    int largest = kLargestNumber) {
  const auto number = whole<int>(argument);
  if (!number || *number < 1 || *number > largest) {
    wrong(usage, what + " a number from 1" +
                     (largest < kLargestNumber ? " to " + std::to_string(largest) : "") +
                     (argument.empty() ? "" : ", not \"" + argument + "\""));
  }
  return *number;
}

std::optional<int> candidate(const std::string& argument, const std::string& usage) {
  if (argument.empty()) return std::nullopt;
  return counting_number(argument, usage, "a candidate is");
}

template <typename Bare>
std::function<Command(const std::string&)> bare(const std::string& usage) {
  return [usage](const std::string& argument) -> Command {
    if (!argument.empty()) wrong(usage, "\"" + argument + "\" is one word too many");
    return Bare{};
  };
}

std::vector<Entry> make_entries() {
  return {
      {"accept", "[K]", "take this picture (or candidate K) and end",
       [](const std::string& a) -> Command { return AcceptCommand{candidate(a, "/accept [K]")}; }},
      {"pick", "K", "go on from candidate K",
       [](const std::string& a) -> Command {
         return PickCommand{counting_number(a, "/pick K", "a candidate is")};
       }},
      {"like", "[K]", "more like this",
       [](const std::string& a) -> Command { return LikeCommand{candidate(a, "/like [K]")}; }},
      {"dislike", "[K]", "less like this",
       [](const std::string& a) -> Command {
         return DislikeCommand{candidate(a, "/dislike [K]")};
       }},
      {"undo", "", "back to the round before", bare<UndoCommand>("/undo")},
      {"redo", "", "forward again", bare<RedoCommand>("/redo")},
      {"goto", "N", "go on from round N",
       [](const std::string& a) -> Command {
         return GotoCommand{counting_number(a, "/goto N", "a round is")};
       }},
      {"seed", "N", "other noise from the next round on",
       [](const std::string& a) -> Command {
         const auto seed = whole<std::uint64_t>(a);
         if (!seed) wrong("/seed N", "a seed is a whole number from 0");
         return SeedCommand{*seed};
       }},
      {"strength", "S", "how much of the kept picture is redrawn, above 0 to 1",
       [](const std::string& a) -> Command {
         const auto strength = whole<double>(a);
         if (!strength || !(*strength > 0 && *strength <= 1)) {
           wrong("/strength S", "a strength is a number above 0, at most 1");
         }
         return StrengthCommand{*strength};
       }},
      {"steps", "N", "denoising steps from the next round on",
       [](const std::string& a) -> Command {
         return StepsCommand{counting_number(a, "/steps N", "steps are", kMaxSteps)};
       }},
      {"candidates", "K", "pictures drawn each round, from the next one on",
       [](const std::string& a) -> Command {
         return CandidatesCommand{
             counting_number(a, "/candidates K", "candidates are", kMaxCandidates)};
       }},
      {"lora", "FILE[:W]", "use an adapter from the next round on; weight 0 takes it off",
       [](const std::string& a) -> Command {
         if (a.empty()) wrong("/lora FILE[:W]", "no file is named");
         return LoraCommand{parse_lora(a)};
       }},
      {"prompt", "TEXT", "draw exactly this prompt",
       [](const std::string& a) -> Command {
         if (a.empty()) wrong("/prompt TEXT", "the prompt is empty");
         return PromptCommand{a};
       }},
      {"weights", "", "phrase weights and rewards of this round", bare<WeightsCommand>("/weights")},
      {"show", "", "prompt, options and rounds so far", bare<ShowCommand>("/show")},
      {"help", "", "this list", bare<HelpCommand>("/help")},
      {"quit", "", "end; the session can be resumed", bare<QuitCommand>("/quit")},
  };
}

const std::vector<Entry>& entries() {
  static const std::vector<Entry> all = make_entries();
  return all;
}

// Levenshtein's distance: letters to insert, delete or change.
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row.back();
}

[[noreturn]] void unknown(const std::string& name) {
  const std::string shown = name.size() > 32 ? name.substr(0, 32) + "…" : name;
  std::string hint = "/help lists the commands";
  if (name.size() <= 16) {
    const auto nearest =
        std::min_element(entries().begin(), entries().end(), [&](const Entry& a, const Entry& b) {
          return distance(name, a.name) < distance(name, b.name);
        });
    const bool begins = !name.empty() && nearest->name.rfind(name, 0) == 0;
    if (begins || distance(name, nearest->name) <= 2)
      hint = "did you mean " + nearest->usage() + "?";
  }
  throw Error(ErrorKind::usage, "there is no command /" + shown + "; " + hint);
}

}  // namespace

Command parse_command(std::string_view line) {
  const bool command = line.find_first_not_of(" \t") != std::string_view::npos &&
                       line[line.find_first_not_of(" \t")] == '/';
  const std::string text = clean_text(line, command ? "the command" : "the feedback");
  if (text.empty()) return Blank{};
  if (!command) return Feedback{text};
  const std::size_t space = text.find(' ');
  const std::string name = text.substr(1, space == std::string::npos ? space : space - 1);
  std::string argument;
  if (space != std::string::npos) argument = text.substr(text.find_first_not_of(' ', space));
  for (const Entry& entry : entries()) {
    if (entry.name == name) return entry.parse(argument);
  }
  unknown(name);
}

LoraChoice parse_lora(std::string_view text) {
  LoraChoice lora{std::string(text), 1.0};
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos) {
    const std::string weight(text.substr(colon + 1));
    // A colon may also belong to the file's name.
    if (const auto number = whole<double>(weight)) {
      lora = {std::string(text.substr(0, colon)), *number};
    } else if (weight.find_first_not_of("0123456789.+-eE") == std::string::npos) {
      throw Error(ErrorKind::usage,
                  "\"" + weight + "\" is not a LoRA weight; expected FILE[:WEIGHT]");
    }
  }
  if (lora.file.empty())
    throw Error(ErrorKind::usage, "no LoRA file is named; expected FILE[:WEIGHT]");
  if (std::abs(lora.weight) > 100) {
    throw Error(ErrorKind::usage, "a LoRA weight lies between -100 and 100");
  }
  return lora;
}

const std::vector<CommandHelp>& command_help() {
  static const std::vector<CommandHelp> help = [] {
    std::vector<CommandHelp> all;
    for (const Entry& entry : entries()) all.push_back({entry.usage(), entry.summary});
    return all;
  }();
  return help;
}

}  // namespace omr::session
