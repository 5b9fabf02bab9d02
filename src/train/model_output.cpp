#include "train/model_output.h"

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/io/atomic_file.h"
#include "omr/io/safetensors.h"

namespace omr::train {

void write_part(const std::filesystem::path& folder, io::Json config,
                const torch::nn::Module& module, const std::string& file_name, at::ScalarType dtype,
                const std::filesystem::path& source, const std::vector<std::string>& others) {
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  if (code)
    throw Error(ErrorKind::io,
                "cannot create the folder " + folder.string() + ": " + code.message());
  for (const char* key : {"dtype", "torch_dtype"}) {
    if (config.contains(key)) config[key] = dtype == at::kHalf ? "float16" : "float32";
  }
  io::NamedTensors tensors;
  for (const auto& item : module.named_parameters()) {
    tensors.emplace_back(item.key(), item.value().detach().cpu().to(dtype).contiguous());
  }
  // "format" is what transformers asks of a file before it opens it.
  io::write_safetensors(folder / file_name, tensors, {{"format", "pt"}});
  io::write_atomically(folder / "config.json", config.dump(2) + "\n");
  for (const std::string& name : others) {
    if (std::filesystem::is_regular_file(source / name, code))
      io::write_atomically(folder / name, io::read_text(source / name));
  }
}

}  // namespace omr::train
