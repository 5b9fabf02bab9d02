// Files with one JSON object a line, of which bad lines are skipped and counted.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "omr/io/json_file.h"

namespace omr::train {

// Calls `use` with every line that is not blank and "FILE line N". Throws Error(io).
void for_each_line(const std::filesystem::path& file,
                   const std::function<void(std::string_view line, const std::string& where)>& use);

// A member that is a string and UTF-8, or nothing.
std::optional<std::string> text_of(const io::Json& object, const char* key);

// "1 pair", "2 pairs"
std::string plural(std::size_t count, const std::string& what);

}  // namespace omr::train
