#include "omr/report/html.h"

#include <gtest/gtest.h>

#include "omr/report/html_page.h"

namespace omr::report {
namespace {

TEST(HtmlTest, TextCannotBecomeMarkup) {
  EXPECT_EQ(Html("<script>&\"'").markup(), "&lt;script&gt;&amp;&quot;&#39;");
  EXPECT_EQ(Html("\x1b[31m\x07").markup(), "\uFFFD[31m\uFFFD");
  EXPECT_EQ(Html("\xFF").markup(), "\uFFFD");
  EXPECT_EQ(element("a", "b<", {{"title", "\"><img"}}).markup(),
            "<a title=\"&quot;&gt;&lt;img\">b&lt;</a>");
}

TEST(HtmlTest, TextHoldsNothingThatXmlForbids) {
  EXPECT_EQ(Html("a\xEF\xBF\xBE\xEF\xBF\xBF\xED\xA0\x80\x0B\u00E9\U0001F600").markup(),
            "a\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\u00E9\U0001F600");
}

TEST(HtmlTest, CellsAndCaptionsAreEscaped) {
  EXPECT_EQ(table({"<h>"}, {{"<c>"}}).markup(),
            "<table><tr><th>&lt;h&gt;</th></tr><tr><td>&lt;c&gt;</td></tr></table>");
  EXPECT_NE(figure("x", "<k>").markup().find("&lt;k&gt;"), std::string::npos);
}

TEST(HtmlTest, AMissingPictureIsSaidToBe) {
  EXPECT_NE(figure("", "c").markup().find("missing"), std::string::npos);
  EXPECT_EQ(figure("", "c").markup().find("<img"), std::string::npos);
}

TEST(HtmlTest, Base64IsThatOfTheStandard) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : cases) EXPECT_EQ(base64(plain), coded);
  EXPECT_EQ(base64(std::string("\xFF\x00\xFE", 3)), "/wD+");
}

TEST(HtmlPageTest, LoadsNothingFromElsewhere) {
  const std::string page = html_page("a <title>", element("p", "x"));
  EXPECT_NE(page.find("<title>a &lt;title&gt;</title>"), std::string::npos);
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
  for (const char* outside : {"http://", "https://", "<script", "url(", "@import"}) {
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;
  }
}

}  // namespace
}  // namespace omr::report
