#include "omr/io/png.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/io/json_file.h"
#include "omr/io/safetensors.h"

#include "support/error_of.h"
#include "support/temporary_folder.h"

namespace omr::io {
namespace {

namespace fs = std::filesystem;

Image picture(int width, int height) {
  Image image{width, height,
              std::vector<std::uint8_t>(static_cast<std::size_t>(width * height) * 3)};
  std::uint32_t state = 12345;
  for (std::uint8_t& value : image.pixels)
    value = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
  return image;
}

bool same(const Image& a, const Image& b) {
  return a.width == b.width && a.height == b.height && a.pixels == b.pixels;
}

std::string big_endian(std::uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 0xFF);
  return out;
}

// The chunk checksum of the PNG specification, annex D.
std::uint32_t crc_of(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFFu;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? 0xEDB88320u ^ (crc >> 1) : crc >> 1;
  }
  return ~crc;
}

std::string with_size(std::string png, std::uint32_t width, std::uint32_t height) {
  png.replace(16, 8, big_endian(width) + big_endian(height));
  return png.replace(29, 4, big_endian(crc_of(std::string_view(png).substr(12, 17))));
}

std::string from_hex(const std::string& hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return out;
}

TEST(PngTest, DecodesWhatItEncodes) {
  for (const auto& [width, height] : {std::pair(1, 1), std::pair(3, 2), std::pair(64, 64),
                                      std::pair(257, 31), std::pair(1, 500)}) {
    const Image image = picture(width, height);
    EXPECT_TRUE(same(decode_png(encode_png(image), "memory"), image)) << width << "x" << height;
  }
}

TEST(PngTest, GivesEqualBytesForEqualPictures) {
  EXPECT_EQ(encode_png(picture(20, 10), {{"k", "v"}}), encode_png(picture(20, 10), {{"k", "v"}}));
}

TEST(PngTest, TextChunksComeBackInOrderAndLeaveThePictureAlone) {
  const PngText text = {{"parameters", "a star\nSteps: 20"},
                        {"parameters", "星 \U0001f600"},
                        {"note", "caf\u00e9"},
                        {"empty", ""}};
  const Image image = picture(5, 4);
  const std::string bytes = encode_png(image, text);
  EXPECT_EQ(read_png_text(bytes, "memory"), text);
  EXPECT_TRUE(same(decode_png(bytes, "memory"), image));
  EXPECT_TRUE(read_png_text(encode_png(image), "memory").empty());
}

TEST(PngTest, CutAtAnyByteIsAFormatError) {
  const std::string whole = encode_png(picture(6, 5), {{"parameters", "x"}});
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const std::string cut = whole.substr(0, length);
    const Error error = error_of([&] { decode_png(cut, "cut.png"); });
    EXPECT_EQ(error.kind(), ErrorKind::format) << length;
    EXPECT_TRUE(says(error, "cut.png")) << error.what();
    try {
      read_png_text(cut, "cut.png");
    } catch (const Error& text_error) {
      EXPECT_EQ(text_error.kind(), ErrorKind::format);
    }
  }
}

TEST(PngTest, AnyChangedByteIsReadOrAFormatError) {
  const std::string whole = encode_png(picture(6, 5), {{"parameters", "x"}});
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int change : {1, 0x80, 0xFF}) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ change);
      try {
        decode_png(changed, "changed");
        read_png_text(changed, "changed");
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::format);
      }
    }
  }
}

TEST(PngTest, HostileSizesAreRefusedBeforeMemoryIsTaken) {
  const std::string small = encode_png(picture(4, 4));
  for (const auto& [width, height] :
       {std::pair(0u, 4u), std::pair(4u, 0u), std::pair(16385u, 1u), std::pair(1u, 16385u),
        std::pair(0x7FFFFFFFu, 0x7FFFFFFFu), std::pair(0xFFFFFFFFu, 4u), std::pair(16384u, 16384u),
        std::pair(5u, 4u), std::pair(4u, 5u)}) {
    const std::string hostile = with_size(small, width, height);
    const Error error = error_of([&, &hostile = hostile] { decode_png(hostile, "hostile.png"); });
    EXPECT_EQ(error.kind(), ErrorKind::format) << width << "x" << height;
  }
}

// Found by fuzzing: libpng takes the memory that a chunk's length asks for before it sees the end.
TEST(PngTest, AChunkLongerThanTheFileIsRefusedBeforeMemoryIsTaken) {
  std::string bytes = encode_png(picture(4, 4), {{"parameters", "a star"}});
  const std::size_t chunk = bytes.find("tEXt") - 4;
  bytes[chunk] = 0x10;
  const Error error = error_of([&] { decode_png(bytes, "hostile.png"); });
  EXPECT_TRUE(says(error, "runs past the end")) << error.what();
}

TEST(PngTest, OtherFilesAreNoPng) {
  for (const std::string& bytes : {std::string(), std::string("\x89PNG"),
                                   std::string("\xff\xd8\xff\xe0 JFIF"), std::string(100, '\0')}) {
    EXPECT_EQ(error_of([&] { decode_png(bytes, "x"); }).kind(), ErrorKind::format);
    EXPECT_EQ(error_of([&] { read_png_text(bytes, "x"); }).kind(), ErrorKind::format);
  }
  EXPECT_EQ(error_of([] { read_png("/nowhere/x.png"); }).kind(), ErrorKind::io);
}

const fs::path kPeersPng = OMR_PEERS "/io/png";

TEST(PeersPngTest, EveryKindOfPngIsTheRgbThatPillowMakesOfIt) {
  const auto expected = SafetensorsFile::open(kPeersPng / "expected.safetensors");
  ASSERT_GE(expected->tensors().size(), 60u);
  for (const TensorInfo& info : expected->tensors()) {
    SCOPED_TRACE(info.name);
    const at::Tensor pixels = expected->tensor(info.name).contiguous();
    const Image image = read_png(kPeersPng / (info.name + ".png"));
    ASSERT_EQ(image.height, pixels.size(0));
    ASSERT_EQ(image.width, pixels.size(1));
    EXPECT_TRUE(std::equal(image.pixels.begin(), image.pixels.end(),
                           pixels.const_data_ptr<std::uint8_t>()));
  }
}

TEST(PeersPngTest, EveryKindOfPngCutAtAnyByteIsAFormatError) {
  for (const char* name :
       {"palette-4-interlaced-transparent", "grey-16", "rgba-16-interlaced", "grey-1-interlaced"}) {
    const std::string whole = bytes_of(kPeersPng / (std::string(name) + ".png"));
    ASSERT_GT(whole.size(), 50u) << name;
    for (std::size_t length = 0; length < whole.size(); ++length) {
      EXPECT_EQ(error_of([&] { decode_png(whole.substr(0, length), name); }).kind(),
                ErrorKind::format)
          << name << " " << length;
    }
  }
}

TEST(PeersPngTest, TextChunksAreTheBytesThatPillowWrites) {
  const Json cases = read_json(kPeersPng / "text.json");
  ASSERT_EQ(cases.size(), 4u);
  for (const Json& item : cases) {
    const PngText text = {
        {item.at("keyword").get<std::string>(), item.at("text").get<std::string>()}};
    const std::string chunk = from_hex(item.at("chunk").get<std::string>());
    EXPECT_EQ(encode_png(picture(3, 2), text).substr(33, chunk.size()), chunk) << text[0].second;
  }
}

TEST(PeersPngTest, TextThatPillowWroteIsRead) {
  const Json cases = read_json(kPeersPng / "text.json");
  const PngText text = read_png_text(bytes_of(kPeersPng / "text.png"), "text.png");
  ASSERT_GE(text.size(), cases.size());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(text[i].first, cases[i].at("keyword").get<std::string>());
    EXPECT_EQ(text[i].second, cases[i].at("text").get<std::string>());
  }
}

}  // namespace
}  // namespace omr::io
