// The only file that includes spdlog: torch's headers carry another fmt, and the two must not meet
// on one include path.
#include "omr/core/log.h"

#include <memory>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "omr/core/utf8.h"

namespace omr::log {
namespace {

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto made =
        std::make_shared<spdlog::logger>("omr", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("omr: %v");
    made->set_level(spdlog::level::info);
    return made;
  }();
  return *instance;
}

}  // namespace

void set_level(Level level) {
  switch (level) {
    case Level::debug:
      return logger().set_level(spdlog::level::debug);
    case Level::info:
      return logger().set_level(spdlog::level::info);
    case Level::warn:
      return logger().set_level(spdlog::level::warn);
    case Level::error:
      return logger().set_level(spdlog::level::err);
  }
}

void debug(std::string_view message) { logger().debug("{}", printable_line(message)); }
void info(std::string_view message) { logger().info("{}", printable_line(message)); }
void warn(std::string_view message) { logger().warn("warning: {}", printable_line(message)); }
void error(std::string_view message) { logger().error("{}", printable_line(message)); }

}  // namespace omr::log
