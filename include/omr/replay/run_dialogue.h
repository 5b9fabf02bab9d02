// One recorded dialogue as a session: the same rounds that a person at the keyboard gets.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "omr/core/cancellation.h"
#include "omr/core/latents.h"
#include "omr/replay/results.h"
#include "omr/session/dialogue.h"
#include "omr/session/session.h"

namespace omr::replay {

// What a dialogue runs with.
struct Preparation {
  session::Settings settings;  // its own over the command line's and the pack's; prompt included
  std::optional<session::InitialPicture> initial;
  // How the models run, where it shows in the pictures: option -> value.
  std::map<std::string, std::string> execution = {};
};

struct DialogueRun {
  const session::Dialogue& dialogue;
  const Preparation& preparation;
  std::filesystem::path folder;
  bool rerun_refiner = false;  // ask the model where the record has its answers
  session::Replayed replayed = {};
};

// SHA-256 of everything that decides how the dialogue goes on one machine.
std::string inputs_digest(const DialogueRun& run, const session::ModelIdentity& identity,
                          session::ArtifactCodec& codec);

// Whether `folder` still holds the session that run_dialogue() left for these inputs: its journal
// and the pictures that the journal names.
bool is_whole(const std::filesystem::path& folder, const std::string& inputs,
              session::FileSystem& files);

// Begins the session, types the turns and ends it in order. Returns status, rounds, digest and what
// the refiner said otherwise. Throws what a session throws, Error(usage) for a turn that is a wrong
// command among it, Error(cancelled) when interrupted; the folder then holds a journal without end.
DialogueResult run_dialogue(const DialogueRun& run, const session::Parts& parts,
                            const session::ModelIdentity& identity,
                            const session::SessionEvents& events, const Cancellation& cancellation);

}  // namespace omr::replay
