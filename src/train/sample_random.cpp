#include "omr/train/sample_random.h"

#include <numeric>
#include <utility>

#include <ATen/CPUGeneratorImpl.h>

namespace omr::train {
namespace {

std::uint64_t finalise(std::uint64_t z) {
  z += 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

}  // namespace

std::uint64_t mixed_seed(std::uint64_t seed, Purpose purpose, std::uint64_t index) {
  return finalise(finalise(finalise(seed) + static_cast<std::uint64_t>(purpose)) + index);
}

at::Generator generator_for(std::uint64_t seed, Purpose purpose, std::uint64_t index) {
  return at::make_generator<at::CPUGeneratorImpl>(mixed_seed(seed, purpose, index));
}

std::uint64_t DataOrder::index(std::uint64_t position) {
  if (size_ == 0) return position;
  const std::uint64_t now = epoch(position);
  if (now != shuffled_epoch_) {
    order_.resize(size_);
    std::iota(order_.begin(), order_.end(), 0);
    for (std::uint64_t i = size_ - 1; i > 0; --i) {  // Fisher and Yates
      // The bias of the remainder is below size / 2^64.
      std::swap(order_[i], order_[mixed_seed(seed_ + now, Purpose::order, i) % (i + 1)]);
    }
    shuffled_epoch_ = now;
  }
  return order_[position % size_];
}

}  // namespace omr::train
