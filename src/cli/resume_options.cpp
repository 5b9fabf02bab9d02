#include "cli/resume_options.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "omr/core/error.h"
#include "omr/session/command.h"

namespace omr::cli {

void check_resume_options(const CLI::App& command) {
  for (const char* name : {"--out", "--guidance-scale", "--scheduler", "--negative-prompt",
                           "--size", "--init-image", "--mask", "--reward-schedule", "--readings",
                           "--keep", "--round-seconds", "--no-phrase-weights"}) {
    if (command.count(name) == 0) continue;
    throw Error(ErrorKind::usage, "--resume goes on as the session was begun: leave out " +
                                      std::string(name) + ", or begin another session");
  }
}

std::vector<std::string> resume_commands(const PictureOptions& picture,
                                         const session::Options& options) {
  std::vector<std::string> lines;
  if (picture.seed && *picture.seed != options.seed)
    lines.push_back("/seed " + std::to_string(*picture.seed));
  if (picture.steps && *picture.steps != options.steps)
    lines.push_back("/steps " + std::to_string(*picture.steps));
  if (picture.candidates && *picture.candidates != options.candidates)
    lines.push_back("/candidates " + std::to_string(*picture.candidates));
  if (picture.strength && picture.strength != options.strength)
    lines.push_back("/strength " + nlohmann::json(*picture.strength).dump());
  for (const std::string& lora : picture.loras) {
    const session::LoraChoice wanted = session::parse_lora(lora);
    if (std::find(options.loras.begin(), options.loras.end(), wanted) == options.loras.end())
      lines.push_back("/lora " + lora);
  }
  return lines;
}

}  // namespace omr::cli
