#include "cli/output.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "omr/core/error.h"
#include "omr/core/log.h"

namespace omr::cli {

void print_line(std::string_view line) {
  const bool written = std::fwrite(line.data(), 1, line.size(), stdout) == line.size() &&
                       std::fputc('\n', stdout) != EOF && std::fflush(stdout) == 0;
  if (!written)
    throw Error(ErrorKind::io,
                std::string("cannot write to standard output: ") + std::strerror(errno));
}

void print_event(const nlohmann::ordered_json& event) {
  print_json(event.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void print_json(std::string_view line) {
  std::string out;
  out.reserve(line.size());
  for (std::size_t i = 0; i < line.size(); ++i) {
    const auto byte = static_cast<unsigned char>(line[i]);
    const auto next = i + 1 < line.size() ? static_cast<unsigned char>(line[i + 1]) : 0u;
    const bool c1 = byte == 0xC2 && next >= 0x80 && next < 0xA0;
    if (!c1 && byte != 0x7F) {
      out += line[i];
      continue;
    }
    char escape[8];
    std::snprintf(escape, sizeof escape, "\\u%04x", c1 ? next : byte);
    out += escape;
    if (c1) ++i;
  }
  print_line(out);
}

void apply_verbosity(const OutputOptions& options) {
  if (options.verbose) log::set_level(log::Level::debug);
  if (options.quiet) log::set_level(log::Level::warn);
}

}  // namespace omr::cli
