// The pictures and latents of rounds in a session folder. A round's files are whole before its
// journal line is written, so that a line always speaks of files that are there.
#pragma once

#include <filesystem>
#include <string>

#include "omr/session/parts.h"
#include "omr/session/round.h"
#include "omr/session/state.h"

namespace omr::session {

// Writes the candidates and latents and fills their names and hashes into the record.
void store_round(RoundResult& result, const SessionState& state, const std::string& model,
                 const std::filesystem::path& folder, const Parts& parts);

// Reads a round back. Embeddings come from its pictures, in one batch as when it was made. Throws
// Error(io) for a missing file, Error(format) for one whose hash is not the journal's.
RoundMemory load_round(const RoundNode& node, const std::filesystem::path& folder,
                       const Parts& parts);

// A pick changes which picture `round-NNN.png` shows. Before the journal's line, the picture that
// was picked gets a file of its own; after it, the newly picked one takes the name. show_picked()
// also mends what a crash between the two left, and is called when a session is resumed.
void keep_unpicked(const RoundNode& node, const std::filesystem::path& folder, const Parts& parts);
void show_picked(const RoundNode& node, const std::filesystem::path& folder, const Parts& parts);

}  // namespace omr::session
