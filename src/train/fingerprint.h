// What tells a resumed run that the files it reads are those it began with, without reading
// gigabytes of weights to the end.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace omr::train {

// SHA-256 of a file's size, of its two ends and of blocks spread over it; of all of it where it is
// small. Weights that were trained further, and pictures that were saved again, differ in them.
// Throws Error(io).
std::string fingerprint(const std::filesystem::path& file);

// Of the weights, configs and tokenizer files in these folders and below, with their names relative
// to the folders. Throws Error(io).
std::string fingerprint_of_parts(const std::vector<std::filesystem::path>& folders);

}  // namespace omr::train
