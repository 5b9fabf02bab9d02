// Headers of safetensors files, and the tensors that a header lets through.
#include <ATen/ATen.h>

#include "omr/io/safetensors.h"

#include "fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  omr::fuzz::expect_value_or_error([&] {
    const auto file = omr::io::SafetensorsFile::from_bytes(omr::fuzz::text_of(data, size), "input");
    for (const omr::io::TensorInfo& info : file->tensors()) {
      const at::Tensor tensor = file->tensor(info.name);
      const auto* bytes = static_cast<const volatile char*>(tensor.data_ptr());
      if (tensor.nbytes() > 0) (void)(bytes[0] + bytes[tensor.nbytes() - 1]);
    }
  });
  return 0;
}
