// A session as one self-contained HTML file: what was asked, what was drawn, why one was picked.
#pragma once

#include <filesystem>
#include <string>

#include "omr/session/file_system.h"

namespace omr::replay {

struct SessionPage {
  std::string html;
  int rounds = 0;
};

// Reads the journal and the pictures in `folder`; a torn last line and missing pictures are named
// in the page. Throws Error(io|format) when there is no journal or it is damaged.
SessionPage session_page(const std::filesystem::path& folder, session::FileSystem& files);

}  // namespace omr::replay
