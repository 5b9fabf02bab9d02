// golden.json and results.jsonl.
#include "omr/replay/golden.h"
#include "omr/replay/results.h"

#include "fuzz/target.h"
#include "support/memory_file_system.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(omr::fuzz::text_of(data, size));
  omr::fakes::MemoryFileSystem files;
  files.files["/golden/golden.json"] = text;
  omr::fuzz::expect_value_or_error([&] { omr::replay::read_golden("/golden", files); });
  omr::fuzz::expect_value_or_error([&] { omr::replay::read_results(text, "input"); });
  return 0;
}
