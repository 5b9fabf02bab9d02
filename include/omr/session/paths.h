// The names of all files in a session folder.
//
//   session.jsonl            the journal (docs/journal_format.md)
//   session.lock             held while a process works on the folder
//   init.safetensors         latents of --init-image
//   round-001.png            the picked candidate of round 1
//   round-001-c2.png         another candidate of round 1, numbered from 1
//   round-001.safetensors    latents of all candidates of round 1
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace omr::session {

// Names are relative to the folder: they stay right when the folder moves.
inline constexpr const char* kJournalName = "session.jsonl";
inline constexpr const char* kLockName = "session.lock";
inline constexpr const char* kInitialLatentsName = "init.safetensors";

std::string picked_image_name(int round);
std::string candidate_image_name(int round, int candidate);
std::string latents_name(int round);

// The file that holds candidate `candidate` of a round whose picked one is `picked`.
std::string image_name(int round, int candidate, int picked);

// Whether a file of this name holds a picture or the latents of a round.
bool is_round_file(std::string_view name);

// The default folder's name, `<time>-<slug>`: the time's digits and the prompt's first words, fit
// for any file system (ASCII letters, digits, hyphens; at most 60 bytes).
std::string session_folder_name(const std::string& iso_time, const std::string& prompt);

}  // namespace omr::session
