// SHA-256 (FIPS 180-4), for the journal's record of which weights and pictures were used.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace omr::io {

// 64 lower-case hex digits.
std::string sha256(std::string_view bytes);
// Of a regular file's content. Throws Error(io).
std::string sha256_file(const std::filesystem::path& path);

}  // namespace omr::io
