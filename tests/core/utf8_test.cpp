#include "omr/core/utf8.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace omr {
namespace {

using namespace std::string_literals;

constexpr std::size_t kValid = std::string_view::npos;

TEST(FindInvalidUtf8Test, AcceptsEverySequenceLengthAtItsBounds) {
  for (const char* text :
       {"", "plain\n\t", "\x7f", "\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff",
        "\U00010000", "\U0010ffff", "caf\u00e9 \u65e5\u672c \U0001f600"}) {
    EXPECT_EQ(find_invalid_utf8(text), kValid) << text;
  }
  EXPECT_EQ(find_invalid_utf8("a\0b"s), kValid) << "NUL is a character";
}

TEST(FindInvalidUtf8Test, NamesTheFirstBadByte) {
  const std::vector<std::pair<std::string, std::size_t>> cases = {
      {"ab\x80", 2},            // a continuation without a lead
      {"\xc0\xaf", 0},          // overlong /
      {"\xc1\xbf", 0},          // overlong DEL
      {"\xe0\x80\xaf", 0},      // overlong in three bytes
      {"\xe0\x9f\xbf", 0},      // overlong U+07FF
      {"\xf0\x8f\xbf\xbf", 0},  // overlong U+FFFF
      {"x\xed\xa0\x80", 1},     // the first surrogate
      {"x\xed\xbf\xbf", 1},     // the last surrogate
      {"\xf4\x90\x80\x80", 0},  // above U+10FFFF
      {"\xf5\x80\x80\x80", 0},
      {"\xfe", 0},
      {"\xff", 0},
      {"ok \xe2\x82", 3},  // cut short
      {"\xc3(", 0},        // a lead without its continuation
      {"\xe2\x82\x28", 0},
      {"\u00e9\xf0\x9f\x98", 2},
  };
  for (const auto& [text, at] : cases)
    EXPECT_EQ(find_invalid_utf8(text), at) << testing::PrintToString(text);
}

TEST(DecodeUtf8Test, IsUndoneByAppending) {
  std::string all;
  std::vector<char32_t> codes;
  for (char32_t code = 0; code <= 0x10FFFF; code += 37) {
    if (code >= 0xD800 && code <= 0xDFFF) continue;
    append_utf8(all, code);
    codes.push_back(code);
  }
  EXPECT_EQ(find_invalid_utf8(all), kValid);
  EXPECT_EQ(decode_utf8(all), codes);
}

TEST(DecodeUtf8Test, ReplacesEachIllFormedByteAndGoesOn) {
  EXPECT_EQ(decode_utf8("a\xe2\x82z"), (std::vector<char32_t>{'a', 0xFFFD, 0xFFFD, 'z'}));
  EXPECT_EQ(decode_utf8("\xff\xc3\xa9"), (std::vector<char32_t>{0xFFFD, 0xE9}));
}

TEST(PrintableTest, KeepsTextNewlinesAndTabs) {
  const std::string text = "a small star\n\tcaf\u00e9 \u65e5\u672c \U0001f600";
  EXPECT_EQ(printable(text), text);
}

TEST(PrintableTest, LetsNoEscapeSequenceThrough) {
  EXPECT_EQ(printable("\x1b[31mred\x1b[0m"), "\ufffd[31mred\ufffd[0m");
  EXPECT_EQ(printable("\x1b]0;title\x07"), "\ufffd]0;title\ufffd");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\ufffd31m")
      << "CSI as one C1 character";
  EXPECT_EQ(printable("over\rwritten\b\x7f"), "over\ufffdwritten\ufffd\ufffd");
  EXPECT_EQ(printable("a\0b"s), "a\ufffdb");
  EXPECT_EQ(printable("\x9b"
                      "31m"),
            "\ufffd31m")
      << "a raw byte that an 8-bit terminal obeys";
}

TEST(PrintableTest, ALineHoldsNoLineBreak) {
  EXPECT_EQ(printable_line("x\nomr: all is well\r\n"), "x omr: all is well\ufffd ");
}

TEST(PrintableTest, LeavesNoControlCharacterForAnyByte) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string shown = printable(std::string("a") + static_cast<char>(byte) + "b");
    EXPECT_EQ(find_invalid_utf8(shown), kValid) << byte;
    for (const char32_t code : decode_utf8(shown)) {
      EXPECT_TRUE(code == '\n' || code == '\t' || (code >= 0x20 && code < 0x7F) || code >= 0xA0)
          << byte;
    }
  }
}

}  // namespace
}  // namespace omr
