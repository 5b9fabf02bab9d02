#include "omr/pipeline/image_tensor.h"

#include <ATen/ATen.h>

namespace omr::pipeline {

at::Tensor to_pixels(const Image& image) {
  const at::Tensor bytes = at::empty({1, image.height, image.width, 3}, at::kByte);
  std::copy(image.pixels.begin(), image.pixels.end(), bytes.data_ptr<std::uint8_t>());
  return (bytes.permute({0, 3, 1, 2}).to(at::kFloat) / 255.0f * 2.0f - 1.0f).contiguous();
}

at::Tensor to_mask(const Image& image) {
  at::Tensor out = at::empty({1, 1, image.height, image.width}, at::kFloat);
  float* to = out.data_ptr<float>();
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    // Pillow's luma, ITU-R 601-2 in 16-bit fixed point.
    const std::uint32_t luma = (image.pixels[i] * 19595u + image.pixels[i + 1] * 38470u +
                                image.pixels[i + 2] * 7471u + 0x8000u) >>
                               16;
    *to++ = luma >= 128 ? 1.0f : 0.0f;
  }
  return out;
}

std::vector<Image> to_images(const at::Tensor& pixels) {
  const at::Tensor bytes = ((pixels.to(at::kFloat) / 2 + 0.5).clamp(0, 1) * 255)
                               .round()
                               .to(at::kByte)
                               .permute({0, 2, 3, 1})
                               .cpu()
                               .contiguous();
  std::vector<Image> images;
  const std::int64_t size = bytes.numel() / bytes.size(0);
  for (std::int64_t b = 0; b < bytes.size(0); ++b) {
    const std::uint8_t* from = bytes.data_ptr<std::uint8_t>() + b * size;
    images.push_back(
        {static_cast<int>(bytes.size(2)), static_cast<int>(bytes.size(1)), {from, from + size}});
  }
  return images;
}

}  // namespace omr::pipeline
