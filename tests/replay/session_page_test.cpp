#include "omr/replay/session_page.h"

#include <gtest/gtest.h>

#include "omr/session/session.h"

#include "support/error_of.h"
#include "support/fake_parts.h"

namespace omr::replay {
namespace {

using fakes::FakeWorld;

class SessionPageTest : public ::testing::Test {
 protected:
  void talk(const std::vector<std::string>& lines, const std::string& prompt = "a red star") {
    session::Settings settings;
    settings.prompt = prompt;
    settings.seed = 7;
    settings.candidates = 2;
    session::Session session = session::Session::start(
        world_.parts(), "/s", {"models/scenes", {{"unet", "aa"}}}, settings);
    session.draw_first({}, world_.cancellation);
    for (const std::string& line : lines) session.run(line, {}, world_.cancellation);
  }
  std::string page() { return session_page("/s", world_.files).html; }
  static std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
    return found;
  }

  FakeWorld world_;
};

TEST_F(SessionPageTest, HoldsRoundsPicturesRewardsAndReactions) {
  talk({"add a moon", "/like 2", "/pick 1", "/accept"});
  const std::string html = page();
  EXPECT_EQ(session_page("/s", world_.files).rounds, 2);
  EXPECT_EQ(count(html, "data:image/png;base64,"), 4u);
  for (const char* part : {"Round 2 – accepted", "<ins>and a moon</ins>", ">liked<", "λ(t=1)",
                           "rewards of the highest", "add a moon", "seed 7", "unet sha256"}) {
    EXPECT_NE(html.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(count(html, "class=\"picked\""), 2u);
}

TEST_F(SessionPageTest, TextFromTheSessionIsEscaped) {
  talk({"add a <script>alert(1)</script>"}, "a <img src=x> \"star\"");
  const std::string html = page();
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_EQ(html.find("<img src=x"), std::string::npos);
  EXPECT_NE(html.find("&lt;img src=x&gt;"), std::string::npos);
}

TEST_F(SessionPageTest, WhatIsNoPictureDoesNotGoIntoThePage) {
  talk({});
  world_.files.files["/s/round-001.png"] = "a secret";
  const std::string html = page();
  EXPECT_EQ(count(html, "data:image/png;base64,"), 1u);
  EXPECT_EQ(count(html, "the picture is missing"), 1u);
}

TEST_F(SessionPageTest, TornLinesAndMissingPicturesAreNamed) {
  talk({"add a moon"});
  world_.files.files["/s/session.jsonl"] += "{\"event\":";
  world_.files.files.erase("/s/round-001.png");
  const std::string html = page();
  EXPECT_NE(html.find("torn: 9 bytes"), std::string::npos);
  EXPECT_EQ(count(html, "the picture is missing"), 1u);
  EXPECT_EQ(error_of([&] { session_page("/nowhere", world_.files); }).kind(), ErrorKind::io);
}

}  // namespace
}  // namespace omr::replay
