// The way back from a caption to what it says.
#include <algorithm>
#include <cstddef>
#include <set>
#include <string>

#include "omr/scenes/captions.h"

namespace omr::scenes {
namespace {

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words(1);
  for (char c : text) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (lower >= 'a' && lower <= 'z') {
      words.back() += lower;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : words_(words_of(text)) {}

  Description read() {
    Description description;
    while (at_ < words_.size()) {
      if (const auto background = read_background()) {
        description.background = background;
      } else if (const auto object = read_object()) {
        add(description, *object);
      } else {
        ++at_;
      }
    }
    return description;
  }

 private:
  std::string_view word(std::size_t ahead) const {
    return at_ + ahead < words_.size() ? std::string_view(words_[at_ + ahead]) : "";
  }

  std::optional<Background> read_background() {
    const auto background = background_of(word(0));
    if (!background || word(1) != "background") return std::nullopt;
    at_ += 2;
    return background;
  }

  // Only an indefinite article brings a new object: "the star" speaks of one that is there.
  std::optional<ObjectDescription> read_object() {
    if (word(0) != "a" && word(0) != "an") return std::nullopt;
    ObjectDescription object;
    std::size_t ahead = 1;
    if (const auto size = size_of(word(ahead))) object.size = *size, ++ahead;
    if (const auto colour = colour_of(word(ahead))) object.colour = colour, ++ahead;
    const auto shape = shape_of(word(ahead));
    if (!shape) return std::nullopt;
    object.shape = *shape;
    at_ += ahead + 1;
    object.place = read_place();
    return object;
  }

  std::optional<Place> read_place() {
    static const std::set<std::string_view> prepositions = {"at", "on", "in"};
    if (prepositions.count(word(0)) == 0 || word(1) != "the") return std::nullopt;
    // The longer words first: "top" begins "top left".
    for (std::size_t length : {std::size_t{2}, std::size_t{1}}) {
      std::string said(word(2));
      if (length == 2) (said += ' ').append(word(3));
      const auto found = std::find_if(kPlaces.begin(), kPlaces.end(),
                                      [&](Place place) { return word_of(place) == said; });
      if (found == kPlaces.end()) continue;
      at_ += 2 + length;
      return *found;
    }
    return std::nullopt;
  }

  static void add(Description& description, const ObjectDescription& object) {
    for (ObjectDescription& known : description.objects) {
      if (known.shape != object.shape || known.colour != object.colour) continue;
      known = object;
      return;
    }
    description.objects.push_back(object);
  }

  std::vector<std::string> words_;
  std::size_t at_ = 0;
};

}  // namespace

Description read_caption(std::string_view text) { return Reader(text).read(); }

}  // namespace omr::scenes
