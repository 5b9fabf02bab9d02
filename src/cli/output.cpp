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
  print_line(event.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void apply_verbosity(const OutputOptions& options) {
  if (options.verbose) log::set_level(log::Level::debug);
  if (options.quiet) log::set_level(log::Level::warn);
}

}  // namespace omr::cli
