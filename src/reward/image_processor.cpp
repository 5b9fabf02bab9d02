#include "omr/reward/image_processor.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/io/json_file.h"

namespace omr::reward {
namespace {

constexpr std::int64_t kLargestSide = 16384;

ImageSize read_size(const io::Config& config, const std::string& key) {
  if (config.json().at(key).is_number()) {  // files of transformers before 4.22
    const std::int64_t side = config.integer_within(key, 1, kLargestSide);
    return {side, side};
  }
  const io::Config size = config.child(key);
  return {size.integer_within("height", 1, kLargestSide),
          size.integer_within("width", 1, kLargestSide)};
}

std::array<double, 3> read_channels(const io::Config& config, const std::string& key) {
  if (config.json().at(key).is_number()) {
    const double value = config.number(key, 0);
    return {value, value, value};
  }
  const std::vector<double> values = config.numbers(key);
  if (values.size() != 3) {
    throw Error(ErrorKind::mismatch, config.where() + ": " + key + " has " +
                                         std::to_string(values.size()) +
                                         " values, expected one for each of 3 channels");
  }
  return {values[0], values[1], values[2]};
}

Resample read_resample(const io::Config& config) {
  const std::int64_t number = config.integer_within("resample", 0, 5);
  if (number == 0) {
    throw Error(ErrorKind::mismatch,
                config.where() + ": resample 0 (nearest) is not computed; 1 to 5 are");
  }
  return static_cast<Resample>(number);
}

}  // namespace

CLIPImageProcessorConfig read_clip_image_processor_config(const std::filesystem::path& path) {
  const io::Config config(path);
  CLIPImageProcessorConfig read;
  read.do_resize = config.boolean("do_resize", true);
  read.do_center_crop = config.boolean("do_center_crop", true);
  read.do_rescale = config.boolean("do_rescale", true);
  read.do_normalize = config.boolean("do_normalize", true);
  read.rescale_factor = config.number("rescale_factor", read.rescale_factor);
  config.expect("do_pad", false);
  if (config.has("size")) {
    if (config.json().at("size").is_number()) {
      read.shortest_edge = config.integer_within("size", 1, kLargestSide);
    } else if (config.child("size").has("shortest_edge")) {
      const io::Config size = config.child("size");
      size.expect("longest_edge", nullptr);
      read.shortest_edge = size.integer_within("shortest_edge", 1, kLargestSide);
    } else {
      read.shortest_edge.reset();
      read.size = read_size(config, "size");
    }
  }
  if (config.has("crop_size")) read.crop_size = read_size(config, "crop_size");
  if (config.has("resample")) read.resample = read_resample(config);
  if (config.has("image_mean")) read.image_mean = read_channels(config, "image_mean");
  if (config.has("image_std")) read.image_std = read_channels(config, "image_std");
  for (const double std : read.image_std) {
    if (!(std > 0)) throw Error(ErrorKind::format, config.where() + ": image_std is not positive");
  }
  return read;
}

CLIPImageProcessor::CLIPImageProcessor(const CLIPImageProcessorConfig& config) : config_(config) {
  // transformers rescales in double precision, rounds to fp32, and normalises in fp32.
  for (std::size_t channel = 0; channel < 3; ++channel) {
    const float mean = static_cast<float>(config.image_mean[channel]);
    const float std = static_cast<float>(config.image_std[channel]);
    for (std::size_t value = 0; value < 256; ++value) {
      float x = static_cast<float>(value);
      if (config.do_rescale)
        x = static_cast<float>(static_cast<double>(value) * config.rescale_factor);
      normalized_[channel][value] = config.do_normalize ? (x - mean) / std : x;
    }
  }
}

ImageSize CLIPImageProcessor::resized(int width, int height) const {
  if (!config_.do_resize) return {height, width};
  if (!config_.shortest_edge) return config_.size;
  const std::int64_t edge = *config_.shortest_edge;
  const std::int64_t shorter = std::min(width, height);
  const std::int64_t longer = std::max(width, height);
  const auto scaled =
      static_cast<std::int64_t>(static_cast<double>(edge * longer) / static_cast<double>(shorter));
  return width <= height ? ImageSize{scaled, edge} : ImageSize{edge, scaled};
}

ImageSize CLIPImageProcessor::output_size(int width, int height) const {
  return config_.do_center_crop ? config_.crop_size : resized(width, height);
}

at::Tensor CLIPImageProcessor::operator()(const Image& image) const {
  if (image.width < 1 || image.height < 1 ||
      image.pixels.size() != static_cast<std::size_t>(image.width) * image.height * 3) {
    throw Error(ErrorKind::mismatch, "a picture to be scored is empty");
  }
  const ImageSize full = resized(image.width, image.height);
  const ImageSize out = output_size(image.width, image.height);
  if (out.height > kLargestSide || out.width > kLargestSide) {
    throw Error(ErrorKind::mismatch, "a picture of " + std::to_string(image.width) + "x" +
                                         std::to_string(image.height) + " would be scored at " +
                                         std::to_string(out.width) + "x" +
                                         std::to_string(out.height) + " pixels; " +
                                         std::to_string(kLargestSide) + " a side is the limit");
  }
  // Where the output lies in the resized picture, and the part of it that is there. The offset is
  // rounded down, also when it is negative.
  const auto place = [](std::int64_t from, std::int64_t to) {
    const std::int64_t offset = (from - to) >> 1;
    const std::int64_t begin = std::max<std::int64_t>(offset, 0);
    const std::int64_t end = std::min(offset + to, from);
    return std::pair{static_cast<int>(begin), static_cast<int>(end - begin)};
  };
  const auto [left, width] = place(full.width, out.width);
  const auto [top, height] = place(full.height, out.height);
  const Image part = resize(image, static_cast<int>(full.width), static_cast<int>(full.height),
                            config_.resample, {left, top, width, height});

  at::Tensor pixels = at::empty({3, out.height, out.width}, at::kFloat);
  const std::int64_t pad_left = full.width < out.width ? -((full.width - out.width) >> 1) : 0;
  const std::int64_t pad_top = full.height < out.height ? -((full.height - out.height) >> 1) : 0;
  float* plane = pixels.mutable_data_ptr<float>();
  for (std::size_t channel = 0; channel < 3; ++channel) {
    const std::array<float, 256>& value = normalized_[channel];
    if (part.width < out.width || part.height < out.height) {
      std::fill_n(plane, out.height * out.width, value[0]);
    }
    for (int y = 0; y < part.height; ++y) {
      const std::uint8_t* in = part.pixels.data() + static_cast<std::size_t>(y) * part.width * 3;
      float* row = plane + (pad_top + y) * out.width + pad_left;
      for (int x = 0; x < part.width; ++x) row[x] = value[in[3 * x + channel]];
    }
    plane += out.height * out.width;
  }
  return pixels;
}

at::Tensor CLIPImageProcessor::differentiable(const at::Tensor& pixels) const {
  at::Tensor x = (pixels.to(at::kFloat) / 2 + 0.5).clamp(0, 1);
  const ImageSize full = resized(static_cast<int>(x.size(3)), static_cast<int>(x.size(2)));
  if (full.height != x.size(2) || full.width != x.size(3)) {
    const auto pass = [&](std::int64_t height, std::int64_t width) {
      const std::vector<std::int64_t> size = {height, width};
      x = config_.resample == Resample::bilinear
              ? at::_upsample_bilinear2d_aa(x, size, /*align_corners=*/false)
              : at::_upsample_bicubic2d_aa(x, size, /*align_corners=*/false);
      x = x.clamp(0, 1);
    };
    // One axis after the other, in the order of `resize`: each pass ends within the range of
    // pixels.
    const std::int64_t lost_height = x.size(2) - full.height, lost_width = x.size(3) - full.width;
    const bool height_first = lost_height > 0 && lost_height > 2 * lost_width;
    pass(height_first ? full.height : x.size(2), height_first ? x.size(3) : full.width);
    pass(full.height, full.width);
  }
  const ImageSize out =
      output_size(static_cast<int>(pixels.size(3)), static_cast<int>(pixels.size(2)));
  // Negative pads cut; the offset is rounded down as above.
  const std::int64_t left = -((full.width - out.width) >> 1),
                     top = -((full.height - out.height) >> 1);
  x = at::constant_pad_nd(
      x, {left, out.width - full.width - left, top, out.height - full.height - top});
  x = x * (config_.do_rescale ? 255 * config_.rescale_factor : 255.0);
  if (!config_.do_normalize) return x;
  const auto channels = [&](const std::array<double, 3>& values) {
    return at::tensor(at::ArrayRef<double>(values.data(), 3), at::kDouble)
        .to(x.device(), at::kFloat)
        .view({1, 3, 1, 1});
  };
  return (x - channels(config_.image_mean)) / channels(config_.image_std);
}

}  // namespace omr::reward
