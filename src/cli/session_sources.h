// Sessions as training data.
#pragma once

#include <string>
#include <vector>

#include "omr/train/preference_pairs.h"
#include "omr/train/refiner_source.h"

namespace omr::cli {

// `folders` are session folders, or folders of them. Journals that cannot be read and pictures that
// have changed or are gone are passed over with a warning that counts them. Throws Error(usage) for
// a folder without any session.
std::vector<train::PreferenceEntry> preferences_of_sessions(
    const std::vector<std::string>& folders);
std::vector<train::RefinerRecord> refinements_of_sessions(const std::vector<std::string>& folders);

}  // namespace omr::cli
