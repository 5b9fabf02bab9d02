#include "omr/io/json_file.h"

#include <cstdint>
#include <limits>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/error_of.h"
#include "support/temporary_folder.h"

namespace omr::io {
namespace {

using namespace std::string_literals;

Config config(const std::string& text) {
  return Config(parse_json(text, "config.json"), "config.json");
}

Error refused(const std::string& text) {
  return error_of([&] { parse_json(text, "config.json"); });
}

TEST(ParseJsonTest, NamesTheSourceAndTheByteOfASyntaxError) {
  for (const std::string& text :
       {""s, "{"s, "{\"a\":}"s, "{\"a\":1,}"s, "{'a':1}"s, "{\"a\":1} x"s, "{\"a\":\"\xff\"}"s,
        "{\"a\":NaN}"s, "{\"a\":1} // c"s, "{\"a\":\"\n\"}"s}) {
    const Error error = refused(text);
    EXPECT_EQ(error.kind(), ErrorKind::format) << text;
    EXPECT_TRUE(says(error, "config.json: not valid JSON at byte")) << error.what();
  }
}

TEST(ParseJsonTest, ANulByteDoesNotEndTheInput) {
  EXPECT_EQ(refused("{\"a\":1}\0{\"b\":2}"s).kind(), ErrorKind::format);
  EXPECT_EQ(refused("{\"a\":1}\0"s).kind(), ErrorKind::format);
  EXPECT_EQ(parse_json("{\"a\":\"\\u0000\"}", "x").at("a").get<std::string>(), "\0"s);
}

TEST(ParseJsonTest, RefusesNumbersOutOfRange) {
  EXPECT_EQ(refused("{\"a\":1e999}").kind(), ErrorKind::format);
}

TEST(ParseJsonTest, RefusesDuplicateKeysAtAnyDepth) {
  EXPECT_TRUE(says(refused(R"({"a":1,"b":2,"a":3})"), "\"a\" appears twice"));
  EXPECT_TRUE(says(refused(R"({"x":[{"b":1,"b":1}]})"), "\"b\" appears twice"));
  EXPECT_TRUE(says(refused(R"({"a":1,"\u0061":2})"), "\"a\" appears twice"));
  EXPECT_NO_THROW(parse_json(R"({"a":{"a":1},"b":[{"a":1},{"a":2}]})", "x"));
}

TEST(ParseJsonTest, RefusesDepthBombsAndTakesModestDepth) {
  for (const std::string& open : {"["s, "{\"a\":"s}) {
    std::string bomb;
    for (int i = 0; i < 200'000; ++i) bomb += open;
    EXPECT_TRUE(says(refused(bomb), "nested deeper")) << open;
  }
  EXPECT_NO_THROW(parse_json(std::string(60, '[') + std::string(60, ']'), "x"));
}

TEST(ReadTextTest, ReadsWholeFilesUpToALimit) {
  const TemporaryFolder folder;
  const std::string text("a\0b\n", 4);
  const auto path = folder.write("f", text);
  EXPECT_EQ(read_text(path), text);
  EXPECT_EQ(read_text(path, 4), text);
  EXPECT_EQ(read_text(folder.write("empty", "")), "");
  const Error error = error_of([&] { read_text(path, 3); });
  EXPECT_EQ(error.kind(), ErrorKind::format);
  EXPECT_TRUE(says(error, path.string())) << error.what();
}

TEST(ReadTextTest, StopsAtTheLimitWhereTheSizeIsUnknown) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "12345", 5), 5);
  ::close(ends[1]);
  const std::string name = "/dev/fd/" + std::to_string(ends[0]);
  EXPECT_EQ(error_of([&] { read_text(name, 4); }).kind(), ErrorKind::format);
  ::close(ends[0]);
}

TEST(ReadTextTest, ReadsAPipeThatTheShellHandsOver) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "text", 4), 4);
  ::close(ends[1]);
  EXPECT_EQ(read_text("/dev/fd/" + std::to_string(ends[0])), "text");
  ::close(ends[0]);
}

TEST(ReadTextTest, RefusesOtherPipesAndDevicesAtOnce) {
  const TemporaryFolder folder;
  const std::filesystem::path pipe = folder.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const std::filesystem::path& path : {pipe, std::filesystem::path("/dev/zero")}) {
    const Error error = error_of([&] { read_text(path); });
    EXPECT_EQ(error.kind(), ErrorKind::io);
    EXPECT_TRUE(says(error, path.string() + ": not a regular file")) << error.what();
  }
}

TEST(ReadTextTest, NamesTheFileAndTheCauseOnFailure) {
  const TemporaryFolder folder;
  const Error missing = error_of([&] { read_text(folder.path() / "absent.json"); });
  EXPECT_EQ(missing.kind(), ErrorKind::io);
  EXPECT_TRUE(says(missing, "absent.json") && says(missing, "No such file")) << missing.what();
  const Error directory = error_of([&] { read_text(folder.path()); });
  EXPECT_EQ(directory.kind(), ErrorKind::io);
  EXPECT_TRUE(says(directory, "folder")) << directory.what();
}

TEST(ConfigTest, IsAnObject) {
  for (const char* text : {"[]", "3", "\"a\"", "null"}) {
    const Error error = error_of([&] { config(text); });
    EXPECT_EQ(error.kind(), ErrorKind::format);
    EXPECT_TRUE(says(error, "config.json: expected a JSON object"));
  }
}

TEST(ConfigTest, GivesTypedValuesAndDefaults) {
  const Config c = config(
      R"({"i":-3,"u":9223372036854775807,"n":2.5,"b":true,"s":"x","is":[1,2],"ns":[1,2.5],"ts":["a"],
                             "child":{"i":4},"null":null})");
  EXPECT_EQ(c.integer("i"), -3);
  EXPECT_EQ(c.integer("u"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(c.integer("absent", 7), 7);
  EXPECT_EQ(c.integer("null", 7), 7);
  EXPECT_EQ(c.number("n", 0), 2.5);
  EXPECT_EQ(c.number("i", 0), -3.0);
  EXPECT_TRUE(c.boolean("b", false));
  EXPECT_TRUE(c.boolean("absent", true));
  EXPECT_EQ(c.text("s"), "x");
  EXPECT_EQ(c.text("absent", "y"), "y");
  EXPECT_EQ(c.integers("is"), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(c.numbers("ns"), (std::vector<double>{1, 2.5}));
  EXPECT_EQ(c.texts("ts"), std::vector<std::string>{"a"});
  EXPECT_EQ(c.child("child").integer("i"), 4);
  EXPECT_TRUE(c.has("i"));
  EXPECT_FALSE(c.has("null"));
}

TEST(ConfigTest, TakesPythonsInfinitiesOfAFileForTexts) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.write(
      "config.json", R"({"a":-Infinity,"b":[NaN,Infinity],"c":"\\\"-Infinity","d":"\\","e":NaN})");
  const Config c(path);
  EXPECT_EQ(c.text("a"), "-Infinity");
  EXPECT_EQ(c.texts("b"), (std::vector<std::string>{"NaN", "Infinity"}));
  EXPECT_EQ(c.text("c"), "\\\"-Infinity");
  EXPECT_EQ(c.text("d"), "\\");
  EXPECT_TRUE(says(error_of([&] { c.number("e", 0); }), "\"e\": expected a number, found \"NaN\""));
}

TEST(ConfigTest, NamesFileKeyExpectedAndFound) {
  const Config c = config(
      R"({"n":2.5,"i":3,"s":"x","big":9223372036854775808,"mixed":[1,"a"],"bigs":[9223372036854775808],
                             "child":{"i":"four"}})");
  const auto message = [&](const auto& get) {
    const Error error = error_of([&] { get(); });
    EXPECT_EQ(error.kind(), ErrorKind::format);
    return std::string(error.what());
  };
  EXPECT_EQ(message([&] { c.integer("n"); }), "config.json: \"n\": expected an integer, found 2.5");
  EXPECT_EQ(message([&] { c.integer("absent"); }),
            "config.json: \"absent\": expected an integer, found nothing");
  EXPECT_EQ(message([&] { c.integer("s", 1); }),
            "config.json: \"s\": expected an integer, found \"x\"");
  EXPECT_EQ(message([&] { c.child("child").integer("i"); }),
            "config.json: child: \"i\": expected an integer, found \"four\"");
  message([&] { c.integer("big"); });
  message([&] { c.integers("bigs"); });
  message([&] { c.number("s", 1); });
  message([&] { c.boolean("i", true); });
  message([&] { c.text("i"); });
  message([&] { c.text("i", ""); });
  message([&] { c.integers("mixed"); });
  message([&] { c.integers("i"); });
  message([&] { c.numbers("mixed"); });
  message([&] { c.texts("mixed"); });
  message([&] { c.child("i"); });
}

TEST(ConfigTest, KeepsIntegersWithinBounds) {
  const Config c = config(R"({"layers":12,"huge":4000000000000})");
  EXPECT_EQ(c.integer_within("layers", 12, 12), 12);
  for (const auto& [key, low, high] :
       {std::tuple("layers", 13, 20), std::tuple("layers", 1, 11), std::tuple("huge", 1, 1000)}) {
    const Error error =
        error_of([&, key = key, low = low, high = high] { c.integer_within(key, low, high); });
    EXPECT_EQ(error.kind(), ErrorKind::format);
    EXPECT_TRUE(says(error, "from " + std::to_string(low) + " to " + std::to_string(high)))
        << error.what();
  }
}

TEST(ConfigTest, ExpectRefusesOtherArchitectures) {
  const Config c = config(R"({"act":"geglu","none":null})");
  EXPECT_NO_THROW(c.expect("act", "geglu"));
  EXPECT_NO_THROW(c.expect("absent", 3));
  EXPECT_NO_THROW(c.expect("none", 3));
  const Error error = error_of([&] { c.expect("act", "relu"); });
  EXPECT_EQ(error.kind(), ErrorKind::mismatch);
  EXPECT_TRUE(says(error, "config.json") && says(error, "geglu") && says(error, "relu"))
      << error.what();
}

TEST(ConfigTest, AllowOnlyNamesTheMisspeltKey) {
  const Config c = config(R"({"steps":3,"guidence":4})");
  EXPECT_NO_THROW(c.allow_only({"steps", "guidence"}));
  const Error error = error_of([&] { c.allow_only({"steps", "guidance"}); });
  EXPECT_EQ(error.kind(), ErrorKind::format);
  EXPECT_TRUE(says(error, "unknown key \"guidence\"")) << error.what();
}

}  // namespace
}  // namespace omr::io
