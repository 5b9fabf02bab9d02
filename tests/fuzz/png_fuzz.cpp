// PNG files: their text chunks and their pixels.
#include "omr/io/png.h"

#include "fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = omr::fuzz::text_of(data, size);
  omr::fuzz::expect_value_or_error([&] { omr::io::read_png_text(bytes, "input"); });
  omr::fuzz::expect_value_or_error([&] { omr::io::decode_png(bytes, "input"); });
  return 0;
}
