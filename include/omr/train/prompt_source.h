// Prompts to draw pictures for that a reward then judges.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "omr/core/image.h"
#include "omr/io/json_file.h"
#include "omr/train/image_text_source.h"

namespace omr::train {

// What is asked for in one round of a dialogue.
struct DialoguePrompt {
  std::string prompt;
  int round = 0;                     // from 0: t of the rewards' weights λ(t)
  std::vector<std::string> earlier;  // the dialogue's prompts before it, oldest first
  std::optional<Image> kept;         // the picture of the round before
};

// Everything is a pure function of its arguments.
class PromptSource {
 public:
  virtual ~PromptSource() = default;
  virtual std::uint64_t size() const = 0;  // 0: without end
  virtual DialoguePrompt prompt(std::uint64_t index) const = 0;
  // Whether some prompts have a picture of the round before.
  virtual bool has_earlier_pictures() const { return false; }
  // By a judge that is no model; nullopt where none is at hand.
  virtual std::optional<Judgement> judge(std::uint64_t /*index*/, const Image& /*picture*/) const {
    return std::nullopt;
  }
  // What must be the same when a run is resumed.
  virtual io::Json description() const = 0;
};

// The captions of pictures, each a dialogue's first round.
class CaptionPrompts : public PromptSource {
 public:
  explicit CaptionPrompts(const ImageTextSource& pictures) : pictures_(pictures) {}
  std::uint64_t size() const override { return pictures_.size(); }
  DialoguePrompt prompt(std::uint64_t index) const override;
  std::optional<Judgement> judge(std::uint64_t index, const Image& picture) const override {
    return pictures_.judge(index, 0, picture);
  }
  io::Json description() const override { return pictures_.description(); }

 private:
  const ImageTextSource& pictures_;
};

// A file with a prompt a line.
class PromptFile : public PromptSource {
 public:
  // Empty lines are passed over. Throws Error(io); Error(format) for a file without prompts and for
  // lines that are not UTF-8.
  static PromptFile open(const std::filesystem::path& file);
  std::uint64_t size() const override { return prompts_.size(); }
  DialoguePrompt prompt(std::uint64_t index) const override;
  io::Json description() const override;

 private:
  std::vector<std::string> prompts_;
  std::string digest_;
};

}  // namespace omr::train
