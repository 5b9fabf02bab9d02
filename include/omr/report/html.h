// HTML that cannot be broken out of: text becomes HTML only by being escaped, and pieces of HTML
// are made by the functions below.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace omr::report {

class Html {
 public:
  Html() = default;
  // Text: < > & " ' are escaped; control characters, ill-formed UTF-8 and what XML 1.0 forbids
  // become U+FFFD.
  Html(std::string_view text);
  Html(const std::string& text) : Html(std::string_view(text)) {}
  Html(const char* text) : Html(std::string_view(text)) {}

  Html& operator+=(const Html& other) {
    markup_ += other.markup_;
    return *this;
  }
  const std::string& markup() const { return markup_; }
  bool empty() const { return markup_.empty(); }

  // Takes markup as it is: for the functions that make HTML, never for text from outside.
  static Html of_markup(std::string markup);

 private:
  std::string markup_;
};

using Attributes = std::vector<std::pair<std::string_view, std::string>>;  // values are escaped

// <tag attributes>content</tag>.
Html element(std::string_view tag, const Html& content, const Attributes& attributes = {});
// An element without content or end tag, such as <img>.
Html void_element(std::string_view tag, const Attributes& attributes);

// A picture with a caption below it. `png` are the bytes of a PNG file, which go into the page;
// empty when the file is missing, which the figure then says.
Html figure(std::string_view png, const Html& caption, std::string_view css_class = {});

// `head` may be empty. Cells that are numbers read better with the class "number" on the table.
Html table(const std::vector<std::string>& head, const std::vector<std::vector<Html>>& rows,
           std::string_view css_class = {});

// RFC 4648, with padding.
std::string base64(std::string_view bytes);

// A number for people: at most `digits` significant digits, no trailing zeros.
std::string number_text(double value, int digits = 4);

}  // namespace omr::report
