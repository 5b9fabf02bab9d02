// Messages for the person: one line each on stderr. Only cli sets the level; libraries below it
// report through return values, callbacks and exceptions and do not log.
#pragma once

#include <string_view>

namespace omr::log {

enum class Level { debug, info, warn, error };

// What is shown; info unless told. -q sets warn, -v sets debug.
void set_level(Level level);

void debug(std::string_view message);
void info(std::string_view message);
void warn(std::string_view message);
void error(std::string_view message);

}  // namespace omr::log
