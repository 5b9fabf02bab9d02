// GroupNorm (arXiv 1803.08494) of channels-last pictures, with SiLU behind it, in two passes over
// the picture: sums of each chunk of pixels, then the normalised picture. Nothing is added
// atomically, so that the same input gives the same bits.
#pragma once

#include <cstdint>

#include "nn/cuda/kernels.h"
#include "nn/cuda/number.cuh"

namespace omr::nn::cuda {

// Sums of a group, of what its values differ from the group's first one: large means would else
// cancel in E[x²] − E[x]².
struct GroupSums {
  float sum, squares;
};

// Block (chunk, picture) sums `chunk_pixels` pixels of every channel and writes a GroupSums a group
// to partial[(picture · chunks + chunk) · groups + group].
template <typename T>
__global__ void group_sums_kernel(const T* x, GroupSums* partial, GroupNormShape shape,
                                  std::int64_t chunk_pixels) {
  __shared__ float sums[kMaxNormChannels];
  __shared__ float squares[kMaxNormChannels];
  const std::int64_t picture = blockIdx.y, chunk = blockIdx.x, chunks = gridDim.x;
  const std::int64_t width = shape.channels / shape.groups;
  const T* pixels = x + picture * shape.pixels * shape.channels;
  const std::int64_t begin = chunk * chunk_pixels;
  const std::int64_t end =
      begin + chunk_pixels < shape.pixels ? begin + chunk_pixels : shape.pixels;
  for (std::int64_t channel = threadIdx.x; channel < shape.channels; channel += blockDim.x) {
    const float origin = to_float(pixels[channel / width * width]);
    float sum = 0, square = 0;
    for (std::int64_t pixel = begin; pixel < end; ++pixel) {
      const float value = to_float(pixels[pixel * shape.channels + channel]) - origin;
      sum += value;
      square += value * value;
    }
    sums[channel] = sum;
    squares[channel] = square;
  }
  __syncthreads();
  for (std::int64_t group = threadIdx.x; group < shape.groups; group += blockDim.x) {
    GroupSums out = {0, 0};
    for (std::int64_t channel = group * width; channel < (group + 1) * width; ++channel) {
      out.sum += sums[channel];
      out.squares += squares[channel];
    }
    partial[(picture * chunks + chunk) * shape.groups + group] = out;
  }
}

// The same grid: each block adds up its picture's sums and normalises its chunk.
template <typename T>
__global__ void group_normalize_kernel(const T* x, const T* weight, const T* bias, T* y,
                                       const GroupSums* partial, GroupNormShape shape,
                                       std::int64_t chunk_pixels) {
  __shared__ float mean[kMaxNormGroups];
  __shared__ float scale[kMaxNormGroups];
  const std::int64_t picture = blockIdx.y, chunk = blockIdx.x, chunks = gridDim.x;
  const std::int64_t width = shape.channels / shape.groups;
  const std::int64_t first = picture * shape.pixels * shape.channels;
  for (std::int64_t group = threadIdx.x; group < shape.groups; group += blockDim.x) {
    float sum = 0, squares = 0;
    for (std::int64_t other = 0; other < chunks; ++other) {
      const GroupSums one = partial[(picture * chunks + other) * shape.groups + group];
      sum += one.sum;
      squares += one.squares;
    }
    const float count = static_cast<float>(width * shape.pixels);
    const float shift = sum / count;
    const float variance = squares / count - shift * shift;
    mean[group] = to_float(x[first + group * width]) + shift;
    scale[group] = inverse_sqrt((variance > 0 ? variance : 0) + shape.eps);
  }
  __syncthreads();
  const std::int64_t begin = chunk * chunk_pixels;
  const std::int64_t end =
      begin + chunk_pixels < shape.pixels ? begin + chunk_pixels : shape.pixels;
  for (std::int64_t channel = threadIdx.x; channel < shape.channels; channel += blockDim.x) {
    const std::int64_t group = channel / width;
    const float gain = scale[group] * to_float(weight[channel]);
    const float middle = mean[group], shift = to_float(bias[channel]);
    for (std::int64_t pixel = begin; pixel < end; ++pixel) {
      const std::int64_t at = first + pixel * shape.channels + channel;
      float value = (to_float(x[at]) - middle) * gain + shift;
      if (shape.silu) value = value / (1.0f + expf(-value));
      y[at] = from_float<T>(value);
    }
  }
}

}  // namespace omr::nn::cuda
