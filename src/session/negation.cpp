#include "omr/session/negation.h"

#include <algorithm>
#include <optional>
#include <set>

#include "omr/session/phrases.h"
#include "omr/session/words.h"

namespace omr::session {
namespace {

using WordSet = std::set<std::string>;

constexpr std::size_t kMaxTermWords = 8;

// What cannot begin the thing that a "no" negates: "no, …" said without its comma, or a fixed
// phrase.
bool is_no_interjection(const std::string& word) {
  static const WordSet words = {
      "the",     "a",        "an",      "this",    "that",   "these",   "those",   "it",
      "its",     "it's",     "i",       "i'd",     "i'm",    "we",      "you",     "he",
      "she",     "they",     "my",      "your",    "make",   "move",    "turn",    "change",
      "put",     "add",      "remove",  "use",     "keep",   "let",     "give",    "try",
      "set",     "please",   "just",    "still",   "now",    "instead", "not",     "is",
      "are",     "was",      "should",  "must",    "can",    "do",      "don't",   "there",
      "because", "if",       "like",    "only",    "take",   "get",     "draw",    "show",
      "problem", "problems", "thanks",  "thank",   "way",    "need",    "idea",    "doubt",
      "matter",  "one",      "changes", "worries", "wonder", "longer",  "sooner",  "less",
      "fewer",   "bigger",   "smaller", "larger",  "higher", "lower",   "shorter", "taller",
      "wider",   "brighter", "darker",  "lighter", "closer", "further", "better",  "worse",
      "yes",     "no",       "maybe",   "ok",      "okay",   "so",      "too",     "very"};
  return words.count(word) != 0;
}

// Pronouns: "without it" names nothing to keep away.
bool is_pronoun(const std::string& word) {
  static const WordSet words = {
      "it", "this",     "that",       "them",      "these",   "those", "him", "her",  "me",   "you",
      "us", "anything", "everything", "something", "nothing", "to",    "any", "else", "more", "be"};
  return words.count(word) != 0;
}

bool is_article(const std::string& word) {
  static const WordSet words = {"a", "an", "the", "any", "some", "more", "another"};
  return words.count(word) != 0;
}

// Ends the thing; what follows is another clause.
bool ends_term(const std::string& word) {
  static const WordSet words = {"with",  "without", "so", "because", "which", "that",    "when",
                                "while", "as",      "i",  "if",      "just",  "only",    "make",
                                "but",   "instead", "no", "than",    "then",  "wearing", "holding"};
  return words.count(word) != 0;
}

// A verb behind it makes the whole a sentence and no negation: "no star should be red".
bool makes_sentence(const std::string& word) {
  static const WordSet words = {"is",   "are", "was", "were", "should", "must", "can", "could",
                                "will", "to",  "be",  "has",  "have",   "than", "may", "does"};
  return words.count(word) != 0;
}

bool is_filler(const std::string& word) {
  static const WordSet words = {"please", "anymore", "anywhere", "whatsoever", "there", "here"};
  return words.count(word) != 0;
}

struct Found {
  std::size_t begin;  // words [begin, end) leave the text
  std::size_t end;
  std::vector<std::string> terms;
};

class Finder {
 public:
  explicit Finder(std::string_view text) : text_(text), words_(split_words(text)) {}

  std::vector<Found> all() const {
    std::vector<Found> found;
    for (std::size_t at = 0; at < words_.size(); ++at) {
      std::optional<Found> one = negation_at(at);
      if (!one) continue;
      at = one->end - 1;
      found.push_back(std::move(*one));
    }
    return found;
  }

  const Word& word(std::size_t at) const { return words_[at]; }

 private:
  const std::string& folded(std::size_t at) const {
    static const std::string nothing;
    return at < words_.size() ? words_[at].folded : nothing;
  }
  bool mark(std::size_t at) const { return at >= words_.size() || words_[at].mark; }

  // Whether the word at `at` begins a clause.
  bool begins_clause(std::size_t at) const {
    return at == 0 || words_[at - 1].mark || is_conjunction(folded(at - 1));
  }

  std::optional<Found> negation_at(std::size_t at) const {
    if (folded(at) == "no") {
      if (mark(at + 1) || is_no_interjection(folded(at + 1))) return std::nullopt;
      std::size_t begin = at;
      bool clause = begins_clause(at);
      if (at > 0 &&
          (folded(at - 1) == "with" || folded(at - 1) == "has" || folded(at - 1) == "having")) {
        begin = at - 1;
      } else if (at > 1 && folded(at - 2) == "there" &&
                 (folded(at - 1) == "is" || folded(at - 1) == "are")) {
        begin = at - 2;
        clause = true;
      } else if (at > 1 && folded(at - 2) == "i" && folded(at - 1) == "want") {
        begin = at - 2;
        clause = true;
      }
      return with_terms(begin, at + 1, clause);
    }
    if (folded(at) == "without") {
      // "without changing the background" says how, not what.
      const std::string& next = folded(at + 1);
      const bool gerund = next.size() > 4 && next.compare(next.size() - 3, 3, "ing") == 0;
      if (gerund && !mark(at + 2) && !is_conjunction(folded(at + 2)) &&
          !is_preposition(folded(at + 2)) && !is_filler(folded(at + 2))) {
        return std::nullopt;
      }
      return with_terms(at, at + 1, false);
    }
    const bool dont = folded(at) == "don't" || folded(at) == "dont";
    const bool do_not = folded(at) == "do" && folded(at + 1) == "not";
    const std::size_t want = at + (do_not ? 2 : 1);
    if ((dont || do_not) && folded(want) == "want") {
      const bool person = at > 0 && (folded(at - 1) == "i" || folded(at - 1) == "we");
      return with_terms(person ? at - 1 : at, want + 1, true);
    }
    return std::nullopt;
  }

  // Reads "X or Y" from word `at`. `clause`: the negation is a clause of its own, so that "on the
  // left" says where X is; behind a noun it says where that noun is.
  std::optional<Found> with_terms(std::size_t begin, std::size_t at, bool clause) const {
    Found found{begin, at, {}};
    while (true) {
      while (is_article(folded(at)) && !mark(at + 1)) ++at;
      const std::size_t first = at;
      while (!mark(at) && !is_conjunction(folded(at)) && !is_filler(folded(at))) {
        const std::string& word = folded(at);
        if (makes_sentence(word)) return std::nullopt;
        if (ends_term(word)) break;
        if (is_preposition(word) && at > first && (!clause || folded(at + 1) != "the")) break;
        ++at;
      }
      if (folded(at) == "than") return std::nullopt;
      if (at == first || at - first > kMaxTermWords || is_pronoun(folded(first)) ||
          is_preposition(folded(first))) {
        break;
      }
      found.terms.push_back(
          std::string(text_.substr(words_[first].begin, words_[at - 1].end - words_[first].begin)));
      found.end = at;
      const bool more = folded(at) == "or" || folded(at) == "nor";
      if (!more || mark(at + 1)) break;
      ++at;
    }
    if (found.terms.empty()) return std::nullopt;
    found.end = after_fillers(found.end);
    return found;
  }

  std::size_t after_fillers(std::size_t at) const {
    while (true) {
      if (is_filler(folded(at))) {
        ++at;
      } else if ((folded(at) == "at" && folded(at + 1) == "all") ||
                 (folded(at) == "any" && folded(at + 1) == "more") ||
                 ((folded(at) == "in" || folded(at) == "on") && folded(at + 1) == "it")) {
        at += 2;
      } else {
        return at;
      }
    }
  }

  std::string_view text_;
  std::vector<Word> words_;
};

std::vector<std::string> words_before_preposition(const std::string& text) {
  std::vector<std::string> out;
  for (const Word& word : split_words(text)) {
    if (!out.empty() &&
        (is_preposition(word.folded) || word.folded == "of" || word.folded == "with")) {
      break;
    }
    if (!word.mark && !is_article(word.folded)) out.push_back(word.folded);
  }
  return out;
}

}  // namespace

Negation extract_negations(std::string_view text) {
  Negation negation{std::string(text), {}};
  const Finder finder(text);
  const std::vector<Found> all = finder.all();
  // From the end, so that the places of the earlier ones stay right.
  for (auto found = all.rbegin(); found != all.rend(); ++found) {
    negation.text =
        cut_out(negation.text, finder.word(found->begin).begin, finder.word(found->end - 1).end);
  }
  for (const Found& found : all) {
    negation.unwanted = merge_terms(std::move(negation.unwanted), found.terms);
  }
  return negation;
}

std::vector<std::string> split_terms(std::string_view negative_prompt) {
  std::vector<std::string> terms;
  int depth = 0;  // a comma within (a, b:1.2) divides nothing
  std::string term;
  const auto close = [&] {
    std::string clean = tidy(term);
    if (!clean.empty()) terms.push_back(std::move(clean));
    term.clear();
  };
  for (const char c : negative_prompt) {
    if (c == '(' || c == '[') ++depth;
    if (c == ')' || c == ']') --depth;
    if (c == ',' && depth <= 0) {
      close();
    } else {
      term += c;
    }
  }
  close();
  return terms;
}

std::string join_terms(const std::vector<std::string>& terms) {
  std::string out;
  for (const std::string& term : terms) out += (out.empty() ? "" : ", ") + term;
  return out;
}

std::vector<std::string> merge_terms(std::vector<std::string> terms,
                                     const std::vector<std::string>& more) {
  for (const std::string& term : more) {
    const std::vector<std::string> words = words_before_preposition(term);
    const bool known = std::any_of(terms.begin(), terms.end(), [&](const std::string& other) {
      return tidy(other) == tidy(term) ||
             (!words.empty() && words_before_preposition(other) == words);
    });
    if (!known) terms.push_back(term);
  }
  return terms;
}

bool is_about(const std::string& phrase, const std::string& term) {
  const std::vector<std::string> wanted = words_before_preposition(term);
  if (wanted.empty() || !same_word(head_word(phrase), wanted.back())) return false;
  const std::vector<Word> words = split_words(phrase);
  return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& word) {
    return std::any_of(words.begin(), words.end(),
                       [&](const Word& other) { return same_word(other.folded, word); });
  });
}

}  // namespace omr::session
