// Names of a LoRA file's tensors: the input's lines become keys of small tensors.
#include <ATen/ATen.h>

#include "omr/io/lora_file.h"
#include "omr/io/safetensors.h"

#include "fuzz/target.h"
#include "support/temporary_folder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const omr::TemporaryFolder folder;
  std::string_view input = omr::fuzz::text_of(data, size);
  omr::io::NamedTensors tensors;
  for (int i = 0; !input.empty() && i < 64; ++i) {
    const std::size_t end = std::min(input.find('\n'), input.size());
    const std::string key(input.substr(0, end));
    input.remove_prefix(std::min(end + 1, input.size()));
    const bool down = key.find("down") != key.npos || key.find("lora_A") != key.npos;
    const at::Tensor tensor = key.find("alpha") != key.npos ? at::ones({})
                              : down                        ? at::ones({2, 3})
                                                            : at::ones({4, 2});
    tensors.emplace_back(key, tensor);
  }
  omr::fuzz::expect_value_or_error([&] {
    const auto file = folder.write("lora.safetensors", omr::io::encode_safetensors(tensors));
    omr::io::read_lora(file);
  });
  return 0;
}
