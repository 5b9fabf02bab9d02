#include "omr/report/html.h"

#include <cstdint>
#include <cstdio>

#include "omr/core/utf8.h"

namespace omr::report {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char32_t code : decode_utf8(printable(text))) {
    switch (code) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case 0xFFFE:  // characters to Unicode, but not to XML, which JUnit files are
      case 0xFFFF:
        append_utf8(out, 0xFFFD);
        break;
      default:
        append_utf8(out, code);
    }
  }
  return out;
}

std::string opening(std::string_view tag, const Attributes& attributes) {
  std::string out = "<" + std::string(tag);
  for (const auto& [name, value] : attributes) {
    out += " " + std::string(name) + "=\"" + escaped(value) + "\"";
  }
  return out + ">";
}

Attributes class_only(std::string_view css_class) {
  return css_class.empty() ? Attributes{} : Attributes{{"class", std::string(css_class)}};
}

}  // namespace

Html::Html(std::string_view text) : markup_(escaped(text)) {}

Html Html::of_markup(std::string markup) {
  Html html;
  html.markup_ = std::move(markup);
  return html;
}

Html element(std::string_view tag, const Html& content, const Attributes& attributes) {
  return Html::of_markup(opening(tag, attributes) + content.markup() + "</" + std::string(tag) +
                         ">");
}

Html void_element(std::string_view tag, const Attributes& attributes) {
  return Html::of_markup(opening(tag, attributes));
}

Html figure(std::string_view png, const Html& caption, std::string_view css_class) {
  Html content =
      png.empty()
          ? element("div", "the picture is missing", {{"class", "missing"}})
          : void_element("img", {{"alt", ""}, {"src", "data:image/png;base64," + base64(png)}});
  content += element("figcaption", caption);
  return element("figure", content, class_only(css_class));
}

Html table(const std::vector<std::string>& head, const std::vector<std::vector<Html>>& rows,
           std::string_view css_class) {
  Html content;
  if (!head.empty()) {
    Html cells;
    for (const std::string& cell : head) cells += element("th", cell);
    content += element("tr", cells);
  }
  for (const std::vector<Html>& row : rows) {
    Html cells;
    for (const Html& cell : row) cells += element("td", cell);
    content += element("tr", cells);
  }
  return element("table", content, class_only(css_class));
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = (group << 8) | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      out += i + j > bytes.size() ? '=' : kAlphabet[(group >> (18 - 6 * j)) & 63];
    }
  }
  return out;
}

std::string number_text(double value, int digits) {
  char text[48];
  std::snprintf(text, sizeof text, "%.*g", digits, value);
  return text;
}

}  // namespace omr::report
