#include "omr/train/prompt_source.h"

#include <sstream>

#include "omr/core/error.h"
#include "omr/core/utf8.h"
#include "omr/io/sha256.h"

namespace omr::train {

DialoguePrompt CaptionPrompts::prompt(std::uint64_t index) const {
  return {pictures_.text(index, 0), 0, {}, std::nullopt};
}

PromptFile PromptFile::open(const std::filesystem::path& file) {
  PromptFile out;
  const std::string text = io::read_text(file);
  out.digest_ = io::sha256(text);
  std::istringstream lines(text);
  std::int64_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    if (find_invalid_utf8(line) != std::string::npos) {
      throw Error(ErrorKind::format, file.string() + ": line " + std::to_string(number) +
                                         " is not UTF-8; expected a prompt a line");
    }
    out.prompts_.push_back(line);
  }
  if (out.prompts_.empty())
    throw Error(ErrorKind::format, file.string() + " holds no prompt; expected one a line");
  return out;
}

DialoguePrompt PromptFile::prompt(std::uint64_t index) const {
  return {prompts_.at(static_cast<std::size_t>(index)), 0, {}, std::nullopt};
}

io::Json PromptFile::description() const {
  return {{"prompts", "file"}, {"prompts_sha256", digest_}};
}

}  // namespace omr::train
