#include "train/model_output.h"

#include <ATen/ATen.h>
#include <unistd.h>

#include "omr/core/error.h"
#include "omr/io/atomic_file.h"
#include "omr/io/weights.h"

namespace omr::train {
namespace {

namespace fs = std::filesystem;

void create_folder(const fs::path& folder) {
  std::error_code code;
  fs::create_directories(folder, code);
  if (code)
    throw Error(ErrorKind::io,
                "cannot create the folder " + folder.string() + ": " + code.message());
}

void link_or_copy(const fs::path& from, const fs::path& to) {
  std::error_code code;
  const fs::path beside = to.string() + ".part-" + std::to_string(::getpid());
  fs::remove(beside, code);
  // Links may point at a cache's file: the file itself is meant.
  fs::create_hard_link(fs::canonical(from, code), beside, code);
  if (code) fs::copy_file(from, beside, code);
  if (!code) fs::rename(beside, to, code);
  if (!code) return;
  std::error_code ignored;
  fs::remove(beside, ignored);
  throw Error(ErrorKind::io,
              "cannot copy " + from.string() + " to " + to.string() + ": " + code.message());
}

}  // namespace

void write_part(const fs::path& folder, io::Json config, const torch::nn::Module& module,
                const std::string& file_name, at::ScalarType dtype, const fs::path& source,
                const std::vector<std::string>& others) {
  for (const char* key : {"dtype", "torch_dtype"}) {
    if (config.contains(key)) config[key] = dtype == at::kHalf ? "float16" : "float32";
  }
  io::NamedTensors tensors;
  for (const auto& item : module.named_parameters()) {
    tensors.emplace_back(item.key(), item.value().detach().cpu().to(dtype).contiguous());
  }
  write_part(folder, config, tensors, file_name, source, others);
}

void write_part(const fs::path& folder, io::Json config, const io::NamedTensors& tensors,
                const std::string& file_name, const fs::path& source,
                const std::vector<std::string>& others) {
  create_folder(folder);
  // "format" is what transformers asks of a file before it opens it.
  io::write_safetensors(folder / file_name, tensors, {{"format", "pt"}});
  io::write_atomically(folder / "config.json", config.dump(2) + "\n");
  for (const std::string& name : others) {
    if (std::error_code code; fs::is_regular_file(source / name, code))
      io::write_atomically(folder / name, io::read_text(source / name));
  }
}

void link_part(const fs::path& source, const fs::path& folder) {
  create_folder(folder);
  for (const fs::path& weights : io::Weights::open(source, "model").files())
    link_or_copy(weights, folder / weights.filename());
  std::error_code code;
  for (const fs::directory_entry& entry : fs::directory_iterator(source, code)) {
    const std::string kind = entry.path().extension().string();
    const bool belongs = kind == ".json" || kind == ".txt" || kind == ".model" || kind == ".jinja";
    if (belongs && entry.is_regular_file(code))
      io::write_atomically(folder / entry.path().filename(),
                           io::read_text(entry.path(), std::size_t{1} << 30));
  }
}

}  // namespace omr::train
