#include "omr/session/command.h"

#include <gtest/gtest.h>

#include "omr/core/error.h"

namespace omr::session {
namespace {

template <typename T>
T parsed(std::string_view line) {
  return std::get<T>(parse_command(line));
}

std::string command_refusal(std::string_view line) {
  try {
    parse_command(line);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.what();
  }
  ADD_FAILURE() << "taken: " << line.substr(0, 80);
  return "";
}

TEST(CommandTest, ALineWithoutSlashIsFeedback) {
  EXPECT_EQ(parsed<Feedback>("  make the star bigger \r\n").text, "make the star bigger");
  EXPECT_EQ(parsed<Feedback>("either/or").text, "either/or");
}

TEST(CommandTest, WhiteSpaceAloneIsBlank) {
  EXPECT_TRUE(std::holds_alternative<Blank>(parse_command("")));
  EXPECT_TRUE(std::holds_alternative<Blank>(parse_command(" \t\r\n")));
}

TEST(CommandTest, CandidateIsOptionalWhereThePickedOneIsMeant) {
  EXPECT_EQ(parsed<AcceptCommand>("/accept").candidate, std::nullopt);
  EXPECT_EQ(parsed<AcceptCommand>("/accept 2").candidate, 2);
  EXPECT_EQ(parsed<LikeCommand>("/like 3").candidate, 3);
  EXPECT_EQ(parsed<DislikeCommand>("  /dislike").candidate, std::nullopt);
  EXPECT_EQ(parsed<PickCommand>("/pick   4 ").candidate, 4);
}

TEST(CommandTest, ReadsNumbersOfEachCommand) {
  EXPECT_EQ(parsed<GotoCommand>("/goto 12").round, 12);
  EXPECT_EQ(parsed<SeedCommand>("/seed 18446744073709551615").seed, UINT64_MAX);
  EXPECT_DOUBLE_EQ(parsed<StrengthCommand>("/strength 0.55").strength, 0.55);
  EXPECT_DOUBLE_EQ(parsed<StrengthCommand>("/strength 1").strength, 1.0);
  EXPECT_EQ(parsed<StepsCommand>("/steps 30").steps, 30);
  EXPECT_EQ(parsed<CandidatesCommand>("/candidates 4").candidates, 4);
  command_refusal("/steps 0");
  command_refusal("/steps 1001");
  command_refusal("/candidates 65");
}

TEST(CommandTest, LoraTakesAWeightBehindTheLastColon) {
  EXPECT_EQ(parsed<LoraCommand>("/lora a b.safetensors:0.8").lora,
            (LoraChoice{"a b.safetensors", 0.8}));
  EXPECT_EQ(parsed<LoraCommand>("/lora x.safetensors").lora, (LoraChoice{"x.safetensors", 1.0}));
  EXPECT_EQ(parsed<LoraCommand>("/lora c:/x.safetensors").lora,
            (LoraChoice{"c:/x.safetensors", 1.0}));
  EXPECT_EQ(parsed<LoraCommand>("/lora x:-1").lora, (LoraChoice{"x", -1.0}));
  command_refusal("/lora x:");
  command_refusal("/lora x:1.2.3");
  command_refusal("/lora :1");
  command_refusal("/lora x:1e9");
}

TEST(CommandTest, PromptKeepsTheRestOfTheLine) {
  EXPECT_EQ(parsed<PromptCommand>("/prompt a (red:1.2)  star").text, "a (red:1.2)  star");
}

TEST(CommandTest, WrongUseSaysHowItIsUsed) {
  EXPECT_NE(command_refusal("/pick").find("/pick K"), std::string::npos);
  EXPECT_NE(command_refusal("/pick 0").find("/pick K"), std::string::npos);
  EXPECT_NE(command_refusal("/goto two").find("/goto N"), std::string::npos);
  EXPECT_NE(command_refusal("/seed -1").find("/seed N"), std::string::npos);
  EXPECT_NE(command_refusal("/strength 0").find("/strength S"), std::string::npos);
  EXPECT_NE(command_refusal("/strength nan").find("/strength S"), std::string::npos);
  EXPECT_NE(command_refusal("/undo 2").find("/undo"), std::string::npos);
  EXPECT_NE(command_refusal("/prompt").find("/prompt TEXT"), std::string::npos);
}

TEST(CommandTest, UnknownCommandSuggestsTheNearest) {
  EXPECT_NE(command_refusal("/acept").find("/accept"), std::string::npos);
  EXPECT_NE(command_refusal("/str 0.5").find("/help"), std::string::npos);
  EXPECT_NE(command_refusal("/xylophone").find("/help"), std::string::npos);
  EXPECT_NE(command_refusal("/").find("/help"), std::string::npos);
}

TEST(CommandTest, HostileLinesAreRefused) {
  EXPECT_NE(command_refusal(std::string(100'000, 'x')).find("100000"), std::string::npos);
  EXPECT_NE(command_refusal("a \xFF star").find("UTF-8"), std::string::npos);
  EXPECT_NE(command_refusal(std::string("a\0b", 3)).find("control"), std::string::npos);
  EXPECT_NE(command_refusal("\x1b[31mred").find("control"), std::string::npos);
  EXPECT_NE(command_refusal("a \u0085 star").find("control"), std::string::npos);
}

TEST(CommandTest, EveryCommandOfTheHelpIsKnown) {
  for (const CommandHelp& help : command_help()) {
    const std::string name = help.usage.substr(0, help.usage.find(' '));
    try {
      parse_command(name);
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find("there is no command"), std::string::npos) << name;
    }
  }
  EXPECT_EQ(command_help().size(), 17u);
}

}  // namespace
}  // namespace omr::session
