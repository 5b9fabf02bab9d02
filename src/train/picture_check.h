// Whether a file can be trained on, without decoding it: reading every picture of a large folder to
// the end would take minutes.
#pragma once

#include <filesystem>

namespace omr::train {

// A PNG or JPEG by its first bytes and, since downloads and copies break off, by its last ones.
bool looks_like_whole_picture(const std::filesystem::path& file);

}  // namespace omr::train
