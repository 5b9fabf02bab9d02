// What a line of input means.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "omr/session/image_model.h"

namespace omr::session {

struct Blank {};
struct Feedback {
  std::string text;
};
// A candidate that is not named is the picked one.
struct AcceptCommand {
  std::optional<int> candidate;
};
struct PickCommand {
  int candidate = 1;
};
struct LikeCommand {
  std::optional<int> candidate;
};
struct DislikeCommand {
  std::optional<int> candidate;
};
struct UndoCommand {};
struct RedoCommand {};
struct GotoCommand {
  int round = 1;
};
struct SeedCommand {
  std::uint64_t seed = 0;
};
struct StrengthCommand {
  double strength = 0;
};
struct StepsCommand {
  int steps = 0;
};
struct CandidatesCommand {
  int candidates = 0;
};
struct LoraCommand {
  LoraChoice lora;
};
struct PromptCommand {
  std::string text;
};
struct WeightsCommand {};
struct ShowCommand {};
struct HelpCommand {};
struct QuitCommand {};

using Command = std::variant<Blank, Feedback, AcceptCommand, PickCommand, LikeCommand,
                             DislikeCommand, UndoCommand, RedoCommand, GotoCommand, SeedCommand,
                             StrengthCommand, StepsCommand, CandidatesCommand, LoraCommand,
                             PromptCommand, WeightsCommand, ShowCommand, HelpCommand, QuitCommand>;

// Throws Error(usage) saying how the command is used, or which one may have been meant; and as
// clean_text() does.
Command parse_command(std::string_view line);

// FILE[:WEIGHT], as /lora and --lora take it. Throws Error(usage).
LoraChoice parse_lora(std::string_view text);

// For /help.
struct CommandHelp {
  std::string usage;  // "/accept [K]"
  std::string summary;
};
const std::vector<CommandHelp>& command_help();

}  // namespace omr::session
