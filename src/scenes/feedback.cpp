#include "omr/scenes/feedback.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "scenes/object_reference.h"
#include "scenes/wordings.h"

namespace omr::scenes {
namespace {

constexpr double kSynonym =
    0.25;  // of saying "big" for "large", "in the middle" for "in the center"
constexpr double kPolite = 0.3;
constexpr double kCapital = 0.25;
constexpr double kFullStop = 0.2;

void fill(std::string& text, std::string_view gap, std::string_view value) {
  const std::size_t at = text.find(gap);
  if (at != std::string::npos) text.replace(at, gap.size(), value);
}

std::string said_size(Size size, Random& random) {
  static constexpr std::array<std::string_view, 2> small = {"tiny", "little"};
  static constexpr std::array<std::string_view, 2> medium = {"medium-sized", "normal-sized"};
  static constexpr std::array<std::string_view, 2> large = {"big", "huge"};
  if (!random.chance(kSynonym)) return std::string(word_of(size));
  const auto& words = size == Size::small ? small : size == Size::medium ? medium : large;
  return std::string(random.pick(words));
}

std::string said_background(Background background, Random& random) {
  if (background == Background::gray && random.chance(kSynonym)) return "grey";
  return std::string(word_of(background));
}

// "at the top left" and "to the top left".
std::pair<std::string, std::string> said_place(Place place, Random& random) {
  const std::string word(word_of(place));
  const bool corner = row_of(place) != 1 && column_of(place) != 1;
  const bool side = row_of(place) == 1 && column_of(place) != 1;
  if (random.chance(kSynonym)) {
    if (place == Place::center) return {"in the middle", "to the middle"};
    if (corner) return {"in the " + word + " corner", "to the " + word + " corner"};
    if (side) return {"on the " + word + " side", "to the " + word + " side"};
  }
  return {std::string(phrase_of(place)), "to the " + word};
}

std::string full_name(const ObjectDescription& object) {
  std::string name = "the ";
  if (object.colour) name.append(word_of(*object.colour)) += ' ';
  return name.append(word_of(object.shape));
}

// What a user wants away although the description does not have it.
std::string stranger(const Description& before, const ObjectDescription& object, Random& random) {
  const bool shape_is_there =
      std::any_of(before.objects.begin(), before.objects.end(),
                  [&](const ObjectDescription& known) { return known.shape == object.shape; });
  if (shape_is_there || random.chance(0.5)) return full_name(object);
  return "the " + std::string(word_of(object.shape));
}

// "the red star" can lose its article: "no red star please"; "it" and "the one on the left" cannot.
bool is_noun(std::string_view name) {
  return name.substr(0, 4) == "the " && name.find(" one") == std::string_view::npos;
}

struct Clause {
  std::string text;
  bool imperative = true;
};

Clause clause_of(const Edit& edit, const std::string& name, Random& random) {
  const std::span<const Wording> wordings = wordings_of(edit.kind);
  Wording wording = wordings[random.below(wordings.size())];
  while (wording.text.find("{n}") != std::string_view::npos && !is_noun(name)) {
    wording = wordings[random.below(wordings.size())];
  }
  std::string value;
  switch (edit.kind) {
    case EditKind::colour:
      value = word_of(edit.value.colour.value());
      break;
    case EditKind::size:
      value = said_size(edit.value.size, random);
      break;
    case EditKind::shape:
      value = word_of(edit.value.shape);
      break;
    case EditKind::background:
      value = said_background(edit.background, random);
      break;
    case EditKind::bigger:
    case EditKind::smaller:
    case EditKind::place:
    case EditKind::add:
    case EditKind::remove:
    case EditKind::praise:
      break;
  }
  Clause clause{std::string(wording.text), wording.imperative};
  fill(clause.text, "{o}", name);
  if (is_noun(name)) fill(clause.text, "{n}", std::string_view(name).substr(4));
  fill(clause.text, "{v}", value);
  fill(clause.text, "{a}", caption(edit.value));
  if (edit.kind == EditKind::place) {
    const auto [at, to] = said_place(edit.value.place.value(), random);
    fill(clause.text, "{at}", at);
    fill(clause.text, "{to}", to);
  }
  return clause;
}

// Where an object of `before` stands after the first of the edits.
Description after_first(const Description& before, std::span<const Edit> edits, std::size_t object,
                        std::size_t& index) {
  const std::vector<std::size_t> left = survivors(before, edits.first(1));
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (left[i] == object) index = i;
  }
  return apply_edits(before, edits.first(1));
}

std::string name_of(const Description& before, std::span<const Edit> edits, std::size_t which,
                    Random& random) {
  const Edit& edit = edits[which];
  if (edit.kind == EditKind::remove && edit.object == kNoObject) {
    return stranger(before, edit.value, random);
  }
  if (edit.object == kNoObject) return "";
  if (which > 0 && edits[0].object == edit.object) return "it";
  std::size_t index = edit.object;
  const Description later = which == 0 ? before : after_first(before, edits, edit.object, index);
  const std::vector<std::string> names = names_of(before, edit, later, index);
  return names.empty() ? full_name(before.objects[edit.object]) : random.pick(names);
}

std::string joined(const std::vector<Clause>& clauses, Random& random) {
  static constexpr std::array<std::string_view, 7> joints = {" and ", " and ",      " and ", ", ",
                                                             "; ",    " and also ", ", and "};
  std::string text = clauses.front().text;
  for (std::size_t i = 1; i < clauses.size(); ++i) {
    const bool says_also = clauses[i].text.find("also ") != std::string::npos;
    text.append(says_also ? joints.front() : random.pick(joints)).append(clauses[i].text);
  }
  return text;
}

void make_polite(std::string& text, bool imperative, Random& random) {
  static constexpr std::array<std::string_view, 6> before = {"please ",  "please ", "now ",
                                                             "ok, now ", "and ",    "actually, "};
  static constexpr std::array<std::string_view, 4> asking = {"can you ", "could you ",
                                                             "can you please ", "would you "};
  static constexpr std::array<std::string_view, 3> after = {" please", ", please", ", thanks"};
  switch (random.below(3)) {
    case 0:
      text.insert(0, random.pick(before));
      break;
    case 1:
      if (imperative) {
        text.insert(0, random.pick(asking));
        if (random.chance(0.5)) text += '?';
        break;
      }
      [[fallthrough]];
    default:
      text += random.pick(after);
  }
}

// Mostly as people type: without capitals.
void set_case(std::string& text, Random& random) {
  if (random.chance(kCapital)) {
    text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
  } else {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  if (text.back() != '?' && random.chance(kFullStop)) text += '.';
}

}  // namespace

std::string feedback(const Description& before, std::span<const Edit> edits, Random& random) {
  std::vector<Clause> clauses;
  bool imperative = true, praise = false;
  for (std::size_t i = 0; i < edits.size(); ++i) {
    clauses.push_back(clause_of(edits[i], name_of(before, edits, i, random), random));
    imperative = imperative && clauses.back().imperative;
    praise = praise || edits[i].kind == EditKind::praise;
  }
  if (clauses.empty()) return liking(random);
  std::string text = joined(clauses, random);
  if (!praise && random.chance(kPolite)) make_polite(text, imperative, random);
  set_case(text, random);
  return text;
}

bool can_be_told(const Description& before, const Edit& edit) {
  return edit.object == kNoObject || !names_of(before, edit, before, edit.object).empty();
}

std::string liking(Random& random) {
  const Edit praise;
  return feedback({}, std::span(&praise, 1), random);
}

std::string disliking(Random& random) {
  const std::span<const std::string_view> wordings = wordings_of_disliking();
  std::string text(wordings[random.below(wordings.size())]);
  set_case(text, random);
  return text;
}

}  // namespace omr::scenes
