#include "omr/io/jpeg.h"

#include <cstdlib>
#include <filesystem>
#include <string>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/io/json_file.h"
#include "omr/io/picture_file.h"
#include "omr/io/safetensors.h"

#include "support/error_of.h"
#include "support/temporary_folder.h"

namespace omr::io {
namespace {

namespace fs = std::filesystem;

const fs::path kPeersPictures = OMR_PEERS "/inpainting";

TEST(PeersJpegTest, PixelsAreThoseOfPillow) {
  const auto expected = SafetensorsFile::open(kPeersPictures / "jpegs.safetensors");
  ASSERT_GE(expected->tensors().size(), 12u);
  for (const TensorInfo& info : expected->tensors()) {
    SCOPED_TRACE(info.name);
    const Image image = read_picture(kPeersPictures / (info.name + ".jpg"));
    ASSERT_EQ(image.width, info.shape[1]);
    ASSERT_EQ(image.height, info.shape[0]);
    const at::Tensor tensor = expected->tensor(info.name).contiguous();
    int largest = 0;
    for (std::size_t i = 0; i < image.pixels.size(); ++i) {
      largest =
          std::max(largest, std::abs(int{image.pixels[i]} - tensor.data_ptr<std::uint8_t>()[i]));
    }
    EXPECT_LE(largest, 1);  // another version of libjpeg may round otherwise
  }
}

TEST(PeersJpegTest, CmykIsRefused) {
  const Error error = error_of([] { read_picture(kPeersPictures / "cmyk.jpg"); });
  EXPECT_EQ(error.kind(), ErrorKind::format);
  EXPECT_TRUE(says(error, "CMYK")) << error.what();
}

TEST(PeersJpegTest, AFileCutAnywhereIsAFormatError) {
  for (const char* name : {"plain.jpg", "progressive.jpg", "turned_6.jpg"}) {
    const std::string whole = read_text(kPeersPictures / name);
    for (std::size_t size = 0; size + 2 < whole.size(); size += 1 + size / 16) {
      const Error error = error_of([&] { decode_jpeg(whole.substr(0, size), "cut.jpg"); });
      EXPECT_EQ(error.kind(), ErrorKind::format) << size;
    }
  }
}

TEST(PictureFileTest, WhatIsNoPictureSaysSo) {
  const TemporaryFolder folder;
  write_safetensors(folder.path() / "x.png", {{"a", at::zeros({2})}});
  EXPECT_EQ(error_of([&] { read_picture(folder.path() / "x.png"); }).kind(), ErrorKind::format);
  EXPECT_EQ(error_of([&] { read_picture(folder.path() / "none.png"); }).kind(), ErrorKind::io);
}

}  // namespace
}  // namespace omr::io
