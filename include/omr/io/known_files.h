// Weights that their authors published, known by their SHA-256: whether a file is the official one.
#pragma once

#include <string>
#include <string_view>

namespace omr::io {

// "v2-1_768-ema-pruned.safetensors of Stable Diffusion 2.1 (768, v-prediction)", or empty.
std::string known_file(std::string_view sha256);

}  // namespace omr::io
