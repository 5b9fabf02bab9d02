#include "cli/pair_writer.h"

#include <cstdio>
#include <utility>

#include <nlohmann/json.hpp>

#include "omr/io/atomic_file.h"
#include "omr/io/png.h"

namespace omr::cli {

namespace fs = std::filesystem;

PairWriter::PairWriter(fs::path folder) : folder_(std::move(folder)) {
  if (!folder_.empty()) fs::create_directories(folder_ / "pictures");
}

void PairWriter::add(const eval::JudgedCaption& judged) {
  if (folder_.empty()) return;
  const std::size_t best = judged.best();
  std::string best_file;
  for (std::size_t k = 0; k < judged.drawings.size(); ++k) {
    if (judged.drawings[k].share_right >= judged.drawings[best].share_right) continue;
    if (best_file.empty()) best_file = write(judged, best);
    const std::string file = write(judged, k);
    add_line(judged.caption, best_file, file);
    add_line(judged.drawings[k].read, file, best_file);
  }
}

void PairWriter::finish() const {
  if (!folder_.empty()) io::write_atomically(folder_ / "pairs.jsonl", lines_);
}

void PairWriter::add_line(const std::string& prompt, const std::string& chosen,
                          const std::string& rejected) {
  lines_ += nlohmann::ordered_json{{"prompt", prompt}, {"chosen", chosen}, {"rejected", rejected}}
                .dump() +
            "\n";
}

std::string PairWriter::write(const eval::JudgedCaption& judged, std::size_t drawing) const {
  char name[64];
  std::snprintf(name, sizeof name, "pictures/%06d-%zu.png", judged.number, drawing + 1);
  io::write_atomically(folder_ / name, io::encode_png(judged.drawings[drawing].image));
  return name;
}

}  // namespace omr::cli
