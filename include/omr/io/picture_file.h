// Pictures that users bring, in whichever format.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "omr/core/image.h"

namespace omr::io {

// A PNG or JPEG, told apart by content. `where` names the source in errors. Throws Error(format).
Image decode_picture(std::string_view bytes, const std::string& where);
// The same from a regular file. Throws Error(io), Error(format).
Image read_picture(const std::filesystem::path& path);
// The same of a path from the command line, which may be a pipe that the shell hands over: what
// read_text() takes.
Image read_handed_picture(const std::filesystem::path& path);

}  // namespace omr::io
