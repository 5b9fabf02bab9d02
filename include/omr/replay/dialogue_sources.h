// Where recorded dialogues come from.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "omr/session/dialogue.h"
#include "omr/session/file_system.h"

namespace omr::replay {

// Each source is a file of JSON lines, a session's folder or journal, a folder of such files and
// folders (in the order of their names), or "-": `standard_input` reads it to its end. A bad line
// among good ones becomes a dialogue that says its error. Throws Error(io|format) naming file and
// line, Error(usage) when two dialogues have one id or there is none.
std::vector<session::Dialogue> read_sources(const std::vector<std::string>& sources,
                                            session::FileSystem& files,
                                            const std::function<std::string()>& standard_input);

// A session's folder's name as an id: what no id may hold becomes a hyphen.
std::string id_of_folder(const std::filesystem::path& folder);

}  // namespace omr::replay
