#include "omr/llm/refiner_template.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "omr/core/error.h"

namespace omr::llm {
namespace {

namespace fs = std::filesystem;

class RefinerTemplateTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "omr-template-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }
  void write(const char* file, const std::string& text) { std::ofstream(folder_ / file) << text; }

  fs::path folder_;
};

TEST_F(RefinerTemplateTest, ReadsRefinerJson) {
  write("refiner.json",
        R"({"template": "A {feedback} B {prompt} C", "stop": ["\n", "##"], "max_new_tokens": 9})");
  const RefinerTemplate read = RefinerTemplate::of_folder(folder_);
  EXPECT_EQ(read.stop, (std::vector<std::string>{"\n", "##"}));
  EXPECT_EQ(read.max_new_tokens, 9);
  EXPECT_EQ(read.fixed_prefix(), "A ");
  EXPECT_EQ(fill_template(read.text, "p", "f"), "A f B p C");
}

TEST_F(RefinerTemplateTest, AModelIsGivenAllWishesAtOnceUnlessItsFileSaysOtherwise) {
  write("refiner.json", R"({"template": "{prompt} {feedback}"})");
  EXPECT_FALSE(RefinerTemplate::of_folder(folder_).one_wish_at_a_time);
  write("refiner.json", R"({"template": "{prompt} {feedback}", "one_wish_at_a_time": true})");
  EXPECT_TRUE(RefinerTemplate::of_folder(folder_).one_wish_at_a_time);
}

TEST_F(RefinerTemplateTest, WhatTheUserWroteIsNotFilledAgain) {
  EXPECT_EQ(fill_template("{prompt}|{feedback}|", "{feedback}", "{prompt}"),
            "{feedback}|{prompt}|");
}

TEST_F(RefinerTemplateTest, BadRefinerJsonIsRefused) {
  for (const char* text :
       {"{}", R"({"template": "{prompt}"})", R"({"template": "{prompt}{prompt}{feedback}"})",
        R"({"template": "{prompt}{feedback}", "stop": [""]})",
        R"({"template": "{prompt}{feedback}", "stopp": []})",
        R"({"template": "{prompt}{feedback}", "max_new_tokens": 0})",
        R"({"template": "{prompt}{feedback}")", "[]"}) {
    write("refiner.json", text);
    EXPECT_THROW(RefinerTemplate::of_folder(folder_), Error) << text;
  }
}

TEST_F(RefinerTemplateTest, TakesTheMarkupOfTheFoldersChatTemplate) {
  write("tokenizer_config.json", R"({"chat_template": "x <|user|> y"})");
  EXPECT_NE(RefinerTemplate::of_folder(folder_).text.find("<|assistant|>"), std::string::npos);
  EXPECT_TRUE(RefinerTemplate::of_folder(folder_).is_chat);
  write("tokenizer_config.json",
        R"({"chat_template": [{"name": "default", "template": "[INST]"}]})");
  EXPECT_TRUE(RefinerTemplate::of_folder(folder_).text.starts_with("<s>[INST] "));
  write("chat_template.jinja", "<start_of_turn>");
  EXPECT_TRUE(RefinerTemplate::of_folder(folder_).text.ends_with("<start_of_turn>model\n"));
  fs::remove(folder_ / "chat_template.jinja");
  for (const char* config : {"{}", R"({"chat_template": "unheard of"})"}) {
    write("tokenizer_config.json", config);
    EXPECT_FALSE(RefinerTemplate::of_folder(folder_).is_chat);
    EXPECT_TRUE(RefinerTemplate::of_folder(folder_).text.ends_with("Refined:"));
  }
}

TEST_F(RefinerTemplateTest, OwnInstructionsHoldBothPlacesOnceAndExamples) {
  for (const char* chat_template :
       {"", "<<SYS>>", "[INST]", "<|user|>", "<start_of_turn>", "<|im_start|>"}) {
    const std::string text =
        RefinerTemplate::instruction(recognise_chat_markup(chat_template)).text;
    EXPECT_EQ(text.find("{prompt}"), text.rfind("{prompt}"));
    EXPECT_EQ(text.find("{feedback}"), text.rfind("{feedback}"));
    EXPECT_NE(text.find("{prompt}"), std::string::npos);
    EXPECT_LT(text.find("Negative: cars"), text.find("{prompt}"));
  }
}

}  // namespace
}  // namespace omr::llm
