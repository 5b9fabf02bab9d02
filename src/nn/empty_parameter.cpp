#include "nn/empty_parameter.h"

#include <cstddef>

#include <ATen/ATen.h>
#include <sys/mman.h>

namespace omr::nn {
namespace {

// Smaller ones share pages; a mapping is whole pages of its own.
constexpr std::size_t kMapped = std::size_t{1} << 16;

}  // namespace

at::Tensor empty_parameter(at::IntArrayRef sizes) {
  std::size_t bytes = sizeof(float);
  for (const std::int64_t size : sizes) {
    // Too large a size is at::empty's to refuse.
    if (size < 0 || __builtin_mul_overflow(bytes, static_cast<std::size_t>(size), &bytes))
      bytes = 0;
  }
  if (bytes < kMapped) return at::empty(sizes);
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return at::empty(sizes);  // which says what is missing
  return at::from_blob(
      memory, sizes, [bytes](void* mapped) { ::munmap(mapped, bytes); }, at::kFloat);
}

}  // namespace omr::nn
