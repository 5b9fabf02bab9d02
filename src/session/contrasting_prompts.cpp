#include "omr/session/contrasting_prompts.h"

#include <set>

#include "omr/session/phrases.h"
#include "omr/session/words.h"

namespace omr::session {
namespace {

std::string folded(const std::string& text) {
  std::string out;
  for (const Word& word : split_words(text)) out += word.folded + " ";
  return out;
}

}  // namespace

std::vector<std::string> contrasting_prompts(const std::string& prompt,
                                             const std::vector<std::string>& earlier) {
  std::vector<std::string> contrasts;
  std::set<std::string> known = {folded(prompt)};
  const auto add = [&](const std::string& text, std::size_t limit) {
    if (contrasts.size() < limit && known.insert(folded(text)).second) contrasts.push_back(text);
  };
  for (auto text = earlier.rbegin(); text != earlier.rend(); ++text) add(*text, kMaxEarlierPrompts);
  const std::size_t limit = contrasts.size() + kMaxEditedPrompts;
  const std::vector<Phrase> phrases = cut_phrases(prompt);
  for (std::size_t i = 0; i < phrases.size(); ++i) add(without_phrase(prompt, phrases, i), limit);
  return contrasts;
}

}  // namespace omr::session
