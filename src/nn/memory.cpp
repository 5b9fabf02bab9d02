#include "omr/nn/memory.h"

#include <new>
#include <string_view>

#include <ATen/Context.h>
#include <c10/core/Allocator.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/util/Exception.h>

#include "omr/core/error.h"

namespace omr::nn {
namespace {

// libtorch keeps freed blocks of a device for itself.
void give_back_unused_blocks() {
  if (!at::hasCUDA()) return;
  try {
    auto* allocator = dynamic_cast<c10::DeviceAllocator*>(c10::GetAllocator(c10::kCUDA));
    if (allocator != nullptr && allocator->initialized()) allocator->emptyCache();
  } catch (const c10::Error&) {
    // No CUDA device has been used, so none holds blocks.
  }
}

}  // namespace

bool is_out_of_memory(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::bad_alloc&) {
    return true;
  } catch (const c10::OutOfMemoryError&) {
    return true;
  } catch (const c10::Error& other) {
    // c10/core/impl/alloc_cpu.cpp throws an ordinary error.
    return std::string_view(other.what()).find("DefaultCPUAllocator") != std::string_view::npos;
  } catch (...) {
    return false;
  }
}

bool fits_in_memory(const std::function<void()>& work) {
  std::exception_ptr failure;
  try {
    work();
    return true;
  } catch (...) {
    failure = std::current_exception();
  }
  if (!is_out_of_memory(failure)) std::rethrow_exception(failure);
  failure = nullptr;
  give_back_unused_blocks();
  return false;
}

void throw_out_of_memory(const std::string& advice) {
  give_back_unused_blocks();
  throw Error(ErrorKind::resource, "out of memory: " + advice);
}

}  // namespace omr::nn
