// Pictures that users bring, in whichever format.
#pragma once

#include <filesystem>

#include "omr/core/image.h"

namespace omr::io {

// A PNG or JPEG, told apart by content. Throws Error(io), Error(format).
Image read_picture(const std::filesystem::path& path);

}  // namespace omr::io
