#include "omr/io/safetensors.h"

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "omr/io/json_file.h"

#include "support/error_of.h"
#include "support/temporary_folder.h"

namespace omr::io {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;

std::string length_bytes(std::uint64_t length) {
  std::string out;
  for (int i = 0; i < 8; ++i) out += static_cast<char>((length >> (8 * i)) & 0xFF);
  return out;
}

std::string file_of(const std::string& header, const std::string& data = "") {
  return length_bytes(header.size()) + header + data;
}

bool same_tensor(const at::Tensor& a, const at::Tensor& b) {
  return a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes() &&
         (a.nbytes() == 0 ||
          std::memcmp(a.contiguous().data_ptr(), b.contiguous().data_ptr(), a.nbytes()) == 0);
}

// One tensor of 2 x 2 fp32, with this for its shape and offsets.
std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"w":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets +
         "}}";
}

struct BrokenFile {
  const char* rule;
  std::string bytes;
  std::string says;
};

std::vector<BrokenFile> broken_files() {
  const std::string data(16, 'x');
  const std::string valid = one("\"F32\"", "[2,2]", "[0,16]");
  const auto two = [&](const std::string& first, const std::string& second) {
    return file_of(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":)" + first +
                       R"(},"b":{"dtype":"U8","shape":[8],"data_offsets":)" + second + "}}",
                   data);
  };
  const auto with = [&](const std::string& dtype, const std::string& shape,
                        const std::string& offsets) {
    return file_of(one(dtype, shape, offsets), data);
  };
  std::string deep = R"({"w":)";
  for (int i = 0; i < 100'000; ++i) deep += '[';
  return {
      {"Empty", "", "shorter than"},
      {"NoRoomForTheLength", "\x10\0\0"s, "shorter than"},
      {"HeaderOverTheLimit", length_bytes(100'000'001) + valid + data, "over the limit"},
      {"HeaderLengthOf64Ones", std::string(8, '\xff') + valid + data, "over the limit"},
      {"HeaderLongerThanTheFile", length_bytes(1000) + valid + data, "cut short"},
      {"HeaderEmpty", file_of(""), "begin with {"},
      {"HeaderBeginsWithASpace", file_of(" " + valid, data), "begin with {"},
      {"HeaderIsAList", file_of("[1]"), "begin with {"},
      {"HeaderIsNotJson", file_of("{not json}"), "not valid JSON"},
      {"HeaderIsCutJson", file_of(valid.substr(0, valid.size() - 1), data), "not valid JSON"},
      {"HeaderHasJsonBehindIt", file_of(valid + "{}", data), "not valid JSON"},
      {"HeaderHasNulAndMoreBehindIt", file_of(valid + "\0{\"polyglot\""s, data), "not valid JSON"},
      {"HeaderIsNotUtf8", file_of("{\"\xff\":1}"), "not valid JSON"},
      {"HeaderIsDeep", file_of(deep), "nested deeper"},
      {"DuplicateTensor",
       file_of(R"({"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)"
               R"("w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})"),
       "twice"},
      {"DuplicateOffsets",
       file_of(R"({"w":{"dtype":"U8","shape":[16],"data_offsets":[0,0],"data_offsets":[0,16]}})",
               data),
       "twice"},
      {"DuplicateMetadata", file_of(R"({"__metadata__":{"a":"1","a":"2"}})"), "twice"},
      {"MetadataIsNoObject", file_of(R"({"__metadata__":"pt"})"), "__metadata__ is not an object"},
      {"MetadataIsNoText", file_of(R"({"__metadata__":{"epoch":3}})"), "is not a string"},
      {"EntryIsANumber", file_of(R"({"w":3})"), "expected the keys"},
      {"EntryLacksItsShape", file_of(R"({"w":{"dtype":"F32","data_offsets":[0,16]}})", data),
       "expected the keys"},
      {"EntryHasAnotherKey",
       file_of(R"({"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16],"x":1}})", data),
       "expected the keys"},
      {"DtypeUnknown", with("\"F31\"", "[4]", "[0,16]"), "unknown dtype"},
      {"DtypeIsANumber", with("32", "[4]", "[0,16]"), "dtype is not a string"},
      {"ShapeIsANumber", with("\"F32\"", "4", "[0,16]"), "shape is not a list"},
      {"ShapeIsNegative", with("\"F32\"", "[-2,-2]", "[0,16]"), "not a size"},
      {"ShapeIsAFraction", with("\"F32\"", "[2.0,2]", "[0,16]"), "not a size"},
      {"ShapeIsText", with("\"F32\"", "[\"4\"]", "[0,16]"), "not a size"},
      {"ShapeAboveInt64", with("\"U8\"", "[9223372036854775808]", "[0,16]"), "overflows"},
      {"ShapeProductOverflows", with("\"U8\"", "[4294967296,4294967296]", "[0,0]"), "overflows"},
      {"ShapeTimesDtypeOverflows", with("\"F32\"", "[4611686018427387904]", "[0,0]"), "overflows"},
      {"ShapeOverflowsBesideZero", file_of(one("\"U8\"", "[0,4611686018427387904,8]", "[0,0]")),
       "overflows"},
      {"ShapeOverflowsInFrontOfZero", file_of(one("\"U8\"", "[4611686018427387904,8,0]", "[0,0]")),
       "overflows"},
      {"TooManyDimensions",
       file_of(one(
                   "\"U8\"",
                   "[" +
                       [] {
                         std::string ones = "1";
                         for (int i = 0; i < 80; ++i) ones += ",1";
                         return ones;
                       }() +
                       "]",
                   "[0,1]"),
               "x"),
       "shape is not a list"},
      {"ShapeAndOffsetsDisagree", with("\"F32\"", "[3]", "[0,16]"), "takes 12 bytes"},
      {"DtypeAndOffsetsDisagree", with("\"F16\"", "[4]", "[0,16]"), "takes 8 bytes"},
      {"OffsetsRunBackwards", with("\"F32\"", "[4]", "[16,0]"), "backwards"},
      {"OffsetsAreOne", with("\"F32\"", "[4]", "[16]"), "not a pair"},
      {"OffsetsAreNegative", with("\"F32\"", "[4]", "[-16,0]"), "not a pair"},
      {"OffsetsBeyondTheFile", with("\"U8\"", "[32]", "[0,32]"), "cut short"},
      {"OffsetsFarBeyondTheFile",
       with("\"U8\"", "[9223372036854775807]", "[0,9223372036854775807]"), "cut short"},
      {"GapAtTheBeginning", with("\"U8\"", "[15]", "[1,16]"), "a gap or an overlap"},
      {"GapInTheMiddle", two("[0,8]", "[9,17]"), "a gap or an overlap"},
      {"Overlap", two("[0,8]", "[7,15]"), "a gap or an overlap"},
      {"TwoTensorsOnTheSameBytes", two("[0,8]", "[0,8]"), "a gap or an overlap"},
      {"BytesBehindTheLastTensor", file_of(valid, data + "y"), "takes"},
      {"DataWithoutATensor", file_of("{}", "x"), "the file holds 1"},
      {"Gguf", "GGUF\3\0\0\0\0\0\0\0"s, "GGUF"},
      {"LfsPointer", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n",
       "git lfs pull"},
  };
}

class SafetensorsRuleTest : public testing::TestWithParam<BrokenFile> {};

TEST_P(SafetensorsRuleTest, IsEnforced) {
  const Error error =
      error_of([&] { SafetensorsFile::from_bytes(GetParam().bytes, "hostile.safetensors"); });
  EXPECT_EQ(error.kind(), ErrorKind::format);
  EXPECT_TRUE(says(error, "hostile.safetensors")) << error.what();
  if (GetParam().says != "takes") {
    EXPECT_TRUE(says(error, GetParam().says)) << error.what();
  }
  EXPECT_LT(std::string(error.what()).size(), 1000u);
}

INSTANTIATE_TEST_SUITE_P(Broken, SafetensorsRuleTest, testing::ValuesIn(broken_files()),
                         [](const auto& info) { return info.param.rule; });

TEST(SafetensorsFileTest, AcceptsWhatTheRulesAllow) {
  const auto file = SafetensorsFile::from_bytes(
      file_of(R"({"b":{"dtype":"F32","shape":[],"data_offsets":[1,5]},"__metadata__":{},)"
              R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
              R"("none":{"dtype":"F64","shape":[3,0],"data_offsets":[1,1]}}      )",
              "\x07\0\0\x80\x3f"s),
      "memory");
  ASSERT_EQ(file->tensors().size(), 3u);
  EXPECT_EQ(file->tensors()[0].name, "a");
  EXPECT_EQ(file->tensors()[2].name, "b");
  EXPECT_EQ(file->tensor("a").item<int>(), 7);
  EXPECT_EQ(file->tensor("b").item<float>(), 1.0f) << "the format does not promise alignment";
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(file->tensor("b").data_ptr()) % 4, 0u);
  EXPECT_EQ(file->tensor("none").sizes(), (at::IntArrayRef{3, 0}));
  EXPECT_TRUE(SafetensorsFile::from_bytes(file_of("{}"), "memory")->tensors().empty());
}

TEST(SafetensorsFileTest, NamesTheTensorThatIsNotThere) {
  const auto file = SafetensorsFile::from_bytes(file_of("{}"), "memory");
  EXPECT_EQ(file->find("w"), nullptr);
  const Error error = error_of([&] { file->tensor("w"); });
  EXPECT_EQ(error.kind(), ErrorKind::format);
  EXPECT_TRUE(says(error, "memory has no tensor \"w\""));
}

TEST(SafetensorsFileTest, RefusesWhatIsNoRegularFile) {
  const TemporaryFolder folder;
  const fs::path pipe = folder.path() / "pipe";  // which nobody writes to
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const fs::path& path :
       {folder.path() / "absent", folder.path(), fs::path("/dev/zero"), pipe}) {
    const Error error = error_of([&] { SafetensorsFile::open(path); });
    EXPECT_EQ(error.kind(), ErrorKind::io) << path;
    EXPECT_TRUE(says(error, path.string())) << error.what();
  }
}

TEST(SafetensorsFileTest, CutOrLengthenedAtAnyByteIsAFormatError) {
  const std::string whole = encode_safetensors({{"a", at::arange(3, at::kFloat)},
                                                {"b", at::tensor({1, 2}, at::kByte)},
                                                {"c", at::empty({0})}},
                                               {{"k", "v"}});
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_EQ(error_of([&] { SafetensorsFile::from_bytes(whole.substr(0, length), "cut"); }).kind(),
              ErrorKind::format)
        << length;
  }
  EXPECT_EQ(error_of([&] { SafetensorsFile::from_bytes(whole + "x", "long"); }).kind(),
            ErrorKind::format);
}

TEST(SafetensorsFileTest, AnyChangedByteIsReadOrAFormatError) {
  const std::string whole =
      encode_safetensors({{"a", at::arange(3, at::kFloat)}, {"b", at::tensor({1, 2}, at::kByte)}});
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char to : {'\0', '"', '{', '9', '-', '\xff'}) {
      std::string changed = whole;
      changed[at] = to;
      try {
        const auto file = SafetensorsFile::from_bytes(changed, "changed");
        for (const TensorInfo& info : file->tensors())
          file->tensor(info.name).to(at::kDouble).sum();
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::format) << error.what();
      }
    }
  }
}

TEST(SafetensorsFileTest, ViewsShareTheMappingAndOutliveTheFileObject) {
  const TemporaryFolder folder;
  write_safetensors(folder.path() / "w", {{"w", at::arange(6, at::kFloat)}});
  at::Tensor view, again;
  {
    const auto file = SafetensorsFile::open(folder.path() / "w");
    view = file->tensor("w");
    again = file->tensor("w");
  }
  EXPECT_EQ(view.data_ptr(), again.data_ptr());
  view.add_(1);
  EXPECT_EQ(again.sum().item<float>(), 21.0f);
}

TEST(SafetensorsFileTest, WritingToAViewNeverChangesTheFile) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "w";
  write_safetensors(path, {{"w", at::ones({1000})}});
  const std::string before = bytes_of(path);
  SafetensorsFile::open(path)->tensor("w").fill_(5);
  EXPECT_EQ(bytes_of(path), before);
  EXPECT_EQ(SafetensorsFile::open(path)->tensor("w").sum().item<float>(), 1000.0f);
}

TEST(SafetensorsFileTest, SurvivesAnAdapterSavedOverTheFileItCameFrom) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "w";
  write_safetensors(path, {{"w", at::ones({5000})}});
  const at::Tensor view = SafetensorsFile::open(path)->tensor("w");
  write_safetensors(path, {{"w", view * 2}});
  EXPECT_EQ(view.sum().item<float>(), 5000.0f);
  EXPECT_EQ(SafetensorsFile::open(path)->tensor("w").sum().item<float>(), 10000.0f);
}

TEST(SafetensorsWriterTest, AlignsEveryTensorAndPadsTheHeader) {
  const std::string bytes = encode_safetensors({{"z", at::ones({3}, at::kByte)},
                                                {"half", at::ones({3}, at::kHalf)},
                                                {"double", at::ones({2}, at::kDouble)},
                                                {"float", at::ones({1})}});
  std::uint64_t header = 0;
  for (int i = 7; i >= 0; --i)
    header = header << 8 | static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
  EXPECT_EQ(header % 8, 0u);
  const auto file = SafetensorsFile::from_bytes(bytes, "memory");
  for (const TensorInfo& info : file->tensors())
    EXPECT_EQ(info.begin % c10::elementSize(info.dtype), 0u) << info.name;
}

TEST(SafetensorsWriterTest, WritesTransposedTensorsInTheirOrder) {
  const at::Tensor transposed = at::arange(6, at::kFloat).view({2, 3}).t();
  const auto file = SafetensorsFile::from_bytes(encode_safetensors({{"t", transposed}}), "memory");
  EXPECT_TRUE(at::equal(file->tensor("t"), transposed));
}

TEST(SafetensorsWriterTest, RefusesTypesThatTheFormatLacks) {
  EXPECT_EQ(error_of([] {
              encode_safetensors({{"c", at::ones({1}, at::kComplexFloat)}});
            }).kind(),
            ErrorKind::format);
}

const fs::path kPeersSafetensors = OMR_PEERS "/io/safetensors";

TEST(SafetensorsWriterTest, RefusesNamesThatNoReaderWouldTake) {
  const at::Tensor one = at::ones({1});
  for (const NamedTensors& tensors :
       {NamedTensors{{"a\xC1", one}}, NamedTensors{{"a", one}, {"b", one}, {"a", one}},
        NamedTensors{{"__metadata__", one}}}) {
    EXPECT_EQ(error_of([&] { encode_safetensors(tensors); }).kind(), ErrorKind::format);
  }
  const std::string bytes = encode_safetensors({{"a", one}}, {{"file", "x\xFF"}});
  EXPECT_EQ(SafetensorsFile::from_bytes(bytes, "b")->metadata().at("file"), "x\uFFFD");
}

TEST(PeersSafetensorsTest, EveryElementTypeIsReadAsSafetensorsWroteIt) {
  const auto file = SafetensorsFile::open(kPeersSafetensors / "all.safetensors");
  const Json values = read_json(kPeersSafetensors / "all.json");
  EXPECT_EQ(file->metadata().at("format"), "pt");
  EXPECT_EQ(file->metadata().at("note"), "日本 \"quoted\"");
  ASSERT_EQ(file->tensors().size(), values.size());
  for (const auto& [name, expected] : values.items()) {
    SCOPED_TRACE(name);
    const at::Tensor tensor = file->tensor(name);
    EXPECT_EQ(tensor.sizes(),
              at::IntArrayRef(expected.at("shape").get<std::vector<std::int64_t>>()));
    const at::Tensor flat = tensor.to(at::kDouble).flatten().contiguous();
    const std::vector<double> got(flat.const_data_ptr<double>(),
                                  flat.const_data_ptr<double>() + flat.numel());
    EXPECT_EQ(got, expected.at("values").get<std::vector<double>>());
  }
}

TEST(PeersSafetensorsTest, WhatIsWrittenEqualsWhatThePeerWrote) {
  const TemporaryFolder folder;
  const auto peer = SafetensorsFile::open(kPeersSafetensors / "all.safetensors");
  NamedTensors tensors;
  for (const TensorInfo& info : peer->tensors()) {
    if (!at::isFloat8Type(info.dtype)) tensors.emplace_back(info.name, peer->tensor(info.name));
  }
  ASSERT_EQ(tensors.size(), peer->tensors().size() - 2);
  write_safetensors(folder.path() / "ours.safetensors", tensors, peer->metadata());
  const auto ours = SafetensorsFile::open(folder.path() / "ours.safetensors");
  EXPECT_EQ(ours->metadata(), peer->metadata());
  ASSERT_EQ(ours->tensors().size(), tensors.size());
  for (const auto& [name, tensor] : tensors)
    EXPECT_TRUE(same_tensor(ours->tensor(name), tensor)) << name;
}

TEST(PeersSafetensorsTest, AFileOfThePeerCutAtAnyByteIsAFormatError) {
  const TemporaryFolder folder;
  const std::string whole = bytes_of(kPeersSafetensors / "small.safetensors");
  ASSERT_GT(whole.size(), 100u);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const fs::path path = folder.write("cut.safetensors", whole.substr(0, length));
    EXPECT_EQ(error_of([&] { SafetensorsFile::open(path); }).kind(), ErrorKind::format) << length;
  }
  EXPECT_NO_THROW(SafetensorsFile::open(folder.write("cut.safetensors", whole)));
}

TEST(PeersSafetensorsTest, PicklesAreRefusedByContentWithAHint) {
  const TemporaryFolder folder;
  for (const char* name :
       {"zip.bin", "legacy.ckpt", "pickle-2.pt", "pickle-3.pt", "pickle-4.pt", "pickle-5.pt"}) {
    const fs::path disguised =
        folder.write("model.safetensors", bytes_of(kPeersSafetensors / name));
    for (const fs::path& path : {kPeersSafetensors / name, disguised}) {
      const Error error = error_of([&] { SafetensorsFile::open(path); });
      EXPECT_EQ(error.kind(), ErrorKind::format) << path;
      EXPECT_TRUE(says(error, "pickle") && says(error, "Convert it to safetensors"))
          << error.what();
    }
  }
}

}  // namespace
}  // namespace omr::io
