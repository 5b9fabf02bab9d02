// How a session looks in a terminal.
#pragma once

#include <string>

#include "omr/session/outcome.h"
#include "omr/session/state.h"

#include "cli/terminal.h"

namespace omr::cli {

class RoundView {
 public:
  explicit RoundView(const Palette& palette) : palette_(palette) {}

  // The prompt with what changed marked: [+new+] and [-gone-] where colour cannot show it.
  std::string prompt(const std::vector<session::DiffSpan>& diff, const std::string& prompt) const;
  // A finished round: prompt, phrase weights, candidates with their rewards, λ, seconds, path.
  std::string round(const session::RoundDone& done, const std::string& base_prompt) const;
  // /show: the tree of rounds.
  std::string tree(const session::SessionState& state) const;
  // /weights: reward multipliers and the phrases of the current round.
  std::string weights(const session::SessionState& state) const;
  std::string help() const;

 private:
  std::string phrases(const std::vector<session::PhraseRecord>& phrases) const;
  const Palette& palette_;
};

}  // namespace omr::cli
