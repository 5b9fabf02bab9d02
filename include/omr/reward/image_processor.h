// Pictures to CLIP's pixel tensors, as transformers' CLIPImageProcessor does it with Pillow
// (image_processing_backends.py, PilBackend; Pillow's Resample.c).
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "omr/core/image.h"
#include "omr/core/resample.h"

namespace omr::reward {

struct ImageSize {
  std::int64_t height = 0;
  std::int64_t width = 0;
};

// The keys of preprocessor_config.json; defaults are CLIPImageProcessor's.
struct CLIPImageProcessorConfig {
  bool do_resize = true;
  std::optional<std::int64_t> shortest_edge = 224;  // keeps the picture's proportions; or else …
  ImageSize size;                                   // … exactly this
  Resample resample = Resample::bicubic;
  bool do_center_crop = true;
  ImageSize crop_size{224, 224};
  bool do_rescale = true;
  double rescale_factor = 1.0 / 255.0;
  bool do_normalize = true;
  std::array<double, 3> image_mean{0.48145466, 0.4578275, 0.40821073};
  std::array<double, 3> image_std{0.26862954, 0.26130258, 0.27577711};
};

// Reads preprocessor_config.json, old (sizes as one integer) or current. Throws Error(io),
// Error(format); Error(mismatch) for a filter or a kind of size that omr does not compute.
CLIPImageProcessorConfig read_clip_image_processor_config(const std::filesystem::path& path);

class CLIPImageProcessor {
 public:
  explicit CLIPImageProcessor(const CLIPImageProcessorConfig& config);

  // Height and width of what operator() makes of a picture of this size.
  ImageSize output_size(int width, int height) const;

  // fp32 [3, H, W] on the CPU: resized, cropped about the centre (zeros where the picture is
  // smaller than the crop), (value * rescale_factor - mean) / std. Equal to transformers'
  // pixel_values to the bit. Only what the crop keeps is computed. Throws Error(mismatch) for an
  // empty picture or when the output would be larger than 16384 pixels a side.
  at::Tensor operator()(const Image& image) const;

  // The same of pixels [n, 3, H, W] in [-1, 1], outside of which they are clamped, with gradient:
  // [n, 3, H', W'] fp32. Resized by PyTorch's antialiased filters, which Pillow's are but for the
  // rounding to 8 bits (bilinear and bicubic; bicubic in place of the others).
  at::Tensor differentiable(const at::Tensor& pixels) const;

  const CLIPImageProcessorConfig& config() const { return config_; }

 private:
  ImageSize resized(int width, int height) const;

  CLIPImageProcessorConfig config_;
  std::array<std::array<float, 256>, 3> normalized_;  // [channel][8-bit value]
};

}  // namespace omr::reward
