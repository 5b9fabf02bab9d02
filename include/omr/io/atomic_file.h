// Files that appear whole or not at all: written beside their name, synced, renamed.
#pragma once

#include <filesystem>
#include <string_view>

namespace omr::io {

// Replaces `path` with `bytes`: temporary file in the same folder, write, fsync, rename, fsync of
// the folder; every result is checked. Throws Error(io) naming the path and the cause (no space
// left, permission denied, …) and leaves nothing behind. No link is followed: one at `path` is
// replaced.
void write_atomically(const std::filesystem::path& path, std::string_view bytes);

// Removes the temporary files in `folder` whose writers no longer live: what a killed process left.
// A file that cannot be removed stays; nothing is thrown.
void remove_unfinished(const std::filesystem::path& folder);

}  // namespace omr::io
