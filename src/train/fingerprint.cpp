#include "train/fingerprint.h"

#include <algorithm>
#include <fstream>
#include <set>

#include "omr/core/error.h"
#include "omr/io/sha256.h"

namespace omr::train {

namespace fs = std::filesystem;

std::string fingerprint(const fs::path& file) {
  constexpr std::uintmax_t kBlock = 4096, kBlocks = 256;
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  const std::streamoff end = in ? std::streamoff(in.tellg()) : -1;
  if (end < 0) throw Error(ErrorKind::io, "cannot read " + file.string());
  const auto size = static_cast<std::uintmax_t>(end);
  std::string seen = std::to_string(size) + "\n";
  std::string block(kBlock, '\0');
  // Where the blocks cover the file they follow each other; else the last one ends with it.
  const std::uintmax_t count = std::min(kBlocks, (size + kBlock - 1) / kBlock);
  for (std::uintmax_t i = 0; i < count; ++i) {
    const bool covers = size <= kBlocks * kBlock;
    const std::uintmax_t from = covers ? i * kBlock : (size - kBlock) / (count - 1) * i;
    in.seekg(static_cast<std::streamoff>(i + 1 == count && !covers ? size - kBlock : from));
    in.read(block.data(), static_cast<std::streamsize>(std::min(kBlock, size - from)));
    if (in.bad() || in.gcount() == 0) throw Error(ErrorKind::io, "cannot read " + file.string());
    seen.append(block, 0, static_cast<std::size_t>(in.gcount()));
  }
  return io::sha256(seen);
}

std::string fingerprint_of_parts(const std::vector<fs::path>& folders) {
  static const std::set<std::string> kinds = {".safetensors", ".bin",   ".json", ".txt",
                                              ".model",       ".jinja", ".index"};
  std::string all;
  for (const fs::path& folder : folders) {
    std::vector<fs::path> files;
    std::error_code code;
    for (fs::recursive_directory_iterator entry(folder, code), end; !code && entry != end;
         entry.increment(code)) {
      if (entry->is_regular_file() && kinds.count(entry->path().extension().string()) != 0)
        files.push_back(entry->path());
    }
    if (code) throw Error(ErrorKind::io, "cannot list " + folder.string() + ": " + code.message());
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files)
      all += file.lexically_relative(folder).string() + " " + fingerprint(file) + "\n";
    all += "\n";
  }
  return io::sha256(all);
}

}  // namespace omr::train
